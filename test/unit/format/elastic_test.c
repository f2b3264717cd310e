// SPDX-License-Identifier: Apache-2.0
/*
 * Elastic's documents, by the pieces of them that each odd line changes. What a real Elasticsearch
 * made of many such lines is compared whole in test/corpora/test_elastic_observed.py.
 */
#include "../unit.h"

#include "base/limits.h"
#include "base/mem.h"
#include "format/elastic.h"
#include "format/json_parse.h"

enum { LINE_SIZE_MAX = 2048, OUT_SIZE_MAX = 32 << 20 };

#define EVENT                                                                                      \
    "{\"tags\":[\"preserve_original_event\",\"sflow\"],\"event\":{\"timezone\":\"+00:00\"}}"
#define TIME "\"time_flow_start_ns\":1722384059314899647"
#define ADDRESSES "\"src_addr\":\"192.0.2.1\",\"dst_addr\":\"198.51.100.2\""

static struct elastic *elastic;
static struct buf out;
static struct json_tree *tree;
static struct json_parser *parser;
static struct json_node *document; ///< the last one, read again
static bool failed;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, OUT_SIZE_MAX);
    return elastic_new(&elastic) + json_tree_new(1 << 20, &tree) +
           json_parser_new(1 << 20, &parser);
}

static int tear_down(void **state)
{
    (void)state;
    elastic_free(elastic);
    json_tree_free(tree);
    json_parser_free(parser);
    buf_release(&out);
    return 0;
}

static void run(struct elastic_input in)
{
    struct json_error error;
    in.ecs_version = "8.17.0";
    if (in.event.size == 0) {
        in.event = (struct elastic_json){ (const uint8_t *)EVENT, sizeof(EVENT) - 1 };
    }
    buf_clear(&out);
    failed = elastic_append(elastic, &in, &out);
    assert_false(out.bad);
    json_tree_clear(tree);
    document = json_parse(parser, tree, json_slice(out.data, out.size), &error);
    assert_non_null(document);
}

static struct elastic_json json(const char *text)
{
    return (struct elastic_json){ .data = (const uint8_t *)text, .size = strlen(text) };
}

static void line(const char *text)
{
    run((struct elastic_input){ .line = (const uint8_t *)text, .size = strlen(text) });
}

/// A line with a time and these other columns.
static void with(const char *columns)
{
    char text[LINE_SIZE_MAX];
    snprintf(text, sizeof(text), "{" TIME "%s%s}", *columns == '\0' ? "" : ",", columns);
    line(text);
}

/// What is at a path, as JSON; NULL is nothing.
static void has(const char *path, const char *expected)
{
    char text[LINE_SIZE_MAX];
    struct buf piece;
    const struct json_node *n = document;
    snprintf(text, sizeof(text), "%s", path);
    char *rest = text;
    for (const char *name; n != NULL && (name = strsep(&rest, "/")) != NULL;) {
        n = n->kind == JSON_MAP ? json_get(n, json_slice(name, strlen(name))) : NULL;
    }
    if (n == NULL || expected == NULL) {
        if (n != NULL || expected != NULL) {
            fail_msg("%s: wanted %s in %s", path, expected, buf_text(&out));
        }
        return;
    }
    buf_init(&piece, 1 << 20);
    json_tree_append(tree, n, &piece);
    assert_string_equal(buf_text(&piece), expected);
    buf_release(&piece);
}

static void fails(const char *type, const char *tag, const char *message)
{
    char text[LINE_SIZE_MAX];
    const struct json_slice name = json_slice("error", 5);
    const struct json_slice leaf = json_slice("message", 7);
    assert_true(failed);
    has("event/kind", "\"pipeline_error\"");
    const struct json_node *error = json_get(document, name);
    const struct json_node *n = error == NULL ? NULL : json_get(error, leaf);
    assert_non_null(n);
    int size =
        snprintf(text, sizeof(text),
                 "Processor '%s' with tag '%s' in pipeline 'logs-goflow2.sflow-0.7.0' failed "
                 "with message '%s",
                 type, tag, message);
    size_t length = n == NULL ? 0 : n->size;
    assert_in_range(length, size, LINE_SIZE_MAX);
    assert_memory_equal(n == NULL ? NULL : n->value.text, text, (size_t)size);
}

