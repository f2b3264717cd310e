// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers to text and back. The put functions write at `at`, which must have the room named beside
 * them, and return one past the last byte: the inner loop of every format.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

enum { NUM_U64_SIZE_MAX = 20, NUM_U32_SIZE_MAX = 10 };

/// Two decimal digits for each of 0..99.
extern const char NUM_DIGIT_PAIRS[200];

/// Room: NUM_U64_SIZE_MAX, NUM_U32_SIZE_MAX; bytes of it behind the last digit may be written to.
uint8_t *num_put_u64(uint8_t *at, uint64_t value);
uint8_t *num_put_u32(uint8_t *at, uint32_t value);

/// `value` as `digits` lowercase hexadecimal digits, zeros in front.
uint8_t *num_put_hex(uint8_t *at, uint64_t value, unsigned digits);

/// The number of a hexadecimal digit of either case; -1 for anything else.
static inline int num_hex_digit(uint8_t c)
{
    unsigned decimal = (unsigned)c - '0';
    unsigned letter = ((unsigned)c | 0x20) - 'a';
    return decimal <= 9 ? (int)decimal : letter <= 5 ? (int)letter + 10 : -1;
}

/// All of `text` (`size` bytes, decimal digits only) as a number up to `max`. ERR_INVALID,
/// ERR_RANGE.
int num_get_u64(const char *text, size_t size, uint64_t max, uint64_t *ret_value) MUST_USE;

enum { NUM_SCAN_DIGITS_MAX = 19 };

/// The decimal digits at `at`, before `end`. Returns where they end: `at` when there are none, NULL
/// when there are more than NUM_SCAN_DIGITS_MAX, of which any number fits 64 bits.
const uint8_t *num_scan(const uint8_t *at, const uint8_t *end, uint64_t *ret_value);
