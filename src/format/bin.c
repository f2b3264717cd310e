// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2's bin: a protobuf message flowpb.FlowMessage behind its length as a varint.
 *
 * proto3 as Go's encoder writes it: fields in ascending number, zero and empty ones left out,
 * numbers and enums of a list packed, bytes of a list one by one; custom columns behind all others
 * in the order in which they came, one by one. Columns, renames and renderers of the mapping do not
 * matter. The separator that goflow2 writes behind each message is the transport's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "format/kinds.h"

enum {
    WIRE_VARINT = 0,
    WIRE_BYTES = 2,
    VARINT_SIZE_MAX = 10,
    TAG_SIZE_MAX = 5,
    /// A field of bounded size: its tag, and a varint or the length and bytes of an address.
    FIXED_FIELD_SIZE_MAX = TAG_SIZE_MAX + 1 + ADDR_V6_SIZE,
};

/// The fields in ascending protobuf number.
struct plan {
    const struct mapping *mapping;
    const struct field_info *fields[FIELD_COUNT];
};

static int compare_numbers(const void *a, const void *b)
{
    const struct field_info *const *l = a;
    const struct field_info *const *r = b;
    return (*l)->protobuf_number < (*r)->protobuf_number ? -1 : 1;
}

static int plan_new(const struct format_settings *settings, void **ret_plan, struct err *err)
{
    (void)err; // nothing can be wrong with the settings
    struct plan *plan = mem_zalloc(sizeof(*plan));
    if (plan == NULL) {
        return ERR_NO_MEMORY;
    }
    plan->mapping = settings->mapping;
    for (int i = 0; i < FIELD_COUNT; i++) {
        plan->fields[i] = &FIELDS[i];
    }
    qsort(plan->fields, FIELD_COUNT, sizeof(plan->fields[0]), compare_numbers);
    *ret_plan = plan;
    return 0;
}

static void plan_free(void *plan)
{
    mem_free(plan);
}

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        *at++ = (uint8_t)(value | 0x80);
    }
    *at++ = (uint8_t)value;
    return at;
}

static size_t varint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7) {
        size++;
    }
    return size;
}

static uint8_t *put_tag(uint8_t *at, uint32_t number, unsigned wire_type)
{
    return put_varint(at, (uint64_t)number << 3 | wire_type);
}

static uint8_t *put_number(uint8_t *at, uint32_t number, uint64_t value)
{
    return value == 0 ? at : put_varint(put_tag(at, number, WIRE_VARINT), value);
}

static uint8_t *put_bytes(uint8_t *at, uint32_t number, const uint8_t *bytes, size_t size)
{
    at = put_varint(put_tag(at, number, WIRE_BYTES), size);
    if (size > 0) {
        memcpy(at, bytes, size);
    }
    return at + size;
}

static void append_packed(uint32_t number, const uint32_t *items, size_t count, struct buf *out)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += varint_size(items[i]);
    }
    if (buf_reserve(out, TAG_SIZE_MAX + VARINT_SIZE_MAX + size) != 0) {
        return;
    }
    uint8_t *at = put_varint(put_tag(buf_tail(out), number, WIRE_BYTES), size);
    for (size_t i = 0; i < count; i++) {
        at = put_varint(at, items[i]);
    }
    buf_advance(out, at);
}

static void append_list(const struct field_info *field, const struct batch *batch, struct span list,
                        struct buf *out)
{
    if (list.count == 0) {
        return;
    }
    if (field->kind != FIELD_KIND_ADDRS) {
        append_packed(field->protobuf_number, batch_u32s(batch, list), list.count, out);
        return;
    }
    const struct addr *items = batch_addrs(batch, list);
    for (size_t i = 0; i < list.count; i++) {
        if (buf_reserve(out, FIXED_FIELD_SIZE_MAX) == 0) {
            buf_advance(out, put_bytes(buf_tail(out), field->protobuf_number, items[i].bytes,
                                       items[i].size));
        }
    }
}

static void append_field(const struct field_info *field, const struct batch *batch,
                         const struct flow *flow, struct buf *out)
{
    const uint8_t *value = (const uint8_t *)flow + field->offset;
    uint32_t number = field->protobuf_number;
    uint32_t v32;
    uint64_t v64;
    struct addr address;
    struct span list;
    if (buf_reserve(out, FIXED_FIELD_SIZE_MAX) != 0) {
        return;
    }
    switch (field->kind) {
    case FIELD_KIND_TYPE:
    case FIELD_KIND_U32:
        memcpy(&v32, value, sizeof(v32));
        buf_advance(out, put_number(buf_tail(out), number, v32));
        break;
    case FIELD_KIND_U64:
        memcpy(&v64, value, sizeof(v64));
        buf_advance(out, put_number(buf_tail(out), number, v64));
        break;
    case FIELD_KIND_ADDR:
        memcpy(&address, value, sizeof(address));
        if (address.size > 0) {
            buf_advance(out, put_bytes(buf_tail(out), number, address.bytes, address.size));
        }
        break;
    case FIELD_KIND_U32S:
    case FIELD_KIND_ADDRS:
    case FIELD_KIND_LAYERS:
        memcpy(&list, value, sizeof(list));
        append_list(field, batch, list, out);
        break;
    }
}

static void append_custom(const struct custom *custom, const struct batch *batch,
                          const struct custom_value *value, struct buf *out)
{
    uint32_t number = (uint32_t)custom->number;
    if (buf_reserve(out, FIXED_FIELD_SIZE_MAX + VARINT_SIZE_MAX + value->bytes.count) != 0) {
        return;
    }
    uint8_t *at = buf_tail(out);
    if (custom->type == CUSTOM_VARINT) {
        at = put_varint(put_tag(at, number, WIRE_VARINT), value->number);
    } else {
        at = put_bytes(at, number, batch_bytes(batch, value->bytes), value->bytes.count);
    }
    buf_advance(out, at);
}

/// Writes the message behind room for its length, then moves it down to where it belongs.
static enum format_outcome append(void *plan_, const struct batch *batch, const struct flow *flow,
                                  struct buf *out)
{
    const struct plan *plan = plan_;
    size_t start = out->size;
    if (buf_reserve(out, VARINT_SIZE_MAX) != 0) {
        return FORMAT_TOO_LARGE;
    }
    out->size += VARINT_SIZE_MAX;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        append_field(plan->fields[i], batch, flow, out);
    }
    const struct custom_value *values = batch_customs(batch, flow->custom);
    for (size_t i = 0; i < flow->custom.count; i++) {
        append_custom(&plan->mapping->customs[values[i].column], batch, &values[i], out);
    }
    if (out->bad) {
        return FORMAT_TOO_LARGE;
    }
    size_t size = out->size - start - VARINT_SIZE_MAX;
    size_t prefix = varint_size(size);
    memmove(out->data + start + prefix, out->data + start + VARINT_SIZE_MAX, size);
    out->size = start;
    (void)put_varint(buf_tail(out), size); // its room is there
    out->size = start + prefix + size;
    return FORMAT_MESSAGE;
}

const struct format_kind FORMAT_BIN = {
    .name = "bin", .plan_new = plan_new, .plan_free = plan_free, .append = append
};
