// SPDX-License-Identifier: Apache-2.0
/*
 * In two steps: who is largest, over everything; and then by bucket of time for these few only,
 * which is what their highest rates are known from.
 */
#include "store/ask_top.h"

#include <inttypes.h>

#include "base/mem.h"
#include "store/ask_timeline.h"

#define NO_SUMS "0, 0, 0, 0, 0, 0, 0"

enum { WINNER_SUMS_MAX = 64 << 20, RATE_CELLS_MAX = 500 * 1000 };

void winners_init(struct winners *w)
{
    *w = (struct winners){ 0 };
    keys_init(&w->keys);
    buf_init(&w->sums, WINNER_SUMS_MAX);
}

void winners_release(struct winners *w)
{
    keys_release(&w->keys);
    buf_release(&w->sums);
}

const struct sums *winners_sums(const struct winners *w, size_t row)
{
    const void *sums = w->sums.data;
    return (const struct sums *)sums + row;
}

struct sums winners_other(const struct winners *w)
{
    struct sums listed = { 0 };
    for (size_t i = 0; i < w->keys.count; i++) {
        sums_add(&listed, winners_sums(w, i));
    }
    return sums_less(&w->all, &listed);
}

/// What winners are told by, as a column of `g` or of its sums by key.
static void append_rank(const struct work *w, const struct plan *p, const struct contest *c,
                        struct sql *q)
{
    const char *metric = plan_metric(c->by);
    if (c->rank == CONTEST_SUM) {
        sql_text(q, metric);
    } else if (c->rank == CONTEST_MAX) {
        sql_printf(q, "max(%s)", metric);
    } else {
        int64_t end = p->to_ns < w->now_ns ? p->to_ns : w->now_ns;
        sql_printf(q, "sum(%s) FILTER (WHERE b = %" PRId64 ")", metric, end / p->step_ns - 1);
    }
}

/// The keys of a table in which every row has some, or no keys, and a comma if there are any.
static void append_keys_of(const struct plan *p, const char *prefix, struct sql *q)
{
    plan_append_keys(p, prefix, q);
    sql_text(q, p->axis_count > 0 ? ", " : "");
}

static void append_totals(const struct plan *p, struct sql *q)
{
    sql_text(q, " UNION ALL SELECT 1");
    for (size_t i = 0; i < p->axis_count; i++) {
        sql_text(q, p->axes[i].key_count == 2 ? ", NULL, NULL" : ", NULL");
    }
    sql_printf(q, ", %s, NULL FROM ", plan_sums(p));
}

/// By the sum: many keys are added up by the one metric only, which takes a third of the time, and
/// everything else is added up for those that won, if that is wanted.
static void append_largest(const struct plan *p, const struct contest *c, struct sql *q)
{
    sql_text(q, "WITH top AS MATERIALIZED (SELECT ");
    append_keys_of(p, "", q);
    sql_printf(q, "sum(%s) AS size FROM (", plan_metric(c->by));
    plan_append(p, PLAN_UNSUMMED, q);
    sql_text(q, ") WHERE ");
    plan_append_not_rest(p, q);
    sql_text(q, " GROUP BY ALL ORDER BY size DESC NULLS LAST");
    sql_text(q, p->axis_count > 0 ? ", " : "");
    plan_append_keys(p, "", q);
    sql_printf(q, " LIMIT %zu) SELECT * FROM (SELECT 0 AS part, ", c->limit + 1);
    append_keys_of(p, "t.", q);
    if (c->wanted != CONTEST_SUMS_AND_ALL) {
        sql_text(q, NO_SUMS ", t.size FROM top t)");
    } else {
        sql_printf(q, "%s, t.size FROM (", plan_sums(p));
        plan_append(p, PLAN_UNSUMMED, q);
        sql_text(q, ") s JOIN top t ON ");
        plan_append_alike(p, "s.", "t.", q);
        sql_text(q, " GROUP BY ALL)");
    }
    if (c->wanted != CONTEST_KEYS) {
        append_totals(p, q);
        sql_text(q, "(");
        plan_append(p, PLAN_UNSUMMED, q);
        sql_text(q, ")");
    }
    sql_text(q, " ORDER BY part, size DESC NULLS LAST");
    sql_text(q, p->axis_count > 0 ? ", " : "");
    plan_append_keys(p, "", q);
}

