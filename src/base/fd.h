// SPDX-License-Identifier: Apache-2.0
/* What every writer of files needs. */
#pragma once

#include <stddef.h>

#include "base/check.h"

/// Writes all of `data`, however many calls it takes. ERR_IO with errno set; some of it may be
/// written then.
int fd_write_all(int fd, const void *data, size_t size) MUST_USE;

/// Waits until the names in a folder are on the disk, where the file system can do that. ERR_IO
/// with errno set; whoever can do without may pass over it.
int fd_sync_folder(const char *folder);
