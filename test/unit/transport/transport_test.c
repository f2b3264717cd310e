// SPDX-License-Identifier: Apache-2.0
#include "transport/transport.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../unit.h"
#include "base/mem.h"

/// A kind that does as it is told.
struct fake {
    _Atomic int verdict;
    _Atomic int tries;
    _Atomic int reopened;
    _Atomic bool closed;
    _Atomic uint64_t flows;
};

static enum transport_verdict fake_deliver(void *self, struct batch *batch,
                                           struct transport_tally *ret_tally)
{
    struct fake *f = self;
    atomic_fetch_add(&f->tries, 1);
    enum transport_verdict v = (enum transport_verdict)atomic_load(&f->verdict);
    if (v == TRANSPORT_DONE) {
        atomic_fetch_add(&f->flows, batch->flow_count);
        ret_tally->too_large = 1;
    }
    return v;
}

static void fake_reopen(void *self)
{
    struct fake *f = self;
    atomic_fetch_add(&f->reopened, 1);
}

static void fake_close(void *self)
{
    struct fake *f = self;
    atomic_store(&f->closed, true);
}

static const struct transport_kind FAKE = {
    .name = "fake", .deliver = fake_deliver, .reopen = fake_reopen, .close = fake_close
};

static void note_closed(void *context)
{
    atomic_store((_Atomic bool *)context, true);
}

static void offer(struct transport *t, struct batch_pool *pool, bool wait)
{
    struct batch *b = batch_get(pool);
    assert_non_null(b);
    b->flow_count = 10;
    static const struct transport_patience PATIENCE;
    transport_offer(t, b, wait ? &PATIENCE : NULL);
    batch_unref(b);
}

static void wait_for_tries(struct fake *f, int tries)
{
    for (int i = 0; i < 500 && atomic_load(&f->tries) < tries; i++) {
        usleep(10000);
    }
    assert_true(atomic_load(&f->tries) >= tries);
}

static void delivered_and_balanced(void **state)
{
    (void)state;
    struct fake f = { 0 };
    struct transport *t;
    struct batch_pool *pool;
    _Atomic bool ended = false;
    assert_int_equal(batch_pool_new(20, NULL, NULL, &pool), 0);
    assert_int_equal(transport_start(&FAKE, &f, 8, note_closed, &ended, &t), 0);
    for (int i = 0; i < 50; i++) {
        offer(t, pool, true);
    }
    transport_reopen(t);
    transport_stop(t);
    struct transport_books b = transport_books(t);
    assert_int_equal(b.received, 500);
    assert_int_equal(b.delivered, 450);
    assert_int_equal(b.dropped[TRANSPORT_DROP_TOO_LARGE], 50);
    assert_int_equal(b.waiting, 0);
    assert_int_equal(transport_books_difference(&b), 0);
    assert_int_equal(atomic_load(&f.flows), 500);
    assert_true(atomic_load(&f.closed));
    assert_false(atomic_load(&ended));
    assert_int_equal(batch_pool_out(pool), 0);
    struct buf text;
    buf_init(&text, 1000);
    transport_books_print(&b, &text);
    assert_string_equal(buf_text(&text), "received=500 delivered=450 waiting=0 too_large=50");
    buf_release(&text);
    transport_free(t);
    batch_pool_free(pool);
}

/// While nothing can be delivered the ring fills, then batches are lost for this transport alone.
static void a_full_ring_drops_and_counts(void **state)
{
    (void)state;
    struct fake f = { .verdict = TRANSPORT_RETRY };
    struct transport *t;
    struct batch_pool *pool;
    _Atomic bool ended = false;
    assert_int_equal(batch_pool_new(20, NULL, NULL, &pool), 0);
    assert_int_equal(transport_start(&FAKE, &f, 4, note_closed, &ended, &t), 0);
    offer(t, pool, false);
    wait_for_tries(&f, 1); // the first is in the thread's hands
    for (int i = 0; i < 7; i++) {
        offer(t, pool, false);
    }
    struct transport_books b = transport_books(t);
    assert_int_equal(b.waiting, 50);
    assert_int_equal(b.dropped[TRANSPORT_DROP_RING_FULL], 30);
    assert_int_equal(b.batches_waiting, 4);
    atomic_store(&f.verdict, TRANSPORT_DONE); // it works again: nothing that waited is lost
    wait_for_tries(&f, 6);
    transport_stop(t);
    b = transport_books(t);
    assert_int_equal(b.delivered + b.dropped[TRANSPORT_DROP_TOO_LARGE], 50);
    assert_int_equal(transport_books_difference(&b), 0);
    transport_free(t);
    batch_pool_free(pool);
}

