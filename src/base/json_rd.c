// SPDX-License-Identifier: Apache-2.0
/*
 * Values are passed over with a stack of bits, one for each open bracket, so that depth costs no
 * recursion. json_rd_value() follows the grammar as a small machine: before each token it is known
 * whether a value, a name or a comma may come.
 */
#include "base/json_rd.h"

#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

bool json_rd_blanks(struct json_rd *r)
{
    while (r->at < r->end) {
        uint8_t c = *r->at;
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            r->at++;
            continue;
        }
        if (c != '/') {
            return true;
        }
        size_t left = (size_t)(r->end - r->at);
        if (left >= 2 && r->at[1] == '/') {
            const uint8_t *end = memchr(r->at, '\n', left);
            r->at = end == NULL ? r->end : end;
        } else if (left >= 4 && r->at[1] == '*') {
            const uint8_t *end = memmem(r->at + 2, left - 2, "*/", 2);
            if (end == NULL) {
                return false;
            }
            r->at = end + 2;
        } else {
            return false;
        }
    }
    return true;
}

static bool is_hex(uint8_t c)
{
    return num_hex_digit(c) >= 0;
}

/// Behind a backslash; false when it is no escape. Leaves the reader behind it.
static bool pass_escape(struct json_rd *r)
{
    if (r->at >= r->end) {
        return false;
    }
    uint8_t c = *r->at++;
    if (c != 'u') {
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    }
    if (r->end - r->at < 4 ||
        !(is_hex(r->at[0]) && is_hex(r->at[1]) && is_hex(r->at[2]) && is_hex(r->at[3]))) {
        return false;
    }
    r->at += 4;
    return true;
}

bool json_rd_string(struct json_rd *r, struct json_text *ret_text)
{
    if (!json_rd_is_at(r, '"')) {
        return false;
    }
    const uint8_t *begin = ++r->at;
    bool escaped = false;
    while (r->at < r->end) {
        uint8_t c = *r->at++;
        if (c == '"') {
            *ret_text = (struct json_text){ .data = begin,
                                            .size = (size_t)(r->at - 1 - begin),
                                            .escaped = escaped };
            return true;
        }
        if (c < 0x20) {
            return false;
        }
        if (c == '\\') {
            escaped = true;
            if (!pass_escape(r)) {
                return false;
            }
        }
    }
    return false;
}

static bool pass_digits(struct json_rd *r)
{
    const uint8_t *begin = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        r->at++;
    }
    return r->at > begin;
}

static bool pass_number(struct json_rd *r)
{
    const uint8_t *begin = r->at;
    r->at += json_rd_is_at(r, '-');
    if (json_rd_is_at(r, '0')) {
        r->at++;
    } else if (!pass_digits(r)) {
        return false;
    }
    if (json_rd_is_at(r, '.')) {
        r->at++;
        if (!pass_digits(r)) {
            return false;
        }
    }
    if (json_rd_is_at(r, 'e') || json_rd_is_at(r, 'E')) {
        r->at++;
        r->at += json_rd_is_at(r, '+') || json_rd_is_at(r, '-');
        if (!pass_digits(r)) {
            return false;
        }
    }
    // What follows must not make a longer word of it: 070, 1x.
    bool ends = r->at == r->end || strchr(",]} \t\r\n/", *r->at) != NULL;
    return ends && r->at - begin <= JSON_NUMBER_SIZE_MAX;
}

static bool pass_word(struct json_rd *r, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(r->end - r->at) < size || memcmp(r->at, word, size) != 0) {
        return false;
    }
    r->at += size;
    return true;
}

static bool pass_scalar(struct json_rd *r)
{
    struct json_text text;
    switch (r->at < r->end ? *r->at : '\0') {
    case '"':
        return json_rd_string(r, &text);
    case 't':
        return pass_word(r, "true");
    case 'f':
        return pass_word(r, "false");
    case 'n':
        return pass_word(r, "null");
    default:
        return pass_number(r);
    }
}

