// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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

    for (size_t size = 9; size <= 12; size++) { // the last one, without an end
        write_file(text, size);
        l = open_lines(10);
        assert_int_equal(lines_read(l, true, &line, 1, &is), 1);
        assert_int_equal(line.cut, size > 10);
        assert_int_equal(line.size, size > 10 ? 10 : size);
        assert_int_equal(line.end, size);
        lines_free(l);
    }
    write_file("1234567890\r", 11);
    l = open_lines(10);
    expect(l, true, "1234567890", LINES_END);
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

enum { WINDOW = 256 << 10, BIG_SIZE = 3 * WINDOW }; // what is read at once

/// Reads all lines by `max` at a time and compares them with `text`, cut at its line ends.
static void expect_all(const char *text, size_t size, size_t max, bool final)
{
    static struct line lines[600];
    struct lines *l = open_lines(LOG_LINE_SIZE_MAX);
    enum lines_state is = LINES_MORE;
    size_t at = 0;
    for (size_t n = 1; n > 0 || is == LINES_MORE;) {
        n = lines_read(l, final, lines, max, &is);
        for (size_t i = 0; i < n; i++) {
            const char *end = memchr(text + at, '\n', size - at);
            size_t length = end == NULL ? size - at : (size_t)(end - (text + at));
            size_t whole = length + (end != NULL);
            length -= length > 0 && text[at + length - 1] == '\r';
            assert_int_equal(lines[i].offset, at);
            assert_int_equal(lines[i].size, length);
            assert_memory_equal(lines[i].data, text + at, length);
            assert_int_equal(lines[i].end, at + whole);
            assert_false(lines[i].cut);
            at += whole;
        }
        assert_int_equal(lines_offset(l), at);
        size_t tail = at < POSITION_TAIL_SIZE ? at : POSITION_TAIL_SIZE;
        assert_true(lines_tail(l) == hash64(text + at - tail, tail));
    }
    const char *last = memrchr(text, '\n', size);
    assert_int_equal(at, final || last == NULL ? size : (size_t)(last - text) + 1);
    assert_int_equal(lines_pending(l), size - at);
    lines_free(l);
}

/// A line end, or CR and LF, at and around each place where the window ends.
static void lines_cross_the_window(void **state)
{
    static char text[BIG_SIZE];
    (void)state;
    for (size_t edge = WINDOW - 2; edge <= WINDOW + 2; edge++) {
        for (int crlf = 0; crlf < 2; crlf++) {
            for (size_t i = 0; i < BIG_SIZE; i++) {
                text[i] = (char)('a' + i % 23);
            }
            for (size_t at = 99; at + 99 < BIG_SIZE; at += at < edge - 200 ? 97 : 1001) {
                text[at] = '\n';
                text[at - 1] = crlf != 0 ? '\r' : text[at - 1];
            }
            text[edge] = '\n';
            text[edge - 1] = crlf != 0 ? '\r' : text[edge - 1];
            text[BIG_SIZE - 1] = edge % 2 == 0 ? '\n' : 'z';
            write_file(text, BIG_SIZE);
            expect_all(text, BIG_SIZE, edge % 2 == 0 ? 512 : 7, true);
        }
    }
}

/// One line of each length around the window's size, with lines before and behind it.
static void long_lines_grow_the_window(void **state)
{
    static char text[2 * BIG_SIZE + 100];
    static const size_t LENGTHS[] = { WINDOW - 7,     WINDOW - 1,     WINDOW,         WINDOW + 1,
                                      2 * WINDOW - 1, 2 * WINDOW + 3, 2 * WINDOW + 9, BIG_SIZE };
    (void)state;
    for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
        size_t at = (size_t)sprintf(text, "first\n\nthird\r\n");
        memset(text + at, 'x', LENGTHS[i]);
        at += LENGTHS[i];
        at += (size_t)sprintf(text + at, "\nafter\n");
        memset(text + at, 'y', LENGTHS[i]);
        at += LENGTHS[i];
        at += i % 2 == 0 ? (size_t)sprintf(text + at, "\r\n") : 0;
        write_file(text, at);
        expect_all(text, at, 1, true);
        expect_all(text, at, 512, false);
    }
}

