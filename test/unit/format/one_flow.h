// SPDX-License-Identifier: Apache-2.0
/* A flow of a batch, and what a format makes of it. */
#pragma once

#include "../unit.h"
#include "base/mem.h"
#include "format/format.h"

struct one_flow {
    struct batch_pool *pool;
    struct batch_writer writer;
    struct flow *flow; ///< open, until it is formatted
};

static inline void one_flow_keep(void *context, struct batch *batch)
{
    (void)context;
    batch_unref(batch);
}

static inline struct one_flow one_flow_new(void)
{
    struct one_flow o;
    assert_int_equal(batch_pool_new(1, NULL, NULL, &o.pool), 0);
    batch_writer_init(&o.writer, o.pool, one_flow_keep, NULL);
    o.flow = batch_writer_begin(&o.writer);
    return o;
}

/// Adds a value of a custom column.
static inline void one_flow_custom(struct one_flow *o, uint32_t column, const char *bytes,
                                   size_t size, uint64_t number)
{
    struct custom_value v = { .column = column, .number = number };
    v.bytes = batch_writer_add(&o->writer, bytes, size, 1);
    o->flow->custom = batch_writer_add(&o->writer, &v, 1, sizeof(v));
}

/// Formats the flow, which ends it, and compares.
static inline void one_flow_gives(struct one_flow *o, const char *format, const char *mapping,
                                  const char *expected, size_t expected_size)
{
    struct mapping *m;
    struct format *f;
    struct buf out;
    struct err err;
    if (mapping == NULL) {
        assert_int_equal(mapping_default(&m), 0);
    } else {
        assert_int_equal(mapping_parse(mapping, strlen(mapping), "m", &m, &err), 0);
    }
    struct format_settings settings = { .name = format, .mapping = m };
    assert_int_equal(format_new(&settings, &f, &err), 0);
    assert_true(batch_writer_commit(&o->writer));
    buf_init(&out, 1 << 20);
    assert_int_equal(format_append(f, o->writer.batch, o->flow, &out), FORMAT_MESSAGE);
    if (out.size != expected_size || memcmp(out.data, expected, expected_size) != 0) {
        print_error("got  %s\nwant %s\n", buf_text(&out), expected);
        assert_true(false);
    }
    buf_release(&out);
    format_free(f);
    mapping_free(m);
    batch_writer_flush(&o->writer);
    batch_pool_free(o->pool);
}

static inline void one_flow_gives_text(struct one_flow *o, const char *format, const char *mapping,
                                       const char *expected)
{
    one_flow_gives(o, format, mapping, expected, strlen(expected));
}
