// SPDX-License-Identifier: Apache-2.0
/* Which transports a command line asks for. */
#include "app/outputs.h"

#include "../unit.h"

enum { ARGS_MAX = 16 };

/// Reads a command line, words apart by blanks. Returns the status.
static int outputs_of(const char *line, unsigned *ret_outputs, struct err *err)
{
    char text[500];
    char *argv[ARGS_MAX];
    int argc = 0;
    (void)snprintf(text, sizeof(text), "%s", line);
    char *rest = text;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        argv[argc++] = word;
    }
    struct settings s;
    assert_int_equal(options_parse(argc, argv, NULL, &s, err), 0);
    int status = outputs_read(&s, ret_outputs, err);
    settings_release(&s);
    return status;
}

static void what_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        unsigned outputs;
    } LINES[] = {
        { "weir", OUTPUT_STORE },
        { "weir -transport.store d", OUTPUT_STORE },
        { "weir -transport.store none", OUTPUT_FILE },
        { "weir -transport.store none -transport.file x", OUTPUT_FILE },
        { "goflow2 -transport.store d", OUTPUT_STORE },
        { "weir import a.log", OUTPUT_STORE },
        { "weir replay a.pcap", OUTPUT_STORE },
        { "weir -transport store", OUTPUT_STORE },
        { "weir -transport store,file", OUTPUT_STORE | OUTPUT_FILE },
        { "goflow2", OUTPUT_FILE },
        { "weir -transport.file x", OUTPUT_STORE | OUTPUT_FILE },
        { "goflow2 -transport.file x", OUTPUT_FILE },
        { "weir -transport.elasticsearch http://a", OUTPUT_STORE | OUTPUT_ELASTICSEARCH },
        { "goflow2 -transport.elasticsearch http://a", OUTPUT_ELASTICSEARCH },
        { "weir -transport.elasticsearch.cloud_id a:b", OUTPUT_STORE | OUTPUT_ELASTICSEARCH },
        { "weir -transport.elasticsearch http://a -transport.file x",
          OUTPUT_STORE | OUTPUT_FILE | OUTPUT_ELASTICSEARCH },
        { "weir -transport file -transport.elasticsearch http://a", OUTPUT_FILE },
        { "weir -transport elasticsearch,file", OUTPUT_FILE | OUTPUT_ELASTICSEARCH },
        { "weir -transport opensearch", OUTPUT_ELASTICSEARCH },
        { "weir -transport file,file,", OUTPUT_FILE },
    };
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        struct err err;
        unsigned outputs;
        assert_int_equal(outputs_of(LINES[i].line, &outputs, &err), 0);
        assert_int_equal(outputs, LINES[i].outputs);
    }
}

static void what_there_is_not(void **state)
{
    (void)state;
    static const char *const LINES[][2] = {
        { "weir -transport kafka",
          "-transport kafka is not in this version; store, file and elasticsearch are" },
        { "weir -transport store -transport.store none",
          "-transport store, and -transport.store none: one of them" },
        { "weir -transport x", "-transport \"x\": no such transport (store, file, elasticsearch)" },
        { "weir -transport fil",
          "-transport \"fil\": no such transport (store, file, elasticsearch)" },
        { "weir -transport ,file",
          "-transport \"\": no such transport (store, file, elasticsearch)" },
    };
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        struct err err;
        unsigned outputs;
        assert_int_not_equal(outputs_of(LINES[i][0], &outputs, &err), 0);
        assert_string_equal(err.text, LINES[i][1]);
    }
}

static void what_documents_need(void **state)
{
    (void)state;
    struct settings s = { .format = "json", .ecs_profile = "weir" };
    assert_false(outputs_want_ecs(&s, OUTPUT_FILE));
    assert_true(outputs_want_ecs(&s, OUTPUT_ELASTICSEARCH));
    assert_true(outputs_want_enrich(&s, OUTPUT_FILE | OUTPUT_ELASTICSEARCH));
    assert_false(outputs_want_lines(&s, OUTPUT_ELASTICSEARCH));
    s.es_raw = true;
    assert_false(outputs_want_enrich(&s, OUTPUT_ELASTICSEARCH));
    assert_true(outputs_want_lines(&s, OUTPUT_ELASTICSEARCH));
    assert_false(outputs_want_lines(&s, OUTPUT_FILE));
    s.es_raw = false;
    s.ecs_profile = "elastic";
    assert_true(outputs_want_lines(&s, OUTPUT_ELASTICSEARCH));
    assert_false(outputs_want_lines(&s, OUTPUT_FILE));
    s.format = "ecs";
    assert_true(outputs_want_lines(&s, OUTPUT_FILE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for),
        cmocka_unit_test(what_there_is_not),
        cmocka_unit_test(what_documents_need),
    };
    return UNIT_MAIN("app/outputs", tests);
}
