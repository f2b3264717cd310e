// SPDX-License-Identifier: Apache-2.0
#include "source/pcap.h"

#include <stdlib.h>
#include <unistd.h>

#include "../unit.h"
#include "base/clock.h"
#include "packets.h"
#include "source/frame.h"

enum { FILE_SIZE_MAX = 1 << 17, TIME_S = 1700000000, TIME_FRACTION = 123456 };

/// A capture in the making.
struct capture {
    uint8_t bytes[FILE_SIZE_MAX];
    size_t size;
    bool big_endian;
};

static struct capture *fresh(bool big_endian)
{
    static struct capture c;
    c.size = 0;
    c.big_endian = big_endian;
    return &c;
}

static void put(struct capture *c, const void *data, size_t size)
{
    assert_true(c->size + size <= FILE_SIZE_MAX);
    memcpy(c->bytes + c->size, data, size);
    c->size += size;
}

static void put_number(struct capture *c, uint32_t v, int size)
{
    uint8_t bytes[4];
    for (int i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(v >> 8 * (c->big_endian ? size - 1 - i : i));
    }
    put(c, bytes, (size_t)size);
}

static void put32(struct capture *c, uint32_t v)
{
    put_number(c, v, 4);
}

static void put16(struct capture *c, uint32_t v)
{
    put_number(c, v, 2);
}

static void put_pcap_header(struct capture *c, uint32_t magic, uint32_t link_type)
{
    put32(c, magic);
    put16(c, 2);
    put16(c, 4);
    put32(c, 0);
    put32(c, 0);
    put32(c, 65535);
    put32(c, link_type);
}

/// A frame of which `size` bytes are kept.
static void put_frame_cut(struct capture *c, const struct packet *p, size_t size)
{
    put32(c, TIME_S);
    put32(c, TIME_FRACTION);
    put32(c, (uint32_t)size);
    put32(c, (uint32_t)p->size);
    put(c, p->data, size);
}

static void put_frame(struct capture *c, const struct packet *p)
{
    put_frame_cut(c, p, p->size);
}

/// A datagram with `text` in an Ethernet frame.
static const struct packet *datagram(const char *text, uint16_t port)
{
    static struct packet p;
    packet_set(&p, text, strlen(text));
    packet_udp(&p, 40000, port);
    packet_ipv4(&p, 17);
    packet_ethernet(&p, 0x0800);
    return &p;
}

static struct capture *of_one_datagram(void)
{
    struct capture *c = fresh(false);
    put_pcap_header(c, 0xa1b2c3d4, LINK_ETHERNET);
    put_frame(c, datagram("one", 6343));
    return c;
}

