// SPDX-License-Identifier: Apache-2.0
/* One character of UTF-8 at a time (RFC 3629). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/// The size of the character at `text` (1..4) and its code point; 0 when the bytes are no UTF-8:
/// overlong, a surrogate, past U+10FFFF or cut short. `size` is at least 1.
static inline size_t utf8_next(const uint8_t *text, size_t size, uint32_t *ret_code)
{
    static const uint32_t FIRST_CODE[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint8_t c = text[0];
    if (c < 0x80) {
        *ret_code = c;
        return 1;
    }
    size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || length > size) {
        return 0;
    }
    uint32_t code = c & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[i] & 0x3fU);
    }
    if (code < FIRST_CODE[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return 0;
    }
    *ret_code = code;
    return length;
}

/// Writes a character (at most U+10FFFF) at `at`, which has room for UTF8_SIZE_MAX bytes. Returns
/// one past the last byte.
enum { UTF8_SIZE_MAX = 4 };

static inline uint8_t *utf8_put(uint8_t *at, uint32_t code)
{
    if (code < 0x80) {
        *at++ = (uint8_t)code;
    } else if (code < 0x800) {
        *at++ = (uint8_t)(0xc0 | code >> 6);
        *at++ = (uint8_t)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *at++ = (uint8_t)(0xe0 | code >> 12);
        *at++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        *at++ = (uint8_t)(0x80 | (code & 0x3f));
    } else {
        *at++ = (uint8_t)(0xf0 | code >> 18);
        *at++ = (uint8_t)(0x80 | (code >> 12 & 0x3f));
        *at++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        *at++ = (uint8_t)(0x80 | (code & 0x3f));
    }
    return at;
}