static void an_ordinary_line(void **state)
{
    (void)state;
    static const char LINE[] =
        "{\"type\":\"SFLOW_5\"," TIME ",\"sampler_address\":\"203.0.113.1\",\"sequence_num\":44,"
        "\"in_if\":563,\"out_if\":0," ADDRESSES ",\"etype\":\"IPv4\",\"proto\":\"TCP\","
        "\"src_port\":10876,\"dst_port\":443,\"src_vlan\":15,\"dst_vlan\":0,\"sampling_rate\":1000,"
        "\"bytes\":70}";
    line(LINE);
    assert_false(failed);
    has("error", NULL);
    has("goflow2", NULL);
    has("message", NULL);
    has("@timestamp", "\"2024-07-31T00:00:59.314Z\"");
    has("tags", "[\"preserve_original_event\",\"sflow\"]");
    has("ecs", "{\"version\":\"8.17.0\"}");
    has("event/kind", "\"event\"");
    has("event/category", "[\"network\"]");
    has("event/type", "[\"connection\"]");
    has("event/action", "\"SFLOW_5\"");
    has("event/timezone", "\"+00:00\"");
    has("observer/ip", "[\"203.0.113.1\"]");
    has("observer/ingress/interface/id", "\"563\"");
    has("observer/egress/interface/id", "\"0\"");
    has("observer/ingress/vlan/id", "\"15\"");
    has("observer/egress/vlan/id", "\"0\"");
    has("network/type", "\"ipv4\"");
    has("network/transport", "\"tcp\"");
    has("network/bytes", "70000");
    has("network/packets", "1000");
    has("sflow/bytes", "70");
    has("sflow/sample_rate", "1000");
    has("sflow/sequence_num", "44");
    has("source/ip", "\"192.0.2.1\"");
    has("source/address", "[\"192.0.2.1\"]");
    has("source/port", "10876");
    has("destination/ip", "\"198.51.100.2\"");
    has("destination/address", "[\"198.51.100.2\"]");
    has("destination/port", "443");
    has("related/ip", "[\"192.0.2.1\",\"198.51.100.2\"]");
}

static void bytes_and_rates(void **state)
{
    (void)state;
    static const struct {
        const char *columns;
        const char *network_bytes;
        const char *sflow_bytes;
        const char *rate;
    } CASES[] = {
        { "\"sampling_rate\":10", NULL, NULL, "10" },
        { "\"sampling_rate\":10,\"bytes\":null", NULL, NULL, "10" },
        { "\"sampling_rate\":10,\"bytes\":\"\"", NULL, NULL, "10" },
        { "\"bytes\":70", NULL, "70", NULL },
        { "\"bytes\":70,\"sampling_rate\":\"\"", NULL, "70", NULL },
        { "\"bytes\":70,\"sampling_rate\":0", "0", "70", "0" },
        { "\"bytes\":9000,\"sampling_rate\":262144", "-1935671296", "9000", "262144" },
        { "\"bytes\":65536,\"sampling_rate\":65536", "0", "65536", "65536" },
        { "\"bytes\":2147483648,\"sampling_rate\":2", "4294967296", "2147483648", "2" },
        { "\"bytes\":2,\"sampling_rate\":2147483648", "4294967296", "2", "2147483648" },
        { "\"bytes\":9223372036854775807,\"sampling_rate\":2", "-2", "9223372036854775807", "2" },
        { "\"bytes\":18446744073709551615,\"sampling_rate\":2", "-2", "18446744073709551615", "2" },
        { "\"bytes\":4294967297,\"sampling_rate\":1", "4294967297", "4294967297", "1" },
        { "\"bytes\":18446744073709551617,\"sampling_rate\":7", "7", "18446744073709551617", "7" },
        { "\"bytes\":-18446744073709551617,\"sampling_rate\":4294967296", "-4294967296",
          "-18446744073709551617", "4294967296" },
        { "\"bytes\":18446744073709551616,\"sampling_rate\":0.5", "9.223372036854776E18",
          "18446744073709551616", "0.5" },
        { "\"bytes\":1e400,\"sampling_rate\":0", "\"NaN\"", "\"Infinity\"", "0" },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        with(CASES[i].columns);
        assert_false(failed);
        has("network/bytes", CASES[i].network_bytes);
        has("sflow/bytes", CASES[i].sflow_bytes);
        has("network/packets", CASES[i].rate);
        has("sflow/sample_rate", CASES[i].rate);
    }
    with("\"bytes\":70,\"sampling_rate\":18446744073709551615");
    fails("set", "set_sflow_sample_rate", "unexpected value type [class java.math.BigInteger]");
    has("network/bytes", "-70");
    with("\"sampling_rate\":[{\"a\":[18446744073709551615]}]");
    fails("set", "set_sflow_sample_rate", "unexpected value type [class java.math.BigInteger]");
    with("\"sampling_rate\":[{\"a\":[1]}]");
    has("sflow/sample_rate", "[{\"a\":[1]}]");
    has("network/packets", "[{\"a\":[1]}]");
    with("\"bytes\":\"70\",\"sampling_rate\":2");
    fails("conditional", "script_calculate_flow_size",
          "Cannot apply [*] operation to types [java.lang.String] and [java.lang.Integer].");
    has("goflow2/bytes", "\"70\"");
}

