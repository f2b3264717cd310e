// SPDX-License-Identifier: Apache-2.0
/*
 * The file is read into a temporary table, so that it is damaged or not before anything is done.
 * What is there already is left out: lines by file and offset, records of datagrams by when and
 * from whom they came. Texts and files that the store does not have get numbers; then the rows go
 * in with the store's numbers in the place of the texts.
 */
#include "store/import_copy.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "store/export_columns.h"
#include "store/rollup.h"

enum { SQL_SIZE_MAX = 1 << 16 };

static int set_path(struct duck_conn *c, const char *path, struct err *err)
{
    struct duck_stmt *s;
    int status = duck_prepare(c, "SET VARIABLE import_path = ?", &s, err);
    if (status == 0) {
        duck_bind_text(s, 1, path, strlen(path));
        status = duck_run_only(s, err);
        duck_finish(s);
    }
    return status;
}

static int refuse(const char *path, struct err *err)
{
    if (err->status == ERR_IO) {
        err->status = ERR_INVALID;
        return err_prefix(err, "%s: cannot be read as records that weir exported", path);
    }
    return err->status;
}

/// The file as the table `incoming`.
static int read_file(struct duck_conn *c, const char *path, struct err *err)
{
    uint64_t known = 0;
    int status =
        duck_ask_u64(c,
                     "SELECT count(*) FROM parquet_kv_metadata(getvariable('import_path'))"
                     " WHERE key = 'weir_records'::BLOB AND value = '" EXPORT_VERSION "'::BLOB",
                     &known, err);
    if (status != 0) {
        return refuse(path, err);
    }
    if (known == 0) {
        return err_set(err, ERR_INVALID, "%s: not records that weir exported", path);
    }
    status = duck_exec(c,
                       "CREATE OR REPLACE TEMP TABLE incoming AS "
                       "FROM read_parquet(getvariable('import_path'));",
                       err);
    return status == 0 ? 0 : refuse(path, err);
}

/// Those of them that the store does not have, as the table `fresh`.
static int find_fresh(struct duck_conn *c, struct err *err)
{
    static const char *const SAME[] = {
        "file_fingerprint_hi", "file_fingerprint_lo", "file_number",
        "file_offset",         "flow_index",          "time_received_ns",
        "sampler_address_hi",  "sampler_address_lo",  "observation_domain_id",
        "sequence_num",
    };
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
    buf_append_text(&sql,
                    "CREATE OR REPLACE TEMP TABLE fresh AS SELECT i.* FROM incoming i ANTI JOIN "
                    "(SELECT r.*, f.fingerprint_hi AS file_fingerprint_hi, f.fingerprint_lo AS "
                    "file_fingerprint_lo, f.number AS file_number FROM records r LEFT JOIN files "
                    "f ON f.id = r.file WHERE r.ts BETWEEN (SELECT min(ts) FROM incoming) AND "
                    "(SELECT max(ts) FROM incoming)) h ON i.ts = h.ts");
    for (size_t i = 0; i < sizeof(SAME) / sizeof(SAME[0]); i++) {
        buf_printf(&sql, " AND i.%s IS NOT DISTINCT FROM h.%s", SAME[i], SAME[i]);
    }
    int status =
        sql.bad ? err_set(err, ERR_NO_MEMORY, "out of memory") : duck_exec(c, buf_text(&sql), err);
    buf_release(&sql);
    return status;
}

static void print_texts(struct buf *sql, const struct export_columns *t, uint64_t first)
{
    buf_printf(sql,
               "INSERT INTO texts SELECT %" PRIu64 " + row_number() OVER () - 1, n.kind, n.value "
               "FROM (SELECT DISTINCT kind, value FROM (",
               first);
    for (size_t i = 0; i < t->count; i++) {
        buf_printf(sql, "%sSELECT %d::UTINYINT AS kind, %s AS value FROM fresh",
                   i == 0 ? "" : " UNION ALL ", (int)t->kinds[i], t->names[i]);
    }
    buf_append_text(sql, ") WHERE value IS NOT NULL) n ANTI JOIN texts t ON t.kind = n.kind AND "
                         "t.value = n.value;");
}

