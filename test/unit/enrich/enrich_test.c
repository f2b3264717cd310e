// SPDX-License-Identifier: Apache-2.0
#include "enrich/enrich.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/log.h"
#include "mmdb_file.h"

static char folder[] = "/tmp/weir-enrich-XXXXXX";
static char city_path[256];
static char asn_path[256];
static char networks_path[256];
static char names_path[256];
static char new_path[256];
static struct mmdb_file file;
static struct batch_pool *pool;

static void write_city(const char *path, const char *name)
{
    mmdb_file_init(&file, 6, 28);
    mmdb_put_map(&file, 2);
    mmdb_put_text(&file, "city");
    mmdb_put_map(&file, 1);
    mmdb_put_names(&file, name);
    mmdb_put_text(&file, "country");
    mmdb_put_map(&file, 1);
    mmdb_put_pair(&file, "iso_code", "AT");
    mmdb_file_add(&file, "192.0.2.0/24", 0);
    mmdb_file_add(&file, "2001:db8::/32", 0);
    (void)mmdb_file_write(&file, path, "GeoLite2-City");
}

static void write_others(void)
{
    write_text(asn_path, "192.0.2.0,192.0.2.127,64500,\"Ex, Ltd.\"\n198.51.100.0,198.51.100.255,"
                         "64501,\"quote \"\"d\"\"\"\n");
    write_text(networks_path, "192.0.2.0/25,left\n192.0.2.128/25,right\n");
    write_text(names_path, "10.0.0.1,core\n10.0.0.1,1,eth1,up\n10.0.0.1,2,eth2\n");
}

static const struct enrich_settings ALL = { .city = city_path,
                                            .asn = asn_path,
                                            .networks = networks_path,
                                            .names = names_path,
                                            .places = folder };

static struct enrich *open_all(const struct enrich_settings *settings)
{
    struct enrich *e;
    struct err err = { 0 };
    if (enrich_open(settings, &e, &err) != 0) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
    return e;
}

static struct enricher *new_enricher(struct enrich *e)
{
    struct enricher *x;
    assert_int_equal(enricher_new(e, &x), 0);
    return x;
}

static struct flow *add_flow(struct batch *b, const char *src, const char *dst)
{
    struct flow *f = &b->flows[b->flow_count++];
    memset(f, 0, sizeof(*f));
    f->sampler_address = addr_of("10.0.0.1");
    f->in_if = 1;
    f->out_if = 2;
    f->src_addr = src[0] == '\0' ? (struct addr){ 0 } : addr_of(src);
    f->dst_addr = addr_of(dst);
    return f;
}

static void span_is(const struct batch *b, struct span span, const char *text)
{
    assert_int_equal(span.count, strlen(text));
    assert_memory_equal(batch_bytes(b, span), text, span.count);
}

static void city_is(struct enricher *x, const char *city)
{
    struct batch *b = batch_get(pool);
    const struct flow *f = add_flow(b, "192.0.2.1", "192.0.2.1");
    char want[256] = "";
    if (city[0] != '\0') {
        (void)snprintf(want, sizeof(want), "{\"city_name\":\"%s\",\"country_iso_code\":\"AT\"}",
                       city);
    }
    enrich_batch(x, b);
    span_is(b, f->src_place.geo, want);
    assert_int_equal(f->lookups, city[0] == '\0' ? LOOKUP_CITY_UNAVAILABLE : 0);
    batch_unref(b);
}

