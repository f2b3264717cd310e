// SPDX-License-Identifier: Apache-2.0
/* Small things about texts that people type: whole numbers, "did you mean", parts that are shown.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

/// All of `text` as a whole number: sign, decimal, 0x, 0o, 0b or a leading 0 for octal, underscores
/// between digits (Go's syntax, which YAML 1.2 shares). ERR_INVALID, ERR_RANGE.
int text_get_i64(const char *text, int64_t *ret_value) MUST_USE;

/// As text_get_i64() without sign, up to 2^64-1.
int text_get_u64(const char *text, uint64_t *ret_value) MUST_USE;

/// How many bytes of a text are shown where there is room for `max`: whole characters, for "%.*s".
int text_clip(const char *text, size_t size, size_t max);

/*
 * The nearest of some names to a misspelled one, by edit distance.
 *
 *     struct text_nearest nearest = text_nearest_to("src_adr");
 *     for (...) text_nearest_try(&nearest, name);
 *     text_nearest_hint(&nearest)     ->  "; did you mean \"src_addr\"?"  or ""
 */
enum { TEXT_HINT_SIZE = 128 };

struct text_nearest {
    const char *wanted;
    const char *best;
    size_t best_distance;
    char hint[TEXT_HINT_SIZE];
};

struct text_nearest text_nearest_to(const char *wanted);
void text_nearest_try(struct text_nearest *n, const char *candidate);
const char *text_nearest_hint(struct text_nearest *n);
