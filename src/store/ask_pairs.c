// SPDX-License-Identifier: Apache-2.0
/*
 * Who with whom. The pairs are added up once; the largest of either side and the pairs of these,
 * with all the others as one, come from that.
 */
#include "store/ask_keys.h"
#include "store/ask_work.h"

/// The keys of one side of the pairs.
static void append_side(const struct plan *p, size_t side, const char *prefix, struct sql *q)
{
    sql_printf(q, "%sk%zu", prefix, side);
    if (p->axes[side].key_count == 2) {
        sql_printf(q, ", %sk%zub", prefix, side);
    }
}

/// The largest of a side: a table with its keys, and that it is there.
static void append_largest(const struct plan *p, size_t side, enum metric by, size_t limit,
                           struct sql *q)
{
    sql_printf(q, ", w%zu AS MATERIALIZED (SELECT 1 AS is_listed, ", side);
    append_side(p, side, "", q);
    sql_text(q, " FROM g WHERE ");
    plan_append_not_rest(p, q);
    sql_text(q, " GROUP BY ALL ORDER BY ");
    sql_printf(q, "sum(%s) DESC NULLS LAST, ", plan_metric(by));
    append_side(p, side, "", q);
    sql_printf(q, " LIMIT %zu)", limit);
}

static void append_join(const struct plan *p, size_t side, struct sql *q)
{
    sql_printf(q, " LEFT JOIN w%zu ON g.k%zu IS NOT DISTINCT FROM w%zu.k%zu", side, side, side,
               side);
    if (p->axes[side].key_count == 2) {
        sql_printf(q, " AND g.k%zub IS NOT DISTINCT FROM w%zu.k%zub", side, side, side);
    }
}

static void append_matrix(const struct plan *p, const struct question *q, struct sql *sql)
{
    sql_text(sql, "WITH g AS MATERIALIZED (");
    plan_append(p, 0, sql);
    sql_text(sql, ")");
    append_largest(p, 0, q->by, q->limit, sql);
    append_largest(p, 1, q->by, q->limit, sql);
    sql_text(
        sql,
        " SELECT * FROM (SELECT w0.is_listed IS NULL AS other0, w1.is_listed IS NULL AS other1, ");
    append_side(p, 0, "w0.", sql);
    sql_text(sql, ", ");
    append_side(p, 1, "w1.", sql);
    sql_printf(sql, ", %s FROM g", plan_sums(p));
    append_join(p, 0, sql);
    append_join(p, 1, sql);
    sql_text(sql, q->other ? "" : " WHERE w0.is_listed = 1 AND w1.is_listed = 1");
    sql_printf(sql, " GROUP BY ALL) ORDER BY other0 OR other1, %s DESC NULLS LAST, ",
               plan_metric(q->by));
    plan_append_keys(p, "", sql);
}

static int put_pairs(struct work *w, const struct plan *p, struct duck_rows *rows, struct answer *a)
{
    size_t keys = p->axes[0].key_count + p->axes[1].key_count;
    struct keys row;
    keys_init(&row);
    int more;
    while ((more = duck_next(rows, w->err)) == 1 && a->row_count < ASK_ROWS_MAX) {
        struct sums sums = sums_read(rows, 2 + keys);
        keys_add(&row, p, rows, 2);
        answer_put_keys(a, p, &row, row.count - 1);
        answer_put_bool(a, duck_u64(rows, 0) == 1);
        answer_put_bool(a, duck_u64(rows, 1) == 1);
        answer_put_sums(a, &sums);
        a->rows_read = add_saturating(a->rows_read, sums.rows);
        a->row_count++;
    }
    a->cut = more == 1;
    keys_release(&row);
    return more < 0 ? w->err->status : 0;
}

int work_matrix(struct work *w, const struct question *q, struct answer *a)
{
    static const char *const OTHER[] = { "other_first", "other_second", NULL };
    if (q->dimension_count != 2) {
        return err_set(w->err, ERR_INVALID, "a matrix is of two dimensions");
    }
    struct plan p;
    int status = plan_question(&p, w, q, 0);
    if (status != 0) {
        return status;
    }
    struct sql sql;
    sql_init(&sql);
    append_matrix(&p, q, &sql);
    struct work_rows r;
    status = work_run(w, &sql, &r);
    sql_release(&sql);
    if (status != 0) {
        return status;
    }
    answer_name_dimensions(a, &p);
    answer_name(a, OTHER);
    answer_name_sums(a);
    status = put_pairs(w, &p, r.rows, a);
    work_end_rows(&r);
    work_say(a, &p);
    return status;
}
