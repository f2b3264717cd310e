// SPDX-License-Identifier: Apache-2.0
/*
 * A log-linear histogram: each power of two is cut into sixteen buckets. The ten minutes are slices
 * of two, each with a histogram of its own that is cleared when its turn comes again.
 */
#include "base/summary.h"

#include <math.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/mem.h"
#include "base/status.h"

enum {
    STEP_BITS = 4,
    STEPS = 1 << STEP_BITS,
    BUCKETS = STEPS * 40, ///< up to 2^43, more than two hours in ns
    SLICES = 5,
    SLICE_S = 120,
};

struct slice {
    struct counter epoch; ///< which two minutes it is for
    struct counter buckets[BUCKETS];
};

struct summary {
    struct counter sum;
    struct counter count;
    struct slice slices[SLICES];
};

int summary_new(struct summary **ret_summary)
{
    *ret_summary = mem_zalloc(sizeof(struct summary));
    return *ret_summary == NULL ? ERR_NO_MEMORY : 0;
}

void summary_free(struct summary *s)
{
    mem_free(s);
}

static size_t bucket_of(uint64_t value)
{
    if (value < STEPS) {
        return (size_t)value;
    }
    unsigned exponent = 63 - (unsigned)__builtin_clzll(value);
    size_t step = (size_t)(value >> (exponent - STEP_BITS)) & (STEPS - 1);
    size_t bucket = (size_t)(exponent - STEP_BITS + 1) * STEPS + step;
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/// The middle of a bucket.
static double value_of(size_t bucket)
{
    if (bucket < STEPS) {
        return (double)bucket;
    }
    unsigned shift = (unsigned)(bucket / STEPS) - 1;
    uint64_t low = (uint64_t)(STEPS + bucket % STEPS) << shift;
    return (double)low + (double)((uint64_t)1 << shift) / 2.0;
}

static uint64_t epoch_of(uint64_t now_ns)
{
    return now_ns / (SLICE_S * NS_PER_S) + 1;
}

void summary_add(struct summary *s, uint64_t now_ns, uint64_t value)
{
    uint64_t epoch = epoch_of(now_ns);
    struct slice *slice = &s->slices[epoch % SLICES];
    if (counter_get(&slice->epoch) != epoch) {
        for (size_t i = 0; i < BUCKETS; i++) {
            atomic_store_explicit(&slice->buckets[i].value, 0, memory_order_relaxed);
        }
        atomic_store_explicit(&slice->epoch.value, epoch, memory_order_relaxed);
    }
    counter_inc(&slice->buckets[bucket_of(value)]);
    counter_add(&s->sum, value);
    counter_inc(&s->count);
}

/// What the live slices of all summaries hold in one bucket.
static uint64_t bucket_count(const struct summary *const *summaries, size_t count, uint64_t epoch,
                             size_t bucket)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < SLICES; k++) {
            const struct slice *slice = &summaries[i]->slices[k];
            uint64_t slice_epoch = counter_get(&slice->epoch);
            if (slice_epoch != 0 && epoch - slice_epoch < SLICES) {
                total += counter_get(&slice->buckets[bucket]);
            }
        }
    }
    return total;
}

void summary_read(const struct summary *const *summaries, size_t count, uint64_t now_ns,
                  struct summary_view *ret_view)
{
    static const double QUANTILES[3] = { 0.5, 0.9, 0.99 };
    uint64_t epoch = epoch_of(now_ns);
    const double none = (double)NAN;
    *ret_view = (struct summary_view){ .quantiles = { none, none, none } };
    for (size_t i = 0; i < count; i++) {
        ret_view->sum += counter_get(&summaries[i]->sum);
        ret_view->count += counter_get(&summaries[i]->count);
    }
    uint64_t total = 0;
    for (size_t b = 0; b < BUCKETS; b++) {
        total += bucket_count(summaries, count, epoch, b);
    }
    uint64_t below = 0;
    size_t q = 0;
    for (size_t b = 0; b < BUCKETS && q < 3 && total > 0; b++) {
        below += bucket_count(summaries, count, epoch, b);
        while (q < 3 && (double)below >= QUANTILES[q] * (double)total) {
            ret_view->quantiles[q++] = value_of(b);
        }
    }
}
