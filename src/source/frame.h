// SPDX-License-Identifier: Apache-2.0
/*
 * A captured frame to the UDP datagram in it: link layer, VLAN tags, IPv4 or IPv6. Pure functions
 * over the bytes of one frame; fragments are put together by reassemble.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/// Link types of pcap files (tcpdump.org, linktypes).
enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_RAW_OLD = 12, ///< what libpcap calls LINK_RAW on Linux
    LINK_PPP_HDLC = 50,
    LINK_RAW = 101,
    LINK_LOOP = 108,
    LINK_LINUX_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_LINUX_SLL2 = 276,
};

enum frame_kind {
    FRAME_UDP,       ///< a whole datagram
    FRAME_FRAGMENT,  ///< a piece of an IP packet
    FRAME_NOT_IP,    ///< ARP, LLDP, ...
    FRAME_NOT_UDP,   ///< TCP, ICMP, ...
    FRAME_TRUNCATED, ///< the capture kept too few bytes of it
    FRAME_DAMAGED,   ///< lengths that contradict each other, or bytes that never were there
    FRAME_LINK,      ///< a link type that is not read
};

/// What a frame holds. Pointers are into the frame.
struct frame {
    enum frame_kind kind;
    struct addr src; ///< of UDP and fragments
    struct addr dst;
    uint8_t protocol;       ///< of fragments: what the whole packet holds
    uint32_t id;            ///< of fragments
    uint32_t offset;        ///< of fragments, bytes
    bool more;              ///< of fragments: not the last
    bool has_ports;         ///< UDP, and its header is there even if the rest is not
    uint16_t src_port;      ///< with has_ports
    uint16_t dst_port;      ///< with has_ports
    const uint8_t *payload; ///< UDP payload, or the fragment's bytes
    size_t payload_size;
};

/// Whether frames of this link type can be read.
bool frame_reads_link(int link_type);

/// Reads a frame of which `size` of `wire_size` bytes were captured.
struct frame frame_parse(int link_type, const uint8_t *data, size_t size, size_t wire_size);

/// Reads what a reassembled packet holds, from `f->protocol` on, into `f`, whose src and dst stay:
/// kind, ports, payload.
void frame_parse_whole(struct frame *f, const uint8_t *data, size_t size);
