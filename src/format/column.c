// SPDX-License-Identifier: Apache-2.0
/*
 * The hot loop of JSON and text. A column becomes a step: the bytes before its value, where the
 * value lies in the flow, and which of a few routines writes it. What a renderer does with a value
 * it was not made for follows goflow2: it is shown as without a renderer, but for etype and proto,
 * which say "unknown".
 *
 * Every step whose value has a bounded size is covered by one reservation per flow (`fixed_size`);
 * lists and texts reserve for themselves.
 *
 * A column that has no value in a flow is left out, unless its renderer is etype or proto (they say
 * "unknown") or it is an array with a renderer (it says []).
 */
#include "format/column.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "flow/names.h"
#include "flow/render.h"

enum {
    /// The longest text that a step of bounded size writes, quotes included.
    FIXED_VALUE_SIZE_MAX = RENDER_NETWORK_SIZE_MAX + 2,
    /// Prefixes up to this size are copied as a whole block, which costs two moves and no call.
    PREFIX_BLOCK = 32,
};

/// What writes a step's value.
enum op {
    OP_U32,
    OP_U64,
    OP_ADDR, ///< renderer ip
    OP_MAC,
    OP_NAME, ///< etype, proto, type: a name of a uint32_t
    OP_NETWORK,
    OP_DATETIME32,
    OP_DATETIME64,
    OP_DATETIMENANO,
    OP_LIST,  ///< any list of the flow
    OP_BYTES, ///< an address shown as hex or as text
    OP_CUSTOM,
    OP_ICMP_NAME,
    OP_UNKNOWN, ///< "unknown", whatever the value
    OP_ABSENT,  ///< never there
};

struct step {
    enum op op;
    enum renderer renderer;
    enum field_kind kind; ///< OP_LIST: of the elements
    bool renderer_given;
    uint16_t index;  ///< field or custom column
    uint32_t offset; ///< of the value in struct flow
    uint32_t prefix_size;
    const uint8_t *prefix; ///< what stands before the value, separator first; PREFIX_BLOCK readable
};

struct column_plan {
    const struct mapping *mapping;
    struct column_style style;
    size_t quote_size;
    size_t fixed_size; ///< enough for the prefixes and all values of bounded size
    struct buf prefixes;
    size_t step_count;
    struct step steps[];
};

// --- Compiling ---------------------------------------------------------------------------------

static enum op op_of_number(enum field_kind kind, enum renderer renderer)
{
    bool wide = kind == FIELD_KIND_U64;
    switch (renderer) {
    case RENDER_ETYPE:
    case RENDER_PROTO:
        return OP_NAME;
    case RENDER_MAC:
        return wide ? OP_MAC : OP_U32;
    case RENDER_DATETIME:
        return wide ? OP_DATETIME64 : OP_DATETIME32;
    case RENDER_DATETIMENANO:
        return wide ? OP_DATETIMENANO : OP_U32;
    case RENDER_NETWORK:
        return OP_NETWORK;
    case RENDER_NONE:
    case RENDER_IP:
    case RENDER_STRING:
    case RENDER_ICMP_NAME:
        break;
    }
    return wide ? OP_U64 : OP_U32;
}

static bool is_naming(enum renderer renderer)
{
    return renderer == RENDER_ETYPE || renderer == RENDER_PROTO;
}

static enum op op_of_field(enum field_kind kind, enum renderer renderer)
{
    switch (kind) {
    case FIELD_KIND_TYPE:
        return is_naming(renderer) ? OP_UNKNOWN : OP_NAME;
    case FIELD_KIND_U32:
    case FIELD_KIND_U64:
        return op_of_number(kind, renderer);
    case FIELD_KIND_ADDR:
        if (is_naming(renderer)) {
            return OP_UNKNOWN;
        }
        return renderer == RENDER_IP ? OP_ADDR : OP_BYTES;
    case FIELD_KIND_U32S:
    case FIELD_KIND_ADDRS:
    case FIELD_KIND_LAYERS:
        break;
    }
    return OP_LIST;
}

static struct step compile_step(const struct column *column)
{
    struct step step = { .renderer = column->renderer,
                         .renderer_given = column->renderer_given,
                         .index = column->index };
    switch (column->source) {
    case COLUMN_FIELD:
        step.kind = FIELDS[column->index].kind;
        step.offset = (uint32_t)FIELDS[column->index].offset;
        step.op = op_of_field(step.kind, column->renderer);
        break;
    case COLUMN_CUSTOM:
        step.op = OP_CUSTOM;
        break;
    case COLUMN_VIRTUAL:
        step.op = column->renderer == RENDER_ICMP_NAME ? OP_ICMP_NAME
                  : is_naming(column->renderer)        ? OP_UNKNOWN
                                                       : OP_ABSENT;
        break;
    }
    return step;
}

