// SPDX-License-Identifier: Apache-2.0
/*
 * The thread takes one batch at a time and calls deliver() until it is done. While delivery does
 * not work (a full disk) it tries again every RETRY_MS, and what comes meanwhile waits in the ring.
 */
#include "transport/transport.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/ring.h"

enum {
    TICK_MS = 100,
    RETRY_MS = 100,
};

struct transport {
    const struct transport_kind *kind;
    pthread_mutex_t closing; ///< who asks for books or counters holds it, and who closes
    void *self;              ///< NULL: closed
    struct ring *ring;
    size_t capacity;
    pthread_t thread;
    transport_closed_fn *closed;
    void *context;
    _Atomic bool reopen_wanted;
    _Atomic bool flush_wanted;
    _Atomic uint64_t deadline_ns; ///< monotonic; 0 is none
    _Atomic uint64_t received;
    _Atomic uint64_t waiting;
    _Atomic uint64_t delivered;
    _Atomic uint64_t error_documents;
    _Atomic uint64_t duplicates;
    _Atomic uint64_t repeats_possible;
    _Atomic uint64_t failure_store;
    _Atomic uint64_t refused;
    _Atomic uint64_t dropped[TRANSPORT_DROP_COUNT];
    struct transport_books last; ///< the kind's part, when it was stopped; under `closing`
};

const char *transport_drop_text(enum transport_drop drop)
{
    static const char *const TEXTS[TRANSPORT_DROP_COUNT] = {
        [TRANSPORT_DROP_RING_FULL] = "ring_full",
        [TRANSPORT_DROP_TOO_LARGE] = "too_large",
        [TRANSPORT_DROP_STOPPED] = "stopped",
        [TRANSPORT_DROP_SPOOL_FULL] = "spool_full",
        [TRANSPORT_DROP_SPOOL_DAMAGED] = "spool_damaged",
    };
    CHECK(drop < TRANSPORT_DROP_COUNT);
    return TEXTS[drop];
}

static void lock(struct transport *t)
{
    CHECK(pthread_mutex_lock(&t->closing) == 0);
}

static void unlock(struct transport *t)
{
    CHECK(pthread_mutex_unlock(&t->closing) == 0);
}

static bool is_overdue(const struct transport *t)
{
    uint64_t deadline_ns = atomic_load(&t->deadline_ns);
    return deadline_ns != 0 && clock_mono_ns() >= deadline_ns;
}

static void housekeeping(struct transport *t)
{
    if (atomic_exchange(&t->reopen_wanted, false) && t->kind->reopen != NULL) {
        t->kind->reopen(t->self);
    }
    if (atomic_exchange(&t->flush_wanted, false) && t->kind->flush != NULL) {
        t->kind->flush(t->self);
    }
    if (t->kind->tick != NULL) {
        t->kind->tick(t->self);
    }
}

void transport_settle(struct transport *t, const struct transport_tally *tally, uint64_t waited)
{
    atomic_fetch_add(&t->delivered, tally->delivered);
    atomic_fetch_add(&t->error_documents, tally->error_documents);
    atomic_fetch_add(&t->duplicates, tally->duplicates);
    atomic_fetch_add(&t->repeats_possible, tally->repeats_possible);
    atomic_fetch_add(&t->failure_store, tally->failure_store);
    atomic_fetch_add(&t->refused, tally->refused);
    atomic_fetch_add(&t->dropped[TRANSPORT_DROP_TOO_LARGE], tally->too_large);
    atomic_fetch_add(&t->dropped[TRANSPORT_DROP_STOPPED], tally->stopped);
    atomic_fetch_add(&t->dropped[TRANSPORT_DROP_SPOOL_DAMAGED], tally->damaged);
    atomic_fetch_sub(&t->waiting, waited);
}

