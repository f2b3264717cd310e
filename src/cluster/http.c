// SPDX-License-Identifier: Apache-2.0
/*
 * The fence around libcurl. One easy handle, whose connection is kept open between requests,
 * driven by a multi handle, because only that can be woken from another thread at once.
 *
 * Redirects are not followed: the answer to a bulk is never one, and the secret would go along.
 * HTTP/1.1 only, which is what the servers speak. No "Expect: 100-continue": the servers take
 * what is sent, and waiting costs a second where something in between does not know it. Proxies
 * are taken from the environment, as libcurl does.
 *
 * libcurl likes to send a request again by itself when a connection that was kept open turns out to
 * be closed. Whoever counts what may be there twice has to know, so a body is handed out once: when
 * none of it was taken yet, libcurl may go on, else it fails.
 *
 * What libcurl calls an error is put into words that say what to do. Its own words stand where
 * there are no better ones: they hold names of hosts and numbers, never headers or passwords.
 */
#include "cluster/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    CONNECT_TIMEOUT_MS = 10000, ///< at most; a host that is there takes one round trip
    POLL_MS = 1000,             ///< http_abort() wakes earlier
    UPLOAD_BUFFER_SIZE = 256 << 10,
    REPLY_BUFFER_SIZE = 128 << 10,
    URL_SIZE_MAX = 64 << 10,
    PLACE_SIZE_MAX = 200, ///< of a redirect, as it is shown
    RETRY_AFTER_MAX_S = 3600,
};

struct http {
    CURL *easy;
    CURLM *multi;
    struct http_settings settings;
    struct pin pin;
    atomic_bool aborted;
    bool bad;            ///< an option could not be set
    bool has_begun_tls;  ///< there is a connection, and TLS is being spoken
    bool has_headers;    ///< all of the answer's, up to the empty line
    const uint8_t *body; ///< what is left of the request's
    size_t body_left;
    struct buf url;
    struct buf header; ///< the one being made; holds the secret for a moment
    char words[CURL_ERROR_SIZE];
};

// --- Setting up ----------------------------------------------------------------------------------

static void global_init(void)
{
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

/// More of the request's body, for libcurl to send.
static size_t give_body(char *data, size_t size, size_t count, void *context)
{
    struct http *h = context;
    size_t most = size * count < h->body_left ? size * count : h->body_left;
    memcpy(data, h->body, most);
    h->body += most;
    h->body_left -= most;
    return most;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct cluster_reply *reply = context;
    buf_append(&reply->body, data, size * count);
    return reply->body.bad ? CURL_WRITEFUNC_ERROR : size * count;
}

/// libcurl takes headers that were cut off for an answer.
// NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's
static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct http *h = context;
    h->has_headers = size * count <= 2 && data[0] <= '\r';
    return size * count;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *context)
{
    struct http *h = context;
    (void)easy;
    h->has_begun_tls = true;
    pin_apply(&h->pin, ssl_ctx);
    return CURLE_OK;
}

/// Only memory can keep an option from being set: `bad` is looked at once, when all are.
#define SET(h, option, value)                                                                      \
    ((h)->bad = curl_easy_setopt((h)->easy, (option), (value)) != CURLE_OK || (h)->bad)

