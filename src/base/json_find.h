// SPDX-License-Identifier: Apache-2.0
/*
 * Finding single values in a JSON text without a tree: for answers of servers, of which a few
 * members matter. A path is names with slashes between them, "error/root_cause/0/reason"; in a list
 * the name is a number. Of members with the same name the first one counts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/// A value as it stands in the text; data is NULL where there is none.
struct json_value {
    const uint8_t *data;
    size_t size;
};

/// The value at `path`; the whole text for "". False when it is not there or what is before it is
/// no JSON.
bool json_find(const uint8_t *json, size_t size, const char *path,
               struct json_value *ret_value) MUST_USE;

/// json_find() for a string, without its quotes and escapes, appended to `out`. False when it is
/// not there, or no string.
bool json_find_text(const uint8_t *json, size_t size, const char *path, struct buf *out) MUST_USE;

/// Whether the value at `path` is true.
bool json_find_true(const uint8_t *json, size_t size, const char *path) MUST_USE;

/// Where json_each() is; begin with { .json = ..., .size = ... }.
struct json_each {
    const uint8_t *json; ///< an object or a list
    size_t size;
    size_t at;               ///< 0: at the beginning
    struct json_value name;  ///< of the member, with its quotes; empty in a list
    struct json_value value; ///< of it
};

/// The next member or element. False at the end, and where it is no JSON.
bool json_each(struct json_each *e) MUST_USE;
