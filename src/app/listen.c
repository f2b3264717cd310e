// SPDX-License-Identifier: Apache-2.0
/*
 * What Go's net/url makes of these URLs, as far as goflow2 looks: scheme, host, port and query.
 * User, path and fragment are passed over; %XX is decoded in host and query; of a repeated key the
 * first counts. Query keys that nobody knows are passed over too, but remembered for a warning.
 * Added to goflow2's keys: rcvbuf and device.
 */
#include "app/listen.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app/go_value.h"
#include "app/port_users.h"
#include "app/value.h"
#include "base/num.h"
#include "base/text.h"

enum {
    URL_SIZE_MAX = 1024,
    QUEUE_SIZE_DEFAULT = 1000000,
    RCVBUF_DEFAULT = 16 << 20,
    RCVBUF_MAX = 1 << 30,
};

static int bad(struct err *err, const char *url, const char *why)
{
    return err_set(err, ERR_INVALID, "-listen \"%.150s\": %s", url, why);
}

/// As value_decode_percent(); a plus is a blank.
static bool decode_query(char *text)
{
    for (char *p = text; *p != '\0'; p++) {
        if (*p == '+') {
            *p = ' ';
        }
    }
    return value_decode_percent(text);
}

static bool is_scheme(const char *name, const char *text, size_t size)
{
    return strlen(name) == size && strncasecmp(name, text, size) == 0;
}

