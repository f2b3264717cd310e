// SPDX-License-Identifier: Apache-2.0
/*
 * What is kept is not ranges but the places at which the number changes, which are disjoint however
 * the ranges lay: eight bytes each for IPv4, twenty for IPv6. Half a million ranges take some 10 MB
 * and are found by bisection, for IPv4 within what shares the upper 16 bits.
 *
 * They are made in one pass with a stack of the ranges that are open: at any address the one opened
 * last counts.
 */
#include "enrich/ranges.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/rd.h"

enum { STEPS = 1 << 16, CAPACITY_FIRST = 1024 };

/// An address as a number; of IPv4 `low` only.
struct key {
    uint64_t high;
    uint64_t low;
};

struct open_range {
    struct key last;
    uint32_t value;
};

/// One size of addresses.
struct family {
    bool is_v4;
    size_t count;
    size_t capacity;
    uint32_t *starts4; ///< where the number changes ...
    struct key *starts6;
    uint32_t *values; ///< ... to this one
    uint32_t *steps;  ///< IPv4: changes before the addresses whose upper 16 bits are the index
    struct open_range open[RANGES_DEPTH_MAX];
    size_t depth;
    struct key begin; ///< of the range added last
};

struct ranges {
    struct family v4;
    struct family v6;
};

static struct key key_of(const struct addr *a)
{
    if (a->size == ADDR_V4_SIZE) {
        return (struct key){ .low = be32(a->bytes) };
    }
    return (struct key){ .high = be64(a->bytes), .low = be64(a->bytes + 8) };
}

static inline bool is_before(struct key a, struct key b)
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

static bool is_last(const struct family *f, struct key k)
{
    return f->is_v4 ? k.low == UINT32_MAX : k.high == UINT64_MAX && k.low == UINT64_MAX;
}

/// The address behind one that is not the last.
static struct key behind(struct key k)
{
    return (struct key){ .high = k.high + (k.low == UINT64_MAX), .low = k.low + 1 };
}

int ranges_new(struct ranges **ret_ranges)
{
    struct ranges *r = mem_zalloc(sizeof(*r));
    if (r == NULL) {
        return ERR_NO_MEMORY;
    }
    r->v4.is_v4 = true;
    *ret_ranges = r;
    return 0;
}

static void family_release(struct family *f)
{
    mem_free(f->starts4);
    mem_free(f->starts6);
    mem_free(f->values);
    mem_free(f->steps);
}

void ranges_free(struct ranges *r)
{
    if (r != NULL) {
        family_release(&r->v4);
        family_release(&r->v6);
        mem_free(r);
    }
}

static int grow(struct family *f, size_t capacity)
{
    void *starts = f->is_v4 ? mem_resize(f->starts4, capacity * sizeof(f->starts4[0]))
                            : mem_resize(f->starts6, capacity * sizeof(f->starts6[0]));
    if (starts == NULL) {
        return ERR_NO_MEMORY;
    }
    f->starts4 = f->is_v4 ? starts : NULL;
    f->starts6 = f->is_v4 ? NULL : starts;
    uint32_t *values = mem_resize(f->values, capacity * sizeof(f->values[0]));
    if (values == NULL) {
        return ERR_NO_MEMORY;
    }
    f->values = values;
    f->capacity = capacity;
    return 0;
}

/// From `k` on the number is `value`.
static int change(struct family *f, struct key k, uint32_t value)
{
    size_t n = f->count;
    bool same_place =
        n > 0 && (f->is_v4 ? f->starts4[n - 1] == k.low
                           : f->starts6[n - 1].high == k.high && f->starts6[n - 1].low == k.low);
    if (same_place) {
        f->values[n - 1] = value;
        return 0;
    }
    if (n > 0 && f->values[n - 1] == value) {
        return 0;
    }
    if (n == f->capacity) {
        int status = grow(f, n == 0 ? CAPACITY_FIRST : 2 * n);
        if (status != 0) {
            return status;
        }
    }
    if (f->is_v4) {
        f->starts4[n] = (uint32_t)k.low;
    } else {
        f->starts6[n] = k;
    }
    f->values[n] = value;
    f->count++;
    return 0;
}

/// Closes what ends before `limit`, or all. Of two open ranges the later one ends first.
static int close_ranges(struct family *f, const struct key *limit)
{
    while (f->depth > 0) {
        struct key last = f->open[f->depth - 1].last;
        if (limit != NULL && !is_before(last, *limit)) {
            return 0;
        }
        f->depth--;
        uint32_t value = f->depth > 0 ? f->open[f->depth - 1].value : 0;
        int status = is_last(f, last) ? 0 : change(f, behind(last), value);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/// What is open and ends no later than a range that begins now will not be seen again.
static void drop_covered(struct family *f, struct key last)
{
    while (f->depth > 0 && !is_before(last, f->open[f->depth - 1].last)) {
        f->depth--;
    }
}

int ranges_add(struct ranges *r, const struct addr *first, const struct addr *last, uint32_t value)
{
    DCHECK(first->size == last->size);
    DCHECK(value != 0);
    struct family *f = first->size == ADDR_V4_SIZE ? &r->v4 : &r->v6;
    struct key begin = key_of(first);
    struct key end = key_of(last);
    if (is_before(end, begin)) {
        return ERR_INVALID;
    }
    if (is_before(begin, f->begin)) {
        return ERR_RANGE;
    }
    int status = close_ranges(f, &begin);
    if (status == 0) {
        status = change(f, begin, value);
    }
    if (status != 0) {
        return status;
    }
    drop_covered(f, end);
    if (f->depth == RANGES_DEPTH_MAX) {
        return ERR_FULL;
    }
    f->open[f->depth++] = (struct open_range){ .last = end, .value = value };
    f->begin = begin;
    return 0;
}

/// For each upper half of an address, the changes before it.
static int make_steps(struct family *f)
{
    f->steps = mem_zalloc_array(STEPS + 1, sizeof(f->steps[0]));
    if (f->steps == NULL) {
        return ERR_NO_MEMORY;
    }
    size_t at = 0;
    for (size_t i = 0; i <= STEPS; i++) {
        while (at < f->count && f->starts4[at] >> 16 < i) {
            at++;
        }
        f->steps[i] = (uint32_t)at;
    }
    return 0;
}

int ranges_finish(struct ranges *r)
{
    int status = close_ranges(&r->v4, NULL);
    status = status == 0 ? close_ranges(&r->v6, NULL) : status;
    return status == 0 ? make_steps(&r->v4) : status;
}

static uint32_t find4(const struct family *f, uint32_t key)
{
    size_t low = f->steps[key >> 16];
    size_t high = f->steps[(key >> 16) + 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->starts4[middle] <= key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? 0 : f->values[low - 1];
}

static uint32_t find6(const struct family *f, struct key key)
{
    size_t low = 0;
    size_t high = f->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_before(key, f->starts6[middle])) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low == 0 ? 0 : f->values[low - 1];
}

uint32_t ranges_find(const struct ranges *r, const struct addr *a)
{
    struct addr plain = addr_unmap(a);
    if (plain.size == ADDR_V4_SIZE) {
        return find4(&r->v4, be32(plain.bytes));
    }
    return plain.size == ADDR_V6_SIZE ? find6(&r->v6, key_of(&plain)) : 0;
}
