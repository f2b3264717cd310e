// SPDX-License-Identifier: Apache-2.0
/*
 * A plain model of the store's records: rows in an array, random ones, and in a database in memory
 * with roll-ups that are half done. Tests answer a question by a loop over the array and compare.
 */
#pragma once

#include <inttypes.h>
#include <stdlib.h>

#include "../unit.h"
#include "base/addr.h"
#include "base/buf.h"
#include "store/ask_keys.h"
#include "store/ask_timeline.h"
#include "store/ask_top.h"
#include "store/ask_work.h"
#include "store/schema.h"
#include "store/talkers.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
/// Begin of the model's time: a whole day.
#define EPOCH (INT64_C(1767225600) * SECOND)

enum { ROWS = 6000, TEXT_SIZE = 64 };

struct row {
    uint64_t id;
    int64_t ts;
    int64_t end;       ///< 0: none
    uint64_t kind;     ///< 0: a flow
    uint64_t exporter; ///< low half; high half is 0
    int64_t src, dst;  ///< index of an address; -1: none
    int64_t proto, src_port, dst_port, in_if, out_if, src_asn, dst_asn; ///< -1: none
    int64_t src_country, dst_country;
    uint64_t bytes, packets, rate; ///< bytes and packets scaled
    uint64_t sampled;
};

struct model {
    struct duck *duck;
    struct work work;
    struct err err;
    uint64_t random;
    size_t count;
    struct row rows[ROWS];
};

static inline uint64_t model_random(struct model *m, uint64_t below)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return m->random % below;
}

/// The halves of address `i`: one in four is IPv6.
static inline uint64_t model_hi(int64_t i)
{
    return i % 4 == 3 ? UINT64_C(0x20010db800000000) + (uint64_t)i : 0;
}

static inline uint64_t model_lo(int64_t i)
{
    return i % 4 == 3 ? (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15)
                      : UINT64_C(0xffff0a000000) + (uint64_t)i * 37;
}

static inline void model_addr(int64_t i, char *text)
{
    if (i < 0) {
        (void)snprintf(text, TEXT_SIZE, "-");
        return;
    }
    uint8_t bytes[16];
    for (size_t b = 0; b < 8; b++) {
        bytes[b] = (uint8_t)(model_hi(i) >> (56 - 8 * b));
        bytes[8 + b] = (uint8_t)(model_lo(i) >> (56 - 8 * b));
    }
    struct addr mapped = addr_v6(bytes);
    struct addr addr = addr_unmap(&mapped);
    char buffer[ADDR_TEXT_SIZE_MAX + 1];
    (void)snprintf(text, TEXT_SIZE, "%s", addr_text(&addr, buffer));
}

static inline struct row model_row(struct model *m, uint64_t transaction, uint64_t index,
                                   int64_t span)
{
    struct row r = { .id = transaction << 32 | index };
    r.ts = EPOCH + (int64_t)model_random(m, (uint64_t)span);
    if (model_random(m, 20) == 0) { // edges
        r.ts = r.ts / MINUTE * MINUTE - (int64_t)model_random(m, 2);
        r.ts = r.ts < EPOCH ? EPOCH : r.ts;
    }
    r.end = model_random(m, 3) == 0 ? r.ts + (int64_t)model_random(m, 400) * SECOND + 7 : 0;
    r.kind = model_random(m, 30) == 0 ? 3 : 0;
    r.exporter = UINT64_C(0xffffc0000200) + model_random(m, 3);
    r.src = (int64_t)model_random(m, 40) - 1;
    r.dst = (int64_t)model_random(m, 12) - 1;
    static const int64_t PROTOS[] = { -1, 1, 6, 17, 6, 6 };
    r.proto = PROTOS[model_random(m, 6)];
    r.src_port = (int64_t)model_random(m, 6) * 100 - 1;
    r.dst_port = (int64_t)model_random(m, 6) * 100 - 1;
    r.in_if = (int64_t)model_random(m, 4) - 1;
    r.out_if = (int64_t)model_random(m, 4) - 1;
    r.src_asn = model_random(m, 3) == 0 ? -1 : 64500 + (int64_t)model_random(m, 5);
    r.dst_asn = model_random(m, 3) == 0 ? -1 : 64500 + (int64_t)model_random(m, 5);
    r.src_country = model_random(m, 4) == 0 ? -1 : 'D' * 256 + 'A' + (int64_t)model_random(m, 5);
    r.dst_country = model_random(m, 4) == 0 ? -1 : 'D' * 256 + 'A' + (int64_t)model_random(m, 5);
    r.rate = model_random(m, 3) * 500;
    r.sampled = 1 + model_random(m, 9);
    uint64_t scale = r.rate == 0 ? 1 : r.rate;
    r.packets = r.sampled * scale;
    r.bytes = model_random(m, 1500) * r.packets;
    if (model_random(m, 500) == 0) {
        r.bytes = UINT64_MAX - model_random(m, 100); // saturates
    }
    return r;
}

