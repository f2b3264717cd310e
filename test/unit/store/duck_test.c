// SPDX-License-Identifier: Apache-2.0
#include "store/duck.h"

#include <pthread.h>
#include <time.h>

#include "../unit.h"

struct fixture {
    struct duck *duck;
    struct duck_conn *conn;
    struct err err;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){ 0 };
    assert_int_equal(duck_open("", NULL, &f.duck, &f.err), 0);
    assert_int_equal(duck_connect(f.duck, &f.conn, &f.err), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    duck_disconnect(f->conn);
    duck_close(f->duck);
    return 0;
}

static void numbers_of_all_types(void **state)
{
    struct fixture *f = *state;
    struct duck_rows *rows;
    assert_int_equal(
        duck_ask(
            f->conn,
            "SELECT 255::UTINYINT, -3::SMALLINT, 18446744073709551615::UBIGINT, "
            "-170141183460469231731687303715884105727::HUGEINT, 36893488147419103232::HUGEINT, "
            "-5::HUGEINT, 1.5::DOUBLE, NULL::INTEGER, 'x', true",
            &rows, &f->err),
        0);
    assert_int_equal(duck_column_count(rows), 10);
    assert_int_equal(duck_next(rows, &f->err), 1);
    assert_int_equal(duck_u64(rows, 0), 255);
    assert_int_equal(duck_i64(rows, 1), -3);
    assert_int_equal(duck_u64(rows, 1), 0); // the nearest
    assert_true(duck_u64(rows, 2) == UINT64_MAX);
    assert_true(duck_i64(rows, 2) == INT64_MAX);
    assert_true(duck_i64(rows, 3) == INT64_MIN);
    assert_true(duck_u64(rows, 4) == UINT64_MAX);
    assert_true(duck_f64(rows, 4) == 0x1p65);
    assert_int_equal(duck_i64(rows, 5), -5);
    assert_true(duck_f64(rows, 6) == 1.5);
    assert_int_equal(duck_u64(rows, 6), 1);
    assert_true(duck_is_null(rows, 7));
    assert_false(duck_is_null(rows, 6));
    assert_int_equal(duck_u64(rows, 7), 0);
    assert_int_equal(duck_u64(rows, 8), 0);
    assert_int_equal(duck_u64(rows, 9), 1);
    assert_int_equal(duck_next(rows, &f->err), 0);
    assert_int_equal(duck_next(rows, &f->err), 0);
    duck_rows_free(rows);
    duck_rows_free(NULL);
}

static void rows_are_appended_and_read(void **state)
{
    enum { ROWS = 3 * DUCK_CHUNK_ROWS + 7 };
    struct fixture *f = *state;
    assert_int_equal(duck_exec(f->conn, "CREATE TABLE t (n UBIGINT, s VARCHAR)", &f->err), 0);
    struct duck_appender *a;
    assert_int_equal(duck_appender_new(f->conn, "none", &a, &f->err), ERR_IO);
    assert_non_null(strstr(f->err.text, "none"));
    assert_int_equal(duck_appender_new(f->conn, "t", &a, &f->err), 0);
    struct duck_chunk *chunk = duck_appender_chunk(a);
    size_t row = 0;
    for (uint64_t i = 0; i < ROWS; i++) {
        char text[32];
        int size = snprintf(text, sizeof(text), "%s%d",
                            i % 2 == 0 ? "short" : "rather a long text ", (int)i);
        ((uint64_t *)duck_chunk_column(chunk, 0))[row] = i;
        if (i % 5 == 0) {
            duck_chunk_set_null(chunk, 1, row);
        } else {
            duck_chunk_set_bytes(chunk, 1, row, text, (size_t)size);
        }
        if (++row == DUCK_CHUNK_ROWS) {
            assert_int_equal(duck_appender_push(a, row, &f->err), 0);
            row = 0;
        }
    }
    assert_int_equal(duck_appender_push(a, row, &f->err), 0);
    assert_int_equal(duck_appender_flush(a, &f->err), 0);
    duck_appender_free(a);
    struct duck_rows *rows;
    assert_int_equal(duck_ask(f->conn, "SELECT * FROM t ORDER BY n", &rows, &f->err), 0);
    assert_string_equal(duck_column_name(rows, 1), "s");
    for (uint64_t i = 0; i < ROWS; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%s%d", i % 2 == 0 ? "short" : "rather a long text ",
                       (int)i);
        assert_int_equal(duck_next(rows, &f->err), 1);
        assert_int_equal(duck_u64(rows, 0), i);
        assert_int_equal(duck_is_null(rows, 1), i % 5 == 0);
        struct duck_text found = duck_bytes(rows, 1);
        assert_int_equal(found.size, i % 5 == 0 ? 0 : strlen(text));
        assert_memory_equal(found.data, text, found.size);
    }
    assert_int_equal(duck_next(rows, &f->err), 0);
    duck_rows_free(rows);
}

/// Numbers 0, 1, 2 ..., a text for every second one, in chunks of different sizes; an error at
/// `fails_at`.
struct numbers {
    uint64_t next;
    uint64_t count;
    uint64_t fails_at;
};

static int give_numbers(void *context, struct duck_chunk *chunk)
{
    struct numbers *n = context;
    size_t row = 0;
    for (size_t size = 1 + n->next % DUCK_CHUNK_ROWS; row < size && n->next < n->count; row++) {
        if (n->next == n->fails_at) {
            return ERR_NO_MEMORY;
        }
        ((uint64_t *)duck_chunk_column(chunk, 0))[row] = n->next++;
        if (n->next % 2 == 0) {
            duck_chunk_set_null(chunk, 1, row);
        } else {
            duck_chunk_set_bytes(chunk, 1, row, "a text of its own", 17);
        }
    }
    return (int)row;
}

