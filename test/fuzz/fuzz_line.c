// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as lines of a log, read with several mappings: flows are well-formed (lists and texts
 * lie in the arena, numbers fit, what is absent is zero), an error keeps its line and says why,
 * every format can write what comes out, and the books balance. The first byte chooses the mapping.
 */
#include <string.h>

#include "base/line.h"
#include "base/mem.h"
#include "decode/goflow_line.h"
#include "format/ecs.h"
#include "format/format.h"
#include "fuzz.h"

enum { OUT_SIZE_MAX = 256 << 20, PATHS = 3, FORMATS = 5 };

static const char *const MAPPINGS[PATHS] = {
    NULL,
    "formatter:\n"
    "  fields: [type, octets, src_addr, time_flow_start_ns, time_received_ns, csum, label, raw, ip,"
    " many, etype, proto, src_mac, dst_net]\n"
    "  rename: {src_addr: source_ip}\n"
    "  render: {label: string, ip: ip, src_mac: none, time_received_ns: datetimenano}\n"
    "  protobuf:\n"
    "    - {name: octets, index: 2000, type: varint}\n"
    "    - {name: csum, index: 2001, type: varint}\n"
    "    - {name: label, index: 2002, type: string}\n"
    "    - {name: raw, index: 2003, type: bytes}\n"
    "    - {name: ip, index: 2004, type: bytes}\n"
    "    - {name: many, index: 2005, type: varint, array: true}\n",
    "formatter:\n"
    "  fields: [time_flow_start_ns, bytes]\n"
    "  rename: {bytes: sampling_rate, time_flow_start_ns: t}\n",
};

struct path {
    struct mapping *mapping;
    struct goflow_reader *reader;
    struct batch_pool *pool;
    struct ledger ledger;
    struct batch_writer writer;
    struct origin *origin;
    struct format *formats[FORMATS];
    struct buf out;
    bool keep_original;
};

static void check_span(const struct batch *b, struct span span, size_t element)
{
    CHECK(span.offset <= b->arena_used);
    CHECK(span.count * element <= b->arena_used - span.offset);
}

/// Every kind of list is where it says, and fields that are absent are zero.
static void check_flow(const struct batch *b, const struct flow *f)
{
    static const uint8_t ZEROS[sizeof(struct addr)];
    for (enum field i = 0; i < FIELD_COUNT; i++) {
        const uint8_t *at = (const uint8_t *)f + FIELDS[i].offset;
        struct span span;
        size_t size = 0;
        memcpy(&span, at, sizeof(span));
        switch (FIELDS[i].kind) {
        case FIELD_KIND_U32:
        case FIELD_KIND_TYPE:
            size = sizeof(uint32_t);
            break;
        case FIELD_KIND_U64:
            size = sizeof(uint64_t);
            break;
        case FIELD_KIND_ADDR:
            size = sizeof(struct addr);
            CHECK(flow_has(f, i) == (at[offsetof(struct addr, size)] != 0));
            break;
        case FIELD_KIND_U32S:
        case FIELD_KIND_LAYERS:
            check_span(b, span, sizeof(uint32_t));
            size = sizeof(span);
            break;
        case FIELD_KIND_ADDRS:
            check_span(b, span, sizeof(struct addr));
            size = sizeof(span);
            break;
        }
        CHECK(flow_has(f, i) || memcmp(at, ZEROS, size) == 0);
    }
    check_span(b, f->original, 1);
    check_span(b, f->proto_text, 1);
    check_span(b, f->etype_text, 1);
    check_span(b, f->type_text, 1);
    check_span(b, f->extras, sizeof(struct extra_value));
    for (uint32_t i = 0; i < f->extras.count; i++) {
        const struct extra_value *e = &batch_extras(b, f->extras)[i];
        check_span(b, e->name, 1);
        check_span(b, e->json, 1);
        CHECK(e->name.count >= 2 && e->json.count >= 1);
    }
    check_span(b, f->custom, sizeof(struct custom_value));
    for (uint32_t i = 0; i < f->custom.count; i++) {
        check_span(b, batch_customs(b, f->custom)[i].bytes, 1);
    }
}

