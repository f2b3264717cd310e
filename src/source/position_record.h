// SPDX-License-Identifier: Apache-2.0
/*
 * One record of the state file (positions.c), a line of text:
 *
 *     9f2c... 4c1e... 7a90... 0 1830 1522 77aa... 66306 1712 0 0 0 1764000000 1100 31bb...
 * /var/log/x
 *
 * which is: checksum; fingerprint (high, low) and number; position; a place at or before it and the
 * hash of the bytes before that place; device and inode; of a finished file its size, its time of
 * change and the position at its end; when it was last used (seconds); an early place and the hash
 * before it; its path.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/line.h"

/// A place in a file, and the hash of the bytes before it.
struct mark {
    uint64_t offset;
    uint64_t tail;
};

struct position_record {
    struct file_id id;
    uint64_t position;
    struct mark check; ///< at or before `position`
    uint64_t device;   ///< of the file last read, or finished
    uint64_t inode;
    uint64_t finished_size;     ///< 0: not finished
    uint64_t finished_mtime_ns; ///< of its file then
    uint64_t finished_end;      ///< the position that a finished file must have
    uint64_t used_s;            ///< wall clock
    struct mark early;
    const char *path; ///< borrowed; for people only
    size_t path_size;
};

/// Appends the line with its line end.
void position_record_append(const struct position_record *r, struct buf *out);

/// Reads a line without its line end; `path` points into it. False when it is no record, or a
/// damaged one.
bool position_record_parse(const char *line, size_t size, struct position_record *ret_record);
