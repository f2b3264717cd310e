// SPDX-License-Identifier: Apache-2.0
#include "app/synth.h"

#include "../unit.h"
#include "decode/decode.h"

static const struct synth_settings SETTINGS = {
    .seed = 42, .exporters = 3, .flows = 8, .ipv6 = 50, .expanded = 50, .counters = 50
};

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    static struct synth a;
    static struct synth b;
    static uint8_t x[SYNTH_DATAGRAM_SIZE_MAX];
    static uint8_t y[SYNTH_DATAGRAM_SIZE_MAX];
    struct synth_settings other = SETTINGS;
    other.seed = 43;
    synth_init(&a, &SETTINGS);
    synth_init(&b, &SETTINGS);
    for (uint32_t i = 0; i < 200; i++) {
        size_t size = synth_datagram(&a, i % 3, i, x);
        assert_int_equal(synth_datagram(&b, i % 3, i, y), size);
        assert_memory_equal(x, y, size);
    }
    synth_init(&b, &other);
    size_t size = synth_datagram(&a, 0, 0, x);
    assert_true(synth_datagram(&b, 0, 0, y) != size || memcmp(x, y, size) != 0);
}

static void drop(void *context, struct batch *batch)
{
    struct ledger *ledger = context;
    ledger_count(ledger, LEDGER_FLOW_HANDED_ON, batch->flow_count);
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        const struct flow *flow = &batch->flows[i];
        assert_true(flow_has(flow, FIELD_SRC_ADDR));
        assert_true(flow_has(flow, FIELD_SRC_PORT) || flow_has(flow, FIELD_PROTO));
        assert_true(flow->bytes >= 64 && flow->bytes <= 9216);
        assert_true(flow->sampling_rate > 0);
    }
    batch_unref(batch);
}

/// Every datagram is whole sFlow, in sequence.
static void it_decodes_without_a_complaint(void **state)
{
    (void)state;
    static struct synth s;
    static struct ledger ledger;
    static uint8_t bytes[SYNTH_DATAGRAM_SIZE_MAX];
    struct mapping *mapping;
    struct batch_pool *pool;
    struct decoder *d;
    struct batch_writer w;
    assert_int_equal(mapping_default(&mapping), 0);
    assert_int_equal(batch_pool_new(2, NULL, NULL, &pool), 0);
    assert_int_equal(decoder_new(mapping, &ledger, &d), 0);
    batch_writer_init(&w, pool, drop, &ledger);
    synth_init(&s, &SETTINGS);
    for (uint32_t i = 0; i < 3000; i++) {
        struct chunk chunk = { .data = bytes, .received_ns = 1 };
        chunk.size = synth_datagram(&s, i % 3, i, bytes);
        struct decode_result r = decode_datagram(d, &chunk, &w);
        assert_int_equal(r.outcome, LEDGER_DATAGRAM_DECODED);
        assert_int_equal(r.damaged, 0);
        assert_int_equal(counter_get(&r.exporter->sequence_gaps), 0);
        assert_int_equal(counter_get(&r.exporter->sequence_resets), 0);
    }
    batch_writer_flush(&w);
    assert_int_equal(counter_get(&ledger.entries[LEDGER_FLOW_HANDED_ON]), 24000);
    assert_int_equal(counter_get(&ledger.entries[LEDGER_SAMPLE_COUNTER]),
                     synth_counter_samples(&s));
    assert_true(synth_counter_samples(&s) > 1000);
    assert_int_equal(counter_get(&ledger.entries[LEDGER_RECORD_UNKNOWN]), 0);
    assert_int_equal(exporters_count(decoder_exporters(d)), 3);
    decoder_free(d);
    batch_pool_free(pool);
    mapping_free(mapping);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(it_decodes_without_a_complaint),
    };
    return UNIT_MAIN("app/synth", tests);
}
