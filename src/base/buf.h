// SPDX-License-Identifier: Apache-2.0
/*
 * A growing byte buffer with a cap: formats append to it, transports own it.
 *
 * buf_reserve() is the one place that grows and fails; after it the caller writes at most that many
 * bytes through buf_tail() and buf_advance(), unchecked, which is how the formats are fast. The
 * small appenders below reserve for themselves and make a failure sticky (`bad`), to be looked at
 * once at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

struct buf {
    uint8_t *data; ///< owned
    size_t size;
    size_t capacity;
    size_t size_max; ///< never grows past this
    bool bad;        ///< an append did not fit or memory was out
};

/// An empty buffer that may grow to `size_max` bytes; allocates nothing yet.
void buf_init(struct buf *b, size_t size_max);
void buf_release(struct buf *b);

/// buf_reserve() where there is not enough room yet.
int buf_grow(struct buf *b, size_t size) MUST_USE;

/// Room for `size` more bytes. ERR_FULL past size_max, ERR_NO_MEMORY; either sets `bad`.
MUST_USE static inline int buf_reserve(struct buf *b, size_t size)
{
    return size <= b->capacity - b->size ? 0 : buf_grow(b, size);
}

/// Empty again, memory kept, `bad` cleared.
static inline void buf_clear(struct buf *b)
{
    b->size = 0;
    b->bad = false;
}

/// Where the next byte goes; valid for what buf_reserve() promised.
static inline uint8_t *buf_tail(struct buf *b)
{
    return b->data + b->size;
}

/// `end` is one past the last byte written at buf_tail().
static inline void buf_advance(struct buf *b, const uint8_t *end)
{
    DCHECK(end >= b->data + b->size && end <= b->data + b->capacity);
    b->size = (size_t)(end - b->data);
}

static inline void buf_append(struct buf *b, const void *data, size_t size)
{
    if (size > 0 && buf_reserve(b, size) == 0) {
        memcpy(b->data + b->size, data, size);
        b->size += size;
    }
}

static inline void buf_append_char(struct buf *b, char c)
{
    if (buf_reserve(b, 1) == 0) {
        b->data[b->size++] = (uint8_t)c;
    }
}

void buf_append_text(struct buf *b, const char *text);
void buf_append_u64(struct buf *b, uint64_t value);
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

/// The content as a C string (a NUL is kept behind it, not counted); "" for a bad or empty one.
const char *buf_text(struct buf *b);
