// SPDX-License-Identifier: Apache-2.0
/*
 * The fence around libmicrohttpd. A listener is a daemon of its library: one for TCP, one for the
 * local socket, each with its own bound on connections, so that neither takes the other's places.
 *
 * All time-outs are web/patience's. Answers are handed to the library piece by piece, so that each
 * piece that a client takes counts as a sign of life, and one that takes none is noticed.
 *
 * The library cannot change a certificate. A new daemon is started on the same socket, and only
 * when that went well the old one stops accepting; its connections end as they would have.
 */
#include "web/server.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret_file.h"
#include "base/text.h"
#include "web/listening.h"
#include "web/patience.h"

enum {
    CONNECTIONS_MAX = 256,    ///< past it the library resets new ones
    CONNECTIONS_SCARCE = 180, ///< above it the slowest makes room for a new one
    LOCAL_CONNECTIONS_MAX = 32,
    /// Of a request and its parsed form. The library takes it from the kernel page by page.
    CONNECTION_MEMORY = SERVER_HEADER_SIZE_MAX + (32 << 10),
    STACK_SIZE = 2 << 20, ///< questions are planned on it; only what is touched is used
    REQUEST_S = 10,       ///< from connecting to the end of the headers, and then of the body
    IDLE_S = 30,          ///< from an answer to the end of the next request's headers
    SEND_S = 30,          ///< for a piece of an answer
    PIECE_SIZE = 32 << 10,
    BODY_IGNORED_MAX = 1 << 20, ///< of a body that nobody wants
    PEM_SIZE_MAX = 1 << 20,
};

/// A daemon, and what its connections have to know.
struct listener {
    struct server *server;
    bool is_local;
    int fd; ///< the daemon's, unless it is retired
    bool is_retired;
    struct MHD_Daemon *daemon;
};

struct server {
    struct server_settings settings;
    struct patience *patience;
    struct listener *tcp;
    struct listener *retired; ///< has the old certificate, and accepts nobody
    struct listener *local;
    struct listening_local socket;
    _Atomic bool stopping;
};

/// From a request's first line to the end of its answer.
struct exchange {
    char *query;
    bool has_headers;
    bool is_bad;         ///< its path has a NUL
    bool is_too_large;   ///< its body
    struct buf body;     ///< on the local socket
    size_t ignored_size; ///< of a body that is not kept
};

/// What `connection` of a request points to.
struct asking {
    struct server *server;
    struct MHD_Connection *connection;
};

/// What an answer is made of while it is sent.
struct reply {
    struct server *server;
    struct guest *guest;
    int fd;
    struct buf body;
    struct server_stream stream;
};

// --- What a request says -------------------------------------------------------------------------

static int connection_fd(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static struct guest *connection_guest(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static struct addr connection_peer(struct MHD_Connection *connection)
{
    const struct sockaddr *at =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    struct addr peer = { .size = 0 };
    if (at->sa_family == AF_INET) {
        peer = addr_v4((const uint8_t *)&((const struct sockaddr_in *)(const void *)at)->sin_addr);
    } else if (at->sa_family == AF_INET6) {
        peer =
            addr_v6((const uint8_t *)&((const struct sockaddr_in6 *)(const void *)at)->sin6_addr);
        peer = addr_unmap(&peer);
    }
    return peer;
}

static bool fd_is_gone(int fd)
{
    struct pollfd at = { .fd = fd, .events = POLLRDHUP };
    return poll(&at, 1, 0) > 0;
}

const char *server_header(const struct server_request *r, const char *name)
{
    const struct asking *a = r->connection;
    return MHD_lookup_connection_value(a->connection, MHD_HEADER_KIND, name);
}

bool server_is_gone(const struct server_request *r)
{
    const struct asking *a = r->connection;
    return atomic_load(&a->server->stopping) || fd_is_gone(connection_fd(a->connection));
}

void server_add_header(struct server_response *r, const char *name, const char *format, ...)
{
    if (r->header_count == SERVER_HEADERS_MAX) {
        return;
    }
    va_list args;
    va_start(args, format);
    int size =
        vsnprintf(r->headers[r->header_count].value, sizeof(r->headers[0].value), format, args);
    va_end(args);
    if (size >= 0 && (size_t)size < sizeof(r->headers[0].value)) { // half a value is no value
        r->headers[r->header_count++].name = name;
    }
}

// --- Answers -------------------------------------------------------------------------------------

static void close_stream(struct server_stream *stream)
{
    if (stream->close != NULL) {
        stream->close(stream->context);
    }
    *stream = (struct server_stream){ .more = NULL };
}

static void reply_free(void *context)
{
    struct reply *reply = context;
    close_stream(&reply->stream);
    buf_release(&reply->body);
    mem_free(reply);
}

static ssize_t next_of_body(void *context, uint64_t position, char *out, size_t size)
{
    const struct reply *reply = context;
    size_t left = reply->body.size - (size_t)position;
    size_t part = left < size ? left : size;
    memcpy(out, reply->body.data + position, part);
    patience_expect(reply->guest, SEND_S * NS_PER_S);
    return (ssize_t)part;
}

static ssize_t next_of_stream(void *context, uint64_t position, char *out, size_t size)
{
    struct reply *reply = context;
    ptrdiff_t count = 0;
    (void)position;
    patience_rest(reply->guest);
    while (count == 0) {
        if (atomic_load(&reply->server->stopping) || fd_is_gone(reply->fd)) {
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
        count = reply->stream.more(reply->stream.context, (uint8_t *)out, size);
    }
    patience_expect(reply->guest, SEND_S * NS_PER_S);
    return count >= 0               ? (ssize_t)count
           : count == SERVER_BROKEN ? MHD_CONTENT_READER_END_WITH_ERROR
                                    : MHD_CONTENT_READER_END_OF_STREAM;
}

static bool has_header(const struct server_response *r, const char *name)
{
    bool has = false;
    for (size_t i = 0; i < r->header_count; i++) {
        has = has || strcasecmp(r->headers[i].name, name) == 0;
    }
    return has;
}

static void add_headers(const struct server_response *r, struct MHD_Response *response)
{
    if (r->content_type != NULL) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->content_type);
    }
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (!has_header(r, MHD_HTTP_HEADER_CACHE_CONTROL)) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    }
    for (size_t i = 0; i < r->header_count; i++) { // one with a line break in it is left out
        (void)MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
    }
}

