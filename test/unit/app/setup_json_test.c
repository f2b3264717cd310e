// SPDX-License-Identifier: Apache-2.0
#include "app/setup_json.h"

#include "../unit.h"

static struct json_value value(const char *text)
{
    return (struct json_value){ (const uint8_t *)text, strlen(text) };
}

static bool contains(const char *got, const char *want)
{
    return setup_json_contains(value(got), value(want));
}

static void the_same_in_other_words(void **state)
{
    (void)state;
    assert_true(contains("{\"a\":\"1024\"}", "{\"a\":1024}"));
    assert_true(contains("{\"a\":true}", "{\"a\":\"true\"}"));
    assert_true(contains("{ \"b\" : [1, 2], \"a\" : {} }", "{\"a\":{},\"b\":[1,2]}"));
    assert_true(contains("{\"a\":[\"x\"]}", "{\"a\":\"x\"}"));
    assert_true(contains("{\"a\":\"x\"}", "{\"a\":[\"x\"]}"));
    assert_true(contains("{\"a\":{\"enabled\":true,\"keep\":\"90d\"},\"b\":0}",
                         "{\"a\":{\"keep\":\"90d\"}}"));
    assert_true(contains("{\"a/b\":1}", "{\"a/b\":1}"));
}

static void differences(void **state)
{
    (void)state;
    assert_false(contains("{\"a\":\"90d\"}", "{\"a\":\"9d\"}"));
    assert_false(contains("{\"a\":\"9d\"}", "{\"a\":\"90d\"}"));
    assert_false(contains("{}", "{\"a\":{}}"));
    assert_false(contains("{\"a\":1}", "{\"a\":{}}"));
    assert_false(contains("{\"a\":{}}", "{\"a\":1}"));
    assert_false(contains("{\"a\":[1,2]}", "{\"a\":[2,1]}"));
    assert_false(contains("{\"a\":[1,2,3]}", "{\"a\":[1,2]}"));
    assert_false(contains("{\"a\":[1]}", "{\"a\":[1,2]}"));
    assert_false(contains("{\"a\":[]}", "{\"a\":\"x\"}"));
    assert_false(contains("{\"ab\":1}", "{\"a\":1}"));
    assert_false(setup_json_contains((struct json_value){ 0 }, value("{}")));
    assert_false(contains("no JSON", "{\"a\":1}"));
}

static void texts(void **state)
{
    (void)state;
    struct json_value json = value("{\"_meta\":{\"by\":\"weir\",\"n\":5}}");
    assert_true(setup_json_is(json, "_meta/by", "weir"));
    assert_false(setup_json_is(json, "_meta/by", "wei"));
    assert_false(setup_json_is(json, "_meta/n", "5"));
    assert_false(setup_json_is((struct json_value){ 0 }, "_meta/by", "weir"));
    assert_null(setup_json_at(json, "nothing/there").data);
}

static void over_several_lines(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    setup_json_append_pretty(value("{\"a\":{},\"b\":[1,\"{\\\"\",[]],\"c\":{\"d\":true}}"), &out);
    assert_string_equal(buf_text(&out), "{\n"
                                        "  \"a\": {},\n"
                                        "  \"b\": [\n"
                                        "    1,\n"
                                        "    \"{\\\"\",\n"
                                        "    []\n"
                                        "  ],\n"
                                        "  \"c\": {\n"
                                        "    \"d\": true\n"
                                        "  }\n"
                                        "}");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_in_other_words),
        cmocka_unit_test(differences),
        cmocka_unit_test(texts),
        cmocka_unit_test(over_several_lines),
    };
    return UNIT_MAIN("app/setup_json", tests);
}
