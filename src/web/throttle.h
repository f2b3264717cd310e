// SPDX-License-Identifier: Apache-2.0
/*
 * How often somebody may guess. Each address (of IPv6: each /64) has some wrong guesses at once and
 * then one every few seconds. The table is bounded; the address that was quiet the longest makes
 * room, and has all of its guesses again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum {
    THROTTLE_GUESSES = 10,
    THROTTLE_GUESS_S = 6, ///< so long takes another one
    THROTTLE_SOURCES_MAX = 512,
};

struct throttle_source {
    struct addr addr;
    uint64_t free_ns; ///< when all of its guesses are there again
};

struct throttle {
    size_t count;
    struct throttle_source sources[THROTTLE_SOURCES_MAX];
};

/// Whether `peer` may guess now; else `ret_wait_s` says when it is worth another try.
bool throttle_allows(const struct throttle *t, const struct addr *peer, uint64_t now_ns,
                     unsigned *ret_wait_s);
/// A guess that may prove wrong. Taken before it is looked at, so that many at once count too.
void throttle_take(struct throttle *t, const struct addr *peer, uint64_t now_ns);
/// It was right.
void throttle_give_back(struct throttle *t, const struct addr *peer);
