// SPDX-License-Identifier: Apache-2.0
/*
 * URLs are checked here rather than by the HTTP library, because whoever wrote one wants to know
 * which one it is and what is wrong with it. A user or password in one is refused: command lines
 * are seen by everybody on the machine, and URLs get into logs.
 *
 * An Elastic Cloud id is "name:" and base64 of "host[:port]$uuid[:port][$...]", which stands for
 * https://uuid.host:port (as Elastic's own clients read it).
 */
#include "cluster/endpoints.h"

#include <pthread.h>
#include <string.h>

#include "base/addr.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"

enum { URL_SIZE_MAX = 2048, PORT_MAX = 65535, CLOUD_PORT = 443 };

static const char URL_OPTION[] = "-transport.elasticsearch";
static const char CLOUD_OPTION[] = "-transport.elasticsearch.cloud_id";

struct endpoint {
    char *url;
    uint64_t rested_ns; ///< when it has rested enough
    unsigned rests;     ///< in a row
};

struct endpoints {
    pthread_mutex_t lock; ///< for all but the URLs
    size_t next;
    size_t count;
    struct endpoint list[ENDPOINTS_MAX];
};

// --- URLs ----------------------------------------------------------------------------------------

/// A piece of text.
struct part {
    const char *data;
    size_t size;
};

/// What is before the first of `ends`, taken off `rest`.
static struct part take_until(struct part *rest, const char *ends)
{
    struct part taken = { .data = rest->data };
    while (taken.size < rest->size && strchr(ends, rest->data[taken.size]) == NULL) {
        taken.size++;
    }
    rest->data += taken.size;
    rest->size -= taken.size;
    return taken;
}

static bool starts_with(struct part p, const char *text)
{
    return p.size >= strlen(text) && strncasecmp(p.data, text, strlen(text)) == 0;
}

static bool is_host_name(struct part host)
{
    for (size_t i = 0; i < host.size; i++) {
        unsigned char c = (unsigned char)host.data[i];
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c >= 0x80;
        if (!letter && (c < '0' || c > '9') && strchr("-._", c) == NULL) {
            return false;
        }
    }
    return host.size > 0;
}

static bool is_bracketed(struct part host)
{
    struct addr addr;
    return host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']' &&
           addr_get((const uint8_t *)host.data + 1, host.size - 2, &addr) == 0 &&
           addr.size == ADDR_V6_SIZE;
}

/// Printable, and neither query nor fragment.
static bool is_path(struct part path)
{
    for (size_t i = 0; i < path.size; i++) {
        if (path.data[i] <= ' ' || path.data[i] > '~' || strchr("?#\\", path.data[i]) != NULL) {
            return false;
        }
    }
    return true;
}

/// The host with its brackets, if any, taken off `rest`.
static struct part take_host(struct part *rest)
{
    if (rest->size == 0 || rest->data[0] != '[') {
        return take_until(rest, ":");
    }
    struct part host = take_until(rest, "]");
    if (rest->size > 0) {
        host.size++;
        rest->data++;
        rest->size--;
    }
    return host;
}

/// ":9200" or nothing.
static bool read_port(struct part text, unsigned default_port, uint64_t *ret_port)
{
    *ret_port = default_port;
    return text.size == 0 ||
           (text.data[0] == ':' &&
            num_get_u64(text.data + 1, text.size - 1, PORT_MAX, ret_port) == 0 && *ret_port > 0);
}

