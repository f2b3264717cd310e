// SPDX-License-Identifier: Apache-2.0
#include "app/go_value.h"

#include "../unit.h"
#include "base/clock.h"
#include "base/status.h"

static void durations_as_go_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        uint64_t ns;
    } CASES[] = {
        { "0", 0, 0 },
        { "10s", 0, 10 * NS_PER_S },
        { "1m30s", 0, 90 * NS_PER_S },
        { "1.5h", 0, 5400 * NS_PER_S },
        { ".5s", 0, NS_PER_S / 2 },
        { "1.s", 0, NS_PER_S },
        { "+5ms", 0, 5 * NS_PER_MS },
        { "100us", 0, 100 * NS_PER_US },
        { "100\xc2\xb5s", 0, 100 * NS_PER_US },
        { "7ns", 0, 7 },
        { "1.9ns", 0, 1 },
        { "-0", 0, 0 },
        { "-5s", ERR_RANGE, 0 },
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
        uint64_t ns = 0;
        assert_int_equal(go_duration(CASES[i].text, false, &ns), CASES[i].status);
        assert_int_equal(ns, CASES[i].ns);
    }
    uint64_t ns;
    assert_int_equal(go_duration("1w2d", true, &ns), 0);
    assert_int_equal(ns, 9 * 86400 * NS_PER_S);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_as_go_reads_them),
        cmocka_unit_test(bools),
    };
    return UNIT_MAIN("app/go_value", tests);
}
