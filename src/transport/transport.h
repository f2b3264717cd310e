// SPDX-License-Identifier: Apache-2.0
/*
 * Delivery. A transport is a kind (how to deliver), a ring of batches that wait, a thread that
 * delivers them in order, and books:
 *
 *     received + recovered = delivered + waiting + spooled + refused + dropped by reason
 *
 * Transports know nothing of each other: a slow one fills its own ring and loses, or holds up who
 * can wait, alone. A kind either delivers a batch while it is asked to (file), or takes it, goes on
 * with it in threads of its own and says later what became of it (elasticsearch).
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
    TRANSPORT_DROP_RING_FULL,     ///< nothing was delivered for too long
    TRANSPORT_DROP_TOO_LARGE,     ///< the format made more of it than may be
    TRANSPORT_DROP_STOPPED,       ///< still undelivered when the program had to end
    TRANSPORT_DROP_SPOOL_FULL,    ///< made room in the spool for newer ones
    TRANSPORT_DROP_SPOOL_DAMAGED, ///< could not be read back from the spool
    TRANSPORT_DROP_COUNT
};

/// "ring_full", "too_large", "stopped", "spool_full", "spool_damaged".
const char *transport_drop_text(enum transport_drop drop);

/// What a kind's deliver() says.
enum transport_verdict {
    TRANSPORT_DONE,   ///< the batch is delivered
    TRANSPORT_RETRY,  ///< not now: call again with the same batch
    TRANSPORT_AGAIN,  ///< the same, at once: it waited itself
    TRANSPORT_TAKEN,  ///< the kind has it, with its reference: see transport_settle()
    TRANSPORT_CLOSED, ///< never again: the reader is gone
};

/// What became of records.
struct transport_tally {
    uint64_t delivered; ///< not looked at when deliver() gives it: all that is not too large
    // Of those delivered:
    uint64_t error_documents;  ///< say what is wrong with a line
    uint64_t duplicates;       ///< were there already
    uint64_t repeats_possible; ///< may be there twice: sent again after a rollover
    uint64_t failure_store;    ///< were kept by the server, but aside
    // Of those not delivered:
    uint64_t refused; ///< went to the dead-letter file
    uint64_t too_large;
    uint64_t stopped;
    uint64_t damaged; ///< read back from a spool, and of no use
};

struct transport;
struct transport_books;

/// How a kind delivers. All but name, deliver and close may be NULL.
struct transport_kind {
    const char *name;
    /// Before the first batch; `t` is for transport_settle(). ERR_NO_MEMORY, ERR_IO.
    int (*start)(void *self, struct transport *t);
    /// Delivers one batch, or goes on with one it was called with before. `ret_tally` is looked
    /// at when it is done.
    enum transport_verdict (*deliver)(void *self, struct batch *batch,
                                      struct transport_tally *ret_tally);
    /// SIGHUP, called in the transport's thread.
    void (*reopen)(void *self);
    /// Ten times a second, in the transport's thread.
    void (*tick)(void *self);
    /// Nothing more comes for now: what was gathered is to leave. In the transport's thread.
    void (*flush)(void *self);
    /// From `deadline_ns` (monotonic) on nothing is waited for any more. Any thread.
    void (*hurry)(void *self, uint64_t deadline_ns);
    /// Whether who can wait should. Any thread.
    bool (*is_behind)(void *self);
    /// Adds what only the kind knows: recovered, spooled, and what the spool dropped. Any thread.
    void (*books)(void *self, struct transport_books *books);
    /// Appends counters of its own in Prometheus' text form. Any thread.
    void (*metrics)(void *self, struct buf *out);
    /// What deliver() was done with is to outlive a power cut before this returns. Any thread. Once
    /// called, reopen() and close() see to it for what they let go. ERR_IO. NULL: it does already.
    int (*sync)(void *self);
    /// After the last batch: everything that was taken is settled before it returns.
    void (*stop)(void *self);
    /// Releases `self`; nothing is delivered after it.
    void (*close)(void *self);
};

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

/// Asks for a flush(). Any thread.
void transport_flush(struct transport *t);

/// The kind's own counters in Prometheus' text form; nothing once it is stopped. Any thread.
void transport_print_metrics(struct transport *t, struct buf *out);

/// Whether who can wait should: half of the ring waits, or the kind says so. Any thread.
bool transport_is_behind(struct transport *t);

/// Whether a quarter of the ring waits, so that a kind may want to help itself. Any thread.
bool transport_is_crowded(struct transport *t);

/// Delivers what waits (a deadline should be set) and closes. The books stay readable until
/// transport_free(). Nobody may offer any more.
void transport_stop(struct transport *t);
void transport_free(struct transport *t);

/// The books, in records. Any thread; they balance when nobody is between two steps.
struct transport_books {
    uint64_t received;
    uint64_t recovered; ///< were in the spool when it was opened
    uint64_t delivered;
    uint64_t error_documents; ///< this and the next three: see struct transport_tally
    uint64_t duplicates;
    uint64_t repeats_possible;
    uint64_t failure_store;
    uint64_t waiting;
    uint64_t spooled; ///< on disk now
    uint64_t refused; ///< in the dead-letter file
    uint64_t dropped[TRANSPORT_DROP_COUNT];
    size_t batches_waiting; ///< in the ring
};

/// For kinds: adds what became of records to the books. `waited`: so many records no longer wait,
/// whether they are in the tally or in the spool. Any thread.
void transport_settle(struct transport *t, const struct transport_tally *tally, uint64_t waited);

struct transport_books transport_books(struct transport *t);
/// received - delivered - waiting - dropped: 0 when the books balance.
int64_t transport_books_difference(const struct transport_books *books);
/// "received=9 delivered=9 waiting=0", and what was dropped.
void transport_books_print(const struct transport_books *books, struct buf *out);

const char *transport_name(const struct transport *t);
