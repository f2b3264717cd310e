// SPDX-License-Identifier: Apache-2.0
/*
 * Deleted rows hold their blocks until the whole row group is dead, no question sees it any more
 * and a checkpoint comes by. Whoever deleted until enough blocks are free would delete far too much
 * while a long question or a backup runs. So rows that are deleted and not yet gone count as gone,
 * by their share of the table. Only when that does not come true for RELAPSE_NS (dead rows among
 * living ones, as after an import of old files) is an hour more forgotten.
 *
 * After deletes DuckDB knows no least ts from its statistics; the last one is remembered, so that
 * the next is looked for where it must be.
 */
#include "store/retention.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/rollup.h"
#include "store/writer.h"

enum {
    SQL_SIZE_MAX = 1 << 14,
    ROUNDS_MAX = 10,          ///< checkpoints in one run
    STEPS_MAX = 10000,        ///< deletes in one run: the next one goes on
    SIZE_TARGET_PERCENT = 95, ///< of the bound, once it is passed
    CHECKPOINT_TRIES = 10,
    CHECKPOINT_PAUSE_MS = 50,
};

#define RELAPSE_NS (600 * NS_PER_S)

void retention_init(struct retention *r, const struct store_settings *settings)
{
    *r = (struct retention){ .settings = settings };
}

// --- How large -----------------------------------------------------------------------------------

int retention_measure(struct retention *r, struct duck_conn *c, struct err *err)
{
    struct duck_rows *rows;
    int status = duck_ask(c,
                          "SELECT used_blocks * block_size, free_blocks * block_size "
                          "FROM pragma_database_size() WHERE database_name = current_database()",
                          &rows, err);
    if (status != 0) {
        return status;
    }
    int found = duck_next(rows, err);
    if (found > 0) {
        r->used_bytes = duck_u64(rows, 0);
        r->free_bytes = duck_u64(rows, 1);
    }
    duck_rows_free(rows);
    if (found < 0) {
        return found;
    }
    struct statvfs disk;
    if (statvfs(r->settings->folder, &disk) != 0) {
        return err_set_errno(err, errno, "%s", r->settings->folder);
    }
    r->disk_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    return 0;
}

/// Measures it, and bytes of records that are deleted and will be free, but for those of a row
/// group, which may be the one that is half dead. A checkpoint in between makes that too much
/// rather than too little.
static int measure_dead(struct retention *r, struct duck_conn *c, uint64_t *ret_dead,
                        struct err *err)
{
    uint64_t rows;
    uint64_t living;
    int status =
        duck_ask_u64(c,
                     "SELECT estimated_size FROM duckdb_tables() WHERE table_name = 'flows' AND "
                     "database_name = current_database()",
                     &rows, err);
    if (status == 0) {
        status = duck_ask_u64(c, "SELECT count(*) FROM flows", &living, err);
    }
    if (status == 0) {
        status = retention_measure(r, c, err);
    }
    if (status == 0) {
        uint64_t gone = living + STORE_GROUP_ROWS;
        double share = rows <= gone ? 0 : (double)(rows - gone) / (double)rows;
        *ret_dead = (uint64_t)((double)r->used_bytes * share);
    }
    return status;
}

/// Whether it is above `percent` of what it may be, or the disk below as much of its floor; `dead`
/// bytes do not count.
static bool is_over(const struct retention *r, uint64_t dead, unsigned percent)
{
    uint64_t size_max = r->settings->size_max;
    uint64_t used = r->used_bytes - dead;
    if (size_max > 0 && used > size_max / 100 * percent) {
        return true;
    }
    // A little before the floor, where the writer stops.
    uint64_t floor = r->settings->free_min;
    uint64_t wanted = floor + floor / 20 + floor / 20 * (100 - percent) / 5;
    return floor > 0 && r->disk_free + r->free_bytes + dead < wanted;
}

int retention_checkpoint(struct duck_conn *c, struct err *err)
{
    const struct timespec pause = { .tv_nsec = CHECKPOINT_PAUSE_MS * (long)NS_PER_MS };
    int status = 0;
    for (unsigned i = 0; i < CHECKPOINT_TRIES; i++) {
        status = duck_exec(c, "CHECKPOINT", err);
        if (status == 0 || status == ERR_CLOSED) {
            break;
        }
        (void)nanosleep(&pause, NULL); // cut short: tried earlier
    }
    return status;
}

// --- Records -------------------------------------------------------------------------------------

/// min(ts) of the records where `condition`; 0: there is none.
static int ask_least(struct duck_conn *c, const char *condition, int64_t bound, int64_t *ret_ts,
                     struct err *err)
{
    char sql[128];
    uint64_t ts;
    (void)snprintf(sql, sizeof(sql), "SELECT min(ts) FROM flows WHERE ts %s %" PRId64, condition,
                   bound);
    int status = duck_ask_u64(c, sql, &ts, err);
    if (status == 0) {
        *ret_ts = (int64_t)ts;
    }
    return status;
}

