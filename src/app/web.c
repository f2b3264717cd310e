// SPDX-License-Identifier: Apache-2.0
/*
 * The order of things: who may ask is known before anything is answered, and everything that an
 * answer needs is there before the server is. On the way down the server goes first.
 */
#include "app/web.h"

#include <string.h>

#include "app/health.h"
#include "app/local_work.h"
#include "app/outputs.h"
#include "base/log.h"
#include "base/mem.h"
#include "format/format.h"
#include "store/ask.h"
#include "web/access.h"
#include "web/api.h"
#include "web/live.h"
#include "web/server.h"

enum { QUESTIONS_RUNNING = 2, QUESTIONS_WAITING = 32 };

struct web {
    struct web_settings settings;
    struct health health;
    struct format_settings format;
    struct access *access; ///< NULL: there is no -addr, or nothing to guard
    struct application_source *applications;
    struct asks *asks;
    struct live *live;
    struct api *api; ///< NULL: goflow2's end points only
    struct local_work *work;
    struct server *server;
};

static void handle(void *context, const struct server_request *request,
                   struct server_response *response)
{
    struct web *w = context;
    if (w->work != NULL && local_work_handle(w->work, request, response)) {
        return;
    }
    bool is_api = w->api != NULL && strncmp(request->path, "/api/", strlen("/api/")) == 0;
    if (!is_api) {
        status_page_handle(w->settings.page, request, response);
        return;
    }
    bool may = request->is_local || w->access == NULL ||
               access_allows(w->access, request, false, response);
    if (may && !api_handle(w->api, request, response)) {
        status_page_handle(w->settings.page, request, response); // says that there is nothing
    }
}

/// Questions to the store, and work for other commands.
static int open_store_parts(struct web *w, struct err *err)
{
    const struct settings *s = w->settings.settings;
    struct pipeline *p = w->settings.pipeline;
    const struct asks_settings asks = { .store = p->store,
                                        .applications = w->applications,
                                        .timeout_ns = s->store_timeout_ns,
                                        .running_max = QUESTIONS_RUNNING,
                                        .waiting_max = QUESTIONS_WAITING };
    const struct local_work_settings work = { .store = p->store,
                                              .transport = p->store_transport,
                                              .mapping = p->mapping,
                                              .handed_over = &p->handed_over };
    if (asks_new(&asks, &w->asks, err) != 0) {
        return err->status;
    }
    return local_work_new(&work, &w->work) == 0 ? 0 : err_set(err, ERR_NO_MEMORY, "out of memory");
}

static int open_api(struct web *w, struct err *err)
{
    const struct settings *s = w->settings.settings;
    struct pipeline *p = w->settings.pipeline;
    const struct access_settings access = { .addr = s->addr,
                                            .password_file = s->web_password_file,
                                            .token_file = s->web_token_file,
                                            .hosts = s->web_hosts };
    if (s->addr[0] != '\0' && access_open(&access, &w->access, err) != 0) {
        return err->status;
    }
    if (application_source_new(s->names, &w->applications, err) != 0 ||
        (p->store != NULL && open_store_parts(w, err) != 0)) {
        return err->status;
    }
    w->format =
        (struct format_settings){ .name = "ecs", .mapping = p->mapping, .ecs = &p->ecs.ecs };
    if (live_new(&w->format, &w->live, err) != 0) {
        return err->status;
    }
    p->live = w->live;
    const struct api_settings api = { .store = p->store,
                                      .asks = w->asks,
                                      .applications = w->applications,
                                      .live = w->live,
                                      .format = &w->format,
                                      .health = health_print,
                                      .judge = health_judge,
                                      .health_context = &w->health };
    return api_new(&api, &w->api, err);
}

static const char *or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

bool web_has_api(const struct settings *s, unsigned outputs)
{
    return !s->goflow2 || (outputs & OUTPUT_STORE) != 0;
}

int web_start(const struct web_settings *settings, struct web **ret_web, struct err *err)
{
    const struct settings *s = settings->settings;
    struct pipeline *p = settings->pipeline;
    struct web *w = mem_zalloc(sizeof(*w));
    if (w == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    *ret_web = w; // the caller stops what there is of it
    w->settings = *settings;
    w->health = (struct health){ .pipeline = p,
                                 .receivers = settings->receivers,
                                 .followers = settings->followers };
    if (web_has_api(s, p->outputs) && open_api(w, err) != 0) {
        return err->status;
    }
    const struct server_settings server = { .addr = s->addr,
                                            .socket_path =
                                                p->store == NULL ? NULL : p->store_options.socket,
                                            .cert = or_null(s->web_cert),
                                            .key = or_null(s->web_key),
                                            .handle = handle,
                                            .context = w };
    if (s->addr[0] == '\0' && p->store == NULL) {
        return 0;
    }
    return server_start(&server, &w->server, err);
}

static void reload_applications(struct web *w, bool changed_only)
{
    struct err err;
    int status = w->applications == NULL
                     ? 0
                     : application_source_reload(w->applications, changed_only, &err);
    if (status > 0) {
        log_with(LOG_LEVEL_INFO, "names of applications were read again", NULL,
                 LOG_TEXT("file", w->settings.settings->names));
    } else if (status < 0) {
        log_with(LOG_LEVEL_ERROR, "the old names of applications stay", NULL,
                 LOG_TEXT("error", err.text));
    }
}

void web_tick(struct web *w)
{
    reload_applications(w, true);
}

void web_reload(struct web *w)
{
    struct err err;
    reload_applications(w, false);
    if (w->access != NULL && access_reload(w->access, &err) != 0) {
        log_with(LOG_LEVEL_ERROR, "the old passwords and tokens stay", NULL,
                 LOG_TEXT("error", err.text));
    }
    if (w->server != NULL && server_reload(w->server, &err) != 0) {
        log_with(LOG_LEVEL_ERROR, "the old certificate stays", NULL, LOG_TEXT("error", err.text));
    }
}

void web_close(struct web *w)
{
    if (w != NULL) {
        local_work_close(w->work);
    }
}

void web_stop(struct web *w)
{
    if (w == NULL) {
        return;
    }
    server_stop(w->server);
    api_free(w->api);
    asks_free(w->asks);
    w->settings.pipeline->live = NULL;
    live_free(w->live);
    local_work_free(w->work);
    application_source_free(w->applications);
    access_free(w->access);
    mem_free(w);
}
