// SPDX-License-Identifier: Apache-2.0
/* What is packed is unpacked again, also by zlib; what is damaged is refused. */
#include "base/pack.h"

#include <stdlib.h>
#include <zlib.h>

#include "../unit.h"
#include "base/mem.h"
#include "base/status.h"

enum { SIZE = 100000, CAP = 1 << 20 };

static void fill(uint8_t *data, size_t size, bool noise)
{
    unsigned seed = 7;
    for (size_t i = 0; i < size; i++) {
        int regular = "flow "[i % 5] + (int)(i / 1000) % 3;
        data[i] = (uint8_t)(noise ? rand_r(&seed) : regular);
    }
}

static void there_and_back(void **state)
{
    (void)state;
    static uint8_t data[SIZE];
    static const size_t SIZES[] = { 0, 1, 2, 100, 65535, 65536, SIZE };
    for (int level = 1; level <= 9; level += 4) {
        struct packer *p;
        struct buf packed;
        struct buf out;
        assert_int_equal(packer_new(level, &p), 0);
        buf_init(&packed, CAP);
        buf_init(&out, CAP);
        for (size_t i = 0; i < 2 * sizeof(SIZES) / sizeof(SIZES[0]); i++) {
            size_t size = SIZES[i / 2];
            fill(data, size, i % 2 == 0);
            buf_clear(&packed);
            buf_clear(&out);
            buf_append_text(&packed, "before");
            buf_append_text(&out, "front");
            assert_int_equal(packer_pack(p, data, size, &packed), 0);
            assert_memory_equal(packed.data, "before", 6);
            assert_int_equal(packer_unpack(p, packed.data + 6, packed.size - 6, size, &out), 0);
            assert_int_equal(out.size, 5 + size);
            assert_memory_equal(out.data, "front", 5);
            assert_true(size == 0 || memcmp(out.data + 5, data, size) == 0);
        }
        buf_release(&packed);
        buf_release(&out);
        packer_free(p);
    }
    packer_free(NULL);
}

static void zlib_reads_it(void **state)
{
    (void)state;
    static uint8_t data[SIZE];
    static uint8_t back[SIZE + 1];
    struct packer *p;
    struct buf packed;
    fill(data, SIZE, false);
    buf_init(&packed, CAP);
    assert_int_equal(packer_new(1, &p), 0);
    assert_int_equal(packer_pack(p, data, SIZE, &packed), 0);
    assert_true(packed.size < SIZE / 10);
    z_stream z = { .next_in = packed.data,
                   .avail_in = (uInt)packed.size,
                   .next_out = back,
                   .avail_out = sizeof(back) };
    assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK); // gzip, nothing else
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, SIZE);
    assert_memory_equal(back, data, SIZE);
    assert_int_equal(inflateEnd(&z), Z_OK);
    buf_release(&packed);
    packer_free(p);
}

/// Every byte flipped but those of the header that mean nothing, every length, a wrong raw size.
static void damage_is_refused(void **state)
{
    (void)state;
    uint8_t data[300];
    struct packer *p;
    struct buf packed;
    struct buf out;
    fill(data, sizeof(data), true);
    buf_init(&packed, CAP);
    buf_init(&out, CAP);
    assert_int_equal(packer_new(1, &p), 0);
    assert_int_equal(packer_pack(p, data, sizeof(data), &packed), 0);
    for (size_t at = 0; at < packed.size; at++) {
        uint8_t *exact = mem_zalloc(at + 1); // a byte past it is seen
        assert_non_null(exact);
        memcpy(exact, packed.data, at);
        assert_int_equal(packer_unpack(p, exact, at, sizeof(data), &out), ERR_INVALID);
        mem_free(exact);
        packed.data[at] ^= 0x10;
        if (packer_unpack(p, packed.data, packed.size, sizeof(data), &out) == 0) {
            assert_memory_equal(out.data, data, sizeof(data)); // time, system, padding
            assert_true(at <= 10);
            buf_clear(&out);
        }
        packed.data[at] ^= 0x10;
        assert_int_equal(out.size, 0);
    }
    assert_int_equal(packer_unpack(p, packed.data, packed.size, sizeof(data) - 1, &out),
                     ERR_INVALID);
    assert_int_equal(packer_unpack(p, packed.data, packed.size, sizeof(data) + 1, &out),
                     ERR_INVALID);
    assert_int_equal(packer_unpack(p, packed.data, packed.size, 0, &out), ERR_INVALID);
    buf_append_char(&packed, '\0'); // something behind it
    assert_int_equal(packer_unpack(p, packed.data, packed.size, sizeof(data), &out), ERR_INVALID);
    assert_int_equal(out.size, 0);
    buf_release(&packed);
    buf_release(&out);
    packer_free(p);
}

static void caps_hold(void **state)
{
    (void)state;
    uint8_t data[300];
    struct packer *p;
    struct buf packed;
    struct buf small;
    fill(data, sizeof(data), true);
    buf_init(&packed, CAP);
    buf_init(&small, 100);
    assert_int_equal(packer_new(1, &p), 0);
    assert_int_equal(packer_pack(p, data, sizeof(data), &small), ERR_FULL);
    assert_int_equal(packer_pack(p, data, sizeof(data), &packed), 0);
    assert_int_equal(packer_unpack(p, packed.data, packed.size, sizeof(data), &small), ERR_FULL);
    assert_int_equal(small.size, 0);
    buf_release(&packed);
    buf_release(&small);
    packer_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(zlib_reads_it),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(caps_hold),
    };
    return UNIT_MAIN("pack", tests);
}
