// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a file of lines, plain or compressed: read in pieces of several sizes, all at once
 * or as the file grows, each line is given once, with nothing between, and the same ones each time;
 * a place that is sought gives the hash and the lines that were found there.
 *
 * The first byte chooses the longest line and how the file grows.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "fuzz.h"
#include "source/lines.h"

enum { LINES_MAX = 8, READ_MAX = 64 << 20 };

/// What was read: a hash over lines and offsets, and where it ended.
struct result {
    uint64_t hash;
    uint64_t end;
    uint64_t tail;
    uint64_t middle; ///< the end of some line
    uint64_t middle_tail;
    uint64_t rest; ///< hash over the lines behind it
    enum lines_state state;
};

static struct lines *open_lines(int fd, size_t line_max)
{
    struct lines *l;
    struct err err;
    int copy = dup(fd);
    CHECK(copy >= 0);
    CHECK(lseek(copy, 0, SEEK_SET) == 0);
    CHECK(lines_new(copy, "fuzz", line_max, &l, &err) == 0);
    return l;
}

static uint64_t add(uint64_t hash, const struct line *line)
{
    uint64_t parts[4] = { hash, line->offset, line->end, line->cut };
    return hash64_seeded(line->data, line->size, hash64(parts, sizeof(parts)));
}

static void take(struct result *r, const struct lines *l, const struct line *lines, size_t n,
                 size_t line_max)
{
    for (size_t i = 0; i < n; i++) {
        CHECK(lines[i].offset == r->end);
        CHECK(lines[i].end >= lines[i].offset + lines[i].size);
        CHECK(lines[i].size <= line_max);
        CHECK(lines[i].cut || memchr(lines[i].data, '\n', lines[i].size) == NULL);
        r->end = lines[i].end;
        r->hash = add(r->hash, &lines[i]);
        r->rest = add(r->rest, &lines[i]);
    }
    CHECK(lines_offset(l) == r->end);
    r->tail = lines_tail(l);
}

/// To the end; *r has what came before.
static void read_all(struct lines *l, bool final, size_t max, size_t line_max, struct result *r)
{
    struct line lines[LINES_MAX];
    size_t n;
    do {
        n = lines_read(l, final, lines, max, &r->state);
        take(r, l, lines, n, line_max);
        if (r->middle == 0 && n > 0) {
            r->middle = r->end;
            r->middle_tail = r->tail;
            r->rest = 0;
        }
        CHECK(r->end < READ_MAX || n > 0);
    } while (r->end < READ_MAX && (n > 0 || r->state == LINES_MORE));
}

static void check_same(const struct result *a, const struct result *b)
{
    CHECK(a->hash == b->hash);
    CHECK(a->end == b->end);
    CHECK(a->tail == b->tail);
    CHECK(a->state == b->state);
}

/// The file as it grows by pieces of `step` bytes.
static void read_growing(int fd, const uint8_t *data, size_t size, size_t step, size_t line_max,
                         struct result *r)
{
    CHECK(ftruncate(fd, 0) == 0);
    struct lines *l = open_lines(fd, line_max);
    for (size_t at = 0; at < size; at += step) {
        size_t piece = size - at < step ? size - at : step;
        CHECK(pwrite(fd, data + at, piece, (off_t)at) == (ssize_t)piece);
        // The descriptors share their place: what was read is behind it.
        read_all(l, false, 3, line_max, r);
        if (r->state == LINES_BAD && lines_problem(l)[0] != 'e') {
            break; // damaged for good
        }
    }
    read_all(l, true, 1, line_max, r);
    lines_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t LINE_MAX[4] = { 1 << 20, 20, 300, 70000 };
    if (size < 1 || size > 1 << 20) {
        return 0;
    }
    size_t line_max = LINE_MAX[data[0] & 3];
    size_t step = 1 + (size_t)(data[0] >> 2);
    data++;
    size--;
    step = size / step > 200 ? size / 200 : step;
    int fd = memfd_create("lines", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, data, size) == (ssize_t)size);
    struct result once = { 0 };
    struct result again = { 0 };
    uint64_t fingerprint[2];
    struct lines *l = open_lines(fd, line_max);
    int known = lines_fingerprint(l, true, fingerprint);
    read_all(l, true, LINES_MAX, line_max, &once);
    CHECK(known == 0 || once.end == 0 || once.state == LINES_BAD);
    CHECK(once.state != LINES_MORE || once.end >= READ_MAX);
    CHECK(once.state != LINES_BAD || lines_problem(l)[0] != '\0');
    bool compressed = lines_is_compressed(l);
    uint64_t tail;
    if (once.middle > 0 && lines_seek(l, once.middle, &tail) == 0) {
        struct result behind = { .end = once.middle, .middle = once.middle };
        CHECK(tail == once.middle_tail);
        read_all(l, true, 2, line_max, &behind);
        CHECK(behind.rest == once.rest);
        CHECK(behind.end == once.end);
    }
    CHECK(lines_seek(l, once.end + 1, &tail) != 0 || once.state == LINES_BAD ||
          once.end >= READ_MAX);
    lines_free(l);
    l = open_lines(fd, line_max);
    read_all(l, true, 1, line_max, &again);
    check_same(&once, &again);
    lines_free(l);
    struct result growing = { 0 };
    read_growing(fd, data, size, step, line_max, &growing);
    if (!compressed) { // else what ends with a member for now is taken for its end
        check_same(&once, &growing);
    }
    CHECK(close(fd) == 0);
    return 0;
}
