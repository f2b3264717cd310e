// SPDX-License-Identifier: Apache-2.0
/*
 * Which column is shown under a name is found out once, when a question is read; what a value looks
 * like follows format/column.c. A record of a log may have either: a column of the mapping whose
 * text its renderer has made unrecognisable is kept as it stands in the line, and so is one that
 * was read before the mapping knew it.
 */
#include "query/query_other.h"

#include <string.h>

#include "base/num.h"
#include "flow/names.h"
#include "flow/render.h"
#include "query/query_json.h"

enum {
    /// Digits of bytes, of which a value has MAPPING_VALUE_SIZE_MAX; others are cut.
    HEX_SIZE = 2 * MAPPING_VALUE_SIZE_MAX,
};

// --- Which column --------------------------------------------------------------------------------

/// The column that documents have under a name and that is no field's; the last one, as there.
static const struct column *find_column(const struct mapping *m, const char *name)
{
    for (size_t i = m == NULL ? 0 : m->column_count; i-- > 0;) {
        const struct column *c = &m->columns[i];
        if (c->source != COLUMN_FIELD && strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

static bool is_column(const struct mapping *m, uint32_t custom)
{
    bool found = false;
    for (size_t i = 0; !found && i < m->column_count; i++) {
        found = m->columns[i].source == COLUMN_CUSTOM && m->columns[i].index == custom;
    }
    return found;
}

static void set_custom(const struct mapping *m, uint32_t index, enum renderer renderer,
                       struct query_other *o)
{
    const struct custom *custom = &m->customs[index];
    if (strlen(custom->name) > QUERY_OTHER_NAME_MAX) {
        return;
    }
    o->custom = custom->name;
    o->index = index;
    o->type = custom->type;
    o->array = custom->array;
    o->renderer = renderer;
}

struct query_other query_other_of(const struct mapping *mapping, const char *name)
{
    struct query_other o = { .name = name };
    int own = mapping == NULL ? -1 : mapping_custom_by_name(mapping, name, strlen(name));
    const struct column *column = find_column(mapping, name);
    if (own >= 0) {
        o.numbers_known = mapping->customs[own].type == CUSTOM_VARINT;
        o.bytes_known = !o.numbers_known;
    }
    if (column != NULL && column->source == COLUMN_CUSTOM) {
        set_custom(mapping, column->index, column->renderer, &o);
    } else if (column == NULL && own >= 0 && !is_column(mapping, (uint32_t)own)) {
        set_custom(mapping, (uint32_t)own, mapping->customs[own].renderer, &o);
    }
    return o;
}

bool query_other_is_shown(const struct mapping *mapping, const char *name)
{
    const struct column *column = find_column(mapping, name);
    return column != NULL && column->source == COLUMN_CUSTOM;
}

void query_other_each(const struct mapping *mapping, query_other_each_fn *each, void *context)
{
    const struct mapping *m = mapping;
    for (size_t i = 0; i < m->column_count; i++) {
        const struct column *c = &m->columns[i];
        const struct query_other o = query_other_of(m, c->name);
        if (c->source == COLUMN_CUSTOM && c == find_column(m, c->name) && o.custom != NULL) {
            each(context, &o);
        }
    }
    for (size_t i = 0; i < m->custom_count; i++) {
        const char *name = m->customs[i].name;
        const struct query_other o = query_other_of(m, name);
        if (o.custom != NULL && o.index == i && find_column(m, name) == NULL &&
            field_by_json_name(name) < 0) {
            each(context, &o);
        }
    }
}

static bool is_naming(enum renderer renderer)
{
    return renderer == RENDER_ETYPE || renderer == RENDER_PROTO;
}

enum query_type query_other_type(const struct query_other *o)
{
    if (o->type != CUSTOM_VARINT) {
        return o->renderer == RENDER_IP ? QUERY_TYPE_IP : QUERY_TYPE_KEYWORD;
    }
    bool is_text = is_naming(o->renderer) || o->renderer == RENDER_MAC ||
                   o->renderer == RENDER_DATETIME || o->renderer == RENDER_DATETIMENANO;
    return is_text ? QUERY_TYPE_KEYWORD : QUERY_TYPE_NUMBER;
}

// --- Values of custom columns --------------------------------------------------------------------

static bool tell_text(const char *text, size_t size, query_each_fn *each, void *context)
{
    const struct query_value v = { .type = QUERY_TYPE_KEYWORD, .text = text, .size = size };
    return size > 0 && each(context, &v);
}

/// `ns` of a number of ns since 1970, which goflow2 takes as signed.
static uint8_t *put_datetime(uint8_t *at, int64_t seconds, int64_t ns)
{
    if (ns < 0) {
        seconds--;
        ns += 1000000000;
    }
    return render_datetime(at, seconds, (uint32_t)ns);
}

bool query_other_tell_number(const struct query_other *o, uint64_t number, query_each_fn *each,
                             void *context)
{
    uint8_t text[RENDER_DATETIME_SIZE_MAX];
    uint8_t *end;
    const char *name =
        o->renderer == RENDER_PROTO ? proto_name((uint32_t)number) : etype_name((uint32_t)number);
    switch (o->renderer) {
    case RENDER_PROTO:
    case RENDER_ETYPE:
        return tell_text(name, strlen(name), each, context);
    case RENDER_MAC:
        end = render_mac(text, number);
        break;
    case RENDER_DATETIME:
        end = put_datetime(text, (int64_t)number, 0);
        break;
    case RENDER_DATETIMENANO:
        end = put_datetime(text, (int64_t)number / 1000000000, (int64_t)number % 1000000000);
        break;
    default:
        end = num_put_u64(text, number);
        break;
    }
    const struct query_value v = { .type = QUERY_TYPE_KEYWORD,
                                   .is_number = query_other_type(o) == QUERY_TYPE_NUMBER,
                                   .text = (const char *)text,
                                   .size = (size_t)(end - text) };
    return each(context, &v);
}

static bool tell_addr(struct addr addr, query_each_fn *each, void *context)
{
    const struct query_value v = { .type = QUERY_TYPE_IP, .addr = addr_unmap(&addr) };
    return each(context, &v);
}

static bool tell_hex(const uint8_t *bytes, size_t size, query_each_fn *each, void *context)
{
    uint8_t digits[HEX_SIZE];
    uint8_t *end = digits;
    for (size_t i = 0; i < size && i < HEX_SIZE / 2; i++) {
        end = num_put_hex(end, bytes[i], 2);
    }
    return tell_text((const char *)digits, (size_t)(end - digits), each, context);
}

bool query_other_tell_bytes(const struct query_other *o, const uint8_t *bytes, size_t size,
                            query_each_fn *each, void *context)
{
    static const char UNKNOWN[] = "unknown"; // what goflow2 calls bytes that are to be a number
    if (size == 0) {
        return false;
    }
    if (is_naming(o->renderer)) {
        return tell_text(UNKNOWN, sizeof(UNKNOWN) - 1, each, context);
    }
    if (o->renderer == RENDER_STRING) {
        return tell_text((const char *)bytes, size, each, context);
    }
    if (o->renderer != RENDER_IP) {
        return tell_hex(bytes, size, each, context);
    }
    return (size == ADDR_V4_SIZE && tell_addr(addr_v4(bytes), each, context)) ||
           (size == ADDR_V6_SIZE && tell_addr(addr_v6(bytes), each, context));
}

/// All values of an array, else the last.
static bool tell_custom(const struct batch *batch, const struct flow *flow,
                        const struct query_other *o, query_each_fn *each, void *context)
{
    const struct custom_value *values = batch_customs(batch, flow->custom);
    bool done = false;
    for (uint32_t i = flow->custom.count; !done && i-- > 0;) {
        const struct custom_value *v = &values[i];
        if (v->column != o->index) {
            continue;
        }
        bool found = o->type == CUSTOM_VARINT
                         ? query_other_tell_number(o, v->number, each, context)
                         : query_other_tell_bytes(o, batch_bytes(batch, v->bytes), v->bytes.count,
                                                  each, context);
        if (found) {
            return true;
        }
        done = !o->array;
    }
    return false;
}

// --- Columns of lines ----------------------------------------------------------------------------

struct telling {
    query_each_fn *each;
    void *context;
};

/// A text as an address, if it is one.
static bool tell_as_addr(void *context, const struct query_value *value)
{
    const struct telling *t = context;
    struct addr addr;
    return value->text != NULL && addr_get((const uint8_t *)value->text, value->size, &addr) == 0
               ? tell_addr(addr, t->each, t->context)
               : t->each(t->context, value);
}

bool query_other_tell_extra(const struct query_other *o, const uint8_t *name, size_t name_size,
                            const uint8_t *json, size_t size, query_each_fn *each, void *context)
{
    char room[QUERY_TEXT_ROOM];
    struct query_text text;
    struct telling telling = { .each = each, .context = context };
    if (!query_json_string(name, name_size, room, sizeof(room), &text) ||
        text.size != strlen(o->name) || memcmp(text.data, o->name, text.size) != 0) {
        return false;
    }
    return o->custom != NULL && query_other_type(o) == QUERY_TYPE_IP
               ? query_json_values(json, size, tell_as_addr, &telling)
               : query_json_values(json, size, each, context);
}

bool query_other_values(const struct batch *batch, const struct flow *flow,
                        const struct query_other *o, query_each_fn *each, void *context)
{
    const struct extra_value *extras = batch_extras(batch, flow->extras);
    bool found = o->custom != NULL && tell_custom(batch, flow, o, each, context);
    for (uint32_t i = 0; !found && i < flow->extras.count; i++) {
        const struct extra_value *e = &extras[i];
        found = query_other_tell_extra(o, batch_bytes(batch, e->name), e->name.count,
                                       batch_bytes(batch, e->json), e->json.count, each, context);
    }
    return found;
}
