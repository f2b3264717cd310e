// SPDX-License-Identifier: Apache-2.0
/*
 * The rules of a mapping file: which bits of a packet and which elements of a template go where.
 * goflow2 looks rules up by the keys of a layer while it decodes; here they are sorted under their
 * parsers once, in the order in which goflow2 would find them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "flow/mapping_compiler.h"

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

/// Where a rule writes. *ret_used is false for one that goes nowhere, which has been warned of.
static int compile_destination(struct compiler *c, struct yml_node rule, struct destination *ret,
                               bool *ret_used)
{
    const char *name;
    const char *endianness;
    const char *endian;
    if (compiler_get_text(c, rule, "destination", &name) != 0 ||
        compiler_get_text(c, rule, "endianness", &endianness) != 0 ||
        compiler_get_text(c, rule, "endian", &endian) != 0) {
        return c->err->status;
    }
    const char *order = endianness[0] != '\0' ? endianness : endian;
    if (order[0] != '\0' && strcmp(order, "big") != 0 && strcmp(order, "little") != 0) {
        compiler_warn(c, rule, "taken as big: endianness", order);
    }
    struct destination d = { .little_endian = strcmp(order, "little") == 0 };
    struct yml_node place = yml_get(rule, "destination");
    int custom = mapping_custom_by_name(c->mapping, name, strlen(name));
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
        compiler_warn(c, place.id == 0 ? rule : place, "leads nowhere: destination", name);
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
    if (compiler_check_keys(c, n, KEYS) != 0 || compiler_get_text(c, n, "layer", &r.layer) != 0 ||
        compiler_get_bool(c, n, "encap", &r.rule.encap) != 0 ||
        compiler_get_number(c, n, "offset", -8 * DATAGRAM_SIZE_MAX, 8 * DATAGRAM_SIZE_MAX,
                            &r.rule.offset) != 0 ||
        compiler_get_number(c, n, "length", 0, 8 * MAPPING_VALUE_SIZE_MAX, &r.rule.length) != 0 ||
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
    if (compiler_expect_list(c, list, MAPPING_RULES_MAX, &count) != 0) {
        return c->err->status;
    }
    struct file_rule *rules = mem_zalloc_array(count + 1, sizeof(rules[0]));
    bool *matched = mem_zalloc_array(count + 1, sizeof(matched[0]));
    if (rules == NULL || matched == NULL) {
        mem_free(matched);
        mem_free(rules);
        return err_set(c->err, ERR_NO_MEMORY, "out of memory for the mapping");
    }
    int status = 0;
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
                compiler_warn(c, yml_item(list, i), "never matches: layer", rules[i].layer);
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
    if (compiler_check_keys(c, n, KEYS) != 0 || compiler_get_text(c, n, "proto", &proto) != 0 ||
        compiler_get_text(c, n, "dir", &dir) != 0 ||
        compiler_get_text(c, n, "parser", &parser) != 0 ||
        compiler_get_number(c, n, "port", 0, UINT16_MAX, &port) != 0) {
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
        compiler_warn(c, n, "never matches, as only udp and tcp do: proto", proto);
        return 0;
    }
    c->store->port_rules[c->mapping->port_rule_count++] = rule;
    return 0;
}

static int compile_sflow(struct compiler *c, struct yml_node root)
{
    static const char *const KEYS[] = { "mapping", "ports", NULL };
    struct yml_node sflow = yml_get(root, "sflow");
    if (compiler_expect_map(c, sflow) != 0 || compiler_check_keys(c, sflow, KEYS) != 0) {
        return c->err->status;
    }
    struct yml_node ports = yml_get(sflow, "ports");
    size_t count;
    if (compiler_expect_list(c, ports, MAPPING_PORTS_MAX, &count) != 0) {
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
    int64_t element = 0;
    int64_t pen = 0;
    bool used = false;
    if (compiler_check_keys(c, n, KEYS) != 0 ||
        compiler_get_number(c, n, "field", 0, UINT16_MAX, &element) != 0 ||
        compiler_get_number(c, n, "pen", 0, UINT32_MAX, &pen) != 0 ||
        compiler_get_bool(c, n, "penprovided", &rule.pen_provided) != 0 ||
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
    if (compiler_expect_map(c, section) != 0 || compiler_check_keys(c, section, KEYS) != 0) {
        return c->err->status;
    }
    struct yml_node list = yml_get(section, "mapping");
    size_t count;
    if (compiler_expect_list(c, list, MAPPING_ELEMENTS_MAX, &count) != 0) {
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

int compiler_compile_rules(struct compiler *c, struct yml_node root)
{
    struct store *s = c->store;
    if (compile_sflow(c, root) != 0 ||
        compile_elements(c, yml_get(root, "ipfix"), s->ipfix_rules, &s->mapping.ipfix_rule_count) !=
            0 ||
        compile_elements(c, yml_get(root, "netflowv9"), s->netflow9_rules,
                         &s->mapping.netflow9_rule_count) != 0) {
        return c->err->status;
    }
    return 0;
}
