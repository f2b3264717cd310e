// SPDX-License-Identifier: Apache-2.0
#include "decode/packet_rule.h"

#include "../unit.h"

static void bits(int64_t offset, int64_t length, const char *expected)
{
    const uint8_t data[] = { 0x12, 0x34, 0x56, 0x78 };
    static uint8_t out[MAPPING_VALUE_SIZE_MAX];
    char text[2 * 16 + 1] = "";
    size_t size = packet_bits(data, sizeof(data), offset, length, out);
    assert_true(size <= 16);
    for (size_t i = 0; i < size; i++) {
        snprintf(text + 2 * i, 3, "%02x", out[i]);
    }
    assert_string_equal(text, expected);
}

static void bits_are_right_aligned(void **state)
{
    (void)state;
    bits(0, 8, "12");
    bits(0, 32, "12345678");
    bits(8, 16, "3456");
    bits(4, 4, "02");
    bits(0, 4, "01");
    bits(4, 8, "23");
    bits(4, 16, "2345");
    bits(0, 12, "0123"); // one number, not 12 03
    bits(4, 12, "0234");
    bits(3, 1, "01");
    bits(2, 9, "0091");   // 0001 0010 0011 -> 0 1001 0001
    bits(24, 16, "7800"); // past the end: zeros
    bits(32, 8, "00");
    bits(33, 8, "");
    bits(-1, 8, "");
    bits(0, 0, "");
    bits(0, -8, "");
    bits(0, 8 * MAPPING_VALUE_SIZE_MAX + 1, "");
    bits(INT64_MAX, 8, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(bits_are_right_aligned) };
    return UNIT_MAIN("decode/packet_rule", tests);
}
