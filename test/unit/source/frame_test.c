// SPDX-License-Identifier: Apache-2.0
#include "source/frame.h"

#include <stdlib.h>

#include "../unit.h"
#include "packets.h"

static const char PAYLOAD[] = "a datagram";
enum { PAYLOAD_SIZE = sizeof(PAYLOAD), SRC_PORT = 40000, DST_PORT = 6343 };

static struct packet *fresh(void)
{
    static struct packet p;
    packet_set(&p, PAYLOAD, PAYLOAD_SIZE);
    return &p;
}

static struct packet *udp(void)
{
    struct packet *p = fresh();
    packet_udp(p, SRC_PORT, DST_PORT);
    return p;
}

static struct packet *udp_ipv4(void)
{
    struct packet *p = udp();
    packet_ipv4(p, 17);
    return p;
}

static struct packet *udp_ipv6(void)
{
    struct packet *p = udp();
    packet_ipv6(p, 17);
    return p;
}

/// Parses a copy of exactly `size` bytes on the heap, where a sanitizer sees every step too far.
static enum frame_kind kind_of(int link_type, const uint8_t *data, size_t size, size_t wire_size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    struct frame f = frame_parse(link_type, copy, size, wire_size);
    if (f.kind == FRAME_UDP || f.kind == FRAME_FRAGMENT) {
        assert_true(f.payload >= copy && f.payload + f.payload_size <= copy + size);
    }
    free(copy);
    return f.kind;
}

static void expect_udp(int link_type, const struct packet *p, const char *src)
{
    struct frame f = frame_parse(link_type, p->data, p->size, p->size);
    char text[ADDR_TEXT_SIZE_MAX + 1];
    assert_int_equal(f.kind, FRAME_UDP);
    assert_string_equal(addr_text(&f.src, text), src);
    assert_true(f.has_ports);
    assert_int_equal(f.src_port, SRC_PORT);
    assert_int_equal(f.dst_port, DST_PORT);
    assert_int_equal(f.payload_size, PAYLOAD_SIZE);
    assert_memory_equal(f.payload, PAYLOAD, PAYLOAD_SIZE);
    // Cut anywhere it is truncated, or (before the protocol is known) still that; never UDP.
    for (size_t size = 0; size < p->size; size++) {
        assert_int_equal(kind_of(link_type, p->data, size, p->size), FRAME_TRUNCATED);
    }
}

static void expect_kind(int link_type, const struct packet *p, enum frame_kind kind)
{
    assert_int_equal(kind_of(link_type, p->data, p->size, p->size), kind);
}

static void link_types_are_read(void **state)
{
    (void)state;
    struct packet *p = udp_ipv4();
    expect_udp(LINK_RAW, p, "192.0.2.1");
    expect_udp(LINK_RAW_OLD, p, "192.0.2.1");
    expect_udp(LINK_IPV4, p, "192.0.2.1");
    packet_ethernet(p, 0x0800);
    expect_udp(LINK_ETHERNET, p, "192.0.2.1");

    p = udp_ipv6();
    expect_udp(LINK_RAW, p, "2001:db8::1");
    expect_udp(LINK_IPV6, p, "2001:db8::1");
    packet_ethernet(p, 0x86dd);
    expect_udp(LINK_ETHERNET, p, "2001:db8::1");

    p = udp_ipv4();
    put_be16(packet_push(p, 16) + 14, 0x0800);
    expect_udp(LINK_LINUX_SLL, p, "192.0.2.1");

    p = udp_ipv6();
    put_be16(packet_push(p, 20), 0x86dd);
    expect_udp(LINK_LINUX_SLL2, p, "2001:db8::1");

    p = udp_ipv4();
    packet_push(p, 4)[0] = 2; // AF_INET, little-endian
    expect_udp(LINK_NULL, p, "192.0.2.1");
    p = udp_ipv6();
    packet_push(p, 4)[3] = 24; // AF_INET6 of some BSD, big-endian
    expect_udp(LINK_LOOP, p, "2001:db8::1");
}

static void ppp_is_read(void **state)
{
    (void)state;
    struct packet *p = udp_ipv4();
    put_be16(packet_push(p, 2), 0x0021);
    expect_udp(LINK_PPP, p, "192.0.2.1");
    put_be16(packet_push(p, 2), 0xff03);
    expect_udp(LINK_PPP, p, "192.0.2.1");
    expect_udp(LINK_PPP_HDLC, p, "192.0.2.1");
    p = udp_ipv6();
    put_be16(packet_push(p, 2), 0x0057);
    expect_udp(LINK_PPP, p, "2001:db8::1");
    p = udp_ipv4();
    put_be16(packet_push(p, 2), 0xc021); // LCP
    expect_kind(LINK_PPP, p, FRAME_NOT_IP);
}

