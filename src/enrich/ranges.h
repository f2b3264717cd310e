// SPDX-License-Identifier: Apache-2.0
/*
 * Ranges of addresses with a number each, IPv4 and IPv6, and which of them an address lies in. Made
 * once, then read by any number of threads.
 *
 * Where ranges lie in one another, or overlap, the one that begins last counts: for networks that
 * is the longest prefix.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/status.h"

struct ranges;

enum {
    /// Ranges that may be open at one address: more than prefixes can nest.
    RANGES_DEPTH_MAX = 256,
};

/// ERR_NO_MEMORY.
int ranges_new(struct ranges **ret_ranges) MUST_USE;
void ranges_free(struct ranges *r);

/// From `first` to `last`, both of one size and neither v4-mapped, has the number `value`, which is
/// not 0. Within a size, ranges come in the order of their first addresses; of two that begin
/// together the larger comes first. ERR_INVALID: `last` is before `first`; ERR_RANGE: out of order;
/// ERR_FULL: too many overlap; ERR_NO_MEMORY.
int ranges_add(struct ranges *r, const struct addr *first, const struct addr *last,
               uint32_t value) MUST_USE;

/// Nothing more comes; before the first ranges_find(). ERR_NO_MEMORY.
int ranges_finish(struct ranges *r) MUST_USE;

/// The number of the range that the address lies in (v4-mapped counts as v4), or 0.
uint32_t ranges_find(const struct ranges *r, const struct addr *a);
