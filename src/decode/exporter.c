// SPDX-License-Identifier: Apache-2.0
/*
 * Two append-only arrays, each with an open-addressing index beside it that only the owner uses.
 * Other threads see an entry once the count that covers it is published; an entry never moves. The
 * hash is seeded, so that nobody outside can aim for collisions, and the index has four places an
 * entry, so that a look-up ends soon.
 */
#include "decode/exporter.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"

enum {
    PLACES_PER_ENTRY = 4,
    EXPORTER_PLACES = EXPORTERS_MAX * PLACES_PER_ENTRY,
    INTERFACE_PLACES = INTERFACES_MAX * PLACES_PER_ENTRY,
    /// A step further ahead than this is a restart, not a loss.
    SEQUENCE_GAP_MAX = 100000,
};

struct exporters {
    uint64_t seed;
    _Atomic size_t count;
    _Atomic size_t interface_count;
    struct exporter *last;            ///< found by the last look-up: most datagrams come in runs
    uint32_t places[EXPORTER_PLACES]; ///< entry index + 1; 0 is free
    uint32_t interface_places[INTERFACE_PLACES];
    struct exporter entries[EXPORTERS_MAX];
    struct interface_samples interfaces[INTERFACES_MAX];
};

const char *sample_kind_text(enum sample_kind kind)
{
    static const char *const TEXTS[SAMPLE_KIND_COUNT] = {
        [SAMPLE_KIND_FLOW] = "FlowSample",
        [SAMPLE_KIND_COUNTER] = "CounterSample",
        [SAMPLE_KIND_EXPANDED_FLOW] = "ExpandedFlowSample",
        [SAMPLE_KIND_EXPANDED_COUNTER] = "ExpandedCounterSample",
        [SAMPLE_KIND_DROP] = "unknown",
        [SAMPLE_KIND_UNKNOWN] = "unknown",
    };
    CHECK(kind < SAMPLE_KIND_COUNT);
    return TEXTS[kind];
}

int exporters_new(struct exporters **ret_exporters)
{
    struct exporters *e = mem_zalloc(sizeof(*e));
    if (e == NULL) {
        return ERR_NO_MEMORY;
    }
    if (getrandom(&e->seed, sizeof(e->seed), 0) != sizeof(e->seed)) {
        e->seed = clock_wall_ns();
    }
    *ret_exporters = e;
    return 0;
}

void exporters_free(struct exporters *e)
{
    mem_free(e);
}

static bool is_exporter(const struct exporter *x, const struct addr *peer, const struct addr *agent,
                        uint32_t sub_agent)
{
    return x->sub_agent == sub_agent && addr_equal(&x->agent, agent) && addr_equal(&x->peer, peer);
}

/// The last entry belongs to all who came when the others were taken.
static struct exporter *exporter_add(struct exporters *e, uint32_t *place, const struct addr *peer,
                                     const struct addr *agent, uint32_t sub_agent, bool *ret_new)
{
    size_t index = atomic_load_explicit(&e->count, memory_order_relaxed);
    if (index == EXPORTERS_MAX) {
        *ret_new = false;
        return &e->entries[EXPORTERS_MAX - 1];
    }
    struct exporter *x = &e->entries[index];
    x->overflow = index == EXPORTERS_MAX - 1;
    if (!x->overflow) {
        x->peer = *peer;
        x->agent = *agent;
        x->sub_agent = sub_agent;
        *place = (uint32_t)index + 1;
    }
    atomic_store_explicit(&e->count, index + 1, memory_order_release);
    *ret_new = true;
    return x;
}

