// SPDX-License-Identifier: Apache-2.0
/*
 * mapping.yaml to tables. The sections are read in the order in which they need each other: custom
 * columns first, since everything may name them, then the formatter's columns, then the packet and
 * element rules.
 *
 * What goflow2 refuses is refused here, with the place and, for a misspelled name, the nearest
 * right one. What goflow2 passes over in silence and surely is a mistake (an unknown key, a
 * destination that leads nowhere, a layer that does not exist) becomes a warning. Two things that
 * goflow2's documentation promises and its code ignores work here: `endian:` for `endianness:`, and
 * JSON names as destinations.
 */
#include "flow/mapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "base/yml.h"

/// What a mapping is made of; `mapping` comes first and is what others see. Names point into `file`
/// or are constants.
struct store {
    struct mapping mapping;
    struct yml_file *file;
    struct buf warnings;
    struct column columns[MAPPING_COLUMNS_MAX];
    struct column keys[MAPPING_COLUMNS_MAX];
    struct custom customs[MAPPING_CUSTOMS_MAX];
    bool custom_usable[MAPPING_CUSTOMS_MAX]; ///< has a type that goflow2 knows
    /// A rule keyed by "ip" or "3" belongs to two parsers.
    struct packet_rule packet_rules[2 * MAPPING_RULES_MAX];
    struct reached_rule reached_rules[MAPPING_RULES_MAX];
    struct port_rule port_rules[MAPPING_PORTS_MAX];
    struct element_rule ipfix_rules[MAPPING_ELEMENTS_MAX];
    struct element_rule netflow9_rules[MAPPING_ELEMENTS_MAX];
};

/// A run of the compiler over one file.
struct compiler {
    struct store *store;
    struct mapping *mapping; ///< &store->mapping
    struct err *err;
    struct yml_node formatter;
    struct yml_node render;
    struct yml_node rename;
};

const char *parser_text(enum parser parser)
{
    static const char *const TEXTS[PARSER_COUNT] = {
        [PARSER_NONE] = "",
        [PARSER_ETHERNET] = "ethernet",
        [PARSER_DOT1Q] = "dot1q",
        [PARSER_MPLS] = "mpls",
        [PARSER_IPV4] = "ipv4",
        [PARSER_IPV6] = "ipv6",
        [PARSER_IPV6_ROUTE] = "ipv6-route",
        [PARSER_IPV6_FRAG] = "ipv6-frag",
        [PARSER_TCP] = "tcp",
        [PARSER_UDP] = "udp",
        [PARSER_GRE] = "gre",
        [PARSER_TEREDO] = "teredo-dst",
        [PARSER_GENEVE] = "geneve",
        [PARSER_ICMP] = "icmp",
        [PARSER_ICMPV6] = "ipv6-icmp",
        [PARSER_PPPOE] = "pppoe",
        [PARSER_IPV6_OPTIONS] = "ipv6-options",
        [PARSER_AH] = "ah",
    };
    CHECK(parser < PARSER_COUNT);
    return TEXTS[parser];
}

/// The keys under which rules for a parser may stand, in the order in which goflow2 looks.
enum { PARSER_KEYS_MAX = 3 };
static const char *const PARSER_KEYS[PARSER_COUNT][PARSER_KEYS_MAX] = {
    [PARSER_ETHERNET] = { "ethernet", "2" },
    [PARSER_DOT1Q] = { "dot1q" },
    [PARSER_MPLS] = { "mpls" },
    [PARSER_IPV4] = { "ipv4", "ip", "3" },
    [PARSER_IPV6] = { "ipv6", "ip", "3" },
    [PARSER_IPV6_ROUTE] = { "ipv6eh_routing", "ipv6-route", "ipv6eh" },
    [PARSER_IPV6_FRAG] = { "ipv6eh_fragment", "ipv6-frag", "ipv6eh" },
    [PARSER_TCP] = { "tcp", "4" },
    [PARSER_UDP] = { "udp", "4" },
    [PARSER_GRE] = { "gre" },
    [PARSER_TEREDO] = { "teredo-dst", "teredo" },
    [PARSER_GENEVE] = { "geneve" },
    [PARSER_ICMP] = { "icmp" },
    [PARSER_ICMPV6] = { "icmpv6", "ipv6-icmp" },
    [PARSER_PPPOE] = { "pppoe" },
    [PARSER_IPV6_OPTIONS] = { "ipv6-options" },
    [PARSER_AH] = { "ah" },
};

