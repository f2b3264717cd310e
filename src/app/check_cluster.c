// SPDX-License-Identifier: Apache-2.0
/*
 * weir check, the part that asks a server: whether each node answers and what it is, what the
 * credentials allow, whether the data stream is there, and whether an index template will fit it.
 *
 * Only questions that write nothing. Where there is none to ask (OpenSearch cannot be asked what a
 * user may do), or asking is not allowed, that is said instead of guessed. FAIL is what would keep
 * documents out; what is only a pity is a warning.
 */
#include "app/check_cluster.h"

#include <stdio.h>
#include <string.h>

#include "app/cluster_options.h"
#include "app/report.h"
#include "base/json_find.h"
#include "base/json_text.h"
#include "cluster/cluster.h"

enum { TEXT_SIZE_MAX = 4096 };

struct checker {
    const struct settings *settings;
    struct cluster *cluster;
    struct cluster_session *session;
    struct cluster_info info;
    struct cluster_reply reply;
    struct buf path;
    struct buf why; ///< what the last answer says is wrong
    bool stream_there;
    char stream[CLUSTER_STREAM_SIZE];
};

// --- Asking --------------------------------------------------------------------------------------

/// Whether there was an answer; c->why is then what is wrong with it, if anything is.
static bool ask(struct checker *c, const char *method, const char *path, const struct buf *body)
{
    const struct cluster_request request = { .method = method,
                                             .path = path,
                                             .body = body == NULL ? NULL : body->data,
                                             .body_size = body == NULL ? 0 : body->size };
    bool answered = cluster_request(c->session, &request, &c->reply) == 0;
    buf_clear(&c->why);
    cluster_explain(&c->reply, &c->why);
    return answered;
}

/// ask() for a path that ends with the name of the stream.
static bool ask_stream(struct checker *c, const char *method, const char *path)
{
    buf_clear(&c->path);
    buf_printf(&c->path, "%s%s", path, c->stream);
    return ask(c, method, buf_text(&c->path), NULL);
}

/// Whether the server does not know the question at all: no such module, or an older one.
static bool is_unknown_call(const struct checker *c)
{
    unsigned status = c->reply.status;
    return status == 400 || status == 404 || status == 405 || status == 410 || status == 501;
}

// --- Nodes and product ---------------------------------------------------------------------------

/// An answer that is no use: the node is not there, or does not let us in.
static bool is_refusal(unsigned status)
{
    return status == 0 || status == 401 || (status >= 300 && status < 400) || status >= 500;
}

/// Each node is asked once: they take turns. Those that are of no use are told at the end, when it
/// is known whether others do their work.
static bool check_nodes(struct checker *c)
{
    size_t count = cluster_node_count(c->cluster);
    struct buf problems;
    buf_init(&problems, TEXT_SIZE_MAX * count);
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        (void)ask(c, "GET", "/", NULL); // the status says it
        if (!is_refusal(c->reply.status)) {
            good++;
        } else if (c->reply.problem[0] != '\0') {
            buf_printf(&problems, "%s\n", c->reply.problem);
        } else {
            buf_printf(&problems, "%s: %s\n", c->reply.url, buf_text(&c->why));
        }
    }
    for (const char *line = buf_text(&problems); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        report(good > 0 ? "warn" : "FAIL", "cluster", "%.*s", (int)size, line);
        line += size + (line[size] == '\n');
    }
    buf_release(&problems);
    return good > 0;
}

/// Data streams came with Elasticsearch 7.9; before 7.0 an index has types.
static bool is_too_old(const struct checker *c)
{
    const struct cluster_info *info = &c->info;
    bool elasticsearch = info->product == CLUSTER_ELASTICSEARCH && info->major > 0;
    bool any_index = c->settings->es_index[0] != '\0';
    return elasticsearch &&
           (info->major < 7 || (info->major == 7 && info->minor < 9 && !any_index));
}

