// SPDX-License-Identifier: Apache-2.0
/*
 * JSON text to a tree, as strict as Elasticsearch's json processor and as lenient: what it refuses
 * is refused here and what it accepts is accepted.
 *
 * Refused: names that occur twice in an object, more than 1000 levels, numbers of more than 1000
 * digits, anything after the value, a byte order mark, NaN and Infinity, control characters in
 * strings. Accepted: comments with // and slash-star, a text with no value at all, which is null,
 * and 1e400, which is infinite.
 */
#pragma once

#include "format/json_tree.h"

struct json_parser;

/// For texts of up to `size_max` bytes, each U+FFFD counted as one. ERR_NO_MEMORY.
int json_parser_new(size_t size_max, struct json_parser **ret_parser) MUST_USE;
void json_parser_free(struct json_parser *p);

struct json_error {
    const char *reason;
    size_t at; ///< bytes before the place
};

/// The value in `text`, which is UTF-8 (json_tree_utf8) and stays as long as the nodes: texts
/// without escapes are not copied. NULL when it is refused.
struct json_node *json_parse(struct json_parser *p, struct json_tree *t, struct json_slice text,
                             struct json_error *ret_error);