/// Writes the first `size` bytes to a file of its own and opens that; the file is gone afterwards.
static int open_bytes(const uint8_t *bytes, size_t size, struct pcap_settings settings,
                      struct pcap_source **ret_source, struct err *err)
{
    static char path[64]; // the source's messages name it
    snprintf(path, sizeof(path), "/tmp/weir-pcap-test.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
    settings.path = path;
    int status = pcap_source_open(&settings, ret_source, err);
    unlink(path);
    return status;
}

struct outcome {
    struct pcap_stats stats;
    size_t datagrams;
    struct err err;
    char texts[256]; ///< the payloads, one behind the other
    struct chunk last;
};

static struct outcome read_all(const struct capture *c, struct pcap_settings settings)
{
    struct outcome o = { 0 };
    struct pcap_source *s;
    assert_int_equal(open_bytes(c->bytes, c->size, settings, &s, &o.err), 0);
    struct chunk chunk;
    size_t used = 0;
    while (pcap_source_next(s, &chunk, &o.err)) {
        o.datagrams++;
        o.last = chunk;
        if (used + chunk.size < sizeof(o.texts)) {
            memcpy(o.texts + used, chunk.data, chunk.size);
            used += chunk.size;
        }
    }
    assert_false(pcap_source_next(s, &chunk, &o.err)); // the end stays the end
    o.stats = pcap_source_stats(s);
    assert_int_equal(o.stats.outcomes[PCAP_DATAGRAM], o.datagrams);
    assert_int_equal(pcap_stats_difference(&o.stats), 0);
    pcap_source_close(s);
    return o;
}

static const struct pcap_settings ALL = { .scheme = SCHEME_FLOW };

static void byte_orders_and_precisions(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        for (int nano = 0; nano < 2; nano++) {
            struct capture *c = fresh(big == 1);
            put_pcap_header(c, nano == 1 ? 0xa1b23c4d : 0xa1b2c3d4, LINK_ETHERNET);
            put_frame(c, datagram("one", 6343));
            put_frame(c, datagram("two", 2055));
            struct outcome o = read_all(c, ALL);
            assert_int_equal(o.err.status, 0);
            assert_int_equal(o.datagrams, 2);
            assert_string_equal(o.texts, "onetwo");
            uint64_t fraction_ns = TIME_FRACTION * (nano == 1 ? 1 : NS_PER_US);
            assert_int_equal(o.last.received_ns, TIME_S * NS_PER_S + fraction_ns);
            assert_int_equal(o.last.scheme, SCHEME_FLOW);
            assert_int_equal(o.last.peer_port, 40000);
            char text[ADDR_TEXT_SIZE_MAX + 1];
            assert_string_equal(addr_text(&o.last.peer, text), "192.0.2.1");
        }
    }
}

/// Link types by the numbers that stand in files.
static void link_types_by_file_number(void **state)
{
    (void)state;
    static const struct {
        uint32_t number;
        size_t front; ///< bytes in front of the IP packet
        size_t ethertype_at;
    } LINKS[] = { { 101, 0, 0 },   { 228, 0, 0 },  { 0, 4, 0 },  { 108, 4, 0 },
                  { 113, 16, 14 }, { 276, 20, 0 }, { 1, 14, 12 } };
    for (size_t i = 0; i < sizeof(LINKS) / sizeof(LINKS[0]); i++) {
        static struct packet p;
        packet_set(&p, "x", 1);
        packet_udp(&p, 40000, 6343);
        packet_ipv4(&p, 17);
        if (LINKS[i].front > 0) {
            put_be16(packet_push(&p, LINKS[i].front) + LINKS[i].ethertype_at, 0x0800);
        }
        struct capture *c = fresh(false);
        put_pcap_header(c, 0xa1b2c3d4, LINKS[i].number);
        put_frame(c, &p);
        assert_int_equal(read_all(c, ALL).datagrams, 1);
    }
}

static void put_block(struct capture *c, uint32_t type, const struct capture *body)
{
    uint32_t size = (uint32_t)(12 + (body->size + 3) / 4 * 4);
    put32(c, type);
    put32(c, size);
    put(c, body->bytes, body->size);
    put(c, "\0\0\0", (4 - body->size % 4) % 4);
    put32(c, size);
}

static void pcapng_is_read(void **state)
{
    (void)state;
    static struct capture body;
    for (int big = 0; big < 2; big++) {
        struct capture *c = fresh(big == 1);
        body = (struct capture){ .big_endian = c->big_endian };
        put32(&body, 0x1a2b3c4d);
        put16(&body, 1);
        put16(&body, 0);
        put32(&body, UINT32_MAX); // section of unknown length
        put32(&body, UINT32_MAX);
        put_block(c, 0x0a0d0d0a, &body);
        body.size = 0;
        put16(&body, LINK_ETHERNET);
        put16(&body, 0);
        put32(&body, 65535);
        put16(&body, 9); // if_tsresol: 10^-9
        put16(&body, 1);
        put(&body, "\x09\0\0\0", 4);
        put32(&body, 0);
        put_block(c, 1, &body);
        const struct packet *p = datagram("next generation", 6343);
        uint64_t time_ns = TIME_S * NS_PER_S + TIME_FRACTION;
        body.size = 0;
        put32(&body, 0);
        put32(&body, (uint32_t)(time_ns >> 32));
        put32(&body, (uint32_t)time_ns);
        put32(&body, (uint32_t)p->size);
        put32(&body, (uint32_t)p->size);
        put(&body, p->data, p->size);
        put_block(c, 6, &body);
        struct outcome o = read_all(c, ALL);
        assert_int_equal(o.datagrams, 1);
        assert_string_equal(o.texts, "next generation");
        assert_int_equal(o.last.received_ns, time_ns);
    }
}

