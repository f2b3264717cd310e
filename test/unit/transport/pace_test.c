// SPDX-License-Identifier: Apache-2.0
#include "transport/pace.h"

#include <unistd.h>

#include "../unit.h"
#include "base/clock.h"

enum { MB = 1 << 20 };

static void the_size_settles(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 4 * MB);
    assert_int_equal(pace_size(&p), MB);
    for (int i = 0; i < 100; i++) {
        size_t before = pace_size(&p);
        pace_went_well(&p, NS_PER_MS);
        assert_true(pace_size(&p) >= before);
    }
    assert_int_equal(pace_size(&p), 4 * MB); // and no more
    pace_went_well(&p, 3 * NS_PER_S);        // neither quick nor slow
    assert_int_equal(pace_size(&p), 4 * MB);
    pace_went_well(&p, 6 * NS_PER_S);
    assert_int_equal(pace_size(&p), 2 * MB);
    for (int i = 0; i < 100; i++) {
        pace_shrink(&p);
    }
    assert_int_equal(pace_size(&p), 64 << 10);
    pace_release(&p);
    pace_init(&p, 100000); // less than it begins with otherwise
    assert_int_equal(pace_size(&p), 100000);
    pace_release(&p);
}

static void holds_get_longer(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, MB);
    assert_int_equal(pace_held_ms(&p), 0);
    uint64_t most = 1000;
    for (int i = 0; i < 10; i++) {
        pace_hold(&p, 0);
        uint64_t held = pace_held_ms(&p);
        assert_in_range(held, most / 2 - 5, most + 1);
        pace_hold(&p, 0); // another one, for the same reason
        assert_in_range(pace_held_ms(&p), most / 2 - 10, held);
        atomic_store(&p.hold_ns, 0); // time goes by
        most = 2 * most < 60000 ? 2 * most : 60000;
    }
    pace_report_well(&p);
    pace_hold(&p, 0);
    assert_in_range(pace_held_ms(&p), 400, 1001);
    pace_hold(&p, 7000); // what the server asks for counts most
    assert_in_range(pace_held_ms(&p), 6900, 7001);
    pace_release(&p);
}

static void waits_get_longer(void **state)
{
    (void)state;
    uint64_t ms = 1000;
    for (unsigned failures = 0; failures < 100; failures++) {
        uint64_t least = UINT64_MAX;
        uint64_t most = 0;
        for (int i = 0; i < 300; i++) {
            uint64_t wait = pace_backoff_ms(failures);
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        assert_in_range(least, ms / 2, ms * 6 / 10);
        assert_in_range(most, ms * 9 / 10, ms);
        ms = 2 * ms < 60000 ? 2 * ms : 60000;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_size_settles),
        cmocka_unit_test(holds_get_longer),
        cmocka_unit_test(waits_get_longer),
    };
    return UNIT_MAIN("transport/pace", tests);
}
