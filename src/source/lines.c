// SPDX-License-Identifier: Apache-2.0
/*
 * One window on the decompressed bytes. In front of what is still to be given out it keeps the
 * POSITION_TAIL_SIZE bytes that came before, so that a position's hash never needs the file again.
 *
 *     data ... tail ... | begin ... lines ... unfinished line | end ... room
 *
 * A line longer than may be is not gathered: its beginning is set aside, the rest is passed over
 * until its line end comes. The window grows with the longest line and is given back at the end of
 * the file, so that thousands of quiet files cost little.
 */
#include "source/lines.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "source/inflate.h"

enum {
    READ_SIZE = 256 << 10,             ///< bytes asked for at once, and of compressed input held
    MAGIC_SIZE = 4,                    ///< bytes that tell a compressed file
    RAW_SIZE = READ_SIZE + MAGIC_SIZE, ///< what was read until that was told fits
    STOP_LOOK_MS = 100,
};

struct lines {
    int fd;
    char *path;
    size_t line_size_max;

    bool kind_known;
    struct inflate *inflate; ///< NULL for a plain file
    uint8_t *raw;            ///< compressed bytes read and not yet taken
    size_t raw_begin;
    size_t raw_end;
    uint64_t raw_offset; ///< bytes of the file read

    uint8_t *data;
    size_t capacity;
    size_t begin; ///< first byte not given out
    size_t end;
    uint64_t begin_offset; ///< of data[begin]
    size_t looked;         ///< bytes behind begin known to hold no line end

    bool at_end;   ///< the last read found the end of the file
    bool is_pipe;  ///< what ends, ends for good
    bool damaged;  ///< for good
    bool replaced; ///< likewise: LINES_REPLACED
    const char *problem;
    const _Atomic bool *stop; ///< NULL: read until the end

    uint8_t *cut;       ///< the beginning of a line that is too long, until the call after it
    bool cut_given;     ///< that line was given out
    uint64_t cut_begin; ///< its offset
    uint64_t cut_tail;  ///< lines_tail() there
};

int lines_new(int fd, const char *path, size_t line_size_max, struct lines **ret_lines,
              struct err *err)
{
    struct lines *l = mem_zalloc(sizeof(*l));
    char *copy = mem_strdup(path);
    struct stat st;
    bool seen = fstat(fd, &st) == 0;
    if (l == NULL || copy == NULL || !seen) {
        int error = errno;
        mem_free(l);
        mem_free(copy);
        (void)close(fd); // nothing was written
        return seen ? err_set(err, ERR_NO_MEMORY, "out of memory for %s", path)
                    : err_set_errno(err, error, "cannot read %s", path);
    }
    l->fd = fd;
    l->path = copy;
    l->line_size_max = line_size_max;
    l->is_pipe = !S_ISREG(st.st_mode);
    *ret_lines = l;
    return 0;
}

void lines_free(struct lines *l)
{
    if (l == NULL) {
        return;
    }
    (void)close(l->fd); // nothing was written
    inflate_free(l->inflate);
    mem_free(l->raw);
    mem_free(l->data);
    mem_free(l->cut);
    mem_free(l->path);
    mem_free(l);
}

// --- Filling the window --------------------------------------------------------------------------

static size_t tail_size(const struct lines *l)
{
    return l->begin < POSITION_TAIL_SIZE ? l->begin : POSITION_TAIL_SIZE;
}

/// Room for READ_SIZE more bytes: first by moving the window to the front, then by growing.
static int make_room(struct lines *l)
{
    if (l->capacity - l->end >= READ_SIZE) {
        return 0;
    }
    size_t tail = tail_size(l);
    size_t from = l->begin - tail;
    if (from > 0) {
        memmove(l->data, l->data + from, l->end - from);
        l->begin -= from;
        l->end -= from;
    }
    if (l->capacity - l->end >= READ_SIZE) {
        return 0;
    }
    size_t capacity = l->end + READ_SIZE + POSITION_TAIL_SIZE;
    capacity = capacity < 2 * l->capacity ? 2 * l->capacity : capacity;
    uint8_t *data = mem_resize(l->data, capacity);
    if (data == NULL) {
        l->problem = "out of memory";
        return ERR_NO_MEMORY;
    }
    l->data = data;
    l->capacity = capacity;
    return 0;
}

