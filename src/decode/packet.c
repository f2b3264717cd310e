// SPDX-License-Identifier: Apache-2.0
/*
 * The walk over a sampled packet: one parser after the other, each told by the one before, until
 * nobody knows what follows or the sampled bytes end.
 *
 * Built-in fields come from the outermost headers. Each parser has a level (link 20, tags and
 * labels 25, network 30, extension headers 35, transport and tunnels 40); a step that does not go
 * up is an encapsulation, and from there on headers only add to the layer lists. Tags, labels and
 * extension headers may follow each other on their level. goflow2 lets them also hide a step down
 * (IP in MPLS in GRE), and the inner addresses overwrite the outer ones; weir does not.
 *
 * Beyond goflow2: IPv4 options, GRE's optional words and TCP options are stepped over, so that what
 * follows is read where it starts; fragments other than the first have no ports; 802.1ad and 0x9100
 * tags, PPPoE, MPLS multicast, AH, hop-by-hop and destination options are walked. The latter have
 * no name in goflow2's layer_stack, so they appear as Custom, which keeps it in step with
 * layer_size.
 *
 * A header with too few bytes ends the walk and leaves a 0 in layer_size without a name in
 * layer_stack, as in goflow2.
 */
#include "decode/packet.h"

#include "base/rd.h"
#include "decode/packet_rule.h"

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_8021Q = 0x8100,
    ETHERTYPE_8021AD = 0x88a8,
    ETHERTYPE_QINQ = 0x9100,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_MPLS = 0x8847,
    ETHERTYPE_MPLS_MULTICAST = 0x8848,
    ETHERTYPE_PPPOE = 0x8864,
    ETHERTYPE_ETHERNET = 0x6558, ///< transparent Ethernet bridging
    ETHERTYPE_GOFLOW2_ETHERNET = 0x199e,
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
};

/// The walk: where it is, and what the header just read said comes next.
struct walk {
    struct draft *draft;
    struct flow *flow;
    const struct mapping *mapping;
    bool encap;
    size_t size; ///< of the header just read; 0 when it was cut short
    enum parser next;
    enum reached_by by;
    uint16_t value;
};

static enum parser parser_of_ethertype(uint16_t ethertype)
{
    switch (ethertype) {
    case ETHERTYPE_IPV4:
        return PARSER_IPV4;
    case ETHERTYPE_IPV6:
        return PARSER_IPV6;
    case ETHERTYPE_8021Q:
    case ETHERTYPE_8021AD:
    case ETHERTYPE_QINQ:
        return PARSER_DOT1Q;
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_MULTICAST:
        return PARSER_MPLS;
    case ETHERTYPE_PPPOE:
        return PARSER_PPPOE;
    case ETHERTYPE_ETHERNET:
    case ETHERTYPE_GOFLOW2_ETHERNET:
        return PARSER_ETHERNET;
    default:
        return PARSER_NONE;
    }
}

static enum parser parser_of_protocol(uint8_t protocol)
{
    static const uint8_t PARSERS[256] = {
        [0] = PARSER_IPV6_OPTIONS, [1] = PARSER_ICMP,       [4] = PARSER_IPV4,
        [6] = PARSER_TCP,          [17] = PARSER_UDP,       [41] = PARSER_IPV6,
        [43] = PARSER_IPV6_ROUTE,  [44] = PARSER_IPV6_FRAG, [47] = PARSER_GRE,
        [51] = PARSER_AH,          [58] = PARSER_ICMPV6,    [60] = PARSER_IPV6_OPTIONS,
    };
    return PARSERS[protocol];
}

static void follow_ethertype(struct walk *w, uint16_t ethertype)
{
    w->next = parser_of_ethertype(ethertype);
    w->by = REACHED_BY_ETYPE;
    w->value = ethertype;
}

static void follow_protocol(struct walk *w, uint8_t protocol)
{
    w->next = parser_of_protocol(protocol);
    w->by = REACHED_BY_PROTO;
    w->value = protocol;
}

