// SPDX-License-Identifier: Apache-2.0
/*
 * Following the files that a pattern matches: the lines they hold and every line that is written to
 * them, in order within a file, through rotation of every kind.
 *
 * A file is open while it is read, so that one that is renamed or deleted is read to its end; it is
 * known by what it holds (positions.h), so that the same lines under another name are not read
 * again. Where it was left is kept in `positions`, whoever acknowledges the lines moves on there.
 *
 * One thread calls everything but follow_wake() and follow_counts().
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/line.h"
#include "base/log.h"
#include "base/status.h"
#include "source/positions.h"

enum {
    /// Files that are known at the same time: as many as positions are kept of.
    FOLLOW_FILES_MAX = POSITIONS_MAX,
    /// Files that may be open, where the process may open more.
    FOLLOW_OPEN_MAX = 512,
};

/// All of it must outlive the follower.
struct follow_settings {
    const char *pattern;
    const char *const *excludes; ///< POSIX extended, looked for anywhere in a path
    size_t exclude_count;
    bool from_end;              ///< what is there when the pattern is first followed is passed over
    uint64_t ignore_older_s;    ///< 0: off
    size_t line_max;            ///< bytes
    uint64_t poll_ms;           ///< how often open files are looked at, inotify or not
    uint64_t scan_ms;           ///< how often folders are, likewise
    uint64_t close_inactive_ms; ///< without news for so long a file is closed
    size_t open_max;
    struct positions *positions;
    const struct log_attr *label; ///< for logs
    /// Takes a line, valid during the call.
    void (*line)(void *context, const struct line *line);
    void *context;
    const _Atomic bool *stop; ///< once true nothing more is read
};

/// For any thread.
struct follow_counts {
    _Atomic uint64_t files;       ///< that the pattern matches, or that are read to their end
    _Atomic uint64_t open;        ///< of these
    _Atomic uint64_t bytes;       ///< read, decompressed
    _Atomic uint64_t behind;      ///< bytes of open files that are still to be read
    _Atomic uint64_t rotated;     ///< files that were renamed out of the pattern, or deleted
    _Atomic uint64_t truncated;   ///< how often a file was
    _Atomic uint64_t copies_lost; ///< of these no copy was found: lines may be lost
    _Atomic uint64_t finished;    ///< compressed files read whole
    _Atomic uint64_t too_old;     ///< files passed over by ignore_older
    _Atomic uint64_t unreadable;  ///< files that cannot be read now
};

struct follow;

/// Finds out what can be wrong with pattern and expressions; opens no file. ERR_INVALID,
/// ERR_NO_MEMORY, ERR_IO.
int follow_new(const struct follow_settings *settings, struct follow **ret_follow,
               struct err *err) MUST_USE;

/// One turn: looks for what has changed and reads some of it. `may_read` false: only looks, and
/// opens what is new, so that it is not lost when it is rotated away. Returns whether there is more
/// to read at once.
bool follow_turn(struct follow *f, bool may_read);

/// Until something happens, or follow_wake(), or `timeout_ms` or poll_ms have passed.
void follow_wait(struct follow *f, uint64_t timeout_ms);
void follow_wake(struct follow *f);

/// Reads deleted files to their end, since nobody can later, and lets all files go.
void follow_end(struct follow *f);
/// After follow_end(). NULL is fine.
void follow_free(struct follow *f);

const struct follow_counts *follow_counts(const struct follow *f);
