// SPDX-License-Identifier: Apache-2.0
#include "../unit.h"

#include <stdlib.h>
#include <time.h>

#include "base/line.h"
#include "format/envelope.h"

static struct batch batch; ///< too large for a stack

static struct ecs_settings settings(void)
{
    return (struct ecs_settings){ .version = "8.11.0",
                                  .tags = "sflow,forwarded",
                                  .namespace = "default",
                                  .dataset = "",
                                  .timezone = "",
                                  .fields = "",
                                  .agent_name = "host \"1\"",
                                  .agent_version = "1.0" };
}

static void is_piece(struct piece piece, const char *expected)
{
    char text[4096];
    assert_in_range(piece.size, 0, sizeof(text) - 1);
    memcpy(text, piece.data, piece.size);
    text[piece.size] = '\0';
    assert_string_equal(text, expected);
}

static void heads(void **state)
{
    (void)state;
    struct envelope e;
    struct err err;
    struct ecs_settings s = settings();
    assert_int_equal(envelope_init(&e, &s, &err), 0);
    is_piece(e.heads[ECS_DATASET_SFLOW],
             "\"data_stream\":{\"type\":\"logs\",\"dataset\":\"goflow2.sflow\",\"namespace\":"
             "\"default\"},\"ecs\":{\"version\":\"8.11.0\"},\"agent\":{\"type\":\"weir\",\"name\":"
             "\"host \\\"1\\\"\",\"version\":\"1.0\"},");
    is_piece(e.events[ECS_DATASET_SFLOW], "\"dataset\":\"goflow2.sflow\",");
    is_piece(e.events[ECS_DATASET_NETFLOW], "\"dataset\":\"goflow2.netflow\",");
    is_piece(e.tags, "[\"sflow\",\"forwarded\",");
    envelope_release(&e);

    s.dataset = "mine";
    s.timezone = "-03:30";
    assert_int_equal(envelope_init(&e, &s, &err), 0);
    is_piece(e.events[ECS_DATASET_SFLOW], "\"dataset\":\"mine\",\"timezone\":\"-03:30\",");
    is_piece(e.events[ECS_DATASET_NETFLOW], "\"dataset\":\"mine\",\"timezone\":\"-03:30\",");
    envelope_release(&e);
}

static void tags(void **state)
{
    (void)state;
    static const struct {
        const char *tags;
        bool preserve;
        const char *expected;
    } CASES[] = {
        { "b,a", false, "[\"b\",\"a\"," },
        { "b,a", true, "[\"preserve_original_event\",\"b\",\"a\"," },
        { "b,preserve_original_event,a", true, "[\"preserve_original_event\",\"b\",\"a\"," },
        { "", false, "[" },
        { ",,a\"b,", false, "[\"a\\\"b\"," },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct envelope e;
        struct err err;
        struct ecs_settings s = settings();
        s.tags = CASES[i].tags;
        s.preserve_original = CASES[i].preserve;
        assert_int_equal(envelope_init(&e, &s, &err), 0);
        is_piece(e.tags, CASES[i].expected);
        envelope_release(&e);
    }
    assert_true(ecs_tags_preserve("a,preserve_original_event"));
    assert_true(ecs_tags_preserve("preserve_original_event,a"));
    assert_false(ecs_tags_preserve("preserve_original_events,a"));
    assert_false(ecs_tags_preserve(""));
}

