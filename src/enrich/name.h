// SPDX-License-Identifier: Apache-2.0
/* What files of names have in common, and how long a name may be: so short that a batch always has
 * room for all that enrich adds to its records. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

enum {
    /// Of a name as JSON, without its quotes. The longest in the AS lists of 2026 has 169 bytes.
    NAME_JSON_SIZE_MAX = 192,
};

/// How many bytes of a text, whole characters, are at most NAME_JSON_SIZE_MAX bytes of JSON.
static inline size_t name_fit(const uint8_t *text, size_t size)
{
    enum { ESCAPED = 6, REPLACED = 3 };
    size_t used = 0;
    size_t at = 0;
    while (at < size) {
        uint32_t code;
        size_t length = utf8_next(text + at, size - at, &code);
        size_t cost = length == 0                                  ? REPLACED
                      : code < 0x20 || code == '"' || code == '\\' ? ESCAPED
                                                                   : length;
        if (used + cost > NAME_JSON_SIZE_MAX) {
            break;
        }
        used += cost;
        at += length == 0 ? 1 : length;
    }
    return at;
}

/// A path that ends in .yaml or .yml; others are CSV.
static inline bool name_file_is_yaml(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL && (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0);
}