int endpoint_url(const char *option, const char *text, size_t size, unsigned default_port,
                 char **ret_url, struct err *err)
{
    struct part rest = { .data = text, .size = size };
    int shown = size > 100 ? 100 : (int)size;
    if (memchr(text, '@', size) != NULL) {
        return err_set(err, ERR_INVALID,
                       "%s: a user and a password do not belong into an URL, which many can read; "
                       "use -transport.elasticsearch.user and password_file, or api_key_file",
                       option);
    }
    bool tls = starts_with(rest, "https://");
    if (!tls && !starts_with(rest, "http://")) {
        return memmem(text, size, "://", 3) == NULL
                   ? err_set(err, ERR_INVALID, "%s \"%.*s\": begin with https:// or http://",
                             option, shown, text)
                   : err_set(err, ERR_INVALID, "%s \"%.*s\": only https:// and http:// are known",
                             option, shown, text);
    }
    rest.data += tls ? 8 : 7;
    rest.size -= tls ? 8 : 7;
    struct part authority = take_until(&rest, "/?#");
    struct part host = take_host(&authority);
    while (rest.size > 0 && rest.data[rest.size - 1] == '/') {
        rest.size--;
    }
    uint64_t port;
    const char *wrong = !is_host_name(host) && !is_bracketed(host)   ? "host"
                        : !read_port(authority, default_port, &port) ? "port"
                        : !is_path(rest) || size > URL_SIZE_MAX      ? "path"
                                                                     : NULL;
    if (wrong != NULL) {
        return err_set(err, ERR_INVALID, "%s \"%.*s\": the %s is wrong; it should look like %s",
                       option, shown, text, wrong,
                       tls ? "https://es1.example.com:9200" : "http://es1.example.com:9200");
    }
    struct buf url;
    buf_init(&url, 2 * URL_SIZE_MAX);
    buf_printf(&url, "http%s://%.*s:%u%.*s", tls ? "s" : "", (int)host.size, host.data,
               (unsigned)port, (int)rest.size, rest.data);
    *ret_url = url.bad ? NULL : mem_strdup(buf_text(&url));
    buf_release(&url);
    return *ret_url == NULL ? err_set(err, ERR_NO_MEMORY, "out of memory") : 0;
}

