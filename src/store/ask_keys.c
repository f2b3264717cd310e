// SPDX-License-Identifier: Apache-2.0
/*
 * What a number stands for is said here, as documents say it (format/ecs_weir.c): a protocol by its
 * name in small letters, a country by two letters, IPv4 without ::ffff:.
 */
#include "store/ask_keys.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "flow/names.h"

enum {
    KEY_TEXTS_MAX = 64 << 20,
    CELLS_MAX = 1 << 30,
    ERROR_FACTOR = 196, ///< percent, for 95 of 100 cases (sflow.org, packet sampling basics)
};

void keys_init(struct keys *k)
{
    *k = (struct keys){ 0 };
    buf_init(&k->rows, KEY_TEXTS_MAX);
    buf_init(&k->texts, KEY_TEXTS_MAX);
}

void keys_release(struct keys *k)
{
    buf_release(&k->rows);
    buf_release(&k->texts);
}

void keys_add(struct keys *k, const struct plan *p, const struct duck_rows *rows, size_t column)
{
    struct key row[KEYS_PER_ROW] = { 0 };
    size_t at = 0;
    for (size_t i = 0; i < p->axis_count; i++) {
        for (size_t n = 0; n < p->axes[i].key_count; n++, at++, column++) {
            row[at].is_null = duck_is_null(rows, column);
            if (p->axes[i].is_text) {
                struct duck_text text = duck_bytes(rows, column);
                row[at].text = (struct span){ (uint32_t)k->texts.size, (uint32_t)text.size };
                buf_append(&k->texts, text.data, text.size);
            } else {
                row[at].number = p->axes[i].field.shape == SQL_TIME
                                     ? (uint64_t)duck_i64(rows, column)
                                     : duck_u64(rows, column);
            }
        }
    }
    buf_append(&k->rows, row, sizeof(row));
    k->count++;
}

const struct key *keys_at(const struct keys *k, size_t row)
{
    const void *rows = k->rows.data;
    return (const struct key *)rows + row * KEYS_PER_ROW;
}

/// A number that takes the type of what it is compared with.
static void append_number(const struct axis *axis, const struct key *key, struct sql *q)
{
    if (axis->field.shape == SQL_TIME) {
        sql_printf(q, "%" PRId64, (int64_t)key->number);
    } else {
        sql_printf(q, "%" PRIu64, key->number);
    }
}

static void append_value(const struct keys *k, const struct axis *axis, const struct key *key,
                         struct sql *q)
{
    const char *type = axis->is_text                   ? "BLOB"
                       : axis->field.shape == SQL_TIME ? "BIGINT"
                                                       : "UBIGINT";
    if (key->is_null) {
        sql_printf(q, "NULL::%s", type);
    } else if (axis->is_text) {
        sql_blob(q, k->texts.data + key->text.offset, key->text.count);
        sql_text(q, "::BLOB");
    } else {
        append_number(axis, key, q);
        sql_printf(q, "::%s", type);
    }
}

void keys_append_table(const struct keys *k, const struct plan *p, const char *name, struct sql *q)
{
    sql_text(q, "(VALUES ");
    for (size_t row = 0; row < k->count; row++) {
        sql_printf(q, "%s(%zu", row > 0 ? ", " : "", row);
        const struct key *key = keys_at(k, row);
        for (size_t i = 0; i < p->axis_count; i++) {
            for (size_t n = 0; n < p->axes[i].key_count; n++) {
                sql_text(q, ", ");
                append_value(k, &p->axes[i], key++, q);
            }
        }
        sql_text(q, ")");
    }
    sql_printf(q, ") %s(i", name);
    sql_text(q, p->axis_count > 0 ? ", " : "");
    plan_append_keys(p, "", q);
    sql_text(q, ")");
}

static bool have_null(const struct keys *k)
{
    for (size_t row = 0; row < k->count; row++) {
        for (size_t i = 0; i < KEYS_PER_ROW; i++) {
            if (keys_at(k, row)[i].is_null) {
                return true;
            }
        }
    }
    return false;
}

void keys_append_alike(const struct keys *k, const struct plan *p, const char *left,
                       const char *right, struct sql *q)
{
    if (p->axis_count == 0 || have_null(k)) {
        plan_append_alike(p, left, right, q);
        return;
    }
    sql_text(q, "true");
    for (size_t i = 0; i < p->axis_count; i++) {
        for (size_t n = 0; n < p->axes[i].key_count; n++) {
            sql_printf(q, " AND %s%s = %s%s", left, plan_key(i, n), right, plan_key(i, n));
        }
    }
}

