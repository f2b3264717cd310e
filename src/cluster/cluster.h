// SPDX-License-Identifier: Apache-2.0
/*
 * An Elasticsearch or OpenSearch cluster, as its clients see it: some nodes that take turns,
 * secrets that are read again when they change, and a product that is found out.
 *
 * A `struct cluster` is shared by all threads that talk to it; each of them has a session of its
 * own, which is a connection that is kept open. A request is tried at one node, the next in turn
 * that is not resting; whoever wants it tried again asks again. A node that does not answer, or
 * says 502, 503 or 504, rests: 1 s, then twice as long each time, up to 60 s.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

enum cluster_product {
    CLUSTER_UNKNOWN, ///< it does not say: what all have is used
    CLUSTER_ELASTICSEARCH,
    CLUSTER_SERVERLESS, ///< Elastic Cloud Serverless
    CLUSTER_OPENSEARCH,
    CLUSTER_PRODUCT_COUNT
};

/// "unknown", "elasticsearch", "serverless", "opensearch".
const char *cluster_product_text(enum cluster_product product);

/// Texts are borrowed for as long as the cluster lives; "" where nothing is set.
struct cluster_settings {
    const char *urls;     ///< http(s)://HOST[:PORT][/PATH], apart by commas; the port is 9200
    const char *cloud_id; ///< Elastic Cloud's, instead of urls
    const char *product;  ///< a cluster_product_text(); "": ask
    const char *api_key_file;
    const char *api_key; ///< "id:key", or the same in base64
    const char *user;
    const char *password_file;
    const char *password;
    const char *token_file;
    const char *token;
    const char *ca;             ///< PEM file
    const char *ca_fingerprint; ///< SHA-256 in hex, colons allowed
    const char *cert;           ///< PEM file
    const char *key;            ///< PEM file
    bool insecure;
    uint64_t timeout_ns; ///< of a request
    const char *agent;   ///< User-Agent
};

struct cluster;

/// Checks the settings and reads the files; asks no server anything. ERR_INVALID, ERR_IO,
/// ERR_NO_MEMORY, with words. A secret file that others can read is refused.
int cluster_new(const struct cluster_settings *settings, struct cluster **ret_cluster,
                struct err *err) MUST_USE;
/// All sessions are closed before.
void cluster_free(struct cluster *c);

/// Reads the secrets again (SIGHUP). What cannot be read stays as it was, and is logged. Any
/// thread.
void cluster_reload(struct cluster *c);

/// Its nodes for people: "https://a:9200, https://b:9200", without secrets.
const char *cluster_urls(const struct cluster *c);

size_t cluster_node_count(const struct cluster *c);

/// Whether each node rests; *ret_wait_ms: until the first one is to be tried again. Any thread.
bool cluster_is_resting(struct cluster *c, uint64_t *ret_wait_ms);

struct cluster_request {
    const char *method;       ///< "GET", "PUT", "POST", "DELETE", "HEAD"
    const char *path;         ///< from the "/" on, with the query
    const char *content_type; ///< NULL: application/json
    const void *body;         ///< borrowed until the call returns; NULL: none
    size_t body_size;
    bool gzipped;               ///< the body is
    const char *const *headers; ///< more of them, "Name: value", up to a NULL; NULL: none
    const char *base_url;       ///< instead of the cluster's nodes (Kibana); NULL: a node in turn
};

/// What came back.
struct cluster_reply {
    unsigned status;             ///< of HTTP; 0: no answer was had, see problem
    struct buf body;             ///< owned; up to CLUSTER_REPLY_SIZE_MAX
    uint64_t retry_after_ms;     ///< what the server asks for; 0: nothing
    uint64_t took_ns;            ///< from the first byte sent to the last one received
    const char *url;             ///< the node's that was asked; as long-lived as the cluster
    bool sent;                   ///< the server may have seen all of the request
    char problem[ERR_TEXT_SIZE]; ///< why there is no answer, for people: names the node
};

enum { CLUSTER_REPLY_SIZE_MAX = 64 << 20 };

void cluster_reply_init(struct cluster_reply *reply);
void cluster_reply_release(struct cluster_reply *reply);

struct cluster_session;

/// ERR_NO_MEMORY. One thread at a time.
int cluster_session_new(struct cluster *c, struct cluster_session **ret_session) MUST_USE;
void cluster_session_free(struct cluster_session *s);

/// Makes this session's request, and those to come, fail at once: its thread has to end. Any
/// thread.
void cluster_session_abort(struct cluster_session *s);

/// Sends the request and waits for the whole answer. Answers that are no success are answers:
/// 0 is returned whenever reply->status is set. ERR_IO without an answer. Redirects are not
/// followed (they could take a secret elsewhere): they are an answer whose problem names the place.
/// On 401 the secrets are read again, and the request is sent once more if they are new.
int cluster_request(struct cluster_session *s, const struct cluster_request *request,
                    struct cluster_reply *reply);

/// What GET / said.
struct cluster_info {
    enum cluster_product product;
    unsigned major; ///< of the version; 0: not known
    unsigned minor;
    char version[32]; ///< "8.19.21"; "" when it is not known
    char name[64];    ///< cluster_name
};

/// Asks for the product once, and again until an answer is had. The setting, when there is one, is
/// what counts for the product. An answer that does not say (405, 403, something else on that port)
/// gives CLUSTER_UNKNOWN, and is no failure. ERR_IO without an answer (429 and 5xx are none),
/// ERR_INVALID for 401 and a redirect: both with words. Any thread, with a session of its own.
int cluster_identify(struct cluster_session *s, struct cluster_info *ret_info, struct err *err);

enum { CLUSTER_EXPLAIN_SIZE_MAX = 2 << 10 };

/// What a server said is wrong, for people: "type: reason" of an error in Elasticsearch's form,
/// else the beginning of the body, else the words for the status. Appends to `out`, less than
/// CLUSTER_EXPLAIN_SIZE_MAX bytes.
void cluster_explain(const struct cluster_reply *reply, struct buf *out);