struct column_plan *column_plan_new(const struct mapping *mapping, const struct column_style *style,
                                    void (*put_name)(struct buf *out, const char *name))
{
    enum { PREFIXES_SIZE_MAX = 16 << 20 };
    size_t count = mapping->column_count;
    struct column_plan *plan = mem_zalloc(sizeof(*plan) + count * sizeof(plan->steps[0]));
    if (plan == NULL) {
        return NULL;
    }
    plan->mapping = mapping;
    plan->style = *style;
    plan->quote_size = strlen(style->quote);
    plan->step_count = count;
    buf_init(&plan->prefixes, PREFIXES_SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t before = plan->prefixes.size;
        plan->steps[i] = compile_step(&mapping->columns[i]);
        buf_append_char(&plan->prefixes, style->separator);
        put_name(&plan->prefixes, mapping->columns[i].name);
        plan->steps[i].prefix_size = (uint32_t)(plan->prefixes.size - before);
    }
    static const uint8_t PADDING[PREFIX_BLOCK + 1];
    buf_append(&plan->prefixes, PADDING, sizeof(PADDING));
    if (plan->prefixes.bad) {
        column_plan_free(plan);
        return NULL;
    }
    const uint8_t *prefix = plan->prefixes.data; // the buffer does not move any more
    for (size_t i = 0; i < count; i++) {
        plan->steps[i].prefix = prefix;
        prefix += plan->steps[i].prefix_size;
    }
    plan->fixed_size = plan->prefixes.size + count * FIXED_VALUE_SIZE_MAX + PREFIX_BLOCK;
    return plan;
}

void column_plan_free(struct column_plan *plan)
{
    if (plan != NULL) {
        buf_release(&plan->prefixes);
        mem_free(plan);
    }
}

// --- Values of bounded size: room is there -------------------------------------------------------

static inline uint32_t load_u32(const struct flow *flow, const struct step *step)
{
    uint32_t v;
    memcpy(&v, (const uint8_t *)flow + step->offset, sizeof(v));
    return v;
}

static inline uint64_t load_u64(const struct flow *flow, const struct step *step)
{
    uint64_t v;
    memcpy(&v, (const uint8_t *)flow + step->offset, sizeof(v));
    return v;
}

static inline const struct addr *load_addr(const struct flow *flow, const struct step *step)
{
    return (const struct addr *)((const uint8_t *)flow + step->offset);
}

static inline struct span load_span(const struct flow *flow, const struct step *step)
{
    struct span s;
    memcpy(&s, (const uint8_t *)flow + step->offset, sizeof(s));
    return s;
}

static inline uint8_t *put_quote(const struct column_plan *plan, uint8_t *at)
{
    if (plan->quote_size > 0) {
        *at++ = (uint8_t)plan->style.quote[0];
    }
    return at;
}

static uint8_t *put_name_text(const struct column_plan *plan, uint8_t *at, const char *name)
{
    size_t size = strlen(name);
    at = put_quote(plan, at);
    memcpy(at, name, size);
    return put_quote(plan, at + size);
}

/// The name of a number; an enum's number without a name is its decimal, as a text.
static uint8_t *put_enum(const struct column_plan *plan, uint8_t *at, const char *name,
                         uint32_t number)
{
    if (name != NULL) {
        return put_name_text(plan, at, name);
    }
    at = put_quote(plan, at);
    return put_quote(plan, num_put_u32(at, number));
}

static uint8_t *put_name_op(const struct column_plan *plan, uint8_t *at, const struct flow *flow,
                            const struct step *step)
{
    uint32_t number =
        step->kind == FIELD_KIND_U64 ? (uint32_t)load_u64(flow, step) : load_u32(flow, step);
    if (step->renderer == RENDER_PROTO) {
        return put_name_text(plan, at, proto_name(number));
    }
    if (step->renderer == RENDER_ETYPE) {
        return put_name_text(plan, at, etype_name(number));
    }
    return put_enum(plan, at, flow_type_text(number), number);
}

