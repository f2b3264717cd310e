// SPDX-License-Identifier: Apache-2.0
/*
 * `-format ecs`: which profile makes the document, and profile weir itself (docs/ecs.md has the
 * table of fields).
 *
 * A document is written in one go into room that was reserved for the largest there can be: every
 * member has a comma behind it, and the end of an object takes the last one away. Where a value is
 * wanted three times, an address say, it is written once and copied.
 *
 * A datagram's flow lacks fields that its line in goflow2's log would have as zeros. So that both
 * give the same document, a flow that did not come from a line is taken to have every column that
 * the mapping names, and what is zero and says nothing is left out for both.
 */
#include "format/ecs.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "flow/ledger.h"
#include "flow/names.h"
#include "format/column.h"
#include "format/ecs_elastic.h"
#include "format/envelope.h"
#include "format/json_parse.h"
#include "format/kinds.h"

enum {
    /// All fixed names and values of bounded size of a document.
    DOCUMENT_SIZE_MAX = 4096,
    NAME_SIZE_MAX = 80,
    FLOW_TYPES = 5,
};

/// A few members, ready to be written.
struct members {
    uint8_t size;
    uint8_t text[NAME_SIZE_MAX];
};

/// The members that say a number's name, made once.
struct names {
    struct members actions[FLOW_TYPES]; ///< event.action
    struct members protos[PROTO_NAMED]; ///< network.transport and iana_number
};

struct plan {
    const struct ecs_settings *settings;
    struct envelope envelope;
    struct ecs_elastic *elastic; ///< the other profile; NULL in this one
    uint64_t now_ns;             ///< when the document is written
    uint64_t named;              ///< bits of the fields that the mapping names
    uint64_t named_as_text;      ///< those of them that it shows by their names: etype, proto
    uint64_t homeless;           ///< bits of the fields that go under goflow2.*
    bool shows_more;             ///< the mapping shows columns under goflow2.* of any flow
    struct names names;
    struct mapping rest; ///< what goes under goflow2.*: columns without a home in ECS
    struct column columns[FIELD_COUNT + MAPPING_COLUMNS_MAX];
    struct column_plan *rest_plan;
    struct json_tree *tree; ///< where objects of lines are looked at
    struct json_parser *parser;
};

/// The document being written.
struct doc {
    struct plan *plan;
    const struct batch *batch;
    const struct flow *flow;
    uint64_t present; ///< flow->present, or what its line would have
    uint8_t *at;
    uint8_t src[ADDR_TEXT_SIZE_MAX + 2]; ///< with quotes
    uint8_t dst[ADDR_TEXT_SIZE_MAX + 2];
    size_t src_size; ///< 0: none
    size_t dst_size;
    bool clamped; ///< a number was larger than a long
};

// --- Small writers -------------------------------------------------------------------------------

static inline bool has(const struct doc *d, enum field field)
{
    return (d->present & FLOW_BIT(field)) != 0;
}

/// A number ECS keeps as a long: 2^63-1 at most.
static void put_long(struct doc *d, uint64_t value)
{
    d->clamped = d->clamped || value > INT64_MAX;
    d->at = num_put_u64(d->at, value > INT64_MAX ? INT64_MAX : value);
}

static uint8_t *put_span(const struct doc *d, uint8_t *at, struct span span)
{
    memcpy(at, batch_bytes(d->batch, span), span.count);
    return at + span.count;
}

static uint8_t *put_span_text(const struct doc *d, uint8_t *at, struct span span)
{
    return json_put_string(at, batch_bytes(d->batch, span), span.count);
}

/// A name in small letters, quoted.
static uint8_t *put_lower(uint8_t *at, const char *name, size_t size)
{
    uint8_t *begin = at;
    at = json_put_string(at, (const uint8_t *)name, size);
    for (uint8_t *c = begin; c < at; c++) {
        *c = *c < 0x80 ? (uint8_t)tolower(*c) : *c;
    }
    return at;
}

static uint8_t *put_members(uint8_t *at, const struct members *members)
{
    memcpy(at, members->text, NAME_SIZE_MAX); // a fixed size: two moves and no call
    return at + members->size;
}

/// network.transport and, where it is told, iana_number.
static uint8_t *put_proto(uint8_t *at, uint32_t proto, bool tell_number)
{
    const char *name = proto_name(proto);
    at = PUT(at, "\"transport\":");
    at = put_lower(at, name, strlen(name));
    *at++ = ',';
    if (tell_number) {
        at = PUT(at, "\"iana_number\":\"");
        at = num_put_u32(at, proto);
        at = PUT(at, "\",");
    }
    return at;
}

