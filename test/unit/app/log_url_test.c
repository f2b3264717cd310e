// SPDX-License-Identifier: Apache-2.0
#include "app/log_url.h"

#include "../unit.h"
#include "base/limits.h"

static const struct log_url *parsed(const char *text)
{
    static struct log_url u;
    struct err err = { 0 };
    if (log_url_parse(text, &u, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    return &u;
}

static void without_keys_there_are_defaults(void **state)
{
    (void)state;
    const struct log_url *u = parsed("/var/log/sflow/goflow2/*.log");
    assert_string_equal(u->pattern, "/var/log/sflow/goflow2/*.log");
    assert_int_equal(u->exclude_count, 0);
    assert_false(u->from_end);
    assert_int_equal(u->ignore_older_s, 0);
    assert_int_equal(u->line_max, LOG_LINE_SIZE_DEFAULT);
    assert_int_equal(u->poll_ms, 250);
    assert_int_equal(u->scan_ms, 10000);
}

static void all_keys(void **state)
{
    (void)state;
    const struct log_url *u =
        parsed("/a/*?from=end&exclude_files=%5C.gz$&exclude_files=a|b&ignore_older=3d&line_max=64k"
               "&poll=1s&scan=1h&");
    assert_string_equal(u->pattern, "/a/*");
    assert_true(u->from_end);
    assert_int_equal(u->exclude_count, 2);
    assert_string_equal(u->excludes[0], "\\.gz$");
    assert_string_equal(u->excludes[1], "a|b");
    assert_int_equal(u->ignore_older_s, 3 * 86400);
    assert_int_equal(u->line_max, 65536);
    assert_int_equal(u->poll_ms, 1000);
    assert_int_equal(u->scan_ms, 3600000);
    assert_false(parsed("/a?from=start")->from_end);
    assert_int_equal(parsed("/a?line_max=3m")->line_max, LOG_LINE_SIZE_MAX);
    assert_int_equal(parsed("/a?line_max=1k")->line_max, LOG_LINE_SIZE_LEAST);
    assert_int_equal(parsed("/a?ignore_older=72h")->ignore_older_s, 259200);
}

/// A question mark is also a sign of globs.
static void a_query_has_a_key(void **state)
{
    (void)state;
    assert_string_equal(parsed("/a/log?")->pattern, "/a/log?");
    assert_string_equal(parsed("/a/log?.gz")->pattern, "/a/log?.gz");
    assert_string_equal(parsed("/a/log?.gz?from=end")->pattern, "/a/log?.gz");
    assert_string_equal(parsed("/a/l?g?.gz?from=end&exclude_files=x?y")->pattern, "/a/l?g?.gz");
    assert_string_equal(parsed("/a/%3Ffrom=end")->pattern, "/a/?from=end");
    assert_string_equal(parsed("/a/%2a%41")->pattern, "/a/*A");
    assert_string_equal(parsed("/a/???")->pattern, "/a/???");
    assert_string_equal(parsed("relative.log")->pattern, "relative.log");
}

static void what_is_wrong_is_shown(void **state)
{
    static const struct {
        const char *url;
        const char *words;
    } BAD[] = {
        { "", "expected a path such as log:///var/log" },
        { "?from=end", "expected a path" },
        { "/a%", "expected a path" },
        { "/a%4", "expected a path" },
        { "/a%zz", "expected a path" },
        { "/a%00b", "expected a path" },
        { "/a?from=middle", "from=middle: expected start or end" },
        { "/a?form=end", "no such key \"form\"; did you mean \"from\"?" },
        { "/a?from=end&x", "\"x\" is not KEY=VALUE" },
        { "/a?exclude_files=", "expected a regular expression" },
        { "/a?exclude_files=%0", "is not KEY=VALUE" },
        { "/a?ignore_older=old", "expected a time such as 72h or 3d" },
        { "/a?ignore_older=-1h", "expected a time" },
        { "/a?line_max=0", "from 1k to 3m" },
        { "/a?line_max=1023", "from 1k to 3m" },
        { "/a?line_max=4m", "from 1k to 3m" },
        { "/a?poll=0", "expected a time such as 250ms" },
        { "/a?poll=2h", "up to 1h" },
        { "/a?scan=x", "expected a time such as 10s" },
    };
    static struct log_url u;
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        if (log_url_parse(BAD[i].url, &u, &err) != ERR_INVALID) {
            fail_msg("accepted: %s", BAD[i].url);
        }
        if (strstr(err.text, BAD[i].words) == NULL ||
            strstr(err.text, "-listen \"log://") == NULL) {
            fail_msg("%s: %s", BAD[i].url, err.text);
        }
    }
    char url[2000];
    size_t size = (size_t)sprintf(url, "/a?exclude_files=x");
    for (int i = 1; i < LOG_URL_EXCLUDES_MAX; i++) {
        size += (size_t)sprintf(url + size, "&exclude_files=x");
    }
    assert_int_equal(parsed(url)->exclude_count, LOG_URL_EXCLUDES_MAX);
    (void)sprintf(url + size, "&exclude_files=x");
    assert_int_equal(log_url_parse(url, &u, &err), ERR_INVALID);
    memset(url, 'a', LOG_URL_SIZE);
    url[LOG_URL_SIZE] = '\0';
    assert_int_equal(log_url_parse(url, &u, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "too long"));
    url[LOG_URL_SIZE - 1] = '\0';
    assert_int_equal(log_url_parse(url, &u, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_keys_there_are_defaults),
        cmocka_unit_test(all_keys),
        cmocka_unit_test(a_query_has_a_key),
        cmocka_unit_test(what_is_wrong_is_shown),
    };
    return UNIT_MAIN("log_url", tests);
}
