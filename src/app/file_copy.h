// SPDX-License-Identifier: Apache-2.0
/* Files from one folder to another, which may be of another file system. Nothing is written over.
 */
#pragma once

#include "base/status.h"

/// A copy of `from` called `to`, on the disk when this returns 0. ERR_IO, also when `to` is there;
/// ERR_RANGE, ERR_NO_MEMORY.
int file_copy(const char *from, const char *to, struct err *err) MUST_USE;

/// Gives `from` the name `to`, or copies it there; it is gone afterwards in any case. Errors as
/// file_copy().
int file_move(const char *from, const char *to, struct err *err) MUST_USE;
