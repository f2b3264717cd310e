// SPDX-License-Identifier: Apache-2.0
#include "query/query_number.h"

#include <string.h>

#include "../unit.h"

static bool order(const char *a, const char *b, int *ret_order)
{
    return query_number_order(a, strlen(a), b, strlen(b), ret_order);
}

/// Each row is of one worth, and below the next.
static void numbers_have_an_order(void **state)
{
    (void)state;
    static const char *const ROWS[][4] = {
        { "-1e999999999", "-10e999999998" },
        { "-18446744073709551617" },
        { "-20", "-2e1", "-20.0", "-0.2E+2" },
        { "-1.5", "-15e-1", "-01.50" },
        { "-0.001", "-1e-3" },
        { "0", "-0", "0.000", "0e99" },
        { "1e-1000000000000" },
        { "0.001", "1e-3", "0.0010", "00.1e-2" },
        { "0.0010000000000000000000000000000000001" },
        { "1", "1.0", "10e-1", "0.1e1" },
        { "9", "9.0" },
        { "10", "1e1", "0010", "1e+01" },
        { "9007199254740992", "9007199254740992.0" },
        { "9007199254740993" }, // a double is one of the two
        { "18446744073709551615" },
        { "18446744073709551616", "18446744073709551.616e3" },
    };
    enum { ROW_COUNT = sizeof(ROWS) / sizeof(ROWS[0]) };
    for (size_t i = 0; i < ROW_COUNT * 4; i++) {
        for (size_t j = 0; j < ROW_COUNT * 4; j++) {
            const char *a = ROWS[i / 4][i % 4];
            const char *b = ROWS[j / 4][j % 4];
            int found;
            if (a == NULL || b == NULL) {
                continue;
            }
            assert_true(order(a, b, &found));
            int wanted = i / 4 > j / 4 ? 1 : i / 4 < j / 4 ? -1 : 0;
            if ((found > 0) - (found < 0) != wanted) {
                fail_msg("%s and %s: %d", a, b, found);
            }
        }
    }
}

static void other_texts_are_none(void **state)
{
    (void)state;
    static const char *const TEXTS[] = { "",    "-",   ".",   "1.",  ".5",   "1e",
                                         "1e+", "+1",  "1 ",  " 1",  "1.e",  "1e1.",
                                         "0x1", "1,5", "NaN", "--1", "1e1e1" };
    int unused;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        if (order(TEXTS[i], "1", &unused) || order("1", TEXTS[i], &unused)) {
            fail_msg("a number: %s", TEXTS[i]);
        }
    }
    assert_true(query_number_order("12", 1, "1", 1, &unused) &&
                unused == 0); // no byte past its end
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_an_order),
        cmocka_unit_test(other_texts_are_none),
    };
    return UNIT_MAIN("query/query_number", tests);
}
