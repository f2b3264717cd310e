// SPDX-License-Identifier: Apache-2.0
/*
 * What sessions share: the nodes, the secret as it was last read, and what the server is. One lock
 * for the latter two; a session copies the secret under it before it sends, so that a new one may
 * come at any time.
 */
#include "cluster/cluster.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/endpoints.h"
#include "cluster/http.h"
#include "cluster/identify.h"
#include "cluster/pin.h"
#include "cluster/secret.h"

struct cluster {
    struct cluster_settings settings;
    struct endpoints *nodes;
    struct buf urls;
    bool pinned;
    uint8_t fingerprint[PIN_SIZE];
    pthread_mutex_t lock; ///< for what follows
    char *authorization;  ///< NULL: none
    bool known;           ///< info is what the server said
    struct cluster_info info;
};

struct cluster_session {
    struct cluster *cluster;
    struct http *http;
    char *authorization; ///< as it was sent last
};

// --- Setting up ----------------------------------------------------------------------------------

static int check_files(const struct cluster_settings *s, struct err *err)
{
    if (s->ca[0] != '\0' && pin_check_ca(s->ca, err) != 0) {
        return err->status;
    }
    if (s->cert[0] == '\0') {
        return 0;
    }
    int status = secret_check_file("key", s->key, err);
    return status == 0 ? pin_check_pair(s->cert, s->key, err) : status;
}

static int read_settings(struct cluster *c, struct err *err)
{
    const struct cluster_settings *s = &c->settings;
    if (s->product[0] != '\0' && !identify_product(s->product, &c->info.product)) {
        return err_set(err, ERR_INVALID,
                       "-transport.elasticsearch.product \"%.50s\": expected elasticsearch, "
                       "serverless or opensearch",
                       s->product);
    }
    c->pinned = s->ca_fingerprint[0] != '\0';
    if (c->pinned && pin_parse(s->ca_fingerprint, c->fingerprint, err) != 0) {
        return err->status;
    }
    if (check_files(s, err) != 0 || endpoints_new(s->urls, s->cloud_id, &c->nodes, err) != 0) {
        return err->status;
    }
    for (size_t i = 0; i < endpoints_count(c->nodes); i++) {
        buf_printf(&c->urls, "%s%s", i == 0 ? "" : ", ", endpoints_url(c->nodes, i));
    }
    return secret_read(s, &c->authorization, err);
}

int cluster_new(const struct cluster_settings *settings, struct cluster **ret_cluster,
                struct err *err)
{
    struct cluster *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    c->settings = *settings;
    CHECK(pthread_mutex_init(&c->lock, NULL) == 0);
    buf_init(&c->urls, SIZE_MAX);
    int status = read_settings(c, err);
    if (status != 0) {
        cluster_free(c);
        return status;
    }
    (void)buf_text(&c->urls); // from now on only read
    *ret_cluster = c;
    return 0;
}

void cluster_free(struct cluster *c)
{
    if (c == NULL) {
        return;
    }
    endpoints_free(c->nodes);
    secret_free(c->authorization);
    buf_release(&c->urls);
    CHECK(pthread_mutex_destroy(&c->lock) == 0);
    mem_free(c);
}

const char *cluster_urls(const struct cluster *c)
{
    return (const char *)c->urls.data;
}

size_t cluster_node_count(const struct cluster *c)
{
    return endpoints_count(c->nodes);
}

bool cluster_is_resting(struct cluster *c, uint64_t *ret_wait_ms)
{
    return endpoints_resting(c->nodes, clock_mono_ns(), ret_wait_ms);
}

void cluster_reply_init(struct cluster_reply *reply)
{
    *reply = (struct cluster_reply){ 0 };
    buf_init(&reply->body, CLUSTER_REPLY_SIZE_MAX);
}

void cluster_reply_release(struct cluster_reply *reply)
{
    buf_release(&reply->body);
}

// --- The secret ----------------------------------------------------------------------------------

static void lock(struct cluster *c)
{
    CHECK(pthread_mutex_lock(&c->lock) == 0);
}

static void unlock(struct cluster *c)
{
    CHECK(pthread_mutex_unlock(&c->lock) == 0);
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

void cluster_reload(struct cluster *c)
{
    struct err err;
    char *fresh;
    if (secret_read(&c->settings, &fresh, &err) != 0) {
        log_with(LOG_LEVEL_ERROR, "secret not read again", NULL, LOG_TEXT("error", err.text));
        return;
    }
    lock(c);
    char *old = c->authorization;
    c->authorization = fresh;
    unlock(c);
    secret_free(old);
}

/// Takes the secret as it is now for the session. False when memory is out.
static bool take_secret(struct cluster_session *s)
{
    struct cluster *c = s->cluster;
    lock(c);
    char *copy = NULL;
    bool same = is_same(c->authorization, s->authorization);
    if (!same && c->authorization != NULL) {
        copy = mem_strdup(c->authorization);
    }
    bool ok = same || c->authorization == NULL || copy != NULL;
    unlock(c);
    if (!same && ok) {
        secret_free(s->authorization);
        s->authorization = copy;
    }
    return ok;
}

/// Whether there is another secret now than the one that the server did not take.
static bool has_new_secret(struct cluster_session *s)
{
    cluster_reload(s->cluster);
    lock(s->cluster);
    bool same = is_same(s->cluster->authorization, s->authorization);
    unlock(s->cluster);
    return !same;
}

// --- Requests ------------------------------------------------------------------------------------

int cluster_session_new(struct cluster *c, struct cluster_session **ret_session)
{
    struct cluster_session *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return ERR_NO_MEMORY;
    }
    const struct http_settings settings = {
        .ca = c->settings.ca,
        .cert = c->settings.cert,
        .key = c->settings.key,
        .fingerprint = c->pinned ? c->fingerprint : NULL,
        .insecure = c->settings.insecure,
        .timeout_ns = c->settings.timeout_ns,
        .agent = c->settings.agent,
    };
    s->cluster = c;
    if (http_new(&settings, &s->http) != 0) {
        cluster_session_free(s);
        return ERR_NO_MEMORY;
    }
    *ret_session = s;
    return 0;
}

