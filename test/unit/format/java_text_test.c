// SPDX-License-Identifier: Apache-2.0
/* What a real Java prints; the orders of maps and the small letters were compared with one. */
#include "../unit.h"

#include <math.h>

#include "format/java_text.h"
#include "format/json_parse.h"

static struct json_tree *tree;
static struct json_parser *parser;

static int set_up(void **state)
{
    enum { SIZE_MAX_HERE = 4096 };
    (void)state;
    return json_tree_new(SIZE_MAX_HERE, &tree) + json_parser_new(SIZE_MAX_HERE, &parser);
}

static int tear_down(void **state)
{
    (void)state;
    json_tree_free(tree);
    json_parser_free(parser);
    return 0;
}

static struct json_slice words(const char *text)
{
    return json_slice(text, strlen(text));
}

static void is(struct json_slice got, const char *expected)
{
    char text[1024];
    assert_true(got.size < sizeof(text));
    memcpy(text, got.data, got.size);
    text[got.size] = '\0';
    assert_string_equal(text, expected);
}

static void is_double(double value, const char *expected)
{
    uint8_t text[JAVA_DOUBLE_SIZE_MAX];
    is(json_slice(text, (size_t)(java_put_double(text, value) - text)), expected);
}

static void doubles(void **state)
{
    (void)state;
    is_double(0, "0.0");
    is_double(-0.0, "-0.0");
    is_double(1, "1.0");
    is_double(-1.5, "-1.5");
    is_double(100, "100.0");
    is_double(47.2513, "47.2513");
    is_double(-122.3149, "-122.3149");
    is_double(0.001, "0.001");
    is_double(0.00099, "9.9E-4");
    is_double(0.0001, "1.0E-4");
    is_double(1234567, "1234567.0");
    is_double(9999999.5, "9999999.5");
    is_double(10000000, "1.0E7");
    is_double(12345678, "1.2345678E7");
    is_double(1e16, "1.0E16");
    is_double(1e23, "1.0E23");
    is_double(9007199254740993.0, "9.007199254740992E15");
    is_double(1.7976931348623157e308, "1.7976931348623157E308");
    is_double(4.9e-324, "4.9E-324");
    is_double(0.1 + 0.2, "0.30000000000000004");
    is_double((double)INFINITY, "Infinity");
    is_double((double)-INFINITY, "-Infinity");
    is_double((double)NAN, "NaN");
}

static struct json_node *parse(const char *text)
{
    struct json_error error;
    json_tree_clear(tree);
    struct json_node *n = json_parse(parser, tree, words(text), &error);
    assert_non_null(n);
    return n;
}

static void values(void **state)
{
    (void)state;
    is(java_string(tree, parse("\"a b\"")), "a b");
    is(java_string(tree, parse("563")), "563");
    is(java_string(tree, parse("-1")), "-1");
    is(java_string(tree, parse("18446744073709551615")), "18446744073709551615");
    is(java_string(tree, parse("1e7")), "1.0E7");
    is(java_string(tree, parse("true")), "true");
    is(java_string(tree, parse("null")), "null");
    is(java_string(tree, parse("[]")), "[]");
    is(java_string(tree, parse("{}")), "{}");
    is(java_string(tree, parse("{\"\":\"\"}")), "{=}");
    is(java_string(tree, parse("[1, [2, 3], {\"a\": null}, \"x\"]")), "[1, [2, 3], {a=null}, x]");
    is(java_template(tree, parse("[\"10.0.0.1\", [1], {\"a\": [2]}]")),
       "{0=10.0.0.1, 1=[1], 2={a=[2]}}");
    is(java_template(tree, parse("[]")), "{}");
    is(java_template(tree, parse("{\"a\": [1]}")), "{a=[1]}");
    is(java_template(tree, parse("7")), "7");
}

static void maps_in_the_order_of_their_hashes(void **state)
{
    (void)state;
    is(java_string(tree,
                   parse("{\"src\": 1, \"dst\": 2, \"bytes\": 3, \"a\": {\"c\": 1, \"b\": 2}}")),
       "{a={b=2, c=1}, dst=2, src=1, bytes=3}");
    // These two have one hash: the first to come is the first.
    is(java_string(tree, parse("{\"BB\": 1, \"Aa\": 2}")), "{BB=1, Aa=2}");
    is(java_string(tree, parse("{\"Aa\": 1, \"BB\": 2}")), "{Aa=1, BB=2}");
}