static void make_names(struct names *names)
{
    for (uint32_t i = 0; i < FLOW_TYPES; i++) {
        struct members *m = &names->actions[i];
        uint8_t *at = PUT(m->text, "\"action\":");
        const char *name = flow_type_text(i);
        CHECK(name != NULL);
        at = json_put_string(at, (const uint8_t *)name, strlen(name));
        *at++ = ',';
        m->size = (uint8_t)(at - m->text);
        CHECK(m->size <= NAME_SIZE_MAX);
    }
    for (uint32_t i = 0; i < PROTO_NAMED; i++) {
        struct members *m = &names->protos[i];
        m->size = (uint8_t)(put_proto(m->text, i, true) - m->text);
        CHECK(m->size <= NAME_SIZE_MAX);
    }
}

/// AA-BB-CC-DD-EE-FF, as ECS wants it.
static uint8_t *put_mac(uint8_t *at, uint64_t mac)
{
    static const char HEX[] = "0123456789ABCDEF";
    *at++ = '"';
    for (int shift = 40; shift >= 0; shift -= 8) {
        *at++ = (uint8_t)HEX[mac >> (shift + 4) & 0xf];
        *at++ = (uint8_t)HEX[mac >> shift & 0xf];
        *at++ = shift > 0 ? '-' : '"';
    }
    return at;
}

/// Packet rules can make addresses of any size.
static bool is_address(const struct addr *a)
{
    return a->size == ADDR_V4_SIZE || a->size == ADDR_V6_SIZE;
}

static size_t quoted_addr(const struct addr *a, uint8_t out[static ADDR_TEXT_SIZE_MAX + 2])
{
    if (!is_address(a)) {
        return 0;
    }
    out[0] = '"';
    uint8_t *end = addr_put(out + 1, a);
    *end++ = '"';
    return (size_t)(end - out);
}

// --- Parts of the document -----------------------------------------------------------------------

static void put_event_times(struct doc *d)
{
    const struct flow *f = d->flow;
    struct envelope *e = &d->plan->envelope;
    uint64_t start = has(d, FIELD_TIME_FLOW_START_NS) ? f->time_flow_start_ns : 0;
    uint64_t end = has(d, FIELD_TIME_FLOW_END_NS) ? f->time_flow_end_ns : 0;
    if (f->time_received_ns != 0 && has(d, FIELD_TIME_RECEIVED_NS)) {
        d->at = PUT(d->at, "\"created\":\"");
        d->at = envelope_put_time_ns(e, d->at, f->time_received_ns);
        d->at = PUT(d->at, "\",");
    }
    if (start != 0) {
        d->at = PUT(d->at, "\"start\":\"");
        d->at = envelope_put_time_ns(e, d->at, start);
        d->at = PUT(d->at, "\",");
    }
    if (end != 0) {
        d->at = PUT(d->at, "\"end\":\"");
        d->at = envelope_put_time_ns(e, d->at, end);
        d->at = PUT(d->at, "\",");
    }
    if (start != 0 && end >= start) {
        d->at = PUT(d->at, "\"duration\":");
        put_long(d, end - start);
        *d->at++ = ',';
    }
}

static void put_original(struct doc *d)
{
    d->at = PUT(d->at, "\"original\":");
    d->at = put_span_text(d, d->at, d->flow->original);
    *d->at++ = ',';
}

/// event.dataset, timezone, ingested and id: of every document. Leaves the object open.
static void begin_event(struct doc *d, const char *kind, size_t kind_size)
{
    struct envelope *e = &d->plan->envelope;
    d->at = PUT(d->at, "\"event\":{\"kind\":\"");
    d->at = put_piece(d->at, (struct piece){ (const uint8_t *)kind, kind_size });
    d->at = PUT(d->at, "\",");
    d->at = put_piece(d->at, e->events[envelope_dataset(d->flow)]);
    d->at = PUT(d->at, "\"ingested\":\"");
    d->at = envelope_put_now(e, d->at, d->plan->now_ns);
    d->at = PUT(d->at, "\",");
    if (d->plan->settings->show_id) {
        d->at = PUT(d->at, "\"id\":\"");
        record_id(d->batch, d->flow, (char *)d->at);
        d->at += RECORD_ID_SIZE;
        d->at = PUT(d->at, "\",");
    }
}

