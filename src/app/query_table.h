// SPDX-License-Identifier: Apache-2.0
/*
 * Answers of the API for people at a terminal: a table with a head, aligned columns, numbers with
 * units, a bar for each share, and a line below that says what was looked at. Pure: from one text
 * to another.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct query_look {
    size_t width; ///< of the terminal
    bool color;
};

/// A table of the answer `json` ({"columns":[...],"rows":[{...}],"meta":{...}}) to a question of
/// top or series, or of the documents of flows. False: it is not like that.
bool query_table_print(const uint8_t *json, size_t size, const struct query_look *look,
                       struct buf *out);
/// Likewise for flows, whose rows are ECS documents.
bool query_flows_print(const uint8_t *json, size_t size, const struct query_look *look,
                       struct buf *out);

/// The question with a mark below the place of the mistake: `column` is in characters, from 1.
void query_mistake_print(const char *question, size_t column, const char *words,
                         const struct query_look *look, struct buf *out);
