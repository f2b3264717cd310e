// SPDX-License-Identifier: Apache-2.0
/* One connection, and what may go wrong on it. */
#include "cluster/http.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"

#include "../unit.h"
#include "tiny_server.h"

// --- A client and a server -----------------------------------------------------------------------

struct rig {
    struct server *server;
    struct http *http;
    struct cluster_reply reply;
    char url[64];
};

static struct rig set_up(const struct answer *answers, size_t count, uint64_t timeout_ms)
{
    const struct http_settings settings = {
        .ca = "", .cert = "", .key = "", .timeout_ns = timeout_ms * NS_PER_MS, .agent = "weir/test"
    };
    struct rig r = { .server = start(answers, count) };
    assert_int_equal(http_new(&settings, &r.http), 0);
    cluster_reply_init(&r.reply);
    (void)snprintf(r.url, sizeof(r.url), "http://127.0.0.1:%u", r.server->port);
    return r;
}

static void tear_down(struct rig *r)
{
    cluster_reply_release(&r->reply);
    http_free(r->http);
    stop(r->server);
}

#define SET_UP(timeout_ms, ...)                                                                    \
    set_up((const struct answer[]){ __VA_ARGS__ },                                                 \
           sizeof((const struct answer[]){ __VA_ARGS__ }) / sizeof(struct answer), (timeout_ms))

static int get(struct rig *r)
{
    const struct cluster_request request = { .method = "GET", .path = "/x?y=1" };
    return http_perform(r->http, r->url, &request, NULL, &r->reply);
}