static bool check_product(struct checker *c)
{
    struct err err;
    if (cluster_identify(c->session, &c->info, &err) != 0) {
        return report_failed("cluster", &err);
    }
    const char *urls = cluster_urls(c->cluster);
    const struct cluster_info *info = &c->info;
    if (info->product == CLUSTER_UNKNOWN) {
        report("warn", "cluster",
               "%s: answers, but does not say what it is; "
               "-transport.elasticsearch.product tells weir",
               urls);
        return true;
    }
    report("ok", "cluster", "%s: %s%s%s%s%s", urls, cluster_product_text(info->product),
           info->version[0] == '\0' ? "" : " ", info->version, info->name[0] == '\0' ? "" : ", ",
           info->name);
    if (is_too_old(c)) {
        report("FAIL", "cluster", "it is too old: data streams came with Elasticsearch 7.9");
        return false;
    }
    return true;
}

/// A secret that everybody on the way can read.
static void check_secrecy(const struct checker *c)
{
    const struct settings *s = c->settings;
    bool secret = s->es_api_key_file[0] != '\0' || s->es_api_key[0] != '\0' ||
                  s->es_user[0] != '\0' || s->es_token_file[0] != '\0' || s->es_token[0] != '\0';
    const char *urls = cluster_urls(c->cluster);
    if (secret && strstr(urls, "http://") != NULL) {
        report("warn", "cluster", "http:// sends the credentials in the clear");
    }
    if (s->es_insecure) {
        report("warn", "cluster",
               "any certificate is believed (-transport.elasticsearch.insecure)");
    }
}

// --- The stream ----------------------------------------------------------------------------------

/// What the server says of the name: 200 when it is there, as a data stream or as an index.
static unsigned ask_name(struct checker *c)
{
    return ask_stream(c, "HEAD", "/") ? c->reply.status : 0;
}

/// GET /_data_stream did not find it, or is not known there.
static void check_index(struct checker *c, bool no_stream)
{
    unsigned status = ask_name(c);
    c->stream_there = status == 200;
    if (status == 200) {
        report("ok", "stream", "%s is there%s", c->stream,
               no_stream ? ", an index and no data stream" : "");
    } else if (status == 404) {
        report("ok", "stream", "%s is not there yet; the first document makes it", c->stream);
    } else {
        report("ok", "stream", "%s; whether it is there cannot be told: %s", c->stream,
               buf_text(&c->why));
    }
}

static void check_stream(struct checker *c)
{
    bool answered = ask_stream(c, "GET", "/_data_stream/");
    unsigned status = c->reply.status;
    struct json_value name;
    if (answered && status == 200 &&
        json_find(c->reply.body.data, c->reply.body.size, "data_streams/0/name", &name)) {
        c->stream_there = true;
        report("ok", "stream", "data stream %s is there", c->stream);
    } else if (answered && (status == 200 || is_unknown_call(c))) {
        check_index(c, status == 200 || status == 404);
    } else {
        report("ok", "stream", "%s; whether it is there cannot be told: %s", c->stream,
               buf_text(&c->why));
    }
}

// --- Rights --------------------------------------------------------------------------------------

static void append_rights_question(struct checker *c, struct buf *out)
{
    buf_append_text(out, "{\"cluster\":[\"monitor\"],\"index\":[{\"names\":[");
    json_append_text(out, c->stream);
    buf_append_text(out, "],\"privileges\":[\"create_doc\",\"auto_configure\"]}]}");
}

static bool may(struct checker *c, const char *right)
{
    buf_clear(&c->path);
    buf_printf(&c->path, "index/%s/%s", c->stream, right);
    return json_find_true(c->reply.body.data, c->reply.body.size, buf_text(&c->path));
}

static void say_missing(struct checker *c, const char *verdict, const char *right, const char *what)
{
    report(
        verdict, "rights",
        "%s on %s is missing: %s. The role or API key needs "
        "{\"indices\":[{\"names\":[\"%s\"],\"privileges\":[\"create_doc\",\"auto_configure\"]}]}",
        right, c->stream, what, c->settings->es_index[0] != '\0' ? c->stream : "logs-goflow2.*-*");
}

