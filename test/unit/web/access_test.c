// SPDX-License-Identifier: Apache-2.0
/* Who may ask: addresses, Host, Origin, passwords and tokens, guessing, new files. */
#include "web/access.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "../folder.h"
#include "../unit.h"
#include "base/base64.h"
#include "base/clock.h"

/// htpasswd -B -C 4: "geheim ü:x"
#define HASH "$2y$04$abcdefghijklmnopqrstuuDCOWdaNUqS5fxgr4SfRz9KunwIVTsBW"
#define PAIR "eve:geheim \xc3\xbc:x"
#define TOKEN "0123456789abcdef"

static char folder[FOLDER_SIZE];
static char passwords[FOLDER_SIZE + 8];
static char tokens[FOLDER_SIZE + 8];

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static struct access *open_access(const char *addr, const char *password_file,
                                  const char *token_file, const char *hosts)
{
    const struct access_settings s = {
        .addr = addr, .password_file = password_file, .token_file = token_file, .hosts = hosts
    };
    struct err err = { 0 };
    struct access *a = NULL;
    if (access_open(&s, &a, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return a;
}

static void basic(const char *pair, struct buf *out)
{
    buf_clear(out);
    buf_append_text(out, "Basic ");
    base64_encode(pair, strlen(pair), out);
}

/// The status, 200 when it may go on.
static unsigned judge(struct access *a, const struct access_claim *claim,
                      struct server_response *response)
{
    *response = (struct server_response){ .status = 200 };
    buf_init(&response->body, 4096);
    bool may = access_judge(a, claim, response);
    assert_int_equal(may, response->status == 200);
    assert_int_equal(may, response->body.size == 0);
    buf_release(&response->body);
    return response->status;
}

static unsigned status_of(struct access *a, const struct access_claim *claim)
{
    struct server_response response;
    return judge(a, claim, &response);
}

static struct access_claim claim_of(const char *peer)
{
    struct access_claim claim = { .method = "GET", .host = "127.0.0.1:8080" };
    assert_int_equal(addr_parse(peer, &claim.peer), 0);
    return claim;
}

static void other_addresses_need_passwords(void **state)
{
    (void)state;
    static const char *const OUT[] = { ":8080", "0.0.0.0:8080", "[::]:8080", "192.0.2.1:80" };
    for (size_t i = 0; i < sizeof(OUT) / sizeof(OUT[0]); i++) {
        const struct access_settings s = {
            .addr = OUT[i], .password_file = "", .token_file = "", .hosts = ""
        };
        struct err err = { 0 };
        struct access *a = NULL;
        assert_int_equal(access_open(&s, &a, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "-web.password_file"));
        assert_non_null(strstr(err.text, OUT[i]));
        access_free(open_access(OUT[i], passwords, "", ""));
        access_free(open_access(OUT[i], "", tokens, ""));
    }
    access_free(open_access("127.0.0.1:8080", "", "", ""));
    access_free(open_access("[::1]:8080", "", "", ""));
    access_free(NULL);
}

static void files_that_others_can_read_are_refused(void **state)
{
    (void)state;
    const struct access_settings s = {
        .addr = "127.0.0.1:1", .password_file = "", .token_file = tokens, .hosts = ""
    };
    struct err err = { 0 };
    struct access *a = NULL;
    write_file(tokens, TOKEN, 0644);
    assert_int_equal(access_open(&s, &a, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "-web.token_file: everybody on this machine"));
    write_file(tokens, TOKEN, 0600);
}

static void hosts_on_loopback(void **state)
{
    (void)state;
    struct access *a = open_access("127.0.0.1:8080", "", "", "flows.example, Two.Example");
    char own[300] = "";
    assert_int_equal(gethostname(own, sizeof(own) - 1), 0);
    const char *const ours[] = { "localhost",     "LocalHost:80",     "localhost.:8080",
                                 "127.0.0.1",     "127.0.0.1:8080",   "127.0.0.2:1",
                                 "[::1]",         "[::1]:8080",       "flows.example",
                                 "two.example:1", "FLOWS.EXAMPLE.:2", own };
    static const char *const OTHERS[] = { "evil.example",
                                          "evil.example:8080",
                                          "",
                                          ":8080",
                                          "[::1",
                                          "[::1]x",
                                          "::1",
                                          "10.0.0.1",
                                          "127.0.0.1.evil.example",
                                          "localhost.evil.example",
                                          "flows.example.evil",
                                          "flows",
                                          "example, two",
                                          "[]",
                                          "." };
    struct access_claim claim = claim_of("127.0.0.1");
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        claim.host = ours[i];
        assert_int_equal(status_of(a, &claim), 200);
    }
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        claim.host = OTHERS[i];
        assert_int_equal(status_of(a, &claim), 421);
    }
    claim.host = NULL; // HTTP/1.0
    assert_int_equal(status_of(a, &claim), 200);
    access_free(a);
    a = open_access("0.0.0.0:8080", "", tokens, ""); // there the token is what counts
    claim.host = "any.example";
    claim.authorization = "Bearer " TOKEN;
    assert_int_equal(status_of(a, &claim), 200);
    access_free(a);
}

