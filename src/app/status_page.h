// SPDX-License-Identifier: Apache-2.0
/* goflow2's HTTP end points: /metrics, /__health and the path of templates; everything else is 404.
 */
#pragma once

#include "app/follower.h"
#include "app/pipeline.h"
#include "app/receiver.h"
#include "web/server.h"

struct status_page;

/// All must outlive the page. `templates_path`: -templates.path, "" for none. ERR_NO_MEMORY.
int status_page_new(struct pipeline *pipeline, const struct receivers *receivers,
                    const struct followers *followers, const char *templates_path,
                    struct status_page **ret_page) MUST_USE;
void status_page_free(struct status_page *page);

/// What /__health says. Any thread.
void status_page_set_healthy(struct status_page *page, bool healthy);

/// A server_handle_fn; the context is the page.
server_handle_fn status_page_handle;
