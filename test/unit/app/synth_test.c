// SPDX-License-Identifier: Apache-2.0
#include "app/synth.h"

#include <stdlib.h>

#include "../unit.h"
#include "base/rd.h"
#include "decode/decode.h"

enum { DATAGRAMS = 500 };

static const struct synth_settings ALL_KINDS = {
    .seed = 1, .exporters = 7, .flows = 6, .ipv6 = 30, .expanded = 40, .counters = 50
};

static struct synth *fresh(struct synth_settings settings)
{
    struct synth *s = malloc(sizeof(*s));
    assert_non_null(s);
    synth_init(s, &settings);
    return s;
}

static void same_seed_same_bytes(void **state)
{
    (void)state;
    struct synth *a = fresh(ALL_KINDS);
    struct synth *b = fresh(ALL_KINDS);
    struct synth_settings other = ALL_KINDS;
    other.seed = 2;
    struct synth *c = fresh(other);
    static uint8_t bytes[3][SYNTH_DATAGRAM_SIZE_MAX];
    // b's exporters take their turns the other way round: they do not depend on each other.
    static uint8_t kept[7][SYNTH_DATAGRAM_SIZE_MAX];
    for (uint32_t round = 0; round < DATAGRAMS / 7; round++) {
        for (uint32_t i = 7; i-- > 0;) {
            (void)synth_datagram(b, i, round, kept[i]);
        }
        for (uint32_t i = 0; i < 7; i++) {
            size_t size = synth_datagram(a, i, round, bytes[0]);
            assert_memory_equal(bytes[0], kept[i], size);
            size_t other_size = synth_datagram(c, i, round, bytes[2]);
            assert_true(size != other_size || memcmp(bytes[0], bytes[2], size) != 0);
        }
    }
    free(a);
    free(b);
    free(c);
}

/// The first bytes for seed 1, so that no change of compiler or machine goes unseen. A change of
/// the traffic changes them on purpose.
static void bytes_are_the_same_everywhere(void **state)
{
    (void)state;
    struct synth *s = fresh(ALL_KINDS);
    static uint8_t bytes[SYNTH_DATAGRAM_SIZE_MAX];
    uint64_t hash = UINT64_C(0xcbf29ce484222325); // FNV-1a
    for (uint32_t n = 0; n < DATAGRAMS; n++) {
        size_t size = synth_datagram(s, n % 7, n, bytes);
        for (size_t i = 0; i < size; i++) {
            hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
        }
    }
    assert_int_equal(hash, UINT64_C(0x20ed305bd8b29d9f));
    free(s);
}

// --- A walk through the datagrams by the specification ------------------------------------------

struct source {
    uint32_t flow_sequence;
    uint32_t counter_sequence;
    uint32_t pool;
    uint32_t drops;
    uint64_t in_octets;
};

struct seen {
    struct source sources[SYNTH_EXPORTERS_MAX][1 + SYNTH_PORTS];
    uint32_t sequences[SYNTH_EXPORTERS_MAX];
    uint64_t flows;
    uint64_t expanded;
    uint64_t counters;
    uint64_t records[4]; ///< headers, switch, router, gateway
};

static void walk_flow(struct rd r, bool expanded, uint32_t sequence, struct source *source,
                      struct seen *seen)
{
    uint32_t rate = rd_u32(&r);
    uint32_t pool = rd_u32(&r);
    uint32_t drops = rd_u32(&r);
    assert_int_equal(sequence, source->flow_sequence + 1);
    assert_in_range(rate, 512, 8192);
    assert_in_range(pool - source->pool, 1, 2 * rate - 1);
    assert_in_range(drops - source->drops, 0, 1);
    source->flow_sequence = sequence;
    source->pool = pool;
    source->drops = drops;
    rd_skip(&r, expanded ? 16 : 8);
    uint32_t records = rd_u32(&r);
    for (uint32_t i = 0; i < records; i++) {
        uint32_t format = rd_u32(&r);
        struct rd record = rd_sub(&r, rd_u32(&r));
        assert_false(record.bad);
        assert_int_equal(rd_left(&record) % 4, 0);
        if (format == 1) {
            seen->records[0]++;
            rd_skip(&record, 12);
            uint32_t header = rd_u32(&record);
            assert_int_equal((header + 3) / 4 * 4, rd_left(&record));
        } else {
            assert_in_range(format, 1001, 1003);
            seen->records[format - 1000]++;
        }
    }
    assert_int_equal(rd_left(&r), 0);
    assert_false(r.bad);
    seen->flows++;
    seen->expanded += expanded;
}

