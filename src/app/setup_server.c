// SPDX-License-Identifier: Apache-2.0
/*
 * A dry run prints what the consoles of Kibana and OpenSearch Dashboards take: a line with method
 * and path, the body, an empty line; everything else begins with #.
 */
#include "app/setup_server.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/report.h"

enum { TEXT_SIZE_MAX = 4096, BODY_SIZE_MAX = 1 << 20 };

void setup_server_init(struct setup_server *s)
{
    *s = (struct setup_server){ 0 };
    cluster_reply_init(&s->reply);
    buf_init(&s->why, TEXT_SIZE_MAX);
}

void setup_server_release(struct setup_server *s)
{
    buf_release(&s->why);
    cluster_reply_release(&s->reply);
}

void setup_say(struct setup_server *s, const char *verdict, const char *what, const char *format,
               ...)
{
    char text[TEXT_SIZE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); // cut is fine
    va_end(args);
    if (s->dry_run) {
        printf("# ");
    }
    report(verdict, what, "%s", text);
    s->failed = s->failed || strcmp(verdict, "FAIL") == 0;
}

// --- Rights --------------------------------------------------------------------------------------

/// The right that a request wants, by the beginning of its path, as the product calls it.
static const char *right_of(enum cluster_product product, const char *method, const char *path)
{
    static const struct {
        const char *path;
        const char *elastic;
        const char *open;
        const char *open_read;
    } RIGHTS[] = {
        { "/_component_template", "the cluster privilege manage_index_templates",
          "cluster:admin/component_template/*", "cluster:admin/component_template/get" },
        { "/_index_template", "the cluster privilege manage_index_templates",
          "indices:admin/index_template/*", "indices:admin/index_template/get" },
        { "/_ilm/", "the cluster privilege manage_ilm (read_ilm for asking)", "", "" },
        { "/_plugins/_ism/", "", "cluster:admin/opendistro/ism/*",
          "cluster:admin/opendistro/ism/policy/get" },
        { "/_data_stream/",
          "the index privilege manage_data_stream_lifecycle (view_index_metadata for asking)",
          "indices:admin/data_stream/*", "indices:admin/data_stream/get" },
        { "/", "the index privilege view_index_metadata on the data streams", "indices:admin/get",
          "indices:admin/get" },
    };
    size_t i = 0;
    while (strncmp(path, RIGHTS[i].path, strlen(RIGHTS[i].path)) != 0) {
        i++;
    }
    if (product != CLUSTER_OPENSEARCH) {
        return RIGHTS[i].elastic;
    }
    return strcmp(method, "GET") == 0 ? RIGHTS[i].open_read : RIGHTS[i].open;
}

/// Says what went wrong.
static enum setup_outcome fail(struct setup_server *s, const char *method, const char *path)
{
    if (s->reply.status == 403) {
        setup_say(s, "FAIL", "rights", "%s is missing (%s %s: %s)",
                  right_of(s->info.product, method, path), method, path, buf_text(&s->why));
    } else {
        setup_say(s, "FAIL", "cluster", "%s %s: %s", method, path, buf_text(&s->why));
    }
    return SETUP_FAILED;
}

// --- Requests ------------------------------------------------------------------------------------

/// A node that does not answer rests, so that the next try is for another one. Requests of setup
/// may be repeated: they name what they make.
static bool is_answered(struct setup_server *s, const struct cluster_request *request)
{
    for (size_t tries = 0; tries < s->node_count; tries++) {
        if (cluster_request(s->session, request, &s->reply) == 0) {
            return true;
        }
    }
    return false;
}

static enum setup_outcome send_request(struct setup_server *s, const char *method, const char *path,
                                       const struct buf *body)
{
    const struct cluster_request request = { .method = method,
                                             .path = path,
                                             .body = body == NULL ? NULL : body->data,
                                             .body_size = body == NULL ? 0 : body->size };
    bool answered = is_answered(s, &request);
    bool asking = strcmp(method, "GET") == 0;
    buf_clear(&s->why);
    cluster_explain(&s->reply, &s->why);
    if (!answered) {
        return fail(s, method, path);
    }
    switch (s->reply.status) {
    case 200:
    case 201:
        return SETUP_DONE;
    case 404:
        return SETUP_ABSENT;
    case 400:
        return asking ? SETUP_NO_CALL : SETUP_REFUSED;
    case 409:
        return asking ? fail(s, method, path) : SETUP_REFUSED;
    case 405:
    case 410:
    case 501:
        return SETUP_NO_CALL;
    default:
        return fail(s, method, path);
    }
}

enum setup_outcome setup_ask(struct setup_server *s, const char *path)
{
    if (s->session == NULL) {
        buf_clear(&s->reply.body);
        return SETUP_ABSENT;
    }
    return send_request(s, "GET", path, NULL);
}

static void print_request(const char *method, const char *path, const struct buf *body)
{
    struct buf text;
    buf_init(&text, BODY_SIZE_MAX);
    if (body != NULL) {
        setup_json_append_pretty(setup_json_of(body), &text);
        buf_append_char(&text, '\n');
    }
    printf("%s %s\n%s\n", method, path, buf_text(&text));
    buf_release(&text);
}

enum setup_outcome setup_change(struct setup_server *s, const char *method, const char *path,
                                const struct buf *body)
{
    CHECK(body == NULL || !body->bad); // weir's own JSON is bounded
    if (s->dry_run) {
        print_request(method, path, body);
        s->changes++;
        return SETUP_DONE;
    }
    enum setup_outcome outcome = send_request(s, method, path, body);
    s->changes += outcome == SETUP_DONE;
    return outcome;
}
