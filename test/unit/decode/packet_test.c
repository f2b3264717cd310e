// SPDX-License-Identifier: Apache-2.0
/* What the golden cases do not show: which fields a packet is said to carry, and where walks end.
 */
#include "decode/packet.h"

#include "../unit.h"
#include "base/mem.h"

static void drop(void *context, struct batch *batch)
{
    (void)context;
    batch_unref(batch);
}

static struct flow walk(enum parser first, const char *bytes, size_t size, size_t *ret_layers)
{
    struct mapping *mapping;
    struct batch_pool *pool;
    struct batch_writer w;
    enum ledger_entry reason;
    struct draft *d = mem_zalloc(sizeof(*d));
    assert_non_null(d);
    assert_int_equal(mapping_default(&mapping), 0);
    assert_int_equal(batch_pool_new(1, NULL, NULL, &pool), 0);
    batch_writer_init(&w, pool, drop, NULL);
    struct flow *flow = draft_begin(d, &w);
    packet_decode(d, mapping, first, (const uint8_t *)bytes, size);
    *ret_layers = d->layer_stack.count;
    assert_true(draft_commit(d, &reason));
    struct flow copy = *flow;
    batch_writer_flush(&w);
    batch_pool_free(pool);
    mapping_free(mapping);
    mem_free(d);
    return copy;
}

#define IPV4(protocol) "\x45\0\0\x28\0\1\0\0\x40" protocol "\0\0\x0a\0\0\1\x0a\0\0\2"
#define IPV6(next) "\x60\0\0\0\0\x08" next "\x40" ADDRESS ADDRESS
#define ADDRESS "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"

static void presence_is_what_was_there(void **state)
{
    (void)state;
    size_t layers;
    struct flow f = walk(PARSER_IPV4, IPV4("\x06"), 20, &layers);
    assert_int_equal(layers, 1);
    assert_true(flow_has(&f, FIELD_SRC_ADDR));
    assert_true(flow_has(&f, FIELD_PROTO));
    assert_false(flow_has(&f, FIELD_SRC_PORT)); // no TCP header
    assert_false(flow_has(&f, FIELD_SRC_MAC));
    f = walk(PARSER_IPV4, IPV4("\x11") "\0\x35\0\x50\0\x08\0\0", 28, &layers);
    assert_true(flow_has(&f, FIELD_SRC_PORT));
    assert_false(flow_has(&f, FIELD_TCP_FLAGS));
    assert_int_equal(f.src_port, 53);
    f = walk(PARSER_IPV4, IPV4("\x11"), 19, &layers); // cut by one
    assert_int_equal(layers, 0);
    assert_false(flow_has(&f, FIELD_SRC_ADDR));
}

/// Extension headers in any usual order do not hide the ports, and are no encapsulation.
static void extension_headers(void **state)
{
    (void)state;
    size_t layers;
    struct flow f = walk(PARSER_IPV6,
                         IPV6("\0") "\x2b\0\1\4\0\0\0\0" // hop-by-hop, then routing
                                    "\x3c\0\0\0\0\0\0\0" // routing, then destination options
                                    "\x11\0\1\4\0\0\0\0" // destination options, then UDP
                                    "\0\x35\0\x50\0\x08\0\0",
                         72, &layers);
    assert_int_equal(layers, 5);
    assert_int_equal(f.src_port, 53);
    assert_int_equal(f.proto, 0); // the base header's, as goflow2 prints it
    assert_true(flow_has(&f, FIELD_IPV6_ROUTING_HEADER_SEG_LEFT));
}

/// A stack of tags as long as the packet: every one is a layer, and the walk ends.
static void endless_tags_end(void **state)
{
    (void)state;
    enum { TAGS = 16000 };
    static char bytes[4 * TAGS];
    size_t layers;
    for (size_t i = 0; i < sizeof(bytes); i += 4) {
        memcpy(bytes + i, "\0\1\x81\0", 4);
    }
    walk(PARSER_DOT1Q, bytes, sizeof(bytes), &layers);
    assert_int_equal(layers, TAGS);
    for (size_t i = 0; i < sizeof(bytes); i += 4) {
        memcpy(bytes + i, "\0\1\0\1", 4); // labels without a bottom
    }
    struct flow f = walk(PARSER_MPLS, bytes, sizeof(bytes), &layers);
    assert_int_equal(layers, 1);
    assert_int_equal(f.mpls_label.count, TAGS);
}

static void inner_headers_do_not_overwrite(void **state)
{
    (void)state;
    size_t layers;
    struct flow f = walk(PARSER_IPV4, IPV4("\x29") IPV6("\x3a") "\x80\0\0\0\0\0\0\0", 68, &layers);
    assert_int_equal(layers, 3);
    assert_int_equal(f.src_addr.size, 4);
    assert_int_equal(f.proto, 41);
    assert_false(flow_has(&f, FIELD_ICMP_TYPE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presence_is_what_was_there),
        cmocka_unit_test(extension_headers),
        cmocka_unit_test(endless_tags_end),
        cmocka_unit_test(inner_headers_do_not_overwrite),
    };
    return UNIT_MAIN("decode/packet", tests);
}