static void walk_counters(struct rd r, uint32_t sequence, uint32_t index, struct source *source,
                          struct seen *seen)
{
    assert_int_equal(sequence, source->counter_sequence + 1);
    source->counter_sequence = sequence;
    assert_int_equal(rd_u32(&r), 2);
    assert_int_equal(rd_u32(&r), 1);
    struct rd interface = rd_sub(&r, rd_u32(&r));
    assert_int_equal(rd_left(&interface), 88);
    assert_int_equal(rd_u32(&interface), index);
    rd_skip(&interface, 20);
    uint64_t in_octets = rd_u64(&interface);
    assert_true(in_octets >= source->in_octets);
    source->in_octets = in_octets;
    assert_int_equal(rd_u32(&r), 2);
    assert_int_equal(rd_u32(&r), 52);
    rd_skip(&r, 52);
    assert_int_equal(rd_left(&r), 0);
    assert_false(r.bad);
    seen->counters++;
}

static void walk(const uint8_t *bytes, size_t size, uint32_t exporter, uint32_t uptime_ms,
                 struct seen *seen)
{
    struct rd r = rd_over(bytes, size);
    assert_int_equal(rd_u32(&r), 5);
    uint32_t family = rd_u32(&r);
    assert_in_range(family, 1, 2);
    const uint8_t *agent = rd_take(&r, family == 1 ? 4 : 16);
    assert_non_null(agent);
    assert_int_equal(agent[family == 1 ? 3 : 15], 1 + exporter);
    assert_int_equal(rd_u32(&r), 0);
    assert_int_equal(rd_u32(&r), ++seen->sequences[exporter]);
    assert_int_equal(rd_u32(&r), uptime_ms);
    uint32_t samples = rd_u32(&r);
    for (uint32_t i = 0; i < samples; i++) {
        uint32_t format = rd_u32(&r);
        struct rd sample = rd_sub(&r, rd_u32(&r));
        assert_false(sample.bad);
        uint32_t sequence = rd_u32(&sample);
        assert_in_range(format, 1, 4);
        if (format > 2) {
            assert_int_equal(rd_u32(&sample), 0);
        }
        uint32_t index = rd_u32(&sample);
        assert_in_range(index, 1, SYNTH_PORTS);
        struct source *source = &seen->sources[exporter][index];
        if (format % 2 == 1) {
            walk_flow(sample, format == 3, sequence, source, seen);
        } else {
            walk_counters(sample, sequence, index, source, seen);
        }
    }
    assert_int_equal(rd_left(&r), 0);
    assert_false(r.bad);
}

static void datagrams_hold_to_the_specification(void **state)
{
    (void)state;
    struct synth *s = fresh(ALL_KINDS);
    struct seen *seen = calloc(1, sizeof(*seen));
    assert_non_null(seen);
    static uint8_t bytes[SYNTH_DATAGRAM_SIZE_MAX];
    for (uint32_t n = 0; n < DATAGRAMS; n++) {
        size_t size = synth_datagram(s, n % 7, n, bytes);
        walk(bytes, size, n % 7, n, seen);
    }
    assert_int_equal(seen->flows, DATAGRAMS * 6);
    assert_int_equal(seen->counters, synth_counter_samples(s));
    assert_in_range(seen->counters * 100 / DATAGRAMS, 40, 60);
    assert_in_range(seen->expanded * 100 / seen->flows, 35, 45);
    assert_int_equal(seen->records[0], seen->flows);
    assert_int_equal(seen->records[1], seen->flows);
    // Exporters 0, 3 and 6 are switches, 1 and 4 routers, 2 and 5 border routers.
    assert_in_range(seen->records[2] * 100 / seen->flows, 27, 30);
    assert_in_range(seen->records[3] * 100 / seen->flows, 27, 30);
    free(seen);
    free(s);
}

