// SPDX-License-Identifier: Apache-2.0
/*
 * Packets put together for tests: headers are prepended to what is there, so that a frame reads
 * from the inside out.
 *
 *     packet_set(&p, "hello", 5);
 *     packet_udp(&p, 1000, 6343);
 *     packet_ipv4(&p, 17);
 *     packet_ethernet(&p, 0x0800);
 */
#pragma once

#include <stdint.h>
#include <string.h>

enum { PACKET_ROOM = 1 << 17, PACKET_FRONT = 4096 };

struct packet {
    uint8_t room[PACKET_ROOM];
    uint8_t *data;
    size_t size;
};

static inline void packet_set(struct packet *p, const void *data, size_t size)
{
    p->data = p->room + PACKET_FRONT;
    p->size = size;
    memcpy(p->data, data, size);
}

static inline uint8_t *packet_push(struct packet *p, size_t size)
{
    p->data -= size;
    p->size += size;
    memset(p->data, 0, size);
    return p->data;
}

static inline void put_be16(uint8_t *at, size_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *at, size_t v)
{
    put_be16(at, v >> 16);
    put_be16(at + 2, v);
}

static inline void packet_udp(struct packet *p, uint16_t src_port, uint16_t dst_port)
{
    size_t size = p->size + 8;
    uint8_t *h = packet_push(p, 8);
    put_be16(h, src_port);
    put_be16(h + 2, dst_port);
    put_be16(h + 4, size);
}

/// 192.0.2.1 to 192.0.2.2. `fragment` is the word with flags and offset.
static inline void packet_ipv4_fragment(struct packet *p, uint8_t protocol, uint16_t id,
                                        uint16_t fragment)
{
    size_t size = p->size + 20;
    uint8_t *h = packet_push(p, 20);
    h[0] = 0x45;
    put_be16(h + 2, size);
    put_be16(h + 4, id);
    put_be16(h + 6, fragment);
    h[8] = 64;
    h[9] = protocol;
    put_be32(h + 12, 0xc0000201);
    put_be32(h + 16, 0xc0000202);
}

static inline void packet_ipv4(struct packet *p, uint8_t protocol)
{
    packet_ipv4_fragment(p, protocol, 1, 0x4000);
}

/// 2001:db8::1 to 2001:db8::2.
static inline void packet_ipv6(struct packet *p, uint8_t next)
{
    size_t size = p->size;
    uint8_t *h = packet_push(p, 40);
    h[0] = 0x60;
    put_be16(h + 4, size);
    h[6] = next;
    h[7] = 64;
    put_be32(h + 8, 0x20010db8);
    h[23] = 1;
    put_be32(h + 24, 0x20010db8);
    h[39] = 2;
}

/// An options or routing header of 8 * (1 + units) bytes.
static inline void packet_extension(struct packet *p, uint8_t next, uint8_t units)
{
    uint8_t *h = packet_push(p, 8 + 8 * (size_t)units);
    h[0] = next;
    h[1] = units;
}

static inline void packet_fragment_header(struct packet *p, uint8_t next, size_t offset, int more,
                                          uint32_t id)
{
    uint8_t *h = packet_push(p, 8);
    h[0] = next;
    put_be16(h + 2, offset | (more ? 1 : 0));
    put_be32(h + 4, id);
}

static inline void packet_ethernet(struct packet *p, uint16_t ethertype)
{
    uint8_t *h = packet_push(p, 14);
    put_be16(h + 12, ethertype);
}

/// A VLAN tag in front of what `inner` announces.
static inline void packet_tag(struct packet *p, uint16_t inner)
{
    uint8_t *h = packet_push(p, 4);
    put_be16(h, 0x0064);
    put_be16(h + 2, inner);
}
