// SPDX-License-Identifier: Apache-2.0
/* Questions about what open files hold, asked without moving where they are read. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Whether two open files agree as far as both go, up to 4 MiB. True when that cannot be told.
bool files_begin_alike(int a, int b);

/// Whether the up to POSITION_TAIL_SIZE bytes before `offset` have this hash. False when there are
/// none, or fewer.
bool file_tail_is(int fd, uint64_t offset, uint64_t tail);

/// Whether the first line of a plain file has this fingerprint (lines.h). False when that cannot be
/// told.
bool file_has_fingerprint(int fd, const uint64_t fingerprint[2]);
