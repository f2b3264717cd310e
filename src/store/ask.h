// SPDX-License-Identifier: Apache-2.0
/*
 * Questions to the store and their answers, as tables. How a question came (HTTP, a command line)
 * and how its answer is shown is for others (web/api.h).
 *
 * Guard rails: two questions run at a time, others wait their turn up to a bound; each has a time
 * and a memory limit; one whose asker is gone is stopped.
 *
 * A question goes to the roll-ups when they have the columns that it needs, for the whole minutes
 * and hours of its time, and to the records for the rest, so the answer is the same to the record;
 * what is not is said (`exact`).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "query/application_source.h"
#include "query/kql.h"
#include "store/restore.h"
#include "store/store.h"

enum metric { METRIC_BYTES, METRIC_PACKETS, METRIC_FLOWS };
/// "bytes", "packets", "flows".
const char *metric_text(enum metric metric);

enum tier { TIER_AUTO, TIER_RAW, TIER_MINUTES, TIER_HOURS, TIER_TALKERS };
/// "auto", "raw", "1m", "1h", "talkers".
const char *tier_text(enum tier tier);

enum { ASK_DIMENSIONS_MAX = 3, ASK_ROWS_MAX = 10000, ASK_POINTS_MAX = 2000 };

/// What an answer is by: a field, and for addresses how much of them (0: all).
struct dimension {
    enum query_field field;
    unsigned prefix_v4;
    unsigned prefix_v6;
};

/// Time is from..to: `from_ns` included, `to_ns` not.
struct question {
    const struct kql *filter; ///< NULL: every record
    int64_t from_ns;
    int64_t to_ns;
    size_t dimension_count;
    struct dimension dimensions[ASK_DIMENSIONS_MAX];
    enum metric by; ///< what is large
    enum {
        RANK_SUM,
        RANK_MAX,
        RANK_LAST
    } rank;          ///< series: by the sum, the highest or the last bucket
    size_t limit;    ///< rows, or series
    bool other;      ///< with a row (a series) of all the rest
    bool both;       ///< with the other direction (filter and dimensions reversed) beside it
    bool no_rates;   ///< top: max and p95 of the rates are not wanted
    int64_t step_ns; ///< series: of a bucket; 0: chosen
    int64_t
        before_ns; ///< series: with the time this much earlier beside it (previous period); 0: none
    int64_t compare_from_ns; ///< changes: the period it is compared with
    int64_t compare_to_ns;
    enum tier tier; ///< TIER_AUTO, or the one to use
};

enum cell_kind { CELL_NULL, CELL_U64, CELL_I64, CELL_F64, CELL_TEXT, CELL_BOOL, CELL_TIME };

struct cell {
    enum cell_kind kind;
    union {
        uint64_t u64;
        int64_t i64; ///< of TIME too: ns since 1970
        double f64;
        bool yes;
        struct span text; ///< bytes in answer.texts
    };
};

/// A table, and what is said about it.
struct answer {
    size_t column_count;
    const char *columns[24]; ///< names; dimensions are called by their path
    struct buf cells;        ///< of struct cell, row by row
    struct buf texts;
    size_t row_count;
    enum tier tier; ///< the coarsest that was used
    bool exact;     ///< false: `note` says why not
    char note[256];
    bool cut;           ///< there was more than the limit
    uint64_t rows_read; ///< records and roll-up rows of the time asked for, about
    uint64_t took_ns;
    int64_t step_ns;       ///< series
    struct answer *groups; ///< series: a row for each; owned, NULL: none
    struct answer *total;  ///< series: the one row of all of them, when they are everything; owned
};

void answer_init(struct answer *a);
void answer_release(struct answer *a);
const struct cell *answer_cell(const struct answer *a, size_t row, size_t column);

struct asks;

struct asks_settings {
    struct store *store;
    struct application_source *applications; ///< may be NULL
    uint64_t timeout_ns;
    size_t running_max; ///< 2
    size_t waiting_max; ///< more than so many are turned away
};

int asks_new(const struct asks_settings *settings, struct asks **ret_asks,
             struct err *err) MUST_USE;
/// Everybody has got an answer. NULL is fine.
void asks_free(struct asks *a);

/// How the asker says that nobody waits for the answer any more; may be NULL. Any thread.
struct ask_patience {
    bool (*is_gone)(void *context);
    void *context;
};

/*
 * All of them: ERR_FULL: too many wait, come again later. ERR_CLOSED: the asker is gone. ERR_RANGE:
 * it took too long. ERR_NO_MEMORY: too much for the memory limit. ERR_INVALID: a question that
 * makes no sense, in words. ERR_IO. Any thread.
 *
 * Measures are, per row: bytes, packets (scaled), flows, samples, unknown (flows whose rate nobody
 * said), error (relative error of the estimate in percent, 196 * sqrt(1 / samples); NULL: exact).
 */

/// The largest by dimension: dimensions, measures, share of the total (0..1), avg, max and p95 of
/// the rate per second by minute (or step); last `other`.
int ask_top(struct asks *a, const struct question *q, const struct ask_patience *patience,
            struct answer *ret_answer, struct err *err) MUST_USE;
/// Over time: time, dimensions, measures; a row per bucket and series, all buckets of all series;
/// a long flow is spread over its duration. A bucket that has not ended is marked (partial).
/// Beside it `groups`, in the order of the rows of a bucket (dimensions, other, measures, avg, max
/// and p95 of the rate per second of the buckets), and `total` (the same without dimensions).
int ask_series(struct asks *a, const struct question *q, const struct ask_patience *patience,
               struct answer *ret_answer, struct err *err) MUST_USE;
/// Who with whom: two dimensions, their largest values each, and the measures of each pair.
int ask_matrix(struct asks *a, const struct question *q, const struct ask_patience *patience,
               struct answer *ret_answer, struct err *err) MUST_USE;
/// Which values explain the difference between two periods: field, value, before, now, difference,
/// share of the whole difference. Without dimensions: over all that make sense.
int ask_changes(struct asks *a, const struct question *q, const struct ask_patience *patience,
                struct answer *ret_answer, struct err *err) MUST_USE;
/// Completion: values of a field that begin with (or hold) `text`, with share and count, from
/// roll-ups, talkers, texts; of other fields from the newest records only.
int ask_values(struct asks *a, enum query_field field, const char *text, const struct question *q,
               const struct ask_patience *patience, struct answer *ret_answer,
               struct err *err) MUST_USE;
/// One row per exporter: address, name, first and last seen, measures, sampling rates.
int ask_exporters(struct asks *a, const struct question *q, const struct ask_patience *patience,
                  struct answer *ret_answer, struct err *err) MUST_USE;
/// One row per exporter and interface: index, name, alias, in and out bytes and packets.
int ask_interfaces(struct asks *a, const struct question *q, const struct ask_patience *patience,
                   struct answer *ret_answer, struct err *err) MUST_USE;

/// Records, newest first. `after_ts`, `after_id`: go on behind that one (keyset paging); 0 and 0:
/// from the newest. Calls `each` as restore_records() does.
int ask_flows(struct asks *a, const struct question *q, int64_t after_ts, uint64_t after_id,
              const struct ask_patience *patience, restore_each_fn *each, void *context,
              struct err *err) MUST_USE;
