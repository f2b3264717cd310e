// SPDX-License-Identifier: Apache-2.0
/*
 * How hard a cluster is pressed, for all who deliver to it: the size of requests, and whether
 * anybody should go at all.
 *
 * The size is halved when the server says that it is too much, or takes long, and grows by a
 * sixteenth with each request that went well: so it settles where the server is comfortable.
 *
 * Trouble that concerns everybody holds everybody for a while: as long as the server asks for, else
 * 1 s and twice as long each time up to 60 s, with jitter. It is logged when it begins, when it
 * changes and each minute, and when it is over.
 *
 * Any thread.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct pace {
    size_t size_max;
    _Atomic size_t size;
    _Atomic uint64_t hold_ns;    ///< monotonic time until which nobody goes
    pthread_mutex_t mutex;       ///< of what follows
    unsigned holds;              ///< in a row
    char trouble[ERR_TEXT_SIZE]; ///< that was logged; "": there is none
    uint64_t reported_ns;        ///< when it was
    uint64_t trouble_ns;         ///< when there last was any
};

/// `size_max`: of a request, bytes.
void pace_init(struct pace *p, size_t size_max);
void pace_release(struct pace *p);

/// How large a request should be now.
static inline size_t pace_size(const struct pace *p)
{
    return atomic_load_explicit(&p->size, memory_order_relaxed);
}

/// A request was too much.
void pace_shrink(struct pace *p);
/// A request that took `took_ns` went well.
void pace_went_well(struct pace *p, uint64_t took_ns);

/// Nobody goes for a while. `retry_after_ms`: what the server asks for; 0: nothing.
void pace_hold(struct pace *p, uint64_t retry_after_ms);
/// How long everybody is held yet; 0: go.
uint64_t pace_held_ms(const struct pace *p);
/// How long to wait after so many failures in a row: between half and all of 1 s, 2 s and so on up
/// to 60 s, at random, so that those who failed together do not come back together.
uint64_t pace_backoff_ms(unsigned failures);

/// Logs what is wrong, once for each thing and minute.
void pace_report(struct pace *p, const char *trouble);
/// All is well: the next hold is a short one. Logged when there was trouble that has been quiet for
/// a while.
void pace_report_well(struct pace *p);
