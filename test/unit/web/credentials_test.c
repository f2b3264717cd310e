// SPDX-License-Identifier: Apache-2.0
/* Which lines are passwords and tokens, which are refused and with what words, and who is right. */
#include "web/credentials.h"

#include <sys/stat.h>

#include "../folder.h"
#include "../unit.h"
#include "base/clock.h"

#define PASSWORD "geheim \xc3\xbc:x"
#define BCRYPT_Y "$2y$04$abcdefghijklmnopqrstuuDCOWdaNUqS5fxgr4SfRz9KunwIVTsBW"
#define BCRYPT_B "$2b$04$ABCDEFGHIJKLMNOPQRSTUuhwSdIKF93R9HngnjBO5gAlMoTE0t64q"
#define BCRYPT_A "$2a$04$ABCDEFGHIJKLMNOPQRSTUuhwSdIKF93R9HngnjBO5gAlMoTE0t64q"
#define SHA512_END                                                                                 \
    "vut3coxtl/WqTZMbI/37pjGwEn5ZufhTYkYrviVjDKVbThNdt2DQSNf/r61oLkm7UL9fG4uo4YDdg769R7Aed."
#define SHA512 "$6$rounds=1000$saltsalt$" SHA512_END
#define SHA256 "$5$rounds=1000$saltsalt$/4AAE4FVSX5xPjUm81GOy7Z.k29o/mbMqR5j6oIklw."
#define SHA512_PLAIN                                                                               \
    "$6$saltsalt$nM1FpxzsJ.W9OW6oL6iOA1UVQ066n.HLRmmZaJSm2DvqXVebqw58RUZGLh6jsr95iB5lHd9kkJmEC6"   \
    "XZzgvDt1"
#define SHA256_PLAIN "$5$pepper$ra0u9d5NCn2MtlB9kEkMutniA9Z3iyoFfqNi04uLTR4"

static char folder[FOLDER_SIZE];
static char path[FOLDER_SIZE + 8];

static void write_file(const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    assert_int_equal(close(fd), 0);
}

static struct credentials *read_text(const char *text, bool tokens)
{
    struct err err = { 0 };
    struct credentials *c = NULL;
    write_file(text, strlen(text));
    if (credentials_read(tokens ? "" : path, tokens ? path : "", &c, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return c;
}

static void refused(const char *text, size_t size, bool tokens, const char *words)
{
    struct err err = { 0 };
    struct credentials *c = NULL;
    write_file(text, size);
    assert_int_not_equal(credentials_read(tokens ? "" : path, tokens ? path : "", &c, &err), 0);
    assert_null(c);
    if (strstr(err.text, words) == NULL || strstr(err.text, "hunter2") != NULL) {
        fail_msg("%s: %s", text, err.text);
    }
}

static void every_hash_that_is_good(void **state)
{
    (void)state;
    struct credentials *c =
        read_text("# comment\n\n  y:" BCRYPT_Y " \r\nb:" BCRYPT_B "\na:" BCRYPT_A "\nsix:" SHA512
                  "\nfive:" SHA256 "\nsp:" SHA512_PLAIN "\nfp:" SHA256_PLAIN,
                  false);
    static const char *const USERS[] = { "y", "b", "a", "six", "five", "sp", "fp" };
    assert_true(credentials_have_passwords(c));
    assert_false(credentials_have_tokens(c));
    for (size_t i = 0; i < sizeof(USERS) / sizeof(USERS[0]); i++) {
        char pair[64];
        (void)snprintf(pair, sizeof(pair), "%s:" PASSWORD, USERS[i]); // fits
        assert_true(credentials_check(c, pair, 0));
        pair[strlen(pair) - 1] = 'X';
        assert_false(credentials_check(c, pair, 0));
        pair[strlen(pair) - 1] = '\0';
        assert_false(credentials_check(c, pair, 0));
    }
    static const char *const WRONG[] = { "",
                                         ":",
                                         "y",
                                         "y:",
                                         ":" PASSWORD,
                                         "nobody:" PASSWORD,
                                         "yy:" PASSWORD,
                                         "Y:" PASSWORD,
                                         "y:" BCRYPT_Y };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        assert_false(credentials_check(c, WRONG[i], 0));
    }
    credentials_unref(c);
}

static void every_line_that_is_bad(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "u:hunter2",                                                      // plain
        "u:{SHA}hunter2hunter2hunter2hunter2=",                           // SHA-1
        "u:$apr1$hunter2x$hunter2hunter2hunter2h",                        // Apache's MD5
        "u:$1$saltsalt$QKekOcFJNsj5ApSyzadlL.",                           // MD5
        "u:abihBJp0GJ4qA",                                                // DES
        "u:",                                                             //
        "u:*",                                                            //
        "u:$2y$03$abcdefghijklmnopqrstuuDCOWdaNUqS5fxgr4SfRz9KunwIVTsBW", // too quick
        "u:$2y$17$abcdefghijklmnopqrstuuDCOWdaNUqS5fxgr4SfRz9KunwIVTsBW", // too slow
        "u:$2y$xx$abcdefghijklmnopqrstuuDCOWdaNUqS5fxgr4SfRz9KunwIVTsBW",
        "u:$2x$04$abcdefghijklmnopqrstuuDCOWdaNUqS5fxgr4SfRz9KunwIVTsBW",
        "u:$2y$04$abcdefghijklmnopqrstuuDCOWdaNUqS5fxgr4SfRz9KunwIVTsB",
        "u:$2y$04$abcdefghijklmnopqrstuuDCOWdaNUqS5fxgr4SfRz9KunwIVTsBWW",
        "u:$2y$04$abcdefghijklmnopqrstuuDCOWdaNUqS5fxgr4SfRz9KunwIVTsB!",
        "u:$6$rounds=999$saltsalt$" SHA512_END,
        "u:$6$rounds=99999999$saltsalt$" SHA512_END,
        "u:$6$rounds=$saltsalt$" SHA512_END,
        "u:$6$rounds=99999999999999999999$saltsalt$" SHA512_END,
        "u:$6$$" SHA512_END,
        "u:$6$saltsaltsaltsalts$" SHA512_END,
        "u:$6$saltsalt$" SHA512_END "x",
        "u:$6$saltsalt",
        "u:$5$saltsalt$" SHA512_END,
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        refused(BAD[i], strlen(BAD[i]), false, "make it with htpasswd -B");
    }
    refused("a:" BCRYPT_Y "\n\nb:hunter2", 70, false, "line 3");
    refused("hunter2", 7, false, "USER:HASH");
    refused(":" BCRYPT_Y, 61, false, "USER:HASH");
    refused("a:" BCRYPT_Y "\na:" BCRYPT_B, 125, false, "twice");
    refused("# nobody\n", 9, false, "has no users");
    refused("", 0, false, "has no users");
    refused("a\0b", 3, false, "is no text");
}