static void other_link_types_are_refused(void **state)
{
    (void)state;
    struct packet *p = udp_ipv4();
    expect_kind(127, p, FRAME_LINK); // 802.11 with radiotap
    assert_false(frame_reads_link(127));
    assert_true(frame_reads_link(LINK_ETHERNET));
    assert_true(frame_reads_link(LINK_LINUX_SLL2));
}

static void tags_are_stepped_over(void **state)
{
    (void)state;
    static const uint16_t TAGS[] = { 0x8100, 0x88a8, 0x9100, 0x9200 };
    for (size_t i = 0; i < sizeof(TAGS) / sizeof(TAGS[0]); i++) {
        struct packet *p = udp_ipv4();
        packet_tag(p, 0x0800);
        packet_ethernet(p, TAGS[i]);
        expect_udp(LINK_ETHERNET, p, "192.0.2.1");
    }
    for (int count = 1; count <= 9; count++) {
        struct packet *p = udp_ipv6();
        packet_tag(p, 0x86dd);
        for (int i = 1; i < count; i++) {
            packet_tag(p, 0x8100);
        }
        packet_ethernet(p, 0x88a8);
        if (count <= 8) {
            expect_udp(LINK_ETHERNET, p, "2001:db8::1");
        } else {
            expect_kind(LINK_ETHERNET, p, FRAME_NOT_IP);
        }
    }
}

static void ethernet_padding_is_left_out(void **state)
{
    (void)state;
    struct packet *p = udp_ipv4();
    packet_ethernet(p, 0x0800);
    memset(p->data + p->size, 0xee, 40);
    p->size += 40;
    struct frame f = frame_parse(LINK_ETHERNET, p->data, p->size, p->size);
    assert_int_equal(f.kind, FRAME_UDP);
    assert_int_equal(f.payload_size, PAYLOAD_SIZE);
}

static void ipv4_options_are_skipped(void **state)
{
    (void)state;
    struct packet *p = udp();
    (void)packet_push(p, 8); // options
    packet_ipv4(p, 17);
    p->data[0] = 0x47;
    expect_udp(LINK_RAW, p, "192.0.2.1");
}

/// Where the card cuts packets up, the capture sees a total length of 0.
static void ipv4_length_of_zero_is_all(void **state)
{
    (void)state;
    struct packet *p = udp_ipv4();
    put_be16(p->data + 2, 0);
    struct frame f = frame_parse(LINK_RAW, p->data, p->size, p->size);
    assert_int_equal(f.kind, FRAME_UDP);
    assert_int_equal(f.payload_size, PAYLOAD_SIZE);
}

static void udp_length_bounds_the_payload(void **state)
{
    (void)state;
    struct packet *p = udp_ipv4();
    put_be16(p->data + 24, 8 + 4);
    struct frame f = frame_parse(LINK_RAW, p->data, p->size, p->size);
    assert_int_equal(f.kind, FRAME_UDP);
    assert_int_equal(f.payload_size, 4);
    put_be16(p->data + 24, 8);
    f = frame_parse(LINK_RAW, p->data, p->size, p->size);
    assert_int_equal(f.kind, FRAME_UDP);
    assert_int_equal(f.payload_size, 0);
    put_be16(p->data + 24, 7);
    expect_kind(LINK_RAW, p, FRAME_DAMAGED);
    put_be16(p->data + 24, 8 + PAYLOAD_SIZE + 1);
    expect_kind(LINK_RAW, p, FRAME_DAMAGED);
    // The same in a frame that was cut behind the IP packet's end: still no matter of the capture.
    assert_int_equal(kind_of(LINK_RAW, p->data, p->size, p->size + 100), FRAME_DAMAGED);
}

static void ipv6_extensions_are_walked(void **state)
{
    (void)state;
    struct packet *p = udp();
    packet_extension(p, 17, 0);
    packet_extension(p, 60, 3);
    packet_extension(p, 43, 1);
    packet_ipv6(p, 0);
    expect_udp(LINK_RAW, p, "2001:db8::1");
    for (int count = 16; count <= 17; count++) {
        p = udp();
        packet_extension(p, 17, 0);
        for (int i = 1; i < count; i++) {
            packet_extension(p, 60, 0);
        }
        packet_ipv6(p, 60);
        expect_kind(LINK_RAW, p, count < 16 ? FRAME_UDP : FRAME_DAMAGED);
    }
    p = udp();
    packet_extension(p, 17, 200); // a length past the end
    packet_ipv6(p, 60);
    p->size -= 8 * 150;
    put_be16(p->data + 4, p->size - 40);
    expect_kind(LINK_RAW, p, FRAME_DAMAGED);
}