static int add(struct endpoints *e, const char *option, struct part text, unsigned port,
               struct err *err)
{
    while (text.size > 0 && text.data[0] == ' ') {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    if (text.size == 0) {
        return err_set(err, ERR_INVALID, "%s: an URL is missing", option);
    }
    if (e->count == ENDPOINTS_MAX) {
        return err_set(err, ERR_INVALID, "%s: more than %d URLs", option, ENDPOINTS_MAX);
    }
    int status = endpoint_url(option, text.data, text.size, port, &e->list[e->count].url, err);
    e->count += status == 0;
    return status;
}

static int add_list(struct endpoints *e, const char *urls, struct err *err)
{
    struct part rest = { .data = urls, .size = strlen(urls) };
    for (;;) {
        struct part one = take_until(&rest, ",");
        if (add(e, URL_OPTION, one, ENDPOINT_PORT, err) != 0) {
            return err->status;
        }
        if (rest.size == 0) {
            return 0;
        }
        rest.data++;
        rest.size--;
    }
}

/// "https://uuid.host:port" of "host[:port]$uuid[:port]..." appended to `url`.
static bool cloud_url(struct part rest, struct buf *url)
{
    struct part domain = take_until(&rest, "$");
    if (rest.size == 0) {
        return false;
    }
    rest.data++;
    rest.size--;
    struct part node = take_until(&rest, "$");
    struct part host = take_until(&domain, ":");
    struct part name = take_until(&node, ":");
    uint64_t port;
    if (!is_host_name(host) || !is_host_name(name) || !read_port(domain, CLOUD_PORT, &port) ||
        !read_port(node, (unsigned)port, &port)) {
        return false;
    }
    buf_printf(url, "https://%.*s.%.*s:%u", (int)name.size, name.data, (int)host.size, host.data,
               (unsigned)port);
    return !url->bad;
}

static int add_cloud(struct endpoints *e, const char *cloud_id, struct err *err)
{
    const char *colon = strrchr(cloud_id, ':');
    const char *encoded = colon == NULL ? cloud_id : colon + 1;
    struct buf decoded;
    struct buf url;
    buf_init(&decoded, URL_SIZE_MAX);
    buf_init(&url, URL_SIZE_MAX);
    int status;
    if (base64_decode(encoded, strlen(encoded), &decoded) &&
        cloud_url((struct part){ (const char *)decoded.data, decoded.size }, &url)) {
        status = add(e, CLOUD_OPTION, (struct part){ buf_text(&url), url.size }, CLOUD_PORT, err);
    } else {
        status = err_set(err, ERR_INVALID,
                         "%s \"%.100s\" is none; the page of the deployment on Elastic Cloud "
                         "shows it, name:dXMtZWFzdC0xLmF3cy5mb3VuZC5pbyQ... and so on",
                         CLOUD_OPTION, cloud_id);
    }
    buf_release(&decoded);
    buf_release(&url);
    return status;
}

int endpoints_new(const char *urls, const char *cloud_id, struct endpoints **ret_endpoints,
                  struct err *err)
{
    struct endpoints *e = mem_zalloc(sizeof(*e));
    if (e == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    CHECK(pthread_mutex_init(&e->lock, NULL) == 0);
    int status = urls[0] != '\0' ? add_list(e, urls, err) : add_cloud(e, cloud_id, err);
    if (status != 0) {
        endpoints_free(e);
        return status;
    }
    *ret_endpoints = e;
    return 0;
}

void endpoints_free(struct endpoints *e)
{
    if (e == NULL) {
        return;
    }
    for (size_t i = 0; i < e->count; i++) {
        mem_free(e->list[i].url);
    }
    CHECK(pthread_mutex_destroy(&e->lock) == 0);
    mem_free(e);
}

size_t endpoints_count(const struct endpoints *e)
{
    return e->count;
}

const char *endpoints_url(const struct endpoints *e, size_t index)
{
    CHECK(index < e->count);
    return e->list[index].url;
}

// --- Turns and rests -----------------------------------------------------------------------------

static void lock(struct endpoints *e)
{
    CHECK(pthread_mutex_lock(&e->lock) == 0);
}

static void unlock(struct endpoints *e)
{
    CHECK(pthread_mutex_unlock(&e->lock) == 0);
}

size_t endpoints_pick(struct endpoints *e, uint64_t now_ns)
{
    lock(e);
    CHECK(e->count > 0);
    size_t best = e->next;
    for (size_t i = 0; i < e->count; i++) {
        size_t index = (e->next + i) % e->count;
        if (e->list[index].rested_ns <= now_ns) {
            best = index;
            break;
        }
        if (e->list[index].rested_ns < e->list[best].rested_ns) {
            best = index;
        }
    }
    e->next = (best + 1) % e->count;
    unlock(e);
    return best;
}

bool endpoints_answered(struct endpoints *e, size_t index)
{
    lock(e);
    bool rested = e->list[index].rests > 0;
    e->list[index].rests = 0;
    e->list[index].rested_ns = 0;
    unlock(e);
    return rested;
}

bool endpoints_failed(struct endpoints *e, size_t index, uint64_t now_ns, uint32_t dice)
{
    lock(e);
    struct endpoint *node = &e->list[index];
    bool first = node->rests == 0;
    if (node->rested_ns <= now_ns) {
        unsigned doublings = node->rests < 6 ? node->rests : 6;
        uint64_t rest_ms = (uint64_t)ENDPOINT_REST_MIN_MS << doublings;
        rest_ms = rest_ms > ENDPOINT_REST_MAX_MS ? ENDPOINT_REST_MAX_MS : rest_ms;
        rest_ms -= dice % (rest_ms / 4);
        node->rested_ns = now_ns + rest_ms * NS_PER_MS;
        node->rests += node->rests < 6;
    }
    unlock(e);
    return first;
}

bool endpoints_resting(struct endpoints *e, uint64_t now_ns, uint64_t *ret_wait_ms)
{
    lock(e);
    uint64_t first_ns = UINT64_MAX;
    for (size_t i = 0; i < e->count; i++) {
        first_ns = e->list[i].rested_ns < first_ns ? e->list[i].rested_ns : first_ns;
    }
    unlock(e);
    bool resting = first_ns > now_ns;
    *ret_wait_ms = resting ? (first_ns - now_ns) / NS_PER_MS + 1 : 0;
    return resting;
}
