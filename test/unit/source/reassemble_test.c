// SPDX-License-Identifier: Apache-2.0
#include "source/reassemble.h"

#include <stdlib.h>

#include "../unit.h"
#include "base/clock.h"
#include "base/limits.h"
#include "packets.h"

enum { PIECES_MAX = 8, UDP = 17 };

/// A datagram of `payload_size` bytes as the IP payload that is cut up.
struct whole {
    struct packet packet;
    size_t payload_size;
};

static struct whole *whole_of(size_t payload_size)
{
    static struct whole w;
    static uint8_t payload[PACKET_ROOM / 2];
    for (size_t i = 0; i < payload_size; i++) {
        payload[i] = (uint8_t)(i * 7 + i / 256);
    }
    packet_set(&w.packet, payload, payload_size);
    packet_udp(&w.packet, 1000, 6343);
    w.payload_size = payload_size;
    return &w;
}

static struct frame piece(const struct whole *w, size_t offset, size_t size, uint32_t id)
{
    const uint8_t src[4] = { 192, 0, 2, 1 };
    const uint8_t dst[4] = { 192, 0, 2, 2 };
    return (struct frame){ .kind = FRAME_FRAGMENT,
                           .src = addr_v4(src),
                           .dst = addr_v4(dst),
                           .protocol = UDP,
                           .id = id,
                           .offset = (uint32_t)offset,
                           .more = offset + size < w->packet.size,
                           .payload = w->packet.data + offset,
                           .payload_size = size };
}

static struct frame piece6(const struct whole *w, size_t offset, size_t size, uint32_t id)
{
    struct frame f = piece(w, offset, size, id);
    const uint8_t src[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
    const uint8_t dst[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 };
    f.src = addr_v6(src);
    f.dst = addr_v6(dst);
    return f;
}

static struct reassembler *fresh(void)
{
    struct reassembler *r;
    assert_int_equal(reassembler_new(&r), 0);
    return r;
}

/// Ends it; all that came must be in the books.
static void finish(struct reassembler *r, uint64_t merged, uint64_t packets, uint64_t dropped)
{
    reassembler_finish(r);
    struct reassemble_stats stats = reassembler_stats(r);
    assert_int_equal(stats.merged, merged);
    assert_int_equal(stats.packets, packets);
    assert_int_equal(stats.dropped, dropped);
    assert_int_equal(stats.waiting, 0);
    reassembler_free(r);
}

static void expect_whole(const struct frame *f, const struct whole *w)
{
    assert_int_equal(f->kind, FRAME_UDP);
    assert_int_equal(f->dst_port, 6343);
    assert_int_equal(f->payload_size, w->payload_size);
    assert_memory_equal(f->payload, w->packet.data + 8, w->payload_size);
}

static bool add(struct reassembler *r, struct frame f, uint64_t now_ns)
{
    return reassembler_add(r, &f, now_ns);
}

/// Heap's algorithm, each order of the pieces once.
static void every_order(size_t *order, size_t count, void (*visit)(const size_t *order, size_t n))
{
    size_t counters[PIECES_MAX] = { 0 };
    visit(order, count);
    for (size_t i = 0; i < count;) {
        if (counters[i] < i) {
            size_t from = i % 2 == 0 ? 0 : counters[i];
            size_t other = order[from];
            order[from] = order[i];
            order[i] = other;
            visit(order, count);
            counters[i]++;
            i = 0;
        } else {
            counters[i++] = 0;
        }
    }
}

static void assemble_in(const size_t *order, size_t count)
{
    const struct whole *w = whole_of(1000);
    struct reassembler *r = fresh();
    size_t each = (w->packet.size / count + 7) / 8 * 8;
    for (size_t i = 0; i < count; i++) {
        size_t offset = order[i] * each;
        size_t size = offset + each > w->packet.size ? w->packet.size - offset : each;
        struct frame f = piece(w, offset, size, 5);
        bool done = reassembler_add(r, &f, 1000 + i);
        assert_int_equal(done, i + 1 == count);
        if (done) {
            expect_whole(&f, w);
        }
    }
    finish(r, count, 1, 0);
}

static void any_order_will_do(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 6; count++) {
        size_t order[PIECES_MAX] = { 0, 1, 2, 3, 4, 5 };
        every_order(order, count, assemble_in);
    }
}

