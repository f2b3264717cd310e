// SPDX-License-Identifier: Apache-2.0
/*
 * The network: 4096 hosts inside, in sixteen subnets that are a VLAN each, and 65536 outside, in
 * address ranges set apart for documentation and benchmarks (RFC 2544, RFC 3849) or private ones.
 * How often a host speaks falls with its number: each doubling of the number is as likely as the
 * one before, which is Zipf's law. Three conversations of four cross the border. What is sampled on
 * the way in from outside is tagged (a trunk), sometimes twice; so are the server subnets.
 *
 * Lengths and TCP flags follow the conversation: requests are small, most answers fill the packet,
 * a third is bare acknowledgments. IP headers are right to the checksum; checksums above are noise,
 * since nobody can check them on a packet that was cut.
 */
#include "app/synth_packet.h"

#include "base/checksum.h"
#include "base/pen.h"

enum {
    HOST_BITS_INSIDE = 12,
    HOST_BITS_OUTSIDE = 16,
    SERVER_BITS_INSIDE = 8,
    SUBNETS = 16,
    SERVER_SUBNETS = 4,
    PORTS_OUTSIDE = 2,
    VLAN_INSIDE = 100,
    VLAN_OUTSIDE = 1000,
    VLAN_SERVICE = 2000,
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_ICMPV6 = 58,
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_SERVICE_VLAN = 0x88a8,
    MTU = 1500,
    FRAME_SIZE_MIN = 64,
    ETHERNET_SIZE = 14,
    CHECK_SEQUENCE_SIZE = 4,
    CLIENT_PORT_MIN = 32768,
    CLIENT_PORTS = 28232, ///< Linux' range
};

enum tcp_flag { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };

/// Sizes are of payloads, from and up to.
struct service {
    uint8_t protocol;
    uint16_t port;
    uint8_t percent;
    uint16_t request[2];
    uint16_t response[2];
};

static const struct service SERVICES[] = {
    { PROTOCOL_TCP, 443, 40, { 40, 600 }, { 200, 4000 } }, // what is too long fills the packet
    { PROTOCOL_TCP, 80, 8, { 80, 800 }, { 200, 4000 } },
    { PROTOCOL_TCP, 22, 3, { 36, 100 }, { 36, 500 } },
    { PROTOCOL_TCP, 25, 2, { 20, 4000 }, { 20, 80 } },
    { PROTOCOL_TCP, 993, 3, { 40, 200 }, { 60, 3000 } },
    { PROTOCOL_TCP, 3306, 4, { 20, 500 }, { 20, 3000 } },
    { PROTOCOL_TCP, 8080, 3, { 80, 800 }, { 200, 3000 } },
    { PROTOCOL_TCP, 179, 1, { 19, 100 }, { 19, 100 } },
    { PROTOCOL_UDP, 443, 16, { 30, 200 }, { 1100, 1300 } },
    { PROTOCOL_UDP, 53, 10, { 24, 64 }, { 40, 500 } },
    { PROTOCOL_UDP, 123, 3, { 48, 48 }, { 48, 48 } },
    { PROTOCOL_UDP, 4500, 3, { 80, 1400 }, { 80, 1400 } },
    { PROTOCOL_UDP, 514, 1, { 80, 500 }, { 80, 500 } },
    { PROTOCOL_ICMP, 0, 3, { 56, 56 }, { 56, 56 } },
};

// --- Drawing -------------------------------------------------------------------------------------

static uint32_t between(struct synth_random *r, const uint16_t range[static 2])
{
    return range[0] + synth_random_below(r, range[1] - range[0] + 1U);
}

/// 0 .. 2^bits - 2, low ones more often.
static uint32_t draw_rank(struct synth_random *r, uint32_t bits)
{
    uint32_t size = UINT32_C(1) << synth_random_below(r, bits);
    return size - 1 + synth_random_below(r, size);
}

static const struct service *draw_service(struct synth_random *r)
{
    uint32_t left = synth_random_below(r, 100);
    const struct service *s = SERVICES;
    for (; left >= s->percent; s++) {
        left -= s->percent;
    }
    return s;
}

/// Flags, and no payload where there is none: a start, an end or a bare acknowledgment.
static void draw_tcp(struct synth_packet *p, struct synth_random *r, bool request)
{
    uint32_t kind = synth_random_below(r, 100);
    if (kind < 50) {
        p->payload_size = 0;
    }
    if (kind < 9) {
        p->tcp_flags = request ? SYN : SYN | ACK;
    } else if (kind < 14) {
        p->tcp_flags = FIN | ACK;
    } else if (kind < 15) {
        p->tcp_flags = RST;
    } else {
        p->tcp_flags = kind < 75 ? ACK : PSH | ACK;
    }
}

