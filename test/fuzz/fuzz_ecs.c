// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as lines of a log, or as a datagram: the ECS documents of both profiles, under several
 * mappings and settings, are one line of valid UTF-8 each, JSON without a blank that could be left
 * out, and no object in them has a name twice. The first byte chooses.
 *
 * The line itself stands in for every text that enrich could add.
 */
#include <string.h>

#include "base/json_text.h"
#include "base/line.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "decode/decode.h"
#include "decode/goflow_line.h"
#include "format/ecs.h"
#include "format/format.h"
#include "format/json_parse.h"
#include "fuzz.h"

enum { PROFILES = 2, SETTINGS = 2, OUT_SIZE_MAX = 256 << 20, JSON_SIZE_MAX = 32 << 20 };

static const char *const MAPPINGS[] = {
    "formatter: {}\n",
    "formatter:\n"
    "  fields: [type, time_flow_start_ns, sampler_address, sequence_num, in_if, out_if, src_addr,\n"
    "           dst_addr, etype, proto, src_port, dst_port, src_vlan, dst_vlan, sampling_rate,\n"
    "           bytes]\n",
    "formatter:\n"
    "  protobuf:\n"
    "    - {name: a, index: 1001, type: varint, array: true}\n"
    "    - {name: b, index: 1002, type: bytes}\n"
    "    - {name: c, index: 1003, type: string, array: true}\n"
    "    - {name: d, index: 1004, type: string}\n"
    "  rename: {bytes: octets, b: src_net_name, d: tcp_flags}\n"
    "  fields: [src_addr, dst_addr, a, b, c, d, a, layer_stack, icmp_name, src_mac, as_path,\n"
    "           etype, proto, time_flow_start_ns, bytes]\n"
    "  render: {c: string, a: etype, d: string, etype: none, time_flow_start_ns: datetime}\n"
    "sflow:\n"
    "  mapping:\n"
    "    - {layer: ip, offset: 3, length: 21, destination: a}\n"
    "    - {layer: ethernet, offset: 0, length: 48, destination: d}\n"
    "    - {layer: '4', offset: -16, length: 100, destination: c}\n"
    "    - {layer: ip, offset: 0, length: 24, destination: SrcAddr}\n"
    "    - {layer: tcp, offset: 0, length: 1000, destination: b}\n",
};
enum { MAPPING_COUNT = sizeof(MAPPINGS) / sizeof(MAPPINGS[0]) };

static const struct ecs_settings SETTINGS_OF[SETTINGS] = {
    { .version = "8.11.0",
      .tags = "",
      .namespace = "default",
      .dataset = "",
      .timezone = "",
      .fields = "",
      .agent_name = "h",
      .agent_version = "1" },
    { .version = "8.17.0",
      .tags = "preserve_original_event,a\"b,\xff",
      .preserve_original = true,
      .namespace = "n",
      .dataset = "d",
      .timezone = "+01:00",
      .fields = "{\"labels\":{\"a\":\"\\\"\"},\"event\":{\"module\":\"m\"},\"observer\":{\"x\":[]},"
                "\"network\":{\"name\":\"n\"},\"agent\":{\"id\":\"i\"}}",
      .agent_name = "h\n",
      .agent_version = "1",
      .show_id = true },
};

/// What belongs to one mapping.
struct path {
    struct mapping *mapping;
    struct format *formats[SETTINGS][PROFILES];
    struct ledger ledger;
    struct decoder *decoder;
    struct goflow_reader *reader;
    struct batch_writer writer;
    struct origin *origin;
    uint64_t offset;
};

/// What is there once.
struct shared {
    struct path paths[MAPPING_COUNT];
    struct batch_pool *pool;
    struct json_tree *tree;
    struct json_parser *parser;
    struct buf out;
    struct buf compact;
};

static struct shared *shared(void);

/// Elastic leaves escapes of half a character as they are.
static void check_document(struct shared *s, bool elastic)
{
    struct json_error error = { 0 };
    uint32_t code;
    const struct buf *out = &s->out;
    for (size_t i = 0, length; i < out->size; i += length) {
        length = utf8_next(out->data + i, out->size - i, &code);
        CHECK(length > 0);
        CHECK(code >= 0x20);
    }
    buf_clear(&s->compact);
    CHECK(buf_reserve(&s->compact, 3 * out->size) == 0);
    uint8_t *end = json_put_compact(s->compact.data, out->data, out->size);
    CHECK((size_t)(end - s->compact.data) == out->size);
    CHECK(elastic || memcmp(s->compact.data, out->data, out->size) == 0);
    json_tree_clear(s->tree);
    const struct json_node *n =
        json_parse(s->parser, s->tree, json_slice(out->data, out->size), &error);
    // goflow2 is one level down, so that 1000 levels in the line are too many in the document.
    CHECK(n != NULL || strstr(error.reason, "depth") != NULL);
    CHECK(n == NULL || n->kind == JSON_MAP);
}

