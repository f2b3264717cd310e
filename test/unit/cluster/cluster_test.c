// SPDX-License-Identifier: Apache-2.0
/* Which answers make a node rest, what is asked again, and many threads at the same time. */
#include "cluster/cluster.h"

#include <fcntl.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"

#include "../unit.h"
#include "tiny_server.h"

static struct cluster_settings settings_for(const char *urls)
{
    return (struct cluster_settings){ .urls = urls,
                                      .cloud_id = "",
                                      .product = "",
                                      .api_key_file = "",
                                      .api_key = "",
                                      .user = "",
                                      .password_file = "",
                                      .password = "",
                                      .token_file = "",
                                      .token = "",
                                      .ca = "",
                                      .ca_fingerprint = "",
                                      .cert = "",
                                      .key = "",
                                      .timeout_ns = 5 * NS_PER_S,
                                      .agent = "weir/test" };
}

struct rig {
    struct server *server;
    struct cluster *cluster;
    struct cluster_session *session;
    struct cluster_reply reply;
    char url[64];
};

static void connect_to(struct rig *r, const struct cluster_settings *settings)
{
    struct err err = { 0 };
    if (cluster_new(settings, &r->cluster, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(cluster_session_new(r->cluster, &r->session), 0);
    cluster_reply_init(&r->reply);
}

static void set_up(struct rig *r, const struct answer *answers, size_t count, const char *product)
{
    r->server = start(answers, count);
    (void)snprintf(r->url, sizeof(r->url), "http://127.0.0.1:%u", r->server->port);
    struct cluster_settings settings = settings_for(r->url);
    settings.product = product;
    connect_to(r, &settings);
}

static void tear_down(struct rig *r)
{
    cluster_reply_release(&r->reply);
    cluster_session_free(r->session);
    cluster_free(r->cluster);
    stop(r->server);
}

static const struct cluster_request ROOT = { .method = "GET", .path = "/" };

static struct answer status(unsigned number)
{
    static char texts[ANSWERS_MAX][64];
    static size_t next;
    char *text = texts[next++ % ANSWERS_MAX];
    (void)snprintf(text, sizeof(texts[0]), "HTTP/1.1 %u X\r\nContent-Length: 0\r\n\r\n", number);
    return (struct answer){ .text = text };
}

static void only_a_node_that_is_not_there_rests(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        bool rests;
    } CASES[] = { { 200, false }, { 401, false }, { 403, false }, { 429, false }, { 500, false },
                  { 302, false }, { 502, true },  { 503, true },  { 504, true } };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct rig r;
        uint64_t wait_ms;
        struct answer answers[] = { status(CASES[i].status), status(200) };
        set_up(&r, answers, 2, "");
        assert_int_equal(cluster_request(r.session, &ROOT, &r.reply), 0);
        assert_int_equal(r.reply.status, CASES[i].status);
        assert_int_equal(cluster_is_resting(r.cluster, &wait_ms), CASES[i].rests);
        assert_true(CASES[i].rests ? wait_ms > 500 && wait_ms <= 1000 : wait_ms == 0);
        assert_string_equal(r.reply.url, r.url);
        assert_int_equal(cluster_request(r.session, &ROOT, &r.reply), 0); // who asks is served
        assert_false(cluster_is_resting(r.cluster, &wait_ms));
        tear_down(&r);
    }
}

static void elsewhere_is_no_node(void **state)
{
    (void)state;
    struct rig r;
    uint64_t wait_ms;
    struct answer ok = status(200);
    set_up(&r, &ok, 1, "");
    struct cluster_request q = { .method = "GET", .path = "/x", .base_url = "http://127.0.0.1:1" };
    assert_int_equal(cluster_request(r.session, &q, &r.reply), ERR_IO);
    assert_string_equal(r.reply.url, "http://127.0.0.1:1");
    assert_false(cluster_is_resting(r.cluster, &wait_ms));
    tear_down(&r);
}

#define INFO                                                                                       \
    "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"                                                \
    "{\"cluster_name\":\"c\",\"version\":{\"number\":\"8.1.2\"}}  "

static void the_product_is_asked_for_until_there_is_an_answer(void **state)
{
    (void)state;
    struct rig r;
    struct err err = { 0 };
    struct cluster_info info;
    struct answer answers[] = { status(503),
                                status(429),
                                status(401),
                                status(302),
                                { .text = "HTTP/1.1 200 OK\r\nX:", .close = true },
                                { .text = INFO } };
    set_up(&r, answers, 6, "");
    static const int WANT[] = { ERR_IO, ERR_IO, ERR_INVALID, ERR_INVALID, ERR_IO, 0, 0, 0 };
    for (size_t i = 0; i < sizeof(WANT) / sizeof(WANT[0]); i++) {
        err.text[0] = '\0';
        assert_int_equal(cluster_identify(r.session, &info, &err), WANT[i]);
        assert_int_equal(err.text[0] != '\0', WANT[i] != 0);
    }
    assert_int_equal(info.product, CLUSTER_ELASTICSEARCH);
    assert_string_equal(info.version, "8.1.2");
    assert_int_equal(r.server->request_count, 6); // known since then
    tear_down(&r);
}

