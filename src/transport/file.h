// SPDX-License-Identifier: Apache-2.0
/*
 * The file transport: messages of a format, each with a separator behind it, to a file or to
 * standard output.
 */
#pragma once

#include "base/status.h"
#include "format/format.h"
#include "transport/transport.h"

struct file_settings {
    const char *path; ///< "" is standard output
    const char *separator;
    struct format_settings format;
    const char *errors_path; ///< lines that could not be read, for formats that have no error
                             ///< documents; "": nowhere but in the books
};

extern const struct transport_kind TRANSPORT_FILE;

/// What transport_start() takes as `self`. What `settings` points to must outlive it. ERR_IO with
/// the path and the reason, ERR_NOT_FOUND for an unknown format, ERR_NO_MEMORY.
int file_open(const struct file_settings *settings, void **ret_self, struct err *err) MUST_USE;
