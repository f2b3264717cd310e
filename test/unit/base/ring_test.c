// SPDX-License-Identifier: Apache-2.0
#include "base/ring.h"

#include <pthread.h>
#include <stdatomic.h>

#include "../unit.h"
#include "base/status.h"

static void first_in_first_out(void **state)
{
    (void)state;
    struct ring *r;
    bool closed;
    int items[3];
    assert_int_equal(ring_new(2, &r), 0);
    assert_null(ring_pop(r, 0, &closed));
    assert_false(closed);
    for (int round = 0; round < 5; round++) { // around the end of the array
        assert_int_equal(ring_push(r, &items[0]), 0);
        assert_int_equal(ring_push(r, &items[1]), 0);
        assert_int_equal(ring_push(r, &items[2]), ERR_FULL);
        assert_int_equal(ring_push_wait(r, &items[2], 2, 5), ERR_FULL);
        assert_int_equal(ring_count(r), 2);
        assert_ptr_equal(ring_pop(r, -1, &closed), &items[0]);
        assert_int_equal(ring_push(r, &items[2]), 0);
        assert_ptr_equal(ring_pop(r, 10, &closed), &items[1]);
        assert_ptr_equal(ring_pop(r, 0, &closed), &items[2]);
    }
    assert_int_equal(ring_push(r, &items[0]), 0);
    ring_close(r);
    assert_int_equal(ring_push(r, &items[1]), ERR_CLOSED);
    assert_int_equal(ring_push_wait(r, &items[1], 2, -1), ERR_CLOSED);
    assert_ptr_equal(ring_pop(r, -1, &closed), &items[0]); // what was in it comes out
    assert_null(ring_pop(r, -1, &closed));
    assert_true(closed);
    ring_free(r);
    ring_free(NULL);
}

/// Who waits leaves places to who cannot.
static void few_places(void **state)
{
    (void)state;
    struct ring *r;
    bool closed;
    int items[3];
    assert_int_equal(ring_new(3, &r), 0);
    assert_int_equal(ring_push_wait(r, &items[0], 1, 0), 0);
    assert_int_equal(ring_push_wait(r, &items[1], 1, 5), ERR_FULL);
    assert_int_equal(ring_push(r, &items[1]), 0);
    assert_int_equal(ring_push_wait(r, &items[2], 2, 5), ERR_FULL);
    assert_ptr_equal(ring_pop(r, 0, &closed), &items[0]);
    assert_int_equal(ring_push_wait(r, &items[2], 2, 5), 0);
    assert_ptr_equal(ring_pop(r, 0, &closed), &items[1]);
    assert_ptr_equal(ring_pop(r, 0, &closed), &items[2]);
    ring_free(r);
}

enum { PER_THREAD = 20000, THREADS = 3 };

struct traffic {
    struct ring *ring;
    _Atomic uint64_t sum;
};

static void *push_many(void *argument)
{
    struct traffic *t = argument;
    for (uintptr_t i = 1; i <= PER_THREAD; i++) {
        assert_int_equal(ring_push_wait(t->ring, (void *)i, 4, -1), 0);
    }
    return NULL;
}

static void *pop_many(void *argument)
{
    struct traffic *t = argument;
    for (;;) {
        bool closed;
        void *item = ring_pop(t->ring, 100, &closed);
        if (closed) {
            return NULL;
        }
        atomic_fetch_add(&t->sum, (uintptr_t)item);
    }
}

/// Nothing is lost and nothing comes twice, with waiting on both sides.
static void threads(void **state)
{
    (void)state;
    struct traffic t = { 0 };
    pthread_t pushers[THREADS];
    pthread_t poppers[THREADS];
    assert_int_equal(ring_new(4, &t.ring), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&pushers[i], NULL, push_many, &t), 0);
        assert_int_equal(pthread_create(&poppers[i], NULL, pop_many, &t), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(pushers[i], NULL);
    }
    ring_close(t.ring);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(poppers[i], NULL);
    }
    assert_int_equal(t.sum, (uint64_t)THREADS * PER_THREAD * (PER_THREAD + 1) / 2);
    ring_free(t.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(few_places),
        cmocka_unit_test(threads),
    };
    return UNIT_MAIN("base/ring", tests);
}
