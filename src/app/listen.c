// SPDX-License-Identifier: Apache-2.0
/*
 * What Go's net/url makes of these URLs, as far as goflow2 looks: scheme, host, port and query.
 * User, path and fragment are passed over, and so are query keys that nobody knows; %XX is decoded
 * in host and query. Added to goflow2's keys: rcvbuf and device.
 */
#include "app/listen.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app/go_value.h"
#include "base/num.h"

enum {
    URL_SIZE_MAX = 1024,
    COUNT_MAX = RECEIVERS_MAX,
    QUEUE_SIZE_DEFAULT = 1000000,
    RCVBUF_DEFAULT = 16 << 20,
    RCVBUF_MAX = 1 << 30,
};

static int bad(struct err *err, const char *url, const char *why)
{
    return err_set(err, ERR_INVALID, "-listen \"%.150s\": %s", url, why);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// Decodes %XX in place; false for a broken one.
static bool decode_percent(char *text)
{
    char *out = text;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p != '%') {
            *out++ = *p;
            continue;
        }
        int high = hex_digit(p[1]);
        int low = high < 0 ? -1 : hex_digit(p[2]);
        if (low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        *out++ = (char)(high << 4 | low);
        p += 2;
    }
    *out = '\0';
    return true;
}

static int parse_scheme(const char *scheme, size_t size, const char *url, enum scheme *ret,
                        struct err *err)
{
    for (enum scheme s = 0; s < SCHEME_COUNT; s++) {
        const char *name = scheme_text(s);
        if (strlen(name) == size && strncasecmp(name, scheme, size) == 0) {
            *ret = s;
            return 0;
        }
    }
    return bad(err, url, "scheme does not exist (sflow, flow)");
}

/// HOST:PORT, [IPv6]:PORT or :PORT.
static int parse_host(char *text, const char *url, struct listener *l, struct err *err)
{
    char *at = strrchr(text, '@'); // user information means nothing here
    text = at == NULL ? text : at + 1;
    char *host = text;
    char *port = strrchr(text, ':');
    if (*text == '[') {
        char *end = strchr(text, ']');
        if (end == NULL) {
            return bad(err, url, "missing ']' in host");
        }
        *end = '\0';
        host = text + 1;
        port = end[1] == ':' ? end + 1 : NULL;
    } else if (port != NULL) {
        *port = '\0';
    }
    uint64_t number = 0;
    if (port == NULL || num_get_u64(port + 1, strlen(port + 1), UINT16_MAX, &number) != 0) {
        return bad(err, url, "needs a port from 1 to 65535, as in sflow://:6343");
    }
    if (!decode_percent(host) || strlen(host) >= sizeof(l->host)) {
        return bad(err, url, "host is not valid");
    }
    memcpy(l->host, host, strlen(host) + 1);
    l->port = (uint16_t)number;
    return 0;
}

/// A number of bytes: 8388608, 8192k, 8m.
static int parse_bytes(const char *value, uint64_t *ret_bytes)
{
    size_t size = strlen(value);
    uint64_t unit = 1;
    if (size > 0 && (value[size - 1] | 0x20) == 'k') {
        unit = 1 << 10;
    } else if (size > 0 && (value[size - 1] | 0x20) == 'm') {
        unit = 1 << 20;
    }
    uint64_t number;
    int status = num_get_u64(value, size - (unit > 1), RCVBUF_MAX / unit, &number);
    if (status == 0) {
        *ret_bytes = number * unit;
    }
    return status;
}

static int parse_key(const char *key, const char *value, const char *url, struct listener *l,
                     bool *queue_given, struct err *err)
{
    size_t size = strlen(value);
    int status = 0;
    if (strcmp(key, "count") == 0) {
        status = num_get_u64(value, size, COUNT_MAX, &l->count);
    } else if (strcmp(key, "workers") == 0) {
        status = num_get_u64(value, size, UINT32_MAX, &l->workers);
    } else if (strcmp(key, "blocking") == 0) {
        status = go_bool(value, &l->blocking);
    } else if (strcmp(key, "queue_size") == 0) {
        status = num_get_u64(value, size, UINT64_MAX, &l->queue_size);
        *queue_given = true;
    } else if (strcmp(key, "rcvbuf") == 0) {
        status = parse_bytes(value, &l->rcvbuf);
    } else if (strcmp(key, "device") == 0) {
        status = size < sizeof(l->device) ? 0 : ERR_RANGE;
        memcpy(l->device, value, status == 0 ? size + 1 : 0);
    }
    if (status != 0) {
        char why[200];
        (void)snprintf(why, sizeof(why), "%.40s=%.80s is not valid", key, value); // cut is fine
        return bad(err, url, why);
    }
    return 0;
}

