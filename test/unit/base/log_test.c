// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "../unit.h"
#include "base/clock.h"

/// What log_write() writes to standard error, without the time.
static char *logged(char text[static 4096], int level, const char *msg,
                    const struct log_attr *attrs)
{
    int ends[2];
    int saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_write(level, msg, NULL, attrs);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t size = read(ends[0], text, 4095);
    close(ends[0]);
    text[size < 0 ? 0 : size] = '\0';
    char *rest = strstr(text, "level");
    return rest == NULL ? text : rest;
}

static void lines_are_slogs(void **state)
{
    (void)state;
    char text[4096];
    const struct log_attr attrs[] = {
        LOG_TEXT("plain", "value"),    LOG_TEXT("empty", ""),
        LOG_TEXT("blank", "a b"),      LOG_TEXT("quote", "a\"b"),
        LOG_TEXT("equals", "a=b"),     LOG_TEXT("control", "a\nb\x01"),
        LOG_TEXT("backslash", "a\\b"), LOG_U64("number", UINT64_MAX),
        LOG_BOOL("bool", true),        LOG_END
    };
    log_set_up(LOG_LEVEL_INFO, false);
    assert_string_equal(logged(text, LOG_LEVEL_INFO, "starting collection", attrs),
                        "level=INFO msg=\"starting collection\" plain=value empty=\"\" "
                        "blank=\"a b\" quote=\"a\\\"b\" equals=\"a=b\" control=\"a\\nb\\x01\" "
                        "backslash=a\\b number=18446744073709551615 bool=true\n");
    assert_int_equal(strncmp(text, "time=20", 7), 0);
    log_set_up(LOG_LEVEL_INFO, true);
    assert_string_equal(
        logged(text, LOG_LEVEL_ERROR + 1, "x", attrs + 5),
        "level\":\"ERROR+1\",\"msg\":\"x\",\"control\":\"a\\nb\\u0001\","
        "\"backslash\":\"a\\\\b\",\"number\":18446744073709551615,\"bool\":true}\n");
    log_set_up(LOG_LEVEL_INFO, false);
}

static void long_lines_are_cut_and_whole(void **state)
{
    (void)state;
    char text[4096];
    static char value[5000];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    const struct log_attr attrs[] = { LOG_TEXT("key", value), LOG_END };
    logged(text, LOG_LEVEL_WARN, "msg", attrs);
    assert_int_equal(strlen(text), 2048);
    assert_int_equal(text[2047], '\n');
}

static void levels(void **state)
{
    (void)state;
    int level = 0;
    assert_int_equal(log_level_parse("DEBUG", &level), 0);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("warn+2", &level), 0);
    assert_int_equal(level, LOG_LEVEL_WARN + 2);
    assert_int_equal(log_level_parse("Error-1", &level), 0);
    assert_int_equal(level, LOG_LEVEL_ERROR - 1);
    assert_int_equal(log_level_parse("", &level), ERR_INVALID);
    assert_int_equal(log_level_parse("loud", &level), ERR_INVALID);
    assert_int_equal(log_level_parse("info+", &level), ERR_INVALID);
    assert_int_equal(log_level_parse("info+x", &level), ERR_INVALID);
    char text[4096];
    log_set_up(LOG_LEVEL_WARN, false);
    assert_string_equal(logged(text, LOG_LEVEL_INFO, "quiet", NULL), "");
    log_set_up(LOG_LEVEL_INFO, false);
}

/// goflow2 with err.cnt 3: eight events and one later give three lines, one that says it mutes, and
/// later the count of five.
static void muting(void **state)
{
    (void)state;
    struct log_mute m;
    uint64_t skipped;
    uint64_t now = 100 * NS_PER_S;
    log_mute_init(&m, 3, 10 * NS_PER_S);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(log_mute_event(&m, now, &skipped), LOG_MUTE_LOG);
    }
    assert_int_equal(log_mute_event(&m, now, &skipped), LOG_MUTE_MUTING);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(log_mute_event(&m, now, &skipped), LOG_MUTE_SILENT);
    }
    now += 11 * NS_PER_S;
    assert_int_equal(log_mute_event(&m, now, &skipped), LOG_MUTE_SKIPPED);
    assert_int_equal(skipped, 5);
    assert_int_equal(log_mute_event(&m, now, &skipped), LOG_MUTE_LOG);
    log_mute_init(&m, 0, NS_PER_S);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(log_mute_event(&m, now, &skipped), LOG_MUTE_LOG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_slogs),
        cmocka_unit_test(long_lines_are_cut_and_whole),
        cmocka_unit_test(levels),
        cmocka_unit_test(muting),
    };
    return UNIT_MAIN("base/log", tests);
}
