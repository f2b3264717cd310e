// SPDX-License-Identifier: Apache-2.0
#include "store/ask_top.h"

#include "ask_model.h"
#include "base/mem.h"

static enum metric ranking; ///< what compare() goes by

static int compare(const void *a, const void *b)
{
    uint64_t x = sums_metric(&((const struct group *)a)->sums, ranking);
    uint64_t y = sums_metric(&((const struct group *)b)->sums, ranking);
    return x > y ? -1 : x < y;
}

static struct groups *model_groups(const struct model *m, const struct question *q)
{
    struct groups *g = mem_zalloc(sizeof(*g));
    assert_non_null(g);
    for (size_t i = 0; i < m->count; i++) {
        if (model_has(&m->rows[i], q)) {
            char key[3 * TEXT_SIZE];
            struct sums sums = model_sums(&m->rows[i]);
            model_key(&m->rows[i], q, key);
            groups_add(g, key, &sums);
        }
    }
    ranking = q->by;
    qsort(g->list, g->count, sizeof(g->list[0]), compare);
    return g;
}

static void answer_key(const struct answer *a, size_t row, size_t count, char *key)
{
    size_t at = 0;
    key[0] = '\0';
    for (size_t d = 0; d < count; d++) {
        char text[TEXT_SIZE];
        model_cell(a, row, d, text);
        at += (size_t)snprintf(key + at, 3 * TEXT_SIZE - at, "%s|", text);
    }
}

static void check_sums(const struct answer *a, size_t row, const struct sums *s, const char *key)
{
    if (model_u64(a, row, "bytes") != s->bytes) {
        fail_msg("%s: bytes %" PRIu64 ", not %" PRIu64, key, model_u64(a, row, "bytes"), s->bytes);
    }
    assert_true(model_u64(a, row, "packets") == s->packets);
    assert_true(model_u64(a, row, "flows") == s->flows);
    assert_true(model_u64(a, row, "samples") == s->samples);
    assert_true(model_u64(a, row, "unknown") == s->unknown);
}

/// Every row of the answer is a group of the model, with its sums, and none that is larger is left
/// out; all others are in the last row.
static void check_top(struct model *m, const struct question *q, enum tier tier)
{
    struct answer a;
    answer_init(&a);
    int status = work_top(&m->work, q, &a);
    if (status != 0) {
        fail_msg("%s", m->err.text);
    }
    if (tier != TIER_AUTO) {
        assert_int_equal(a.tier, tier);
    }
    assert_true(a.exact);
    struct groups *g = model_groups(m, q);
    size_t listed = g->count < q->limit ? g->count : q->limit;
    assert_int_equal(a.cut, g->count > q->limit);
    assert_int_equal(a.row_count, listed + (g->count > listed && q->other ? 1 : 0));
    for (size_t row = 0; row < listed; row++) {
        char key[3 * TEXT_SIZE];
        answer_key(&a, row, q->dimension_count, key);
        size_t i = 0;
        while (i < g->count && strcmp(g->list[i].key, key) != 0) {
            i++;
        }
        if (i == g->count) {
            fail_msg("no group %s", key);
        }
        check_sums(&a, row, &g->list[i].sums, key);
        assert_true(sums_metric(&g->list[i].sums, q->by) == sums_metric(&g->list[row].sums, q->by));
    }
    struct sums other = { 0 };
    bool saturated = false;
    for (size_t i = 0; i < g->count; i++) {
        saturated = saturated || g->list[i].sums.bytes == UINT64_MAX;
        if (i >= listed) {
            sums_add(&other, &g->list[i].sums);
        }
    }
    if (a.row_count > listed && !saturated && q->by == METRIC_BYTES) {
        assert_true(model_u64(&a, listed, "flows") == other.flows);
        assert_true(answer_cell(&a, listed, q->dimension_count)->yes);
    }
    mem_free(g);
    answer_release(&a);
}

static const struct question QUESTIONS[] = {
    { .dimension_count = 1, .dimensions = { { .field = QUERY_TRANSPORT } } },
    { .dimension_count = 1, .dimensions = { { .field = QUERY_SERVER_PORT } } },
    { .dimension_count = 2,
      .dimensions = { { .field = QUERY_OBSERVER_IP }, { .field = QUERY_INGRESS_ID } } },
    { .dimension_count = 1, .dimensions = { { .field = QUERY_SOURCE_AS_NUMBER } } },
    { .dimension_count = 2,
      .dimensions = { { .field = QUERY_SOURCE_COUNTRY }, { .field = QUERY_DESTINATION_COUNTRY } } },
    { .dimension_count = 0 },
};

static void every_tier_says_the_same(void **state)
{
    (void)state;
    struct model *m = mem_zalloc(sizeof(*m));
    model_open(m, 1);
    model_fill(m, 30 * HOUR);
    static const enum tier TIERS[] = { TIER_RAW, TIER_MINUTES, TIER_HOURS };
    for (size_t round = 0; round < 12; round++) {
        for (size_t i = 0; i < sizeof(QUESTIONS) / sizeof(QUESTIONS[0]); i++) {
            struct question q = QUESTIONS[i];
            q.from_ns = EPOCH + (int64_t)model_random(m, 10 * HOUR);
            q.to_ns = q.from_ns + 3 * HOUR + (int64_t)model_random(m, 20 * HOUR);
            if (round == 0) {
                q.from_ns = EPOCH;
                q.to_ns = EPOCH + 24 * HOUR;
            }
            q.by = (enum metric)(round % 3);
            q.limit = 1 + model_random(m, 20);
            q.other = true;
            for (size_t t = 0; t < 3; t++) {
                q.tier = TIERS[t];
                check_top(m, &q, TIERS[t]);
            }
            q.tier = TIER_AUTO;
            check_top(m, &q, TIER_HOURS);
        }
    }
    model_close(m);
    mem_free(m);
}

