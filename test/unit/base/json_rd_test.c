// SPDX-License-Identifier: Apache-2.0
/* What is JSON and what is not, from blocks of exactly the text's size; depth; escapes. */
#include "base/json_rd.h"

#include "../unit.h"
#include "base/mem.h"

/// Whether all of the text is one value, and no more of it is looked at than there is.
static bool is_value(const char *text, size_t size)
{
    uint8_t *exact = mem_zalloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, text, size);
    struct json_rd r = { .begin = exact, .at = exact, .end = exact + size };
    bool is = json_rd_value(&r) && json_rd_blanks(&r) && r.at == r.end;
    assert_true(r.at >= exact && r.at <= exact + size);
    mem_free(exact);
    return is;
}

static void values(void **state)
{
    static const char *const GOOD[] = {
        "0",
        "-0",
        "10",
        "-1.5",
        "0.0",
        "1e5",
        "1E+5",
        "1.25e-300",
        "123456789012345678901234567890",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD834\"",
        "\"\x7f\xc3\xa9\xff\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[1]",
        "[1,2]",
        "[[],{},[[]]]",
        "{\"a\":1}",
        "{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":\"\"}",
        "{ \"a\" : 1 , \"b\" : [ 1 ] } ",
        "[1/**/,/* , */2]",
        "[1 // one\n,2]",
        "1//",
        "{\"a\":1,\"a\":2}",
    };
    static const char *const BAD[] = {
        "",         "-",          "+1",         "01",          "-01",   "1.",       ".5",
        "1e",       "1e+",        "0x10",       "1x",          "1_0",   "Infinity", "NaN",
        "tru",      "truex",      "nul",        "nulll",       "True",  "\"",       "\"a",
        "\"\\\"",   "\"\\x\"",    "\"\\u123\"", "\"\\u12g4\"", "\"\\",  "\"\\u",    "\"\n\"",
        "\"\x1f\"", "[",          "]",          "[,",          "[,1]",  "[1,]",     "[1",
        "[1 2]",    "[1}",        "{",          "}",           "{]",    "{,}",      "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{\"a\":1",   "{\"a\" 1}",   "{a:1}", "{1:1}",    "{\"a\":1]",
        "[{]}",     "/",          "/*",         "1/",          "[1/*]", "'a'",      "\xff",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        if (!is_value(GOOD[i], strlen(GOOD[i]))) {
            fail_msg("no value: %s", GOOD[i]);
        }
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        if (is_value(BAD[i], strlen(BAD[i]))) {
            fail_msg("a value: %s", BAD[i]);
        }
    }
    assert_false(is_value("\"a\0b\"", 5));
    assert_false(is_value("1\0", 2));
}

/// No beginning of an object is an object, nor are its ends.
static void no_part_is_whole(void **state)
{
    static const char TEXT[] = "{\"a\":[1.5e3,\"x\\u00e9\\\"\",{\"b\":null}],\"c\":{}/**/}";
    (void)state;
    size_t size = sizeof(TEXT) - 1;
    assert_true(is_value(TEXT, size));
    for (size_t i = 0; i < size; i++) {
        assert_false(is_value(TEXT, i));
    }
}

static void depth_and_digits_have_bounds(void **state)
{
    enum { ROOM = 2 * JSON_DEPTH_MAX + 10 };
    static char text[ROOM];
    (void)state;
    for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(is_value(text, 2 * depth), depth <= JSON_DEPTH_MAX);
        text[depth + depth / 2] = '}'; // the kind of each bracket is remembered
        assert_false(is_value(text, 2 * depth));
    }
    for (size_t size = JSON_NUMBER_SIZE_MAX; size <= JSON_NUMBER_SIZE_MAX + 1; size++) {
        memset(text, '7', size);
        assert_int_equal(is_value(text, size), size == JSON_NUMBER_SIZE_MAX);
    }
    for (size_t depth = 1; depth < 200; depth++) { // objects and lists by turns
        size_t at = 0;
        for (size_t i = 0; i < depth; i++) {
            at += (size_t)snprintf(text + at, ROOM - at, i % 3 == 0 ? "{\"a\":" : "[");
        }
        text[at++] = '1';
        for (size_t i = depth; i-- > 0;) {
            text[at++] = i % 3 == 0 ? '}' : ']';
        }
        assert_true(is_value(text, at));
    }
}

static void unescape(const char *json, const char *want, size_t want_size)
{
    uint8_t out[64];
    const uint8_t *begin = (const uint8_t *)json;
    struct json_rd r = { .begin = begin, .at = begin, .end = begin + strlen(json) };
    struct json_text text;
    assert_true(json_rd_string(&r, &text));
    assert_ptr_equal(r.at, r.end);
    assert_int_equal(text.escaped, strchr(json, '\\') != NULL);
    size_t size = json_unescape(&text, out);
    assert_int_equal(size, want_size);
    assert_true(size <= text.size);
    assert_memory_equal(out, want, size);
}

static void escapes(void **state)
{
    (void)state;
    unescape("\"\"", "", 0);
    unescape("\"abc\"", "abc", 3);
    unescape("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    unescape("\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac", 6);
    unescape("\"\\u0000\"", "\0", 1);
    unescape("\"\\uD83D\\uDE00\"", "\xf0\x9f\x98\x80", 4);
    unescape("\"\\ud83d\"", "\xef\xbf\xbd", 3); // half a pair
    unescape("\"\\ude00\"", "\xef\xbf\xbd", 3); // the other half
    unescape("\"\\ud83dx\"", "\xef\xbf\xbdx", 4);
    unescape("\"\\ud83d\\u0041\"",
             "\xef\xbf\xbd"
             "A",
             4);
    unescape("\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7);
    unescape("\"\xff\"", "\xff", 1); // writers mend it
}

static void blanks(void **state)
{
    static const char TEXT[] = " \t\r\n/**//* * / */ // end\n x";
    (void)state;
    const uint8_t *begin = (const uint8_t *)TEXT;
    struct json_rd r = { .begin = begin, .at = begin, .end = begin + sizeof(TEXT) - 1 };
    assert_true(json_rd_blanks(&r));
    assert_true(json_rd_is_at(&r, 'x'));
    r.at = r.end;
    assert_true(json_rd_blanks(&r));
    assert_false(json_rd_is_at(&r, 'x'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(no_part_is_whole),
        cmocka_unit_test(depth_and_digits_have_bounds),
        cmocka_unit_test(escapes),
        cmocka_unit_test(blanks),
    };
    return UNIT_MAIN("json_rd", tests);
}
