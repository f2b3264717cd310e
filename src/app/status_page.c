// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2 answers any method alike and knows three paths; the one for templates is there only with
 * a netflow:// listener, which this version does not have, so it is 404 as there.
 */
#include "app/status_page.h"

#include <stdatomic.h>
#include <string.h>

#include "app/metrics.h"
#include "base/mem.h"

struct status_page {
    struct pipeline *pipeline;
    const struct receivers *receivers;
    _Atomic bool healthy;
};

int status_page_new(struct pipeline *pipeline, const struct receivers *receivers,
                    struct status_page **ret_page)
{
    struct status_page *page = mem_zalloc(sizeof(*page));
    if (page == NULL) {
        return ERR_NO_MEMORY;
    }
    page->pipeline = pipeline;
    page->receivers = receivers;
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

void status_page_handle(void *context, const char *path, struct server_response *response)
{
    struct status_page *page = context;
    response->content_type = "text/plain; charset=utf-8";
    if (strcmp(path, "/metrics") == 0) {
        response->content_type = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
        metrics_print(page->pipeline, page->receivers, &response->body);
    } else if (strcmp(path, "/__health") == 0) {
        bool healthy = atomic_load(&page->healthy);
        response->status = healthy ? 200 : 503;
        buf_append_text(&response->body, healthy ? "OK\n" : "Not OK\n");
    } else {
        response->status = 404;
        buf_append_text(&response->body, "404 page not found\n");
    }
}
