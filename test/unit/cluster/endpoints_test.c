// SPDX-License-Identifier: Apache-2.0
/* Lists of URLs, cloud ids, turns and rests. */
#include "../unit.h"
#include "base/base64.h"
#include "base/clock.h"
#include "cluster/endpoints.h"

static const char *joined(const char *urls, const char *cloud_id)
{
    static char text[2000];
    struct err err = { 0 };
    struct endpoints *e;
    if (endpoints_new(urls, cloud_id, &e, &err) != 0) {
        assert_int_equal(err.status, ERR_INVALID);
        (void)snprintf(text, sizeof(text), "! %s", err.text);
        return text;
    }
    text[0] = '\0';
    for (size_t i = 0; i < endpoints_count(e); i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s%s", i == 0 ? "" : " ",
                       endpoints_url(e, i));
    }
    endpoints_free(e);
    return text;
}

static void urls_get_their_full_form(void **state)
{
    (void)state;
    assert_string_equal(joined("https://es1", ""), "https://es1:9200");
    assert_string_equal(joined("http://es1:80/", ""), "http://es1:80");
    assert_string_equal(joined("HTTPS://es1/a/b//", ""), "https://es1:9200/a/b");
    assert_string_equal(joined(" https://10.0.0.1 , http://[::1]:1,https://[2001:db8::1]/x", ""),
                        "https://10.0.0.1:9200 http://[::1]:1 https://[2001:db8::1]:9200/x");
    assert_string_equal(joined("https://a_b.example.com:65535", ""),
                        "https://a_b.example.com:65535");
}

static void wrong_urls_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *urls;
        const char *words;
    } CASES[] = {
        { "es1:9200", "begin with https:// or http://" },
        { "es1", "\"es1\"" },
        { "ftp://es1", "only https:// and http://" },
        { "https://", "host" },
        { "https://:9200", "host" },
        { "https://es 1", "host" },
        { "https://::1", "host" },
        { "https://[::1", "host" },
        { "https://[10.0.0.1]", "host" },
        { "https://[]:1", "host" },
        { "https://[::1]x", "port" },
        { "https://es1:", "port" },
        { "https://es1:0", "port" },
        { "https://es1:65536", "port" },
        { "https://es1:92o0", "port" },
        { "https://es1:9200:1", "port" },
        { "https://es1/?x=1", "path" },
        { "https://es1#a", "path" },
        { "https://es1/a b", "path" },
        { "https://es1,", "an URL is missing" },
        { ",https://es1", "an URL is missing" },
        { "https://es1,,https://es2", "an URL is missing" },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const char *said = joined(CASES[i].urls, "");
        if (said[0] != '!' || strstr(said, CASES[i].words) == NULL) {
            fail_msg("%s: %s", CASES[i].urls, said);
        }
    }
}

static void passwords_in_urls_are_refused_and_not_shown(void **state)
{
    (void)state;
    static const char *const URLS[] = { "https://elastic:hunter2@es1", "http://hunter2@es1:9200",
                                        "https://es1,https://a:hunter2@es2", "elastic:hunter2@es1",
                                        "https://es1/@hunter2" };
    for (size_t i = 0; i < sizeof(URLS) / sizeof(URLS[0]); i++) {
        const char *said = joined(URLS[i], "");
        assert_int_equal(said[0], '!');
        assert_null(strstr(said, "hunter2"));
        assert_non_null(strstr(said, "password_file"));
    }
}

static void too_many_are_refused(void **state)
{
    (void)state;
    char urls[12 * (ENDPOINTS_MAX + 1) + 1] = "";
    for (size_t i = 0; i <= ENDPOINTS_MAX; i++) {
        memcpy(urls + 12 * i, "http://es12,", 13);
    }
    urls[12 * (ENDPOINTS_MAX + 1) - 1] = '\0';
    assert_non_null(strstr(joined(urls, ""), "more than 64"));
    urls[12 * ENDPOINTS_MAX - 1] = '\0';
    assert_int_equal(joined(urls, "")[0], 'h');
}

static const char *of_cloud(const char *name, const char *plain)
{
    struct buf id;
    buf_init(&id, 1000);
    buf_append_text(&id, name);
    base64_encode(plain, strlen(plain), &id);
    const char *said = joined("", buf_text(&id));
    buf_release(&id);
    return said;
}

static void cloud_ids_become_urls(void **state)
{
    (void)state;
    assert_string_equal(of_cloud("my:", "us-east-1.aws.found.io$abc$def"),
                        "https://abc.us-east-1.aws.found.io:443");
    assert_string_equal(of_cloud("", "found.io$abc"), "https://abc.found.io:443");
    assert_string_equal(of_cloud("a:b:", "found.io:9243$abc$"), "https://abc.found.io:9243");
    assert_string_equal(of_cloud("a:", "found.io:9243$abc:9244$d:1"), "https://abc.found.io:9244");
}