static void rows_are_fed_in_their_order(void **state)
{
    enum { ROWS = 300000 };
    static const char WRONG[] =
        "SELECT count(*) FROM t WHERE n <> rowid OR (s IS NULL) <> (n % 2 = "
        "1) OR s <> 'a text of its own'";
    struct fixture *f = *state;
    struct numbers numbers = { .count = ROWS, .fails_at = ROWS };
    uint64_t count;
    assert_int_equal(duck_exec(f->conn, "CREATE TABLE t (n UBIGINT, s VARCHAR)", &f->err), 0);
    assert_int_equal(duck_add_feed(f->conn, "numbers", "t", give_numbers, &numbers, &f->err), 0);
    assert_int_equal(duck_exec(f->conn, "INSERT INTO t FROM numbers()", &f->err), 0);
    assert_int_equal(duck_ask_u64(f->conn, "SELECT count(*) FROM t", &count, &f->err), 0);
    assert_int_equal(count, ROWS);
    assert_int_equal(duck_ask_u64(f->conn, WRONG, &count, &f->err), 0);
    assert_int_equal(count, 0);
    numbers = (struct numbers){ .count = ROWS, .fails_at = ROWS / 2 };
    assert_int_not_equal(duck_exec(f->conn, "INSERT INTO t FROM numbers()", &f->err), 0);
    assert_non_null(strstr(f->err.text, "cannot make rows"));
    assert_int_equal(duck_ask_u64(f->conn, "SELECT count(*) FROM t", &count, &f->err), 0);
    assert_int_equal(count, ROWS);
    assert_int_not_equal(duck_add_feed(f->conn, "other", "none", give_numbers, NULL, &f->err), 0);
}

static void bound_values_are_no_sql(void **state)
{
    struct fixture *f = *state;
    struct duck_stmt *s;
    struct duck_rows *rows;
    static const char EVIL[] = "'; DROP TABLE t; --";
    assert_int_equal(duck_prepare(f->conn, "SELECT ?, ?, ?, ?, ?", &s, &f->err), 0);
    for (int again = 0; again < 2; again++) {
        duck_bind_text(s, 1, EVIL, strlen(EVIL));
        duck_bind_u64(s, 2, UINT64_MAX);
        duck_bind_i64(s, 3, -1);
        duck_bind_blob(s, 4, "a\0b", 3);
        duck_bind_null(s, 5);
        assert_int_equal(duck_run(s, &rows, &f->err), 0);
        assert_int_equal(duck_next(rows, &f->err), 1);
        assert_int_equal(duck_bytes(rows, 0).size, strlen(EVIL));
        assert_true(duck_u64(rows, 1) == UINT64_MAX);
        assert_int_equal(duck_i64(rows, 2), -1);
        assert_int_equal(duck_bytes(rows, 3).size, 3);
        assert_true(duck_is_null(rows, 4));
        duck_rows_free(rows);
    }
    duck_finish(s);
}

static bool begins_with(const struct duck_text *args, size_t count)
{
    return count == 2 && args[0].size >= args[1].size &&
           memcmp(args[0].data, args[1].data, args[1].size) == 0;
}

static void functions_of_our_own(void **state)
{
    struct fixture *f = *state;
    uint64_t count;
    assert_int_equal(duck_ask_u64(f->conn, "SELECT 7", &count, &f->err), 0); // it is over by then
    assert_int_equal(duck_add_match(f->conn, "begins_with", 2, begins_with, &f->err), 0);
    assert_int_equal(duck_ask_u64(f->conn,
                                  "SELECT count(*) FROM (SELECT CASE WHEN n % 3 = 0 THEN NULL ELSE "
                                  "n::VARCHAR::BLOB END AS v FROM range(10000) t(n)) WHERE "
                                  "begins_with(v, '77')",
                                  &count, &f->err),
                     0);
    assert_int_equal(count, 1 + 7 + 67); // 77; of 770-779 and 7700-7799 those not divided by 3
}

static void *interrupt_later(void *context)
{
    struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
    assert_int_equal(nanosleep(&pause, NULL), 0);
    duck_interrupt(context);
    return NULL;
}

static void a_query_is_interrupted(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    uint64_t count;
    assert_int_equal(pthread_create(&thread, NULL, interrupt_later, f->conn), 0);
    assert_int_equal(duck_ask_u64(f->conn,
                                  "SELECT sum(a.n * b.n) FROM range(10000000) a(n), "
                                  "range(10000000) b(n)",
                                  &count, &f->err),
                     ERR_CLOSED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(duck_ask_u64(f->conn, "SELECT 42", &count, &f->err), 0); // and is of use still
    assert_int_equal(count, 42);
}

static void mistakes_have_words(void **state)
{
    struct fixture *f = *state;
    struct duck_stmt *s;
    assert_int_equal(duck_exec(f->conn, "SELEC 1", &f->err), ERR_IO);
    assert_non_null(strstr(f->err.text, "SELEC"));
    assert_int_equal(duck_prepare(f->conn, "SELECT no_such()", &s, &f->err), ERR_IO);
    struct duck *other;
    assert_int_equal(duck_open("/nowhere/at/all.duckdb", NULL, &other, &f->err), ERR_IO);
    static const struct duck_option WRONG[] = { { "no_such_setting", "1" }, { NULL, NULL } };
    assert_int_not_equal(duck_open("", WRONG, &other, &f->err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_of_all_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_appended_and_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_fed_in_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bound_values_are_no_sql, set_up, tear_down),
        cmocka_unit_test_setup_teardown(functions_of_our_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_query_is_interrupted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes_have_words, set_up, tear_down),
    };
    return UNIT_MAIN("store/duck", tests);
}
