// SPDX-License-Identifier: Apache-2.0
/*
 * Delivery. A transport is a kind (how to deliver), a ring of batches that wait, a thread that
 * delivers them in order, and books: received = delivered + waiting + dropped by reason.
 *
 * Transports know nothing of each other: a slow one fills its own ring and loses, or holds up who
 * can wait, alone.
 *
 * To add a transport: one file with a transport_kind, and a line where the app makes them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "flow/batch.h"

/// Why a transport dropped flows.
enum transport_drop {
    TRANSPORT_DROP_RING_FULL, ///< nothing was delivered for too long
    TRANSPORT_DROP_TOO_LARGE, ///< the format made more of it than may be
    TRANSPORT_DROP_STOPPED,   ///< still undelivered when the program had to end
    TRANSPORT_DROP_COUNT
};

/// "ring_full", "too_large", "stopped".
const char *transport_drop_text(enum transport_drop drop);

/// What a kind's deliver() says.
enum transport_verdict {
    TRANSPORT_DONE,   ///< the batch is delivered
    TRANSPORT_RETRY,  ///< not now: call again with the same batch
    TRANSPORT_CLOSED, ///< never again: the reader is gone
};

/// What became of a batch that is delivered.
struct transport_delivery {
    uint64_t too_large;       ///< records that had to be left out
    uint64_t error_documents; ///< records that say what is wrong with a line
};

struct transport_kind {
    const char *name;
    /// Delivers one batch, or goes on with one it was called with before. `ret_delivery` is looked
    /// at when it is done.
    enum transport_verdict (*deliver)(void *self, struct batch *batch,
                                      struct transport_delivery *ret_delivery);
    /// SIGHUP, called in the transport's thread.
    void (*reopen)(void *self);
    /// Twice a second, in the transport's thread.
    void (*tick)(void *self);
    /// What deliver() was done with is to outlive a power cut before this returns. Any thread. Once
    /// called, reopen() and close() see to it for what they let go. ERR_IO. NULL: it does already.
    int (*sync)(void *self);
    /// Releases `self`; nothing is delivered after it.
    void (*close)(void *self);
};

struct transport;

/// Called in the transport's thread when it is closed for good.
typedef void transport_closed_fn(void *context);

/// Takes `self` (what kind->close() releases), starts the thread. `capacity`: batches that may
/// wait. ERR_NO_MEMORY, ERR_IO; `self` is then still the caller's.
int transport_start(const struct transport_kind *kind, void *self, size_t capacity,
                    transport_closed_fn *closed, void *context,
                    struct transport **ret_transport) MUST_USE;

/// How a source waits for a transport that is behind: `tick` is called about ten times a second, so
/// that whoever waits can still hear signals. It may be NULL.
struct transport_patience {
    void (*tick)(void *context);
    void *context;
    /// Of the ring, that it takes at most; 0: all. Who reads as fast as can be wants few: what
    /// waits is out of the caches by the time it is written.
    size_t places;
};

/// Hands a batch over (one that is not delivered in the end is marked so: batch_set_undelivered());
/// the transport takes a reference of its own. Without `patience` (NULL) a batch for which the ring
/// has no place is lost for this transport and counted; with it a place is waited for. Any thread.
void transport_offer(struct transport *t, struct batch *batch,
                     const struct transport_patience *patience);

/// Asks for a reopen(). Any thread.
void transport_reopen(struct transport *t);

/// What was delivered will outlive a power cut: to be called before that is noted anywhere. Not
/// beside transport_stop(). ERR_IO.
int transport_sync(struct transport *t) MUST_USE;

/// From now on delivery that does not work is given up after `deadline_ms`, so that nobody waits
/// for it for ever. Any thread.
void transport_set_deadline(struct transport *t, unsigned deadline_ms);

/// Delivers what waits (a deadline should be set) and closes. The books stay readable until
/// transport_free(). Nobody may offer any more.
void transport_stop(struct transport *t);
void transport_free(struct transport *t);

/// The books, in flows. Any thread; they balance when nobody is between two steps.
struct transport_books {
    uint64_t received;
    uint64_t delivered;
    uint64_t error_documents; ///< of those delivered
    uint64_t waiting;
    uint64_t dropped[TRANSPORT_DROP_COUNT];
    size_t batches_waiting;
};

struct transport_books transport_books(struct transport *t);
/// received - delivered - waiting - dropped: 0 when the books balance.
int64_t transport_books_difference(const struct transport_books *books);
/// "received=9 delivered=9 waiting=0", and what was dropped.
void transport_books_print(const struct transport_books *books, struct buf *out);

const char *transport_name(const struct transport *t);