/// At the end of the file: only what is needed stays.
static void give_back(struct lines *l)
{
    size_t tail = tail_size(l);
    size_t size = tail + (l->end - l->begin);
    if (l->capacity <= size + READ_SIZE / 4) {
        return;
    }
    if (size > 0) {
        memmove(l->data, l->data + (l->begin - tail), size);
    }
    l->begin = tail;
    l->end = size;
    uint8_t *data = mem_resize(l->data, size + 1);
    if (data != NULL) {
        l->data = data;
        l->capacity = size + 1;
    }
}

/// Until a pipe has bytes, or its end. False: it is time to stop.
static bool wait_for_bytes(const struct lines *l)
{
    struct pollfd p = { .fd = l->fd, .events = POLLIN };
    while (l->is_pipe && l->stop != NULL) {
        if (atomic_load(l->stop)) {
            return false;
        }
        if (poll(&p, 1, STOP_LOOK_MS) > 0) {
            break;
        }
    }
    return true;
}

/// Bytes of the file itself; 0 at its end, ERR_IO with `problem`.
static ssize_t read_raw(struct lines *l, uint8_t *at, size_t size)
{
    if (!wait_for_bytes(l)) {
        l->problem = "was interrupted";
        return ERR_IO;
    }
    ssize_t n;
    do {
        n = read(l->fd, at, size);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        l->problem = errno == EISDIR ? "is a directory; name the files in it" : "cannot be read";
        return ERR_IO;
    }
    l->raw_offset += (uint64_t)n;
    l->at_end = n == 0;
    return n;
}

/// What the file is, once its first bytes are in the window.
static int find_kind(struct lines *l)
{
    enum inflate_kind kind = inflate_kind_of(l->data, l->end);
    if (kind == INFLATE_NONE && l->end < MAGIC_SIZE && l->end > 0 &&
        (l->data[0] == 0x1f || l->data[0] == 0x28)) {
        return 0; // perhaps the beginning of one
    }
    l->kind_known = l->end > 0;
    if (kind == INFLATE_NONE) {
        return 0;
    }
    l->raw = mem_zalloc(RAW_SIZE);
    if (l->raw == NULL || inflate_new(kind, &l->inflate) != 0) {
        l->problem = "out of memory";
        l->kind_known = false;
        return ERR_NO_MEMORY;
    }
    CHECK(l->end <= RAW_SIZE);
    memcpy(l->raw, l->data, l->end);
    l->raw_end = l->end;
    l->end = 0;
    l->looked = 0;
    return 0;
}

/// More bytes of a compressed file, the good ones before any damage too. Negative when there is a
/// problem.
static int fill_inflated(struct lines *l)
{
    while (true) {
        size_t taken;
        size_t made;
        enum inflate_verdict verdict =
            inflate_step(l->inflate, l->raw + l->raw_begin, l->raw_end - l->raw_begin,
                         l->data + l->end, l->capacity - l->end, &taken, &made);
        l->raw_begin += taken;
        l->end += made;
        if (verdict == INFLATE_DAMAGED) {
            l->damaged = true;
            l->problem = "the compressed data are damaged";
        }
        if (made > 0) {
            return 0;
        }
        if (l->damaged) {
            return ERR_INVALID;
        }
        if (l->raw_begin < l->raw_end) {
            continue;
        }
        ssize_t n = read_raw(l, l->raw, READ_SIZE);
        l->raw_begin = 0;
        l->raw_end = n > 0 ? (size_t)n : 0;
        if (n <= 0) {
            return n < 0 ? (int)n : 0;
        }
    }
}

/// Whether the bytes before what was just read are still there: `index` is where that begins in the
/// window. If not, the file was truncated and has grown again, and what was read is from the middle
/// of something else. Looked at after reading, so that what happens in between is seen too.
static bool is_intact(const struct lines *l, size_t index, uint64_t offset)
{
    uint8_t now[POSITION_TAIL_SIZE];
    size_t size = index < sizeof(now) ? index : sizeof(now);
    struct stat st;
    if (l->is_pipe || fstat(l->fd, &st) != 0) {
        return true;
    }
    if ((uint64_t)st.st_size < l->raw_offset) {
        return false;
    }
    ssize_t n = size == 0 ? 0 : pread(l->fd, now, size, (off_t)(offset - size));
    return n < 0 || ((size_t)n == size && memcmp(now, l->data + index - size, size) == 0);
}

