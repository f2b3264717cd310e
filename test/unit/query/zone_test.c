// SPDX-License-Identifier: Apache-2.0
#include "query/zone.h"

#include <unistd.h>

#include "../unit.h"
#include "base/clock.h"
#include "base/status.h"

static void offsets_by_season(void **state)
{
    (void)state;
    int32_t offset;
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0) {
        skip(); // a machine without the zone database
    }
    assert_int_equal(zone_find("Europe/Berlin", 1768000000 * (int64_t)NS_PER_S, &offset), 0);
    assert_int_equal(offset, 3600);
    assert_int_equal(zone_find("Europe/Berlin", 1783000000 * (int64_t)NS_PER_S, &offset), 0);
    assert_int_equal(offset, 7200);
    assert_int_equal(zone_find("America/New_York", 1768000000 * (int64_t)NS_PER_S, &offset), 0);
    assert_int_equal(offset, -5 * 3600);
    assert_int_equal(zone_find("Asia/Kolkata", 0, &offset), 0);
    assert_int_equal(offset, 19800);
    assert_int_equal(zone_find("UTC", 1768000000 * (int64_t)NS_PER_S, &offset), 0);
    assert_int_equal(offset, 0);
}

static void names_are_no_paths(void **state)
{
    (void)state;
    int32_t offset;
    static const char *const NAMES[] = {
        "",       "No/Such",   "../../../etc/passwd", "/etc/passwd",
        "Europe", "tzdata.zi", "Europe/Berlin\n",     "zone.tab"
    };
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        assert_int_equal(zone_find(NAMES[i], 0, &offset), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_by_season),
        cmocka_unit_test(names_are_no_paths),
    };
    return UNIT_MAIN("query/zone", tests);
}
