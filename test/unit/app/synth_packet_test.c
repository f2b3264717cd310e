// SPDX-License-Identifier: Apache-2.0
#include "app/synth_packet.h"

#include "../unit.h"
#include "base/checksum.h"
#include "base/rd.h"

enum { DRAWS = 20000 };

/// Reads the header back and compares it with the packet it was made from.
static void expect_header(const struct synth_packet *p, const uint8_t *bytes, uint32_t size)
{
    struct rd r = rd_over(bytes, size);
    rd_skip(&r, 12);
    uint32_t tags = 0;
    uint16_t ethertype = rd_u16(&r);
    for (; ethertype == 0x8100 || ethertype == 0x88a8; tags++) {
        rd_skip(&r, 2);
        ethertype = rd_u16(&r);
    }
    assert_int_equal(tags, p->tags);
    assert_int_equal(ethertype, p->ipv6 ? 0x86dd : 0x0800);
    uint32_t transport = (p->protocol == 6 ? 20 : 8) + p->payload_size;
    const uint8_t *ip = rd_take(&r, p->ipv6 ? 40 : 20);
    assert_non_null(ip);
    if (p->ipv6) {
        assert_int_equal(ip[0] >> 4, 6);
        assert_int_equal(be16(ip + 4), transport);
        assert_int_equal(ip[6], p->protocol);
    } else {
        assert_int_equal(ip[0], 0x45);
        assert_int_equal(be16(ip + 2), 20 + transport);
        assert_int_equal(ip[9], p->protocol);
        assert_int_equal(checksum_fold(checksum_add(0, ip, 20)), 0);
    }
    uint32_t ip_size = (p->ipv6 ? 40 : 20) + transport;
    uint32_t frame_size = 14 + 4 * tags + ip_size + 4;
    assert_int_equal(p->frame_size, frame_size < 64 ? 64 : frame_size);
    assert_in_range(ip_size, 28, 1500);
    assert_int_equal(size, p->frame_size - 4 < 128 ? p->frame_size - 4 : 128);
    if (p->protocol == 6 || p->protocol == 17) {
        assert_int_equal(rd_u16(&r), p->src_port);
        assert_int_equal(rd_u16(&r), p->dst_port);
    }
    if (p->protocol == 17) {
        assert_int_equal(rd_u16(&r), transport);
    }
    if (p->protocol == 6) {
        rd_skip(&r, 8);
        assert_int_equal(rd_u8(&r), 0x50);
        assert_int_equal(rd_u8(&r), p->tcp_flags);
        rd_skip(&r, 6);
    }
    assert_false(r.bad);
}

static void headers_say_what_was_drawn(void **state)
{
    (void)state;
    struct synth_random r = { .state = 1 };
    for (int i = 0; i < DRAWS; i++) {
        struct synth_packet p = synth_packet_draw(&r, 40);
        uint8_t bytes[SYNTH_HEADER_SIZE_MAX + 1];
        memset(bytes, 0xa5, sizeof(bytes));
        uint32_t size = synth_packet_header(&p, &r, bytes);
        expect_header(&p, bytes, size);
        assert_int_equal(bytes[SYNTH_HEADER_SIZE_MAX], 0xa5);
        uint32_t port = synth_host_port(&p.src);
        assert_in_range(port, 1, SYNTH_PORTS);
        assert_int_equal(port <= 2, p.src.outside);
        assert_in_range(synth_host_vlan(&p.src), 1, 4094);
    }
}

/// Within a few percent of what the essay says.
static void the_mix_is_as_told(void **state)
{
    (void)state;
    struct synth_random r = { .state = 2 };
    uint32_t tcp = 0;
    uint32_t udp = 0;
    uint32_t icmp = 0;
    uint32_t ipv6 = 0;
    uint32_t crossing = 0;
    uint32_t tagged = 0;
    uint32_t twice = 0;
    uint32_t top_ten = 0;
    uint32_t syn = 0;
    for (int i = 0; i < DRAWS; i++) {
        struct synth_packet p = synth_packet_draw(&r, 25);
        tcp += p.protocol == 6;
        udp += p.protocol == 17;
        icmp += p.protocol == (p.ipv6 ? 58 : 1);
        ipv6 += p.ipv6;
        crossing += p.src.outside != p.dst.outside;
        tagged += p.tags > 0;
        twice += p.tags == 2;
        top_ten += p.src.number < 10;
        syn += p.tcp_flags == 2;
        assert_false(p.src.outside && p.dst.outside);
    }
    assert_int_equal(tcp + udp + icmp, DRAWS);
    assert_in_range(tcp * 100 / DRAWS, 61, 67);
    assert_in_range(udp * 100 / DRAWS, 30, 36);
    assert_in_range(icmp * 100 / DRAWS, 2, 4);
    assert_in_range(ipv6 * 100 / DRAWS, 23, 27);
    assert_in_range(crossing * 100 / DRAWS, 72, 78);
    assert_in_range(tagged * 100 / DRAWS, 30, 70);
    assert_in_range(twice * 100 / DRAWS, 1, 10);
    assert_in_range(top_ten * 100 / DRAWS, 15, 45); // ten hosts of thousands
    assert_in_range(syn * 100 / DRAWS, 1, 5);
}

static void shares_have_ends(void **state)
{
    (void)state;
    struct synth_random r = { .state = 3 };
    for (int i = 0; i < 1000; i++) {
        assert_false(synth_packet_draw(&r, 0).ipv6);
        assert_true(synth_packet_draw(&r, 100).ipv6);
        assert_int_equal(synth_random_below(&r, 1), 0);
        assert_in_range(synth_random_below(&r, 7), 0, 6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_say_what_was_drawn),
        cmocka_unit_test(the_mix_is_as_told),
        cmocka_unit_test(shares_have_ends),
    };
    return UNIT_MAIN("app/synth_packet", tests);
}