/// Struct names that goflow2 takes as columns; the last stands for no field of this version.
static const char *const STRUCT_COLUMNS[] = {
    "SrcMac",
    "DstMac",
    "SrcAddr",
    "DstAddr",
    "SamplerAddress",
    "NextHop",
    "BgpNextHop",
    "MplsIp",
    "Etype",
    "Proto",
    "SrcNet",
    "DstNet",
    "Ipv6RoutingHeaderAddresses",
};

static const struct {
    const char *name;
    enum renderer renderer;
} RENDERERS[] = {
    { "none", RENDER_NONE },     { "ip", RENDER_IP },
    { "mac", RENDER_MAC },       { "etype", RENDER_ETYPE },
    { "proto", RENDER_PROTO },   { "datetime", RENDER_DATETIME },
    { "string", RENDER_STRING }, { "datetimenano", RENDER_DATETIMENANO },
};

static void warn(struct compiler *c, struct yml_node n, const char *what, const char *name)
{
    buf_printf(&c->store->warnings, "%s:%u:%u: %s \"%.100s\"\n", yml_name(n), yml_line(n),
               yml_column(n), what, name);
}

/// The scalar `n`, or an error that says what was expected.
static int expect_scalar(struct compiler *c, struct yml_node n, const char *what)
{
    if (yml_kind(n) == YML_KIND_SCALAR) {
        return 0;
    }
    return yml_err(c->err, n, "expected %s", what);
}

/// A list or nothing.
static int expect_list(struct compiler *c, struct yml_node n, size_t max, size_t *ret_count)
{
    *ret_count = 0;
    if (yml_is_null(n)) {
        return 0;
    }
    if (yml_kind(n) != YML_KIND_LIST) {
        return yml_err(c->err, n, "expected a list");
    }
    if (yml_count(n) > max) {
        return yml_err(c->err, n, "more than %zu entries", max);
    }
    *ret_count = yml_count(n);
    return 0;
}

/// A map or nothing.
static int expect_map(struct compiler *c, struct yml_node n)
{
    if (yml_is_null(n) || yml_kind(n) == YML_KIND_MAP) {
        return 0;
    }
    return yml_err(c->err, n, "expected a map");
}

struct known_keys {
    struct compiler *compiler;
    const char *const *names; ///< NULL ends them
};

static int check_key(void *context, struct yml_node key, struct yml_node value)
{
    const struct known_keys *known = context;
    (void)value;
    if (expect_scalar(known->compiler, key, "a key") != 0) {
        return ERR_INVALID;
    }
    for (const char *const *name = known->names; *name != NULL; name++) {
        if (strcmp(*name, yml_text(key)) == 0) {
            return 0;
        }
    }
    warn(known->compiler, key, "has no effect: unknown key", yml_text(key));
    return 0;
}

/// Warns of keys that goflow2 would pass over.
static int check_keys(struct compiler *c, struct yml_node map, const char *const *names)
{
    struct known_keys known = { .compiler = c, .names = names };
    return yml_kind(map) == YML_KIND_MAP ? yml_each(map, check_key, &known) : 0;
}

/// An optional text; "" when it is not there.
static int get_text(struct compiler *c, struct yml_node map, const char *key, const char **ret_text)
{
    struct yml_node n = yml_get(map, key);
    *ret_text = "";
    if (yml_is_null(n)) {
        return 0;
    }
    if (expect_scalar(c, n, "a text") != 0) {
        return ERR_INVALID;
    }
    *ret_text = yml_text(n);
    return 0;
}

/// An optional whole number in min..max; 0 when it is not there. Decimal, 0x, 0o and 0b as YAML.
static int get_number(struct compiler *c, struct yml_node map, const char *key, int64_t min,
                      int64_t max, int64_t *ret_number)
{
    struct yml_node n = yml_get(map, key);
    *ret_number = 0;
    if (yml_is_null(n)) {
        return 0;
    }
    int64_t number;
    if (!yml_is_plain(n) || text_get_i64(yml_text(n), &number) != 0) {
        return yml_err(c->err, n, "%s: expected a whole number", key);
    }
    if (number < min || number > max) {
        return yml_err(c->err, n, "%s: %lld is not in %lld..%lld", key, (long long)number,
                       (long long)min, (long long)max);
    }
    *ret_number = number;
    return 0;
}