static uint32_t ip_size(const struct synth_packet *p)
{
    return p->ipv6 ? 40 : 20;
}

static uint32_t transport_size(const struct synth_packet *p)
{
    return p->protocol == PROTOCOL_TCP ? 20 : 8;
}

static void set_sizes(struct synth_packet *p)
{
    uint32_t headers = ip_size(p) + transport_size(p);
    if (p->payload_size > MTU - headers) {
        p->payload_size = MTU - headers;
    }
    p->frame_size = ETHERNET_SIZE + 4 * p->tags + headers + p->payload_size + CHECK_SEQUENCE_SIZE;
    if (p->frame_size < FRAME_SIZE_MIN) {
        p->frame_size = FRAME_SIZE_MIN;
    }
}

static uint32_t tags_of(const struct synth_host *src)
{
    if (src->outside) {
        return src->number % 16 == 0 ? 2 : 1;
    }
    return src->number % SUBNETS < SERVER_SUBNETS ? 1 : 0;
}

struct synth_packet synth_packet_draw(struct synth_random *r, uint32_t ipv6_percent)
{
    struct synth_packet p = { .ipv6 = synth_random_chance(r, ipv6_percent) };
    const struct service *service = draw_service(r);
    bool crossing = synth_random_chance(r, 75);
    bool client_inside = !crossing || synth_random_chance(r, 80);
    bool request = synth_random_chance(r, 45);
    struct synth_host client = { .outside = !client_inside };
    struct synth_host server = { .outside = crossing && client_inside };
    client.number = draw_rank(r, client.outside ? HOST_BITS_OUTSIDE : HOST_BITS_INSIDE);
    server.number = draw_rank(r, server.outside ? HOST_BITS_OUTSIDE : SERVER_BITS_INSIDE);
    p.src = request ? client : server;
    p.dst = request ? server : client;
    p.tags = tags_of(&p.src);
    p.protocol = service->protocol;
    if (p.protocol == PROTOCOL_ICMP && p.ipv6) {
        p.protocol = PROTOCOL_ICMPV6;
    }
    uint16_t client_port = (uint16_t)(CLIENT_PORT_MIN + synth_random_below(r, CLIENT_PORTS));
    p.src_port = request ? client_port : service->port;
    p.dst_port = request ? service->port : client_port;
    p.payload_size = between(r, request ? service->request : service->response);
    if (p.protocol == PROTOCOL_TCP) {
        draw_tcp(&p, r, request);
    }
    set_sizes(&p);
    return p;
}

uint32_t synth_host_port(const struct synth_host *h)
{
    if (h->outside) {
        return 1 + h->number % PORTS_OUTSIDE;
    }
    return 1 + PORTS_OUTSIDE + h->number % (SYNTH_PORTS - PORTS_OUTSIDE);
}

uint32_t synth_host_vlan(const struct synth_host *h)
{
    return h->outside ? VLAN_OUTSIDE : VLAN_INSIDE + h->number % SUBNETS;
}

// --- Writing -------------------------------------------------------------------------------------

/// Spreads the numbers of hosts outside.
static uint32_t scatter(uint32_t number)
{
    return number * UINT32_C(2654435761);
}

/// Hosts outside are reached through the router.
static void put_mac(struct pen *pen, const struct synth_host *h)
{
    pen_u16(pen, 0x0200);
    pen_u32(pen, h->outside ? 0x5e000001 : 0x00010000 + h->number);
}

static void put_ipv4_address(struct pen *pen, const struct synth_host *h)
{
    uint32_t inside = 0x0a010000 + h->number % SUBNETS * 512 + 1 + h->number / SUBNETS;
    pen_u32(pen, h->outside ? 0xc6120000 + (scatter(h->number) >> 15) : inside);
}

static void put_ipv6_address(struct pen *pen, const struct synth_host *h)
{
    pen_u32(pen, 0x20010db8);
    pen_u32(pen,
            h->outside ? 0x80000000 | scatter(h->number) >> 1 : 0x00010000 + h->number % SUBNETS);
    pen_u32(pen, 0);
    pen_u32(pen, 1 + (h->outside ? h->number : h->number / SUBNETS));
}

