// SPDX-License-Identifier: Apache-2.0
#include "ask_model.h"
#include "base/mem.h"

static int set_up(void **state)
{
    struct model *m = mem_zalloc(sizeof(*m));
    assert_non_null(m);
    model_open(m, 6);
    model_fill(m, 8 * HOUR);
    *state = m;
    return 0;
}

static int tear_down(void **state)
{
    model_close(*state);
    mem_free(*state);
    return 0;
}

/// Flows whose two values are these.
static uint64_t count_flows(const struct model *m, const struct question *q, const char *key)
{
    uint64_t flows = 0;
    for (size_t i = 0; i < m->count; i++) {
        char own[3 * TEXT_SIZE];
        model_key(&m->rows[i], q, own);
        flows += model_has(&m->rows[i], q) && (key == NULL || strcmp(own, key) == 0) ? 1 : 0;
    }
    return flows;
}

static void a_matrix_has_all_flows(void **state)
{
    struct model *m = *state;
    struct question q = { .from_ns = EPOCH + 99,
                          .to_ns = EPOCH + 7 * HOUR + 1,
                          .limit = 3,
                          .other = true,
                          .dimension_count = 2,
                          .dimensions = { { .field = QUERY_SOURCE_IP },
                                          { .field = QUERY_DESTINATION_PORT } } };
    struct answer a;
    answer_init(&a);
    assert_int_equal(work_matrix(&m->work, &q, &a), 0);
    assert_int_equal(a.row_count, 16);
    uint64_t flows = 0;
    size_t named = 0;
    for (size_t row = 0; row < a.row_count; row++) {
        flows += model_u64(&a, row, "flows");
        if (!answer_cell(&a, row, 2)->yes && !answer_cell(&a, row, 3)->yes) {
            char first[TEXT_SIZE];
            char second[TEXT_SIZE];
            char key[3 * TEXT_SIZE];
            model_cell(&a, row, 0, first);
            model_cell(&a, row, 1, second);
            (void)snprintf(key, sizeof(key), "%s|%s|", first, second);
            assert_true(model_u64(&a, row, "flows") == count_flows(m, &q, key));
            named++;
        }
    }
    assert_int_equal(named, 9);
    assert_true(flows == count_flows(m, &q, NULL));
    answer_release(&a);
    q.dimension_count = 1;
    answer_init(&a);
    assert_int_equal(work_matrix(&m->work, &q, &a), ERR_INVALID);
    answer_release(&a);
}

static void changes_are_differences(void **state)
{
    struct model *m = *state;
    struct question q = { .from_ns = EPOCH + 4 * HOUR,
                          .to_ns = EPOCH + 6 * HOUR,
                          .compare_from_ns = EPOCH,
                          .compare_to_ns = EPOCH + HOUR,
                          .by = METRIC_FLOWS,
                          .limit = 5,
                          .dimension_count = 1,
                          .dimensions = { { .field = QUERY_SERVER_PORT } } };
    struct question before = q;
    before.from_ns = q.compare_from_ns;
    before.to_ns = q.compare_to_ns;
    struct answer a;
    answer_init(&a);
    assert_int_equal(work_changes(&m->work, &q, &a), 0);
    assert_int_equal(a.row_count, 5);
    int64_t last = INT64_MAX;
    for (size_t row = 0; row < a.row_count; row++) {
        char value[TEXT_SIZE];
        char key[3 * TEXT_SIZE];
        model_cell(&a, row, 1, value);
        (void)snprintf(key, sizeof(key), "%s|", value);
        uint64_t now = count_flows(m, &q, key);
        uint64_t then = 2 * count_flows(m, &before, key); // twice as long
        assert_true(model_u64(&a, row, "now") == now);
        assert_true(model_u64(&a, row, "before") == then);
        int64_t difference = answer_cell(&a, row, 4)->i64;
        assert_true(difference == (int64_t)now - (int64_t)then);
        assert_true(llabs(difference) <= last);
        last = llabs(difference);
    }
    answer_release(&a);
    q.dimension_count = 0; // all that make sense
    q.limit = 50;
    answer_init(&a);
    assert_int_equal(work_changes(&m->work, &q, &a), 0);
    assert_int_equal(a.row_count, 50);
    answer_release(&a);
}

static void completion_begins_with_the_text(void **state)
{
    struct model *m = *state;
    struct question q = { .from_ns = EPOCH, .to_ns = EPOCH + 8 * HOUR, .limit = 100 };
    struct answer a;
    answer_init(&a);
    assert_int_equal(work_values(&m->work, &q, QUERY_SERVER_PORT, "9", &a), 0);
    assert_int_equal(a.tier, TIER_HOURS);
    assert_int_equal(a.row_count, 5); // 99, then 199 ...
    assert_int_equal(answer_cell(&a, 0, 0)->u64, 99);
    answer_release(&a);
    answer_init(&a);
    assert_int_equal(work_values(&m->work, &q, QUERY_TRANSPORT, "C", &a), 0);
    assert_int_equal(a.row_count, 2);
    answer_release(&a);
    answer_init(&a);
    assert_int_equal(work_values(&m->work, &q, QUERY_SOURCE_PORT, "", &a), 0);
    assert_int_equal(a.tier, TIER_RAW);
    assert_false(a.exact);
    assert_non_null(strstr(a.note, "newest"));
    assert_int_equal(a.row_count, 5);
    answer_release(&a);
}

