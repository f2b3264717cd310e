// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <unistd.h>

#include "../unit.h"
#include "base/hash.h"
#include "source/alike.h"
#include "source/lines.h"

enum { SIZE = 100000 };

static int make_file(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/weir-alike-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
    return fd;
}

static void fill(uint8_t data[static SIZE])
{
    for (size_t i = 0; i < SIZE; i++) {
        data[i] = (uint8_t)(i * 31 + i / 251);
    }
}

static void beginnings(void **state)
{
    (void)state;
    static uint8_t data[SIZE];
    fill(data);
    int whole = make_file(data, SIZE);
    int half = make_file(data, SIZE / 2);
    int empty = make_file(data, 0);
    data[SIZE / 2 + 1] ^= 1;
    int other = make_file(data, SIZE);
    assert_true(files_begin_alike(whole, half));
    assert_true(files_begin_alike(half, other)); // as far as both go
    assert_true(files_begin_alike(empty, whole));
    assert_false(files_begin_alike(whole, other));
    assert_int_equal(lseek(whole, 0, SEEK_CUR), SIZE); // nobody noticed
    (void)close(whole);
    (void)close(half);
    (void)close(empty);
    (void)close(other);
}

static void tails(void **state)
{
    (void)state;
    static uint8_t data[SIZE];
    fill(data);
    int fd = make_file(data, SIZE);
    assert_false(file_tail_is(fd, 0, hash64("", 0))); // none tells nothing
    assert_true(file_tail_is(fd, 10, hash64(data, 10)));
    assert_true(
        file_tail_is(fd, SIZE, hash64(data + SIZE - POSITION_TAIL_SIZE, POSITION_TAIL_SIZE)));
    assert_false(
        file_tail_is(fd, SIZE - 1, hash64(data + SIZE - POSITION_TAIL_SIZE, POSITION_TAIL_SIZE)));
    assert_false(file_tail_is(fd, SIZE + 1, 0)); // it is shorter
    (void)close(fd);
}

/// As lines_fingerprint() says.
static void first_lines(void **state)
{
    (void)state;
    static const char *const TEXTS[] = { "one\ntwo\n", "one\r\n", "one\n" };
    struct hash128 one = hash128("one", 3);
    uint64_t fingerprint[2] = { one.low, one.high };
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        int fd = make_file((const uint8_t *)TEXTS[i], strlen(TEXTS[i]));
        struct lines *lines;
        struct err err;
        uint64_t theirs[2];
        assert_true(file_has_fingerprint(fd, fingerprint));
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(lines_new(fd, "x", 100, &lines, &err), 0);
        assert_int_equal(lines_fingerprint(lines, false, theirs), 0);
        assert_memory_equal(theirs, fingerprint, sizeof(theirs));
        lines_free(lines);
    }
    static const char *const OTHERS[] = { "", "one", "two\none\n", "\none\n" };
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        int fd = make_file((const uint8_t *)OTHERS[i], strlen(OTHERS[i]));
        assert_false(file_has_fingerprint(fd, fingerprint));
        (void)close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beginnings),
        cmocka_unit_test(tails),
        cmocka_unit_test(first_lines),
    };
    return UNIT_MAIN("alike", tests);
}
