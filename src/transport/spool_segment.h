// SPDX-License-Identifier: Apache-2.0
/*
 * A segment of the spool: a file of frames. All numbers are little endian.
 *
 *     segment   "weirspol", format version (4), 0 (4), checksum of these (8), frames
 *     frame     "wfrm", records (4), packed size (4), raw size (4), records before it in this
 *               segment (8), second it was put in (8), checksum of the payload (8), checksum of
 *               this header (8), the payload: one gzip member
 *
 * The checksum of a header is seeded with its segment's number and its offset, so that it is good
 * in its place alone: bytes in a payload that look like a frame are none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum {
    SEGMENT_HEADER_SIZE = 24,
    SEGMENT_SIZE_MAX = 16 << 20, ///< one larger frame is a segment of its own
    FRAME_HEADER_SIZE = 48,
    FRAME_RAW_SIZE_MAX = 64 << 20,
    SEGMENT_NAME_SIZE = 48,
};

struct frame {
    uint32_t count;
    uint32_t packed_size;
    uint32_t raw_size;
    uint64_t before;
    uint64_t put_s;
    uint64_t payload_hash;
};

/// A segment in its lane's list; owned by the lane.
struct segment {
    struct segment *next;
    uint64_t number;
    uint64_t size;    ///< what is behind it in the file is nobody's
    uint64_t records; ///< of all its frames, damaged ones too as far as is known
};

/// The bytes of the frame from its header to its payload's end.
static inline uint64_t frame_size(const struct frame *f)
{
    return FRAME_HEADER_SIZE + (uint64_t)f->packed_size;
}

/// "datagrams-000000000001.seg"
void segment_name(const char *lane, uint64_t number, char ret_name[static SEGMENT_NAME_SIZE]);
/// The number in a name; false when it is no segment of the lane.
bool segment_number(const char *lane, const char *name, uint64_t *ret_number) MUST_USE;

void segment_header_put(uint8_t at[static SEGMENT_HEADER_SIZE]);
/// ERR_INVALID: it is whole, and of a newer version; ERR_NOT_FOUND: it is damaged.
int segment_header_get(const uint8_t at[static SEGMENT_HEADER_SIZE],
                       uint32_t *ret_version) MUST_USE;

void frame_put(const struct frame *f, uint64_t number, uint64_t offset,
               uint8_t at[static FRAME_HEADER_SIZE]);

/// The frame at `offset`, which ends within the segment and continues its count of records. ERR_IO;
/// ERR_INVALID when there is none.
int segment_frame(int fd, const struct segment *s, uint64_t offset,
                  struct frame *ret_frame) MUST_USE;
/// The first frame at or behind `offset`. ERR_NOT_FOUND.
int segment_find(int fd, const struct segment *s, uint64_t offset, uint64_t *ret_offset,
                 struct frame *ret_frame) MUST_USE;

/// All of `size` bytes at `offset`. ERR_IO (what cannot be read is damage: ERR_INVALID).
int segment_read(int fd, uint64_t offset, void *data, size_t size) MUST_USE;

/// Walks the frames of a file of `file_size` bytes: sets size (where its last frame ends) and
/// records. ERR_IO with errno: not to be read now, which is no damage.
int segment_walk(int fd, uint64_t file_size, struct segment *s) MUST_USE;

/// The number of little-endian bytes, and back: for what else the spool keeps.
uint64_t spool_get_u64(const uint8_t *at);
void spool_put_u64(uint8_t *at, uint64_t value);
