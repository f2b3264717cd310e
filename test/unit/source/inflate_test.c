// SPDX-License-Identifier: Apache-2.0
/*
 * gzip and zstd in pieces of every size, members behind one another, padding, garbage, streams cut
 * at every length and damaged in every byte: what is given is what was packed, as far as it goes.
 */
#include "source/inflate.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "../unit.h"
#include "base/mem.h"

enum { TEXT_SIZE = 30000, PACKED_SIZE = 64000 };

struct packed {
    enum inflate_kind kind;
    size_t size;
    uint8_t data[PACKED_SIZE];
};

static uint8_t text[TEXT_SIZE];

static void append(struct packed *p, size_t from, size_t size)
{
    if (p->kind == INFLATE_ZSTD) {
        size_t made =
            ZSTD_compress(p->data + p->size, sizeof(p->data) - p->size, text + from, size, 3);
        assert_false(ZSTD_isError(made));
        p->size += made;
        return;
    }
    z_stream z = { 0 };
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = text + from;
    z.avail_in = (uInt)size;
    z.next_out = p->data + p->size;
    z.avail_out = (uInt)(sizeof(p->data) - p->size);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    p->size = sizeof(p->data) - z.avail_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
}

struct result {
    size_t made;
    bool damaged;
    bool complete;
};

/// Unpacks with input and room in pieces of these sizes, and compares what comes.
static struct result unpack(enum inflate_kind kind, const uint8_t *data, size_t size, size_t in_max,
                            size_t out_max)
{
    struct inflate *s;
    struct result r = { 0 };
    size_t at = 0;
    int idle = 0;
    assert_int_equal(inflate_new(kind, &s), 0);
    while (!r.damaged && idle < 3) {
        size_t in = size - at < in_max ? size - at : in_max;
        uint8_t *piece = mem_zalloc(in + 1); // nothing past it may be read
        uint8_t *out = mem_zalloc(out_max);
        size_t taken;
        size_t made;
        assert_true(piece != NULL && out != NULL);
        memcpy(piece, data + at, in);
        r.damaged = inflate_step(s, piece, in, out, out_max, &taken, &made) == INFLATE_DAMAGED;
        assert_true(taken <= in && made <= out_max);
        assert_true(made <= TEXT_SIZE - r.made);
        assert_memory_equal(out, text + r.made, made);
        at += taken;
        r.made += made;
        idle = taken == 0 && made == 0 ? idle + 1 : 0;
        mem_free(piece);
        mem_free(out);
    }
    assert_true(r.damaged || at == size);
    r.complete = inflate_is_complete(s);
    inflate_free(s);
    return r;
}

static void pieces_of_every_size(void **state)
{
    static const size_t SIZES[] = { 1, 2, 7, 100, 4096, 1 << 15 };
    static struct packed p;
    (void)state;
    for (enum inflate_kind kind = INFLATE_GZIP; kind <= INFLATE_ZSTD; kind++) {
        p = (struct packed){ .kind = kind };
        append(&p, 0, 10000);
        append(&p, 10000, 0); // a member of nothing
        append(&p, 10000, TEXT_SIZE - 10000);
        for (size_t i = 0; i < 6; i++) {
            for (size_t k = 0; k < 6; k++) {
                struct result r = unpack(kind, p.data, p.size, SIZES[i], SIZES[k]);
                assert_int_equal(r.made, TEXT_SIZE);
                assert_true(r.complete && !r.damaged);
            }
        }
    }
}

static void kinds_are_told_by_their_first_bytes(void **state)
{
    static struct packed p;
    (void)state;
    for (enum inflate_kind kind = INFLATE_GZIP; kind <= INFLATE_ZSTD; kind++) {
        p = (struct packed){ .kind = kind };
        append(&p, 0, 100);
        assert_int_equal(inflate_kind_of(p.data, p.size), kind);
        assert_int_equal(inflate_kind_of(p.data, 4), kind);
        assert_int_equal(inflate_kind_of(p.data, 1), INFLATE_NONE);
    }
    assert_int_equal(inflate_kind_of((const uint8_t *)"{\"a\":1}", 7), INFLATE_NONE);
    assert_int_equal(inflate_kind_of((const uint8_t *)"", 0), INFLATE_NONE);
}

static void what_is_cut_is_not_complete(void **state)
{
    static struct packed p;
    (void)state;
    for (enum inflate_kind kind = INFLATE_GZIP; kind <= INFLATE_ZSTD; kind++) {
        p = (struct packed){ .kind = kind };
        append(&p, 0, 3000);
        size_t first = p.size;
        append(&p, 3000, 3000);
        for (size_t size = 0; size < p.size; size++) {
            struct result r = unpack(kind, p.data, size, 8192, 8192);
            assert_false(r.damaged);
            assert_int_equal(r.complete, size == first);
            assert_true(r.made <= (size <= first ? 3000 : 6000));
        }
    }
}