/// The mapping's ports; the destination is tried before the source, the last rule wins.
static void follow_port(struct walk *w, bool tcp, uint16_t src_port, uint16_t dst_port)
{
    const struct mapping *m = w->mapping;
    for (int dst = 1; dst >= 0; dst--) {
        uint16_t port = dst ? dst_port : src_port;
        for (size_t i = m->port_rule_count; i-- > 0;) {
            const struct port_rule *r = &m->port_rules[i];
            if (r->tcp == tcp && r->port == port && (dst ? r->dst : r->src)) {
                w->next = r->parser;
                w->by = tcp ? REACHED_BY_TCP_PORT : REACHED_BY_UDP_PORT;
                w->value = port;
                return;
            }
        }
    }
}

static void push_layer(struct walk *w, enum layer layer, size_t size)
{
    draft_push(w->draft, &w->draft->layer_stack, layer);
    w->size = size;
}

static uint64_t mac_of(const uint8_t *p)
{
    return (uint64_t)be16(p) << 32 | be32(p + 2);
}

static void set_etype(struct walk *w, uint16_t etype)
{
    w->flow->etype = etype;
    draft_mark(w->draft, FLOW_BIT(FIELD_ETYPE));
}

static void parse_ethernet(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 14);
    if (p == NULL) {
        return;
    }
    push_layer(w, LAYER_ETHERNET, 14);
    uint16_t ethertype = be16(p + 12);
    if (!w->encap) {
        w->flow->dst_mac = mac_of(p);
        w->flow->src_mac = mac_of(p + 6);
        draft_mark(w->draft, FLOW_BIT(FIELD_DST_MAC) | FLOW_BIT(FIELD_SRC_MAC));
        set_etype(w, ethertype);
    }
    follow_ethertype(w, ethertype);
}

/// IEEE 802.1Q: the VLAN id is the low 12 bits of the tag (goflow2 leaves the priority in it).
static void parse_dot1q(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 4);
    if (p == NULL) {
        return;
    }
    push_layer(w, LAYER_DOT1Q, 4);
    uint16_t ethertype = be16(p + 2);
    if (!w->encap) {
        w->flow->vlan_id = be16(p) & 0x0fff;
        draft_mark(w->draft, FLOW_BIT(FIELD_VLAN_ID));
        set_etype(w, ethertype);
    }
    follow_ethertype(w, ethertype);
}

/// RFC 2516 section 4 and PPP's protocol field behind it.
static void parse_pppoe(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 8);
    if (p == NULL) {
        return;
    }
    push_layer(w, LAYER_CUSTOM, 8);
    uint16_t protocol = be16(p + 6);
    if (protocol != PPP_IPV4 && protocol != PPP_IPV6) {
        return;
    }
    uint16_t ethertype = protocol == PPP_IPV4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
    if (!w->encap) {
        set_etype(w, ethertype);
    }
    follow_ethertype(w, ethertype);
}

/// RFC 3032: labels up to the bottom of the stack or a reserved label; what follows is guessed by
/// its first nibble.
static void parse_mpls(struct walk *w, struct rd *r)
{
    struct draft *d = w->draft;
    if (rd_left(r) < 4) {
        return;
    }
    if (!w->encap) {
        d->mpls_label.count = 0;
        d->mpls_ttl.count = 0;
        draft_mark(d, FLOW_BIT(FIELD_MPLS_LABEL) | FLOW_BIT(FIELD_MPLS_TTL));
    }
    size_t size = 0;
    bool last = false;
    while (!last && rd_left(r) >= 4) {
        uint32_t entry = rd_u32(r);
        uint32_t label = entry >> 12;
        size += 4;
        last = (entry & 0x100) != 0 || label <= 15;
        if (!w->encap) {
            draft_push(d, &d->mpls_label, label);
            draft_push(d, &d->mpls_ttl, entry & 0xff);
        }
    }
    push_layer(w, LAYER_MPLS, size);
    if (!last || rd_left(r) == 0) {
        return;
    }
    unsigned version = *r->at >> 4;
    if (version != 4 && version != 6) {
        return;
    }
    uint16_t ethertype = version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
    if (!w->encap) {
        set_etype(w, ethertype);
    }
    follow_ethertype(w, ethertype);
}

