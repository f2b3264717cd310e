// SPDX-License-Identifier: Apache-2.0
/*
 * The bounded reader: the only way packet bytes are touched.
 *
 * A `struct rd` is a window on borrowed bytes with a sticky error. Every read compares with what
 * remains; a read past the end sets `bad`, moves the cursor to the end and yields 0 (or NULL), so
 * that a run of reads needs one look at `bad` before its results are used. A length field yields
 * rd_sub(): the child sees only its own bytes, and a bad child leaves its parent as it was.
 *
 * A fixed layout of N bytes is one rd_take(r, N) and then be16()/be32()/be64() inside those N.
 * Numbers are big-endian, as in every protocol weir reads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd {
    const uint8_t *at;
    const uint8_t *end;
    bool bad; ///< something was read that was not there
};

static inline uint16_t be16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(v) : v;
}

static inline uint32_t be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static inline uint64_t be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(v) : v;
}

/// A reader over `size` bytes at `data`; the bytes stay the caller's and must outlive it.
static inline struct rd rd_over(const uint8_t *data, size_t size)
{
    return (struct rd){ .at = data, .end = data + size, .bad = false };
}

static inline size_t rd_left(const struct rd *r)
{
    return (size_t)(r->end - r->at);
}

/// The next `size` bytes, consumed; NULL and `bad` when there are fewer.
static inline const uint8_t *rd_take(struct rd *r, size_t size)
{
    if (size > rd_left(r)) {
        r->at = r->end;
        r->bad = true;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += size;
    return p;
}

static inline void rd_skip(struct rd *r, size_t size)
{
    (void)rd_take(r, size); // a short skip is in r->bad
}

/// A reader of the next `size` bytes, which are consumed here; an empty bad one when there are
/// fewer.
static inline struct rd rd_sub(struct rd *r, size_t size)
{
    const uint8_t *p = rd_take(r, size);
    if (p == NULL) {
        return (struct rd){ .at = r->end, .end = r->end, .bad = true };
    }
    return rd_over(p, size);
}

static inline uint8_t rd_u8(struct rd *r)
{
    const uint8_t *p = rd_take(r, 1);
    return p == NULL ? 0 : *p;
}

static inline uint16_t rd_u16(struct rd *r)
{
    const uint8_t *p = rd_take(r, 2);
    return p == NULL ? 0 : be16(p);
}

static inline uint32_t rd_u32(struct rd *r)
{
    const uint8_t *p = rd_take(r, 4);
    return p == NULL ? 0 : be32(p);
}

static inline uint64_t rd_u64(struct rd *r)
{
    const uint8_t *p = rd_take(r, 8);
    return p == NULL ? 0 : be64(p);
}
