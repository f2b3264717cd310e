// SPDX-License-Identifier: Apache-2.0
/* Records for tests of what is derived from them: made by SQL, as the writer would have stored
 * them. */
#pragma once

#include <inttypes.h>

#include "store/duck.h"
#include "store/rollup.h"
#include "store/schema.h"

#include "../unit.h"

/// An hour, not long ago.
#define FILL_HOUR (INT64_C(1700000000000000000) / ROLLUP_HOUR_NS * ROLLUP_HOUR_NS)

struct fill {
    struct duck *duck;
    struct duck_conn *conn;
    struct err err;
};

#define fill_ok(f, call)                                                                           \
    do {                                                                                           \
        if ((call) != 0) {                                                                         \
            fail_msg("%s: %s", #call, (f)->err.text);                                              \
        }                                                                                          \
    } while (0)

/// "" is in memory.
static inline void fill_open(struct fill *f, const char *path)
{
    *f = (struct fill){ 0 };
    fill_ok(f, duck_open(path, NULL, &f->duck, &f->err));
    fill_ok(f, duck_connect(f->duck, &f->conn, &f->err));
    fill_ok(f, schema_open(f->conn, &f->err));
}

static inline void fill_close(struct fill *f)
{
    duck_disconnect(f->conn);
    duck_close(f->duck);
}

static inline uint64_t fill_ask(struct fill *f, const char *sql)
{
    uint64_t value = 0;
    fill_ok(f, duck_ask_u64(f->conn, sql, &value, &f->err));
    return value;
}

/// Stores `count` records as transaction `number`, spread over `span_ns` from `from_ns`. Of the
/// columns that roll-ups and talkers use each is NULL now and then; one in 16 is an error record.
static inline int fill_try(struct fill *f, uint64_t number, uint64_t count, int64_t from_ns,
                           int64_t span_ns)
{
    char sql[4096];
    int size = snprintf(
        sql, sizeof(sql),
        "INSERT INTO flows BY NAME SELECT (%" PRIu64 "::UBIGINT << 32) + i AS id, "
        "(%" PRId64 " + (r %% %" PRId64 "))::BIGINT AS ts, "
        "CASE WHEN r %% 16 = 0 THEN 1 ELSE 0 END AS kind, 0 AS lookups, 0 AS sampling_default, "
        "CASE r %% 5 WHEN 0 THEN NULL WHEN 1 THEN 0 WHEN 2 THEN 1 ELSE 1000 END AS sampling_rate, "
        "CASE WHEN r %% 7 > 0 THEN (r >> 3) %% 1500 END AS bytes, "
        "CASE WHEN r %% 7 > 1 THEN (r >> 9) %% 4 END AS packets, "
        "CASE r %% 31 WHEN 0 THEN NULL WHEN 1 THEN 18446744073709551615 "
        "ELSE (r >> 3) %% 1500000 END AS network_bytes, "
        "CASE WHEN r %% 37 > 0 THEN (r >> 5) %% 4000 END AS network_packets, "
        "CASE WHEN r %% 11 > 0 THEN 0 END AS sampler_address_hi, "
        "CASE WHEN r %% 11 > 0 THEN 281473902969344 + r %% 3 END AS sampler_address_lo, "
        "CASE r %% 3 WHEN 0 THEN NULL WHEN 1 THEN r %% 100000000 ELSE r %% 7200000000000 END AS "
        "time_flow_end_ns, "
        "CASE WHEN (r >> 7) %% 13 > 0 THEN (r >> 8) %% 3 END AS src_addr_hi, "
        "CASE WHEN (r >> 7) %% 13 > 0 THEN (r >> 16) %% 1000 * ((r >> 32) %% 4) END AS "
        "src_addr_lo, "
        "0 AS dst_addr_hi, (r >> 24) %% 1200 * ((r >> 40) %% 3) AS dst_addr_lo, "
        "CASE WHEN r %% 17 > 0 THEN 2048 END AS etype, CASE WHEN r %% 19 > 0 THEN r %% 2 * 11 + 6 "
        "END AS proto, CASE WHEN r %% 23 > 0 THEN r %% 65536 END AS src_port, "
        "CASE WHEN r %% 29 > 0 THEN r %% 4 * 100 END AS dst_port, r %% 5 AS in_if, r %% 3 AS "
        "out_if, CASE WHEN r %% 41 > 0 THEN r %% 70 END AS src_asn, r %% 90 AS dst_asn, "
        "CASE WHEN r %% 43 > 0 THEN r %% 9 + 16705 END AS src_country, r %% 4 + 17000 AS "
        "dst_country FROM (SELECT i, hash(i * 1009 + %" PRIu64 ") >> 1 AS r FROM range(%" PRIu64
        ") t(i))",
        number, from_ns, span_ns, number, count);
    assert_in_range(size, 1, (int)sizeof(sql) - 1);
    return duck_exec(f->conn, sql, &f->err);
}

static inline void fill(struct fill *f, uint64_t number, uint64_t count, int64_t from_ns,
                        int64_t span_ns)
{
    fill_ok(f, fill_try(f, number, count, from_ns, span_ns));
}

/// Takes all records into the minutes, and all minutes into the hours.
static inline void fill_roll_up(struct fill *f)
{
    bool more = true;
    for (unsigned i = 0; more; i++) {
        assert_true(i < 1000);
        fill_ok(f, rollup_minutes(f->conn, &more, &f->err));
    }
    fill_ok(f, rollup_hours(f->conn, &f->err));
}
