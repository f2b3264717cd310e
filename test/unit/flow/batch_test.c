// SPDX-License-Identifier: Apache-2.0
#include "flow/batch.h"

#include "../unit.h"
#include "base/clock.h"
#include "base/status.h"

struct kept {
    struct batch *batches[8];
    size_t count;
    size_t released;
};

static void keep(void *context, struct batch *batch)
{
    struct kept *k = context;
    k->batches[k->count++] = batch;
}

static void note_release(void *context, const struct batch *batch)
{
    struct kept *k = context;
    k->released += batch->flow_count;
}

static void references(void **state)
{
    (void)state;
    struct kept k = { 0 };
    struct batch_pool *pool;
    assert_int_equal(batch_pool_new(2, note_release, &k, &pool), 0);
    struct batch *a = batch_get(pool);
    struct batch *b = batch_get(pool);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(batch_get(pool));
    a->flow_count = 7;
    batch_ref(a);
    batch_unref(a);
    assert_int_equal(k.released, 0);
    batch_unref(a);
    assert_int_equal(k.released, 7);      // told while the batch is whole
    assert_ptr_equal(batch_get(pool), a); // the last used is the next
    assert_int_equal(a->flow_count, 0);
    batch_unref(a);
    batch_unref(b);
    assert_int_equal(batch_pool_out(pool), 0);
    batch_pool_free(pool);
}

static void full_batches_are_handed_on(void **state)
{
    (void)state;
    struct kept k = { 0 };
    struct batch_pool *pool;
    struct batch_writer w;
    assert_int_equal(batch_pool_new(4, NULL, NULL, &pool), 0);
    batch_writer_init(&w, pool, keep, &k);
    for (uint32_t i = 0; i < BATCH_FLOWS_MAX + 10; i++) {
        struct flow *flow = batch_writer_begin(&w);
        assert_int_equal(flow->in_if, 0);
        flow->in_if = i;
        if (i % 3 == 0) {
            batch_writer_abandon(&w);
            flow = batch_writer_begin(&w);
            flow->in_if = i;
        }
        assert_true(batch_writer_commit(&w));
    }
    assert_int_equal(k.count, 1);
    assert_int_equal(k.batches[0]->flow_count, BATCH_FLOWS_MAX);
    batch_writer_flush_old(&w, clock_mono_ns());
    assert_int_equal(k.count, 1); // not old enough
    batch_writer_flush_old(&w, clock_mono_ns() + NS_PER_S);
    assert_int_equal(k.count, 2);
    assert_int_equal(k.batches[1]->flow_count, 10);
    assert_int_equal(k.batches[1]->flows[9].in_if, BATCH_FLOWS_MAX + 9);
    batch_writer_flush(&w); // nothing there
    assert_int_equal(k.count, 2);
    batch_writer_begin(&w);
    batch_writer_abandon(&w);
    batch_writer_flush(&w); // an empty batch goes back by itself
    assert_int_equal(k.count, 2);
    batch_unref(k.batches[0]);
    batch_unref(k.batches[1]);
    batch_pool_free(pool);
}

static void the_arena_is_bounded(void **state)
{
    (void)state;
    static uint8_t half[(BATCH_ARENA_SIZE - BATCH_ARENA_ENRICH) / 2];
    struct kept k = { 0 };
    struct batch_pool *pool;
    struct batch_writer w;
    assert_int_equal(batch_pool_new(4, NULL, NULL, &pool), 0);
    batch_writer_init(&w, pool, keep, &k);
    batch_writer_begin(&w);
    assert_int_equal(batch_writer_add(&w, half, sizeof(half), 1).count, sizeof(half));
    assert_int_equal(batch_writer_add(&w, half, sizeof(half), 1).count, sizeof(half));
    assert_int_equal(batch_writer_add(&w, "x", 1, 1).count, 0);
    assert_false(batch_writer_commit(&w)); // gone, and its room with it
    assert_int_equal(w.batch->arena_used, 0);
    batch_writer_begin(&w);
    assert_int_equal(batch_writer_add(&w, "abc", 3, 1).offset, 0);
    struct span s = batch_writer_add(&w, half, sizeof(half), 1);
    assert_int_equal(s.offset % 8, 0);
    assert_true(batch_writer_commit(&w));
    batch_writer_begin(&w); // more than half is used: a new batch
    assert_int_equal(k.count, 1);
    batch_writer_abandon(&w);
    batch_writer_flush(&w);
    batch_unref(k.batches[0]);
    batch_pool_free(pool);
}

/// A line has its room twice, whatever stands in the batch before it.
static void the_longest_line(void **state)
{
    (void)state;
    static uint8_t text[LOG_LINE_SIZE_MAX];
    struct kept k = { 0 };
    struct batch_pool *pool;
    struct batch_writer w;
    struct origin *origin = origin_new(&(struct origin){ .path = "a", .input_type = "log" });
    assert_non_null(origin);
    assert_int_equal(batch_pool_new(4, NULL, NULL, &pool), 0);
    batch_writer_init(&w, pool, keep, &k);
    struct line line = { .data = text, .size = 5, .origin = origin };
    for (size_t i = 0; i < 3; i++) { // a short one, then two as long as may be
        line.end = line.offset + line.size + 1;
        batch_writer_line(&w, &line);
        batch_writer_begin(&w);
        assert_int_equal(batch_writer_add(&w, text, line.size, 1).count, line.size);
        assert_int_equal(batch_writer_add(&w, text, line.size, 1).count, line.size);
        assert_true(batch_writer_commit(&w));
        line.offset = line.end;
        line.size = sizeof(text);
    }
    batch_writer_flush(&w);
    assert_int_equal(k.count, 2);
    assert_int_equal(k.batches[0]->flow_count, 2);
    assert_int_equal(k.batches[1]->files[0].begin, 6 + sizeof(text) + 1);
    assert_int_equal(k.batches[1]->files[0].end, line.end);
    batch_unref(k.batches[0]);
    batch_unref(k.batches[1]);
    batch_pool_free(pool);
    origin_unref(origin);
}

/// The batch can carry records of other kinds beside flows.
static void other_kinds_ride_along(void **state)
{
    (void)state;
    struct kept k = { 0 };
    struct batch_pool *pool;
    struct batch_writer w;
    assert_int_equal(batch_pool_new(2, NULL, NULL, &pool), 0);
    batch_writer_init(&w, pool, keep, &k);
    struct flow *record = batch_writer_begin(&w);
    record->kind = RECORD_COUNTERS;
    record->body = batch_writer_add(&w, "octets", 6, 1);
    assert_true(batch_writer_commit(&w));
    batch_writer_flush(&w);
    record = &k.batches[0]->flows[0];
    assert_int_equal(record->kind, RECORD_COUNTERS);
    assert_memory_equal(batch_bytes(k.batches[0], record->body), "octets", 6);
    batch_unref(k.batches[0]);
    batch_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references),
        cmocka_unit_test(full_batches_are_handed_on),
        cmocka_unit_test(the_arena_is_bounded),
        cmocka_unit_test(the_longest_line),
        cmocka_unit_test(other_kinds_ride_along),
    };
    return UNIT_MAIN("flow/batch", tests);
}
