// SPDX-License-Identifier: Apache-2.0
/* Reading never trusts a header whose checksum is wrong, and then looks for the next one. */
#include "transport/spool_segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/num.h"

enum { VERSION = 1, NAME_DIGITS = 12, WINDOW_SIZE = 4096 };

static const char SEGMENT_MAGIC[8] = { 'w', 'e', 'i', 'r', 's', 'p', 'o', 'l' };
static const char FRAME_MAGIC[4] = { 'w', 'f', 'r', 'm' };

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

uint64_t spool_get_u64(const uint8_t *at)
{
    return get_u32(at) | (uint64_t)get_u32(at + 4) << 32;
}

void spool_put_u64(uint8_t *at, uint64_t value)
{
    put_u32(at, (uint32_t)value);
    put_u32(at + 4, (uint32_t)(value >> 32));
}

void segment_name(const char *lane, uint64_t number, char ret_name[static SEGMENT_NAME_SIZE])
{
    (void)snprintf(ret_name, SEGMENT_NAME_SIZE, "%s-%0*llu.seg", lane, NAME_DIGITS,
                   (unsigned long long)number); // fits: lanes have short names
}

bool segment_number(const char *lane, const char *name, uint64_t *ret_number)
{
    size_t lane_size = strlen(lane);
    size_t size = strlen(name);
    if (strncmp(name, lane, lane_size) != 0 || name[lane_size] != '-') {
        return false;
    }
    const char *digits = name + lane_size + 1;
    const char *end = name + size - strlen(".seg");
    return end >= digits + NAME_DIGITS && strcmp(end, ".seg") == 0 &&
           num_get_u64(digits, (size_t)(end - digits), UINT64_MAX / 2, ret_number) == 0;
}

void segment_header_put(uint8_t at[static SEGMENT_HEADER_SIZE])
{
    memcpy(at, SEGMENT_MAGIC, 8);
    put_u32(at + 8, VERSION);
    put_u32(at + 12, 0);
    spool_put_u64(at + 16, hash64(at, 16));
}

int segment_header_get(const uint8_t at[static SEGMENT_HEADER_SIZE], uint32_t *ret_version)
{
    if (memcmp(at, SEGMENT_MAGIC, 8) != 0 || spool_get_u64(at + 16) != hash64(at, 16)) {
        return ERR_NOT_FOUND;
    }
    *ret_version = get_u32(at + 8);
    return *ret_version > VERSION ? ERR_INVALID : 0;
}

static uint64_t header_hash(const uint8_t *at, uint64_t number, uint64_t offset)
{
    uint8_t place[16];
    spool_put_u64(place, number);
    spool_put_u64(place + 8, offset);
    return hash64_seeded(at, FRAME_HEADER_SIZE - 8, hash64(place, sizeof(place)));
}

void frame_put(const struct frame *f, uint64_t number, uint64_t offset,
               uint8_t at[static FRAME_HEADER_SIZE])
{
    memcpy(at, FRAME_MAGIC, 4);
    put_u32(at + 4, f->count);
    put_u32(at + 8, f->packed_size);
    put_u32(at + 12, f->raw_size);
    spool_put_u64(at + 16, f->before);
    spool_put_u64(at + 24, f->put_s);
    spool_put_u64(at + 32, f->payload_hash);
    spool_put_u64(at + 40, header_hash(at, number, offset));
}

static bool frame_get(const uint8_t *at, const struct segment *s, uint64_t offset,
                      struct frame *ret_frame)
{
    if (memcmp(at, FRAME_MAGIC, 4) != 0 ||
        spool_get_u64(at + 40) != header_hash(at, s->number, offset)) {
        return false;
    }
    *ret_frame = (struct frame){ .count = get_u32(at + 4),
                                 .packed_size = get_u32(at + 8),
                                 .raw_size = get_u32(at + 12),
                                 .before = spool_get_u64(at + 16),
                                 .put_s = spool_get_u64(at + 24),
                                 .payload_hash = spool_get_u64(at + 32) };
    return ret_frame->raw_size <= FRAME_RAW_SIZE_MAX && ret_frame->before < UINT64_MAX / 2 &&
           frame_size(ret_frame) <= s->size - offset;
}

int segment_read(int fd, uint64_t offset, void *data, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t n = pread(fd, (uint8_t *)data + have, size - have, (off_t)(offset + have));
        if (n == 0 || (n < 0 && errno == EIO)) {
            return ERR_INVALID; // the file is cut, or the disk is bad there
        }
        if (n < 0 && errno != EINTR) {
            return ERR_IO;
        }
        have += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int segment_frame(int fd, const struct segment *s, uint64_t offset, struct frame *ret_frame)
{
    uint8_t header[FRAME_HEADER_SIZE];
    struct frame frame;
    if (offset > s->size || s->size - offset < FRAME_HEADER_SIZE) {
        return ERR_INVALID;
    }
    int status = segment_read(fd, offset, header, sizeof(header));
    if (status != 0) {
        return status;
    }
    if (!frame_get(header, s, offset, &frame)) {
        return ERR_INVALID;
    }
    *ret_frame = frame;
    return 0;
}

/// Looks through windows that overlap, so that a header is whole in one of them.
int segment_find(int fd, const struct segment *s, uint64_t offset, uint64_t *ret_offset,
                 struct frame *ret_frame)
{
    uint8_t window[WINDOW_SIZE];
    while (offset < s->size && s->size - offset >= FRAME_HEADER_SIZE) {
        uint64_t left = s->size - offset;
        size_t size = left < WINDOW_SIZE ? (size_t)left : WINDOW_SIZE;
        int status = segment_read(fd, offset, window, size);
        if (status == ERR_IO) {
            return status;
        }
        for (size_t at = 0; status == 0 && at + FRAME_HEADER_SIZE <= size; at++) {
            struct frame frame;
            if (window[at] == (uint8_t)FRAME_MAGIC[0] &&
                frame_get(window + at, s, offset + at, &frame)) {
                *ret_offset = offset + at;
                *ret_frame = frame;
                return 0;
            }
        }
        offset += size - FRAME_HEADER_SIZE + 1;
    }
    return ERR_NOT_FOUND;
}

int segment_walk(int fd, uint64_t file_size, struct segment *s)
{
    uint64_t offset = SEGMENT_HEADER_SIZE;
    uint64_t end = SEGMENT_HEADER_SIZE;
    s->size = file_size;
    s->records = 0;
    for (;;) {
        struct frame frame;
        int status = segment_frame(fd, s, offset, &frame);
        if (status == ERR_INVALID) {
            status = segment_find(fd, s, offset, &offset, &frame);
        }
        if (status == ERR_NOT_FOUND) {
            s->size = end;
            return 0;
        }
        if (status != 0) {
            return status;
        }
        offset += frame_size(&frame);
        end = offset;
        if (frame.before >= s->records) { // else it is none of ours
            s->records = frame.before + frame.count;
        }
    }
}
