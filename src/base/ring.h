// SPDX-License-Identifier: Apache-2.0
/*
 * A bounded queue of pointers between threads: any number of pushers, any number of poppers. What
 * passes through is a batch of hundreds of flows, so a mutex costs nothing here.
 *
 * The ring does not own what is in it. After ring_close() pushes fail and pops drain the rest.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct ring;

/// A ring of `capacity` (> 0) places. ERR_NO_MEMORY.
int ring_new(size_t capacity, struct ring **ret_ring) MUST_USE;
/// The ring must be empty or its content no longer needed. NULL is fine.
void ring_free(struct ring *r);

/// ERR_FULL when there is no place, ERR_CLOSED after ring_close().
int ring_push(struct ring *r, void *item) MUST_USE;

/// As ring_push() but waits up to `timeout_ms` (-1: for ever) until fewer than `places` items wait.
/// Who can wait leaves the other places to who cannot.
int ring_push_wait(struct ring *r, void *item, size_t places, int timeout_ms) MUST_USE;

/// The oldest item; waits up to `timeout_ms` (-1: for ever) for one. NULL on time-out, and when the
/// ring is closed and empty (*ret_closed tells which).
void *ring_pop(struct ring *r, int timeout_ms, bool *ret_closed);

/// No more pushes; wakes every waiter.
void ring_close(struct ring *r);

/// Items waiting now.
size_t ring_count(struct ring *r);
