// SPDX-License-Identifier: Apache-2.0
/* Whatever the bytes, what is written is JSON and UTF-8, and means the same where it can. */
#include "base/json_text.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "../unit.h"
#include "base/json_rd.h"
#include "base/mem.h"
#include "base/utf8.h"

static void check_valid(const uint8_t *text, size_t size)
{
    uint32_t code;
    for (size_t i = 0, length; i < size; i += length) {
        length = utf8_next(text + i, size - i, &code);
        assert_true(length > 0);
        assert_true(code >= 0x20);
    }
    struct json_rd r = { .begin = text, .at = text, .end = text + size };
    assert_true(json_rd_value(&r));
    assert_ptr_equal(r.at, r.end);
}

static void expect(const char *text, size_t size, const char *json)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    json_append_string(&out, (const uint8_t *)text, size);
    assert_string_equal(buf_text(&out), json);
    check_valid(out.data, out.size);
    buf_release(&out);
}

static void strings(void **state)
{
    (void)state;
    expect("", 0, "\"\"");
    expect("plain", 5, "\"plain\"");
    expect("\"\\/", 3, "\"\\\"\\\\/\"");
    expect("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
    expect("\0\x1f\x7f", 3, "\"\\u0000\\u001f\x7f\"");
    expect("<>&", 3, "\"<>&\"");
    expect("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    expect("\xff", 1, "\"\xef\xbf\xbd\"");
    expect("a\xc3", 2, "\"a\xef\xbf\xbd\"");                               // cut
    expect("\xc3\xa9\xa9", 3, "\"\xc3\xa9\xef\xbf\xbd\"");                 // one too many
    expect("\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");                 // longer than it need be
    expect("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); // half a pair
    expect("\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    struct buf out;
    buf_init(&out, 1 << 10);
    json_append_text(&out, "a\"b");
    assert_string_equal(buf_text(&out), "\"a\\\"b\"");
    buf_release(&out);
}

/// Drawn bytes fit in the room that is promised, and what is UTF-8 comes back as it was.
static void any_bytes(void **state)
{
    enum { ROUNDS = 20000, SIZE = 24 };
    (void)state;
    unsigned seed = 5;
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t text[SIZE];
        size_t size = (size_t)rand_r(&seed) % (SIZE + 1);
        bool good = true;
        for (size_t i = 0; i < size; i++) {
            text[i] = (uint8_t)(round % 2 == 0 ? rand_r(&seed) : 0xe0 + rand_r(&seed) % 32);
        }
        uint32_t code;
        for (size_t i = 0, length; good && i < size; i += length) {
            length = utf8_next(text + i, size - i, &code);
            good = length > 0;
        }
        uint8_t *out = mem_zalloc(JSON_ESCAPE_SIZE_MAX * size + 2);
        assert_non_null(out);
        uint8_t *end = json_put_string(out, text, size);
        check_valid(out, (size_t)(end - out));
        struct json_rd r = { .begin = out, .at = out, .end = end };
        struct json_text found;
        uint8_t back[JSON_ESCAPE_SIZE_MAX * SIZE + 2];
        assert_true(json_rd_string(&r, &found));
        size_t back_size = json_unescape(&found, back);
        if (good) {
            assert_int_equal(back_size, size);
            assert_memory_equal(back, text, size);
        }
        mem_free(out);
    }
}

static void expect_double(double value, const char *text)
{
    char out[JSON_DOUBLE_SIZE_MAX + 1];
    uint8_t *end = json_put_double((uint8_t *)out, value);
    *end = '\0';
    if (text != NULL) {
        assert_string_equal(out, text);
    }
    assert_true(strtod(out, NULL) == value);
    check_valid((const uint8_t *)out, strlen(out));
}

static void doubles_are_short_and_exact(void **state)
{
    enum { ROUNDS = 20000 };
    (void)state;
    expect_double(47.2513, "47.2513");
    expect_double(-122.3149, "-122.3149");
    expect_double(5, "5");
    expect_double(0, "0");
    expect_double(-0.0, "-0");
    expect_double(0.1, "0.1");
    expect_double(1e22, "1e+22");
    expect_double(DBL_MAX, NULL);
    expect_double(DBL_MIN, NULL);
    expect_double(DBL_TRUE_MIN, NULL);
    expect_double(1.0 / 3, NULL);
    unsigned seed = 9;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t bits =
            (uint64_t)rand_r(&seed) << 42 ^ (uint64_t)rand_r(&seed) << 21 ^ (uint64_t)rand_r(&seed);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value)) {
            expect_double(value, NULL);
        }
        expect_double((double)(rand_r(&seed) % 3600000) / 10000 - 180, NULL);
    }
}

enum { OUT_SIZE = 4096 };

static void compact(const char *json, const char *expected)
{
    uint8_t out[OUT_SIZE];
    uint8_t *end = json_put_compact(out, (const uint8_t *)json, strlen(json));
    *end = '\0';
    assert_string_equal((const char *)out, expected);
}

static void appended(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 16);
    json_append_text(&out, "ab");
    assert_string_equal(buf_text(&out), "\"ab\"");
    json_append_text(&out, "more than there is room for");
    assert_true(out.bad);
    buf_release(&out);
}

/// Blanks and comments go, but not those in strings.
static void compacted(void **state)
{
    (void)state;
    compact("17", "17");
    compact("\"a b\"", "\"a b\"");
    compact("{ \"a\" : [ 1 ,\t2\r] }", "{\"a\":[1,2]}");
    compact("[1,/* one */2,/**/3]", "[1,2,3]");
    compact("[1,// one\n2]", "[1,2]");
    compact("[\"/* no */\", \"// no\"]", "[\"/* no */\",\"// no\"]");
    compact("[\"a\\\" /* b */\", 1]", "[\"a\\\" /* b */\",1]");
    compact("[\"\\\\\", 1]", "[\"\\\\\",1]");
    compact("[1/*x*//*y*/]", "[1]");
    compact("5 // end", "5");
    compact("[\"a\xff\xc3\", 1]", "[\"a\xef\xbf\xbd\xef\xbf\xbd\",1]");
    compact("\"\xf0\x9f\x98\x80\"", "\"\xf0\x9f\x98\x80\"");
    compact("\"\\ud83d\\ude00\\uD83D\\uDE00\"", "\"\\ud83d\\ude00\\uD83D\\uDE00\"");
    compact("\"\\ud83d\"", "\"\\ufffd\"");
    compact("\"\\ude00\\ud83dx\\u0041\"", "\"\\ufffd\\ufffdx\\u0041\"");
    compact("\"\\ud83d\\n\\ud83d\\ud83d\\ude00\"", "\"\\ufffd\\n\\ufffd\\ud83d\\ude00\"");
    compact("\"\\\\ud83d\"", "\"\\\\ud83d\"");
    compact("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(appended),
        cmocka_unit_test(compacted),
        cmocka_unit_test(doubles_are_short_and_exact),
    };
    return UNIT_MAIN("json_text", tests);
}
