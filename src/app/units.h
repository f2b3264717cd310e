// SPDX-License-Identifier: Apache-2.0
/* Numbers for people, short enough for a column: powers of a thousand, three or four digits. */
#pragma once

#include <stddef.h>

enum { UNITS_SIZE = 24 };

/// 999, 12.3k, 4.50M: `unit` goes behind, with a blank in front if it is not empty ("1.23 kB",
/// "450 B"; "2.10 Mbit/s"). Negative numbers too.
const char *units_print(double value, const char *unit, char text[static UNITS_SIZE]);