static void padding_and_garbage(void **state)
{
    static struct packed p;
    (void)state;
    p = (struct packed){ .kind = INFLATE_GZIP };
    append(&p, 0, 3000);
    memset(p.data + p.size, 0, 1000);
    for (size_t in = 1; in < 2000; in += 333) {
        struct result r = unpack(INFLATE_GZIP, p.data, p.size + 1000, in, 4096);
        assert_true(r.complete && !r.damaged && r.made == 3000);
    }
    p.data[p.size + 500] = 1; // padding is zeros only
    assert_true(unpack(INFLATE_GZIP, p.data, p.size + 1000, 1 << 20, 4096).damaged);
    for (enum inflate_kind kind = INFLATE_GZIP; kind <= INFLATE_ZSTD; kind++) {
        p = (struct packed){ .kind = kind };
        append(&p, 0, 3000);
        memcpy(p.data + p.size, "garbage behind it", 17);
        struct result r = unpack(kind, p.data, p.size + 17, 1 << 20, 4096);
        assert_true(r.damaged);
        assert_int_equal(r.made, 3000); // what came before is given
    }
}

/// Damage in any byte is found or harmless (a name in a gzip header, say), and what was given
/// before it is good but for gzip's last, unchecked piece.
static void damage_never_hangs(void **state)
{
    static struct packed p;
    (void)state;
    for (enum inflate_kind kind = INFLATE_GZIP; kind <= INFLATE_ZSTD; kind++) {
        p = (struct packed){ .kind = kind };
        append(&p, 0, 5000);
        for (size_t at = 0; at < p.size; at++) {
            struct inflate *s;
            uint8_t out[4096];
            size_t done = 0;
            size_t taken = 1;
            size_t made = 1;
            size_t total = 0;
            enum inflate_verdict v = INFLATE_OK;
            p.data[at] ^= 0x55;
            assert_int_equal(inflate_new(kind, &s), 0);
            for (int idle = 0; v == INFLATE_OK && idle < 3; idle += taken == 0 && made == 0) {
                v = inflate_step(s, p.data + done, p.size - done, out, sizeof(out), &taken, &made);
                done += taken;
                total += made;
                assert_true(total < 100 << 20);
            }
            inflate_free(s);
            p.data[at] ^= 0x55;
        }
    }
    inflate_free(NULL);
}

/// Where the header of a zstd frame's last block is (RFC 8878, 3.1.1).
static size_t last_block(const uint8_t *frame)
{
    static const size_t CONTENT_SIZE[4] = { 0, 2, 4, 8 };
    uint8_t descriptor = frame[4];
    bool single = (descriptor & 0x20) != 0;
    size_t content = CONTENT_SIZE[descriptor >> 6];
    size_t at = 5 + (single ? 0U : 1U) + (content == 0 && single ? 1 : content);
    for (;;) {
        uint32_t header = frame[at] | (uint32_t)frame[at + 1] << 8 | (uint32_t)frame[at + 2] << 16;
        if ((header & 1) != 0) {
            return at;
        }
        at += 3 + ((header >> 1) % 4 == 1 ? 1 : header >> 3);
    }
}

/// Of several blocks of which a late one is damaged the early ones are given.
static void good_blocks_before_a_bad_one(void **state)
{
    enum { BIG = 2 << 20 };
    (void)state;
    uint8_t *plain = mem_zalloc(BIG);
    uint8_t *packed = mem_zalloc(2 * BIG);
    uint8_t *out = mem_zalloc(2 * BIG);
    unsigned seed = 1;
    assert_true(plain != NULL && packed != NULL && out != NULL);
    for (size_t i = 0; i < BIG; i++) {
        plain[i] = (uint8_t)(rand_r(&seed) % 64 + 32);
    }
    size_t size = ZSTD_compress(packed, 2 * BIG, plain, BIG, 3);
    assert_false(ZSTD_isError(size));
    packed[last_block(packed)] |= 6; // of a type that there is not
    struct inflate *s;
    size_t done = 0;
    size_t total = 0;
    enum inflate_verdict v = INFLATE_OK;
    assert_int_equal(inflate_new(INFLATE_ZSTD, &s), 0);
    while (v == INFLATE_OK && done < size) {
        size_t taken;
        size_t made;
        v = inflate_step(s, packed + done, size - done, out + total, 256 << 10, &taken, &made);
        done += taken;
        total += made;
    }
    assert_int_equal(v, INFLATE_DAMAGED);
    assert_true(total >= BIG - (128 << 10));
    assert_memory_equal(out, plain, total);
    inflate_free(s);
    mem_free(plain);
    mem_free(packed);
    mem_free(out);
}

int main(void)
{
    unsigned seed = 7;
    for (size_t i = 0; i < TEXT_SIZE; i++) {
        text[i] = (uint8_t)(rand_r(&seed) % 8 + 'a');
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_every_size),
        cmocka_unit_test(kinds_are_told_by_their_first_bytes),
        cmocka_unit_test(what_is_cut_is_not_complete),
        cmocka_unit_test(padding_and_garbage),
        cmocka_unit_test(damage_never_hangs),
        cmocka_unit_test(good_blocks_before_a_bad_one),
    };
    return UNIT_MAIN("inflate", tests);
}