static void classes(void **state)
{
    (void)state;
    assert_string_equal(java_class(parse("1")), "java.lang.Integer");
    assert_string_equal(java_class(parse("2147483648")), "java.lang.Long");
    assert_string_equal(java_class(parse("-2147483649")), "java.lang.Long");
    assert_string_equal(java_class(parse("9223372036854775808")), "java.math.BigInteger");
    assert_string_equal(java_class(parse("1.0")), "java.lang.Double");
    assert_string_equal(java_class(parse("true")), "java.lang.Boolean");
    assert_string_equal(java_class(parse("\"\"")), "java.lang.String");
    assert_string_equal(java_class(parse("[]")), "java.util.ArrayList");
    assert_string_equal(java_class(parse("{}")), "java.util.HashMap");
    assert_string_equal(java_class(parse("")), "null");
}

static void small_letters(void **state)
{
    (void)state;
    json_tree_clear(tree);
    struct json_slice already = words("tcp 6/ipv4");
    assert_ptr_equal(java_lower(tree, already).data, already.data);
    is(java_lower(tree, words("")), "");
    is(java_lower(tree, words("IPv6-ICMP")), "ipv6-icmp");
    is(java_lower(tree, words("\xc3\x89T\xc3\x89 \xc3\x97 \xc3\x9f")),
       "\xc3\xa9t\xc3\xa9 \xc3\x97 \xc3\x9f");
    is(java_lower(tree, words("\xd0\x96\xd0\xb6 \xc4\x80\xc4\x81")),
       "\xd0\xb6\xd0\xb6 \xc4\x81\xc4\x81");
    is(java_lower(tree, words("\xe1\xba\x9e \xf0\x90\x90\x80")), "\xc3\x9f \xf0\x90\x90\xa8");
    is(java_lower(tree, words("\xc4\xb0")), "i\xcc\x87");
    is(java_lower(tree, words("\xce\xa3\xce\xa3\xce\xa3")), "\xcf\x83\xcf\x83\xcf\x82");
    is(java_lower(tree, words("A\xed\xa0\xbd"
                              "B")),
       "a\xed\xa0\xbd"
       "b"); // a lone surrogate stays
}

static void addresses(void **state)
{
    (void)state;
    static const char *const GOOD[] = {
        "0.0.0.0",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "1::",
        "fe80::1%eth0",
        "fe80::1%1",
        "::ffff:1.2.3.4",
        "64:ff9b::192.0.2.33",
        "1:2:3:4:5:6:1.2.3.4",
        "2001:DB8::A",
        "2001:db8::0000a",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1::8",
        "::1.2.3.4",
        "1:2:3:4:5::1.2.3.4",
    };
    static const char *const BAD[] = {
        "",
        " ",
        "x",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4.",
        ".1.2.3.4",
        "1..2.3",
        "256.1.1.1",
        "01.2.3.4",
        "010.000.000.001",
        "1.2.3.00",
        " 10.0.0.1",
        "10.0.0.1 ",
        "10.0.0.1/24",
        "[::1]",
        "1.2.3.a",
        "-1.2.3.4",
        "1.2.3.4%1",
        ":",
        ":::",
        "::1::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        ":1",
        "1:",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7::8",
        "::1:2:3:4:5:6:7:8",
        "12345::",
        "10000::",
        "g::",
        "fe80::1%",
        "%1",
        "::ffff:01.2.3.4",
        "::1.2.3",
        "1.2.3.4::",
        "::1.2.3.4%eth0",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:6::1.2.3.4",
        ":1.2.3.4",
        "1:2:3:4:5:6:7:8:",
        ":::1",
        "1:::2",
        "99999999999.1.1.1",
    };
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        if (!java_is_inet_address(words(GOOD[i]))) {
            fail_msg("refused: %s", GOOD[i]);
        }
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        if (java_is_inet_address(words(BAD[i]))) {
            fail_msg("accepted: %s", BAD[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles),       cmocka_unit_test(values),
        cmocka_unit_test(classes),       cmocka_unit_test(maps_in_the_order_of_their_hashes),
        cmocka_unit_test(small_letters), cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests_name("format/java_text", tests, set_up, tear_down);
}