/// The open brackets, a bit each: set for an object.
struct nest {
    uint64_t bits[JSON_DEPTH_MAX / 64 + 1];
    unsigned depth;
};

static bool is_object(const struct nest *n)
{
    unsigned i = n->depth - 1;
    return (n->bits[i / 64] >> i % 64 & 1) != 0;
}

static bool push(struct nest *n, bool object)
{
    if (n->depth == JSON_DEPTH_MAX) {
        return false;
    }
    uint64_t bit = UINT64_C(1) << n->depth % 64;
    uint64_t *word = &n->bits[n->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    n->depth++;
    return true;
}

/// A member's name and colon, with the blanks around them.
static bool pass_name(struct json_rd *r)
{
    struct json_text name;
    if (!json_rd_string(r, &name) || !json_rd_blanks(r) || !json_rd_is_at(r, ':')) {
        return false;
    }
    r->at++;
    return json_rd_blanks(r);
}

/// Opens a bracket at the reader. *ret_empty: it was closed at once.
static bool open_bracket(struct json_rd *r, struct nest *n, bool *ret_empty)
{
    bool object = *r->at == '{';
    r->at++;
    if (!push(n, object) || !json_rd_blanks(r)) {
        return false;
    }
    *ret_empty = json_rd_is_at(r, object ? '}' : ']');
    return *ret_empty || !object || pass_name(r);
}

/// Behind a value inside brackets: closes those that end here, or passes the comma (and name) to
/// the next value.
static bool pass_ends(struct json_rd *r, struct nest *n)
{
    while (n->depth > 0) {
        if (!json_rd_blanks(r) || r->at == r->end) {
            return false;
        }
        uint8_t c = *r->at++;
        if (c == ',') {
            return json_rd_blanks(r) && (!is_object(n) || pass_name(r));
        }
        if (c != (is_object(n) ? '}' : ']')) {
            return false;
        }
        n->depth--;
    }
    return true;
}

bool json_rd_value(struct json_rd *r)
{
    struct nest nest = { .depth = 0 };
    do {
        bool bracket = json_rd_is_at(r, '{') || json_rd_is_at(r, '[');
        bool empty = false;
        if (bracket ? !open_bracket(r, &nest, &empty) : !pass_scalar(r)) {
            return false;
        }
        if (bracket && !empty) {
            continue;
        }
        if (nest.depth > 0 && !pass_ends(r, &nest)) {
            return false;
        }
    } while (nest.depth > 0);
    return true;
}

static uint32_t hex4(const uint8_t *p)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t c = p[i];
        value = value << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

/// The character of a \u escape at `p` (behind its u), which may be the first of a pair.
static uint32_t escaped_code(const uint8_t *p, const uint8_t *end, size_t *ret_size)
{
    uint32_t code = hex4(p);
    *ret_size = 4;
    if (code < 0xd800 || code > 0xdfff) {
        return code;
    }
    bool pair = code < 0xdc00 && end - p >= 10 && p[4] == '\\' && p[5] == 'u';
    uint32_t low = pair ? hex4(p + 6) : 0;
    if (low < 0xdc00 || low > 0xdfff) {
        return 0xfffd;
    }
    *ret_size = 10;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

size_t json_unescape(const struct json_text *text, uint8_t *out)
{
    static const char FROM[] = "bfnrt";
    static const char TO[] = "\b\f\n\r\t";
    uint8_t *at = out;
    const uint8_t *end = text->data + text->size;
    for (const uint8_t *p = text->data; p < end;) {
        if (*p != '\\') {
            *at++ = *p++;
            continue;
        }
        p++;
        if (*p == 'u') {
            size_t size;
            at = utf8_put(at, escaped_code(p + 1, end, &size));
            p += 1 + size;
            continue;
        }
        const char *known = strchr(FROM, *p);
        *at++ = known == NULL ? *p : (uint8_t)TO[known - FROM];
        p++;
    }
    return (size_t)(at - out);
}