static void largest_datagram_fits(void **state)
{
    (void)state;
    struct synth *s = fresh((struct synth_settings){ .seed = 9,
                                                     .exporters = SYNTH_EXPORTERS_MAX,
                                                     .flows = SYNTH_FLOWS_MAX,
                                                     .ipv6 = 100,
                                                     .expanded = 100,
                                                     .counters = 100 });
    uint8_t *bytes = malloc(SYNTH_DATAGRAM_SIZE_MAX); // exactly, for the sanitizer
    struct seen *seen = calloc(1, sizeof(*seen));
    assert_non_null(bytes);
    assert_non_null(seen);
    for (uint32_t n = 0; n < 4 * SYNTH_EXPORTERS_MAX; n++) {
        uint32_t exporter = n % SYNTH_EXPORTERS_MAX;
        assert_int_equal(s->exporters[exporter].agent.size, ADDR_V6_SIZE);
        size_t size = synth_datagram(s, exporter, n, bytes);
        walk(bytes, size, exporter, n, seen);
    }
    assert_int_equal(seen->expanded, seen->flows);
    free(seen);
    free(bytes);
    free(s);
}

// --- And through weir's own decoder --------------------------------------------------------------

static void look_at_flows(void *context, struct batch *batch)
{
    uint64_t *flows = context;
    *flows += batch->flow_count;
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        const struct flow *flow = &batch->flows[i];
        assert_true(flow_has(flow, FIELD_SRC_ADDR));
        assert_true(flow_has(flow, FIELD_SRC_PORT) || flow_has(flow, FIELD_PROTO));
        assert_in_range(flow->bytes, 64, 1526);
        assert_in_range(flow->sampling_rate, 512, 8192);
    }
    batch_unref(batch);
}

static void weir_reads_all_of_it(void **state)
{
    (void)state;
    struct mapping *mapping;
    struct batch_pool *pool;
    struct decoder *decoder;
    static struct ledger ledger;
    struct batch_writer writer;
    uint64_t flows = 0;
    assert_int_equal(mapping_default(&mapping), 0);
    assert_int_equal(batch_pool_new(2, NULL, NULL, &pool), 0);
    assert_int_equal(decoder_new(mapping, &ledger, &decoder), 0);
    batch_writer_init(&writer, pool, look_at_flows, &flows);
    struct synth *s = fresh(ALL_KINDS);
    static uint8_t bytes[SYNTH_DATAGRAM_SIZE_MAX];
    for (uint32_t n = 0; n < DATAGRAMS; n++) {
        struct chunk chunk = { .data = bytes,
                               .size = synth_datagram(s, n % 7, n, bytes),
                               .scheme = SCHEME_SFLOW,
                               .peer = s->exporters[n % 7].agent };
        struct decode_result result = decode_datagram(decoder, &chunk, &writer);
        assert_int_equal(result.outcome, LEDGER_DATAGRAM_DECODED);
        assert_int_equal(result.damaged, 0);
        assert_int_equal(result.exporter_new, n < 7);
    }
    batch_writer_flush(&writer);
    assert_int_equal(flows, DATAGRAMS * 6);
    for (int i = 0; i < LEDGER_ENTRY_COUNT; i++) {
        if (LEDGER_ENTRIES[i].side == LEDGER_SIDE_ASIDE) {
            assert_int_equal(counter_get(&ledger.entries[i]), 0);
        }
    }
    const struct exporters *exporters = decoder_exporters(decoder);
    assert_int_equal(exporters_count(exporters), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(counter_get(&exporters_at(exporters, i)->sequence_gaps), 0);
        assert_int_equal(counter_get(&exporters_at(exporters, i)->sequence_resets), 0);
    }
    decoder_free(decoder);
    batch_pool_free(pool);
    mapping_free(mapping);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_bytes),
        cmocka_unit_test(bytes_are_the_same_everywhere),
        cmocka_unit_test(datagrams_hold_to_the_specification),
        cmocka_unit_test(largest_datagram_fits),
        cmocka_unit_test(weir_reads_all_of_it),
    };
    return UNIT_MAIN("app/synth", tests);
}