static void what_is_no_udp_is_told_though_cut(void **state)
{
    (void)state;
    struct packet *p = fresh();
    packet_ipv4(p, 6);
    packet_ethernet(p, 0x0800);
    for (size_t size = 14 + 20; size <= p->size; size++) {
        assert_int_equal(kind_of(LINK_ETHERNET, p->data, size, p->size), FRAME_NOT_UDP);
    }
    p = fresh();
    packet_ipv6(p, 58);
    packet_ethernet(p, 0x86dd);
    for (size_t size = 14 + 40; size <= p->size; size++) {
        assert_int_equal(kind_of(LINK_ETHERNET, p->data, size, p->size), FRAME_NOT_UDP);
    }
    p = fresh();
    packet_ethernet(p, 0x0806); // ARP
    expect_kind(LINK_ETHERNET, p, FRAME_NOT_IP);
    p = udp_ipv4();
    packet_ethernet(p, 0x0800);
    struct frame f = frame_parse(LINK_ETHERNET, p->data, p->size - 3, p->size);
    assert_int_equal(f.kind, FRAME_TRUNCATED);
    assert_true(f.has_ports);
    assert_int_equal(f.dst_port, DST_PORT);
    f = frame_parse(LINK_ETHERNET, p->data, 14 + 20 + 7, p->size);
    assert_int_equal(f.kind, FRAME_TRUNCATED);
    assert_false(f.has_ports);
}

static void contradictions_are_damage(void **state)
{
    (void)state;
    struct packet *p = udp_ipv4();
    p->data[0] = 0x44; // header of 16 bytes
    expect_kind(LINK_RAW, p, FRAME_DAMAGED);
    p = udp_ipv4();
    put_be16(p->data + 2, 19);
    expect_kind(LINK_RAW, p, FRAME_DAMAGED);
    p = udp_ipv4();
    put_be16(p->data + 2, 27); // ends within the UDP header
    expect_kind(LINK_RAW, p, FRAME_DAMAGED);
    put_be16(p->data + 2, p->size + 100); // says more than there was; the datagram is there
    expect_kind(LINK_RAW, p, FRAME_UDP);
    p = udp_ipv6();
    put_be16(p->data + 4, 7);
    expect_kind(LINK_RAW, p, FRAME_DAMAGED);
    put_be16(p->data + 4, p->size + 100);
    expect_kind(LINK_RAW, p, FRAME_UDP);
    p = udp_ipv4();
    p->data[0] = 0x55; // version 5
    expect_kind(LINK_RAW, p, FRAME_NOT_IP);
    p->size = 0;
    expect_kind(LINK_RAW, p, FRAME_DAMAGED);
    expect_kind(LINK_ETHERNET, p, FRAME_DAMAGED);
}

static void ipv4_fragments_are_told(void **state)
{
    (void)state;
    struct packet *p = fresh();
    packet_ipv4_fragment(p, 17, 0xbeef, 0x2000 | 185);
    struct frame f = frame_parse(LINK_RAW, p->data, p->size, p->size);
    assert_int_equal(f.kind, FRAME_FRAGMENT);
    assert_int_equal(f.id, 0xbeef);
    assert_int_equal(f.offset, 185 * 8);
    assert_true(f.more);
    assert_int_equal(f.protocol, 17);
    assert_int_equal(f.payload_size, PAYLOAD_SIZE);
    assert_memory_equal(f.payload, PAYLOAD, PAYLOAD_SIZE);
    assert_int_equal(kind_of(LINK_RAW, p->data, p->size - 1, p->size), FRAME_TRUNCATED);
    p = fresh();
    packet_ipv4_fragment(p, 17, 0xbeef, 1);
    f = frame_parse(LINK_RAW, p->data, p->size, p->size);
    assert_int_equal(f.kind, FRAME_FRAGMENT);
    assert_false(f.more);
    p = fresh();
    packet_ipv4_fragment(p, 6, 0xbeef, 0x2000); // of a TCP segment
    expect_kind(LINK_RAW, p, FRAME_NOT_UDP);
}