/// The line, in place of what enrich finds.
static void add_names(struct flow *flow)
{
    flow->exporter_name = flow->original;
    flow->in_names.name = flow->in_names.alias = flow->original;
    flow->out_names.alias = flow->original;
    flow->src_place.network = flow->dst_place.network = flow->original;
}

static void keep(void *context, struct batch *batch)
{
    struct shared *s = shared();
    struct path *p = context;
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        add_names(&batch->flows[i]);
        for (size_t f = 0; f < SETTINGS * PROFILES; f++) {
            struct format *format = p->formats[f / PROFILES][f % PROFILES];
            buf_clear(&s->out);
            enum format_outcome outcome = format_append(format, batch, &batch->flows[i], &s->out);
            CHECK(outcome == FORMAT_MESSAGE || outcome == FORMAT_ERROR_DOCUMENT);
            check_document(s, f % PROFILES == ECS_PROFILE_ELASTIC);
        }
    }
    ledger_count(&p->ledger, LEDGER_FLOW_HANDED_ON, batch->flow_count);
    batch_unref(batch);
}

static void path_init(struct path *p, struct batch_pool *pool, const char *mapping)
{
    static const enum ecs_profile PROFILE_OF[PROFILES] = { ECS_PROFILE_WEIR, ECS_PROFILE_ELASTIC };
    static struct ecs_settings settings[SETTINGS][PROFILES];
    struct err err;
    struct goflow_settings lines = { .keep_original = true };
    struct origin origin = { .is_file = true, .path = "/a\"b\xff", .input_type = "log" };
    CHECK(mapping_parse(mapping, strlen(mapping), "m", &p->mapping, &err) == 0);
    for (size_t i = 0; i < SETTINGS; i++) {
        for (size_t j = 0; j < PROFILES; j++) {
            settings[i][j] = SETTINGS_OF[i];
            settings[i][j].profile = PROFILE_OF[j];
            struct format_settings s = { .name = "ecs",
                                         .mapping = p->mapping,
                                         .ecs = &settings[i][j] };
            CHECK(format_new(&s, &p->formats[i][j], &err) == 0);
        }
    }
    CHECK(decoder_new(p->mapping, &p->ledger, &p->decoder) == 0);
    CHECK(goflow_reader_new(p->mapping, &lines, &p->ledger, &p->reader) == 0);
    p->origin = origin_new(&origin);
    CHECK(p->origin != NULL);
    batch_writer_init(&p->writer, pool, keep, p);
}

static struct shared *shared(void)
{
    static struct shared *s;
    if (s == NULL) {
        struct shared *made = mem_zalloc(sizeof(*made));
        CHECK(made != NULL);
        CHECK(batch_pool_new(2, NULL, NULL, &made->pool) == 0);
        CHECK(json_tree_new(JSON_SIZE_MAX, &made->tree) == 0);
        CHECK(json_parser_new(JSON_SIZE_MAX, &made->parser) == 0);
        buf_init(&made->out, OUT_SIZE_MAX);
        buf_init(&made->compact, OUT_SIZE_MAX);
        for (size_t i = 0; i < MAPPING_COUNT; i++) {
            path_init(&made->paths[i], made->pool, MAPPINGS[i]);
        }
        s = made;
    }
    return s;
}

/// From a heap block of exactly the line's size, so that a byte past it is seen.
static void read_line(struct path *p, const uint8_t *data, size_t size, bool cut)
{
    uint8_t *exact = mem_zalloc(size > 0 ? size : 1);
    CHECK(exact != NULL);
    memcpy(exact, data, size);
    struct line line = { .data = exact,
                         .size = size,
                         .offset = p->offset,
                         .end = p->offset + size + 1,
                         .cut = cut,
                         .origin = p->origin,
                         .read_ns = UINT64_C(1700000000000000000) };
    (void)goflow_read(p->reader, &line, &p->writer); // what it says is in the ledger too
    p->offset += size + 1;
    mem_free(exact);
}

static void read_lines(struct path *p, const uint8_t *data, size_t size, bool cut)
{
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t length = end == NULL ? size : (size_t)(end - data);
        read_line(p, data, length, cut);
        length += end != NULL;
        data += length;
        size -= length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct path *p = &shared()->paths[data[0] % MAPPING_COUNT];
    if ((data[0] & 0x80) != 0) {
        struct chunk chunk = fuzz_chunk(data + 1, size - 1);
        (void)decode_datagram(p->decoder, &chunk, &p->writer); // likewise
    } else {
        read_lines(p, data + 1, size - 1, (data[0] & 0x40) != 0);
    }
    batch_writer_flush(&p->writer);
    struct ledger_sums sums = { 0 };
    ledger_add_to(&p->ledger, &sums);
    for (enum ledger_group g = 0; g < LEDGER_GROUP_COUNT; g++) {
        CHECK(ledger_difference(&sums, g) == 0);
    }
    CHECK(batch_pool_out(shared()->pool) == 0);
    return 0;
}
