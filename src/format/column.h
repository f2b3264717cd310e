// SPDX-License-Identifier: Apache-2.0
/*
 * Columns: what JSON and text have in common. A mapping's columns are compiled once into steps;
 * each step finds its value in a flow and renders it as goflow2's renderers do. The two formats
 * differ in what stands around names and values, and in how a text is escaped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "flow/batch.h"
#include "flow/mapping.h"

/// Writes a text value, with whatever stands around it, at out's end. May set out->bad.
typedef void column_text_fn(struct buf *out, const uint8_t *text, size_t size);

/// How a format writes.
struct column_style {
    char separator;           ///< between columns
    const char *quote;        ///< around texts that need no escaping ("" or a quote)
    column_text_fn *put_text; ///< any bytes, as a value
    bool skip_empty;          ///< leave out what is empty or zero
};

struct column_plan;

/// Compiles the columns of `mapping`, which must outlive the plan. `prefixes` are made by
/// `put_name`: it appends what stands before a value, such as "name": or name=. NULL when out of
/// memory.
struct column_plan *column_plan_new(const struct mapping *mapping, const struct column_style *style,
                                    void (*put_name)(struct buf *out, const char *name)) MUST_USE;
void column_plan_free(struct column_plan *plan);

/// Appends all columns of a flow. What does not fit sets out->bad.
void column_plan_append(const struct column_plan *plan, const struct batch *batch,
                        const struct flow *flow, struct buf *out);
