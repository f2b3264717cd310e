// SPDX-License-Identifier: Apache-2.0
/* Time zones by name, out of the system's zone database. */
#pragma once

#include <stdint.h>

#include "base/check.h"

/// Seconds east of UTC that "Europe/Berlin" has at `at_ns` (since 1970). ERR_INVALID when there is
/// no such zone.
int zone_find(const char *name, int64_t at_ns, int32_t *ret_zone_s) MUST_USE;