static void a_column_named_flow_size(void **state)
{
    (void)state;
    with("\"flow_size\":5");
    has("network/bytes", "5");
    with("\"flow_size\":null");
    has("network/bytes", "null");
    with("\"flow_size\":\"\"");
    has("network/bytes", "\"\"");
    with("\"flow_size\":5,\"bytes\":3,\"sampling_rate\":3");
    has("network/bytes", "9");
}

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *ns;
        const char *time;
    } CASES[] = {
        { "0", "\"1970-01-01T00:00:00.000Z\"" },
        { "-1", "\"1970-01-01T00:00:00.000Z\"" },
        { "-1000000", "\"1969-12-31T23:59:59.999Z\"" },
        { "1722384059", "\"1970-01-01T00:00:01.722Z\"" },
        { "951782400000000000", "\"2000-02-29T00:00:00.000Z\"" },
        { "9223372036854775807", "\"2262-04-11T23:47:16.854Z\"" },
        { "-9223372036854775808", "\"1677-09-21T00:12:43.146Z\"" },
        { "9223372036854775808", "\"1970-01-01T00:00:00.000Z\"" },
        { "18446744073709551615", "\"1970-01-01T00:00:00.000Z\"" },
        { "18446744073714551616", "\"1970-01-01T00:00:00.005Z\"" },
    };
    char text[LINE_SIZE_MAX];
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        snprintf(text, sizeof(text), "{\"time_flow_start_ns\":%s}", CASES[i].ns);
        line(text);
        assert_false(failed);
        has("@timestamp", CASES[i].time);
    }
}

static void bad_times(void **state)
{
    (void)state;
    static const char TAG[] = "script_calculate_time_flow_start_ns";
    static const char NONE[] =
        "Cannot invoke \"Object.getClass()\" because \"leftObject\" is null'";
    line("{\"a\":1}");
    fails("script", TAG, NONE);
    has("goflow2", "{\"a\":1}");
    has("event/original", "\"{\\\"a\\\":1}\"");
    has("@timestamp", NULL);
    line("{\"time_flow_start_ns\":null}");
    fails("script", TAG, NONE);
    line("{\"time_flow_start_ns\":\"5\"}");
    fails("script", TAG,
          "Cannot apply [/] operation to types [java.lang.String] and [java.lang.Integer].'");
    line("{\"time_flow_start_ns\":5.5e6,\"x\":1}");
    fails("date", "date_parse_time_flow_start_ns", "For input string: \"5.5\"'");
    has("goflow2", "{\"time_flow_start_ns\":5.5,\"x\":1}");
    line("7");
    fails("script", TAG, "dynamic getter [java.lang.Integer, time_flow_start_ns] not found'");
    has("goflow2", "7");
    line("\"x\"");
    fails("script", TAG, "dynamic getter [java.lang.String, time_flow_start_ns] not found'");
    line("[1]");
    fails("script", TAG, "Illegal list shortcut value [time_flow_start_ns].'");
    has("goflow2", "[1]");
    static const char *const NULLS[] = { "null", "", "  ", "{}" };
    for (size_t i = 0; i < sizeof(NULLS) / sizeof(NULLS[0]); i++) {
        line(NULLS[i]);
        fails("script", TAG, NONE);
    }
}

