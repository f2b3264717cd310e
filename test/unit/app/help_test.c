// SPDX-License-Identifier: Apache-2.0
#include "app/help.h"

#include "../unit.h"
#include "app/options.h"

enum { TEXT_SIZE_MAX = 1 << 20, WIDTH = 92 };

static void within_the_width(struct buf *text)
{
    for (const char *line = buf_text(text); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        assert_in_range(size, 0, WIDTH);
        assert_true(size == 0 || line[size - 1] != ' ');
        assert_int_equal(line[size], '\n');
        line += size + 1;
    }
}

static void every_command_shows_its_flags_and_no_others(void **state)
{
    (void)state;
    for (int c = 0; c < COMMAND_COUNT; c++) {
        struct buf text;
        buf_init(&text, TEXT_SIZE_MAX);
        help_print_command((enum command)c, false, &text);
        within_the_width(&text);
        for (int i = 0; i < OPTION_COUNT; i++) {
            char flag[OPTION_NAME_SIZE_MAX + 8];
            const char *placeholder = OPTIONS[i].placeholder;
            snprintf(flag, sizeof(flag), "\n  -%s%s%s", OPTIONS[i].name,
                     placeholder[0] == '\0' ? "" : " ", placeholder);
            bool shown = strstr(buf_text(&text), flag) != NULL;
            assert_int_equal(shown, option_is_of((enum option_id)i, (enum command)c));
        }
        buf_release(&text);
    }
}

static void an_option_in_full(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, TEXT_SIZE_MAX);
    help_print_command(COMMAND_RUN, false, &text);
    assert_non_null(strstr(buf_text(&text),
                           "\nHTTP\n"
                           "  -addr HOST:PORT             Where to serve /api/v1, /metrics and "
                           "/__health; empty: no HTTP\n"
                           "                              (default 127.0.0.1:8080)\n"));
    assert_non_null(strstr(buf_text(&text),
                           "  -transport.kafka.compression NAME\n"
                           "                              none, gzip, snappy, lz4, zstd\n"));
    buf_clear(&text);
    help_print_command(COMMAND_RUN, true, &text);
    assert_non_null(strstr(buf_text(&text), "(default :8080)"));
    assert_non_null(strstr(buf_text(&text), "(default sflow://:6343,netflow://:2055)"));
    buf_release(&text);
}

static void an_overview_and_a_way_on(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, TEXT_SIZE_MAX);
    help_print_overview(&text);
    within_the_width(&text);
    for (int c = 0; c < COMMAND_COUNT; c++) {
        assert_non_null(strstr(buf_text(&text), COMMANDS[c].help));
    }
    for (int c = 0; c < COMMAND_COUNT; c++) {
        buf_clear(&text);
        help_print_usage((enum command)c, false, &text);
        within_the_width(&text);
    }
    buf_clear(&text);
    help_print_usage(COMMAND_REPLAY, false, &text);
    assert_string_equal(buf_text(&text),
                        "Usage: weir replay [FLAGS] FILE...\n\"weir help replay\" says more.\n");
    buf_clear(&text);
    help_print_usage(COMMAND_RUN, true, &text);
    assert_non_null(strstr(buf_text(&text), "Usage of goflow2"));
    assert_non_null(strstr(buf_text(&text), "\n  -listen "));
    buf_release(&text);
}

static void files_name_every_option(void **state)
{
    (void)state;
    struct buf markdown;
    struct buf man;
    buf_init(&markdown, TEXT_SIZE_MAX);
    buf_init(&man, TEXT_SIZE_MAX);
    help_print_markdown(&markdown);
    help_print_man(&man);
    for (int i = 0; i < OPTION_COUNT; i++) {
        char text[OPTION_NAME_SIZE_MAX + 16];
        snprintf(text, sizeof(text), "\n| `-%s", OPTIONS[i].name);
        assert_non_null(strstr(buf_text(&markdown), text));
        size_t size = (size_t)snprintf(text, sizeof(text), "\n\\fB\\-");
        for (const char *c = OPTIONS[i].name; *c != '\0'; c++) { // a hyphen is one for troff
            size +=
                (size_t)snprintf(text + size, sizeof(text) - size, *c == '-' ? "\\-" : "%c", *c);
        }
        snprintf(text + size, sizeof(text) - size, "\\fR");
        assert_non_null(strstr(buf_text(&man), text));
    }
    buf_release(&markdown);
    buf_release(&man);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_shows_its_flags_and_no_others),
        cmocka_unit_test(an_option_in_full),
        cmocka_unit_test(an_overview_and_a_way_on),
        cmocka_unit_test(files_name_every_option),
    };
    return UNIT_MAIN("app/help", tests);
}
