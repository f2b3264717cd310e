// SPDX-License-Identifier: Apache-2.0
/*
 * Doubling up to the cap, so that a buffer that is reused settles at the size it needs and then
 * never allocates again.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"

enum { FIRST_CAPACITY = 256 };

void buf_init(struct buf *b, size_t size_max)
{
    *b = (struct buf){ .size_max = size_max };
}

void buf_release(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){ .size_max = b->size_max };
}

int buf_grow(struct buf *b, size_t size)
{
    if (size > b->size_max - b->size) {
        b->bad = true;
        return ERR_FULL;
    }
    size_t capacity = b->capacity == 0 ? FIRST_CAPACITY : b->capacity;
    while (capacity < b->size + size) {
        capacity *= 2;
    }
    if (capacity > b->size_max) {
        capacity = b->size_max;
    }
    uint8_t *data = mem_resize(b->data, capacity);
    if (data == NULL) {
        b->bad = true;
        return ERR_NO_MEMORY;
    }
    b->data = data;
    b->capacity = capacity;
    return 0;
}

void buf_append_text(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

void buf_append_u64(struct buf *b, uint64_t value)
{
    if (buf_reserve(b, NUM_U64_SIZE_MAX) == 0) {
        buf_advance(b, num_put_u64(buf_tail(b), value));
    }
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(size >= 0);
    if (buf_reserve(b, (size_t)size + 1) != 0) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf((char *)b->data + b->size, (size_t)size + 1, format, args); // room was made
    va_end(args);
    b->size += (size_t)size;
}

const char *buf_text(struct buf *b)
{
    if (b->bad || buf_reserve(b, 1) != 0) {
        return "";
    }
    b->data[b->size] = '\0';
    return (const char *)b->data;
}
