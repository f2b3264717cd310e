// SPDX-License-Identifier: Apache-2.0
/*
 * Times as people write them: 2026-01-31, 2026-01-31T12:00:00.5Z, ...+01:00, 1770000000 (seconds),
 * 1770000000000 (ms), now, now-1h, now-1d/d, 2026-01-31||+1M (Elasticsearch's date math: y M w d h
 * m s, / rounds down).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

/// `zone_s`: seconds east of UTC, for texts that name no zone and for rounding. ERR_INVALID, also
/// for what lies outside of the years 1700 to 2261.
int when_parse(const char *text, size_t size, uint64_t now_ns, int32_t zone_s,
               int64_t *ret_ns) MUST_USE;

/// All that a text means, first and last ns: of 2026-01-31 the whole day, of now-1M/M the month. As
/// when_parse() otherwise.
int when_range(const char *text, size_t size, uint64_t now_ns, int32_t zone_s, int64_t *ret_first,
               int64_t *ret_last) MUST_USE;

/// "Z", "+01:00", or a name of the zone database such as Europe/Berlin (its offset at `at_ns`).
/// ERR_INVALID.
int when_zone(const char *text, int64_t at_ns, int32_t *ret_zone_s) MUST_USE;
