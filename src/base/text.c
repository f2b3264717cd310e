// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers follow Go's strconv, because goflow2's flags and YAML do. Distances are Levenshtein's,
 * over names of at most 63 characters; a hint is given when about a third of the letters fit badly
 * at most.
 */
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/utf8.h"

/// Go's base prefixes (strconv.ParseInt with base 0).
static unsigned base_of(const char **text)
{
    const char *p = *text;
    if (p[0] != '0' || p[1] == '\0') {
        return 10;
    }
    switch (p[1]) {
    case 'x':
    case 'X':
        *text += 2;
        return 16;
    case 'b':
    case 'B':
        *text += 2;
        return 2;
    case 'o':
    case 'O':
        *text += 2;
        return 8;
    default:
        *text += 1;
        return 8;
    }
}

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (unsigned)(c - 'a') + 10;
    }
    return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 99;
}

int text_get_u64(const char *text, uint64_t *ret_value)
{
    const char *p = text;
    unsigned base = base_of(&p);
    bool prefixed = p != text;
    uint64_t value = 0;
    bool digit_before = false;
    bool any = false;
    bool misplaced = false;
    for (; *p != '\0'; p++) {
        if (*p == '_') { // between digits, or between prefix and digits
            misplaced = misplaced || !(digit_before || (prefixed && !any)) || p[1] == '_';
            digit_before = false;
            continue;
        }
        unsigned digit = digit_of(*p);
        if (digit >= base) {
            return ERR_INVALID;
        }
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return ERR_RANGE; // whatever follows, as in Go
        }
        digit_before = true;
        any = true;
    }
    if (misplaced || !digit_before) {
        return ERR_INVALID;
    }
    *ret_value = value;
    return 0;
}

int text_get_i64(const char *text, int64_t *ret_value)
{
    bool negative = text[0] == '-';
    uint64_t magnitude;
    int status = text_get_u64(text + (negative || text[0] == '+'), &magnitude);
    if (status != 0) {
        return status;
    }
    if (magnitude > (uint64_t)INT64_MAX + negative) {
        return ERR_RANGE;
    }
    *ret_value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return 0;
}

int text_clip(const char *text, size_t size, size_t max)
{
    size_t at = 0;
    while (at < size) {
        uint32_t code;
        size_t length = utf8_next((const uint8_t *)text + at, size - at, &code);
        length += length == 0;
        if (at + length > max) {
            break;
        }
        at += length;
    }
    return (int)at;
}

struct text_nearest text_nearest_to(const char *wanted)
{
    return (struct text_nearest){ .wanted = wanted, .best_distance = SIZE_MAX };
}

/// Levenshtein's distance of two names; SIZE_MAX for long ones, which nobody mistypes.
static size_t distance(const char *a, const char *b)
{
    enum { NAME_SIZE_MAX = 63 };
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    if (a_size > NAME_SIZE_MAX || b_size > NAME_SIZE_MAX) {
        return SIZE_MAX;
    }
    size_t row[NAME_SIZE_MAX + 1];
    for (size_t j = 0; j <= b_size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            size_t inserted = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < inserted ? replaced : inserted;
        }
    }
    return row[b_size];
}

void text_nearest_try(struct text_nearest *n, const char *candidate)
{
    size_t d = distance(n->wanted, candidate);
    if (d < n->best_distance) {
        n->best_distance = d;
        n->best = candidate;
    }
}

const char *text_nearest_hint(struct text_nearest *n)
{
    size_t size = strlen(n->wanted);
    n->hint[0] = '\0';
    if (n->best != NULL && n->best_distance <= (size < 4 ? 1 : size / 3 + 1)) {
        (void)snprintf(n->hint, sizeof(n->hint), "; did you mean \"%s\"?", n->best); // cut is fine
    }
    return n->hint;
}
