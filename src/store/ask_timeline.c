// SPDX-License-Identifier: Apache-2.0
/*
 * The buckets of the keys that are wanted are all read at once and kept as a table: a few hundred
 * buckets of a few series.
 */
#include "store/ask_timeline.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum { CELLS_MAX = 512 << 10 };

#define SECONDS(n) ((n)*INT64_C(1000000000))

int64_t timeline_step(int64_t span_ns, int64_t least_ns, int64_t buckets)
{
    static const int64_t STEPS[] = {
        SECONDS(1),   SECONDS(5),    SECONDS(10),   SECONDS(30),    SECONDS(60),    SECONDS(300),
        SECONDS(600), SECONDS(1800), SECONDS(3600), SECONDS(10800), SECONDS(43200), SECONDS(86400)
    };
    int64_t step = 0;
    for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
        step = STEPS[i];
        if (step >= least_ns && span_ns / step <= buckets) {
            return step;
        }
    }
    return step * (span_ns / step / buckets + 1); // whole days
}

/// Several rows may be of the same series and bucket.
static void append_question(const struct plan *p, const struct keys *keys, bool rest, struct sql *q)
{
    bool by_keys = keys != NULL && keys->count > 0;
    struct sql head;
    struct sql tail;
    sql_init(&head);
    sql_init(&tail);
    sql_printf(&head, "SELECT %s AS i, b, %s FROM (", by_keys ? "i" : "NULL", plan_sums(p));
    sql_text(&tail, ") s");
    if (by_keys) {
        sql_text(q, "WITH w AS (FROM ");
        keys_append_table(keys, p, "listed", q);
        sql_text(q, ") ");
        sql_printf(&tail, " %s JOIN w ON ", rest ? "LEFT" : "INNER");
        keys_append_alike(keys, p, "s.", "w.", &tail);
    }
    sql_text(&tail, " GROUP BY ALL");
    plan_append_parts(p, PLAN_BUCKETS | PLAN_UNSUMMED, buf_text(&head.text), buf_text(&tail.text),
                      q);
    q->bad = q->bad || head.bad || tail.bad;
    sql_release(&head);
    sql_release(&tail);
}

static int read_buckets(struct work *w, struct duck_rows *rows, struct timeline *t, bool rest)
{
    int more;
    while ((more = duck_next(rows, w->err)) == 1) {
        size_t series = duck_is_null(rows, 0) ? t->series_count - 1 : (size_t)duck_u64(rows, 0);
        int64_t bucket = duck_i64(rows, 1) - t->first;
        bool is_rest = duck_is_null(rows, 0);
        if (bucket >= 0 && (size_t)bucket < t->bucket_count && series < t->series_count &&
            (rest || !is_rest)) {
            struct sums sums = sums_read(rows, 2);
            sums_add(&t->sums[series * t->bucket_count + (size_t)bucket], &sums);
        }
    }
    return more < 0 ? w->err->status : 0;
}

int timeline_read(struct work *w, const struct plan *p, const struct keys *keys, bool rest,
                  struct timeline *ret_timeline)
{
    struct timeline t = { .from_ns = p->from_ns, .to_ns = p->to_ns, .step_ns = p->step_ns };
    t.first = p->from_ns / p->step_ns;
    if ((p->to_ns - p->from_ns) / p->step_ns > ASK_POINTS_MAX) {
        return err_set(w->err, ERR_INVALID, "more than %d buckets: a longer step or less time",
                       ASK_POINTS_MAX);
    }
    t.bucket_count =
        p->to_ns > p->from_ns ? (size_t)((p->to_ns - 1) / p->step_ns - t.first + 1) : 0;
    t.series_count = (keys != NULL ? keys->count : 0) + (rest ? 1 : 0);
    if (t.series_count * t.bucket_count > CELLS_MAX) {
        return err_set(w->err, ERR_INVALID, "too many series by buckets: fewer of either");
    }
    t.sums = mem_zalloc_array(t.series_count * t.bucket_count + 1, sizeof(t.sums[0]));
    if (t.sums == NULL) {
        return err_set(w->err, ERR_NO_MEMORY, "out of memory");
    }
    struct plan wanted = *p;
    wanted.only = rest ? NULL : keys;
    struct sql q;
    sql_init(&q);
    append_question(&wanted, keys, rest, &q);
    struct work_rows r;
    int status = work_run(w, &q, &r);
    if (status == 0) {
        status = read_buckets(w, r.rows, &t, rest);
        work_end_rows(&r);
    }
    sql_release(&q);
    if (status != 0) {
        timeline_release(&t);
        return status;
    }
    *ret_timeline = t;
    return 0;
}

void timeline_release(struct timeline *t)
{
    mem_free(t->sums);
    t->sums = NULL;
}

const struct sums *timeline_at(const struct timeline *t, size_t series, size_t bucket)
{
    return &t->sums[series * t->bucket_count + bucket];
}

int timeline_total(const struct timeline *t, struct timeline *ret_total)
{
    struct timeline total = *t;
    total.series_count = 1;
    total.sums = mem_zalloc_array(t->bucket_count + 1, sizeof(total.sums[0]));
    if (total.sums == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t series = 0; series < t->series_count; series++) {
        for (size_t bucket = 0; bucket < t->bucket_count; bucket++) {
            sums_add(&total.sums[bucket], timeline_at(t, series, bucket));
        }
    }
    *ret_total = total;
    return 0;
}

int64_t timeline_begin(const struct timeline *t, size_t bucket)
{
    int64_t begin = (t->first + (int64_t)bucket) * t->step_ns;
    return begin > t->from_ns ? begin : t->from_ns;
}

int64_t timeline_end(const struct timeline *t, size_t bucket)
{
    int64_t end = (t->first + (int64_t)bucket + 1) * t->step_ns;
    return end < t->to_ns ? end : t->to_ns;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int timeline_rates(const struct timeline *t, size_t series, enum metric metric,
                   struct rates *ret_rates)
{
    struct rates rates = { 0 };
    double *sorted = mem_zalloc_array(t->bucket_count + 1, sizeof(sorted[0]));
    if (sorted == NULL) {
        return ERR_NO_MEMORY;
    }
    double whole = 0;
    for (size_t b = 0; b < t->bucket_count; b++) {
        double value = (double)sums_metric(timeline_at(t, series, b), metric);
        double seconds = (double)(timeline_end(t, b) - timeline_begin(t, b)) / 1e9;
        sorted[b] = value / seconds;
        whole += value;
        rates.max = sorted[b] > rates.max ? sorted[b] : rates.max;
    }
    if (t->bucket_count > 0) {
        qsort(sorted, t->bucket_count, sizeof(sorted[0]), compare);
        rates.p95 = sorted[(t->bucket_count * 95 + 99) / 100 - 1];
        rates.avg = whole / ((double)(t->to_ns - t->from_ns) / 1e9);
    }
    mem_free(sorted);
    *ret_rates = rates;
    return 0;
}
