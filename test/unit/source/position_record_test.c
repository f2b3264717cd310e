// SPDX-License-Identifier: Apache-2.0
#include "../unit.h"
#include "source/position_record.h"

enum { LINE_SIZE_MAX = 4096 };

static const struct position_record RECORD = {
    .id = { .fingerprint = { 0xfedcba9876543210, 0x0123456789abcdef }, .number = 3 },
    .position = UINT64_MAX,
    .check = { .offset = 1, .tail = UINT64_MAX },
    .device = 4,
    .inode = 5,
    .finished_size = 6,
    .finished_mtime_ns = 7,
    .finished_end = 8,
    .used_s = 9,
    .early = { .offset = 10, .tail = 11 },
    .path = "/var/log/a b.log",
    .path_size = 16,
};

static size_t put(const struct position_record *r, char line[static LINE_SIZE_MAX])
{
    struct buf out;
    buf_init(&out, LINE_SIZE_MAX);
    position_record_append(r, &out);
    assert_false(out.bad);
    assert_int_equal(out.data[out.size - 1], '\n');
    size_t size = out.size - 1;
    memcpy(line, out.data, size);
    buf_release(&out);
    return size;
}

static void there_and_back(void **state)
{
    (void)state;
    char line[LINE_SIZE_MAX];
    struct position_record r;
    size_t size = put(&RECORD, line);
    assert_true(position_record_parse(line, size, &r));
    assert_int_equal(r.path_size, RECORD.path_size);
    assert_memory_equal(r.path, RECORD.path, r.path_size);
    r.path = RECORD.path;
    assert_memory_equal(&r, &RECORD, sizeof(r));
}

static void paths(void **state)
{
    (void)state;
    char line[LINE_SIZE_MAX];
    struct position_record r = RECORD;
    r.path = "a\nb";
    r.path_size = 3;
    size_t size = put(&r, line);
    assert_true(position_record_parse(line, size, &r));
    assert_memory_equal(r.path, "a?b", 3);
    r.path = NULL;
    r.path_size = 0;
    size = put(&r, line);
    assert_true(position_record_parse(line, size, &r));
    assert_int_equal(r.path_size, 0);
}

static void damage_is_seen_wherever_it_is(void **state)
{
    (void)state;
    char line[LINE_SIZE_MAX];
    struct position_record r;
    size_t size = put(&RECORD, line);
    for (size_t i = 0; i < size; i++) {
        assert_false(position_record_parse(line, i, &r)); // cut
        line[i] ^= 1;
        assert_false(position_record_parse(line, size, &r));
        line[i] ^= 1;
    }
    assert_true(position_record_parse(line, size, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(paths),
        cmocka_unit_test(damage_is_seen_wherever_it_is),
    };
    return UNIT_MAIN("position_record", tests);
}
