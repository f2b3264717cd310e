// SPDX-License-Identifier: Apache-2.0
/*
 * What a record has in a field, as the documents of profile weir show it (format/ecs_weir.c and
 * format/ecs_rest.c, which this follows part by part), but for two things: a document of a datagram
 * has zeros for what the mapping names and the packet lacked, here that is absent; and numbers of
 * goflow2.* that have a home in ECS can be asked for as well. Zero says nothing under goflow2.*.
 *
 * Names of places come out of the JSON objects that enrich made; those are short and ours, so a
 * stack of bounded size takes any of their texts.
 */
#include <ctype.h>
#include <string.h>

#include "base/json_find.h"
#include "base/num.h"
#include "flow/names.h"
#include "query/query_fields.h"
#include "query/query_json.h"
#include "query/query_other.h"

/// Who asks, and for what record.
struct asking {
    const struct batch *batch;
    const struct flow *flow;
    query_each_fn *each;
    void *context;
};

// --- One value -----------------------------------------------------------------------------------

static bool tell_number(const struct asking *a, uint64_t number)
{
    const struct query_value v = { .type = QUERY_TYPE_NUMBER, .number = number };
    return a->each(a->context, &v);
}

/// ECS keeps longs: 2^63-1 at most.
static bool tell_long(const struct asking *a, uint64_t number)
{
    return tell_number(a, number > INT64_MAX ? INT64_MAX : number);
}

static bool tell_date(const struct asking *a, uint64_t ns)
{
    const struct query_value v = { .type = QUERY_TYPE_DATE, .number = ns };
    return a->each(a->context, &v);
}

static bool tell_text(const struct asking *a, const char *text, size_t size)
{
    const struct query_value v = { .type = QUERY_TYPE_KEYWORD, .text = text, .size = size };
    return a->each(a->context, &v);
}

static bool tell_name(const struct asking *a, const char *text)
{
    return tell_text(a, text, strlen(text));
}

static bool tell_lower(const struct asking *a, const char *text, size_t size)
{
    char lower[QUERY_TEXT_ROOM];
    size = size < sizeof(lower) ? size : sizeof(lower);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        lower[i] = c < 0x80 ? (char)tolower(c) : text[i];
    }
    return tell_text(a, lower, size);
}

/// A number as ECS has ids: as a text.
static bool tell_numeral(const struct asking *a, uint32_t number)
{
    uint8_t text[NUM_U32_SIZE_MAX];
    size_t size = (size_t)(num_put_u32(text, number) - text);
    return tell_text(a, (const char *)text, size);
}

static bool tell_span(const struct asking *a, struct span span)
{
    return span.count > 0 && tell_text(a, (const char *)batch_bytes(a->batch, span), span.count);
}

/// IPv4-mapped is IPv4; packet rules can make addresses of any size, which are none.
static bool tell_addr(const struct asking *a, const struct addr *addr)
{
    if (addr->size != ADDR_V4_SIZE && addr->size != ADDR_V6_SIZE) {
        return false;
    }
    const struct query_value v = { .type = QUERY_TYPE_IP, .addr = addr_unmap(addr) };
    return a->each(a->context, &v);
}

size_t query_mac_text(uint64_t mac, char text[static QUERY_MAC_SIZE])
{
    static const char HEX[] = "0123456789ABCDEF";
    char *at = text;
    for (int shift = 40; shift >= 0; shift -= 8) {
        *at++ = HEX[mac >> (shift + 4) & 0xf];
        *at++ = HEX[mac >> shift & 0xf];
        if (shift > 0) {
            *at++ = '-';
        }
    }
    return (size_t)(at - text);
}

static bool tell_mac(const struct asking *a, uint64_t mac)
{
    char text[QUERY_MAC_SIZE];
    return mac != 0 && tell_text(a, text, query_mac_text(mac, text));
}

size_t query_network_text(const struct addr *addr, uint32_t prefix,
                          char text[static QUERY_NETWORK_SIZE])
{
    struct addr plain = addr_unmap(addr);
    bool is_address = plain.size == ADDR_V4_SIZE || plain.size == ADDR_V6_SIZE;
    if (!is_address || prefix == 0 || prefix > 8U * plain.size) {
        return 0;
    }
    struct addr masked = addr_mask(&plain, prefix);
    uint8_t *at = addr_put((uint8_t *)text, &masked);
    *at++ = '/';
    at = num_put_u32(at, prefix);
    return (size_t)(at - (uint8_t *)text);
}

/// A text of one of the JSON objects.
static bool tell_member(const struct asking *a, struct span object, const char *path)
{
    char room[QUERY_TEXT_ROOM];
    struct query_text text;
    return object.count > 0 &&
           query_json_text(batch_bytes(a->batch, object), object.count, path, room, sizeof(room),
                           &text) &&
           tell_text(a, text.data, text.size);
}

