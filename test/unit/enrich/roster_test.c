// SPDX-License-Identifier: Apache-2.0
#include "enrich/roster.h"

#include "mmdb_file.h"

static char folder[] = "/tmp/weir-roster-XXXXXX";
static char csv[256];
static char yaml[256];

static struct roster *open_text(const char *path, const char *text)
{
    struct roster *r;
    struct err err = { 0 };
    write_text(path, text);
    if (roster_open(path, &r, &err) != 0) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
    return r;
}

static uint32_t exporter(const struct roster *r, const char *text)
{
    struct addr a = addr_of(text);
    return roster_find(r, &a);
}

static void interface(const struct roster *r, const char *text, uint32_t ifindex, const char *name,
                      const char *alias)
{
    struct roster_interface got = roster_interface(r, exporter(r, text), ifindex);
    assert_string_equal(got.name, name);
    assert_string_equal(got.alias, alias);
}

static void as_written(const struct roster *r)
{
    assert_int_equal(roster_count(r), 4);
    assert_int_equal(roster_interface_count(r), 4);
    assert_string_equal(roster_name(r, exporter(r, "192.0.2.1")), "core-1");
    assert_string_equal(roster_name(r, exporter(r, "::ffff:192.0.2.1")), "core-1");
    assert_string_equal(roster_name(r, exporter(r, "192.0.2.2")), "edge, 2");
    assert_string_equal(roster_name(r, exporter(r, "2001:db8::1")), "six");
    assert_string_equal(roster_name(r, exporter(r, "192.0.2.3")), ""); // interfaces only
    assert_int_equal(exporter(r, "192.0.2.4"), 0);
    interface(r, "192.0.2.1", 563, "xe-0/0/3", "uplink to Vienna");
    interface(r, "192.0.2.1", 564, "xe-0/0/4", "");
    interface(r, "192.0.2.1", 565, "", "only an alias");
    interface(r, "192.0.2.1", 1, "", "");
    interface(r, "192.0.2.2", 563, "", "");
    interface(r, "192.0.2.3", 4294967295, "lo", "");
}

static void csv_and_yaml(void **state)
{
    (void)state;
    struct roster *r = open_text(csv, "exporter,ifindex,name,alias\n"
                                      "192.0.2.1,,core-1\n"
                                      "192.0.2.1,563,xe-0/0/3,uplink to Vienna\n"
                                      "192.0.2.1,564,xe-0/0/4\n"
                                      "192.0.2.1,565,,only an alias\n"
                                      "192.0.2.3,4294967295,lo,\n"
                                      "192.0.2.2,\"edge, 2\"\n"
                                      "2001:db8::1,six\n");
    as_written(r);
    roster_free(r);
    r = open_text(yaml, "192.0.2.1:\n"
                        "  name: core-1\n"
                        "  interfaces:\n"
                        "    563: {name: xe-0/0/3, alias: uplink to Vienna}\n"
                        "    564: xe-0/0/4\n"
                        "    565: {alias: only an alias}\n"
                        "192.0.2.3: {interfaces: {4294967295: lo}}\n"
                        "192.0.2.2: edge, 2\n"
                        "2001:db8::1: six\n");
    as_written(r);
    roster_free(r);
}

/// More than the tables hold at first.
static void many(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    FILE *out = fopen(csv, "wb");
    assert_non_null(out);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_true(fprintf(out, "10.0.%u.%u,%u,if%u,%u\n", i >> 10, i >> 2 & 255, i, i, i) > 0);
    }
    assert_int_equal(fclose(out), 0);
    struct roster *r;
    struct err err = { 0 };
    assert_int_equal(roster_open(csv, &r, &err), 0);
    assert_int_equal(roster_interface_count(r), COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        char address[32];
        char name[32];
        (void)snprintf(address, sizeof(address), "10.0.%u.%u", i >> 10, i >> 2 & 255);
        (void)snprintf(name, sizeof(name), "if%u", i);
        interface(r, address, i, name, name + 2);
    }
    roster_free(r);
}

static void refused(const char *path, const char *text, const char *words)
{
    struct roster *r;
    struct err err = { 0 };
    char want[512];
    write_text(path, text);
    assert_int_equal(roster_open(path, &r, &err), ERR_INVALID);
    (void)snprintf(want, sizeof(want), "%s%s", path, words);
    assert_string_equal(err.text, want);
}

static void refuses_with_a_place(void **state)
{
    (void)state;
    refused(csv, "a,b\n", ":1: \"a\" is no address of an exporter");
    refused(csv, "10.0.0.1\n",
            ":1: 1 field; wanted are exporter,name or exporter,ifindex,name,alias");
    refused(csv, "10.0.0.1,x,name\n", ":1: \"x\" is no ifindex");
    refused(csv, "10.0.0.1,4294967296,name\n", ":1: \"4294967296\" is no ifindex");
    refused(csv, "10.0.0.1,1,,\n", ":1: interface 1 has no name");
    refused(csv, "10.0.0.1,,name,alias\n", ":1: an alias without an ifindex");
    refused(csv, "10.0.0.1,\n", ":1: exporter 10.0.0.1 has no name");
    refused(csv, "10.0.0.1,1,a\n10.0.0.1,1,b\n",
            ":2: interface 1 of this exporter stands here twice");
    refused(csv, "10.0.0.1,a\n10.0.0.1,b\n", ":2: exporter 10.0.0.1 has a name already, \"a\"");
    refused(yaml, "a: b\n", ":1:1: \"a\" is no address of an exporter");
    refused(yaml, "10.0.0.1: {nam: x}\n",
            ":1:12: unknown key \"nam\"; known are name and interfaces");
    refused(yaml, "10.0.0.1: {interfaces: {1: {name: a, speed: 1}}}\n",
            ":1:38: unknown key \"speed\"; known are name and alias");
    refused(yaml, "10.0.0.1: [a]\n", ":1:11: wanted is a name, or name and interfaces");
    refused(yaml, "10.0.0.1: {interfaces: [a]}\n", ":1:24: wanted are lines such as 563: name");
    refused(yaml, "10.0.0.1: {interfaces: {x: a}}\n", ":1:25: \"x\" is no ifindex");
    refused(yaml, "[a]\n", ":1:1: wanted are lines such as 192.0.2.1: name");
    refused(yaml, "10.0.0.1: ~\n", ":1:1: exporter 10.0.0.1 has no name");
    char text[300] = "10.0.0.1,";
    memset(text + strlen(text), 'x', 193);
    refused(csv, text, ":1: a name of more than 192 bytes");
}

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)in_folder(folder, "names.csv", csv);
    (void)in_folder(folder, "names.yml", yaml);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_and_yaml),
        cmocka_unit_test(many),
        cmocka_unit_test(refuses_with_a_place),
    };
    int failed = UNIT_MAIN("enrich/roster", tests);
    (void)unlink(csv); // there or not
    (void)unlink(yaml);
    (void)rmdir(folder);
    return failed;
}
