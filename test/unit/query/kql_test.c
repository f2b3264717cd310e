// SPDX-License-Identifier: Apache-2.0
#include "query/kql.h"

#include "../unit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"

static struct applications *applications;

static int parse(const char *text, size_t size, struct kql **ret_kql, struct kql_error *error)
{
    const struct kql_context context = { .now_ns = UINT64_C(1767300000) * NS_PER_S,
                                         .applications = applications };
    return kql_parse(text, size, &context, ret_kql, error);
}

/// A record from 10.1.2.3:50000 to [2001:db8::1]:443, TCP, over interface 7, of exporter core-1.
struct record {
    struct batch_pool *pool;
    struct batch *batch;
    struct flow *flow;
};

static int set_up(void **state)
{
    static struct record r;
    struct err err;
    static const uint8_t SRC[] = { 10, 1, 2, 3 };
    static const uint8_t DST[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
    assert_int_equal(applications_open("", &applications, &err), 0);
    assert_int_equal(batch_pool_new(1, NULL, NULL, &r.pool), 0);
    r.batch = batch_get(r.pool);
    r.flow = &r.batch->flows[r.batch->flow_count++];
    *r.flow = (struct flow){ .present = FLOW_BIT(FIELD_SRC_PORT) | FLOW_BIT(FIELD_DST_PORT) |
                                        FLOW_BIT(FIELD_PROTO) | FLOW_BIT(FIELD_IN_IF) |
                                        FLOW_BIT(FIELD_BYTES) | FLOW_BIT(FIELD_TIME_RECEIVED_NS),
                             .src_addr = addr_v4(SRC),
                             .dst_addr = addr_v6(DST),
                             .src_port = 50000,
                             .dst_port = 443,
                             .proto = 6,
                             .in_if = 7,
                             .bytes = 1500,
                             .sampling_rate = 10,
                             .time_received_ns = UINT64_C(1767299000) * NS_PER_S };
    r.flow->exporter_name = batch_append(r.batch, "core-1", 6);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    struct record *r = *state;
    batch_unref(r->batch);
    batch_pool_free(r->pool);
    applications_unref(applications);
    return 0;
}

static bool matches(const struct record *r, const char *text)
{
    struct kql *kql;
    struct kql_error error;
    if (parse(text, strlen(text), &kql, &error) != 0) {
        fail_msg("%s: column %zu: %s", text, error.column, error.text);
    }
    bool found = kql_matches(kql, r->batch, r->flow);
    kql_free(kql);
    return found;
}

static void what_is_meant(void **state)
{
    static const char *const YES[] = { "",
                                       "*",
                                       "source.ip: 10.1.2.3",
                                       "src: 10.0.0.0/8",
                                       "src:10.1.2.*",
                                       "host: 2001:db8::1",
                                       "dst: 2001:db8::/32",
                                       "source.ip >= 10.1.2.3",
                                       "source.ip < 10.2.0.0",
                                       "port: 443",
                                       "port: (1 or 443)",
                                       "port: (443 and 50000)",
                                       "not port: 80",
                                       "NOT port: 80",
                                       "source.port > 49999.5",
                                       "source.port <= 50000",
                                       "network.transport: tcp",
                                       "network.transport: t*",
                                       "proto: 6",
                                       "app: https",
                                       "exporter: core-1",
                                       "exporter: core*",
                                       "\"core-1\"",
                                       "CORE",
                                       "core-1",
                                       "443",
                                       "10.1.2.3",
                                       "10.1.0.0/16",
                                       "observer.ingress.interface.id: 7",
                                       "if: 7",
                                       "bytes: 15000",
                                       "bytes > 10000",
                                       "@timestamp > now-1h",
                                       "source.ip: *",
                                       "port: 443 and tcp",
                                       "udp or tcp",
                                       "udp and udp or tcp",
                                       "tcp or udp and udp",
                                       "not udp and tcp",
                                       "*.port: 443",
                                       "source.*: 10.1.2.3",
                                       "not (udp or port: 80)",
                                       "src: (not 10.0.0.1)" };
    static const char *const NO[] = { "source.ip: 10.1.2.4",
                                      "src: 11.0.0.0/8",
                                      "dst: 10.0.0.0/8",
                                      "not *",
                                      "port: 80",
                                      "port: (443 and 80)",
                                      "network.transport: TCP",
                                      "network.transport: T*",
                                      "app: dns",
                                      "exporter: Core-1",
                                      "source.port > 50000",
                                      "vlan: *",
                                      "source.geo.city_name: *",
                                      "@timestamp < now-1h",
                                      "not port: 443",
                                      "not host: 10.1.2.3",
                                      "(udp or tcp) and udp",
                                      "not (udp or tcp)",
                                      "cor",
                                      "source.ip >= 2001:db8::",
                                      "goflow2.x: *",
                                      "event.start: *" };
    for (size_t i = 0; i < sizeof(YES) / sizeof(YES[0]); i++) {
        if (!matches(*state, YES[i])) {
            fail_msg("not meant: %s", YES[i]);
        }
    }
    for (size_t i = 0; i < sizeof(NO) / sizeof(NO[0]); i++) {
        if (matches(*state, NO[i])) {
            fail_msg("meant: %s", NO[i]);
        }
    }
}

static void mistakes_have_a_place_and_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t column;
        const char *words;
    } MISTAKES[] = {
        { "a and", 6, "expected a condition" },
        { "source.prot: 1", 1, "did you mean \"source.port\"" },
        { "source.port: http", 14, "network.application" },
        { "source.ip: 10.0.0.300", 12, "no address or network" },
        { "source.ip: 10.0.0.0/33", 12, "no address or network" },
        { "source.port: (1 or 2", 14, "has no end" },
        { "observer.name: \"x", 16, "has no end" },
        { "observer.name: \"ü\" and source.port: x", 37, "takes a number" },
        { "(((", 4, "expected a condition" },
        { ") a", 1, "found \")\"" },
        { "source.port:", 13, "expected a value" },
        { "and", 1, "\\and" },
        { "port: 443 tcp", 7, "(1 or 2)" },
    };
    for (size_t i = 0; i < sizeof(MISTAKES) / sizeof(MISTAKES[0]); i++) {
        struct kql *kql;
        struct kql_error error;
        const char *text = MISTAKES[i].text;
        if (parse(text, strlen(text), &kql, &error) != ERR_INVALID ||
            error.column != MISTAKES[i].column || strstr(error.text, MISTAKES[i].words) == NULL) {
            fail_msg("%s: column %zu: %s", text, error.column, error.text);
        }
    }
}