// --- Fields of ECS -------------------------------------------------------------------------------

static uint64_t rate_of(const struct flow *f)
{
    return f->sampling_rate != 0 ? f->sampling_rate : f->sampling_default;
}

static bool tell_scaled(const struct asking *a, uint64_t value)
{
    uint64_t rate = rate_of(a->flow) == 0 ? 1 : rate_of(a->flow);
    uint64_t product;
    return tell_long(a, __builtin_mul_overflow(value, rate, &product) ? UINT64_MAX : product);
}

/// An sFlow sample is one packet also where its line does not say so.
static bool tell_packets(const struct asking *a)
{
    const struct flow *f = a->flow;
    if (flow_has(f, FIELD_PACKETS)) {
        return tell_scaled(a, f->packets);
    }
    return f->type <= FLOW_TYPE_SFLOW_5 && tell_scaled(a, 1);
}

static bool is_ip(const struct flow *f)
{
    return f->etype == ETYPE_IPV4 || f->etype == ETYPE_IPV6;
}

static bool tell_network_type(const struct asking *a)
{
    const struct flow *f = a->flow;
    if (f->etype_text.count > 0) {
        return tell_lower(a, (const char *)batch_bytes(a->batch, f->etype_text),
                          f->etype_text.count);
    }
    return (f->etype == ETYPE_IPV4 && tell_name(a, "ipv4")) ||
           (f->etype == ETYPE_IPV6 && tell_name(a, "ipv6")) ||
           (f->etype == ETYPE_ARP && tell_name(a, "arp"));
}

/// Protocol 0 of what is not known to be IP is nobody's protocol.
static bool has_protocol(const struct flow *f)
{
    return f->proto_text.count == 0 && flow_has(f, FIELD_PROTO) && (f->proto != 0 || is_ip(f));
}

static bool tell_transport(const struct asking *a)
{
    const struct flow *f = a->flow;
    if (f->proto_text.count > 0) {
        return tell_lower(a, (const char *)batch_bytes(a->batch, f->proto_text),
                          f->proto_text.count);
    }
    const char *name = proto_name(f->proto);
    return has_protocol(f) && tell_lower(a, name, strlen(name));
}

static bool tell_action(const struct asking *a)
{
    const struct flow *f = a->flow;
    if (f->type_text.count > 0) {
        return tell_span(a, f->type_text);
    }
    if (!flow_has(f, FIELD_TYPE)) {
        return false;
    }
    const char *name = flow_type_text(f->type);
    return name != NULL ? tell_name(a, name) : tell_numeral(a, f->type);
}

static bool tell_as_number(const struct asking *a, const struct place *place, uint32_t as)
{
    uint32_t number = place->as.count > 0 ? place->as_number : as;
    return number != 0 && tell_number(a, number);
}

static bool tell_server_port(const struct asking *a)
{
    const struct flow *f = a->flow;
    bool src = flow_has(f, FIELD_SRC_PORT);
    bool dst = flow_has(f, FIELD_DST_PORT);
    if (!src && !dst) {
        return false;
    }
    bool is_src = src && (!dst || f->src_port < f->dst_port);
    return tell_number(a, is_src ? f->src_port : f->dst_port);
}

static uint64_t time_of(const struct flow *f, enum field field, uint64_t ns)
{
    return flow_has(f, field) ? ns : 0;
}

static bool tell_time(const struct asking *a, enum query_field field)
{
    const struct flow *f = a->flow;
    uint64_t start = time_of(f, FIELD_TIME_FLOW_START_NS, f->time_flow_start_ns);
    uint64_t end = time_of(f, FIELD_TIME_FLOW_END_NS, f->time_flow_end_ns);
    if (field == QUERY_EVENT_DURATION) {
        return start != 0 && end >= start && tell_long(a, end - start);
    }
    uint64_t first = f->time_flow_start_ns != 0 ? f->time_flow_start_ns : f->time_received_ns;
    uint64_t ns = field == QUERY_TIMESTAMP     ? first
                  : field == QUERY_EVENT_START ? start
                  : field == QUERY_EVENT_END
                      ? end
                      : time_of(f, FIELD_TIME_RECEIVED_NS, f->time_received_ns);
    return ns != 0 && tell_date(a, ns);
}

static bool tell_place(const struct asking *a, enum query_field field, const struct place *place)
{
    switch (field) {
    case QUERY_SOURCE_AS_ORG:
    case QUERY_DESTINATION_AS_ORG:
        return tell_member(a, place->as, "organization/name");
    case QUERY_SOURCE_COUNTRY:
    case QUERY_DESTINATION_COUNTRY:
        return place->country[0] != '\0' && tell_text(a, place->country, sizeof(place->country));
    case QUERY_SOURCE_NETWORK:
    case QUERY_DESTINATION_NETWORK:
        return tell_span(a, place->network);
    default:
        return tell_member(a, place->geo, query_geo_member(field));
    }
}

