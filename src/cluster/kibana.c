// SPDX-License-Identifier: Apache-2.0
/*
 * Both programs have the same calls, and each wants a header of its own against forged requests;
 * each ignores the other's. Which of them it is, its version tells: OpenSearch Dashboards began
 * again at 1, and Kibana was at 7 then. Somebody who may not see the version (Kibana tells it only
 * to users that it knows) is believed to run what fits the cluster.
 */
#include "cluster/kibana.h"

#include <string.h>

#include "base/json_find.h"
#include "base/num.h"

enum {
    MAJOR_OPENSEARCH_MAX = 6, ///< Kibana has 7 and more
    KIBANA_MAJOR_MIN = 8,     ///< the objects are those of 8.11
    KIBANA_MINOR_MIN = 11,
    FORM_SIZE_MAX = 4 << 20,
    ERRORS_SAID_MAX = 3,
    TEXT_MAX = 256,
};

static const char *const HEADERS[] = { "kbn-xsrf: true", "osd-xsrf: true", NULL };
static const char *const OURS = "weir-";

// --- Which it is
// -----------------------------------------------------------------------------------

/// The number at *at, which moves behind it and the dot that follows; 0 when there is none.
static unsigned take_number(const char **at)
{
    uint64_t number = 0;
    size_t size = strspn(*at, "0123456789");
    if (num_get_u64(*at, size, UINT16_MAX, &number) != 0) {
        number = 0;
    }
    *at += size;
    if (**at == '.') {
        (*at)++;
    }
    return (unsigned)number;
}

int kibana_choose(const uint8_t *body, size_t size, enum cluster_product product,
                  struct asset *ret_asset, struct err *err)
{
    struct buf version;
    buf_init(&version, TEXT_MAX);
    bool told = json_find_text(body, size, "version/number", &version);
    const char *at = buf_text(&version);
    unsigned major = take_number(&at);
    unsigned minor = take_number(&at);
    int status = 0;
    if (!told || major == 0) {
        *ret_asset = product == CLUSTER_OPENSEARCH ? asset_opensearch_dashboards() : asset_kibana();
    } else if (major <= MAJOR_OPENSEARCH_MAX) {
        if (major < 2) {
            status =
                err_set(err, ERR_INVALID, "OpenSearch Dashboards %.32s is too old: 2.0 or newer",
                        buf_text(&version));
        } else {
            *ret_asset = asset_opensearch_dashboards();
        }
    } else if (major < KIBANA_MAJOR_MIN ||
               (major == KIBANA_MAJOR_MIN && minor < KIBANA_MINOR_MIN)) {
        status =
            err_set(err, ERR_INVALID, "Kibana %.32s is too old: 8.11 or newer", buf_text(&version));
    } else {
        *ret_asset = asset_kibana();
    }
    buf_release(&version);
    return status;
}

// --- The import
// ------------------------------------------------------------------------------------

void kibana_append_form(const struct asset *asset, struct buf *out)
{
    buf_printf(out,
               "--" KIBANA_BOUNDARY "\r\n"
               "Content-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
               "Content-Type: application/ndjson\r\n\r\n",
               asset->name);
    buf_append(out, asset->data, asset->size);
    buf_append_text(out, "\r\n--" KIBANA_BOUNDARY "--\r\n");
}

/// A text of an object of the answer, or "?".
static void append_or_unknown(const struct json_value *of, const char *path, struct buf *out)
{
    if (!json_find_text(of->data, of->size, path, out)) {
        buf_append_char(out, '?');
    }
}

/// "dashboard weir-overview: conflict", for an element of errors.
static void append_failure(const struct json_value *failure, struct buf *out)
{
    append_or_unknown(failure, "type", out);
    buf_append_char(out, ' ');
    append_or_unknown(failure, "id", out);
    buf_append_text(out, ": ");
    append_or_unknown(failure, "error/type", out);
    size_t before = out->size;
    buf_append_text(out, ", ");
    if (!json_find_text(failure->data, failure->size, "error/message", out)) {
        out->size = before; // most kinds have no words
    }
}

static int refuse(const uint8_t *body, size_t size, struct err *err)
{
    struct json_value errors = { 0 };
    struct buf words;
    unsigned count = 0;
    buf_init(&words, ERR_TEXT_SIZE);
    if (json_find(body, size, "errors", &errors)) {
        struct json_each e = { .json = errors.data, .size = errors.size };
        while (json_each(&e)) {
            if (count++ < ERRORS_SAID_MAX) {
                buf_append_text(&words, count == 1 ? "" : "; ");
                append_failure(&e.value, &words);
            }
        }
    }
    // Words that do not fit are cut off.
    words.bad = false;
    int status = count == 0 ? err_set(err, ERR_INVALID, "it does not say that the import succeeded")
                            : err_set(err, ERR_INVALID, "%u objects were not imported: %s", count,
                                      buf_text(&words));
    buf_release(&words);
    return status;
}

int kibana_read_import(const uint8_t *body, size_t size, struct buf *said, struct err *err)
{
    struct json_value count;
    uint64_t number;
    if (!json_find_true(body, size, "success")) {
        return refuse(body, size, err);
    }
    if (!json_find(body, size, "successCount", &count) ||
        num_get_u64((const char *)count.data, count.size, UINT32_MAX, &number) != 0 ||
        number == 0) {
        return err_set(err, ERR_INVALID, "it does not say how many objects were imported");
    }
    buf_append_u64(said, number);
    buf_append_text(said, " objects imported\n");
    return 0;
}

