// SPDX-License-Identifier: Apache-2.0
/*
 * The roll-ups (store/rollups.def): traffic by minute and by hour, as rows that add up.
 *
 * A run takes the records of the transactions that came since the last one and adds their sums as
 * new rows, and says so in the same transaction. So it does not matter how old the records are, and
 * at any moment
 *
 *     minutes_X  has every record of a transaction up to the mark "minutes", and no other
 *     hours_X    has every row of minutes_X of a lap up to the mark "hours", and no other
 *
 * Who asks reads the marks with rollup_marks() in the transaction of his question, and adds what is
 * above them himself, which is little:
 *
 *     hours_X                                  traffic by the hour
 *     + minutes_X WHERE lap > marks.hours      what the hours do not have yet
 *     + records WHERE id >= marks.first_id     what the minutes do not have yet
 *
 * The marks go into the question as numbers, not as subqueries: then DuckDB skips what is older by
 * the least and greatest values of its row groups.
 *
 * In an hour of which records were forgotten the roll-ups still have the records: that is what
 * they are for.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/duck.h"

#define ROLLUP_MINUTE_NS INT64_C(60000000000)
#define ROLLUP_HOUR_NS INT64_C(3600000000000)

/// What is older than the last three was forgotten, or is not all there; 0: nothing was.
struct rollup_marks {
    uint64_t minutes;        ///< transaction up to which minutes_X have the records
    uint64_t first_id;       ///< the least id that a record above it can have
    uint64_t lap;            ///< the last run
    uint64_t hours;          ///< lap up to which hours_X have the rows of minutes_X
    int64_t merged_ns;       ///< hours before it were merged
    int64_t records_from_ns; ///< also the talkers'
    int64_t minutes_from_ns;
    int64_t hours_from_ns;
};

/// Inside the caller's transaction, if there is one. Errors as duck_run().
int rollup_marks(struct duck_conn *c, struct rollup_marks *ret_marks, struct err *err) MUST_USE;

/// Adds records above the mark to the minutes, and throws away the talkers (store/talkers.h) of the
/// hours that they lie in. `ret_more`: there were some; a run takes no more than fit into memory.
/// Errors as duck_run(); then nothing has changed.
int rollup_minutes(struct duck_conn *c, bool *ret_more, struct err *err) MUST_USE;
/// Adds the minutes above the mark to the hours. Likewise.
int rollup_hours(struct duck_conn *c, struct err *err) MUST_USE;

/// Rows of one minute and key, and of one hour and key, become one in the hours before `before_ns`,
/// once for each hour. Likewise.
int rollup_merge(struct duck_conn *c, int64_t before_ns, struct err *err) MUST_USE;

/// Runs statements in a transaction. Errors as duck_exec(); then nothing has changed.
int rollup_transact(struct duck_conn *c, struct buf *sql, struct err *err) MUST_USE;
/// The statements that set a mark.
void rollup_print_mark(struct buf *sql, const char *name, uint64_t value);

/// Compares every roll-up with a recount of the records, as far as these are still there, and says
/// in `err` where they differ (ERR_INVALID). For tests and for who doubts. Reads everything.
int rollup_check(struct duck_conn *c, struct err *err) MUST_USE;