static void ipv6_fragments_are_told(void **state)
{
    (void)state;
    struct packet *p = fresh();
    packet_fragment_header(p, 17, 1448, 1, 0xdeadbeef);
    packet_extension(p, 44, 0);
    packet_ipv6(p, 0);
    struct frame f = frame_parse(LINK_RAW, p->data, p->size, p->size);
    assert_int_equal(f.kind, FRAME_FRAGMENT);
    assert_int_equal(f.id, 0xdeadbeef);
    assert_int_equal(f.offset, 1448);
    assert_true(f.more);
    assert_int_equal(f.protocol, 17);
    assert_int_equal(f.payload_size, PAYLOAD_SIZE);
    assert_int_equal(kind_of(LINK_RAW, p->data, p->size - 1, p->size), FRAME_TRUNCATED);
    // All of its packet (RFC 6946): no fragment.
    p = udp();
    packet_fragment_header(p, 17, 0, 0, 7);
    packet_ipv6(p, 44);
    expect_udp(LINK_RAW, p, "2001:db8::1");
}

static void whole_packets_are_read(void **state)
{
    (void)state;
    const uint8_t address[16] = { 0x20, 0x01 };
    struct packet *p = udp();
    struct frame f = { .src = addr_v4(address), .protocol = 17 };
    frame_parse_whole(&f, p->data, p->size);
    assert_int_equal(f.kind, FRAME_UDP);
    assert_int_equal(f.dst_port, DST_PORT);
    packet_extension(p, 17, 1);
    f = (struct frame){ .src = addr_v6(address), .protocol = 60 };
    frame_parse_whole(&f, p->data, p->size);
    assert_int_equal(f.kind, FRAME_UDP);
    assert_int_equal(f.payload_size, PAYLOAD_SIZE);
    f.protocol = 6;
    frame_parse_whole(&f, p->data, p->size);
    assert_int_equal(f.kind, FRAME_NOT_UDP);
    packet_fragment_header(p, 60, 8, 1, 1);
    f.protocol = 44;
    frame_parse_whole(&f, p->data, p->size);
    assert_int_equal(f.kind, FRAME_DAMAGED);
}

static void any_byte_may_be_wrong(void **state)
{
    (void)state;
    static struct packet samples[3];
    packet_set(&samples[0], PAYLOAD, PAYLOAD_SIZE);
    packet_udp(&samples[0], SRC_PORT, DST_PORT);
    packet_ipv4(&samples[0], 17);
    packet_tag(&samples[0], 0x0800);
    packet_ethernet(&samples[0], 0x8100);
    packet_set(&samples[1], PAYLOAD, PAYLOAD_SIZE);
    packet_udp(&samples[1], SRC_PORT, DST_PORT);
    packet_extension(&samples[1], 17, 1);
    packet_ipv6(&samples[1], 60);
    packet_ethernet(&samples[1], 0x86dd);
    packet_set(&samples[2], PAYLOAD, PAYLOAD_SIZE);
    packet_fragment_header(&samples[2], 17, 64, 1, 9);
    packet_ipv6(&samples[2], 44);
    packet_ethernet(&samples[2], 0x86dd);
    for (size_t k = 0; k < 3; k++) {
        struct packet *p = &samples[k];
        for (size_t i = 0; i < p->size; i++) {
            uint8_t before = p->data[i];
            for (unsigned v = 0; v < 256; v++) {
                p->data[i] = (uint8_t)v;
                assert_in_range(kind_of(LINK_ETHERNET, p->data, p->size, p->size), FRAME_UDP,
                                FRAME_DAMAGED);
            }
            p->data[i] = before;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(link_types_are_read),
        cmocka_unit_test(ppp_is_read),
        cmocka_unit_test(other_link_types_are_refused),
        cmocka_unit_test(tags_are_stepped_over),
        cmocka_unit_test(ethernet_padding_is_left_out),
        cmocka_unit_test(ipv4_options_are_skipped),
        cmocka_unit_test(ipv4_length_of_zero_is_all),
        cmocka_unit_test(udp_length_bounds_the_payload),
        cmocka_unit_test(ipv6_extensions_are_walked),
        cmocka_unit_test(what_is_no_udp_is_told_though_cut),
        cmocka_unit_test(contradictions_are_damage),
        cmocka_unit_test(ipv4_fragments_are_told),
        cmocka_unit_test(ipv6_fragments_are_told),
        cmocka_unit_test(whole_packets_are_read),
        cmocka_unit_test(any_byte_may_be_wrong),
    };
    return UNIT_MAIN("source/frame", tests);
}