static void fills_everything(void **state)
{
    (void)state;
    write_city(city_path, "Vienna");
    write_others();
    struct enrich *e = open_all(&ALL);
    struct enricher *x = new_enricher(e);
    for (int round = 0; round < 3; round++) { // looked up, then remembered
        struct batch *b = batch_get(pool);
        const struct flow *f = add_flow(b, "192.0.2.1", "2001:db8::1");
        const struct flow *g = add_flow(b, "::ffff:192.0.2.200", "198.51.100.9");
        const struct flow *h = add_flow(b, "", "192.0.2.1");
        enrich_batch(x, b);
        static const char GEO[] = "{\"city_name\":\"Vienna\",\"country_iso_code\":\"AT\"}";
        span_is(b, f->src_place.geo, GEO);
        span_is(b, f->src_place.as, "{\"number\":64500,\"organization\":{\"name\":\"Ex, Ltd.\"}}");
        span_is(b, f->src_place.as_name, "Ex, Ltd.");
        span_is(b, f->src_place.network, "left");
        assert_int_equal(f->src_place.as_number, 64500);
        assert_memory_equal(f->src_place.country, "AT", 2);
        span_is(b, f->dst_place.geo, GEO);
        span_is(b, f->dst_place.as, "");
        span_is(b, f->dst_place.network, "");
        assert_int_equal(f->dst_place.as_number, 0);
        span_is(b, g->src_place.geo, GEO);
        span_is(b, g->src_place.as, "");
        span_is(b, g->src_place.network, "right");
        span_is(b, g->dst_place.geo, "");
        span_is(b, g->dst_place.as,
                "{\"number\":64501,\"organization\":{\"name\":\"quote \\\"d\\\"\"}}");
        span_is(b, g->dst_place.as_name, "quote \"d\"");
        assert_memory_equal(g->dst_place.country, "\0", 2);
        span_is(b, h->src_place.geo, "");
        assert_int_equal(h->dst_place.geo.offset, f->src_place.geo.offset); // once in the batch
        span_is(b, f->exporter_name, "core");
        span_is(b, f->in_names.name, "eth1");
        span_is(b, f->in_names.alias, "up");
        span_is(b, f->out_names.name, "eth2");
        span_is(b, f->out_names.alias, "");
        assert_int_equal(g->exporter_name.offset, f->exporter_name.offset);
        assert_int_equal(f->lookups, 0);
        batch_unref(b);
    }
    struct enrich_files files = enrich_files(e);
    assert_string_equal(files.city, city_path);
    assert_string_equal(files.asn, asn_path);
    assert_string_equal(files.networks, networks_path);
    assert_string_equal(files.names, names_path);
    assert_string_equal(files.notice, "");
    enricher_free(x);
    enrich_free(e);
}

static void missing_and_unwanted(void **state)
{
    (void)state;
    struct enrich_settings settings = {
        .city = "", .asn = "none", .networks = "", .names = "", .places = "/nowhere"
    };
    struct enrich *e = open_all(&settings);
    struct enricher *x = new_enricher(e);
    struct batch *b = batch_get(pool);
    const struct flow *f = add_flow(b, "192.0.2.1", "192.0.2.2");
    enrich_batch(x, b);
    assert_int_equal(f->lookups, LOOKUP_CITY_UNAVAILABLE);
    span_is(b, f->src_place.geo, "");
    batch_unref(b);
    assert_string_equal(enrich_files(e).city, "");
    enricher_free(x);
    enrich_free(e);
}

static void found_by_itself(void **state)
{
    (void)state;
    char place[256];
    char path[256];
    assert_int_equal(mkdir(in_folder(folder, "place", place), 0700), 0);
    (void)in_folder(place, "GeoLite2-City.mmdb", path);
    struct enrich_settings settings = {
        .city = "", .asn = "none", .networks = "", .names = "", .places = place
    };
    write_text(path, "damaged");
    struct enrich *e = open_all(&settings); // left out
    struct enricher *x = new_enricher(e);
    city_is(x, "");
    enrich_reload(e, true);
    city_is(x, "");
    write_city(path, "Graz");
    enrich_reload(e, true); // seen
    enrich_reload(e, true); // at rest
    city_is(x, "Graz");
    assert_string_equal(enrich_files(e).city, path);
    assert_int_equal(unlink(path), 0);
    enrich_reload(e, true);
    city_is(x, "Graz"); // what was read stays
    enrich_reload(e, false);
    city_is(x, "Graz");
    enricher_free(x);
    enrich_free(e);
    assert_int_equal(rmdir(place), 0);
}

static void refused(struct enrich_settings settings, const char *words)
{
    struct enrich *e;
    struct err err = { 0 };
    assert_int_not_equal(enrich_open(&settings, &e, &err), 0);
    if (strstr(err.text, words) == NULL) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
}

static void refuses_what_was_asked_for(void **state)
{
    (void)state;
    write_city(city_path, "Vienna");
    write_others();
    struct enrich_settings s = ALL;
    s.city = asn_path;
    refused(s, "-geoip.city: ");
    s = ALL;
    s.asn = city_path;
    refused(s, "a City database goes to -geoip.city");
    s = ALL;
    s.city = "/nowhere/at/all.mmdb";
    refused(s, "-geoip.city: cannot open /nowhere/at/all.mmdb: No such file or directory");
    s = ALL;
    s.networks = names_path;
    refused(s, "-networks: ");
    s = ALL;
    s.names = networks_path;
    refused(s, "-names: ");
    s = ALL;
    s.city = ",";
    refused(s, "-geoip.city: no file is named");
    s.city = "a,b,c,d,e";
    refused(s, "-geoip.city: more than 4 files");
}

static void replaced(const char *name)
{
    write_city(new_path, name);
    assert_int_equal(rename(new_path, city_path), 0);
}