/// RFC 791. A header length below five words is taken as five.
static void parse_ipv4(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 20);
    if (p == NULL) {
        return;
    }
    size_t size = (size_t)(p[0] & 0x0f) * 4;
    push_layer(w, LAYER_IPV4, size < 20 ? 20 : size);
    uint16_t fragment = be16(p + 6);
    struct flow *flow = w->flow;
    if (!w->encap) {
        flow->src_addr = addr_v4(p + 12);
        flow->dst_addr = addr_v4(p + 16);
        flow->ip_tos = p[1];
        flow->ip_ttl = p[8];
        flow->fragment_id = be16(p + 4);
        flow->fragment_offset = fragment & 0x1fff;
        flow->ip_flags = fragment >> 13;
        flow->proto = p[9];
        draft_mark(w->draft, FLOW_BIT(FIELD_SRC_ADDR) | FLOW_BIT(FIELD_DST_ADDR) |
                                 FLOW_BIT(FIELD_IP_TOS) | FLOW_BIT(FIELD_IP_TTL) |
                                 FLOW_BIT(FIELD_FRAGMENT_ID) | FLOW_BIT(FIELD_FRAGMENT_OFFSET) |
                                 FLOW_BIT(FIELD_IP_FLAGS) | FLOW_BIT(FIELD_PROTO));
    }
    if ((fragment & 0x1fff) == 0) { // what follows in later fragments is no header
        follow_protocol(w, p[9]);
    }
}

/// RFC 8200 section 3.
static void parse_ipv6(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 40);
    if (p == NULL) {
        return;
    }
    push_layer(w, LAYER_IPV6, 40);
    struct flow *flow = w->flow;
    if (!w->encap) {
        flow->src_addr = addr_v6(p + 8);
        flow->dst_addr = addr_v6(p + 24);
        flow->ip_tos = (be16(p) >> 4) & 0xff;
        flow->ip_ttl = p[7];
        flow->ipv6_flow_label = be32(p) & 0xfffff;
        flow->proto = p[6];
        draft_mark(w->draft, FLOW_BIT(FIELD_SRC_ADDR) | FLOW_BIT(FIELD_DST_ADDR) |
                                 FLOW_BIT(FIELD_IP_TOS) | FLOW_BIT(FIELD_IP_TTL) |
                                 FLOW_BIT(FIELD_IPV6_FLOW_LABEL) | FLOW_BIT(FIELD_PROTO));
    }
    follow_protocol(w, p[6]);
}

/// RFC 8200 section 4.5.
static void parse_ipv6_frag(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 8);
    if (p == NULL) {
        return;
    }
    push_layer(w, LAYER_IPV6_HEADER_FRAGMENT, 8);
    uint16_t fragment = be16(p + 2);
    if (!w->encap) {
        w->flow->fragment_id = be32(p + 4);
        w->flow->fragment_offset = fragment >> 3;
        w->flow->ip_flags = fragment & 7;
        draft_mark(w->draft, FLOW_BIT(FIELD_FRAGMENT_ID) | FLOW_BIT(FIELD_FRAGMENT_OFFSET) |
                                 FLOW_BIT(FIELD_IP_FLAGS));
    }
    if (fragment >> 3 == 0) {
        follow_protocol(w, p[0]);
    }
}

/// RFC 8200 section 4.4; the segments of type 4 (RFC 8754 section 2).
static void parse_ipv6_route(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 8);
    if (p == NULL) {
        return;
    }
    size_t size = 8 + 8 * (size_t)p[1];
    push_layer(w, LAYER_IPV6_HEADER_ROUTING, size);
    if (!w->encap) {
        w->flow->ipv6_routing_header_seg_left = p[3];
        draft_mark(w->draft, FLOW_BIT(FIELD_IPV6_ROUTING_HEADER_SEG_LEFT));
        bool segments = p[2] == 4;
        for (unsigned i = 0; segments && i <= p[4] && 8 + 16 * (size_t)i < size; i++) {
            const uint8_t *segment = rd_take(r, 16);
            if (segment == NULL) {
                break;
            }
            draft_push_addr(w->draft, &w->draft->routing_addresses, addr_v6(segment));
            draft_mark(w->draft, FLOW_BIT(FIELD_IPV6_ROUTING_HEADER_ADDRESSES));
        }
    }
    follow_protocol(w, p[0]);
}

