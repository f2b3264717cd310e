// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "../unit.h"
#include "base/hash.h"
#include "base/limits.h"
#include "source/lines.h"

enum { LINES_MAX = 4 };

static char path[] = "/tmp/weir-lines-XXXXXX";

static void write_file(const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void append_text(const char *text)
{
    FILE *f = fopen(path, "ab");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct lines *open_lines(size_t size_max)
{
    struct lines *l;
    struct err err;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(lines_new(fd, path, size_max, &l, &err), 0);
    return l;
}

/// Reads one line and compares it; `text` NULL: there is none, in this state.
static void expect(struct lines *l, bool final, const char *text, enum lines_state state)
{
    struct line line;
    enum lines_state is;
    size_t n = lines_read(l, final, &line, 1, &is);
    if (text == NULL) {
        assert_int_equal(n, 0);
        assert_int_equal(is, state);
        return;
    }
    assert_int_equal(n, 1);
    assert_int_equal(line.size, strlen(text));
    assert_memory_equal(line.data, text, line.size);
}

static void plain_lines_have_offsets(void **state)
{
    (void)state;
    write_file("one\ntwo\r\n\nfour", 14);
    struct lines *l = open_lines(100);
    struct line lines[LINES_MAX];
    enum lines_state is;
    assert_int_equal(lines_read(l, false, lines, LINES_MAX, &is), 3);
    assert_int_equal(lines[0].offset, 0);
    assert_int_equal(lines[0].end, 4);
    assert_int_equal(lines[1].size, 3); // CR LF is one line end
    assert_int_equal(lines[1].end, 9);
    assert_int_equal(lines[2].size, 0);
    expect(l, false, NULL, LINES_END);
    assert_int_equal(lines_offset(l), 10);
    assert_int_equal(lines_pending(l), 4);
    append_text("!\n"); // it grows, and the line is whole
    expect(l, false, "four!", LINES_MORE);
    expect(l, false, NULL, LINES_END);
    append_text("last");
    expect(l, false, NULL, LINES_END);
    expect(l, true, "last", LINES_END); // nothing follows: it is a line too
    assert_int_equal(lines_offset(l), 20);
    lines_free(l);
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG + 100);
    assert_non_null(text);
    memset(text, 'x', LONG);
    strcpy(text + LONG, "\nshort\nexactly-10\nexactly--11\n");
    write_file(text, strlen(text));
    struct lines *l = open_lines(10);
    struct line line;
    enum lines_state is;
    assert_int_equal(lines_read(l, false, &line, 1, &is), 1);
    assert_true(line.cut);
    assert_int_equal(line.size, 10);
    assert_int_equal(line.end, LONG + 1);
    expect(l, false, "short", LINES_MORE);
    expect(l, false, "exactly-10", LINES_MORE);
    assert_int_equal(lines_read(l, false, &line, 1, &is), 1);
    assert_true(line.cut);
    assert_memory_equal(line.data, "exactly--1", 10);
    expect(l, false, NULL, LINES_END);
    lines_free(l);

    write_file(text, LONG); // without an end
    l = open_lines(1000);
    expect(l, false, NULL, LINES_END);
    assert_int_equal(lines_offset(l), 0); // not given out yet
    assert_int_equal(lines_pending(l), LONG);
    append_text("yy\nz\n");
    assert_int_equal(lines_read(l, false, &line, 1, &is), 1);
    assert_true(line.cut);
    assert_int_equal(line.end, LONG + 3);
    expect(l, false, "z", LINES_MORE);
    lines_free(l);
    free(text);
}

static void a_position_is_found_again(void **state)
{
    (void)state;
    static char text[20001];
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(text + 10 * (size_t)i, 11, "line %04d\n", i); // fits
    }
    write_file(text, 20000);
    struct lines *l = open_lines(100);
    struct line lines[LINES_MAX];
    enum lines_state is;
    uint64_t fingerprint[2];
    assert_int_equal(lines_fingerprint(l, false, fingerprint), 0);
    struct hash128 first = hash128("line 0000", 9);
    assert_int_equal(fingerprint[0], first.low);
    assert_int_equal(fingerprint[1], first.high);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(lines_read(l, false, lines, LINES_MAX, &is), LINES_MAX);
    }
    uint64_t tail = lines_tail(l);
    uint64_t offset = lines_offset(l);
    assert_int_equal(offset, 12000);
    assert_int_equal(tail, hash64(text + offset - POSITION_TAIL_SIZE, POSITION_TAIL_SIZE));
    lines_free(l);

    l = open_lines(100);
    uint64_t again;
    assert_int_equal(lines_seek(l, offset, &again), 0);
    assert_int_equal(again, tail);
    expect(l, false, "line 1200", LINES_MORE);
    assert_int_equal(lines_seek(l, 10, &again), 0);
    assert_int_equal(again, hash64(text, 10));
    expect(l, false, "line 0001", LINES_MORE);
    assert_int_equal(lines_seek(l, 20001, &again), ERR_RANGE);
    expect(l, false, "line 0000", LINES_MORE); // at the start again
    lines_free(l);
}

static size_t gzip_of(const char *text, size_t size, uint8_t *out, size_t out_size)
{
    z_stream z = { 0 };
    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (uint8_t *)(uintptr_t)text;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)out_size;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t made = out_size - z.avail_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
    return made;
}

