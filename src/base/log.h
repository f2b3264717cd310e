// SPDX-License-Identifier: Apache-2.0
/*
 * Log lines on standard error, as goflow2 writes them: Go's log/slog text form
 *
 *     time=2026-01-02T15:04:05.123+01:00 level=INFO msg="starting collection" scheme=sflow ...
 *
 * or one JSON object a line. A line is one write; no memory is allocated; what is too long is cut.
 * Any thread. Set up once, before the threads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/// slog's numbers: steps between the named levels can be asked for ("info+2").
enum {
    LOG_LEVEL_DEBUG = -4,
    LOG_LEVEL_INFO = 0,
    LOG_LEVEL_WARN = 4,
    LOG_LEVEL_ERROR = 8,
};

enum log_type { LOG_TYPE_TEXT, LOG_TYPE_U64, LOG_TYPE_BOOL };

struct log_attr {
    const char *key; ///< NULL ends a list
    enum log_type type;
    const char *text;
    uint64_t number; ///< and bool
};

#define LOG_TEXT(key_, text_)                                                                      \
    {                                                                                              \
        .key = (key_), .type = LOG_TYPE_TEXT, .text = (text_)                                      \
    }
#define LOG_U64(key_, number_)                                                                     \
    {                                                                                              \
        .key = (key_), .type = LOG_TYPE_U64, .number = (number_)                                   \
    }
#define LOG_BOOL(key_, bool_)                                                                      \
    {                                                                                              \
        .key = (key_), .type = LOG_TYPE_BOOL, .number = (bool_)                                    \
    }
#define LOG_END                                                                                    \
    {                                                                                              \
        .key = NULL                                                                                \
    }

/// debug, info, warn, error in any case, with +N or -N behind. ERR_INVALID.
int log_level_parse(const char *text, int *ret_level) MUST_USE;

/// What is logged from now on, and how.
void log_set_up(int level, bool json);

/// One line, if `level` is logged. `context` and `attrs` are lists that end with LOG_END, or NULL.
void log_write(int level, const char *msg, const struct log_attr *context,
               const struct log_attr *attrs);

/// A line with attributes: log_with(LOG_LEVEL_WARN, "msg", NULL, LOG_U64("count", 3)).
#define log_with(level, msg, context, ...)                                                         \
    log_write(level, msg, context, (const struct log_attr[]){ __VA_ARGS__, LOG_END })

/*
 * Muting, goflow2's err.cnt and err.int: of the events of an interval the first `count` get lines,
 * the next one says that the rest is muted, and the first of a later interval says how many were
 * skipped. The decision is pure; the caller logs.
 */
enum log_mute_verdict {
    LOG_MUTE_LOG,     ///< log the event
    LOG_MUTE_MUTING,  ///< log that events are muted from here on
    LOG_MUTE_SILENT,  ///< log nothing
    LOG_MUTE_SKIPPED, ///< log how many were skipped, instead of the event
};

struct log_mute {
    uint64_t count_max; ///< 0: never mute
    uint64_t interval_ns;
    uint64_t window_ns; ///< when the interval began
    uint64_t count;
};

void log_mute_init(struct log_mute *m, uint64_t count_max, uint64_t interval_ns);
/// An event at `now_ns` (monotonic).
enum log_mute_verdict log_mute_event(struct log_mute *m, uint64_t now_ns, uint64_t *ret_skipped);
