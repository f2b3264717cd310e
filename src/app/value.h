// SPDX-License-Identifier: Apache-2.0
/* Values that weir's own options and URLs have and Go's flag package has not. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

/// A number of bytes: 8388608, 8192k, 8m, 1g; at most `max`. ERR_INVALID, ERR_RANGE.
int value_size(const char *text, uint64_t max, uint64_t *ret_bytes) MUST_USE;

/// A time as ns since 1970: 2026-01-31 (UTC), 2026-01-31T12:00:00Z, with a fraction or an offset
/// such as +01:00 as well. ERR_INVALID, ERR_RANGE.
int value_time(const char *text, uint64_t *ret_ns) MUST_USE;

/// Decodes the %XX of a URL in place. False for a broken one, and for %00.
bool value_decode_percent(char *text) MUST_USE;
