// SPDX-License-Identifier: Apache-2.0
/*
 * What changed: for each dimension by itself, how much of it there was in either period, and the
 * values whose difference is largest. A period of another length counts as though it were as long
 * as the newer one.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/ask_keys.h"
#include "store/ask_work.h"

static const enum query_field WORTH_ASKING[] = {
    QUERY_TRANSPORT,        QUERY_APPLICATION,
    QUERY_SERVER_PORT,      QUERY_OBSERVER_IP,
    QUERY_INGRESS_ID,       QUERY_EGRESS_ID,
    QUERY_SOURCE_AS_NUMBER, QUERY_DESTINATION_AS_NUMBER,
    QUERY_SOURCE_COUNTRY,   QUERY_DESTINATION_COUNTRY,
    QUERY_SOURCE_IP,        QUERY_DESTINATION_IP,
};
enum {
    WORTH_COUNT = sizeof(WORTH_ASKING) / sizeof(WORTH_ASKING[0]),
    CHANGES_SIZE_MAX = 16 << 20,
};

struct change {
    size_t field; ///< index in changes.plans
    size_t row;   ///< of changes.keys[field]
    uint64_t before;
    uint64_t now;
};

struct changes {
    size_t field_count;
    struct plan plans[WORTH_COUNT];
    struct keys keys[WORTH_COUNT];
    struct buf list; ///< of struct change
    uint64_t total_before;
    uint64_t total_now;
};

/// Both periods' sums by key, the largest differences first. What is left of the talkers is no key,
/// but counts.
static void append_changes(const struct plan *now, const struct plan *before,
                           const struct question *q, struct sql *sql)
{
    const char *metric = plan_metric(q->by);
    int64_t length = q->to_ns - q->from_ns;
    int64_t compared = q->compare_to_ns - q->compare_from_ns;
    sql_text(sql, "WITH u AS MATERIALIZED (SELECT ");
    plan_append_keys(now, "", sql);
    sql_printf(sql,
               ", least(sum(now), 18446744073709551615) AS now, least(sum(before) * %" PRId64
               " // %" PRId64 ", 18446744073709551615) AS before, sum(n) AS n FROM (SELECT ",
               length, compared);
    plan_append_keys(now, "", sql);
    sql_printf(sql, ", %s::HUGEINT AS now, 0::HUGEINT AS before, n FROM (", metric);
    plan_append(now, 0, sql);
    sql_text(sql, ") UNION ALL SELECT ");
    plan_append_keys(before, "", sql);
    sql_printf(sql, ", 0, %s, n FROM (", metric);
    plan_append(before, 0, sql);
    sql_text(sql, ")) GROUP BY ALL) SELECT * FROM (SELECT 0 AS part, * FROM u WHERE ");
    plan_append_not_rest(now, sql);
    sql_text(sql, " AND ");
    plan_append_not_rest(before, sql);
    sql_text(sql, " ORDER BY abs(now - before) DESC, ");
    plan_append_keys(now, "", sql);
    sql_printf(sql, " LIMIT %zu) UNION ALL SELECT 1, NULL%s, sum(now), sum(before), sum(n) FROM u",
               q->limit, now->axes[0].key_count == 2 ? ", NULL" : "");
}

static int read_changes(struct work *w, struct changes *c, size_t field, struct duck_rows *rows,
                        struct answer *a)
{
    const struct plan *p = &c->plans[field];
    size_t column = 1 + p->axes[0].key_count;
    int more;
    while ((more = duck_next(rows, w->err)) == 1) {
        uint64_t now = duck_u64(rows, column);
        uint64_t before = duck_u64(rows, column + 1);
        if (duck_u64(rows, 0) == 1) {
            c->total_now = now;
            c->total_before = before;
            a->rows_read = add_saturating(a->rows_read, duck_u64(rows, column + 2));
        } else if (now != before) {
            struct change change = { field, c->keys[field].count, before, now };
            keys_add(&c->keys[field], p, rows, 1);
            buf_append(&c->list, &change, sizeof(change));
        }
    }
    return more < 0 ? w->err->status : 0;
}

/// One dimension. Both periods from the same tier, or what they cut off would be a change.
static int find_changes(struct work *w, const struct question *q, const struct dimension *d,
                        struct changes *c, struct answer *a)
{
    size_t field = c->field_count++;
    struct plan before;
    keys_init(&c->keys[field]);
    int status = plan_make(&c->plans[field], w, q->filter, q->from_ns, q->to_ns, d, 1, 0, q->tier);
    if (status == 0) {
        status = plan_make(&before, w, q->filter, q->compare_from_ns, q->compare_to_ns, d, 1, 0,
                           q->tier);
    }
    if (status != 0) {
        return status;
    }
    work_say(a, &before);
    work_say(a, &c->plans[field]);
    struct sql sql;
    sql_init(&sql);
    append_changes(&c->plans[field], &before, q, &sql);
    struct work_rows r;
    status = work_run(w, &sql, &r);
    sql_release(&sql);
    if (status == 0) {
        status = read_changes(w, c, field, r.rows, a);
        work_end_rows(&r);
    }
    return status;
}

static uint64_t change_size(const struct change *c)
{
    return c->now > c->before ? c->now - c->before : c->before - c->now;
}

static int compare(const void *a, const void *b)
{
    const struct change *x = a;
    const struct change *y = b;
    uint64_t sizes[2] = { change_size(x), change_size(y) };
    if (sizes[0] != sizes[1]) {
        return sizes[0] > sizes[1] ? -1 : 1;
    }
    if (x->field != y->field) {
        return x->field < y->field ? -1 : 1;
    }
    return x->row < y->row ? -1 : x->row > y->row;
}

static int64_t difference(uint64_t now, uint64_t before)
{
    uint64_t size = now > before ? now - before : before - now;
    int64_t most = size > INT64_MAX ? INT64_MAX : (int64_t)size;
    return now > before ? most : -most;
}

static void put_change(struct answer *a, const struct changes *c, const struct change *change)
{
    const struct plan *p = &c->plans[change->field];
    const char *path = query_field_info(p->axes[0].dimension.field).path;
    double whole = (double)c->total_now - (double)c->total_before;
    answer_put_text(a, path, strlen(path));
    answer_put_keys(a, p, &c->keys[change->field], change->row);
    answer_put_u64(a, change->before);
    answer_put_u64(a, change->now);
    answer_put(a,
               (struct cell){ .kind = CELL_I64, .i64 = difference(change->now, change->before) });
    if (c->total_now == c->total_before) {
        answer_put_null(a);
    } else {
        answer_put_f64(a, ((double)change->now - (double)change->before) / whole);
    }
    a->row_count++;
}

static void put_changes(struct answer *a, struct changes *c, size_t limit)
{
    static const char *const COLUMNS[] = { "field",      "value", "before", "now",
                                           "difference", "share", NULL };
    answer_name(a, COLUMNS);
    size_t count = c->list.size / sizeof(struct change);
    struct change *list = (struct change *)(void *)c->list.data;
    if (count > 0) {
        qsort(list, count, sizeof(list[0]), compare);
    }
    a->cut = count > limit;
    for (size_t i = 0; i < count && i < limit; i++) {
        put_change(a, c, &list[i]);
    }
}

int work_changes(struct work *w, const struct question *q, struct answer *a)
{
    if (q->compare_from_ns >= q->compare_to_ns) {
        return err_set(w->err, ERR_INVALID, "the period to compare with ends before it begins");
    }
    struct changes *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        return err_set(w->err, ERR_NO_MEMORY, "out of memory");
    }
    buf_init(&c->list, CHANGES_SIZE_MAX);
    size_t count = q->dimension_count > 0 ? q->dimension_count : WORTH_COUNT;
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        struct dimension worth = { .field = WORTH_ASKING[i] };
        status = find_changes(w, q, q->dimension_count > 0 ? &q->dimensions[i] : &worth, c, a);
    }
    if (status == 0) {
        put_changes(a, c, q->limit);
    }
    for (size_t i = 0; i < c->field_count; i++) {
        keys_release(&c->keys[i]);
    }
    buf_release(&c->list);
    mem_free(c);
    return status;
}
