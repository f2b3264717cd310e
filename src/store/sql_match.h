// SPDX-License-Identifier: Apache-2.0
/*
 * The leaves of KQL that no comparison of SQL's says: the SQL function kql_leaf(value, what, leaf)
 * takes the values out of a BLOB and asks kql_value_matches() about each, as kql_matches() does
 * with a live record's.
 */
#pragma once

#include "base/buf.h"
#include "query/kql.h"
#include "store/duck.h"

/*
 * What the BLOB is:
 *
 *     text          the value itself
 *     mac, addr     hexadecimal digits: 12, or the two halves
 *     network       the same, or nothing, and a slash and the length of a prefix
 *     member PATH   a text of a JSON object (base/json_find.h)
 *     u32s, layers, addrs   a list as in the table `texts`
 *     rest WHAT     the column `rest` (store/rest.h), of which WHAT is
 *
 *         other         the values of a column that no field stands for; the leaf says which
 *         proto, etype  a name without a number, in small letters
 *         type, body    likewise, as it is
 *         stored COLUMN WHAT    what COLUMN has no number for; WHAT is one of the above
 */

enum {
    SQL_WHAT_SIZE = 1024,
    SQL_PATTERN_SIZE = KQL_VALUE_SIZE_MAX, ///< of a leaf's text
};

/// The leaf as the function's third argument, appended to `out`.
void sql_match_pack(const struct kql_node *leaf, struct buf *out);

/// Adds the function to the database.
int sql_match_add(struct duck_conn *c, struct err *err) MUST_USE;