static void put_event(struct doc *d)
{
    const struct flow *f = d->flow;
    begin_event(d, "event", strlen("event"));
    d->at = PUT(d->at, "\"category\":[\"network\"],\"type\":[\"connection\"],");
    if (f->type_text.count > 0) {
        d->at = PUT(d->at, "\"action\":");
        d->at = put_span_text(d, d->at, f->type_text);
        *d->at++ = ',';
    } else if (has(d, FIELD_TYPE) && f->type < FLOW_TYPES) {
        d->at = put_members(d->at, &d->plan->names.actions[f->type]);
    } else if (has(d, FIELD_TYPE)) {
        d->at = PUT(d->at, "\"action\":\"");
        d->at = num_put_u32(d->at, f->type);
        d->at = PUT(d->at, "\",");
    }
    put_event_times(d);
    if (d->plan->settings->preserve_original && f->original.count > 0) {
        put_original(d);
    }
    d->at = put_end(d->at);
    *d->at++ = ',';
}

static void put_id_text(struct doc *d, uint32_t id)
{
    d->at = PUT(d->at, "\"id\":\"");
    d->at = num_put_u32(d->at, id);
    d->at = PUT(d->at, "\",");
}

/// observer.ingress or observer.egress: interface and VLAN. The name is written by the caller.
static void put_side(struct doc *d, enum field interface_field, uint32_t interface,
                     const struct interface_names *names, enum field vlan_field, uint32_t vlan)
{
    *d->at++ = '{';
    if (has(d, interface_field)) {
        d->at = PUT(d->at, "\"interface\":{");
        put_id_text(d, interface);
        if (names->name.count > 0) {
            d->at = PUT(d->at, "\"name\":");
            d->at = put_span_text(d, d->at, names->name);
            *d->at++ = ',';
        }
        if (names->alias.count > 0) {
            d->at = PUT(d->at, "\"alias\":");
            d->at = put_span_text(d, d->at, names->alias);
            *d->at++ = ',';
        }
        d->at = put_end(d->at);
        *d->at++ = ',';
    }
    if (has(d, vlan_field)) {
        d->at = PUT(d->at, "\"vlan\":{");
        put_id_text(d, vlan);
        d->at = put_end(d->at);
        *d->at++ = ',';
    }
    d->at = put_end(d->at);
    *d->at++ = ',';
}

static void put_observer(struct doc *d)
{
    const struct flow *f = d->flow;
    uint8_t *begin = d->at;
    d->at = PUT(d->at, "\"observer\":{");
    uint8_t *inside = d->at;
    if (is_address(&f->sampler_address)) {
        d->at = PUT(d->at, "\"ip\":[");
        d->at += quoted_addr(&f->sampler_address, d->at);
        d->at = PUT(d->at, "],");
    }
    if (f->exporter_name.count > 0) {
        d->at = PUT(d->at, "\"name\":");
        d->at = put_span_text(d, d->at, f->exporter_name);
        *d->at++ = ',';
    }
    if (has(d, FIELD_IN_IF) || has(d, FIELD_SRC_VLAN)) {
        d->at = PUT(d->at, "\"ingress\":");
        put_side(d, FIELD_IN_IF, f->in_if, &f->in_names, FIELD_SRC_VLAN, f->src_vlan);
    }
    if (has(d, FIELD_OUT_IF) || has(d, FIELD_DST_VLAN)) {
        d->at = PUT(d->at, "\"egress\":");
        put_side(d, FIELD_OUT_IF, f->out_if, &f->out_names, FIELD_DST_VLAN, f->dst_vlan);
    }
    d->at = put_piece(d->at, d->plan->envelope.constants[ECS_OBJECT_OBSERVER]);
    if (d->at == inside) {
        d->at = begin;
        return;
    }
    d->at = put_end(d->at);
    *d->at++ = ',';
}

/// What is scaled by the sampling rate: saturating, never wrapping.
static uint64_t scaled(uint64_t value, uint64_t rate)
{
    uint64_t product;
    return __builtin_mul_overflow(value, rate, &product) ? UINT64_MAX : product;
}

/// The sampling rate: as said, else as set for the exporter; 0 is unknown.
static uint64_t rate_of(const struct flow *f)
{
    return f->sampling_rate != 0 ? f->sampling_rate : f->sampling_default;
}

