// SPDX-License-Identifier: Apache-2.0
#include "web/api_health.h"

#include "../unit.h"
#include "base/clock.h"

#define GB UINT64_C(1000000000)
#define NOW (100000 * NS_PER_S)

/// A store that is well: plenty of room, everything done a second ago.
static struct store_state well(void)
{
    return (struct store_state){
        .used_bytes = 2 * GB, .file_bytes = 3 * GB, .disk_free = 500 * GB, .kept_ns = NOW - NS_PER_S
    };
}

/// A `free_min` of 10 GB.
static void check(const struct store_state *s, const char *status, const char *const *words,
                  size_t count)
{
    static const struct store_settings SETTINGS = { .free_min = 10 * GB };
    struct health_reasons r;
    struct buf out;
    char begin[64];
    health_reasons_init(&r);
    buf_init(&out, 10000);
    health_judge_store(s, &SETTINGS, NOW, &r);
    health_reasons_put(&r, &out);
    const char *text = buf_text(&out);
    (void)snprintf(begin, sizeof(begin), "\"status\":\"%s\",\"reasons\":[", status);
    if (strstr(text, begin) != text) {
        fail_msg("not %s: %s", status, text);
    }
    size_t quotes = 0;
    for (const char *at = text; *at != '\0'; at++) {
        quotes += *at == '"';
    }
    assert_int_equal(quotes, 6 + 2 * count); // so many reasons
    for (size_t i = 0; i < count; i++) {
        if (strstr(text, words[i]) == NULL) {
            fail_msg("nothing of \"%s\": %s", words[i], text);
        }
    }
    health_reasons_release(&r);
    buf_release(&out);
}

static void is_ok(const struct store_state *s)
{
    check(s, "ok", NULL, 0);
}

static void is_so(const struct store_state *s, const char *status, const char *word)
{
    check(s, status, &word, 1);
}

static void a_disk_warns_before_it_is_full(void **state)
{
    (void)state;
    struct store_state s = well();
    is_ok(&s);
    s.disk_free = 19 * GB; // and one in the file
    is_ok(&s);
    s.disk_free -= 1;
    is_so(&s, "warning", "nearly full: 19999 MB are free, 10000 MB of them");
    s.disk_free = 11 * GB;
    is_so(&s, "warning", "nearly full");
    s.disk_free = 10 * GB + GB / 2 - 1;
    is_so(&s, "warning", "the oldest records make room");
    s.disk_free = 0;
    is_so(&s, "warning", "the oldest records make room");
    s.full = true;
    is_so(&s, "error", "nothing is stored"); // and that once
    s = (struct store_state){ .kept_ns = NOW };
    is_ok(&s); // nobody has looked yet
}

static void a_disk_without_a_floor_warns_too(void **state)
{
    (void)state;
    static const struct store_settings NO_FLOOR = { .free_min = 0 };
    struct store_state s = well();
    struct health_reasons r;
    health_reasons_init(&r);
    s.disk_free = GB / 10 + 1; // and one GB in the file
    health_judge_store(&s, &NO_FLOOR, NOW, &r);
    assert_int_equal(r.status, HEALTH_OK);
    s.disk_free = 0;
    health_judge_store(&s, &NO_FLOOR, NOW, &r);
    assert_int_equal(r.status, HEALTH_WARNING);
    assert_non_null(strstr(buf_text(&r.texts), "1000 MB are free"));
    health_reasons_release(&r);
}

static void roll_ups_that_fail_or_lag_are_said(void **state)
{
    (void)state;
    struct store_state s = well();
    s.kept_ns = NOW - 300 * NS_PER_S;
    is_ok(&s);
    s.kept_ns = NOW - 720 * NS_PER_S;
    is_so(&s, "warning", "12 minutes behind");
    s.keeper_failing = true;
    is_so(&s, "warning", "fail and are tried again");
    s = well();
    s.kept_ns = NOW + NS_PER_S; // it ran after the clock was read
    is_ok(&s);
}

static void the_worst_counts(void **state)
{
    (void)state;
    static const char *const WORDS[] = { "cannot be written to", "is full",
                                         "fail and are tried again" };
    struct store_state s = well();
    s.failing = true;
    is_so(&s, "error", "cannot be written to");
    s.full = true;
    s.keeper_failing = true;
    check(&s, "error", WORDS, 3);
}

static void what_others_add_is_quoted(void **state)
{
    (void)state;
    struct health_reasons r;
    struct buf out;
    health_reasons_init(&r);
    buf_init(&out, 10000);
    health_reasons_add(&r, HEALTH_WARNING, "a \"%s\"", "file");
    health_reasons_add(&r, HEALTH_OK, "%d", 7);
    health_reasons_put(&r, &out);
    assert_string_equal(buf_text(&out),
                        "\"status\":\"warning\",\"reasons\":[\"a \\\"file\\\"\",\"7\"],");
    health_reasons_release(&r);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_warns_before_it_is_full),
        cmocka_unit_test(a_disk_without_a_floor_warns_too),
        cmocka_unit_test(roll_ups_that_fail_or_lag_are_said),
        cmocka_unit_test(the_worst_counts),
        cmocka_unit_test(what_others_add_is_quoted),
    };
    return UNIT_MAIN("web/api_health", tests);
}
