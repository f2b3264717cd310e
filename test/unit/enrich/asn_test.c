// SPDX-License-Identifier: Apache-2.0
#include "enrich/asn.h"

#include "mmdb_file.h"

static char folder[] = "/tmp/weir-asn-XXXXXX";
static char csv[256];
static char csv6[256];
static char mmdb[256];

static struct asn *open_files(const char *const *paths, size_t count)
{
    struct asn *a;
    struct err err = { 0 };
    if (asn_open(paths, count, &a, &err) != 0) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
    return a;
}

static void is(const struct asn *a, const char *text, uint32_t number, const char *name)
{
    struct addr addr = addr_of(text);
    uint32_t owner = asn_find(a, &addr);
    struct asn_owner got = { 0 };
    if (owner != 0) {
        got = asn_get(a, owner);
    }
    assert_int_equal(got.number, number);
    assert_int_equal(got.name_size, strlen(name));
    assert_memory_equal(got.name == NULL ? (const uint8_t *)"" : got.name, name, got.name_size);
}

static void lists(void **state)
{
    (void)state;
    write_text(csv, "start,end,number,name\n"
                    "1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n"
                    "1.0.4.0,1.0.7.255,AS38803,Gtelecom Pty Ltd\n"
                    "16781312,16781567,2519,\n"
                    "1.1.1.0,1.1.1.255,13335,\"Cloudflare, Inc.\"\n"
                    "2.0.0.0,2.0.0.255,0,\n"
                    "214.95.0.0,215.0.255.255,749,DoD\n"
                    "215.0.0.0,215.1.3.255,721,Information Center\n");
    write_text(csv6,
               "2001::,2001::ffff:ffff:ffff:ffff:ffff:ffff,6939,Hurricane\n"
               "42540488479219738492182115193345540096,42540488479220947418001729822520246271,"
               "112,DNS-OARC\n");
    const char *const paths[] = { csv, csv6 };
    struct asn *a = open_files(paths, 2);
    is(a, "1.0.0.1", 13335, "Cloudflare, Inc.");
    is(a, "::ffff:1.1.1.1", 13335, "Cloudflare, Inc.");
    is(a, "1.0.5.0", 38803, "Gtelecom Pty Ltd");
    is(a, "1.0.16.1", 2519, "");
    is(a, "1.0.1.0", 0, "");
    is(a, "2.0.0.1", 0, "");
    is(a, "214.255.0.0", 749, "DoD");
    is(a, "215.0.255.255", 721, "Information Center"); // the later line
    is(a, "2001:0:1::", 6939, "Hurricane");
    is(a, "2001:4:112::1", 112, "DNS-OARC");
    is(a, "2001:4:113::", 0, "");
    assert_string_equal(asn_notice(a), "");
    struct addr x = addr_of("1.0.0.1");
    struct addr y = addr_of("1.1.1.1");
    assert_int_equal(asn_find(a, &x), asn_find(a, &y)); // kept once
    asn_free(a);
}

/// More owners than the table has room for at first.
static void many_owners(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    FILE *out = fopen(csv, "wb");
    assert_non_null(out);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_true(fprintf(out, "10.%u.%u.0,10.%u.%u.255,%u,name of %u\n", i >> 8, i & 255, i >> 8,
                            i & 255, 1 + i % 15000, 1 + i % 15000) > 0);
    }
    assert_int_equal(fclose(out), 0);
    const char *const paths[] = { csv };
    struct asn *a = open_files(paths, 1);
    for (unsigned i = 0; i < COUNT; i++) {
        char address[32];
        char name[32];
        (void)snprintf(address, sizeof(address), "10.%u.%u.9", i >> 8, i & 255);
        (void)snprintf(name, sizeof(name), "name of %u", 1 + i % 15000);
        is(a, address, 1 + i % 15000, name);
    }
    asn_free(a);
}

static void refused(const char *text, const char *words)
{
    const char *const paths[] = { csv };
    struct asn *a;
    struct err err = { 0 };
    char want[512];
    write_text(csv, text);
    assert_int_equal(asn_open(paths, 1, &a, &err), ERR_INVALID);
    (void)snprintf(want, sizeof(want), "%s%s", csv, words);
    assert_string_equal(err.text, want);
}

