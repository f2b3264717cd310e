// SPDX-License-Identifier: Apache-2.0
/*
 * SQL in the making: its text, and what is bound to its question marks; KQL as a condition, and
 * fields as something to group by. A text that a person typed gets into SQL as a bound value only,
 * a number as the digits of the 64 bits that it was read into.
 *
 * Conditions and fields are those of the view `records`, and of a roll-up as far as it has the
 * columns, which are called alike.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "query/kql.h"
#include "store/duck.h"

struct sql {
    struct buf text;
    struct buf values; ///< bound ones, in order
    size_t count;
    bool bad; ///< something did not fit
};

void sql_init(struct sql *q);
void sql_release(struct sql *q);
void sql_text(struct sql *q, const char *text);
void sql_printf(struct sql *q, const char *format, ...) PRINTF_LIKE(2, 3);
/// A number as it is: only what DuckDB knows when it plans keeps it from reading blocks of rows. It
/// takes the type of what it stands beside.
void sql_u64(struct sql *q, uint64_t value);
void sql_i64(struct sql *q, int64_t value);
/// A question mark, and what is bound to it.
void sql_bytes(struct sql *q, const char *text, size_t size); ///< VARCHAR
void sql_blob(struct sql *q, const void *bytes, size_t size);

/// Prepares it and binds its values. ERR_FULL with words: too large a question.
int sql_prepare(struct sql *q, struct duck_conn *c, struct duck_stmt **ret_stmt,
                struct err *err) MUST_USE;

/// Appends a tree as a condition in parentheses. True for exactly the records that kql_matches()
/// says yes to; never NULL. NULL is every record.
void sql_where(struct sql *q, const struct kql *kql);

/// Adds the functions that conditions use to the database. Once, when it is opened.
int sql_add_functions(struct duck_conn *c, struct err *err) MUST_USE;

/// What a column of an answer that stands for a field is, and so how it is shown.
enum sql_shape {
    SQL_NUMBER,      ///< an integer; in documents a number, or its text for a KEYWORD
    SQL_ADDR,        ///< two columns: high and low half
    SQL_MAC,         ///< the low 48 bits
    SQL_COUNTRY,     ///< two letters in a number
    SQL_PROTO,       ///< IP protocol
    SQL_ETYPE,       ///< ethertype
    SQL_TYPE,        ///< enum flow_type
    SQL_TEXT_ID,     ///< a number of `texts`: the text itself is asked for at the end
    SQL_AS_ID,       ///< a number of `texts`, TEXT_AS: the organization's name in its JSON
    SQL_BYTES,       ///< VARCHAR or BLOB
    SQL_TIME,        ///< ns since 1970
    SQL_APPLICATION, ///< two columns: protocol and server port
};

/// How a field is grouped by.
struct sql_field {
    enum sql_shape shape;
    const char *columns[2]; ///< expressions; the second is NULL where the shape has one
    /// Names of the columns of `records` it needs, apart by commas: a roll-up that has them all can
    /// answer.
    const char *needs;
};

/// False for fields that cannot be grouped by (lists, error.message ...).
bool sql_field(enum query_field field, struct sql_field *ret_field);

/// Appends to `out` the names of the columns of `records` that a condition needs, each once, apart
/// by commas.
void sql_needs(const struct kql *kql, struct buf *out);
