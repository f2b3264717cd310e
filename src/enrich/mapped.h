// SPDX-License-Identifier: Apache-2.0
/*
 * A file as bytes in memory, mapped and not copied: of a city database of a hundred megabytes only
 * what look-ups touch is ever read, and all processes share it.
 *
 * The price is that the file is not ours. One that is replaced by renaming, as all updaters do it,
 * stays whole for as long as it is mapped. One that is overwritten in place changes under us, and
 * one that is cut short there would end the process with SIGBUS: such pages read as zeros instead.
 * So readers of mapped bytes must take any bytes at all, at any time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/status.h"

/// What tells one state of a file from another.
struct file_stamp {
    uint64_t device;
    uint64_t inode;
    int64_t size;
    int64_t modified_ns;
    int64_t changed_ns; ///< ctime
};

struct file_stamp file_stamp_of(const struct stat *st);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

struct mapped {
    const uint8_t *data;
    size_t size;
    void *base; ///< the same address, to be given back
};

/// Maps a file to be read. A file of no bytes is refused, and what is no file. ERR_IO, ERR_INVALID.
int mapped_open(const char *path, struct mapped *ret_mapped, struct err *err) MUST_USE;
void mapped_close(struct mapped *m);
