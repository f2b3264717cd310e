// SPDX-License-Identifier: Apache-2.0
/* What every writer of files needs. */
#pragma once

#include <stddef.h>

#include "base/check.h"

/// Writes all of `data`, however many calls it takes. ERR_IO with errno set; some of it may be
/// written then.
int fd_write_all(int fd, const void *data, size_t size) MUST_USE;
