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

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    refused("", "-listen \"\": is not a URL such as sflow://:6343");
    refused("1.2.3.4:2055", "-listen \"1.2.3.4:2055\": is not a URL such as sflow://:6343");
    refused("tcp://:1", "-listen \"tcp://:1\": scheme does not exist (sflow, flow)");
    refused("sflow://host", "-listen \"sflow://host\": needs a port from 1 to 65535, as in "
                            "sflow://:6343");
    refused("sflow://:65536", "-listen \"sflow://:65536\": needs a port from 1 to 65535, as in "
                              "sflow://:6343");
    refused("sflow://[::1:5", "-listen \"sflow://[::1:5\": missing ']' in host");
    refused("sflow://:1?blocking=yes", "-listen \"sflow://:1?blocking=yes\": blocking=yes is not "
                                       "valid");
    refused("sflow://:1?count=-1", "-listen \"sflow://:1?count=-1\": count=-1 is not valid");
    refused("sflow://:1, sflow://:2",
            "-listen \" sflow://:2\": scheme does not exist (sflow, flow)");
    refused("netflow://:2055",
            "-listen \"netflow://:2055\": NetFlow and IPFIX are not read by this "
            "version; sflow:// is");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return UNIT_MAIN("app/listen", tests);
}
