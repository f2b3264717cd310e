// SPDX-License-Identifier: Apache-2.0
/* The checksum is of everything behind it, as it stands in the line. */
#include "source/position_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/num.h"

enum {
    CHECKSUM_SIZE = 17, ///< with its blank
    NUMBERS = 15,
    NUMBERS_SIZE_MAX = 320,
};

void position_record_append(const struct position_record *r, struct buf *out)
{
    char numbers[NUMBERS_SIZE_MAX];
    int size = snprintf(
        numbers, sizeof(numbers),
        "%016" PRIx64 " %016" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %016" PRIx64 " %" PRIu64
        " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %016" PRIx64 " ",
        r->id.fingerprint[1], r->id.fingerprint[0], r->id.number, r->position, r->check.offset,
        r->check.tail, r->device, r->inode, r->finished_size, r->finished_mtime_ns, r->finished_end,
        r->used_s, r->early.offset, r->early.tail);
    DCHECK(size > 0 && size < NUMBERS_SIZE_MAX);
    size_t begin = out->size;
    if (buf_reserve(out, CHECKSUM_SIZE + (size_t)size + r->path_size + 1) != 0) {
        return;
    }
    uint8_t *at = buf_tail(out) + CHECKSUM_SIZE;
    memcpy(at, numbers, (size_t)size);
    for (size_t i = 0; i < r->path_size; i++) {
        at[(size_t)size + i] = r->path[i] == '\n' ? '?' : (uint8_t)r->path[i];
    }
    size_t whole = (size_t)size + r->path_size;
    at[whole] = '\n';
    at[-1] = ' ';
    (void)num_put_hex(out->data + begin, hash64(at, whole), 16); // ends where the blank is
    buf_advance(out, at + whole + 1);
}

static bool parse_hex(const char *text, size_t size, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool digit = c >= '0' && c <= '9';
        if (size != 16 || !(digit || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        value = value << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    *ret_value = value;
    return size == 16;
}

/// The numbers of a record, in the order of the header's essay. *ret_path is what stands behind
/// them.
static bool parse_numbers(const char *line, size_t size, uint64_t ret_numbers[NUMBERS],
                          const char **ret_path)
{
    static const bool IS_HEX[NUMBERS] = {
        [0] = true, [1] = true, [2] = true, [6] = true, [14] = true
    };
    const char *end = line + size;
    for (int i = 0; i < NUMBERS; i++) {
        const char *blank = memchr(line, ' ', (size_t)(end - line));
        if (blank == NULL) {
            return false;
        }
        size_t length = (size_t)(blank - line);
        bool ok = IS_HEX[i] ? parse_hex(line, length, &ret_numbers[i])
                            : num_get_u64(line, length, UINT64_MAX, &ret_numbers[i]) == 0;
        if (!ok) {
            return false;
        }
        line = blank + 1;
    }
    *ret_path = line;
    return true;
}

bool position_record_parse(const char *line, size_t size, struct position_record *ret_record)
{
    uint64_t n[NUMBERS];
    const char *path;
    if (size <= CHECKSUM_SIZE || !parse_numbers(line, size, n, &path) ||
        n[0] != hash64(line + CHECKSUM_SIZE, size - CHECKSUM_SIZE)) {
        return false;
    }
    *ret_record = (struct position_record){
        .id = { .fingerprint = { n[2], n[1] }, .number = n[3] },
        .position = n[4],
        .check = { .offset = n[5], .tail = n[6] },
        .device = n[7],
        .inode = n[8],
        .finished_size = n[9],
        .finished_mtime_ns = n[10],
        .finished_end = n[11],
        .used_s = n[12],
        .early = { .offset = n[13], .tail = n[14] },
        .path = path,
        .path_size = (size_t)(line + size - path),
    };
    return true;
}
