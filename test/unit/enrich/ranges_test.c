// SPDX-License-Identifier: Apache-2.0
#include "enrich/ranges.h"

#include "mmdb_file.h"

static int add(struct ranges *r, const char *first, const char *last, uint32_t value)
{
    struct addr a = addr_of(first);
    struct addr b = addr_of(last);
    return ranges_add(r, &a, &b, value);
}

static uint32_t find(const struct ranges *r, const char *text)
{
    struct addr a = addr_of(text);
    return ranges_find(r, &a);
}

static struct ranges *new_ranges(void)
{
    struct ranges *r;
    assert_int_equal(ranges_new(&r), 0);
    return r;
}

static void apart(void **state)
{
    (void)state;
    struct ranges *r = new_ranges();
    assert_int_equal(add(r, "1.0.0.0", "1.0.0.255", 1), 0);
    assert_int_equal(add(r, "1.0.1.0", "1.0.1.0", 2), 0);
    assert_int_equal(add(r, "255.255.255.0", "255.255.255.255", 3), 0);
    assert_int_equal(add(r, "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", 4), 0);
    assert_int_equal(add(r, "ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 5), 0);
    assert_int_equal(ranges_finish(r), 0);
    assert_int_equal(find(r, "0.255.255.255"), 0);
    assert_int_equal(find(r, "1.0.0.0"), 1);
    assert_int_equal(find(r, "1.0.0.255"), 1);
    assert_int_equal(find(r, "1.0.1.0"), 2);
    assert_int_equal(find(r, "1.0.1.1"), 0);
    assert_int_equal(find(r, "::ffff:1.0.1.0"), 2);
    assert_int_equal(find(r, "255.255.255.255"), 3);
    assert_int_equal(find(r, "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"), 0);
    assert_int_equal(find(r, "2001:db8::"), 4);
    assert_int_equal(find(r, "2001:db8:0:0:ffff:ffff:ffff:ffff"), 4);
    assert_int_equal(find(r, "2001:db8:0:1::"), 0);
    assert_int_equal(find(r, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 5);
    const struct addr none = { 0 };
    assert_int_equal(ranges_find(r, &none), 0);
    ranges_free(r);
}

static void the_later_counts(void **state)
{
    (void)state;
    struct ranges *r = new_ranges();
    assert_int_equal(add(r, "10.0.0.0", "10.255.255.255", 1), 0);
    assert_int_equal(add(r, "10.0.0.0", "10.0.255.255", 2), 0);
    assert_int_equal(add(r, "10.0.1.0", "10.0.1.255", 3), 0);
    assert_int_equal(add(r, "10.0.3.0", "10.1.1.255", 4), 0); // longer than what it lies in
    assert_int_equal(add(r, "10.255.0.0", "11.0.0.255", 5), 0);
    assert_int_equal(ranges_finish(r), 0);
    assert_int_equal(find(r, "10.0.0.0"), 2);
    assert_int_equal(find(r, "10.0.1.0"), 3);
    assert_int_equal(find(r, "10.0.2.0"), 2);
    assert_int_equal(find(r, "10.0.255.255"), 4);
    assert_int_equal(find(r, "10.1.1.255"), 4);
    assert_int_equal(find(r, "10.1.2.0"), 1);
    assert_int_equal(find(r, "10.254.255.255"), 1);
    assert_int_equal(find(r, "10.255.0.0"), 5);
    assert_int_equal(find(r, "11.0.0.255"), 5);
    assert_int_equal(find(r, "11.0.1.0"), 0);
    ranges_free(r);
}

static void refuses(void **state)
{
    (void)state;
    struct ranges *r = new_ranges();
    assert_int_equal(add(r, "10.0.0.1", "10.0.0.0", 1), ERR_INVALID);
    assert_int_equal(add(r, "10.0.0.0", "10.0.0.0", 1), 0);
    assert_int_equal(add(r, "9.0.0.0", "9.0.0.0", 1), ERR_RANGE);
    assert_int_equal(add(r, "::", "::", 1), 0); // another size, another order
    for (unsigned i = 0; i < RANGES_DEPTH_MAX - 1; i++) {
        char first[32];
        char last[32];
        (void)snprintf(first, sizeof(first), "10.1.%u.0", i / 2);
        (void)snprintf(last, sizeof(last), "10.9.%u.%u", 255 - i / 2, 1 - i % 2);
        assert_int_equal(add(r, first, last, 2), 0);
    }
    assert_int_equal(add(r, "10.2.0.0", "10.2.0.1", 3), 0);
    assert_int_equal(add(r, "10.2.0.0", "10.2.0.0", 3), ERR_FULL);
    ranges_free(r);
}

/// Against what is plain: a table of all addresses of a small space.
static void as_a_table_has_it(void **state)
{
    (void)state;
    enum { SPACE = 512, RANGES = 60 };
    uint32_t seed = 1;
    for (int round = 0; round < 200; round++) {
        uint32_t table[SPACE] = { 0 };
        struct ranges *r = new_ranges();
        uint32_t first = 0;
        for (uint32_t value = 1; value <= RANGES && first < SPACE; value++) {
            seed = seed * 1664525 + 1013904223;
            uint32_t last = first + (seed >> 8) % 40;
            last = last < SPACE ? last : SPACE - 1;
            for (uint32_t i = first; i <= last; i++) {
                table[i] = value;
            }
            const uint8_t a[4] = { 10, 0, (uint8_t)(first >> 8), (uint8_t)first };
            const uint8_t b[4] = { 10, 0, (uint8_t)(last >> 8), (uint8_t)last };
            struct addr from = addr_v4(a);
            struct addr to = addr_v4(b);
            assert_int_equal(ranges_add(r, &from, &to, value), 0);
            first += (seed >> 20) % 16;
        }
        assert_int_equal(ranges_finish(r), 0);
        for (uint32_t i = 0; i < SPACE; i++) {
            const uint8_t bytes[4] = { 10, 0, (uint8_t)(i >> 8), (uint8_t)i };
            struct addr a = addr_v4(bytes);
            assert_int_equal(ranges_find(r, &a), table[i]);
        }
        ranges_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apart),
        cmocka_unit_test(the_later_counts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(as_a_table_has_it),
    };
    return UNIT_MAIN("enrich/ranges", tests);
}
