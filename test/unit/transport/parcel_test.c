// SPDX-License-Identifier: Apache-2.0
/* Documents put into a parcel, found again in its body, gathered and addressed. */
#include "transport/parcel.h"

#include "../unit.h"
#include "base/mem.h"
#include "base/status.h"

static const char ID[] = "Zqlt0123456789abcdefgh";

static void add(struct parcel *p, const char *stream, const char *id, const char *document)
{
    struct buf prefix;
    buf_init(&prefix, 1000);
    parcel_append_prefix(&prefix, stream);
    parcel_add(p, &prefix, id, strlen(id));
    buf_append_text(&p->body, document);
    assert_true(parcel_add_end(p));
    buf_release(&prefix);
}

static struct parcel *make(void)
{
    struct parcel *p;
    assert_int_equal(parcel_new(&p), 0);
    add(p, "logs-a-default", ID, "{\"n\":1}");
    add(p, "logs-b-default", "", "{\"n\":22,\"t\":\"\\n\"}");
    add(p, "logs-a-default", "x", "{\"n\":333}");
    return p;
}

static const char BODY[] =
    "{\"create\":{\"_index\":\"logs-a-default\",\"_id\":\"Zqlt0123456789abcdefgh\"}}\n{\"n\":1}\n"
    "{\"create\":{\"_index\":\"logs-b-default\"}}\n{\"n\":22,\"t\":\"\\n\"}\n"
    "{\"create\":{\"_index\":\"logs-a-default\",\"_id\":\"x\"}}\n{\"n\":333}\n";

static void the_body(void **state)
{
    (void)state;
    struct parcel *p = make();
    assert_string_equal(buf_text(&p->body), BODY);
    assert_int_equal(p->count, 3);
    struct parcel_address a = parcel_address(p, &p->items[0]);
    assert_int_equal(a.stream_size, 14);
    assert_memory_equal(a.stream, "logs-a-default", 14);
    assert_int_equal(a.id_size, 22);
    assert_memory_equal(a.id, ID, 22);
    struct parcel_address b = parcel_address(p, &p->items[1]);
    assert_memory_equal(b.stream, "logs-b-default", 14);
    assert_int_equal(b.stream_size, 14);
    assert_int_equal(b.id_size, 0);
    parcel_free(p);
}

/// A document for which there is no room leaves no trace.
static void no_room(void **state)
{
    (void)state;
    struct parcel *p = make();
    struct buf prefix;
    buf_init(&prefix, 1000);
    parcel_append_prefix(&prefix, "s");
    size_t size = p->body.size;
    parcel_add(p, &prefix, ID, 22);
    p->body.bad = true; // as a format sets it
    assert_false(parcel_add_end(p));
    assert_false(p->body.bad);
    assert_int_equal(p->body.size, size);
    assert_int_equal(p->count, 3);
    add(p, "s", "y", "{}");
    assert_int_equal(p->items[3].begin, size);
    buf_release(&prefix);
    parcel_free(p);
}

static void found_again(void **state)
{
    (void)state;
    struct parcel *p = make();
    struct parcel *q;
    assert_int_equal(parcel_new(&q), 0);
    buf_append(&q->body, p->body.data, p->body.size);
    assert_int_equal(parcel_find_items(q), 0);
    assert_int_equal(q->count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(q->items[i].begin, p->items[i].begin);
        assert_int_equal(q->items[i].document, p->items[i].document);
        assert_int_equal(q->items[i].end, p->items[i].end);
        assert_false(q->items[i].uncertain);
    }
    for (size_t size = 1; size < p->body.size; size++) { // cut anywhere but behind a document
        buf_clear(&q->body);
        buf_append(&q->body, p->body.data, size);
        bool whole = size == p->items[0].end || size == p->items[1].end;
        assert_int_equal(parcel_find_items(q), whole ? 0 : ERR_INVALID);
    }
    static const char *const BAD[] = { "\n\n", "{}\n{}\n", "{\"create\":{\"_index\":\"\n{}\n",
                                       "{\"delete\":{\"_index\":\"a\"}}\n{}\n",
                                       "{\"create\":{\"_index\":\"}}\n{}\n" };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        buf_clear(&q->body);
        buf_append_text(&q->body, BAD[i]);
        assert_int_equal(parcel_find_items(q), ERR_INVALID);
        assert_int_equal(q->count, 0);
    }
    parcel_free(p);
    parcel_free(q);
}