static void wrong_cloud_ids_are_refused(void **state)
{
    (void)state;
    static const char *const PLAIN[] = { "",       "found.io",     "found.io$",    "$abc",
                                         "a b$c",  "found.io:x$a", "found.io$a:0", "u@h$abc",
                                         "h/x$abc" };
    for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); i++) {
        const char *said = of_cloud("my:", PLAIN[i]);
        assert_int_equal(said[0], '!');
        assert_non_null(strstr(said, "cloud_id"));
    }
    assert_int_equal(joined("", "my:%%%")[0], '!');
    assert_int_equal(joined("", "")[0], '!');
}

// --- Turns and rests -----------------------------------------------------------------------------

static struct endpoints *three(void)
{
    struct err err;
    struct endpoints *e;
    assert_int_equal(endpoints_new("http://a,http://b,http://c", "", &e, &err), 0);
    return e;
}

enum { S = 1000 };

static size_t pick(struct endpoints *e, uint64_t ms)
{
    return endpoints_pick(e, ms * NS_PER_MS);
}

static void they_take_turns(void **state)
{
    (void)state;
    struct endpoints *e = three();
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(pick(e, 1), i % 3);
    }
    endpoints_free(e);
}

static void who_fails_rests_twice_as_long_each_time(void **state)
{
    (void)state;
    struct endpoints *e = three();
    uint64_t now = 100;
    uint64_t wait;
    static const uint64_t RESTS_S[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
    for (size_t i = 0; i < sizeof(RESTS_S) / sizeof(RESTS_S[0]); i++) {
        assert_int_equal(endpoints_failed(e, 1, now * NS_PER_MS, 0), i == 0);
        for (size_t turn = 0; turn < 4; turn++) {
            assert_true(pick(e, now + RESTS_S[i] * S - 1) != 1);
        }
        assert_false(endpoints_resting(e, now * NS_PER_MS, &wait));
        now += RESTS_S[i] * S;
        bool back = false;
        for (size_t turn = 0; turn < 3; turn++) {
            back = pick(e, now) == 1 || back;
        }
        assert_true(back);
    }
    assert_true(endpoints_answered(e, 1));
    assert_false(endpoints_answered(e, 1));
    assert_true(endpoints_failed(e, 1, now * NS_PER_MS, 0)); // from the beginning
    for (size_t turn = 0; turn < 3; turn++) {
        assert_true(pick(e, now + S - 1) != 1);
    }
    endpoints_free(e);
}

static void failing_together_counts_once(void **state)
{
    (void)state;
    struct endpoints *e = three();
    uint64_t wait;
    for (size_t i = 0; i < 10; i++) {
        endpoints_failed(e, 0, 0, 0);
    }
    endpoints_failed(e, 1, 0, 0);
    endpoints_failed(e, 2, 0, 0);
    assert_true(endpoints_resting(e, 0, &wait));
    assert_in_range(wait, 1 * S, 1 * S + 1);
    assert_false(endpoints_resting(e, S * NS_PER_MS, &wait));
    assert_int_equal(wait, 0);
    endpoints_free(e);
}

static void when_all_rest_the_first_to_have_rested_is_asked(void **state)
{
    (void)state;
    struct endpoints *e = three();
    uint64_t wait;
    endpoints_failed(e, 0, 300 * NS_PER_MS, 0);
    endpoints_failed(e, 1, 100 * NS_PER_MS, 0);
    endpoints_failed(e, 2, 200 * NS_PER_MS, 0);
    assert_true(endpoints_resting(e, 400 * NS_PER_MS, &wait));
    assert_in_range(wait, 700, 701);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pick(e, 400), 1);
    }
    assert_int_equal(pick(e, 1150), 1);
    endpoints_free(e);
}

static void dice_make_rests_shorter_by_a_quarter_at_most(void **state)
{
    (void)state;
    for (uint32_t dice = 0; dice < 3000; dice += 7) {
        struct endpoints *e = three();
        uint64_t wait;
        for (size_t i = 0; i < 3; i++) {
            endpoints_failed(e, i, 0, dice);
        }
        assert_true(endpoints_resting(e, 0, &wait));
        assert_in_range(wait, 750, 1001);
        endpoints_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_get_their_full_form),
        cmocka_unit_test(wrong_urls_are_refused_by_name),
        cmocka_unit_test(passwords_in_urls_are_refused_and_not_shown),
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(cloud_ids_become_urls),
        cmocka_unit_test(wrong_cloud_ids_are_refused),
        cmocka_unit_test(they_take_turns),
        cmocka_unit_test(who_fails_rests_twice_as_long_each_time),
        cmocka_unit_test(failing_together_counts_once),
        cmocka_unit_test(when_all_rest_the_first_to_have_rested_is_asked),
        cmocka_unit_test(dice_make_rests_shorter_by_a_quarter_at_most),
    };
    return UNIT_MAIN("cluster/endpoints", tests);
}