/// Whether the keys of an axis are what stands in the tables.
static bool is_plain(const struct axis *axis)
{
    return !axis->is_text && axis->dimension.prefix_v4 == 0 && axis->dimension.prefix_v6 == 0;
}

void keys_append_only(const struct keys *k, const struct plan *p, struct sql *q)
{
    enum { LISTED_MAX = 64 };
    if (k->count == 0 || k->count > LISTED_MAX || have_null(k)) {
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < p->axis_count; i++) {
        const struct axis *axis = &p->axes[i];
        at += axis->key_count;
        if (is_plain(axis)) { // of an address its lower half, which is all of IPv4
            sql_printf(q, " AND %s IN (", axis->field.columns[axis->key_count - 1]);
            for (size_t row = 0; row < k->count; row++) {
                sql_text(q, row > 0 ? ", " : "");
                append_number(axis, &keys_at(k, row)[at - 1], q);
            }
            sql_text(q, ")");
        }
    }
}

// --- Cells -----------------------------------------------------------------------------------

void answer_put(struct answer *a, struct cell cell)
{
    buf_append(&a->cells, &cell, sizeof(cell));
}

void answer_put_null(struct answer *a)
{
    answer_put(a, (struct cell){ .kind = CELL_NULL });
}

void answer_put_u64(struct answer *a, uint64_t value)
{
    answer_put(a, (struct cell){ .kind = CELL_U64, .u64 = value });
}

void answer_put_f64(struct answer *a, double value)
{
    answer_put(a, (struct cell){ .kind = CELL_F64, .f64 = value });
}

void answer_put_bool(struct answer *a, bool value)
{
    answer_put(a, (struct cell){ .kind = CELL_BOOL, .yes = value });
}

void answer_put_time(struct answer *a, int64_t ns)
{
    answer_put(a, (struct cell){ .kind = CELL_TIME, .i64 = ns });
}

void answer_put_text(struct answer *a, const void *text, size_t size)
{
    struct span span = { (uint32_t)a->texts.size, (uint32_t)size };
    buf_append(&a->texts, text, size);
    answer_put(a, (struct cell){ .kind = CELL_TEXT, .text = span });
}

void answer_name(struct answer *a, const char *const *columns)
{
    for (; *columns != NULL; columns++) {
        CHECK(a->column_count < sizeof(a->columns) / sizeof(a->columns[0]));
        a->columns[a->column_count++] = *columns;
    }
}

void answer_name_dimensions(struct answer *a, const struct plan *p)
{
    for (size_t i = 0; i < p->axis_count; i++) {
        const char *const columns[] = { query_field_info(p->axes[i].dimension.field).path, NULL };
        answer_name(a, columns);
    }
}

static void put_addr(struct answer *a, const struct dimension *d, uint64_t hi, uint64_t lo)
{
    uint8_t bytes[ADDR_V6_SIZE];
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(hi >> (56 - 8 * i));
        bytes[8 + i] = (uint8_t)(lo >> (56 - 8 * i));
    }
    struct addr mapped = addr_v6(bytes);
    struct addr addr = addr_unmap(&mapped);
    char text[ADDR_TEXT_SIZE_MAX + 1];
    char whole[ADDR_TEXT_SIZE_MAX + 8];
    unsigned prefix = addr.size == ADDR_V4_SIZE ? d->prefix_v4 : d->prefix_v6;
    int size = prefix == 0
                   ? snprintf(whole, sizeof(whole), "%s", addr_text(&addr, text))
                   : snprintf(whole, sizeof(whole), "%s/%u", addr_text(&addr, text), prefix);
    answer_put_text(a, whole, (size_t)size);
}

static void put_mac(struct answer *a, uint64_t mac)
{
    char text[24];
    int size =
        snprintf(text, sizeof(text), "%02X-%02X-%02X-%02X-%02X-%02X", (unsigned)(mac >> 40 & 0xff),
                 (unsigned)(mac >> 32 & 0xff), (unsigned)(mac >> 24 & 0xff),
                 (unsigned)(mac >> 16 & 0xff), (unsigned)(mac >> 8 & 0xff), (unsigned)(mac & 0xff));
    answer_put_text(a, text, (size_t)size);
}

static void put_lower(struct answer *a, const char *text)
{
    char lower[64];
    size_t size = strlen(text);
    size = size < sizeof(lower) ? size : sizeof(lower);
    for (size_t i = 0; i < size; i++) {
        lower[i] = (char)tolower((unsigned char)text[i]);
    }
    answer_put_text(a, lower, size);
}

static void put_named(struct answer *a, const char *name, const char *format, uint64_t number)
{
    char text[32];
    if (name != NULL && name[0] != '\0') {
        put_lower(a, name);
    } else {
        (void)snprintf(text, sizeof(text), "%s%" PRIu64, format, number); // fits
        answer_put_text(a, text, strlen(text));
    }
}