static void tokens_with_and_without_names(void **state)
{
    (void)state;
    struct credentials *c = read_text("grafana:0123456789abcdef\n# x\nABCDEFGH-._~+/=0\n", true);
    assert_true(credentials_have_tokens(c));
    assert_false(credentials_have_passwords(c));
    assert_true(credentials_know_token(c, "0123456789abcdef"));
    assert_true(credentials_know_token(c, "ABCDEFGH-._~+/=0"));
    assert_false(credentials_know_token(c, "grafana:0123456789abcdef"));
    assert_false(credentials_know_token(c, "0123456789abcde"));
    assert_false(credentials_know_token(c, "0123456789abcdeff"));
    assert_false(credentials_know_token(c, ""));
    assert_false(credentials_check(c, "grafana:0123456789abcdef", 0));
    credentials_unref(c);
    refused("hunter2", 7, true, "16 or more");
    refused("n:hunter2hunter2", 16, true, "16 or more");
    refused("hunter2hunter2hunter2 x", 23, true, "16 or more");
    refused("hunter2hunter2hunter2\xc3\xbc", 23, true, "16 or more");
    refused("#\n", 2, true, "has no tokens");
}

static void bounds_of_the_files(void **state)
{
    (void)state;
    static char text[300 << 10];
    size_t at = 0;
    for (int i = 0; i < 1001; i++) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, "u%d:" BCRYPT_Y "\n", i);
    }
    refused(text, at, false, "more than 1000 users");
    at = 0;
    for (int i = 0; i < 1001; i++) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, "0123456789abcd%04d\n", i);
    }
    refused(text, at, true, "more than 1000 tokens");
    memset(text, '#', sizeof(text));
    refused(text, sizeof(text), false, "too large");
}

static void what_is_right_is_remembered_for_a_while(void **state)
{
    (void)state;
    struct credentials *c = read_text("y:" BCRYPT_Y, false);
    const char *pair = "y:" PASSWORD;
    assert_false(credentials_remember(c, pair, 0));
    assert_false(credentials_check(c, "y:wrong", 0));
    assert_false(credentials_remember(c, "y:wrong", 0));
    assert_true(credentials_check(c, pair, 10 * NS_PER_S));
    assert_true(credentials_remember(c, pair, 10 * NS_PER_S));
    assert_true(credentials_remember(c, pair, 309 * NS_PER_S));
    assert_false(credentials_remember(c, pair, 310 * NS_PER_S));
    assert_false(credentials_remember(c, "y:" PASSWORD "x", 20 * NS_PER_S));
    credentials_unref(credentials_ref(c));
    assert_true(credentials_remember(c, pair, 20 * NS_PER_S));
    credentials_unref(c);
    credentials_unref(NULL);
}

static void comparing(void **state)
{
    (void)state;
    uint8_t a[64] = { 0 };
    uint8_t b[64] = { 0 };
    assert_true(credentials_same(a, b, sizeof(a)));
    assert_true(credentials_same(a, b, 0));
    for (size_t i = 0; i < sizeof(a); i++) {
        for (int bit = 0; bit < 8; bit++) {
            b[i] = (uint8_t)(1U << bit);
            assert_false(credentials_same(a, b, sizeof(a)));
            assert_true(credentials_same(a, b, i));
        }
        b[i] = 0;
    }
}

static int set_up(void **state)
{
    (void)state;
    folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/f", folder); // fits
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hash_that_is_good),
        cmocka_unit_test(every_line_that_is_bad),
        cmocka_unit_test(tokens_with_and_without_names),
        cmocka_unit_test(bounds_of_the_files),
        cmocka_unit_test(what_is_right_is_remembered_for_a_while),
        cmocka_unit_test(comparing),
    };
    return cmocka_run_group_tests_name("web/credentials", tests, set_up, tear_down);
}
