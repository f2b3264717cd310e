// SPDX-License-Identifier: Apache-2.0
/* What is sent to Kibana and OpenSearch Dashboards, and what their answers mean. */
#include "../unit.h"
#include "cluster/kibana.h"

enum { ROOM = 4 << 20 };

static const uint8_t *bytes(const char *text)
{
    return (const uint8_t *)text;
}

static bool contains(const struct asset *asset, const char *text)
{
    return memmem(asset->data, asset->size, text, strlen(text)) != NULL;
}

static void files_are_in_the_program(void **state)
{
    (void)state;
    struct asset assets[] = { asset_kibana(), asset_opensearch_dashboards() };
    for (size_t i = 0; i < 2; i++) {
        char path[200];
        (void)snprintf(path, sizeof(path), "dashboards/%s", assets[i].name);
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        for (size_t at = 0; at < assets[i].size; at++) {
            assert_int_equal(fgetc(f), assets[i].data[at]);
        }
        assert_int_equal(fgetc(f), EOF);
        (void)fclose(f); // was only read
        assert_false(contains(&assets[i], KIBANA_BOUNDARY));
    }
}

static void the_version_chooses_the_file(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum cluster_product product;
        const char *file; ///< NULL: none fits
        const char *words;
    } CASES[] = {
        { "{\"name\":\"k\",\"version\":{\"number\":\"8.11.0\",\"build_flavor\":\"traditional\"}}",
          CLUSTER_UNKNOWN, "kibana-8.11.ndjson", NULL },
        { "{\"version\":{\"number\":\"9.2.1-SNAPSHOT\"}}", CLUSTER_OPENSEARCH, "kibana-8.11.ndjson",
          NULL },
        { "{\"version\":{\"number\":\"2.11.0\"},\"status\":{}}", CLUSTER_ELASTICSEARCH,
          "opensearch-dashboards-2.ndjson", NULL },
        { "{\"version\":{\"number\":\"3.6.0\"}}", CLUSTER_UNKNOWN, "opensearch-dashboards-2.ndjson",
          NULL },
        { "{\"status\":{\"overall\":{\"level\":\"available\"}}}", CLUSTER_UNKNOWN,
          "kibana-8.11.ndjson", NULL },
        { "{\"status\":{\"overall\":{\"level\":\"available\"}}}", CLUSTER_OPENSEARCH,
          "opensearch-dashboards-2.ndjson", NULL },
        { "<html>", CLUSTER_SERVERLESS, "kibana-8.11.ndjson", NULL },
        { "", CLUSTER_OPENSEARCH, "opensearch-dashboards-2.ndjson", NULL },
        { "{\"version\":{\"number\":\"8.10.4\"}}", CLUSTER_UNKNOWN, NULL, "8.10.4" },
        { "{\"version\":{\"number\":\"7.17.0\"}}", CLUSTER_UNKNOWN, NULL, "7.17.0" },
        { "{\"version\":{\"number\":\"1.3.20\"}}", CLUSTER_OPENSEARCH, NULL, "1.3.20" },
        { "{\"version\":{\"number\":\"99999999999999999999.1\"}}", CLUSTER_UNKNOWN,
          "kibana-8.11.ndjson", NULL },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct asset asset = { 0 };
        struct err err = { 0 };
        int status = kibana_choose(bytes(CASES[i].body), strlen(CASES[i].body), CASES[i].product,
                                   &asset, &err);
        if (CASES[i].file == NULL) {
            assert_int_equal(status, ERR_INVALID);
            assert_non_null(strstr(err.text, CASES[i].words));
            assert_null(asset.name);
        } else {
            assert_int_equal(status, 0);
            assert_string_equal(asset.name, CASES[i].file);
        }
    }
}

static void the_form_is_multipart(void **state)
{
    (void)state;
    const struct asset asset = { "a.ndjson", bytes("{}\n"), 3 };
    struct buf form;
    buf_init(&form, ROOM);
    kibana_append_form(&asset, &form);
    assert_string_equal(buf_text(&form),
                        "--" KIBANA_BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; "
                        "filename=\"a.ndjson\"\r\nContent-Type: application/ndjson\r\n\r\n{}\n\r\n"
                        "--" KIBANA_BOUNDARY "--\r\n");
    buf_release(&form);
}

