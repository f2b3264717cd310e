// SPDX-License-Identifier: Apache-2.0
/*
 * A Prometheus summary of numbers: sum and count for ever, quantiles over the last ten minutes. One
 * thread adds, any may read. Numbers are kept in buckets that are a sixteenth wide relative to
 * their value, so a quantile is within about six percent.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct summary;

int summary_new(struct summary **ret_summary) MUST_USE;
void summary_free(struct summary *s);

/// Adds `value` at `now_ns` (monotonic). Owner thread only.
void summary_add(struct summary *s, uint64_t now_ns, uint64_t value);

/// Several summaries read as one.
struct summary_view {
    uint64_t sum;
    uint64_t count;
    double quantiles[3]; ///< of 0.5, 0.9, 0.99; NaN when nothing was added lately
};

void summary_read(const struct summary *const *summaries, size_t count, uint64_t now_ns,
                  struct summary_view *ret_view);