static void append_winners(const struct work *w, const struct plan *p, const struct contest *c,
                           struct sql *q)
{
    const char *comma = p->axis_count > 0 ? ", " : "";
    sql_text(q, "WITH g AS MATERIALIZED (");
    plan_append(p, c->rank == CONTEST_SUM ? 0 : PLAN_BUCKETS, q);
    sql_text(q, "), top AS (SELECT 0 AS part, ");
    plan_append_keys(p, "", q);
    sql_text(q, comma);
    sql_text(q, c->rank == CONTEST_SUM
                    ? "flows, network_bytes, network_packets, samples, unknown, longer, n"
                    : plan_sums(p));
    sql_text(q, ", ");
    append_rank(w, p, c, q);
    sql_text(q, " AS size FROM g WHERE ");
    plan_append_not_rest(p, q);
    sql_text(q, c->rank != CONTEST_SUM && p->axis_count > 0 ? " GROUP BY " : "");
    if (c->rank != CONTEST_SUM) {
        plan_append_keys(p, "", q);
    }
    sql_printf(q, " ORDER BY size DESC NULLS LAST%s", comma);
    plan_append_keys(p, "", q);
    sql_printf(q, " LIMIT %zu) SELECT * FROM top", c->limit + 1);
    append_totals(p, q);
    sql_printf(q, "g ORDER BY part, size DESC NULLS LAST%s", comma);
    plan_append_keys(p, "", q);
}

static size_t key_columns(const struct plan *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->axis_count; i++) {
        count += p->axes[i].key_count;
    }
    return count;
}

int winners_find(struct work *w, const struct plan *p, const struct contest *contest,
                 struct winners *ret_winners)
{
    struct sql q;
    sql_init(&q);
    if (contest->rank == CONTEST_SUM && !plan_is_named(p)) {
        append_largest(p, contest, &q);
        ret_winners->unsummed = contest->wanted != CONTEST_SUMS_AND_ALL;
    } else {
        append_winners(w, p, contest, &q);
    }
    struct work_rows r;
    int status = work_run(w, &q, &r);
    sql_release(&q);
    if (status != 0) {
        return status;
    }
    size_t keys = key_columns(p);
    int more;
    while ((more = duck_next(r.rows, w->err)) == 1) {
        struct sums sums = sums_read(r.rows, 1 + keys);
        if (duck_u64(r.rows, 0) == 1) {
            ret_winners->all = sums;
        } else if (ret_winners->keys.count == contest->limit) {
            ret_winners->cut = true;
        } else if (p->axis_count > 0 || sums.rows > 0) {
            keys_add(&ret_winners->keys, p, r.rows, 1);
            buf_append(&ret_winners->sums, &sums, sizeof(sums));
        }
    }
    work_end_rows(&r);
    if (ret_winners->keys.rows.bad || ret_winners->keys.texts.bad || ret_winners->sums.bad) {
        return err_set(w->err, ERR_NO_MEMORY, "out of memory");
    }
    return more < 0 ? w->err->status : 0;
}

// --- The other direction ---------------------------------------------------------------------

int winners_back(struct work *w, const struct question *q, const struct winners *winners,
                 struct sums *sums)
{
    struct kql *filter;
    struct plan p;
    int status = plan_reverse(&p, w, q, 0, &filter);
    if (status == 0 && winners->keys.count > 0) {
        struct sql sql;
        sql_init(&sql);
        sql_printf(&sql, "SELECT i, %s FROM (", plan_sums(&p));
        plan_append(&p, PLAN_UNSUMMED, &sql);
        sql_text(&sql, ") s JOIN ");
        keys_append_table(&winners->keys, &p, "w", &sql);
        sql_text(&sql, " ON ");
        keys_append_alike(&winners->keys, &p, "s.", "w.", &sql);
        sql_text(&sql, " GROUP BY ALL");
        struct work_rows r;
        status = work_run(w, &sql, &r);
        sql_release(&sql);
        int more = 0;
        while (status == 0 && (more = duck_next(r.rows, w->err)) == 1) {
            uint64_t i = duck_u64(r.rows, 0);
            CHECK(i < winners->keys.count);
            sums[i] = sums_read(r.rows, 1);
        }
        if (status == 0) {
            work_end_rows(&r);
            status = more < 0 ? w->err->status : 0;
        }
    }
    kql_free(filter);
    return status;
}

// --- The answer ------------------------------------------------------------------------------

struct top {
    struct plan plan;
    struct winners winners;
    struct timeline timeline; ///< of the winners; its sums NULL: rates are not asked for
    struct sums *back;        ///< owned; NULL: not asked for
    enum metric by;
};

static void put_back(struct answer *a, const struct sums *back)
{
    answer_put_u64(a, back->bytes);
    answer_put_u64(a, back->packets);
    answer_put_u64(a, back->flows);
}

static void put_share(struct answer *a, uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        answer_put_null(a);
    } else {
        answer_put_f64(a, (double)part / (double)whole);
    }
}

static double average(const struct top *t, const struct sums *sums)
{
    return (double)sums_metric(sums, t->by) / ((double)(t->plan.to_ns - t->plan.from_ns) / 1e9);
}

static int put_rates(struct answer *a, const struct top *t, size_t i)
{
    struct rates rates;
    if (t->timeline.sums == NULL) {
        answer_put_f64(a, average(t, winners_sums(&t->winners, i)));
        answer_put_null(a);
        answer_put_null(a);
        return 0;
    }
    int status = timeline_rates(&t->timeline, i, t->by, &rates);
    if (status == 0) {
        answer_put_f64(a, rates.avg);
        answer_put_f64(a, rates.max);
        answer_put_f64(a, rates.p95);
    }
    return status;
}

