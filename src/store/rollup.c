// SPDX-License-Identifier: Apache-2.0
/*
 * A run is one GROUP BY over the new records for each roll-up. One pass for all of them (GROUPING
 * SETS) was measured and is no faster: what costs is the grouping, not the reading.
 *
 * A mark is replaced in the transaction of the rows: the old one is deleted, so that of two runs at
 * the same time the second one collides and changes nothing.
 *
 * Sums are computed in 128 bits and cut to 64.
 */
#include "store/rollup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SQL_SIZE_MAX = 1 << 17,
    TRANSACTIONS_MAX = 128, ///< in a run: at most 15.7 million records
    KIND_FLOW = 0,
};

struct rollup {
    const char *name;
    const char *keys;
};

static const struct rollup ROLLUPS[] = {
#define ROLLUP(name, text, keys, definitions) { text, keys },
#include "store/rollups.def"
#undef ROLLUP
};
enum { ROLLUP_COUNT = sizeof(ROLLUPS) / sizeof(ROLLUPS[0]) };

#define EXPORTER "sampler_address_hi, sampler_address_lo, "
#define MOST "18446744073709551615" // of 64 bits
/// The measures that are sums, of records and of rows of a roll-up alike; with a comma behind.
#define MEASURES                                                                                   \
    "least(coalesce(sum(network_bytes), 0), " MOST ")::UBIGINT AS network_bytes, "                 \
    "least(coalesce(sum(network_packets), 0), " MOST ")::UBIGINT AS network_packets, "             \
    "least(coalesce(sum(samples), 0), " MOST ")::UBIGINT AS samples, "                             \
    "coalesce(sum(unknown), 0)::UBIGINT AS unknown, "
#define SUMS "sum(flows)::UBIGINT AS flows, " MEASURES
#define COUNTS "count(*)::UBIGINT AS flows, " MEASURES

// --- Marks ---------------------------------------------------------------------------------------

int rollup_marks(struct duck_conn *c, struct rollup_marks *ret_marks, struct err *err)
{
    struct duck_rows *rows;
    int status = duck_ask(c, "SELECT name, max(value) FROM marks GROUP BY name", &rows, err);
    if (status != 0) {
        return status;
    }
    struct rollup_marks m = { 0 };
    int found;
    while ((found = duck_next(rows, err)) > 0) {
        struct duck_text name = duck_bytes(rows, 0);
        uint64_t value = duck_u64(rows, 1);
        int64_t time = duck_i64(rows, 1);
#define IS(text) (name.size == strlen(text) && memcmp(name.data, text, name.size) == 0)
        m.minutes = IS("minutes") ? value : m.minutes;
        m.lap = IS("lap") ? value : m.lap;
        m.hours = IS("hours") ? value : m.hours;
        m.merged_ns = IS("merged") ? time : m.merged_ns;
        m.records_from_ns = IS("records_from") ? time : m.records_from_ns;
        m.minutes_from_ns = IS("minutes_from") ? time : m.minutes_from_ns;
        m.hours_from_ns = IS("hours_from") ? time : m.hours_from_ns;
#undef IS
    }
    duck_rows_free(rows);
    m.first_id = (m.minutes + 1) << 32;
    if (found == 0) {
        *ret_marks = m;
    }
    return found;
}

void rollup_print_mark(struct buf *sql, const char *name, uint64_t value)
{
    buf_printf(sql,
               "DELETE FROM marks WHERE name = '%s';"
               "INSERT INTO marks VALUES ('%s', %" PRIu64 ");",
               name, name, value);
}

int rollup_transact(struct duck_conn *c, struct buf *sql, struct err *err)
{
    if (sql->bad) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    int status = duck_exec(c, "BEGIN", err);
    if (status != 0) {
        return status;
    }
    status = duck_exec(c, buf_text(sql), err);
    if (status == 0) {
        status = duck_exec(c, "COMMIT", err);
    }
    if (status != 0) {
        struct err ignored;
        int rolled_back = duck_exec(c, "ROLLBACK", &ignored);
        (void)rolled_back; // a COMMIT that failed has done it already
    }
    return status;
}

// --- Minutes -------------------------------------------------------------------------------------

/// Which records a run takes: first <= id < end.
struct range {
    uint64_t first;
    uint64_t end;
};

/// The next transactions above the mark, as far as there are some.
static int find_records(struct duck_conn *c, uint64_t first_id, struct range *ret_range,
                        struct err *err)
{
    char sql[128];
    uint64_t least;
    uint64_t greatest;
    (void)snprintf(sql, sizeof(sql), "SELECT min(id) FROM flows WHERE id >= %" PRIu64, first_id);
    int status = duck_ask_u64(c, sql, &least, err);
    if (status != 0) {
        return status;
    }
    (void)snprintf(sql, sizeof(sql), "SELECT max(id) FROM flows WHERE id >= %" PRIu64, first_id);
    status = duck_ask_u64(c, sql, &greatest, err);
    if (status != 0) {
        return status;
    }
    uint64_t last = greatest >> 32;
    uint64_t bound = (least >> 32) + TRANSACTIONS_MAX - 1;
    *ret_range = (struct range){
        .first = first_id,
        .end = least == 0 ? first_id : ((last < bound ? last : bound) + 1) << 32,
    };
    return 0;
}

