// SPDX-License-Identifier: Apache-2.0
#include "base/num.h"

#include "../unit.h"
#include "base/status.h"

static void every_digit_count(void **state)
{
    (void)state;
    uint64_t value = 1;
    for (int digits = 1; digits <= 20; digits++, value *= 10) {
        const uint64_t around[] = { value - 1, value, value + 1, value * 9 + 7 };
        for (size_t i = 0; i < 4; i++) {
            char expected[32];
            uint8_t text[NUM_U64_SIZE_MAX + 1];
            snprintf(expected, sizeof(expected), "%llu", (unsigned long long)around[i]);
            *num_put_u64(text, around[i]) = '\0';
            assert_string_equal((char *)text, expected);
            if (around[i] <= UINT32_MAX) {
                *num_put_u32(text, (uint32_t)around[i]) = '\0';
                assert_string_equal((char *)text, expected);
            }
        }
    }
    uint8_t text[NUM_U64_SIZE_MAX + 1];
    *num_put_u64(text, UINT64_MAX) = '\0';
    assert_string_equal((char *)text, "18446744073709551615");
}

static void hex_has_its_digits(void **state)
{
    (void)state;
    uint8_t text[17];
    *num_put_hex(text, 0xab, 4) = '\0';
    assert_string_equal((char *)text, "00ab");
    *num_put_hex(text, UINT64_MAX, 16) = '\0';
    assert_string_equal((char *)text, "ffffffffffffffff");
}

static void texts_to_numbers(void **state)
{
    (void)state;
    uint64_t v = 0;
    assert_int_equal(num_get_u64("0", 1, 10, &v), 0);
    assert_int_equal(v, 0);
    assert_int_equal(num_get_u64("18446744073709551615", 20, UINT64_MAX, &v), 0);
    assert_true(v == UINT64_MAX);
    assert_int_equal(num_get_u64("18446744073709551616", 20, UINT64_MAX, &v), ERR_RANGE);
    assert_int_equal(num_get_u64("99999999999999999999999", 23, UINT64_MAX, &v), ERR_RANGE);
    assert_int_equal(num_get_u64("11", 2, 10, &v), ERR_RANGE);
    assert_int_equal(num_get_u64("", 0, 10, &v), ERR_INVALID);
    assert_int_equal(num_get_u64("-1", 2, 10, &v), ERR_INVALID);
    assert_int_equal(num_get_u64("1 ", 2, 10, &v), ERR_INVALID);
    assert_true(v == UINT64_MAX); // untouched by failures
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_digit_count),
        cmocka_unit_test(hex_has_its_digits),
        cmocka_unit_test(texts_to_numbers),
    };
    return UNIT_MAIN("base/num", tests);
}
