// SPDX-License-Identifier: Apache-2.0
#include "flow/names.h"

#include "../unit.h"

static void names(void **state)
{
    (void)state;
    assert_string_equal(proto_name(0), "HOPOPT");
    assert_string_equal(proto_name(6), "TCP");
    assert_string_equal(proto_name(58), "IPv6-ICMP");
    assert_string_equal(proto_name(124), "ISIS over IPv4");
    assert_string_equal(proto_name(145), "NSH");
    assert_string_equal(proto_name(146), "unassigned");
    assert_string_equal(proto_name(252), "unassigned");
    assert_string_equal(proto_name(253), "experimental");
    assert_string_equal(proto_name(254), "experimental");
    assert_string_equal(proto_name(255), "reserved");
    assert_string_equal(proto_name(256), "unknown");
    assert_string_equal(proto_name(UINT32_MAX), "unknown");
    for (uint32_t i = 0; i < 256; i++) {
        assert_non_null(proto_name(i));
    }
    assert_string_equal(etype_name(0x800), "IPv4");
    assert_string_equal(etype_name(0x806), "ARP");
    assert_string_equal(etype_name(0x86dd), "IPv6");
    assert_string_equal(etype_name(0x8100), "");
    assert_string_equal(icmp_name(1, 0), "EchoReply");
    assert_string_equal(icmp_name(1, 8), "Echo");
    assert_string_equal(icmp_name(1, 5), "");
    assert_string_equal(icmp_name(58, 135), "");
    assert_string_equal(icmp_name(58, 134), "RouterAdvertisement");
    assert_string_equal(icmp_name(6, 8), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(names) };
    return UNIT_MAIN("flow/names", tests);
}