/// Hop-by-hop and destination options (RFC 8200 sections 4.3, 4.6).
static void parse_ipv6_options(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 8);
    if (p != NULL) {
        push_layer(w, LAYER_CUSTOM, 8 + 8 * (size_t)p[1]);
        follow_protocol(w, p[0]);
    }
}

/// RFC 4302 section 2.
static void parse_ah(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 12);
    if (p != NULL) {
        push_layer(w, LAYER_CUSTOM, ((size_t)p[1] + 2) * 4);
        follow_protocol(w, p[0]);
    }
}

static void set_ports(struct walk *w, uint16_t src_port, uint16_t dst_port)
{
    w->flow->src_port = src_port;
    w->flow->dst_port = dst_port;
    draft_mark(w->draft, FLOW_BIT(FIELD_SRC_PORT) | FLOW_BIT(FIELD_DST_PORT));
}

/// RFC 9293 section 3.1.
static void parse_tcp(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 20);
    if (p == NULL) {
        return;
    }
    size_t size = (size_t)(p[12] >> 4) * 4;
    push_layer(w, LAYER_TCP, size < 20 ? 20 : size);
    if (!w->encap) {
        set_ports(w, be16(p), be16(p + 2));
        w->flow->tcp_flags = p[13];
        draft_mark(w->draft, FLOW_BIT(FIELD_TCP_FLAGS));
    }
    follow_port(w, true, be16(p), be16(p + 2));
}

static void parse_udp(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 8);
    if (p == NULL) {
        return;
    }
    push_layer(w, LAYER_UDP, 8);
    if (!w->encap) {
        set_ports(w, be16(p), be16(p + 2));
    }
    follow_port(w, false, be16(p), be16(p + 2));
}

/// RFC 2784, RFC 2890 (key, sequence number) and RFC 2637 (version 1: acknowledgment number).
static void parse_gre(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 4);
    if (p == NULL) {
        return;
    }
    uint16_t flags = be16(p);
    size_t size = 4;
    size += (flags & 0xc000) != 0 ? 4 : 0; // checksum or (RFC 1701) routing: one word for both
    size += (flags & 0x2000) != 0 ? 4 : 0;
    size += (flags & 0x1000) != 0 ? 4 : 0;
    size += (flags & 0x0007) == 1 && (flags & 0x0080) != 0 ? 4 : 0;
    push_layer(w, LAYER_GRE, size);
    follow_ethertype(w, be16(p + 2));
}

/// RFC 4380: IPv6 right behind UDP.
static void parse_teredo(struct walk *w, struct rd *r)
{
    (void)r; // it has no bytes of its own
    push_layer(w, LAYER_TEREDO, 0);
    w->next = PARSER_IPV6;
}

/// RFC 8926 section 3.4.
static void parse_geneve(struct walk *w, struct rd *r)
{
    const uint8_t *p = rd_take(r, 8);
    if (p != NULL) {
        push_layer(w, LAYER_GENEVE, 8 + 4 * (size_t)(p[0] & 0x3f));
        follow_ethertype(w, be16(p + 2));
    }
}

static void parse_icmp(struct walk *w, struct rd *r, enum layer layer)
{
    const uint8_t *p = rd_take(r, 2);
    if (p == NULL) {
        return;
    }
    push_layer(w, layer, 8);
    if (!w->encap) {
        w->flow->icmp_type = p[0];
        w->flow->icmp_code = p[1];
        draft_mark(w->draft, FLOW_BIT(FIELD_ICMP_TYPE) | FLOW_BIT(FIELD_ICMP_CODE));
    }
}

