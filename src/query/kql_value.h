// SPDX-License-Identifier: Apache-2.0
/*
 * Conditions: a field's name and a value become leaves of the tree, whose values are of the field's
 * type.
 *
 * For the files of query/ only.
 */
#pragma once

#include "query/kql_lex.h"

/// What conditions are made with.
struct kql_making {
    struct kql_lex lex;
    struct kql *kql;
    const struct kql_context *context;
};

/// A short name that means one field or another by what its value looks like.
enum kql_alias {
    KQL_ALIAS_NONE,
    KQL_ALIAS_IF,
    KQL_ALIAS_EXPORTER,
    KQL_ALIAS_PROTO,
    KQL_ALIAS_COUNTRY
};

enum { KQL_FIELDS_MAX = QUERY_OTHER + 1 };

/// What a name stands for.
struct kql_target {
    struct kql_literal name;
    enum kql_alias alias;
    bool any;     ///< every field that bare words are looked for in
    bool lenient; ///< fields that cannot have the value are passed over
    size_t count;
    enum query_field fields[KQL_FIELDS_MAX];
    struct query_other other; ///< QUERY_OTHER among them
};

// These say what is wrong by kql_error_set() and return ERR_INVALID, or ERR_NO_MEMORY.

int kql_target_find(struct kql_making *m, const struct kql_literal *name,
                    struct kql_target *ret_target) MUST_USE;

/// NAME: VALUE
int kql_make_value(struct kql_making *m, const struct kql_target *target,
                   const struct kql_literal *value, const struct kql_node **ret_node) MUST_USE;

/// NAME > VALUE; `op` is a token's kind.
int kql_make_range(struct kql_making *m, const struct kql_target *target, enum kql_token_kind op,
                   const struct kql_literal *value, const struct kql_node **ret_node) MUST_USE;

/// VALUE
int kql_make_bare(struct kql_making *m, const struct kql_literal *value,
                  const struct kql_node **ret_node) MUST_USE;