/// More bytes into the window; at_end says when there are none. Negative when there is a problem.
static int fill(struct lines *l)
{
    if (l->damaged || l->replaced) {
        return l->damaged ? ERR_INVALID : ERR_CLOSED;
    }
    l->problem = NULL;
    l->at_end = false;
    if (make_room(l) != 0) {
        return ERR_NO_MEMORY;
    }
    if (l->inflate != NULL) {
        return fill_inflated(l);
    }
    uint64_t offset = l->raw_offset;
    ssize_t n = read_raw(l, l->data + l->end, READ_SIZE);
    if (n < 0) {
        return (int)n;
    }
    if (!is_intact(l, l->end, offset)) {
        l->raw_offset = offset;
        l->replaced = true;
        l->problem = "was truncated";
        return ERR_CLOSED;
    }
    l->end += (size_t)n;
    return l->kind_known || n == 0 ? 0 : find_kind(l);
}

/// What it means that fill() failed.
static enum lines_state bad_state(const struct lines *l)
{
    return l->replaced ? LINES_REPLACED : LINES_BAD;
}

/// What the end of the file means.
static enum lines_state end_state(struct lines *l)
{
    if (l->inflate != NULL && !inflate_is_complete(l->inflate)) {
        l->problem = "ends in the middle of its compressed data";
        return LINES_BAD;
    }
    return l->inflate != NULL || l->is_pipe ? LINES_DONE : LINES_END;
}

// --- Lines ---------------------------------------------------------------------------------------

static const uint8_t *find_line_end(struct lines *l)
{
    size_t left = l->end - l->begin - l->looked;
    const uint8_t *found = left == 0 ? NULL : memchr(l->data + l->begin + l->looked, '\n', left);
    if (found == NULL) {
        l->looked = l->end - l->begin;
    }
    return found;
}

static void advance(struct lines *l, size_t size)
{
    l->begin += size;
    l->begin_offset += size;
    l->looked = 0;
}

static size_t without_cr(const uint8_t *data, size_t size)
{
    return size > 0 && data[size - 1] == '\r' ? size - 1 : size;
}

/// The bytes of a line too long that are kept.
static size_t kept_size(const struct lines *l)
{
    return l->line_size_max < LOG_LINE_CUT_SIZE ? l->line_size_max : LOG_LINE_CUT_SIZE;
}

static uint64_t window_tail(const struct lines *l)
{
    size_t size = tail_size(l);
    return hash64(size == 0 ? (const uint8_t *)"" : l->data + l->begin - size, size);
}

/// Whether the line that begins the window is longer than may be, as far as it is known.
static bool is_too_long(struct lines *l)
{
    const uint8_t *found = find_line_end(l);
    size_t size = found == NULL ? l->end - l->begin : (size_t)(found - (l->data + l->begin));
    return size > l->line_size_max + 1 ||
           (found != NULL && without_cr(l->data + l->begin, size) > l->line_size_max);
}

/// Sets the beginning of the window's line aside; read_cut() passes over it.
static int begin_cut(struct lines *l)
{
    l->cut = mem_zalloc(kept_size(l));
    if (l->cut == NULL) {
        l->problem = "out of memory";
        return ERR_NO_MEMORY;
    }
    memcpy(l->cut, l->data + l->begin, kept_size(l));
    l->cut_begin = l->begin_offset;
    l->cut_tail = window_tail(l);
    return 0;
}

/// Passes over `size` bytes, the last of the line that is too long.
static size_t end_cut(struct lines *l, size_t size, struct line *ret_line)
{
    advance(l, size);
    l->cut_given = true;
    *ret_line = (struct line){ .data = l->cut,
                               .size = kept_size(l),
                               .offset = l->cut_begin,
                               .end = l->begin_offset,
                               .cut = true };
    return 1;
}

