// SPDX-License-Identifier: Apache-2.0
/* Short texts, seldom: written to be read. */
#include "base/base64.h"

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t size, struct buf *out)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes[i + 2] : 0;
        buf_append_char(out, DIGITS[group >> 18]);
        buf_append_char(out, DIGITS[group >> 12 & 63]);
        buf_append_char(out, left > 1 ? DIGITS[group >> 6 & 63] : '=');
        buf_append_char(out, left > 2 ? DIGITS[group & 63] : '=');
    }
}

/// The digits without the "=" behind them; SIZE_MAX when it is not base64.
static size_t digit_count(const char *text, size_t size)
{
    size_t count = size;
    if (size % 4 == 0) {
        while (count > 0 && size - count < 2 && text[count - 1] == '=') {
            count--;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (text[i] == '\0' || strchr(DIGITS, text[i]) == NULL) {
            return SIZE_MAX;
        }
    }
    return count % 4 == 1 ? SIZE_MAX : count;
}

bool base64_decode(const char *text, size_t size, struct buf *out)
{
    size_t count = digit_count(text, size);
    if (count == SIZE_MAX) {
        return false;
    }
    uint32_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        bits = bits << 6 | (uint32_t)(strchr(DIGITS, text[i]) - DIGITS);
        if (i % 4 > 0) { // the first of four digits does not end a byte
            buf_append_char(out, (char)(uint8_t)(bits >> (6 - i % 4 * 2)));
        }
    }
    return !out->bad;
}