static void what_is_set_counts_and_silence_is_an_answer(void **state)
{
    (void)state;
    struct rig r;
    struct err err = { 0 };
    struct cluster_info info;
    struct answer answers[] = { { .text = INFO } };
    set_up(&r, answers, 1, "opensearch");
    assert_int_equal(cluster_identify(r.session, &info, &err), 0);
    assert_int_equal(info.product, CLUSTER_OPENSEARCH);
    assert_int_equal(info.major, 8);
    tear_down(&r);
    static const unsigned SILENT[] = { 400, 403, 404, 405 };
    for (size_t i = 0; i < sizeof(SILENT) / sizeof(SILENT[0]); i++) {
        struct answer answer = status(SILENT[i]);
        set_up(&r, &answer, 1, "");
        assert_int_equal(cluster_identify(r.session, &info, &err), 0);
        assert_int_equal(cluster_identify(r.session, &info, &err), 0);
        assert_int_equal(info.product, CLUSTER_UNKNOWN);
        assert_int_equal(r.server->request_count, 1);
        tear_down(&r);
    }
}

static void wrong_settings_have_words(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct cluster *c;
    struct cluster_settings s = settings_for("http://a");
    s.product = "solr";
    assert_int_equal(cluster_new(&s, &c, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "solr"));
    s = settings_for("http://a");
    s.ca_fingerprint = "00";
    assert_int_equal(cluster_new(&s, &c, &err), ERR_INVALID);
    s = settings_for("http://a");
    s.ca = "/nowhere";
    assert_int_equal(cluster_new(&s, &c, &err), ERR_IO);
    s = settings_for("a");
    assert_int_equal(cluster_new(&s, &c, &err), ERR_INVALID);
    s = settings_for("http://a , https://b:1/x/");
    assert_int_equal(cluster_new(&s, &c, &err), 0);
    assert_string_equal(cluster_urls(c), "http://a:9200, https://b:1/x");
    assert_int_equal(cluster_node_count(c), 2);
    cluster_free(c);
}

// --- Many threads --------------------------------------------------------------------------------

struct crowd {
    struct cluster *cluster;
    const char *path;
    atomic_bool over;
};

static void write_token(const char *path, unsigned number)
{
    char text[32];
    char next[80];
    (void)snprintf(text, sizeof(text), "token-%u\n", number);
    (void)snprintf(next, sizeof(next), "%s.next", path);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
    assert_int_equal(rename(next, path), 0);
}

static void *ask_often(void *context)
{
    struct crowd *crowd = context;
    struct cluster_session *s;
    struct cluster_reply reply;
    uint64_t wait_ms;
    CHECK(cluster_session_new(crowd->cluster, &s) == 0);
    cluster_reply_init(&reply);
    for (size_t i = 0; i < 50; i++) {
        CHECK(cluster_request(s, &ROOT, &reply) == ERR_IO);
        CHECK(strstr(reply.problem, "refused") != NULL);
        (void)cluster_is_resting(crowd->cluster, &wait_ms); // only that it may be asked
    }
    cluster_session_abort(s);
    CHECK(cluster_request(s, &ROOT, &reply) == ERR_IO);
    cluster_reply_release(&reply);
    cluster_session_free(s);
    return NULL;
}

static void *reload_often(void *context)
{
    struct crowd *crowd = context;
    for (unsigned i = 0; !atomic_load(&crowd->over); i++) {
        write_token(crowd->path, i);
        cluster_reload(crowd->cluster);
    }
    return NULL;
}

static void threads_do_not_meet(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    char path[64];
    struct err err = { 0 };
    struct crowd crowd = { .path = path };
    pthread_t threads[THREADS + 1];
    (void)snprintf(path, sizeof(path), "/tmp/weir-cluster-%d", (int)getpid());
    write_token(path, 0);
    struct cluster_settings settings = settings_for("http://127.0.0.1:1,http://127.0.0.1:2");
    settings.token_file = path;
    log_set_up(LOG_LEVEL_ERROR, false);
    assert_int_equal(cluster_new(&settings, &crowd.cluster, &err), 0);
    assert_int_equal(pthread_create(&threads[THREADS], NULL, reload_often, &crowd), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &crowd), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    atomic_store(&crowd.over, true);
    assert_int_equal(pthread_join(threads[THREADS], NULL), 0);
    cluster_free(crowd.cluster);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_node_that_is_not_there_rests),
        cmocka_unit_test(elsewhere_is_no_node),
        cmocka_unit_test(the_product_is_asked_for_until_there_is_an_answer),
        cmocka_unit_test(what_is_set_counts_and_silence_is_an_answer),
        cmocka_unit_test(wrong_settings_have_words),
        cmocka_unit_test(threads_do_not_meet),
    };
    return UNIT_MAIN("cluster/cluster", tests);
}