static void changes_want_a_page_of_ours(void **state)
{
    (void)state;
    struct access *a = open_access("127.0.0.1:8080", "", "", "");
    struct access_claim claim = claim_of("127.0.0.1");
    claim.method = "POST";
    assert_int_equal(status_of(a, &claim), 200); // no browser
    claim.origin = "http://127.0.0.1:8080";
    assert_int_equal(status_of(a, &claim), 200);
    static const char *const OTHERS[] = { "http://evil.example", "null", "http://127.0.0.1:9999",
                                          "http://127.0.0.1:8080.evil.example", "" };
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        claim.origin = OTHERS[i];
        claim.method = "POST";
        assert_int_equal(status_of(a, &claim), 403);
        claim.method = "DELETE";
        assert_int_equal(status_of(a, &claim), 403);
        claim.method = "GET";
        assert_int_equal(status_of(a, &claim), 200);
    }
    claim.method = "PUT";
    claim.origin = "http://127.0.0.1:8080";
    claim.fetch_site = "cross-site";
    assert_int_equal(status_of(a, &claim), 403);
    claim.fetch_site = "same-site";
    assert_int_equal(status_of(a, &claim), 403);
    claim.fetch_site = "same-origin";
    assert_int_equal(status_of(a, &claim), 200);
    claim.fetch_site = "none";
    assert_int_equal(status_of(a, &claim), 200);
    access_free(a);
}

static void passwords_and_tokens(void **state)
{
    (void)state;
    struct access *a = open_access("0.0.0.0:8080", passwords, tokens, "");
    struct access_claim claim = claim_of("192.0.2.1");
    struct server_response response;
    struct buf right;
    struct buf wrong;
    buf_init(&right, 4096);
    buf_init(&wrong, 4096);
    basic(PAIR, &right);
    basic("eve:wrong", &wrong);
    assert_int_equal(judge(a, &claim, &response), 401); // at once, and it is no guess
    assert_int_equal(response.header_count, 2);
    assert_string_equal(response.headers[0].name, "WWW-Authenticate");
    const char *const good[] = { buf_text(&right), "Bearer " TOKEN, "bearer  " TOKEN };
    const char *const bad[] = { buf_text(&wrong), "Bearer x", "Basic !",
                                "Digest " TOKEN,  "Basic",    "" };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        claim.authorization = good[i];
        assert_int_equal(status_of(a, &claim), 200);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t begin_ns = clock_mono_ns();
        claim.authorization = bad[i];
        assert_int_equal(status_of(a, &claim), 401);
        assert_true(clock_mono_ns() - begin_ns > 400 * NS_PER_MS);
    }
    struct buf large;
    buf_init(&large, 64 << 10);
    static char text[4000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    basic(text, &large);
    claim.authorization = buf_text(&large);
    assert_int_equal(status_of(a, &claim), 401);
    buf_release(&large);
    buf_release(&right);
    buf_release(&wrong);
    access_free(a);
}

