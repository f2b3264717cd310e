// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include "../unit.h"
#include "base/status.h"

/// What Go's strconv.ParseInt(text, 0, 64) says of each.
static void whole_numbers_as_go_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
        int status;
    } CASES[] = {
        { "0", 0, 0 },
        { "10", 10, 0 },
        { "-10", -10, 0 },
        { "+10", 10, 0 },
        { "0x1f", 31, 0 },
        { "0X1F", 31, 0 },
        { "0b101", 5, 0 },
        { "0o17", 15, 0 },
        { "017", 15, 0 },
        { "1_000", 1000, 0 },
        { "0x_ff", 255, 0 },
        { "0_7", 7, 0 },
        { "9223372036854775807", INT64_MAX, 0 },
        { "-9223372036854775808", INT64_MIN, 0 },
        { "9223372036854775808", 0, ERR_RANGE },
        { "-9223372036854775809", 0, ERR_RANGE },
        { "99999999999999999999", 0, ERR_RANGE },
        { "", 0, ERR_INVALID },
        { "-", 0, ERR_INVALID },
        { "0x", 0, ERR_INVALID },
        { "08", 0, ERR_INVALID },
        { "1__0", 0, ERR_INVALID },
        { "_1", 0, ERR_INVALID },
        { "1_", 0, ERR_INVALID },
        { "1.5", 0, ERR_INVALID },
        { "10s", 0, ERR_INVALID },
        { " 1", 0, ERR_INVALID },
        { "--1", 0, ERR_INVALID },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        int64_t value = 0;
        assert_int_equal(text_get_i64(CASES[i].text, &value), CASES[i].status);
        assert_true(value == CASES[i].value);
    }
}

static const char *hint(struct text_nearest *n, const char *wanted)
{
    *n = text_nearest_to(wanted);
    text_nearest_try(n, "src_addr");
    text_nearest_try(n, "dst_addr");
    text_nearest_try(n, "bytes");
    return text_nearest_hint(n);
}

static void did_you_mean(void **state)
{
    (void)state;
    struct text_nearest n;
    assert_string_equal(hint(&n, "src_adr"), "; did you mean \"src_addr\"?");
    assert_string_equal(hint(&n, "dstaddr"), "; did you mean \"dst_addr\"?");
    assert_string_equal(hint(&n, "byte"), "; did you mean \"bytes\"?");
    assert_string_equal(hint(&n, "nothing_like_it"), "");
    char text[500];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_string_equal(hint(&n, text), "");
}

static void clips_between_characters(void **state)
{
    (void)state;
    assert_int_equal(text_clip("abc", 3, 2), 2);
    assert_int_equal(text_clip("abc", 3, 5), 3);
    assert_int_equal(text_clip("a\xc3\xa4", 3, 2), 1);
    assert_int_equal(text_clip("a\xc3\xa4", 3, 3), 3);
    assert_int_equal(text_clip("\xf0\x9f\x98\x80", 4, 3), 0);
    assert_int_equal(text_clip("\xff\xff\xff", 3, 2), 2); // each byte that is none is one
    assert_int_equal(text_clip("", 0, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_as_go_reads_them),
        cmocka_unit_test(did_you_mean),
        cmocka_unit_test(clips_between_characters),
    };
    return UNIT_MAIN("base/text", tests);
}
