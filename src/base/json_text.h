// SPDX-License-Identifier: Apache-2.0
/*
 * Writing JSON (RFC 8259): what every writer of documents needs. Output is always valid UTF-8 and
 * valid JSON, whatever the bytes: what is no UTF-8 becomes U+FFFD, one per byte.
 *
 * goflow2's own escaping, which differs (<, > and & as \u escapes), is format/json's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    JSON_ESCAPE_SIZE_MAX = 6, ///< output bytes for one byte of a string
    JSON_DOUBLE_SIZE_MAX = 32,
};

/// Writes the string with its quotes at `at`, which has room for
/// JSON_ESCAPE_SIZE_MAX * size + 2; returns one past the last byte.
uint8_t *json_put_string(uint8_t *at, const uint8_t *text, size_t size);

/// As json_put_string() at out's end. May set out->bad.
void json_append_string(struct buf *out, const uint8_t *text, size_t size);

/// A C string.
void json_append_text(struct buf *out, const char *text);

/// Writes JSON as struct json_rd lets it through at `at` (room 3 * size): without blanks and
/// comments, and with U+FFFD for bytes that are no UTF-8 and for escapes of half a character.
/// Returns one past the last byte.
uint8_t *json_put_compact(uint8_t *at, const uint8_t *json, size_t size);

/// The shortest decimal that reads back as the same double, at `at` (room JSON_DOUBLE_SIZE_MAX):
/// 47.2513, -122.3149, 1e+22, 5 for 5.0. Finite numbers only. Returns one past the last byte.
uint8_t *json_put_double(uint8_t *at, double value);