static void largest_packet_fits(void **state)
{
    (void)state;
    const struct whole *w = whole_of(65535 - 8);
    struct reassembler *r = fresh();
    struct frame f = { 0 };
    for (size_t offset = 0; offset < w->packet.size; offset += 1480) {
        size_t left = w->packet.size - offset;
        f = piece(w, offset, left > 1480 ? 1480 : left, 1);
        assert_int_equal(reassembler_add(r, &f, 0), left <= 1480);
    }
    expect_whole(&f, w);
    w = whole_of(65536 - 8); // one byte more than IP can tell
    assert_false(add(r, piece(w, 0, 65528, 2), 0));
    assert_false(add(r, piece(w, 65528, 8, 2), 0));
    finish(r, 45, 1, 2);
}

static void missing_pieces_are_waited_for(void **state)
{
    (void)state;
    const struct whole *w = whole_of(400);
    for (size_t missing = 0; missing < 408; missing += 8) {
        struct reassembler *r = fresh();
        uint64_t fragments = 0;
        for (size_t offset = 0; offset < w->packet.size; offset += 8) {
            if (offset != missing) {
                assert_false(add(r, piece(w, offset, 8, 1), 0));
                fragments++;
            }
        }
        assert_int_equal(reassembler_stats(r).waiting, fragments);
        finish(r, 0, 0, fragments);
    }
}

static void repeated_fragments_are_harmless(void **state)
{
    (void)state;
    const struct whole *w = whole_of(300);
    struct reassembler *r = fresh();
    assert_false(add(r, piece(w, 0, 160, 1), 0));
    assert_false(add(r, piece(w, 0, 160, 1), 0));
    struct frame f = piece(w, 160, 148, 1);
    assert_true(reassembler_add(r, &f, 0));
    expect_whole(&f, w);
    assert_false(add(r, piece(w, 160, 148, 2), 0));
    assert_false(add(r, piece(w, 160, 148, 2), 0));
    f = piece(w, 0, 160, 2);
    assert_true(reassembler_add(r, &f, 0));
    expect_whole(&f, w);
    finish(r, 6, 2, 0);
}

/// An overlap costs the packet, also what comes of it later.
static void overlaps_condemn(void **state)
{
    (void)state;
    const struct whole *w = whole_of(300);
    static const struct {
        size_t offset;
        size_t size;
    } BAD[] = { { 0, 168 }, { 152, 156 }, { 152, 16 }, { 8, 160 } };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct reassembler *r = fresh();
        assert_false(add(r, piece(w, 0, 160, 1), 0));
        assert_false(add(r, piece(w, BAD[i].offset, BAD[i].size, 1), 0));
        assert_int_equal(reassembler_stats(r).dropped, 2);
        assert_false(add(r, piece(w, 0, 160, 1), 0));
        assert_false(add(r, piece(w, 160, 148, 1), 0));
        // Another packet is another matter.
        assert_false(add(r, piece(w, 0, 160, 2), 0));
        assert_true(add(r, piece(w, 160, 148, 2), 0));
        // And so is one with the same number later.
        assert_false(add(r, piece(w, 0, 160, 1), (REASSEMBLE_TIMEOUT_S + 1) * NS_PER_S));
        assert_true(add(r, piece(w, 160, 148, 1), (REASSEMBLE_TIMEOUT_S + 1) * NS_PER_S));
        finish(r, 4, 2, 4);
    }
}