static void put_number(struct answer *a, const struct axis *axis, uint64_t number)
{
    char text[24];
    if (query_field_info(axis->dimension.field).type == QUERY_TYPE_NUMBER) {
        answer_put_u64(a, number);
    } else {
        int size = snprintf(text, sizeof(text), "%" PRIu64, number);
        answer_put_text(a, text, (size_t)size);
    }
}

void answer_put_key(struct answer *a, const struct axis *axis, const struct keys *keys,
                    const struct key *key)
{
    if (key->is_null) {
        answer_put_null(a);
        return;
    }
    if (axis->is_text) {
        answer_put_text(a, keys->texts.data + key->text.offset, key->text.count);
        return;
    }
    uint64_t number = key->number;
    switch (axis->field.shape) {
    case SQL_ADDR:
        put_addr(a, &axis->dimension, number, key[1].number);
        break;
    case SQL_MAC:
        put_mac(a, number);
        break;
    case SQL_COUNTRY:
        answer_put_text(a, (const char[2]){ (char)(number >> 8 & 0xff), (char)(number & 0xff) }, 2);
        break;
    case SQL_PROTO:
        put_named(a, number < PROTO_NAMED ? proto_name((uint32_t)number) : NULL, "", number);
        break;
    case SQL_ETYPE:
        put_named(a, etype_name((uint32_t)number), "ethertype ", number);
        break;
    case SQL_TYPE: {
        const char *name = flow_type_text((uint32_t)number);
        name = name != NULL ? name : "unknown";
        answer_put_text(a, name, strlen(name));
        break;
    }
    case SQL_TIME:
        answer_put_time(a, (int64_t)number);
        break;
    default:
        put_number(a, axis, number);
    }
}

void answer_put_keys(struct answer *a, const struct plan *p, const struct keys *keys, size_t row)
{
    const struct key *key = keys != NULL ? keys_at(keys, row) : NULL;
    for (size_t i = 0; i < p->axis_count; i++) {
        if (key == NULL) {
            answer_put_null(a);
        } else {
            answer_put_key(a, &p->axes[i], keys, key);
            key += p->axes[i].key_count;
        }
    }
}

// --- Sums ------------------------------------------------------------------------------------

uint64_t add_saturating(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

struct sums sums_read(const struct duck_rows *rows, size_t column)
{
    struct sums s;
    s.flows = duck_u64(rows, column);
    s.bytes = duck_u64(rows, column + 1);
    s.packets = duck_u64(rows, column + 2);
    s.samples = duck_u64(rows, column + 3);
    s.unknown = duck_u64(rows, column + 4);
    s.longer = duck_u64(rows, column + 5);
    s.rows = duck_u64(rows, column + 6);
    return s;
}

uint64_t sums_metric(const struct sums *s, enum metric metric)
{
    return metric == METRIC_BYTES ? s->bytes : metric == METRIC_PACKETS ? s->packets : s->flows;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a == UINT64_MAX ? a : a > b ? a - b : 0;
}

struct sums sums_less(const struct sums *a, const struct sums *b)
{
    return (struct sums){ less(a->flows, b->flows),     less(a->bytes, b->bytes),
                          less(a->packets, b->packets), less(a->samples, b->samples),
                          less(a->unknown, b->unknown), less(a->longer, b->longer),
                          less(a->rows, b->rows) };
}

void sums_add(struct sums *to, const struct sums *more)
{
    to->flows = add_saturating(to->flows, more->flows);
    to->bytes = add_saturating(to->bytes, more->bytes);
    to->packets = add_saturating(to->packets, more->packets);
    to->samples = add_saturating(to->samples, more->samples);
    to->unknown = add_saturating(to->unknown, more->unknown);
    to->longer = add_saturating(to->longer, more->longer);
    to->rows = add_saturating(to->rows, more->rows);
}

void answer_name_sums(struct answer *a)
{
    static const char *const COLUMNS[] = { "bytes",   "packets", "flows", "samples",
                                           "unknown", "error",   NULL };
    answer_name(a, COLUMNS);
}

void answer_put_sums(struct answer *a, const struct sums *s)
{
    answer_put_u64(a, s->bytes);
    answer_put_u64(a, s->packets);
    answer_put_u64(a, s->flows);
    answer_put_u64(a, s->samples);
    answer_put_u64(a, s->unknown);
    if (s->samples > 0) {
        answer_put_f64(a, ERROR_FACTOR / sqrt((double)s->samples));
    } else {
        answer_put_null(a);
    }
}
