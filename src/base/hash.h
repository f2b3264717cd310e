// SPDX-License-Identifier: Apache-2.0
/* Fast, not cryptographic hashes (XXH3): tables, identities, checksums of weir's own files. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t hash64(const void *data, size_t size);
/// hash64() that somebody who does not know `seed` cannot aim at.
uint64_t hash64_seeded(const void *data, size_t size, uint64_t seed);

/// XXH128; the low half comes first.
struct hash128 {
    uint64_t low;
    uint64_t high;
};

struct hash128 hash128(const void *data, size_t size);