const char *query_geo_member(enum query_field field)
{
    switch (field) {
    case QUERY_SOURCE_COUNTRY_NAME:
    case QUERY_DESTINATION_COUNTRY_NAME:
        return "country_name";
    case QUERY_SOURCE_CONTINENT:
    case QUERY_DESTINATION_CONTINENT:
        return "continent_name";
    case QUERY_SOURCE_REGION:
    case QUERY_DESTINATION_REGION:
        return "region_name";
    case QUERY_SOURCE_REGION_CODE:
    case QUERY_DESTINATION_REGION_CODE:
        return "region_iso_code";
    case QUERY_SOURCE_CITY:
    case QUERY_DESTINATION_CITY:
        return "city_name";
    default:
        return NULL;
    }
}

static bool tell_interface(const struct asking *a, enum query_field field)
{
    const struct flow *f = a->flow;
    bool in = flow_has(f, FIELD_IN_IF);
    bool out = flow_has(f, FIELD_OUT_IF);
    switch (field) {
    case QUERY_INGRESS_ID:
        return in && tell_numeral(a, f->in_if);
    case QUERY_EGRESS_ID:
        return out && tell_numeral(a, f->out_if);
    case QUERY_INGRESS_NAME:
        return in && tell_span(a, f->in_names.name);
    case QUERY_EGRESS_NAME:
        return out && tell_span(a, f->out_names.name);
    case QUERY_INGRESS_ALIAS:
        return in && tell_span(a, f->in_names.alias);
    case QUERY_EGRESS_ALIAS:
        return out && tell_span(a, f->out_names.alias);
    case QUERY_INGRESS_VLAN:
        return flow_has(f, FIELD_SRC_VLAN) && tell_numeral(a, f->src_vlan);
    default:
        return flow_has(f, FIELD_DST_VLAN) && tell_numeral(a, f->dst_vlan);
    }
}

static bool tell_line(const struct asking *a, enum query_field field)
{
    const struct flow *f = a->flow;
    if (f->file == 0) {
        return false;
    }
    return field == QUERY_LOG_PATH ? tell_name(a, a->batch->files[f->file - 1].origin->path)
                                   : tell_long(a, f->offset);
}

/// The fields that a line has that could not be read.
static bool tell_error(const struct asking *a, enum query_field field)
{
    switch (field) {
    case QUERY_ERROR_MESSAGE:
        return tell_span(a, a->flow->body);
    case QUERY_EVENT_KIND:
        return tell_name(a, "pipeline_error");
    case QUERY_TIMESTAMP:
        return tell_time(a, field);
    case QUERY_LOG_PATH:
    case QUERY_LOG_OFFSET:
        return tell_line(a, field);
    default:
        return false;
    }
}

