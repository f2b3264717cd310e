// SPDX-License-Identifier: Apache-2.0
/*
 * Fills a store with made-up records, for measuring:
 *
 *     fill_store DIR ROWS              records, roll-ups and talkers
 *     fill_store DIR 0 DAYS FLOWS      only the roll-ups that FLOWS flows in DAYS days would leave
 *
 * One row each 8.64 ms (ten million a day) up to now, over 500,000 hosts of which few have most of
 * the traffic, a tenth of it IPv6, 34 columns. The same rows each time, but for their times.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/rollup.h"
#include "store/schema.h"
#include "store/talkers.h"

enum {
    GROUP = 122880,      ///< rows of a transaction: nine of ten IPv4, which goes first
    STEP_NS = 8640000,   ///< between two rows
    GROUPS_AT_ONCE = 16, ///< in one statement
};

/// Numbers of random look from the number of the row; `rank` is small mostly (Zipf, 500,000 hosts).
#define MACROS                                                                                     \
    "CREATE TEMP MACRO die(i, salt) AS hash(i * 31 + salt);"                                       \
    "CREATE TEMP MACRO rank(i, salt) AS pow(500000, (hash(i * 31 + salt) >> 32) / 4294967296.0)"   \
    "::UBIGINT;"                                                                                   \
    "CREATE TEMP MACRO v4(r) AS 281470681743360::UBIGINT + ((r * 2654435761) & 4294967295);"

/// Rows of the groups $1..$2; the first row of all has the time $3.
#define ROWS                                                                                       \
    "INSERT INTO flows BY NAME SELECT "                                                            \
    "((g + 1) << 32 | j)::UBIGINT AS id, ts, 0 AS kind, 0 AS flow_index, 3 AS lookups, "           \
    "0 AS sampling_default, size * 1000 AS network_bytes, 1000 AS network_packets, "               \
    "64500 + s % 3000 AS src_asn, 64500 + d % 3000 AS dst_asn, "                                   \
    "16705 + s % 20 * 257 AS src_country, 16705 + d % 20 * 257 AS dst_country, "                   \
    "21 + s % 3000 AS src_as_org, 21 + d % 3000 AS dst_as_org, 1 + e AS exporter_name, "           \
    "1 AS type, die(i, 3) % 2000000000 AS time_received_ns, "                                      \
    "(i & 4294967295) AS sequence_num, 1000 AS sampling_rate, "                                    \
    "0 AS sampler_address_hi, 281473902969344 + e AS sampler_address_lo, "                         \
    "0 AS time_flow_start_ns, "                                                                    \
    "(CASE WHEN die(i, 4) % 8 = 0 THEN die(i, 5) % 60000000000 ELSE 0 END) AS time_flow_end_ns, "  \
    "size AS bytes, 1 AS packets, "                                                                \
    "CASE WHEN six THEN 2306139568115548160 + s ELSE 0 END AS src_addr_hi, "                       \
    "CASE WHEN six THEN die(s, 6) ELSE v4(s) END AS src_addr_lo, "                                 \
    "CASE WHEN six THEN 2306139568115548160 + d ELSE 0 END AS dst_addr_hi, "                       \
    "CASE WHEN six THEN die(d, 6) ELSE v4(d) END AS dst_addr_lo, "                                 \
    "CASE WHEN six THEN 34525 ELSE 2048 END AS etype, "                                            \
    "CASE WHEN die(i, 7) % 10 < 7 THEN 6 WHEN die(i, 7) % 10 < 9 THEN 17 ELSE 1 END AS proto, "    \
    "32768 + die(i, 8) % 28232 AS src_port, "                                                      \
    "[443, 443, 443, 80, 53, 22, 123, 8080][1 + (die(i, 9) % 8)::BIGINT] AS dst_port, "            \
    "1 + s % 24 AS in_if, 25 + d % 4 AS out_if, "                                                  \
    "2199023255552 + s % 500 AS src_mac, 2199023255552 + d % 500 AS dst_mac, "                     \
    "s % 30 AS src_vlan, d % 30 AS dst_vlan, 0 AS ip_tos, 40 + die(i, 12) % 24 AS ip_ttl, "        \
    "CASE WHEN die(i, 13) % 3 = 0 THEN 2 ELSE 24 END AS tcp_flags, "                               \
    "16 + s % 9 AS src_net, 16 + d % 9 AS dst_net "                                                \
    "FROM (SELECT *, rank(i, 1) AS s, rank(i, 2) AS d, die(i, 14) % 4 AS e, "                      \
    "64 + die(i, 15) % 1400 AS size, j >= 110592 AS six, "                                         \
    "$3::BIGINT + g * 122880 * 8640000 + CASE WHEN j < 110592 THEN j * 9600000 "                   \
    "ELSE (j - 110592) * 86400000 END AS ts "                                                      \
    "FROM (SELECT i, i // 122880 AS g, i % 122880 AS j "                                           \
    "FROM range($1::BIGINT * 122880, $2::BIGINT * 122880) t(i)))"

/// Names of exporters and networks.
#define TEXTS                                                                                      \
    "INSERT INTO texts SELECT 1 + i, 0, ('switch-' || i)::BLOB FROM range(4) t(i);"                \
    "INSERT INTO texts SELECT 16 + i, 0, ('network-' || i)::BLOB FROM range(5) t(i);"              \
    "INSERT INTO texts SELECT 21 + i, 2, ('{\"number\":' || 64500 + i || "                         \
    "',\"organization\":{\"name\":\"Organization ' || i || '\"}}')::BLOB FROM range(3000) t(i);"

static void must(int status, const struct err *err)
{
    if (status < 0) {
        (void)fprintf(stdout, "fill_store: %s\n", err->text);
        exit(1);
    }
}

static void exec(struct duck_conn *c, const char *sql)
{
    struct err err;
    must(duck_exec(c, sql, &err), &err);
}

static void fill_rows(struct duck_conn *c, uint64_t rows)
{
    struct err err;
    struct duck_stmt *s;
    uint64_t groups = (rows + GROUP - 1) / GROUP;
    int64_t begin = (int64_t)clock_wall_ns() - (int64_t)(groups * GROUP) * STEP_NS;
    must(duck_prepare(c, ROWS, &s, &err), &err);
    for (uint64_t g = 0; g < groups; g += GROUPS_AT_ONCE) {
        uint64_t end = g + GROUPS_AT_ONCE < groups ? g + GROUPS_AT_ONCE : groups;
        duck_bind_u64(s, 1, g);
        duck_bind_u64(s, 2, end);
        duck_bind_i64(s, 3, begin);
        must(duck_run_only(s, &err), &err);
        (void)printf("\r%" PRIu64 " million rows", end * GROUP / 1000000);
        (void)fflush(stdout);
    }
    duck_finish(s);
    (void)printf("\n");
}

static void derive(struct duck_conn *c)
{
    struct err err;
    bool more = true;
    int64_t hour;
    while (more) {
        must(rollup_minutes(c, &more, &err), &err);
    }
    must(rollup_hours(c, &err), &err);
    int found;
    while ((found = talkers_next(c, (int64_t)clock_wall_ns(), &hour, &err)) > 0) {
        must(talkers_make(c, hour, &err), &err);
    }
    must(found, &err);
}

/// The rows that `flows` flows in `days` days leave in the roll-ups: each minute has all keys, and
/// each key an equal share of its flows.
struct shape {
    const char *name;
    const char *keys; ///< from i, the number of the key
    unsigned count;   ///< keys, over all exporters
};

static const struct shape SHAPES[] = {
    { "protocol",
      "CASE WHEN i % 2 = 0 THEN 2048 ELSE 34525 END AS etype, [6, 17, 1][1 + i // 2 % 3] AS proto",
      24 },
    { "interface", "1 + i % 24 AS in_if, 25 + i // 24 % 2 AS out_if", 192 },
    { "port", "6 + i % 2 * 11 AS proto, 20 + i // 2 % 60 AS server_port", 240 },
    { "src_as", "64500 + i % 125 AS src_asn", 500 },
    { "dst_as", "64500 + i % 125 AS dst_asn", 500 },
    { "country", "16705 + i % 20 * 257 AS src_country, 16705 + i // 20 % 5 * 257 AS dst_country",
      400 },
};

static void fill_tier(struct duck_conn *c, const char *tier, const struct shape *shape,
                      int64_t step_ns, uint64_t steps, uint64_t flows)
{
    char sql[2048];
    int64_t begin =
        ((int64_t)clock_wall_ns() / ROLLUP_HOUR_NS - (int64_t)steps * step_ns / ROLLUP_HOUR_NS) *
        ROLLUP_HOUR_NS;
    uint64_t each = flows / steps / shape->count + 1;
    const char *more = step_ns == ROLLUP_MINUTE_NS ? ", 0 AS longer_hour, 1 AS lap" : "";
    int size = snprintf(
        sql, sizeof(sql),
        "INSERT INTO %s_%s BY NAME SELECT %" PRId64 " + m * %" PRId64 " AS ts, 0 AS "
        "sampler_address_hi, 281473902969344 + i %% 4 AS sampler_address_lo, %s, %" PRIu64
        " AS flows, %" PRIu64
        " * (64000 + hash(m * 1000 + i) %% 1400000) AS network_bytes, %" PRIu64
        " * 1000 AS network_packets, %" PRIu64 " AS samples, 0 AS unknown, 0 AS longer%s FROM "
        "(SELECT m, i FROM range(%" PRIu64 ") a(m), range(%u) b(i))",
        tier, shape->name, begin, step_ns, shape->keys, each, each, each, each, more, steps,
        shape->count);
    if (size >= (int)sizeof(sql)) {
        abort();
    }
    exec(c, sql);
}

static void fill_rollups(struct duck_conn *c, uint64_t days, uint64_t flows)
{
    for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]); i++) {
        fill_tier(c, "minutes", &SHAPES[i], ROLLUP_MINUTE_NS, days * 1440, flows);
        fill_tier(c, "hours", &SHAPES[i], ROLLUP_HOUR_NS, days * 24, flows);
        (void)printf("%s\n", SHAPES[i].name);
    }
    exec(c, "INSERT INTO marks VALUES ('minutes', 0), ('lap', 1), ('hours', 1)");
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5) {
        (void)printf("fill_store DIR ROWS | fill_store DIR 0 DAYS FLOWS\n");
        return 2;
    }
    const struct duck_option options[] = { { "threads", "2" },
                                           { "memory_limit", "2GB" },
                                           { NULL, NULL } };
    struct err err;
    struct duck *d;
    struct duck_conn *c;
    char path[4096];
    (void)mkdir(argv[1], 0700); // it may be there
    (void)snprintf(path, sizeof(path), "%s/store.duckdb", argv[1]);
    must(duck_open(path, options, &d, &err), &err);
    must(duck_connect(d, &c, &err), &err);
    must(schema_open(c, &err), &err);
    if (argc == 5) {
        fill_rollups(c, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
    } else {
        exec(c, MACROS TEXTS);
        fill_rows(c, strtoull(argv[2], NULL, 10));
        derive(c);
    }
    exec(c, "CHECKPOINT");
    duck_disconnect(c);
    duck_close(d);
    return 0;
}
