// SPDX-License-Identifier: Apache-2.0
/*
 * How far each file has been read, in the only sense that counts: up to where every line was
 * delivered. Kept in memory and, when there is a path, in a state file that survives kill -9.
 *
 * A file is known by the hash of its first line (fingerprint), so that a renamed file, a copy made
 * by copytruncate and its .gz are one file; files that begin alike and then differ get numbers. The
 * two together are its identity (struct file_id), and a `track` is what is known of one.
 *
 * Batches are acknowledged in any order, by ranges of bytes; a position moves on only over an
 * unbroken run of them. A range that is never acknowledged (a transport gave up) holds the position
 * where it is.
 *
 * Thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/line.h"
#include "base/status.h"
#include "source/lines.h"

struct positions;
struct track;

/// Reads the state file at `path`, whose folder must be there; "" keeps positions in memory only. A
/// last record that was torn by a crash is passed over; anything else that is no state file is
/// refused. The file is locked: ERR_EXISTS when another process has it. ERR_IO, ERR_INVALID.
int positions_open(const char *path, struct positions **ret_positions, struct err *err) MUST_USE;
/// Nobody reads or acknowledges any more. Does not save.
void positions_close(struct positions *p);

/// The track for a file: the one with its fingerprint whose bytes before the saved position agree,
/// else a new one. `lines` is at the start of the file and is left where reading goes on.
/// ERR_EXISTS: that very file is being read under another name just now: try again later.
/// ERR_RANGE: it is a copy of a file that has been read farther than the copy goes: nothing in it
/// is new. ERR_FULL, ERR_NO_MEMORY, and what lines_seek() says.
int positions_take(struct positions *p, struct lines *lines, const uint64_t fingerprint[2],
                   const char *path, struct track **ret_track, struct file_id *ret_id) MUST_USE;

/// The file of `t` is no longer being read; what was given out of it stays so. Its descriptor,
/// lent to positions_take() with `lines`, is not looked at any more.
void positions_release(struct positions *p, struct track *t, const struct lines *lines);

/// Notes a place for later checks: to be called after lines_read(). Not thread-safe beside itself.
void positions_mark(struct positions *p, struct track *t, const struct lines *lines);

/// A file that does not grow (compressed) was read to its end: which one it was is remembered.
void positions_finish(struct positions *p, struct track *t, const struct stat *st);

/// Whether it is known that a file was read to its end and delivered: it need not be opened.
bool positions_is_finished(struct positions *p, const struct stat *st);

/// What is known of a file by its device and inode alone.
struct positions_known {
    uint64_t fingerprint[2]; ///< of what was in it when it was last read
    uint64_t reach;          ///< how far it was read
    bool other_path;         ///< under another path than the one asked with
};

/// False when no such file was read before.
bool positions_find(struct positions *p, const struct stat *st, const char *path,
                    struct positions_known *ret_known);

/// How far files of this fingerprint that nobody reads just now were read; 0: there is none.
uint64_t positions_reach(struct positions *p, const uint64_t fingerprint[2]);

/// Keeps `name` in the state file, to be asked for later.
void positions_note(struct positions *p, const char *name);
bool positions_is_noted(struct positions *p, const char *name);

/// The bytes from `begin` to `end` were delivered everywhere. Ranges of a track touch each other.
void positions_acknowledge(struct positions *p, struct track *t, uint64_t begin, uint64_t end);

/// Up to where every line was delivered.
uint64_t positions_get(struct positions *p, struct track *t);
/// Sets a position (from_end): nothing before it will be asked for.
void positions_set(struct positions *p, struct track *t, uint64_t offset);

/// Called by positions_save() between taking stock and writing it: what was acknowledged by then
/// has to outlive a power cut before it is noted. Negative: it may not, and nothing is noted.
typedef int positions_sync_fn(void *context);
void positions_set_sync(struct positions *p, positions_sync_fn *sync, void *context);

/// Writes what has changed to the state file and waits until it is on the disk. ERR_IO: said in
/// `err`; nothing is lost, the next call tries again.
int positions_save(struct positions *p, struct err *err) MUST_USE;
