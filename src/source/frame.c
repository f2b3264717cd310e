// SPDX-License-Identifier: Apache-2.0
#include "source/frame.h"

#include "base/rd.h"

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    TAGS_MAX = 8,
    EXTENSIONS_MAX = 16,
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_UDP = 17,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_DESTINATION = 60,
};

void frame_parse_udp(struct frame *f, uint8_t protocol, const uint8_t *data, size_t size)
{
    struct rd r = rd_over(data, size);
    if (protocol != PROTOCOL_UDP) {
        f->kind = FRAME_NOT_UDP;
        return;
    }
    const uint8_t *p = rd_take(&r, 8);
    if (p == NULL) {
        f->kind = FRAME_TRUNCATED;
        return;
    }
    f->src_port = be16(p);
    f->dst_port = be16(p + 2);
    size_t length = be16(p + 4);
    if (length < 8) {
        f->kind = FRAME_DAMAGED;
        return;
    }
    f->payload_size = length - 8;
    f->payload = rd_take(&r, f->payload_size);
    f->kind = f->payload == NULL ? FRAME_TRUNCATED : FRAME_UDP;
}

static void set_fragment(struct frame *f, uint8_t protocol, uint32_t id, uint32_t offset, bool more,
                         const struct rd *rest)
{
    f->kind = FRAME_FRAGMENT;
    f->protocol = protocol;
    f->id = id;
    f->offset = offset;
    f->more = more;
    f->payload = rest->at;
    f->payload_size = rd_left(rest);
}

/// RFC 791. The total length bounds what belongs to the packet; 0 stands there when a network card
/// cut the packet up itself, and then all of the frame belongs to it.
static void parse_ipv4(struct frame *f, struct rd r)
{
    size_t all = rd_left(&r);
    const uint8_t *p = rd_take(&r, 20);
    if (p == NULL) {
        f->kind = FRAME_TRUNCATED;
        return;
    }
    size_t header = (size_t)(p[0] & 0x0f) * 4;
    size_t total = be16(p + 2) == 0 ? all : be16(p + 2);
    if (p[0] >> 4 != 4 || header < 20 || total < header) {
        f->kind = FRAME_DAMAGED;
        return;
    }
    rd_skip(&r, header - 20);
    struct rd rest = rd_sub(&r, total - header);
    if (r.bad || rest.bad) {
        f->kind = FRAME_TRUNCATED;
        return;
    }
    f->src = addr_v4(p + 12);
    f->dst = addr_v4(p + 16);
    uint16_t fragment = be16(p + 6);
    if ((fragment & 0x3fff) != 0) {
        set_fragment(f, p[9], be16(p + 4), (uint32_t)(fragment & 0x1fff) * 8,
                     (fragment & 0x2000) != 0, &rest);
        return;
    }
    frame_parse_udp(f, p[9], rest.at, rd_left(&rest));
}

/// RFC 8200: extension headers up to a fragment header or what they lead to.
static void parse_ipv6_payload(struct frame *f, uint8_t protocol, struct rd r)
{
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        bool options = protocol == PROTOCOL_HOP_BY_HOP || protocol == PROTOCOL_ROUTING ||
                       protocol == PROTOCOL_DESTINATION;
        if (!options && protocol != PROTOCOL_FRAGMENT) {
            frame_parse_udp(f, protocol, r.at, rd_left(&r));
            return;
        }
        const uint8_t *p = rd_take(&r, 8);
        if (p != NULL && protocol == PROTOCOL_FRAGMENT) {
            uint16_t fragment = be16(p + 2);
            set_fragment(f, p[0], be32(p + 4), fragment & 0xfff8U, (fragment & 1) != 0, &r);
            return;
        }
        if (p != NULL) {
            protocol = p[0];
            rd_skip(&r, (size_t)p[1] * 8);
        }
        if (r.bad) {
            f->kind = FRAME_TRUNCATED;
            return;
        }
    }
    f->kind = FRAME_DAMAGED;
}

static void parse_ipv6(struct frame *f, struct rd r)
{
    const uint8_t *p = rd_take(&r, 40);
    if (p == NULL) {
        f->kind = FRAME_TRUNCATED;
        return;
    }
    if (p[0] >> 4 != 6) {
        f->kind = FRAME_DAMAGED;
        return;
    }
    f->src = addr_v6(p + 8);
    f->dst = addr_v6(p + 24);
    struct rd rest = rd_sub(&r, be16(p + 4));
    if (rest.bad) {
        f->kind = FRAME_TRUNCATED;
        return;
    }
    parse_ipv6_payload(f, p[6], rest);
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

/// What follows an ethertype; VLAN tags of any kind are stepped over.
static void parse_ethertype(struct frame *f, uint16_t ethertype, struct rd r)
{
    for (int i = 0; i < TAGS_MAX && (ethertype == 0x8100 || ethertype == 0x88a8 ||
                                     ethertype == 0x9100 || ethertype == 0x9200);
         i++) {
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

struct frame frame_parse(int link_type, const uint8_t *data, size_t size)
{
    struct frame f = { .kind = FRAME_NOT_IP };
    struct rd r = rd_over(data, size);
    uint16_t ethertype = 0;
    switch (link_type) {
    case LINK_ETHERNET:
        rd_skip(&r, 12);
        ethertype = rd_u16(&r);
        break;
    case LINK_LINUX_SLL:
        rd_skip(&r, 14);
        ethertype = rd_u16(&r);
        break;
    case LINK_LINUX_SLL2:
        ethertype = rd_u16(&r);
        rd_skip(&r, 18);
        break;
    case LINK_PPP:
        if (rd_left(&r) > 0 && *r.at == 0xff) {
            rd_skip(&r, 2); // address and control
        }
        ethertype = rd_u16(&r);
        ethertype = ethertype == 0x0021 ? ETHERTYPE_IPV4 : ethertype == 0x0057 ? ETHERTYPE_IPV6 : 0;
        break;
    case LINK_NULL:
    case LINK_LOOP:
        rd_skip(&r, 4); // the family's number differs by system; the version tells
        ethertype = ETHERTYPE_IPV4;
        break;
    case LINK_RAW:
    case LINK_RAW_OLD:
    case LINK_IPV4:
    case LINK_IPV6:
        ethertype = ETHERTYPE_IPV4;
        break;
    default:
        f.kind = FRAME_LINK;
        return f;
    }
    parse_ethertype(&f, ethertype, r);
    return f;
}
