// SPDX-License-Identifier: Apache-2.0
/*
 * Versions go by number: a new store is made as version 1 and then takes the same steps as an old
 * one, so that there is one way to any version. A step never changes once it was released.
 */
#include "store/schema.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"

enum { SQL_SIZE_MAX = 1 << 16 };

#define RECORDS_TIMES                                                                              \
    "SELECT * REPLACE (ts + time_received_ns AS time_received_ns, "                                \
    "ts + time_flow_start_ns AS time_flow_start_ns, ts + time_flow_end_ns AS time_flow_end_ns), "
#define RECORDS_UNKNOWN                                                                            \
    "CASE WHEN coalesce(sampling_rate, 0) = 0 AND sampling_default = 0 THEN 1 ELSE 0 END "         \
    "AS unknown FROM flows;"

/// What is computed from a row. server_port is the lower of the two ports: the service's, mostly.
/// samples and unknown are as in the roll-ups (store/rollups.def). The three times are absolute.
#define RECORDS_VIEW_1                                                                             \
    "CREATE VIEW records AS " RECORDS_TIMES "least(src_port, dst_port) AS server_port, "           \
    "CASE WHEN greatest(coalesce(sampling_rate, 0), sampling_default) > 1 "                        \
    "THEN coalesce(packets, 1) ELSE 0 END AS samples, " RECORDS_UNKNOWN

/// The same. For least() and greatest() DuckDB makes texts of numbers and compares these, which
/// took most of a question's time.
#define RECORDS_VIEW_2                                                                             \
    "CREATE OR REPLACE VIEW records AS " RECORDS_TIMES                                             \
    "CASE WHEN src_port <= dst_port OR dst_port IS NULL THEN src_port ELSE dst_port END "          \
    "AS server_port, CASE WHEN sampling_rate > 1 OR sampling_default > 1 "                         \
    "THEN coalesce(packets, 1) ELSE 0 END AS samples, " RECORDS_UNKNOWN

bool schema_is_time(enum field field)
{
    return field == FIELD_TIME_RECEIVED_NS || field == FIELD_TIME_FLOW_START_NS ||
           field == FIELD_TIME_FLOW_END_NS;
}

size_t schema_column(enum field field)
{
    size_t column = COL_FIELDS;
    for (enum field f = 0; f < field; f++) {
        column += FIELDS[f].kind == FIELD_KIND_ADDR ? 2 : 1;
    }
    return column;
}

size_t schema_column_count(void)
{
    return schema_column(FIELD_COUNT);
}

static void print_flows(struct buf *sql)
{
    buf_append_text(sql, "CREATE TABLE flows (");
#define STORE_COLUMN(name, text, type) buf_append_text(sql, text " " type ", ");
    STORE_COLUMNS(STORE_COLUMN)
#undef STORE_COLUMN
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        const char *name = FIELDS[f].json_name;
        const char *comma = f + 1 < FIELD_COUNT ? ", " : "";
        if (FIELDS[f].kind == FIELD_KIND_ADDR) {
            buf_printf(sql, "%s_hi UBIGINT, %s_lo UBIGINT%s", name, name, comma);
        } else {
            const char *type = schema_is_time(f)                  ? "BIGINT"
                               : FIELDS[f].kind == FIELD_KIND_U64 ? "UBIGINT"
                                                                  : "UINTEGER";
            buf_printf(sql, "%s %s%s", name, type, comma);
        }
    }
    buf_append_text(sql, ");");
}

static void print_rollup(struct buf *sql, const char *tier, const char *name, const char *keys,
                         const char *more)
{
    buf_printf(sql,
               "CREATE TABLE %s_%s (ts BIGINT, sampler_address_hi UBIGINT, sampler_address_lo "
               "UBIGINT, %s, flows UBIGINT, network_bytes UBIGINT, network_packets UBIGINT, "
               "samples UBIGINT, unknown UBIGINT, longer UBIGINT%s);",
               tier, name, keys, more);
}

static void print_talkers(struct buf *sql, const char *name, const char *keys)
{
    buf_printf(sql,
               "CREATE TABLE talkers_%s (ts BIGINT, other BOOLEAN, %s, flows UBIGINT, "
               "network_bytes UBIGINT, network_packets UBIGINT, samples UBIGINT, unknown "
               "UBIGINT);",
               name, keys);
}

static void print_version_1(struct buf *sql)
{
    print_flows(sql);
    buf_append_text(sql, RECORDS_VIEW_1
                    "CREATE TABLE texts (id UINTEGER, kind UTINYINT, value BLOB);"
                    "CREATE TABLE files (id UINTEGER, fingerprint_hi UBIGINT, fingerprint_lo "
                    "UBIGINT, number UBIGINT, device UBIGINT, inode UBIGINT, is_file BOOLEAN, "
                    "path VARCHAR, input_type VARCHAR);"
                    "CREATE TABLE positions (fingerprint_hi UBIGINT, fingerprint_lo UBIGINT, "
                    "number UBIGINT, reach UBIGINT);");
#define ROLLUP(name, text, keys, definitions)                                                      \
    print_rollup(sql, "minutes", text, definitions, ", longer_hour UBIGINT, lap UINTEGER");        \
    print_rollup(sql, "hours", text, definitions, "");
#include "store/rollups.def"
#undef ROLLUP
    print_talkers(sql, "src", "src_addr_hi UBIGINT, src_addr_lo UBIGINT");
    print_talkers(sql, "dst", "dst_addr_hi UBIGINT, dst_addr_lo UBIGINT");
    print_talkers(sql, "pair",
                  "src_addr_hi UBIGINT, src_addr_lo UBIGINT, dst_addr_hi UBIGINT, dst_addr_lo "
                  "UBIGINT");
}

static void print_version_2(struct buf *sql)
{
    buf_append_text(sql, RECORDS_VIEW_2);
}

/// Step i brings a store from version i to i + 1.
typedef void step_fn(struct buf *sql);
static step_fn *const STEPS[SCHEMA_VERSION] = { print_version_1, print_version_2 };

static int take_steps(struct duck_conn *c, uint64_t version, struct err *err)
{
    int status = 0;
    for (; status == 0 && version < SCHEMA_VERSION; version++) {
        struct buf sql;
        buf_init(&sql, SQL_SIZE_MAX);
        buf_append_text(&sql, "BEGIN;");
        STEPS[version](&sql);
        buf_printf(&sql, "INSERT INTO marks VALUES ('schema', %" PRIu64 "); COMMIT; CHECKPOINT;",
                   version + 1);
        status = sql.bad ? err_set(err, ERR_NO_MEMORY, "out of memory")
                         : duck_exec(c, buf_text(&sql), err);
        buf_release(&sql);
    }
    return status;
}

int schema_open(struct duck_conn *c, struct err *err)
{
    uint64_t version;
    if (duck_exec(c, "CREATE TABLE IF NOT EXISTS marks (name VARCHAR, value UBIGINT);", err) != 0 ||
        duck_ask_u64(c, "SELECT max(value) FROM marks WHERE name = 'schema'", &version, err) != 0) {
        return err->status;
    }
    if (version > SCHEMA_VERSION) {
        return err_set(err, ERR_UNSUPPORTED,
                       "the store was made by a newer weir (its tables are version %" PRIu64
                       ", this weir knows up to %d): use that weir, or another -transport.store",
                       version, SCHEMA_VERSION);
    }
    return take_steps(c, version, err);
}