/// Takes what the response has.
static enum MHD_Result send_response(struct server *s, struct MHD_Connection *connection,
                                     struct server_response *r)
{
    if (r->body.bad) {
        buf_clear(&r->body);
        r->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
        r->content_type = "text/plain";
        buf_append_text(&r->body, "The answer is too large.\n");
    }
    bool streams = r->stream.more != NULL;
    struct reply *reply = mem_zalloc(sizeof(*reply));
    if (reply == NULL) {
        close_stream(&r->stream);
        buf_release(&r->body);
        return MHD_NO;
    }
    *reply = (struct reply){ .server = s,
                             .guest = connection_guest(connection),
                             .fd = connection_fd(connection),
                             .body = r->body,
                             .stream = r->stream };
    struct MHD_Response *response = MHD_create_response_from_callback(
        streams ? MHD_SIZE_UNKNOWN : reply->body.size, PIECE_SIZE,
        streams ? next_of_stream : next_of_body, reply, reply_free);
    if (response == NULL) {
        reply_free(reply);
        return MHD_NO;
    }
    add_headers(r, response);
    patience_expect(reply->guest, SEND_S * NS_PER_S);
    enum MHD_Result result = MHD_queue_response(connection, r->status, response);
    MHD_destroy_response(response); // the connection has it
    return result;
}

static enum MHD_Result refuse(struct server *s, struct MHD_Connection *connection, unsigned status,
                              const char *words)
{
    struct server_response r = { .status = status, .content_type = "text/plain" };
    buf_init(&r.body, PIECE_SIZE);
    buf_append_text(&r.body, words);
    return send_response(s, connection, &r);
}

static enum MHD_Result refuse_body(struct server *s, struct MHD_Connection *connection)
{
    return refuse(s, connection, MHD_HTTP_CONTENT_TOO_LARGE, "The body is too large.\n");
}

// --- Requests ------------------------------------------------------------------------------------

/// The first that is known of a request: its URL as it came.
static void *begin_exchange(void *context, const char *url, struct MHD_Connection *connection)
{
    const struct listener *l = context;
    struct exchange *x = mem_zalloc(sizeof(*x));
    (void)connection;
    if (x == NULL) {
        return NULL; // the connection is closed
    }
    buf_init(&x->body, l->is_local ? SERVER_BODY_SIZE_MAX : 0);
    const char *question = strchr(url, '?');
    const char *nul = strstr(url, "%00");
    x->is_bad = nul != NULL && (question == NULL || nul < question);
    if (question != NULL) {
        x->query = mem_strdup(question + 1);
        if (x->query == NULL) {
            mem_free(x);
            return NULL;
        }
    }
    return x;
}

static void end_exchange(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode reason)
{
    struct exchange *x = *request;
    (void)context;
    if (x != NULL) {
        mem_free(x->query);
        buf_release(&x->body);
        mem_free(x);
        *request = NULL;
    }
    struct guest *guest = connection_guest(connection);
    if (reason == MHD_REQUEST_TERMINATED_COMPLETED_OK && guest != NULL) {
        patience_expect(guest, IDLE_S * NS_PER_S);
    }
}

