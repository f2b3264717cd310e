// SPDX-License-Identifier: Apache-2.0
#include "store/rest.h"

#include "../unit.h"

enum { SIZE_MAX_TEST = 1 << 16 };

static void make(struct buf *out)
{
    buf_init(out, SIZE_MAX_TEST);
    rest_put(out, REST_EXTRA, "\"a\"", 3, "[1]", 3);
    rest_put(out, REST_ORIGINAL, "", 0, "a line", 6);
    rest_put(out, REST_CUSTOM_BYTES, "payload", 7, "", 0);
}

static void entries_come_back_in_order(void **state)
{
    (void)state;
    struct buf b;
    struct rest_reader r;
    struct rest_entry e;
    make(&b);
    rest_read(&r, b.data, b.size);
    assert_true(rest_next(&r, &e));
    assert_int_equal(e.tag, REST_EXTRA);
    assert_int_equal(e.name_size, 3);
    assert_memory_equal(e.name, "\"a\"", 3);
    assert_memory_equal(e.value, "[1]", 3);
    assert_true(rest_next(&r, &e));
    assert_int_equal(e.tag, REST_ORIGINAL);
    assert_int_equal(e.value_size, 6);
    assert_true(rest_next(&r, &e));
    assert_int_equal(e.tag, REST_CUSTOM_BYTES);
    assert_int_equal(e.value_size, 0);
    assert_false(rest_next(&r, &e));
    assert_false(r.damaged);
    rest_read(&r, NULL, 0); // nothing is fine
    assert_false(rest_next(&r, &e));
    assert_false(r.damaged);
    buf_release(&b);
}

/// Reads all entries; every byte that is told of lies within.
static size_t read_all(const uint8_t *bytes, size_t size, bool *ret_damaged)
{
    struct rest_reader r;
    struct rest_entry e;
    size_t count = 0;
    rest_read(&r, bytes, size);
    while (rest_next(&r, &e)) {
        assert_true((const uint8_t *)e.name >= bytes);
        assert_true(e.value + e.value_size <= bytes + size);
        assert_true(e.tag < REST_TAG_COUNT);
        count++;
    }
    *ret_damaged = r.damaged;
    return count;
}

static void damage_does_no_harm(void **state)
{
    (void)state;
    struct buf b;
    bool damaged;
    size_t told = 0;
    make(&b);
    for (size_t size = 1; size < b.size; size++) {
        size_t count = read_all(b.data, size, &damaged);
        assert_true(count < 3);
        told += damaged;
    }
    assert_int_equal(told, b.size - 1 - 3); // but where it ends between two entries
    for (size_t at = 0; at < b.size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            b.data[at] ^= (uint8_t)(1 << bit);
            (void)read_all(b.data, b.size, &damaged);
            b.data[at] ^= (uint8_t)(1 << bit);
        }
    }
    b.data[0]++;
    assert_int_equal(read_all(b.data, b.size, &damaged), 0); // another version
    assert_true(damaged);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back_in_order),
        cmocka_unit_test(damage_does_no_harm),
    };
    return UNIT_MAIN("store/rest", tests);
}
