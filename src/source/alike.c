// SPDX-License-Identifier: Apache-2.0
/* pread(), so that whoever reads the file does not notice. */
#include "source/alike.h"

#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "source/lines.h"

enum { COMPARE_SIZE_MAX = 4 << 20, BLOCK = 16 << 10, FIRST_LINE_SIZE_MAX = 64 << 10 };

bool files_begin_alike(int a, int b)
{
    uint8_t *blocks = mem_zalloc(2 * (size_t)BLOCK);
    if (blocks == NULL) {
        return true; // it is looked at again later
    }
    bool alike = true;
    for (off_t at = 0; alike && at < COMPARE_SIZE_MAX; at += BLOCK) {
        ssize_t n = pread(a, blocks, BLOCK, at);
        ssize_t m = pread(b, blocks + BLOCK, BLOCK, at);
        ssize_t both = n < m ? n : m;
        alike = both <= 0 || memcmp(blocks, blocks + BLOCK, (size_t)both) == 0;
        if (both < BLOCK) {
            break;
        }
    }
    mem_free(blocks);
    return alike;
}

bool file_tail_is(int fd, uint64_t offset, uint64_t tail)
{
    uint8_t bytes[POSITION_TAIL_SIZE];
    size_t size = offset < sizeof(bytes) ? (size_t)offset : sizeof(bytes);
    return size > 0 && pread(fd, bytes, size, (off_t)(offset - size)) == (ssize_t)size &&
           hash64(bytes, size) == tail;
}

bool file_has_fingerprint(int fd, const uint64_t fingerprint[2])
{
    uint8_t *bytes = mem_zalloc(FIRST_LINE_SIZE_MAX);
    if (bytes == NULL) {
        return false;
    }
    ssize_t n = pread(fd, bytes, FIRST_LINE_SIZE_MAX, 0);
    const uint8_t *end = n > 0 ? memchr(bytes, '\n', (size_t)n) : NULL;
    bool same = false;
    if (end != NULL) {
        size_t size = (size_t)(end - bytes);
        size -= size > 0 && bytes[size - 1] == '\r';
        struct hash128 hash = hash128(bytes, size);
        same = hash.low == fingerprint[0] && hash.high == fingerprint[1];
    }
    mem_free(bytes);
    return same;
}