static void set_files(struct http *h)
{
    const struct http_settings *s = &h->settings;
    if (s->ca[0] != '\0') {
        SET(h, CURLOPT_CAINFO, s->ca);
        SET(h, CURLOPT_CAPATH, NULL);
    }
    if (s->cert[0] != '\0') {
        SET(h, CURLOPT_SSLCERT, s->cert);
        SET(h, CURLOPT_SSLKEY, s->key);
    }
    SET(h, CURLOPT_SSL_VERIFYPEER, s->insecure ? 0L : 1L);
    SET(h, CURLOPT_SSL_VERIFYHOST, s->insecure ? 0L : 2L);
    SET(h, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
    SET(h, CURLOPT_SSL_CTX_DATA, h);
}

static void set_options(struct http *h)
{
    long timeout_ms = (long)(h->settings.timeout_ns / NS_PER_MS);
    timeout_ms = timeout_ms > 0 ? timeout_ms : 1;
    SET(h, CURLOPT_ERRORBUFFER, h->words);
    SET(h, CURLOPT_NOSIGNAL, 1L);
    SET(h, CURLOPT_NOPROGRESS, 1L);
    SET(h, CURLOPT_QUICK_EXIT, 1L); // a name that is being looked up keeps nobody waiting
    SET(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(h, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(h, CURLOPT_FOLLOWLOCATION, 0L);
    SET(h, CURLOPT_TCP_NODELAY, 1L);
    SET(h, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(h, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_SIZE);
    SET(h, CURLOPT_BUFFERSIZE, (long)REPLY_BUFFER_SIZE);
    SET(h, CURLOPT_TIMEOUT_MS, timeout_ms);
    SET(h, CURLOPT_CONNECTTIMEOUT_MS,
        timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : (long)CONNECT_TIMEOUT_MS);
    SET(h, CURLOPT_USERAGENT, h->settings.agent);
    SET(h, CURLOPT_UNIX_SOCKET_PATH, h->settings.socket_path);
    SET(h, CURLOPT_WRITEFUNCTION, take_body);
    SET(h, CURLOPT_HEADERFUNCTION, take_header);
    SET(h, CURLOPT_HEADERDATA, h);
    SET(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (h->settings.socket_path != NULL) {
        SET(h, CURLOPT_PROXY, ""); // nobody between two ends of one machine
    }
    set_files(h);
}

int http_new(const struct http_settings *settings, struct http **ret_http)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    CHECK(pthread_once(&once, global_init) == 0);
    struct http *h = mem_zalloc(sizeof(*h));
    if (h == NULL) {
        return ERR_NO_MEMORY;
    }
    h->settings = *settings;
    buf_init(&h->url, URL_SIZE_MAX);
    buf_init(&h->header, URL_SIZE_MAX);
    h->pin.wanted = settings->fingerprint != NULL;
    if (h->pin.wanted) {
        memcpy(h->pin.fingerprint, settings->fingerprint, PIN_SIZE);
    }
    h->easy = curl_easy_init();
    h->multi = curl_multi_init();
    if (h->easy == NULL || h->multi == NULL) {
        http_free(h);
        return ERR_NO_MEMORY;
    }
    set_options(h);
    if (h->bad) {
        http_free(h);
        return ERR_NO_MEMORY;
    }
    *ret_http = h;
    return 0;
}

void http_free(struct http *h)
{
    if (h == NULL) {
        return;
    }
    curl_easy_cleanup(h->easy);
    (void)curl_multi_cleanup(h->multi); // what it could complain about is not ours
    buf_release(&h->url);
    buf_release(&h->header);
    mem_free(h);
}

void http_abort(struct http *h)
{
    atomic_store(&h->aborted, true);
    (void)curl_multi_wakeup(h->multi); // if it fails, the poll ends by itself
}

bool http_is_aborted(const struct http *h)
{
    return atomic_load(&h->aborted);
}

// --- Words ---------------------------------------------------------------------------------------

static void say(struct cluster_reply *reply, const char *url, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void say(struct cluster_reply *reply, const char *url, const char *format, ...)
{
    char what[ERR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args); // a cut text is still a text
    va_end(args);
    (void)snprintf(reply->problem, sizeof(reply->problem), "%.200s: %.300s", url, what); // likewise
}

static long get_number(struct http *h, CURLINFO info)
{
    long number = 0;
    (void)curl_easy_getinfo(h->easy, info, &number); // 0 then
    return number;
}

static curl_off_t get_offset(struct http *h, CURLINFO info)
{
    curl_off_t number = 0;
    (void)curl_easy_getinfo(h->easy, info, &number); // 0 then
    return number;
}

static void say_not_trusted(struct http *h, const char *url, struct cluster_reply *reply)
{
    const char *why = pin_why(&h->pin);
    if (why != NULL) {
        say(reply, url, "%s", why);
    } else {
        say(reply, url, "its certificate is for another name (%s)", h->pin.names);
    }
}

/// What TLS says of itself, where its words are known.
static void say_tls(struct http *h, const char *url, struct cluster_reply *reply)
{
    static const struct {
        const char *part;
        const char *words;
    } KNOWN[] = {
        { "certificate required", "it wants a client certificate; see "
                                  "-transport.elasticsearch.cert" },
        { "handshake failure", "TLS failed (it may want a client certificate; see "
                               "-transport.elasticsearch.cert)" },
        { "alert unknown ca", "it does not believe -transport.elasticsearch.cert" },
        { "alert bad certificate", "it does not believe -transport.elasticsearch.cert" },
        { "alert certificate", "it does not believe -transport.elasticsearch.cert" },
        { "wrong version number", "it does not speak TLS; is it http://?" },
        { "packet length too long", "it does not speak TLS; is it http://?" },
        { "SSL_ERROR_SYSCALL", "it closed the connection instead of speaking TLS; is it http://?" },
    };
    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
        if (strstr(h->words, KNOWN[i].part) != NULL) {
            say(reply, url, "%s", KNOWN[i].words);
            return;
        }
    }
    say(reply, url, "%s", h->words[0] == '\0' ? "the connection broke" : h->words);
}

static void say_timeout(struct http *h, const char *url, struct cluster_reply *reply)
{
    // To a tenth: what was set, and not what a timer made of it.
    curl_off_t tenths = (get_offset(h, CURLINFO_TOTAL_TIME_T) + 50000) / 100000;
    double seconds = (double)tenths / 10;
    bool sent = get_offset(h, CURLINFO_PRETRANSFER_TIME_T) > 0;
    if (sent) {
        say(reply, url, "no answer after %.3g s", seconds);
    } else if (h->has_begun_tls) {
        say(reply, url, "a connection, but no TLS after %.3g s; is it http://?", seconds);
    } else {
        say(reply, url, "no connection after %.3g s", seconds);
    }
}

/// Servers that want TLS have no words for those who do not speak it.
static const char *tls_hint(const char *url)
{
    return strncmp(url, "http:", 5) == 0 ? "; is it https://?" : "";
}

static void say_closed(struct http *h, const char *url, struct cluster_reply *reply)
{
    long error = get_number(h, CURLINFO_OS_ERRNO);
    if (strstr(h->words, "SSL") != NULL || strstr(h->words, "CONNECT") != NULL || error == 0) {
        say_tls(h, url, reply);
    } else {
        say(reply, url, "the connection broke: %s%s", strerrordesc_np((int)error), tls_hint(url));
    }
}

static void say_failure(struct http *h, CURLcode code, const char *url, struct cluster_reply *reply)
{
    long error = get_number(h, CURLINFO_OS_ERRNO);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        say(reply, url, "no such host, or its name cannot be looked up now");
        break;
    case CURLE_COULDNT_RESOLVE_PROXY:
        say(reply, url, "the proxy that the environment names is no such host");
        break;
    case CURLE_COULDNT_CONNECT:
        say(reply, url, "%s",
            error != 0 ? strerrordesc_np((int)error) : "no connection could be made");
        break;
    case CURLE_OPERATION_TIMEDOUT:
        say_timeout(h, url, reply);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        say_not_trusted(h, url, reply);
        break;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_FAIL_REWIND: // on a connection that had been kept open
        say(reply, url, "it closed the connection without an answer%s", tls_hint(url));
        break;
    case CURLE_PARTIAL_FILE:
        say(reply, url, "the answer was cut off");
        break;
    case CURLE_WRITE_ERROR:
        say(reply, url, "the answer is larger than %d MB", CLUSTER_REPLY_SIZE_MAX >> 20);
        break;
    case CURLE_UNSUPPORTED_PROTOCOL: // what it takes for HTTP/0.9
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        say(reply, url, "what answers there does not speak HTTP");
        break;
    case CURLE_SSL_CONNECT_ERROR:
        say_tls(h, url, reply);
        break;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        say_closed(h, url, reply);
        break;
    default:
        say(reply, url, "%s", h->words[0] != '\0' ? h->words : curl_easy_strerror(code));
    }
}

/// Where a redirect leads, without what may be secret or strange in it.
static void say_redirect(struct http *h, const char *url, struct cluster_reply *reply)
{
    const char *place = NULL;
    char shown[PLACE_SIZE_MAX];
    size_t size = 0;
    (void)curl_easy_getinfo(h->easy, CURLINFO_REDIRECT_URL, &place); // NULL then
    for (; place != NULL && size < sizeof(shown) - 1 && strchr("?#", place[size]) == NULL; size++) {
        shown[size] = place[size] <= ' ' || place[size] > '~' ? '?' : place[size];
    }
    shown[size] = '\0';
    if (memchr(shown, '@', size) != NULL || size == 0) {
        (void)snprintf(shown, sizeof(shown), "another place"); // fits
    }
    say(reply, url, "it sends us on to %s, where nothing of ours is sent (HTTP %u)", shown,
        reply->status);
}

// --- One request ---------------------------------------------------------------------------------

/// Puts a header behind the list. False when memory is out; the list is then as it was.
static bool add_header(struct http *h, struct curl_slist **list, const char *name,
                       const char *value)
{
    buf_clear(&h->header);
    buf_printf(&h->header, "%s: %s", name, value);
    struct curl_slist *longer =
        h->header.bad ? NULL : curl_slist_append(*list, buf_text(&h->header));
    *list = longer == NULL ? *list : longer;
    return longer != NULL;
}

/// The list with whatever is in it wiped: one of them is the secret.
static void free_headers(struct http *h, struct curl_slist *list)
{
    for (struct curl_slist *l = list; l != NULL; l = l->next) {
        explicit_bzero(l->data, strlen(l->data));
    }
    curl_slist_free_all(list);
    if (h->header.data != NULL) {
        explicit_bzero(h->header.data, h->header.capacity);
    }
}

static bool make_headers(struct http *h, const struct cluster_request *request,
                         const char *authorization, struct curl_slist **ret_list)
{
    const char *type = request->content_type == NULL ? "application/json" : request->content_type;
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    bool ok = list != NULL;
    ok = ok && (request->body == NULL || add_header(h, &list, "Content-Type", type));
    ok = ok && (!request->gzipped || add_header(h, &list, "Content-Encoding", "gzip"));
    ok = ok && (authorization == NULL || add_header(h, &list, "Authorization", authorization));
    for (const char *const *more = request->headers; ok && more != NULL && *more != NULL; more++) {
        struct curl_slist *longer = curl_slist_append(list, *more);
        ok = longer != NULL;
    }
    if (!ok) {
        free_headers(h, list);
        list = NULL;
    }
    *ret_list = list;
    return ok;
}

static void set_method(struct http *h, const struct cluster_request *request)
{
    bool with_body = request->body != NULL || strcmp(request->method, "POST") == 0 ||
                     strcmp(request->method, "PUT") == 0;
    SET(h, CURLOPT_CUSTOMREQUEST, NULL);
    SET(h, CURLOPT_NOBODY, 0L);
    if (strcmp(request->method, "HEAD") == 0) {
        SET(h, CURLOPT_NOBODY, 1L);
        return;
    }
    if (with_body) {
        SET(h, CURLOPT_POST, 1L);
        h->body = request->body == NULL ? (const uint8_t *)"" : request->body;
        h->body_left = request->body == NULL ? 0 : request->body_size;
        SET(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)h->body_left);
        SET(h, CURLOPT_READFUNCTION, give_body);
        SET(h, CURLOPT_READDATA, h);
    } else {
        SET(h, CURLOPT_HTTPGET, 1L);
    }
    SET(h, CURLOPT_CUSTOMREQUEST, request->method);
}

/// Until the answer is there, or it failed, or somebody wants us to end.
static CURLcode drive(struct http *h)
{
    int running = 1;
    CURLMcode code = curl_multi_add_handle(h->multi, h->easy);
    while (code == CURLM_OK && running > 0 && !atomic_load(&h->aborted)) {
        code = curl_multi_perform(h->multi, &running);
        if (code == CURLM_OK && running > 0) {
            code = curl_multi_poll(h->multi, NULL, 0, POLL_MS, NULL);
        }
    }
    int left;
    const CURLMsg *message = curl_multi_info_read(h->multi, &left);
    CURLcode result = message != NULL    ? message->data.result
                      : code != CURLM_OK ? CURLE_OUT_OF_MEMORY
                                         : CURLE_ABORTED_BY_CALLBACK;
    (void)curl_multi_remove_handle(h->multi, h->easy); // it is in there, or was never
    return result;
}

static void read_reply(struct http *h, const char *url, struct cluster_reply *reply)
{
    curl_off_t total_us = get_offset(h, CURLINFO_TOTAL_TIME_T);
    curl_off_t before_us = get_offset(h, CURLINFO_PRETRANSFER_TIME_T);
    curl_off_t wait_s = get_offset(h, CURLINFO_RETRY_AFTER);
    reply->status = (unsigned)get_number(h, CURLINFO_RESPONSE_CODE);
    reply->took_ns = total_us > before_us ? (uint64_t)(total_us - before_us) * NS_PER_US : 0;
    reply->retry_after_ms = wait_s <= 0                  ? 0
                            : wait_s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S * UINT64_C(1000)
                                                         : (uint64_t)wait_s * 1000;
    if (reply->status >= 300 && reply->status < 400) {
        say_redirect(h, url, reply);
    }
}

static void reset(struct cluster_reply *reply)
{
    buf_clear(&reply->body);
    reply->status = 0;
    reply->retry_after_ms = 0;
    reply->took_ns = 0;
    reply->sent = false;
    reply->problem[0] = '\0';
}

int http_perform(struct http *h, const char *base_url, const struct cluster_request *request,
                 const char *authorization, struct cluster_reply *reply)
{
    reset(reply);
    buf_clear(&h->url);
    buf_printf(&h->url, "%s%s", base_url, request->path);
    struct curl_slist *headers;
    if (h->url.bad || !make_headers(h, request, authorization, &headers)) {
        say(reply, base_url, "out of memory, or a path of more than %d bytes", URL_SIZE_MAX);
        return ERR_IO;
    }
    set_method(h, request);
    SET(h, CURLOPT_URL, buf_text(&h->url));
    SET(h, CURLOPT_HTTPHEADER, headers);
    SET(h, CURLOPT_WRITEDATA, reply);
    h->words[0] = '\0';
    h->pin.error = 0;
    h->has_begun_tls = false;
    h->has_headers = false;
    CURLcode code = h->bad ? CURLE_OUT_OF_MEMORY : drive(h);
    h->bad = false;
    code = code == CURLE_OK && !h->has_headers ? CURLE_PARTIAL_FILE : code;
    SET(h, CURLOPT_HTTPHEADER, NULL);
    free_headers(h, headers);
    reply->sent =
        request->body_size > 0 ? h->body_left == 0 : get_number(h, CURLINFO_REQUEST_SIZE) > 0;
    if (atomic_load(&h->aborted) && code != CURLE_OK) {
        say(reply, base_url, "given up, because weir ends");
        return ERR_IO;
    }
    if (code != CURLE_OK) {
        say_failure(h, code, base_url, reply);
        buf_clear(&reply->body);
        return ERR_IO;
    }
    read_reply(h, base_url, reply);
    return 0;
}
