// SPDX-License-Identifier: Apache-2.0
/* Entries are written by the writer alone and read by whoever has the blob. */
#include "store/rest.h"

#include <string.h>

#include "base/pen.h"

enum { HEAD_SIZE = 1 + 2, VALUE_HEAD_SIZE = 4, NAME_SIZE_MAX = 0xffff };

void rest_put(struct buf *out, enum rest_tag tag, const char *name, size_t name_size,
              const void *value, size_t value_size)
{
    uint8_t head[HEAD_SIZE];
    uint8_t value_head[VALUE_HEAD_SIZE];
    if (out->size == 0) {
        buf_append_char(out, REST_VERSION);
    }
    name_size = name_size < NAME_SIZE_MAX ? name_size : NAME_SIZE_MAX;
    struct pen p = pen_at(head);
    pen_u8(&p, tag);
    pen_u16(&p, (uint32_t)name_size);
    p = pen_at(value_head);
    pen_u32(&p, (uint32_t)value_size);
    buf_append(out, head, sizeof(head));
    buf_append(out, name, name_size);
    buf_append(out, value_head, sizeof(value_head));
    buf_append(out, value, value_size);
}

static void put_span(struct buf *out, enum rest_tag tag, const struct batch *batch,
                     struct span span)
{
    if (span.count > 0) {
        rest_put(out, tag, "", 0, batch_bytes(batch, span), span.count);
    }
}

static void put_customs(struct buf *out, const struct mapping *mapping, const struct batch *batch,
                        struct span span)
{
    const struct custom_value *values = batch_customs(batch, span);
    for (uint32_t i = 0; mapping != NULL && i < span.count; i++) {
        const struct custom *custom = &mapping->customs[values[i].column];
        if (custom->type == CUSTOM_VARINT) {
            uint64_t big = __builtin_bswap64(values[i].number);
            rest_put(out, REST_CUSTOM_NUMBER, custom->name, strlen(custom->name), &big,
                     sizeof(big));
        } else {
            rest_put(out, REST_CUSTOM_BYTES, custom->name, strlen(custom->name),
                     batch_bytes(batch, values[i].bytes), values[i].bytes.count);
        }
    }
}

static void put_extras(struct buf *out, const struct batch *batch, struct span span)
{
    const struct extra_value *extras = batch_extras(batch, span);
    for (uint32_t i = 0; i < span.count; i++) {
        rest_put(out, REST_EXTRA, (const char *)batch_bytes(batch, extras[i].name),
                 extras[i].name.count, batch_bytes(batch, extras[i].json), extras[i].json.count);
    }
}

void rest_put_record(struct buf *out, const struct mapping *mapping, const struct batch *batch,
                     const struct flow *flow)
{
    put_customs(out, mapping, batch, flow->custom);
    put_extras(out, batch, flow->extras);
    put_span(out, REST_BODY, batch, flow->body);
    put_span(out, REST_ORIGINAL, batch, flow->original);
    put_span(out, REST_PROTO_TEXT, batch, flow->proto_text);
    put_span(out, REST_ETYPE_TEXT, batch, flow->etype_text);
    put_span(out, REST_TYPE_TEXT, batch, flow->type_text);
}

// --- Reading -------------------------------------------------------------------------------------

void rest_read(struct rest_reader *r, const void *bytes, size_t size)
{
    const uint8_t *begin = bytes;
    *r = (struct rest_reader){ .at = begin, .end = begin + size };
    if (size > 0) {
        r->damaged = *r->at++ != REST_VERSION;
    }
}

/// The next `size` bytes; NULL, and damaged, when there are not so many.
static const uint8_t *take(struct rest_reader *r, size_t size)
{
    if ((size_t)(r->end - r->at) < size) {
        r->damaged = true;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += size;
    return at;
}

bool rest_next(struct rest_reader *r, struct rest_entry *ret_entry)
{
    if (r->damaged || r->at == r->end) {
        return false;
    }
    const uint8_t *head = take(r, HEAD_SIZE);
    if (head == NULL) {
        return false;
    }
    size_t name_size = (size_t)head[1] << 8 | head[2];
    const uint8_t *name = take(r, name_size);
    const uint8_t *value_head = name == NULL ? NULL : take(r, VALUE_HEAD_SIZE);
    if (value_head == NULL) {
        return false;
    }
    size_t value_size = (size_t)value_head[0] << 24 | (size_t)value_head[1] << 16 |
                        (size_t)value_head[2] << 8 | value_head[3];
    const uint8_t *value = take(r, value_size);
    if (value == NULL || head[0] >= REST_TAG_COUNT) {
        r->damaged = true;
        return false;
    }
    *ret_entry = (struct rest_entry){ .tag = (enum rest_tag)head[0],
                                      .name = (const char *)name,
                                      .name_size = name_size,
                                      .value = value,
                                      .value_size = value_size };
    return true;
}

uint64_t rest_number(const struct rest_entry *e)
{
    uint64_t v = 0;
    if (e->value_size == sizeof(v)) {
        memcpy(&v, e->value, sizeof(v));
    }
    return __builtin_bswap64(v);
}