/// An optional bool; goflow2's YAML takes yes, on and so on where a bool is expected.
static int get_bool(struct compiler *c, struct yml_node map, const char *key, bool *ret_bool)
{
    static const char *const YES[] = { "true", "True", "TRUE", "y",  "Y", "yes",
                                       "Yes",  "YES",  "on",   "On", "ON" };
    static const char *const NO[] = { "false", "False", "FALSE", "n",   "N",  "no",
                                      "No",    "NO",    "off",   "Off", "OFF" };
    struct yml_node n = yml_get(map, key);
    *ret_bool = false;
    if (yml_is_null(n)) {
        return 0;
    }
    for (size_t i = 0; yml_is_plain(n) && i < sizeof(YES) / sizeof(YES[0]); i++) {
        if (strcmp(yml_text(n), YES[i]) == 0 || strcmp(yml_text(n), NO[i]) == 0) {
            *ret_bool = strcmp(yml_text(n), YES[i]) == 0;
            return 0;
        }
    }
    return yml_err(c->err, n, "%s: expected true or false", key);
}

static int custom_by_name(const struct mapping *m, const char *name)
{
    for (size_t i = m->custom_count; i-- > 0;) { // the last definition wins
        if (strcmp(m->customs[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

// --- formatter ---------------------------------------------------------------------------------

static int compile_custom(struct compiler *c, struct yml_node n)
{
    static const char *const KEYS[] = { "name", "index", "type", "array", NULL };
    if (yml_kind(n) != YML_KIND_MAP) {
        return yml_err(c->err, n, "expected name, index and type of a column");
    }
    struct custom custom = { 0 };
    const char *type;
    int64_t number;
    if (check_keys(c, n, KEYS) != 0 || get_text(c, n, "name", &custom.name) != 0 ||
        get_text(c, n, "type", &type) != 0 ||
        get_number(c, n, "index", INT32_MIN, INT32_MAX, &number) != 0 ||
        get_bool(c, n, "array", &custom.array) != 0) {
        return c->err->status;
    }
    custom.number = (int32_t)number;
    bool usable = true;
    if (strcmp(type, "varint") == 0) {
        custom.type = CUSTOM_VARINT;
    } else if (strcmp(type, "string") == 0) {
        custom.type = CUSTOM_STRING;
    } else if (strcmp(type, "bytes") == 0) {
        custom.type = CUSTOM_BYTES;
    } else {
        usable = false;
        warn(c, n, "never filled, because its type is not string, bytes or varint: column",
             custom.name);
    }
    c->store->customs[c->mapping->custom_count] = custom;
    c->store->custom_usable[c->mapping->custom_count] = usable;
    c->mapping->custom_count++;
    return 0;
}

/// The renderer that the file gives to a column under this name or, for a field, its other one.
static int find_renderer(struct compiler *c, const char *name, int field, struct column *column)
{
    struct yml_node n = yml_get(c->render, name);
    if (n.id == 0 && field >= 0) {
        n = yml_get(c->render, FIELDS[field].json_name);
        if (n.id == 0) {
            n = yml_get(c->render, FIELDS[field].go_name);
        }
    }
    if (n.id == 0) {
        return 0;
    }
    const char *text = yml_kind(n) == YML_KIND_SCALAR ? yml_text(n) : "";
    for (size_t i = 0; i < sizeof(RENDERERS) / sizeof(RENDERERS[0]); i++) {
        if (strcmp(RENDERERS[i].name, text) == 0) {
            column->renderer = RENDERERS[i].renderer;
            column->renderer_given = true;
            return 0;
        }
    }
    struct text_nearest nearest = text_nearest_to(text);
    for (size_t i = 0; i < sizeof(RENDERERS) / sizeof(RENDERERS[0]); i++) {
        text_nearest_try(&nearest, RENDERERS[i].name);
    }
    return yml_err(c->err, n, "field %.100s is not a renderer%s", text,
                   text_nearest_hint(&nearest));
}

static bool is_struct_column(const char *name)
{
    for (size_t i = 0; i < sizeof(STRUCT_COLUMNS) / sizeof(STRUCT_COLUMNS[0]); i++) {
        if (strcmp(STRUCT_COLUMNS[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int unknown_column(struct compiler *c, struct yml_node n, const char *what)
{
    struct text_nearest nearest = text_nearest_to(yml_text(n));
    for (int i = 0; i < FIELD_COUNT; i++) {
        text_nearest_try(&nearest, FIELDS[i].json_name);
    }
    for (size_t i = 0; i < c->mapping->custom_count; i++) {
        text_nearest_try(&nearest, c->mapping->customs[i].name);
    }
    text_nearest_try(&nearest, "icmp_name");
    return yml_err(c->err, n, "%s \"%.100s\"%s", what, yml_text(n), text_nearest_hint(&nearest));
}

/// Where the values of the column `name` come from; false when goflow2 would refuse it.
static bool find_source(const struct compiler *c, const char *name, bool virtual_too,
                        struct column *column)
{
    int custom = custom_by_name(c->mapping, name);
    int field = custom >= 0 ? -1 : field_by_json_name(name);
    bool rendered = yml_get(c->render, name).id != 0;
    if (custom < 0 && field < 0 && virtual_too && (is_struct_column(name) || rendered)) {
        field = field_by_go_name(name);
    }
    if (custom >= 0) {
        column->source = COLUMN_CUSTOM;
        column->index = (uint16_t)custom;
    } else if (field >= 0) {
        column->source = COLUMN_FIELD;
        column->index = (uint16_t)field;
        column->renderer = FIELDS[field].renderer;
    } else if (virtual_too && strcmp(name, "icmp_name") == 0) {
        column->source = COLUMN_VIRTUAL;
        column->renderer = RENDER_ICMP_NAME;
    } else if (virtual_too && (rendered || strcmp(name, "MplsLabelIp") == 0)) {
        column->source = COLUMN_VIRTUAL;
    } else {
        return false;
    }
    return true;
}

static int compile_column(struct compiler *c, struct yml_node n, struct column *ret_column)
{
    if (expect_scalar(c, n, "the name of a field") != 0) {
        return c->err->status;
    }
    const char *name = yml_text(n);
    struct column column = { .name = name };
    if (!find_source(c, name, true, &column)) {
        return unknown_column(c, n, "unknown field");
    }
    int field = column.source == COLUMN_FIELD ? column.index : -1;
    if (find_renderer(c, name, field, &column) != 0) {
        return c->err->status;
    }
    struct yml_node rename = yml_get(c->rename, name);
    if (yml_kind(rename) == YML_KIND_SCALAR && yml_text(rename)[0] != '\0') {
        column.name = yml_text(rename);
    }
    *ret_column = column;
    return 0;
}

static int compile_columns(struct compiler *c)
{
    struct yml_node fields = yml_get(c->formatter, "fields");
    size_t count;
    if (expect_list(c, fields, MAPPING_COLUMNS_MAX, &count) != 0) {
        return c->err->status;
    }
    for (size_t i = 0; i < count; i++) {
        if (compile_column(c, yml_item(fields, i), &c->store->columns[i]) != 0) {
            return c->err->status;
        }
    }
    c->mapping->column_count = count;
    for (int i = 0; count == 0 && i < FIELD_COUNT; i++) { // all of them, with the file's renderers
        struct column *column = &c->store->columns[i];
        const char *name = FIELDS[i].json_name;
        *column = (struct column){ .name = name };
        (void)find_source(c, name, false, column); // it is a field, or a custom column of that name
        if (find_renderer(c, name, column->source == COLUMN_FIELD ? i : -1, column) != 0) {
            return c->err->status;
        }
        struct yml_node rename = yml_get(c->rename, name);
        if (yml_kind(rename) == YML_KIND_SCALAR && yml_text(rename)[0] != '\0') {
            column->name = yml_text(rename);
        }
        c->mapping->column_count = (size_t)i + 1;
    }
    return 0;
}

static int compile_keys(struct compiler *c)
{
    struct yml_node keys = yml_get(c->formatter, "key");
    size_t count;
    if (expect_list(c, keys, MAPPING_COLUMNS_MAX, &count) != 0) {
        return c->err->status;
    }
    for (size_t i = 0; i < count; i++) {
        struct yml_node n = yml_item(keys, i);
        struct column column = { 0 };
        if (expect_scalar(c, n, "the name of a field") != 0) {
            return c->err->status;
        }
        if (!find_source(c, yml_text(n), false, &column)) {
            return unknown_column(c, n, "unknown key field");
        }
        column.name = yml_text(n);
        c->store->keys[i] = column;
    }
    c->mapping->key_count = count;
    return 0;
}

/// Every entry of `render` must name a renderer, whether its column is printed or not.
static int check_renderer(void *context, struct yml_node key, struct yml_node value)
{
    struct compiler *c = context;
    struct column unused = { 0 };
    (void)value;
    return expect_scalar(c, key, "the name of a field") != 0
               ? c->err->status
               : find_renderer(c, yml_text(key), -1, &unused);
}

static int check_rename(void *context, struct yml_node key, struct yml_node value)
{
    struct compiler *c = context;
    if (expect_scalar(c, key, "the name of a field") != 0) {
        return c->err->status;
    }
    return yml_is_null(value) ? 0 : expect_scalar(c, value, "the new name of the field");
}

static int compile_formatter(struct compiler *c, struct yml_node root)
{
    static const char *const KEYS[] = { "fields", "key", "render", "rename", "protobuf", NULL };
    c->formatter = yml_get(root, "formatter");
    if (expect_map(c, c->formatter) != 0 || check_keys(c, c->formatter, KEYS) != 0) {
        return c->err->status;
    }
    struct yml_node customs = yml_get(c->formatter, "protobuf");
    size_t count;
    if (expect_list(c, customs, MAPPING_CUSTOMS_MAX, &count) != 0) {
        return c->err->status;
    }
    for (size_t i = 0; i < count; i++) {
        if (compile_custom(c, yml_item(customs, i)) != 0) {
            return c->err->status;
        }
    }
    c->render = yml_get(c->formatter, "render");
    c->rename = yml_get(c->formatter, "rename");
    if (expect_map(c, c->render) != 0 || expect_map(c, c->rename) != 0) {
        return c->err->status;
    }
    if ((yml_kind(c->render) == YML_KIND_MAP && yml_each(c->render, check_renderer, c) != 0) ||
        (yml_kind(c->rename) == YML_KIND_MAP && yml_each(c->rename, check_rename, c) != 0) ||
        compile_columns(c) != 0 || compile_keys(c) != 0) {
        return c->err->status;
    }
    return 0;
}

// --- Rules -------------------------------------------------------------------------------------

/// Where a rule writes. *ret_used is false for one that goes nowhere, which has been warned of.
static int compile_destination(struct compiler *c, struct yml_node rule, struct destination *ret,
                               bool *ret_used)
{
    const char *name;
    const char *endianness;
    const char *endian;
    if (get_text(c, rule, "destination", &name) != 0 ||
        get_text(c, rule, "endianness", &endianness) != 0 ||
        get_text(c, rule, "endian", &endian) != 0) {
        return c->err->status;
    }
    const char *order = endianness[0] != '\0' ? endianness : endian;
    if (order[0] != '\0' && strcmp(order, "big") != 0 && strcmp(order, "little") != 0) {
        warn(c, rule, "taken as big: endianness", order);
    }
    struct destination d = { .little_endian = strcmp(order, "little") == 0 };
    struct yml_node place = yml_get(rule, "destination");
    int custom = custom_by_name(c->mapping, name);
    int field = field_by_go_name(name);
    if (field < 0 && custom < 0) {
        field = field_by_json_name(name);
    }
    *ret_used = true;
    if (field == FIELD_TYPE || field == FIELD_LAYER_STACK) {
        return yml_err(c->err, place, "%s cannot be a destination", name);
    }
    if (field >= 0) {
        d.index = (uint16_t)field;
    } else if (custom >= 0) {
        if (!c->store->custom_usable[custom]) {
            return yml_err(c->err, place, "column %.100s needs type string, bytes or varint", name);
        }
        d.kind = DESTINATION_CUSTOM;
        d.index = (uint16_t)custom;
        *ret_used = c->mapping->customs[custom].number > 0;
    } else {
        *ret_used = false;
        warn(c, place.id == 0 ? rule : place, "leads nowhere: destination", name);
    }
    *ret = d;
    return 0;
}

/// A layer key that names what led to a layer: etype2048, etype0x0800, proto6, udp53, tcp80.
static bool parse_reached_key(const char *key, struct reached_rule *ret, bool *ret_hex)
{
    static const struct {
        const char *prefix;
        enum reached_by by;
        uint64_t max;
        bool hex;
    } FORMS[] = {
        { "etype0x", REACHED_BY_ETYPE, 0xffff, true },
        { "etype", REACHED_BY_ETYPE, 0xffff, false },
        { "proto", REACHED_BY_PROTO, 0xff, false },
        { "udp", REACHED_BY_UDP_PORT, 0xffff, false },
        { "tcp", REACHED_BY_TCP_PORT, 0xffff, false },
    };
    for (size_t i = 0; i < sizeof(FORMS) / sizeof(FORMS[0]); i++) {
        size_t prefix_size = strlen(FORMS[i].prefix);
        if (strncmp(key, FORMS[i].prefix, prefix_size) != 0) {
            continue;
        }
        const char *digits = key + prefix_size;
        uint64_t value = 0;
        char written[16]; // goflow2 compares texts: only its own spelling matches
        if (FORMS[i].hex) {
            value = strtoul(digits, NULL, 16);
            (void)snprintf(written, sizeof(written), "%04x", (unsigned)value); // fits
        } else if (num_get_u64(digits, strlen(digits), FORMS[i].max, &value) == 0) {
            (void)snprintf(written, sizeof(written), "%u", (unsigned)value); // fits
        } else {
            continue;
        }
        if (value <= FORMS[i].max && strcmp(written, digits) == 0) {
            ret->by = FORMS[i].by;
            ret->value = (uint16_t)value;
            *ret_hex = FORMS[i].hex;
            return true;
        }
    }
    return false;
}

/// An entry of sflow.mapping as read, before it is sorted under its parsers.
struct file_rule {
    const char *layer;
    struct packet_rule rule;
    bool used;
};

static int compile_file_rule(struct compiler *c, struct yml_node n, struct file_rule *ret)
{
    static const char *const KEYS[] = { "layer",       "encap",      "offset", "length",
                                        "destination", "endianness", "endian", NULL };
    if (yml_kind(n) != YML_KIND_MAP) {
        return yml_err(c->err, n, "expected layer, offset, length and destination");
    }
    struct file_rule r = { 0 };
    if (check_keys(c, n, KEYS) != 0 || get_text(c, n, "layer", &r.layer) != 0 ||
        get_bool(c, n, "encap", &r.rule.encap) != 0 ||
        get_number(c, n, "offset", -8 * DATAGRAM_SIZE_MAX, 8 * DATAGRAM_SIZE_MAX, &r.rule.offset) !=
            0 ||
        get_number(c, n, "length", 0, 8 * MAPPING_VALUE_SIZE_MAX, &r.rule.length) != 0 ||
        compile_destination(c, n, &r.rule.destination, &r.used) != 0) {
        return c->err->status;
    }
    *ret = r;
    return 0;
}

/// The rules of one parser, key by key, behind those that are there.
static size_t sort_under_parser(struct compiler *c, enum parser parser,
                                const struct file_rule *rules, size_t count, size_t used,
                                bool *matched)
{
    struct packet_rule *out = c->store->packet_rules;
    c->mapping->packet_rules[parser].rules = out + used;
    size_t first = used;
    for (size_t k = 0; k < PARSER_KEYS_MAX && PARSER_KEYS[parser][k] != NULL; k++) {
        for (size_t i = 0; i < count; i++) {
            if (strcmp(rules[i].layer, PARSER_KEYS[parser][k]) != 0) {
                continue;
            }
            matched[i] = true;
            if (rules[i].used) {
                out[used++] = rules[i].rule;
            }
        }
    }
    c->mapping->packet_rules[parser].count = used - first;
    return used;
}

/// Those keyed by what led to a layer: goflow2 tries the decimal key before the hexadecimal one.
static void sort_reached(struct compiler *c, const struct file_rule *rules, size_t count,
                         bool *matched)
{
    for (int hex = 0; hex < 2; hex++) {
        for (size_t i = 0; i < count; i++) {
            struct reached_rule r;
            bool is_hex;
            if (!parse_reached_key(rules[i].layer, &r, &is_hex)) {
                continue;
            }
            matched[i] = true;
            if (rules[i].used && is_hex == (hex == 1)) {
                r.rule = rules[i].rule;
                c->store->reached_rules[c->mapping->reached_rule_count++] = r;
            }
        }
    }
}

static int compile_packet_rules(struct compiler *c, struct yml_node list)
{
    size_t count;
    if (expect_list(c, list, MAPPING_RULES_MAX, &count) != 0) {
        return c->err->status;
    }
    struct file_rule *rules = mem_zalloc_array(count + 1, sizeof(rules[0]));
    bool *matched = mem_zalloc_array(count + 1, sizeof(matched[0]));
    int status = rules == NULL || matched == NULL
                     ? err_set(c->err, ERR_NO_MEMORY, "out of memory for the mapping")
                     : 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = compile_file_rule(c, yml_item(list, i), &rules[i]);
    }
    size_t used = 0;
    for (enum parser p = 0; status == 0 && p < PARSER_COUNT; p++) {
        used = sort_under_parser(c, p, rules, count, used, matched);
    }
    if (status == 0) {
        sort_reached(c, rules, count, matched);
        c->mapping->has_packet_rules = used > 0 || c->mapping->reached_rule_count > 0;
        for (size_t i = 0; i < count; i++) {
            if (!matched[i]) {
                warn(c, yml_item(list, i), "never matches: layer", rules[i].layer);
            }
        }
    }
    mem_free(matched);
    mem_free(rules);
    return status;
}

static int compile_port_rule(struct compiler *c, struct yml_node n)
{
    static const char *const KEYS[] = { "proto", "dir", "port", "parser", NULL };
    if (yml_kind(n) != YML_KIND_MAP) {
        return yml_err(c->err, n, "expected proto, dir, port and parser");
    }
    const char *proto;
    const char *dir;
    const char *parser;
    int64_t port;
    if (check_keys(c, n, KEYS) != 0 || get_text(c, n, "proto", &proto) != 0 ||
        get_text(c, n, "dir", &dir) != 0 || get_text(c, n, "parser", &parser) != 0 ||
        get_number(c, n, "port", 0, UINT16_MAX, &port) != 0) {
        return c->err->status;
    }
    struct port_rule rule = { .tcp = strcmp(proto, "tcp") == 0, .port = (uint16_t)port };
    struct text_nearest nearest = text_nearest_to(parser);
    for (enum parser p = PARSER_ETHERNET; p < PARSER_COUNT; p++) {
        text_nearest_try(&nearest, parser_text(p));
        if (strcmp(parser_text(p), parser) == 0) {
            rule.parser = p;
        }
    }
    if (rule.parser == PARSER_NONE) {
        return yml_err(c->err, n, "parser \"%.100s\" not found%s", parser,
                       text_nearest_hint(&nearest));
    }
    rule.src = strcmp(dir, "src") == 0 || strcmp(dir, "both") == 0;
    rule.dst = strcmp(dir, "dst") == 0 || strcmp(dir, "both") == 0;
    if (!rule.src && !rule.dst) {
        return yml_err(c->err, n, "unknown direction \"%.100s\": src, dst or both", dir);
    }
    if (!rule.tcp && strcmp(proto, "udp") != 0) {
        warn(c, n, "never matches, as only udp and tcp do: proto", proto);
        return 0;
    }
    c->store->port_rules[c->mapping->port_rule_count++] = rule;
    return 0;
}

static int compile_sflow(struct compiler *c, struct yml_node root)
{
    static const char *const KEYS[] = { "mapping", "ports", NULL };
    struct yml_node sflow = yml_get(root, "sflow");
    if (expect_map(c, sflow) != 0 || check_keys(c, sflow, KEYS) != 0) {
        return c->err->status;
    }
    struct yml_node ports = yml_get(sflow, "ports");
    size_t count;
    if (expect_list(c, ports, MAPPING_PORTS_MAX, &count) != 0) {
        return c->err->status;
    }
    for (size_t i = 0; i < count; i++) {
        if (compile_port_rule(c, yml_item(ports, i)) != 0) {
            return c->err->status;
        }
    }
    return compile_packet_rules(c, yml_get(sflow, "mapping"));
}

static int compare_elements(const void *a, const void *b)
{
    const struct element_rule *l = a;
    const struct element_rule *r = b;
    if (l->pen_provided != r->pen_provided) {
        return l->pen_provided ? 1 : -1;
    }
    if (l->pen != r->pen) {
        return l->pen < r->pen ? -1 : 1;
    }
    return l->element == r->element ? 0 : l->element < r->element ? -1 : 1;
}

static int compile_element_rule(struct compiler *c, struct yml_node n, struct element_rule *rules,
                                size_t *count)
{
    static const char *const KEYS[] = { "field",      "penprovided", "pen", "destination",
                                        "endianness", "endian",      NULL };
    if (yml_kind(n) != YML_KIND_MAP) {
        return yml_err(c->err, n, "expected field and destination");
    }
    struct element_rule rule = { 0 };
    int64_t element;
    int64_t pen;
    bool used;
    if (check_keys(c, n, KEYS) != 0 || get_number(c, n, "field", 0, UINT16_MAX, &element) != 0 ||
        get_number(c, n, "pen", 0, UINT32_MAX, &pen) != 0 ||
        get_bool(c, n, "penprovided", &rule.pen_provided) != 0 ||
        compile_destination(c, n, &rule.destination, &used) != 0) {
        return c->err->status;
    }
    rule.element = (uint16_t)element;
    rule.pen = (uint32_t)pen;
    for (size_t i = 0; i < *count; i++) { // the last definition wins
        if (compare_elements(&rules[i], &rule) == 0) {
            rules[i] = rules[--*count];
        }
    }
    if (used) {
        rules[(*count)++] = rule;
    }
    return 0;
}

/// ipfix.mapping or netflowv9.mapping.
static int compile_elements(struct compiler *c, struct yml_node section, struct element_rule *rules,
                            size_t *ret_count)
{
    static const char *const KEYS[] = { "mapping", NULL };
    if (expect_map(c, section) != 0 || check_keys(c, section, KEYS) != 0) {
        return c->err->status;
    }
    struct yml_node list = yml_get(section, "mapping");
    size_t count;
    if (expect_list(c, list, MAPPING_ELEMENTS_MAX, &count) != 0) {
        return c->err->status;
    }
    for (size_t i = 0; i < count; i++) {
        if (compile_element_rule(c, yml_item(list, i), rules, ret_count) != 0) {
            return c->err->status;
        }
    }
    qsort(rules, *ret_count, sizeof(rules[0]), compare_elements);
    return 0;
}

static int compile(struct compiler *c, struct yml_node root)
{
    static const char *const KEYS[] = {
        "formatter", "ipfix", "netflowv9", "sflow", "sampling_rate_fallback", NULL
    };
    if (yml_kind(root) != YML_KIND_MAP && !yml_is_null(root)) {
        return yml_err(c->err, root, "expected a map with formatter, sflow, ipfix, netflowv9");
    }
    struct store *s = c->store;
    if (check_keys(c, root, KEYS) != 0 || compile_formatter(c, root) != 0 ||
        compile_sflow(c, root) != 0 ||
        compile_elements(c, yml_get(root, "ipfix"), s->ipfix_rules, &s->mapping.ipfix_rule_count) !=
            0 ||
        compile_elements(c, yml_get(root, "netflowv9"), s->netflow9_rules,
                         &s->mapping.netflow9_rule_count) != 0) {
        return c->err->status;
    }
    return 0;
}

static struct store *store_new(void)
{
    struct store *s = mem_zalloc(sizeof(*s));
    if (s != NULL) {
        enum { WARNINGS_SIZE_MAX = 1 << 20 };
        buf_init(&s->warnings, WARNINGS_SIZE_MAX);
        s->mapping.columns = s->columns;
        s->mapping.keys = s->keys;
        s->mapping.customs = s->customs;
        s->mapping.reached_rules = s->reached_rules;
        s->mapping.port_rules = s->port_rules;
        s->mapping.ipfix_rules = s->ipfix_rules;
        s->mapping.netflow9_rules = s->netflow9_rules;
    }
    return s;
}

/// Takes `file`, also on failure.
static int compile_file(struct yml_file *file, struct mapping **ret_mapping, struct err *err)
{
    struct store *s = store_new();
    if (s == NULL) {
        yml_free(file);
        return err_set(err, ERR_NO_MEMORY, "out of memory for the mapping");
    }
    s->file = file;
    struct compiler c = { .store = s, .mapping = &s->mapping, .err = err };
    int status = compile(&c, yml_root(file));
    if (status != 0) {
        mapping_free(&s->mapping);
        return status;
    }
    *ret_mapping = &s->mapping;
    return 0;
}

int mapping_load(const char *path, struct mapping **ret_mapping, struct err *err)
{
    struct yml_file *file;
    int status = yml_load(path, MAPPING_FILE_SIZE_MAX, &file, err);
    return status != 0 ? status : compile_file(file, ret_mapping, err);
}

int mapping_parse(const char *text, size_t size, const char *name, struct mapping **ret_mapping,
                  struct err *err)
{
    struct yml_file *file;
    int status = yml_parse(text, size, name, &file, err);
    return status != 0 ? status : compile_file(file, ret_mapping, err);
}

int mapping_default(struct mapping **ret_mapping)
{
    struct store *s = store_new();
    if (s == NULL) {
        return ERR_NO_MEMORY;
    }
    for (int i = 0; i < FIELD_COUNT; i++) {
        s->columns[i] = (struct column){ .name = FIELDS[i].json_name,
                                         .source = COLUMN_FIELD,
                                         .index = (uint16_t)i,
                                         .renderer = FIELDS[i].renderer };
    }
    s->mapping.column_count = FIELD_COUNT;
    *ret_mapping = &s->mapping;
    return 0;
}

void mapping_free(struct mapping *m)
{
    if (m == NULL) {
        return;
    }
    struct store *s = (struct store *)(void *)m; // its first member
    buf_release(&s->warnings);
    yml_free(s->file);
    mem_free(s);
}

const char *mapping_warnings(const struct mapping *m)
{
    const struct store *s = (const struct store *)(const void *)m; // its first member
    return s->warnings.data == NULL ? "" : (const char *)s->warnings.data;
}