#define SAME_FILE                                                                                  \
    "f.fingerprint_hi = n.file_fingerprint_hi AND f.fingerprint_lo = n.file_fingerprint_lo AND "   \
    "f.number = n.file_number"

static void print_files(struct buf *sql, uint64_t first)
{
    buf_printf(sql,
               "INSERT INTO files SELECT %" PRIu64 " + row_number() OVER () - 1, "
               "n.file_fingerprint_hi, n.file_fingerprint_lo, n.file_number, n.device, n.inode, "
               "n.is_file, n.path, n.input_type FROM (SELECT file_fingerprint_hi, "
               "file_fingerprint_lo, file_number, any_value(file_device) AS device, "
               "any_value(file_inode) AS inode, any_value(file_is_file) AS is_file, "
               "any_value(file_path) AS path, any_value(file_input_type) AS input_type FROM fresh "
               "WHERE file_number IS NOT NULL GROUP BY ALL) n ANTI JOIN files f ON " SAME_FILE ";",
               first);
}

static void print_rows(struct buf *sql, const struct export_columns *t, uint64_t transaction)
{
    buf_printf(sql,
               "INSERT INTO flows BY NAME SELECT n.* EXCLUDE (texts_in_rest, file_fingerprint_hi, "
               "file_fingerprint_lo, file_number, file_device, file_inode, file_is_file, "
               "file_path, file_input_type) REPLACE ((%" PRIu64
               "::UBIGINT << 32) + row_number() OVER () - 1 AS id, n.time_received_ns - n.ts AS "
               "time_received_ns, n.time_flow_start_ns - n.ts AS time_flow_start_ns, "
               "n.time_flow_end_ns - n.ts AS time_flow_end_ns",
               transaction);
    for (size_t i = 0; i < t->count; i++) {
        buf_printf(sql, ", CASE WHEN n.texts_in_rest >> %zu & 1 = 1 THEN 0 ELSE t%zu.id END AS %s",
                   i, i, t->names[i]);
    }
    buf_append_text(sql, "), f.id AS file FROM fresh n");
    for (size_t i = 0; i < t->count; i++) {
        buf_printf(sql, " LEFT JOIN texts t%zu ON t%zu.kind = %d AND t%zu.value = n.%s", i, i,
                   (int)t->kinds[i], i, t->names[i]);
    }
    buf_append_text(sql, " LEFT JOIN files f ON " SAME_FILE ";");
}

int import_copy(struct duck_conn *c, const char *path, const struct import_numbers *numbers,
                uint64_t *ret_records, uint64_t *ret_duplicates, struct err *err)
{
    struct export_columns t = export_columns();
    struct buf sql;
    uint64_t all = 0;
    uint64_t fresh = 0;
    buf_init(&sql, SQL_SIZE_MAX);
    int status = set_path(c, path, err);
    if (status == 0) {
        status = read_file(c, path, err);
    }
    if (status == 0) {
        status = find_fresh(c, err);
    }
    if (status == 0) {
        status = duck_ask_u64(c, "SELECT count(*) FROM incoming", &all, err);
    }
    if (status == 0) {
        status = duck_ask_u64(c, "SELECT count(*) FROM fresh", &fresh, err);
    }
    if (status == 0 && fresh > 0) {
        print_texts(&sql, &t, numbers->text);
        print_files(&sql, numbers->file);
        print_rows(&sql, &t, numbers->transaction);
        status = rollup_transact(c, &sql, err);
    }
    struct err ignored;
    int dropped = duck_exec(
        c, "DROP TABLE IF EXISTS temp.incoming; DROP TABLE IF EXISTS temp.fresh;", &ignored);
    (void)dropped; // they go with the connection at the latest
    buf_release(&sql);
    if (status == 0) {
        *ret_records = fresh;
        *ret_duplicates = all - fresh;
    }
    return status;
}
