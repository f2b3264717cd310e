// SPDX-License-Identifier: Apache-2.0
/* What is accepted comes out again as it is read; what is refused has a reason and a place. */
#include "../unit.h"

#include "format/json_parse.h"

enum { SIZE_MAX_HERE = 64 << 10, OUT_SIZE_MAX = 1 << 20 };

static struct json_tree *tree;
static struct json_parser *parser;
static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, OUT_SIZE_MAX);
    return json_tree_new(SIZE_MAX_HERE, &tree) + json_parser_new(SIZE_MAX_HERE, &parser);
}

static int tear_down(void **state)
{
    (void)state;
    json_tree_free(tree);
    json_parser_free(parser);
    buf_release(&out);
    return 0;
}

/// From a block of exactly its size, so that a byte past it is seen.
static struct json_node *parse(const char *text, size_t size, struct json_error *ret_error)
{
    char *exact = test_malloc(size + (size == 0));
    memcpy(exact, text, size);
    json_tree_clear(tree);
    struct json_slice slice = json_tree_utf8(tree, json_slice(exact, size));
    struct json_node *n = json_parse(parser, tree, slice, ret_error);
    buf_clear(&out);
    if (n != NULL) {
        json_tree_append(tree, n, &out);
    }
    assert_false(json_tree_full(tree));
    test_free(exact);
    return n;
}

static void gives(const char *text, const char *expected)
{
    struct json_error error = { 0 };
    struct json_node *n = parse(text, strlen(text), &error);
    if (n == NULL) {
        fail_msg("%s: %s", text, error.reason);
    }
    assert_string_equal(buf_text(&out), expected);
}

static void refused_at(const char *text, size_t size, size_t at)
{
    struct json_error error = { 0 };
    if (parse(text, size, &error) != NULL) {
        fail_msg("accepted: %s", text);
    }
    assert_non_null(error.reason);
    assert_true(error.at <= size);
    if (at != SIZE_MAX) {
        assert_int_equal(error.at, at);
    }
}

static void refused(const char *text)
{
    refused_at(text, strlen(text), SIZE_MAX);
}

static void values(void **state)
{
    (void)state;
    gives("null", "null");
    gives("", "null");
    gives(" \t\r\n", "null");
    gives("// nothing", "null");
    gives("true", "true");
    gives(" false ", "false");
    gives("{}", "{}");
    gives("[ ]", "[]");
    gives("[1,[2,{\"a\":[]}],\"x\"]", "[1,[2,{\"a\":[]}],\"x\"]");
    gives("{\"a\" : 1 , \"b\":{ \"c\":null},\"\":[true,false]}",
          "{\"a\":1,\"b\":{\"c\":null},\"\":[true,false]}");
}

static void numbers(void **state)
{
    (void)state;
    gives("0", "0");
    gives("-0", "0");
    gives("-70", "-70");
    gives("[2147483647,2147483648,-2147483649]", "[2147483647,2147483648,-2147483649]");
    gives("9223372036854775807", "9223372036854775807");
    gives("-9223372036854775808", "-9223372036854775808");
    gives("9223372036854775808", "9223372036854775808");
    gives("-9223372036854775809", "-9223372036854775809");
    gives("99999999999999999999999999", "99999999999999999999999999");
    gives("1.0", "1.0");
    gives("-0.0", "-0.0");
    gives("1e7", "1.0E7");
    gives("1.5E+3", "1500.0");
    gives("25e-2", "0.25");
    gives("1e400", "\"Infinity\"");
    gives("-1e400", "\"-Infinity\"");
    gives("1e-400", "0.0");
    refused("-");
    refused("+1");
    refused("01");
    refused("-01");
    refused(".5");
    refused("5.");
    refused("5.e1");
    refused("1e");
    refused("1e+");
    refused("0x10");
    refused("[1 2]");
    refused("NaN");
    refused("-Infinity");
    refused("1/**/");
}

static void long_numbers(void **state)
{
    (void)state;
    char text[2048];
    memset(text, '1', sizeof(text));
    struct json_error error;
    assert_non_null(parse(text, 1000, &error));
    assert_null(parse(text, 1001, &error));
    text[0] = '-';
    assert_non_null(parse(text, 1001, &error));
    assert_null(parse(text, 1002, &error));
    text[5] = '.';
    text[900] = 'e';
    text[901] = '-';
    assert_non_null(parse(text, 1004, &error));
    assert_null(parse(text, 1005, &error));
}