/// Whether a body is announced that is not even read.
static bool announces_too_much(const struct listener *l, struct MHD_Connection *connection)
{
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t size = 0;
    const uint64_t most = l->is_local ? SERVER_BODY_SIZE_MAX : BODY_IGNORED_MAX;
    return length != NULL && (text_get_u64(length, &size) == ERR_RANGE || size > most);
}

static void take_body(const struct listener *l, struct exchange *x, struct guest *guest,
                      const void *data, size_t size)
{
    if (l->is_local && !x->is_too_large) {
        buf_append(&x->body, data, size);
        x->is_too_large = x->body.bad;
        patience_expect(guest, REQUEST_S * NS_PER_S); // its owner may take the time
    } else {
        x->ignored_size += size;
        x->is_too_large = x->is_too_large || x->ignored_size > BODY_IGNORED_MAX;
    }
}

static enum MHD_Result handle(const struct listener *l, struct MHD_Connection *connection,
                              const struct exchange *x, const char *path, const char *method)
{
    struct server *s = l->server;
    if (x->is_too_large) {
        return refuse_body(s, connection);
    }
    if (x->is_bad) {
        return refuse(s, connection, MHD_HTTP_BAD_REQUEST, "The path has a NUL.\n");
    }
    struct server_response r = { .status = MHD_HTTP_OK };
    buf_init(&r.body, SERVER_BODY_SIZE_MAX);
    struct asking asking = { .server = s, .connection = connection };
    const struct server_request asked = {
        .method = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ? MHD_HTTP_METHOD_GET : method,
        .path = path,
        .query = x->query,
        .body = x->body.data,
        .body_size = x->body.size,
        .peer = connection_peer(connection),
        .is_local = l->is_local,
        .connection = &asking,
    };
    s->settings.handle(s->settings.context, &asked, &r);
    if (r.stream.more != NULL && strcmp(method, MHD_HTTP_METHOD_HEAD) == 0) {
        close_stream(&r.stream); // the library would send the end of one
    }
    return send_response(s, connection, &r);
}

/// The library calls this when the headers are there, for each piece of a body, and at its end.
static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload_data,
                              size_t *upload_size, void **request)
{
    const struct listener *l = context;
    struct exchange *x = *request;
    struct guest *guest = connection_guest(connection);
    (void)version;
    if (x == NULL || guest == NULL) { // out of memory
        return MHD_NO;
    }
    if (!x->has_headers) {
        x->has_headers = true;
        patience_expect(guest, REQUEST_S * NS_PER_S);
        return announces_too_much(l, connection) ? refuse_body(l->server, connection) : MHD_YES;
    }
    if (*upload_size > 0) {
        take_body(l, x, guest, upload_data, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    patience_rest(guest);
    return handle(l, connection, x, url, method);
}

static void connection_changed(void *context, struct MHD_Connection *connection,
                               void **socket_context, enum MHD_ConnectionNotificationCode what)
{
    const struct listener *l = context;
    struct patience *patience = l->server->patience;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        struct guest *guest = patience_add(patience, connection_fd(connection), !l->is_local);
        if (guest != NULL) {
            patience_expect(guest, REQUEST_S * NS_PER_S);
        }
        *socket_context = guest;
    } else if (*socket_context != NULL) {
        patience_remove(patience, *socket_context);
        *socket_context = NULL;
    }
}

// --- Listeners -----------------------------------------------------------------------------------

static void listener_stop(struct listener *l)
{
    if (l != NULL) {
        MHD_stop_daemon(l->daemon);
        if (l->is_retired) {
            (void)close(l->fd); // nothing was written
        }
        mem_free(l);
    }
}

/// Starts a daemon on a socket, which is its own from here on. `cert` and `key`: PEM with a NUL
/// behind it; NULL: no TLS.
static int listener_start(struct server *s, int fd, bool is_local, uint8_t *cert, uint8_t *key,
                          struct listener **ret_listener)
{
    struct listener *l = mem_zalloc(sizeof(*l));
    if (l == NULL) {
        return ERR_NO_MEMORY;
    }
    *l = (struct listener){ .server = s, .is_local = is_local, .fd = fd };
    char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
    const struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, cert },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, key },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, priorities },
        { MHD_OPTION_END, 0, NULL },
    };
    const struct MHD_OptionItem plain[] = { { MHD_OPTION_END, 0, NULL } };
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | MHD_USE_ITC | (cert == NULL ? 0U : MHD_USE_TLS);
    l->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, answer, l, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(is_local ? LOCAL_CONNECTIONS_MAX : CONNECTIONS_MAX),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)STACK_SIZE, MHD_OPTION_URI_LOG_CALLBACK, begin_exchange, l,
        MHD_OPTION_NOTIFY_COMPLETED, end_exchange, l, MHD_OPTION_NOTIFY_CONNECTION,
        connection_changed, l, MHD_OPTION_ARRAY, cert == NULL ? plain : tls, MHD_OPTION_END);
    if (l->daemon == NULL) {
        mem_free(l);
        return ERR_INVALID;
    }
    *ret_listener = l;
    return 0;
}