static void constants(void **state)
{
    (void)state;
    struct envelope e;
    struct err err;
    struct ecs_settings s = settings();
    s.fields =
        "{\"labels\":{\"a\":\"x\\\"},\",\"b\":[1,{\"c\":\"]\"}]},\"event\":{\"module\":\"m\"},"
        "\"observer\":{\"vendor\":\"v\\\\\",\"geo\":{\"name\":\"n\"}},\"n\":5,\"agent\":{},"
        "\"network\":{\"name\":\"lan\"}}";
    assert_int_equal(envelope_init(&e, &s, &err), 0);
    is_piece(e.constants[ECS_OBJECT_ROOT],
             "\"labels\":{\"a\":\"x\\\"},\",\"b\":[1,{\"c\":\"]\"}]},\"n\":5,");
    is_piece(e.constants[ECS_OBJECT_EVENT], "\"module\":\"m\",");
    is_piece(e.constants[ECS_OBJECT_OBSERVER], "\"vendor\":\"v\\\\\",\"geo\":{\"name\":\"n\"},");
    is_piece(e.constants[ECS_OBJECT_NETWORK], "\"name\":\"lan\",");
    is_piece(e.constants[ECS_OBJECT_AGENT], "");
    is_piece(e.events[ECS_DATASET_SFLOW], "\"dataset\":\"goflow2.sflow\",\"module\":\"m\",");
    envelope_release(&e);
}

static void refused(void **state)
{
    (void)state;
    static const char *const BAD[][2] = {
        { "{\"event\":{\"kind\":\"x\"}}", "-ecs.fields: event.kind is set by weir" },
        { "{\"a\":1,\"source\":{}}", "-ecs.fields: source is set by weir" },
        { "{\"observer\":5}", "-ecs.fields: observer is set by weir" },
        { "{\"agent\":{\"id\":\"x\",\"type\":\"y\"}}", "-ecs.fields: agent.type is set by weir" },
    };
    struct envelope e;
    struct err err;
    struct ecs_settings s = settings();
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        s.fields = BAD[i][0];
        assert_int_equal(envelope_init(&e, &s, &err), ERR_INVALID);
        assert_string_equal(err.text, BAD[i][1]);
    }
    static char large[ECS_FIELDS_SIZE_MAX + 8];
    memset(large, ' ', sizeof(large) - 1);
    s.fields = large;
    assert_int_equal(envelope_init(&e, &s, &err), ERR_INVALID);
    s.fields = "";
    s.tags = large;
    assert_int_equal(envelope_init(&e, &s, &err), ERR_INVALID);
    assert_true(ecs_constant_fits("", "labels", true));
    assert_true(ecs_constant_fits("", "event", true));
    assert_true(ecs_constant_fits("labels", "kind", false));
    assert_true(ecs_constant_fits("event", "module", false));
    assert_false(ecs_constant_fits("", "event", false));
    assert_false(ecs_constant_fits("event", "kind", false));
    assert_false(ecs_constant_fits("", "tags", false));
}

static void times(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *ms;
        const char *nine;
        const char *s;
    } CASES[] = {
        { 0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000000000Z", "1970-01-01T00:00:00Z" },
        { UINT64_C(1722384059314899647), "2024-07-31T00:00:59.314Z",
          "2024-07-31T00:00:59.314899647Z", "2024-07-31T00:00:59Z" },
        { UINT64_MAX, "2554-07-21T23:34:33.709Z", "2554-07-21T23:34:33.709551615Z",
          "2554-07-21T23:34:33Z" },
        { 1, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000000001Z", "1970-01-01T00:00:00Z" },
    };
    struct envelope e;
    struct err err;
    struct ecs_settings s = settings();
    assert_int_equal(envelope_init(&e, &s, &err), 0);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        uint8_t out[64];
        *envelope_put_time(&e, out, CASES[i].ns) = '\0';
        assert_string_equal((const char *)out, CASES[i].ms);
        *envelope_put_time_s(&e, out, CASES[i].ns) = '\0';
        assert_string_equal((const char *)out, CASES[i].s);
        *envelope_put_time_ns(&e, out, CASES[i].ns) = '\0';
        assert_string_equal((const char *)out, CASES[i].nine);
    }
    envelope_release(&e);
}