/// Packets as sampled; an sFlow sample is one packet also where its line does not say so.
static bool packets_of(const struct doc *d, uint64_t *ret_packets)
{
    *ret_packets = has(d, FIELD_PACKETS) ? d->flow->packets : 1;
    return has(d, FIELD_PACKETS) || envelope_dataset(d->flow) == ECS_DATASET_SFLOW;
}

/// Members bytes and packets, scaled.
static void put_traffic(struct doc *d)
{
    uint64_t known = rate_of(d->flow);
    uint64_t rate = known != 0 ? known : 1;
    uint64_t packets;
    if (has(d, FIELD_BYTES)) {
        d->at = PUT(d->at, "\"bytes\":");
        put_long(d, scaled(d->flow->bytes, rate));
        *d->at++ = ',';
    }
    if (packets_of(d, &packets)) {
        d->at = PUT(d->at, "\"packets\":");
        put_long(d, scaled(packets, rate));
        *d->at++ = ',';
    }
}

/// source or destination, from behind its bracket.
static void put_end_point(struct doc *d, const uint8_t *addr, size_t addr_size,
                          enum field port_field, uint32_t port, uint64_t mac,
                          const struct place *place, uint32_t as)
{
    if (addr_size > 0) {
        d->at = PUT(d->at, "\"ip\":");
        d->at = put_piece(d->at, (struct piece){ addr, addr_size });
        d->at = PUT(d->at, ",\"address\":[");
        d->at = put_piece(d->at, (struct piece){ addr, addr_size });
        d->at = PUT(d->at, "],");
    }
    if (has(d, port_field)) {
        d->at = PUT(d->at, "\"port\":");
        d->at = num_put_u32(d->at, port);
        *d->at++ = ',';
    }
    if (mac != 0) {
        d->at = PUT(d->at, "\"mac\":");
        d->at = put_mac(d->at, mac);
        *d->at++ = ',';
    }
    if (place->geo.count > 0) {
        d->at = PUT(d->at, "\"geo\":");
        d->at = put_span(d, d->at, place->geo);
        *d->at++ = ',';
    }
    if (place->as.count > 0) {
        d->at = PUT(d->at, "\"as\":");
        d->at = put_span(d, d->at, place->as);
        *d->at++ = ',';
    } else if (as != 0) {
        d->at = PUT(d->at, "\"as\":{\"number\":");
        d->at = num_put_u32(d->at, as);
        d->at = PUT(d->at, "},");
    }
}

static void put_end_points(struct doc *d)
{
    const struct flow *f = d->flow;
    d->src_size = quoted_addr(&f->src_addr, d->src);
    d->dst_size = quoted_addr(&f->dst_addr, d->dst);
    uint8_t *begin = d->at;
    d->at = PUT(d->at, "\"source\":{");
    uint8_t *inside = d->at;
    put_end_point(d, d->src, d->src_size, FIELD_SRC_PORT, f->src_port, f->src_mac, &f->src_place,
                  f->src_as);
    if (d->at > inside) {
        put_traffic(d);
        d->at = put_end(d->at);
        *d->at++ = ',';
        begin = d->at;
    }
    d->at = PUT(begin, "\"destination\":{");
    inside = d->at;
    put_end_point(d, d->dst, d->dst_size, FIELD_DST_PORT, f->dst_port, f->dst_mac, &f->dst_place,
                  f->dst_as);
    if (d->at == inside) {
        d->at = begin;
        return;
    }
    d->at = put_end(d->at);
    *d->at++ = ',';
}

/// Whether a number without a name is shown: not when a log with this mapping would not have it.
static bool shows_number(const struct doc *d, enum field field)
{
    return d->flow->file != 0 || (d->plan->named_as_text & FLOW_BIT(field)) == 0;
}

static bool is_ip(const struct flow *flow)
{
    return flow->etype == ETYPE_IPV4 || flow->etype == ETYPE_IPV6;
}