static inline void model_print(struct buf *sql, int64_t value)
{
    if (value < 0) {
        buf_append_text(sql, ", NULL");
    } else {
        buf_printf(sql, ", %" PRId64, value);
    }
}

static inline void model_print_addr(struct buf *sql, int64_t i)
{
    if (i < 0) {
        buf_append_text(sql, ", NULL, NULL");
    } else {
        buf_printf(sql, ", %" PRIu64 "::UBIGINT, %" PRIu64 "::UBIGINT", model_hi(i), model_lo(i));
    }
}

/// A transaction of so many rows.
static inline void model_store(struct model *m, uint64_t transaction, size_t count, int64_t span)
{
    struct buf sql;
    buf_init(&sql, 64 << 20);
    buf_append_text(&sql,
                    "INSERT INTO flows (id, ts, kind, sampling_default, network_bytes, "
                    "network_packets, sampling_rate, packets, sampler_address_hi, "
                    "sampler_address_lo, time_flow_end_ns, src_addr_hi, src_addr_lo, dst_addr_hi, "
                    "dst_addr_lo, proto, src_port, dst_port, in_if, out_if, src_asn, dst_asn, "
                    "src_country, dst_country, exporter_name) VALUES ");
    for (size_t i = 0; i < count; i++) {
        struct row r = model_row(m, transaction, i, span);
        assert_true(m->count < ROWS);
        m->rows[m->count++] = r;
        buf_printf(&sql,
                   "%s(%" PRIu64 ", %" PRId64 ", %" PRIu64 ", 0, %" PRIu64 ", %" PRIu64 ", %" PRIu64
                   ", %" PRIu64 ", 0, %" PRIu64,
                   i > 0 ? ", " : "", r.id, r.ts, r.kind, r.bytes, r.packets, r.rate, r.sampled,
                   r.exporter);
        model_print(&sql, r.end == 0 ? -1 : r.end - r.ts);
        model_print_addr(&sql, r.src);
        model_print_addr(&sql, r.dst);
        model_print(&sql, r.proto);
        model_print(&sql, r.src_port);
        model_print(&sql, r.dst_port);
        model_print(&sql, r.in_if);
        model_print(&sql, r.out_if);
        model_print(&sql, r.src_asn);
        model_print(&sql, r.dst_asn);
        model_print(&sql, r.src_country);
        model_print(&sql, r.dst_country);
        buf_append_text(&sql, ", 1)");
    }
    int status = duck_exec(m->work.conn, buf_text(&sql), &m->err);
    if (status != 0) {
        print_message("%s\n", m->err.text);
    }
    assert_int_equal(status, 0);
    buf_release(&sql);
}

static inline void model_marks(struct model *m)
{
    assert_int_equal(rollup_marks(m->work.conn, &m->work.marks, &m->err), 0);
}

static inline void model_open(struct model *m, uint64_t seed)
{
    *m = (struct model){ .random = seed * 77 + 1 };
    assert_int_equal(duck_open("", NULL, &m->duck, &m->err), 0);
    assert_int_equal(duck_connect(m->duck, &m->work.conn, &m->err), 0);
    assert_int_equal(schema_open(m->work.conn, &m->err), 0);
    assert_int_equal(plan_set_up(m->work.conn, NULL, &m->err), 0);
    m->work.err = &m->err;
}

/// Records over `span`, of which the roll-ups have some: hours some, minutes more; late ones of any
/// time come in each transaction.
static inline void model_fill(struct model *m, int64_t span)
{
    struct err *err = &m->err;
    assert_int_equal(
        duck_exec(m->work.conn, "INSERT INTO texts VALUES (1, 0, 'core-1'::BLOB)", err), 0);
    bool more;
    model_store(m, 1, 1500, span);
    model_store(m, 2, 500, span);
    assert_int_equal(rollup_minutes(m->work.conn, &more, err), 0);
    assert_int_equal(rollup_hours(m->work.conn, err), 0);
    int64_t hour;
    for (int i = 0; i < 100 && talkers_next(m->work.conn, EPOCH + span / 2, &hour, err) == 1; i++) {
        assert_int_equal(talkers_make(m->work.conn, hour, err), 0);
    }
    model_store(m, 3, 1000, span / 3);
    assert_int_equal(rollup_minutes(m->work.conn, &more, err), 0);
    model_store(m, 4, 1000, span);
    m->work.transaction = 4;
    m->work.newest_ns = EPOCH + span;
    m->work.now_ns = EPOCH + span + HOUR;
    model_marks(m);
}

static inline void model_close(struct model *m)
{
    duck_disconnect(m->work.conn);
    duck_close(m->duck);
}

// --- Dimensions ------------------------------------------------------------------------------