/// Goes on with a line that is too long: 1 when its end is found and it is in *ret_line.
static size_t read_cut(struct lines *l, bool final, struct line *ret_line,
                       enum lines_state *ret_state)
{
    while (true) {
        const uint8_t *found = find_line_end(l);
        if (found != NULL) {
            return end_cut(l, (size_t)(found - (l->data + l->begin)) + 1, ret_line);
        }
        advance(l, l->end - l->begin);
        if (fill(l) != 0) {
            *ret_state = bad_state(l);
            return 0;
        }
        if (l->at_end) {
            *ret_state = end_state(l);
            return final || *ret_state == LINES_DONE ? end_cut(l, 0, ret_line) : 0;
        }
    }
}

/// The next line of the window, if it is whole and not too long.
static bool next_line(struct lines *l, struct line *ret_line)
{
    const uint8_t *found = find_line_end(l);
    if (found == NULL) {
        return false;
    }
    const uint8_t *data = l->data + l->begin;
    size_t size = (size_t)(found - data);
    if (without_cr(data, size) > l->line_size_max) {
        return false;
    }
    *ret_line = (struct line){ .data = data,
                               .size = without_cr(data, size),
                               .offset = l->begin_offset,
                               .end = l->begin_offset + size + 1 };
    advance(l, size + 1);
    return true;
}

/// What stands behind the last line end when nothing follows.
static size_t last_line(struct lines *l, struct line *ret_line)
{
    size_t size = l->end - l->begin;
    if (size == 0) {
        return 0;
    }
    const uint8_t *data = l->data + l->begin;
    bool cut = without_cr(data, size) > l->line_size_max; // by the byte that might have been a CR
    *ret_line = (struct line){ .data = data,
                               .size = cut ? kept_size(l) : without_cr(data, size),
                               .offset = l->begin_offset,
                               .end = l->begin_offset + size,
                               .cut = cut };
    advance(l, size);
    return 1;
}

static void forget_cut(struct lines *l)
{
    if (l->cut_given) {
        mem_free(l->cut);
        l->cut = NULL;
        l->cut_given = false;
    }
}

/// The end of the file, or a problem, and no whole line before it.
static size_t read_end(struct lines *l, bool final, struct line *ret_line,
                       enum lines_state *ret_state)
{
    *ret_state = end_state(l);
    if (*ret_state == LINES_DONE || final) {
        return last_line(l, ret_line);
    }
    give_back(l);
    return 0;
}

size_t lines_read(struct lines *l, bool final, struct line *ret_lines, size_t max,
                  enum lines_state *ret_state)
{
    forget_cut(l);
    *ret_state = LINES_MORE;
    while (l->cut == NULL) {
        size_t count = 0;
        while (count < max && next_line(l, &ret_lines[count])) {
            count++;
        }
        if (count > 0) {
            return count;
        }
        if (is_too_long(l)) {
            if (begin_cut(l) != 0) {
                *ret_state = LINES_BAD;
                return 0;
            }
        } else if (fill(l) != 0) {
            *ret_state = bad_state(l);
            return 0;
        } else if (l->at_end) {
            return read_end(l, final, &ret_lines[0], ret_state);
        }
    }
    return read_cut(l, final, &ret_lines[0], ret_state);
}

// --- Places --------------------------------------------------------------------------------------

int lines_fingerprint(struct lines *l, bool final, uint64_t ret_fingerprint[2])
{
    CHECK(l->begin_offset == 0);
    size_t size;
    while (true) {
        const uint8_t *found = find_line_end(l);
        size = l->end - l->begin;
        if (found != NULL || is_too_long(l)) {
            size = found == NULL ? size : (size_t)(found - (l->data + l->begin));
            break;
        }
        if (fill(l) != 0) {
            return l->replaced ? ERR_CLOSED : ERR_INVALID;
        }
        if (l->at_end) {
            bool whole = end_state(l) == LINES_DONE; // or says what is wrong
            if (size == 0 || !(final || whole)) {
                return ERR_NOT_FOUND;
            }
            break;
        }
    }
    size = without_cr(l->data + l->begin, size);
    size = size > l->line_size_max ? kept_size(l) : size;
    struct hash128 hash = hash128(l->data + l->begin, size);
    l->looked = 0;
    ret_fingerprint[0] = hash.low;
    ret_fingerprint[1] = hash.high;
    return 0;
}

