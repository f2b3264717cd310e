// SPDX-License-Identifier: Apache-2.0
/*
 * Keys: the values that an answer's rows are by, as the store has them (numbers, halves of
 * addresses, names), from DuckDB's rows, into questions about just them, and as cells for people.
 */
#pragma once

#include "store/ask_plan.h"

/// A row's keys, in the order of plan_append_keys().
struct key {
    bool is_null;
    uint64_t number;
    struct span text; ///< in keys.texts
};

enum { KEYS_PER_ROW = 2 * ASK_DIMENSIONS_MAX };

/// Rows of keys: the winners of a question.
struct keys {
    struct buf rows; ///< of struct key [KEYS_PER_ROW]
    struct buf texts;
    size_t count;
};

void keys_init(struct keys *k);
void keys_release(struct keys *k);
/// Takes the keys of DuckDB's current row, from `column` on.
void keys_add(struct keys *k, const struct plan *p, const struct duck_rows *rows, size_t column);
const struct key *keys_at(const struct keys *k, size_t row);

/// Appends a table `name`(i, k0, k0b, ...) of all rows, numbered from 0; none must not be empty.
void keys_append_table(const struct keys *k, const struct plan *p, const char *name, struct sql *q);

/// A condition: the keys of `left` are those of the table that keys_append_table() made as `right`.
/// Plain equality where it will do: DuckDB passes it on to the scan.
void keys_append_alike(const struct keys *k, const struct plan *p, const char *left,
                       const char *right, struct sql *q);

/// Appends conditions ("AND ...") on the tables' columns that rows of these keys meet, and few
/// others: the scan then leaves out the others. Nothing where that would not help.
void keys_append_only(const struct keys *k, const struct plan *p, struct sql *q);

// --- Cells -----------------------------------------------------------------------------------

void answer_put(struct answer *a, struct cell cell);
void answer_put_null(struct answer *a);
void answer_put_u64(struct answer *a, uint64_t value);
void answer_put_f64(struct answer *a, double value);
void answer_put_bool(struct answer *a, bool value);
void answer_put_time(struct answer *a, int64_t ns);
void answer_put_text(struct answer *a, const void *text, size_t size);
/// The columns that `columns` names, in one call; NULL past the last.
void answer_name(struct answer *a, const char *const *columns);
void answer_name_dimensions(struct answer *a, const struct plan *p);

/// The cells of a row's dimensions, one for each. `row` NULL: nothing but empty ones.
void answer_put_keys(struct answer *a, const struct plan *p, const struct keys *keys, size_t row);
/// As for one axis, whose keys begin at `key`.
void answer_put_key(struct answer *a, const struct axis *axis, const struct keys *keys,
                    const struct key *key);

struct sums {
    uint64_t flows, bytes, packets, samples, unknown, longer, rows;
};
/// Reads plan_sums() from `column` on.
struct sums sums_read(const struct duck_rows *rows, size_t column);
uint64_t sums_metric(const struct sums *s, enum metric metric);
/// bytes, packets, flows, samples, unknown, error
void answer_name_sums(struct answer *a);
void answer_put_sums(struct answer *a, const struct sums *s);
/// a - b, not below zero; saturating ones stay so.
struct sums sums_less(const struct sums *a, const struct sums *b);
void sums_add(struct sums *to, const struct sums *more);

/// The nearest that fits.
uint64_t add_saturating(uint64_t a, uint64_t b);
