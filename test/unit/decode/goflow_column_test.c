// SPDX-License-Identifier: Apache-2.0
/* Every column in every spelling that it may have, and what it may not have. */
#include "decode/goflow_column.h"

#include "flow/names.h"
#include "line_rig.h"

static const struct goflow_settings PLAIN = { 0 };

/// Reads a column in a line of its own and wants this outcome; twice, because the second reading
/// takes the short way.
static void expect_column(struct rig *r, const char *name, const char *value,
                          enum ledger_entry outcome)
{
    for (int i = 0; i < 2; i++) {
        enum ledger_entry is = rig_read_column(r, name, value);
        if (is != outcome) {
            fail_msg("%s:%s is %s (%s), expected %s", name, value, LEDGER_ENTRIES[is].name,
                     goflow_words(r->reader), LEDGER_ENTRIES[outcome].name);
        }
    }
}

static void expect_number(struct rig *r, enum field field, const char *value, uint64_t number)
{
    expect_column(r, FIELDS[field].json_name, value, LEDGER_LINE_FLOW);
    assert_true(flow_has(r->flow, field));
    if (rig_number(r->flow, field) != number) {
        fail_msg("%s:%s", FIELDS[field].json_name, value);
    }
}

static bool is_number_kind(enum field_kind kind)
{
    return kind == FIELD_KIND_U32 || kind == FIELD_KIND_U64 || kind == FIELD_KIND_TYPE;
}

static void numbers_go_up_to_their_width(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        if (!is_number_kind(FIELDS[f].kind)) {
            continue;
        }
        expect_number(r, f, "1", 1);
        expect_number(r, f, "\"12345\"", 12345);
        expect_number(r, f, "4294967295", UINT32_MAX);
        expect_number(r, f, " 7 ", 7);
        expect_number(r, f, "/* seven */7/**/", 7);
        if (FIELDS[f].kind == FIELD_KIND_U64) {
            expect_number(r, f, "4294967296", UINT64_C(4294967296));
            expect_number(r, f, "9999999999999999999", UINT64_C(9999999999999999999));
            expect_number(r, f, "10000000000000000000", UINT64_C(10000000000000000000));
            expect_number(r, f, "18446744073709551615", UINT64_MAX);
            expect_number(r, f, "\"18446744073709551615\"", UINT64_MAX);
            expect_column(r, FIELDS[f].json_name, "18446744073709551616", LEDGER_LINE_VALUE);
        } else {
            expect_column(r, FIELDS[f].json_name, "4294967296", LEDGER_LINE_VALUE);
            expect_column(r, FIELDS[f].json_name, "18446744073709551617", LEDGER_LINE_VALUE);
        }
    }
    rig_free(r);
}

static void what_is_no_value_is_said(void **state)
{
    static const char *const BAD[] = { "-1", "1.5",   "1.0",       "1e3",    "true",   "false",
                                       "{}", "[[1]]", "{\"a\":1}", "\" 1\"", "\"1 \"", "\"-1\"" };
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        bool named = f == FIELD_TYPE || f == FIELD_ETYPE || f == FIELD_PROTO;
        for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
            if (FIELDS[f].kind == FIELD_KIND_LAYERS || (named && BAD[i][0] == '"')) {
                continue; // a name that nobody knows
            }
            expect_column(r, FIELDS[f].json_name, BAD[i], LEDGER_LINE_VALUE);
            assert_non_null(strstr(goflow_words(r->reader), FIELDS[f].json_name));
            assert_non_null(strstr(goflow_words(r->reader), " at column "));
        }
    }
    rig_free(r);
}

static void empties_are_absent(void **state)
{
    static const char *const EMPTY[] = { "null", "\"\"" };
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        for (size_t i = 0; i < 2; i++) {
            expect_column(r, FIELDS[f].json_name, EMPTY[i], LEDGER_LINE_FLOW);
            assert_false(flow_has(r->flow, f));
            assert_int_equal(r->flow->extras.count, 0);
        }
    }
    rig_free(r);
}

static void addresses(void **state)
{
    static const char *const GOOD[] = { "192.0.2.1", "2001:db8::1", "::", "::ffff:192.0.2.1",
                                        "2001:DB8:0:0:0:0:0:1" };
    static const char *const BAD[] = { "\"192.0.2\"",    "\"192.0.2.256\"", "\"192.0.2.1/24\"",
                                       "\"fe80::1::2\"", "3221225985",      "\"host\"" };
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        if (FIELDS[f].kind != FIELD_KIND_ADDR) {
            continue;
        }
        for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
            char quoted[64];
            struct addr want;
            struct addr is;
            (void)snprintf(quoted, sizeof(quoted), "\"%s\"", GOOD[i]); // fits
            assert_int_equal(addr_get((const uint8_t *)GOOD[i], strlen(GOOD[i]), &want), 0);
            expect_column(r, FIELDS[f].json_name, quoted, LEDGER_LINE_FLOW);
            assert_true(flow_has(r->flow, f));
            memcpy(&is, (const uint8_t *)r->flow + FIELDS[f].offset, sizeof(is));
            assert_memory_equal(&is, &want, sizeof(want));
        }
        for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
            expect_column(r, FIELDS[f].json_name, BAD[i], LEDGER_LINE_VALUE);
        }
        expect_column(r, FIELDS[f].json_name, "\"\\u0031.2.3.4\"", LEDGER_LINE_FLOW);
        assert_true(flow_has(r->flow, f));
    }
    rig_free(r);
}

