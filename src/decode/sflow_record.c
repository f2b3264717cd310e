// SPDX-License-Identifier: Apache-2.0
/*
 * One function per record of sflow_version_5.txt (section 5.3, "Flow Data Types"). Each reads its
 * layout whole before it writes a field, so that a damaged record leaves nothing behind. Which
 * fields a record gives, and that the last one wins, is goflow2's; those that give none there
 * (sampled Ethernet, queue, ACL, function) are checked and counted only.
 *
 * XDR pads opaque data to four bytes: MAC addresses take eight, texts are rounded up.
 */
#include "decode/sflow_record.h"

#include "decode/packet.h"

enum {
    RECORD_RAW_HEADER = 1,
    RECORD_ETHERNET = 2,
    RECORD_IPV4 = 3,
    RECORD_IPV6 = 4,
    RECORD_EXTENDED_SWITCH = 1001,
    RECORD_EXTENDED_ROUTER = 1002,
    RECORD_EXTENDED_GATEWAY = 1003,
    RECORD_EGRESS_QUEUE = 1036,
    RECORD_EXTENDED_ACL = 1037,
    RECORD_EXTENDED_FUNCTION = 1038,

    COUNTERS_INTERFACE = 1,
    COUNTERS_ETHERNET = 2,
    COUNTERS_INTERFACE_SIZE = 88,
    COUNTERS_ETHERNET_SIZE = 52,

    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
};

typedef bool read_record_fn(struct draft *draft, const struct mapping *mapping, struct rd *r);

/// The header_protocol of a raw header; the others are counted for their bytes only.
static enum parser parser_of_header(uint32_t protocol)
{
    switch (protocol) {
    case 1:
        return PARSER_ETHERNET;
    case 11:
        return PARSER_IPV4;
    case 12:
        return PARSER_IPV6;
    case 13:
        return PARSER_MPLS;
    default:
        return PARSER_NONE;
    }
}

static bool read_raw_header(struct draft *draft, const struct mapping *mapping, struct rd *r)
{
    const uint8_t *p = rd_take(r, 16);
    if (p == NULL) {
        return false;
    }
    uint32_t protocol = be32(p);
    size_t size = be32(p + 12);
    if (size > rd_left(r)) {
        size = rd_left(r); // cut short: what there is
    }
    struct flow *flow = draft->flow;
    flow->bytes = be32(p + 4);
    draft_mark(draft, FLOW_BIT(FIELD_BYTES));
    if (protocol == 11 || protocol == 12) { // no Ethernet header to say so
        flow->etype = protocol == 11 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
        draft_mark(draft, FLOW_BIT(FIELD_ETYPE));
    }
    enum parser first = parser_of_header(protocol);
    if (first != PARSER_NONE) {
        packet_decode(draft, mapping, first, r->at, size);
    }
    return true;
}

/// length, source MAC, destination MAC, ethertype.
static bool read_ethernet(struct draft *draft, const struct mapping *mapping, struct rd *r)
{
    (void)draft;
    (void)mapping;
    return rd_take(r, 24) != NULL;
}

/// What records 3 and 4 share; `p` is the word after the addresses.
static void set_sampled_ip(struct draft *draft, uint32_t length, uint32_t protocol,
                           const uint8_t *p)
{
    struct flow *flow = draft->flow;
    flow->bytes = length;
    flow->proto = protocol;
    flow->src_port = be32(p);
    flow->dst_port = be32(p + 4);
    flow->ip_tos = be32(p + 12);
    draft_mark(draft, FLOW_BIT(FIELD_BYTES) | FLOW_BIT(FIELD_PROTO) | FLOW_BIT(FIELD_SRC_ADDR) |
                          FLOW_BIT(FIELD_DST_ADDR) | FLOW_BIT(FIELD_SRC_PORT) |
                          FLOW_BIT(FIELD_DST_PORT) | FLOW_BIT(FIELD_IP_TOS) |
                          FLOW_BIT(FIELD_ETYPE));
}

static bool read_ipv4(struct draft *draft, const struct mapping *mapping, struct rd *r)
{
    (void)mapping;
    const uint8_t *p = rd_take(r, 32);
    if (p == NULL) {
        return false;
    }
    draft->flow->src_addr = addr_v4(p + 8);
    draft->flow->dst_addr = addr_v4(p + 12);
    draft->flow->etype = ETHERTYPE_IPV4;
    set_sampled_ip(draft, be32(p), be32(p + 4), p + 16);
    return true;
}