static void strings(void **state)
{
    (void)state;
    gives("\"\"", "\"\"");
    gives("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    gives("\"a\\u0062c\\u00E9\\u20ac\"", "\"abc\xc3\xa9\xe2\x82\xac\"");
    gives("\"\\u0000\\u001f\x7f\"", "\"\\u0000\\u001f\x7f\"");
    gives("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"");
    gives("\"a\\ud83db\"", "\"a\\ud83db\"");
    gives("\"\\ude00\\ud83d\"", "\"\\ude00\\ud83d\"");
    gives("\"\\ud83d\\ud83d\\ude00\"", "\"\\ud83d\xf0\x9f\x98\x80\"");
    gives("\"\\ud83d\\n\"", "\"\\ud83d\\n\"");
    gives("\"\xed\x9f\xbf\"", "\"\xed\x9f\xbf\""); // next to the surrogates
    gives("\"\xed\xa0\x80\"", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    gives("\"long plain text without escapes\"", "\"long plain text without escapes\"");
    gives("\"long text, then \\\\ and more of it\"", "\"long text, then \\\\ and more of it\"");
    refused("\"");
    refused("\"abc");
    refused("\"abc\\");
    refused("\"\\x\"");
    refused("\"\\'\"");
    refused("\"\\u12\"");
    refused("\"\\u12g4\"");
    refused("\"\\ud83d\\u12\"");
    refused("\"a\tb\"");
    refused("\"a\\nb\tc\"");
    refused("'a'");
    refused_at("\"a\0b\"", 5, 2);
}

static void between(void **state)
{
    (void)state;
    gives("/* a */ [ /* b */ 1 // c\n , /***/ 2 ] // d", "[1,2]");
    gives("{/**/\"a\"/**/:/**/1/**/}/**/", "{\"a\":1}");
    refused("/* open");
    refused("/*/");
    refused("/ x");
    refused("/");
    refused("# x");
    refused("[1,]");
    refused("[,1]");
    refused("{\"a\":1,}");
    refused("{,}");
    refused("{\"a\"}");
    refused("{\"a\":}");
    refused("{\"a\" 1}");
    refused("{a:1}");
    refused("{1:1}");
    refused("{\"a\":1");
    refused("{\"a\":1]");
    refused("[1}");
    refused("[");
    refused("]");
    refused("{}}");
    refused("{} 1");
    refused("nul");
    refused("nullx");
    refused("True");
    refused("\xef\xbb\xbf{}");
    refused("\v1");
    refused_at("{\"a\":x}", 7, 5);
}

static void names_twice(void **state)
{
    (void)state;
    refused("{\"a\":1,\"a\":1}");
    refused("{\"\":1,\"\":2}");
    refused("{\"a\":1,\"\\u0061\":1}");
    refused("{\"x\":[{\"bytes\":1,\"b\":2,\"bytes\":3}]}");
    refused("{\"eight by\":1,\"eight bytes\":2,\"eight by\":3}");
    gives("{\"a\":{\"a\":1},\"b\":{\"a\":1}}", "{\"a\":{\"a\":1},\"b\":{\"a\":1}}");
}

/// `count` names; the last is that of number `last`.
static size_t many(char *text, int count, int last)
{
    size_t size = 1;
    text[0] = '{';
    for (int i = 0; i < count; i++) {
        size += (size_t)sprintf(text + size, "\"n%d\":%d,", i == count - 1 ? last : i, i);
    }
    text[size - 1] = '}';
    return size;
}

static void many_names(void **state)
{
    (void)state;
    static char text[SIZE_MAX_HERE];
    static const int COUNTS[] = { 32, 33, 34, 64, 65, 128, 129, 1000, 4000 };
    struct json_error error;
    for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
        int count = COUNTS[i];
        size_t size = many(text, count, count - 1);
        assert_non_null(parse(text, size, &error));
        assert_int_equal(out.size, size);
        assert_memory_equal(out.data, text, size);
        size = many(text, count, 0);
        assert_null(parse(text, size, &error));
        assert_string_equal(error.reason, "Duplicate field");
        assert_null(parse(text, many(text, count, count - 2), &error));
    }
}

static void long_names(void **state)
{
    (void)state;
    static char text[SIZE_MAX_HERE];
    struct json_error error;
    memset(text, 'n', sizeof(text));
    memcpy(text, "{\"", 2);
    memcpy(text + 50002, "\":1}", 4);
    assert_non_null(parse(text, 50006, &error));
    memcpy(text + 50002, "nn\":1}", 6);
    assert_null(parse(text, 50008, &error));
}

static void deep(void **state)
{
    (void)state;
    static char text[4096];
    struct json_error error;
    memset(text, '[', 1001);
    memset(text + 1000, ']', 1000);
    assert_non_null(parse(text, 2000, &error));
    assert_int_equal(out.size, 2000);
    memset(text, '[', 1001);
    memset(text + 1001, ']', 1001);
    assert_null(parse(text, 2002, &error));
    memset(text, '[', sizeof(text));
    assert_null(parse(text, sizeof(text), &error));
}

static void every_cut(void **state)
{
    (void)state;
    static const char TEXT[] =
        "{\"a\\u00e9\":[1.5e3,-7,true,null,\"x\\\\\"],/*c*/\"b\":{\"c\":{}}}";
    struct json_error error;
    for (size_t size = 1; size + 1 < sizeof(TEXT); size++) {
        refused_at(TEXT, size, SIZE_MAX);
    }
    assert_non_null(parse(TEXT, sizeof(TEXT) - 1, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),     cmocka_unit_test(numbers),    cmocka_unit_test(long_numbers),
        cmocka_unit_test(strings),    cmocka_unit_test(between),    cmocka_unit_test(names_twice),
        cmocka_unit_test(many_names), cmocka_unit_test(long_names), cmocka_unit_test(deep),
        cmocka_unit_test(every_cut),
    };
    return cmocka_run_group_tests_name("format/json_parse", tests, set_up, tear_down);
}