/// A line one byte longer than may be, at each place around the window's end, is cut, and what
/// follows is whole.
static void the_line_after_a_cut_one_is_whole(void **state)
{
    enum { MAX = 2000 };
    static char text[BIG_SIZE];
    (void)state;
    for (size_t begin = WINDOW - MAX - 3; begin < WINDOW + 3; begin += 97) {
        for (int extra = -1; extra <= 2; extra++) {
            bool crlf = begin % 2 == 0;
            size_t length = (size_t)(MAX + extra);
            memset(text, 'a', begin);
            for (size_t at = 999; at < begin - 1; at += 1000) {
                text[at] = '\n';
            }
            text[begin - 1] = '\n';
            memset(text + begin, 'b', length);
            size_t size = begin + length;
            size += (size_t)sprintf(text + size, crlf ? "\r\nnext\r\n" : "\nnext\n");
            write_file(text, size);
            struct lines *l = open_lines(MAX);
            struct line line = { .size = 0 };
            enum lines_state is;
            do {
                assert_int_equal(lines_read(l, false, &line, 1, &is), 1);
            } while (line.offset < begin);
            assert_int_equal(line.offset, begin);
            assert_int_equal(line.end, begin + length + 1 + crlf);
            assert_int_equal(line.cut, extra > 0);
            assert_int_equal(line.size, extra > 0 ? MAX : length);
            assert_memory_equal(line.data, text + begin, line.size);
            expect(l, false, "next", LINES_MORE);
            expect(l, false, NULL, LINES_END);
            lines_free(l);
        }
    }
}

/// Bytes come one by one, as from a writer that is slow: each line is given once, whole.
static void a_slow_writer(void **state)
{
    static const char TEXT[] = "{\"a\":1}\r\n\n\r\n{\"b\":22}\nx";
    (void)state;
    write_file("", 0);
    struct lines *l = open_lines(100);
    struct line line;
    enum lines_state is;
    size_t given = 0;
    for (size_t i = 0; i < sizeof(TEXT) - 1; i++) {
        append_text((char[2]){ TEXT[i], '\0' });
        while (lines_read(l, false, &line, 1, &is) == 1) {
            assert_int_equal(line.offset, given);
            assert_int_equal(line.end, i + 1);
            given = line.end;
        }
        assert_int_equal(is, LINES_END);
        assert_int_equal(lines_offset(l), given);
        assert_int_equal(lines_pending(l), i + 1 - given);
    }
    assert_int_equal(given, sizeof(TEXT) - 2);
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

/// The lines of a damaged file, of ten bytes each, are those that were packed; how many are. Behind
/// so many that are sure, damage may look like text until it is seen.
static int count_lines(const char *text, int sure, const char *problem)
{
    struct lines *l = open_lines(100);
    struct line line;
    enum lines_state is = LINES_MORE;
    int count = 0;
    while (is == LINES_MORE) {
        size_t n = lines_read(l, false, &line, 1, &is);
        bool same = n == 1 && line.size == 9 && memcmp(line.data, text + 10 * count, 9) == 0;
        assert_true(same || n == 0 || count >= sure);
        count += same;
    }
    assert_int_equal(is, LINES_BAD);
    assert_string_equal(lines_problem(l), problem);
    enum lines_state again;
    assert_int_equal(lines_read(l, false, &line, 1, &again), 0); // for good
    assert_int_equal(again, LINES_BAD);
    lines_free(l);
    return count;
}

/// What stands before the damage is given.
static void lines_before_damage_are_given(void **state)
{
    enum { COUNT = 30000 };
    static char text[10 * COUNT + 1];
    static uint8_t packed[400000];
    unsigned seed = 1;
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(text + 10 * (size_t)i, 11, "%09u\n",
                       (unsigned)rand_r(&seed) % 1000000000U); // fits
    }
    size_t size = gzip_of(text, 10 * COUNT, packed, sizeof(packed));
    memset(packed + size * 9 / 10, 0xff, 50);
    write_file(packed, size);
    int count = count_lines(text, COUNT * 8 / 10, "the compressed data are damaged");
    assert_true(count >= COUNT * 8 / 10);

    size = gzip_of(text, 10 * COUNT, packed, sizeof(packed));
    packed[size - 5] ^= 1; // the checksum: all lines were given when it is seen
    write_file(packed, size);
    assert_int_equal(count_lines(text, COUNT, "the compressed data are damaged"), COUNT);

    packed[size - 5] ^= 1;
    memcpy(packed + size, "trailing", 8);
    write_file(packed, size + 8);
    assert_int_equal(count_lines(text, COUNT, "the compressed data are damaged"), COUNT);

    size = ZSTD_compress(packed, sizeof(packed), text, 10 * COUNT, 3);
    assert_false(ZSTD_isError(size));
    write_file(packed, size - 10);
    assert_true(count_lines(text, COUNT, "ends in the middle of its compressed data") >= COUNT / 2);
    write_file(packed, 7); // nothing but a header
    assert_int_equal(count_lines(text, COUNT, "ends in the middle of its compressed data"), 0);
    struct lines *l = open_lines(100);
    uint64_t fingerprint[2];
    assert_int_equal(lines_fingerprint(l, true, fingerprint), ERR_NOT_FOUND);
    assert_string_equal(lines_problem(l), "ends in the middle of its compressed data");
    lines_free(l);
}

