// SPDX-License-Identifier: Apache-2.0
#include "app/units.h"

#include "../unit.h"

static void numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *unit;
        const char *text;
    } CASES[] = {
        { 0, "B", "0 B" },          { 999, "B", "999 B" },     { 999.6, "B", "1.00 kB" },
        { 1000, "", "1.00k" },      { 12345, "B", "12.3 kB" }, { 123456, "B", "123 kB" },
        { 999999, "B", "1.00 MB" }, { 0.5, "", "0.50" },       { 2.1e6, "bit/s", "2.10 Mbit/s" },
        { 5e19, "B", "50.0 EB" },   { -1500, "", "-1.50k" },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char text[UNITS_SIZE];
        assert_string_equal(units_print(CASES[i].value, CASES[i].unit, text), CASES[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(numbers) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
