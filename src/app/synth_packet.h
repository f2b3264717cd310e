// SPDX-License-Identifier: Apache-2.0
/* Packets of a made-up network, as a switch samples them: the first 128 bytes of a frame. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    SYNTH_HEADER_SIZE_MAX = 128,
    SYNTH_PORTS = 48, ///< interfaces 1..48; 1 and 2 lead outside
};

/// splitmix64: every seed is a good one, and the numbers are the same everywhere.
struct synth_random {
    uint64_t state;
};

static inline uint64_t synth_random_next(struct synth_random *r)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = r->state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/// 0..n-1.
static inline uint32_t synth_random_below(struct synth_random *r, uint32_t n)
{
    return (uint32_t)((synth_random_next(r) >> 32) * n >> 32);
}

static inline bool synth_random_chance(struct synth_random *r, uint32_t percent)
{
    return synth_random_below(r, 100) < percent;
}

/// One end of a conversation.
struct synth_host {
    bool outside;
    uint32_t number;
};

struct synth_packet {
    bool ipv6;
    struct synth_host src;
    struct synth_host dst;
    uint32_t tags; ///< VLAN tags in the frame, 0..2
    uint8_t protocol;
    uint16_t src_port;
    uint16_t dst_port;
    uint8_t tcp_flags;
    uint32_t payload_size; ///< behind the TCP, UDP or ICMP header
    uint32_t frame_size;   ///< on the wire, padding and frame check sequence included
};

/// A packet drawn from the network's traffic.
struct synth_packet synth_packet_draw(struct synth_random *r, uint32_t ipv6_percent);

/// The sampled bytes: the frame without its check sequence, cut at SYNTH_HEADER_SIZE_MAX. Returns
/// how many.
uint32_t synth_packet_header(const struct synth_packet *p, struct synth_random *r,
                             uint8_t out[static SYNTH_HEADER_SIZE_MAX]);

/// Where a host is connected: its interface and its VLAN.
uint32_t synth_host_port(const struct synth_host *h);
uint32_t synth_host_vlan(const struct synth_host *h);