static bool read_ipv6(struct draft *draft, const struct mapping *mapping, struct rd *r)
{
    (void)mapping;
    const uint8_t *p = rd_take(r, 56);
    if (p == NULL) {
        return false;
    }
    draft->flow->src_addr = addr_v6(p + 8);
    draft->flow->dst_addr = addr_v6(p + 24);
    draft->flow->etype = ETHERTYPE_IPV6;
    set_sampled_ip(draft, be32(p), be32(p + 4), p + 40);
    return true;
}

/// Source VLAN and priority, destination VLAN and priority.
static bool read_switch(struct draft *draft, const struct mapping *mapping, struct rd *r)
{
    (void)mapping;
    const uint8_t *p = rd_take(r, 16);
    if (p == NULL) {
        return false;
    }
    draft->flow->src_vlan = be32(p);
    draft->flow->dst_vlan = be32(p + 8);
    draft_mark(draft, FLOW_BIT(FIELD_SRC_VLAN) | FLOW_BIT(FIELD_DST_VLAN));
    return true;
}

/// The union `address`: a type word (0 none, 1 IPv4, 2 IPv6) and its bytes.
static bool read_address(struct rd *r, struct addr *ret_addr)
{
    uint32_t type = rd_u32(r);
    if (type > 2 || r->bad) {
        return false;
    }
    *ret_addr = (struct addr){ 0 };
    if (type == 0) {
        return true;
    }
    const uint8_t *p = rd_take(r, type == 1 ? ADDR_V4_SIZE : ADDR_V6_SIZE);
    if (p == NULL) {
        return false;
    }
    *ret_addr = type == 1 ? addr_v4(p) : addr_v6(p);
    return true;
}

static bool read_router(struct draft *draft, const struct mapping *mapping, struct rd *r)
{
    (void)mapping;
    struct addr next_hop;
    if (!read_address(r, &next_hop)) {
        return false;
    }
    const uint8_t *p = rd_take(r, 8);
    if (p == NULL) {
        return false;
    }
    draft->flow->next_hop = next_hop;
    draft->flow->src_net = be32(p);
    draft->flow->dst_net = be32(p + 4);
    draft_mark(draft, FLOW_BIT(FIELD_NEXT_HOP) | FLOW_BIT(FIELD_SRC_NET) | FLOW_BIT(FIELD_DST_NET));
    return true;
}

/// `count` words, which stay in the record; NULL when there are not as many or more than `max`.
static const uint8_t *take_words(struct rd *r, uint32_t count, uint32_t max)
{
    return count <= max && count <= rd_left(r) / 4 ? rd_take(r, 4 * (size_t)count) : NULL;
}

static void push_words(struct draft *draft, struct u32_list *list, const uint8_t *words,
                       uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        draft_push(draft, list, be32(words + 4 * (size_t)i));
    }
}

/// The segments of an AS path, one after the other into draft->as_path. goflow2 2.2.6 reads the
/// first only.
static bool read_as_path(struct draft *draft, struct rd *r)
{
    uint32_t segments = rd_u32(r);
    for (uint32_t i = 0; i < segments; i++) {
        (void)rd_u32(r); // set or sequence: goflow2's columns do not tell
        uint32_t count = rd_u32(r);
        const uint8_t *words = take_words(r, count, SFLOW_AS_SEGMENT_MAX);
        if (words == NULL || r->bad) {
            return false;
        }
        push_words(draft, &draft->as_path, words, count);
    }
    return !r->bad;
}

/// A bad record must leave the lists of an earlier one alone, so the whole is walked first.
static bool is_gateway_sound(struct rd r)
{
    struct addr next_hop;
    if (!read_address(&r, &next_hop) || rd_take(&r, 12) == NULL) {
        return false;
    }
    uint32_t segments = rd_u32(&r);
    for (uint32_t i = 0; i < segments; i++) {
        (void)rd_u32(&r);
        uint32_t count = rd_u32(&r);
        if (r.bad || take_words(&r, count, SFLOW_AS_SEGMENT_MAX) == NULL) {
            return false;
        }
    }
    uint32_t communities = rd_u32(&r);
    return !r.bad && take_words(&r, communities, SFLOW_COMMUNITIES_MAX) != NULL &&
           rd_take(&r, 4) != NULL;
}

