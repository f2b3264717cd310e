// SPDX-License-Identifier: Apache-2.0
#include "flow/ledger.h"

#include "../unit.h"

static void books(void **state)
{
    (void)state;
    struct ledger a = { 0 };
    struct ledger b = { 0 };
    struct ledger_sums sums = { 0 };
    ledger_count(&a, LEDGER_DATAGRAMS, 5);
    ledger_count(&a, LEDGER_DATAGRAM_DECODED, 3);
    ledger_count(&b, LEDGER_DATAGRAM_SFLOW_VERSION, 1);
    ledger_add_to(&a, &sums);
    ledger_add_to(&b, &sums);
    assert_int_equal(ledger_difference(&sums, LEDGER_GROUP_DATAGRAM), 1);
    assert_int_equal(ledger_difference(&sums, LEDGER_GROUP_FLOW), 0);
    struct buf text;
    buf_init(&text, 10000);
    ledger_print(&sums, LEDGER_GROUP_DATAGRAM, &text);
    assert_string_equal(buf_text(&text), "received=5 decoded=3 sflow_version=1");
    buf_clear(&text);
    ledger_print(&sums, LEDGER_GROUP_FLOW, &text);
    assert_string_equal(buf_text(&text), "made=0 handed_on=0");
    buf_release(&text);
}

/// Each group has one entry for what came, and names are unique in it.
static void the_table_is_sound(void **state)
{
    (void)state;
    unsigned in[LEDGER_GROUP_COUNT] = { 0 };
    for (int i = 0; i < LEDGER_ENTRY_COUNT; i++) {
        const struct ledger_info *a = &LEDGER_ENTRIES[i];
        in[a->group] += a->side == LEDGER_SIDE_IN;
        assert_non_null(a->words);
        for (int k = 0; k < i; k++) {
            const struct ledger_info *b = &LEDGER_ENTRIES[k];
            assert_false(a->group == b->group && strcmp(a->name, b->name) == 0);
        }
    }
    for (enum ledger_group g = 0; g < LEDGER_GROUP_COUNT; g++) {
        assert_int_equal(in[g], 1);
        assert_non_null(ledger_group_text(g));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(books),
        cmocka_unit_test(the_table_is_sound),
    };
    return UNIT_MAIN("flow/ledger", tests);
}
