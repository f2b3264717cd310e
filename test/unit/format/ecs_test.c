// SPDX-License-Identifier: Apache-2.0
/*
 * Documents of profile weir, by the pieces that each flow changes. Whole documents are in
 * test/golden/ecs.
 */
#include "one_flow.h"

#include "flow/ledger.h"
#include "format/ecs.h"
#include "format/json_parse.h"

enum { OUT_SIZE_MAX = 64 << 20, JSON_SIZE_MAX = 16 << 20, PATH_SIZE = 100 };

static struct json_tree *tree;
static struct json_parser *parser;
static struct json_node *document; ///< the last one, read again
static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, OUT_SIZE_MAX);
    return json_tree_new(JSON_SIZE_MAX, &tree) + json_parser_new(JSON_SIZE_MAX, &parser);
}

static int tear_down(void **state)
{
    (void)state;
    json_tree_free(tree);
    json_parser_free(parser);
    buf_release(&out);
    return 0;
}

static struct ecs_settings settings(void)
{
    return (struct ecs_settings){ .version = "8.11.0",
                                  .tags = "sflow",
                                  .namespace = "default",
                                  .dataset = "",
                                  .timezone = "",
                                  .fields = "",
                                  .agent_name = "h",
                                  .agent_version = "1" };
}

/// Makes the flow's document, which ends the flow, and reads it again.
static enum format_outcome gives(struct one_flow *o, const char *mapping,
                                 const struct ecs_settings *ecs, size_t size_max)
{
    struct mapping *m;
    struct format *f;
    struct err err;
    struct json_error error;
    struct ecs_settings ordinary = settings();
    const char *text = mapping == NULL ? "formatter: {fields: [type]}" : mapping;
    assert_int_equal(mapping_parse(text, strlen(text), "m", &m, &err), 0);
    struct format_settings s = { .name = "ecs",
                                 .mapping = m,
                                 .ecs = ecs == NULL ? &ordinary : ecs };
    assert_int_equal(format_new(&s, &f, &err), 0);
    assert_true(batch_writer_commit(&o->writer));
    buf_release(&out);
    buf_init(&out, size_max);
    enum format_outcome outcome = format_append(f, o->writer.batch, o->flow, &out);
    if (outcome == FORMAT_TOO_LARGE) {
        assert_int_equal(out.size, 0);
    } else {
        assert_false(out.bad);
        json_tree_clear(tree);
        document = json_parse(parser, tree, json_slice(out.data, out.size), &error);
        assert_non_null(document);
    }
    format_free(f);
    mapping_free(m);
    batch_writer_flush(&o->writer);
    batch_pool_free(o->pool);
    return outcome;
}

static void made(struct one_flow *o, const char *mapping)
{
    assert_int_equal(gives(o, mapping, NULL, OUT_SIZE_MAX), FORMAT_MESSAGE);
}

/// What is at a path, as JSON; NULL is nothing.
static void has(const char *path, const char *expected)
{
    char text[PATH_SIZE];
    struct buf piece;
    const struct json_node *n = document;
    (void)snprintf(text, sizeof(text), "%s", path);
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
    buf_init(&piece, OUT_SIZE_MAX);
    json_tree_append(tree, n, &piece);
    assert_string_equal(buf_text(&piece), expected);
    buf_release(&piece);
}

static struct span text_of(struct one_flow *o, const char *text)
{
    return batch_writer_add(&o->writer, text, strlen(text), 1);
}

/// A flow as a datagram gives it.
static struct one_flow flow_new(void)
{
    static const uint8_t SRC[4] = { 192, 0, 2, 1 };
    static const uint8_t DST[4] = { 198, 51, 100, 2 };
    struct one_flow o = one_flow_new();
    struct flow *f = o.flow;
    f->present = FLOW_BIT(FIELD_TYPE) | FLOW_BIT(FIELD_TIME_RECEIVED_NS) |
                 FLOW_BIT(FIELD_TIME_FLOW_START_NS) | FLOW_BIT(FIELD_TIME_FLOW_END_NS) |
                 FLOW_BIT(FIELD_BYTES) | FLOW_BIT(FIELD_PACKETS) | FLOW_BIT(FIELD_ETYPE) |
                 FLOW_BIT(FIELD_PROTO) | FLOW_BIT(FIELD_SAMPLING_RATE);
    f->type = FLOW_TYPE_SFLOW_5;
    f->time_received_ns = f->time_flow_start_ns = UINT64_C(1722384059314899647);
    f->time_flow_end_ns = f->time_flow_start_ns + 5;
    f->sampling_rate = 10;
    f->bytes = 100;
    f->packets = 2;
    f->etype = 0x800;
    f->proto = 6;
    f->src_addr = addr_v4(SRC);
    f->dst_addr = addr_v4(DST);
    return o;
}