static void texts_have_bounds(void **state)
{
    (void)state;
    struct kql *kql;
    struct kql_error error;
    struct buf text;
    buf_init(&text, 2 * KQL_SIZE_MAX);
    for (int i = 0; i < 2 * KQL_DEPTH_MAX; i++) {
        buf_append_text(&text, "(");
    }
    assert_int_equal(parse(buf_text(&text), text.size, &kql, &error), ERR_INVALID);
    buf_clear(&text);
    for (int i = 0; i < 100000; i++) {
        buf_append_text(&text, "not ");
    }
    buf_append_text(&text, "tcp");
    assert_int_equal(parse(buf_text(&text), text.size, &kql, &error), ERR_INVALID);
    buf_clear(&text);
    while (text.size <= KQL_SIZE_MAX) {
        buf_append_text(&text, "a or ");
    }
    buf_append_text(&text, "a");
    assert_int_equal(parse(buf_text(&text), text.size, &kql, &error), ERR_INVALID);
    buf_release(&text);
}

/// Every beginning of a text is read or refused, and each with a byte changed.
static void torn_texts_do_no_harm(void **state)
{
    (void)state;
    static const char TEXT[] = "src: 10.0.0.0/8 and not (port: (80 or 443) or \"a \\\" b\" ) and "
                               "bytes >= 1.5 or *.geo.city_name: K\\*n* and @timestamp < now-1d/d";
    char copy[sizeof(TEXT)];
    for (size_t size = 0; size < sizeof(TEXT); size++) {
        struct kql *kql = NULL;
        struct kql_error error;
        if (parse(TEXT, size, &kql, &error) == 0) {
            kql_free(kql);
        }
        for (unsigned bit = 0; size < sizeof(TEXT) - 1 && bit < 8; bit++) {
            memcpy(copy, TEXT, sizeof(TEXT));
            copy[size] ^= (char)(1 << bit);
            if (parse(copy, sizeof(TEXT) - 1, &kql, &error) == 0) {
                kql_free(kql);
            } else {
                assert_true(error.offset < sizeof(TEXT));
            }
        }
    }
}

static void source_and_destination_are_swapped(void **state)
{
    const struct record *r = *state;
    static const char TEXT[] = "source.ip: 10.1.2.3 and destination.port: 443 and bytes > 1";
    struct kql *kql;
    struct kql *back;
    struct kql *again;
    struct kql_error error;
    assert_int_equal(parse(TEXT, strlen(TEXT), &kql, &error), 0);
    assert_int_equal(kql_reverse(kql, &back), 0);
    assert_int_equal(kql_reverse(back, &again), 0);
    assert_true(kql_matches(kql, r->batch, r->flow));
    assert_false(kql_matches(back, r->batch, r->flow));
    assert_true(kql_matches(again, r->batch, r->flow));
    kql_free(kql);
    kql_free(back);
    kql_free(again);
}

static void patterns(void **state)
{
    (void)state;
    assert_true(kql_like("abc", 3, "a*c", 3, false));
    assert_true(kql_like("abc", 3, "*", 1, false));
    assert_true(kql_like("", 0, "*", 1, false));
    assert_true(kql_like("aXbXc", 5, "a*X*c", 5, false));
    assert_false(kql_like("abc", 3, "a*d", 3, false));
    assert_false(kql_like("abc", 3, "A*", 2, false));
    assert_true(kql_like("abc", 3, "A*", 2, true));
    assert_true(kql_like("a*c", 3, "a\\*c", 4, false));
    assert_false(kql_like("abc", 3, "a\\*c", 4, false));
    assert_true(kql_has_words("Example Net, Inc.", 17, "net inc", 7));
    assert_false(kql_has_words("Example Net, Inc.", 17, "net example", 11));
    assert_false(kql_has_words("Example", 7, "exam", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_meant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes_have_a_place_and_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_have_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(torn_texts_do_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(source_and_destination_are_swapped, set_up, tear_down),
        cmocka_unit_test(patterns),
    };
    return UNIT_MAIN("query/kql", tests);
}