struct exporter *exporters_get(struct exporters *e, const struct addr *peer,
                               const struct addr *agent, uint32_t sub_agent, bool *ret_new)
{
    if (e->last != NULL && is_exporter(e->last, peer, agent, sub_agent)) {
        *ret_new = false;
        return e->last;
    }
    uint8_t key[2 * sizeof(struct addr) + sizeof(sub_agent)];
    memcpy(key, peer, sizeof(*peer));
    memcpy(key + sizeof(*peer), agent, sizeof(*agent));
    memcpy(key + 2 * sizeof(*peer), &sub_agent, sizeof(sub_agent));
    size_t at = hash64_seeded(key, sizeof(key), e->seed) % EXPORTER_PLACES;
    while (e->places[at] != 0) {
        struct exporter *x = &e->entries[e->places[at] - 1];
        if (is_exporter(x, peer, agent, sub_agent)) {
            *ret_new = false;
            e->last = x;
            return x;
        }
        at = (at + 1) % EXPORTER_PLACES;
    }
    return exporter_add(e, &e->places[at], peer, agent, sub_agent, ret_new);
}

static bool is_interface(const struct interface_samples *i, const struct addr *agent,
                         uint32_t source_type, uint32_t source_index)
{
    return i->source_type == source_type && i->source_index == source_index &&
           addr_equal(&i->agent, agent);
}

static struct interface_samples *interface_add(struct exporters *e, uint32_t *place,
                                               const struct addr *agent, uint32_t source_type,
                                               uint32_t source_index)
{
    size_t index = atomic_load_explicit(&e->interface_count, memory_order_relaxed);
    if (index == INTERFACES_MAX) {
        return &e->interfaces[INTERFACES_MAX - 1];
    }
    struct interface_samples *i = &e->interfaces[index];
    i->overflow = index == INTERFACES_MAX - 1;
    if (!i->overflow) {
        i->agent = *agent;
        i->source_type = source_type;
        i->source_index = source_index;
        *place = (uint32_t)index + 1;
    }
    atomic_store_explicit(&e->interface_count, index + 1, memory_order_release);
    return i;
}

struct interface_samples *exporters_interface(struct exporters *e, const struct addr *agent,
                                              uint32_t source_type, uint32_t source_index)
{
    uint8_t key[sizeof(*agent) + sizeof(source_type) + sizeof(source_index)];
    memcpy(key, agent, sizeof(*agent));
    memcpy(key + sizeof(*agent), &source_type, sizeof(source_type));
    memcpy(key + sizeof(*agent) + sizeof(source_type), &source_index, sizeof(source_index));
    size_t at = hash64_seeded(key, sizeof(key), e->seed) % INTERFACE_PLACES;
    while (e->interface_places[at] != 0) {
        struct interface_samples *i = &e->interfaces[e->interface_places[at] - 1];
        if (is_interface(i, agent, source_type, source_index)) {
            return i;
        }
        at = (at + 1) % INTERFACE_PLACES;
    }
    return interface_add(e, &e->interface_places[at], agent, source_type, source_index);
}

void exporter_sequence(struct exporter *x, uint32_t sequence)
{
    uint32_t ahead = sequence - x->next_sequence; // modulo 2^32, as the number wraps
    if (x->overflow) {
        return; // many exporters in one entry: their numbers say nothing
    }
    if (x->sequence_known && ahead > 0) {
        if (ahead <= SEQUENCE_GAP_MAX) {
            counter_add(&x->sequence_gaps, ahead);
        } else {
            counter_inc(&x->sequence_resets);
        }
    }
    x->sequence_known = true;
    x->next_sequence = sequence + 1;
}

size_t exporters_count(const struct exporters *e)
{
    return atomic_load_explicit(&e->count, memory_order_acquire);
}

const struct exporter *exporters_at(const struct exporters *e, size_t index)
{
    CHECK(index < EXPORTERS_MAX);
    return &e->entries[index];
}

size_t exporters_interface_count(const struct exporters *e)
{
    return atomic_load_explicit(&e->interface_count, memory_order_acquire);
}

const struct interface_samples *exporters_interface_at(const struct exporters *e, size_t index)
{
    CHECK(index < INTERFACES_MAX);
    return &e->interfaces[index];
}
