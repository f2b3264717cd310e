// SPDX-License-Identifier: Apache-2.0
#include "app/go_value.h"

#include "../unit.h"
#include "base/status.h"

#define US INT64_C(1000)
#define MS (1000 * US)
#define S (1000 * MS)

static void durations_as_go_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        int64_t ns;
    } CASES[] = {
        { "0", 0, 0 },
        { "10s", 0, 10 * S },
        { "1m30s", 0, 90 * S },
        { "1.5h", 0, 5400 * S },
        { ".5s", 0, S / 2 },
        { "1.s", 0, S },
        { "+5ms", 0, 5 * MS },
        { "100us", 0, 100 * US },
        { "100\xc2\xb5s", 0, 100 * US },
        { "7ns", 0, 7 },
        { "1.9ns", 0, 1 },
        { "-0", 0, 0 },
        { "-5s", 0, -5 * S },
        { "-9223372036854775808ns", 0, INT64_MIN },
        { "9223372036854775807ns", 0, INT64_MAX },
        { "9223372036854775808ns", ERR_INVALID, 0 },
        { "9223372036854775808ns9223372036854775808ns", ERR_INVALID, 0 },
        { "0.3333333333333333333h", 0, INT64_C(1200000000000) },
        { "0.100000000000000000000h", 0, 360 * S },
        { "0.000000000001h", 0, 3 },
        { "1h1m1s1ms1us1ns", 0, INT64_C(3661001001001) },
        { "10", ERR_INVALID, 0 },
        { "", ERR_INVALID, 0 },
        { "s", ERR_INVALID, 0 },
        { ".s", ERR_INVALID, 0 },
        { "1x", ERR_INVALID, 0 },
        { "1s2", ERR_INVALID, 0 },
        { "1d", ERR_INVALID, 0 },
        { "9999999999h", ERR_INVALID, 0 },
        { "99999999999999999999s", ERR_INVALID, 0 },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        int64_t ns = 0;
        assert_int_equal(go_duration(CASES[i].text, false, &ns), CASES[i].status);
        assert_int_equal(ns, CASES[i].ns);
    }
    int64_t ns;
    assert_int_equal(go_duration("1w2d", true, &ns), 0);
    assert_int_equal(ns, 9 * 86400 * S);
}

static void bools(void **state)
{
    (void)state;
    bool b = false;
    assert_int_equal(go_bool("T", &b), 0);
    assert_true(b);
    assert_int_equal(go_bool("False", &b), 0);
    assert_false(b);
    assert_int_equal(go_bool("yes", &b), ERR_INVALID);
    assert_int_equal(go_bool("", &b), ERR_INVALID);
}

static void texts_in_quotes(void **state)
{
    (void)state;
    char quoted[32];
    assert_string_equal(go_quote("", quoted, sizeof(quoted)), "\"\"");
    assert_string_equal(go_quote("a\"b\\", quoted, sizeof(quoted)), "\"a\\\"b\\\\\"");
    assert_string_equal(go_quote("\a\b\t\n\v\f\r\x1b\x7f", quoted, sizeof(quoted)),
                        "\"\\a\\b\\t\\n\\v\\f\\r\\x1b\\x7f\"");
    assert_string_equal(go_quote("\xc3\xa4", quoted, sizeof(quoted)), "\"\xc3\xa4\"");
    char small[8];
    assert_string_equal(go_quote("123", small, sizeof(small)), "\"12...\"");
    assert_string_equal(go_quote("12", small, sizeof(small)), "\"12\"");
    assert_string_equal(go_quote("\x01\x01", small, sizeof(small)), "\"...\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_as_go_reads_them),
        cmocka_unit_test(bools),
        cmocka_unit_test(texts_in_quotes),
    };
    return UNIT_MAIN("app/go_value", tests);
}
