// SPDX-License-Identifier: Apache-2.0
/*
 * /api/v1: from the arguments of a request to a question (store/ask.h), and from its answer to
 * JSON, CSV or NDJSON. openapi.json, which is served beside it, describes all of it.
 *
 * A server hands its requests to api_handle(); `weir query` on a store that nobody holds makes a
 * request by itself. So both say the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "query/application_source.h"
#include "store/ask.h"
#include "web/api_health.h"
#include "web/server.h"

struct api;
struct live;

/// Appends members of the JSON object of /api/v1/health (`"datagrams":...,`): what only the program
/// knows. Any thread.
typedef void api_health_fn(void *context, struct buf *out);

/// Adds reasons that only the program knows. Any thread.
typedef void api_judge_fn(void *context, struct health_reasons *r);

struct api_settings {
    struct store *store; ///< NULL: there is none; questions are answered 503 in words
    struct asks *asks;
    struct application_source *applications; ///< NULL: there are no names
    struct live *live;                       ///< NULL: no live records
    const struct format_settings *format;    ///< of documents (flows, live): -format ecs
    api_health_fn *health;
    api_judge_fn *judge;  ///< NULL: nothing besides the store's
    void *health_context; ///< of both
};

/// ERR_NO_MEMORY.
int api_new(const struct api_settings *settings, struct api **ret_api, struct err *err) MUST_USE;
void api_free(struct api *a);

/// Answers what is below /api/v1; false: the path is not. Any thread.
bool api_handle(struct api *a, const struct server_request *request,
                struct server_response *response);

/// api_handle() with what it asks for itself: the Accept header (NULL: none) and the time. The
/// same request at the same time is answered the same.
bool api_handle_at(struct api *a, const struct server_request *request, const char *accept,
                   uint64_t now_ns, struct server_response *response);
