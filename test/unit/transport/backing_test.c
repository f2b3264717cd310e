// SPDX-License-Identifier: Apache-2.0
#include "transport/backing.h"

#include "../unit.h"

static void what_is_known(void **state)
{
    (void)state;
    struct backing b = { 0 };
    assert_false(backing_is(&b, 1, 10));
    backing_learn(&b, 1, 10);
    backing_learn(&b, 2, 20);
    assert_true(backing_is(&b, 1, 10));
    assert_true(backing_is(&b, 2, 20));
    assert_false(backing_is(&b, 2, 10));
    backing_learn(&b, 1, 11); // it rolled over
    assert_false(backing_is(&b, 1, 10));
    assert_true(backing_is(&b, 1, 11));
}

static void more_than_there_is_room_for(void **state)
{
    (void)state;
    struct backing b = { 0 };
    for (uint64_t i = 1; i <= BACKING_STREAMS_MAX + 3; i++) {
        backing_learn(&b, i, i);
    }
    assert_true(backing_is(&b, BACKING_STREAMS_MAX, BACKING_STREAMS_MAX));
    assert_false(backing_is(&b, BACKING_STREAMS_MAX + 1, BACKING_STREAMS_MAX + 1));
    backing_learn(&b, 1, 99);
    assert_true(backing_is(&b, 1, 99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known),
        cmocka_unit_test(more_than_there_is_room_for),
    };
    return UNIT_MAIN("transport/backing", tests);
}
