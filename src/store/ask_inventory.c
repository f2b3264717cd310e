// SPDX-License-Identifier: Apache-2.0
/*
 * Who exports, and through which interfaces traffic goes: sums from the roll-ups; names, sampling
 * rates and the last sign of life from the newest records, as far as these have them.
 */
#include <inttypes.h>

#include "store/ask_keys.h"
#include "store/ask_work.h"

#define EXPORTER_KEYS "sampler_address_hi AS k0, sampler_address_lo AS k0b"

/// Of the newest records: for each exporter its name, when it was last heard of and its sampling
/// rates.
static void append_newest(const struct work *w, const struct question *q, uint64_t first_id,
                          struct sql *sql)
{
    (void)w;
    sql_printf(sql,
               "SELECT " EXPORTER_KEYS ", arg_max(exporter_name, id) AS name_id, "
               "max(ts) FILTER (WHERE ts >= %" PRId64 " AND ts < %" PRId64 ") AS last, "
               "array_to_string(list_sort(list(DISTINCT greatest(coalesce(nullif(sampling_rate, "
               "0), sampling_default), 1))), ',') AS rates FROM records WHERE kind = 0 AND id >= "
               "%" PRIu64 "::UBIGINT GROUP BY ALL",
               q->from_ns, q->to_ns, first_id);
}

static void append_exporters(const struct work *w, const struct plan *p, const struct question *q,
                             uint64_t first_id, struct sql *sql)
{
    sql_text(sql, "WITH s AS MATERIALIZED (");
    plan_append(p, PLAN_SEEN, sql);
    sql_text(sql, "), n AS MATERIALIZED (");
    append_newest(w, q, first_id, sql);
    sql_text(sql, ") SELECT s.k0, s.k0b, s.flows, s.network_bytes, s.network_packets, s.samples, "
                  "s.unknown, s.longer, s.n, seen_first, greatest(seen_last, coalesce(n.last, "
                  "seen_last)), t.value, n.rates FROM s LEFT JOIN n ON ");
    plan_append_alike(p, "s.", "n.", sql);
    sql_text(sql, " LEFT JOIN texts t ON t.id = n.name_id ORDER BY s.network_bytes DESC NULLS "
                  "LAST, s.k0, s.k0b");
    sql_printf(sql, " LIMIT %zu", q->limit + 1);
}

static void put_text_of(struct answer *a, const struct duck_rows *rows, size_t column)
{
    struct duck_text text = duck_bytes(rows, column);
    if (duck_is_null(rows, column)) {
        answer_put_null(a);
    } else {
        answer_put_text(a, text.data, text.size);
    }
}

static void put_exporter(struct answer *a, const struct plan *p, struct keys *keys,
                         const struct duck_rows *rows)
{
    enum { SUMS = 2, FIRST = SUMS + PLAN_SUM_COUNT, LAST, NAME, RATES };
    struct sums sums = sums_read(rows, SUMS);
    keys_add(keys, p, rows, 0);
    answer_put_keys(a, p, keys, keys->count - 1);
    put_text_of(a, rows, NAME);
    answer_put_time(a, duck_i64(rows, FIRST));
    answer_put_time(a, duck_i64(rows, LAST));
    answer_put_sums(a, &sums);
    put_text_of(a, rows, RATES);
    answer_put_f64(a, (double)sums.flows / ((double)(p->to_ns - p->from_ns) / 1e9));
    a->rows_read = add_saturating(a->rows_read, sums.rows);
    a->row_count++;
}

int work_exporters(struct work *w, const struct question *q, struct answer *a)
{
    static const char *const NAMES[] = { "observer.name", "first_seen", "last_seen", NULL };
    static const char *const RATES[] = { "sampling_rates", "flows_per_second", NULL };
    struct dimension exporter = { .field = QUERY_OBSERVER_IP };
    struct plan p;
    uint64_t first_id;
    int status = plan_make(&p, w, q->filter, q->from_ns, q->to_ns, &exporter, 1, 0, q->tier);
    if (status != 0 || plan_newest(w, &first_id) != 0) {
        return w->err->status;
    }
    struct sql sql;
    sql_init(&sql);
    append_exporters(w, &p, q, first_id, &sql);
    struct work_rows r;
    status = work_run(w, &sql, &r);
    sql_release(&sql);
    if (status != 0) {
        return status;
    }
    answer_name_dimensions(a, &p);
    answer_name(a, NAMES);
    answer_name_sums(a);
    answer_name(a, RATES);
    struct keys keys;
    keys_init(&keys);
    int more;
    while ((more = duck_next(r.rows, w->err)) == 1 && a->row_count < q->limit) {
        put_exporter(a, &p, &keys, r.rows);
    }
    a->cut = more == 1;
    keys_release(&keys);
    work_end_rows(&r);
    work_say(a, &p);
    return more < 0 ? w->err->status : 0;
}

// --- Interfaces ------------------------------------------------------------------------------

