// SPDX-License-Identifier: Apache-2.0
/*
 * The HTTP server: sockets, connections, TLS, limits; what a request is and what an answer may be.
 * Who may ask is web/access's affair, what a path answers the handler's.
 *
 * A connection has a thread of its own while it lasts, so a handler may take its time; it is asked
 * to look at server_is_gone() when it does. Connections are bounded, and one that does not send its
 * request within a few seconds, or does not read its answer, is closed. When most places are taken,
 * the connection that has kept us waiting the longest makes room for a new one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/status.h"

enum {
    SERVER_BODY_SIZE_MAX = 64 << 20,
    SERVER_HEADER_SIZE_MAX = 64 << 10, ///< of a request: its line (URL) and headers
};

/// A request. Texts are valid until the handler returns.
struct server_request {
    const char *method;  ///< HEAD comes as GET: the answer's body is not sent then
    const char *path;    ///< decoded, without the query
    const char *query;   ///< behind the ?, as it came, for web/arguments.h; NULL: none
    const uint8_t *body; ///< of POST on the local socket
    size_t body_size;
    struct addr peer; ///< who asks; none on the local socket
    bool is_local;    ///< came through the socket in -data
    void *connection; ///< the server's own; NULL: no server received it
};

/// A header; NULL: it is not there.
const char *server_header(const struct server_request *r, const char *name);
/// Whether the client has gone away, or the server stops. Who has sent all of a request and says
/// that no more comes counts as gone: the kernel does not tell the two apart. Cheap; any thread,
/// until the handler returns.
bool server_is_gone(const struct server_request *r);

enum { SERVER_BROKEN = -2 };

/// An answer that comes bit by bit: event streams, exports.
struct server_stream {
    /// Waits for more, up to a second, and writes up to `size` bytes of it. Their number; 0:
    /// nothing yet; -1: that was all; SERVER_BROKEN: there is no more to be had. In the
    /// connection's thread. What is broken, or has not come to its end when the server stops, is
    /// cut off, so that nobody takes it for the whole.
    ptrdiff_t (*more)(void *context, uint8_t *out, size_t size);
    void (*close)(void *context);
    void *context;
};

enum { SERVER_HEADERS_MAX = 8 };

struct server_response {
    unsigned status;             ///< HTTP status code; 200 to begin with
    const char *content_type;    ///< a constant
    struct buf body;             ///< the server's; up to SERVER_BODY_SIZE_MAX
    struct server_stream stream; ///< instead of a body, when `more` is set
    size_t header_count;
    struct {
        const char *name; ///< a constant
        char value[256];
    } headers[SERVER_HEADERS_MAX];
};

/// Adds a header; one too many is left out.
void server_add_header(struct server_response *r, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);

/// Fills the response. Called on the server's threads.
typedef void server_handle_fn(void *context, const struct server_request *request,
                              struct server_response *response);

struct server_settings {
    const char *addr;        ///< Go's form: ":8080", "127.0.0.1:8080", "[::1]:8080"; "": none
    const char *socket_path; ///< of a local socket, mode 0600; NULL: none
    const char *cert;        ///< PEM files; NULL: no TLS
    const char *key;
    server_handle_fn *handle;
    void *context;
};

struct server;

/// Binds and starts. ERR_INVALID, ERR_IO with the address and the reason; ERR_EXISTS: somebody
/// answers on the local socket.
int server_start(const struct server_settings *settings, struct server **ret_server,
                 struct err *err) MUST_USE;
/// Reads certificate and key again (SIGHUP). The old ones stay when the new ones are no good.
/// Connections that are there keep what they have until they end, or until the next time.
int server_reload(struct server *s, struct err *err) MUST_USE;
/// Closes all connections and frees. NULL is fine.
void server_stop(struct server *s);
