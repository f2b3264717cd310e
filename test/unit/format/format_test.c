// SPDX-License-Identifier: Apache-2.0
#include "one_flow.h"

static void unknown_names(void **state)
{
    (void)state;
    struct mapping *m;
    struct format *f;
    struct err err;
    assert_int_equal(mapping_default(&m), 0);
    struct format_settings settings = { .name = "xml", .mapping = m };
    assert_int_equal(format_new(&settings, &f, &err), ERR_NOT_FOUND);
    assert_string_equal(err.text, "unknown format \"xml\" (json, text, bin or ecs)");
    mapping_free(m);
}

/// What does not fit leaves no part of itself; what is no flow gives nothing.
static void all_or_nothing(void **state)
{
    (void)state;
    static const char *const NAMES[] = { "json", "text", "bin" };
    for (size_t i = 0; i < 3; i++) {
        struct one_flow o = one_flow_new();
        struct mapping *m;
        struct format *f;
        struct err err;
        struct buf out;
        o.flow->bytes = 12345;
        assert_true(batch_writer_commit(&o.writer));
        assert_int_equal(mapping_default(&m), 0);
        struct format_settings settings = { .name = NAMES[i], .mapping = m };
        assert_int_equal(format_new(&settings, &f, &err), 0);
        for (size_t size = 1; size < 4000; size += 7) {
            buf_init(&out, size);
            buf_append_char(&out, 'x');
            if (format_append(f, o.writer.batch, o.flow, &out) == FORMAT_TOO_LARGE) {
                assert_int_equal(out.size, 1);
            }
            buf_release(&out);
        }
        buf_init(&out, 1 << 20);
        o.flow->kind = RECORD_DROP;
        assert_int_equal(format_append(f, o.writer.batch, o.flow, &out), FORMAT_NOTHING);
        assert_int_equal(out.size, 0);
        assert_false(out.bad);
        buf_release(&out);
        format_free(f);
        mapping_free(m);
        batch_writer_flush(&o.writer);
        batch_pool_free(o.pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(all_or_nothing),
    };
    return UNIT_MAIN("format/format", tests);
}