static void names_and_numbers_of_protocols(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    char text[64];
    for (uint32_t proto = 0; proto < PROTO_NAMED; proto++) {
        (void)snprintf(text, sizeof(text), "\"%s\"", proto_name(proto)); // fits
        int known = proto_by_name(proto_name(proto), strlen(proto_name(proto)));
        expect_number(r, FIELD_PROTO, text, (uint64_t)known);
        assert_string_equal(proto_name((uint32_t)known), proto_name(proto));
    }
    expect_number(r, FIELD_PROTO, "\"tcp\"", 6);
    expect_number(r, FIELD_PROTO, "6", 6);
    expect_number(r, FIELD_PROTO, "\"6\"", 6);
    expect_number(r, FIELD_ETYPE, "\"IPv4\"", 0x0800);
    expect_number(r, FIELD_ETYPE, "\"IPv6\"", 0x86dd);
    expect_number(r, FIELD_ETYPE, "\"ARP\"", 0x0806);
    expect_number(r, FIELD_ETYPE, "34525", 0x86dd);
    expect_number(r, FIELD_TYPE, "\"SFLOW_5\"", FLOW_TYPE_SFLOW_5);
    expect_number(r, FIELD_TYPE, "\"NETFLOW_V5\"", FLOW_TYPE_NETFLOW_V5);
    expect_number(r, FIELD_TYPE, "\"NETFLOW_V9\"", FLOW_TYPE_NETFLOW_V9);
    expect_number(r, FIELD_TYPE, "\"IPFIX\"", FLOW_TYPE_IPFIX);
    expect_number(r, FIELD_TYPE, "1", FLOW_TYPE_SFLOW_5);
    // Names that stand for no number, or several, are kept beside the field.
    expect_column(r, "proto", "\"unassigned\"", LEDGER_LINE_FLOW);
    assert_false(flow_has(r->flow, FIELD_PROTO));
    assert_string_equal(rig_span(r, r->flow->proto_text, (char[256]){ 0 }), "unassigned");
    expect_column(r, "etype", "\"0x88cc\"", LEDGER_LINE_FLOW);
    assert_string_equal(rig_span(r, r->flow->etype_text, (char[256]){ 0 }), "0x88cc");
    expect_column(r, "type", "\"SFLOW_9\"", LEDGER_LINE_FLOW);
    assert_string_equal(rig_span(r, r->flow->type_text, (char[256]){ 0 }), "SFLOW_9");
    memset(text, 0, sizeof(text));
    rig_free(r);
}

static void times(void **state)
{
    static const enum field TIMES[] = { FIELD_TIME_RECEIVED_NS, FIELD_TIME_FLOW_START_NS,
                                        FIELD_TIME_FLOW_END_NS };
    static const char *const BAD[] = { "\"2025-03-15\"",
                                       "\"2025-03-15T17:10:51\"",
                                       "\"2025-03-15T17:10:51.5\"",
                                       "\"1969-12-31T23:59:59Z\"",
                                       "\"2700-01-01T00:00:00Z\"",
                                       "\"9999-12-31T23:59:59Z\"",
                                       "\"yesterday\"",
                                       "\"2025-03-15T17:10:51Z \"" };
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    for (size_t i = 0; i < 3; i++) {
        expect_number(r, TIMES[i], "1742058651064235982", UINT64_C(1742058651064235982));
        expect_number(r, TIMES[i], "\"2025-03-15T17:10:51.064235982Z\"",
                      UINT64_C(1742058651064235982));
        expect_number(r, TIMES[i], "\"2025-03-15T17:10:51Z\"", UINT64_C(1742058651000000000));
        expect_number(r, TIMES[i], "\"2025-03-15T17:10:51.1Z\"", UINT64_C(1742058651100000000));
        expect_number(r, TIMES[i], "\"2025-03-15T17:10:51.0000000019Z\"",
                      UINT64_C(1742058651000000001));
        expect_number(r, TIMES[i], "\"2553-12-31T23:59:59Z\"", UINT64_C(18429292799000000000));
        for (size_t k = 0; k < sizeof(BAD) / sizeof(BAD[0]); k++) {
            expect_column(r, FIELDS[TIMES[i]].json_name, BAD[k], LEDGER_LINE_VALUE);
        }
    }
    rig_free(r);
}

