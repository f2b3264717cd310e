// SPDX-License-Identifier: Apache-2.0
/*
 * The columns without a home in ECS are compiled once, from the field table and the mapping, and
 * most flows of a log have none of them: that is seen at a glance. What a line had and nobody knows
 * is written as it stood there, if it is JSON that Elasticsearch takes.
 */
#include "format/ecs_rest.h"

#include <string.h>

#include "base/json_text.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "flow/names.h"
#include "format/column.h"
#include "format/envelope.h"
#include "format/json_parse.h"

enum {
    /// A column of the longest line, when all of it was no UTF-8.
    COMPACT_SIZE_MAX = 3 * LOG_LINE_SIZE_MAX,
};

struct ecs_rest {
    uint64_t homeless; ///< bits of the fields that go under goflow2.*
    bool shows_more;   ///< the mapping shows columns under goflow2.* of any flow
    struct mapping mapping;
    struct column columns[FIELD_COUNT + MAPPING_COLUMNS_MAX];
    struct column_plan *plan;
    struct json_tree *tree; ///< where objects of lines are looked at
    struct json_parser *parser;
};

// --- Which columns -------------------------------------------------------------------------------

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
static void add_column(struct ecs_rest *rest, const struct column *column)
{
    size_t i = 0;
    while (i < rest->mapping.column_count && strcmp(rest->columns[i].name, column->name) != 0) {
        i++;
    }
    rest->columns[i] = *column;
    rest->mapping.column_count += i == rest->mapping.column_count;
}

/// The columns of goflow2.*: every field without a home, and the columns that the mapping shows and
/// no field stands for.
static void choose_columns(struct ecs_rest *rest, const struct mapping *mapping)
{
    rest->mapping = *mapping;
    rest->mapping.columns = rest->columns;
    rest->mapping.column_count = 0;
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        if (!has_home(f)) {
            rest->homeless |= FLOW_BIT(f);
            add_column(rest, &(struct column){ .name = FIELDS[f].json_name,
                                               .source = COLUMN_FIELD,
                                               .index = (uint16_t)f,
                                               .renderer = FIELDS[f].renderer });
        }
    }
    for (size_t i = 0; i < mapping->column_count; i++) {
        const struct column *c = &mapping->columns[i];
        if (c->source != COLUMN_FIELD) {
            rest->shows_more = true;
            add_column(rest, c);
        }
    }
}

static void put_name(struct buf *out, const char *name)
{
    json_append_text(out, name);
    buf_append_char(out, ':');
}

int ecs_rest_new(const struct mapping *mapping, struct ecs_rest **ret_rest)
{
    static const struct column_style STYLE = {
        .separator = ',', .quote = "\"", .put_text = json_append_string, .skip_empty = true
    };
    struct ecs_rest *rest = mem_zalloc(sizeof(*rest));
    if (rest == NULL) {
        return ERR_NO_MEMORY;
    }
    choose_columns(rest, mapping);
    rest->plan = column_plan_new(&rest->mapping, &STYLE, put_name);
    int status = rest->plan == NULL ? ERR_NO_MEMORY : json_tree_new(COMPACT_SIZE_MAX, &rest->tree);
    status = status == 0 ? json_parser_new(COMPACT_SIZE_MAX, &rest->parser) : status;
    if (status != 0) {
        ecs_rest_free(rest);
        return status;
    }
    *ret_rest = rest;
    return 0;
}

void ecs_rest_free(struct ecs_rest *rest)
{
    if (rest != NULL) {
        column_plan_free(rest->plan);
        json_tree_free(rest->tree);
        json_parser_free(rest->parser);
        mem_free(rest);
    }
}

// --- The object ----------------------------------------------------------------------------------

