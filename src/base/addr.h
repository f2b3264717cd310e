// SPDX-License-Identifier: Apache-2.0
/*
 * Network addresses as flows carry them: four or sixteen bytes in network order, or none. Text is
 * RFC 5952, written as Go's netip writes it, because goflow2's output is compared byte for byte.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

enum {
    ADDR_TEXT_SIZE_MAX = 45, ///< "ffff:...:255.255.255.255"; no NUL
    ADDR_V4_SIZE = 4,
    ADDR_V6_SIZE = 16,
};

/// `size` is 0 (none), 4 or 16; a mapping file can leave other sizes, which have no text.
struct addr {
    uint8_t size;
    uint8_t bytes[16]; ///< those past `size` are zero
};

/// An address block such as 10.0.0.0/8.
struct cidr {
    struct addr addr; ///< host bits are zero
    uint8_t prefix;
};

static inline struct addr addr_v4(const uint8_t bytes[static 4])
{
    struct addr a = { .size = ADDR_V4_SIZE };
    memcpy(a.bytes, bytes, 4);
    return a;
}

static inline struct addr addr_v6(const uint8_t bytes[static 16])
{
    struct addr a = { .size = ADDR_V6_SIZE };
    memcpy(a.bytes, bytes, 16);
    return a;
}

bool addr_equal(const struct addr *a, const struct addr *b);

/// ::ffff:a.b.c.d becomes a.b.c.d, others stay.
struct addr addr_unmap(const struct addr *a);

/// Writes the text without NUL at `at` (room ADDR_TEXT_SIZE_MAX); nothing for sizes but 4 and 16.
/// A v4-mapped address is written ::ffff:1.2.3.4. Returns one past the last byte.
uint8_t *addr_put(uint8_t *at, const struct addr *a);

/// As addr_put() into a C string of ADDR_TEXT_SIZE_MAX + 1 bytes; returns `text`.
const char *addr_text(const struct addr *a, char text[static ADDR_TEXT_SIZE_MAX + 1]);

/// "192.0.2.1", "2001:db8::1". ERR_INVALID.
int addr_parse(const char *text, struct addr *ret_addr) MUST_USE;

/// An address in one of its usual forms (no dotted half of an IPv6 address) at `text`. Where it
/// ends, `end` at most; NULL when there is none. Whether it may end there is for the caller to say.
const uint8_t *addr_scan(const uint8_t *text, const uint8_t *end, struct addr *ret_addr);

/// As addr_parse() for `size` bytes that need no NUL. ERR_INVALID.
int addr_get(const uint8_t *text, size_t size, struct addr *ret_addr) MUST_USE;

/// "10.0.0.0/8", "2001:db8::/32" or an address alone. Host bits are cleared. ERR_INVALID.
int cidr_parse(const char *text, struct cidr *ret_cidr) MUST_USE;

/// Whether `a` (v4-mapped counts as v4) lies in `c`.
bool cidr_contains(const struct cidr *c, const struct addr *a);

/// `a` with all but its first `prefix` bits cleared; `prefix` is at most 8 * a->size.
struct addr addr_mask(const struct addr *a, unsigned prefix);
