// SPDX-License-Identifier: Apache-2.0
/*
 * weir setup: what a cluster needs before flows come. A template tells it how to index documents, a
 * lifecycle how long to keep them; both could be made by hand from what -dry-run prints.
 *
 * Nothing that weir did not make is written over or taken away. Run again, it writes what differs:
 * after an update of weir or of the server, or with another -keep.
 */
#include <string.h>

#include "app/cluster_options.h"
#include "app/commands.h"
#include "app/ecs_options.h"
#include "app/report.h"
#include "app/setup_install.h"
#include "cluster/kibana.h"

enum { SAID_SIZE_MAX = 1 << 16, URL_SIZE_MAX = 4096 };

/// A dry run without a server is for whoever may not ask it.
static bool is_offline(const struct settings *s)
{
    return s->dry_run && !cluster_options_given(s) && s->es_product[0] != '\0';
}

static int set_product(const char *name, struct cluster_info *info, struct err *err)
{
    for (enum cluster_product p = CLUSTER_UNKNOWN + 1; p < CLUSTER_PRODUCT_COUNT; p++) {
        if (strcmp(name, cluster_product_text(p)) == 0) {
            info->product = p;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID,
                   "-transport.elasticsearch.product \"%.50s\": elasticsearch, serverless or "
                   "opensearch",
                   name);
}

/// Policies have had a _meta since 7.16.
static bool is_too_old(const struct cluster_info *info)
{
    return info->product == CLUSTER_ELASTICSEARCH && info->major > 0 &&
           (info->major < 7 || (info->major == 7 && info->minor < 17));
}

static void say_server(struct setup_server *s, const char *urls)
{
    const struct cluster_info *info = &s->info;
    if (info->product == CLUSTER_UNKNOWN) {
        setup_say(s, "warn", "cluster",
                  "%s does not say what it is, so only what all have is used; "
                  "-transport.elasticsearch.product tells weir",
                  urls);
    } else {
        setup_say(s, "ok", "cluster", "%s: %s %s", urls, cluster_product_text(info->product),
                  info->version[0] == '\0' ? "of unknown version" : info->version);
    }
    if (is_too_old(info)) {
        setup_say(s, "FAIL", "cluster",
                  "it is too old: weir setup knows Elasticsearch from 7.17 on");
    }
}

/// Lines, each with a newline.
static void say_lines(struct setup_server *s, const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        setup_say(s, "ok", "kibana", "%.*s", (int)size, text);
        text += size + (text[size] == '\n');
    }
}

/// The dashboards do not tell whether they are what weir would import, so they are imported each
/// time.
static void work_on_dashboards(struct setup_server *s, const struct settings *settings)
{
    struct buf url;
    struct buf said;
    struct err err = { 0 };
    if (s->session == NULL) {
        setup_say(s, "warn", "kibana", "which dashboards it gets is found out by asking it");
        return;
    }
    buf_init(&url, URL_SIZE_MAX);
    buf_init(&said, SAID_SIZE_MAX);
    buf_append_text(&url, settings->kibana);
    while (url.size > 0 && url.data[url.size - 1] == '/') {
        url.size--;
    }
    const struct kibana_request request = { .url = buf_text(&url),
                                            .product = s->info.product,
                                            .dry_run = s->dry_run };
    int status = settings->uninstall ? kibana_remove(s->session, &request, &said, &err)
                                     : kibana_import(s->session, &request, &said, &err);
    say_lines(s, buf_text(&said));
    if (status != 0) {
        setup_say(s, "FAIL", "kibana", "%s", err.text);
    }
    buf_release(&said);
    buf_release(&url);
}

static void work(struct setup_server *s, const struct settings *settings,
                 const struct setup_names *names)
{
    struct setup_plan plan = { .names = names };
    if (s->failed) {
        return;
    }
    setup_plan_features(&plan, &s->info);
    if (settings->uninstall) {
        setup_uninstall(s, names);
    } else {
        setup_install(s, &plan, settings->keep_ns);
    }
    bool dashboards = settings->kibana[0] != '\0' && !s->failed;
    if (dashboards) {
        work_on_dashboards(s, settings);
    }
    if (!s->failed && s->changes == 0 && !dashboards) {
        setup_say(s, "ok", "setup", "nothing to change");
    } else if (!s->failed && s->changes > 0) {
        setup_say(s, "ok", "setup", "%s%u change%s",
                  s->dry_run ? "without -dry-run there would be " : "done: ", s->changes,
                  s->changes == 1 ? "" : "s");
    }
}

/// Nodes take turns; one that says what it is will do.
static int identify(struct setup_server *s, struct err *err)
{
    int status = ERR_IO;
    for (size_t tries = 0; tries < s->node_count && status == ERR_IO; tries++) {
        status = cluster_identify(s->session, &s->info, err);
    }
    return status;
}

/// With a server.
static int connect_and_work(struct setup_server *s, const struct settings *settings,
                            const struct setup_names *names, struct err *err)
{
    struct cluster_settings cs;
    struct cluster *cluster = NULL;
    if (cluster_options_read(settings, &cs, err) != 0 || cluster_new(&cs, &cluster, err) != 0) {
        return err->status;
    }
    int status = cluster_session_new(cluster, &s->session);
    s->node_count = cluster_node_count(cluster);
    status = status != 0 ? err_set(err, status, "%s", status_text(status)) : identify(s, err);
    if (status == 0) {
        say_server(s, cluster_urls(cluster));
        work(s, settings, names);
    }
    cluster_session_free(s->session);
    cluster_free(cluster);
    return status;
}

int setup_command(const struct settings *settings)
{
    struct setup_names names;
    struct setup_server server;
    struct ecs_options ecs;
    struct err err = { 0 };
    setup_server_init(&server);
    server.dry_run = settings->dry_run;
    int status = ecs_options_read(&ecs, settings, &err); // for its checks
    ecs_options_release(&ecs);
    status = status == 0 ? setup_names_init(&names, settings, &err) : status;
    if (status == 0 && is_offline(settings)) {
        status = set_product(settings->es_product, &server.info, &err);
        if (status == 0) {
            say_server(&server, "no server is asked");
            work(&server, settings, &names);
        }
    } else if (status == 0) {
        status = connect_and_work(&server, settings, &names, &err);
    }
    if (status != 0) {
        setup_say(&server, "FAIL", "setup", "%s", err.text);
    }
    bool failed = server.failed;
    setup_server_release(&server);
    return failed ? EXIT_CANNOT_RUN : EXIT_DONE;
}