/// Starts the TCP listener with certificate and key as they are now. Closes the socket on failure.
static int start_tcp(struct server *s, int fd, struct listener **ret_listener, struct err *err)
{
    const struct server_settings *o = &s->settings;
    struct buf cert;
    struct buf key;
    buf_init(&cert, PEM_SIZE_MAX);
    buf_init(&key, PEM_SIZE_MAX);
    int status = 0;
    bool tls = o->cert != NULL;
    if (tls != (o->key != NULL)) {
        status = err_set(err, ERR_INVALID, "%s needs %s too", tls ? "-web.cert" : "-web.key",
                         tls ? "-web.key" : "-web.cert");
        goto out;
    }
    if (tls && (secret_file_read_public("-web.cert", o->cert, &cert, err) != 0 ||
                secret_file_read("-web.key", o->key, &key, err) != 0)) {
        status = err->status;
        goto out;
    }
    if (tls && (cert.size == 0 || key.size == 0)) {
        status =
            err_set(err, ERR_INVALID, "%s: %.300s is empty",
                    cert.size == 0 ? "-web.cert" : "-web.key", cert.size == 0 ? o->cert : o->key);
        goto out;
    }
    (void)buf_text(&cert); // has a NUL behind it now
    (void)buf_text(&key);  // likewise
    status =
        listener_start(s, fd, false, tls ? cert.data : NULL, tls ? key.data : NULL, ret_listener);
    if (status != 0 && tls) {
        (void)err_set(err, ERR_INVALID, // returned below
                      "HTTP server error: cannot start on %.100s: expected PEM in -web.cert "
                      "%.150s, and in -web.key %.150s the key that belongs to it",
                      o->addr, o->cert, o->key);
    } else if (status != 0) {
        (void)err_set(err, ERR_IO, "HTTP server error: cannot start on %s", o->addr); // likewise
    }
out:
    if (status != 0) {
        (void)close(fd); // nothing was written
    }
    secret_wipe(&key);
    buf_release(&cert);
    return status;
}

static int start_local(struct server *s, struct err *err)
{
    if (listening_open_local(s->settings.socket_path, &s->socket, err) != 0) {
        return err->status;
    }
    if (listener_start(s, s->socket.fd, true, NULL, NULL, &s->local) != 0) {
        listening_remove_local(&s->socket);
        (void)close(s->socket.fd); // nothing was written
        return err_set(err, ERR_IO, "HTTP server error: cannot start on %s", s->socket.path);
    }
    return 0;
}

int server_start(const struct server_settings *settings, struct server **ret_server,
                 struct err *err)
{
    struct server *s = mem_zalloc(sizeof(*s));
    if (s == NULL || patience_new(CONNECTIONS_SCARCE, &s->patience) != 0) {
        mem_free(s);
        return err_set(err, ERR_NO_MEMORY, "out of memory for the HTTP server");
    }
    s->settings = *settings;
    int fd = -1;
    if ((settings->addr[0] != '\0' &&
         (listening_open(settings->addr, &fd, err) != 0 || start_tcp(s, fd, &s->tcp, err) != 0)) ||
        (settings->socket_path != NULL && start_local(s, err) != 0)) {
        server_stop(s);
        return err->status;
    }
    *ret_server = s;
    return 0;
}

int server_reload(struct server *s, struct err *err)
{
    if (s->tcp == NULL || s->settings.cert == NULL) {
        return 0;
    }
    struct listener *fresh = NULL;
    int fd = fcntl(s->tcp->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return err_set_errno(err, errno, "HTTP server error: cannot start anew");
    }
    if (start_tcp(s, fd, &fresh, err) != 0) {
        return err->status;
    }
    listener_stop(s->retired);
    s->retired = s->tcp;
    s->tcp = fresh;
    (void)MHD_quiesce_daemon(s->retired->daemon); // the same as l->fd, and ours from here on
    s->retired->is_retired = true;
    return 0;
}

void server_stop(struct server *s)
{
    if (s == NULL) {
        return;
    }
    atomic_store(&s->stopping, true);
    if (s->local != NULL) {
        listening_remove_local(&s->socket);
    }
    listener_stop(s->local);
    listener_stop(s->tcp);
    listener_stop(s->retired);
    patience_free(s->patience);
    mem_free(s);
}