/// One direction of the interfaces of the newest records.
#define NEWEST_NAMES(way)                                                                          \
    "SELECT " EXPORTER_KEYS ", " way "_if AS i, exporter_name, " way "_if_name AS name, " way      \
    "_if_alias AS alias, id FROM records WHERE kind = 0 AND id >= %" PRIu64 "::UBIGINT"

static void append_interfaces(const struct plan *p, const struct question *q, uint64_t first_id,
                              struct sql *sql)
{
    sql_text(sql, "WITH s AS MATERIALIZED (");
    plan_append(p, 0, sql);
    sql_text(sql,
             "), d AS MATERIALIZED (SELECT k0, k0b, i, sum(in_bytes) AS in_bytes, "
             "sum(in_packets) AS in_packets, sum(in_flows) AS in_flows, sum(out_bytes) AS "
             "out_bytes, sum(out_packets) AS out_packets, sum(out_flows) AS out_flows, sum(n) AS n "
             "FROM (SELECT k0, k0b, k1 AS i, network_bytes AS in_bytes, network_packets AS "
             "in_packets, flows AS in_flows, 0 AS out_bytes, 0 AS out_packets, 0 AS out_flows, n "
             "FROM s UNION ALL SELECT k0, k0b, k2, 0, 0, 0, network_bytes, network_packets, flows, "
             "0 FROM s) WHERE i IS NOT NULL GROUP BY ALL), ");
    sql_printf(sql,
               "n AS MATERIALIZED (SELECT k0, k0b, i, arg_max(exporter_name, id) AS exporter_id, "
               "arg_max(name, id) AS name_id, arg_max(alias, id) AS alias_id FROM (" NEWEST_NAMES(
                   "in") " UNION ALL " NEWEST_NAMES("out") ") GROUP BY ALL) ",
               first_id, first_id);
    sql_printf(sql,
               "SELECT d.k0, d.k0b, te.value, d.i, tn.value, ta.value, in_bytes, in_packets, "
               "in_flows, out_bytes, out_packets, out_flows, d.n FROM d LEFT JOIN n ON d.k0 IS NOT "
               "DISTINCT FROM n.k0 AND d.k0b IS NOT DISTINCT FROM n.k0b AND d.i = n.i LEFT JOIN "
               "texts te ON te.id = n.exporter_id LEFT JOIN texts tn ON tn.id = n.name_id LEFT "
               "JOIN texts ta ON ta.id = n.alias_id ORDER BY in_bytes::HUGEINT + out_bytes DESC "
               "NULLS LAST, d.k0, d.k0b, d.i LIMIT %zu",
               q->limit + 1);
}

static void put_interface(struct answer *a, const struct plan *p, struct keys *keys,
                          const struct duck_rows *rows)
{
    enum { EXPORTER = 2, INDEX, NAME, ALIAS, MEASURES, MEASURE_COUNT = 6 };
    keys_add(keys, p, rows, 0);
    answer_put_key(a, &p->axes[0], keys, keys_at(keys, keys->count - 1));
    put_text_of(a, rows, EXPORTER);
    answer_put_u64(a, duck_u64(rows, INDEX));
    put_text_of(a, rows, NAME);
    put_text_of(a, rows, ALIAS);
    for (size_t i = 0; i < MEASURE_COUNT; i++) {
        answer_put_u64(a, duck_u64(rows, MEASURES + i));
    }
    a->rows_read = add_saturating(a->rows_read, duck_u64(rows, MEASURES + MEASURE_COUNT));
    a->row_count++;
}

int work_interfaces(struct work *w, const struct question *q, struct answer *a)
{
    static const char *const COLUMNS[] = { "observer.ip", "observer.name", "index",      "name",
                                           "alias",       "in_bytes",      "in_packets", "in_flows",
                                           "out_bytes",   "out_packets",   "out_flows",  NULL };
    static const struct dimension BY[] = { { .field = QUERY_OBSERVER_IP },
                                           { .field = QUERY_INGRESS_ID },
                                           { .field = QUERY_EGRESS_ID } };
    struct plan p;
    uint64_t first_id;
    int status = plan_make(&p, w, q->filter, q->from_ns, q->to_ns, BY, 3, 0, q->tier);
    if (status != 0 || plan_newest(w, &first_id) != 0) {
        return w->err->status;
    }
    struct sql sql;
    sql_init(&sql);
    append_interfaces(&p, q, first_id, &sql);
    struct work_rows r;
    status = work_run(w, &sql, &r);
    sql_release(&sql);
    if (status != 0) {
        return status;
    }
    answer_name(a, COLUMNS);
    struct plan exporter = p; // only its key is in the rows
    exporter.axis_count = 1;
    struct keys keys;
    keys_init(&keys);
    int more;
    while ((more = duck_next(r.rows, w->err)) == 1 && a->row_count < q->limit) {
        put_interface(a, &exporter, &keys, r.rows);
    }
    a->cut = more == 1;
    keys_release(&keys);
    work_end_rows(&r);
    work_say(a, &p);
    return more < 0 ? w->err->status : 0;
}
