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

/// Every number of digits, everything that can stand behind them, at every distance from the end.
static void digits_are_scanned(void **state)
{
    (void)state;
    static const char BEHIND[] = ",}/:.- \"\x7f\x80\xff\xfa\x01";
    uint64_t seed = 7;
    for (size_t digits = 0; digits <= 24; digits++) {
        for (size_t behind = 0; behind <= 12; behind++) {
            for (int round = 0; round < 20; round++) {
                uint8_t text[40];
                uint64_t want = 0;
                for (size_t i = 0; i < digits; i++) {
                    seed = seed * 6364136223846793005U + 1442695040888963407U;
                    unsigned digit = round == 0 ? 9 : round == 1 ? 0 : (unsigned)(seed >> 60) % 10;
                    text[i] = (uint8_t)('0' + digit);
                    want = want * 10 + digit;
                }
                for (size_t i = 0; i < behind; i++) {
                    seed = seed * 6364136223846793005U + 1442695040888963407U;
                    bool first = i == 0;
                    text[digits + i] =
                        first ? (uint8_t)BEHIND[(seed >> 40) % 13] : (uint8_t)(seed >> 50);
                }
                uint64_t got;
                const uint8_t *end = num_scan(text, text + digits + behind, &got);
                if (digits > NUM_SCAN_DIGITS_MAX) {
                    assert_null(end);
                } else {
                    assert_ptr_equal(end, text + digits);
                    assert_true(got == want);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_scanned),
        cmocka_unit_test(every_digit_count),
        cmocka_unit_test(hex_has_its_digits),
        cmocka_unit_test(texts_to_numbers),
    };
    return UNIT_MAIN("base/num", tests);
}