static void guessing_comes_to_an_end(void **state)
{
    (void)state;
    struct access *a = open_access("0.0.0.0:8080", passwords, tokens, "");
    struct access_claim claim = claim_of("192.0.2.1");
    struct server_response response;
    struct buf right;
    buf_init(&right, 4096);
    basic(PAIR, &right);
    claim.authorization = "Bearer wrong";
    unsigned status = 0;
    int guesses = 0;
    for (; guesses < 40 && (status = judge(a, &claim, &response)) == 401; guesses++) {
    }
    assert_int_equal(status, 429);
    assert_true(guesses >= 10 && guesses <= 12);
    assert_string_equal(response.headers[0].name, "Retry-After");
    claim.authorization = buf_text(&right);
    assert_int_equal(status_of(a, &claim), 429); // a right guess could be told by it
    claim.authorization = "Bearer " TOKEN;
    assert_int_equal(status_of(a, &claim), 200);
    struct access_claim other = claim_of("192.0.2.2");
    other.authorization = buf_text(&right);
    assert_int_equal(status_of(a, &other), 200);
    claim.authorization = buf_text(&right);
    assert_int_equal(status_of(a, &claim), 200); // it is known by now
    buf_release(&right);
    access_free(a);
}

struct crowd {
    struct access *access;
    const char *authorization;
    _Atomic unsigned counts[600];
};

static void *ask_once(void *context)
{
    struct crowd *c = context;
    struct access_claim claim = claim_of("192.0.2.7");
    claim.authorization = c->authorization;
    atomic_fetch_add(&c->counts[status_of(c->access, &claim)], 1);
    return NULL;
}

static void ask_in_a_crowd(struct crowd *c)
{
    enum { CLIENTS = 50 };
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_once, c), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void a_crowd(void **state)
{
    (void)state;
    static struct crowd right;
    static struct crowd wrong;
    struct access *a = open_access("0.0.0.0:8080", passwords, tokens, "");
    struct buf text;
    buf_init(&text, 4096);
    basic(PAIR, &text);
    right.access = wrong.access = a;
    right.authorization = buf_text(&text);
    wrong.authorization = "Bearer wrong";
    ask_in_a_crowd(&right);
    assert_int_equal(right.counts[200], 50); // none of them was a guess too many
    ask_in_a_crowd(&wrong);
    assert_int_equal(wrong.counts[401] + wrong.counts[429], 50);
    assert_true(wrong.counts[429] >= 38);
    buf_release(&text);
    access_free(a);
}

static void new_files(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct access *a = open_access("0.0.0.0:8080", "", tokens, "");
    struct access_claim claim = claim_of("192.0.2.1");
    claim.authorization = "Bearer " TOKEN;
    assert_int_equal(status_of(a, &claim), 200);
    write_file(tokens, "short", 0600);
    assert_int_equal(access_reload(a, &err), ERR_INVALID);
    assert_int_equal(status_of(a, &claim), 200); // the old ones stay
    write_file(tokens, "fedcba9876543210", 0600);
    assert_int_equal(access_reload(a, &err), 0);
    assert_int_equal(status_of(a, &claim), 401);
    claim.authorization = "Bearer fedcba9876543210";
    assert_int_equal(status_of(a, &claim), 200);
    write_file(tokens, TOKEN, 0600);
    access_free(a);
    a = open_access("127.0.0.1:8080", "", "", "");
    assert_int_equal(access_reload(a, &err), 0);
    access_free(a);
}

static void open_paths_and_the_local_socket(void **state)
{
    (void)state;
    struct access *a = open_access("0.0.0.0:8080", passwords, "", "");
    struct server_response response = { .status = 200 };
    struct server_request request = { .method = "POST", .path = "/metrics" };
    assert_true(access_allows(a, &request, true, &response));
    request.is_local = true;
    assert_true(access_allows(a, &request, false, &response));
    assert_int_equal(response.status, 200);
    access_free(a);
}

static int set_up(void **state)
{
    (void)state;
    folder_make(folder);
    (void)snprintf(passwords, sizeof(passwords), "%s/p", folder); // fits
    (void)snprintf(tokens, sizeof(tokens), "%s/t", folder);       // likewise
    write_file(passwords, "eve:" HASH "\n", 0600);
    write_file(tokens, "grafana:" TOKEN "\n", 0600);
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
        cmocka_unit_test(other_addresses_need_passwords),
        cmocka_unit_test(files_that_others_can_read_are_refused),
        cmocka_unit_test(hosts_on_loopback),
        cmocka_unit_test(changes_want_a_page_of_ours),
        cmocka_unit_test(passwords_and_tokens),
        cmocka_unit_test(guessing_comes_to_an_end),
        cmocka_unit_test(a_crowd),
        cmocka_unit_test(new_files),
        cmocka_unit_test(open_paths_and_the_local_socket),
    };
    return cmocka_run_group_tests_name("web/access", tests, set_up, tear_down);
}