static inline void model_number(int64_t value, char *text)
{
    (void)snprintf(text, TEXT_SIZE, value < 0 ? "-" : "%" PRId64, value);
}

/// What the row has in a field, as the answer shows it; "-": nothing.
static inline void model_value(const struct row *r, enum query_field field, char *text)
{
    int64_t port = r->src_port < 0             ? r->dst_port
                   : r->dst_port < 0           ? r->src_port
                   : r->src_port < r->dst_port ? r->src_port
                                               : r->dst_port;
    int64_t country = field == QUERY_SOURCE_COUNTRY ? r->src_country : r->dst_country;
    switch (field) {
    case QUERY_SOURCE_IP:
        model_addr(r->src, text);
        break;
    case QUERY_DESTINATION_IP:
        model_addr(r->dst, text);
        break;
    case QUERY_OBSERVER_IP:
        (void)snprintf(text, TEXT_SIZE, "192.0.2.%u", (unsigned)(r->exporter & 0xff));
        break;
    case QUERY_TRANSPORT:
        (void)snprintf(text, TEXT_SIZE, "%s",
                       r->proto == 6    ? "tcp"
                       : r->proto == 17 ? "udp"
                       : r->proto == 1  ? "icmp"
                                        : "-");
        break;
    case QUERY_SERVER_PORT:
        model_number(port, text);
        break;
    case QUERY_SOURCE_PORT:
        model_number(r->src_port, text);
        break;
    case QUERY_DESTINATION_PORT:
        model_number(r->dst_port, text);
        break;
    case QUERY_INGRESS_ID:
        model_number(r->in_if, text);
        break;
    case QUERY_EGRESS_ID:
        model_number(r->out_if, text);
        break;
    case QUERY_SOURCE_AS_NUMBER:
        model_number(r->src_asn, text);
        break;
    case QUERY_DESTINATION_AS_NUMBER:
        model_number(r->dst_asn, text);
        break;
    case QUERY_SOURCE_COUNTRY:
    case QUERY_DESTINATION_COUNTRY:
        if (country < 0) {
            (void)snprintf(text, TEXT_SIZE, "-");
        } else {
            (void)snprintf(text, TEXT_SIZE, "%c%c", (char)(country >> 8), (char)(country & 255));
        }
        break;
    default:
        fail();
    }
}

static inline struct sums model_sums(const struct row *r)
{
    return (struct sums){ .flows = 1,
                          .bytes = r->bytes,
                          .packets = r->packets,
                          .samples = r->rate > 1 ? r->sampled : 0,
                          .unknown = r->rate == 0 ? 1 : 0,
                          .rows = 1 };
}

/// A cell as text; "-": NULL.
static inline void model_cell(const struct answer *a, size_t row, size_t column, char *text)
{
    const struct cell *c = answer_cell(a, row, column);
    if (c->kind == CELL_NULL) {
        (void)snprintf(text, TEXT_SIZE, "-");
    } else if (c->kind == CELL_TEXT) {
        (void)snprintf(text, TEXT_SIZE, "%.*s", (int)c->text.count,
                       (const char *)a->texts.data + c->text.offset);
    } else if (c->kind == CELL_U64) {
        (void)snprintf(text, TEXT_SIZE, "%" PRIu64, c->u64);
    } else {
        (void)snprintf(text, TEXT_SIZE, "%" PRId64, c->i64);
    }
}

static inline uint64_t model_u64(const struct answer *a, size_t row, const char *column)
{
    for (size_t i = 0; i < a->column_count; i++) {
        if (strcmp(a->columns[i], column) == 0) {
            return answer_cell(a, row, i)->u64;
        }
    }
    fail_msg("no column %s", column);
    return 0;
}

/// Groups of the model's rows.
struct group {
    char key[3 * TEXT_SIZE];
    struct sums sums;
};

struct groups {
    size_t count;
    struct group list[ROWS];
};

static inline void groups_add(struct groups *g, const char *key, const struct sums *sums)
{
    size_t i = 0;
    while (i < g->count && strcmp(g->list[i].key, key) != 0) {
        i++;
    }
    if (i == g->count) {
        g->list[g->count++] = (struct group){ 0 };
        (void)snprintf(g->list[i].key, sizeof(g->list[i].key), "%s", key);
    }
    sums_add(&g->list[i].sums, sums);
}

static inline void model_key(const struct row *r, const struct question *q, char *key)
{
    size_t at = 0;
    key[0] = '\0';
    for (size_t d = 0; d < q->dimension_count; d++) {
        char text[TEXT_SIZE];
        model_value(r, q->dimensions[d].field, text);
        at += (size_t)snprintf(key + at, 3 * TEXT_SIZE - at, "%s|", text);
    }
}

static inline bool model_has(const struct row *r, const struct question *q)
{
    return r->kind == 0 && r->ts >= q->from_ns && r->ts < q->to_ns;
}
