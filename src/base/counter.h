// SPDX-License-Identifier: Apache-2.0
/*
 * A number that one thread counts up and others may read: no lock, no locked instruction. Only its
 * owner adds; a reader sees some recent value.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct counter {
    _Atomic uint64_t value;
};

static inline uint64_t counter_get(const struct counter *c)
{
    return atomic_load_explicit(&c->value, memory_order_relaxed);
}

static inline void counter_add(struct counter *c, uint64_t n)
{
    atomic_store_explicit(&c->value, counter_get(c) + n, memory_order_relaxed);
}

static inline void counter_inc(struct counter *c)
{
    counter_add(c, 1);
}
