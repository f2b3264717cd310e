// SPDX-License-Identifier: Apache-2.0
/* A reader of goflow2's lines with all that it needs, for the tests of decode/goflow_*. */
#pragma once

#include "../unit.h"

#include "base/line.h"
#include "base/mem.h"
#include "decode/goflow_line.h"
#include "flow/batch.h"
#include "flow/ledger.h"
#include "flow/mapping.h"

struct rig {
    struct mapping *mapping;
    struct batch_pool *pool;
    struct ledger *ledger;
    struct goflow_reader *reader;
    struct batch_writer writer;
    struct batch *batch; ///< the last one, held until the next line
    struct origin *origin;
    const struct flow *flow; ///< of the last line; NULL: it gave none
    uint64_t offset;         ///< of the next line
};

static void rig_keep(void *context, struct batch *batch)
{
    struct rig *r = context;
    if (r->batch != NULL) {
        batch_unref(r->batch);
    }
    r->batch = batch;
    ledger_count(r->ledger, LEDGER_FLOW_HANDED_ON, batch->flow_count);
}

static struct rig *rig_new(const char *mapping, struct goflow_settings settings)
{
    struct rig *r = mem_zalloc(sizeof(*r));
    struct err err = { 0 };
    assert_non_null(r);
    if (mapping == NULL) {
        assert_int_equal(mapping_default(&r->mapping), 0);
    } else if (mapping_parse(mapping, strlen(mapping), "m", &r->mapping, &err) != 0) {
        fail_msg("%s", err.text);
    }
    r->ledger = mem_zalloc(sizeof(*r->ledger));
    assert_non_null(r->ledger);
    assert_int_equal(batch_pool_new(3, NULL, NULL, &r->pool), 0);
    assert_int_equal(goflow_reader_new(r->mapping, &settings, r->ledger, &r->reader), 0);
    batch_writer_init(&r->writer, r->pool, rig_keep, r);
    struct origin values = { .path = "goflow2.log", .input_type = "import" };
    r->origin = origin_new(&values);
    assert_non_null(r->origin);
    return r;
}

/// The books of what was read; they balance.
static void rig_free(struct rig *r)
{
    struct ledger_sums sums = { 0 };
    batch_writer_flush(&r->writer);
    ledger_add_to(r->ledger, &sums);
    for (enum ledger_group g = 0; g < LEDGER_GROUP_COUNT; g++) {
        assert_int_equal(ledger_difference(&sums, g), 0);
    }
    if (r->batch != NULL) {
        batch_unref(r->batch);
    }
    assert_int_equal(batch_pool_out(r->pool), 0);
    origin_unref(r->origin);
    goflow_reader_free(r->reader);
    batch_pool_free(r->pool);
    mapping_free(r->mapping);
    mem_free(r->ledger);
    mem_free(r);
}

/// Reads one line, from a block of exactly its size. r->batch is what came of it.
static enum ledger_entry rig_give(struct rig *r, const void *data, size_t size, bool cut)
{
    uint8_t *exact = mem_zalloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, data, size);
    struct line line = { .data = exact,
                         .size = size,
                         .offset = r->offset,
                         .end = r->offset + size + 1,
                         .cut = cut,
                         .origin = r->origin,
                         .read_ns = 77 };
    r->offset = line.end;
    if (r->batch != NULL) {
        batch_unref(r->batch);
        r->batch = NULL;
    }
    enum ledger_entry outcome = goflow_read(r->reader, &line, &r->writer);
    batch_writer_flush(&r->writer);
    mem_free(exact);
    r->flow = NULL;
    return outcome;
}

/// The same for a line of one record: r->flow is what came of it.
static enum ledger_entry rig_read_bytes(struct rig *r, const void *data, size_t size, bool cut)
{
    uint64_t offset = r->offset;
    enum ledger_entry outcome = rig_give(r, data, size, cut);
    if (r->batch != NULL) {
        assert_int_equal(r->batch->flow_count, 1);
        r->flow = &r->batch->flows[0];
        assert_int_equal(r->flow->offset, offset);
        assert_int_equal(r->flow->kind, outcome == LEDGER_LINE_FLOW ? RECORD_FLOW : RECORD_ERROR);
    }
    return outcome;
}

static enum ledger_entry rig_read(struct rig *r, const char *text)
{
    return rig_read_bytes(r, text, strlen(text), false);
}

/// Reads a line that has a time and this column.
static enum ledger_entry rig_read_column(struct rig *r, const char *name, const char *value)
{
    char line[2048];
    bool is_time = strcmp(name, "time_flow_start_ns") == 0;
    int size =
        snprintf(line, sizeof(line), "{%s\"%s\":%s}",
                 is_time ? "\"time_received_ns\":5," : "\"time_flow_start_ns\":5,", name, value);
    assert_true(size > 0 && (size_t)size < sizeof(line));
    return rig_read(r, line);
}

static void rig_expect(struct rig *r, const char *text, enum ledger_entry outcome)
{
    enum ledger_entry is = rig_read(r, text);
    if (is != outcome) {
        fail_msg("%s: %s (%s), expected %s", text, LEDGER_ENTRIES[is].name, goflow_words(r->reader),
                 LEDGER_ENTRIES[outcome].name);
    }
}

/// A field's number, of whatever width.
static inline uint64_t rig_number(const struct flow *flow, enum field field)
{
    const uint8_t *at = (const uint8_t *)flow + FIELDS[field].offset;
    uint64_t wide;
    uint32_t narrow;
    memcpy(&wide, at, sizeof(wide));
    memcpy(&narrow, at, sizeof(narrow));
    return FIELDS[field].kind == FIELD_KIND_U64 ? wide : narrow;
}

static inline const char *rig_span(const struct rig *r, struct span span, char out[static 256])
{
    size_t size = span.count < 255 ? span.count : 255;
    memcpy(out, batch_bytes(r->batch, span), size);
    out[size] = '\0';
    return out;
}

/// A column that no field stands for, as `"name"=value`; "" when there is none at that place.
static inline const char *rig_extra(const struct rig *r, size_t place, char out[static 256])
{
    char name[256];
    char json[256];
    out[0] = '\0';
    if (place < r->flow->extras.count) {
        const struct extra_value *e = &batch_extras(r->batch, r->flow->extras)[place];
        int size = snprintf(out, 256, "%.100s=%.100s", rig_span(r, e->name, name),
                            rig_span(r, e->json, json));
        assert_true(size > 0 && size < 256);
    }
    return out;
}