static void fields_without_a_rollup_come_from_records(void **state)
{
    (void)state;
    struct model *m = mem_zalloc(sizeof(*m));
    model_open(m, 2);
    model_fill(m, 5 * HOUR);
    struct question q = { .from_ns = EPOCH + 5,
                          .to_ns = EPOCH + 5 * HOUR,
                          .limit = 7,
                          .other = true,
                          .dimension_count = 3,
                          .dimensions = { { .field = QUERY_SOURCE_IP },
                                          { .field = QUERY_DESTINATION_PORT },
                                          { .field = QUERY_TRANSPORT } } };
    check_top(m, &q, TIER_RAW);
    q.dimension_count = 1;
    check_top(m, &q, TIER_RAW);
    q.tier = TIER_MINUTES;
    struct answer a;
    answer_init(&a);
    assert_int_equal(work_top(&m->work, &q, &a), ERR_INVALID);
    assert_non_null(strstr(m->err.text, "tier=1m"));
    answer_release(&a);
    q.dimensions[0].field = QUERY_ERROR_MESSAGE;
    answer_init(&a);
    assert_int_equal(work_top(&m->work, &q, &a), ERR_INVALID);
    answer_release(&a);
    model_close(m);
    mem_free(m);
}

/// Forty addresses are all among the largest of an hour, so talkers are exact here.
static void talkers_are_used_for_addresses(void **state)
{
    (void)state;
    struct model *m = mem_zalloc(sizeof(*m));
    model_open(m, 3);
    model_fill(m, 30 * HOUR);
    struct question q = { .from_ns = EPOCH + 1234567,
                          .to_ns = EPOCH + 29 * HOUR + 3,
                          .limit = 100,
                          .dimension_count = 1,
                          .dimensions = { { .field = QUERY_SOURCE_IP } } };
    check_top(m, &q, TIER_TALKERS);
    q.limit = 5;
    q.other = true;
    check_top(m, &q, TIER_TALKERS);
    q.dimensions[0].field = QUERY_DESTINATION_IP;
    check_top(m, &q, TIER_TALKERS);
    q.dimensions[q.dimension_count++].field = QUERY_SOURCE_IP;
    check_top(m, &q, TIER_TALKERS);
    model_close(m);
    mem_free(m);
}

static void prefixes_join_addresses(void **state)
{
    (void)state;
    struct model *m = mem_zalloc(sizeof(*m));
    model_open(m, 4);
    model_fill(m, 2 * HOUR);
    struct question q = { .from_ns = EPOCH,
                          .to_ns = EPOCH + 2 * HOUR,
                          .limit = 100,
                          .dimension_count = 1,
                          .dimensions = {
                              { .field = QUERY_SOURCE_IP, .prefix_v4 = 8, .prefix_v6 = 32 } } };
    struct answer a;
    answer_init(&a);
    assert_int_equal(work_top(&m->work, &q, &a), 0);
    assert_int_equal(a.row_count, 3);
    uint64_t flows = 0;
    for (size_t row = 0; row < a.row_count; row++) {
        char text[TEXT_SIZE];
        model_cell(&a, row, 0, text);
        assert_true(strcmp(text, "10.0.0.0/8") == 0 || strcmp(text, "2001:db8::/32") == 0 ||
                    strcmp(text, "-") == 0);
        flows += model_u64(&a, row, "flows");
    }
    uint64_t expected = 0;
    for (size_t i = 0; i < m->count; i++) {
        expected += model_has(&m->rows[i], &q) ? 1 : 0;
    }
    assert_true(flows == expected);
    answer_release(&a);
    model_close(m);
    mem_free(m);
}

static void the_other_direction_is_beside(void **state)
{
    (void)state;
    struct model *m = mem_zalloc(sizeof(*m));
    model_open(m, 5);
    model_fill(m, 8 * HOUR);
    struct question q = { .from_ns = EPOCH + 17,
                          .to_ns = EPOCH + 8 * HOUR - 5,
                          .limit = 4,
                          .both = true,
                          .dimension_count = 1,
                          .dimensions = { { .field = QUERY_SOURCE_AS_NUMBER } } };
    struct answer a;
    answer_init(&a);
    assert_int_equal(work_top(&m->work, &q, &a), 0);
    struct question back = q;
    back.dimensions[0].field = QUERY_DESTINATION_AS_NUMBER;
    struct groups *g = model_groups(m, &back);
    for (size_t row = 0; row < a.row_count; row++) {
        char key[3 * TEXT_SIZE];
        answer_key(&a, row, 1, key);
        struct sums sums = { 0 };
        for (size_t i = 0; i < g->count; i++) {
            if (strcmp(g->list[i].key, key) == 0) {
                sums = g->list[i].sums;
            }
        }
        assert_true(model_u64(&a, row, "bytes_back") == sums.bytes);
        assert_true(model_u64(&a, row, "packets_back") == sums.packets);
        assert_true(model_u64(&a, row, "flows_back") == sums.flows);
    }
    mem_free(g);
    answer_release(&a);
    model_close(m);
    mem_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tier_says_the_same),
        cmocka_unit_test(fields_without_a_rollup_come_from_records),
        cmocka_unit_test(talkers_are_used_for_addresses),
        cmocka_unit_test(prefixes_join_addresses),
        cmocka_unit_test(the_other_direction_is_beside),
    };
    return UNIT_MAIN("ask_top", tests);
}
