// SPDX-License-Identifier: Apache-2.0
#include "app/setup_template.h"

#include "../unit.h"
#include "base/json_rd.h"

enum { BODY_SIZE_MAX = 1 << 20 };

#define PROPERTIES "template/mappings/properties/"

static void names_of(struct setup_names *n, const char *index, const char *dataset)
{
    struct err err = { 0 };
    struct settings s = { .es_index = index, .ecs_dataset = dataset };
    assert_int_equal(setup_names_init(n, &s, &err), 0);
}

static void names(void **state)
{
    (void)state;
    struct setup_names n;
    names_of(&n, "", "");
    assert_string_equal(n.template, "weir-goflow2");
    assert_string_equal(n.mappings, "weir-goflow2@mappings");
    assert_string_equal(n.pattern, "logs-goflow2.*-*");
    names_of(&n, "", "goflow2.lab");
    assert_string_equal(n.pattern, "logs-goflow2.*-*");
    names_of(&n, "", "goflow2"); // no dot: the pattern would not fit it
    assert_string_equal(n.template, "weir-dataset-goflow2");
    assert_string_equal(n.pattern, "logs-goflow2-*");
    names_of(&n, "flows", "");
    assert_string_equal(n.template, "weir-index-flows");
    assert_string_equal(n.pattern, "flows");
    assert_true(n.one_index);
}

static void names_that_are_none(void **state)
{
    (void)state;
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    longest[255] = '\0';
    struct setup_names n;
    names_of(&n, longest, "");
    assert_string_equal(n.pattern, longest);
    longest[255] = 'a';
    longest[256] = '\0';
    const char *const bad[] = { "Flows", "a b", "a*",  "a/b", "_a",  "-a", ".a",
                                "a,b",   "a?b", "a#b", "a%",  "a&b", "\"", longest };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err err = { 0 };
        struct settings s = { .es_index = bad[i], .ecs_dataset = "" };
        assert_int_equal(setup_names_init(&n, &s, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "is no name"));
    }
    struct err err = { 0 };
    struct settings s = { .es_index = "", .ecs_dataset = "a-b" };
    assert_int_equal(setup_names_init(&n, &s, &err), ERR_INVALID);
}

/// A plan for a server of this product and version.
static struct setup_plan plan_for(const struct setup_names *n, enum cluster_product product,
                                  unsigned major, unsigned minor)
{
    struct setup_plan p = { .names = n, .stream = true };
    struct cluster_info info = { .product = product, .major = major, .minor = minor };
    setup_plan_features(&p, &info);
    return p;
}

static void features(void **state)
{
    (void)state;
    struct setup_names n;
    names_of(&n, "", "");
    static const struct {
        enum cluster_product product;
        unsigned major;
        unsigned minor;
        bool has[SETUP_FEATURE_COUNT];
    } CASES[] = {
        { CLUSTER_ELASTICSEARCH, 7, 9, { true, false, false, false } },
        { CLUSTER_ELASTICSEARCH, 7, 17, { true, true, false, false } },
        { CLUSTER_ELASTICSEARCH, 8, 6, { true, true, false, false } },
        { CLUSTER_ELASTICSEARCH, 8, 7, { true, true, false, true } },
        { CLUSTER_ELASTICSEARCH, 8, 14, { true, true, true, true } },
        { CLUSTER_ELASTICSEARCH, 9, 0, { true, true, true, true } },
        { CLUSTER_ELASTICSEARCH, 0, 0, { true, true, true, true } },
        { CLUSTER_SERVERLESS, 0, 0, { true, true, true, true } },
        { CLUSTER_OPENSEARCH, 1, 3, { false, false, false, false } },
        { CLUSTER_OPENSEARCH, 2, 11, { false, false, false, false } },
        { CLUSTER_OPENSEARCH, 2, 12, { false, true, false, false } },
        { CLUSTER_OPENSEARCH, 3, 6, { false, true, false, false } },
        { CLUSTER_UNKNOWN, 0, 0, { false, false, false, false } },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct setup_plan p = plan_for(&n, CASES[i].product, CASES[i].major, CASES[i].minor);
        assert_memory_equal(p.has, CASES[i].has, sizeof(p.has));
    }
    names_of(&n, "flows", ""); // documents of several data sets
    assert_false(plan_for(&n, CLUSTER_ELASTICSEARCH, 9, 0).has[SETUP_CONSTANT_KEYWORD]);
}

static struct json_value made(void (*append)(const struct setup_plan *, struct buf *),
                              const struct setup_plan *p, struct buf *out)
{
    buf_clear(out);
    append(p, out);
    assert_false(out->bad);
    struct json_rd r = { .begin = out->data, .at = out->data, .end = out->data + out->size };
    assert_true(json_rd_value(&r));
    assert_ptr_equal(r.at, r.end);
    return setup_json_of(out);
}

static void assert_is(struct json_value json, const char *path, const char *text)
{
    struct json_value found = setup_json_at(json, path);
    if (found.size != strlen(text) || memcmp(found.data, text, found.size) != 0) {
        fail_msg("%s is %.*s, not %s", path, (int)found.size, (const char *)found.data, text);
    }
}