static void put_link(struct pen *pen, const struct synth_packet *p)
{
    put_mac(pen, &p->dst);
    put_mac(pen, &p->src);
    if (p->tags == 2) {
        pen_u16(pen, ETHERTYPE_SERVICE_VLAN);
        pen_u16(pen, VLAN_SERVICE);
    }
    if (p->tags > 0) {
        pen_u16(pen, ETHERTYPE_VLAN);
        pen_u16(pen, synth_host_vlan(&p->src));
    }
    pen_u16(pen, p->ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
}

/// `noise` is what differs from packet to packet.
static void put_ip(struct pen *pen, const struct synth_packet *p, uint32_t noise)
{
    static const uint8_t CLASSES[4] = { 0, 0, 0x28, 0xb8 }; // best effort, AF11, EF
    uint32_t class = CLASSES[noise >> 30];
    uint32_t hops = 64 - (noise >> 24 & 0xf);
    uint32_t size = transport_size(p) + p->payload_size;
    uint8_t *begin = pen->at;
    if (p->ipv6) {
        pen_u32(pen, 6U << 28 | class << 20 | (noise & 0xfffff));
        pen_u16(pen, size);
        pen_u8(pen, p->protocol);
        pen_u8(pen, hops);
        put_ipv6_address(pen, &p->src);
        put_ipv6_address(pen, &p->dst);
        return;
    }
    pen_u8(pen, 0x45);
    pen_u8(pen, class);
    pen_u16(pen, 20 + size);
    pen_u16(pen, noise);
    pen_u16(pen, p->protocol == PROTOCOL_TCP ? 0x4000 : 0); // do not fragment
    pen_u8(pen, hops);
    pen_u8(pen, p->protocol);
    pen_u16(pen, 0);
    put_ipv4_address(pen, &p->src);
    put_ipv4_address(pen, &p->dst);
    struct pen checksum = pen_at(begin + 10);
    pen_u16(&checksum, checksum_fold(checksum_add(0, begin, 20)));
}

static void put_transport(struct pen *pen, const struct synth_packet *p, uint64_t noise)
{
    switch (p->protocol) {
    case PROTOCOL_TCP:
        pen_u16(pen, p->src_port);
        pen_u16(pen, p->dst_port);
        pen_u32(pen, (uint32_t)noise);
        pen_u32(pen, (p->tcp_flags & ACK) != 0 ? (uint32_t)(noise >> 32) : 0);
        pen_u8(pen, 5 << 4);
        pen_u8(pen, p->tcp_flags);
        pen_u16(pen, 0xfaf0); // window
        pen_u16(pen, (uint32_t)(noise >> 16));
        pen_u16(pen, 0);
        break;
    case PROTOCOL_UDP:
        pen_u16(pen, p->src_port);
        pen_u16(pen, p->dst_port);
        pen_u16(pen, 8 + p->payload_size);
        pen_u16(pen, (uint32_t)(noise >> 16));
        break;
    default: { // echo: request towards the service, reply from it
        bool request = p->dst_port == 0;
        bool v4 = p->protocol == PROTOCOL_ICMP;
        pen_u8(pen, v4 ? (request ? 8 : 0) : (request ? 128 : 129));
        pen_u8(pen, 0);
        pen_u16(pen, (uint32_t)(noise >> 16));
        pen_u32(pen, (uint32_t)noise);
    }
    }
}

/// The same bytes on every machine, whatever its byte order.
static void put_noise(struct pen *pen, struct synth_random *r, uint32_t size)
{
    for (; size >= 8; size -= 8) {
        pen_u64(pen, synth_random_next(r));
    }
    for (uint64_t noise = synth_random_next(r); size > 0; size--, noise >>= 8) {
        pen_u8(pen, (uint32_t)noise);
    }
}

uint32_t synth_packet_header(const struct synth_packet *p, struct synth_random *r,
                             uint8_t out[static SYNTH_HEADER_SIZE_MAX])
{
    struct pen pen = pen_at(out);
    put_link(&pen, p);
    put_ip(&pen, p, (uint32_t)synth_random_next(r));
    put_transport(&pen, p, synth_random_next(r));
    uint32_t size = p->frame_size - CHECK_SEQUENCE_SIZE;
    if (size > SYNTH_HEADER_SIZE_MAX) {
        size = SYNTH_HEADER_SIZE_MAX;
    }
    uint32_t left = size - (uint32_t)(pen.at - out);
    uint32_t payload = p->payload_size < left ? p->payload_size : left;
    put_noise(&pen, r, payload);
    pen_zeros(&pen, left - payload); // Ethernet's padding
    return size;
}