/// Delivers a batch however often it takes, or sees it taken. False when the transport is closed
/// for good or the time to stop is over: it is still the caller's then.
static bool deliver(struct transport *t, struct batch *batch)
{
    for (;;) {
        struct transport_tally done = { 0 };
        enum transport_verdict verdict = t->kind->deliver(t->self, batch, &done);
        switch (verdict) {
        case TRANSPORT_DONE:
            done.delivered = batch->flow_count - done.too_large;
            transport_settle(t, &done, batch->flow_count);
            batch_unref(batch);
            return true;
        case TRANSPORT_TAKEN:
            return true;
        case TRANSPORT_CLOSED:
            t->closed(t->context);
            return false;
        case TRANSPORT_RETRY:
        case TRANSPORT_AGAIN:
            break;
        }
        if (is_overdue(t)) {
            return false;
        }
        if (verdict == TRANSPORT_RETRY) {
            struct timespec pause = { .tv_nsec = RETRY_MS * (long)NS_PER_MS };
            (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL); // may end early
        }
        housekeeping(t);
    }
}

static void drop(struct transport *t, struct batch *batch, enum transport_drop reason)
{
    atomic_fetch_add(&t->dropped[reason], batch->flow_count);
    atomic_fetch_sub(&t->waiting, batch->flow_count);
    batch_set_undelivered(batch);
    batch_unref(batch);
}

static void *run(void *argument)
{
    struct transport *t = argument;
    bool usable = true;
    for (;;) {
        bool closed;
        struct batch *batch = ring_pop(t->ring, TICK_MS, &closed);
        if (closed) {
            return NULL;
        }
        housekeeping(t);
        if (batch == NULL) {
            continue;
        }
        usable = usable && deliver(t, batch);
        if (!usable) {
            drop(t, batch, TRANSPORT_DROP_STOPPED);
        }
    }
}

static void release(struct transport *t)
{
    ring_free(t->ring);
    CHECK(pthread_mutex_destroy(&t->closing) == 0);
    mem_free(t);
}

int transport_start(const struct transport_kind *kind, void *self, size_t capacity,
                    transport_closed_fn *closed, void *context, struct transport **ret_transport)
{
    struct transport *t = mem_zalloc(sizeof(*t));
    if (t == NULL) {
        return ERR_NO_MEMORY;
    }
    t->kind = kind;
    t->self = self;
    t->closed = closed;
    t->context = context;
    t->capacity = capacity;
    CHECK(pthread_mutex_init(&t->closing, NULL) == 0);
    int status = ring_new(capacity, &t->ring);
    if (status == 0 && kind->start != NULL) {
        status = kind->start(self, t);
    }
    if (status == 0 && pthread_create(&t->thread, NULL, run, t) != 0) {
        status = ERR_IO;
        if (kind->stop != NULL) {
            kind->stop(self);
        }
    }
    if (status != 0) {
        release(t);
        return status;
    }
    *ret_transport = t;
    return 0;
}

void transport_offer(struct transport *t, struct batch *batch,
                     const struct transport_patience *patience)
{
    batch_ref(batch);
    atomic_fetch_add(&t->received, batch->flow_count);
    atomic_fetch_add(&t->waiting, batch->flow_count);
    size_t places = patience == NULL || patience->places == 0 ? SIZE_MAX : patience->places;
    int status = patience == NULL ? ring_push(t->ring, batch)
                                  : ring_push_wait(t->ring, batch, places, RETRY_MS);
    while (status == ERR_FULL && patience != NULL) {
        if (patience->tick != NULL) {
            patience->tick(patience->context);
        }
        status = ring_push_wait(t->ring, batch, places, RETRY_MS);
    }
    if (status != 0) {
        drop(t, batch, TRANSPORT_DROP_RING_FULL);
    }
}

void transport_reopen(struct transport *t)
{
    atomic_store(&t->reopen_wanted, true);
}

void transport_flush(struct transport *t)
{
    atomic_store(&t->flush_wanted, true);
}

void transport_print_metrics(struct transport *t, struct buf *out)
{
    lock(t);
    if (t->self != NULL && t->kind->metrics != NULL) {
        t->kind->metrics(t->self, out);
    }
    unlock(t);
}