static int parse_query(char *query, const char *url, struct listener *l, struct err *err)
{
    bool queue_given = false;
    char *rest = query;
    for (char *pair; (pair = strsep(&rest, "&")) != NULL;) {
        char *value = strchr(pair, '=');
        if (value != NULL) {
            *value++ = '\0';
        }
        char none[] = "";
        if (pair[0] == '\0' || !decode_percent(pair) || (value != NULL && !decode_percent(value))) {
            continue; // as Go does: a broken pair is no pair
        }
        if (value != NULL && value[0] != '\0' &&
            parse_key(pair, value == NULL ? none : value, url, l, &queue_given, err) != 0) {
            return err->status;
        }
    }
    l->count = l->count == 0 ? 1 : l->count;
    l->workers = l->workers == 0 ? 2 * l->count : l->workers;
    if (!queue_given) {
        l->queue_size = l->blocking ? 0 : QUEUE_SIZE_DEFAULT;
    }
    return 0;
}

static int parse_url(const char *url, struct listener *l, struct err *err)
{
    char text[URL_SIZE_MAX];
    size_t size = strlen(url);
    if (size >= sizeof(text)) {
        return bad(err, url, "too long");
    }
    memcpy(text, url, size + 1);
    *l = (struct listener){ .rcvbuf = RCVBUF_DEFAULT };
    char *rest = strstr(text, "://");
    if (rest == NULL) {
        return bad(err, url, "is not a URL such as sflow://:6343");
    }
    if (parse_scheme(text, (size_t)(rest - text), url, &l->scheme, err) != 0) {
        return err->status;
    }
    if (l->scheme == SCHEME_NETFLOW) {
        return err_set(err, ERR_UNSUPPORTED,
                       "-listen \"%.150s\": NetFlow and IPFIX are not read by this version; "
                       "sflow:// is",
                       url);
    }
    rest += 3;
    char none[] = "";
    rest[strcspn(rest, "#")] = '\0';
    char *query = strchr(rest, '?');
    if (query != NULL) {
        *query++ = '\0';
    }
    rest[strcspn(rest, "/")] = '\0';
    if (parse_host(rest, url, l, err) != 0) {
        return err->status;
    }
    return parse_query(query == NULL ? none : query, url, l, err);
}

/// goflow2's attributes of a listener, in its order.
static void set_attrs(struct listener *l)
{
    const struct log_attr attrs[LISTENER_ATTRS] = {
        LOG_TEXT("scheme", scheme_text(l->scheme)),
        LOG_TEXT("hostname", l->host),
        LOG_U64("port", l->port),
        LOG_U64("count", l->count),
        LOG_U64("workers", l->workers),
        LOG_BOOL("blocking", l->blocking),
        LOG_U64("queue_size", l->queue_size),
        LOG_END,
    };
    memcpy(l->attrs, attrs, sizeof(attrs));
}

int listen_parse(const char *text, struct listener listeners[static LISTENERS_MAX],
                 size_t *ret_count, struct err *err)
{
    size_t count = 0;
    const char *at = text;
    for (bool more = true; more; count++) {
        char url[URL_SIZE_MAX];
        size_t size = strcspn(at, ",");
        if (count == LISTENERS_MAX || size >= sizeof(url)) {
            return bad(err, text, "too many listeners, or one too long");
        }
        memcpy(url, at, size);
        url[size] = '\0';
        if (parse_url(url, &listeners[count], err) != 0) {
            return err->status;
        }
        set_attrs(&listeners[count]);
        more = at[size] == ',';
        at += size + more;
    }
    *ret_count = count;
    return 0;
}