static bool asked(const struct rig *r, const char *text)
{
    return asked_for(r->server, text, strlen(text));
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"

static void an_answer_and_the_next_on_the_same_connection(void **state)
{
    (void)state;
    struct rig r = SET_UP(5000, { .text = OK_HEAD "\r\n{}" },
                          { .text = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" });
    assert_int_equal(get(&r), 0);
    assert_int_equal(r.reply.status, 200);
    assert_string_equal(buf_text(&r.reply.body), "{}");
    assert_string_equal(r.reply.problem, "");
    assert_true(r.reply.took_ns > 0);
    assert_true(r.reply.took_ns < 5 * NS_PER_S);
    assert_true(r.reply.sent);
    assert_int_equal(get(&r), 0);
    assert_int_equal(r.reply.status, 404);
    assert_int_equal(r.reply.body.size, 0); // nothing of the last one
    assert_int_equal(r.server->connection_count, 1);
    assert_true(asked(&r, "GET /x?y=1 HTTP/1.1\r\n"));
    assert_true(asked(&r, "\r\nUser-Agent: weir/test\r\n"));
    assert_false(asked(&r, "Content-Type"));
    assert_false(asked(&r, "Content-Length"));
    tear_down(&r);
}

static void bodies_and_headers_go_out(void **state)
{
    (void)state;
    enum { LARGE = 3 << 20 };
    struct answer ok = { .text = OK_HEAD "\r\n{}" };
    struct rig r = SET_UP(5000, ok, ok, ok, ok, { .text = OK_HEAD "\r\n" }, ok);
    static const char *const MORE[] = { "kbn-xsrf: true", "X-Two: 2", NULL };
    uint8_t *large = test_malloc(LARGE);
    memset(large, 7, LARGE);
    struct cluster_request q = { .method = "POST",
                                 .path = "/_bulk",
                                 .content_type = "application/x-ndjson",
                                 .body = large,
                                 .body_size = LARGE,
                                 .gzipped = true,
                                 .headers = MORE };
    assert_int_equal(http_perform(r.http, r.url, &q, "ApiKey k", &r.reply), 0);
    assert_true(asked(&r, "POST /_bulk HTTP/1.1\r\n"));
    assert_true(asked(&r, "\r\nContent-Type: application/x-ndjson\r\n"));
    assert_true(asked(&r, "\r\nContent-Encoding: gzip\r\n"));
    assert_true(asked(&r, "\r\nAuthorization: ApiKey k\r\n"));
    assert_true(asked(&r, "\r\nkbn-xsrf: true\r\n"));
    assert_true(asked(&r, "\r\nX-Two: 2\r\n"));
    assert_false(asked(&r, "Expect"));
    assert_true(asked_for(r.server, large, LARGE));
    assert_true(r.reply.sent);
    test_free(large);
    q = (struct cluster_request){ .method = "PUT", .path = "/t", .body = "{}", .body_size = 2 };
    assert_int_equal(http_perform(r.http, r.url, &q, NULL, &r.reply), 0);
    assert_true(asked(&r, "PUT /t HTTP/1.1\r\n"));
    assert_true(asked(&r, "\r\nContent-Type: application/json\r\n"));
    assert_false(asked(&r, "Authorization")); // nothing is left of the last one
    assert_false(asked(&r, "gzip"));
    assert_false(asked(&r, "X-Two"));
    q = (struct cluster_request){ .method = "DELETE", .path = "/t" };
    assert_int_equal(http_perform(r.http, r.url, &q, NULL, &r.reply), 0);
    assert_true(asked(&r, "DELETE /t HTTP/1.1\r\n"));
    assert_false(asked(&r, "Content-Length"));
    q = (struct cluster_request){ .method = "POST", .path = "/t" };
    assert_int_equal(http_perform(r.http, r.url, &q, NULL, &r.reply), 0);
    assert_true(asked(&r, "POST /t HTTP/1.1\r\n"));
    assert_true(asked(&r, "\r\nContent-Length: 0\r\n"));
    q = (struct cluster_request){ .method = "HEAD", .path = "/t" };
    assert_int_equal(http_perform(r.http, r.url, &q, NULL, &r.reply), 0);
    assert_true(asked(&r, "HEAD /t HTTP/1.1\r\n"));
    assert_int_equal(r.reply.body.size, 0);
    assert_int_equal(get(&r), 0);
    assert_true(asked(&r, "GET /x?y=1 HTTP/1.1\r\n"));
    assert_string_equal(buf_text(&r.reply.body), "{}");
    tear_down(&r);
}

/// What the server's wish to wait comes to.
static uint64_t retry_after(const char *value)
{
    char text[200];
    (void)snprintf(text, sizeof(text),
                   "HTTP/1.1 429 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", value);
    struct rig r = SET_UP(5000, { .text = text });
    assert_int_equal(get(&r), 0);
    uint64_t ms = r.reply.retry_after_ms;
    tear_down(&r);
    return ms;
}

static void waiting_is_asked_for_in_seconds_or_by_a_date(void **state)
{
    (void)state;
    assert_int_equal(retry_after("5"), 5000);
    assert_int_equal(retry_after("0"), 0);
    assert_int_equal(retry_after("-5"), 0);
    assert_int_equal(retry_after("soon"), 0);
    assert_int_equal(retry_after("7200"), 3600 * 1000);
    assert_int_equal(retry_after("99999999999999999999"), 0);
    char date[64];
    time_t then = time(NULL) + 30;
    struct tm tm;
    assert_true(strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm)));
    assert_in_range(retry_after(date), 25000, 30000);
    assert_int_equal(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), 0);
}

static void redirects_are_named_and_not_followed(void **state)
{
    (void)state;
    struct rig r = SET_UP(
        5000,
        { .text = "HTTP/1.1 302 Found\r\nLocation: https://b.example.com/in?token=hunter2\r\n"
                  "Content-Length: 0\r\n\r\n" },
        { .text = "HTTP/1.1 301 Moved\r\nLocation: https://u:hunter2@b/\r\n"
                  "Content-Length: 0\r\n\r\n" },
        { .text = "HTTP/1.1 304 Same\r\n\r\n" });
    assert_int_equal(get(&r), 0);
    assert_int_equal(r.reply.status, 302);
    assert_non_null(strstr(r.reply.problem, "https://b.example.com/in,"));
    assert_null(strstr(r.reply.problem, "hunter2"));
    assert_int_equal(get(&r), 0);
    assert_int_equal(r.reply.status, 301);
    assert_null(strstr(r.reply.problem, "hunter2"));
    assert_int_equal(get(&r), 0);
    assert_int_equal(r.reply.status, 304);
    assert_int_equal(r.server->request_count, 3);
    tear_down(&r);
}

static void fails_with(struct rig *r, const char *words)
{
    assert_int_equal(get(r), ERR_IO);
    assert_int_equal(r->reply.status, 0);
    assert_int_equal(r->reply.body.size, 0);
    if (strstr(r->reply.problem, words) == NULL ||
        strncmp(r->reply.problem, r->url, strlen(r->url)) != 0) {
        fail_msg("%s", r->reply.problem);
    }
}

