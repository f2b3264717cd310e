// SPDX-License-Identifier: Apache-2.0
#include "one_flow.h"

static void nothing_is_nothing(void **state)
{
    (void)state;
    struct one_flow o = one_flow_new();
    one_flow_gives(&o, "bin", NULL, "\0", 1);
}

/// The custom columns of goflow2's documentation: a varint array and bytes, in order of arrival.
static void custom_columns_come_last(void **state)
{
    (void)state;
    struct one_flow o = one_flow_new();
    const struct custom_value values[] = {
        { .column = 0, .number = 1000 },
        { .column = 0, .number = 53 },
        { .column = 1, .bytes = batch_writer_add(&o.writer, "\x03\xe8\0\x35", 4, 1) },
    };
    o.flow->custom = batch_writer_add(&o.writer, values, 3, sizeof(values[0]));
    o.flow->time_flow_end_ns = 1; // number 112, the highest of all
    one_flow_gives(
        &o, "bin",
        "formatter:\n  protobuf:\n    - {name: a, index: 1001, type: varint, array: true}\n"
        "    - {name: b, index: 30000, type: bytes}\n",
        "\x12\x80\x07\x01\xc8\x3e\xe8\x07\xc8\x3e\x35\x82\xd3\x0e\x04\x03\xe8\0\x35", 20 - 1);
}

static void a_large_message_has_a_long_length(void **state)
{
    (void)state;
    static uint32_t path[300];
    static char expected[400];
    struct one_flow o = one_flow_new();
    for (size_t i = 0; i < 300; i++) {
        path[i] = 1;
    }
    o.flow->as_path = batch_writer_add(&o.writer, path, 300, sizeof(path[0]));
    memset(expected, 1, sizeof(expected));
    memcpy(expected, "\xb0\x02\xb2\x06\xac\x02", 6); // 304 bytes: field 102, 300 bytes
    one_flow_gives(&o, "bin", NULL, expected, 306);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_nothing),
        cmocka_unit_test(custom_columns_come_last),
        cmocka_unit_test(a_large_message_has_a_long_length),
    };
    return UNIT_MAIN("format/bin", tests);
}