static void datagram(void **state)
{
    (void)state;
    struct one_flow o = flow_new();
    made(&o, NULL);
    has("@timestamp", "\"2024-07-31T00:00:59.314Z\"");
    has("event/start", "\"2024-07-31T00:00:59.314899647Z\"");
    has("event/end", "\"2024-07-31T00:00:59.314899652Z\"");
    has("event/created", "\"2024-07-31T00:00:59.314899647Z\"");
    has("event/duration", "5");
    has("event/action", "\"SFLOW_5\"");
    has("input", "{\"type\":\"sflow\"}");
    has("log", NULL);
    has("source", "{\"ip\":\"192.0.2.1\",\"address\":[\"192.0.2.1\"],\"bytes\":1000,"
                  "\"packets\":20}");
    has("network", "{\"type\":\"ipv4\",\"transport\":\"tcp\",\"iana_number\":\"6\",\"bytes\":1000,"
                   "\"packets\":20}");
    has("sflow", "{\"bytes\":100,\"sample_rate\":10}");
    has("goflow2", "{\"packets\":2}");
    has("observer", NULL);
    has("tags", "[\"sflow\"]");
}

/// Columns that the mapping names are there as zeros, as they would be in the log.
static void named_columns(void **state)
{
    (void)state;
    struct one_flow o = flow_new();
    made(&o, "formatter: {fields: [in_if, dst_vlan, src_port, sequence_num, tcp_flags, src_mac]}");
    has("observer", "{\"ingress\":{\"interface\":{\"id\":\"0\"}},\"egress\":{\"vlan\":{\"id\":"
                    "\"0\"}}}");
    has("source/port", "0");
    has("source/mac", NULL);
    has("destination/port", NULL);
    has("sflow/sequence_num", "0");
    has("goflow2", "{\"packets\":2}");
}

static void names(void **state)
{
    (void)state;
    struct one_flow o = flow_new();
    static const uint8_t EXPORTER[4] = { 192, 0, 2, 9 };
    o.flow->sampler_address = addr_v4(EXPORTER);
    o.flow->exporter_name = text_of(&o, "sw \"1\"");
    o.flow->in_names.name = text_of(&o, "eth0");
    o.flow->in_names.alias = text_of(&o, "up\nlink");
    o.flow->out_names.name = text_of(&o, "eth1");
    o.flow->src_place.geo = text_of(&o, "{\"country_name\":\"X\"}");
    o.flow->dst_place.as = text_of(&o, "{\"number\":64496}");
    o.flow->src_place.network = text_of(&o, "lab");
    o.flow->dst_place.network = text_of(&o, "\xff");
    o.flow->src_as = 64500;
    o.flow->dst_as = 64501;
    made(&o, "formatter: {fields: [in_if, out_if]}");
    has("observer", "{\"ip\":[\"192.0.2.9\"],\"name\":\"sw \\\"1\\\"\",\"ingress\":{\"interface\":"
                    "{\"id\":\"0\",\"name\":\"eth0\",\"alias\":\"up\\nlink\"}},\"egress\":"
                    "{\"interface\":{\"id\":\"0\",\"name\":\"eth1\"}}}");
    has("source/geo", "{\"country_name\":\"X\"}");
    has("source/as", "{\"number\":64500}"); // no database: what the exporter said
    has("destination/as", "{\"number\":64496}");
    has("goflow2/src_as", "64500");
    has("goflow2/dst_as", "64501");
    has("goflow2/src_net_name", "\"lab\"");
    has("goflow2/dst_net_name", "\"\xef\xbf\xbd\"");
}