static void broken_answers_are_none(void **state)
{
    (void)state;
    struct rig r = SET_UP(
        5000, { .text = OK_HEAD "\r\n{", .close = true }, { .text = "", .close = true },
        { .text = "SSH-2.0-OpenSSH_9.2\r\n", .close = true },
        { .text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", .close = true },
        { .text = "HTTP/1.1 200 OK\r\nContent-Le", .close = true }, { .text = OK_HEAD "\r\n{}" });
    fails_with(&r, "the answer was cut off");
    assert_true(r.reply.sent);
    fails_with(&r, "closed the connection without an answer");
    assert_true(r.reply.sent);
    fails_with(&r, "does not speak HTTP");
    fails_with(&r, "");
    fails_with(&r, "");
    assert_int_equal(get(&r), 0); // and then all is well
    assert_string_equal(buf_text(&r.reply.body), "{}");
    tear_down(&r);
}

static void answers_have_a_bound(void **state)
{
    (void)state;
    struct answer large = { .text = "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n",
                            .flood = CLUSTER_REPLY_SIZE_MAX };
    struct answer larger = { .text = "HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n",
                             .flood = CLUSTER_REPLY_SIZE_MAX + 1 };
    struct rig r = SET_UP(50000, large, larger);
    assert_int_equal(get(&r), 0);
    assert_int_equal(r.reply.body.size, CLUSTER_REPLY_SIZE_MAX);
    fails_with(&r, "larger than 64 MB");
    tear_down(&r);
}

static void no_answer_in_time(void **state)
{
    (void)state;
    struct rig r = SET_UP(300, { .text = NULL }, { .text = OK_HEAD "\r\n{" });
    uint64_t begin = clock_mono_ns();
    fails_with(&r, "no answer after 0.3");
    assert_true(r.reply.sent);
    assert_in_range((clock_mono_ns() - begin) / NS_PER_MS, 290, 3000);
    fails_with(&r, "no answer after 0.3");
    tear_down(&r);
}

static void nobody_there(void **state)
{
    (void)state;
    struct rig r = SET_UP(2000, { .text = OK_HEAD "\r\n{}" });
    (void)snprintf(r.url, sizeof(r.url), "http://127.0.0.1:1");
    fails_with(&r, "Connection refused");
    assert_false(r.reply.sent);
    (void)snprintf(r.url, sizeof(r.url), "http://nobody.invalid:1");
    fails_with(&r, "no such host");
    assert_false(r.reply.sent);
    (void)snprintf(r.url, sizeof(r.url), "https://127.0.0.1:%u", r.server->port);
    assert_int_equal(get(&r), ERR_IO);
    if (strstr(r.reply.problem, "no TLS after 2 s; is it http://?") == NULL) {
        fail_msg("%s", r.reply.problem);
    }
    assert_false(r.reply.sent);
    tear_down(&r);
}

static void *abort_soon(void *context)
{
    struct timespec t = { .tv_nsec = 300 * NS_PER_MS };
    (void)nanosleep(&t, NULL);
    http_abort(context);
    return NULL;
}

static void aborting_ends_a_request_at_once_and_all_to_come(void **state)
{
    (void)state;
    struct rig r = SET_UP(60000, { .text = NULL });
    pthread_t thread;
    uint64_t begin = clock_mono_ns();
    assert_int_equal(pthread_create(&thread, NULL, abort_soon, r.http), 0);
    fails_with(&r, "weir ends");
    assert_in_range((clock_mono_ns() - begin) / NS_PER_MS, 290, 500);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(http_is_aborted(r.http));
    begin = clock_mono_ns();
    fails_with(&r, "weir ends");
    assert_in_range((clock_mono_ns() - begin) / NS_PER_MS, 0, 100);
    tear_down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_and_the_next_on_the_same_connection),
        cmocka_unit_test(bodies_and_headers_go_out),
        cmocka_unit_test(waiting_is_asked_for_in_seconds_or_by_a_date),
        cmocka_unit_test(redirects_are_named_and_not_followed),
        cmocka_unit_test(broken_answers_are_none),
        cmocka_unit_test(answers_have_a_bound),
        cmocka_unit_test(no_answer_in_time),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(aborting_ends_a_request_at_once_and_all_to_come),
    };
    return UNIT_MAIN("cluster/http", tests);
}
