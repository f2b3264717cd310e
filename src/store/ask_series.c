// SPDX-License-Identifier: Apache-2.0
/*
 * Over time. From the records a flow is spread over its duration, which is cut at the end of the
 * time asked for, so that a series adds up to what ask_top() says of it. The roll-ups know only
 * where a flow begins: how many of them go on for longer is said.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "store/ask_timeline.h"
#include "store/ask_top.h"
#include "store/ask_work.h"

#define SECOND_NS INT64_C(1000000000)

struct series {
    struct plan plan;
    struct winners winners;
    struct timeline now;
    struct timeline before; ///< sums NULL: not asked for
    struct timeline back;   ///< likewise
    bool rest;              ///< the last series is all others
    bool whole;             ///< there is nothing besides these series
};

/// How long a bucket is: what the roll-ups can answer, if they can.
static int choose_step(struct work *w, const struct question *q, int64_t *ret_step)
{
    if (q->step_ns > 0) {
        *ret_step = q->step_ns;
        return 0;
    }
    int64_t span = q->to_ns - q->from_ns;
    int64_t least = q->tier == TIER_TALKERS || q->tier == TIER_HOURS ? ROLLUP_HOUR_NS
                    : q->tier == TIER_MINUTES                        ? ROLLUP_MINUTE_NS
                                                                     : SECOND_NS;
    if (q->tier == TIER_AUTO) {
        struct plan p;
        int status = plan_question(&p, w, q, ROLLUP_MINUTE_NS);
        if (status != 0) {
            return status;
        }
        bool raw = p.tier == TIER_RAW;
        bool no_minutes = q->from_ns < w->marks.minutes_from_ns;
        least = raw ? SECOND_NS : no_minutes ? ROLLUP_HOUR_NS : ROLLUP_MINUTE_NS;
    }
    *ret_step = timeline_step(span, least, TIMELINE_BUCKETS);
    return 0;
}

/// Of talkers the rest is not one of the keys; without axes everything is one series.
static int find_series(struct work *w, const struct question *q, struct series *s)
{
    s->rest = q->dimension_count == 0 || q->other;
    s->whole = s->rest;
    if (q->dimension_count == 0) {
        return 0;
    }
    struct contest contest = { .by = q->by, .limit = q->limit, .wanted = CONTEST_KEYS };
    contest.rank = q->rank == RANK_MAX    ? CONTEST_MAX
                   : q->rank == RANK_LAST ? CONTEST_LAST
                                          : CONTEST_SUM;
    struct plan whole;
    const struct plan *p = &s->plan;
    if (contest.rank == CONTEST_SUM) {
        int status = plan_question(&whole, w, q, 0);
        if (status != 0) {
            return status;
        }
        p = &whole;
    }
    int status = winners_find(w, p, &contest, &s->winners);
    bool others = s->winners.cut || p->tier == TIER_TALKERS;
    s->whole = s->rest || !others;
    s->rest = s->rest && others;
    if (status == 0 && !p->exact && s->plan.exact) {
        s->plan.exact = false;
        (void)snprintf(s->plan.note, sizeof(s->plan.note), "%s", p->note); // of the same size
    }
    return status;
}

static int read_before(struct work *w, const struct question *q, struct series *s)
{
    struct plan p;
    int status = plan_make(&p, w, q->filter, q->from_ns - q->before_ns, q->to_ns - q->before_ns,
                           q->dimensions, q->dimension_count, s->plan.step_ns, q->tier);
    return status != 0 ? status : timeline_read(w, &p, &s->winners.keys, s->rest, &s->before);
}

static int read_back(struct work *w, const struct question *q, struct series *s)
{
    struct plan p;
    struct kql *filter;
    int status = plan_reverse(&p, w, q, s->plan.step_ns, &filter);
    if (status == 0) {
        status = timeline_read(w, &p, &s->winners.keys, s->rest, &s->back);
    }
    kql_free(filter);
    return status;
}

static void put_beside(struct answer *a, const struct timeline *t, size_t series, size_t bucket)
{
    static const struct sums NONE;
    if (t->sums != NULL) {
        const struct sums *s = bucket < t->bucket_count ? timeline_at(t, series, bucket) : &NONE;
        answer_put_u64(a, s->bytes);
        answer_put_u64(a, s->packets);
        answer_put_u64(a, s->flows);
    }
}

static void put_row(struct answer *a, const struct work *w, const struct series *s, size_t series,
                    size_t bucket)
{
    int64_t begin = (s->now.first + (int64_t)bucket) * s->now.step_ns;
    int64_t end = begin + s->now.step_ns;
    bool is_rest = series == s->winners.keys.count;
    answer_put_time(a, begin);
    answer_put_keys(a, &s->plan, is_rest ? NULL : &s->winners.keys, series);
    answer_put_bool(a, is_rest && s->plan.axis_count > 0);
    answer_put_sums(a, timeline_at(&s->now, series, bucket));
    answer_put_bool(a, begin < s->plan.from_ns || end > s->plan.to_ns || end > w->now_ns);
    put_beside(a, &s->before, series, bucket);
    put_beside(a, &s->back, series, bucket);
    a->row_count++;
}

static void put_series(struct answer *a, const struct work *w, const struct series *s)
{
    static const char *const TIME[] = { "time", NULL };
    static const char *const OTHER[] = { "other", NULL };
    static const char *const PARTIAL[] = { "partial", NULL };
    static const char *const BEFORE[] = { "bytes_before", "packets_before", "flows_before", NULL };
    static const char *const BACK[] = { "bytes_back", "packets_back", "flows_back", NULL };
    answer_name(a, TIME);
    answer_name_dimensions(a, &s->plan);
    answer_name(a, OTHER);
    answer_name_sums(a);
    answer_name(a, PARTIAL);
    if (s->before.sums != NULL) {
        answer_name(a, BEFORE);
    }
    if (s->back.sums != NULL) {
        answer_name(a, BACK);
    }
    for (size_t bucket = 0; bucket < s->now.bucket_count; bucket++) {
        for (size_t series = 0; series < s->now.series_count; series++) {
            put_row(a, w, s, series, bucket);
        }
    }
}

/// An empty table for beside the rows.
static struct answer *table_new(void)
{
    struct answer *table = mem_zalloc(sizeof(*table));
    if (table != NULL) {
        answer_init(table);
    }
    return table;
}

static void name_rates(struct answer *a)
{
    static const char *const RATES[] = { "avg", "max", "p95", NULL };
    answer_name_sums(a);
    answer_name(a, RATES);
}

static int put_rates(struct answer *a, const struct timeline *t, size_t series, enum metric by)
{
    struct rates rates;
    struct sums all = { 0 };
    int status = timeline_rates(t, series, by, &rates);
    for (size_t bucket = 0; bucket < t->bucket_count; bucket++) {
        sums_add(&all, timeline_at(t, series, bucket));
    }
    if (status == 0) {
        answer_put_sums(a, &all);
        answer_put_f64(a, rates.avg);
        answer_put_f64(a, rates.max);
        answer_put_f64(a, rates.p95);
        a->row_count++;
    }
    return status;
}

static int put_groups(struct answer *groups, const struct series *s, enum metric by)
{
    static const char *const OTHER[] = { "other", NULL };
    int status = 0;
    answer_name_dimensions(groups, &s->plan);
    answer_name(groups, OTHER);
    name_rates(groups);
    for (size_t series = 0; series < s->now.series_count && status == 0; series++) {
        bool is_rest = series == s->winners.keys.count;
        answer_put_keys(groups, &s->plan, is_rest ? NULL : &s->winners.keys, series);
        answer_put_bool(groups, is_rest && s->plan.axis_count > 0);
        status = put_rates(groups, &s->now, series, by);
    }
    return status;
}

static int put_total(struct answer *total, const struct series *s, enum metric by)
{
    struct timeline all;
    int status = timeline_total(&s->now, &all);
    if (status == 0) {
        name_rates(total);
        status = put_rates(total, &all, 0, by);
        timeline_release(&all);
    }
    return status;
}

/// What a legend says. Rates are of the buckets that are there, as a chart of them shows.
static int summarize(struct answer *a, const struct series *s, enum metric by)
{
    int status = 0;
    if (s->plan.axis_count > 0) {
        a->groups = table_new();
        status = a->groups != NULL ? put_groups(a->groups, s, by) : ERR_NO_MEMORY;
    }
    if (status == 0 && s->whole) {
        a->total = table_new();
        status = a->total != NULL ? put_total(a->total, s, by) : ERR_NO_MEMORY;
    }
    bool bad = a->groups != NULL && (a->groups->cells.bad || a->groups->texts.bad);
    bad = bad || (a->total != NULL && a->total->cells.bad);
    return bad ? ERR_NO_MEMORY : status;
}

static void say_series(struct answer *a, const struct series *s)
{
    struct sums all = { 0 };
    for (size_t i = 0; i < s->now.series_count * s->now.bucket_count; i++) {
        sums_add(&all, &s->now.sums[i]);
    }
    a->step_ns = s->now.step_ns;
    a->rows_read = all.rows;
    a->cut = s->winners.cut;
    work_say(a, &s->plan);
    if (all.longer > 0 && a->exact) {
        a->exact = false;
        (void)snprintf(a->note, sizeof(a->note), // fits
                       "%" PRIu64 " flows go on into a later %s: they are counted where they "
                       "begin; tier=raw spreads them",
                       all.longer, s->plan.tier == TIER_MINUTES ? "minute" : "hour");
    }
}

int work_series(struct work *w, const struct question *q, struct answer *a)
{
    struct series s = { 0 };
    winners_init(&s.winners);
    int64_t step = 0;
    int status = choose_step(w, q, &step);
    if (status == 0) {
        status = plan_question(&s.plan, w, q, step);
    }
    if (status == 0) {
        status = find_series(w, q, &s);
    }
    if (status == 0) {
        status = timeline_read(w, &s.plan, &s.winners.keys, s.rest, &s.now);
    }
    if (status == 0 && q->before_ns > 0) {
        status = read_before(w, q, &s);
    }
    if (status == 0 && q->both) {
        status = read_back(w, q, &s);
    }
    if (status == 0) {
        put_series(a, w, &s);
        say_series(a, &s);
        status = summarize(a, &s, q->by) == 0 ? 0 : err_set(w->err, ERR_NO_MEMORY, "out of memory");
    }
    timeline_release(&s.now);
    timeline_release(&s.before);
    timeline_release(&s.back);
    winners_release(&s.winners);
    return status;
}
