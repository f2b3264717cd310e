// SPDX-License-Identifier: Apache-2.0
/*
 * The words of a KQL text. A value may be several words ("Sankt Pölten" needs no quotes), so words
 * become literals in a second step, when it is known how many belong together.
 *
 * For the files of query/ only.
 */
#pragma once

#include "query/kql_tree.h"

enum kql_token_kind {
    KQL_TOKEN_END,
    KQL_TOKEN_WORD,
    KQL_TOKEN_QUOTED,
    KQL_TOKEN_AND,
    KQL_TOKEN_OR,
    KQL_TOKEN_NOT,
    KQL_TOKEN_OPEN,
    KQL_TOKEN_CLOSE,
    KQL_TOKEN_BRACE, ///< { or }
    KQL_TOKEN_COLON,
    KQL_TOKEN_LESS,
    KQL_TOKEN_AT_MOST,
    KQL_TOKEN_GREATER,
    KQL_TOKEN_AT_LEAST,
};

struct kql_token {
    enum kql_token_kind kind;
    size_t begin; ///< offsets in the text
    size_t end;
};

struct kql_lex {
    const char *text;
    size_t size;
    size_t at;
    struct kql_error *error; ///< where mistakes go
};

/// Sets the error at an offset of the text and returns ERR_INVALID.
int kql_error_set(const struct kql_lex *lex, size_t offset, const char *format, ...)
    PRINTF_LIKE(3, 4);

/// The next token. ERR_INVALID with the mistake.
int kql_lex_next(struct kql_lex *lex, struct kql_token *ret_token) MUST_USE;

/// A value or a field's name.
struct kql_literal {
    size_t begin; ///< in the text
    size_t end;
    const char *text; ///< without quotes and escapes; in the tree, with a NUL
    size_t size;
    const char *pattern; ///< for kql_like(); the same as text where it has no *
    size_t pattern_size;
    bool quoted;
    bool wild;    ///< has a * that stands for anything
    size_t words; ///< how many the unquoted text has
    size_t last;  ///< where the last of them begins in the text
};

/// Makes one of the tokens from `first` to `last`, all of them words or one that is quoted.
/// ERR_NO_MEMORY; ERR_INVALID: an escape that is none.
int kql_literal_make(const struct kql_lex *lex, struct kql *kql, const struct kql_token *first,
                     const struct kql_token *last, struct kql_literal *ret_literal) MUST_USE;

/// How many bytes of a text fit a message, whole characters.
int kql_clip(const char *text, size_t size);
