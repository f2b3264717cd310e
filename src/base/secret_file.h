// SPDX-License-Identifier: Apache-2.0
/*
 * Files that hold secrets: passwords, tokens, keys. One that everybody on the machine can read or
 * write is refused, wherever it is named; its group may read it.
 */
#pragma once

#include "base/buf.h"
#include "base/status.h"

enum { SECRET_OPTION_SIZE = 80 }; ///< the longest name of an option that is shown

/// Appends what the file holds. `option` is the whole name of the flag ("-web.key"), for the words.
/// ERR_IO, ERR_INVALID (no file, others can read it, larger than the buffer may be).
int secret_file_read(const char *option, const char *path, struct buf *out,
                     struct err *err) MUST_USE;

/// The same of a file that is no secret: a certificate.
int secret_file_read_public(const char *option, const char *path, struct buf *out,
                            struct err *err) MUST_USE;

/// Whether it is there, can be read, and cannot be read by others than its owner and group.
int secret_file_check(const char *option, const char *path, struct err *err) MUST_USE;

/// Overwrites what the buffer holds, and releases it.
void secret_wipe(struct buf *b);
