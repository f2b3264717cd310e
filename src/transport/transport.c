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
    TICK_MS = 500,
    RETRY_MS = 100,
};

struct transport {
    const struct transport_kind *kind;
    void *self;
    struct ring *ring;
    pthread_t thread;
    transport_closed_fn *closed;
    void *context;
    _Atomic bool reopen_wanted;
    _Atomic uint64_t deadline_ns; ///< monotonic; 0 is none
    _Atomic uint64_t received;
    _Atomic uint64_t waiting;
    _Atomic uint64_t delivered;
    _Atomic uint64_t error_documents;
    _Atomic uint64_t dropped[TRANSPORT_DROP_COUNT];
};

const char *transport_drop_text(enum transport_drop drop)
{
    static const char *const TEXTS[TRANSPORT_DROP_COUNT] = {
        [TRANSPORT_DROP_RING_FULL] = "ring_full",
        [TRANSPORT_DROP_TOO_LARGE] = "too_large",
        [TRANSPORT_DROP_STOPPED] = "stopped",
    };
    CHECK(drop < TRANSPORT_DROP_COUNT);
    return TEXTS[drop];
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
    if (t->kind->tick != NULL) {
        t->kind->tick(t->self);
    }
}

/// Delivers a batch however often it takes. False when the transport is closed for good or the time
/// to stop is over.
static bool deliver(struct transport *t, struct batch *batch)
{
    for (;;) {
        struct transport_delivery done = { 0 };
        switch (t->kind->deliver(t->self, batch, &done)) {
        case TRANSPORT_DONE:
            atomic_fetch_add(&t->dropped[TRANSPORT_DROP_TOO_LARGE], done.too_large);
            atomic_fetch_add(&t->delivered, batch->flow_count - done.too_large);
            atomic_fetch_add(&t->error_documents, done.error_documents);
            atomic_fetch_sub(&t->waiting, batch->flow_count);
            return true;
        case TRANSPORT_CLOSED:
            t->closed(t->context);
            return false;
        case TRANSPORT_RETRY:
            break;
        }
        if (is_overdue(t)) {
            return false;
        }
        struct timespec pause = { .tv_nsec = RETRY_MS * (long)NS_PER_MS };
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL); // may end early
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
        if (usable) {
            batch_unref(batch);
        } else {
            drop(t, batch, TRANSPORT_DROP_STOPPED);
        }
    }
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
    int status = ring_new(capacity, &t->ring);
    if (status == 0 && pthread_create(&t->thread, NULL, run, t) != 0) {
        status = ERR_IO;
    }
    if (status != 0) {
        ring_free(t->ring);
        mem_free(t);
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

int transport_sync(struct transport *t)
{
    bool open = t->self != NULL;
    return open && t->kind->sync != NULL ? t->kind->sync(t->self) : 0;
}

void transport_set_deadline(struct transport *t, unsigned deadline_ms)
{
    atomic_store(&t->deadline_ns, clock_mono_ns() + deadline_ms * NS_PER_MS);
}

void transport_stop(struct transport *t)
{
    ring_close(t->ring);
    CHECK(pthread_join(t->thread, NULL) == 0);
    t->kind->close(t->self);
    t->self = NULL;
}

void transport_free(struct transport *t)
{
    if (t != NULL) {
        CHECK(t->self == NULL);
        ring_free(t->ring);
        mem_free(t);
    }
}

struct transport_books transport_books(struct transport *t)
{
    struct transport_books books = { .received = atomic_load(&t->received),
                                     .delivered = atomic_load(&t->delivered),
                                     .error_documents = atomic_load(&t->error_documents),
                                     .waiting = atomic_load(&t->waiting),
                                     .batches_waiting = ring_count(t->ring) };
    for (int i = 0; i < TRANSPORT_DROP_COUNT; i++) {
        books.dropped[i] = atomic_load(&t->dropped[i]);
    }
    return books;
}

int64_t transport_books_difference(const struct transport_books *books)
{
    uint64_t gone = books->delivered + books->waiting;
    for (int i = 0; i < TRANSPORT_DROP_COUNT; i++) {
        gone += books->dropped[i];
    }
    return (int64_t)(books->received - gone);
}

void transport_books_print(const struct transport_books *books, struct buf *out)
{
    buf_printf(out, "received=%llu delivered=%llu waiting=%llu",
               (unsigned long long)books->received, (unsigned long long)books->delivered,
               (unsigned long long)books->waiting);
    if (books->error_documents > 0) {
        buf_printf(out, " of_which_errors=%llu", (unsigned long long)books->error_documents);
    }
    for (enum transport_drop i = 0; i < TRANSPORT_DROP_COUNT; i++) {
        if (books->dropped[i] > 0) {
            buf_printf(out, " %s=%llu", transport_drop_text(i),
                       (unsigned long long)books->dropped[i]);
        }
    }
}

const char *transport_name(const struct transport *t)
{
    return t->kind->name;
}
