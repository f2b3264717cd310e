// SPDX-License-Identifier: Apache-2.0
#include "store/backup.h"
#include "store/import_copy.h"

#include "../folder.h"
#include "fill.h"

struct fixture {
    struct fill fill;
    char folder[FOLDER_SIZE];
    char path[FOLDER_SIZE + 16];
};

/// Four records, among them one with texts and one of a line.
static int set_up(void **state)
{
    static struct fixture x;
    x = (struct fixture){ 0 };
    folder_make(x.folder);
    (void)snprintf(x.path, sizeof(x.path), "%s/it's", x.folder);
    fill_open(&x.fill, "");
    fill_ok(
        &x.fill,
        duck_exec(x.fill.conn,
                  "INSERT INTO texts VALUES (1, 0, 'switch, one'), (2, 3, '\\x01\\x00\\x00\\x00'"
                  "::BLOB), (3, 2, '{\"number\":64500}');"
                  "INSERT INTO files VALUES (7, 11, 12, 0, 5, 6, true, '/var/log/a.log', 'log');"
                  "INSERT INTO flows BY NAME SELECT 4294967296 + i AS id, 1700000000000000000 + "
                  "i AS ts, i == 3 AS kind, 0 AS lookups, 0 AS sampling_default, "
                  "-5 AS time_received_ns, 0 AS src_addr_hi, 281473902969344 + i AS "
                  "src_addr_lo, 2306139568115548160 AS dst_addr_hi, 1 AS dst_addr_lo, "
                  "443 AS dst_port, 17477 AS src_country, "
                  "[NULL, 0, 1, NULL][i + 1]::UINTEGER AS exporter_name, "
                  "CASE WHEN i = 2 THEN 2 END::UINTEGER AS as_path, "
                  "CASE WHEN i = 1 THEN 7 END::UINTEGER AS file, 'x'::BLOB AS rest "
                  "FROM range(4) t(i)",
                  &x.fill.err));
    *state = &x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    fill_close(&x->fill);
    folder_remove(x->folder);
    return 0;
}

static uint64_t export(struct fixture *x, enum export_form form, int64_t from_ns, int64_t to_ns)
{
    uint64_t records = 0;
    struct export_what what = { .from_ns = from_ns, .to_ns = to_ns, .form = form };
    fill_ok(&x->fill, export_copy(x->fill.conn, &what, x->path, &records, &x->fill.err));
    return records;
}

#define FILE_ROWS "FROM read_parquet(getvariable('export_path'))"

static void parquet_stands_alone(void **state)
{
    struct fixture *x = *state;
    struct fill *f = &x->fill;
    assert_int_equal(export(x, EXPORT_PARQUET, 0, INT64_MAX), 4);
    assert_int_equal(fill_ask(f, "SELECT count(*) FROM parquet_kv_metadata(getvariable("
                                 "'export_path')) WHERE key = 'weir_records'::BLOB"),
                     1);
    fill_ok(f, duck_exec(f->conn, "DELETE FROM texts; DELETE FROM files;", &f->err));
    // Texts, "in rest" and absent are three things.
    assert_int_equal(
        fill_ask(f, "SELECT id & 3 " FILE_ROWS " WHERE exporter_name = 'switch, one'::BLOB"), 2);
    assert_int_equal(fill_ask(f, "SELECT id & 3 " FILE_ROWS " WHERE texts_in_rest > 0"), 1);
    assert_int_equal(
        fill_ask(f, "SELECT id & 3 " FILE_ROWS " WHERE as_path = '\\x01\\x00\\x00\\x00'::BLOB"), 2);
    assert_int_equal(
        fill_ask(f, "SELECT file_fingerprint_lo " FILE_ROWS " WHERE file_path = '/var/log/a.log'"),
        12);
    // And whatever is a number is the same.
    assert_int_equal(fill_ask(f, "SELECT count(*) FROM records r JOIN (" FILE_ROWS
                                 ") p ON r.id = p.id AND r.ts = p.ts AND r.kind = p.kind AND "
                                 "r.time_received_ns = p.time_received_ns AND r.src_addr_lo = "
                                 "p.src_addr_lo AND r.dst_addr_hi = p.dst_addr_hi AND r.rest = "
                                 "p.rest"),
                     4);
    assert_int_equal(fill_ask(f, "SELECT count(*) FROM (DESCRIBE FROM flows)") - 1 + 9,
                     fill_ask(f, "SELECT count(*) FROM (DESCRIBE " FILE_ROWS ")"));
}