/// network.type, transport and iana_number. Protocol 0 of what is not known to be IP is nobody's
/// protocol.
static void put_protocol(struct doc *d)
{
    const struct flow *f = d->flow;
    if (f->etype_text.count > 0) {
        d->at = PUT(d->at, "\"type\":");
        d->at = put_lower(d->at, (const char *)batch_bytes(d->batch, f->etype_text),
                          f->etype_text.count);
        *d->at++ = ',';
    } else if (f->etype == ETYPE_IPV4) {
        d->at = PUT(d->at, "\"type\":\"ipv4\",");
    } else if (f->etype == ETYPE_IPV6) {
        d->at = PUT(d->at, "\"type\":\"ipv6\",");
    } else if (f->etype == ETYPE_ARP) {
        d->at = PUT(d->at, "\"type\":\"arp\",");
    }
    if (f->proto_text.count > 0) {
        d->at = PUT(d->at, "\"transport\":");
        d->at = put_lower(d->at, (const char *)batch_bytes(d->batch, f->proto_text),
                          f->proto_text.count);
        *d->at++ = ',';
    } else if (has(d, FIELD_PROTO) && (f->proto != 0 || is_ip(f))) {
        bool named = f->proto < PROTO_NAMED;
        d->at = named ? put_members(d->at, &d->plan->names.protos[f->proto])
                      : put_proto(d->at, f->proto, shows_number(d, FIELD_PROTO));
    }
}

static void put_network(struct doc *d)
{
    uint8_t *begin = d->at;
    d->at = PUT(d->at, "\"network\":{");
    uint8_t *inside = d->at;
    put_protocol(d);
    put_traffic(d);
    if (d->flow->vlan_id != 0) {
        d->at = PUT(d->at, "\"vlan\":{\"id\":\"");
        d->at = num_put_u32(d->at, d->flow->vlan_id);
        d->at = PUT(d->at, "\"},");
    }
    d->at = put_piece(d->at, d->plan->envelope.constants[ECS_OBJECT_NETWORK]);
    if (d->at == inside) {
        d->at = begin;
        return;
    }
    d->at = put_end(d->at);
    *d->at++ = ',';
}

/// What was sampled, as it was sampled, and the rate that it is scaled by.
static void put_sflow(struct doc *d)
{
    const struct flow *f = d->flow;
    uint8_t *begin = d->at;
    d->at = PUT(d->at, "\"sflow\":{");
    uint8_t *inside = d->at;
    if (has(d, FIELD_BYTES)) {
        d->at = PUT(d->at, "\"bytes\":");
        put_long(d, f->bytes);
        *d->at++ = ',';
    }
    if (rate_of(f) != 0) {
        d->at = PUT(d->at, "\"sample_rate\":");
        put_long(d, rate_of(f));
        *d->at++ = ',';
    }
    if (has(d, FIELD_SEQUENCE_NUM)) {
        d->at = PUT(d->at, "\"sequence_num\":");
        d->at = num_put_u32(d->at, f->sequence_num);
        *d->at++ = ',';
    }
    if (d->at == inside) {
        d->at = begin;
        return;
    }
    d->at = put_end(d->at);
    *d->at++ = ',';
}

static void put_related(struct doc *d)
{
    if (d->src_size + d->dst_size == 0) {
        return;
    }
    d->at = PUT(d->at, "\"related\":{\"ip\":[");
    d->at = put_piece(d->at, (struct piece){ d->src, d->src_size });
    bool same = d->src_size == d->dst_size && memcmp(d->src, d->dst, d->src_size) == 0;
    if (!same && d->src_size > 0 && d->dst_size > 0) {
        *d->at++ = ',';
    }
    d->at = put_piece(d->at, (struct piece){ d->dst, same ? 0 : d->dst_size });
    d->at = PUT(d->at, "]},");
}

/// The tags that are set, and those that the record gets by itself.
static void put_tags(struct doc *d, bool sampling_unknown, bool preserved)
{
    uint8_t *begin = d->at;
    d->at = PUT(d->at, "\"tags\":");
    d->at = put_piece(d->at, d->plan->envelope.tags);
    if (sampling_unknown) {
        d->at = PUT(d->at, "\"sampling_unknown\",");
    }
    if (d->clamped) {
        d->at = PUT(d->at, "\"value_clamped\",");
    }
    if (preserved) {
        d->at = PUT(d->at, "\"preserve_original_event\",");
    }
    if (d->at[-1] != ',') {
        d->at = begin; // none
        return;
    }
    d->at = PUT(d->at - 1, "],");
}

/// What stands before the first part that is about the flow.
static void begin_document(struct doc *d, uint64_t time_ns)
{
    d->at = PUT(d->at, "{\"@timestamp\":\"");
    d->at = envelope_put_time(&d->plan->envelope, d->at, time_ns);
    d->at = PUT(d->at, "\",");
    d->at = put_piece(d->at, d->plan->envelope.heads[envelope_dataset(d->flow)]);
    d->at = envelope_put_source(d->at, d->batch, d->flow);
}