/// The offset of a zone with summer time, in winter, in summer, and in winter again.
static void zones(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        const char *expected;
    } CASES[] = { { 1705312800, "\"timezone\":\"+01:00\"," },
                  { 1705312801, "\"timezone\":\"+01:00\"," },
                  { 1721037600, "\"timezone\":\"+02:00\"," },
                  { 1736935200, "\"timezone\":\"+01:00\"," } };
    struct envelope e;
    struct err err;
    struct ecs_settings s = settings();
    s.timezone = ECS_TIMEZONE_LOCAL;
    assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
    tzset();
    assert_int_equal(envelope_init(&e, &s, &err), 0);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char expected[128];
        envelope_tick(&e, CASES[i].seconds * NS_PER_S);
        (void)snprintf(expected, sizeof(expected), "\"dataset\":\"goflow2.sflow\",%s",
                       CASES[i].expected);
        is_piece(e.events[ECS_DATASET_SFLOW], expected);
        (void)snprintf(expected, sizeof(expected), "\"dataset\":\"goflow2.netflow\",%s",
                       CASES[i].expected);
        is_piece(e.events[ECS_DATASET_NETFLOW], expected);
    }
    assert_int_equal(setenv("TZ", "NST3:30", 1), 0);
    tzset();
    envelope_tick(&e, CASES[0].seconds * NS_PER_S);
    is_piece(e.events[ECS_DATASET_SFLOW], "\"dataset\":\"goflow2.sflow\",\"timezone\":\"-03:30\",");
    envelope_release(&e);
}

/// The head of a flow's document is that of its dataset and then `source`.
static void has_source(struct envelope *e, const struct flow *flow, enum ecs_dataset dataset,
                       const char *source)
{
    uint8_t out[2048];
    size_t size = e->heads[dataset].size;
    *envelope_put_head(e, out, &batch, flow, dataset) = '\0';
    assert_memory_equal(out, e->heads[dataset].data, size);
    assert_string_equal((const char *)out + size, source);
}

/// Also in turns: what is kept of the last origin is not taken for another's.
static void sources(void **state)
{
    (void)state;
    struct envelope e;
    struct err err;
    struct ecs_settings s = settings();
    struct origin values = {
        .device = 5, .inode = 7, .is_file = true, .path = "/var/a\"b", .input_type = "log"
    };
    struct origin *file = origin_new(&values);
    values.is_file = false;
    struct origin *pipe = origin_new(&values);
    struct flow datagram = { .type = FLOW_TYPE_SFLOW_5 };
    struct flow line = { .file = 1, .offset = UINT64_MAX };
    struct flow piped = { .file = 2 };
    batch.files[0].origin = file;
    batch.files[1].origin = pipe;
    assert_int_equal(envelope_init(&e, &s, &err), 0);
    for (int round = 0; round < 3; round++) {
        has_source(&e, &datagram, ECS_DATASET_SFLOW, "\"input\":{\"type\":\"sflow\"},");
        has_source(&e, &datagram, ECS_DATASET_NETFLOW, "\"input\":{\"type\":\"netflow\"},");
        has_source(&e, &line, ECS_DATASET_SFLOW,
                   "\"input\":{\"type\":\"log\"},\"log\":{\"file\":{\"path\":\"/var/a\\\"b\","
                   "\"device_id\":\"5\",\"inode\":\"7\"},\"offset\":18446744073709551615},");
        has_source(&e, &piped, ECS_DATASET_SFLOW,
                   "\"input\":{\"type\":\"log\"},\"log\":{\"offset\":0},");
    }
    line.offset = 17;
    has_source(&e, &line, ECS_DATASET_NETFLOW,
               "\"input\":{\"type\":\"log\"},\"log\":{\"file\":{\"path\":\"/var/a\\\"b\","
               "\"device_id\":\"5\",\"inode\":\"7\"},\"offset\":17},");
    envelope_release(&e);
    origin_unref(file);
    origin_unref(pipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),   cmocka_unit_test(tags),  cmocka_unit_test(constants),
        cmocka_unit_test(refused), cmocka_unit_test(times), cmocka_unit_test(zones),
        cmocka_unit_test(sources),
    };
    return UNIT_MAIN("format/envelope", tests);
}
