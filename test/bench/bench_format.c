// SPDX-License-Identifier: Apache-2.0
/*
 * What decoding and formatting cost alone: generated datagrams through decode and each format in
 * one thread, nothing received or written. Prints nanoseconds of CPU time per flow.
 */
#include <stdio.h>
#include <string.h>

#include "app/synth.h"
#include "base/clock.h"
#include "base/mem.h"
#include "bench.h"
#include "decode/decode.h"
#include "format/format.h"

enum { DATAGRAMS = 512, FLOWS = 6, ROUNDS = 100 };

static const char SIXTEEN[] =
    "formatter: {fields: [type, time_flow_start_ns, sampler_address, sequence_num, in_if, out_if, "
    "src_addr, dst_addr, etype, proto, src_port, dst_port, src_vlan, dst_vlan, sampling_rate, "
    "bytes]}";

static struct {
    size_t size;
    uint8_t bytes[SYNTH_DATAGRAM_SIZE_MAX];
} datagrams[DATAGRAMS];

struct sink {
    struct format *format; ///< NULL: decode only
    struct buf out;
    uint64_t flows;
    uint64_t bytes;
};

static void take(void *context, struct batch *batch)
{
    struct sink *s = context;
    buf_clear(&s->out);
    for (uint32_t i = 0; s->format != NULL && i < batch->flow_count; i++) {
        (void)format_append(s->format, batch, &batch->flows[i], &s->out); // it fits
    }
    s->flows += batch->flow_count;
    s->bytes += s->out.size;
    batch_unref(batch);
}

static void measure(const char *name, const char *format, const char *columns)
{
    struct err err;
    struct mapping *mapping;
    struct format *f = NULL;
    struct batch_pool *pool;
    struct decoder *decoder;
    struct batch_writer writer;
    static struct ledger ledger;
    struct sink sink = { 0 };
    buf_init(&sink.out, 64 << 20);
    CHECK(columns == NULL ? mapping_default(&mapping) == 0
                          : mapping_parse(columns, strlen(columns), "bench", &mapping, &err) == 0);
    struct format_settings settings = { .name = format, .mapping = mapping };
    CHECK(format == NULL || format_new(&settings, &f, &err) == 0);
    CHECK(batch_pool_new(2, NULL, NULL, &pool) == 0);
    CHECK(decoder_new(mapping, &ledger, &decoder) == 0);
    sink.format = f;
    batch_writer_init(&writer, pool, take, &sink);
    double begin = cpu_ns();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < DATAGRAMS; i++) {
            struct chunk chunk = { .data = datagrams[i].bytes,
                                   .size = datagrams[i].size,
                                   .received_ns = UINT64_C(1700000000123456789) };
            (void)decode_datagram(decoder, &chunk, &writer); // generated: it decodes
        }
    }
    batch_writer_flush(&writer);
    double ns = (cpu_ns() - begin) / (double)sink.flows;
    printf("  %-28s %7.0f ns per flow, %4.0f bytes\n", name, ns,
           (double)sink.bytes / (double)sink.flows);
    decoder_free(decoder);
    batch_pool_free(pool);
    format_free(f);
    mapping_free(mapping);
    buf_release(&sink.out);
}

int main(void)
{
    static struct synth synth;
    const struct synth_settings settings = {
        .seed = 1, .exporters = 4, .flows = FLOWS, .ipv6 = 20, .expanded = 10, .counters = 5
    };
    synth_init(&synth, &settings);
    for (uint32_t i = 0; i < DATAGRAMS; i++) {
        datagrams[i].size = synth_datagram(&synth, i % 4, i, datagrams[i].bytes);
    }
    measure("decode", NULL, NULL);
    measure("decode, json, 16 columns", "json", SIXTEEN);
    measure("decode, json, 50 columns", "json", NULL);
    measure("decode, text, 50 columns", "text", NULL);
    measure("decode, bin", "bin", NULL);
    return 0;
}
