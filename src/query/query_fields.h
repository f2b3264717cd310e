// SPDX-License-Identifier: Apache-2.0
/*
 * The fields that can be asked for (query_fields.def), their short names, and what a record has in
 * them. What a field means is decided here once, by query_values(); the columns of the store hold
 * the same, and documents show it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "flow/batch.h"

enum query_type {
    QUERY_TYPE_DATE,    ///< ns since 1970
    QUERY_TYPE_IP,      ///< an address
    QUERY_TYPE_NUMBER,  ///< uint64_t
    QUERY_TYPE_KEYWORD, ///< a text, compared whole and by case
    QUERY_TYPE_TEXT,    ///< words, compared without case
};

/// Numbers up to QUERY_FIELD_COUNT are those of the table; from there on goflow2.COLUMN of the
/// field table: QUERY_FIELD_COUNT + enum field. QUERY_OTHER is goflow2.NAME for what no field
/// stands for (query_other.h).
enum query_field {
#define QUERY_FIELD(name, path, type, reversed, help) QUERY_##name,
#include "query/query_fields.def"
#undef QUERY_FIELD
    QUERY_FIELD_COUNT,
    QUERY_OTHER = QUERY_FIELD_COUNT + FIELD_COUNT,
    QUERY_NONE
};

struct query_field_info {
    const char *path;
    enum query_type type;
    enum query_field reversed;
    const char *help;
};

/// Of any field below QUERY_OTHER.
struct query_field_info query_field_info(enum query_field field);

/// Whether it is a KEYWORD that holds whole numbers, as ECS has it for ids: they have an order.
bool query_field_is_numeral(enum query_field field);

/// What a name stands for: a path, or a short name such as "port", which is several fields of which
/// any will do (docs/query.md). Goes by the whole name, in any case for short names.
struct query_name {
    enum query_field fields[3]; ///< up to QUERY_NONE; never more than two of them
};
/// False when no field is called so. goflow2.NAME is always QUERY_OTHER when no field has it.
bool query_name_find(const char *name, size_t size, struct query_name *ret_name);

/// The short names, for help and completion: "src" "source.ip" ...; NULL past the last.
struct query_alias {
    const char *name;
    const char *paths[2]; ///< the second may be NULL
};
const struct query_alias *query_alias_at(size_t index);

/// One value of a record's field.
struct query_value {
    enum query_type type;
    bool is_number;   ///< KEYWORD: shown as a number of JSON, which `text` is
    uint64_t number;  ///< NUMBER; ns of a DATE
    struct addr addr; ///< IP
    const char *text; ///< KEYWORD, TEXT: bytes, in the batch, a constant or the given room
    size_t size;
};

/// Calls `each` for every value that the record has in a field (lists have several, what is absent
/// none) until it says true; returns whether it did. `other`: what QUERY_OTHER is; else NULL.
/// network.application has none here: kql_parse() turns it into others. Needs no memory but the
/// stack.
typedef bool query_each_fn(void *context, const struct query_value *value);
struct query_other;
bool query_values(const struct batch *batch, const struct flow *flow, enum query_field field,
                  const struct query_other *other, query_each_fn *each, void *context);