static void macs_and_networks(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    expect_number(r, FIELD_SRC_MAC, "\"2c:c8:1b:ac:cf:81\"", UINT64_C(0x2cc81baccf81));
    expect_number(r, FIELD_DST_MAC, "\"2C:C8:1B:AC:CF:81\"", UINT64_C(0x2cc81baccf81));
    expect_number(r, FIELD_DST_MAC, "49237969391489", UINT64_C(0x2cc81baccf81));
    expect_column(r, "src_mac", "\"2c:c8:1b:ac:cf\"", LEDGER_LINE_VALUE);
    expect_column(r, "src_mac", "\"2c-c8-1b-ac-cf-81\"", LEDGER_LINE_VALUE);
    expect_column(r, "src_mac", "\"2c:c8:1b:ac:cf:8g\"", LEDGER_LINE_VALUE);
    expect_number(r, FIELD_SRC_NET, "\"192.0.2.0/24\"", 24);
    expect_number(r, FIELD_DST_NET, "\"2001:db8::/128\"", 128);
    expect_number(r, FIELD_DST_NET, "\"0.0.0.0/0\"", 0);
    expect_number(r, FIELD_DST_NET, "16", 16);
    expect_column(r, "src_net", "\"192.0.2.0/129\"", LEDGER_LINE_VALUE);
    expect_column(r, "src_net", "\"192.0.2.0/\"", LEDGER_LINE_VALUE);
    expect_column(r, "src_net", "\"invalid Prefix\"", LEDGER_LINE_FLOW);
    assert_false(flow_has(r->flow, FIELD_SRC_NET));
    rig_free(r);
}

static void lists(void **state)
{
    static const enum field U32S[] = { FIELD_BGP_COMMUNITIES, FIELD_AS_PATH, FIELD_MPLS_TTL,
                                       FIELD_MPLS_LABEL, FIELD_LAYER_SIZE };
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    for (size_t i = 0; i < 5; i++) {
        const char *name = FIELDS[U32S[i]].json_name;
        expect_column(r, name, "[]", LEDGER_LINE_FLOW);
        assert_false(flow_has(r->flow, U32S[i]));
        expect_column(r, name, "[1,4294967295, \"3\" ]", LEDGER_LINE_FLOW);
        struct span span;
        memcpy(&span, (const uint8_t *)r->flow + FIELDS[U32S[i]].offset, sizeof(span));
        assert_int_equal(span.count, 3);
        assert_int_equal(batch_u32s(r->batch, span)[1], UINT32_MAX);
        assert_int_equal(batch_u32s(r->batch, span)[2], 3);
        expect_column(r, name, "5", LEDGER_LINE_FLOW); // one is a list of one
        expect_column(r, name, "[1,null]", LEDGER_LINE_VALUE);
        expect_column(r, name, "[1,4294967296]", LEDGER_LINE_VALUE);
        expect_column(r, name, "[1,]", LEDGER_LINE_NOT_JSON);
        expect_column(r, name, "[1", LEDGER_LINE_NOT_JSON);
        expect_column(r, name, "[1 2]", LEDGER_LINE_NOT_JSON);
        expect_column(r, name, "[", LEDGER_LINE_NOT_JSON);
    }
    expect_column(r, "mpls_ip", "[\"192.0.2.1\",\"\",\"2001:db8::1\"]", LEDGER_LINE_FLOW);
    assert_int_equal(r->flow->mpls_ip.count, 3);
    assert_int_equal(batch_addrs(r->batch, r->flow->mpls_ip)[1].size, 0);
    expect_column(r, "ipv6_routing_header_addresses", "[\"::1\"]", LEDGER_LINE_FLOW);
    assert_int_equal(r->flow->ipv6_routing_header_addresses.count, 1);
    expect_column(r, "mpls_ip", "[5]", LEDGER_LINE_VALUE);
    rig_free(r);
}

static void layers_are_known_or_kept(void **state)
{
    char text[256];
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    expect_column(r, "layer_stack", "[\"Ethernet\",\"IPv4\",\"UDP\",99]", LEDGER_LINE_FLOW);
    assert_int_equal(r->flow->layer_stack.count, 4);
    assert_int_equal(batch_u32s(r->batch, r->flow->layer_stack)[2], LAYER_UDP);
    assert_int_equal(r->flow->extras.count, 0);
    // In one place, not half in each.
    expect_column(r, "layer_stack", "[\"Ethernet\",\"Morse\",\"UDP\"]", LEDGER_LINE_FLOW);
    assert_false(flow_has(r->flow, FIELD_LAYER_STACK));
    assert_int_equal(r->flow->layer_stack.count, 0);
    assert_string_equal(rig_extra(r, 0, text), "\"layer_stack\"=[\"Ethernet\",\"Morse\",\"UDP\"]");
    rig_free(r);
}

