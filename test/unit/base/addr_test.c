// SPDX-License-Identifier: Apache-2.0
#include "base/addr.h"

#include "../unit.h"
#include "base/status.h"

/// RFC 5952 with Go's forms: what goes in as inet_pton's text comes out as on the right.
static void texts_are_canonical(void **state)
{
    (void)state;
    static const char *const PAIRS[][2] = {
        { "0.0.0.0", "0.0.0.0" },
        { "255.255.255.255", "255.255.255.255" },
        { "10.100.9.99", "10.100.9.99" },
        { "::", "::" },
        { "::1", "::1" },
        { "1::", "1::" },
        { "2001:db8:0:0:0:0:0:1", "2001:db8::1" },
        { "2001:DB8::00aB", "2001:db8::ab" },
        { "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" }, // one group is not shortened
        { "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },          // the longest run
        { "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },    // the first of equals
        { "0:0:1:0:0:0:0:0", "0:0:1::" },
        { "fe80:0:0:0:1:2:3:4", "fe80::1:2:3:4" },
        { "::ffff:1.2.3.4", "::ffff:1.2.3.4" },
        { "::1.2.3.4", "::102:304" }, // v4-compatible is not dotted
        { "1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    };
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
        struct addr a;
        char text[ADDR_TEXT_SIZE_MAX + 1];
        assert_int_equal(addr_parse(PAIRS[i][0], &a), 0);
        assert_string_equal(addr_text(&a, text), PAIRS[i][1]);
    }
    struct addr odd = { .size = 3, .bytes = { 1, 2, 3 } };
    char text[ADDR_TEXT_SIZE_MAX + 1];
    assert_string_equal(addr_text(&odd, text), "");
}

/// addr_get() says of any text what inet_pton() says of it.
static void reading_agrees_with_inet_pton(void **state)
{
    (void)state;
    static const char DIGITS[] = "0123456789abcdefABCDEF:::::....g";
    uint64_t seed = 1;
    unsigned good = 0;
    for (int round = 0; round < 300000; round++) {
        char text[ADDR_TEXT_SIZE_MAX + 4];
        size_t size = 0;
        struct addr want;
        struct addr got;
        uint8_t bytes[16];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            bytes[i] = (seed >> 40 & 3) == 0 ? 0 : (uint8_t)(seed >> 56);
        }
        struct addr a = round % 3 == 0 ? addr_v4(bytes) : addr_v6(bytes);
        size = (size_t)(addr_put((uint8_t *)text, &a) - (uint8_t *)text);
        if (round % 2 == 0) { // damaged
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            text[(seed >> 33) % size] = DIGITS[seed >> 59];
            size -= (seed >> 50) % 8 == 0;
        }
        text[size] = '\0';
        int status = addr_parse(text, &want);
        assert_int_equal(addr_get((const uint8_t *)text, size, &got), status);
        if (status == 0) {
            assert_memory_equal(&got, &want, sizeof(got));
            good++;
        }
    }
    assert_in_range(good, 150000, 299999);
    static const char *const ODD[] = { "",
                                       ":",
                                       "::",
                                       ":::",
                                       "1::",
                                       "::1",
                                       "1:",
                                       ":1",
                                       "1:2:3:4:5:6:7::",
                                       "::2:3:4:5:6:7:8",
                                       "1::2:3:4:5:6:7:8",
                                       "1::2::3",
                                       "00001::",
                                       "1:2:3:4:5:6:7:8:9",
                                       "::1.2.3.4",
                                       "1.2.3.04",
                                       "1.2.3",
                                       "fe80::1%eth0" };
    for (size_t i = 0; i < sizeof(ODD) / sizeof(ODD[0]); i++) {
        struct addr want = { 0 };
        struct addr got = { 0 };
        assert_int_equal(addr_get((const uint8_t *)ODD[i], strlen(ODD[i]), &got),
                         addr_parse(ODD[i], &want));
        assert_memory_equal(&got, &want, sizeof(got));
    }
}

static void mapped_is_ipv4(void **state)
{
    (void)state;
    struct addr a;
    char text[ADDR_TEXT_SIZE_MAX + 1];
    assert_int_equal(addr_parse("::ffff:192.0.2.1", &a), 0);
    struct addr plain = addr_unmap(&a);
    assert_string_equal(addr_text(&plain, text), "192.0.2.1");
    assert_int_equal(addr_parse("2001:db8::1", &a), 0);
    plain = addr_unmap(&a);
    assert_true(addr_equal(&plain, &a));
}

static void networks(void **state)
{
    (void)state;
    static const struct {
        const char *network;
        const char *address;
        bool inside;
    } CASES[] = {
        { "10.0.0.0/8", "10.255.0.1", true },
        { "10.0.0.0/8", "11.0.0.1", false },
        { "10.1.2.3/8", "10.9.9.9", true },
        { "192.0.2.1", "192.0.2.1", true },
        { "192.0.2.1", "192.0.2.2", false },
        { "0.0.0.0/0", "1.2.3.4", true },
        { "0.0.0.0/0", "::1", false },
        { "10.0.0.0/8", "::ffff:10.1.1.1", true },
        { "2001:db8::/33", "2001:db8::1", true },
        { "2001:db8::/33", "2001:db8:8000::1", false },
        { "192.0.2.128/25", "192.0.2.127", false },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct cidr c;
        struct addr a;
        assert_int_equal(cidr_parse(CASES[i].network, &c), 0);
        assert_int_equal(addr_parse(CASES[i].address, &a), 0);
        assert_int_equal(cidr_contains(&c, &a), CASES[i].inside);
    }
}

static void what_is_no_network(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",         "10.0.0.0/33", "::/129", "10.0.0.0/",   "10.0.0.0/a",
        "10.0.0/8", "host/8",      "/8",     "10.0.0.0/-1", "10.0.0.0/8/8"
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct cidr c;
        assert_int_equal(cidr_parse(BAD[i], &c), ERR_INVALID);
    }
    struct cidr c;
    char text[1000];
    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(cidr_parse(text, &c), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_canonical), cmocka_unit_test(reading_agrees_with_inet_pton),
        cmocka_unit_test(mapped_is_ipv4),      cmocka_unit_test(networks),
        cmocka_unit_test(what_is_no_network),
    };
    return UNIT_MAIN("base/addr", tests);
}
