// SPDX-License-Identifier: Apache-2.0
/*
 * One file of those that are followed (follow.h): what is known of it, and the steps from opening
 * it to letting it go. Which file does what and when is decided in follow.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/line.h"
#include "source/follow.h"
#include "source/lines.h"
#include "source/positions.h"

enum { FOLLOWED_LINES = 512, FOLLOWED_PROBLEM_SIZE = 96 };

enum followed_state {
    FOLLOWED_CLOSED,  ///< to be opened when it changes, or is wanted
    FOLLOWED_BEGUN,   ///< open; its first line is not whole yet
    FOLLOWED_OPEN,    ///< being read
    FOLLOWED_SAME,    ///< closed; the same file is read under another name
    FOLLOWED_DONE,    ///< closed; read whole, or passed over, and nothing is expected
    FOLLOWED_USELESS, ///< closed; no log, or it cannot be read
};

struct followed {
    struct followed *next; ///< in its bucket
    char *path;
    uint64_t device;
    uint64_t inode;
    enum followed_state state;

    // From the folders.
    uint64_t seen;       ///< the last scan that saw it
    uint64_t path_seen;  ///< the last scan that saw it under `path`
    uint64_t alias_seen; ///< the last one that saw it under `alias`
    char *alias;         ///< another name, or NULL
    bool outside;        ///< the pattern does not match it (any more)
    bool vouched;        ///< but it did once
    bool early;          ///< it was there when the pattern was first followed
    uint64_t early_size; ///< and had this size

    // From the file.
    bool wanted; ///< has to be opened or read
    bool unlinked;
    bool at_end;
    bool final;   ///< nothing will follow: its last line needs no line end
    bool rotated; ///< it was renamed, or goes on where another file ended
    bool announced;
    bool is_unreadable;  ///< and counted so
    bool may_heal;       ///< without a change in the file
    uint64_t size;       ///< when it was last looked at
    uint64_t mtime_ns;   ///< likewise
    uint64_t active_ns;  ///< monotonic; when it last changed
    uint64_t retry_ns;   ///< monotonic; not before then
    struct lines *lines; ///< NULL when closed
    struct track *track; ///< NULL unless FOLLOWED_OPEN
    struct origin *origin;
    struct file_id id;                   ///< of FOLLOWED_SAME the fingerprint
    char problem[FOLLOWED_PROBLEM_SIZE]; ///< that was told last, or ""

    // For follow.c to take and clear.
    bool was_truncated;  ///< `old` was in it before
    bool was_quietly;    ///< and nobody saw it happen
    uint64_t old[2];     ///< a fingerprint
    uint64_t old_offset; ///< how far it was read
};

/// What the files of a follower share.
struct followed_env {
    const struct follow_settings *settings;
    struct follow_counts *counts;
    struct line *lines; ///< FOLLOWED_LINES
    bool taken;         ///< a file is known that was not: that is to be saved
    bool released;      ///< a file was let go: those that are the same may be read now
    /// Whether the copy of a truncated file of this fingerprint is looked for.
    bool (*is_missing)(const void *context, const uint64_t fingerprint[2]);
    const void *context;
};

/// NULL when out of memory.
struct followed *followed_new(const char *path, const struct stat *st) MUST_USE;
/// Closed before.
void followed_free(struct followed *f);

/// Notes size and time; true when they are not the ones known.
bool followed_note(struct followed *f, const struct stat *st);

/// Opens it and finds out which file it is, as far as that can be said by now. `now_ns` is
/// monotonic.
void followed_open(struct followed_env *env, struct followed *f, uint64_t now_ns);

/// Reads up to some MB; `always`: even if it is time to stop. Returns the bytes read.
uint64_t followed_read(struct followed_env *env, struct followed *f, bool always);

/// Lets it go where it is.
void followed_close(struct followed_env *env, struct followed *f);

/// It has another name from now on. False when out of memory.
bool followed_rename(struct followed *f, const char *path) MUST_USE;

/// Says once what is wrong with it.
void followed_complain(struct followed_env *env, struct followed *f, const char *why);

static inline bool followed_is_open(const struct followed *f)
{
    return f->lines != NULL;
}
