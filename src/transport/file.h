// SPDX-License-Identifier: Apache-2.0
/*
 * The file transport: messages of a format, each with a separator behind it, to a file or to
 * standard output.
 */
#pragma once

#include "base/status.h"
#include "flow/mapping.h"
#include "transport/transport.h"

struct file_settings {
    const char *path; ///< "" is standard output
    const char *separator;
    const char *format;
    const struct mapping *mapping;
};

extern const struct transport_kind TRANSPORT_FILE;

/// What transport_start() takes as `self`. Texts and mapping must outlive it. ERR_IO with the path
/// and the reason, ERR_NOT_FOUND for an unknown format, ERR_NO_MEMORY.
int file_open(const struct file_settings *settings, void **ret_self, struct err *err) MUST_USE;
