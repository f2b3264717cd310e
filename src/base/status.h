// SPDX-License-Identifier: Apache-2.0
/*
 * Status codes (0 or negative) and `struct err`, the text that goes with a failure while setting
 * up. Functions that can fail return a status; those called at start-up or by a person's request
 * also take a `struct err *` (never NULL) and fill it on failure, in words that name the thing and
 * the way out.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"

enum status_code {
    STATUS_OK,
#define STATUS(name, text) STATUS_##name,
#include "base/status.def"
#undef STATUS
    STATUS_COUNT
};

#define STATUS(name, text) ERR_##name = -STATUS_##name,
enum {
#include "base/status.def"
};
#undef STATUS

struct err {
    int status; ///< 0 or ERR_*
    char text[ERR_TEXT_SIZE];
};

/// The words of a status, for logs.
const char *status_text(int status);

/// Sets `err` and returns `status`, so that `return err_set(err, ERR_X, "...")` reads well.
int err_set(struct err *err, int status, const char *format, ...) PRINTF_LIKE(3, 4);

/// As err_set() with ": " and the text of `errno_value` appended.
int err_set_errno(struct err *err, int errno_value, const char *format, ...) PRINTF_LIKE(3, 4);

/// Puts "text: " in front of what `err` says already; returns err->status.
int err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
