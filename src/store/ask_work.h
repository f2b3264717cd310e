// SPDX-License-Identifier: Apache-2.0
/*
 * The questions of store/ask.h, answered on a connection that is in a transaction already
 * (work.conn): what ask.c calls once it is a question's turn. Answers are as told there; `a` is
 * initialized and empty.
 */
#pragma once

#include "store/ask.h"
#include "store/ask_plan.h"

int work_top(struct work *w, const struct question *q, struct answer *a) MUST_USE;
int work_series(struct work *w, const struct question *q, struct answer *a) MUST_USE;
int work_matrix(struct work *w, const struct question *q, struct answer *a) MUST_USE;
int work_changes(struct work *w, const struct question *q, struct answer *a) MUST_USE;
int work_values(struct work *w, const struct question *q, enum query_field field, const char *text,
                struct answer *a) MUST_USE;
int work_exporters(struct work *w, const struct question *q, struct answer *a) MUST_USE;
int work_interfaces(struct work *w, const struct question *q, struct answer *a) MUST_USE;

/// The rows of the question, newest first: their ids, and the least and greatest ts of them, which
/// make them quick to fetch.
struct found {
    struct buf ids; ///< of uint64_t
    int64_t least_ns;
    int64_t greatest_ns;
};
int work_find(struct work *w, const struct question *q, int64_t after_ts, uint64_t after_id,
              struct found *ret_found) MUST_USE;
/// The statement for restore_records(): SELECT flows.* of what was found, newest first.
int work_fetch(struct work *w, const struct found *found, struct duck_stmt **ret_stmt) MUST_USE;

// --- What several of them need ---------------------------------------------------------------

/// Runs what `q` has become. The statement lives until work_end_rows().
struct work_rows {
    struct duck_stmt *stmt;
    struct duck_rows *rows;
};
int work_run(struct work *w, struct sql *q, struct work_rows *ret_rows) MUST_USE;
void work_end_rows(struct work_rows *r);

/// What a plan says about an answer goes into the answer. Coarser tiers win; so do notes.
void work_say(struct answer *a, const struct plan *p);
