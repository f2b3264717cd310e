// SPDX-License-Identifier: Apache-2.0
#include "base/rd.h"

#include "../unit.h"

static void reads_are_big_endian(void **state)
{
    (void)state;
    const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    struct rd r = rd_over(data, sizeof(data));
    assert_int_equal(rd_u8(&r), 1);
    assert_int_equal(rd_u16(&r), 0x0203);
    assert_int_equal(rd_u32(&r), 0x04050607);
    assert_true(rd_u64(&r) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_false(r.bad);
    assert_int_equal(rd_left(&r), 0);
}

/// At every length: what is there is read, what is not is zero, and bad stays.
static void the_end_is_sticky(void **state)
{
    (void)state;
    const uint8_t data[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    for (size_t size = 0; size < sizeof(data); size++) {
        struct rd r = rd_over(data, size);
        assert_int_equal(rd_u64(&r), 0);
        assert_true(r.bad);
        assert_int_equal(rd_left(&r), 0);
        assert_int_equal(rd_u8(&r), 0);
        assert_null(rd_take(&r, 1));
        assert_non_null(rd_take(&r, 0));
        assert_true(r.bad);
        r = rd_over(data, size);
        rd_skip(&r, size);
        assert_false(r.bad);
        rd_skip(&r, SIZE_MAX);
        assert_true(r.bad);
    }
}

static void a_child_sees_only_its_own(void **state)
{
    (void)state;
    const uint8_t data[] = { 1, 2, 3, 4 };
    struct rd r = rd_over(data, sizeof(data));
    struct rd child = rd_sub(&r, 2);
    assert_int_equal(rd_u32(&child), 0);
    assert_true(child.bad);
    assert_false(r.bad); // the parent is as it was
    assert_int_equal(rd_u16(&r), 0x0304);
    child = rd_sub(&r, 1);
    assert_true(child.bad);
    assert_true(r.bad);
    assert_int_equal(rd_left(&child), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_big_endian),
        cmocka_unit_test(the_end_is_sticky),
        cmocka_unit_test(a_child_sees_only_its_own),
    };
    return UNIT_MAIN("base/rd", tests);
}
