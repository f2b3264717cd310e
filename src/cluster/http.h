// SPDX-License-Identifier: Apache-2.0
/*
 * One HTTP client connection: sends a request and waits for the whole answer. Knows of no turns,
 * no rests and no files of secrets; that is cluster.c's.
 */
#pragma once

#include "base/status.h"
#include "cluster/cluster.h"
#include "cluster/pin.h"

/// Texts are borrowed for as long as the connection lives; "" where nothing is set.
struct http_settings {
    const char *ca;
    const char *cert;
    const char *key;
    const uint8_t *fingerprint; ///< PIN_SIZE bytes; NULL: none
    bool insecure;
    uint64_t timeout_ns;
    const char *agent;
    const char *socket_path; ///< of a local socket to connect to, whatever the URL says; NULL: none
};

struct http;

/// ERR_NO_MEMORY.
int http_new(const struct http_settings *settings, struct http **ret_http) MUST_USE;
void http_free(struct http *h);

/// The request that is under way, and all to come, end at once. Any thread.
void http_abort(struct http *h);

bool http_is_aborted(const struct http *h);

/// Sends to `base_url` ("https://host:9200/prefix") and its request->path. `authorization` is the
/// value of that header, NULL for none. Fills the reply, as cluster_request() says.
int http_perform(struct http *h, const char *base_url, const struct cluster_request *request,
                 const char *authorization, struct cluster_reply *reply) MUST_USE;