/// Sends a request; an answer that is no success, nor `fine`, is a failure. With words.
static int call(struct cluster_session *s, const struct cluster_request *request, unsigned fine,
                struct cluster_reply *reply, struct err *err)
{
    struct buf why;
    int status = cluster_request(s, request, reply);
    if (status == 0 && (reply->status == 200 || reply->status == fine)) {
        return 0;
    }
    status = status != 0 || reply->status >= 500 ? ERR_IO : ERR_INVALID;
    buf_init(&why, CLUSTER_EXPLAIN_SIZE_MAX);
    cluster_explain(reply, &why);
    (void)err_set(err, status, "%s", buf_text(&why));
    buf_release(&why);
    return err_prefix(err, "%s %.100s", request->method, request->path);
}

static int choose(struct cluster_session *s, const struct kibana_request *request,
                  struct asset *ret_asset, struct buf *said, struct err *err)
{
    const struct cluster_request ask = {
        .method = "GET", .path = "/api/status", .headers = HEADERS, .base_url = request->url
    };
    struct cluster_reply reply;
    cluster_reply_init(&reply);
    int status = call(s, &ask, 200, &reply, err);
    if (status == 0) {
        status = kibana_choose(reply.body.data, reply.body.size, request->product, ret_asset, err);
    }
    if (status == 0) {
        buf_printf(said, "%s gets %s\n", request->url, ret_asset->name);
    }
    cluster_reply_release(&reply);
    return status;
}

static int send_form(struct cluster_session *s, const char *url, const struct asset *asset,
                     struct buf *said, struct err *err)
{
    struct cluster_reply reply;
    struct buf form;
    cluster_reply_init(&reply);
    buf_init(&form, FORM_SIZE_MAX);
    kibana_append_form(asset, &form);
    const struct cluster_request post = {
        .method = "POST",
        .path = "/api/saved_objects/_import?overwrite=true",
        .content_type = "multipart/form-data; boundary=" KIBANA_BOUNDARY,
        .body = form.data,
        .body_size = form.size,
        .headers = HEADERS,
        .base_url = url,
    };
    int status = form.bad ? err_set(err, ERR_NO_MEMORY, "%s", status_text(ERR_NO_MEMORY))
                          : call(s, &post, 200, &reply, err);
    if (status == 0) {
        status = kibana_read_import(reply.body.data, reply.body.size, said, err);
    }
    buf_release(&form);
    cluster_reply_release(&reply);
    return status;
}

int kibana_import(struct cluster_session *s, const struct kibana_request *request, struct buf *said,
                  struct err *err)
{
    struct asset asset = { 0 };
    int status = choose(s, request, &asset, said, err);
    if (status == 0 && request->dry_run) {
        buf_printf(said, "POST %s/api/saved_objects/_import?overwrite=true, %zu bytes\n",
                   request->url, asset.size);
        return 0;
    }
    return status == 0 ? send_form(s, request->url, &asset, said, err) : status;
}

// --- Taking them away
// ------------------------------------------------------------------------------

bool kibana_append_path(const uint8_t *line, size_t size, struct buf *out)
{
    struct buf id;
    buf_init(&id, TEXT_MAX);
    buf_append_text(out, "/api/saved_objects/");
    bool found = json_find_text(line, size, "type", out) && json_find_text(line, size, "id", &id) &&
                 !id.bad && id.size > strlen(OURS) && memcmp(id.data, OURS, strlen(OURS)) == 0;
    buf_append_char(out, '/');
    buf_append(out, id.data, id.size);
    buf_append_text(out, "?force=true");
    buf_release(&id);
    return found && !out->bad;
}

/// Deletes the object of a line. *deleted counts it when it was there.
static int remove_one(struct cluster_session *s, const struct kibana_request *request,
                      const uint8_t *line, size_t size, unsigned *deleted, struct buf *said,
                      struct err *err)
{
    struct buf path;
    struct cluster_reply reply;
    int status = 0;
    buf_init(&path, TEXT_MAX);
    cluster_reply_init(&reply);
    if (!kibana_append_path(line, size, &path)) {
        status = err_set(err, ERR_INVALID, "an object of this program is none");
    } else if (request->dry_run) {
        buf_printf(said, "DELETE %s%s\n", request->url, buf_text(&path));
    } else {
        const struct cluster_request ask = { .method = "DELETE",
                                             .path = buf_text(&path),
                                             .headers = HEADERS,
                                             .base_url = request->url };
        status = call(s, &ask, 404, &reply, err);
        *deleted += status == 0 && reply.status == 200;
    }
    cluster_reply_release(&reply);
    buf_release(&path);
    return status;
}

int kibana_remove(struct cluster_session *s, const struct kibana_request *request, struct buf *said,
                  struct err *err)
{
    struct asset asset = { 0 };
    unsigned deleted = 0;
    int status = choose(s, request, &asset, said, err);
    const uint8_t *end = asset.data + asset.size;
    for (const uint8_t *line = asset.data; status == 0 && line < end;) {
        const uint8_t *newline = memchr(line, '\n', (size_t)(end - line));
        size_t size = (size_t)((newline == NULL ? end : newline) - line);
        status = remove_one(s, request, line, size, &deleted, said, err);
        line += size + 1;
    }
    if (status == 0 && !request->dry_run) {
        buf_printf(said, "%u objects deleted\n", deleted);
    }
    return status;
}