/// What an answer says: words of success or of failure.
static const char *answer(const char *body, int wanted)
{
    static char text[2000];
    struct err err = { 0 };
    struct buf said;
    buf_init(&said, ROOM);
    assert_int_equal(kibana_read_import(bytes(body), strlen(body), &said, &err), wanted);
    (void)snprintf(text, sizeof(text), "%s", wanted == 0 ? buf_text(&said) : err.text);
    assert_true(wanted == 0 || said.size == 0);
    buf_release(&said);
    return text;
}

static void answers_are_read(void **state)
{
    (void)state;
    assert_string_equal(answer("{\"successCount\":125,\"success\":true,\"warnings\":[]}", 0),
                        "125 objects imported\n");
    assert_string_equal(
        answer("{\"success\":false,\"successCount\":1,\"errors\":[{\"id\":\"weir-as\",\"type\":"
               "\"dashboard\",\"error\":{\"type\":\"missing_references\"}},{\"id\":\"b\",\"type\":"
               "\"map\",\"error\":{\"type\":\"unknown\",\"message\":\"no \\\"x\\\"\"}},{},{}]}",
               ERR_INVALID),
        "4 objects were not imported: dashboard weir-as: missing_references; map b: unknown, no "
        "\"x\"; ? ?: ?");
    static const char *const UNREADABLE[] = {
        "",
        "<html>",
        "[]",
        "{\"success\":\"true\",\"successCount\":1}",
        "{\"success\":false}",
        "{\"success\":false,\"errors\":{}}",
        "{\"success\":true}",
        "{\"success\":true,\"successCount\":0}",
        "{\"success\":true,\"successCount\":-1}",
        "{\"success\":true,\"successCount\":\"5\"}",
        "{\"success\":true,\"successCount\":5.5}",
    };
    for (size_t i = 0; i < sizeof(UNREADABLE) / sizeof(UNREADABLE[0]); i++) {
        assert_non_null(strstr(answer(UNREADABLE[i], ERR_INVALID), "it does not say"));
    }
}

static void long_words_are_cut(void **state)
{
    (void)state;
    static char body[4000];
    char long_id[1000];
    memset(long_id, 'x', sizeof(long_id) - 1);
    long_id[sizeof(long_id) - 1] = '\0';
    (void)snprintf(body, sizeof(body), "{\"errors\":[{\"id\":\"%s\",\"type\":\"map\"}]}", long_id);
    assert_non_null(strstr(answer(body, ERR_INVALID), "1 objects were not imported"));
}

static void only_our_objects_are_deleted(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *path; ///< NULL: it is not ours
    } CASES[] = {
        { "{\"type\":\"map\",\"id\":\"weir-a\"}", "/api/saved_objects/map/weir-a?force=true" },
        { "{\"type\":\"map\",\"id\":\"netflow-a\"}", NULL },
        { "{\"type\":\"map\",\"id\":\"weir-\"}", NULL },
        { "{\"type\":\"map\",\"id\":\"\"}", NULL },
        { "{\"id\":\"weir-a\"}", NULL },
        { "{\"type\":\"map\"}", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buf path;
        buf_init(&path, ROOM);
        bool ours = kibana_append_path(bytes(CASES[i].line), strlen(CASES[i].line), &path);
        assert_int_equal(ours, CASES[i].path != NULL);
        if (ours) {
            assert_string_equal(buf_text(&path), CASES[i].path);
        }
        buf_release(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_in_the_program), cmocka_unit_test(the_version_chooses_the_file),
        cmocka_unit_test(the_form_is_multipart),    cmocka_unit_test(answers_are_read),
        cmocka_unit_test(long_words_are_cut),       cmocka_unit_test(only_our_objects_are_deleted),
    };
    return UNIT_MAIN("cluster/kibana", tests);
}
