// SPDX-License-Identifier: Apache-2.0
/*
 * Traffic is drawn from a few thousand hosts whose popularity falls with their number, over a
 * handful of services; most of it TCP, some UDP, a little ICMP; a third in a VLAN. Headers are
 * sampled up to 128 bytes, as switches do.
 */
#include "app/synth.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"

enum {
    HEADER_SIZE_MAX = 128,
    HOSTS = 4096,
    INTERFACES = 48,
    SAMPLING_RATE = 1024,
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_ICMPV6 = 58,
};

/// A place to write big-endian numbers to.
struct pen {
    uint8_t *at;
};

static void put8(struct pen *p, uint32_t v)
{
    *p->at++ = (uint8_t)v;
}

static void put16(struct pen *p, uint32_t v)
{
    put8(p, v >> 8);
    put8(p, v);
}

static void put32(struct pen *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p, v);
}

static void put_zeros(struct pen *p, size_t size)
{
    memset(p->at, 0, size);
    p->at += size;
}

/// splitmix64: every seed is a good one.
static uint64_t next_random(struct synth *s)
{
    s->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = s->random;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/// 0..n-1.
static uint32_t pick(struct synth *s, uint32_t n)
{
    return (uint32_t)(next_random(s) >> 32) % n;
}

static bool chance(struct synth *s, uint32_t percent)
{
    return pick(s, 100) < percent;
}

/// A host number: the product of two draws favors low ones.
static uint32_t pick_host(struct synth *s)
{
    return pick(s, HOSTS) * pick(s, HOSTS) / HOSTS;
}

/// The packet that is sampled.
struct packet {
    bool ipv6;
    bool tagged;
    uint8_t protocol;
    uint32_t src;
    uint32_t dst;
    uint16_t src_port;
    uint16_t dst_port;
    uint16_t vlan;
    uint8_t tcp_flags;
    uint32_t frame_size;
    uint32_t random;
};

static struct packet pick_packet(struct synth *s)
{
    static const uint16_t SERVICES[] = { 443, 443, 443, 80, 53, 53, 22, 25, 123, 993, 3389, 8080 };
    static const uint8_t TCP_FLAGS[] = { 0x10, 0x10, 0x18, 0x18, 0x02, 0x12, 0x11 };
    static const uint32_t SIZES[] = { 64, 64, 90, 128, 576, 1280, 1518, 1518, 1518 };
    struct packet p = { .ipv6 = chance(s, s->settings.ipv6),
                        .tagged = chance(s, 33),
                        .src = pick_host(s),
                        .dst = pick_host(s),
                        .frame_size = SIZES[pick(s, sizeof(SIZES) / sizeof(SIZES[0]))],
                        .random = pick(s, UINT32_MAX) };
    uint16_t service = SERVICES[pick(s, sizeof(SERVICES) / sizeof(SERVICES[0]))];
    uint16_t client = (uint16_t)(32768 + pick(s, 28232));
    bool to_service = chance(s, 50);
    p.src_port = to_service ? client : service;
    p.dst_port = to_service ? service : client;
    p.vlan = (uint16_t)(100 + pick(s, 20));
    p.tcp_flags = TCP_FLAGS[pick(s, sizeof(TCP_FLAGS))];
    if (chance(s, 3)) {
        p.protocol = p.ipv6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP;
    } else {
        p.protocol = service == 53 || service == 123 || chance(s, 10) ? PROTOCOL_UDP : PROTOCOL_TCP;
    }
    uint32_t least = p.ipv6 ? 94 : 64;
    p.frame_size = p.frame_size < least ? least : p.frame_size;
    return p;
}

static void put_mac(struct pen *p, uint32_t host)
{
    put16(p, 0x0200);
    put32(p, host);
}

static void put_ipv4(struct pen *p, const struct packet *packet, uint32_t size)
{
    put16(p, 0x4500);
    put16(p, size);
    put16(p, packet->random);
    put16(p, 0x4000);
    put8(p, 64);
    put8(p, packet->protocol);
    uint8_t *checksum = p->at;
    put16(p, 0);
    put32(p, 0x0a000000 + packet->src);
    put32(p, 0x0a010000 + packet->dst);
    uint32_t sum = 0;
    for (const uint8_t *w = checksum - 10; w < p->at; w += 2) {
        sum += (uint32_t)(w[0] << 8 | w[1]);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    checksum[0] = (uint8_t)(sum >> 8);
    checksum[1] = (uint8_t)sum;
}

static void put_ipv6(struct pen *p, const struct packet *packet, uint32_t size)
{
    put32(p, 0x60000000 | (packet->random & 0xfffff));
    put16(p, size - 40);
    put8(p, packet->protocol);
    put8(p, 64);
    for (int i = 0; i < 2; i++) {
        put32(p, 0x20010db8);
        put32(p, (uint32_t)i);
        put32(p, 0);
        put32(p, i == 0 ? packet->src : packet->dst);
    }
}

static void put_transport(struct pen *p, const struct packet *packet, uint32_t size)
{
    switch (packet->protocol) {
    case PROTOCOL_TCP:
        put16(p, packet->src_port);
        put16(p, packet->dst_port);
        put32(p, packet->random);
        put32(p, packet->random * 7);
        put8(p, 0x50);
        put8(p, packet->tcp_flags);
        put16(p, 0xffff);
        put32(p, 0);
        break;
    case PROTOCOL_UDP:
        put16(p, packet->src_port);
        put16(p, packet->dst_port);
        put16(p, size);
        put16(p, 0);
        break;
    default:
        put8(p, packet->protocol == PROTOCOL_ICMP ? 8 : 128);
        put8(p, 0);
        put16(p, 0);
        put32(p, packet->random);
    }
}

/// The first bytes of the frame, as a switch samples them; returns how many.
static uint32_t put_header(struct pen *p, const struct packet *packet)
{
    const uint8_t *begin = p->at;
    uint32_t link = packet->tagged ? 18 : 14;
    uint32_t ip = packet->frame_size - 4 - link; // without the frame check sequence
    put_mac(p, packet->dst);
    put_mac(p, packet->src);
    if (packet->tagged) {
        put16(p, 0x8100);
        put16(p, packet->vlan);
    }
    put16(p, packet->ipv6 ? 0x86dd : 0x0800);
    if (packet->ipv6) {
        put_ipv6(p, packet, ip);
    } else {
        put_ipv4(p, packet, ip);
    }
    put_transport(p, packet, ip - (packet->ipv6 ? 40 : 20));
    uint32_t size = (uint32_t)(p->at - begin);
    uint32_t sampled = packet->frame_size - 4;
    sampled = sampled > HEADER_SIZE_MAX ? HEADER_SIZE_MAX : sampled;
    if (size < sampled) {
        put_zeros(p, sampled - size);
    }
    return sampled;
}

/// Starts a structure with a length; end_length() fills it in.
static uint8_t *begin_length(struct pen *p, uint32_t format)
{
    put32(p, format);
    put32(p, 0);
    return p->at;
}

static void end_length(const struct pen *p, uint8_t *content)
{
    struct pen length = { .at = content - 4 };
    put32(&length, (uint32_t)(p->at - content));
}

static void put_raw_header(struct pen *p, const struct packet *packet)
{
    uint8_t *record = begin_length(p, 1);
    put32(p, 1); // Ethernet
    put32(p, packet->frame_size);
    put32(p, 4); // stripped: the frame check sequence
    struct pen size = { .at = p->at };
    put32(p, 0);
    uint32_t sampled = put_header(p, packet);
    put32(&size, sampled);
    put_zeros(p, (4 - sampled % 4) % 4);
    end_length(p, record);
}

static void put_extended_switch(struct pen *p, const struct packet *packet)
{
    uint8_t *record = begin_length(p, 1001);
    uint32_t vlan = packet->tagged ? packet->vlan : 1;
    put32(p, vlan);
    put32(p, 0);
    put32(p, vlan);
    put32(p, 0);
    end_length(p, record);
}

static void put_flow_sample(struct synth *s, struct synth_exporter *x, struct pen *p)
{
    struct packet packet = pick_packet(s);
    bool expanded = chance(s, s->settings.expanded);
    uint32_t in = 1 + packet.src % INTERFACES;
    uint32_t out = 1 + packet.dst % INTERFACES;
    uint8_t *sample = begin_length(p, expanded ? 3 : 1);
    put32(p, x->sample_sequence++);
    if (expanded) {
        put32(p, 0);
    }
    put32(p, in);
    put32(p, SAMPLING_RATE);
    x->pool += SAMPLING_RATE;
    put32(p, x->pool);
    put32(p, 0); // drops
    if (expanded) {
        put32(p, 0);
    }
    put32(p, in);
    if (expanded) {
        put32(p, 0);
    }
    put32(p, out);
    put32(p, 2); // records
    put_raw_header(p, &packet);
    put_extended_switch(p, &packet);
    end_length(p, sample);
}

static void put_counter_sample(struct synth *s, struct synth_exporter *x, struct pen *p)
{
    uint32_t interface = 1 + pick(s, INTERFACES);
    uint8_t *sample = begin_length(p, 2);
    put32(p, x->counter_sequence++);
    put32(p, interface);
    put32(p, 1); // records
    uint8_t *record = begin_length(p, 1);
    put32(p, interface);
    put32(p, 6); // ethernetCsmacd
    put32(p, 0);
    put32(p, 1000000000); // speed
    put32(p, 1);          // full duplex
    put32(p, 3);          // up
    for (int i = 0; i < 16; i++) {
        put32(p, x->pool + (uint32_t)i);
    }
    end_length(p, record);
    end_length(p, sample);
}

void synth_init(struct synth *s, const struct synth_settings *settings)
{
    *s = (struct synth){ .settings = *settings, .random = settings->seed };
}

size_t synth_datagram(struct synth *s, uint32_t index, uint32_t uptime_ms,
                      uint8_t out[static SYNTH_DATAGRAM_SIZE_MAX])
{
    struct synth_exporter *x = &s->exporters[index];
    struct pen p = { .at = out };
    bool counters = chance(s, s->settings.counters);
    put32(&p, 5);
    put32(&p, 1);
    put32(&p, 0xc0000201 + index);
    put32(&p, 0);
    put32(&p, x->sequence++);
    put32(&p, uptime_ms);
    put32(&p, s->settings.flows + counters);
    for (uint32_t i = 0; i < s->settings.flows; i++) {
        put_flow_sample(s, x, &p);
    }
    if (counters) {
        put_counter_sample(s, x, &p);
    }
    size_t size = (size_t)(p.at - out);
    CHECK(size <= SYNTH_DATAGRAM_SIZE_MAX);
    return size;
}