static uint8_t *put_datetime(const struct column_plan *plan, uint8_t *at, int64_t seconds,
                             int64_t ns)
{
    if (ns < 0) {
        seconds--;
        ns += 1000000000;
    }
    at = put_quote(plan, at);
    return put_quote(plan, render_datetime(at, seconds, (uint32_t)ns));
}

/// `value` is taken as signed, as goflow2 takes it.
static uint8_t *put_datetimenano(const struct column_plan *plan, uint8_t *at, uint64_t value)
{
    int64_t ns = (int64_t)value;
    return put_datetime(plan, at, ns / 1000000000, ns % 1000000000);
}

static uint8_t *put_network(const struct column_plan *plan, uint8_t *at, const struct flow *flow,
                            const struct step *step)
{
    const struct addr *address = step->index == FIELD_SRC_NET ? &flow->src_addr : &flow->dst_addr;
    at = put_quote(plan, at);
    return put_quote(plan, render_network(at, address, load_u32(flow, step)));
}

/// A value of bounded size; NULL for the ops that have none.
static uint8_t *put_fixed(const struct column_plan *plan, uint8_t *at, const struct flow *flow,
                          const struct step *step)
{
    switch (step->op) {
    case OP_U32:
        return num_put_u32(at, load_u32(flow, step));
    case OP_U64:
        return num_put_u64(at, load_u64(flow, step));
    case OP_ADDR:
        at = put_quote(plan, at);
        return put_quote(plan, addr_put(at, load_addr(flow, step)));
    case OP_MAC:
        at = put_quote(plan, at);
        return put_quote(plan, render_mac(at, load_u64(flow, step)));
    case OP_NAME:
        return put_name_op(plan, at, flow, step);
    case OP_NETWORK:
        return put_network(plan, at, flow, step);
    case OP_DATETIME32:
        return put_datetime(plan, at, load_u32(flow, step), 0);
    case OP_DATETIME64:
        return put_datetime(plan, at, (int64_t)load_u64(flow, step), 0);
    case OP_DATETIMENANO:
        return put_datetimenano(plan, at, load_u64(flow, step));
    case OP_ICMP_NAME:
        return put_name_text(plan, at, icmp_name(flow->proto, flow->icmp_type));
    case OP_UNKNOWN:
        return put_name_text(plan, at, "unknown");
    case OP_LIST:
    case OP_BYTES:
    case OP_CUSTOM:
    case OP_ABSENT:
        break;
    }
    return NULL;
}

// --- Values of any size: they reserve for themselves ---------------------------------------------

/// Bytes under a renderer.
static void append_bytes(const struct column_plan *plan, enum renderer renderer,
                         const uint8_t *bytes, size_t size, struct buf *out)
{
    if (renderer == RENDER_STRING) {
        plan->style.put_text(out, bytes, size);
        return;
    }
    if (buf_reserve(out, 2 * size + FIXED_VALUE_SIZE_MAX) != 0) {
        return;
    }
    uint8_t *at = buf_tail(out);
    if (is_naming(renderer)) {
        buf_advance(out, put_name_text(plan, at, "unknown"));
        return;
    }
    at = put_quote(plan, at);
    if (renderer != RENDER_IP) {
        for (size_t i = 0; i < size; i++) {
            at = num_put_hex(at, bytes[i], 2);
        }
    } else if (size == ADDR_V4_SIZE || size == ADDR_V6_SIZE) {
        struct addr a = size == ADDR_V4_SIZE ? addr_v4(bytes) : addr_v6(bytes);
        at = addr_put(at, &a);
    }
    buf_advance(out, put_quote(plan, at));
}

/// A number of `kind` U32 or U64 that lies outside the flow: an element or a custom value.
static void append_number(const struct column_plan *plan, enum field_kind kind,
                          enum renderer renderer, uint64_t number, struct buf *out)
{
    if (buf_reserve(out, FIXED_VALUE_SIZE_MAX) != 0) {
        return;
    }
    uint8_t *at = buf_tail(out);
    switch (op_of_number(kind, renderer)) {
    case OP_NAME:
        at = put_name_text(plan, at,
                           renderer == RENDER_PROTO ? proto_name((uint32_t)number)
                                                    : etype_name((uint32_t)number));
        break;
    case OP_MAC:
        at = put_quote(plan, at);
        at = put_quote(plan, render_mac(at, number));
        break;
    case OP_DATETIME32:
    case OP_DATETIME64:
        at = put_datetime(plan, at, (int64_t)number, 0);
        break;
    case OP_DATETIMENANO:
        at = put_datetimenano(plan, at, number);
        break;
    default:
        at = num_put_u64(at, number);
    }
    buf_advance(out, at);
}