static int find_oldest(struct retention *r, struct duck_conn *c, struct err *err)
{
    int64_t oldest = 0;
    int status = 0;
    if (r->oldest_ns > 0) {
        status = ask_least(c, "<", r->oldest_ns + 2 * ROLLUP_HOUR_NS, &oldest, err);
    }
    if (status == 0 && oldest == 0) {
        status = ask_least(c, ">=", 0, &oldest, err);
    }
    if (status == 0) {
        r->oldest_ns = oldest;
    }
    return status;
}

/// Forgets the records before `bound_ns`.
static int forget_records(struct retention *r, struct duck_conn *c, int64_t bound_ns,
                          uint64_t *ret_count, struct err *err)
{
    struct rollup_marks marks;
    int status = rollup_marks(c, &marks, err);
    if (status != 0) {
        return status;
    }
    char sql[192];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM flows WHERE ts < %" PRId64 " AND id < %" PRIu64, bound_ns,
                   marks.first_id);
    uint64_t count;
    status = duck_ask_u64(c, sql, &count, err);
    if (status != 0) {
        return status;
    }
    *ret_count = count;
    if (count == 0 && bound_ns <= marks.records_from_ns) {
        return 0;
    }
    struct buf text;
    buf_init(&text, SQL_SIZE_MAX);
    buf_printf(&text, "DELETE FROM flows WHERE ts < %" PRId64 " AND id < %" PRIu64 ";", bound_ns,
               marks.first_id);
    if (bound_ns > marks.records_from_ns) {
        rollup_print_mark(&text, "records_from", (uint64_t)bound_ns);
    }
    status = rollup_transact(c, &text, err);
    buf_release(&text);
    if (status == 0) {
        r->forgotten += count;
    }
    return status;
}

static int64_t align(int64_t ts, int64_t step)
{
    return ts - ts % step;
}

/// The end of the oldest hour of which there are records; where it is the last one too, of the
/// oldest minute. 0: what there is all lies in one minute, or there is nothing.
static int find_bound(struct retention *r, struct duck_conn *c, int64_t *ret_bound_ns,
                      struct err *err)
{
    static const int64_t STEPS[] = { ROLLUP_HOUR_NS, ROLLUP_MINUTE_NS };
    int status = find_oldest(r, c, err);
    *ret_bound_ns = 0;
    for (size_t i = 0; status == 0 && r->oldest_ns > 0 && *ret_bound_ns == 0 && i < 2; i++) {
        int64_t bound = align(r->oldest_ns, STEPS[i]) + STEPS[i];
        int64_t next;
        status = ask_least(c, ">=", bound, &next, err);
        *ret_bound_ns = status == 0 && next > 0 ? bound : 0;
    }
    return status;
}

// --- Roll-ups ------------------------------------------------------------------------------------

static int forget_rollups(struct duck_conn *c, bool hours, int64_t bound_ns,
                          const struct rollup_marks *marks, struct err *err)
{
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
#define ROLLUP(name, text, keys, definitions)                                                      \
    if (hours) {                                                                                   \
        buf_printf(&sql, "DELETE FROM hours_" text " WHERE ts < %" PRId64 ";", bound_ns);          \
    } else {                                                                                       \
        buf_printf(&sql,                                                                           \
                   "DELETE FROM minutes_" text " WHERE ts < %" PRId64 " AND lap <= %" PRIu64 ";",  \
                   bound_ns, marks->hours);                                                        \
    }
#include "store/rollups.def"
#undef ROLLUP
    if (hours) {
        buf_printf(&sql,
                   "DELETE FROM talkers_src WHERE ts < %" PRId64
                   "; DELETE FROM talkers_dst WHERE ts < %" PRId64
                   "; DELETE FROM talkers_pair WHERE ts < %" PRId64 ";",
                   bound_ns, bound_ns, bound_ns);
    }
    int64_t from = hours ? marks->hours_from_ns : marks->minutes_from_ns;
    if (bound_ns > from) {
        rollup_print_mark(&sql, hours ? "hours_from" : "minutes_from", (uint64_t)bound_ns);
    }
    int status = rollup_transact(c, &sql, err);
    buf_release(&sql);
    return status;
}

/// Forgets the oldest day of the minutes, or of the hours when there are no minutes.
static int forget_oldest_rollups(struct duck_conn *c, bool *ret_forgotten, struct err *err)
{
    struct rollup_marks marks;
    int status = rollup_marks(c, &marks, err);
    *ret_forgotten = false;
    for (unsigned hours = 0; status == 0 && !*ret_forgotten && hours < 2; hours++) {
        char sql[128];
        uint64_t oldest;
        (void)snprintf(sql, sizeof(sql), "SELECT min(ts) FROM %s",
                       hours == 0 ? "minutes_protocol" : "hours_protocol");
        status = duck_ask_u64(c, sql, &oldest, err);
        if (status == 0 && oldest > 0) {
            int64_t bound = align((int64_t)oldest, ROLLUP_HOUR_NS) + 24 * ROLLUP_HOUR_NS;
            *ret_forgotten = true;
            status = forget_rollups(c, hours == 1, bound, &marks, err);
        }
    }
    return status;
}

