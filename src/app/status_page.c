// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2 answers any method alike and knows three paths. The one for templates holds none as long
 * as NetFlow is not read: an empty object, which is what goflow2 shows before the first template.
 */
#include "app/status_page.h"

#include <stdatomic.h>
#include <string.h>

#include "app/metrics.h"
#include "base/mem.h"

struct status_page {
    struct pipeline *pipeline;
    const struct receivers *receivers;
    const struct followers *followers;
    const char *templates_path;
    _Atomic bool healthy;
};

int status_page_new(struct pipeline *pipeline, const struct receivers *receivers,
                    const struct followers *followers, const char *templates_path,
                    struct status_page **ret_page)
{
    struct status_page *page = mem_zalloc(sizeof(*page));
    if (page == NULL) {
        return ERR_NO_MEMORY;
    }
    page->pipeline = pipeline;
    page->receivers = receivers;
    page->followers = followers;
    page->templates_path = templates_path;
    *ret_page = page;
    return 0;
}

void status_page_free(struct status_page *page)
{
    mem_free(page);
}

void status_page_set_healthy(struct status_page *page, bool healthy)
{
    atomic_store(&page->healthy, healthy);
}

/// A path that ends with a slash stands for all below it, as in Go's multiplexer.
static bool is_templates(const struct status_page *page, const char *path)
{
    size_t size = strlen(page->templates_path);
    bool subtree = size > 0 && page->templates_path[size - 1] == '/';
    return size > 0 && (subtree ? strncmp(path, page->templates_path, size) == 0
                                : strcmp(path, page->templates_path) == 0);
}

void status_page_handle(void *context, const struct server_request *request,
                        struct server_response *response)
{
    struct status_page *page = context;
    const char *path = request->path;
    response->content_type = "text/plain; charset=utf-8";
    if (strcmp(path, "/metrics") == 0) {
        response->content_type = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
        metrics_print(page->pipeline, page->receivers, page->followers, &response->body);
    } else if (strcmp(path, "/__health") == 0) {
        bool healthy = atomic_load(&page->healthy);
        response->status = healthy ? 200 : 503;
        buf_append_text(&response->body, healthy ? "OK\n" : "Not OK\n");
    } else if (is_templates(page, path)) {
        response->content_type = "application/json";
        buf_append_text(&response->body, "{}");
    } else {
        response->status = 404;
        buf_append_text(&response->body, "404 page not found\n");
    }
}