static void mappings(void **state)
{
    (void)state;
    struct setup_names n;
    struct buf out;
    names_of(&n, "", "");
    buf_init(&out, BODY_SIZE_MAX);
    struct setup_plan p = plan_for(&n, CLUSTER_ELASTICSEARCH, 8, 19);
    struct json_value m = made(setup_append_mappings, &p, &out);
    assert_is(m, PROPERTIES "source/properties/ip/type", "\"ip\"");
    assert_is(m, PROPERTIES "source/properties/geo/properties/location/type", "\"geo_point\"");
    assert_is(m, PROPERTIES "data_stream/properties/dataset", "{\"type\":\"constant_keyword\"}");
    assert_is(m, PROPERTIES "error/properties/message/type", "\"match_only_text\"");
    assert_is(m, PROPERTIES "goflow2/properties/next_hop/type", "\"ip\"");
    assert_is(m, PROPERTIES "goflow2/properties/src_mac/type", "\"keyword\"");
    assert_is(m, PROPERTIES "goflow2/properties/as_path/type", "\"long\"");
    assert_is(m, PROPERTIES "@timestamp/ignore_malformed", "false");
    assert_is(m, PROPERTIES "tags/type", "\"keyword\""); // the last one stands at the top
    p = plan_for(&n, CLUSTER_OPENSEARCH, 2, 0);
    m = made(setup_append_mappings, &p, &out);
    assert_is(m, PROPERTIES "data_stream/properties/dataset/type", "\"keyword\"");
    assert_is(m, PROPERTIES "error/properties/message/type", "\"text\"");
    buf_release(&out);
}

static void what_a_server_refused_is_remembered(void **state)
{
    (void)state;
    struct setup_names n;
    struct buf out;
    names_of(&n, "", "");
    buf_init(&out, BODY_SIZE_MAX);
    struct setup_plan p = plan_for(&n, CLUSTER_ELASTICSEARCH, 8, 19);
    struct json_value m = made(setup_append_mappings, &p, &out);
    assert_is(m, "_meta", "{\"managed_by\":\"weir\",\"version\":1}");
    p.has[SETUP_CONSTANT_KEYWORD] = p.has[SETUP_MATCH_ONLY_TEXT] = false;
    p.refused[SETUP_CONSTANT_KEYWORD] = p.refused[SETUP_MATCH_ONLY_TEXT] = true;
    m = made(setup_append_mappings, &p, &out);
    assert_is(m, "_meta/refused", "[\"constant_keyword\",\"match_only_text\"]");
    assert_is(m, "_meta/refused_by", "\"elasticsearch\"");
    m = made(setup_append_settings, &p, &out);
    assert_is(m, "_meta", "{\"managed_by\":\"weir\",\"version\":1}");
    buf_release(&out);
}

static void settings_and_template(void **state)
{
    (void)state;
    struct setup_names n;
    struct buf out;
    names_of(&n, "", "");
    buf_init(&out, BODY_SIZE_MAX);
    struct setup_plan p = plan_for(&n, CLUSTER_ELASTICSEARCH, 8, 19);
    struct json_value s = made(setup_append_settings, &p, &out);
    assert_null(setup_json_at(s, "template/lifecycle").data);
    assert_null(setup_json_at(s, "template/settings/index/lifecycle").data);
    p.keeper = KEEP_STREAM;
    (void)snprintf(p.keep, sizeof(p.keep), "90d");
    s = made(setup_append_settings, &p, &out);
    assert_is(s, "template/lifecycle", "{\"data_retention\":\"90d\"}");
    p.keeper = KEEP_ILM;
    s = made(setup_append_settings, &p, &out);
    assert_is(s, "template/settings/index/lifecycle/name", "\"weir-goflow2\"");
    assert_null(setup_json_at(s, "template/lifecycle").data);
    struct json_value t = made(setup_append_template, &p, &out);
    assert_is(t, "data_stream", "{}");
    assert_is(t, "priority", "180");
    assert_is(t, "ignore_missing_component_templates", "[\"weir-goflow2@custom\"]");
    p.has[SETUP_IGNORE_MISSING] = p.stream = false;
    t = made(setup_append_template, &p, &out);
    assert_null(setup_json_at(t, "data_stream").data);
    assert_null(setup_json_at(t, "ignore_missing_component_templates").data);
    (void)made(setup_append_custom, &p, &out);
    buf_release(&out);
}

static bool meet(const char *a, const char *b)
{
    struct json_value x = { (const uint8_t *)a, strlen(a) };
    struct json_value y = { (const uint8_t *)b, strlen(b) };
    bool one = setup_patterns_meet(x, y);
    assert_int_equal(one, setup_patterns_meet(y, x));
    return one;
}

static void patterns(void **state)
{
    (void)state;
    assert_true(meet("logs-goflow2.*-*", "logs-goflow2.sflow-*"));
    assert_true(meet("logs-goflow2.*-*", "logs-*-*"));
    assert_true(meet("logs-goflow2.*-*", "*"));
    assert_true(meet("logs-goflow2.*-*", "*-prod"));
    assert_true(meet("logs-goflow2.*-*", "logs-goflow2.sflow-default"));
    assert_true(meet("flows", "flows"));
    assert_true(meet("flows", "fl*s"));
    assert_true(meet("a*", "*b"));
    assert_true(meet("", "*"));
    assert_false(meet("logs-goflow2.*-*", "logs-apm.*-*"));
    assert_false(meet("logs-goflow2.*-*", "metrics-*"));
    assert_false(meet("logs-goflow2.*-*", "logs-goflow2.sflow"));
    assert_false(meet("flows", "flow"));
    assert_false(meet("a*", "b*"));
    assert_false(meet("a*c", "*b"));
    assert_false(meet("", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(names_that_are_none),
        cmocka_unit_test(features),
        cmocka_unit_test(mappings),
        cmocka_unit_test(what_a_server_refused_is_remembered),
        cmocka_unit_test(settings_and_template),
        cmocka_unit_test(patterns),
    };
    return UNIT_MAIN("app/setup_template", tests);
}
