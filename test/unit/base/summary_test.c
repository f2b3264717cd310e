// SPDX-License-Identifier: Apache-2.0
#include "base/summary.h"

#include <math.h>

#include "../unit.h"
#include "base/clock.h"

static void quantiles_are_near(void **state)
{
    (void)state;
    struct summary *s;
    struct summary_view v;
    uint64_t now = 5000 * NS_PER_S;
    assert_int_equal(summary_new(&s), 0);
    const struct summary *const one[] = { s };
    summary_read(one, 1, now, &v);
    assert_true(isnan(v.quantiles[0]));
    for (uint64_t i = 1; i <= 10000; i++) {
        summary_add(s, now, i);
    }
    summary_read(one, 1, now, &v);
    assert_int_equal(v.count, 10000);
    assert_int_equal(v.sum, 50005000);
    assert_true(fabs(v.quantiles[0] - 5000) < 350);
    assert_true(fabs(v.quantiles[1] - 9000) < 650);
    assert_true(fabs(v.quantiles[2] - 9900) < 700);
    summary_read(one, 1, now + 11 * 60 * NS_PER_S, &v); // ten minutes later they are forgotten
    assert_true(isnan(v.quantiles[0]));
    assert_int_equal(v.count, 10000);
    summary_add(s, now + 11 * 60 * NS_PER_S, 7);
    summary_read(one, 1, now + 11 * 60 * NS_PER_S, &v);
    assert_true(fabs(v.quantiles[2] - 7) < 0.6);
    summary_add(s, now + 11 * 60 * NS_PER_S, UINT64_MAX); // has a bucket too
    summary_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(quantiles_are_near) };
    return UNIT_MAIN("base/summary", tests);
}
