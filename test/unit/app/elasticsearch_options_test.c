// SPDX-License-Identifier: Apache-2.0
/* What -transport.elasticsearch.* may be, and where things go that are kept. */
#include "app/elasticsearch_options.h"

#include <stdlib.h>

#include "../unit.h"

static struct settings sane(void)
{
    return (struct settings){ .es_url = "http://a:9200",
                              .es_cloud_id = "",
                              .es_product = "",
                              .es_api_key_file = "",
                              .es_api_key = "",
                              .es_user = "",
                              .es_password_file = "",
                              .es_password = "",
                              .es_token_file = "",
                              .es_token = "",
                              .es_ca = "",
                              .es_ca_fingerprint = "",
                              .es_cert = "",
                              .es_key = "",
                              .es_index = "",
                              .es_pipeline = "",
                              .es_gzip = 1,
                              .es_connections = 2,
                              .es_bulk_size = 4 << 20,
                              .es_spool = 1 << 30,
                              .es_timeout_ns = 60000000000,
                              .es_deadletter = "",
                              .data = "",
                              .ecs_dataset = "",
                              .ecs_namespace = "default" };
}

static void names(void **state)
{
    (void)state;
    static const char *const GOOD[] = { "", "flows", "logs-x.y-default", ".hidden", "a_b" };
    static const char *const BAD[] = { "Flows", "a b", "a/b",   "a\"b", "_all",     "-x",
                                       "..",    "a,b", "a?x=1", "a%2f", "h\xc3\xa9" };
    struct err err;
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        struct settings s = sane();
        s.es_index = GOOD[i];
        s.es_pipeline = GOOD[i];
        assert_int_equal(elasticsearch_options_check(&s, &err), 0);
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct settings s = sane();
        s.es_index = BAD[i];
        assert_int_equal(elasticsearch_options_check(&s, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "-transport.elasticsearch.index"));
    }
    struct settings s = sane();
    s.es_pipeline = "Mine-1"; // pipelines may have capitals
    assert_int_equal(elasticsearch_options_check(&s, &err), 0);
    s.es_pipeline = "a&b";
    assert_int_equal(elasticsearch_options_check(&s, &err), ERR_INVALID);
}

static void ranges(void **state)
{
    (void)state;
    struct err err;
    struct settings s = sane();
    s.es_gzip = 10;
    assert_int_equal(elasticsearch_options_check(&s, &err), ERR_INVALID);
    assert_string_equal(err.text, "-transport.elasticsearch.gzip 10: must be from 0 to 9");
    s = sane();
    s.es_connections = 0;
    assert_int_equal(elasticsearch_options_check(&s, &err), ERR_INVALID);
    s = sane();
    s.es_gzip = -1;
    assert_int_equal(elasticsearch_options_check(&s, &err), ERR_INVALID);
    s = sane();
    s.es_bulk_size = 1;
    assert_int_equal(elasticsearch_options_check(&s, &err), ERR_INVALID);
    s = sane();
    s.es_bulk_size = 64 << 20; // would not fit the spool
    assert_int_equal(elasticsearch_options_check(&s, &err), ERR_INVALID);
    s = sane();
    s.es_spool = 1000;
    assert_int_equal(elasticsearch_options_check(&s, &err), ERR_INVALID);
    s.es_spool = 0;
    assert_int_equal(elasticsearch_options_check(&s, &err), 0);
}

static bool ends(const char *text, const char *with)
{
    size_t size = strlen(text);
    return size >= strlen(with) && strcmp(text + size - strlen(with), with) == 0;
}

/// An import waits, so it has no spool; both have the dead letters.
static void paths(void **state)
{
    (void)state;
    char folder[] = "/tmp/elasticsearch_options-XXXXXX";
    assert_non_null(mkdtemp(folder));
    static struct elasticsearch_options o;
    struct ecs_settings ecs = { .version = "8.11.0" };
    struct err err;
    struct settings s = sane();
    s.data = folder;
    s.es_raw = true;
    assert_int_equal(elasticsearch_options_read(&o, &s, &ecs, NULL, &err), 0);
    assert_true(ends(o.spool, "/spool/elasticsearch"));
    assert_true(ends(o.deadletter, "/deadletter/elasticsearch.ndjson"));
    assert_true(o.settings.format->ecs->raw);
    assert_string_equal(o.settings.format->ecs->version, "8.11.0");
    s.command = COMMAND_IMPORT;
    s.es_deadletter = "mine.ndjson";
    assert_int_equal(elasticsearch_options_read(&o, &s, &ecs, NULL, &err), 0);
    assert_string_equal(o.settings.spool, "");
    assert_string_equal(o.settings.deadletter, "mine.ndjson");
    char command[100];
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(ranges),
        cmocka_unit_test(paths),
    };
    return UNIT_MAIN("app/elasticsearch_options", tests);
}
