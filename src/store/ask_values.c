// SPDX-License-Identifier: Apache-2.0
/*
 * Completion. The values that there are come from the database, largest first; those that fit what
 * was typed are picked here, as they are shown, so that nothing that was typed goes into SQL.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "store/ask_keys.h"
#include "store/ask_work.h"

enum { VALUES_READ_MAX = 100 * 1000, VALUES_SIZE_MAX = 64 << 20 };

struct values {
    struct answer cells; ///< one of each value, as it is shown
    struct buf sums;     ///< of struct sums
    size_t count;
    uint64_t total;
};

static int read_values(struct work *w, const struct question *q, const struct plan *p,
                       struct values *v)
{
    struct sql sql;
    sql_init(&sql);
    sql_text(&sql, "SELECT * FROM (");
    plan_append(p, 0, &sql);
    sql_text(&sql, ") WHERE ");
    plan_append_not_rest(p, &sql);
    sql_printf(&sql, " AND k0 IS NOT NULL ORDER BY %s DESC NULLS LAST, ", plan_metric(q->by));
    plan_append_keys(p, "", &sql);
    sql_printf(&sql, " LIMIT %d", VALUES_READ_MAX);
    struct work_rows r;
    int status = work_run(w, &sql, &r);
    sql_release(&sql);
    if (status != 0) {
        return status;
    }
    struct keys keys;
    keys_init(&keys);
    int more;
    while ((more = duck_next(r.rows, w->err)) == 1) {
        struct sums sums = sums_read(r.rows, p->axes[0].key_count);
        keys_add(&keys, p, r.rows, 0);
        answer_put_keys(&v->cells, p, &keys, v->count++);
        buf_append(&v->sums, &sums, sizeof(sums));
        v->total = add_saturating(v->total, sums_metric(&sums, q->by));
    }
    bool bad = keys.rows.bad || keys.texts.bad || v->sums.bad || v->cells.cells.bad;
    keys_release(&keys);
    work_end_rows(&r);
    if (bad) {
        return err_set(w->err, ERR_NO_MEMORY, "out of memory");
    }
    return more < 0 ? w->err->status : 0;
}

/// Where `part` is in the text, in any case of ASCII letters: 0: at its begin, 1: within, 2:
/// nowhere.
static unsigned place_of(const char *text, size_t size, const char *part)
{
    size_t length = strlen(part);
    for (size_t at = 0; at + length <= size; at++) {
        size_t same = 0;
        while (same < length &&
               tolower((unsigned char)text[at + same]) == tolower((unsigned char)part[same])) {
            same++;
        }
        if (same == length) {
            return at == 0 ? 0 : 1;
        }
    }
    return 2;
}

static unsigned value_place(const struct values *v, size_t row, const char *part)
{
    const struct cell *cell = &((const struct cell *)(const void *)v->cells.cells.data)[row];
    char number[32];
    if (cell->kind == CELL_TEXT) {
        return place_of((const char *)v->cells.texts.data + cell->text.offset, cell->text.count,
                        part);
    }
    int size = cell->kind == CELL_U64 ? snprintf(number, sizeof(number), "%" PRIu64, cell->u64)
                                      : snprintf(number, sizeof(number), "%" PRId64, cell->i64);
    return place_of(number, (size_t)size, part);
}

static void put_value(struct answer *a, const struct values *v, size_t row, enum metric by)
{
    struct cell cell = ((const struct cell *)(const void *)v->cells.cells.data)[row];
    const struct sums *sums = &((const struct sums *)(const void *)v->sums.data)[row];
    if (cell.kind == CELL_TEXT) {
        answer_put_text(a, v->cells.texts.data + cell.text.offset, cell.text.count);
    } else {
        answer_put(a, cell);
    }
    answer_put_u64(a, sums->bytes);
    answer_put_u64(a, sums->packets);
    answer_put_u64(a, sums->flows);
    if (v->total == 0) {
        answer_put_null(a);
    } else {
        answer_put_f64(a, (double)sums_metric(sums, by) / (double)v->total);
    }
    a->row_count++;
}

/// Those that begin with the text before those that hold it, each kind from the largest on.
static void put_values(struct answer *a, const struct values *v, const char *text,
                       const struct question *q)
{
    static const char *const COLUMNS[] = { "value", "bytes", "packets", "flows", "share", NULL };
    answer_name(a, COLUMNS);
    for (unsigned place = 0; place < 2; place++) {
        for (size_t row = 0; row < v->count; row++) {
            if (value_place(v, row, text) != place) {
                continue;
            }
            if (a->row_count == q->limit) {
                a->cut = true;
                return;
            }
            put_value(a, v, row, q->by);
        }
    }
}

int work_values(struct work *w, const struct question *q, enum query_field field, const char *text,
                struct answer *a)
{
    struct dimension dimension = { .field = field };
    struct values v = { 0 };
    answer_init(&v.cells);
    buf_init(&v.sums, VALUES_SIZE_MAX);
    struct plan p;
    int status = plan_quick(&p, w, q, &dimension, false);
    if (status == 0) {
        status = read_values(w, q, &p, &v);
    }
    if (status == 0 && v.count == 0 && p.tier != TIER_RAW) { // nothing is rolled up yet
        status = plan_quick(&p, w, q, &dimension, true);
        if (status == 0) {
            status = read_values(w, q, &p, &v);
        }
    }
    if (status == 0) {
        put_values(a, &v, text, q);
        for (size_t i = 0; i < v.count; i++) {
            const struct sums *sums = &((const struct sums *)(const void *)v.sums.data)[i];
            a->rows_read = add_saturating(a->rows_read, sums->rows);
        }
        work_say(a, &p);
    }
    answer_release(&v.cells);
    buf_release(&v.sums);
    return status;
}
