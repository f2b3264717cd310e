// SPDX-License-Identifier: Apache-2.0
/* See web/arguments.h: one pass over the text, decoding into one buffer. */
#include "web/arguments.h"

#include <string.h>

#include "base/num.h"

/// Decodes up to `end`, with a NUL behind it. False: it holds a NUL itself.
static bool decode(const char *at, const char *end, struct buf *out)
{
    while (at < end) {
        char c = *at++;
        if (c == '+') {
            c = ' ';
        } else if (c == '%' && end - at >= 2) {
            int high = num_hex_digit((uint8_t)at[0]);
            int low = num_hex_digit((uint8_t)at[1]);
            if (high >= 0 && low >= 0) {
                c = (char)(high << 4 | low);
                at += 2;
            }
        }
        if (c == '\0') {
            return false;
        }
        buf_append_char(out, c);
    }
    buf_append_char(out, '\0');
    return true;
}

enum arguments_fault arguments_read(const char *query, struct arguments *ret_arguments)
{
    struct arguments *a = ret_arguments;
    a->count = 0;
    buf_init(&a->texts, ARGUMENTS_SIZE_MAX + 2 * ARGUMENTS_MAX);
    const char *at = query == NULL ? "" : query;
    while (*at != '\0') {
        const char *end = at + strcspn(at, "&");
        if (end > at) {
            const char *equals = memchr(at, '=', (size_t)(end - at));
            if (a->count == ARGUMENTS_MAX) {
                return ARGUMENTS_TOO_MANY;
            }
            a->at[a->count].name = a->texts.size;
            if (!decode(at, equals == NULL ? end : equals, &a->texts)) {
                return ARGUMENTS_NUL;
            }
            a->at[a->count].value = a->texts.size;
            if (!decode(equals == NULL ? end : equals + 1, end, &a->texts)) {
                return ARGUMENTS_NUL;
            }
            if (a->texts.bad) {
                return ARGUMENTS_TOO_LONG;
            }
            a->count++;
        }
        at = *end == '\0' ? end : end + 1;
    }
    return ARGUMENTS_FINE;
}

void arguments_release(struct arguments *a)
{
    buf_release(&a->texts);
}

const char *arguments_name(const struct arguments *a, size_t index)
{
    return (const char *)a->texts.data + a->at[index].name;
}

const char *arguments_value(const struct arguments *a, size_t index)
{
    return (const char *)a->texts.data + a->at[index].value;
}

const char *arguments_find(const struct arguments *a, const char *name)
{
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(arguments_name(a, i), name) == 0) {
            return arguments_value(a, i);
        }
    }
    return NULL;
}
