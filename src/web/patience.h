// SPDX-License-Identifier: Apache-2.0
/*
 * How long a server waits for its clients. libmicrohttpd's time-out starts anew with every byte,
 * so that whoever sends one now and then keeps a place for ever. Here each connection has a moment
 * by which something whole has to be done: a request sent, a piece of an answer taken. A thread
 * looks at all of them and shuts down the ones that are late.
 *
 * Places are few. When most are taken, a new connection shuts down the one that has kept us waiting
 * the longest, so that somebody who only connects can lock nobody out.
 *
 * A connection that is closed while it still sends lingers: what it sends is read and forgotten for
 * a moment. Otherwise the kernel would answer with a reset, and the client would never see why it
 * was refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct patience;
struct guest; ///< a connection

/// Starts the thread. Above `scarce` connections that may make room, new ones ask for it.
/// ERR_NO_MEMORY.
int patience_new(size_t scarce, struct patience **ret_patience) MUST_USE;
/// No connection is left. NULL is fine.
void patience_free(struct patience *p);

/// A new connection, of which nothing is expected yet. NULL: out of memory.
struct guest *patience_add(struct patience *p, int fd, bool makes_room) MUST_USE;
/// Before its descriptor is closed.
void patience_remove(struct patience *p, struct guest *c);

/// It is the client's turn, for so long. Any thread.
void patience_expect(struct guest *c, uint64_t timeout_ns);
/// It is our turn. Any thread.
void patience_rest(struct guest *c);