/// The same place, other bytes.
static void changed_repeats_condemn(void **state)
{
    (void)state;
    const struct whole *w = whole_of(300);
    struct reassembler *r = fresh();
    uint8_t other[160];
    memcpy(other, w->packet.data, sizeof(other));
    other[100] ^= 1;
    assert_false(add(r, piece(w, 0, 160, 1), 0));
    struct frame f = piece(w, 0, 160, 1);
    f.payload = other;
    assert_false(reassembler_add(r, &f, 0));
    assert_false(add(r, piece(w, 160, 148, 1), 0));
    finish(r, 0, 0, 3);
}

static void ends_that_disagree_condemn(void **state)
{
    (void)state;
    const struct whole *w = whole_of(300);
    // The last fragment ends before what is there already.
    struct reassembler *r = fresh();
    assert_false(add(r, piece(w, 160, 80, 1), 0));
    struct frame f = piece(w, 8, 8, 1);
    f.more = false;
    assert_false(reassembler_add(r, &f, 0));
    assert_false(add(r, piece(w, 0, 8, 1), 0));
    finish(r, 0, 0, 3);
    // Something lies behind the last one.
    r = fresh();
    f = piece(w, 80, 80, 1);
    f.more = false;
    assert_false(reassembler_add(r, &f, 0));
    assert_false(add(r, piece(w, 160, 80, 1), 0));
    finish(r, 0, 0, 2);
    // Two last ones.
    r = fresh();
    f = piece(w, 80, 80, 1);
    f.more = false;
    assert_false(reassembler_add(r, &f, 0));
    f = piece(w, 8, 8, 1);
    f.more = false;
    assert_false(reassembler_add(r, &f, 0));
    finish(r, 0, 0, 2);
}

static void odd_pieces_condemn(void **state)
{
    (void)state;
    const struct whole *w = whole_of(300);
    struct reassembler *r = fresh();
    assert_false(add(r, piece(w, 0, 159, 1), 0)); // not the last, not a multiple of 8
    assert_false(add(r, piece(w, 160, 148, 1), 0));
    struct frame f = piece(w, 0, 0, 2);
    assert_false(reassembler_add(r, &f, 0)); // nothing in it
    finish(r, 0, 0, 3);
}

static void packets_are_kept_apart(void **state)
{
    (void)state;
    const struct whole *w = whole_of(300);
    struct reassembler *r = fresh();
    struct frame other_protocol = piece(w, 160, 148, 1);
    struct frame other_source = piece(w, 160, 148, 1);
    struct frame other_target = piece(w, 160, 148, 1);
    other_protocol.protocol = 6;
    other_source.src.bytes[3] = 9;
    other_target.dst.bytes[3] = 9;
    assert_false(add(r, piece(w, 0, 160, 1), 0));
    assert_false(add(r, piece(w, 160, 148, 2), 0));
    assert_false(add(r, piece6(w, 160, 148, 1), 0));
    assert_false(reassembler_add(r, &other_protocol, 0));
    assert_false(reassembler_add(r, &other_source, 0));
    assert_false(reassembler_add(r, &other_target, 0));
    assert_true(add(r, piece(w, 160, 148, 1), 0));
    finish(r, 2, 1, 5);
}

/// IPv6: only the first fragment says what the packet holds, and headers may come before UDP.
static void ipv6_first_fragment_tells(void **state)
{
    (void)state;
    struct whole *w = whole_of(300);
    packet_extension(&w->packet, UDP, 0);
    struct reassembler *r = fresh();
    for (int first_last = 0; first_last < 2; first_last++) {
        struct frame head = piece6(w, 0, 160, 1);
        struct frame tail = piece6(w, 160, 156, 1);
        head.protocol = 60;
        tail.protocol = 99;
        assert_false(reassembler_add(r, first_last ? &tail : &head, 0));
        struct frame *last = first_last ? &head : &tail;
        assert_true(reassembler_add(r, last, 0));
        assert_int_equal(last->kind, FRAME_UDP);
        assert_int_equal(last->payload_size, 300);
    }
    finish(r, 4, 2, 0);
}

