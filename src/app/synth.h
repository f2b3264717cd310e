// SPDX-License-Identifier: Apache-2.0
/*
 * Synthetic exporters: sFlow v5 datagrams of made-up but plausible traffic. The same seed gives
 * each exporter the same datagrams, byte for byte, on every machine.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "app/synth_packet.h"
#include "base/addr.h"

enum {
    SYNTH_EXPORTERS_MAX = 250, ///< 192.0.2.1 to .250
    SYNTH_FLOWS_MAX = 32,
    SYNTH_DATAGRAM_SIZE_MAX = 16384,
};

struct synth_settings {
    uint64_t seed;
    uint32_t exporters; ///< 1..SYNTH_EXPORTERS_MAX
    uint32_t flows;     ///< flow samples per datagram, 1..SYNTH_FLOWS_MAX
    uint32_t ipv6;      ///< percent of flows, and about as many of the agent addresses
    uint32_t expanded;  ///< percent of samples in the expanded form
    uint32_t counters;  ///< percent of datagrams with a counter sample as well
};

/// An interface, which is what sFlow calls a data source: sequences and pools are per source.
struct synth_port {
    uint32_t flow_sequence;
    uint32_t counter_sequence;
    uint32_t pool;
    uint32_t drops;
    uint64_t in_octets;
    uint32_t in_packets;
    uint64_t out_octets;
    uint32_t out_packets;
};

struct synth_exporter {
    struct synth_random random;
    struct addr agent;
    uint32_t sequence;
    uint32_t sampling_rate;
    uint32_t role; ///< which records its samples carry
    uint64_t counter_samples;
    struct synth_port ports[1 + SYNTH_PORTS]; ///< by interface number
};

struct synth {
    struct synth_settings settings;
    struct synth_exporter exporters[SYNTH_EXPORTERS_MAX];
};

void synth_init(struct synth *s, const struct synth_settings *settings);

/// The next datagram of exporter `index` at `uptime_ms` into `out`; returns its size.
size_t synth_datagram(struct synth *s, uint32_t index, uint32_t uptime_ms,
                      uint8_t out[static SYNTH_DATAGRAM_SIZE_MAX]);

/// Counter samples in the datagrams so far.
uint64_t synth_counter_samples(const struct synth *s);