static void lines_that_are_no_json(void **state)
{
    (void)state;
    line("level=info \"x");
    fails("json", "json_message_to_goflow2", "");
    has("message", "\"level=info \\\"x\"");
    has("event/original", NULL);
    has("goflow2", NULL);
    has("event/category", "[\"network\"]");
    has("ecs/version", "\"8.17.0\"");
    // goflow2 does not escape: a quote in a value.
    with("\"s\":\"a\"b\"");
    fails("json", "json_message_to_goflow2", "");
    with("\"bytes\":1,\"bytes\":2");
    fails("json", "json_message_to_goflow2", "Duplicate field");
}

static void bytes_that_are_no_utf8(void **state)
{
    (void)state;
    with("\"type\":\"\xff\xc3\xa9\xc3\"");
    has("event/action", "\"\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\"");
    with("\"type\":\"\\ud83d\"");
    has("event/action", "\"\\ud83d\"");
    with("\"a\xff\":1,\"a\xfe\":2");
    fails("json", "json_message_to_goflow2", "Duplicate field");
    line("\xff{");
    has("message", "\"\xef\xbf\xbd{\"");
}

static void addresses(void **state)
{
    (void)state;
    with("\"src_addr\":\"\",\"dst_addr\":\"2001:DB8::1\",\"etype\":\"IPv6\"");
    has("source", NULL);
    has("destination", "{\"ip\":\"2001:DB8::1\",\"address\":[\"2001:DB8::1\"]}");
    has("related/ip", "[\"2001:DB8::1\"]");
    has("network/type", "\"ipv6\"");
    with("\"src_addr\":\"192.0.2.1\",\"dst_addr\":\"192.0.2.1\"");
    has("related/ip", "[\"192.0.2.1\",\"192.0.2.1\"]");
    with("\"type\":\"T\",\"src_addr\":\"192.0.2.256\",\"bytes\":2,\"sampling_rate\":3,\"proto\":"
         "\"TCP\"");
    fails("conditional", "convert_src_addr_to_ip", "'192.0.2.256' is not an IP string literal.'");
    has("event/action", "\"T\"");
    has("goflow2/flow_size", "6");
    has("goflow2/proto", "\"TCP\"");
    has("network", NULL);
    with("\"dst_addr\":16843009");
    fails("conditional", "convert_dst_addr_to_ip",
          "class java.lang.Integer cannot be cast to class java.lang.String");
    with("\"src_addr\":[\"::1\",\"::2\"],\"dst_addr\":[]");
    has("source", "{\"ip\":[\"::1\",\"::2\"],\"address\":[\"{0=::1, 1=::2}\"]}");
    has("related/ip", "[\"{0=::1, 1=::2}\",\"{}\"]");
    with("\"src_addr\":[\"::1\",null]");
    fails("conditional", "convert_src_addr_to_ip", "");
    has("goflow2/src_addr", "[\"::1\",null]");
}

static void protocols(void **state)
{
    (void)state;
    with("\"etype\":\"\",\"proto\":\"IPv6-ICMP\",\"src_port\":0");
    has("network", "{\"transport\":\"ipv6-icmp\"}");
    has("goflow2", NULL);
    has("source/port", "0");
    with("\"etype\":\"ARP\",\"proto\":\"HOPOPT\"");
    has("network", "{\"type\":\"arp\",\"transport\":\"hopopt\"}");
    with(ADDRESSES ",\"proto\":6,\"etype\":2048,\"sampling_rate\":5");
    fails("lowercase", "lowercase_network_transport",
          "field [network.transport] of type [java.lang.Integer] cannot be cast to "
          "[java.lang.String]'");
    has("network/packets", "5");
    has("sflow", NULL);
    has("related", NULL);
    has("source", "{\"ip\":\"192.0.2.1\"}");
    with("\"proto\":[\"TCP\",\"UDP\"]");
    has("network/transport", "[\"tcp\",\"udp\"]");
    with("\"proto\":[\"TCP\",1]");
    fails("lowercase", "lowercase_network_transport", "");
    has("network/transport", "[\"TCP\",1]");
    with("\"proto\":false,\"etype\":null");
    fails("lowercase", "lowercase_network_transport", "");
}

