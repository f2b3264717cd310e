// SPDX-License-Identifier: Apache-2.0
#include "enrich/city.h"

#include "mmdb_file.h"

static char folder[] = "/tmp/weir-city-XXXXXX";
static char path[256];
static char path6[256];
static struct mmdb_file file;

static struct city *open_files(size_t count)
{
    const char *const paths[] = { path, path6 };
    struct city *c;
    struct err err = { 0 };
    if (city_open(paths, count, &c, &err) != 0) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
    return c;
}

static void refused(const char *words)
{
    const char *const paths[] = { path };
    struct city *c;
    struct err err = { 0 };
    assert_int_not_equal(city_open(paths, 1, &c, &err), 0);
    if (strstr(err.text, words) == NULL || strstr(err.text, path) == NULL) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
}

static void is(const struct city *c, const char *text, const char *json, const char *country)
{
    struct addr a = addr_of(text);
    uint8_t out[CITY_JSON_SIZE_MAX];
    char got[3] = { 0 };
    uint32_t place = city_find(c, &a);
    size_t size = place == 0 ? 0 : (size_t)(city_put(c, place, out, got) - out);
    assert_int_equal(size, strlen(json));
    assert_memory_equal(out, json, size);
    assert_string_equal(got, country);
}

/// "location" of a place.
static void put_location(double lat, double lon)
{
    mmdb_put_text(&file, "location");
    mmdb_put_map(&file, 3);
    mmdb_put_text(&file, "accuracy_radius");
    mmdb_put_u32(&file, 22);
    mmdb_put_text(&file, "latitude");
    mmdb_put_double(&file, lat);
    mmdb_put_text(&file, "longitude");
    mmdb_put_double(&file, lon);
}

/// A whole record in MaxMind's layout.
static size_t put_milton(void)
{
    size_t at = file.size;
    mmdb_put_map(&file, 6);
    mmdb_put_text(&file, "city");
    mmdb_put_map(&file, 1);
    mmdb_put_names(&file, "Milton");
    mmdb_put_text(&file, "continent");
    mmdb_put_map(&file, 2);
    mmdb_put_pair(&file, "code", "NA");
    mmdb_put_names(&file, "North America");
    mmdb_put_text(&file, "country");
    mmdb_put_map(&file, 2);
    mmdb_put_pair(&file, "iso_code", "US");
    mmdb_put_names(&file, "United States");
    put_location(47.2513, -122.3149);
    mmdb_put_text(&file, "registered_country");
    mmdb_put_map(&file, 1);
    mmdb_put_pair(&file, "iso_code", "XX");
    mmdb_put_text(&file, "subdivisions");
    mmdb_put_list(&file, 2);
    mmdb_put_map(&file, 1);
    mmdb_put_names(&file, "less specific");
    mmdb_put_map(&file, 2);
    mmdb_put_pair(&file, "iso_code", "WA");
    mmdb_put_names(&file, "Washington");
    return at;
}

static void maxmind_layout(void **state)
{
    (void)state;
    mmdb_file_init(&file, 6, 28);
    mmdb_file_add(&file, "216.160.83.56/29", put_milton());
    size_t at = file.size;
    mmdb_put_map(&file, 1);
    mmdb_put_text(&file, "country");
    mmdb_put_map(&file, 1);
    mmdb_put_pair(&file, "iso_code", "AT");
    mmdb_file_add(&file, "192.0.2.0/24", at);
    at = file.size;
    mmdb_put_map(&file, 1);
    mmdb_put_text(&file, "traits");
    mmdb_put_map(&file, 0);
    mmdb_file_add(&file, "198.51.100.0/24", at);
    (void)mmdb_file_write(&file, path, "GeoLite2-City");
    struct city *c = open_files(1);
    is(c, "216.160.83.57",
       "{\"city_name\":\"Milton\",\"continent_name\":\"North America\",\"country_iso_code\":\"US\","
       "\"country_name\":\"United States\",\"location\":{\"lat\":47.2513,\"lon\":-122.3149},"
       "\"region_iso_code\":\"US-WA\",\"region_name\":\"Washington\"}",
       "US");
    is(c, "192.0.2.1", "{\"country_iso_code\":\"AT\"}", "AT"); // what is there and no more
    is(c, "198.51.100.1", "", "");
    is(c, "10.0.0.1", "", "");
    assert_string_equal(city_notice(c), "");
    city_free(c);
}

static size_t put_flat(const char *code, const char *city, const char *state, float lat, float lon)
{
    size_t at = file.size;
    mmdb_put_map(&file, 6);
    mmdb_put_pair(&file, "city", city);
    mmdb_put_pair(&file, "country_code", code);
    mmdb_put_text(&file, "latitude");
    mmdb_put_float(&file, lat);
    mmdb_put_text(&file, "longitude");
    mmdb_put_float(&file, lon);
    mmdb_put_pair(&file, "state1", state);
    mmdb_put_pair(&file, "state2", "");
    return at;
}

