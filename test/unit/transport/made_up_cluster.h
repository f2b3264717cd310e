// SPDX-License-Identifier: Apache-2.0
/*
 * A cluster that is made up, in place of src/cluster: it keeps what it was sent and answers as each
 * test wants. To be included in one file of a test program.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "../unit.h"
#include "base/clock.h"
#include "base/status.h"
#include "cluster/cluster.h"

enum { DOCUMENTS_MAX = 200, BODY_SIZE_MAX = 1 << 20 };

/// What it says to a bulk request of `count` documents.
typedef void answer_fn(const char *body, size_t count, struct cluster_reply *reply);

static struct {
    pthread_mutex_t mutex; ///< several couriers may come at once
    answer_fn *_Atomic answer;
    struct cluster_info info;
    int identify_status;
    unsigned stream_status;  ///< GET /_data_stream/NAME
    const char *simulated;   ///< POST /_index_template/_simulate_index/NAME
    unsigned bulk_count;     ///< requests
    unsigned document_count; ///< in all of them
    char path[1000];         ///< of the last bulk request
    char body[BODY_SIZE_MAX];
} server;

const char *cluster_product_text(enum cluster_product product)
{
    return product == CLUSTER_OPENSEARCH ? "opensearch" : "elasticsearch";
}

const char *cluster_urls(const struct cluster *c)
{
    (void)c;
    return "http://made.up:9200";
}

bool cluster_is_resting(struct cluster *c, uint64_t *ret_wait_ms)
{
    (void)c;
    *ret_wait_ms = 0;
    return false;
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

int cluster_session_new(struct cluster *c, struct cluster_session **ret_session)
{
    (void)c;
    *ret_session = NULL;
    return 0;
}

void cluster_session_free(struct cluster_session *s)
{
    (void)s;
}

void cluster_session_abort(struct cluster_session *s)
{
    (void)s;
}

int cluster_identify(struct cluster_session *s, struct cluster_info *ret_info, struct err *err)
{
    (void)s;
    *ret_info = server.info;
    return server.identify_status == 0 ? 0 : err_set(err, server.identify_status, "nobody there");
}

void cluster_explain(const struct cluster_reply *reply, struct buf *out)
{
    buf_printf(out, "said %u", reply->status);
    buf_append(out, reply->body.data, reply->body.size);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static int answer_request(const struct cluster_request *request, struct cluster_reply *reply)
{
    if (begins(request->path, "/_data_stream/")) {
        reply->status = server.stream_status;
        return 0;
    }
    if (begins(request->path, "/_index_template/")) {
        buf_append_text(&reply->body, server.simulated);
        return 0;
    }
    assert_true(begins(request->path, "/_bulk?"));
    assert_string_equal(request->content_type, "application/x-ndjson");
    assert_true(request->body_size < BODY_SIZE_MAX);
    (void)snprintf(server.path, sizeof(server.path), "%s", request->path);
    memcpy(server.body, request->body, request->body_size);
    server.body[request->body_size] = '\0';
    size_t count = 0;
    for (const char *c = server.body; (c = strchr(c, '\n')) != NULL; c++) {
        count++;
    }
    assert_int_equal(count % 2, 0);
    server.bulk_count++;
    server.document_count += (unsigned)count / 2;
    answer_fn *answer = atomic_load(&server.answer); // a call through it would not be atomic
    answer(server.body, count / 2, reply);
    return reply->status == 0 ? ERR_IO : 0;
}

int cluster_request(struct cluster_session *s, const struct cluster_request *request,
                    struct cluster_reply *reply)
{
    (void)s;
    buf_clear(&reply->body);
    reply->status = 200;
    reply->retry_after_ms = 0;
    reply->took_ns = NS_PER_MS;
    reply->sent = true;
    reply->problem[0] = '\0';
    CHECK(pthread_mutex_lock(&server.mutex) == 0);
    int status = answer_request(request, reply);
    CHECK(pthread_mutex_unlock(&server.mutex) == 0);
    return status;
}

static void server_reset(void)
{
    server.answer = NULL;
    server.identify_status = 0;
    server.stream_status = 200;
    server.simulated = "{}";
    server.info =
        (struct cluster_info){ .product = CLUSTER_ELASTICSEARCH, .major = 8, .minor = 19 };
    server.bulk_count = 0;
    server.document_count = 0;
    CHECK(pthread_mutex_init(&server.mutex, NULL) == 0);
}
