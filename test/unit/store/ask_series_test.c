// SPDX-License-Identifier: Apache-2.0
#include "ask_model.h"
#include "base/mem.h"

__extension__ typedef unsigned __int128 uint128;

static struct model *open_model(uint64_t seed, int64_t span)
{
    struct model *m = mem_zalloc(sizeof(*m));
    assert_non_null(m);
    model_open(m, seed);
    model_fill(m, span);
    return m;
}

static void close_model(struct model *m)
{
    model_close(m);
    mem_free(m);
}

static void ask(struct model *m, const struct question *q, struct answer *a)
{
    answer_init(a);
    int status = work_series(&m->work, q, a);
    if (status != 0) {
        fail_msg("%s", m->err.text);
    }
}

/// What a measure has in the bucket that begins at `begin`, of a row that is spread.
static uint64_t part(uint64_t whole, const struct row *r, const struct question *q, int64_t begin,
                     int64_t step)
{
    int64_t end = r->end > q->to_ns ? q->to_ns : r->end;
    int64_t bucket = r->ts / step * step;
    if (end <= bucket + step) {
        return begin == bucket ? whole : 0;
    }
    if (begin < bucket || begin >= end) {
        return 0;
    }
    uint128 length = (uint128)(end - r->ts);
    int64_t until = begin + step < end ? begin + step : end;
    uint64_t by_end = (uint64_t)(whole * (uint128)(until - r->ts) / length);
    uint64_t by_begin = begin == bucket ? 0 : (uint64_t)(whole * (uint128)(begin - r->ts) / length);
    return by_end - by_begin;
}

static struct sums model_bucket(const struct model *m, const struct question *q, int64_t begin,
                                int64_t step, const char *key, bool spread)
{
    struct sums all = { 0 };
    for (size_t i = 0; i < m->count; i++) {
        const struct row *r = &m->rows[i];
        char own[3 * TEXT_SIZE];
        model_key(r, q, own);
        if (!model_has(r, q) || (key != NULL && strcmp(own, key) != 0)) {
            continue;
        }
        struct sums s = model_sums(r);
        bool here = r->ts / step * step == begin;
        s.flows = here ? s.flows : 0;
        s.unknown = here ? s.unknown : 0;
        if (spread) {
            s.bytes = part(s.bytes, r, q, begin, step);
            s.packets = part(s.packets, r, q, begin, step);
            s.samples = part(s.samples, r, q, begin, step);
        } else if (!here) {
            continue;
        }
        sums_add(&all, &s);
    }
    return all;
}

static void check_series(struct model *m, const struct question *q, bool spread)
{
    struct answer a;
    ask(m, q, &a);
    size_t column = 1 + q->dimension_count;
    int64_t time = q->from_ns / a.step_ns * a.step_ns;
    for (size_t row = 0; row < a.row_count; row++) {
        char key[3 * TEXT_SIZE] = "";
        if (q->dimension_count == 1) {
            model_cell(&a, row, 1, key);
            (void)snprintf(key + strlen(key), 2, "|");
        }
        int64_t begin = answer_cell(&a, row, 0)->i64;
        assert_true(begin == time || begin == time + a.step_ns);
        time = begin;
        if (answer_cell(&a, row, column)->yes) {
            continue; // others
        }
        struct sums s =
            model_bucket(m, q, begin, a.step_ns, q->dimension_count > 0 ? key : NULL, spread);
        if (model_u64(&a, row, "bytes") != s.bytes) {
            fail_msg("row %zu, %s: bytes %" PRIu64 ", not %" PRIu64, row, key,
                     model_u64(&a, row, "bytes"), s.bytes);
        }
        assert_true(model_u64(&a, row, "packets") == s.packets);
        assert_true(model_u64(&a, row, "flows") == s.flows);
        assert_true(model_u64(&a, row, "samples") == s.samples);
        assert_true(model_u64(&a, row, "unknown") == s.unknown);
    }
    assert_true(time + a.step_ns >= q->to_ns); // up to the last bucket
    answer_release(&a);
}

static void a_flow_is_spread_over_its_buckets(void **state)
{
    (void)state;
    struct model *m = open_model(1, 2 * HOUR);
    struct question q = { .from_ns = EPOCH + 3 * SECOND + 1,
                          .to_ns = EPOCH + 2 * HOUR - 12345,
                          .tier = TIER_RAW,
                          .step_ns = MINUTE,
                          .limit = 3,
                          .other = true };
    check_series(m, &q, true);
    q.dimension_count = 1;
    q.dimensions[0].field = QUERY_TRANSPORT;
    check_series(m, &q, true);
    q.dimensions[0].field = QUERY_SOURCE_IP;
    q.step_ns = 30 * SECOND;
    check_series(m, &q, true);
    close_model(m);
}

