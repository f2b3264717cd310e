// SPDX-License-Identifier: Apache-2.0
/*
 * The sums of all addresses of an hour are made once (DuckDB puts them on the disk if they are too
 * many for its memory), the largest are taken from them, and what is left is the rest. Everything
 * is known from the tables, so there is nothing to remember over a restart.
 */
#include "store/talkers.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "store/rollup.h"

enum { SQL_SIZE_MAX = 1 << 16 };

struct talkers {
    const char *name;
    const char *keys;
    const char *same_keys; ///< of a and b, NULL being like NULL
    const char *no_keys;
};

#define SAME(column) "a." column " IS NOT DISTINCT FROM b." column
static const struct talkers TALKERS[] = {
    { "src", "src_addr_hi, src_addr_lo", SAME("src_addr_hi") " AND " SAME("src_addr_lo"),
      "NULL, NULL" },
    { "dst", "dst_addr_hi, dst_addr_lo", SAME("dst_addr_hi") " AND " SAME("dst_addr_lo"),
      "NULL, NULL" },
    { "pair", "src_addr_hi, src_addr_lo, dst_addr_hi, dst_addr_lo",
      SAME("src_addr_hi") " AND " SAME("src_addr_lo") " AND " SAME("dst_addr_hi") " AND " SAME(
          "dst_addr_lo"),
      "NULL, NULL, NULL, NULL" },
};
enum { TALKERS_COUNT = sizeof(TALKERS) / sizeof(TALKERS[0]) };

#define SATURATED(sum) "least(" sum ", 18446744073709551615)::UBIGINT"

int talkers_next(struct duck_conn *c, int64_t before_ns, int64_t *ret_hour_ns, struct err *err)
{
    struct rollup_marks marks;
    int status = rollup_marks(c, &marks, err);
    if (status != 0) {
        return status;
    }
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT max(ts) FROM hours_protocol WHERE ts >= %" PRId64 " AND ts <= %" PRId64
                   " AND ts NOT IN (SELECT ts FROM talkers_src WHERE other)",
                   marks.records_from_ns, before_ns - ROLLUP_HOUR_NS);
    struct duck_rows *rows;
    status = duck_ask(c, sql, &rows, err);
    if (status != 0) {
        return status;
    }
    status = duck_next(rows, err);
    if (status > 0) {
        status = duck_is_null(rows, 0) ? 0 : 1;
        *ret_hour_ns = duck_i64(rows, 0);
    }
    duck_rows_free(rows);
    return status;
}

/// The sums of each address in an hour, of the records that the minutes have.
static void print_sums(struct buf *sql, const struct talkers *talkers, int64_t from_ns,
                       int64_t to_ns, uint64_t first_id)
{
    buf_printf(sql,
               "SELECT ts - ts %% %" PRId64 " AS ts, %s, count(*) AS flows, "
               "coalesce(sum(network_bytes), 0) AS network_bytes, "
               "coalesce(sum(network_packets), 0) AS network_packets, "
               "sum(samples) AS samples, sum(unknown) AS unknown FROM records WHERE kind = 0 AND "
               "ts >= %" PRId64 " AND ts < %" PRId64 " AND id < %" PRIu64 " GROUP BY ALL",
               ROLLUP_HOUR_NS, talkers->keys, from_ns, to_ns, first_id);
}

/// The addresses that are largest by a measure; those of one size in the order of their keys.
static void print_largest(struct buf *sql, const struct talkers *talkers, const char *measure)
{
    buf_printf(sql, "(SELECT %s FROM sums ORDER BY %s DESC, %s LIMIT %d)", talkers->keys, measure,
               talkers->keys, TALKERS_MAX);
}

static void print_make(struct buf *sql, const struct talkers *talkers, int64_t hour_ns,
                       uint64_t first_id)
{
    static const char REST[] = "(SELECT coalesce(sum(%s), 0) FROM sums) - "
                               "(SELECT coalesce(sum(%s), 0) FROM kept)";
    static const char *const MEASURES[] = { "flows", "network_bytes", "network_packets", "samples",
                                            "unknown" };
    buf_printf(sql, "DELETE FROM talkers_%s WHERE ts = %" PRId64 ";", talkers->name, hour_ns);
    buf_printf(sql, "INSERT INTO talkers_%s WITH sums AS MATERIALIZED (", talkers->name);
    print_sums(sql, talkers, hour_ns, hour_ns + ROLLUP_HOUR_NS, first_id);
    buf_append_text(sql, "), largest AS (");
    print_largest(sql, talkers, "network_bytes");
    buf_append_text(sql, " UNION ");
    print_largest(sql, talkers, "network_packets");
    buf_append_text(sql, " UNION ");
    print_largest(sql, talkers, "flows");
    buf_printf(sql,
               "), kept AS MATERIALIZED (SELECT a.* FROM sums a SEMI JOIN largest b ON %s) "
               "SELECT ts, false, %s, flows, " SATURATED("network_bytes") ", " SATURATED(
                   "network_packets") ", " SATURATED("samples") ", unknown FROM kept UNION ALL "
                                                                "SELECT %" PRId64 ", true, %s",
               talkers->same_keys, talkers->keys, hour_ns, talkers->no_keys);
    for (size_t i = 0; i < sizeof(MEASURES) / sizeof(MEASURES[0]); i++) {
        buf_append_text(sql, ", least(");
        buf_printf(sql, REST, MEASURES[i], MEASURES[i]);
        buf_append_text(sql, ", 18446744073709551615)::UBIGINT");
    }
    buf_append_text(sql, ";");
}

