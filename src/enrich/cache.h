// SPDX-License-Identifier: Apache-2.0
/*
 * One thread's memory of addresses it has seen: an address is two numbers, each of which stands for
 * a piece, texts that are ready to be put into a batch. Many addresses share a piece.
 *
 * The sizes are fixed. A piece is forgotten when so many others came that its room was needed, an
 * address when others fell on its place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"

struct cache;

enum {
    PIECE_TEXT_SIZE_MAX = 1088,
    /// Pieces that are made, at most, while ones that were found have to last.
    CACHE_PIECES_MAX = 2048,
};

/// Texts that belong together: `json` from the beginning, the others somewhere.
struct piece {
    uint64_t batch;  ///< the batch that has its texts ...
    uint32_t offset; ///< ... and where
    uint32_t json_size;
    uint32_t name_at;
    uint32_t name_size;
    uint32_t network_at;
    uint32_t network_size;
    uint32_t as_number;
    uint32_t text_size;
    char country[2];
    uint8_t text[]; ///< text_size bytes
};

/// What an address is known as: places of pieces, 0 where there is nothing to say.
struct cache_entry {
    uint64_t key;
    uint32_t geo;
    uint32_t owner;
};

enum cache_kind { CACHE_GEO, CACHE_OWNER };

/// ERR_NO_MEMORY.
int cache_new(struct cache **ret_cache) MUST_USE;
void cache_free(struct cache *c);
/// Forgets everything.
void cache_clear(struct cache *c);

/// Before each run of finding and making: what is found or made from here on lasts until
/// CACHE_PIECES_MAX were made.
void cache_begin(struct cache *c);

/// A number that stands for an address of 4 or 16 bytes, never 0. IPv4 addresses are told apart for
/// certain, IPv6 by 63 bits of a hash whose seed nobody knows.
uint64_t cache_key(const struct cache *c, const struct addr *a);
/// Asks for the memory in which the key's entry would be.
void cache_prefetch(const struct cache *c, uint64_t key);

/// The entry of an address, or NULL. Valid until the next call.
const struct cache_entry *cache_find(struct cache *c, uint64_t key);
void cache_put(struct cache *c, const struct cache_entry *entry);

/// The piece that was made of `source`, or 0.
uint32_t cache_piece_of(const struct cache *c, enum cache_kind kind, uint64_t source);
/// Keeps a piece and its text (at most PIECE_TEXT_SIZE_MAX bytes) as what is made of `source`.
uint32_t cache_add_piece(struct cache *c, enum cache_kind kind, uint64_t source,
                         const struct piece *piece, const uint8_t *text);
/// A piece that was found or made.
struct piece *cache_piece(const struct cache *c, uint32_t piece);
/// Asks for its memory; nothing for 0.
void cache_prefetch_piece(const struct cache *c, uint32_t piece, enum cache_kind kind);
