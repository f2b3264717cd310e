// SPDX-License-Identifier: Apache-2.0
/* How far a long piece of work is: a line on the terminal while it runs, a summary at its end. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "flow/ledger.h"

/// What became of a file.
enum file_outcome {
    FILE_READ,
    FILE_NOTHING_NEW, ///< all of it was read before, perhaps under another name
    FILE_DAMAGED,     ///< what could be read was
    FILE_UNREADABLE,  ///< not a line of it
    FILE_OUTCOME_COUNT,
    FILE_LATER, ///< none yet: it is being read under another name
};

struct progress_state {
    uint64_t files[FILE_OUTCOME_COUNT]; ///< done
    uint64_t files_total;
    uint64_t bytes; ///< of the files as they are on the disk
    uint64_t bytes_total;
    uint64_t elapsed_ns;
    uint64_t error_documents;
    uint64_t duplicates; ///< that a server had already
    uint64_t refused;    ///< that went to a dead-letter file
    struct ledger_sums sums;
};

struct progress {
    bool shown; ///< standard error is a terminal
    uint64_t next_ns;
    int width; ///< of what is shown now
};

void progress_begin(struct progress *p);
/// Shows the state if it is time for that.
void progress_show(struct progress *p, const struct progress_state *s);
/// The same of work that is bytes alone. `bytes_total` may be about so many.
void progress_show_bytes(struct progress *p, uint64_t bytes, uint64_t bytes_total,
                         uint64_t elapsed_ns);
/// Takes the line away.
void progress_end(struct progress *p);

/// How far work is that somebody else does. False: nobody knows yet.
typedef bool progress_look_fn(void *context, uint64_t *ret_bytes, uint64_t *ret_total);

/// Shows how far a long call is, from a thread of its own; without a terminal there is none.
struct progress_watch {
    struct progress progress; ///< the thread's
    progress_look_fn *look;
    void *context;
    uint64_t begun_ns;
    pthread_t thread;
    bool has_thread;
    atomic_bool over;
};

/// `look` is called by the thread, until the end.
void progress_watch_begin(struct progress_watch *w, progress_look_fn *look, void *context);
void progress_watch_end(struct progress_watch *w);

/// One JSON object: files by outcome, bytes, lines, records, documents of note, errors by reason,
/// seconds.
void progress_print_summary(const struct progress_state *s, FILE *out);