static void what_stays_under_goflow2(void **state)
{
    (void)state;
    with("\"x\":[1,{\"y\":null}],\"in_if\":\"\",\"type\":null,\"src_port\":\"\",\"dst_vlan\":null,"
         "\"sampling_rate\":\"\",\"sampler_address\":\"\",\"src_addr\":\"\",\"proto\":\"\","
         "\"bytes\":\"\"");
    assert_false(failed);
    has("goflow2", "{\"x\":[1,{\"y\":null}],\"in_if\":\"\",\"type\":null,\"src_port\":\"\","
                   "\"dst_vlan\":null,\"sampling_rate\":\"\"}");
    has("observer", NULL);
    has("sflow", NULL);
    has("network", NULL);
}

static void interfaces_as_text(void **state)
{
    (void)state;
    with("\"in_if\":1e7,\"out_if\":{\"a\":1},\"src_vlan\":[1,[2],true],\"dst_vlan\":false");
    has("observer/ingress/interface/id", "\"1.0E7\"");
    has("observer/egress/interface/id", "\"{a=1}\"");
    has("observer/ingress/vlan/id", "[\"1\",\"[2]\",\"true\"]");
    has("observer/egress/vlan/id", "\"false\"");
    with("\"in_if\":[1,null]");
    fails("convert", "convert_observer_ingress_interface_id_to_string", "");
    has("observer/ingress/interface/id", "[1,null]");
    with("\"sampler_address\":[\"a\",1]");
    has("observer/ip", "[\"{0=a, 1=1}\"]");
}

static void places(void **state)
{
    (void)state;
    static const char LINE[] = "{" TIME "," ADDRESSES "}";
    struct elastic_input in = { .line = (const uint8_t *)LINE,
                                .size = sizeof(LINE) - 1,
                                .src_geo = json("{\"city_name\":\"A\"}"),
                                .dst_geo = json("{\"city_name\":\"B\"}"),
                                .src_as = json("{\"number\":1}"),
                                .dst_as = json("{\"number\":2}") };
    run(in);
    has("source/geo", "{\"city_name\":\"A\"}");
    has("source/as", "{\"number\":1}");
    has("destination/geo", "{\"city_name\":\"B\"}");
    has("destination/as", "{\"number\":2}");
    in.event = json("{\"source\":{\"geo\":{},\"as\":{\"asn\":7,\"organization_name\":\"x\"}}}");
    in.src_as = json("");
    run(in);
    has("source/geo", "{}");
    has("source/as", "{\"organization\":{\"name\":\"x\"},\"number\":7}");
    has("destination/geo", "{\"city_name\":\"B\"}");
    in.event = json("{}");
    in.line = (const uint8_t *)"{" TIME "}";
    in.size = strlen("{" TIME "}");
    run(in);
    has("source", NULL);
    has("destination", NULL);
}

static void databases_that_are_not_there(void **state)
{
    (void)state;
    static const char LINE[] = "{" TIME "}";
    struct elastic_input in = { .line = (const uint8_t *)LINE,
                                .size = sizeof(LINE) - 1,
                                .event = json("{\"tags\":\"one\"}"),
                                .city_unavailable = true };
    run(in);
    has("tags", "[\"one\",\"_geoip_database_unavailable_GeoLite2-City.mmdb\","
                "\"_geoip_database_unavailable_GeoLite2-City.mmdb\"]");
    in.asn_unavailable = true;
    in.event = json("{\"source\":{\"geo\":{}}}");
    run(in);
    has("tags", "[\"_geoip_database_unavailable_GeoLite2-City.mmdb\","
                "\"_geoip_database_unavailable_GeoLite2-ASN.mmdb\","
                "\"_geoip_database_unavailable_GeoLite2-ASN.mmdb\"]");
}

static void the_original_event(void **state)
{
    (void)state;
    static const char LINE[] = "{" TIME "}";
    struct elastic_input in = { .line = (const uint8_t *)LINE,
                                .size = sizeof(LINE) - 1,
                                .event = json("{\"tags\":[\"sflow\"]}") };
    run(in);
    has("event/original", NULL);
    has("tags", "[\"sflow\"]");
    in.event = json("[]"); // no object: an empty one
    run(in);
    has("event/original", NULL);
    has("tags", NULL);
    in.event = json("{\"error\":{\"message\":\"from the agent\"}}");
    run(in);
    assert_false(failed);
    has("event/original", "\"{\\\"time_flow_start_ns\\\":1722384059314899647}\"");
    has("tags", "[\"preserve_original_event\"]");
    in.line = (const uint8_t *)"{}";
    in.size = 2;
    in.event = json("{\"tags\":[\"sflow\"]}");
    run(in);
    assert_true(failed);
    has("event/original", "\"{}\"");
    has("tags", "[\"sflow\",\"preserve_original_event\"]");
    in.event = json(EVENT);
    run(in);
    has("tags", "[\"preserve_original_event\",\"sflow\"]");
}

