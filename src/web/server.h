// SPDX-License-Identifier: Apache-2.0
/*
 * The HTTP server: answers GET and any other method alike, as goflow2's does. What a path answers
 * is the handler's affair.
 */
#pragma once

#include "base/buf.h"
#include "base/status.h"

enum { SERVER_BODY_SIZE_MAX = 64 << 20 };

struct server_response {
    unsigned status;          ///< HTTP status code
    const char *content_type; ///< a constant
    struct buf body;          ///< the server's; up to SERVER_BODY_SIZE_MAX
};

/// Fills the response for a path. Called on the server's threads.
typedef void server_handle_fn(void *context, const char *path, struct server_response *response);

struct server_settings {
    const char *addr; ///< Go's form: ":8080", "127.0.0.1:8080", "[::1]:8080"
    server_handle_fn *handle;
    void *context;
};

struct server;

/// Binds and starts the thread. ERR_INVALID, ERR_IO with the address and the reason.
int server_start(const struct server_settings *settings, struct server **ret_server,
                 struct err *err) MUST_USE;

/// Closes all connections and frees. NULL is fine.
void server_stop(struct server *s);
