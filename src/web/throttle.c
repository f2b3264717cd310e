// SPDX-License-Identifier: Apache-2.0
/*
 * One number for each address: when its last guess will be paid for. A guess moves it on by a few
 * seconds; who is too far ahead has to wait.
 */
#include "web/throttle.h"

#include "base/clock.h"

#define GUESS_NS (THROTTLE_GUESS_S * NS_PER_S)

static struct addr source_of(const struct addr *peer)
{
    return peer->size == ADDR_V6_SIZE ? addr_mask(peer, 64) : *peer;
}

static size_t find(const struct throttle *t, const struct addr *source)
{
    size_t i = 0;
    while (i < t->count && !addr_equal(&t->sources[i].addr, source)) {
        i++;
    }
    return i;
}

bool throttle_allows(const struct throttle *t, const struct addr *peer, uint64_t now_ns,
                     unsigned *ret_wait_s)
{
    struct addr source = source_of(peer);
    size_t i = find(t, &source);
    uint64_t latest_ns = now_ns + (THROTTLE_GUESSES - 1) * GUESS_NS;
    if (i == t->count || t->sources[i].free_ns <= latest_ns) {
        return true;
    }
    *ret_wait_s = (unsigned)((t->sources[i].free_ns - latest_ns) / NS_PER_S) + 1;
    return false;
}

void throttle_take(struct throttle *t, const struct addr *peer, uint64_t now_ns)
{
    struct addr source = source_of(peer);
    size_t i = find(t, &source);
    if (i == t->count && t->count < THROTTLE_SOURCES_MAX) {
        t->count++;
        t->sources[i] = (struct throttle_source){ .addr = source };
    } else if (i == t->count) {
        i = 0;
        for (size_t k = 1; k < t->count; k++) {
            i = t->sources[k].free_ns < t->sources[i].free_ns ? k : i;
        }
        t->sources[i] = (struct throttle_source){ .addr = source };
    }
    uint64_t from_ns = t->sources[i].free_ns > now_ns ? t->sources[i].free_ns : now_ns;
    t->sources[i].free_ns = from_ns + GUESS_NS;
}

void throttle_give_back(struct throttle *t, const struct addr *peer)
{
    struct addr source = source_of(peer);
    size_t i = find(t, &source);
    if (i < t->count && t->sources[i].free_ns > GUESS_NS) {
        t->sources[i].free_ns -= GUESS_NS;
    }
}