static void waiting_has_an_end(void **state)
{
    (void)state;
    const struct whole *w = whole_of(300);
    const uint64_t timeout_ns = REASSEMBLE_TIMEOUT_S * NS_PER_S;
    struct reassembler *r = fresh();
    assert_false(add(r, piece(w, 0, 160, 1), 1000));
    assert_true(add(r, piece(w, 160, 148, 1), 1000 + timeout_ns));
    assert_false(add(r, piece(w, 0, 160, 2), 1000));
    assert_false(add(r, piece(w, 160, 148, 2), 1001 + timeout_ns));
    assert_int_equal(reassembler_stats(r).dropped, 1);
    assert_true(add(r, piece(w, 0, 160, 2), 1001 + timeout_ns));
    // A capture whose clock went back loses nothing.
    assert_false(add(r, piece(w, 0, 160, 3), 5 * timeout_ns));
    assert_true(add(r, piece(w, 160, 148, 3), 1));
    finish(r, 6, 3, 1);
}

/// A flood of beginnings takes no more than its places; the oldest go.
static void places_are_limited(void **state)
{
    (void)state;
    enum { FLOOD = 10 * REASSEMBLE_PACKETS_MAX };
    const struct whole *w = whole_of(300);
    struct reassembler *r = fresh();
    for (uint32_t id = 0; id < FLOOD; id++) {
        assert_false(add(r, piece(w, 0, 160, id), id));
        uint64_t waiting = reassembler_stats(r).waiting;
        assert_int_equal(waiting, id < REASSEMBLE_PACKETS_MAX ? id + 1 : REASSEMBLE_PACKETS_MAX);
    }
    assert_true(add(r, piece(w, 160, 148, FLOOD - 1), FLOOD));
    assert_true(add(r, piece(w, 160, 148, FLOOD - REASSEMBLE_PACKETS_MAX), FLOOD));
    assert_false(add(r, piece(w, 160, 148, FLOOD - REASSEMBLE_PACKETS_MAX - 1), FLOOD));
    finish(r, 4, 2, FLOOD - 2 + 1);
}

static void nothing_of_an_earlier_packet_shows(void **state)
{
    (void)state;
    const struct whole *w = whole_of(300);
    struct reassembler *r = fresh();
    for (uint32_t id = 0; id < REASSEMBLE_PACKETS_MAX; id++) {
        assert_false(add(r, piece(w, 0, 160, id), 0));
        assert_true(add(r, piece(w, 160, 148, id), 0));
    }
    assert_false(add(r, piece(w, 160, 148, 1000), 0));
    assert_false(add(r, piece(w, 0, 80, 1000), 0));
    struct frame f = piece(w, 80, 80, 1000);
    assert_true(reassembler_add(r, &f, 0));
    expect_whole(&f, w);
    finish(r, 2 * REASSEMBLE_PACKETS_MAX + 3, REASSEMBLE_PACKETS_MAX + 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_will_do),
        cmocka_unit_test(largest_packet_fits),
        cmocka_unit_test(missing_pieces_are_waited_for),
        cmocka_unit_test(repeated_fragments_are_harmless),
        cmocka_unit_test(overlaps_condemn),
        cmocka_unit_test(changed_repeats_condemn),
        cmocka_unit_test(ends_that_disagree_condemn),
        cmocka_unit_test(odd_pieces_condemn),
        cmocka_unit_test(packets_are_kept_apart),
        cmocka_unit_test(ipv6_first_fragment_tells),
        cmocka_unit_test(waiting_has_an_end),
        cmocka_unit_test(places_are_limited),
        cmocka_unit_test(nothing_of_an_earlier_packet_shows),
    };
    return UNIT_MAIN("source/reassemble", tests);
}