static bool tell_flow(const struct asking *a, enum query_field field)
{
    const struct flow *f = a->flow;
    if (field >= QUERY_SOURCE_AS_ORG && field <= QUERY_DESTINATION_NETWORK) { // in pairs
        bool is_source = (field - QUERY_SOURCE_AS_ORG) % 2 == 0;
        return tell_place(a, field, is_source ? &f->src_place : &f->dst_place);
    }
    switch (field) {
    case QUERY_TIMESTAMP:
    case QUERY_EVENT_CREATED:
    case QUERY_EVENT_START:
    case QUERY_EVENT_END:
    case QUERY_EVENT_DURATION:
        return tell_time(a, field);
    case QUERY_SOURCE_IP:
        return tell_addr(a, &f->src_addr);
    case QUERY_DESTINATION_IP:
        return tell_addr(a, &f->dst_addr);
    case QUERY_OBSERVER_IP:
        return tell_addr(a, &f->sampler_address);
    case QUERY_OBSERVER_NAME:
        return tell_span(a, f->exporter_name);
    case QUERY_SOURCE_PORT:
        return flow_has(f, FIELD_SRC_PORT) && tell_number(a, f->src_port);
    case QUERY_DESTINATION_PORT:
        return flow_has(f, FIELD_DST_PORT) && tell_number(a, f->dst_port);
    case QUERY_SERVER_PORT:
        return tell_server_port(a);
    case QUERY_SOURCE_MAC:
        return tell_mac(a, f->src_mac);
    case QUERY_DESTINATION_MAC:
        return tell_mac(a, f->dst_mac);
    case QUERY_SOURCE_AS_NUMBER:
        return tell_as_number(a, &f->src_place, f->src_as);
    case QUERY_DESTINATION_AS_NUMBER:
        return tell_as_number(a, &f->dst_place, f->dst_as);
    case QUERY_BYTES:
        return flow_has(f, FIELD_BYTES) && tell_scaled(a, f->bytes);
    case QUERY_PACKETS:
        return tell_packets(a);
    case QUERY_NETWORK_TYPE:
        return tell_network_type(a);
    case QUERY_TRANSPORT:
        return tell_transport(a);
    case QUERY_IANA_NUMBER:
        return has_protocol(f) && tell_numeral(a, f->proto);
    case QUERY_VLAN:
        return f->vlan_id != 0 && tell_numeral(a, f->vlan_id);
    case QUERY_EVENT_KIND:
        return tell_name(a, "event");
    case QUERY_EVENT_ACTION:
        return tell_action(a);
    case QUERY_SFLOW_BYTES:
        return flow_has(f, FIELD_BYTES) && tell_long(a, f->bytes);
    case QUERY_SAMPLE_RATE:
        return rate_of(f) != 0 && tell_long(a, rate_of(f));
    case QUERY_SEQUENCE_NUM:
        return flow_has(f, FIELD_SEQUENCE_NUM) && tell_number(a, f->sequence_num);
    case QUERY_LOG_PATH:
    case QUERY_LOG_OFFSET:
        return tell_line(a, field);
    case QUERY_INGRESS_ID:
    case QUERY_EGRESS_ID:
    case QUERY_INGRESS_NAME:
    case QUERY_EGRESS_NAME:
    case QUERY_INGRESS_ALIAS:
    case QUERY_EGRESS_ALIAS:
    case QUERY_INGRESS_VLAN:
    case QUERY_EGRESS_VLAN:
        return tell_interface(a, field);
    default:
        return false; // network.application, and those of errors only
    }
}

// --- Columns of goflow2 --------------------------------------------------------------------------

static bool tell_layer(const struct asking *a, uint32_t layer)
{
    const char *name = layer_text(layer);
    return name != NULL ? tell_name(a, name) : tell_numeral(a, layer);
}

static bool tell_list(const struct asking *a, enum field_kind kind, struct span list)
{
    for (uint32_t i = 0; i < list.count; i++) {
        bool done = kind == FIELD_KIND_ADDRS    ? tell_addr(a, &batch_addrs(a->batch, list)[i])
                    : kind == FIELD_KIND_LAYERS ? tell_layer(a, batch_u32s(a->batch, list)[i])
                                                : tell_number(a, batch_u32s(a->batch, list)[i]);
        if (done) {
            return true;
        }
    }
    return false;
}

static bool tell_network(const struct asking *a, enum field field, uint32_t prefix)
{
    char text[QUERY_NETWORK_SIZE];
    const struct addr *addr = field == FIELD_SRC_NET ? &a->flow->src_addr : &a->flow->dst_addr;
    size_t size = query_network_text(addr, prefix, text);
    return size > 0 && tell_text(a, text, size);
}

static bool tell_column(const struct asking *a, enum field field)
{
    const uint8_t *at = (const uint8_t *)a->flow + FIELDS[field].offset;
    enum field_kind kind = FIELDS[field].kind;
    struct span list;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    switch (kind) {
    case FIELD_KIND_ADDR:
        return tell_addr(a, (const struct addr *)at);
    case FIELD_KIND_U32S:
    case FIELD_KIND_ADDRS:
    case FIELD_KIND_LAYERS:
        memcpy(&list, at, sizeof(list));
        return tell_list(a, kind, list);
    case FIELD_KIND_U64:
        memcpy(&u64, at, sizeof(u64));
        return u64 != 0 && tell_number(a, u64);
    case FIELD_KIND_TYPE:
    case FIELD_KIND_U32:
        break;
    }
    memcpy(&u32, at, sizeof(u32));
    if (FIELDS[field].renderer == RENDER_NETWORK) {
        return tell_network(a, field, u32);
    }
    return u32 != 0 && tell_number(a, u32);
}

// --- Any field -----------------------------------------------------------------------------------

bool query_values(const struct batch *batch, const struct flow *flow, enum query_field field,
                  const struct query_other *other, query_each_fn *each, void *context)
{
    const struct asking a = { .batch = batch, .flow = flow, .each = each, .context = context };
    if (field == QUERY_OTHER) {
        return flow->kind != RECORD_ERROR && query_other_values(batch, flow, other, each, context);
    }
    if (field >= QUERY_FIELD_COUNT) {
        return flow->kind != RECORD_ERROR &&
               tell_column(&a, (enum field)(field - QUERY_FIELD_COUNT));
    }
    return flow->kind == RECORD_ERROR ? tell_error(&a, field) : tell_flow(&a, field);
}