static void reads_again(void **state)
{
    (void)state;
    write_city(city_path, "Vienna");
    write_others();
    struct enrich *e = open_all(&ALL);
    struct enricher *x = new_enricher(e);
    struct enricher *idle = new_enricher(e);
    city_is(x, "Vienna");
    enrich_reload(e, true);
    city_is(x, "Vienna");
    replaced("Linz");
    enrich_reload(e, true);
    city_is(x, "Vienna"); // it may be in the making
    enrich_reload(e, true);
    city_is(x, "Linz");
    enrich_reload(e, true);
    replaced("Salzburg");
    enrich_reload(e, false); // asked for: at once
    city_is(x, "Salzburg");
    write_text(new_path, "damaged");
    assert_int_equal(rename(new_path, city_path), 0);
    for (int i = 0; i < 4; i++) {
        enrich_reload(e, i < 3);
        city_is(x, "Salzburg");
    }
    replaced("Wels");
    enrich_reload(e, true);
    enrich_reload(e, true);
    city_is(x, "Wels");
    write_text(names_path, "10.0.0.1,other\n");
    enrich_reload(e, false);
    struct batch *b = batch_get(pool);
    const struct flow *f = add_flow(b, "192.0.2.1", "192.0.2.2");
    enrich_batch(x, b);
    span_is(b, f->exporter_name, "other");
    batch_unref(b);
    city_is(idle, "Wels");
    enricher_free(idle);
    enricher_free(x);
    enrich_free(e);
}

/// A mapped file that was overwritten is not looked up in; nothing dies of it.
static void overwritten_in_place(void **state)
{
    (void)state;
    write_city(city_path, "Vienna");
    struct enrich_settings settings = ALL;
    settings.asn = settings.networks = settings.names = "";
    settings.asn = "none";
    struct enrich *e = open_all(&settings);
    struct enricher *x = new_enricher(e);
    city_is(x, "Vienna");
    assert_int_equal(truncate(city_path, 0), 0);
    struct batch *b = batch_get(pool);
    (void)add_flow(b, "192.0.2.7", "2001:db8::9"); // not remembered: what it finds is open
    enrich_batch(x, b);
    batch_unref(b);
    enrich_reload(e, true);
    city_is(x, "");
    enrich_reload(e, true);
    city_is(x, "");
    write_city(city_path, "Graz");
    enrich_reload(e, true);
    enrich_reload(e, true);
    city_is(x, "Graz");
    write_text(city_path, "damaged");
    enrich_reload(e, false);
    city_is(x, "");
    enricher_free(x);
    enrich_free(e);
}

/// A batch of all different addresses, exporters and names, of the greatest size: all of it fits.
static void the_largest_batch_fits(void **state)
{
    (void)state;
    char name[200] = "";
    memset(name, '\x01', 96); // six bytes of JSON each
    FILE *out = fopen(names_path, "wb");
    assert_non_null(out);
    FILE *asn = fopen(asn_path, "wb");
    assert_non_null(asn);
    FILE *networks = fopen(networks_path, "wb");
    assert_non_null(networks);
    char long_name[200] = "";
    memset(long_name, 'n', 180);
    mmdb_file_init(&file, 4, 32);
    for (unsigned i = 0; i < 2 * BATCH_FLOWS_MAX; i++) {
        assert_true(fprintf(out, "10.1.%u.%u,,%s%u\n10.1.%u.%u,%u,%s%u,%s%u\n", i >> 8, i & 255,
                            long_name, i, i >> 8, i & 255, i, long_name, i, long_name, i) > 0);
        assert_true(fprintf(asn, "11.0.%u.%u,11.0.%u.%u,%u,\"%s%s%u\"\n", i >> 8, i & 255, i >> 8,
                            i & 255, i + 1, name, name, i) > 0);
        assert_true(fprintf(networks, "11.0.%u.%u,%s%u\n", i >> 8, i & 255, long_name, i) > 0);
    }
    assert_int_equal(fclose(out), 0);
    assert_int_equal(fclose(asn), 0);
    assert_int_equal(fclose(networks), 0);
    mmdb_put_map(&file, 1);
    mmdb_put_pair(&file, "city", long_name);
    mmdb_file_add(&file, "11.0.0.0/8", 0);
    (void)mmdb_file_write(&file, city_path, "City");
    struct enrich *e = open_all(&ALL);
    struct enricher *x = new_enricher(e);
    for (int round = 0; round < 2; round++) {
        struct batch *b = batch_get(pool);
        for (unsigned i = 0; i < BATCH_FLOWS_MAX; i++) {
            struct flow *f = &b->flows[b->flow_count++];
            memset(f, 0, sizeof(*f));
            const uint8_t src[4] = { 11, 0, (uint8_t)(i >> 8), (uint8_t)i };
            unsigned k = i + BATCH_FLOWS_MAX;
            const uint8_t dst[4] = { 11, 0, (uint8_t)(k >> 8), (uint8_t)k };
            const uint8_t exporter[4] = { 10, 1, (uint8_t)(i >> 8), (uint8_t)i };
            f->src_addr = addr_v4(src);
            f->dst_addr = addr_v4(dst);
            f->sampler_address = addr_v4(exporter);
            f->in_if = i;
        }
        b->arena_used = BATCH_ARENA_SIZE - BATCH_ARENA_ENRICH; // as full as flows can make it
        enrich_batch(x, b);
        for (unsigned i = 0; i < BATCH_FLOWS_MAX; i++) {
            const struct flow *f = &b->flows[i];
            assert_int_equal(f->src_place.as_number, i + 1);
            assert_int_equal(f->dst_place.as_number, i + 1 + BATCH_FLOWS_MAX);
            assert_in_range(f->src_place.as.count, 150, 300);
            assert_in_range(f->dst_place.network.count, 180, 192);
            assert_in_range(f->src_place.geo.count, 180, 300);
            assert_in_range(f->exporter_name.count, 180, 192);
            assert_in_range(f->in_names.alias.count, 180, 192);
        }
        batch_unref(b);
    }
    enricher_free(x);
    enrich_free(e);
}

