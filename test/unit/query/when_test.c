// SPDX-License-Identifier: Apache-2.0
#include "query/when.h"

#include "../unit.h"
#include "base/clock.h"
#include "base/status.h"

enum { NOW_S = 1767300000 }; // 2026-01-01T20:40:00Z

static int64_t when(const char *text, int32_t zone_s)
{
    int64_t ns;
    if (when_parse(text, strlen(text), (uint64_t)NOW_S * NS_PER_S, zone_s, &ns) != 0) {
        fail_msg("refused: %s", text);
    }
    return ns / (int64_t)NS_PER_S;
}

static void forms_of_times(void **state)
{
    (void)state;
    assert_int_equal(when("now", 0), NOW_S);
    assert_int_equal(when("now-1h", 0), NOW_S - 3600);
    assert_int_equal(when("now-90s", 0), NOW_S - 90);
    assert_int_equal(when("now/d", 0), 1767225600);
    assert_int_equal(when("now-1d/d", 0), 1767225600 - 86400);
    assert_int_equal(when("2026-01-01", 0), 1767225600);
    assert_int_equal(when("2026-01-01", 3600), 1767225600 - 3600);
    assert_int_equal(when("2026-01-01T00:00:00Z", 3600), 1767225600);
    assert_int_equal(when("2026-01-01T01:00:00+01:00", 0), 1767225600);
    assert_int_equal(when("2026-01-01T00:00:01.5Z", 0), 1767225601);
    assert_int_equal(when("1767225600", 0), 1767225600);
    assert_int_equal(when("1767225600000", 0), 1767225600);
}

static void what_is_no_time(void **state)
{
    (void)state;
    static const char *const TEXTS[] = { "",     "yesterday", "2026-13-01",          "2026-02-30",
                                         "now-", "now-1x",    "2026-01-01T25:00:00", "12:00" };
    int64_t ns;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        if (when_parse(TEXTS[i], strlen(TEXTS[i]), (uint64_t)NOW_S * NS_PER_S, 0, &ns) == 0) {
            fail_msg("taken: %s", TEXTS[i]);
        }
    }
}

/// ns since 1970 as far as 63 bits go: the zone does not take them further.
static void the_last_times(void **state)
{
    (void)state;
    static const char TEXT[] = "9223372036854775807";
    int64_t ns;
    for (int32_t zone_s = -3600; zone_s <= 3600; zone_s += 3600) {
        assert_int_equal(when_parse(TEXT, strlen(TEXT), 0, zone_s, &ns), ERR_INVALID);
    }
    assert_int_equal(when("9183110400000000000", 3600), 9183110400);
}

static void zones(void **state)
{
    (void)state;
    int32_t zone;
    assert_int_equal(when_zone("Z", 0, &zone), 0);
    assert_int_equal(zone, 0);
    assert_int_equal(when_zone("+01:30", 0, &zone), 0);
    assert_int_equal(zone, 5400);
    assert_int_equal(when_zone("-05:00", 0, &zone), 0);
    assert_int_equal(zone, -18000);
    assert_int_not_equal(when_zone("No/Such", 0, &zone), 0);
    assert_int_not_equal(when_zone("", 0, &zone), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_times),
        cmocka_unit_test(what_is_no_time),
        cmocka_unit_test(the_last_times),
        cmocka_unit_test(zones),
    };
    return UNIT_MAIN("query/when", tests);
}
