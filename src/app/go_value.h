// SPDX-License-Identifier: Apache-2.0
/* Values as Go's flag package reads them; goflow2's users type these. Whole numbers: base/text.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

/// strconv.ParseBool: 1 t T TRUE true True 0 f F FALSE false False. ERR_INVALID.
int go_bool(const char *text, bool *ret_value) MUST_USE;

/// time.ParseDuration: "1m30s", "1.5h", "-2ms", "0"; `days` also allows d and w. ERR_INVALID.
int go_duration(const char *text, bool days, int64_t *ret_ns) MUST_USE;

/// `text` in quotes as %q writes it, for messages; UTF-8 stays as it is. What may not fit into
/// `size` (at least 8) bytes is cut and ends in "...". Returns `quoted`.
const char *go_quote(const char *text, char *quoted, size_t size);