// --- goflow2.* -----------------------------------------------------------------------------------

/// Whether the columns of goflow2.* have one of this name.
static bool has_rest(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->rest.column_count; i++) {
        if (strcmp(plan->columns[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/// Whether a value says nothing: null, "", [].
static bool is_empty_json(const uint8_t *json, size_t size)
{
    return size <= 4 &&
           ((size == 4 && memcmp(json, "null", 4) == 0) ||
            (size == 2 && (memcmp(json, "\"\"", 2) == 0 || memcmp(json, "[]", 2) == 0)));
}

/// Begins a member of the object at out's end.
static void append_comma(struct buf *out)
{
    if (out->size > 0 && out->data[out->size - 1] != '{') {
        buf_append_char(out, ',');
    }
}

/// JSON from a line, without blanks, comments, and bytes that are no UTF-8. An object that has a
/// name twice would be refused by Elasticsearch: it is kept as a text.
static void append_json(struct plan *plan, struct buf *out, const uint8_t *json, size_t size)
{
    struct json_error unused;
    if (memchr(json, '{', size) != NULL) {
        json_tree_clear(plan->tree);
        if (json_parse(plan->parser, plan->tree, json_slice(json, size), &unused) == NULL) {
            json_append_string(out, json, size);
            return;
        }
    }
    if (buf_reserve(out, 3 * size) == 0) {
        buf_advance(out, json_put_compact(buf_tail(out), json, size));
    }
}

static void append_extras(struct plan *plan, const struct batch *batch, const struct flow *flow,
                          struct buf *out)
{
    const struct extra_value *extras = batch_extras(batch, flow->extras);
    for (uint32_t i = 0; i < flow->extras.count && !out->bad; i++) {
        const uint8_t *json = batch_bytes(batch, extras[i].json);
        if (!is_empty_json(json, extras[i].json.count)) {
            append_comma(out);
            append_json(plan, out, batch_bytes(batch, extras[i].name), extras[i].name.count);
            buf_append_char(out, ':');
            append_json(plan, out, json, extras[i].json.count);
        }
    }
}

/// Whether a line has a column of this name that no field stands for.
static bool has_extra(const struct batch *batch, const struct flow *flow, const char *name)
{
    const struct extra_value *extras = batch_extras(batch, flow->extras);
    size_t size = strlen(name);
    for (uint32_t i = 0; i < flow->extras.count; i++) {
        if (extras[i].name.count == size + 2 &&
            memcmp(batch_bytes(batch, extras[i].name) + 1, name, size) == 0) {
            return true;
        }
    }
    return false;
}

/// A network's name, unless the record has a column of that name.
static void append_network(struct plan *plan, const char *name, const struct batch *batch,
                           const struct flow *flow, struct span text, struct buf *out)
{
    if (text.count > 0 && !has_rest(plan, name) && !has_extra(batch, flow, name)) {
        append_comma(out);
        json_append_text(out, name);
        buf_append_char(out, ':');
        json_append_string(out, batch_bytes(batch, text), text.count);
    }
}

/// An ethertype that has no name.
static void append_etype(const struct doc *d, struct buf *out)
{
    if (d->flow->etype != 0 && etype_name(d->flow->etype)[0] == '\0' &&
        shows_number(d, FIELD_ETYPE) && buf_reserve(out, DOCUMENT_SIZE_MAX) == 0) {
        append_comma(out);
        buf_advance(out, num_put_u32(PUT(buf_tail(out), "\"etype\":"), d->flow->etype));
    }
}

/// What has no home in ECS, and the end of the document.
static void append_rest(const struct doc *d, struct buf *out)
{
    static const char BEGIN[] = "\"goflow2\":{";
    struct plan *plan = d->plan;
    const struct flow *flow = d->flow;
    size_t before = out->size;
    bool nothing =
        (flow->present & plan->homeless) == 0 && !plan->shows_more &&
        flow->extras.count + flow->src_place.network.count + flow->dst_place.network.count == 0 &&
        (flow->etype == 0 || etype_name(flow->etype)[0] != '\0');
    if (nothing) {
        out->data[out->size - 1] = '}'; // where the comma was
        return;
    }
    buf_append(out, BEGIN, sizeof(BEGIN) - 1);
    if (out->bad) {
        return;
    }
    column_plan_append(plan->rest_plan, d->batch, flow, out);
    append_etype(d, out);
    append_network(plan, "src_net_name", d->batch, flow, flow->src_place.network, out);
    append_network(plan, "dst_net_name", d->batch, flow, flow->dst_place.network, out);
    append_extras(plan, d->batch, flow, out);
    if (out->bad) {
        return;
    }
    if (out->size == before + sizeof(BEGIN) - 1) {
        out->size = before - 1; // the comma too
        buf_append_char(out, '}');
    } else {
        buf_append_text(out, "}}");
    }
}

// --- Documents -----------------------------------------------------------------------------------

/// Room for all that is written without looking.
static size_t room_for(const struct plan *plan, const struct batch *batch, const struct flow *flow)
{
    size_t texts = flow->original.count + flow->body.count + flow->type_text.count +
                   flow->proto_text.count + flow->etype_text.count + flow->exporter_name.count +
                   flow->in_names.name.count + flow->in_names.alias.count +
                   flow->out_names.name.count + flow->out_names.alias.count;
    size_t pieces = plan->envelope.texts.size + flow->src_place.geo.count +
                    flow->src_place.as.count + flow->dst_place.geo.count + flow->dst_place.as.count;
    size_t origin = flow->file == 0 ? 0 : batch->files[flow->file - 1].origin->json_size;
    return DOCUMENT_SIZE_MAX + JSON_ESCAPE_SIZE_MAX * texts + pieces + origin;
}

static void append_document(struct plan *plan, const struct batch *batch, const struct flow *flow,
                            struct buf *out)
{
    struct doc d = { .plan = plan,
                     .batch = batch,
                     .flow = flow,
                     .present = flow->present | (flow->file == 0 ? plan->named : 0),
                     .at = buf_tail(out) };
    begin_document(&d, flow_time_ns(flow));
    put_event(&d);
    put_observer(&d);
    put_end_points(&d);
    put_network(&d);
    put_sflow(&d);
    put_related(&d);
    put_tags(&d, rate_of(flow) == 0, false);
    buf_advance(out, d.at);
    append_rest(&d, out);
}

/// A line that could not be read: what is wrong with it, and the line.
static void append_error(struct plan *plan, const struct batch *batch, const struct flow *flow,
                         struct buf *out)
{
    struct doc d = { .plan = plan, .batch = batch, .flow = flow, .at = buf_tail(out) };
    begin_document(&d, flow->time_received_ns);
    begin_event(&d, "pipeline_error", strlen("pipeline_error"));
    put_original(&d);
    d.at = put_end(d.at);
    d.at = PUT(d.at, ",\"error\":{\"message\":");
    d.at = put_span_text(&d, d.at, flow->body);
    d.at = PUT(d.at, ",\"type\":");
    const char *reason = LEDGER_ENTRIES[flow->index].name;
    d.at = json_put_string(d.at, (const uint8_t *)reason, strlen(reason));
    d.at = PUT(d.at, "},");
    put_tags(&d, false, !plan->settings->preserve_original);
    d.at = put_end(d.at);
    buf_advance(out, d.at);
}

static enum format_outcome append(void *plan_, const struct batch *batch, const struct flow *flow,
                                  struct buf *out)
{
    struct plan *plan = plan_;
    plan->now_ns = clock_wall_coarse_ns();
    envelope_tick(&plan->envelope, plan->now_ns);
    if (plan->elastic != NULL) {
        return ecs_elastic_append(plan->elastic, &plan->envelope, batch, flow, plan->now_ns, out);
    }
    if (buf_reserve(out, room_for(plan, batch, flow)) != 0) {
        return FORMAT_TOO_LARGE;
    }
    if (flow->kind == RECORD_ERROR) {
        append_error(plan, batch, flow, out);
        return FORMAT_ERROR_DOCUMENT;
    }
    append_document(plan, batch, flow, out);
    return FORMAT_MESSAGE;
}

// --- The plan ------------------------------------------------------------------------------------

/// Fields that have a home in ECS or under sflow.*; the others go under goflow2.*.
static bool has_home(enum field field)
{
    static const uint64_t HOMES =
        FLOW_BIT(FIELD_TYPE) | FLOW_BIT(FIELD_TIME_RECEIVED_NS) | FLOW_BIT(FIELD_SEQUENCE_NUM) |
        FLOW_BIT(FIELD_SAMPLING_RATE) | FLOW_BIT(FIELD_SAMPLER_ADDRESS) |
        FLOW_BIT(FIELD_TIME_FLOW_START_NS) | FLOW_BIT(FIELD_TIME_FLOW_END_NS) |
        FLOW_BIT(FIELD_BYTES) | FLOW_BIT(FIELD_SRC_ADDR) | FLOW_BIT(FIELD_DST_ADDR) |
        FLOW_BIT(FIELD_ETYPE) | FLOW_BIT(FIELD_PROTO) | FLOW_BIT(FIELD_SRC_PORT) |
        FLOW_BIT(FIELD_DST_PORT) | FLOW_BIT(FIELD_IN_IF) | FLOW_BIT(FIELD_OUT_IF) |
        FLOW_BIT(FIELD_SRC_MAC) | FLOW_BIT(FIELD_DST_MAC) | FLOW_BIT(FIELD_SRC_VLAN) |
        FLOW_BIT(FIELD_DST_VLAN) | FLOW_BIT(FIELD_VLAN_ID);
    return (HOMES & FLOW_BIT(field)) != 0;
}

/// Adds a column of goflow2.*. The mapping's own take the place of fields of the same name.
static void add_rest(struct plan *plan, const struct column *column)
{
    size_t i = 0;
    while (i < plan->rest.column_count && strcmp(plan->columns[i].name, column->name) != 0) {
        i++;
    }
    plan->columns[i] = *column;
    plan->rest.column_count += i == plan->rest.column_count;
}

/// The columns of goflow2.*: every field without a home, and the columns that the mapping shows and
/// no field stands for.
static void choose_rest(struct plan *plan, const struct mapping *mapping)
{
    plan->rest = *mapping;
    plan->rest.columns = plan->columns;
    plan->rest.column_count = 0;
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        if (!has_home(f)) {
            plan->homeless |= FLOW_BIT(f);
            add_rest(plan, &(struct column){ .name = FIELDS[f].json_name,
                                             .source = COLUMN_FIELD,
                                             .index = (uint16_t)f,
                                             .renderer = FIELDS[f].renderer });
        }
    }
    for (size_t i = 0; i < mapping->column_count; i++) {
        const struct column *c = &mapping->columns[i];
        if (c->source != COLUMN_FIELD) {
            plan->shows_more = true;
            add_rest(plan, c);
            continue;
        }
        plan->named |= FLOW_BIT(c->index);
        if (c->renderer == RENDER_ETYPE || c->renderer == RENDER_PROTO) {
            plan->named_as_text |= FLOW_BIT(c->index);
        }
    }
}

static void put_rest_name(struct buf *out, const char *name)
{
    json_append_text(out, name);
    buf_append_char(out, ':');
}

static void plan_free(void *plan_)
{
    struct plan *plan = plan_;
    if (plan != NULL) {
        column_plan_free(plan->rest_plan);
        json_tree_free(plan->tree);
        json_parser_free(plan->parser);
        ecs_elastic_free(plan->elastic);
        envelope_release(&plan->envelope);
        mem_free(plan);
    }
}

static int plan_new(const struct format_settings *settings, void **ret_plan, struct err *err)
{
    static const struct column_style STYLE = {
        .separator = ',', .quote = "\"", .put_text = json_append_string, .skip_empty = true
    };
    CHECK(settings->ecs != NULL);
    struct plan *plan = mem_zalloc(sizeof(*plan));
    if (plan == NULL) {
        return ERR_NO_MEMORY;
    }
    plan->settings = settings->ecs;
    make_names(&plan->names);
    choose_rest(plan, settings->mapping);
    plan->rest_plan = column_plan_new(&plan->rest, &STYLE, put_rest_name);
    int status = plan->rest_plan == NULL ? ERR_NO_MEMORY
                                         : envelope_init(&plan->envelope, settings->ecs, err);
    if (status == 0 && settings->ecs->profile == ECS_PROFILE_ELASTIC) {
        status = ecs_elastic_new(settings, &plan->elastic);
    } else if (status == 0) {
        status = json_tree_new(LOG_LINE_SIZE_MAX, &plan->tree);
        status = status == 0 ? json_parser_new(LOG_LINE_SIZE_MAX, &plan->parser) : status;
    }
    if (status != 0) {
        plan_free(plan);
        return status;
    }
    *ret_plan = plan;
    return 0;
}

const struct format_kind FORMAT_ECS = { .name = "ecs",
                                        .takes_errors = true,
                                        .plan_new = plan_new,
                                        .plan_free = plan_free,
                                        .append = append };