/// An empty window at `offset`.
static void reset_window(struct lines *l, uint64_t offset)
{
    l->begin = 0;
    l->end = 0;
    l->looked = 0;
    l->begin_offset = offset;
    mem_free(l->cut);
    l->cut = NULL;
    l->cut_given = false;
}

/// To the start of the file.
static int rewind_all(struct lines *l)
{
    if (lseek(l->fd, 0, SEEK_SET) != 0) {
        return ERR_IO;
    }
    reset_window(l, 0);
    l->raw_begin = 0;
    l->raw_end = 0;
    l->raw_offset = 0;
    l->damaged = false;
    l->replaced = false;
    l->kind_known = false;
    inflate_free(l->inflate);
    l->inflate = NULL;
    mem_free(l->raw);
    l->raw = NULL;
    return 0;
}

static int seek_plain(struct lines *l, uint64_t offset)
{
    struct stat st;
    if (fstat(l->fd, &st) != 0 || (uint64_t)st.st_size < offset) {
        (void)rewind_all(l); // a regular file can
        return ERR_RANGE;
    }
    size_t tail = offset < POSITION_TAIL_SIZE ? (size_t)offset : POSITION_TAIL_SIZE;
    reset_window(l, offset - tail);
    if (make_room(l) != 0) {
        return ERR_NO_MEMORY;
    }
    if (lseek(l->fd, (off_t)(offset - tail), SEEK_SET) < 0) {
        return ERR_IO;
    }
    l->raw_offset = offset - tail;
    while (l->end < tail) {
        ssize_t n = read_raw(l, l->data + l->end, tail - l->end);
        if (n <= 0) {
            (void)rewind_all(l); // as above
            return ERR_RANGE;
        }
        l->end += (size_t)n;
    }
    advance(l, tail);
    return 0;
}

/// Reads up to `offset` without looking at lines.
static int seek_by_reading(struct lines *l, uint64_t offset)
{
    if (offset < l->begin_offset && (l->is_pipe || rewind_all(l) != 0)) {
        return ERR_UNSUPPORTED;
    }
    while (l->begin_offset < offset) {
        uint64_t wanted = offset - l->begin_offset;
        size_t have = l->end - l->begin;
        if (have > 0) {
            advance(l, have < wanted ? have : (size_t)wanted);
        } else if (fill(l) != 0 || l->at_end) {
            return l->is_pipe || rewind_all(l) != 0 ? ERR_IO : ERR_RANGE;
        }
    }
    return 0;
}

int lines_seek(struct lines *l, uint64_t offset, uint64_t *ret_tail)
{
    if (!l->kind_known && fill(l) != 0) {
        return ERR_IO;
    }
    if (offset == l->begin_offset && l->cut == NULL) { // what is known of it stays what it is
        *ret_tail = window_tail(l);
        return 0;
    }
    int status =
        l->inflate == NULL && !l->is_pipe ? seek_plain(l, offset) : seek_by_reading(l, offset);
    if (status == 0) {
        *ret_tail = window_tail(l);
    }
    return status;
}

void lines_rest(struct lines *l)
{
    bool again = l->inflate == NULL && !l->is_pipe && l->cut == NULL && !l->replaced;
    off_t begin = (off_t)l->begin_offset;
    if (again && l->end > l->begin && lseek(l->fd, begin, SEEK_SET) == begin) {
        l->end = l->begin;
        l->raw_offset = l->begin_offset;
        l->looked = 0;
        give_back(l);
    }
}

uint64_t lines_offset(const struct lines *l)
{
    return l->cut != NULL && !l->cut_given ? l->cut_begin : l->begin_offset;
}

uint64_t lines_tail(const struct lines *l)
{
    return l->cut != NULL && !l->cut_given ? l->cut_tail : window_tail(l);
}

uint64_t lines_pending(const struct lines *l)
{
    return l->begin_offset + (l->end - l->begin) - lines_offset(l);
}

uint64_t lines_raw_offset(const struct lines *l)
{
    return l->raw_offset;
}

bool lines_is_compressed(const struct lines *l)
{
    return l->inflate != NULL;
}

void lines_set_stop(struct lines *l, const _Atomic bool *stop)
{
    l->stop = stop;
}

int lines_fd(const struct lines *l)
{
    return l->fd;
}

const char *lines_problem(const struct lines *l)
{
    return l->problem == NULL ? "" : l->problem;
}
