// SPDX-License-Identifier: Apache-2.0
#include "enrich/networks.h"

#include "mmdb_file.h"

static char folder[] = "/tmp/weir-networks-XXXXXX";
static char csv[256];
static char yaml[256];

static struct networks *open_text(const char *path, const char *text)
{
    struct networks *n;
    struct err err = { 0 };
    write_text(path, text);
    if (networks_open(path, &n, &err) != 0) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
    return n;
}

static void is(const struct networks *n, const char *text, const char *name)
{
    struct addr a = addr_of(text);
    uint32_t network = networks_find(n, &a);
    assert_string_equal(network == 0 ? "" : networks_name(n, network), name);
}

static void longest_prefix(const struct networks *n)
{
    assert_int_equal(networks_count(n), 6);
    is(n, "10.0.0.1", "everything");
    is(n, "10.1.0.1", "Vienna");
    is(n, "10.1.2.3", "Vienna, office");
    is(n, "::ffff:10.1.2.3", "Vienna, office");
    is(n, "10.1.3.0", "Vienna");
    is(n, "10.2.0.0", "everything");
    is(n, "11.0.0.0", "");
    is(n, "192.0.2.1", "one");
    is(n, "192.0.2.2", "");
    is(n, "2001:db8:1::1", "v6");
    is(n, "2001:db8:2::1", "");
    is(n, "172.16.5.5", "mapped");
}

static void csv_and_yaml(void **state)
{
    (void)state;
    struct networks *n = open_text(csv, "network,name\n# ours\n10.1.2.0/24,\"Vienna, office\"\n"
                                        "10.0.0.0/8,everything\n192.0.2.1,one\n"
                                        "10.1.99.99/16,Vienna\n2001:db8:1::/48,v6\n"
                                        "::ffff:172.16.0.0/108,mapped\n");
    longest_prefix(n);
    networks_free(n);
    n = open_text(yaml, "10.0.0.0/8: everything\n10.1.0.0/16: Vienna\n"
                        "10.1.2.0/24: Vienna, office\n192.0.2.1: one\n2001:db8:1::/48: v6\n"
                        "'::ffff:172.16.0.0/108': mapped\n");
    longest_prefix(n);
    networks_free(n);
}

static void refused(const char *path, const char *text, const char *words)
{
    struct networks *n;
    struct err err = { 0 };
    char want[512];
    write_text(path, text);
    assert_int_equal(networks_open(path, &n, &err), ERR_INVALID);
    (void)snprintf(want, sizeof(want), "%s%s", path, words);
    assert_string_equal(err.text, want);
}

static void refuses_with_a_place(void **state)
{
    (void)state;
    refused(csv, "10.0.0.0/8,a\n10.0.0.0/33,b\n",
            ":2: \"10.0.0.0/33\" is no network; wanted is one such as 192.0.2.0/24");
    refused(csv, "10.0.0.0/8\n", ":1: 1 field; wanted are network,name");
    refused(csv, "10.0.0.0/8,\n", ":1: network 10.0.0.0/8 has no name");
    refused(csv, "10.0.0.0/8,a\n11.0.0.0/8,b\n10.9.0.0/8,c\n",
            ":3: network 10.0.0.0/8 stands here twice");
    refused(yaml, "a: b\n", ":1:1: \"a\" is no network; wanted is one such as 192.0.2.0/24");
    refused(yaml, "10.0.0.0/8: [x]\n", ":1:1: wanted are lines such as 192.0.2.0/24: name");
    refused(yaml, "- x\n", ":1:1: wanted are lines such as 192.0.2.0/24: name");
    refused(yaml, "10.0.0.0/8: a\n10.0.0.1/8: b\n", ":2: network 10.0.0.0/8 stands here twice");
    char text[300] = "10.0.0.0/8,";
    memset(text + strlen(text), 'x', 193);
    refused(csv, text, ":1: a name of more than 192 bytes");
    struct networks *n;
    struct err err = { 0 };
    assert_int_equal(networks_open("/nowhere/at/all.csv", &n, &err), ERR_IO);
    write_text(csv, "# none\n");
    assert_int_equal(networks_open(csv, &n, &err), 0); // none is fine
    is(n, "10.0.0.1", "");
    networks_free(n);
}

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)in_folder(folder, "networks.csv", csv);
    (void)in_folder(folder, "networks.yaml", yaml);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_and_yaml),
        cmocka_unit_test(refuses_with_a_place),
    };
    int failed = UNIT_MAIN("enrich/networks", tests);
    (void)unlink(csv); // there or not
    (void)unlink(yaml);
    (void)rmdir(folder);
    return failed;
}