/// Whether the columns of goflow2.* have one of this name.
static bool has_column(const struct ecs_rest *rest, const char *name)
{
    for (size_t i = 0; i < rest->mapping.column_count; i++) {
        if (strcmp(rest->columns[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/// Whether a value says nothing: null, "", [], {}.
static bool is_empty_json(const uint8_t *json, size_t size)
{
    return (size == 4 && memcmp(json, "null", 4) == 0) ||
           (size == 2 && (memcmp(json, "\"\"", 2) == 0 || memcmp(json, "[]", 2) == 0 ||
                          memcmp(json, "{}", 2) == 0));
}

/// Begins a member of the object at out's end.
static void append_comma(struct buf *out)
{
    if (out->size > 0 && out->data[out->size - 1] != '{') {
        buf_append_char(out, ',');
    }
}

/// Whether Elasticsearch would take it: no object has a name twice.
static bool is_acceptable(struct ecs_rest *rest, const uint8_t *json, size_t size)
{
    struct json_error unused;
    if (memchr(json, '{', size) == NULL) {
        return true;
    }
    json_tree_clear(rest->tree);
    return json_parse(rest->parser, rest->tree, json_slice(json, size), &unused) != NULL;
}

/// JSON from a line, as compact as can be. What Elasticsearch would refuse is kept as a text.
static void append_json(struct ecs_rest *rest, struct buf *out, const uint8_t *json, size_t size)
{
    if (buf_reserve(out, 3 * size) != 0) {
        return;
    }
    uint8_t *begin = buf_tail(out);
    uint8_t *end = json_put_compact(begin, json, size);
    if (is_acceptable(rest, begin, (size_t)(end - begin))) {
        buf_advance(out, end);
    } else {
        json_append_string(out, json, size);
    }
}

static void append_extras(struct ecs_rest *rest, const struct batch *batch, const struct flow *flow,
                          struct buf *out)
{
    const struct extra_value *extras = batch_extras(batch, flow->extras);
    for (uint32_t i = 0; i < flow->extras.count && !out->bad; i++) {
        size_t before = out->size;
        append_comma(out);
        append_json(rest, out, batch_bytes(batch, extras[i].name), extras[i].name.count);
        buf_append_char(out, ':');
        size_t value = out->size;
        append_json(rest, out, batch_bytes(batch, extras[i].json), extras[i].json.count);
        if (!out->bad && is_empty_json(out->data + value, out->size - value)) {
            out->size = before;
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
static void append_network(struct ecs_rest *rest, const char *name, const struct batch *batch,
                           const struct flow *flow, struct span text, struct buf *out)
{
    if (text.count > 0 && !has_column(rest, name) && !has_extra(batch, flow, name)) {
        append_comma(out);
        json_append_text(out, name);
        buf_append_char(out, ':');
        json_append_string(out, batch_bytes(batch, text), text.count);
    }
}

static bool is_nameless_etype(const struct flow *flow)
{
    return flow->etype != 0 && etype_name(flow->etype)[0] == '\0';
}

static void append_etype(const struct flow *flow, struct buf *out)
{
    append_comma(out);
    buf_append_text(out, "\"etype\":");
    buf_append_u64(out, flow->etype);
}

static bool has_anything(const struct ecs_rest *rest, const struct flow *flow)
{
    return (flow->present & rest->homeless) != 0 || rest->shows_more || flow->extras.count > 0 ||
           flow->src_place.network.count + flow->dst_place.network.count > 0 ||
           is_nameless_etype(flow);
}

void ecs_rest_append(struct ecs_rest *rest, const struct batch *batch, const struct flow *flow,
                     bool etype_number, struct buf *out)
{
    static const char BEGIN[] = ",\"goflow2\":{";
    out->size--; // the comma
    size_t before = out->size;
    if (has_anything(rest, flow)) {
        buf_append_text(out, BEGIN);
        column_plan_append(rest->plan, batch, flow, out);
        if (etype_number && is_nameless_etype(flow)) {
            append_etype(flow, out);
        }
        append_network(rest, "src_net_name", batch, flow, flow->src_place.network, out);
        append_network(rest, "dst_net_name", batch, flow, flow->dst_place.network, out);
        append_extras(rest, batch, flow, out);
        if (out->size == before + sizeof(BEGIN) - 1) { // nothing after all
            out->size = before;
        } else {
            buf_append_char(out, '}');
        }
    }
    buf_append_char(out, '}');
}
