// SPDX-License-Identifier: Apache-2.0
/*
 * One file as lines, from a position on: plain, gzip or zstd (told apart by their first bytes),
 * or a pipe. Offsets count decompressed bytes, so that a file and its .gz agree about where a line
 * is.
 *
 * A line ends with LF or CR LF. What stands behind the last line end is kept back until its line
 * end comes, or given out when the caller says that nothing will follow.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/line.h"
#include "base/status.h"

enum {
    /// Bytes before a position by which it is seen whether a file is still the one it was.
    POSITION_TAIL_SIZE = 4096,
};

enum lines_state {
    LINES_MORE, ///< call again
    LINES_END,  ///< the end for now: a plain file may grow
    LINES_DONE, ///< a compressed file or a pipe is read whole: nothing will follow
    LINES_BAD,  ///< the compressed data are damaged or cut short, or reading failed
    /// The file was truncated: what was read of it is no longer in it. lines_offset() is where it
    /// was left; nothing of what it holds now was given out.
    LINES_REPLACED,
};

struct lines;

/// Takes `fd`, which lines_free() closes; `path` is for messages and copied. ERR_IO, ERR_NO_MEMORY;
/// `fd` is closed then too.
int lines_new(int fd, const char *path, size_t line_size_max, struct lines **ret_lines,
              struct err *err) MUST_USE;
/// NULL is fine.
void lines_free(struct lines *l);

/// A pipe that nothing comes from is not waited for any longer once *stop is true, which must
/// outlive `l`: LINES_BAD. Without it reading waits for ever.
void lines_set_stop(struct lines *l, const _Atomic bool *stop);

/// XXH128 of the first complete line; consumes nothing, works at the start of the file only.
/// ERR_NOT_FOUND: there is none yet, and lines_problem() says why if that is for damage.
/// ERR_CLOSED: LINES_REPLACED. A line longer than may be counts with its beginning. `final`:
/// nothing follows, so that the last line needs no line end.
int lines_fingerprint(struct lines *l, bool final, uint64_t ret_fingerprint[2]) MUST_USE;

/// Goes on at `offset`; *ret_tail is the hash of the up to POSITION_TAIL_SIZE bytes before it.
/// ERR_RANGE: the file is shorter; the place is then the start. A compressed file can only go
/// forward without being read again from its start, which happens underneath.
int lines_seek(struct lines *l, uint64_t offset, uint64_t *ret_tail) MUST_USE;

/// Up to `max` lines, without origin, valid until the next call on `l`. `final`: nothing will
/// follow, the rest without a line end is a line too.
size_t lines_read(struct lines *l, bool final, struct line *ret_lines, size_t max,
                  enum lines_state *ret_state);

/// Gives back what is held of lines not yet given out, as far as it can be read again: for a file
/// that has to wait for its turn.
void lines_rest(struct lines *l);

/// Behind the last line that was given out.
uint64_t lines_offset(const struct lines *l);
/// The hash that lines_seek() would give there.
uint64_t lines_tail(const struct lines *l);
/// Bytes of an unfinished line behind lines_offset() that are known.
uint64_t lines_pending(const struct lines *l);
/// Bytes of the file itself that were read (compressed ones where it is compressed).
uint64_t lines_raw_offset(const struct lines *l);
bool lines_is_compressed(const struct lines *l);
int lines_fd(const struct lines *l);
/// Why LINES_BAD: words, without the path.
const char *lines_problem(const struct lines *l);
