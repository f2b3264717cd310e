// SPDX-License-Identifier: Apache-2.0
/*
 * Records as files, written by DuckDB's COPY. What is asked for is bound, and so is the path: COPY
 * takes it from a variable of the connection.
 *
 * Parquet has the columns of the view `records` but for those that it computes, and stands alone:
 *
 *     texts and lists   their bytes instead of numbers; `texts_in_rest` has a bit for each that is
 *                       in `rest` (in the order of the columns)
 *     file              file_fingerprint_hi ... instead: the row of `files`
 *
 * and the key "weir_records" in its metadata, whose value is the version of this form. CSV and JSON
 * have the columns that a person looks for, with addresses as text and times in ISO 8601. Texts
 * come from exporters and logs: of CSV those that a spreadsheet would take for a formula get an
 * apostrophe in front, as in answers (web/api_answer.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/backup.h"
#include "store/export_columns.h"
#include "store/sql.h"

enum { PATH_SIZE = 4096 };

// --- Parquet -------------------------------------------------------------------------------------

static void print_parquet_columns(struct sql *q, const struct export_columns *t)
{
    sql_text(q, "SELECT r.* EXCLUDE (server_port, samples, unknown, file) REPLACE (");
    for (size_t i = 0; i < t->count; i++) {
        sql_printf(q, "%st%zu.value AS %s", i == 0 ? "" : ", ", i, t->names[i]);
    }
    sql_text(q, "), 0::UBIGINT");
    for (size_t i = 0; i < t->count; i++) {
        sql_printf(q, " + CASE WHEN r.%s = 0 THEN 1::UBIGINT << %zu ELSE 0 END", t->names[i], i);
    }
    sql_text(q, " AS texts_in_rest, f.fingerprint_hi AS file_fingerprint_hi, "
                "f.fingerprint_lo AS file_fingerprint_lo, f.number AS file_number, "
                "f.device AS file_device, f.inode AS file_inode, f.is_file AS file_is_file, "
                "f.path AS file_path, f.input_type AS file_input_type");
}

/// The records in question as `r`.
static void print_records(struct sql *q, const struct kql *filter, int64_t from_ns, int64_t to_ns)
{
    sql_text(q, " FROM (SELECT * FROM records WHERE ts >= ");
    sql_i64(q, from_ns);
    sql_text(q, " AND ts < ");
    sql_i64(q, to_ns);
    sql_text(q, " AND ");
    sql_where(q, filter);
    sql_text(q, ") r");
}

static void print_parquet(struct sql *q, const struct kql *filter, int64_t from_ns, int64_t to_ns)
{
    struct export_columns t = export_columns();
    sql_text(q, "COPY (");
    print_parquet_columns(q, &t);
    print_records(q, filter, from_ns, to_ns);
    for (size_t i = 0; i < t.count; i++) {
        sql_printf(q, " LEFT JOIN texts t%zu ON t%zu.id = r.%s", i, i, t.names[i]);
    }
    sql_text(q, " LEFT JOIN files f ON f.id = r.file) TO (getvariable('export_path')) "
                "(FORMAT parquet, COMPRESSION zstd, KV_METADATA {weir_records: '" EXPORT_VERSION
                "'})");
}

// --- CSV and JSON --------------------------------------------------------------------------------

/// An address as text: IPv4 with dots, IPv6 as eight groups.
static void print_addr(struct sql *q, const char *name)
{
    sql_printf(q,
               "CASE WHEN r.%s_hi = 0 AND r.%s_lo >> 32 = 65535 THEN format('{}.{}.{}.{}', "
               "r.%s_lo >> 24 & 255, r.%s_lo >> 16 & 255, r.%s_lo >> 8 & 255, r.%s_lo & 255) "
               "WHEN r.%s_hi IS NOT NULL THEN format('{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}', ",
               name, name, name, name, name, name, name);
    for (unsigned i = 0; i < 8; i++) {
        sql_printf(q, "%sr.%s_%s >> %u & 65535", i == 0 ? "" : ", ", name, i < 4 ? "hi" : "lo",
                   48 - i % 4 * 16);
    }
    sql_printf(q, ") END AS %s, ", name);
}

/// A text, and its name.
static void print_text(struct sql *q, bool csv, const char *text, const char *name)
{
    if (csv) {
        sql_printf(
            q,
            ", CASE WHEN regexp_matches(%s, '^[-=+@\\x00-\\x1f]') THEN '''' || %s ELSE %s END "
            "AS %s",
            text, text, text, name);
    } else {
        sql_printf(q, ", %s AS %s", text, name);
    }
}

static void print_readable(struct sql *q, const struct kql *filter, int64_t from_ns, int64_t to_ns,
                           bool csv)
{
    static const char *const COUNTRIES[] = { "src_country", "dst_country" };
    static const char *const ADDRS[] = { "sampler_address", "src_addr", "dst_addr" };
    static const char *const TEXTS[] = { "exporter_name", "in_if_name",  "out_if_name",
                                         "src_network",   "dst_network", "src_as_org",
                                         "dst_as_org" };
    enum { COUNT = sizeof(TEXTS) / sizeof(TEXTS[0]) };
    sql_text(q, "COPY (SELECT strftime(make_timestamp(r.ts // 1000), '%Y-%m-%dT%H:%M:%S') || "
                "format('.{:09d}Z', r.ts % 1000000000) AS time, "
                "['flow', 'error'][r.kind + 1] AS kind, ");
    for (size_t i = 0; i < sizeof(ADDRS) / sizeof(ADDRS[0]); i++) {
        print_addr(q, ADDRS[i]);
    }
    sql_text(q, "r.src_port, r.dst_port, r.proto, r.etype, r.bytes, r.packets, r.sampling_rate, "
                "r.network_bytes, r.network_packets, r.in_if, r.out_if, r.src_vlan, r.dst_vlan, "
                "r.tcp_flags, r.ip_tos, r.src_asn, r.dst_asn");
    char text[96];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(text, sizeof(text), "chr(r.%s // 256) || chr(r.%s %% 256)", COUNTRIES[i],
                       COUNTRIES[i]); // fits
        print_text(q, csv, text, COUNTRIES[i]);
    }
    sql_text(q, ", (r.time_flow_end_ns - r.ts) / 1e9 AS duration");
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(text, sizeof(text), "decode(t%zu.value, 'replace')", i); // fits
        print_text(q, csv, text, TEXTS[i]);
    }
    print_records(q, filter, from_ns, to_ns);
    for (size_t i = 0; i < COUNT; i++) {
        sql_printf(q, " LEFT JOIN texts t%zu ON t%zu.id = r.%s", i, i, TEXTS[i]);
    }
    sql_printf(q, ") TO (getvariable('export_path')) (%s)",
               csv ? "FORMAT csv, HEADER true" : "FORMAT json");
}

// --- Writing -------------------------------------------------------------------------------------

static int set_path(struct duck_conn *c, const char *path, struct err *err)
{
    struct duck_stmt *s;
    int status = duck_prepare(c, "SET VARIABLE export_path = ?", &s, err);
    if (status == 0) {
        duck_bind_text(s, 1, path, strlen(path));
        status = duck_run_only(s, err);
        duck_finish(s);
    }
    return status;
}

/// Runs the COPY; its answer is how many rows there were.
static int copy(struct duck_conn *c, struct sql *q, uint64_t *ret_records, struct err *err)
{
    struct duck_stmt *s;
    struct duck_rows *rows;
    int status = sql_prepare(q, c, &s, err);
    if (status != 0) {
        return status;
    }
    status = duck_run(s, &rows, err);
    if (status == 0) {
        status = duck_next(rows, err);
        *ret_records = status > 0 ? duck_u64(rows, 0) : 0;
        duck_rows_free(rows);
    }
    duck_finish(s);
    return status < 0 ? status : 0;
}

int export_copy(struct duck_conn *c, const struct export_what *what, const char *path,
                uint64_t *ret_records, struct err *err)
{
    struct sql q;
    sql_init(&q);
    switch (what->form) {
    case EXPORT_PARQUET:
        print_parquet(&q, what->filter, what->from_ns, what->to_ns);
        break;
    case EXPORT_CSV:
        print_readable(&q, what->filter, what->from_ns, what->to_ns, true);
        break;
    case EXPORT_JSON:
        print_readable(&q, what->filter, what->from_ns, what->to_ns, false);
        break;
    }
    int status = set_path(c, path, err);
    if (status == 0) {
        status = copy(c, &q, ret_records, err);
    }
    sql_release(&q);
    if (status != 0) {
        (void)unlink(path); // not there: as it should be
    }
    return status;
}

int export_make(struct store *s, struct duck_conn *c, const struct kql *filter, int64_t from_ns,
                int64_t to_ns, enum export_form form, char *ret_path, size_t size,
                uint64_t *ret_records, struct err *err)
{
    static const char *const ENDINGS[] = {
        [EXPORT_PARQUET] = "parquet", [EXPORT_CSV] = "csv", [EXPORT_JSON] = "json"
    };
    char name[64];
    char path[PATH_SIZE];
    (void)snprintf(name, sizeof(name), "export-%" PRIu64 ".%s", clock_wall_ns(),
                   ENDINGS[form]); // fits
    int status = store_export_path(s, name, path, sizeof(path), err);
    if (status != 0) {
        return status;
    }
    if (strlen(path) >= size) {
        return err_set(err, ERR_RANGE, "%s: too long a path", path);
    }
    status = export_copy(
        c,
        &(struct export_what){ .filter = filter, .from_ns = from_ns, .to_ns = to_ns, .form = form },
        path, ret_records, err);
    if (status == 0) {
        memcpy(ret_path, path, strlen(path) + 1);
    }
    return status;
}
