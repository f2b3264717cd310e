// SPDX-License-Identifier: Apache-2.0
/* Records at every length: read whole or not at all, and a damaged one leaves nothing behind. */
#include "decode/sflow_record.h"

#include "../unit.h"
#include "base/mem.h"

struct setup {
    struct mapping *mapping;
    struct batch_pool *pool;
    struct batch_writer writer;
    struct draft *draft;
};

static void drop(void *context, struct batch *batch)
{
    (void)context;
    batch_unref(batch);
}

static int set_up(void **state)
{
    static struct setup s;
    assert_int_equal(mapping_default(&s.mapping), 0);
    assert_int_equal(batch_pool_new(1, NULL, NULL, &s.pool), 0);
    batch_writer_init(&s.writer, s.pool, drop, NULL);
    s.draft = mem_zalloc(sizeof(*s.draft));
    *state = &s;
    return s.draft == NULL;
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    batch_writer_flush(&s->writer);
    batch_pool_free(s->pool);
    mapping_free(s->mapping);
    mem_free(s->draft);
    return 0;
}

/// Below `size` bytes the record is malformed and the flow untouched; from there on it is read.
static void every_length(struct setup *s, uint32_t format, const char *bytes, size_t size)
{
    static const struct flow EMPTY;
    for (size_t cut = 0; cut <= size; cut++) {
        struct flow *flow = draft_begin(s->draft, &s->writer);
        struct rd r = rd_over((const uint8_t *)bytes, cut);
        enum ledger_entry outcome = sflow_flow_record(s->draft, s->mapping, format, r);
        if (cut < size) {
            assert_int_equal(outcome, LEDGER_RECORD_MALFORMED);
            assert_memory_equal(flow, &EMPTY, sizeof(EMPTY));
            assert_int_equal(s->draft->as_path.count, 0);
            assert_int_equal(s->draft->bgp_communities.count, 0);
        } else {
            assert_int_equal(outcome, LEDGER_RECORD_READ);
        }
        draft_abandon(s->draft);
    }
}

static void records_at_every_length(void **state)
{
    struct setup *s = *state;
    static const char ZEROS[256];
    every_length(s, 1, ZEROS, 16);
    every_length(s, 2, ZEROS, 24);
    every_length(s, 3, ZEROS, 32);
    every_length(s, 4, ZEROS, 56);
    every_length(s, 1001, ZEROS, 16);
    every_length(s, 1002, ZEROS, 12); // no next hop
    every_length(s, 1002,
                 "\0\0\0\2"
                 "0123456789abcdef"
                 "\0\0\0\1\0\0\0\2",
                 28);
    every_length(s, 1003,
                 "\0\0\0\1\5\5\5\5\0\0\0\1\0\0\0\2\0\0\0\3"
                 "\0\0\0\2\0\0\0\2\0\0\0\2\0\0\0\7\0\0\0\x08\0\0\0\1\0\0\0\1\0\0\0\x09"
                 "\0\0\0\1\0\0\0\x6f\0\0\0\x64",
                 64);
    every_length(s, 1036, ZEROS, 4);
    every_length(s, 1037,
                 "\0\0\0\1\0\0\0\5"
                 "abcde\0\0\0"
                 "\0\0\0\1",
                 20);
    every_length(s, 1038,
                 "\0\0\0\5"
                 "abcde\0\0\0",
                 12);
}

static void counts_from_the_wire_are_capped(void **state)
{
    struct setup *s = *state;
    char gateway[] = "\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\3\xff\xff\xff\xff\0\0\0\2\xff\xff\xff\xff";
    struct rd r = rd_over((const uint8_t *)gateway, sizeof(gateway) - 1);
    draft_begin(s->draft, &s->writer);
    assert_int_equal(sflow_flow_record(s->draft, s->mapping, 1003, r), LEDGER_RECORD_MALFORMED);
    char text[] = "\0\0\0\1\xff\xff\xff\xff";
    r = rd_over((const uint8_t *)text, sizeof(text) - 1);
    assert_int_equal(sflow_flow_record(s->draft, s->mapping, 1037, r), LEDGER_RECORD_MALFORMED);
    r = rd_over((const uint8_t *)text + 4, 4);
    assert_int_equal(sflow_flow_record(s->draft, s->mapping, 1038, r), LEDGER_RECORD_MALFORMED);
    assert_int_equal(sflow_flow_record(s->draft, s->mapping, (5U << 12) | 1, r),
                     LEDGER_RECORD_UNKNOWN); // of an enterprise
    draft_abandon(s->draft);
}

static void counter_records(void **state)
{
    (void)state;
    static const uint8_t ZEROS[100];
    assert_int_equal(sflow_counter_record(1, rd_over(ZEROS, 88)), LEDGER_RECORD_READ);
    assert_int_equal(sflow_counter_record(1, rd_over(ZEROS, 87)), LEDGER_RECORD_MALFORMED);
    assert_int_equal(sflow_counter_record(2, rd_over(ZEROS, 52)), LEDGER_RECORD_READ);
    assert_int_equal(sflow_counter_record(2, rd_over(ZEROS, 51)), LEDGER_RECORD_MALFORMED);
    assert_int_equal(sflow_counter_record(1001, rd_over(ZEROS, 0)), LEDGER_RECORD_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_at_every_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_from_the_wire_are_capped, set_up, tear_down),
        cmocka_unit_test(counter_records),
    };
    return UNIT_MAIN("decode/sflow_record", tests);
}
