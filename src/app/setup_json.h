// SPDX-License-Identifier: Apache-2.0
/* JSON as weir setup sends and compares it. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/json_find.h"

/// Whether `got` says all that `want` says: every member of its objects is there with the same
/// meaning, whatever else there is. Servers write numbers and truth values as texts, one element as
/// it is or as a list of one, and members in any order: that is the same. `want` is JSON that weir
/// made.
bool setup_json_contains(struct json_value got, struct json_value want);

/// Appends JSON that weir made over several lines, for people.
void setup_json_append_pretty(struct json_value json, struct buf *out);

/// What a buffer holds.
static inline struct json_value setup_json_of(const struct buf *b)
{
    return (struct json_value){ .data = b->data, .size = b->size };
}

/// The value at `path` of a value; no data when it is not there, and in no value.
struct json_value setup_json_at(struct json_value json, const char *path);

/// A scalar without the quotes that it may have. Escapes stay.
struct json_value setup_json_bare(struct json_value v);

/// Whether it is there and is this text.
bool setup_json_is(struct json_value json, const char *path, const char *text);