int talkers_make(struct duck_conn *c, int64_t hour_ns, struct err *err)
{
    struct rollup_marks marks;
    int status = rollup_marks(c, &marks, err);
    if (status != 0) {
        return status;
    }
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
    for (size_t i = 0; i < TALKERS_COUNT; i++) {
        print_make(&sql, &TALKERS[i], hour_ns, marks.first_id);
    }
    status = rollup_transact(c, &sql, err);
    buf_release(&sql);
    return status;
}

// --- Checking ------------------------------------------------------------------------------------

static int want_none(struct duck_conn *c, struct buf *sql, const char *name, const char *what,
                     struct err *err)
{
    uint64_t count = 0;
    int status = sql->bad ? err_set(err, ERR_NO_MEMORY, "out of memory")
                          : duck_ask_u64(c, buf_text(sql), &count, err);
    if (status == 0 && count > 0) {
        status = err_set(err, ERR_INVALID, "talkers %s: %" PRIu64 " %s", name, count, what);
    }
    buf_clear(sql);
    return status;
}

static int check(struct duck_conn *c, const struct talkers *talkers,
                 const struct rollup_marks *marks, struct err *err)
{
    static const char MADE[] = "ts IN (SELECT ts FROM talkers_src WHERE other)";
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
    buf_printf(&sql,
               "SELECT count(*) FROM (SELECT ts, %s, flows, network_bytes, network_packets, "
               "samples, unknown FROM talkers_%s WHERE NOT other AND ts >= %" PRId64
               " EXCEPT SELECT ts, %s, flows, " SATURATED("network_bytes") ", " SATURATED(
                   "network_packets") ", samples, unknown FROM (",
               talkers->keys, talkers->name, marks->records_from_ns, talkers->keys);
    print_sums(&sql, talkers, 0, INT64_MAX, marks->first_id);
    buf_append_text(&sql, "))");
    int status = want_none(c, &sql, talkers->name, "rows differ from a recount", err);
    if (status != 0) {
        goto out;
    }
    buf_append_text(&sql, "WITH sums AS (");
    print_sums(&sql, talkers, 0, INT64_MAX, marks->first_id);
    buf_printf(
        &sql,
        "), a AS (SELECT ts, sum(flows) AS f, " SATURATED(
            "sum(network_bytes)") " AS b, "
                                  "count(*) AS n FROM sums WHERE ts >= %" PRId64
                                  " AND %s GROUP BY ts), "
                                  "b AS (SELECT ts, sum(flows) AS f, " SATURATED(
                                      "sum(network_bytes)") " AS b, "
                                                            "count(*) FILTER (NOT other) AS n FROM "
                                                            "talkers_%s WHERE ts >= %" PRId64
                                                            " GROUP BY ts) SELECT count(*) FROM a "
                                                            "FULL JOIN b ON a.ts = b.ts WHERE "
                                                            "a.f IS DISTINCT FROM b.f OR a.b IS "
                                                            "DISTINCT FROM b.b OR b.n < least(a.n, "
                                                            "%d)",
        marks->records_from_ns, MADE, talkers->name, marks->records_from_ns, TALKERS_MAX);
    status = want_none(c, &sql, talkers->name, "hours do not add up", err);
    if (status != 0) {
        goto out;
    }
    buf_append_text(&sql, "WITH sums AS (");
    print_sums(&sql, talkers, 0, INT64_MAX, marks->first_id);
    buf_printf(&sql,
               "), kept AS (SELECT ts, %s, network_bytes FROM talkers_%s WHERE NOT other), "
               "least_kept AS (SELECT ts, list(network_bytes ORDER BY network_bytes DESC)[%d] AS "
               "bound FROM kept GROUP BY ts) SELECT count(*) FROM sums a JOIN least_kept l ON a.ts "
               "= l.ts WHERE a.ts >= %" PRId64 " AND a.network_bytes > l.bound AND NOT EXISTS "
               "(SELECT 1 FROM kept b WHERE a.ts = b.ts AND %s)",
               talkers->keys, talkers->name, TALKERS_MAX, marks->records_from_ns,
               talkers->same_keys);
    status = want_none(c, &sql, talkers->name, "large ones are missing", err);
out:
    buf_release(&sql);
    return status;
}

int talkers_check(struct duck_conn *c, struct err *err)
{
    struct rollup_marks marks;
    int status = rollup_marks(c, &marks, err);
    for (size_t i = 0; status == 0 && i < TALKERS_COUNT; i++) {
        status = check(c, &TALKERS[i], &marks, err);
    }
    return status;
}