static void flat_layout_in_two_files(void **state)
{
    (void)state;
    mmdb_file_init(&file, 4, 24);
    mmdb_file_add(&file, "192.0.2.0/24",
                  put_flat("AU", "Sydney", "New South Wales", -33.8688F, 151.209F));
    mmdb_file_add(&file, "198.51.100.0/24", put_flat("ZZ", "", "", 0.0F, -0.5F));
    (void)mmdb_file_write(&file, path, "city ipv4");
    mmdb_file_init(&file, 6, 32);
    mmdb_file_add(&file, "2001:db8::/32", put_flat("JP", "a \"b\"", "", 91.0F, 0.0F));
    (void)mmdb_file_write(&file, path6, "city ipv6");
    struct city *c = open_files(2);
    is(c, "192.0.2.1",
       "{\"city_name\":\"Sydney\",\"continent_name\":\"Oceania\",\"country_iso_code\":\"AU\","
       "\"country_name\":\"Australia\",\"location\":{\"lat\":-33.8688,\"lon\":151.209},"
       "\"region_name\":\"New South Wales\"}",
       "AU");
    is(c, "198.51.100.1", "{\"country_iso_code\":\"ZZ\",\"location\":{\"lat\":0.0,\"lon\":-0.5}}",
       "ZZ");
    is(c, "2001:db8::1",
       "{\"city_name\":\"a \\\"b\\\"\",\"continent_name\":\"Asia\",\"country_iso_code\":\"JP\","
       "\"country_name\":\"Japan\"}",
       "JP");
    assert_non_null(strstr(city_notice(c), "https://db-ip.com"));
    city_free(c);
}

/// Degrees are printed as the shortest text that reads back the same.
static void degrees_round_trip(void **state)
{
    (void)state;
    static const double VALUES[] = { 51.0,    -0.0, 47.2513,          -89.99999, 0.1 + 0.2, 1e-7,
                                     1.0 / 3, 90.0, 12.3456789012345, -45.05,    5e-324 };
    for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
        mmdb_file_init(&file, 4, 24);
        mmdb_put_map(&file, 1);
        put_location(VALUES[i], 0);
        mmdb_file_add(&file, "10.0.0.0/8", 0);
        (void)mmdb_file_write(&file, path, "City");
        struct city *c = open_files(1);
        struct addr a = addr_of("10.0.0.1");
        char out[CITY_JSON_SIZE_MAX + 1] = { 0 };
        char country[2];
        (void)city_put(c, city_find(c, &a), (uint8_t *)out, country); // it has an end of its own
        static const char BEGIN[] = "{\"location\":{\"lat\":";
        assert_memory_equal(out, BEGIN, sizeof(BEGIN) - 1);
        assert_true(strtod(out + sizeof(BEGIN) - 1, NULL) == VALUES[i]);
        assert_true(strchr(out, '.') != NULL || strchr(out, 'e') != NULL);
        city_free(c);
    }
}

/// Names without end are cut, and all that can be said still fits.
static void everything_fits(void **state)
{
    (void)state;
    char text[256];
    memset(text, '"', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    mmdb_file_init(&file, 4, 24);
    mmdb_put_map(&file, 5);
    mmdb_put_pair(&file, "city", text);
    static const char *const KEYS[] = { "continent", "country" };
    for (size_t i = 0; i < 2; i++) {
        mmdb_put_text(&file, KEYS[i]);
        mmdb_put_map(&file, 2);
        mmdb_put_pair(&file, "iso_code", "ABCDEFGH");
        mmdb_put_names(&file, text);
    }
    mmdb_put_text(&file, "subdivisions");
    mmdb_put_list(&file, 1);
    mmdb_put_map(&file, 2);
    mmdb_put_pair(&file, "iso_code", "ABCDEFGH");
    mmdb_put_names(&file, text);
    put_location(-12.345678901234567, -123.45678901234567);
    mmdb_file_add(&file, "10.0.0.0/8", 0);
    (void)mmdb_file_write(&file, path, "City");
    struct city *c = open_files(1);
    struct addr a = addr_of("10.0.0.1");
    uint8_t out[CITY_JSON_SIZE_MAX];
    char country[2];
    size_t size = (size_t)(city_put(c, city_find(c, &a), out, country) - out);
    assert_in_range(size, 400, CITY_JSON_SIZE_MAX);
    assert_int_equal(out[size - 1], '}');
    city_free(c);
}

static void refuses_other_kinds(void **state)
{
    (void)state;
    mmdb_file_init(&file, 4, 24);
    mmdb_put_map(&file, 1);
    mmdb_put_text(&file, "autonomous_system_number");
    mmdb_put_u32(&file, 64500);
    mmdb_file_add(&file, "10.0.0.0/8", 0);
    (void)mmdb_file_write(&file, path, "GeoLite2-ASN");
    refused("an AS database goes to -geoip.asn");
    mmdb_file_init(&file, 4, 24);
    mmdb_put_text(&file, "text");
    mmdb_file_add(&file, "10.0.0.0/8", 0);
    (void)mmdb_file_write(&file, path, "Words");
    refused("holds no places (its type is \"Words\")");
    mmdb_file_init(&file, 4, 24);
    (void)mmdb_file_write(&file, path, "GeoLite2-City");
    refused("holds nothing");
    mmdb_file_init(&file, 4, 24);
    mmdb_put_map(&file, 3);
    mmdb_put_text(&file, "city");
    mmdb_file_add(&file, "10.0.0.0/8", 0);
    (void)mmdb_file_write(&file, path, "GeoLite2-City");
    refused("damaged records");
}

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)in_folder(folder, "city.mmdb", path);
    (void)in_folder(folder, "city6.mmdb", path6);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maxmind_layout),      cmocka_unit_test(flat_layout_in_two_files),
        cmocka_unit_test(degrees_round_trip),  cmocka_unit_test(everything_fits),
        cmocka_unit_test(refuses_other_kinds),
    };
    int failed = UNIT_MAIN("enrich/city", tests);
    (void)unlink(path); // there or not
    (void)unlink(path6);
    (void)rmdir(folder);
    return failed;
}