static void refuses_with_a_place(void **state)
{
    (void)state;
    refused("", ": holds no ranges");
    refused("1.0.0.0,1.0.0.255\n", ":1: 2 fields; wanted are start,end,number,name");
    refused("1.0.0.0,1.0.0.255,1,a\n\n1.0.1.0,1.0.1.999,2,b\n", ":3: \"1.0.1.999\" is no address");
    refused("1.0.0.0,1.0.0.255,x,a\n", ":1: \"x\" is no AS number");
    refused("1.0.0.0,1.0.0.255,4294967296,a\n", ":1: \"4294967296\" is no AS number");
    refused("1.0.0.0,::1,1,a\n", ":1: a range from IPv4 to IPv6");
    refused("1.0.0.1,1.0.0.0,1,a\n", ":1: the range ends before it begins");
    refused("1.0.0.0,1.0.0.1,1,a\n0.0.0.0,0.0.0.1,1,a\n",
            ":2: 0.0.0.0 comes after a higher address; sort the file");
    refused("340282366920938463463374607431768211456,1.0.0.1,1,a\n",
            ":1: \"340282366920938463463374607431768211456\" is no address");
    refused("1.0.0.0,1.0.0.1,1,\"a\n", ":1: field 4: the quotes do not end before a comma");
    char *big = calloc(1, 2000);
    assert_non_null(big);
    int at = snprintf(big, 100, "1.0.0.0,1.0.0.1,1,");
    memset(big + at, 'x', 1025);
    refused(big, ":1: a name of 1025 bytes");
    free(big);
    const char *const both[] = { csv, mmdb };
    struct asn *a;
    struct err err = { 0 };
    assert_int_equal(asn_open(both, 2, &a, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "do not go together"));
}

static void databases(void **state)
{
    (void)state;
    static struct mmdb_file file;
    mmdb_file_init(&file, 6, 28);
    mmdb_put_map(&file, 3);
    mmdb_put_text(&file, "autonomous_system_number");
    mmdb_put_u32(&file, 64500);
    mmdb_put_pair(&file, "autonomous_system_organization", "Ex Ämple");
    mmdb_put_pair(&file, "isp", "other");
    mmdb_file_add(&file, "192.0.2.0/24", 0);
    size_t at = file.size;
    mmdb_put_map(&file, 1);
    mmdb_put_text(&file, "autonomous_system_number");
    mmdb_put_u32(&file, 209);
    mmdb_file_add(&file, "2001:db8::/32", at);
    (void)mmdb_file_write(&file, mmdb, "DBIP-ASN-Lite (compat=GeoLite2-ASN)");
    const char *const paths[] = { mmdb };
    struct asn *a = open_files(paths, 1);
    is(a, "192.0.2.1", 64500, "Ex Ämple");
    is(a, "2001:db8::1", 209, "");
    is(a, "10.0.0.1", 0, "");
    assert_non_null(strstr(asn_notice(a), "https://db-ip.com"));
    asn_free(a);
    struct err err = { 0 };
    mmdb_file_init(&file, 4, 24);
    mmdb_put_map(&file, 1);
    mmdb_put_pair(&file, "country_code", "AT");
    mmdb_file_add(&file, "10.0.0.0/8", 0);
    (void)mmdb_file_write(&file, mmdb, "city ipv4");
    assert_int_equal(asn_open(paths, 1, &a, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "a City database goes to -geoip.city"));
}

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)in_folder(folder, "asn.csv", csv);
    (void)in_folder(folder, "asn6.CSV", csv6);
    (void)in_folder(folder, "asn.mmdb", mmdb);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(many_owners),
        cmocka_unit_test(databases),
        cmocka_unit_test(refuses_with_a_place),
    };
    int failed = UNIT_MAIN("enrich/asn", tests);
    (void)unlink(csv); // there or not
    (void)unlink(csv6);
    (void)unlink(mmdb);
    (void)rmdir(folder);
    return failed;
}
