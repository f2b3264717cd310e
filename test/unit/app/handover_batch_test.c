// SPDX-License-Identifier: Apache-2.0
/* A batch comes out as it went in, and a damaged text never makes one that leaves its arena. */
#include "app/handover_batch.h"

#include "../unit.h"
#include "base/mem.h"

enum { PACKED_SIZE_MAX = 16 << 20 };

struct bench {
    struct batch_pool *pool;
    struct mapping *mapping;
    struct batch *batch; ///< the one packed
    struct buf packed;
};

static struct origin *make_origin(void *context, const struct origin *values)
{
    (void)context;
    return origin_new(values);
}

static struct span add(struct batch *b, const void *data, size_t count, size_t size)
{
    b->arena_used = (b->arena_used + 7) / 8 * 8;
    struct span span = batch_append(b, data, count * size);
    span.count = (uint32_t)count;
    return span;
}

static void fill(struct batch *b)
{
    static const struct origin ORIGIN = { .id = { .fingerprint = { 1, 2 }, .number = 3 },
                                          .device = 4,
                                          .inode = 5,
                                          .is_file = true,
                                          .path = "/var/log/a.log",
                                          .input_type = "log" };
    const uint32_t path[] = { 64496, 64497 };
    const struct addr hops[] = { { .size = 4, .bytes = { 192, 0, 2, 1 } } };
    b->files[b->file_count++] =
        (struct batch_file){ .origin = origin_new(&ORIGIN), .begin = 10, .end = 90 };
    struct flow *f = &b->flows[b->flow_count++];
    memset(f, 0, sizeof(*f));
    f->present = FLOW_BIT(FIELD_BYTES);
    f->bytes = 1500;
    f->src_addr = hops[0];
    f->file = 1;
    f->offset = 10;
    f->as_path = add(b, path, 2, sizeof(path[0]));
    f->mpls_ip = add(b, hops, 1, sizeof(hops[0]));
    f->original = add(b, "{\"bytes\":1500}", 14, 1);
    const struct extra_value extra = { .name = add(b, "\"x\"", 3, 1), .json = add(b, "7", 1, 1) };
    f->extras = add(b, &extra, 1, sizeof(extra));
    f = &b->flows[b->flow_count++];
    memset(f, 0, sizeof(*f));
    f->kind = RECORD_ERROR;
    f->body = add(b, "no JSON", 7, 1);
}

static int set_up(void **state)
{
    struct bench *bench = mem_zalloc(sizeof(*bench));
    assert_int_equal(batch_pool_new(3, NULL, NULL, &bench->pool), 0);
    assert_int_equal(mapping_default(&bench->mapping), 0);
    bench->batch = batch_get(bench->pool);
    fill(bench->batch);
    buf_init(&bench->packed, PACKED_SIZE_MAX);
    handover_pack(bench->batch, bench->mapping, &bench->packed);
    assert_false(bench->packed.bad);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    batch_unref(bench->batch);
    buf_release(&bench->packed);
    batch_pool_free(bench->pool);
    mapping_free(bench->mapping);
    mem_free(bench);
    return 0;
}

/// Unpacks one batch of `bytes` and gives it back. Returns the status.
static int unpack(struct bench *bench, const uint8_t *bytes, size_t size)
{
    struct err err;
    struct rd r = rd_over(bytes, size);
    struct batch *b = batch_get(bench->pool);
    int status = handover_unpack(&r, bench->mapping, make_origin, NULL, b, &err);
    batch_unref(b);
    return status;
}

static void it_comes_out_as_it_went_in(void **state)
{
    struct bench *bench = *state;
    struct err err;
    handover_pack(bench->batch, bench->mapping, &bench->packed); // a second one behind it
    struct rd r = rd_over(bench->packed.data, bench->packed.size);
    for (int i = 0; i < 2; i++) {
        struct batch *b = batch_get(bench->pool);
        assert_int_equal(handover_unpack(&r, bench->mapping, make_origin, NULL, b, &err), 0);
        assert_int_equal(b->flow_count, bench->batch->flow_count);
        assert_memory_equal(b->flows, bench->batch->flows, b->flow_count * sizeof(b->flows[0]));
        assert_int_equal(b->arena_used, bench->batch->arena_used);
        assert_memory_equal(b->arena, bench->batch->arena, b->arena_used);
        assert_int_equal(b->file_count, 1);
        assert_int_equal(b->files[0].begin, 10);
        assert_int_equal(b->files[0].end, 90);
        const struct origin *o = b->files[0].origin;
        assert_memory_equal(&o->id, &bench->batch->files[0].origin->id, sizeof(o->id));
        assert_string_equal(o->path, "/var/log/a.log");
        assert_string_equal(o->input_type, "log");
        assert_true(o->is_file);
        assert_null(o->track);
        batch_unref(b);
    }
    assert_int_equal(rd_left(&r), 0);
}

static void what_is_cut_is_refused(void **state)
{
    struct bench *bench = *state;
    for (size_t size = 0; size < bench->packed.size; size++) {
        assert_int_equal(unpack(bench, bench->packed.data, size), ERR_INVALID);
    }
}

/// Whether it is refused or not: nothing outside is read (the sanitizers see that).
static void any_byte_may_be_wrong(void **state)
{
    struct bench *bench = *state;
    static const uint8_t FLIPS[] = { 0x01, 0x80, 0xFF };
    for (size_t i = 0; i < bench->packed.size; i++) {
        for (size_t k = 0; k < sizeof(FLIPS); k++) {
            bench->packed.data[i] ^= FLIPS[k];
            (void)unpack(bench, bench->packed.data, bench->packed.size);
            bench->packed.data[i] ^= FLIPS[k];
        }
    }
    assert_int_equal(unpack(bench, bench->packed.data, bench->packed.size), 0);
}

static void pack_and_refuse(struct bench *bench)
{
    buf_clear(&bench->packed);
    handover_pack(bench->batch, bench->mapping, &bench->packed);
    assert_int_equal(unpack(bench, bench->packed.data, bench->packed.size), ERR_INVALID);
}

static void spans_stay_in_the_arena(void **state)
{
    struct bench *bench = *state;
    struct flow *f = &bench->batch->flows[0];
    struct flow good = *f;
    f->original.count = bench->batch->arena_used;
    pack_and_refuse(bench);
    *f = good;
    f->as_path.count = UINT32_MAX;
    pack_and_refuse(bench);
    *f = good;
    f->as_path.offset++;
    pack_and_refuse(bench);
    *f = good;
    f->src_addr.size = 17;
    pack_and_refuse(bench);
    *f = good;
    f->file = 2;
    pack_and_refuse(bench);
    *f = good;
    f->kind = RECORD_ERROR + 1;
    pack_and_refuse(bench);
    *f = good;
    struct extra_value *extra =
        (struct extra_value *)(void *)(bench->batch->arena + f->extras.offset);
    extra->json.offset = UINT32_MAX;
    pack_and_refuse(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_comes_out_as_it_went_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_cut_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_byte_may_be_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(spans_stay_in_the_arena, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