static void pieces(void **state)
{
    (void)state;
    struct parcel *p = make();
    size_t sizes[3];
    for (size_t i = 0; i < 3; i++) {
        sizes[i] = p->items[i].end - p->items[i].begin;
    }
    size_t size;
    assert_int_equal(parcel_fit(p, 0, SIZE_MAX, &size), 3);
    assert_int_equal(size, p->body.size);
    assert_int_equal(parcel_fit(p, 0, sizes[0] + sizes[1], &size), 2);
    assert_int_equal(parcel_fit(p, 0, sizes[0] + sizes[1] - 1, &size), 1);
    assert_int_equal(parcel_fit(p, 1, 1, &size), 1); // at least one
    assert_int_equal(size, sizes[1]);
    struct buf scratch;
    buf_init(&scratch, 1 << 16);
    assert_ptr_equal(parcel_bytes(p, 1, 2, &scratch, &size), p->body.data + sizes[0]);
    assert_int_equal(size, sizes[1] + sizes[2]);
    p->items[1] = p->items[2]; // the middle one is settled
    p->count = 2;
    const uint8_t *bytes = parcel_bytes(p, 0, 2, &scratch, &size);
    assert_int_equal(size, sizes[0] + sizes[2]);
    assert_memory_equal(bytes, BODY, sizes[0]);
    assert_memory_equal(bytes + sizes[0], BODY + sizes[0] + sizes[1], sizes[2]);
    buf_release(&scratch);
    parcel_free(p);
}

static void uncertain_in_a_spool(void **state)
{
    (void)state;
    struct parcel *p = make();
    struct buf scratch;
    buf_init(&scratch, 10000);
    size_t size;
    assert_ptr_equal(parcel_spool_bytes(p, &scratch, &size), p->body.data);
    assert_int_equal(size, p->body.size);
    p->uncertain = true;
    p->before.streams[0] = UINT64_C(0xfedcba9876543210);
    p->before.indices[0] = 1;
    p->before.indices[BACKING_STREAMS_MAX - 1] = UINT64_MAX;
    for (size_t first = 0; first < 2; first++) { // items that stand together, and others
        p->items[1] = p->items[1 + first];
        p->count = 3 - first;
        const uint8_t *bytes = parcel_spool_bytes(p, &scratch, &size);
        assert_non_null(bytes);
        struct parcel *q;
        assert_int_equal(parcel_new(&q), 0);
        buf_append(&q->body, bytes, size);
        assert_int_equal(parcel_find_items(q), 0);
        assert_int_equal(q->count, p->count);
        assert_true(q->uncertain && q->items[0].uncertain && q->items[q->count - 1].uncertain);
        assert_memory_equal(&q->before, &p->before, sizeof(q->before));
        parcel_clear(q);
        assert_false(q->uncertain);
        parcel_free(q);
    }
    buf_release(&scratch);
    parcel_free(p);
}

static void noted(void *context, const struct batch *batch)
{
    int *delivered = context;
    *delivered += !atomic_load(&batch->undelivered);
}

static void batches(void **state)
{
    (void)state;
    int delivered = 0;
    struct batch_pool *pool;
    assert_int_equal(batch_pool_new(3, noted, &delivered, &pool), 0);
    struct parcel *p = make();
    parcel_hold(p, batch_get(pool));
    parcel_hold(p, batch_get(pool));
    parcel_release(p, false);
    assert_int_equal(delivered, 2);
    parcel_hold(p, batch_get(pool));
    parcel_release(p, true);
    assert_int_equal(delivered, 2);
    assert_int_equal(batch_pool_out(pool), 0);
    parcel_clear(p);
    assert_int_equal(p->count, 0);
    assert_int_equal(p->body.size, 0);
    parcel_free(p);
    batch_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_body),
        cmocka_unit_test(no_room),
        cmocka_unit_test(found_again),
        cmocka_unit_test(pieces),
        cmocka_unit_test(uncertain_in_a_spool),
        cmocka_unit_test(batches),
    };
    return UNIT_MAIN("transport/parcel", tests);
}
