// SPDX-License-Identifier: Apache-2.0
/*
 * log://PATH-OR-GLOB?KEY=VALUE&...: which logs to follow, and how. The query begins at the last
 * question mark that a KEY= follows, so that one in a glob stays one; %XX stands for any byte.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { LOG_URL_SIZE = 1024, LOG_URL_EXCLUDES_MAX = 16 };

struct log_url {
    char text[LOG_URL_SIZE]; ///< what the pointers below point into
    const char *pattern;
    const char
        *excludes[LOG_URL_EXCLUDES_MAX]; ///< exclude_files: POSIX extended, anywhere in the path
    size_t exclude_count;
    bool from_end;           ///< from=end
    uint64_t ignore_older_s; ///< 0: off
    uint64_t line_max;       ///< bytes
    uint64_t poll_ms;
    uint64_t scan_ms;
    uint64_t close_inactive_ms;
};

/// What stands behind log://. ERR_INVALID.
int log_url_parse(const char *url, struct log_url *ret_url, struct err *err) MUST_USE;
