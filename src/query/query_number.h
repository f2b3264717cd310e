// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers that are texts: as a person types them and as JSON has them (RFC 8259, section 6), of any
 * size and with any fraction. They are compared digit by digit, which no rounding spoils.
 *
 * For the files of query/ only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/// How `a` stands to `b`: below 0, 0 or above. False when one of them is no number.
bool query_number_order(const char *a, size_t a_size, const char *b, size_t b_size, int *ret_order);
