// SPDX-License-Identifier: Apache-2.0
/*
 * A mutex and two conditions around an array. Items are batches of hundreds of flows, so
 * contention is a few hundred times a second, and nothing cleverer would be seen in a profile.
 */
#include "base/ring.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"

struct ring {
    pthread_mutex_t mutex;
    pthread_cond_t not_empty;
    pthread_cond_t not_full;
    size_t capacity;
    size_t first; ///< index of the oldest item
    size_t count;
    bool closed;
    void *items[];
};

int ring_new(size_t capacity, struct ring **ret_ring)
{
    CHECK(capacity > 0);
    struct ring *r = mem_zalloc(sizeof(*r) + capacity * sizeof(r->items[0]));
    if (r == NULL) {
        return ERR_NO_MEMORY;
    }
    r->capacity = capacity;
    pthread_condattr_t attr;
    CHECK(pthread_condattr_init(&attr) == 0);
    CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_mutex_init(&r->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&r->not_empty, &attr) == 0);
    CHECK(pthread_cond_init(&r->not_full, &attr) == 0);
    (void)pthread_condattr_destroy(&attr); // nothing to lose
    *ret_ring = r;
    return 0;
}

void ring_free(struct ring *r)
{
    if (r == NULL) {
        return;
    }
    CHECK(pthread_cond_destroy(&r->not_empty) == 0);
    CHECK(pthread_cond_destroy(&r->not_full) == 0);
    CHECK(pthread_mutex_destroy(&r->mutex) == 0);
    mem_free(r);
}

static int push_locked(struct ring *r, void *item)
{
    if (r->closed) {
        return ERR_CLOSED;
    }
    if (r->count == r->capacity) {
        return ERR_FULL;
    }
    r->items[(r->first + r->count) % r->capacity] = item;
    r->count++;
    CHECK(pthread_cond_signal(&r->not_empty) == 0);
    return 0;
}

int ring_push(struct ring *r, void *item)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    int status = push_locked(r, item);
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return status;
}

int ring_push_wait(struct ring *r, void *item)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    int status = push_locked(r, item);
    while (status == ERR_FULL) {
        CHECK(pthread_cond_wait(&r->not_full, &r->mutex) == 0);
        status = push_locked(r, item);
    }
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return status;
}

/// Waits until there is an item, the ring is closed or the time is over.
static void wait_for_item(struct ring *r, int timeout_ms)
{
    uint64_t until = clock_mono_ns() + (timeout_ms < 0 ? 0 : (uint64_t)timeout_ms * NS_PER_MS);
    struct timespec deadline = { .tv_sec = (time_t)(until / NS_PER_S),
                                 .tv_nsec = (long)(until % NS_PER_S) };
    int status = 0;
    while (r->count == 0 && !r->closed && status != ETIMEDOUT) {
        status = timeout_ms < 0 ? pthread_cond_wait(&r->not_empty, &r->mutex)
                                : pthread_cond_timedwait(&r->not_empty, &r->mutex, &deadline);
        CHECK(status == 0 || status == ETIMEDOUT);
    }
}

void *ring_pop(struct ring *r, int timeout_ms, bool *ret_closed)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    wait_for_item(r, timeout_ms);
    void *item = NULL;
    if (r->count > 0) {
        item = r->items[r->first];
        r->first = (r->first + 1) % r->capacity;
        r->count--;
        CHECK(pthread_cond_signal(&r->not_full) == 0);
    }
    *ret_closed = item == NULL && r->closed;
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return item;
}

void ring_close(struct ring *r)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    r->closed = true;
    CHECK(pthread_cond_broadcast(&r->not_empty) == 0);
    CHECK(pthread_cond_broadcast(&r->not_full) == 0);
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
}

size_t ring_count(struct ring *r)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    size_t count = r->count;
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return count;
}