bool transport_is_behind(struct transport *t)
{
    if (ring_count(t->ring) >= t->capacity / 2) {
        return true;
    }
    lock(t); // who asks how weir is may do so until the end
    bool behind = t->self != NULL && t->kind->is_behind != NULL && t->kind->is_behind(t->self);
    unlock(t);
    return behind;
}

bool transport_is_crowded(struct transport *t)
{
    return ring_count(t->ring) >= t->capacity / 4;
}

int transport_sync(struct transport *t)
{
    bool open = t->self != NULL;
    return open && t->kind->sync != NULL ? t->kind->sync(t->self) : 0;
}

void transport_set_deadline(struct transport *t, unsigned deadline_ms)
{
    uint64_t deadline_ns = clock_mono_ns() + deadline_ms * NS_PER_MS;
    atomic_store(&t->deadline_ns, deadline_ns);
    if (t->kind->hurry != NULL) {
        t->kind->hurry(t->self, deadline_ns);
    }
}

void transport_stop(struct transport *t)
{
    ring_close(t->ring);
    CHECK(pthread_join(t->thread, NULL) == 0);
    if (t->kind->stop != NULL) {
        t->kind->stop(t->self);
    }
    lock(t);
    if (t->kind->books != NULL) {
        t->kind->books(t->self, &t->last);
    }
    t->kind->close(t->self);
    t->self = NULL;
    unlock(t);
}

void transport_free(struct transport *t)
{
    if (t != NULL) {
        CHECK(t->self == NULL);
        release(t);
    }
}

struct transport_books transport_books(struct transport *t)
{
    lock(t);
    struct transport_books books = t->last;
    if (t->self != NULL && t->kind->books != NULL) {
        t->kind->books(t->self, &books);
    }
    unlock(t);
    books.received = atomic_load(&t->received);
    books.delivered = atomic_load(&t->delivered);
    books.error_documents = atomic_load(&t->error_documents);
    books.duplicates = atomic_load(&t->duplicates);
    books.repeats_possible = atomic_load(&t->repeats_possible);
    books.failure_store = atomic_load(&t->failure_store);
    books.waiting = atomic_load(&t->waiting);
    books.refused = atomic_load(&t->refused);
    for (int i = 0; i < TRANSPORT_DROP_COUNT; i++) {
        books.dropped[i] += atomic_load(&t->dropped[i]);
    }
    books.batches_waiting = ring_count(t->ring);
    return books;
}

int64_t transport_books_difference(const struct transport_books *books)
{
    uint64_t gone = books->delivered + books->waiting + books->spooled + books->refused;
    for (int i = 0; i < TRANSPORT_DROP_COUNT; i++) {
        gone += books->dropped[i];
    }
    return (int64_t)(books->received + books->recovered - gone);
}

static void print_more(struct buf *out, const char *name, uint64_t count)
{
    if (count > 0) {
        buf_printf(out, " %s=%llu", name, (unsigned long long)count);
    }
}

void transport_books_print(const struct transport_books *books, struct buf *out)
{
    buf_printf(out, "received=%llu delivered=%llu waiting=%llu",
               (unsigned long long)books->received, (unsigned long long)books->delivered,
               (unsigned long long)books->waiting);
    print_more(out, "of_which_errors", books->error_documents);
    print_more(out, "duplicates", books->duplicates);
    print_more(out, "repeats_possible", books->repeats_possible);
    print_more(out, "failure_store", books->failure_store);
    print_more(out, "recovered", books->recovered);
    print_more(out, "spooled", books->spooled);
    print_more(out, "refused", books->refused);
    for (enum transport_drop i = 0; i < TRANSPORT_DROP_COUNT; i++) {
        print_more(out, transport_drop_text(i), books->dropped[i]);
    }
}

const char *transport_name(const struct transport *t)
{
    return t->kind->name;
}
