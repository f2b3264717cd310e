// SPDX-License-Identifier: Apache-2.0
/*
 * What a frame is gets decided before whether it is whole: a TCP segment that the snap length cut
 * is no UDP, not a truncated one, so that only what may have been flow data counts as truncated. So
 * each step takes what is there of the bytes that a length announces, and remembers (`whole`)
 * whether that was all of them.
 *
 * Of IPv6 the extension headers that lead on to UDP are walked (RFC 8200); a fragment that is all
 * of its packet is no fragment (RFC 6946). Checksums are not looked at: with checksum offloading
 * the capture of a sender holds wrong ones.
 */
#include "source/frame.h"

#include "base/rd.h"

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_SERVICE_VLAN = 0x88a8,
    ETHERTYPE_QINQ_OLD = 0x9100,
    ETHERTYPE_QINQ_OLDER = 0x9200,
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    TAGS_MAX = 8,
    EXTENSIONS_MAX = 16,
    UDP_HEADER_SIZE = 8,
    IPV4_HEADER_SIZE = 20,
    IPV6_HEADER_SIZE = 40,
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_UDP = 17,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_DESTINATION = 60,
};

/// The bytes a length announces, as far as they are there.
struct body {
    struct rd rd;
    bool whole;
};

static struct body body_of(struct rd *r, size_t size)
{
    bool whole = size <= rd_left(r);
    return (struct body){ .rd = rd_sub(r, whole ? size : rd_left(r)), .whole = whole };
}

/// Something more is needed than there is.
static enum frame_kind short_of(const struct body *b)
{
    return b->whole ? FRAME_DAMAGED : FRAME_TRUNCATED;
}

static void parse_udp(struct frame *f, uint8_t protocol, struct body b)
{
    if (protocol != PROTOCOL_UDP) {
        f->kind = FRAME_NOT_UDP;
        return;
    }
    const uint8_t *p = rd_take(&b.rd, UDP_HEADER_SIZE);
    if (p == NULL) {
        f->kind = short_of(&b);
        return;
    }
    f->has_ports = true;
    f->src_port = be16(p);
    f->dst_port = be16(p + 2);
    size_t length = be16(p + 4);
    if (length < UDP_HEADER_SIZE) {
        f->kind = FRAME_DAMAGED;
        return;
    }
    f->payload_size = length - UDP_HEADER_SIZE;
    f->payload = rd_take(&b.rd, f->payload_size);
    f->kind = f->payload == NULL ? short_of(&b) : FRAME_UDP;
}

/// `protocol`, id, offset and more are set.
static void set_fragment(struct frame *f, const struct body *b)
{
    f->kind = b->whole ? FRAME_FRAGMENT : FRAME_TRUNCATED;
    f->payload = b->rd.at;
    f->payload_size = rd_left(&b->rd);
}

/// RFC 791. The total length bounds what belongs to the packet (Ethernet pads short ones); 0 stands
/// there when the network card cuts packets up itself, and then all of the frame belongs to it.
static void parse_ipv4(struct frame *f, struct rd r)
{
    size_t all = rd_left(&r);
    const uint8_t *p = rd_take(&r, IPV4_HEADER_SIZE);
    if (p == NULL) {
        f->kind = FRAME_TRUNCATED;
        return;
    }
    size_t header = (size_t)(p[0] & 0x0f) * 4;
    size_t total = be16(p + 2) == 0 ? all : be16(p + 2);
    if (header < IPV4_HEADER_SIZE || total < header) {
        f->kind = FRAME_DAMAGED;
        return;
    }
    rd_skip(&r, header - IPV4_HEADER_SIZE);
    struct body b = body_of(&r, total - header);
    f->src = addr_v4(p + 12);
    f->dst = addr_v4(p + 16);
    f->protocol = p[9];
    uint16_t fragment = be16(p + 6);
    if (r.bad) {
        f->kind = FRAME_TRUNCATED;
    } else if ((fragment & 0x3fff) != 0 && f->protocol == PROTOCOL_UDP) {
        f->id = be16(p + 4);
        f->offset = (uint32_t)(fragment & 0x1fff) * 8;
        f->more = (fragment & 0x2000) != 0;
        set_fragment(f, &b);
    } else {
        parse_udp(f, f->protocol, b);
    }
}

/// RFC 8200: extension headers up to a fragment header or what they lead to. Which protocol a
/// fragmented packet holds, only its first fragment tells for sure (section 4.5).
static void parse_ipv6_payload(struct frame *f, uint8_t protocol, struct body b)
{
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        if (protocol != PROTOCOL_HOP_BY_HOP && protocol != PROTOCOL_ROUTING &&
            protocol != PROTOCOL_DESTINATION && protocol != PROTOCOL_FRAGMENT) {
            parse_udp(f, protocol, b);
            return;
        }
        const uint8_t *p = rd_take(&b.rd, 8);
        if (p == NULL) {
            f->kind = short_of(&b);
            return;
        }
        if (protocol == PROTOCOL_FRAGMENT && (be16(p + 2) & 0xfff9) != 0) {
            f->protocol = p[0];
            f->id = be32(p + 4);
            f->offset = be16(p + 2) & 0xfff8U;
            f->more = (be16(p + 2) & 1) != 0;
            set_fragment(f, &b);
            return;
        }
        rd_skip(&b.rd, protocol == PROTOCOL_FRAGMENT ? 0 : (size_t)p[1] * 8);
        protocol = p[0];
    }
    f->kind = FRAME_DAMAGED;
}

