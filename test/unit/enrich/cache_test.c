// SPDX-License-Identifier: Apache-2.0
#include "enrich/cache.h"

#include "mmdb_file.h"

static struct cache *new_cache(void)
{
    struct cache *c;
    assert_int_equal(cache_new(&c), 0);
    cache_begin(c);
    return c;
}

static uint32_t add(struct cache *c, enum cache_kind kind, uint64_t source, const char *text)
{
    struct piece piece = { .text_size = (uint32_t)strlen(text), .as_number = 7 };
    return cache_add_piece(c, kind, source, &piece, (const uint8_t *)text);
}

static void keys(void **state)
{
    (void)state;
    struct cache *c = new_cache();
    struct addr zero = addr_of("0.0.0.0");
    struct addr one = addr_of("0.0.0.1");
    struct addr six = addr_of("::");
    struct addr mapped = addr_of("::ffff:0.0.0.1");
    assert_true(cache_key(c, &zero) != 0);
    assert_true(cache_key(c, &zero) != cache_key(c, &one));
    assert_true(cache_key(c, &zero) != cache_key(c, &six));
    assert_true(cache_key(c, &mapped) != cache_key(c, &six));
    assert_true(cache_key(c, &six) == cache_key(c, &six));
    cache_free(c);
}

static void entries_and_pieces(void **state)
{
    (void)state;
    struct cache *c = new_cache();
    struct addr a = addr_of("192.0.2.1");
    uint64_t key = cache_key(c, &a);
    assert_null(cache_find(c, key));
    assert_int_equal(cache_piece_of(c, CACHE_GEO, 5), 0);
    uint32_t geo = add(c, CACHE_GEO, 5, "{}");
    uint32_t owner = add(c, CACHE_OWNER, 5, "{\"number\":7}");
    assert_int_equal(cache_piece_of(c, CACHE_GEO, 5), geo);
    assert_int_equal(cache_piece_of(c, CACHE_OWNER, 5), owner);
    assert_int_equal(cache_piece(c, owner)->as_number, 7);
    assert_memory_equal(cache_piece(c, owner)->text, "{\"number\":7}", 12);
    cache_put(c, &(struct cache_entry){ .key = key, .geo = geo, .owner = owner });
    const struct cache_entry *e = cache_find(c, key);
    assert_non_null(e);
    assert_int_equal(e->geo, geo);
    assert_int_equal(e->owner, owner);
    cache_prefetch(c, key);
    cache_prefetch_piece(c, geo, CACHE_GEO);
    cache_prefetch_piece(c, 0, CACHE_OWNER);
    cache_clear(c);
    assert_null(cache_find(c, key));
    assert_int_equal(cache_piece_of(c, CACHE_GEO, 5), 0);
    cache_free(c);
}

/// More than there is room for: what is found is always right, and what came last is there.
static void forgets(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    struct cache *c = new_cache();
    char text[64];
    for (uint32_t i = 1; i <= COUNT; i++) {
        if (i % 512 == 0) {
            cache_begin(c);
        }
        (void)snprintf(text, sizeof(text), "text of number %u", i);
        uint32_t piece = add(c, i % 2 == 0 ? CACHE_GEO : CACHE_OWNER, i, text);
        const uint8_t bytes[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
        struct addr a = addr_v4(bytes);
        cache_put(c, &(struct cache_entry){ .key = cache_key(c, &a), .geo = piece });
    }
    size_t found = 0;
    for (uint32_t i = 1; i <= COUNT; i++) {
        const uint8_t bytes[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
        struct addr a = addr_v4(bytes);
        const struct cache_entry *e = cache_find(c, cache_key(c, &a));
        (void)snprintf(text, sizeof(text), "text of number %u", i);
        if (e != NULL) {
            const struct piece *p = cache_piece(c, e->geo);
            assert_int_equal(p->text_size, strlen(text));
            assert_memory_equal(p->text, text, strlen(text));
            found++;
        }
        uint32_t piece = cache_piece_of(c, i % 2 == 0 ? CACHE_GEO : CACHE_OWNER, i);
        if (piece != 0) {
            assert_memory_equal(cache_piece(c, piece)->text, text, strlen(text));
        }
        assert_true(i < COUNT || e != NULL);
    }
    assert_in_range(found, 10000, COUNT / 2);
    cache_free(c);
}

/// What was found lasts while as many pieces are made as may be, of any size.
static void pieces_last(void **state)
{
    (void)state;
    struct cache *c = new_cache();
    char text[PIECE_TEXT_SIZE_MAX + 1];
    memset(text, 'x', PIECE_TEXT_SIZE_MAX);
    text[PIECE_TEXT_SIZE_MAX] = '\0';
    uint64_t source = 1;
    for (int round = 0; round < 40; round++) {
        uint32_t first = add(c, CACHE_GEO, source, "first");
        uint64_t first_source = source++;
        uint32_t checked = first;
        for (size_t i = 0; i < CACHE_PIECES_MAX && checked != 0; i++) {
            // as long as it is found it lasts so many more
            if (cache_piece_of(c, CACHE_GEO, first_source) == 0) {
                break;
            }
            (void)add(c, CACHE_OWNER, source++, text);
        }
        assert_memory_equal(cache_piece(c, first)->text, "first", 5);
        for (size_t i = 1; i < CACHE_PIECES_MAX; i++) {
            (void)add(c, CACHE_OWNER, source++, text);
        }
        assert_memory_equal(cache_piece(c, first)->text, "first", 5);
    }
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(entries_and_pieces),
        cmocka_unit_test(forgets),
        cmocka_unit_test(pieces_last),
    };
    return UNIT_MAIN("enrich/cache", tests);
}