/// The same lines, plain and packed, have the same fingerprint, offsets, and hashes before them.
static void a_file_and_its_gz_agree(void **state)
{
    enum { COUNT = 30000 };
    static char text[COUNT * 14];
    static uint8_t packed[500000];
    static struct {
        uint64_t fingerprint[2];
        uint64_t tails[COUNT];
    } of[3];
    size_t size = 0;
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        size += (size_t)sprintf(text + size, "%d%s", i * i, i % 3 == 0 ? "\r\n" : "\n");
    }
    for (int kind = 0; kind < 3; kind++) {
        if (kind == 0) {
            write_file(text, size);
        } else {
            size_t half = gzip_of(text, size / 2, packed, sizeof(packed));
            half += gzip_of(text + size / 2, size - size / 2, packed + half, sizeof(packed) - half);
            size_t zstd =
                kind == 2 ? ZSTD_compress(packed, sizeof(packed), text, size, 3) : (size_t)0;
            write_file(packed, kind == 2 ? zstd : half);
        }
        struct lines *l = open_lines(100);
        struct line line;
        enum lines_state is = LINES_MORE;
        size_t count = 0;
        assert_int_equal(lines_fingerprint(l, false, of[kind].fingerprint), 0);
        while (lines_read(l, false, &line, 1, &is) == 1) {
            assert_ptr_equal(memchr(text + line.offset, '\n', 20), text + line.end - 1);
            of[kind].tails[count++] = lines_tail(l);
        }
        assert_int_equal(count, COUNT);
        assert_int_equal(is, kind == 0 ? LINES_END : LINES_DONE);
        lines_free(l);
    }
    assert_memory_equal(&of[0], &of[1], sizeof(of[0]));
    assert_memory_equal(&of[0], &of[2], sizeof(of[0]));
}

/// A long line's fingerprint is that of its beginning, wherever the window ends.
static void a_fingerprint_of_a_long_line(void **state)
{
    static char text[BIG_SIZE];
    uint64_t a[2];
    uint64_t b[2];
    (void)state;
    memset(text, 'x', BIG_SIZE);
    write_file(text, BIG_SIZE);
    struct lines *l = open_lines(1 << 20);
    assert_int_equal(lines_fingerprint(l, false, a), ERR_NOT_FOUND); // it has no end yet
    lines_free(l);
    l = open_lines(100000); // too long whatever follows
    assert_int_equal(lines_fingerprint(l, false, a), 0);
    struct hash128 hash = hash128(text, LOG_LINE_CUT_SIZE);
    assert_int_equal(a[0], hash.low);
    append_text("yy\nz\n");
    assert_int_equal(lines_fingerprint(l, false, b), 0);
    assert_memory_equal(a, b, sizeof(a));
    struct line line;
    enum lines_state is;
    assert_int_equal(lines_read(l, false, &line, 1, &is), 1);
    assert_true(line.cut);
    expect(l, false, "z", LINES_MORE);
    lines_free(l);
}

/// More than the window at once behind a first byte that might begin a gzip file.
static void a_gzip_file_that_began_with_one_byte(void **state)
{
    enum { COUNT = 60000 };
    static char text[10 * COUNT + 1];
    static uint8_t packed[800000];
    unsigned seed = 3;
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(text + 10 * (size_t)i, 11, "%c%c%c%c%c%c%c%c%c\n", 33 + rand_r(&seed) % 90,
                       33 + rand_r(&seed) % 90, 33 + rand_r(&seed) % 90, 33 + rand_r(&seed) % 90,
                       33 + rand_r(&seed) % 90, 33 + rand_r(&seed) % 90, 33 + rand_r(&seed) % 90,
                       33 + rand_r(&seed) % 90, 33 + rand_r(&seed) % 90); // fits
    }
    size_t size = gzip_of(text, 10 * COUNT, packed, sizeof(packed));
    assert_true(size > WINDOW + 1);
    write_file(packed, 1);
    struct lines *l = open_lines(100);
    expect(l, false, NULL, LINES_END);
    write_file(packed, size);
    struct line line;
    enum lines_state is = LINES_MORE;
    int count = 0;
    while (is == LINES_MORE) {
        size_t n = lines_read(l, false, &line, 1, &is);
        assert_true(n == 0 || memcmp(line.data, text + 10 * count, 9) == 0);
        count += (int)n;
    }
    assert_int_equal(is, LINES_DONE);
    assert_int_equal(count, COUNT);
    lines_free(l);
}

static void *stop_soon(void *argument)
{
    _Atomic bool *stop = argument;
    (void)usleep(50000);
    atomic_store(stop, true);
    return NULL;
}