static void put_fragments(struct capture *c, int count)
{
    static struct packet p;
    char text[100];
    memset(text, 'f', sizeof(text));
    packet_set(&p, text, sizeof(text));
    packet_udp(&p, 40000, 6343);
    uint8_t whole[108];
    memcpy(whole, p.data, sizeof(whole));
    for (int i = count - 1; i >= 0; i--) { // the last one first
        size_t offset = (size_t)i * 40;
        size_t size = sizeof(whole) - offset > 40 ? 40 : sizeof(whole) - offset;
        packet_set(&p, whole + offset, size);
        packet_ipv4_fragment(&p, 17, 77, (uint16_t)(offset / 8 | (i < 2 ? 0x2000 : 0)));
        packet_ethernet(&p, 0x0800);
        put_frame(c, &p);
    }
}

static void every_frame_is_in_the_books(void **state)
{
    (void)state;
    static struct packet p;
    struct capture *c = of_one_datagram();
    packet_set(&p, "x", 1);
    packet_ethernet(&p, 0x0806);
    put_frame(c, &p); // ARP
    packet_set(&p, "x", 1);
    packet_ipv4(&p, 6);
    packet_ethernet(&p, 0x0800);
    put_frame(c, &p); // TCP
    const struct packet *d = datagram("cut", 6343);
    put_frame_cut(c, d, d->size - 1);
    d = datagram("dns", 53);
    put_frame(c, d);
    put_frame_cut(c, d, d->size - 1); // cut, but seen to be of no interest
    packet_set(&p, "x", 1);
    packet_udp(&p, 1, 6343);
    packet_ipv4(&p, 17);
    put_be16(p.data + 24, 3); // UDP length
    packet_ethernet(&p, 0x0800);
    put_frame(c, &p);
    put_fragments(c, 3);
    put_fragments(c, 2); // without the last
    const uint16_t ports[] = { 2055, 6343 };
    struct outcome o = read_all(
        c, (struct pcap_settings){ .ports = ports, .port_count = 2, .scheme = SCHEME_SFLOW });
    assert_int_equal(o.err.status, 0);
    assert_int_equal(o.datagrams, 2);
    assert_int_equal(strlen(o.texts), 3 + 100);
    struct buf text;
    buf_init(&text, 1024);
    pcap_stats_print(&o.stats, &text);
    assert_string_equal(buf_text(&text),
                        "frames=12 datagram=2 fragment=2 not_ip=1 not_udp=1 other_port=2 "
                        "truncated=1 damaged=1 incomplete=2");
    buf_release(&text);
    assert_int_equal(read_all(c, ALL).datagrams, 3); // and the one to port 53
}

static void open_failures_say_why(void **state)
{
    (void)state;
    struct pcap_source *s;
    struct err err;
    struct pcap_settings nowhere = { .path = "/nonexistent/x.pcap" };
    assert_int_equal(pcap_source_open(&nowhere, &s, &err), ERR_IO);
    assert_string_equal(err.text, "cannot open /nonexistent/x.pcap: No such file or directory");
    assert_int_equal(open_bytes((const uint8_t *)"not a capture, is it?!!", 23, ALL, &s, &err),
                     ERR_INVALID);
    assert_non_null(strstr(err.text, ": not a capture: "));
    struct capture *c = fresh(false);
    put_pcap_header(c, 0xa1b2c3d4, 127);
    assert_int_equal(open_bytes(c->bytes, c->size, ALL, &s, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, ": link type 127 (IEEE802_11_RADIO) is not read; Ethernet"));
}