static void exporters_and_interfaces(void **state)
{
    struct model *m = *state;
    struct question q = { .from_ns = EPOCH, .to_ns = EPOCH + 8 * HOUR, .limit = 100 };
    struct answer a;
    answer_init(&a);
    int status = work_exporters(&m->work, &q, &a);
    if (status != 0) {
        fail_msg("%s", m->err.text);
    }
    assert_int_equal(a.row_count, 3);
    uint64_t flows = 0;
    for (size_t row = 0; row < a.row_count; row++) {
        char text[TEXT_SIZE];
        flows += model_u64(&a, row, "flows");
        model_cell(&a, row, 1, text);
        assert_string_equal(text, "core-1");
        model_cell(&a, row, 10, text);
        assert_string_equal(text, "1,500,1000");
    }
    assert_true(flows == count_flows(m, &q, NULL));
    answer_release(&a);
    answer_init(&a);
    status = work_interfaces(&m->work, &q, &a);
    if (status != 0) {
        fail_msg("%s", m->err.text);
    }
    assert_int_equal(a.row_count, 9);
    uint64_t in = 0;
    uint64_t expected = 0;
    for (size_t row = 0; row < a.row_count; row++) {
        in += model_u64(&a, row, "in_flows");
    }
    for (size_t i = 0; i < m->count; i++) {
        expected += model_has(&m->rows[i], &q) && m->rows[i].in_if >= 0 ? 1 : 0;
    }
    assert_true(in == expected);
    answer_release(&a);
}

/// Pages of any size are, one after the other, all records from the newest to the oldest.
static void pages_are_all_records(void **state)
{
    struct model *m = *state;
    struct question q = { .from_ns = EPOCH + 5, .to_ns = EPOCH + 8 * HOUR - 5 };
    size_t expected = 0;
    for (size_t i = 0; i < m->count; i++) {
        expected += m->rows[i].ts >= q.from_ns && m->rows[i].ts < q.to_ns ? 1 : 0;
    }
    int64_t after_ts = 0;
    uint64_t after_id = 0;
    size_t seen = 0;
    for (size_t page = 0; page < 10000; page++) {
        q.limit = 1 + model_random(m, 400);
        struct found found;
        assert_int_equal(work_find(&m->work, &q, after_ts, after_id, &found), 0);
        size_t count = found.ids.size / sizeof(uint64_t);
        const uint64_t *ids = (const void *)found.ids.data;
        for (size_t i = 0; i < count; i++) {
            size_t at = 0;
            while (at < m->count && m->rows[at].id != ids[i]) {
                at++;
            }
            assert_true(at < m->count);
            int64_t ts = m->rows[at].ts;
            assert_true(seen == 0 || ts < after_ts || (ts == after_ts && ids[i] < after_id));
            after_ts = ts;
            after_id = ids[i];
            seen++;
        }
        buf_release(&found.ids);
        if (count == 0) {
            break;
        }
    }
    assert_int_equal(seen, expected);
}

static void found_records_are_fetched(void **state)
{
    struct model *m = *state;
    struct question q = { .from_ns = EPOCH, .to_ns = INT64_MAX, .limit = 20 };
    struct found found;
    struct duck_stmt *stmt;
    struct duck_rows *rows;
    assert_int_equal(work_find(&m->work, &q, 0, 0, &found), 0);
    assert_int_equal(work_fetch(&m->work, &found, &stmt), 0);
    assert_int_equal(duck_run(stmt, &rows, &m->err), 0);
    assert_int_equal(duck_column_count(rows), schema_column_count());
    for (size_t i = 0; i < q.limit; i++) {
        assert_int_equal(duck_next(rows, &m->err), 1);
        assert_true(duck_u64(rows, COL_ID) == ((const uint64_t *)(const void *)found.ids.data)[i]);
    }
    assert_int_equal(duck_next(rows, &m->err), 0);
    duck_rows_free(rows);
    duck_finish(stmt);
    buf_release(&found.ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_matrix_has_all_flows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_are_differences, set_up, tear_down),
        cmocka_unit_test_setup_teardown(completion_begins_with_the_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(exporters_and_interfaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_are_all_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(found_records_are_fetched, set_up, tear_down),
    };
    return UNIT_MAIN("ask_pairs", tests);
}