static const char MAPPING[] =
    "formatter:\n"
    "  fields: [type, bytes, src_addr, time_flow_start_ns, src_mac, csum, label, raw, ip, many]\n"
    "  rename: {bytes: octets, src_addr: source_ip}\n"
    "  render: {label: string, ip: ip, src_mac: none}\n"
    "  protobuf:\n"
    "    - {name: csum, index: 2001, type: varint}\n"
    "    - {name: label, index: 2002, type: string}\n"
    "    - {name: raw, index: 2003, type: bytes}\n"
    "    - {name: ip, index: 2004, type: bytes}\n"
    "    - {name: many, index: 2005, type: varint, array: true}\n";

static void a_mapping_names_columns(void **state)
{
    char text[256];
    (void)state;
    struct rig *r = rig_new(MAPPING, PLAIN);
    rig_expect(r,
               "{\"time_flow_start_ns\":5,\"octets\":1500,\"source_ip\":\"192.0.2.1\","
               "\"csum\":18446744073709551615,\"label\":\"caf\\u00e9\",\"raw\":\"00ff10\","
               "\"ip\":\"2001:db8::1\",\"many\":[1,2,3],\"dst_port\":53}",
               LEDGER_LINE_FLOW);
    const struct flow *f = r->flow;
    assert_int_equal(f->extras.count, 0);
    assert_int_equal(f->bytes, 1500);
    assert_int_equal(f->dst_port, 53); // the field's own names are known too
    assert_int_equal(f->src_addr.size, 4);
    assert_int_equal(f->custom.count, 7);
    const struct custom_value *c = batch_customs(r->batch, f->custom);
    assert_true(c[0].number == UINT64_MAX);
    assert_string_equal(rig_span(r, c[1].bytes, text), "caf\xc3\xa9");
    assert_memory_equal(rig_span(r, c[2].bytes, text), "\0\xff\x10", 3);
    assert_int_equal(c[2].bytes.count, 3);
    assert_int_equal(c[3].bytes.count, 16);
    assert_int_equal(c[6].number, 3);
    // What its type does not allow is kept as it stands, whole.
    rig_expect(r, "{\"time_flow_start_ns\":5,\"csum\":\"x\",\"raw\":\"0\",\"many\":[1,-2]}",
               LEDGER_LINE_FLOW);
    assert_int_equal(r->flow->custom.count, 0);
    assert_string_equal(rig_extra(r, 0, text), "\"csum\"=\"x\"");
    assert_string_equal(rig_extra(r, 1, text), "\"raw\"=\"0\"");
    assert_string_equal(rig_extra(r, 2, text), "\"many\"=[1,-2]");
    rig_expect(r, "{\"time_flow_start_ns\":5,\"csum\":1,\"csum\":2}", LEDGER_LINE_DUPLICATE);
    rig_expect(r, "{\"time_flow_start_ns\":5,\"octets\":1,\"octets\":2}", LEDGER_LINE_DUPLICATE);
    rig_free(r);
}

static void the_table_finds_names(void **state)
{
    (void)state;
    struct mapping *mapping;
    struct column_table *t;
    struct err err;
    assert_int_equal(mapping_parse(MAPPING, sizeof(MAPPING) - 1, "m", &mapping, &err), 0);
    assert_int_equal(column_table_new(mapping, &t), 0);
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        const char *name = FIELDS[f].json_name;
        const struct column_key *key = column_table_find(t, (const uint8_t *)name, strlen(name));
        assert_non_null(key);
        assert_int_equal(key->index, f);
        assert_memory_equal(key->key + 1, name, strlen(name));
        assert_int_equal(key->key_size, strlen(name) + 3);
        assert_null(column_table_find(t, (const uint8_t *)name, strlen(name) - 1));
    }
    assert_int_equal(column_table_find(t, (const uint8_t *)"octets", 6)->index, FIELD_BYTES);
    assert_null(column_table_find(t, (const uint8_t *)"", 0));
    column_table_free(t);
    column_table_free(NULL);
    mapping_free(mapping);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_go_up_to_their_width),
        cmocka_unit_test(what_is_no_value_is_said),
        cmocka_unit_test(empties_are_absent),
        cmocka_unit_test(addresses),
        cmocka_unit_test(names_and_numbers_of_protocols),
        cmocka_unit_test(times),
        cmocka_unit_test(macs_and_networks),
        cmocka_unit_test(lists),
        cmocka_unit_test(layers_are_known_or_kept),
        cmocka_unit_test(a_mapping_names_columns),
        cmocka_unit_test(the_table_finds_names),
    };
    return UNIT_MAIN("goflow_column", tests);
}