static int put_winner(struct answer *a, const struct top *t, size_t i)
{
    const struct sums *sums = winners_sums(&t->winners, i);
    answer_put_keys(a, &t->plan, &t->winners.keys, i);
    answer_put_bool(a, false);
    answer_put_sums(a, sums);
    put_share(a, sums_metric(sums, t->by), sums_metric(&t->winners.all, t->by));
    int status = put_rates(a, t, i);
    if (t->back != NULL) {
        put_back(a, &t->back[i]);
    }
    a->row_count++;
    return status;
}

/// Of all the others only the sum is known.
static void put_other(struct answer *a, const struct top *t, const struct sums *sums)
{
    answer_put_keys(a, &t->plan, NULL, 0);
    answer_put_bool(a, true);
    answer_put_sums(a, sums);
    put_share(a, sums_metric(sums, t->by), sums_metric(&t->winners.all, t->by));
    answer_put_f64(a, average(t, sums));
    for (size_t empty = t->back != NULL ? 5 : 2; empty > 0; empty--) {
        answer_put_null(a);
    }
    a->row_count++;
}

static int put_top(struct answer *a, const struct top *t, bool other)
{
    static const char *const RATES[] = { "share", "avg", "max", "p95", NULL };
    static const char *const OTHER[] = { "other", NULL };
    static const char *const BACK[] = { "bytes_back", "packets_back", "flows_back", NULL };
    answer_name_dimensions(a, &t->plan);
    answer_name(a, OTHER);
    answer_name_sums(a);
    answer_name(a, RATES);
    if (t->back != NULL) {
        answer_name(a, BACK);
    }
    for (size_t i = 0; i < t->winners.keys.count; i++) {
        if (put_winner(a, t, i) != 0) {
            return ERR_NO_MEMORY;
        }
    }
    struct sums rest = winners_other(&t->winners);
    if (other && rest.rows > 0) {
        put_other(a, t, &rest);
    }
    a->cut = t->winners.cut;
    a->rows_read = t->winners.all.rows;
    work_say(a, &t->plan);
    return 0;
}

/// The winners' rates: by minute, and by more over long times.
static int read_rates(struct work *w, const struct question *q, struct top *t)
{
    bool talkers = t->plan.tier == TIER_TALKERS;
    int64_t least = talkers ? ROLLUP_HOUR_NS : ROLLUP_MINUTE_NS;
    int64_t buckets = RATE_CELLS_MAX / (int64_t)t->winners.keys.count;
    buckets = buckets < TIMELINE_BUCKETS ? buckets : TIMELINE_BUCKETS;
    int64_t step =
        q->step_ns > 0 ? q->step_ns : timeline_step(q->to_ns - q->from_ns, least, buckets);
    struct plan p;
    int status = plan_make(&p, w, q->filter, q->from_ns, q->to_ns, q->dimensions,
                           q->dimension_count, step, talkers ? TIER_TALKERS : q->tier);
    return status != 0 ? status : timeline_read(w, &p, &t->winners.keys, false, &t->timeline);
}

/// The winners' sums are those of their buckets: among the records a flow is as much in all of them
/// together as it is alone.
static void add_up(struct winners *winners, const struct timeline *timeline)
{
    void *rows = winners->sums.data;
    struct sums *sums = rows;
    for (size_t i = 0; i < winners->keys.count; i++) {
        for (size_t bucket = 0; bucket < timeline->bucket_count; bucket++) {
            sums_add(&sums[i], timeline_at(timeline, i, bucket));
        }
        sums[i].rows = sums[i].flows;
    }
}

int work_top(struct work *w, const struct question *q, struct answer *a)
{
    struct top t = { .by = q->by };
    winners_init(&t.winners);
    int status = plan_question(&t.plan, w, q, 0);
    if (status == 0) {
        bool later = t.plan.tier == TIER_RAW && !q->no_rates; // by the buckets
        const struct contest contest = { .by = q->by,
                                         .limit = q->limit,
                                         .wanted = later ? CONTEST_ALL : CONTEST_SUMS_AND_ALL };
        status = winners_find(w, &t.plan, &contest, &t.winners);
    }
    if (status == 0 && t.winners.keys.count > 0 && !q->no_rates) {
        status = read_rates(w, q, &t);
    }
    if (status == 0 && t.winners.unsummed) {
        add_up(&t.winners, &t.timeline);
    }
    if (status == 0 && q->both) {
        t.back = mem_zalloc_array(t.winners.keys.count + 1, sizeof(t.back[0]));
        status = t.back == NULL ? err_set(w->err, ERR_NO_MEMORY, "out of memory")
                                : winners_back(w, q, &t.winners, t.back);
    }
    if (status == 0 && put_top(a, &t, q->other) != 0) {
        status = err_set(w->err, ERR_NO_MEMORY, "out of memory");
    }
    mem_free(t.back);
    timeline_release(&t.timeline);
    winners_release(&t.winners);
    return status;
}
