// SPDX-License-Identifier: Apache-2.0
#include "flow/fields.h"

#include "../unit.h"
#include "flow/flow.h"

static void names_lead_to_fields(void **state)
{
    (void)state;
    assert_int_equal(FIELD_COUNT, 50);
    for (int i = 0; i < FIELD_COUNT; i++) {
        assert_int_equal(field_by_json_name(FIELDS[i].json_name), i);
        assert_int_equal(field_by_go_name(FIELDS[i].go_name), i);
        assert_true(FIELDS[i].offset < sizeof(struct flow));
        for (int k = 0; k < i; k++) {
            assert_int_not_equal(FIELDS[k].protobuf_number, FIELDS[i].protobuf_number);
            assert_int_not_equal(FIELDS[k].offset, FIELDS[i].offset);
        }
    }
    assert_int_equal(field_by_json_name("SrcAddr"), -1);
    assert_int_equal(field_by_go_name("src_addr"), -1);
}

/// goflow2's struct name is its JSON name in CamelCase.
static void go_names_are_camel_case(void **state)
{
    (void)state;
    for (int i = 0; i < FIELD_COUNT; i++) {
        char expected[64];
        size_t size = 0;
        bool upper = true;
        for (const char *c = FIELDS[i].json_name; *c != '\0'; c++) {
            if (*c == '_') {
                upper = true;
                continue;
            }
            expected[size++] = (char)(upper && *c >= 'a' ? *c - 'a' + 'A' : *c);
            upper = false;
        }
        expected[size] = '\0';
        assert_string_equal(FIELDS[i].go_name, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_to_fields),
        cmocka_unit_test(go_names_are_camel_case),
    };
    return UNIT_MAIN("flow/fields", tests);
}