/// What _has_privileges answered.
static bool judge_rights(struct checker *c)
{
    struct json_value any;
    if (!json_find(c->reply.body.data, c->reply.body.size, "has_all_requested", &any)) {
        report("warn", "rights", "cannot be asked for: the server answers something else");
        return true;
    }
    bool monitor = json_find_true(c->reply.body.data, c->reply.body.size, "cluster/monitor");
    bool create_doc = may(c, "create_doc");
    bool auto_configure = may(c, "auto_configure");
    if (create_doc && auto_configure) {
        report("ok", "rights", "create_doc and auto_configure on %s", c->stream);
    }
    if (!create_doc) {
        say_missing(c, "FAIL", "create_doc", "nothing can be written");
    }
    if (!auto_configure) {
        say_missing(c, c->stream_there ? "warn" : "FAIL", "auto_configure",
                    c->stream_there ? "new fields cannot be added to its mapping"
                                    : "the data stream cannot be made");
    }
    if (!monitor) {
        report("warn", "rights",
               "monitor on the cluster is missing: weir cannot see what the server is. The role "
               "or API key needs {\"cluster\":[\"monitor\"]}, or weir "
               "-transport.elasticsearch.product");
    }
    return create_doc && (auto_configure || c->stream_there);
}

static bool check_elastic_rights(struct checker *c)
{
    struct buf question;
    buf_init(&question, TEXT_SIZE_MAX);
    append_rights_question(c, &question);
    bool answered = ask(c, "POST", "/_security/user/_has_privileges", &question);
    buf_release(&question);
    if (answered && c->reply.status == 200) {
        return judge_rights(c);
    }
    if (answered && is_unknown_call(c)) {
        report("ok", "rights", "the server knows no rights: its security is off");
        return true;
    }
    report(c->reply.status == 401 ? "FAIL" : "warn", "rights", "cannot be asked for: %s",
           buf_text(&c->why));
    return c->reply.status != 401;
}

/// The security plugin says who somebody is; what the roles allow only its administrators may ask.
static bool check_opensearch_rights(struct checker *c)
{
    bool answered = ask(c, "GET", "/_plugins/_security/authinfo", NULL);
    if (answered && is_unknown_call(c)) {
        report("ok", "rights", "the server knows no rights: its security is off");
        return true;
    }
    if (!answered || c->reply.status != 200) {
        report(c->reply.status == 401 ? "FAIL" : "warn", "rights", "cannot be asked for: %s",
               buf_text(&c->why));
        return c->reply.status != 401;
    }
    struct buf user;
    buf_init(&user, TEXT_SIZE_MAX);
    struct json_value roles;
    if (!json_find(c->reply.body.data, c->reply.body.size, "roles", &roles) ||
        !json_find_text(c->reply.body.data, c->reply.body.size, "user_name", &user)) {
        buf_append_text(&user, "somebody");
        roles = (struct json_value){ (const uint8_t *)"[]", 2 };
    }
    report("ok", "rights",
           "weir is %s with the roles %.*s; OpenSearch cannot be asked whether they are enough. "
           "Needed on %s: index, create_index, indices:admin/mapping/auto_put, and "
           "indices:data/write/bulk on the cluster",
           buf_text(&user), roles.size < 300 ? (int)roles.size : 300, roles.data, c->stream);
    buf_release(&user);
    return true;
}

// --- The template --------------------------------------------------------------------------------

/// OpenSearch does not simulate an index whose name a data stream has. Then what was made counts:
/// addresses are addresses only where a template said so beforehand.
static void check_mappings(struct checker *c)
{
    buf_clear(&c->path);
    buf_printf(&c->path, "/%s/_field_caps?fields=source.ip", c->stream);
    bool answered = ask(c, "GET", buf_text(&c->path), NULL);
    const uint8_t *body = c->reply.body.data;
    size_t size = c->reply.body.size;
    struct json_value found;
    if (!answered || c->reply.status != 200) {
        report("warn", "template", "which mappings %s has cannot be told: %s", c->stream,
               buf_text(&c->why));
    } else if (json_find(body, size, "fields/source.ip/ip", &found)) {
        report("ok", "template", "%s has ECS mappings", c->stream);
    } else {
        report("warn", "template",
               "%s is there without mappings for flows: run weir setup, and then roll it over",
               c->stream);
    }
}

