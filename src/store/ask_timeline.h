// SPDX-License-Identifier: Apache-2.0
/*
 * Traffic by bucket of time, for each of some keys, and for all others together: what a chart is
 * drawn from, and what rates are computed from.
 */
#pragma once

#include "store/ask_keys.h"
#include "store/ask_work.h"

struct timeline {
    int64_t from_ns;
    int64_t to_ns;
    int64_t step_ns;
    int64_t first; ///< number of the first bucket: its begin is first * step_ns
    size_t bucket_count;
    size_t series_count;
    struct sums *sums; ///< owned; [series][bucket]
};

enum { TIMELINE_BUCKETS = 300 };

/// A nice step of `least_ns` or more, so that a time has `buckets` of them or fewer.
int64_t timeline_step(int64_t span_ns, int64_t least_ns, int64_t buckets);

/// Reads the buckets of `p` (p->step_ns). Series i has the keys of row i of `keys`; with `rest`
/// there is one more, of all other keys. Without axes that one is all there is. ERR_INVALID: too
/// many buckets.
int timeline_read(struct work *w, const struct plan *p, const struct keys *keys, bool rest,
                  struct timeline *ret_timeline) MUST_USE;
void timeline_release(struct timeline *t);

const struct sums *timeline_at(const struct timeline *t, size_t series, size_t bucket);

/// All series of `t` as one.
int timeline_total(const struct timeline *t, struct timeline *ret_total) MUST_USE;

/// When a bucket begins and ends, within the time asked for.
int64_t timeline_begin(const struct timeline *t, size_t bucket);
int64_t timeline_end(const struct timeline *t, size_t bucket);

/// Rates per second of a series over its buckets.
struct rates {
    double avg, max, p95;
};
int timeline_rates(const struct timeline *t, size_t series, enum metric metric,
                   struct rates *ret_rates) MUST_USE;
