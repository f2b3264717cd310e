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

static int push_locked(struct ring *r, void *item, size_t places)
{
    if (r->closed) {
        return ERR_CLOSED;
    }
    if (r->count >= places || r->count == r->capacity) {
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
    int status = push_locked(r, item, r->capacity);
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return status;
}

/// Waits on a condition until it is signalled or `deadline` (NULL: none) is over. False at the end.
static bool wait_on(struct ring *r, pthread_cond_t *condition, const struct timespec *deadline)
{
    int status = deadline == NULL ? pthread_cond_wait(condition, &r->mutex)
                                  : pthread_cond_timedwait(condition, &r->mutex, deadline);
    CHECK(status == 0 || status == ETIMEDOUT);
    return status == 0;
}

static struct timespec deadline_after(int timeout_ms)
{
    uint64_t until = clock_mono_ns() + (uint64_t)timeout_ms * NS_PER_MS;
    return (struct timespec){ .tv_sec = (time_t)(until / NS_PER_S),
                              .tv_nsec = (long)(until % NS_PER_S) };
}

int ring_push_wait(struct ring *r, void *item, size_t places, int timeout_ms)
{
    struct timespec deadline = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    int status = push_locked(r, item, places);
    while (status == ERR_FULL && wait_on(r, &r->not_full, timeout_ms < 0 ? NULL : &deadline)) {
        status = push_locked(r, item, places);
    }
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return status;
}

void *ring_pop(struct ring *r, int timeout_ms, bool *ret_closed)
{
    struct timespec deadline = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    bool waiting = true;
    while (waiting && r->count == 0 && !r->closed) {
        waiting = wait_on(r, &r->not_empty, timeout_ms < 0 ? NULL : &deadline);
    }
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