struct worker {
    struct enrich *enrich;
    _Atomic bool stop;
    _Atomic uint64_t batches;
};

/// Looks up without a pause; every answer is one of the databases' and whole.
static void *look_up(void *context)
{
    struct worker *w = context;
    struct enricher *x = new_enricher(w->enrich);
    while (!atomic_load(&w->stop)) {
        struct batch *b = batch_get(pool);
        for (unsigned i = 0; i < 100; i++) {
            (void)add_flow(b, "192.0.2.1", "2001:db8::1");
        }
        enrich_batch(x, b);
        for (unsigned i = 0; i < 100; i++) {
            struct span geo = b->flows[i].src_place.geo;
            static const char BEGIN[] = "{\"city_name\":\"City ";
            bool whole = geo.count > sizeof(BEGIN) &&
                         memcmp(batch_bytes(b, geo), BEGIN, sizeof(BEGIN) - 1) == 0 &&
                         batch_bytes(b, geo)[geo.count - 1] == '}';
            CHECK(whole);
            CHECK(b->flows[i].dst_place.geo.offset == geo.offset);
        }
        batch_unref(b);
        atomic_fetch_add(&w->batches, 1);
    }
    enricher_free(x);
    return NULL;
}

static void switches_under_threads(void **state)
{
    (void)state;
    enum { THREADS = 3, SWITCHES = 60 };
    write_city(city_path, "City 0");
    write_others();
    struct worker w = { .enrich = open_all(&ALL) };
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, look_up, &w), 0);
    }
    for (int i = 0; i < SWITCHES; i++) {
        char name[32];
        uint64_t before = atomic_load(&w.batches);
        (void)snprintf(name, sizeof(name), "City %d", i);
        replaced(name);
        enrich_reload(w.enrich, false);
        while (atomic_load(&w.batches) < before + THREADS) {
            (void)usleep(100);
        }
    }
    atomic_store(&w.stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    enrich_free(w.enrich);
}

int main(void)
{
    if (mkdtemp(folder) == NULL || batch_pool_new(8, NULL, NULL, &pool) != 0) {
        return 1;
    }
    (void)in_folder(folder, "city.mmdb", city_path);
    (void)in_folder(folder, "asn.csv", asn_path);
    (void)in_folder(folder, "networks.csv", networks_path);
    (void)in_folder(folder, "names.csv", names_path);
    (void)in_folder(folder, "new", new_path);
    log_set_up(LOG_LEVEL_ERROR + 1, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_everything),
        cmocka_unit_test(missing_and_unwanted),
        cmocka_unit_test(found_by_itself),
        cmocka_unit_test(refuses_what_was_asked_for),
        cmocka_unit_test(reads_again),
        cmocka_unit_test(overwritten_in_place),
        cmocka_unit_test(the_largest_batch_fits),
        cmocka_unit_test(switches_under_threads),
    };
    int failed = UNIT_MAIN("enrich/enrich", tests);
    const char *const paths[] = { city_path, asn_path, networks_path, names_path, new_path };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        (void)unlink(paths[i]); // there or not
    }
    (void)rmdir(folder);
    batch_pool_free(pool);
    return failed;
}