/// Cut anywhere, a file is a shorter one or a broken one, and says so.
static void any_cut_is_told(void **state)
{
    (void)state;
    struct capture *c = of_one_datagram();
    put_frame(c, datagram("two", 6343));
    size_t frame = (c->size - 24) / 2;
    for (size_t size = 0; size < c->size; size++) {
        struct pcap_source *s;
        struct err err;
        int status = open_bytes(c->bytes, size, ALL, &s, &err);
        assert_int_equal(status, size < 24 ? ERR_INVALID : 0);
        if (status != 0) {
            continue;
        }
        struct chunk chunk;
        size_t got = 0;
        while (pcap_source_next(s, &chunk, &err)) {
            got++;
        }
        assert_int_equal(got, (size - 24) / frame);
        bool at_border = (size - 24) % frame == 0;
        assert_int_equal(err.status, at_border ? 0 : ERR_INVALID);
        if (!at_border) {
            char where[32];
            snprintf(where, sizeof(where), ": after frame %zu: ", got);
            assert_non_null(strstr(err.text, where));
        }
        pcap_source_close(s);
    }
}

static void any_byte_may_be_wrong(void **state)
{
    (void)state;
    struct capture *c = of_one_datagram();
    put_fragments(c, 3);
    put_frame(c, datagram("two", 6343));
    static const uint8_t FLIPS[] = { 0x01, 0x80, 0xff };
    for (size_t i = 0; i < c->size; i++) {
        for (size_t k = 0; k < sizeof(FLIPS); k++) {
            struct pcap_source *s;
            struct err err;
            c->bytes[i] ^= FLIPS[k];
            if (open_bytes(c->bytes, c->size, ALL, &s, &err) == 0) {
                struct chunk chunk;
                while (pcap_source_next(s, &chunk, &err)) {
                    assert_true(chunk.size <= DATAGRAM_SIZE_MAX);
                }
                struct pcap_stats stats = pcap_source_stats(s);
                assert_int_equal(pcap_stats_difference(&stats), 0);
                pcap_source_close(s);
            }
            c->bytes[i] ^= FLIPS[k];
        }
    }
}

/// Who stops early has what waits in the books too.
static void books_balance_in_the_middle(void **state)
{
    (void)state;
    struct capture *c = fresh(false);
    put_pcap_header(c, 0xa1b2c3d4, LINK_ETHERNET);
    put_fragments(c, 2);
    put_frame(c, datagram("two", 6343));
    put_frame(c, datagram("three", 6343));
    struct pcap_source *s;
    struct err err;
    assert_int_equal(open_bytes(c->bytes, c->size, ALL, &s, &err), 0);
    struct chunk chunk;
    assert_true(pcap_source_next(s, &chunk, &err));
    struct pcap_stats stats = pcap_source_stats(s);
    assert_int_equal(stats.frames, 3);
    assert_int_equal(stats.outcomes[PCAP_INCOMPLETE], 2);
    assert_int_equal(pcap_stats_difference(&stats), 0);
    pcap_source_close(s);
    pcap_source_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(byte_orders_and_precisions),
        cmocka_unit_test(link_types_by_file_number),
        cmocka_unit_test(pcapng_is_read),
        cmocka_unit_test(every_frame_is_in_the_books),
        cmocka_unit_test(open_failures_say_why),
        cmocka_unit_test(any_cut_is_told),
        cmocka_unit_test(any_byte_may_be_wrong),
        cmocka_unit_test(books_balance_in_the_middle),
    };
    return UNIT_MAIN("source/pcap", tests);
}
