// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses are in sets of four that fill a line of the processor's cache. A hit moves one place up
 * and a newcomer takes the last place, so that what is asked for often stays.
 *
 * Pieces are written one behind the other into a ring and known by where they stand in the endless
 * row that the ring is the end of. Whether one is still there is a comparison, and nothing has to
 * be told that it is gone. An index finds the piece that was made of a record of a database.
 *
 * The areas are mapped and cost what is touched: 16 bytes an address, some 300 a place.
 */
#include "enrich/cache.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"

enum {
    WAYS = 4,
    SETS_LOG2 = 17,
    SETS = 1 << SETS_LOG2,
    UNIT = 8, ///< pieces begin at multiples of it
    RING_SIZE = 24 << 20,
    RING_UNITS = RING_SIZE / UNIT,
    PIECE_UNITS_MAX = (sizeof(struct piece) + PIECE_TEXT_SIZE_MAX + UNIT - 1) / UNIT,
    /// What is so near to being overwritten does not count as there.
    MARGIN_UNITS = (CACHE_PIECES_MAX + 1) * PIECE_UNITS_MAX,
    INDEX_LOG2 = 17,
    INDEX_SIZE = 1 << INDEX_LOG2,
};

_Static_assert(2 * MARGIN_UNITS <= RING_UNITS, "most of the ring is of use");

struct set {
    _Alignas(64) struct cache_entry entries[WAYS];
};

struct index {
    uint64_t source; ///< of kind CACHE_OWNER with the uppermost bit set
    uint32_t piece;
};

struct cache {
    uint64_t seed;
    uint32_t head; ///< where the next piece goes, in units from the beginning of the row
    struct set *sets;
    struct index *index;
    uint8_t *ring;
};

static const uint64_t ODD = UINT64_C(0x9e3779b97f4a7c15);

int cache_new(struct cache **ret_cache)
{
    struct cache *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        return ERR_NO_MEMORY;
    }
    c->sets = mem_map(SETS * sizeof(struct set));
    c->index = mem_map(INDEX_SIZE * sizeof(struct index));
    c->ring = mem_map(RING_SIZE);
    if (c->sets == NULL || c->index == NULL || c->ring == NULL) {
        cache_free(c);
        return ERR_NO_MEMORY;
    }
    // Each address is somewhere else: with small pages finding the page costs as much as the line.
    (void)madvise(c->sets, SETS * sizeof(struct set), MADV_HUGEPAGE); // or not, and it is slower
    (void)madvise(c->ring, RING_SIZE, MADV_HUGEPAGE);
    if (getrandom(&c->seed, sizeof(c->seed), GRND_NONBLOCK) != (ssize_t)sizeof(c->seed)) {
        c->seed = (uint64_t)(uintptr_t)c->sets; // early at boot: better than a constant
    }
    c->head = RING_UNITS;
    *ret_cache = c;
    return 0;
}

void cache_free(struct cache *c)
{
    if (c != NULL) {
        mem_unmap(c->sets, SETS * sizeof(struct set));
        mem_unmap(c->index, INDEX_SIZE * sizeof(struct index));
        mem_unmap(c->ring, RING_SIZE);
        mem_free(c);
    }
}

void cache_clear(struct cache *c)
{
    memset(c->sets, 0, SETS * sizeof(struct set));
    memset(c->index, 0, INDEX_SIZE * sizeof(struct index));
    c->head = RING_UNITS;
}

void cache_begin(struct cache *c)
{
    if (c->head > UINT32_MAX - 2 * RING_UNITS) {
        cache_clear(c); // the row has no more numbers: some 30 GB of pieces were made
    }
}

uint64_t cache_key(const struct cache *c, const struct addr *a)
{
    if (a->size == ADDR_V4_SIZE) {
        uint32_t number;
        memcpy(&number, a->bytes, sizeof(number));
        return UINT64_C(1) << 32 | number;
    }
    return UINT64_C(1) << 63 | hash64_seeded(a->bytes, ADDR_V6_SIZE, c->seed);
}

static struct set *set_of(const struct cache *c, uint64_t key)
{
    return &c->sets[(key ^ c->seed >> 1) * ODD >> (64 - SETS_LOG2)];
}

void cache_prefetch(const struct cache *c, uint64_t key)
{
    __builtin_prefetch(set_of(c, key), 1);
}

void cache_prefetch_piece(const struct cache *c, uint32_t piece, enum cache_kind kind)
{
    enum { LINE = 64, GEO_LINES = 4, OWNER_LINES = 2 }; // what most of them take
    const uint8_t *at = (const uint8_t *)cache_piece(c, piece);
    size_t lines = piece == 0 ? 0 : kind == CACHE_GEO ? GEO_LINES : OWNER_LINES;
    for (size_t i = 0; i < lines; i++) {
        __builtin_prefetch(at + LINE * i);
    }
}

/// Whether a piece is there and stays for a while.
static bool is_there(const struct cache *c, uint32_t piece)
{
    return c->head - piece <= RING_UNITS - MARGIN_UNITS;
}

const struct cache_entry *cache_find(struct cache *c, uint64_t key)
{
    struct cache_entry *e = set_of(c, key)->entries;
    for (size_t i = 0; i < WAYS; i++) {
        if (e[i].key != key) {
            continue;
        }
        if ((e[i].geo != 0 && !is_there(c, e[i].geo)) ||
            (e[i].owner != 0 && !is_there(c, e[i].owner))) {
            return NULL;
        }
        if (i == 0) {
            return &e[0];
        }
        struct cache_entry found = e[i];
        e[i] = e[i - 1];
        e[i - 1] = found;
        return &e[i - 1];
    }
    return NULL;
}

void cache_put(struct cache *c, const struct cache_entry *entry)
{
    struct cache_entry *e = set_of(c, entry->key)->entries;
    size_t at = 0;
    while (at < WAYS - 1 && e[at].key != entry->key && e[at].key != 0) {
        at++;
    }
    e[at] = *entry;
}

static struct index *index_of(const struct cache *c, enum cache_kind kind, uint64_t *source)
{
    *source |= kind == CACHE_OWNER ? UINT64_C(1) << 63 : 0;
    return &c->index[*source * ODD >> (64 - INDEX_LOG2)];
}

uint32_t cache_piece_of(const struct cache *c, enum cache_kind kind, uint64_t source)
{
    const struct index *i = index_of(c, kind, &source);
    return i->source == source && i->piece != 0 && is_there(c, i->piece) ? i->piece : 0;
}

struct piece *cache_piece(const struct cache *c, uint32_t piece)
{
    return (struct piece *)(void *)(c->ring + (size_t)(piece % RING_UNITS) * UNIT);
}

uint32_t cache_add_piece(struct cache *c, enum cache_kind kind, uint64_t source,
                         const struct piece *piece, const uint8_t *text)
{
    CHECK(piece->text_size <= PIECE_TEXT_SIZE_MAX);
    uint32_t units = (uint32_t)((sizeof(*piece) + piece->text_size + UNIT - 1) / UNIT);
    if (c->head % RING_UNITS + units > RING_UNITS) {
        c->head += RING_UNITS - c->head % RING_UNITS; // a piece lies in one part
    }
    uint32_t made = c->head;
    struct piece *new = cache_piece(c, made);
    *new = *piece;
    memcpy(new->text, text, piece->text_size);
    c->head += units;
    struct index *i = index_of(c, kind, &source);
    *i = (struct index){ .source = source, .piece = made };
    return made;
}
