// SPDX-License-Identifier: Apache-2.0
#include "decode/draft.h"

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

static struct setup set_up(void)
{
    static const char TEXT[] = "formatter:\n  protobuf:\n"
                               "    - {name: n, index: 1, type: varint}\n"
                               "    - {name: b, index: 2, type: bytes}\n";
    struct setup s;
    struct err err;
    assert_int_equal(mapping_parse(TEXT, sizeof(TEXT) - 1, "x", &s.mapping, &err), 0);
    assert_int_equal(batch_pool_new(2, NULL, NULL, &s.pool), 0);
    batch_writer_init(&s.writer, s.pool, drop, NULL);
    s.draft = mem_zalloc(sizeof(*s.draft));
    assert_non_null(s.draft);
    return s;
}

static void tear_down(struct setup *s)
{
    batch_writer_flush(&s->writer);
    batch_pool_free(s->pool);
    mapping_free(s->mapping);
    mem_free(s->draft);
}

static void assign(struct setup *s, enum field field, bool little, const char *value, size_t size)
{
    struct destination d = { .index = (uint16_t)field, .little_endian = little };
    draft_assign(s->draft, s->mapping, &d, (const uint8_t *)value, size);
}

static void assign_custom(struct setup *s, uint16_t column, const char *value, size_t size)
{
    struct destination d = { .kind = DESTINATION_CUSTOM, .index = column };
    draft_assign(s->draft, s->mapping, &d, (const uint8_t *)value, size);
}

static void values_of_every_kind(void **state)
{
    (void)state;
    struct setup s = set_up();
    enum ledger_entry reason;
    struct flow *flow = draft_begin(s.draft, &s.writer);
    assign(&s, FIELD_IN_IF, false, "\1\2", 2);
    assign(&s, FIELD_OUT_IF, true, "\1\2", 2);
    assign(&s, FIELD_SRC_VLAN, false, "\1\2\3\4\5\6\7\x08", 8); // cut to 32 bits
    assign(&s, FIELD_BYTES, false, "\1\2\3\4\5\6\7\x08", 8);
    assign(&s, FIELD_PACKETS, false, "", 0);
    assign(&s, FIELD_SRC_ADDR, false, "\x0a\0\0\1", 4);
    assign(&s, FIELD_DST_ADDR, false, "\x0a\0\0", 3);
    assign(&s, FIELD_NEXT_HOP, false, "12345678901234567", 17); // no address is as long
    assign(&s, FIELD_AS_PATH, false, "\0\0\xfd\xe8", 4);
    assign(&s, FIELD_AS_PATH, false, "\5", 1);
    assign(&s, FIELD_MPLS_IP, false, "\x0a\0\0\1", 4);
    assign_custom(&s, 0, "\1\0", 2);
    assign_custom(&s, 1, "bytes", 5);
    assign_custom(&s, 0, "\2", 1);
    assert_true(draft_commit(s.draft, &reason));
    const struct batch *b = s.writer.batch;
    assert_int_equal(flow->in_if, 0x0102);
    assert_int_equal(flow->out_if, 0x0201);
    assert_int_equal(flow->src_vlan, 0x05060708);
    assert_true(flow->bytes == UINT64_C(0x0102030405060708));
    assert_int_equal(flow->src_addr.size, 4);
    assert_int_equal(flow->dst_addr.size, 3);
    assert_int_equal(flow->next_hop.size, 0);
    assert_int_equal(flow->as_path.count, 2);
    assert_int_equal(batch_u32s(b, flow->as_path)[0], 65000);
    assert_int_equal(batch_u32s(b, flow->as_path)[1], 5);
    assert_int_equal(flow->mpls_ip.count, 1);
    assert_int_equal(batch_addrs(b, flow->mpls_ip)[0].size, 0);
    assert_int_equal(flow->custom.count, 3);
    const struct custom_value *v = batch_customs(b, flow->custom);
    assert_int_equal(v[0].number, 256);
    assert_memory_equal(batch_bytes(b, v[1].bytes), "bytes", 5);
    assert_int_equal(v[2].number, 2);
    assert_true(flow_has(flow, FIELD_IN_IF));
    assert_false(flow_has(flow, FIELD_PROTO));
    tear_down(&s);
}

static void what_is_too_much_is_named(void **state)
{
    (void)state;
    struct setup s = set_up();
    enum ledger_entry reason;
    draft_begin(s.draft, &s.writer);
    assign(&s, FIELD_IN_IF, false, "123456789", 9);
    assert_false(draft_commit(s.draft, &reason));
    assert_int_equal(reason, LEDGER_FLOW_VALUE);
    draft_begin(s.draft, &s.writer);
    for (int i = 0; i <= CUSTOM_VALUES_MAX; i++) {
        assign_custom(&s, 0, "1", 1);
    }
    assert_false(draft_commit(s.draft, &reason));
    assert_int_equal(reason, LEDGER_FLOW_TOO_LARGE);
    draft_begin(s.draft, &s.writer);
    for (int i = 0; i <= CUSTOM_BYTES_MAX / 1000; i++) {
        static const char value[1000];
        assign_custom(&s, 1, value, sizeof(value));
    }
    assert_false(draft_commit(s.draft, &reason));
    assert_int_equal(reason, LEDGER_FLOW_TOO_LARGE);
    assert_int_equal(s.writer.batch->flow_count, 0);
    draft_begin(s.draft, &s.writer);
    assert_true(draft_commit(s.draft, &reason)); // nothing is left of the others
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_kind),
        cmocka_unit_test(what_is_too_much_is_named),
    };
    return UNIT_MAIN("decode/draft", tests);
}
