// SPDX-License-Identifier: Apache-2.0
/* Records that are handed over, with a transport that only counts in the store's place. */
#include "app/local_work.h"

#include "../unit.h"
#include "app/handover_batch.h"

enum { BATCHES = 200 }; // more than may be under way at the same time

static enum transport_verdict deliver(void *self, struct batch *batch,
                                      struct transport_tally *ret_tally)
{
    (void)self;
    (void)ret_tally;
    atomic_store(&batch->known, 1);
    return TRANSPORT_DONE;
}

static void nothing(void *self)
{
    (void)self;
}

static const struct transport_kind COUNTS = { .name = "counts",
                                              .deliver = deliver,
                                              .close = nothing };

struct bench {
    struct mapping *mapping;
    struct transport *transport;
    struct local_work *work;
    _Atomic uint64_t handed_over;
    struct buf body;
    struct server_response response;
};

static void begin(struct bench *b)
{
    assert_int_equal(mapping_default(&b->mapping), 0);
    assert_int_equal(transport_start(&COUNTS, b, 64, nothing, NULL, &b->transport), 0);
    const struct local_work_settings settings = { .transport = b->transport,
                                                  .mapping = b->mapping,
                                                  .handed_over = &b->handed_over };
    assert_int_equal(local_work_new(&settings, &b->work), 0);
    buf_init(&b->body, 64 << 20);
    buf_init(&b->response.body, 1 << 20);
    b->response.status = 200;
}

static void end(struct bench *b)
{
    local_work_close(b->work);
    transport_stop(b->transport);
    local_work_free(b->work);
    transport_free(b->transport);
    mapping_free(b->mapping);
    buf_release(&b->body);
    buf_release(&b->response.body);
}

static void pack(struct bench *b, size_t batches)
{
    struct batch_pool *pool;
    assert_int_equal(batch_pool_new(1, NULL, NULL, &pool), 0);
    struct batch *batch = batch_get(pool);
    memset(batch->flows, 0, 3 * sizeof(batch->flows[0]));
    batch->flow_count = 3;
    for (size_t i = 0; i < batches; i++) {
        handover_pack(batch, b->mapping, &b->body);
    }
    batch_unref(batch);
    batch_pool_free(pool);
}

static bool post(struct bench *b, bool is_local)
{
    const struct server_request request = { .method = "POST",
                                            .path = "/local/records",
                                            .body = b->body.data,
                                            .body_size = b->body.size,
                                            .is_local = is_local };
    return local_work_handle(b->work, &request, &b->response);
}

static void records_are_answered_when_they_are_in(void **state)
{
    (void)state;
    struct bench b = { .handed_over = 0 };
    begin(&b);
    pack(&b, BATCHES);
    assert_true(post(&b, true));
    assert_int_equal(b.response.status, 200);
    const char *at = buf_text(&b.response.body);
    size_t count = 0;
    while ((at = strstr(at, "[true,1]")) != NULL) {
        at++;
        count++;
    }
    assert_int_equal(count, BATCHES);
    assert_int_equal(atomic_load(&b.handed_over), 3 * BATCHES);
    assert_int_equal(transport_books(b.transport).delivered, 3 * BATCHES);
    end(&b);
}

static void what_is_damaged_is_refused(void **state)
{
    (void)state;
    struct bench b = { .handed_over = 0 };
    begin(&b);
    pack(&b, 2);
    b.body.size -= 8;
    assert_true(post(&b, true));
    assert_int_equal(b.response.status, 400);
    assert_int_equal(atomic_load(&b.handed_over), 3); // the first one was good
    end(&b);
}

static void only_through_the_local_socket(void **state)
{
    (void)state;
    struct bench b = { .handed_over = 0 };
    begin(&b);
    pack(&b, 1);
    assert_false(post(&b, false));
    local_work_close(b.work);
    assert_true(post(&b, true));
    assert_int_equal(b.response.status, 503); // it ends
    assert_int_equal(atomic_load(&b.handed_over), 0);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_answered_when_they_are_in),
        cmocka_unit_test(what_is_damaged_is_refused),
        cmocka_unit_test(only_through_the_local_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
