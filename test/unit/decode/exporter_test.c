// SPDX-License-Identifier: Apache-2.0
#include "decode/exporter.h"

#include "../unit.h"
#include "base/limits.h"

static struct addr number(uint32_t n)
{
    const uint8_t bytes[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
                               (uint8_t)n };
    return addr_v4(bytes);
}

static void each_has_its_entry(void **state)
{
    (void)state;
    struct exporters *e;
    bool is_new;
    struct addr a = number(1);
    struct addr b = number(2);
    assert_int_equal(exporters_new(&e), 0);
    struct exporter *x = exporters_get(e, &a, &b, 0, &is_new);
    assert_true(is_new);
    assert_ptr_equal(exporters_get(e, &a, &b, 0, &is_new), x);
    assert_false(is_new);
    assert_ptr_not_equal(exporters_get(e, &a, &b, 1, &is_new), x); // another sub-agent
    assert_ptr_not_equal(exporters_get(e, &b, &b, 0, &is_new), x); // another sender
    assert_ptr_not_equal(exporters_get(e, &a, &a, 0, &is_new), x); // another agent
    assert_int_equal(exporters_count(e), 4);
    assert_ptr_equal(exporters_at(e, 0), x);
    exporters_free(e);
}

/// A flood of made-up senders fills the table and then shares the last entry.
static void a_flood_is_bounded(void **state)
{
    (void)state;
    struct exporters *e;
    bool is_new;
    assert_int_equal(exporters_new(&e), 0);
    for (uint32_t i = 0; i < 3 * EXPORTERS_MAX; i++) {
        struct addr a = number(i);
        struct exporter *x = exporters_get(e, &a, &a, 0, &is_new);
        assert_int_equal(x->overflow, i >= EXPORTERS_MAX - 1);
        assert_int_equal(is_new, i < EXPORTERS_MAX);
    }
    assert_int_equal(exporters_count(e), EXPORTERS_MAX);
    for (uint32_t i = 0; i < EXPORTERS_MAX - 1; i++) { // the first ones are still themselves
        struct addr a = number(i);
        assert_ptr_equal(exporters_get(e, &a, &a, 0, &is_new), exporters_at(e, i));
    }
    for (uint32_t i = 0; i < 2 * INTERFACES_MAX; i++) {
        struct addr a = number(i % 7);
        struct interface_samples *s = exporters_interface(e, &a, 0, i);
        assert_int_equal(s->overflow, i >= INTERFACES_MAX - 1);
    }
    assert_int_equal(exporters_interface_count(e), INTERFACES_MAX);
    exporters_free(e);
}

static void sequences(void **state)
{
    (void)state;
    struct exporter x = { 0 };
    exporter_sequence(&x, 100); // the first says nothing
    exporter_sequence(&x, 101);
    assert_int_equal(counter_get(&x.sequence_gaps), 0);
    exporter_sequence(&x, 105); // 102, 103, 104 never came
    assert_int_equal(counter_get(&x.sequence_gaps), 3);
    exporter_sequence(&x, 1); // restarted
    assert_int_equal(counter_get(&x.sequence_gaps), 3);
    assert_int_equal(counter_get(&x.sequence_resets), 1);
    exporter_sequence(&x, 2);
    x.next_sequence = UINT32_MAX;
    exporter_sequence(&x, UINT32_MAX);
    exporter_sequence(&x, 0); // the number wraps
    assert_int_equal(counter_get(&x.sequence_gaps), 3);
    assert_int_equal(counter_get(&x.sequence_resets), 1);
    exporter_sequence(&x, 2);
    assert_int_equal(counter_get(&x.sequence_gaps), 4);
    struct exporter other = { .overflow = true };
    exporter_sequence(&other, 5);
    exporter_sequence(&other, 50);
    assert_int_equal(counter_get(&other.sequence_gaps), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_its_entry),
        cmocka_unit_test(a_flood_is_bounded),
        cmocka_unit_test(sequences),
    };
    return UNIT_MAIN("decode/exporter", tests);
}