static void append_element(const struct column_plan *plan, const struct step *step,
                           const struct batch *batch, struct span list, size_t i, struct buf *out)
{
    if (step->kind == FIELD_KIND_ADDRS) {
        const struct addr *a = &batch_addrs(batch, list)[i];
        append_bytes(plan, step->renderer, a->bytes, a->size, out);
        return;
    }
    uint32_t number = batch_u32s(batch, list)[i];
    if (step->kind == FIELD_KIND_U32S) {
        append_number(plan, FIELD_KIND_U32, step->renderer, number, out);
    } else if (buf_reserve(out, FIXED_VALUE_SIZE_MAX) == 0) {
        const char *name = is_naming(step->renderer) ? "unknown" : layer_text(number);
        buf_advance(out, put_enum(plan, buf_tail(out), name, number));
    }
}

static void append_list(const struct column_plan *plan, const struct step *step,
                        const struct batch *batch, const struct flow *flow, struct buf *out)
{
    struct span list = load_span(flow, step);
    buf_append_char(out, '[');
    for (size_t i = 0; i < list.count; i++) {
        if (i > 0) {
            buf_append_char(out, ',');
        }
        append_element(plan, step, batch, list, i, out);
    }
    buf_append_char(out, ']');
}

static void append_custom_value(const struct column_plan *plan, const struct step *step,
                                const struct batch *batch, const struct custom_value *value,
                                struct buf *out)
{
    if (plan->mapping->customs[step->index].type == CUSTOM_VARINT) {
        append_number(plan, FIELD_KIND_U64, step->renderer, value->number, out);
    } else {
        append_bytes(plan, step->renderer, batch_bytes(batch, value->bytes), value->bytes.count,
                     out);
    }
}

/// The values of a custom column: all of an array, else the last. Its name is written already.
/// Returns whether there is anything to show.
static bool append_custom(const struct column_plan *plan, const struct step *step,
                          const struct batch *batch, const struct flow *flow, struct buf *out)
{
    const struct custom_value *values = batch_customs(batch, flow->custom);
    const struct custom_value *last = NULL;
    bool array = plan->mapping->customs[step->index].array;
    for (size_t i = 0; i < flow->custom.count; i++) {
        if (values[i].column != step->index) {
            continue;
        }
        if (array) {
            buf_append_char(out, last == NULL ? '[' : ',');
            append_custom_value(plan, step, batch, &values[i], out);
        }
        last = &values[i];
    }
    if (last != NULL && array) {
        buf_append_char(out, ']');
    } else if (last != NULL) {
        append_custom_value(plan, step, batch, last, out);
    } else if (array && step->renderer_given) {
        buf_append_text(out, "[]");
    } else if (!array && is_naming(step->renderer)) {
        append_bytes(plan, step->renderer, NULL, 0, out);
    } else {
        return false;
    }
    return true;
}

/// A step whose value has no bound, behind its prefix. Returns whether there is anything to show.
static bool append_unbounded(const struct column_plan *plan, const struct step *step,
                             const struct batch *batch, const struct flow *flow, struct buf *out)
{
    if (step->op == OP_ABSENT) {
        return false;
    }
    if (step->op == OP_CUSTOM) {
        return append_custom(plan, step, batch, flow, out);
    }
    if (step->op == OP_LIST) {
        append_list(plan, step, batch, flow, out);
    } else {
        const struct addr *a = load_addr(flow, step);
        append_bytes(plan, step->renderer, a->bytes, a->size, out);
    }
    return true;
}

static bool is_bounded(enum op op)
{
    return op != OP_LIST && op != OP_BYTES && op != OP_CUSTOM && op != OP_ABSENT;
}

/// Whether a custom column has nothing to show: no value, or bytes of which there are none.
static bool is_empty_custom(const struct column_plan *plan, const struct batch *batch,
                            const struct flow *flow, const struct step *step)
{
    const struct custom *custom = &plan->mapping->customs[step->index];
    const struct custom_value *values = batch_customs(batch, flow->custom);
    const struct custom_value *last = NULL;
    for (size_t i = 0; i < flow->custom.count; i++) {
        last = values[i].column == step->index ? &values[i] : last;
    }
    if (last == NULL) {
        return custom->array || !is_naming(step->renderer); // else it says "unknown"
    }
    return !custom->array && custom->type != CUSTOM_VARINT && last->bytes.count == 0;
}