static bool read_gateway(struct draft *draft, const struct mapping *mapping, struct rd *r)
{
    (void)mapping;
    struct flow *flow = draft->flow;
    if (!is_gateway_sound(*r) || !read_address(r, &flow->bgp_next_hop)) {
        return false;
    }
    uint32_t router_as = rd_u32(r);
    uint32_t src_as = rd_u32(r);
    (void)rd_u32(r); // the source's peer AS has no column
    draft->as_path.count = 0;
    draft->bgp_communities.count = 0;
    (void)read_as_path(draft, r); // sound
    uint32_t count = rd_u32(r);
    push_words(draft, &draft->bgp_communities, take_words(r, count, SFLOW_COMMUNITIES_MAX), count);
    const struct u32_list *path = &draft->as_path;
    flow->src_as = src_as > 0 ? src_as : router_as;
    flow->dst_as = path->count > 0 ? path->items[path->count - 1] : router_as;
    if (path->count > 0) {
        flow->next_hop_as = path->items[0];
        draft_mark(draft, FLOW_BIT(FIELD_NEXT_HOP_AS));
    }
    draft_mark(draft, FLOW_BIT(FIELD_BGP_NEXT_HOP) | FLOW_BIT(FIELD_SRC_AS) |
                          FLOW_BIT(FIELD_DST_AS) | FLOW_BIT(FIELD_AS_PATH) |
                          FLOW_BIT(FIELD_BGP_COMMUNITIES));
    return true;
}

static bool read_queue(struct draft *draft, const struct mapping *mapping, struct rd *r)
{
    (void)draft;
    (void)mapping;
    return rd_take(r, 4) != NULL;
}

/// A text: its length and its bytes, padded to four.
static bool skip_text(struct rd *r)
{
    size_t size = rd_u32(r);
    return !r->bad && size <= rd_left(r) && rd_take(r, (size + 3) & ~(size_t)3) != NULL;
}

static bool read_acl(struct draft *draft, const struct mapping *mapping, struct rd *r)
{
    (void)draft;
    (void)mapping;
    return rd_take(r, 4) != NULL && skip_text(r) && rd_take(r, 4) != NULL;
}

static bool read_function(struct draft *draft, const struct mapping *mapping, struct rd *r)
{
    (void)draft;
    (void)mapping;
    return skip_text(r);
}

static read_record_fn *reader_of(uint32_t format)
{
    switch (format) {
    case RECORD_RAW_HEADER:
        return read_raw_header;
    case RECORD_ETHERNET:
        return read_ethernet;
    case RECORD_IPV4:
        return read_ipv4;
    case RECORD_IPV6:
        return read_ipv6;
    case RECORD_EXTENDED_SWITCH:
        return read_switch;
    case RECORD_EXTENDED_ROUTER:
        return read_router;
    case RECORD_EXTENDED_GATEWAY:
        return read_gateway;
    case RECORD_EGRESS_QUEUE:
        return read_queue;
    case RECORD_EXTENDED_ACL:
        return read_acl;
    case RECORD_EXTENDED_FUNCTION:
        return read_function;
    default:
        return NULL;
    }
}

enum ledger_entry sflow_flow_record(struct draft *draft, const struct mapping *mapping,
                                    uint32_t format, struct rd record)
{
    read_record_fn *read = reader_of(format);
    if (read == NULL) {
        return LEDGER_RECORD_UNKNOWN;
    }
    return read(draft, mapping, &record) ? LEDGER_RECORD_READ : LEDGER_RECORD_MALFORMED;
}

enum ledger_entry sflow_counter_record(uint32_t format, struct rd record)
{
    size_t size = 0;
    if (format == COUNTERS_INTERFACE) {
        size = COUNTERS_INTERFACE_SIZE;
    } else if (format == COUNTERS_ETHERNET) {
        size = COUNTERS_ETHERNET_SIZE;
    } else {
        return LEDGER_RECORD_UNKNOWN;
    }
    return rd_left(&record) >= size ? LEDGER_RECORD_READ : LEDGER_RECORD_MALFORMED;
}