static void parse_ipv6(struct frame *f, struct rd r)
{
    const uint8_t *p = rd_take(&r, IPV6_HEADER_SIZE);
    if (p == NULL) {
        f->kind = FRAME_TRUNCATED;
        return;
    }
    f->src = addr_v6(p + 8);
    f->dst = addr_v6(p + 24);
    parse_ipv6_payload(f, p[6], body_of(&r, be16(p + 4)));
}

/// IP by its version.
static void parse_ip(struct frame *f, struct rd r)
{
    if (rd_left(&r) == 0) {
        f->kind = FRAME_TRUNCATED;
    } else if (*r.at >> 4 == 4) {
        parse_ipv4(f, r);
    } else if (*r.at >> 4 == 6) {
        parse_ipv6(f, r);
    } else {
        f->kind = FRAME_NOT_IP;
    }
}

static bool is_tag(uint16_t ethertype)
{
    return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_SERVICE_VLAN ||
           ethertype == ETHERTYPE_QINQ_OLD || ethertype == ETHERTYPE_QINQ_OLDER;
}

/// What follows an ethertype; VLAN tags of any kind are stepped over.
static void parse_ethertype(struct frame *f, uint16_t ethertype, struct rd r)
{
    for (int i = 0; i < TAGS_MAX && is_tag(ethertype); i++) {
        rd_skip(&r, 2);
        ethertype = rd_u16(&r);
    }
    if (r.bad) {
        f->kind = FRAME_TRUNCATED;
    } else if (ethertype == ETHERTYPE_IPV4 || ethertype == ETHERTYPE_IPV6) {
        parse_ip(f, r);
    } else {
        f->kind = FRAME_NOT_IP;
    }
}

static uint16_t read_ppp(struct rd *r)
{
    if (rd_left(r) > 0 && *r->at == 0xff) {
        rd_skip(r, 2); // address and control
    }
    uint16_t protocol = rd_u16(r);
    return protocol == PPP_IPV4 ? ETHERTYPE_IPV4 : protocol == PPP_IPV6 ? ETHERTYPE_IPV6 : 0;
}

/// Reads the link layer; false for a type that is not known. Where it is known to be IP the version
/// tells which, so that either ethertype will do.
static bool read_link(int link_type, struct rd *r, uint16_t *ret_ethertype)
{
    *ret_ethertype = ETHERTYPE_IPV4;
    switch (link_type) {
    case LINK_ETHERNET:
        rd_skip(r, 12);
        *ret_ethertype = rd_u16(r);
        return true;
    case LINK_LINUX_SLL:
        rd_skip(r, 14);
        *ret_ethertype = rd_u16(r);
        return true;
    case LINK_LINUX_SLL2:
        *ret_ethertype = rd_u16(r);
        rd_skip(r, 18);
        return true;
    case LINK_PPP:
    case LINK_PPP_HDLC:
        *ret_ethertype = read_ppp(r);
        return true;
    case LINK_NULL:
    case LINK_LOOP:
        rd_skip(r, 4); // an address family whose number and byte order differ by system
        return true;
    case LINK_RAW:
    case LINK_RAW_OLD:
    case LINK_IPV4:
    case LINK_IPV6:
        return true;
    default:
        return false;
    }
}

bool frame_reads_link(int link_type)
{
    const uint8_t none[1] = { 0 };
    struct rd r = rd_over(none, 0);
    uint16_t ethertype;
    return read_link(link_type, &r, &ethertype);
}

struct frame frame_parse(int link_type, const uint8_t *data, size_t size, size_t wire_size)
{
    struct frame f = { .kind = FRAME_LINK };
    struct rd r = rd_over(data, size);
    uint16_t ethertype;
    if (read_link(link_type, &r, &ethertype)) {
        parse_ethertype(&f, ethertype, r);
    }
    if (f.kind == FRAME_TRUNCATED && size >= wire_size) {
        f.kind = FRAME_DAMAGED; // the capture has all there was
    }
    return f;
}

void frame_parse_whole(struct frame *f, const uint8_t *data, size_t size)
{
    struct body b = { .rd = rd_over(data, size), .whole = true };
    if (f->src.size == ADDR_V6_SIZE) {
        parse_ipv6_payload(f, f->protocol, b);
    } else {
        parse_udp(f, f->protocol, b);
    }
    if (f->kind == FRAME_FRAGMENT) {
        f->kind = FRAME_DAMAGED; // a fragment inside of what was put together
    }
}