// --- What is due ---------------------------------------------------------------------------------

/// The whole hours before which something is older than `keep_ns`; 0: nothing is.
static int64_t age_bound(uint64_t now_ns, uint64_t keep_ns)
{
    return keep_ns == 0 || keep_ns >= now_ns ? 0
                                             : align((int64_t)(now_ns - keep_ns), ROLLUP_HOUR_NS);
}

/// The hour of the oldest record: roll-ups are kept as long as there are records, whose sums they
/// are expected to have. INT64_MAX: there is no record.
static int oldest_hour(struct duck_conn *c, int64_t *ret_hour, struct err *err)
{
    uint64_t oldest;
    int status =
        duck_ask_u64(c, "SELECT coalesce(min(ts), 9223372036854775807) FROM flows", &oldest, err);
    *ret_hour = status == 0 && oldest < INT64_MAX
                    ? (int64_t)oldest / ROLLUP_HOUR_NS * ROLLUP_HOUR_NS
                    : INT64_MAX;
    return status;
}

static int forget_old(struct retention *r, struct duck_conn *c, uint64_t now_ns,
                      bool *ret_forgotten, struct err *err)
{
    int64_t this_hour = align((int64_t)now_ns, ROLLUP_HOUR_NS);
    if (this_hour == r->age_bound_ns) {
        return 0;
    }
    const struct store_settings *s = r->settings;
    struct rollup_marks marks;
    uint64_t count = 0;
    int status = rollup_marks(c, &marks, err);
    int64_t bound = age_bound(now_ns, s->keep_ns);
    if (status == 0 && bound > 0) {
        status = forget_records(r, c, bound, &count, err);
    }
    int64_t oldest = INT64_MAX;
    if (status == 0) {
        status = oldest_hour(c, &oldest, err);
    }
    bound = age_bound(now_ns, s->keep_minutes_ns);
    bound = bound < oldest ? bound : oldest;
    if (status == 0 && bound > 0) {
        status = forget_rollups(c, false, bound, &marks, err);
    }
    bound = age_bound(now_ns, s->keep_hours_ns);
    bound = bound < oldest ? bound : oldest;
    if (status == 0 && bound > 0) {
        status = forget_rollups(c, true, bound, &marks, err);
    }
    if (status == 0) {
        r->age_bound_ns = this_hour;
        *ret_forgotten = count > 0;
    }
    return status;
}

/// Forgets the oldest records until it is small enough, as far as one can tell before a checkpoint;
/// roll-ups when there are no more records.
static int forget_for_size(struct retention *r, struct duck_conn *c, uint64_t now_ns,
                           bool *ret_forgotten, struct err *err)
{
    uint64_t dead;
    bool relapse = r->last_ns > 0 && now_ns - r->last_ns >= RELAPSE_NS;
    int status = measure_dead(r, c, &dead, err);
    *ret_forgotten = false;
    for (unsigned i = 0; status == 0 && i < STEPS_MAX; i++) {
        if (!is_over(r, dead, SIZE_TARGET_PERCENT) && !relapse) {
            break;
        }
        relapse = false;
        int64_t bound;
        uint64_t count = 0;
        status = find_bound(r, c, &bound, err);
        if (status == 0 && bound > 0) {
            status = forget_records(r, c, bound, &count, err);
        }
        if (status == 0 && count == 0) {
            return forget_oldest_rollups(c, ret_forgotten, err);
        }
        if (status == 0) {
            *ret_forgotten = true;
            r->last_ns = now_ns;
            status = measure_dead(r, c, &dead, err);
        }
    }
    return status;
}

int retention_run(struct retention *r, struct duck_conn *c, uint64_t now_ns, struct err *err)
{
    bool forgotten = false;
    int status = retention_measure(r, c, err);
    if (status == 0) {
        status = forget_old(r, c, now_ns, &forgotten, err);
    }
    if (status == 0 && forgotten) {
        status = retention_checkpoint(c, err);
    }
    bool over = is_over(r, 0, 100);
    for (unsigned i = 0; status == 0 && over && i < ROUNDS_MAX; i++) {
        status = forget_for_size(r, c, now_ns, &forgotten, err);
        if (status == 0) {
            status = retention_checkpoint(c, err); // of what went earlier too
        }
        if (status == 0) {
            status = retention_measure(r, c, err);
        }
        over = forgotten && is_over(r, 0, SIZE_TARGET_PERCENT);
    }
    return status == 0 ? retention_measure(r, c, err) : status;
}