static void rollups_count_where_a_flow_begins(void **state)
{
    (void)state;
    struct model *m = open_model(2, 30 * HOUR);
    struct question q = { .from_ns = EPOCH + 3 * HOUR + 77,
                          .to_ns = EPOCH + 20 * HOUR + 5 * MINUTE + 1,
                          .tier = TIER_MINUTES,
                          .step_ns = 10 * MINUTE,
                          .limit = 4,
                          .other = true,
                          .dimension_count = 1,
                          .dimensions = { { .field = QUERY_SERVER_PORT } } };
    check_series(m, &q, false);
    q.step_ns = HOUR;
    q.tier = TIER_HOURS;
    check_series(m, &q, false);
    q.dimension_count = 0;
    q.step_ns = 0;
    q.tier = TIER_AUTO;
    check_series(m, &q, false);
    struct answer a;
    ask(m, &q, &a);
    assert_false(a.exact);
    assert_non_null(strstr(a.note, "later minute"));
    answer_release(&a);
    close_model(m);
}

static void all_of_a_time_is_shared_out(void **state)
{
    (void)state;
    struct model *m = open_model(3, 2 * HOUR);
    struct question q = { .from_ns = EPOCH,
                          .to_ns = EPOCH + HOUR,
                          .tier = TIER_RAW,
                          .limit = 2,
                          .other = true,
                          .both = true,
                          .before_ns = 10 * MINUTE,
                          .dimension_count = 1,
                          .dimensions = { { .field = QUERY_SOURCE_COUNTRY } } };
    for (q.rank = RANK_SUM; q.rank <= RANK_LAST; q.rank++) {
        struct answer a;
        ask(m, &q, &a);
        struct sums sums = { 0 };
        for (size_t row = 0; row < a.row_count; row++) {
            sums.packets += model_u64(&a, row, "packets");
            sums.flows += model_u64(&a, row, "flows");
        }
        struct sums expected = { 0 };
        for (size_t i = 0; i < m->count; i++) {
            struct sums s = model_sums(&m->rows[i]);
            if (model_has(&m->rows[i], &q)) {
                sums_add(&expected, &s);
            }
        }
        assert_true(sums.packets == expected.packets);
        assert_true(sums.flows == expected.flows);
        assert_int_equal(a.row_count % 3, 0);
        assert_true(a.cut);
        answer_release(&a);
    }
    close_model(m);
}

static void unfinished_buckets_are_marked(void **state)
{
    (void)state;
    struct model *m = open_model(4, 2 * HOUR);
    struct question q = { .from_ns = EPOCH + 30 * SECOND,
                          .to_ns = EPOCH + 10 * MINUTE,
                          .step_ns = MINUTE };
    m->work.now_ns = EPOCH + 8 * MINUTE + 1;
    struct answer a;
    ask(m, &q, &a);
    assert_int_equal(a.row_count, 10);
    for (size_t row = 0; row < a.row_count; row++) {
        assert_string_equal(a.columns[8], "partial");
        assert_int_equal(answer_cell(&a, row, 8)->yes, row == 0 || row >= 8);
    }
    answer_release(&a);
    q.step_ns = SECOND / 10;
    answer_init(&a);
    assert_int_equal(work_series(&m->work, &q, &a), ERR_INVALID);
    answer_release(&a);
    close_model(m);
}

static void the_time_before_is_beside(void **state)
{
    (void)state;
    struct model *m = open_model(5, 10 * HOUR);
    struct question q = { .from_ns = EPOCH + 2 * HOUR,
                          .to_ns = EPOCH + 6 * HOUR,
                          .step_ns = 10 * MINUTE,
                          .before_ns = 2 * HOUR };
    struct question before = { .from_ns = EPOCH,
                               .to_ns = EPOCH + 4 * HOUR,
                               .step_ns = 10 * MINUTE };
    struct answer a;
    struct answer b;
    ask(m, &q, &a);
    ask(m, &before, &b);
    assert_int_equal(a.row_count, b.row_count);
    for (size_t row = 0; row < a.row_count; row++) {
        assert_true(model_u64(&a, row, "bytes_before") == model_u64(&b, row, "bytes"));
        assert_true(model_u64(&a, row, "flows_before") == model_u64(&b, row, "flows"));
    }
    answer_release(&a);
    answer_release(&b);
    close_model(m);
}

// --- Beside the buckets ----------------------------------------------------------------------