static void a_quiet_pipe_can_be_left(void **state)
{
    int ends[2];
    struct lines *l;
    struct err err;
    struct line line;
    enum lines_state is;
    pthread_t thread;
    _Atomic bool stop = false;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a\nb", 3), 3);
    assert_int_equal(lines_new(ends[0], "-", 100, &l, &err), 0);
    lines_set_stop(l, &stop);
    expect(l, false, "a", LINES_MORE);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    assert_int_equal(lines_read(l, true, &line, 1, &is), 0);
    assert_int_equal(is, LINES_BAD);
    assert_string_equal(lines_problem(l), "was interrupted");
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(close(ends[1]), 0);
    lines_free(l);
}

static void what_is_no_file_is_said(void **state)
{
    struct lines *l;
    struct err err;
    uint64_t fingerprint[2];
    (void)state;
    assert_int_equal(lines_new(open("/tmp", O_RDONLY), "/tmp", 100, &l, &err), 0);
    assert_int_equal(lines_fingerprint(l, true, fingerprint), ERR_INVALID);
    assert_string_equal(lines_problem(l), "is a directory; name the files in it");
    lines_free(l);
    lines_free(NULL);
    assert_int_equal(lines_new(-1, "gone", 100, &l, &err), ERR_IO);
    assert_non_null(strstr(err.text, "gone"));
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

static void truncation_is_seen_however_long_the_file_is_then(void **state)
{
    (void)state;
    uint64_t fingerprint[2];
    const char *const texts[] = { "x\n",                   // shorter
                                  "uno\ndos\n",            // as long
                                  "uno\ndos\ntres\nhal" }; // longer
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_file("one\ntwo\n", 8);
        struct lines *l = open_lines(100);
        expect(l, false, "one", LINES_MORE);
        expect(l, false, "two", LINES_MORE);
        expect(l, false, NULL, LINES_END);
        write_file(texts[i], strlen(texts[i])); // fopen("w") truncates
        expect(l, false, NULL, LINES_REPLACED);
        expect(l, true, NULL, LINES_REPLACED); // and it stays so
        assert_int_equal(lines_offset(l), 8);
        assert_int_equal(lines_tail(l), hash64("one\ntwo\n", 8));
        lines_free(l);
    }
    write_file("hal", 3); // within the first line
    struct lines *l = open_lines(100);
    assert_int_equal(lines_fingerprint(l, false, fingerprint), ERR_NOT_FOUND);
    write_file("other\n", 6);
    assert_int_equal(lines_fingerprint(l, false, fingerprint), ERR_CLOSED);
    lines_free(l);
}

/// What was read with the first line belongs to it: it is not read again for the seek.
static void a_seek_to_where_it_is(void **state)
{
    (void)state;
    uint64_t fingerprint[2];
    uint64_t tail;
    write_file("one\ntwo\n", 8);
    struct lines *l = open_lines(100);
    assert_int_equal(lines_fingerprint(l, false, fingerprint), 0);
    write_file("uno\ndos\n", 8);
    assert_int_equal(lines_seek(l, 0, &tail), 0);
    assert_int_equal(tail, hash64("", 0));
    expect(l, false, "one", LINES_MORE);
    lines_free(l);
}

static void rest_gives_back_what_can_be_read_again(void **state)
{
    (void)state;
    write_file("one\ntwo\nthree\nfo", 16);
    struct lines *l = open_lines(100);
    expect(l, false, "one", LINES_MORE);
    lines_rest(l);
    assert_int_equal(lines_offset(l), 4);
    assert_int_equal(lines_pending(l), 0);
    assert_int_equal(lines_tail(l), hash64("one\n", 4));
    expect(l, false, "two", LINES_MORE);
    lines_rest(l);
    lines_rest(l);
    append_text("ur\n");
    expect(l, false, "three", LINES_MORE);
    expect(l, false, "four", LINES_MORE);
    expect(l, false, NULL, LINES_END);
    lines_free(l);
}

int main(void)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncation_is_seen_however_long_the_file_is_then),
        cmocka_unit_test(a_seek_to_where_it_is),
        cmocka_unit_test(rest_gives_back_what_can_be_read_again),
        cmocka_unit_test(plain_lines_have_offsets),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(a_position_is_found_again),
        cmocka_unit_test(compressed_files_are_read_whole),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(a_fingerprint_needs_a_whole_line),
        cmocka_unit_test(a_pipe_is_read_once),
        cmocka_unit_test(lines_cross_the_window),
        cmocka_unit_test(long_lines_grow_the_window),
        cmocka_unit_test(the_line_after_a_cut_one_is_whole),
        cmocka_unit_test(a_slow_writer),
        cmocka_unit_test(lines_before_damage_are_given),
        cmocka_unit_test(a_file_and_its_gz_agree),
        cmocka_unit_test(a_fingerprint_of_a_long_line),
        cmocka_unit_test(a_gzip_file_that_began_with_one_byte),
        cmocka_unit_test(a_quiet_pipe_can_be_left),
        cmocka_unit_test(what_is_no_file_is_said),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path); // it was there
    return failed;
}