static void read_file(const char *path, char *ret_text, size_t size)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t got = read(fd, ret_text, size - 1);
    assert_true(got > 0);
    ret_text[got] = '\0';
    assert_int_equal(close(fd), 0);
}

static void csv_and_json_are_readable(void **state)
{
    struct fixture *x = *state;
    static char text[8192];
    assert_int_equal(export(x, EXPORT_CSV, 1700000000000000002, 1700000000000000003), 1);
    read_file(x->path, text, sizeof(text));
    assert_non_null(strstr(text, "time,kind,sampler_address,src_addr,dst_addr,src_port"));
    assert_non_null(strstr(text, "\n2023-11-14T22:13:20.000000002Z,flow,,192.0.2.2,"
                                 "2001:db8:0:0:0:0:0:1,,443,"));
    assert_non_null(strstr(text, ",\"switch, one\","));
    assert_non_null(strstr(text, ",DE,"));
    assert_int_equal(export(x, EXPORT_JSON, 1700000000000000003, INT64_MAX), 1);
    read_file(x->path, text, sizeof(text));
    assert_non_null(
        strstr(text, "{\"time\":\"2023-11-14T22:13:20.000000003Z\",\"kind\":\"error\","));
    assert_int_equal(export(x, EXPORT_CSV, 5, 6), 0);
}

static void export_with_name(struct fixture *x, const char *name, enum export_form form,
                             const char *cell)
{
    static char text[8192];
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "UPDATE texts SET value = %s::BLOB WHERE id = 1", name);
    fill_ok(&x->fill, duck_exec(x->fill.conn, sql, &x->fill.err));
    assert_int_equal(export(x, form, 1700000000000000002, 1700000000000000003), 1);
    read_file(x->path, text, sizeof(text));
    if (strstr(text, cell) == NULL) {
        fail_msg("not in it: %s\n%s", cell, text);
    }
}

static void no_text_of_csv_is_a_formula(void **state)
{
    struct fixture *x = *state;
    export_with_name(x, "'=1+1'", EXPORT_CSV, ",'=1+1,");
    export_with_name(x, "'+1'", EXPORT_CSV, ",'+1,");
    export_with_name(x, "'-1'", EXPORT_CSV, ",'-1,");
    export_with_name(x, "'@x'", EXPORT_CSV, ",'@x,");
    export_with_name(x, "'\\x09=1'", EXPORT_CSV, ",'\t=1,");
    export_with_name(x, "'\\x0D=1'", EXPORT_CSV, ",\"'\r=1\",");
    export_with_name(x, "'a=1'", EXPORT_CSV, ",a=1,");
    export_with_name(x, "'a\\x0A=1'", EXPORT_CSV, ",\"a\n=1\","); // of one cell its beginning
    export_with_name(x, "'=1+1'", EXPORT_JSON, ":\"=1+1\"");
    fill_ok(&x->fill,
            duck_exec(x->fill.conn, "UPDATE flows SET dst_country = 61 * 256 + 65", &x->fill.err));
    export_with_name(x, "'y'", EXPORT_CSV, ",'=A,");
}

/// Logs may hold any bytes in a string: one such name must not end an export.
static void bytes_that_are_no_text_are_replaced(void **state)
{
    struct fixture *x = *state;
    export_with_name(x, "'a\\xFFb'", EXPORT_CSV, ",a?b,");
    export_with_name(x, "'a\\xFFb'", EXPORT_JSON, ":\"a?b\"");
}

