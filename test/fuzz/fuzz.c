// SPDX-License-Identifier: Apache-2.0
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "decode/decode.h"
#include "format/format.h"

enum { FORMATS = 3, OUT_SIZE_MAX = 256 << 20 };

struct fuzz_path {
    struct mapping *mapping;
    struct format *formats[FORMATS];
    struct batch_pool *pool;
    struct ledger ledger;
    struct decoder *decoder;
    struct batch_writer writer;
    struct buf out;
    uint64_t flows_out;
};

static const char RULES[] =
    "formatter:\n"
    "  protobuf:\n"
    "    - {name: a, index: 1001, type: varint, array: true}\n"
    "    - {name: b, index: 1002, type: bytes}\n"
    "    - {name: c, index: 1003, type: string, array: true}\n"
    "  fields: [src_addr, dst_addr, a, b, c, layer_stack, layer_size, icmp_name, SrcMac, as_path]\n"
    "  render: {c: string, a: etype, b: string}\n"
    "sflow:\n"
    "  ports:\n"
    "    - {proto: udp, dir: both, port: 3544, parser: teredo-dst}\n"
    "    - {proto: udp, dir: both, port: 6081, parser: geneve}\n"
    "    - {proto: tcp, dir: dst, port: 80, parser: ethernet}\n"
    "    - {proto: udp, dir: src, port: 0, parser: mpls}\n"
    "  mapping:\n"
    "    - {layer: ip, offset: 3, length: 21, destination: a}\n"
    "    - {layer: ip, encap: true, offset: 96, length: 64, destination: a}\n"
    "    - {layer: '4', offset: -16, length: 100, destination: c}\n"
    "    - {layer: tcp, offset: 1000, length: 8000, destination: b}\n"
    "    - {layer: ethernet, offset: 0, length: 48, destination: DstMac}\n"
    "    - {layer: proto17, offset: 1, length: 32, destination: SrcAddr}\n"
    "    - {layer: etype0x0800, offset: 0, length: 32, destination: AsPath}\n"
    "    - {layer: udp53, offset: 0, length: 64, destination: MplsIp}\n";

static void keep(void *context, struct batch *batch)
{
    struct fuzz_path *p = context;
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        for (size_t f = 0; f < FORMATS; f++) {
            buf_clear(&p->out);
            CHECK(format_append(p->formats[f], batch, &batch->flows[i], &p->out) == FORMAT_MESSAGE);
        }
    }
    ledger_count(&p->ledger, LEDGER_FLOW_HANDED_ON, batch->flow_count);
    batch_unref(batch);
}

static struct fuzz_path *path_new(bool with_rules)
{
    static const char *const NAMES[FORMATS] = { "json", "text", "bin" };
    struct err err;
    struct fuzz_path *p = mem_zalloc(sizeof(*p));
    CHECK(p != NULL);
    if (with_rules) {
        CHECK(mapping_parse(RULES, sizeof(RULES) - 1, "rules", &p->mapping, &err) == 0);
    } else {
        CHECK(mapping_default(&p->mapping) == 0);
    }
    for (size_t i = 0; i < FORMATS; i++) {
        struct format_settings settings = { .name = NAMES[i], .mapping = p->mapping };
        CHECK(format_new(&settings, &p->formats[i], &err) == 0);
    }
    CHECK(batch_pool_new(2, NULL, NULL, &p->pool) == 0);
    CHECK(decoder_new(p->mapping, &p->ledger, &p->decoder) == 0);
    batch_writer_init(&p->writer, p->pool, keep, p);
    buf_init(&p->out, OUT_SIZE_MAX);
    return p;
}

struct fuzz_path *fuzz_path(bool with_rules)
{
    static struct fuzz_path *paths[2];
    struct fuzz_path **path = &paths[with_rules];
    if (*path == NULL) {
        *path = path_new(with_rules);
    }
    return *path;
}

struct chunk fuzz_chunk(const uint8_t *data, size_t size)
{
    static const uint8_t PEER[4] = { 127, 0, 0, 1 };
    return (struct chunk){ .data = data,
                           .size = size,
                           .scheme = SCHEME_SFLOW,
                           .peer = addr_v4(PEER),
                           .peer_port = 50000,
                           .received_ns = UINT64_C(1700000000000000000) };
}

void fuzz_decode(struct fuzz_path *p, const struct chunk *chunk)
{
    uint8_t *exact = mem_zalloc(chunk->size > 0 ? chunk->size : 1);
    CHECK(exact != NULL);
    memcpy(exact, chunk->data, chunk->size);
    struct chunk copy = *chunk;
    copy.data = exact;
    (void)decode_datagram(p->decoder, &copy, &p->writer); // what it says is in the ledger too
    mem_free(exact);
}

void fuzz_check(struct fuzz_path *p)
{
    batch_writer_flush(&p->writer);
    struct ledger_sums sums = { 0 };
    ledger_add_to(&p->ledger, &sums);
    for (enum ledger_group g = 0; g < LEDGER_GROUP_COUNT; g++) {
        CHECK(ledger_difference(&sums, g) == 0);
    }
    CHECK(batch_pool_out(p->pool) == 0);
}
