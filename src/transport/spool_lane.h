// SPDX-License-Identifier: Apache-2.0
/*
 * A lane of the spool: a list of segments, where its oldest frame is (the head), how far it is
 * delivered (the watermark), and its part of the books. Whoever calls holds the spool's mutex;
 * files are named relative to the spool's folder.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "transport/spool_segment.h"

struct lane {
    const char *name;
    const char *folder; ///< for words
    int folder_fd;
    int mark_fd;
    int read_fd;  ///< of the first segment, or -1
    int write_fd; ///< of the last segment, or -1: a new one has to be begun
    bool writing; ///< something is being appended to the last segment

    struct segment *first;
    struct segment *last;
    uint64_t next_number;
    uint64_t bytes;

    uint64_t head_offset;  ///< in the first segment
    uint64_t head_records; ///< of the first segment, before the head
    struct frame head;
    bool head_ready; ///< `head` is the frame there

    bool taken;            ///< a frame is out
    bool taken_is_dropped; ///< and its segment is gone meanwhile; never set without `taken`
    uint32_t taken_count;

    bool mark_dirty;
    unsigned mark_slot;
    uint64_t mark_serial;

    uint64_t found;
    uint64_t put;
    uint64_t done;
    uint64_t dropped;
    uint64_t damaged;
    uint64_t waiting;
};

/// Finds the lane's segments and reads its watermark. What lane_close() releases is set in any
/// case. ERR_IO, ERR_INVALID, ERR_NO_MEMORY, with words.
int lane_open(struct lane *l, struct err *err) MUST_USE;
void lane_close(struct lane *l);

/// Finds the oldest frame; what is damaged on the way is counted, what is delivered to its end is
/// removed. ERR_NOT_FOUND when there is none, ERR_IO.
int lane_settle(struct lane *l);

/// The head is behind us: delivered, or damaged.
void lane_pass(struct lane *l);

/// Removes the oldest segment whatever is in it. Returns how many records were lost by that.
uint64_t lane_drop(struct lane *l);

/// Makes a new last segment, which lane_commit() or lane_abort() follows. ERR_IO with errno,
/// ERR_NO_MEMORY.
int lane_begin(struct lane *l) MUST_USE;
/// The frame that was appended counts. `size`: bytes, with the segment's header if it is new.
void lane_commit(struct lane *l, uint64_t size, uint32_t count);
/// It does not: what is left of it is cut off. `sync_failed`: the file is not to be trusted again.
void lane_abort(struct lane *l, bool sync_failed);

/// Writes the watermark; to survive a kill it need not be synced.
void lane_mark(struct lane *l);