/// Into the same store, and into another one with other numbers.
static void parquet_comes_back(void **state)
{
    struct fixture *x = *state;
    struct fill *f = &x->fill;
    struct import_numbers numbers = { .transaction = 9, .text = 100, .file = 50 };
    uint64_t records;
    uint64_t duplicates;
    assert_int_equal(export(x, EXPORT_PARQUET, 0, INT64_MAX), 4);
    fill_ok(f, import_copy(f->conn, x->path, &numbers, &records, &duplicates, &f->err));
    assert_int_equal(records, 0);
    assert_int_equal(duplicates, 4);
    assert_int_equal(fill_ask(f, "SELECT count(*) FROM flows"), 4);

    struct fill other;
    fill_open(&other, "");
    fill_ok(&other,
            duck_exec(other.conn, "INSERT INTO texts VALUES (4, 0, 'switch, one')", &other.err));
    fill_ok(&other, import_copy(other.conn, x->path, &numbers, &records, &duplicates, &other.err));
    assert_int_equal(records, 4);
    assert_int_equal(duplicates, 0);
    assert_int_equal(fill_ask(&other, "SELECT min(id) FROM flows"), UINT64_C(9) << 32);
    assert_int_equal(fill_ask(&other, "SELECT exporter_name FROM flows WHERE ts = "
                                      "1700000000000000002"),
                     4);
    assert_int_equal(fill_ask(&other, "SELECT as_path FROM flows WHERE ts = 1700000000000000002"),
                     100);
    assert_int_equal(fill_ask(&other, "SELECT count(*) FROM flows WHERE exporter_name = 0"), 1);
    assert_int_equal(fill_ask(&other, "SELECT file FROM flows WHERE ts = 1700000000000000001"), 50);
    assert_int_equal(fill_ask(&other, "SELECT count(*) FROM files WHERE inode = 6"), 1);
    assert_int_equal(fill_ask(&other, "SELECT count(*) FROM positions"), 0);
    assert_int_equal(fill_ask(&other, "SELECT count(*) FROM flows WHERE time_received_ns = -5"), 4);
    numbers.transaction = 10;
    fill_ok(&other, import_copy(other.conn, x->path, &numbers, &records, &duplicates, &other.err));
    assert_int_equal(duplicates, 4);
    fill_close(&other);
}

static void foreign_and_damaged_files_are_refused(void **state)
{
    struct fixture *x = *state;
    struct fill *f = &x->fill;
    struct import_numbers numbers = { .transaction = 9, .text = 100, .file = 50 };
    uint64_t records;
    uint64_t duplicates;
    assert_int_equal(export(x, EXPORT_CSV, 0, INT64_MAX), 4);
    assert_int_equal(import_copy(f->conn, x->path, &numbers, &records, &duplicates, &f->err),
                     ERR_INVALID);
    fill_ok(f, duck_exec(f->conn,
                         "COPY (SELECT 1 AS id) TO (getvariable('export_path')) (FORMAT "
                         "parquet)",
                         &f->err));
    assert_int_equal(import_copy(f->conn, x->path, &numbers, &records, &duplicates, &f->err),
                     ERR_INVALID);
    assert_non_null(strstr(f->err.text, "not records that weir exported"));
    assert_int_equal(export(x, EXPORT_PARQUET, 0, INT64_MAX), 4);
    int fd = open(x->path, O_RDWR);
    off_t size = lseek(fd, 0, SEEK_END);
    assert_int_equal(ftruncate(fd, size / 2), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(import_copy(f->conn, x->path, &numbers, &records, &duplicates, &f->err),
                     ERR_INVALID);
    assert_int_equal(fill_ask(f, "SELECT count(*) FROM flows"), 4);
}

static void what_fails_leaves_nothing(void **state)
{
    struct fixture *x = *state;
    uint64_t records;
    struct export_what what = { .to_ns = INT64_MAX, .form = EXPORT_PARQUET };
    assert_int_equal(export_copy(x->fill.conn, &what, "/nowhere/at/all", &records, &x->fill.err),
                     ERR_IO);
    fill_ok(&x->fill, duck_exec(x->fill.conn, "DROP TABLE texts", &x->fill.err));
    assert_int_equal(export_copy(x->fill.conn, &what, x->path, &records, &x->fill.err), ERR_IO);
    assert_int_equal(access(x->path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parquet_stands_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(csv_and_json_are_readable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_text_of_csv_is_a_formula, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_text_are_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parquet_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(foreign_and_damaged_files_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_fails_leaves_nothing, set_up, tear_down),
    };
    return UNIT_MAIN("store/export", tests);
}