static void a_deadline_ends_waiting(void **state)
{
    (void)state;
    struct fake f = { .verdict = TRANSPORT_RETRY };
    struct transport *t;
    struct batch_pool *pool;
    _Atomic bool ended = false;
    assert_int_equal(batch_pool_new(20, NULL, NULL, &pool), 0);
    assert_int_equal(transport_start(&FAKE, &f, 4, note_closed, &ended, &t), 0);
    transport_set_deadline(t, 150);
    for (int i = 0; i < 10; i++) {
        offer(t, pool, true); // more than the ring holds: waits until the deadline lets go
    }
    transport_stop(t);
    struct transport_books b = transport_books(t);
    assert_int_equal(b.dropped[TRANSPORT_DROP_STOPPED], 100);
    assert_int_equal(transport_books_difference(&b), 0);
    assert_int_equal(batch_pool_out(pool), 0);
    transport_free(t);
    batch_pool_free(pool);
}

static void a_closed_reader_is_told(void **state)
{
    (void)state;
    struct fake f = { .verdict = TRANSPORT_CLOSED };
    struct transport *t;
    struct batch_pool *pool;
    _Atomic bool ended = false;
    assert_int_equal(batch_pool_new(20, NULL, NULL, &pool), 0);
    assert_int_equal(transport_start(&FAKE, &f, 4, note_closed, &ended, &t), 0);
    for (int i = 0; i < 10; i++) {
        offer(t, pool, true);
    }
    transport_stop(t);
    assert_true(atomic_load(&ended));
    struct transport_books b = transport_books(t);
    assert_int_equal(b.dropped[TRANSPORT_DROP_STOPPED], 100);
    transport_free(t);
    batch_pool_free(pool);
}

static void *ask_for_books(void *argument)
{
    struct transport *t = argument;
    struct buf text;
    buf_init(&text, 1000);
    uint64_t recovered = 0;
    for (int i = 0; i < 300; i++) {
        recovered = transport_books(t).recovered;
        transport_print_metrics(t, &text);
        usleep(100);
    }
    assert_int_equal(recovered, 7); // also when it is closed
    buf_release(&text);
    return NULL;
}

/// Its books must not be asked for once it is closed.
static void open_only(const struct fake *f)
{
    assert_false(atomic_load(&f->closed));
    usleep(100);
    assert_false(atomic_load(&f->closed));
}

static void fake_books(void *self, struct transport_books *books)
{
    open_only(self);
    books->recovered += 7;
}

static void fake_metrics(void *self, struct buf *out)
{
    (void)out;
    open_only(self);
}

/// Whoever serves the status page may ask at any time, also while it is being closed.
static void books_may_be_read_beside_the_end(void **state)
{
    (void)state;
    static const struct transport_kind KIND = { .name = "fake",
                                                .deliver = fake_deliver,
                                                .books = fake_books,
                                                .metrics = fake_metrics,
                                                .close = fake_close };
    struct fake f = { 0 };
    struct transport *t;
    _Atomic bool ended = false;
    assert_int_equal(transport_start(&KIND, &f, 4, note_closed, &ended, &t), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_for_books, t), 0);
    usleep(20000);
    transport_stop(t);
    assert_int_equal(pthread_join(thread, NULL), 0);
    transport_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivered_and_balanced),
        cmocka_unit_test(a_full_ring_drops_and_counts),
        cmocka_unit_test(a_deadline_ends_waiting),
        cmocka_unit_test(a_closed_reader_is_told),
        cmocka_unit_test(books_may_be_read_beside_the_end),
    };
    return UNIT_MAIN("transport/transport", tests);
}
