// SPDX-License-Identifier: Apache-2.0
/*
 * A document is written in one go into room that was reserved for the largest there can be: every
 * member has a comma behind it, and the end of an object takes the last one away. Where a value is
 * wanted more than once, an address say, it is written once and copied; what many documents share
 * is kept as text.
 *
 * A datagram's flow lacks fields that its line in goflow2's log would have as zeros. So that both
 * give the same document, a flow that did not come from a line is taken to have every column that
 * the mapping names, and what is zero and says nothing is left out for both.
 */
#include "format/ecs_weir.h"

#include <ctype.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/num.h"
#include "flow/ledger.h"
#include "flow/names.h"
#include "format/ecs_rest.h"

enum {
    /// All fixed names and values of bounded size of a document.
    DOCUMENT_SIZE_MAX = 4096,
    NAME_SIZE_MAX = 80,
    /// "bytes":9223372036854775807,"packets":9223372036854775807,
    TRAFFIC_SIZE_MAX = 64,
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

struct ecs_weir {
    const struct ecs_settings *settings;
    struct envelope *envelope;
    uint64_t named;         ///< bits of the fields that the mapping names
    uint64_t named_as_text; ///< those of them that it shows by their names: etype, proto
    struct ecs_rest *rest;
    struct names names;
    uint64_t now_ns; ///< when the document is written
    struct addr sampler;
    size_t sampler_size; ///< of its text; 0: none
    uint8_t sampler_text[ADDR_TEXT_SIZE_MAX + 2];
};

/// The document being written.
struct doc {
    struct ecs_weir *weir;
    const struct batch *batch;
    const struct flow *flow;
    uint64_t present; ///< flow->present, or what its line would have
    uint8_t *at;
    uint8_t src[ADDR_TEXT_SIZE_MAX + 2]; ///< with quotes
    uint8_t dst[ADDR_TEXT_SIZE_MAX + 2];
    size_t src_size; ///< 0: none
    size_t dst_size;
    bool clamped; ///< a number was larger than a long
    size_t traffic_size;
    uint8_t traffic[TRAFFIC_SIZE_MAX];
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
    struct envelope *e = d->weir->envelope;
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
    struct envelope *e = d->weir->envelope;
    d->at = PUT(d->at, "\"event\":{\"kind\":\"");
    d->at = put_piece(d->at, (struct piece){ (const uint8_t *)kind, kind_size });
    d->at = PUT(d->at, "\",");
    d->at = put_piece(d->at, e->events[envelope_dataset(d->flow)]);
    d->at = PUT(d->at, "\"ingested\":\"");
    d->at = envelope_put_now(e, d->at, d->weir->now_ns);
    d->at = PUT(d->at, "\",");
    if (d->weir->settings->show_id) {
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
        d->at = put_members(d->at, &d->weir->names.actions[f->type]);
    } else if (has(d, FIELD_TYPE)) {
        d->at = PUT(d->at, "\"action\":\"");
        d->at = num_put_u32(d->at, f->type);
        d->at = PUT(d->at, "\",");
    }
    put_event_times(d);
    if (d->weir->settings->preserve_original && f->original.count > 0) {
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

/// The exporter's address; most flows have the one of the flow before.
static uint8_t *put_sampler(const struct doc *d)
{
    struct ecs_weir *w = d->weir;
    if (!addr_equal(&w->sampler, &d->flow->sampler_address)) {
        w->sampler = d->flow->sampler_address;
        w->sampler_size = quoted_addr(&w->sampler, w->sampler_text);
    }
    memcpy(d->at, w->sampler_text, sizeof(w->sampler_text));
    return d->at + w->sampler_size;
}

static void put_observer(struct doc *d)
{
    const struct flow *f = d->flow;
    uint8_t *begin = d->at;
    d->at = PUT(d->at, "\"observer\":{");
    uint8_t *inside = d->at;
    if (is_address(&f->sampler_address)) {
        d->at = PUT(d->at, "\"ip\":[");
        d->at = put_sampler(d);
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
    d->at = put_piece(d->at, d->weir->envelope->constants[ECS_OBJECT_OBSERVER]);
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

/// Makes the members bytes and packets, scaled, which source and network have.
static void put_traffic(struct doc *d)
{
    uint8_t *document = d->at;
    uint64_t rate = rate_of(d->flow) == 0 ? 1 : rate_of(d->flow);
    uint64_t packets;
    d->at = d->traffic;
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
    d->traffic_size = (size_t)(d->at - d->traffic);
    d->at = document;
}

static uint8_t *copy_traffic(const struct doc *d)
{
    memcpy(d->at, d->traffic, TRAFFIC_SIZE_MAX); // a fixed size: a few moves and no call
    return d->at + d->traffic_size;
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
        d->at = copy_traffic(d);
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
    return d->flow->file != 0 || (d->weir->named_as_text & FLOW_BIT(field)) == 0;
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
        d->at = named ? put_members(d->at, &d->weir->names.protos[f->proto])
                      : put_proto(d->at, f->proto, shows_number(d, FIELD_PROTO));
    }
}

static void put_network(struct doc *d)
{
    uint8_t *begin = d->at;
    d->at = PUT(d->at, "\"network\":{");
    uint8_t *inside = d->at;
    put_protocol(d);
    d->at = copy_traffic(d);
    if (d->flow->vlan_id != 0) {
        d->at = PUT(d->at, "\"vlan\":{\"id\":\"");
        d->at = num_put_u32(d->at, d->flow->vlan_id);
        d->at = PUT(d->at, "\"},");
    }
    d->at = put_piece(d->at, d->weir->envelope->constants[ECS_OBJECT_NETWORK]);
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
    d->at = put_piece(d->at, d->weir->envelope->tags);
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
    d->at = envelope_put_time(d->weir->envelope, d->at, time_ns);
    d->at = PUT(d->at, "\",");
    d->at =
        envelope_put_head(d->weir->envelope, d->at, d->batch, d->flow, envelope_dataset(d->flow));
}

// --- Documents -----------------------------------------------------------------------------------

/// Room for all that is written without looking.
static size_t room_for(const struct ecs_weir *w, const struct batch *batch, const struct flow *flow)
{
    size_t texts = flow->original.count + flow->body.count + flow->type_text.count +
                   flow->proto_text.count + flow->etype_text.count + flow->exporter_name.count +
                   flow->in_names.name.count + flow->in_names.alias.count +
                   flow->out_names.name.count + flow->out_names.alias.count;
    size_t pieces = w->envelope->texts.size + flow->src_place.geo.count + flow->src_place.as.count +
                    flow->dst_place.geo.count + flow->dst_place.as.count;
    size_t origin = flow->file == 0 ? 0 : batch->files[flow->file - 1].origin->json_size;
    return DOCUMENT_SIZE_MAX + JSON_ESCAPE_SIZE_MAX * texts + pieces + origin;
}

static void append_flow(struct ecs_weir *w, const struct batch *batch, const struct flow *flow,
                        struct buf *out)
{
    struct doc d = { .weir = w,
                     .batch = batch,
                     .flow = flow,
                     .present = flow->present | (flow->file == 0 ? w->named : 0),
                     .at = buf_tail(out) };
    begin_document(&d, flow_time_ns(flow));
    put_event(&d);
    put_observer(&d);
    put_traffic(&d);
    put_end_points(&d);
    put_network(&d);
    put_sflow(&d);
    put_related(&d);
    put_tags(&d, rate_of(flow) == 0, false);
    buf_advance(out, d.at);
    ecs_rest_append(w->rest, batch, flow, shows_number(&d, FIELD_ETYPE), out);
}

/// A line that could not be read: what is wrong with it, and the line.
static void append_error(struct ecs_weir *w, const struct batch *batch, const struct flow *flow,
                         struct buf *out)
{
    struct doc d = { .weir = w, .batch = batch, .flow = flow, .at = buf_tail(out) };
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
    put_tags(&d, false, !w->settings->preserve_original);
    d.at = put_end(d.at);
    buf_advance(out, d.at);
}

enum format_outcome ecs_weir_append(struct ecs_weir *w, const struct batch *batch,
                                    const struct flow *flow, uint64_t now_ns, struct buf *out)
{
    w->now_ns = now_ns;
    if (buf_reserve(out, room_for(w, batch, flow)) != 0) {
        return FORMAT_TOO_LARGE;
    }
    if (flow->kind == RECORD_ERROR) {
        append_error(w, batch, flow, out);
        return FORMAT_ERROR_DOCUMENT;
    }
    append_flow(w, batch, flow, out);
    return FORMAT_MESSAGE;
}

static void look_at_mapping(struct ecs_weir *w, const struct mapping *mapping)
{
    for (size_t i = 0; i < mapping->column_count; i++) {
        const struct column *c = &mapping->columns[i];
        if (c->source == COLUMN_FIELD) {
            bool as_text = c->renderer == RENDER_ETYPE || c->renderer == RENDER_PROTO;
            w->named |= FLOW_BIT(c->index);
            w->named_as_text |= as_text ? FLOW_BIT(c->index) : 0;
        }
    }
}

int ecs_weir_new(const struct format_settings *settings, struct envelope *envelope,
                 struct ecs_weir **ret_weir)
{
    struct ecs_weir *w = mem_zalloc(sizeof(*w));
    if (w == NULL) {
        return ERR_NO_MEMORY;
    }
    w->settings = settings->ecs;
    w->envelope = envelope;
    make_names(&w->names);
    look_at_mapping(w, settings->mapping);
    if (ecs_rest_new(settings->mapping, &w->rest) != 0) {
        ecs_weir_free(w);
        return ERR_NO_MEMORY;
    }
    *ret_weir = w;
    return 0;
}

void ecs_weir_free(struct ecs_weir *w)
{
    if (w != NULL) {
        ecs_rest_free(w->rest);
        mem_free(w);
    }
}