static void events_in_the_way(void **state)
{
    (void)state;
    static const char LINE[] = "{" TIME ",\"type\":\"T\"}";
    struct elastic_input in = { .line = (const uint8_t *)LINE, .size = sizeof(LINE) - 1 };
    in.event =
        json("{\"event\":{\"action\":\"x\",\"category\":\"y\"},\"message\":\"z\",\"goflow2\":1}");
    run(in);
    fails("conditional", "rename_type_to_event_action", "field [event.action] already exists'");
    has("event/category", "[\"y\",\"network\"]");
    has("message", NULL);
    in.event = json("{\"source\":\"x\"}");
    run(in);
    fails("conditional", "geoip_source_ip_to_source_geo",
          "dynamic getter [java.lang.String, geo] not found'");
}

static void the_longest_line(void **state)
{
    (void)state;
    char *text = mem_zalloc(LOG_LINE_SIZE_MAX + 1);
    assert_non_null(text);
    // A list of the smallest values that are printed at their longest, then names, then no UTF-8.
    static const char *const HEADS[] = { "{" TIME ",\"sampler_address\":[", "{" TIME ",\"in_if\":[",
                                         "{" TIME ",\"src_addr\":[", "{" TIME ",\"s\":\"" };
    static const char *const ITEMS[] = { "1,", "1,", "\"::\",", "\xff" };
    static const char *const TAILS[] = { "1]}", "1]}", "\"::\"]}", "\"}" };
    for (size_t i = 0; i < sizeof(HEADS) / sizeof(HEADS[0]); i++) {
        size_t size = strlen(HEADS[i]);
        memcpy(text, HEADS[i], size);
        while (size + 16 < LOG_LINE_SIZE_MAX) {
            memcpy(text + size, ITEMS[i], strlen(ITEMS[i]));
            size += strlen(ITEMS[i]);
        }
        memcpy(text + size, TAILS[i], strlen(TAILS[i]));
        size += strlen(TAILS[i]);
        const struct elastic_input in = { .line = (const uint8_t *)text,
                                          .size = size,
                                          .event = json(EVENT),
                                          .ecs_version = "8.17.0" };
        buf_clear(&out);
        assert_false(elastic_append(elastic, &in, &out));
        assert_false(out.bad);
        assert_true(out.size > size);
    }
    mem_free(text);
}

static void what_is_too_long(void **state)
{
    (void)state;
    struct buf small;
    struct elastic_input in = { .line = (const uint8_t *)"",
                                .ecs_version = "8.17.0",
                                .event = json(EVENT) };
    buf_init(&small, 100);
    buf_append_text(&small, "before");
    assert_true(elastic_append(elastic, &in, &small));
    assert_true(small.bad);
    assert_int_equal(small.size, 6);
    buf_release(&small);
    buf_clear(&out);
    in.size = LOG_LINE_SIZE_MAX + 1;
    assert_false(elastic_append(elastic, &in, &out));
    assert_true(out.bad);
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_line),
        cmocka_unit_test(bytes_and_rates),
        cmocka_unit_test(a_column_named_flow_size),
        cmocka_unit_test(times),
        cmocka_unit_test(bad_times),
        cmocka_unit_test(lines_that_are_no_json),
        cmocka_unit_test(bytes_that_are_no_utf8),
        cmocka_unit_test(addresses),
        cmocka_unit_test(protocols),
        cmocka_unit_test(what_stays_under_goflow2),
        cmocka_unit_test(interfaces_as_text),
        cmocka_unit_test(places),
        cmocka_unit_test(databases_that_are_not_there),
        cmocka_unit_test(the_original_event),
        cmocka_unit_test(events_in_the_way),
        cmocka_unit_test(the_longest_line),
        cmocka_unit_test(what_is_too_long),
    };
    return cmocka_run_group_tests_name("format/elastic", tests, set_up, tear_down);
}