/// FROM and WHERE of the records of a run.
static void print_new_records(struct buf *sql, struct range range)
{
    buf_printf(sql, "FROM records WHERE kind = %d AND id >= %" PRIu64 " AND id < %" PRIu64,
               KIND_FLOW, range.first, range.end);
}

/// A record ends in a later minute than it begins in when its duration goes past the minute's rest:
/// said so, with one division instead of two.
static void print_record_sums(struct buf *sql, const struct rollup *rollup)
{
    buf_printf(sql,
               "SELECT ts - ts %% %" PRId64 " AS ts, " EXPORTER "%s, " COUNTS
               "count(*) FILTER (time_flow_end_ns - ts + ts %% %" PRId64 " >= %" PRId64
               ")::UBIGINT AS longer, "
               "count(*) FILTER (time_flow_end_ns - ts + ts %% %" PRId64 " >= %" PRId64
               ")::UBIGINT AS longer_hour ",
               ROLLUP_MINUTE_NS, rollup->keys, ROLLUP_MINUTE_NS, ROLLUP_MINUTE_NS, ROLLUP_HOUR_NS,
               ROLLUP_HOUR_NS);
}

int rollup_minutes(struct duck_conn *c, bool *ret_more, struct err *err)
{
    struct rollup_marks marks;
    struct range range;
    int status = rollup_marks(c, &marks, err);
    if (status != 0) {
        return status;
    }
    status = find_records(c, marks.first_id, &range, err);
    if (status != 0) {
        return status;
    }
    *ret_more = range.end > range.first;
    if (!*ret_more) {
        return 0;
    }
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
    for (size_t i = 0; i < ROLLUP_COUNT; i++) {
        buf_printf(&sql, "INSERT INTO minutes_%s BY NAME ", ROLLUPS[i].name);
        buf_printf(&sql, "SELECT *, %" PRIu64 "::UINTEGER AS lap FROM (", marks.lap + 1);
        print_record_sums(&sql, &ROLLUPS[i]);
        print_new_records(&sql, range);
        buf_append_text(&sql, " GROUP BY ALL);");
    }
    static const char *const TALKERS[] = { "src", "dst", "pair" };
    for (size_t i = 0; i < sizeof(TALKERS) / sizeof(TALKERS[0]); i++) {
        buf_printf(&sql,
                   "DELETE FROM talkers_%s WHERE ts >= %" PRId64
                   " AND ts IN (SELECT DISTINCT ts - ts %% %" PRId64 " ",
                   TALKERS[i], marks.records_from_ns, ROLLUP_HOUR_NS);
        print_new_records(&sql, range);
        buf_append_text(&sql, ");");
    }
    rollup_print_mark(&sql, "minutes", (range.end >> 32) - 1);
    rollup_print_mark(&sql, "lap", marks.lap + 1);
    status = rollup_transact(c, &sql, err);
    buf_release(&sql);
    return status;
}

// --- Hours ---------------------------------------------------------------------------------------

static void print_minute_sums(struct buf *sql, const struct rollup *rollup)
{
    buf_printf(sql,
               "SELECT ts - ts %% %" PRId64 " AS ts, " EXPORTER "%s, " SUMS
               "sum(longer_hour)::UBIGINT AS longer FROM minutes_%s ",
               ROLLUP_HOUR_NS, rollup->keys, rollup->name);
}

int rollup_hours(struct duck_conn *c, struct err *err)
{
    struct rollup_marks marks;
    int status = rollup_marks(c, &marks, err);
    if (status != 0 || marks.hours == marks.lap) {
        return status;
    }
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
    for (size_t i = 0; i < ROLLUP_COUNT; i++) {
        buf_printf(&sql, "INSERT INTO hours_%s BY NAME ", ROLLUPS[i].name);
        print_minute_sums(&sql, &ROLLUPS[i]);
        buf_printf(&sql, "WHERE lap > %" PRIu64 " AND lap <= %" PRIu64 " GROUP BY ALL;",
                   marks.hours, marks.lap);
    }
    rollup_print_mark(&sql, "hours", marks.lap);
    status = rollup_transact(c, &sql, err);
    buf_release(&sql);
    return status;
}

// --- Merging -------------------------------------------------------------------------------------

/// Rows of `table` from `from` to `to` become one per time and key. `more` is what else there is to
/// the table's rows: its sums, and a condition that ends in AND.
static void print_merge(struct buf *sql, const char *table, const struct rollup *rollup,
                        const char *sums, const char *condition, const char *range)
{
    buf_printf(sql,
               "CREATE OR REPLACE TEMP TABLE merged AS SELECT ts, " EXPORTER "%s, " SUMS
               "%s FROM %s_%s WHERE %s %s GROUP BY ALL;",
               rollup->keys, sums, table, rollup->name, condition, range);
    buf_printf(sql, "DELETE FROM %s_%s WHERE %s %s;", table, rollup->name, condition, range);
    buf_printf(sql, "INSERT INTO %s_%s BY NAME FROM merged;", table, rollup->name);
}

