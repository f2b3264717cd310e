// SPDX-License-Identifier: Apache-2.0
/*
 * Gathering lists outside the batch costs a copy, but it lets a decoder start over (a second MPLS
 * stack replaces the first) and keeps the arena dense.
 */
#include "decode/draft.h"

#include <string.h>

/// The counts lie far from each other, and the flows of a log mostly have no list: they are left
/// alone until one has.
static void clear_lists(struct draft *d)
{
    d->has_lists = false;
    d->bgp_communities.count = 0;
    d->as_path.count = 0;
    d->mpls_ttl.count = 0;
    d->mpls_label.count = 0;
    d->layer_stack.count = 0;
    d->layer_size.count = 0;
    d->mpls_ip.count = 0;
    d->routing_addresses.count = 0;
    d->custom_count = 0;
    d->custom_bytes_size = 0;
}

struct flow *draft_begin(struct draft *d, struct batch_writer *out)
{
    d->out = out;
    d->flow = batch_writer_begin(out);
    d->too_large = false;
    d->unmappable = false;
    if (d->has_lists) {
        clear_lists(d);
    }
    return d->flow;
}

static struct span add_u32s(const struct draft *d, const struct u32_list *list)
{
    return batch_writer_add(d->out, list->items, list->count, sizeof(list->items[0]));
}

static struct span add_addrs(const struct draft *d, const struct addr_list *list)
{
    return batch_writer_add(d->out, list->items, list->count, sizeof(list->items[0]));
}

/// The values of custom columns; their bytes go first, so that the spans are known.
static struct span add_customs(struct draft *d)
{
    struct span bytes = batch_writer_add(d->out, d->custom_bytes, d->custom_bytes_size, 1);
    for (size_t i = 0; i < d->custom_count; i++) {
        d->customs[i].bytes.offset += bytes.offset;
    }
    return batch_writer_add(d->out, d->customs, d->custom_count, sizeof(d->customs[0]));
}

static void add_lists(struct draft *d)
{
    struct flow *flow = d->flow;
    flow->layer_stack = add_u32s(d, &d->layer_stack);
    flow->layer_size = add_u32s(d, &d->layer_size);
    flow->bgp_communities = add_u32s(d, &d->bgp_communities);
    flow->as_path = add_u32s(d, &d->as_path);
    flow->mpls_ttl = add_u32s(d, &d->mpls_ttl);
    flow->mpls_label = add_u32s(d, &d->mpls_label);
    flow->mpls_ip = add_addrs(d, &d->mpls_ip);
    flow->ipv6_routing_header_addresses = add_addrs(d, &d->routing_addresses);
    if (d->custom_count > 0) {
        flow->custom = add_customs(d);
    }
}

bool draft_commit(struct draft *d, enum ledger_entry *ret_reason)
{
    if (d->unmappable || d->too_large) {
        *ret_reason = d->unmappable ? LEDGER_FLOW_VALUE : LEDGER_FLOW_TOO_LARGE;
        draft_abandon(d);
        return false;
    }
    if (d->has_lists) {
        add_lists(d);
    }
    d->flow = NULL;
    *ret_reason = LEDGER_FLOW_TOO_LARGE;
    return batch_writer_commit(d->out);
}

void draft_abandon(struct draft *d)
{
    d->flow = NULL;
    batch_writer_abandon(d->out);
}

/// An unsigned number of at most eight bytes in the rule's byte order.
static uint64_t number_of(const uint8_t *value, size_t size, bool little_endian)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | value[little_endian ? size - 1 - i : i];
    }
    return number;
}

static struct addr address_of(const uint8_t *value, size_t size)
{
    struct addr a = { 0 };
    if (size <= sizeof(a.bytes)) {
        a.size = (uint8_t)size;
        memcpy(a.bytes, value, size);
    }
    return a;
}

struct u32_list *draft_list(struct draft *d, enum field field)
{
    switch (field) {
    case FIELD_BGP_COMMUNITIES:
        return &d->bgp_communities;
    case FIELD_AS_PATH:
        return &d->as_path;
    case FIELD_MPLS_TTL:
        return &d->mpls_ttl;
    case FIELD_MPLS_LABEL:
        return &d->mpls_label;
    default:
        CHECK(field == FIELD_LAYER_SIZE);
        return &d->layer_size;
    }
}

static void assign_field(struct draft *d, enum field field, const uint8_t *value, size_t size,
                         uint64_t number)
{
    uint8_t *at = (uint8_t *)d->flow + FIELDS[field].offset;
    uint32_t number32 = (uint32_t)number; // cut, as goflow2 cuts
    struct addr address;
    switch (FIELDS[field].kind) {
    case FIELD_KIND_U32:
        memcpy(at, &number32, sizeof(number32));
        break;
    case FIELD_KIND_U64:
        memcpy(at, &number, sizeof(number));
        break;
    case FIELD_KIND_ADDR:
        address = address_of(value, size);
        memcpy(at, &address, sizeof(address));
        break;
    case FIELD_KIND_U32S:
        draft_push(d, draft_list(d, field), number32);
        break;
    case FIELD_KIND_ADDRS: // goflow2 appends an empty element, whatever the value
        draft_push_addr(d, field == FIELD_MPLS_IP ? &d->mpls_ip : &d->routing_addresses,
                        (struct addr){ 0 });
        break;
    case FIELD_KIND_TYPE:
    case FIELD_KIND_LAYERS: // the mapping refuses these
        CHECK(false);
    }
    draft_mark(d, FLOW_BIT(field));
}

void draft_push_custom(struct draft *d, const struct custom *custom, uint32_t column,
                       const uint8_t *value, size_t size, uint64_t number)
{
    bool is_number = custom->type == CUSTOM_VARINT;
    if (d->custom_count == CUSTOM_VALUES_MAX ||
        (!is_number && size > CUSTOM_BYTES_MAX - d->custom_bytes_size)) {
        d->too_large = true;
        return;
    }
    d->has_lists = true;
    struct custom_value *v = &d->customs[d->custom_count++];
    *v = (struct custom_value){ .column = column };
    if (is_number) {
        v->number = number;
        return;
    }
    v->bytes = (struct span){ .offset = (uint32_t)d->custom_bytes_size, .count = (uint32_t)size };
    memcpy(d->custom_bytes + d->custom_bytes_size, value, size);
    d->custom_bytes_size += size;
}

/// Whether the destination takes a number rather than bytes.
static bool wants_number(const struct mapping *mapping, const struct destination *destination)
{
    if (destination->kind == DESTINATION_CUSTOM) {
        return mapping->customs[destination->index].type == CUSTOM_VARINT;
    }
    enum field_kind kind = FIELDS[destination->index].kind;
    return kind == FIELD_KIND_U32 || kind == FIELD_KIND_U64 || kind == FIELD_KIND_U32S;
}

void draft_assign(struct draft *d, const struct mapping *mapping,
                  const struct destination *destination, const uint8_t *value, size_t size)
{
    uint64_t number = 0;
    if (wants_number(mapping, destination)) {
        if (size > sizeof(number)) {
            d->unmappable = true;
            return;
        }
        number = number_of(value, size, destination->little_endian);
    }
    if (destination->kind == DESTINATION_FIELD) {
        assign_field(d, destination->index, value, size, number);
    } else {
        draft_push_custom(d, &mapping->customs[destination->index], destination->index, value, size,
                          number);
    }
}