void cluster_session_free(struct cluster_session *s)
{
    if (s == NULL) {
        return;
    }
    http_free(s->http);
    secret_free(s->authorization);
    mem_free(s);
}

void cluster_session_abort(struct cluster_session *s)
{
    http_abort(s->http);
}

/// Of several nodes one that is gone would not be seen otherwise: the others do its work.
static void note_rest(const struct cluster *c, const struct cluster_reply *reply)
{
    struct buf why;
    buf_init(&why, CLUSTER_EXPLAIN_SIZE_MAX);
    if (endpoints_count(c->nodes) > 1) {
        cluster_explain(reply, &why);
        log_with(LOG_LEVEL_WARN, "node rests", NULL, LOG_TEXT("error", buf_text(&why)));
    }
    buf_release(&why);
}

/// Whether the node has to rest now, by how it answered.
static void judge(struct cluster *c, size_t node, const struct cluster_reply *reply)
{
    unsigned status = reply->status;
    if (status != 0 && status != 502 && status != 503 && status != 504) {
        if (endpoints_answered(c->nodes, node) && endpoints_count(c->nodes) > 1) {
            log_with(LOG_LEVEL_INFO, "node is back", NULL,
                     LOG_TEXT("url", endpoints_url(c->nodes, node)));
        }
        return;
    }
    uint32_t dice;
    if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) != (ssize_t)sizeof(dice)) {
        dice = 0; // the longest rest
    }
    if (endpoints_failed(c->nodes, node, clock_mono_ns(), dice)) {
        note_rest(c, reply);
    }
}

static int send_once(struct cluster_session *s, const char *url,
                     const struct cluster_request *request, struct cluster_reply *reply)
{
    if (!take_secret(s)) {
        (void)snprintf(reply->problem, sizeof(reply->problem), "out of memory"); // fits
        reply->status = 0;
        return ERR_IO;
    }
    return http_perform(s->http, url, request, s->authorization, reply);
}

int cluster_request(struct cluster_session *s, const struct cluster_request *request,
                    struct cluster_reply *reply)
{
    struct cluster *c = s->cluster;
    bool to_node = request->base_url == NULL;
    size_t node = to_node ? endpoints_pick(c->nodes, clock_mono_ns()) : 0;
    const char *url = to_node ? endpoints_url(c->nodes, node) : request->base_url;
    reply->url = url;
    int status = send_once(s, url, request, reply);
    if (status == 0 && reply->status == 401 && has_new_secret(s)) {
        status = send_once(s, url, request, reply);
    }
    if (to_node && !http_is_aborted(s->http)) {
        judge(c, node, reply);
    }
    return status;
}

// --- What it is ----------------------------------------------------------------------------------

/// The answer to GET /, read. ERR_IO for one that will be another one soon.
static int read_answer(struct cluster *c, const struct cluster_reply *reply,
                       struct cluster_info *ret_info, struct err *err)
{
    unsigned status = reply->status;
    if (status == 401 || status == 429 || status >= 500 || (status >= 300 && status < 400)) {
        struct buf why;
        buf_init(&why, CLUSTER_EXPLAIN_SIZE_MAX);
        cluster_explain(reply, &why);
        int kind = status == 429 || status >= 500 ? ERR_IO : ERR_INVALID;
        bool has_url = reply->problem[0] != '\0'; // its words begin with it
        (void)err_set(err, kind, "%s%s%s", has_url ? "" : reply->url, has_url ? "" : ": ",
                      buf_text(&why));
        buf_release(&why);
        return kind;
    }
    *ret_info = (struct cluster_info){ .product = CLUSTER_UNKNOWN };
    if (status == 200) {
        *ret_info = identify_parse(reply->body.data, reply->body.size);
    }
    if (c->settings.product[0] != '\0') {
        CHECK(identify_product(c->settings.product, &ret_info->product)); // cluster_new() saw to it
    }
    return 0;
}

static int ask(struct cluster_session *s, struct cluster_info *ret_info, struct err *err)
{
    const struct cluster_request request = { .method = "GET", .path = "/" };
    struct cluster_reply reply;
    cluster_reply_init(&reply);
    int status = cluster_request(s, &request, &reply) != 0
                     ? err_set(err, ERR_IO, "%s", reply.problem)
                     : read_answer(s->cluster, &reply, ret_info, err);
    cluster_reply_release(&reply);
    return status;
}

int cluster_identify(struct cluster_session *s, struct cluster_info *ret_info, struct err *err)
{
    struct cluster *c = s->cluster;
    lock(c);
    bool known = c->known;
    struct cluster_info info = c->info;
    unlock(c);
    if (!known) {
        int status = ask(s, &info, err); // without the lock: it may take a minute
        if (status != 0) {
            return status;
        }
        lock(c);
        c->known = true;
        c->info = info;
        unlock(c);
    }
    *ret_info = info;
    return 0;
}
