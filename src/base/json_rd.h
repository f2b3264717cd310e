// SPDX-License-Identifier: Apache-2.0
/*
 * Reading JSON (RFC 8259) in place, one token after the other, without a tree: what a reader of
 * lines needs that knows most of what it will find.
 *
 * Strict as Jackson is in Elasticsearch, so that a line is either readable to both or to neither:
 * comments are blanks, a number has up to 1000 characters, brackets nest up to 1000 deep, raw
 * control characters and NaN are refused. Bytes that are no UTF-8 are let through inside strings;
 * writers mend them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

enum {
    JSON_DEPTH_MAX = 1000,
    JSON_NUMBER_SIZE_MAX = 1000,
};

struct json_rd {
    const uint8_t *begin;
    const uint8_t *at;
    const uint8_t *end;
};

/// A string as it stands in the text.
struct json_text {
    const uint8_t *data; ///< between the quotes
    size_t size;
    bool escaped; ///< has backslashes
};

/// Passes over blanks and comments. False for a comment without end.
bool json_rd_blanks(struct json_rd *r) MUST_USE;

/// A string, from its quote on. False when it is none.
bool json_rd_string(struct json_rd *r, struct json_text *ret_text) MUST_USE;

/// Any value, from its first byte on; the reader is then behind it. False when it is none.
bool json_rd_value(struct json_rd *r) MUST_USE;

/// The string without its escapes, as UTF-8, into `out` (at least text->size bytes). Lone
/// surrogates become U+FFFD. Returns its size.
size_t json_unescape(const struct json_text *text, uint8_t *out);

static inline bool json_rd_is_at(const struct json_rd *r, uint8_t c)
{
    return r->at < r->end && *r->at == c;
}