static int parse_scheme(const char *scheme, size_t size, const char *url, enum scheme *ret,
                        struct err *err)
{
    for (enum scheme s = 0; s < SCHEME_COUNT; s++) {
        const char *name = scheme_text(s);
        if (is_scheme(name, scheme, size)) {
            *ret = s;
            return 0;
        }
    }
    if (is_scheme("pcap", scheme, size)) {
        return bad(err, url, "captures are read by weir replay FILE");
    }
    static const char *const LATER[] = { "kafka" };
    for (size_t i = 0; i < sizeof(LATER) / sizeof(LATER[0]); i++) {
        if (is_scheme(LATER[i], scheme, size)) {
            return err_set(err, ERR_UNSUPPORTED,
                           "-listen \"%.150s\": %s:// is not in this version; sflow:// is", url,
                           LATER[i]);
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
        if (strchr(host, ':') == NULL) {
            return bad(err, url, "brackets are for IPv6 addresses");
        }
        port = end[1] == ':' ? end + 1 : NULL;
    } else if (port != NULL) {
        *port = '\0';
    }
    uint64_t number = 0;
    if (port == NULL || num_get_u64(port + 1, strlen(port + 1), UINT16_MAX, &number) != 0) {
        return bad(err, url, "needs a port up to 65535, as in sflow://:6343");
    }
    if (!value_decode_percent(host) || strlen(host) >= sizeof(l->host) ||
        strcspn(host, " \t\r\n\"<>\\^`{|}") != strlen(host)) {
        return bad(err, url, "host is not valid");
    }
    memcpy(l->host, host, strlen(host) + 1);
    l->port = (uint16_t)number;
    return 0;
}

/// Keys of the query.
enum key { KEY_COUNT, KEY_WORKERS, KEY_BLOCKING, KEY_QUEUE_SIZE, KEY_RCVBUF, KEY_DEVICE, KEYS };

static const struct {
    const char *name;
    const char *expected;
} KEY_INFOS[KEYS] = {
    [KEY_COUNT] = { "count", "a number of sockets up to 256" },
    [KEY_WORKERS] = { "workers", "a whole number" },
    [KEY_BLOCKING] = { "blocking", "true or false" },
    [KEY_QUEUE_SIZE] = { "queue_size", "a whole number" },
    [KEY_RCVBUF] = { "rcvbuf", "bytes, such as 8388608, 8192k or 8m, up to 1024m" },
    [KEY_DEVICE] = { "device", "the name of an interface" },
};
_Static_assert(RECEIVERS_MAX == 256, "as the table says");

static int parse_value(enum key key, const char *value, struct listener *l)
{
    size_t size = strlen(value);
    switch (key) {
    case KEY_COUNT:
        return num_get_u64(value, size, RECEIVERS_MAX, &l->count);
    case KEY_WORKERS:
        return num_get_u64(value, size, UINT32_MAX, &l->workers);
    case KEY_BLOCKING:
        return go_bool(value, &l->blocking);
    case KEY_QUEUE_SIZE:
        return num_get_u64(value, size, UINT64_MAX, &l->queue_size);
    case KEY_RCVBUF:
        return value_size(value, RCVBUF_MAX, &l->rcvbuf);
    case KEY_DEVICE:
    case KEYS:
        break;
    }
    if (size == 0 || size >= sizeof(l->device)) {
        return ERR_INVALID;
    }
    memcpy(l->device, value, size + 1);
    return 0;
}

static void note_unknown(const char *name, struct listener *l)
{
    struct text_nearest nearest = text_nearest_to(name);
    for (size_t k = 0; k < KEYS; k++) {
        text_nearest_try(&nearest, KEY_INFOS[k].name);
    }
    (void)snprintf(l->warning, sizeof(l->warning), "\"%.40s\" means nothing here%s", name,
                   text_nearest_hint(&nearest)); // cut is fine
}

/// One NAME=VALUE, decoded. `seen` has a place per key.
static int parse_pair(const char *name, const char *value, const char *url, struct listener *l,
                      bool seen[static KEYS], struct err *err)
{
    size_t key = 0;
    while (key < KEYS && strcmp(KEY_INFOS[key].name, name) != 0) {
        key++;
    }
    if (key == KEYS) {
        note_unknown(name, l);
        return 0;
    }
    if (seen[key]) {
        return 0;
    }
    seen[key] = true;
    if (parse_value((enum key)key, value, l) != 0) {
        return err_set(err, ERR_INVALID, "-listen \"%.150s\": %s=%.60s: expected %s", url, name,
                       value, KEY_INFOS[key].expected);
    }
    return 0;
}

static int parse_query(char *query, const char *url, struct listener *l, struct err *err)
{
    bool seen[KEYS] = { false };
    char *rest = query;
    for (char *pair; (pair = strsep(&rest, "&")) != NULL;) {
        if (pair[0] == '\0') {
            continue;
        }
        char none[] = "";
        char *value = strchr(pair, '=');
        bool broken = strchr(pair, ';') != NULL; // what Go refuses, goflow2 does not see
        if (value != NULL) {
            *value++ = '\0';
        }
        value = value == NULL ? none : value;
        if (broken || !decode_query(pair) || !decode_query(value)) {
            (void)snprintf(l->warning, sizeof(l->warning),
                           "\"%.40s\" cannot be read; & goes between keys", pair); // cut is fine
            continue;
        }
        if (parse_pair(pair, value, url, l, seen, err) != 0) {
            return err->status;
        }
    }
    l->count = l->count == 0 ? 1 : l->count;
    l->workers = l->workers == 0 ? 2 * l->count : l->workers;
    if (!seen[KEY_QUEUE_SIZE]) {
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
    if (size == 0) {
        return bad(err, url, "an address such as sflow://:6343 is missing in the list");
    }
    char *rest = strstr(text, "://");
    if (rest == NULL) {
        return bad(err, url, "is not a URL such as sflow://:6343");
    }
    if (is_scheme("log", text, (size_t)(rest - text))) {
        l->is_log = true;
        return log_url_parse(rest + 3, &l->log, err);
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
    if (l->is_log) {
        const struct log_attr attrs[] = { LOG_TEXT("scheme", "log"),
                                          LOG_TEXT("path", l->log.pattern), LOG_END };
        memcpy(l->attrs, attrs, sizeof(attrs));
        return;
    }
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

size_t listener_rivals(const struct listener *l, struct buf *out)
{
    struct addr address = { 0 };
    if (l->port == 0) {
        return 0; // the kernel chooses a free one
    }
    if (l->host[0] != '\0' && addr_parse(l->host, &address) != 0) {
        address.size = 0; // a name: any of its addresses
    }
    return port_users(&address, l->port, out);
}