/// A network that would be "invalid Prefix", or all addresses.
static bool is_empty_network(const struct flow *flow, const struct step *step)
{
    const struct addr *address = step->index == FIELD_SRC_NET ? &flow->src_addr : &flow->dst_addr;
    uint32_t prefix = load_u32(flow, step);
    bool valid = address->size == ADDR_V4_SIZE || address->size == ADDR_V6_SIZE;
    return prefix == 0 || !valid || prefix > 8U * address->size;
}

/// Zero, no address, an empty list, a text that says nothing.
static bool is_empty(const struct column_plan *plan, const struct batch *batch,
                     const struct flow *flow, const struct step *step)
{
    switch (step->op) {
    case OP_U32:
    case OP_DATETIME32:
        return load_u32(flow, step) == 0;
    case OP_NETWORK:
        return is_empty_network(flow, step);
    case OP_U64:
    case OP_MAC:
    case OP_DATETIME64:
    case OP_DATETIMENANO:
        return load_u64(flow, step) == 0;
    case OP_NAME:
        return (step->kind == FIELD_KIND_U64 ? load_u64(flow, step) : load_u32(flow, step)) == 0;
    case OP_ADDR:
    case OP_BYTES:
        return load_addr(flow, step)->size == 0;
    case OP_LIST:
        return load_span(flow, step).count == 0;
    case OP_CUSTOM:
        return is_empty_custom(plan, batch, flow, step);
    case OP_ICMP_NAME:
        return icmp_name(flow->proto, flow->icmp_type)[0] == '\0';
    case OP_UNKNOWN:
        return false;
    case OP_ABSENT:
        break;
    }
    return true;
}

/// The name that a line had for a number nobody knows; empty for all other steps.
static struct span name_of(const struct flow *flow, const struct step *step)
{
    if (step->op != OP_NAME) {
        return (struct span){ 0 };
    }
    return step->index == FIELD_PROTO   ? flow->proto_text
           : step->index == FIELD_ETYPE ? flow->etype_text
           : step->index == FIELD_TYPE  ? flow->type_text
                                        : (struct span){ 0 };
}

/// A value that put_fixed() would write, unless it has a name of its own. Returns whether anything
/// was appended.
static bool append_odd(const struct column_plan *plan, const struct step *step,
                       const struct batch *batch, const struct flow *flow, struct buf *out)
{
    struct span name = name_of(flow, step);
    if (name.count > 0) {
        plan->style.put_text(out, batch_bytes(batch, name), name.count);
        return true;
    }
    if (!is_bounded(step->op)) {
        return append_unbounded(plan, step, batch, flow, out);
    }
    buf_advance(out, put_fixed(plan, buf_tail(out), flow, step));
    return true;
}

/// The prefix without its first `skip` bytes.
static inline uint8_t *put_prefix(uint8_t *at, const struct step *step, size_t skip)
{
    if (step->prefix_size <= PREFIX_BLOCK) {
        memcpy(at, step->prefix + skip, PREFIX_BLOCK); // what is too much is overwritten
    } else {
        memcpy(at, step->prefix + skip, step->prefix_size - skip);
    }
    return at + step->prefix_size - skip;
}

void column_plan_append(const struct column_plan *plan, const struct batch *batch,
                        const struct flow *flow, struct buf *out)
{
    size_t skip = 1; // the first column has no separator before it
    bool skip_empty = plan->style.skip_empty;
    bool odd = flow->proto_text.count + flow->etype_text.count + flow->type_text.count > 0;
    if (buf_reserve(out, plan->fixed_size) != 0) {
        return;
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct step *step = &plan->steps[i];
        if (skip_empty && is_empty(plan, batch, flow, step) && name_of(flow, step).count == 0) {
            continue;
        }
        size_t before = out->size;
        uint8_t *at = put_prefix(buf_tail(out), step, skip);
        if (!odd && is_bounded(step->op)) {
            buf_advance(out, put_fixed(plan, at, flow, step));
            skip = 0;
            continue;
        }
        buf_advance(out, at);
        if (append_odd(plan, step, batch, flow, out)) {
            skip = 0;
        } else {
            out->size = before;
        }
        if (buf_reserve(out, plan->fixed_size) != 0) { // it may have used up the room
            return;
        }
    }
}
