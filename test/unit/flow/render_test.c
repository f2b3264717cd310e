// SPDX-License-Identifier: Apache-2.0
#include "flow/render.h"

#include "../unit.h"

static void date(int64_t seconds, uint32_t ns, const char *expected)
{
    uint8_t text[RENDER_DATETIME_SIZE_MAX + 1];
    *render_datetime(text, seconds, ns) = '\0';
    assert_string_equal((char *)text, expected);
}

/// What Go's time.Unix(s, ns).UTC().Format(time.RFC3339Nano) writes.
static void dates(void **state)
{
    (void)state;
    date(0, 0, "1970-01-01T00:00:00Z");
    date(1700000000, 0, "2023-11-14T22:13:20Z");
    date(1700000000, 5, "2023-11-14T22:13:20.000000005Z");
    date(1700000000, 123000000, "2023-11-14T22:13:20.123Z");
    date(1700000000, 999999999, "2023-11-14T22:13:20.999999999Z");
    date(951782400, 0, "2000-02-29T00:00:00Z");
    date(4107542400, 0, "2100-03-01T00:00:00Z");
    date(-1, 0, "1969-12-31T23:59:59Z");
    date(253402300799, 0, "9999-12-31T23:59:59Z");
    date(253402300800, 0, "10000-01-01T00:00:00Z");
    date(1700000000000000000, 0, "53870857431-07-31T22:13:20Z");
    date(-62135596800, 0, "0001-01-01T00:00:00Z");
    date(-9000000000000000000, 0, "-285198644592-09-12T08:00:00Z");
    date(INT64_MAX, 0, "292277026596-12-04T15:30:07Z");
}

static void network(const char *address, uint32_t prefix, const char *expected)
{
    struct addr a = { 0 };
    uint8_t text[RENDER_NETWORK_SIZE_MAX + 1];
    if (address[0] != '\0') {
        assert_int_equal(addr_parse(address, &a), 0);
    }
    *render_network(text, &a, prefix) = '\0';
    assert_string_equal((char *)text, expected);
}

static void networks(void **state)
{
    (void)state;
    network("10.0.0.1", 24, "10.0.0.0/24");
    network("10.0.0.1", 32, "10.0.0.1/32");
    network("10.0.0.1", 0, "0.0.0.0/0");
    network("10.0.0.1", 33, "invalid Prefix");
    network("", 0, "invalid Prefix");
    network("2001:db8::1", 32, "2001:db8::/32");
    network("2001:db8:ffff::1", 33, "2001:db8:8000::/33");
    network("2001:db8::1", 129, "invalid Prefix");
    network("::ffff:1.2.3.4", 120, "::ffff:1.2.3.0/120");
    network("::ffff:1.2.3.4", 64, "::/64");
}

static void macs(void **state)
{
    (void)state;
    uint8_t text[RENDER_MAC_SIZE + 1];
    *render_mac(text, UINT64_C(0xffff0200000000ab)) = '\0';
    assert_string_equal((char *)text, "02:00:00:00:00:ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(networks),
        cmocka_unit_test(macs),
    };
    return UNIT_MAIN("flow/render", tests);
}
