// SPDX-License-Identifier: Apache-2.0
/* Which options go together, and where documents go. */
#include "app/cluster_options.h"

#include "../unit.h"

enum { FLAGS_MAX = 10, FLAG_SIZE = 100 };

/// Parses "weir check" with the flags, each with -transport.elasticsearch in front.
static void parse(const char *const *flags, size_t count, char **env, struct settings *ret_settings)
{
    static char texts[FLAGS_MAX + 2][FLAG_SIZE] = { "weir", "check" };
    char *argv[FLAGS_MAX + 2] = { texts[0], texts[1] };
    struct err err = { 0 };
    assert_true(count <= FLAGS_MAX);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(texts[i + 2], FLAG_SIZE, "-transport.elasticsearch%s", flags[i]);
        argv[i + 2] = texts[i + 2];
    }
    assert_int_equal(options_parse((int)count + 2, argv, env, ret_settings, &err), 0);
}

static void with(const char *const *flags, size_t count, const char *want)
{
    char *env[] = { NULL };
    struct settings s;
    struct err err = { 0 };
    struct cluster_settings c;
    parse(flags, count, env, &s);
    int status = cluster_options_read(&s, &c, &err);
    if (want == NULL ? status != 0 : status != ERR_INVALID || strstr(err.text, want) == NULL) {
        fail_msg("%s (%d): %s", flags[count - 1], status, err.text);
    }
    settings_release(&s);
}

#define WITH(want, ...)                                                                            \
    with((const char *const[]){ __VA_ARGS__ },                                                     \
         sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), (want))

static void what_goes_together(void **state)
{
    (void)state;
    WITH(NULL, "=https://a");
    WITH(NULL, ".cloud_id=x");
    WITH(NULL, "=https://a", ".user=u", ".password_file=f", ".ca=c", ".cert=c", ".key=k");
    WITH(NULL, "=https://a", ".api_key_file=f", ".ca_fingerprint=00");
    WITH(NULL, "=https://a", ".token_file=f", ".insecure");
}

static void what_does_not(void **state)
{
    (void)state;
    WITH("no server is named", ".user=u");
    WITH("-transport.elasticsearch and -transport.elasticsearch.cloud_id exclude", "=https://a",
         ".cloud_id=x");
    WITH(".api_key_file and -transport.elasticsearch.user exclude", "=https://a", ".user=u",
         ".password_file=f", ".api_key_file=f");
    WITH(".user and -transport.elasticsearch.token_file exclude", "=https://a", ".user=u",
         ".password_file=f", ".token_file=f");
    WITH("needs a password", "=https://a", ".user=u");
    WITH("password_file needs -transport.elasticsearch.user", "=https://a", ".password_file=f");
    WITH(".cert needs", "=https://a", ".cert=f");
    WITH(".key needs", "=https://a", ".key=f");
    WITH("exclude", "=https://a", ".ca=f", ".ca_fingerprint=00");
    WITH("exclude", "=https://a", ".ca=f", ".insecure");
    WITH("exclude", "=https://a", ".ca_fingerprint=00", ".insecure");
    WITH("timeout", "=https://a", ".timeout=0s");
}

static void secrets_of_the_environment_count_too(void **state)
{
    (void)state;
    static const char *const FLAGS[] = { "=https://a", ".token_file=f" };
    static char key[] = "WEIR_TRANSPORT_ELASTICSEARCH_API_KEY=hunter2";
    char *env[] = { key, NULL };
    struct settings s;
    struct err err = { 0 };
    struct cluster_settings c;
    parse(FLAGS, 2, env, &s);
    assert_int_equal(cluster_options_read(&s, &c, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "exclude each other"));
    assert_null(strstr(err.text, "hunter2"));
    settings_release(&s);
    parse(FLAGS, 1, env, &s);
    assert_int_equal(cluster_options_read(&s, &c, &err), 0);
    assert_string_equal(c.api_key, "hunter2");
    settings_release(&s);
}

static void where_documents_go(void **state)
{
    (void)state;
    char text[CLUSTER_STREAM_SIZE];
    struct settings s = { .es_index = "", .ecs_dataset = "", .ecs_namespace = "default" };
    assert_string_equal(cluster_options_stream(&s, text), "logs-goflow2.sflow-default");
    s.ecs_dataset = "net.flow";
    s.ecs_namespace = "lab";
    assert_string_equal(cluster_options_stream(&s, text), "logs-net.flow-lab");
    s.es_index = "mine";
    assert_string_equal(cluster_options_stream(&s, text), "mine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_together),
        cmocka_unit_test(what_does_not),
        cmocka_unit_test(secrets_of_the_environment_count_too),
        cmocka_unit_test(where_documents_go),
    };
    return UNIT_MAIN("app/cluster_options", tests);
}