static void clamped(void **state)
{
    (void)state;
    struct one_flow o = flow_new();
    o.flow->bytes = INT64_MAX;
    o.flow->sampling_rate = 1;
    made(&o, NULL);
    has("network/bytes", "9223372036854775807");
    has("tags", "[\"sflow\"]");

    o = flow_new();
    o.flow->bytes = UINT64_MAX;
    made(&o, NULL);
    has("network/bytes", "9223372036854775807");
    has("sflow/bytes", "9223372036854775807");
    has("tags", "[\"sflow\",\"value_clamped\"]");

    o = flow_new();
    o.flow->sampling_rate = UINT64_MAX;
    made(&o, NULL);
    has("sflow/sample_rate", "9223372036854775807");
    has("network/packets", "9223372036854775807");
    has("tags", "[\"sflow\",\"value_clamped\"]");
}

static void rates(void **state)
{
    (void)state;
    struct one_flow o = flow_new();
    o.flow->sampling_rate = 0;
    made(&o, NULL);
    has("network/bytes", "100");
    has("sflow/sample_rate", NULL);
    has("tags", "[\"sflow\",\"sampling_unknown\"]");

    o = flow_new();
    o.flow->sampling_rate = 0;
    o.flow->sampling_default = 7;
    made(&o, NULL);
    has("network/bytes", "700");
    has("sflow/sample_rate", "7");
    has("tags", "[\"sflow\"]");
}

/// Numbers without a name are shown where a log could have them, too.
static void numbers(void **state)
{
    (void)state;
    static const char *const BY_NAME = "formatter: {fields: [etype, proto]}";
    static const char *const BY_NUMBER =
        "formatter: {fields: [etype, proto], render: {etype: none, proto: none}}";
    const char *const mappings[] = { BY_NAME, BY_NUMBER };
    for (size_t i = 0; i < 2; i++) {
        struct one_flow o = flow_new();
        o.flow->etype = 0x88cc;
        o.flow->proto = 200;
        made(&o, mappings[i]);
        has("network/type", NULL);
        has("network/transport", "\"unassigned\"");
        has("network/iana_number", i == 0 ? NULL : "\"200\"");
        has("goflow2/etype", i == 0 ? NULL : "35020");
    }
    struct one_flow o = flow_new();
    o.flow->etype = 0x88cc;
    o.flow->proto = 0;
    made(&o, BY_NAME);
    has("network/transport", NULL); // not IP: nobody's protocol
    o = flow_new();
    o.flow->proto = 0;
    made(&o, BY_NAME);
    has("network/transport", "\"hopopt\"");
}

/// Addresses that a packet rule left too short are none.
static void odd_addresses(void **state)
{
    (void)state;
    struct one_flow o = flow_new();
    o.flow->sampler_address.size = 3;
    o.flow->src_addr.size = 5;
    made(&o, NULL);
    has("observer", NULL);
    has("source", NULL);
    has("related/ip", "[\"198.51.100.2\"]");
    o = flow_new();
    o.flow->src_net = 33;
    o.flow->dst_net = 24;
    made(&o, NULL);
    has("goflow2/src_net", NULL);
    has("goflow2/dst_net", "\"198.51.100.0/24\"");
}

/// Two columns of one name are one.
static void names_that_clash(void **state)
{
    (void)state;
    static const char MAPPING[] = "formatter:\n"
                                  "  protobuf: [{name: own, index: 1001, type: varint}]\n"
                                  "  rename: {own: tcp_flags}\n"
                                  "  fields: [own, own]\n";
    struct one_flow o = flow_new();
    o.flow->tcp_flags = 16;
    one_flow_custom(&o, 0, NULL, 0, 99);
    made(&o, MAPPING);
    has("goflow2", "{\"packets\":2,\"tcp_flags\":99}");

    struct extra_value extras[2];
    o = flow_new();
    extras[0].name = text_of(&o, "\"src_net_name\"");
    extras[0].json = text_of(&o, "\"of the line\"");
    extras[1].name = text_of(&o, "\"x\"");
    extras[1].json = text_of(&o, "[1, /* */ {\"a\":1,\"a\":2}]");
    o.flow->src_place.network = text_of(&o, "lab");
    o.flow->extras = batch_writer_add(&o.writer, extras, 2, sizeof(extras[0]));
    made(&o, NULL);
    has("goflow2/src_net_name", "\"of the line\"");
    has("goflow2/x", "\"[1, /* */ {\\\"a\\\":1,\\\"a\\\":2}]\"");
}

