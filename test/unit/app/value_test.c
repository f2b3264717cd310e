// SPDX-License-Identifier: Apache-2.0
#include "app/value.h"

#include "../unit.h"
#include "base/status.h"

static void sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } GOOD[] = { { "0", 0 },           { "8388608", 8388608 },
                 { "8192k", 8388608 }, { "8m", 8388608 },
                 { "8M", 8388608 },    { "1g", 1U << 30 },
                 { "1K", 1024 },       { "1GB", 1U << 30 },
                 { "64kb", 65536 },    { "1073741824", 1 << 30 } };
    static const char *const BAD[] = { "",         "k",          "b",
                                       "kb",       "1bb",        "1 k",
                                       "-1",       "1.5m",       "0x10",
                                       "1t",       "m1",         "2g",
                                       "1048577k", "1073741825", "99999999999999999999g" };
    uint64_t bytes;
    (void)state;
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        assert_int_equal(value_size(GOOD[i].text, 1 << 30, &bytes), 0);
        assert_int_equal(bytes, GOOD[i].bytes);
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        bytes = 77;
        if (value_size(BAD[i], 1 << 30, &bytes) == 0) {
            fail_msg("a size: %s", BAD[i]);
        }
        assert_int_equal(bytes, 77); // untouched
    }
}

static void times(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } GOOD[] = {
        { "1970-01-01", 0 },
        { "2026-01-31", UINT64_C(1769817600000000000) },
        { "2026-01-31Z", UINT64_C(1769817600000000000) },
        { "2026-01-31T12:00:00Z", UINT64_C(1769860800000000000) },
        { "2026-01-31T12:00:00", UINT64_C(1769860800000000000) },
        { "2026-01-31 12:00:00", UINT64_C(1769860800000000000) },
        { "2026-01-31T12:00:00.5Z", UINT64_C(1769860800500000000) },
        { "2026-01-31T12:00:00.123456789Z", UINT64_C(1769860800123456789) },
        { "2026-01-31T12:00:00.1234567891Z", UINT64_C(1769860800123456789) },
        { "2026-01-31T12:00:00+01:00", UINT64_C(1769857200000000000) },
        { "2026-01-31T12:00:00.5-03:30", UINT64_C(1769873400500000000) },
        { "2024-02-29", UINT64_C(1709164800000000000) },
        { "2553-12-31", UINT64_C(18429206400000000000) },
    };
    static const char *const BAD[] = {
        "",
        "now",
        "2026",
        "2026-01",
        "2026-13-01",
        "2026-02-31",
        "2025-02-29",
        "2026-04-31",
        "2026-01-00",
        "1969-12-31",
        "2700-01-01",
        "9999-12-31",
        "2026-01-31x",
        "2026-01-31T",
        "2026-01-31T12",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:00:00z0",
        "1970-01-01T00:00:00+01:00",
        "2026-01-31T12:00:00+1:00",
        "2026-01-31T12:00:00+0100",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+01:60",
        "2026-01-31T12:00:00Z ",
        "31.1.2026",
    };
    uint64_t ns;
    (void)state;
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        if (value_time(GOOD[i].text, &ns) != 0 || ns != GOOD[i].ns) {
            fail_msg("%s: %llu", GOOD[i].text, (unsigned long long)ns);
        }
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        ns = 77;
        if (value_time(BAD[i], &ns) == 0) {
            fail_msg("a time: %s", BAD[i]);
        }
        assert_int_equal(ns, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sizes), cmocka_unit_test(times) };
    return UNIT_MAIN("value", tests);
}
