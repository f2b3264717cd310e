// SPDX-License-Identifier: Apache-2.0
#include "app/setup_lifecycle.h"

#include "../unit.h"
#include "base/clock.h"

#define HOUR_NS (3600 * NS_PER_S)
#define DAY_NS (24 * HOUR_NS)

static void times(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } CASES[] = {
        { 90 * DAY_NS, "90d" },   { 36 * HOUR_NS, "36h" }, { 90 * 60 * NS_PER_S, "90m" },
        { 61 * NS_PER_S, "61s" }, { NS_PER_S + 1, "1s" },  { DAY_NS, "1d" },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char text[32];
        setup_put_time(text, sizeof(text), CASES[i].ns);
        assert_string_equal(text, CASES[i].text);
    }
}

static enum setup_keeper keeper(enum cluster_product product, unsigned major, unsigned minor)
{
    struct cluster_info info = { .product = product, .major = major, .minor = minor };
    return setup_keeper_of(&info);
}

static void by_version(void **state)
{
    (void)state;
    assert_int_equal(keeper(CLUSTER_ELASTICSEARCH, 7, 17), KEEP_ILM);
    assert_int_equal(keeper(CLUSTER_ELASTICSEARCH, 8, 13), KEEP_ILM);
    assert_int_equal(keeper(CLUSTER_ELASTICSEARCH, 8, 14), KEEP_STREAM);
    assert_int_equal(keeper(CLUSTER_ELASTICSEARCH, 9, 0), KEEP_STREAM);
    assert_int_equal(keeper(CLUSTER_ELASTICSEARCH, 0, 0), KEEP_STREAM);
    assert_int_equal(keeper(CLUSTER_SERVERLESS, 0, 0), KEEP_STREAM);
    assert_int_equal(keeper(CLUSTER_OPENSEARCH, 1, 0), KEEP_ISM);
    assert_int_equal(keeper(CLUSTER_UNKNOWN, 0, 0), KEEP_NOT);
}

static void assert_is(struct json_value json, const char *path, const char *text)
{
    if (!setup_json_is(json, path, text)) {
        fail_msg("%s is not %s", path, text);
    }
}

static void ilm(void **state)
{
    (void)state;
    static const struct {
        uint64_t days;
        const char *rollover;
        const char *keep;
    } CASES[] = {
        { 90, "9d", "90d" },
        { 3, "1d", "3d" },
        { 3650, "30d", "3650d" },
        { 45, "108h", "45d" },
    };
    struct buf out;
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        buf_clear(&out);
        setup_append_ilm(CASES[i].days * DAY_NS, &out);
        struct json_value body = setup_json_of(&out);
        assert_is(body, "policy/phases/hot/actions/rollover/max_age", CASES[i].rollover);
        assert_is(body, "policy/phases/delete/min_age", CASES[i].keep);
        assert_is(body, "policy/_meta/managed_by", "weir");
    }
    buf_release(&out);
}

/// ISM counts from when an index was made: what came last into it must be kept as long.
static void ism(void **state)
{
    (void)state;
    struct setup_names n = { .pattern = "logs-goflow2.*-*", .policy = "weir-goflow2" };
    struct buf out;
    buf_init(&out, 1 << 16);
    setup_append_ism(&n, 90 * DAY_NS, &out);
    struct json_value body = setup_json_of(&out);
    assert_is(body, "policy/states/0/actions/0/rollover/min_index_age", "9d");
    assert_is(body, "policy/states/0/transitions/0/conditions/min_index_age", "99d");
    assert_is(body, "policy/states/1/name", "delete");
    assert_is(body, "policy/ism_template/0/index_patterns/0", "logs-goflow2.*-*");
    assert_true(setup_policy_is_ours(&n, KEEP_ISM, body));
    buf_release(&out);
}

static struct json_value value(const char *text)
{
    return (struct json_value){ (const uint8_t *)text, strlen(text) };
}

static void whose_policy(void **state)
{
    (void)state;
    struct setup_names n = { .policy = "weir-goflow2" };
    assert_true(setup_policy_is_ours(
        &n, KEEP_ILM,
        value("{\"weir-goflow2\":{\"policy\":{\"_meta\":{\"managed_by\":\"weir\"}}}}")));
    assert_false(setup_policy_is_ours(&n, KEEP_ILM, value("{\"weir-goflow2\":{\"policy\":{}}}")));
    assert_false(setup_policy_is_ours(
        &n, KEEP_ISM, value("{\"policy\":{\"description\":\"managed by weirdos\"}}")));
    assert_false(setup_policy_is_ours(&n, KEEP_ISM, value("{\"policy\":{}}")));
}

static void paths(void **state)
{
    (void)state;
    struct setup_names n = { .pattern = "logs-x-*", .policy = "weir-x" };
    static const char *const PATHS[] = { "", "/_data_stream/logs-x-*/_lifecycle",
                                         "/_ilm/policy/weir-x", "/_plugins/_ism/policies/weir-x" };
    for (enum setup_keeper k = KEEP_NOT; k <= KEEP_ISM; k++) {
        struct buf out;
        buf_init(&out, 1000);
        setup_append_keeper_path(&n, k, &out);
        assert_string_equal(buf_text(&out), PATHS[k]);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times), cmocka_unit_test(by_version),   cmocka_unit_test(ilm),
        cmocka_unit_test(ism),   cmocka_unit_test(whose_policy), cmocka_unit_test(paths),
    };
    return UNIT_MAIN("app/setup_lifecycle", tests);
}
