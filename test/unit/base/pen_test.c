// SPDX-License-Identifier: Apache-2.0
#include "base/pen.h"

#include "../unit.h"
#include "base/checksum.h"

static void numbers_are_big_endian(void **state)
{
    (void)state;
    static const uint8_t WANTED[] = { 0xff, 0x12, 0x34, 0x89, 0xab, 0xcd, 0xef, 1, 2, 3,   4,
                                      5,    6,    7,    8,    'a',  'b',  0,    0, 0, 0xee };
    uint8_t bytes[sizeof(WANTED)];
    memset(bytes, 0xee, sizeof(bytes));
    struct pen p = pen_at(bytes);
    pen_u8(&p, 0x1ff);
    pen_u16(&p, 0x1234);
    pen_u32(&p, 0x89abcdef);
    pen_u64(&p, UINT64_C(0x0102030405060708));
    pen_bytes(&p, "ab", 2);
    pen_zeros(&p, 3);
    assert_ptr_equal(p.at, bytes + sizeof(bytes) - 1);
    assert_memory_equal(bytes, WANTED, sizeof(WANTED));
}

/// The example of RFC 1071 section 3, and what odd sizes and carries do.
static void checksums(void **state)
{
    (void)state;
    static const uint8_t EXAMPLE[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
    assert_int_equal(checksum_fold(checksum_add(0, EXAMPLE, 8)), (uint16_t)~0xddf2U);
    assert_int_equal(checksum_fold(checksum_add(0, EXAMPLE, 3)), (uint16_t)~0xf201U);
    assert_int_equal(checksum_fold(checksum_add(0, EXAMPLE, 0)), 0xffff);
    static uint8_t ones[131070];
    memset(ones, 0xff, sizeof(ones));
    assert_int_equal(checksum_fold(checksum_add(0, ones, sizeof(ones))), 0);
    // A packet with its checksum in it sums up to nothing.
    uint8_t header[20] = { 0x45, 0, 0, 0x54, 0x12, 0x34, 0x40, 0, 64, 1, 0, 0, 10, 1, 2, 3, 10 };
    struct pen p = pen_at(header + 10);
    pen_u16(&p, checksum_fold(checksum_add(0, header, sizeof(header))));
    assert_int_equal(checksum_fold(checksum_add(0, header, sizeof(header))), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_big_endian),
        cmocka_unit_test(checksums),
    };
    return UNIT_MAIN("base/pen", tests);
}
