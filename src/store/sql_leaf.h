// SPDX-License-Identifier: Apache-2.0
/*
 * Conditions on a column, by what kind of column it is: for sql_where.c, which knows which fields
 * stand in which columns.
 *
 * A condition goes into SQL, or only the names of the columns that it needs into a list
 * (sql_needs()): the same functions write both.
 */
#pragma once

#include "query/kql.h"
#include "store/schema.h"
#include "store/sql.h"

/// Where a condition goes.
struct where {
    struct sql *q;     ///< NULL: only the names of columns are wanted
    struct buf *needs; ///< NULL: only the condition is
    size_t queries;    ///< how many it has within
};

/// Leaves of one field and one kind, any of which will do.
struct leaves {
    const struct kql_node *const *nodes;
    size_t count;
};

void where_text(struct where *w, const char *words);
void where_u64(struct where *w, uint64_t value);
/// Names a column, once.
void where_need(struct where *w, const char *name);
/// Names a column and writes it.
void where_column(struct where *w, const char *name);
/// kql_leaf() of store/sql_match.h: `blob` is an expression.
void where_ask(struct where *w, const char *blob, const char *what, const struct kql_node *leaf);
/// The same for any of some leaves, in parentheses.
void where_ask_any(struct where *w, const char *blob, const char *what, struct leaves leaves);

/// EXPRESSION IN (...), as its numbers come; begin with { .expression = ... }. false when none
/// does.
struct list {
    const char *expression;
    size_t count;
};
void where_list_add(struct where *w, struct list *list, uint64_t number);
void where_list_end(struct where *w, const struct list *list);

enum number_kind {
    NUMBER_PLAIN,
    NUMBER_LONG, ///< shown as a long of ECS is: 2^63-1 at most
    NUMBER_TIME, ///< a BIGINT
};

/// A number in `expression`, of which `name` is the column.
void where_number(struct where *w, enum number_kind kind, const char *name, const char *expression,
                  struct leaves leaves);

/// A number that documents show as a text.
void where_numeral(struct where *w, const char *name, const char *expression, struct leaves leaves);

/// The two halves FIELD_hi and FIELD_lo.
void where_address(struct where *w, const char *field, struct leaves leaves);

/// A number of `texts`, of which `what` is the text as sql_match.h has it.
void where_texts(struct where *w, const char *name, enum text_kind kind, const char *what,
                 struct leaves leaves);
