// SPDX-License-Identifier: Apache-2.0
/*
 * From the arguments of a request to a question: which parameters an end point has
 * (api_params.def), what they may be, and what is said about those that are wrong. Knows no store
 * and no server.
 *
 * Nothing is guessed: a parameter that the end point has not, one given twice and a value of
 * another form are refused, each with its name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "query/applications.h"
#include "store/ask.h"

enum api_endpoint {
#define API_ENDPOINT(name, path, help) API_##name,
#include "web/api_params.def"
#undef API_ENDPOINT
    API_ENDPOINT_COUNT
};

enum api_param {
#define API_PARAM(name, text, where, schema, help) PARAM_##name,
#include "web/api_params.def"
#undef API_PARAM
    PARAM_COUNT
};

struct api_param_info {
    const char *name;
    uint32_t where; ///< a bit for each end point
    const char *schema;
    const char *help;
};

extern const struct api_param_info api_params[PARAM_COUNT];

struct api_endpoint_info {
    const char *name;
    const char *help;
};
extern const struct api_endpoint_info api_endpoints[API_ENDPOINT_COUNT];

/// Where an end point is called `name` (behind /api/v1/); API_ENDPOINT_COUNT: nowhere.
enum api_endpoint api_endpoint_find(const char *name);

enum api_form { API_JSON, API_CSV, API_NDJSON, API_PARQUET };

enum {
    API_PREFIX_SIZE_MAX = 256,
    API_FLOWS_MAX = 1000,
    API_COLUMNS_MAX = 32,
    API_RATE_MAX = 1000,
};

/// What was asked. `question.filter` is `filter`.
struct api_asked {
    struct question question;
    struct kql *filter; ///< owned
    int32_t zone_s;     ///< of times in the answer, as of the end of the time
    enum query_field field;
    char prefix[API_PREFIX_SIZE_MAX];
    int64_t after_ts;
    uint64_t after_id;
    unsigned rate;
    enum api_form form;
    size_t column_count; ///< of flows as CSV
    enum query_field columns[API_COLUMNS_MAX];
};

/// What is wrong with a request.
struct api_fault {
    unsigned status;       ///< HTTP's
    const char *parameter; ///< a constant; NULL: of none
    bool placed;           ///< position and column are of q
    size_t position;
    size_t column;
    char text[320];
};

struct api_moment {
    uint64_t now_ns;
    const struct applications *applications;
    const struct mapping *mapping; ///< outlives what is asked; NULL: without custom columns
};

/// Reads `query` (raw) and the Accept header (NULL: none). Non-zero: `ret_fault` says what is
/// wrong, and nothing is to be released.
int api_params_read(enum api_endpoint endpoint, const char *query, const char *accept,
                    const struct api_moment *moment, struct api_asked *ret_asked,
                    struct api_fault *ret_fault) MUST_USE;
void api_asked_release(struct api_asked *asked);

/// The cursor behind a record; at least 40 bytes.
void api_cursor_put(int64_t ts, uint64_t id, char *ret_text, size_t size);
