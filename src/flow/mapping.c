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

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/yml.h"
#include "flow/mapping_compiler.h"

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

int mapping_custom_by_name(const struct mapping *m, const char *name, size_t size)
{
    for (size_t i = m->custom_count; i-- > 0;) { // the last definition wins
        const char *custom = m->customs[i].name;
        if (strlen(custom) == size && memcmp(custom, name, size) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static const struct {
    const char *name;
    enum renderer renderer;
} RENDERERS[] = {
    { "none", RENDER_NONE },     { "ip", RENDER_IP },
    { "mac", RENDER_MAC },       { "etype", RENDER_ETYPE },
    { "proto", RENDER_PROTO },   { "datetime", RENDER_DATETIME },
    { "string", RENDER_STRING }, { "datetimenano", RENDER_DATETIMENANO },
};

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
    if (compiler_check_keys(c, n, KEYS) != 0 ||
        compiler_get_text(c, n, "name", &custom.name) != 0 ||
        compiler_get_text(c, n, "type", &type) != 0 ||
        compiler_get_number(c, n, "index", INT32_MIN, INT32_MAX, &number) != 0 ||
        compiler_get_bool(c, n, "array", &custom.array) != 0) {
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
        compiler_warn(c, n, "never filled, because its type is not string, bytes or varint: column",
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
    int custom = mapping_custom_by_name(c->mapping, name, strlen(name));
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
    if (compiler_expect_scalar(c, n, "the name of a field") != 0) {
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
    if (compiler_expect_list(c, fields, MAPPING_COLUMNS_MAX, &count) != 0) {
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
    if (compiler_expect_list(c, keys, MAPPING_COLUMNS_MAX, &count) != 0) {
        return c->err->status;
    }
    for (size_t i = 0; i < count; i++) {
        struct yml_node n = yml_item(keys, i);
        struct column column = { 0 };
        if (compiler_expect_scalar(c, n, "the name of a field") != 0) {
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

static int compile_renderers(struct compiler *c)
{
    for (size_t i = 0; i < c->mapping->custom_count; i++) {
        struct custom *custom = &c->store->customs[i];
        struct column column = { 0 };
        if (find_renderer(c, custom->name, -1, &column) != 0) {
            return c->err->status;
        }
        custom->renderer = column.renderer;
    }
    return 0;
}

/// Every entry of `render` must name a renderer, whether its column is printed or not.
static int check_renderer(void *context, struct yml_node key, struct yml_node value)
{
    struct compiler *c = context;
    struct column unused = { 0 };
    (void)value;
    return compiler_expect_scalar(c, key, "the name of a field") != 0
               ? c->err->status
               : find_renderer(c, yml_text(key), -1, &unused);
}

static int check_rename(void *context, struct yml_node key, struct yml_node value)
{
    struct compiler *c = context;
    if (compiler_expect_scalar(c, key, "the name of a field") != 0) {
        return c->err->status;
    }
    return yml_is_null(value) ? 0 : compiler_expect_scalar(c, value, "the new name of the field");
}

static int compile_formatter(struct compiler *c, struct yml_node root)
{
    static const char *const KEYS[] = { "fields", "key", "render", "rename", "protobuf", NULL };
    c->formatter = yml_get(root, "formatter");
    if (compiler_expect_map(c, c->formatter) != 0 ||
        compiler_check_keys(c, c->formatter, KEYS) != 0) {
        return c->err->status;
    }
    struct yml_node customs = yml_get(c->formatter, "protobuf");
    size_t count;
    if (compiler_expect_list(c, customs, MAPPING_CUSTOMS_MAX, &count) != 0) {
        return c->err->status;
    }
    for (size_t i = 0; i < count; i++) {
        if (compile_custom(c, yml_item(customs, i)) != 0) {
            return c->err->status;
        }
    }
    c->render = yml_get(c->formatter, "render");
    c->rename = yml_get(c->formatter, "rename");
    if (compiler_expect_map(c, c->render) != 0 || compiler_expect_map(c, c->rename) != 0) {
        return c->err->status;
    }
    if ((yml_kind(c->render) == YML_KIND_MAP && yml_each(c->render, check_renderer, c) != 0) ||
        (yml_kind(c->rename) == YML_KIND_MAP && yml_each(c->rename, check_rename, c) != 0) ||
        compile_renderers(c) != 0 || compile_columns(c) != 0 || compile_keys(c) != 0) {
        return c->err->status;
    }
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
    if (compiler_check_keys(c, root, KEYS) != 0 || compile_formatter(c, root) != 0 ||
        compiler_compile_rules(c, root) != 0) {
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
