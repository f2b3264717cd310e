// SPDX-License-Identifier: Apache-2.0
/*
 * Most strings are plain ASCII without anything to escape: those are copied as they are looked at,
 * byte by byte, and only the rest takes the long way.
 */
#include "base/json_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

enum { UNICODE_ESCAPE_SIZE = 6 };

static uint8_t *put_escape(uint8_t *at, uint8_t c)
{
    static const char SHORT[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    static const char HEX[] = "0123456789abcdef";
    *at++ = '\\';
    for (const char *s = SHORT; *s != '\0'; s += 2) {
        if ((uint8_t)*s == c) {
            *at++ = (uint8_t)s[1];
            return at;
        }
    }
    memcpy(at, "u00", 3);
    at[3] = (uint8_t)HEX[c >> 4];
    at[4] = (uint8_t)HEX[c & 0xf];
    return at + 5;
}

static const uint8_t REPLACEMENT[] = { 0xef, 0xbf, 0xbd };

/// The character at `text`, which is not ASCII, or its replacement. *ret_size: bytes of `text`.
static uint8_t *put_character(uint8_t *at, const uint8_t *text, size_t size, size_t *ret_size)
{
    uint32_t code;
    size_t length = utf8_next(text, size, &code);
    const uint8_t *from = length == 0 ? REPLACEMENT : text;
    size_t count = length == 0 ? sizeof(REPLACEMENT) : length;
    memcpy(at, from, count);
    *ret_size = length == 0 ? 1 : length;
    return at + count;
}

/// Past a comment or blanks at `i`; the comment is known to end.
static size_t past_blank(const uint8_t *json, size_t size, size_t i)
{
    const char *end = json[i] != '/' ? "" : json[i + 1] == '*' ? "*/" : "\n";
    const uint8_t *found =
        end[0] == '\0' ? json + i : memmem(json + i + 2, size - i - 2, end, strlen(end));
    return found == NULL ? size : (size_t)(found - json) + (end[0] == '*' ? 2 : 1);
}

/// The code unit of an escape such as \ud83d at `json`; 0 when there is no such.
static uint32_t escaped_unit(const uint8_t *json, size_t size)
{
    uint32_t code = 0;
    if (size < UNICODE_ESCAPE_SIZE || json[0] != '\\' || json[1] != 'u') {
        return 0;
    }
    for (size_t i = 2; i < UNICODE_ESCAPE_SIZE; i++) {
        uint32_t c = json[i];
        code = code << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return code;
}

/// An escape, from its backslash on. One half of a pair of surrogates is no character.
static uint8_t *put_valid_escape(uint8_t *at, const uint8_t *json, size_t size, size_t *ret_size)
{
    uint32_t unit = escaped_unit(json, size);
    bool surrogate = unit >= 0xd800 && unit <= 0xdfff;
    uint32_t next = unit < 0xd800 || unit > 0xdbff || size < 2U * UNICODE_ESCAPE_SIZE
                        ? 0
                        : escaped_unit(json + UNICODE_ESCAPE_SIZE, UNICODE_ESCAPE_SIZE);
    bool pair = next >= 0xdc00 && next <= 0xdfff;
    size_t count = pair ? 2U * UNICODE_ESCAPE_SIZE : unit != 0 ? UNICODE_ESCAPE_SIZE : 2;
    memcpy(at, surrogate && !pair ? (const uint8_t *)"\\ufffd" : json, count);
    *ret_size = count;
    return at + count;
}

/// A string from its quote on; *ret_size: bytes of `json` up to behind its end.
static uint8_t *put_valid_string(uint8_t *at, const uint8_t *json, size_t size, size_t *ret_size)
{
    size_t i = 0;
    bool open = false;
    do {
        size_t length = 1;
        if (json[i] == '\\' && i + 1 < size) {
            at = put_valid_escape(at, json + i, size - i, &length);
        } else if (json[i] < 0x80) {
            open = json[i] == '"' ? !open : open;
            *at++ = json[i];
        } else {
            at = put_character(at, json + i, size - i, &length);
        }
        i += length;
    } while (open && i < size);
    *ret_size = i;
    return at;
}

uint8_t *json_put_compact(uint8_t *at, const uint8_t *json, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t length;
        if (json[i] == '"') {
            at = put_valid_string(at, json + i, size - i, &length);
            i += length;
        } else if (json[i] <= ' ' || (json[i] == '/' && i + 1 < size)) {
            i = past_blank(json, size, i);
        } else {
            *at++ = json[i++];
        }
    }
    return at;
}

uint8_t *json_put_string(uint8_t *at, const uint8_t *text, size_t size)
{
    *at++ = '"';
    for (size_t i = 0; i < size;) {
        uint8_t c = text[i];
        size_t length = 1;
        if (c < 0x80) {
            bool plain = c >= 0x20 && c != '"' && c != '\\';
            *at = c;
            at = plain ? at + 1 : put_escape(at, c);
        } else {
            at = put_character(at, text + i, size - i, &length);
        }
        i += length;
    }
    *at++ = '"';
    return at;
}

void json_append_string(struct buf *out, const uint8_t *text, size_t size)
{
    if (buf_reserve(out, JSON_ESCAPE_SIZE_MAX * size + 2) == 0) {
        buf_advance(out, json_put_string(buf_tail(out), text, size));
    }
}

void json_append_text(struct buf *out, const char *text)
{
    json_append_string(out, (const uint8_t *)text, strlen(text));
}

uint8_t *json_put_double(uint8_t *at, double value)
{
    enum { DIGITS_ENOUGH = 17 };
    char text[JSON_DOUBLE_SIZE_MAX];
    int size = 0;
    for (int digits = 1; digits <= DIGITS_ENOUGH; digits++) {
        size = snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    DCHECK(size > 0 && size < JSON_DOUBLE_SIZE_MAX);
    memcpy(at, text, (size_t)size);
    return at + size;
}
