// SPDX-License-Identifier: Apache-2.0
#include "flow/mapping.h"

#include "../unit.h"

static struct mapping *load(const char *text)
{
    struct mapping *m;
    struct err err = { 0 };
    if (mapping_parse(text, strlen(text), "m.yaml", &m, &err) != 0) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
    return m;
}

static void refused(const char *text, const char *message)
{
    struct mapping *m;
    struct err err = { 0 };
    assert_int_equal(mapping_parse(text, strlen(text), "m.yaml", &m, &err), ERR_INVALID);
    assert_string_equal(err.text, message);
}

static void warned(const char *text, const char *warnings)
{
    struct mapping *m = load(text);
    assert_string_equal(mapping_warnings(m), warnings);
    mapping_free(m);
}

static void without_a_file_all_columns(void **state)
{
    (void)state;
    struct mapping *m;
    assert_int_equal(mapping_default(&m), 0);
    assert_int_equal(m->column_count, 50);
    assert_string_equal(m->columns[0].name, "type");
    assert_string_equal(m->columns[49].name, "ipv6_routing_header_seg_left");
    assert_int_equal(m->columns[FIELD_SRC_MAC].renderer, RENDER_MAC);
    assert_false(m->has_packet_rules);
    assert_string_equal(mapping_warnings(m), "");
    mapping_free(m);
    m = load("formatter: {}\n");
    assert_int_equal(m->column_count, 50);
    mapping_free(m);
    mapping_free(NULL);
}

static void columns(void **state)
{
    (void)state;
    struct mapping *m = load("formatter:\n"
                             "  fields: [bytes, SrcAddr, icmp_name, custom, shown, in_if, bytes]\n"
                             "  key: [sampler_address, custom]\n"
                             "  protobuf:\n"
                             "    - {name: custom, index: 1001, type: varint, array: yes}\n"
                             "    - {name: in_if, index: 1002, type: bytes}\n"
                             "  render: {shown: etype, bytes: datetime, SrcAddr: none}\n"
                             "  rename: {bytes: octets, custom: ''}\n");
    assert_int_equal(m->column_count, 7);
    assert_string_equal(m->columns[0].name, "octets");
    assert_int_equal(m->columns[0].renderer, RENDER_DATETIME);
    assert_string_equal(m->columns[1].name, "SrcAddr");
    assert_int_equal(m->columns[1].index, FIELD_SRC_ADDR);
    assert_int_equal(m->columns[1].renderer, RENDER_NONE);
    assert_int_equal(m->columns[2].renderer, RENDER_ICMP_NAME);
    assert_int_equal(m->columns[3].source, COLUMN_CUSTOM);
    assert_string_equal(m->columns[3].name, "custom");
    assert_int_equal(m->columns[4].source, COLUMN_VIRTUAL);
    assert_int_equal(m->columns[5].source, COLUMN_CUSTOM); // it hides the built-in
    assert_true(m->customs[0].array);
    assert_int_equal(mapping_custom_by_name(m, "in_if2", 5), 1);
    assert_int_equal(mapping_custom_by_name(m, "in_if2", 6), -1);
    assert_int_equal(mapping_custom_by_name(m, "in_i", 4), -1);
    assert_int_equal(m->key_count, 2);
    mapping_free(m);
}

static void rules(void **state)
{
    (void)state;
    struct mapping *m = load("sflow:\n"
                             "  ports:\n"
                             "    - {proto: udp, dir: both, port: 6081, parser: geneve}\n"
                             "    - {proto: tcp, dir: src, port: 1, parser: ipv4}\n"
                             "  mapping:\n"
                             "    - {layer: '3', offset: 1, length: 8, destination: InIf}\n"
                             "    - {layer: ip, offset: 2, length: 8, destination: InIf}\n"
                             "    - {layer: ipv6, offset: 3, length: 8, destination: InIf}\n"
                             "    - {layer: etype0x0800, offset: 4, length: 8, destination: InIf}\n"
                             "    - {layer: etype2048, offset: 5, length: 8, destination: InIf}\n"
                             "    - {layer: udp53, encap: true, offset: 6, length: 8, "
                             "destination: in_if, endian: little}\n"
                             "ipfix:\n"
                             "  mapping:\n"
                             "    - {field: 61, destination: InIf}\n"
                             "    - {penprovided: true, pen: 2636, field: 5, destination: InIf}\n"
                             "    - {field: 5, destination: InIf}\n"
                             "    - {field: 61, destination: OutIf}\n");
    const struct packet_rules *v6 = &m->packet_rules[PARSER_IPV6];
    assert_true(m->has_packet_rules);
    assert_int_equal(v6->count, 3); // goflow2's order: ipv6, ip, 3
    assert_int_equal(v6->rules[0].offset, 3);
    assert_int_equal(v6->rules[1].offset, 2);
    assert_int_equal(v6->rules[2].offset, 1);
    assert_int_equal(m->packet_rules[PARSER_IPV4].count, 2);
    assert_int_equal(m->reached_rule_count, 3);
    assert_int_equal(m->reached_rules[0].rule.offset, 5); // decimal before hexadecimal
    assert_int_equal(m->reached_rules[1].by, REACHED_BY_UDP_PORT);
    assert_true(m->reached_rules[1].rule.destination.little_endian);
    assert_int_equal(m->reached_rules[1].rule.destination.index, FIELD_IN_IF);
    assert_int_equal(m->reached_rules[2].value, 0x800);
    assert_int_equal(m->port_rule_count, 2);
    assert_true(m->port_rules[0].src && m->port_rules[0].dst && !m->port_rules[0].tcp);
    assert_int_equal(m->ipfix_rule_count, 3);
    assert_int_equal(m->ipfix_rules[0].element, 5);
    assert_int_equal(m->ipfix_rules[1].destination.index, FIELD_OUT_IF); // the last wins
    assert_int_equal(m->ipfix_rules[2].pen, 2636);
    mapping_free(m);
}

