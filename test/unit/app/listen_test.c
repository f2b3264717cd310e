// SPDX-License-Identifier: Apache-2.0
#include "app/listen.h"

#include "../unit.h"

static struct listener listeners[LISTENERS_MAX];

static size_t parse(const char *text)
{
    size_t count;
    struct err err = { 0 };
    if (listen_parse(text, listeners, &count, &err) != 0) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
    return count;
}

static void refused(const char *text, const char *message)
{
    size_t count;
    struct err err = { 0 };
    assert_int_not_equal(listen_parse(text, listeners, &count, &err), 0);
    if (strcmp(err.text, message) != 0) {
        print_error("got  %s\nwant %s\n", err.text, message);
    }
    assert_string_equal(err.text, message);
}

static void urls(void **state)
{
    (void)state;
    assert_int_equal(parse("sflow://:6343"), 1);
    assert_string_equal(listeners[0].host, "");
    assert_int_equal(listeners[0].port, 6343);
    assert_int_equal(listeners[0].count, 1);
    assert_int_equal(listeners[0].workers, 2);
    assert_int_equal(listeners[0].queue_size, 1000000);
    assert_int_equal(parse("SFLOW://u:p@127.0.0.1:1/path?count=4&blocking=true&x=y&rcvbuf=8m#f,"
                           "flow://[::1]:2?device=lo&queue_size=5&workers=3"),
                     2);
    assert_int_equal(listeners[0].scheme, SCHEME_SFLOW);
    assert_string_equal(listeners[0].host, "127.0.0.1");
    assert_int_equal(listeners[0].count, 4);
    assert_int_equal(listeners[0].workers, 8);
    assert_true(listeners[0].blocking);
    assert_int_equal(listeners[0].queue_size, 0);
    assert_int_equal(listeners[0].rcvbuf, 8 << 20);
    assert_int_equal(listeners[1].scheme, SCHEME_FLOW);
    assert_string_equal(listeners[1].host, "::1");
    assert_string_equal(listeners[1].device, "lo");
    assert_int_equal(listeners[1].queue_size, 5);
    assert_int_equal(listeners[1].workers, 3);
    assert_int_equal(parse("sflow://:1?count=0&device=eth0%2e5"), 1);
    assert_int_equal(listeners[0].count, 1);
    assert_string_equal(listeners[0].device, "eth0.5");
}

static void keys_as_go_reads_them(void **state)
{
    (void)state;
    assert_int_equal(parse("sflow://:1?count=2&count=x"), 1); // the first counts
    assert_int_equal(listeners[0].count, 2);
    assert_string_equal(listeners[0].warning, "");
    assert_int_equal(parse("sflow://:1?%63ount=2"), 1);
    assert_int_equal(listeners[0].count, 2);
    assert_int_equal(parse("sflow://[fe80::1%25lo]:1?device=a+b"), 1);
    assert_string_equal(listeners[0].host, "fe80::1%lo");
    assert_string_equal(listeners[0].device, "a b");
    assert_int_equal(parse("sflow://:021503?queue_size=0"), 1);
    assert_int_equal(listeners[0].port, 21503);
    assert_int_equal(listeners[0].queue_size, 0);
    assert_int_equal(parse("sflow://::1:5"), 1);
    assert_string_equal(listeners[0].host, "::1");
}

static void what_means_nothing_is_remembered(void **state)
{
    (void)state;
    assert_int_equal(parse("sflow://:1?rcvbuff=8m"), 1);
    assert_string_equal(listeners[0].warning,
                        "\"rcvbuff\" means nothing here; did you mean \"rcvbuf\"?");
    assert_int_equal(parse("sflow://:1?namespace=x"), 1);
    assert_string_equal(listeners[0].warning, "\"namespace\" means nothing here");
    assert_int_equal(parse("sflow://:1?count=2;workers=3"), 1);
    assert_string_equal(listeners[0].warning, "\"count\" cannot be read; & goes between keys");
    assert_int_equal(listeners[0].count, 1);
    assert_int_equal(parse("sflow://:1?count=%zz&workers=3"), 1);
    assert_int_equal(listeners[0].count, 1);
    assert_int_equal(listeners[0].workers, 3);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        { "", "an address such as sflow://:6343 is missing in the list" },
        { "1.2.3.4:2055", "is not a URL such as sflow://:6343" },
        { "sflow:6343", "is not a URL such as sflow://:6343" },
        { "tcp://:1", "scheme does not exist (sflow, flow)" },
        { "sflow://host", "needs a port up to 65535, as in sflow://:6343" },
        { "sflow://:", "needs a port up to 65535, as in sflow://:6343" },
        { "sflow://:65536", "needs a port up to 65535, as in sflow://:6343" },
        { "sflow://:0x10", "needs a port up to 65535, as in sflow://:6343" },
        { "sflow://[::1]", "needs a port up to 65535, as in sflow://:6343" },
        { "sflow://[::1:5", "missing ']' in host" },
        { "sflow://[127.0.0.1]:5", "brackets are for IPv6 addresses" },
        { "sflow://a b:5", "host is not valid" },
        { "sflow://a%zz:5", "host is not valid" },
        { "sflow://:1?blocking=yes", "blocking=yes: expected true or false" },
        { "sflow://:1?blocking", "blocking=: expected true or false" },
        { "sflow://:1?count=-1", "count=-1: expected a number of sockets up to 256" },
        { "sflow://:1?count=257", "count=257: expected a number of sockets up to 256" },
        { "sflow://:1?count=", "count=: expected a number of sockets up to 256" },
        { "sflow://:1?count=+2", "count= 2: expected a number of sockets up to 256" },
        { "sflow://:1?workers=0x2", "workers=0x2: expected a whole number" },
        { "sflow://:1?queue_size=x", "queue_size=x: expected a whole number" },
        { "sflow://:1?rcvbuf=2g",
          "rcvbuf=2g: expected bytes, such as 8388608, 8192k or 8m, up to 1024m" },
        { "sflow://:1?device=", "device=: expected the name of an interface" },
        { "log:///var/log/x.log?from=middle", "from=middle: expected start or end" },
        { "kafka://broker/topic", "kafka:// is not in this version; sflow:// is" },
        { "pcap://file", "captures are read by weir replay FILE" },
        { "netflow://:2055", "NetFlow and IPFIX are not read by this version; sflow:// is" },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char message[512];
        snprintf(message, sizeof(message), "-listen \"%s\": %s", CASES[i][0], CASES[i][1]);
        refused(CASES[i][0], message);
    }
    // One of a list.
    refused("sflow://:1, sflow://:2",
            "-listen \" sflow://:2\": scheme does not exist (sflow, flow)");
    refused("sflow://:1,", "-listen \"\": an address such as sflow://:6343 is missing in the list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(keys_as_go_reads_them),
        cmocka_unit_test(what_means_nothing_is_remembered),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return UNIT_MAIN("app/listen", tests);
}
