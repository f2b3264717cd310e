// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

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

static void columns_are_where_they_are_said_to_be(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(schema_open(f->conn, &f->err), 0);
    assert_int_equal(schema_open(f->conn, &f->err), 0); // again: there is nothing to do
    struct duck_rows *rows;
    assert_int_equal(duck_ask(f->conn, "SELECT * FROM flows", &rows, &f->err), 0);
    assert_int_equal(duck_column_count(rows), schema_column_count());
    assert_string_equal(duck_column_name(rows, COL_ID), "id");
    assert_string_equal(duck_column_name(rows, COL_REST), "rest");
    for (enum field field = 0; field < FIELD_COUNT; field++) {
        const char *name = duck_column_name(rows, schema_column(field));
        size_t size = strlen(FIELDS[field].json_name);
        assert_int_equal(strncmp(name, FIELDS[field].json_name, size), 0);
        assert_string_equal(name + size, FIELDS[field].kind == FIELD_KIND_ADDR ? "_hi" : "");
    }
    duck_rows_free(rows);
}

static void the_view_computes(void **state)
{
    struct fixture *f = *state;
    struct duck_rows *rows;
    assert_int_equal(schema_open(f->conn, &f->err), 0);
    assert_int_equal(
        duck_exec(f->conn,
                  "INSERT INTO flows BY NAME (SELECT 1 AS id, 1000 AS ts, 0 AS kind, 0 AS lookups, "
                  "0 AS sampling_default, 100 AS sampling_rate, 3 AS packets, -5 AS "
                  "time_received_ns, 443 AS src_port, 50000 AS dst_port);"
                  "INSERT INTO flows BY NAME (SELECT 2 AS id, 2000 AS ts, 0 AS kind, 0 AS lookups, "
                  "0 AS sampling_default, 0 AS sampling_rate, 7 AS packets, 9 AS dst_port);",
                  &f->err),
        0);
    assert_int_equal(duck_ask(f->conn,
                              "SELECT time_received_ns, server_port, samples, unknown FROM records "
                              "ORDER BY id",
                              &rows, &f->err),
                     0);
    assert_int_equal(duck_next(rows, &f->err), 1);
    assert_int_equal(duck_i64(rows, 0), 995);
    assert_int_equal(duck_u64(rows, 1), 443);
    assert_int_equal(duck_u64(rows, 2), 3);
    assert_int_equal(duck_u64(rows, 3), 0);
    assert_int_equal(duck_next(rows, &f->err), 1);
    assert_true(duck_is_null(rows, 0));
    assert_int_equal(duck_u64(rows, 1), 9);
    assert_int_equal(duck_u64(rows, 2), 0);
    assert_int_equal(duck_u64(rows, 3), 1);
    duck_rows_free(rows);
}

static void an_older_store_is_brought_up(void **state)
{
    struct fixture *f = *state;
    uint64_t port;
    assert_int_equal(schema_open(f->conn, &f->err), 0);
    assert_int_equal(
        duck_exec(f->conn,
                  "DELETE FROM marks WHERE name = 'schema'; INSERT INTO marks VALUES ('schema', 1);"
                  "CREATE OR REPLACE VIEW records AS SELECT *, 7 AS server_port FROM flows;"
                  "INSERT INTO flows BY NAME (SELECT 1 AS id, 80 AS src_port, 50000 AS dst_port)",
                  &f->err),
        0);
    assert_int_equal(schema_open(f->conn, &f->err), 0);
    assert_int_equal(duck_ask_u64(f->conn, "SELECT server_port FROM records", &port, &f->err), 0);
    assert_int_equal(port, 80);
    assert_int_equal(
        duck_ask_u64(f->conn, "SELECT max(value) FROM marks WHERE name = 'schema'", &port, &f->err),
        0);
    assert_int_equal(port, SCHEMA_VERSION);
}

static void a_newer_store_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(schema_open(f->conn, &f->err), 0);
    assert_int_equal(duck_exec(f->conn, "INSERT INTO marks VALUES ('schema', 99)", &f->err), 0);
    assert_int_equal(schema_open(f->conn, &f->err), ERR_UNSUPPORTED);
    assert_non_null(strstr(f->err.text, "version 99"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(columns_are_where_they_are_said_to_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_view_computes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_store_is_brought_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_store_is_refused, set_up, tear_down),
    };
    return UNIT_MAIN("store/schema", tests);
}