static void check_template(struct checker *c)
{
    struct json_value found;
    bool answered = ask_stream(c, "POST", "/_index_template/_simulate_index/");
    const uint8_t *body = c->reply.body.data;
    size_t size = c->reply.body.size;
    bool waits = c->settings->es_index[0] == '\0' && !c->stream_there;
    if (answered && c->reply.status >= 400 && c->reply.status != 401 && c->reply.status != 403 &&
        c->stream_there) {
        check_mappings(c);
    } else if (!answered || c->reply.status != 200) {
        report("warn", "template", "whether one applies to %s cannot be told: %s", c->stream,
               buf_text(&c->why));
    } else if (!json_find(body, size, "template", &found)) {
        report("warn", "template", "none applies to %s: run weir setup%s", c->stream,
               waits ? "; documents wait until there is one" : "");
    } else if (json_find(body, size, "template/mappings/properties/source/properties/ip", &found)) {
        report("ok", "template", "one with ECS mappings applies to %s", c->stream);
    } else {
        report("warn", "template",
               "one applies to %s, but without mappings for flows: run weir setup", c->stream);
    }
}

/// The ingest pipeline that is asked for: without it each document is refused.
static bool check_pipeline(struct checker *c)
{
    const char *name = c->settings->es_pipeline;
    if (name[0] == '\0' || strcmp(name, "none") == 0 || strcmp(name, "default") == 0) {
        return true;
    }
    if (strpbrk(name, "/?#% ,*\"\\") != NULL) {
        report("FAIL", "pipeline", "-transport.elasticsearch.pipeline \"%.100s\" is no name", name);
        return false;
    }
    buf_clear(&c->path);
    buf_printf(&c->path, "/_ingest/pipeline/%s", name);
    bool answered = ask(c, "GET", buf_text(&c->path), NULL);
    if (answered && c->reply.status == 404) {
        report("FAIL", "pipeline", "%s is not there, and each document would be refused", name);
        return false;
    }
    if (answered && c->reply.status == 200) {
        report("ok", "pipeline", "%s is there", name);
    } else {
        report("warn", "pipeline", "%s; whether it is there cannot be told: %s", name,
               buf_text(&c->why));
    }
    return true;
}

// --- All of it -----------------------------------------------------------------------------------

/// An index has a small name without what has a meaning in an URL or in lists of names.
static bool check_name(const struct checker *c)
{
    const char *name = c->settings->es_index;
    bool sane = strlen(name) < CLUSTER_STREAM_SIZE && strchr("-_+.", c->stream[0]) == NULL;
    for (const char *at = name; *at != '\0'; at++) {
        bool upper = *at >= 'A' && *at <= 'Z';
        sane = sane && !upper && *at > ' ' && strchr("\\/*?\"<>|,#:%", *at) == NULL;
    }
    if (!sane) {
        report("FAIL", "stream",
               "-transport.elasticsearch.index \"%.100s\" is no name: small letters, digits, and "
               "- _ . but not in front",
               name);
    }
    return sane;
}

static bool check_all(struct checker *c)
{
    if (!check_name(c) || !check_nodes(c) || !check_product(c)) {
        return false;
    }
    check_secrecy(c);
    check_stream(c);
    bool ok = c->info.product == CLUSTER_OPENSEARCH ? check_opensearch_rights(c)
                                                    : check_elastic_rights(c);
    check_template(c);
    return check_pipeline(c) && ok;
}

bool check_cluster(const struct settings *s)
{
    struct checker c = { .settings = s };
    struct cluster_settings settings;
    struct err err = { 0 };
    if (!cluster_options_given(s)) {
        return true;
    }
    if (cluster_options_read(s, &settings, &err) != 0 ||
        cluster_new(&settings, &c.cluster, &err) != 0) {
        return report_failed("cluster", &err);
    }
    cluster_options_stream(s, c.stream);
    cluster_reply_init(&c.reply);
    buf_init(&c.path, TEXT_SIZE_MAX);
    buf_init(&c.why, TEXT_SIZE_MAX);
    CHECK(cluster_session_new(c.cluster, &c.session) == 0); // only memory can fail
    bool ok = check_all(&c);
    cluster_session_free(c.session);
    buf_release(&c.why);
    buf_release(&c.path);
    cluster_reply_release(&c.reply);
    cluster_free(c.cluster);
    return ok;
}
