// SPDX-License-Identifier: Apache-2.0
/*
 * Synthetic exporters: sFlow datagrams of made-up but plausible traffic. The same seed gives the
 * same datagrams, byte for byte.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    SYNTH_EXPORTERS_MAX = 250,
    SYNTH_FLOWS_MAX = 8,
    SYNTH_DATAGRAM_SIZE_MAX = 4096,
};

struct synth_settings {
    uint64_t seed;
    uint32_t exporters; ///< 1..SYNTH_EXPORTERS_MAX; agents are 192.0.2.1 and up
    uint32_t flows;     ///< flow samples per datagram, 1..SYNTH_FLOWS_MAX
    uint32_t ipv6;      ///< percent of flows
    uint32_t expanded;  ///< percent of flow samples in the expanded form
    uint32_t counters;  ///< percent of datagrams with a counter sample as well
};

/// What an exporter remembers.
struct synth_exporter {
    uint32_t sequence;
    uint32_t sample_sequence;
    uint32_t counter_sequence;
    uint32_t pool;
};

struct synth {
    struct synth_settings settings;
    uint64_t random; ///< state of the generator
    struct synth_exporter exporters[SYNTH_EXPORTERS_MAX];
};

void synth_init(struct synth *s, const struct synth_settings *settings);

/// The next datagram of exporter `index` at `uptime_ms` into `out`; returns its size.
size_t synth_datagram(struct synth *s, uint32_t index, uint32_t uptime_ms,
                      uint8_t out[static SYNTH_DATAGRAM_SIZE_MAX]);
