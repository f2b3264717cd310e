// SPDX-License-Identifier: Apache-2.0
/*
 * Where the rows of a question come from. A plan is a list of pieces, each a table and a span of
 * time, which together hold every record of the question exactly once:
 *
 *     raw      |--|                                        |-|   edges that are no whole minute
 *     minutes     |-------|                      |---------|     edges that are no whole hour
 *     hours               |----------------------|
 *
 * and over all of it the records that the roll-ups do not have yet: those above the mark "minutes",
 * and minutes above the mark "hours" (store/rollup.h). The marks are read in the transaction that
 * the question runs in, so that nothing comes between.
 *
 * All pieces have the same columns, so their sum is one SELECT over UNION ALL: plan_append().
 */
#pragma once

#include "store/ask.h"
#include "store/rollup.h"
#include "store/sql.h"

/// What a question is answered with: a connection in a transaction, and what is known beforehand.
struct work {
    struct duck_conn *conn;
    struct rollup_marks marks;
    uint64_t transaction; ///< number of the newest one
    int64_t newest_ns;    ///< greatest ts, about
    int64_t now_ns;
    struct err *err;
};

/// A dimension as columns: `key_count` of them, called kD and kDb for dimension D.
struct axis {
    struct dimension dimension;
    struct sql_field field;
    size_t key_count;
    bool is_text; ///< its key is a BLOB, else numbers
};

enum { PLAN_PIECES_MAX = 80 };

struct piece {
    const char *tier; ///< "minutes", "hours", "talkers"; NULL: records
    int64_t from_ns;
    int64_t to_ns;
    uint64_t first_id; ///< records: of that id and above
    uint64_t above;    ///< minutes: of laps above that; UINT64_MAX: all of them
};

/// Traffic of some records (of kind flow) by some axes.
struct keys;

struct plan {
    const struct kql *filter;
    int64_t from_ns;
    int64_t to_ns;
    size_t axis_count;
    struct axis axes[ASK_DIMENSIONS_MAX];
    int64_t step_ns;         ///< of buckets; 0: none are wanted
    enum tier tier;          ///< the coarsest that is used
    const char *table;       ///< of roll-ups and talkers: what is behind minutes_, hours_, talkers_
    const struct keys *only; ///< rows of others need not be read; NULL: all are wanted
    bool exact;
    char note[256];
    size_t piece_count;
    struct piece pieces[PLAN_PIECES_MAX];
};

/// The pieces for `tier` (TIER_AUTO: the best). ERR_INVALID with words: a field that cannot be
/// grouped by, a tier that cannot answer. Errors of DuckDB.
int plan_make(struct plan *p, struct work *w, const struct kql *filter, int64_t from_ns,
              int64_t to_ns, const struct dimension *dimensions, size_t count, int64_t step_ns,
              enum tier tier) MUST_USE;

/// The same, as plan_make() but from what of `q` says so.
int plan_question(struct plan *p, struct work *w, const struct question *q,
                  int64_t step_ns) MUST_USE;

/// The question in the other direction. `ret_filter` is the reversed filter, to be freed when the
/// plan is not used any more.
int plan_reverse(struct plan *p, struct work *w, const struct question *q, int64_t step_ns,
                 struct kql **ret_filter) MUST_USE;

/// For completion, which never reads all the records of a time: from roll-ups or talkers about as
/// long as the time asked for, else (`newest`, or where there are none) from the newest records of
/// any time, which the note says.
int plan_quick(struct plan *p, struct work *w, const struct question *q,
               const struct dimension *dimension, bool newest) MUST_USE;

enum { PLAN_NEWEST = 122880 };
/// The id from which on there are PLAN_NEWEST records, or a few more, or all there are.
int plan_newest(struct work *w, uint64_t *ret_first_id) MUST_USE;

/// What plan_append() is wanted to do besides adding up.
enum {
    PLAN_BUCKETS = 1, ///< by bucket, too: column b (bucket's number: ts / step)
    PLAN_SEEN = 2,    ///< with the least and greatest ts: seen_first, seen_last
    PLAN_UNSUMMED = 4 ///< several rows of the same keys are fine: whoever asked adds them up
};

/// Appends SELECT k0, k0b, ..., b, flows, network_bytes, network_packets, samples, unknown, longer,
/// n (rows that were added up) FROM ... GROUP BY the first of them.
void plan_append(const struct plan *p, unsigned wanted, struct sql *q);

/// The same in parts, which are added up by themselves: "HEAD SELECT ... TAIL" for each table and
/// branch, joined by UNION ALL. Adding up each is a good deal cheaper than bringing their rows
/// together first.
void plan_append_parts(const struct plan *p, unsigned wanted, const char *head, const char *tail,
                       struct sql *q);

/// Whether keys have to be added up before they can be named, which is a step more.
bool plan_is_named(const struct plan *p);

/// The name of a column of keys: "k0", and "k0b" for the second one of its axis.
const char *plan_key(size_t axis, size_t key);

/// "k0, k0b, k1": the key columns of the axes, each behind `prefix`.
void plan_append_keys(const struct plan *p, const char *prefix, struct sql *q);

/// A condition: the keys of two tables are alike, where NULL is like NULL.
void plan_append_alike(const struct plan *p, const char *left, const char *right, struct sql *q);

/// A condition on rows of plan_append(): they stand for keys that are known, and not for all the
/// addresses that are not among the talkers.
void plan_append_not_rest(const struct plan *p, struct sql *q);

/// The sums that every row of plan_append() has, as columns of a SELECT. Where each row is a record
/// there are fewer to add up.
const char *plan_sums(const struct plan *p);
enum { PLAN_SUM_COUNT = 7 };

/// The column of a metric.
const char *plan_metric(enum metric metric);

/// Makes the table of applications that questions join with, on each connection, again when there
/// are others.
int plan_set_up(struct duck_conn *c, const struct applications *applications,
                struct err *err) MUST_USE;