static void settings_show(void **state)
{
    (void)state;
    struct ecs_settings s = settings();
    s.tags = "";
    s.show_id = true;
    s.namespace = "n";
    s.timezone = "+01:00";
    s.fields =
        "{\"labels\":{\"a\":1},\"network\":{\"name\":\"lan\"},\"observer\":{\"vendor\":\"v\"},"
        "\"event\":{\"module\":\"m\"},\"agent\":{\"id\":\"i\"}}";
    struct one_flow o = flow_new();
    assert_int_equal(gives(&o, NULL, &s, OUT_SIZE_MAX), FORMAT_MESSAGE);
    has("tags", NULL);
    has("labels", "{\"a\":1}");
    has("network/name", "\"lan\"");
    has("observer", "{\"vendor\":\"v\"}");
    has("event/module", "\"m\"");
    has("event/timezone", "\"+01:00\"");
    has("agent/id", "\"i\"");
    has("agent/type", "\"weir\"");
    has("data_stream/namespace", "\"n\"");
    static const char BEFORE[] = "Z\",\"id\":\"";
    const char *id = strstr(buf_text(&out), BEFORE);
    assert_int_equal(id == NULL ? 0 : strcspn(id + sizeof(BEFORE) - 1, "\""), RECORD_ID_SIZE);
}

static struct one_flow error_new(const char *line)
{
    struct one_flow o = one_flow_new();
    o.flow->kind = RECORD_ERROR;
    o.flow->index = LEDGER_LINE_NOT_JSON;
    o.flow->time_received_ns = UINT64_C(1722384059314899647);
    o.flow->original = text_of(&o, line);
    o.flow->body = text_of(&o, "what is \"wrong\"");
    return o;
}

static void errors(void **state)
{
    (void)state;
    struct one_flow o = error_new("{\x01\"\xff");
    assert_int_equal(gives(&o, NULL, NULL, OUT_SIZE_MAX), FORMAT_ERROR_DOCUMENT);
    has("@timestamp", "\"2024-07-31T00:00:59.314Z\"");
    has("event/kind", "\"pipeline_error\"");
    has("event/original", "\"{\\u0001\\\"\xef\xbf\xbd\"");
    has("error", "{\"message\":\"what is \\\"wrong\\\"\",\"type\":\"not_json\"}");
    has("tags", "[\"sflow\",\"preserve_original_event\"]");
    has("source", NULL);

    struct ecs_settings s = settings();
    s.preserve_original = true;
    o = error_new("x");
    assert_int_equal(gives(&o, NULL, &s, OUT_SIZE_MAX), FORMAT_ERROR_DOCUMENT);
    has("tags", "[\"preserve_original_event\",\"sflow\"]");
}

/// Texts that six times their size are escaped to find their room, and a document without room is
/// not there at all.
static void room(void **state)
{
    (void)state;
    enum { LONG = 20000 };
    static char bells[LONG + 1];
    memset(bells, '\a', LONG);
    struct ecs_settings s = settings();
    s.preserve_original = true;
    for (size_t size_max = 1; size_max < 4U << 20; size_max *= 2) {
        struct one_flow o = flow_new();
        struct span text = text_of(&o, bells);
        o.flow->original = o.flow->exporter_name = text;
        o.flow->in_names.name = o.flow->in_names.alias = text;
        o.flow->out_names.name = o.flow->out_names.alias = text;
        o.flow->type_text = o.flow->proto_text = o.flow->etype_text = text;
        o.flow->src_place.network = o.flow->dst_place.network = text;
        enum format_outcome outcome =
            gives(&o, "formatter: {fields: [in_if, out_if]}", &s, size_max);
        assert_int_equal(outcome, size_max > 11 * 6 * LONG ? FORMAT_MESSAGE : FORMAT_TOO_LARGE);
        struct one_flow e = error_new(bells);
        outcome = gives(&e, NULL, NULL, size_max);
        assert_int_equal(outcome, size_max > 6 * LONG ? FORMAT_ERROR_DOCUMENT : FORMAT_TOO_LARGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagram),      cmocka_unit_test(named_columns),
        cmocka_unit_test(names),         cmocka_unit_test(clamped),
        cmocka_unit_test(rates),         cmocka_unit_test(numbers),
        cmocka_unit_test(odd_addresses), cmocka_unit_test(names_that_clash),
        cmocka_unit_test(settings_show), cmocka_unit_test(errors),
        cmocka_unit_test(room),
    };
    return cmocka_run_group_tests_name("format/ecs", tests, set_up, tear_down);
}