static void parse_icmp4(struct walk *w, struct rd *r)
{
    parse_icmp(w, r, LAYER_ICMP);
}

static void parse_icmp6(struct walk *w, struct rd *r)
{
    parse_icmp(w, r, LAYER_ICMPV6);
}

static const struct {
    void (*parse)(struct walk *w, struct rd *r);
    uint8_t level;   ///< place in the stack, to tell encapsulation
    bool may_repeat; ///< may follow another of its level
} PARSERS[PARSER_COUNT] = {
    [PARSER_NONE] = { .level = 100 },
    [PARSER_ETHERNET] = { .parse = parse_ethernet, .level = 20 },
    [PARSER_DOT1Q] = { .parse = parse_dot1q, .level = 25, .may_repeat = true },
    [PARSER_MPLS] = { .parse = parse_mpls, .level = 25, .may_repeat = true },
    [PARSER_PPPOE] = { .parse = parse_pppoe, .level = 25, .may_repeat = true },
    [PARSER_IPV4] = { .parse = parse_ipv4, .level = 30 },
    [PARSER_IPV6] = { .parse = parse_ipv6, .level = 30 },
    [PARSER_IPV6_ROUTE] = { .parse = parse_ipv6_route, .level = 35 },
    [PARSER_IPV6_FRAG] = { .parse = parse_ipv6_frag, .level = 35, .may_repeat = true },
    [PARSER_IPV6_OPTIONS] = { .parse = parse_ipv6_options, .level = 35, .may_repeat = true },
    [PARSER_AH] = { .parse = parse_ah, .level = 35, .may_repeat = true },
    [PARSER_TCP] = { .parse = parse_tcp, .level = 40 },
    [PARSER_UDP] = { .parse = parse_udp, .level = 40 },
    [PARSER_GRE] = { .parse = parse_gre, .level = 40 },
    [PARSER_TEREDO] = { .parse = parse_teredo, .level = 40 },
    [PARSER_GENEVE] = { .parse = parse_geneve, .level = 40 },
    [PARSER_ICMP] = { .parse = parse_icmp4, .level = 70 },
    [PARSER_ICMPV6] = { .parse = parse_icmp6, .level = 70 },
};

/// Whether `next` behind `parser` begins a packet within the packet.
static bool is_encapsulation(enum parser parser, enum parser next)
{
    if (PARSERS[next].level != PARSERS[parser].level) {
        return PARSERS[next].level < PARSERS[parser].level;
    }
    return !PARSERS[next].may_repeat && parser != PARSER_IPV6_OPTIONS && parser != PARSER_AH;
}

void packet_decode(struct draft *draft, const struct mapping *mapping, enum parser first,
                   const uint8_t *data, size_t size)
{
    struct walk w = { .draft = draft, .flow = draft->flow, .mapping = mapping, .next = first };
    size_t offset = 0;
    // Every parser but Teredo's moves on or ends the walk, and Teredo leads to IPv6, which does.
    while (w.next != PARSER_NONE && offset <= size) {
        struct packet_layer layer = { .packet = data,
                                      .packet_size = size,
                                      .offset = offset,
                                      .parser = w.next,
                                      .by = w.by,
                                      .value = w.value,
                                      .encap = w.encap };
        struct rd r = rd_over(data + offset, size - offset);
        w.size = 0;
        w.next = PARSER_NONE;
        w.by = REACHED_BY_START;
        w.value = 0;
        PARSERS[layer.parser].parse(&w, &r);
        if (mapping->has_packet_rules) {
            packet_rules_apply(draft, mapping, &layer);
        }
        draft_push(draft, &draft->layer_size, (uint32_t)w.size);
        w.encap = w.encap || is_encapsulation(layer.parser, w.next);
        offset += w.size;
    }
    draft_mark(draft, FLOW_BIT(FIELD_LAYER_STACK) | FLOW_BIT(FIELD_LAYER_SIZE));
}
