// SPDX-License-Identifier: Apache-2.0
/*
 * Who sends: a table of exporters (address the datagram came from, agent address, sub-agent) with
 * what goflow2's sFlow metrics count and what shows loss: sequence gaps. One table per receive
 * thread, which alone writes; other threads may walk it and read the counters at any time: entries
 * are appended, published by `count`, and never move or go.
 *
 * Bounded: past EXPORTERS_MAX everyone new shares the last entry (`overflow`), so that a spoofed
 * flood costs neither memory nor metric series.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/counter.h"
#include "base/status.h"

/// sFlow sample kinds as goflow2's metrics name them.
enum sample_kind {
    SAMPLE_KIND_FLOW,             ///< FlowSample
    SAMPLE_KIND_COUNTER,          ///< CounterSample
    SAMPLE_KIND_EXPANDED_FLOW,    ///< ExpandedFlowSample
    SAMPLE_KIND_EXPANDED_COUNTER, ///< ExpandedCounterSample
    SAMPLE_KIND_DROP,             ///< unknown (goflow2 has no name for drop samples)
    SAMPLE_KIND_UNKNOWN,          ///< unknown
    SAMPLE_KIND_COUNT
};

/// goflow2's label for a kind: "FlowSample" ... "unknown".
const char *sample_kind_text(enum sample_kind kind);

struct exporter {
    struct addr peer;  ///< source of the UDP datagrams
    struct addr agent; ///< sFlow agent address, or the peer
    uint32_t sub_agent;
    bool overflow;

    struct counter datagrams;
    struct counter bytes;
    struct counter flows;
    struct counter sequence_gaps;   ///< datagrams that never came, by the sequence number
    struct counter sequence_resets; ///< steps back or far ahead: the exporter was restarted
    struct counter errors;          ///< datagrams set aside or damaged in part
    struct counter samples[SAMPLE_KIND_COUNT];
    struct counter sample_records[SAMPLE_KIND_COUNT]; ///< as announced
    struct counter last_seen_ns;                      ///< wall clock

    uint32_t next_sequence; ///< owner thread only
    bool sequence_known;    ///< owner thread only
};

/// Counter and drop samples by the interface they speak of.
struct interface_samples {
    struct addr agent;
    uint32_t source_type; ///< sFlow source id type: 0 ifIndex, 1 smonVlan, 2 entPhysical
    uint32_t source_index;
    bool overflow;
    struct counter counter_samples;
    struct counter drop_samples;
};

struct exporters;

int exporters_new(struct exporters **ret_exporters) MUST_USE;
void exporters_free(struct exporters *e);

/// The entry for a sender, made when new. Owner thread only. Never NULL.
struct exporter *exporters_get(struct exporters *e, const struct addr *peer,
                               const struct addr *agent, uint32_t sub_agent, bool *ret_new);

/// The entry for an interface, made when new. Owner thread only. Never NULL.
struct interface_samples *exporters_interface(struct exporters *e, const struct addr *agent,
                                              uint32_t source_type, uint32_t source_index);

/// Notes a datagram's sequence number: counts gaps and resets. Owner thread only.
void exporter_sequence(struct exporter *x, uint32_t sequence);

// For any thread.
size_t exporters_count(const struct exporters *e);
const struct exporter *exporters_at(const struct exporters *e, size_t index);
size_t exporters_interface_count(const struct exporters *e);
const struct interface_samples *exporters_interface_at(const struct exporters *e, size_t index);
