// SPDX-License-Identifier: Apache-2.0
/* Values as Go's flag package reads them; goflow2's users type these. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

/// 1 t T TRUE true True 0 f F FALSE false False. ERR_INVALID.
int go_bool(const char *text, bool *ret_value) MUST_USE;

/// time.ParseDuration: "1m30s", "1.5h", "-2ms", "0"; `days` also allows d and w. Negative durations
/// are ERR_RANGE, as no option wants one. ERR_INVALID.
int go_duration(const char *text, bool days, uint64_t *ret_ns) MUST_USE;