static double number(const struct answer *a, size_t row, const char *column)
{
    for (size_t i = 0; i < a->column_count; i++) {
        if (strcmp(a->columns[i], column) == 0) {
            assert_int_equal(answer_cell(a, row, i)->kind, CELL_F64);
            return answer_cell(a, row, i)->f64;
        }
    }
    fail_msg("no column %s", column);
    return 0;
}

static int ascending(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void alike(double value, double expected)
{
    assert_true(value >= expected * (1 - 1e-9) && value <= expected * (1 + 1e-9));
}

/// `rows` of `a` per bucket are one series: its first is `first`. Row `row` of `table` is that.
static void check_summary(const struct answer *a, const struct question *q, size_t first,
                          size_t rows, const struct answer *table, size_t row)
{
    enum { BUCKETS_MAX = 500 };
    double rates[BUCKETS_MAX];
    double packets = 0;
    uint64_t flows = 0;
    size_t series = a->row_count;
    for (size_t i = 1; i < a->row_count && series == a->row_count; i++) {
        series = answer_cell(a, i, 0)->i64 != answer_cell(a, 0, 0)->i64 ? i : series;
    }
    size_t buckets = a->row_count / series;
    assert_true(buckets > 10 && buckets <= BUCKETS_MAX);
    for (size_t b = 0; b < buckets; b++) {
        double sum = 0;
        for (size_t i = first; i < first + rows; i++) {
            sum += (double)model_u64(a, b * series + i, "packets");
            flows += model_u64(a, b * series + i, "flows");
        }
        int64_t begin = answer_cell(a, b * series, 0)->i64;
        int64_t end = begin + a->step_ns < q->to_ns ? begin + a->step_ns : q->to_ns;
        begin = begin > q->from_ns ? begin : q->from_ns;
        rates[b] = sum / ((double)(end - begin) / 1e9);
        packets += sum;
    }
    qsort(rates, buckets, sizeof(rates[0]), ascending);
    size_t least = 0; // of 100 buckets 95 or more have no higher rate
    while ((least + 1) * 100 < buckets * 95) {
        least++;
    }
    alike(number(table, row, "p95"), rates[least]);
    assert_true(model_u64(table, row, "packets") == (uint64_t)packets);
    assert_true(model_u64(table, row, "flows") == flows);
    alike(number(table, row, "max"), rates[buckets - 1]);
    alike(number(table, row, "avg"), packets / ((double)(q->to_ns - q->from_ns) / 1e9));
}

static void each_series_has_its_sum_and_rates(void **state)
{
    (void)state;
    struct model *m = open_model(6, 2 * HOUR);
    struct question q = { .from_ns = EPOCH + 7 * SECOND,
                          .to_ns = EPOCH + HOUR + 13 * SECOND,
                          .step_ns = MINUTE,
                          .limit = 3,
                          .by = METRIC_PACKETS,
                          .other = true,
                          .tier = TIER_RAW,
                          .dimension_count = 1,
                          .dimensions = { { .field = QUERY_SOURCE_COUNTRY } } };
    struct answer a;
    ask(m, &q, &a);
    assert_int_equal(a.groups->row_count, 4);
    for (size_t series = 0; series < 4; series++) {
        char of_bucket[TEXT_SIZE];
        char of_group[TEXT_SIZE];
        model_cell(&a, series, 1, of_bucket);
        model_cell(a.groups, series, 0, of_group);
        assert_string_equal(of_group, of_bucket);
        assert_int_equal(answer_cell(a.groups, series, 1)->yes, series == 3);
        check_summary(&a, &q, series, 1, a.groups, series);
    }
    check_summary(&a, &q, 0, 4, a.total, 0);
    answer_release(&a);
    q.other = false; // there are more than are listed: nobody knows the total
    ask(m, &q, &a);
    assert_int_equal(a.groups->row_count, 3);
    assert_null(a.total);
    answer_release(&a);
    q.limit = 100; // there are not
    ask(m, &q, &a);
    assert_false(a.cut);
    check_summary(&a, &q, 0, a.groups->row_count, a.total, 0);
    answer_release(&a);
    q.dimension_count = 0;
    ask(m, &q, &a);
    assert_null(a.groups);
    check_summary(&a, &q, 0, 1, a.total, 0);
    answer_release(&a);
    close_model(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow_is_spread_over_its_buckets),
        cmocka_unit_test(rollups_count_where_a_flow_begins),
        cmocka_unit_test(all_of_a_time_is_shared_out),
        cmocka_unit_test(unfinished_buckets_are_marked),
        cmocka_unit_test(the_time_before_is_beside),
        cmocka_unit_test(each_series_has_its_sum_and_rates),
    };
    return UNIT_MAIN("ask_series", tests);
}