static void errors_say_where(void **state)
{
    (void)state;
    refused("formatter:\n  fields:\n    - type\n    - src_adr\n",
            "m.yaml:4:7: unknown field \"src_adr\"; did you mean \"src_addr\"?");
    refused("formatter: {key: [icmp_name]}\n", "m.yaml:1:19: unknown key field \"icmp_name\"; "
                                               "did you mean \"icmp_name\"?");
    refused("formatter: {render: {bytes: network}}\n",
            "m.yaml:1:29: field network is not a renderer");
    refused("formatter: {render: {bytes: datetme}}\n",
            "m.yaml:1:29: field datetme is not a renderer; did you mean \"datetime\"?");
    refused("formatter: [a]\n", "m.yaml:1:12: expected a map");
    refused("formatter: {fields: type}\n", "m.yaml:1:21: expected a list");
    refused("formatter: {fields: [[type]]}\n", "m.yaml:1:22: expected the name of a field");
    refused("formatter: {protobuf: [{name: a, index: x}]}\n",
            "m.yaml:1:41: index: expected a whole number");
    refused("formatter: {protobuf: [{name: a, index: 99999999999}]}\n",
            "m.yaml:1:41: index: 99999999999 is not in -2147483648..2147483647");
    refused("formatter: {protobuf: [{name: a, array: maybe}]}\n",
            "m.yaml:1:41: array: expected true or false");
    refused("formatter: {protobuf: [{name: a, index: 1, type: uint32}]}\n"
            "sflow: {mapping: [{layer: udp, destination: a}]}\n",
            "m.yaml:2:45: column a needs type string, bytes or varint");
    refused("sflow: {ports: [{proto: udp, dir: any, port: 1, parser: gre}]}\n",
            "m.yaml:1:17: unknown direction \"any\": src, dst or both");
    refused("sflow: {ports: [{proto: udp, dir: dst, port: 1, parser: vxlan}]}\n",
            "m.yaml:1:17: parser \"vxlan\" not found");
    refused("sflow: {ports: [{port: 65536}]}\n", "m.yaml:1:24: port: 65536 is not in 0..65535");
    refused("sflow: {mapping: [{layer: udp, length: 9000, destination: InIf}]}\n",
            "m.yaml:1:40: length: 9000 is not in 0..8192");
    refused("sflow: {mapping: [{layer: udp, destination: Type}]}\n",
            "m.yaml:1:45: Type cannot be a destination");
    refused("ipfix: {mapping: [{field: 70000}]}\n", "m.yaml:1:27: field: 70000 is not in 0..65535");
    refused("just text\n", "m.yaml:1:1: expected a map with formatter, sflow, ipfix, netflowv9");
    refused("", "m.yaml: is empty");
}

static void what_goflow2_passes_over_is_a_warning(void **state)
{
    (void)state;
    warned("formater: {}\n", "m.yaml:1:1: has no effect: unknown key \"formater\"\n");
    warned("sflow: {mapping: [{layer: arp, destination: InIf}]}\n",
           "m.yaml:1:19: never matches: layer \"arp\"\n");
    warned("sflow: {mapping: [{layer: udp, destination: nowhere}]}\n",
           "m.yaml:1:45: leads nowhere: destination \"nowhere\"\n");
    warned("sflow: {mapping: [{layer: etype02048, destination: InIf}]}\n",
           "m.yaml:1:19: never matches: layer \"etype02048\"\n");
    warned("sflow: {ports: [{proto: UDP, dir: dst, port: 1, parser: gre}]}\n",
           "m.yaml:1:17: never matches, as only udp and tcp do: proto \"UDP\"\n");
    warned("sflow: {mapping: [{layer: udp, destination: InIf, endianness: middle}]}\n",
           "m.yaml:1:19: taken as big: endianness \"middle\"\n");
    warned("sampling_rate_fallback: true\n", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_all_columns),
        cmocka_unit_test(columns),
        cmocka_unit_test(rules),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(what_goflow2_passes_over_is_a_warning),
    };
    return UNIT_MAIN("flow/mapping", tests);
}
