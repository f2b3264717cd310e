// SPDX-License-Identifier: Apache-2.0
/*
 * Writing big-endian numbers one behind the other, the counterpart of rd.h for bytes that weir
 * makes itself. Not bounded: the room must hold what is written.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pen {
    uint8_t *at; ///< where the next byte goes
};

static inline struct pen pen_at(uint8_t *at)
{
    return (struct pen){ .at = at };
}

static inline void pen_u8(struct pen *p, uint32_t v)
{
    *p->at++ = (uint8_t)v;
}

static inline void pen_u16(struct pen *p, uint32_t v)
{
    pen_u8(p, v >> 8);
    pen_u8(p, v);
}

static inline void pen_u32(struct pen *p, uint32_t v)
{
    pen_u16(p, v >> 16);
    pen_u16(p, v);
}

static inline void pen_u64(struct pen *p, uint64_t v)
{
    pen_u32(p, (uint32_t)(v >> 32));
    pen_u32(p, (uint32_t)v);
}

static inline void pen_bytes(struct pen *p, const void *bytes, size_t size)
{
    memcpy(p->at, bytes, size);
    p->at += size;
}

static inline void pen_zeros(struct pen *p, size_t size)
{
    memset(p->at, 0, size);
    p->at += size;
}
