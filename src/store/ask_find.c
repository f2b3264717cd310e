// SPDX-License-Identifier: Apache-2.0
/*
 * The newest records. Time is walked backwards in windows that grow, so that a page of records that
 * are not rare reads a few row groups, and one of records that are not there reads each row once.
 * Of the rows of a page only ts and id are looked for; whole rows are fetched at the end.
 */
#include <inttypes.h>

#include "store/ask_work.h"

#define WINDOW_NS (60 * INT64_C(1000000000))
enum { WINDOW_GROWTH = 4, FOUND_SIZE_MAX = ASK_ROWS_MAX * (int)sizeof(uint64_t) };

struct walk {
    const struct question *q;
    int64_t after_ts;
    uint64_t after_id;
    struct found found;
    size_t count;
};

/// Adds what there is from `from` to before `to`, newest first.
static int look_in(struct work *w, struct walk *walk, int64_t from, int64_t to)
{
    struct sql sql;
    sql_init(&sql);
    sql_printf(&sql, "SELECT ts, id FROM records WHERE ts >= %" PRId64 " AND ts < %" PRId64, from,
               to);
    if (walk->after_id != 0 || walk->after_ts != 0) {
        sql_printf(&sql,
                   " AND (ts < %" PRId64 " OR (ts = %" PRId64 " AND id < %" PRIu64 "::UBIGINT))",
                   walk->after_ts, walk->after_ts, walk->after_id);
    }
    if (walk->q->filter != NULL && kql_root(walk->q->filter)->kind != KQL_ALL) {
        sql_text(&sql, " AND ");
        sql_where(&sql, walk->q->filter);
    }
    sql_printf(&sql, " ORDER BY ts DESC, id DESC LIMIT %zu", walk->q->limit - walk->count);
    struct work_rows r;
    int status = work_run(w, &sql, &r);
    sql_release(&sql);
    if (status != 0) {
        return status;
    }
    int more;
    while ((more = duck_next(r.rows, w->err)) == 1) {
        int64_t ts = duck_i64(r.rows, 0);
        uint64_t id = duck_u64(r.rows, 1);
        walk->found.greatest_ns = walk->count == 0 ? ts : walk->found.greatest_ns;
        walk->found.least_ns = ts;
        buf_append(&walk->found.ids, &id, sizeof(id));
        walk->count++;
    }
    work_end_rows(&r);
    return more < 0 ? w->err->status : 0;
}

/// From the end backwards. What lies past the newest record that is known of is one window.
static int walk_back(struct work *w, struct walk *walk, int64_t to)
{
    int64_t from = walk->q->from_ns;
    int64_t window = WINDOW_NS;
    int64_t begin = to > w->newest_ns && w->newest_ns >= from ? w->newest_ns + 1 : to;
    int status = begin < to ? look_in(w, walk, begin, to) : 0;
    while (status == 0 && walk->count < walk->q->limit && begin > from) {
        to = begin;
        begin = to - from > window ? to - window : from;
        status = look_in(w, walk, begin, to);
        window = window > INT64_MAX / WINDOW_GROWTH ? INT64_MAX : window * WINDOW_GROWTH;
    }
    return status;
}

int work_find(struct work *w, const struct question *q, int64_t after_ts, uint64_t after_id,
              struct found *ret_found)
{
    struct walk walk = { .q = q, .after_ts = after_ts, .after_id = after_id };
    buf_init(&walk.found.ids, FOUND_SIZE_MAX);
    int64_t to = q->to_ns;
    if ((after_ts != 0 || after_id != 0) && after_ts < to) {
        to = after_ts + 1; // what is as old as the last one may have a lesser id
    }
    int status = to > q->from_ns ? walk_back(w, &walk, to) : 0;
    if (status == 0 && walk.found.ids.bad) {
        status = err_set(w->err, ERR_NO_MEMORY, "out of memory");
    }
    if (status != 0) {
        buf_release(&walk.found.ids);
        return status;
    }
    *ret_found = walk.found;
    return 0;
}

int work_fetch(struct work *w, const struct found *found, struct duck_stmt **ret_stmt)
{
    struct sql sql;
    sql_init(&sql);
    sql_printf(
        &sql, "SELECT flows.* FROM flows WHERE ts >= %" PRId64 " AND ts <= %" PRId64 " AND id IN (",
        found->least_ns, found->greatest_ns);
    for (size_t i = 0; i < found->ids.size / sizeof(uint64_t); i++) {
        sql_printf(&sql, "%s%" PRIu64 "::UBIGINT", i > 0 ? ", " : "",
                   ((const uint64_t *)(const void *)found->ids.data)[i]);
    }
    sql_text(&sql, ") ORDER BY ts DESC, id DESC");
    int status = sql_prepare(&sql, w->conn, ret_stmt, w->err);
    sql_release(&sql);
    return status;
}
