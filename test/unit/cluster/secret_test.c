// SPDX-License-Identifier: Apache-2.0
/* Secrets in every spelling, from files and not; what is none; and that none is ever shown. */
#include "cluster/secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"

static char path[64];

static struct cluster_settings nothing(void)
{
    return (struct cluster_settings){ .api_key_file = "",
                                      .api_key = "",
                                      .user = "",
                                      .password_file = "",
                                      .password = "",
                                      .token_file = "",
                                      .token = "" };
}

static void write_file(const void *data, size_t size, mode_t mode)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void expect(const struct cluster_settings *s, const char *want)
{
    struct err err = { 0 };
    char *got = NULL;
    if (secret_read(s, &got, &err) != 0) {
        fail_msg("%s", err.text);
    }
    if (want == NULL) {
        assert_null(got);
    } else {
        assert_string_equal(got, want);
    }
    secret_free(got);
}

static void refused(const struct cluster_settings *s, const char *words)
{
    struct err err = { 0 };
    char *got = NULL;
    assert_int_not_equal(secret_read(s, &got, &err), 0);
    assert_null(got);
    if (strstr(err.text, words) == NULL || strstr(err.text, "hunter2") != NULL) {
        fail_msg("%s", err.text);
    }
}

static void api_keys_in_both_spellings(void **state)
{
    (void)state;
    struct cluster_settings s = nothing();
    expect(&s, NULL);
    s.api_key = "id:key";
    expect(&s, "ApiKey aWQ6a2V5");
    s.api_key = "aWQ6a2V5";
    expect(&s, "ApiKey aWQ6a2V5");
    s.api_key = "aWQ6a2U=";
    expect(&s, "ApiKey aWQ6a2U=");
    s.api_key = "essu_abc-_123";
    expect(&s, "ApiKey essu_abc-_123");
    s.api_key = "hunter2hunter2x=";
    refused(&s, "api_key: no API key");
    s.api_key = "hunter2";
    refused(&s, "id:key");
    s.api_key = "id: hunter2";
    refused(&s, "id:key");
    s.api_key = "id:hunter2\r\nX-Other: 1";
    refused(&s, "control character");
}

static void users_and_tokens(void **state)
{
    (void)state;
    struct cluster_settings s = nothing();
    s.user = "elastic";
    s.password = "p\xc3\xa4ss: w ";
    expect(&s, "Basic ZWxhc3RpYzpww6RzczogdyA=");
    s.password = "";
    refused(&s, "password");
    s.password = "hunter2";
    s.user = "a:b";
    refused(&s, "colon");
    s = nothing();
    s.token = "abc.def-_~+/=";
    expect(&s, "Bearer abc.def-_~+/=");
    s.token = "hunter2 x";
    refused(&s, "token");
    s.token = "hunter2\xc3\xa4";
    refused(&s, "token");
}

static void files_lose_the_line_break_at_their_end(void **state)
{
    (void)state;
    static const char *const TEXTS[] = { "id:key", "id:key\n", "id:key\r\n", "id:key\n\n" };
    struct cluster_settings s = nothing();
    s.api_key_file = path;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        write_file(TEXTS[i], strlen(TEXTS[i]), 0600);
        expect(&s, "ApiKey aWQ6a2V5");
    }
    write_file("id:new\n", 7, 0640); // read anew each time; the group may
    expect(&s, "ApiKey aWQ6bmV3");
    s = nothing();
    s.user = "u";
    s.password_file = path;
    write_file(" p \n", 4, 0400); // blanks are the password's own
    expect(&s, "Basic dTogcCA=");
    s = nothing();
    s.token_file = path;
    write_file("tok\n", 4, 0600);
    expect(&s, "Bearer tok");
}

static void files_that_are_none_are_refused(void **state)
{
    (void)state;
    struct cluster_settings s = nothing();
    s.token_file = path;
    write_file("hunter2", 7, 0644);
    refused(&s, "everybody on this machine can read");
    write_file("hunter2", 7, 0602);
    refused(&s, "everybody");
    write_file("", 0, 0600);
    refused(&s, "is empty");
    write_file("\n", 1, 0600);
    refused(&s, "is empty");
    write_file("hunter2\nb", 9, 0600);
    refused(&s, "one line");
    write_file("hunter2\0b", 9, 0600);
    refused(&s, "one line");
    static char large[20000];
    memset(large, 'x', sizeof(large));
    write_file(large, sizeof(large), 0600);
    refused(&s, "too large");
    s.token_file = "/nowhere/token";
    refused(&s, "token_file: cannot read /nowhere/token");
    s.token_file = "/";
    refused(&s, "is no file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    s.token_file = path;
    refused(&s, "is no file"); // and nobody waits for it
}

static void the_largest_secret_fits(void **state)
{
    (void)state;
    static char text[16 << 10];
    memset(text, 'x', sizeof(text) - 1);
    struct cluster_settings s = nothing();
    s.token = text;
    struct err err = { 0 };
    char *got = NULL;
    assert_int_equal(secret_read(&s, &got, &err), 0);
    assert_int_equal(strlen(got), 7 + sizeof(text) - 1);
    secret_free(got);
    text[0] = ':'; // an API key grows by a third
    s = nothing();
    s.api_key = text;
    assert_int_equal(secret_read(&s, &got, &err), 0);
    secret_free(got);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/weir-secret-%d", (int)getpid());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(api_keys_in_both_spellings),
        cmocka_unit_test(users_and_tokens),
        cmocka_unit_test(files_lose_the_line_break_at_their_end),
        cmocka_unit_test(files_that_are_none_are_refused),
        cmocka_unit_test(the_largest_secret_fits),
    };
    return cmocka_run_group_tests_name("cluster/secret", tests, set_up, tear_down);
}