int rollup_merge(struct duck_conn *c, int64_t before_ns, struct err *err)
{
    struct rollup_marks marks;
    int status = rollup_marks(c, &marks, err);
    int64_t end = before_ns - before_ns % ROLLUP_HOUR_NS;
    if (status != 0 || marks.merged_ns >= end) {
        return status;
    }
    char range[96];
    char in_hours[48];
    (void)snprintf(range, sizeof(range), "ts >= %" PRId64 " AND ts < %" PRId64, marks.merged_ns,
                   end);
    (void)snprintf(in_hours, sizeof(in_hours), "lap <= %" PRIu64 " AND", marks.hours);
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
    for (size_t i = 0; i < ROLLUP_COUNT; i++) {
        print_merge(&sql, "minutes", &ROLLUPS[i],
                    "sum(longer)::UBIGINT AS longer, sum(longer_hour)::UBIGINT AS longer_hour, "
                    "max(lap) AS lap",
                    in_hours, range);
        print_merge(&sql, "hours", &ROLLUPS[i], "sum(longer)::UBIGINT AS longer", "", range);
    }
    buf_append_text(&sql, "DROP TABLE temp.merged;");
    rollup_print_mark(&sql, "merged", (uint64_t)end);
    status = rollup_transact(c, &sql, err);
    buf_release(&sql);
    return status;
}

// --- Checking ------------------------------------------------------------------------------------

/// "SELECT ..., " twice as a question: how many rows are in one and not in the other?
static int compare(struct duck_conn *c, struct buf *one, struct buf *other, const char *what,
                   struct err *err)
{
    struct buf sql;
    uint64_t differ = 0;
    buf_init(&sql, SQL_SIZE_MAX);
    buf_printf(&sql,
               "WITH a AS (%s), b AS (%s) SELECT count(*) FROM ((FROM a EXCEPT FROM b) UNION ALL "
               "(FROM b EXCEPT FROM a))",
               buf_text(one), buf_text(other));
    int status = sql.bad || one->bad || other->bad ? err_set(err, ERR_NO_MEMORY, "out of memory")
                                                   : duck_ask_u64(c, buf_text(&sql), &differ, err);
    buf_release(&sql);
    if (status == 0 && differ > 0) {
        status =
            err_set(err, ERR_INVALID, "%s: %" PRIu64 " rows differ from a recount", what, differ);
    }
    return status;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/// The minutes against the records, or the hours against those records that are in minutes that
/// are in the hours.
static int check_minutes(struct duck_conn *c, const struct rollup *rollup,
                         const struct rollup_marks *marks, struct err *err)
{
    struct buf have;
    struct buf want;
    int64_t from = later(marks->records_from_ns, marks->minutes_from_ns);
    buf_init(&have, SQL_SIZE_MAX);
    buf_init(&want, SQL_SIZE_MAX);
    buf_printf(&have,
               "SELECT ts, " EXPORTER "%s, " SUMS "sum(longer)::UBIGINT AS longer, "
               "sum(longer_hour)::UBIGINT AS longer_hour FROM minutes_%s WHERE ts >= %" PRId64
               " GROUP BY ALL",
               rollup->keys, rollup->name, from);
    print_record_sums(&want, rollup);
    print_new_records(&want, (struct range){ .end = marks->first_id });
    buf_printf(&want, " AND ts >= %" PRId64 " GROUP BY ALL", from);
    int status = compare(c, &have, &want, rollup->name, err);
    buf_release(&have);
    buf_release(&want);
    return status < 0 ? err_prefix(err, "minutes") : 0;
}

/// Hours against minutes: these were compared with the records.
static int check_hours(struct duck_conn *c, const struct rollup *rollup,
                       const struct rollup_marks *marks, struct err *err)
{
    struct buf have;
    struct buf want;
    int64_t from = later(marks->minutes_from_ns, marks->hours_from_ns);
    buf_init(&have, SQL_SIZE_MAX);
    buf_init(&want, SQL_SIZE_MAX);
    buf_printf(&have,
               "SELECT ts, " EXPORTER "%s, " SUMS
               "sum(longer)::UBIGINT AS longer FROM hours_%s WHERE ts >= %" PRId64 " GROUP BY ALL",
               rollup->keys, rollup->name, from);
    print_minute_sums(&want, rollup);
    buf_printf(&want, "WHERE lap <= %" PRIu64 " AND ts >= %" PRId64 " GROUP BY ALL", marks->hours,
               from);
    int status = compare(c, &have, &want, rollup->name, err);
    buf_release(&have);
    buf_release(&want);
    return status < 0 ? err_prefix(err, "hours") : 0;
}

int rollup_check(struct duck_conn *c, struct err *err)
{
    struct rollup_marks marks;
    int status = rollup_marks(c, &marks, err);
    for (size_t i = 0; status == 0 && i < ROLLUP_COUNT; i++) {
        status = check_minutes(c, &ROLLUPS[i], &marks, err);
        if (status == 0) {
            status = check_hours(c, &ROLLUPS[i], &marks, err);
        }
    }
    return status;
}