static void compressed_files_are_read_whole(void **state)
{
    (void)state;
    static char text[400001];
    static uint8_t packed[500000];
    for (int i = 0; i < 40000; i++) {
        (void)snprintf(text + 10 * (size_t)i, 11, "line %04d\n", i % 10000); // cut to fit
    }
    size_t sizes[2];
    sizes[0] = gzip_of(text, 200000, packed, sizeof(packed)); // two members
    sizes[0] += gzip_of(text + 200000, 199999, packed + sizes[0], sizeof(packed) - sizes[0]);
    for (int zstd = 0; zstd < 2; zstd++) {
        if (zstd) {
            sizes[1] = ZSTD_compress(packed, sizeof(packed), text, 399999, 1);
        }
        write_file(packed, sizes[zstd]);
        struct lines *l = open_lines(100);
        struct line line;
        enum lines_state is = LINES_MORE;
        int count = 0;
        while (is == LINES_MORE) {
            size_t n = lines_read(l, false, &line, 1, &is);
            assert_true(n == 0 || memcmp(line.data, text + 10 * (size_t)count, 9) == 0);
            assert_true(n == 0 || line.offset == 10 * (uint64_t)count);
            count += (int)n;
        }
        assert_int_equal(is, LINES_DONE);
        assert_int_equal(count, 40000); // the last one had no line end
        assert_true(lines_is_compressed(l));
        uint64_t tail;
        assert_int_equal(lines_seek(l, 123450, &tail), 0);
        assert_int_equal(tail, hash64(text + 123450 - POSITION_TAIL_SIZE, POSITION_TAIL_SIZE));
        expect(l, false, "line 2345", LINES_MORE);
        assert_int_equal(lines_seek(l, 400000, &tail), ERR_RANGE);
        expect(l, false, "line 0000", LINES_MORE);
        lines_free(l);
    }
}

static void damage_is_named(void **state)
{
    (void)state;
    static char text[30000];
    static uint8_t packed[40000];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 100 == 99 ? '\n' : (char)('a' + (i * i) % 23);
    }
    size_t size = gzip_of(text, sizeof(text), packed, sizeof(packed));
    write_file(packed, size / 2); // it may still be being written
    struct lines *l = open_lines(1000);
    struct line line;
    enum lines_state is = LINES_MORE;
    size_t count = 0;
    while (is == LINES_MORE) {
        count += lines_read(l, false, &line, 1, &is);
    }
    assert_int_equal(is, LINES_BAD);
    assert_string_equal(lines_problem(l), "ends in the middle of its compressed data");
    FILE *f = fopen(path, "ab");
    assert_non_null(f);
    assert_int_equal(fwrite(packed + size / 2, 1, size - size / 2, f), size - size / 2);
    assert_int_equal(fclose(f), 0);
    is = LINES_MORE;
    while (is == LINES_MORE) {
        count += lines_read(l, false, &line, 1, &is);
    }
    assert_int_equal(is, LINES_DONE);
    assert_int_equal(count, 300);
    lines_free(l);

    packed[size / 2] ^= 0xff;
    write_file(packed, size);
    l = open_lines(1000);
    is = LINES_MORE;
    while (is == LINES_MORE) {
        (void)lines_read(l, false, &line, 1, &is);
    }
    assert_int_equal(is, LINES_BAD);
    assert_string_equal(lines_problem(l), "the compressed data are damaged");
    lines_free(l);
}

static void a_fingerprint_needs_a_whole_line(void **state)
{
    (void)state;
    uint64_t a[2];
    uint64_t b[2];
    write_file("begin", 5);
    struct lines *l = open_lines(100);
    assert_int_equal(lines_fingerprint(l, false, a), ERR_NOT_FOUND);
    assert_int_equal(lines_fingerprint(l, true, a), 0);
    append_text("\r\nmore");
    assert_int_equal(lines_fingerprint(l, false, b), 0);
    assert_memory_equal(a, b, sizeof(a));  // with or without its line end
    expect(l, false, "begin", LINES_MORE); // nothing was consumed
    lines_free(l);
    write_file("", 0);
    l = open_lines(100);
    assert_int_equal(lines_fingerprint(l, true, a), ERR_NOT_FOUND);
    lines_free(l);
    write_file("\x1f", 1); // perhaps the beginning of a gzip file
    l = open_lines(100);
    assert_int_equal(lines_fingerprint(l, false, a), ERR_NOT_FOUND);
    expect(l, true, "\x1f", LINES_END);
    lines_free(l);
}

static void a_pipe_is_read_once(void **state)
{
    (void)state;
    int ends[2];
    struct lines *l;
    struct err err;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a\nb", 3), 3);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(lines_new(ends[0], "-", 100, &l, &err), 0);
    expect(l, false, "a", LINES_MORE);
    expect(l, false, "b", LINES_DONE);
    expect(l, false, NULL, LINES_DONE);
    lines_free(l);
}

int main(void)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_have_offsets),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(a_position_is_found_again),
        cmocka_unit_test(compressed_files_are_read_whole),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(a_fingerprint_needs_a_whole_line),
        cmocka_unit_test(a_pipe_is_read_once),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path); // it was there
    return failed;
}
