// SPDX-License-Identifier: Apache-2.0
/*
 * Two digits at a time from a table, and four at a time to memory: most numbers are short, and how
 * short is not to be guessed by the processor. A line of JSON has a dozen numbers, so this is a
 * tenth of what writing it costs.
 */
#include "base/num.h"

#include <string.h>

#include "base/status.h"

const char NUM_DIGIT_PAIRS[200] = { "0001020304050607080910111213141516171819"
                                    "2021222324252627282930313233343536373839"
                                    "4041424344454647484950515253545556575859"
                                    "6061626364656667686970717273747576777879"
                                    "8081828384858687888990919293949596979899" };

/// Four digits as bytes in the order in which they are written, in a word.
static inline uint32_t four_digits(uint32_t value)
{
    uint16_t high;
    uint16_t low;
    memcpy(&high, NUM_DIGIT_PAIRS + 2 * (value / 100), sizeof(high));
    memcpy(&low, NUM_DIGIT_PAIRS + 2 * (value % 100), sizeof(low));
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? high | (uint32_t)low << 16
                                                     : (uint32_t)high << 16 | low;
}

static uint8_t *put_four(uint8_t *at, uint32_t value)
{
    uint32_t four = four_digits(value);
    memcpy(at, &four, sizeof(four));
    return at + sizeof(four);
}

/// Up to four digits, none in front that is zero; four bytes are written in any case.
static uint8_t *put_short(uint8_t *at, uint32_t value)
{
    unsigned digits = 1U + (value >= 10) + (value >= 100) + (value >= 1000);
    unsigned shift = 8 * (4 - digits);
    uint32_t four = four_digits(value);
    four = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? four >> shift : four << shift;
    memcpy(at, &four, sizeof(four));
    return at + digits;
}

uint8_t *num_put_u32(uint8_t *at, uint32_t value)
{
    if (value < 10000) {
        return put_short(at, value);
    }
    if (value < 100000000) {
        at = put_short(at, value / 10000);
        return put_four(at, value % 10000);
    }
    at = put_short(at, value / 100000000);
    at = put_four(at, value / 10000 % 10000);
    return put_four(at, value % 10000);
}

/// Exactly eight digits, zeros in front.
static uint8_t *put_eight(uint8_t *at, uint32_t value)
{
    at = put_four(at, value / 10000);
    return put_four(at, value % 10000);
}

uint8_t *num_put_u64(uint8_t *at, uint64_t value)
{
    if (value <= UINT32_MAX) {
        return num_put_u32(at, (uint32_t)value);
    }
    uint64_t high = value / 100000000;
    uint32_t low = (uint32_t)(value % 100000000);
    if (high <= UINT32_MAX) {
        at = num_put_u32(at, (uint32_t)high);
    } else {
        at = num_put_u32(at, (uint32_t)(high / 100000000));
        at = put_eight(at, (uint32_t)(high % 100000000));
    }
    return put_eight(at, low);
}

uint8_t *num_put_hex(uint8_t *at, uint64_t value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; value >>= 4) {
        at[i] = (uint8_t) "0123456789abcdef"[value & 0xf];
    }
    return at + digits;
}

int num_get_u64(const char *text, size_t size, uint64_t max, uint64_t *ret_value)
{
    if (size == 0) {
        return ERR_INVALID;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return ERR_INVALID;
        }
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value)) {
            return ERR_RANGE;
        }
    }
    if (value > max) {
        return ERR_RANGE;
    }
    *ret_value = value;
    return 0;
}

/// Eight bytes, the first one lowest.
static inline uint64_t load_le64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof(v));
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v : __builtin_bswap64(v);
}

/// How many of eight bytes are digits before the first that is none. A digit has 3 in its high half
/// still when 6 is added; what the sum carries goes to bytes behind the one that is no digit.
static inline unsigned count_digits(uint64_t bytes)
{
    uint64_t odd = ((bytes & UINT64_C(0xf0f0f0f0f0f0f0f0)) ^ UINT64_C(0x3030303030303030)) |
                   (((bytes + UINT64_C(0x0606060606060606)) & UINT64_C(0xf0f0f0f0f0f0f0f0)) ^
                    UINT64_C(0x3030303030303030));
    return odd == 0 ? 8 : (unsigned)__builtin_ctzll(odd) / 8;
}

/// The number that the first `digits` (1 to 8) of eight bytes say: neighbors are joined to pairs,
/// pairs to fours, fours to the eight.
static inline uint32_t value_of_digits(uint64_t bytes, unsigned digits)
{
    uint64_t v = (bytes & UINT64_C(0x0f0f0f0f0f0f0f0f)) << (64 - 8 * digits); // zeros in front
    v = v * 10 + (v >> 8);
    uint64_t high = (v & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064);
    uint64_t low = (v >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001);
    return (uint32_t)((high + low) >> 32);
}

const uint8_t *num_scan(const uint8_t *at, const uint8_t *end, uint64_t *ret_value)
{
    static const uint32_t POWERS[] = {
        1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000
    };
    const uint8_t *begin = at;
    uint64_t value = 0;
    unsigned digits = 8;
    while (digits == 8 && end - at >= 8) {
        uint64_t bytes = load_le64(at);
        digits = count_digits(bytes);
        if (digits > 0) {
            value = value * POWERS[digits] + value_of_digits(bytes, digits);
        }
        at += digits;
    }
    while (digits == 8 && at < end && (unsigned)(*at - '0') <= 9) { // the last few bytes of all
        value = value * 10 + (uint64_t)(*at++ - '0');
    }
    *ret_value = value;
    return at - begin <= NUM_SCAN_DIGITS_MAX ? at : NULL;
}
