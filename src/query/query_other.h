// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2.NAME where no field of the table is meant: the mapping's custom columns, and columns of a
 * line that nobody knows. Both are what documents show under that name (format/ecs_rest.c): a
 * column's name is the one that formatter.rename gives, and its value what its renderer makes of
 * it. A custom column that formatter.fields does not name is asked for as if it did.
 *
 * Records live and records of the store have their values told here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/batch.h"
#include "flow/mapping.h"
#include "query/query_fields.h"

#define QUERY_OTHER_PREFIX "goflow2."

/// Bytes of a name that can be asked for, behind "goflow2.".
enum { QUERY_OTHER_NAME_MAX = 500 };

struct query_other {
    const char *name;   ///< behind "goflow2."
    const char *custom; ///< the custom column whose values are shown so, by its own name; or NULL
    uint32_t index;     ///< of it in mapping.customs
    enum custom_type type;
    bool array;
    enum renderer renderer;
    bool numbers_known; ///< the mapping has a custom column called `name`, of numbers: what the
                        ///< store has of it is shown as that or not at all
    bool bytes_known;   ///< or of bytes
};

/// What goflow2.NAME is; both arguments are borrowed. `mapping` may be NULL.
struct query_other query_other_of(const struct mapping *mapping, const char *name);

/// Whether the mapping shows a custom column as goflow2.NAME, also in place of a field.
bool query_other_is_shown(const struct mapping *mapping, const char *name);

/// Calls `each` for every custom column of a mapping by which name it can be asked for.
typedef void query_other_each_fn(void *context, const struct query_other *other);
void query_other_each(const struct mapping *mapping, query_other_each_fn *each, void *context);

/// What the values of its custom column are: NUMBER (told as a KEYWORD that is one), KEYWORD, IP.
enum query_type query_other_type(const struct query_other *o);

/// As query_values().
bool query_other_values(const struct batch *batch, const struct flow *flow,
                        const struct query_other *o, query_each_fn *each, void *context);

// The parts of it. Each calls `each` for what there is to show, as query_values() does.

/// A value of its custom column.
bool query_other_tell_number(const struct query_other *o, uint64_t number, query_each_fn *each,
                             void *context);
bool query_other_tell_bytes(const struct query_other *o, const uint8_t *bytes, size_t size,
                            query_each_fn *each, void *context);

/// A column of a line, by its name (with its quotes) and value as JSON; nothing when it is another.
bool query_other_tell_extra(const struct query_other *o, const uint8_t *name, size_t name_size,
                            const uint8_t *json, size_t size, query_each_fn *each, void *context);
