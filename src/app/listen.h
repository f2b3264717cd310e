// SPDX-License-Identifier: Apache-2.0
/* -listen: a comma list of goflow2's URLs, such as sflow://:6343?count=4, and logs to follow. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/log_url.h"
#include "base/buf.h"
#include "base/chunk.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status.h"

enum {
    LISTENER_HOST_SIZE = 256,
    LISTENER_DEVICE_SIZE = 64,
    LISTENER_WARNING_SIZE = 256,
    LISTENER_ATTRS = 8
};

struct listener {
    bool is_log; ///< log://: `log` says which; what is about sockets means nothing then
    struct log_url log;
    enum scheme scheme;
    char host[LISTENER_HOST_SIZE]; ///< "" is every address
    uint16_t port;
    uint64_t count;      ///< sockets, each with a thread
    uint64_t workers;    ///< goflow2's; weir's threads are the sockets'
    bool blocking;       ///< rather wait for a slow transport than lose flows
    uint64_t queue_size; ///< goflow2's; weir's queues are of flows and bounded by memory
    uint64_t rcvbuf;     ///< bytes of socket buffer to ask for
    char device[LISTENER_DEVICE_SIZE];     ///< interface or VRF, or ""
    char warning[LISTENER_WARNING_SIZE];   ///< about a query key that nobody knows, or ""
    struct log_attr attrs[LISTENER_ATTRS]; ///< for log lines, as goflow2 names them
};

/// Parses `text` into at most LISTENERS_MAX listeners. ERR_INVALID, ERR_UNSUPPORTED.
int listen_parse(const char *text, struct listener listeners[static LISTENERS_MAX],
                 size_t *ret_count, struct err *err) MUST_USE;

/// Other processes that already listen where `l` would, appended as port_users() does; how many.
size_t listener_rivals(const struct listener *l, struct buf *out);