static void keep(void *context, struct batch *batch)
{
    struct path *p = context;
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        const struct flow *f = &batch->flows[i];
        if (f->kind == RECORD_FLOW) {
            check_flow(batch, f);
            CHECK(f->time_flow_start_ns != 0 || f->time_received_ns != 0);
            CHECK((f->original.count > 0) == p->keep_original);
        } else {
            CHECK(f->kind == RECORD_ERROR);
            CHECK(f->original.count > 0 && f->body.count > 0);
        }
        for (size_t k = 0; k < FORMATS; k++) {
            buf_clear(&p->out);
            enum format_outcome outcome = format_append(p->formats[k], batch, f, &p->out);
            CHECK(!p->out.bad);
            CHECK(f->kind == RECORD_ERROR || outcome != FORMAT_NOTHING);
        }
    }
    ledger_count(&p->ledger, LEDGER_FLOW_HANDED_ON, batch->flow_count);
    batch_unref(batch);
}

static struct path *path_new(size_t index)
{
    static const char *const NAMES[FORMATS] = { "json", "text", "bin", "ecs", "ecs" };
    static struct ecs_settings ecs[2] = {
        { .profile = ECS_PROFILE_WEIR,
          .version = "8.11.0",
          .tags = "sflow",
          .namespace = "default",
          .dataset = "",
          .timezone = "",
          .fields = "",
          .agent_name = "a",
          .agent_version = "1" },
        { .profile = ECS_PROFILE_ELASTIC,
          .version = "8.11.0",
          .tags = "sflow",
          .namespace = "default",
          .dataset = "",
          .timezone = "",
          .fields = "",
          .agent_name = "a",
          .agent_version = "1" },
    };
    struct err err;
    struct path *p = mem_zalloc(sizeof(*p));
    CHECK(p != NULL);
    const char *text = MAPPINGS[index];
    CHECK((text == NULL ? mapping_default(&p->mapping)
                        : mapping_parse(text, strlen(text), "m", &p->mapping, &err)) == 0);
    p->keep_original = index == 0; // profile elastic is made from the line
    struct goflow_settings settings = { .keep_original = p->keep_original };
    CHECK(goflow_reader_new(p->mapping, &settings, &p->ledger, &p->reader) == 0);
    CHECK(batch_pool_new(2, NULL, NULL, &p->pool) == 0);
    batch_writer_init(&p->writer, p->pool, keep, p);
    p->origin = origin_new(&(struct origin){ .is_file = true, .path = "a", .input_type = "log" });
    CHECK(p->origin != NULL);
    for (size_t i = 0; i < FORMATS; i++) {
        bool elastic = i == 4 && p->keep_original;
        struct format_settings format = { .name = NAMES[i],
                                          .mapping = p->mapping,
                                          .ecs = &ecs[elastic] };
        CHECK(format_new(&format, &p->formats[i], &err) == 0);
    }
    buf_init(&p->out, OUT_SIZE_MAX);
    return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct path *paths[PATHS];
    if (size < 1) {
        return 0;
    }
    size_t index = data[0] % PATHS;
    if (paths[index] == NULL) {
        paths[index] = path_new(index);
    }
    struct path *p = paths[index];
    bool cut = (data[0] & 0x80) != 0;
    uint64_t offset = 0;
    for (size_t at = 1; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t length = end == NULL ? size - at : (size_t)(end - data) - at;
        uint8_t *exact = mem_zalloc(length > 0 ? length : 1);
        CHECK(exact != NULL);
        memcpy(exact, data + at, length);
        struct line line = { .data = exact,
                             .size = length,
                             .offset = offset,
                             .end = offset + length + 1,
                             .cut = cut,
                             .origin = p->origin,
                             .read_ns = UINT64_C(1700000000000000000) };
        enum ledger_entry outcome = goflow_read(p->reader, &line, &p->writer);
        CHECK(LEDGER_ENTRIES[outcome].group == LEDGER_GROUP_LINE);
        CHECK((outcome == LEDGER_LINE_EMPTY) == (length == 0));
        CHECK(LEDGER_ENTRIES[outcome].side != LEDGER_SIDE_ASIDE ||
              goflow_words(p->reader)[0] != '\0');
        offset = line.end;
        at += length + 1;
        mem_free(exact);
    }
    batch_writer_flush(&p->writer);
    struct ledger_sums sums = { 0 };
    ledger_add_to(&p->ledger, &sums);
    for (enum ledger_group g = 0; g < LEDGER_GROUP_COUNT; g++) {
        CHECK(ledger_difference(&sums, g) == 0);
    }
    CHECK(batch_pool_out(p->pool) == 0);
    return 0;
}
