// SPDX-License-Identifier: Apache-2.0
/* See web/api.h: a path becomes an end point, its parameters a question, the answer a text. */
#include "web/api.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "store/sql.h"
#include "web/api_answer.h"
#include "web/api_export.h"
#include "web/api_health.h"
#include "web/api_params.h"
#include "web/api_records.h"
#include "web/live.h"
#include "web/openapi.h"

#define ROOT "/api/v1"

enum { RETRY_S = 2 };

struct api {
    struct api_settings settings;
    atomic_flag exporting;
};

int api_new(const struct api_settings *settings, struct api **ret_api, struct err *err)
{
    struct api *a = mem_zalloc(sizeof(*a));
    if (a == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    a->settings = *settings;
    atomic_flag_clear(&a->exporting);
    *ret_api = a;
    return 0;
}

void api_free(struct api *a)
{
    mem_free(a);
}

// --- What goes wrong -----------------------------------------------------------------------------

static void answer_fault(const struct api_fault *fault, struct server_response *response)
{
    buf_clear(&response->body);
    response->status = fault->status;
    response->content_type = "application/json";
    if (fault->status == 503) {
        server_add_header(response, "Retry-After", "%d", RETRY_S);
    }
    api_fault_put(fault, &response->body);
}

PRINTF_LIKE(3, 4)
static void answer_error(struct server_response *response, unsigned status, const char *format, ...)
{
    struct api_fault fault = { .status = status };
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fault.text, sizeof(fault.text), format, args); // cut if too long
    va_end(args);
    answer_fault(&fault, response);
}

/// What a question's failure is in HTTP. 499 is nginx's for a client that is gone: nobody reads it.
static void answer_failure(struct server_response *response, const struct err *err)
{
    unsigned status = err->status == ERR_FULL || err->status == ERR_NO_MEMORY ? 503
                      : err->status == ERR_CLOSED                             ? 499
                      : err->status == ERR_RANGE                              ? 504
                      : err->status == ERR_INVALID                            ? 400
                                                                              : 500;
    answer_error(response, status, "%s", err->text);
}

static void answer_unknown(struct server_response *response)
{
    struct buf *out = &response->body;
    response->status = 404;
    response->content_type = "application/json";
    buf_append_text(out, "{\"error\":{\"text\":\"there is no such end point\",\"endpoints\":[");
    for (size_t i = 0; i < API_ENDPOINT_COUNT; i++) {
        buf_printf(out, "%s\"" ROOT "/%s\"", i == 0 ? "" : ",", api_endpoints[i].name);
    }
    buf_append_text(out, "]}}\n");
}

// --- Tables --------------------------------------------------------------------------------------

static const char *content_type(enum api_form form)
{
    static const char *const TYPES[] = { "application/json", "text/csv; charset=utf-8",
                                         "application/x-ndjson", "application/vnd.apache.parquet" };
    return TYPES[form];
}

static bool is_gone(void *context)
{
    const struct server_request *const *at = context;
    const struct server_request *request = *at;
    return request->connection != NULL && server_is_gone(request);
}

/// The patience of a request; `request` must last as long.
static struct ask_patience patience_of(const struct server_request **request)
{
    return (struct ask_patience){ .is_gone = is_gone, .context = request };
}

static int ask_table(struct api *a, enum api_endpoint endpoint, const struct api_asked *asked,
                     const struct ask_patience *patience, struct answer *answer, struct err *err)
{
    struct asks *asks = a->settings.asks;
    const struct question *q = &asked->question;
    switch (endpoint) {
    case API_TOP:
        return ask_top(asks, q, patience, answer, err);
    case API_SERIES:
        return ask_series(asks, q, patience, answer, err);
    case API_MATRIX:
        return ask_matrix(asks, q, patience, answer, err);
    case API_CHANGES:
        return ask_changes(asks, q, patience, answer, err);
    case API_VALUES:
        return ask_values(asks, asked->field, asked->prefix, q, patience, answer, err);
    case API_EXPORTERS:
        return ask_exporters(asks, q, patience, answer, err);
    default:
        return ask_interfaces(asks, q, patience, answer, err);
    }
}

static void answer_table(struct api *a, enum api_endpoint endpoint, const struct api_asked *asked,
                         const struct server_request *request, struct server_response *response)
{
    struct err err;
    struct answer answer;
    const struct ask_patience patience = patience_of(&request);
    answer_init(&answer);
    if (ask_table(a, endpoint, asked, &patience, &answer, &err) != 0) {
        answer_failure(response, &err);
    } else {
        response->content_type = content_type(asked->form);
        api_answer_put(&answer, asked, &response->body);
        if (response->body.bad) {
            answer_error(response, 413, "the answer is too large: ask for fewer rows (n)");
        }
    }
    answer_release(&answer);
}

// --- Records -------------------------------------------------------------------------------------

static void put_page_end(const struct api_page *p, const struct api_asked *asked)
{
    buf_append_text(p->out, "],\"meta\":{");
    api_meta_time_put(asked, p->out);
    if (p->more) {
        char cursor[40];
        api_cursor_put(p->last_ts, p->last_id, cursor, sizeof(cursor));
        buf_printf(p->out, ",\"cursor\":\"%s\"", cursor);
    }
    buf_printf(p->out, ",\"cut\":%s}}\n", p->more ? "true" : "false");
}

static void answer_flows(struct api *a, const struct api_asked *asked,
                         const struct server_request *request, struct server_response *response)
{
    struct err err;
    const struct question *q = &asked->question;
    const struct ask_patience patience = patience_of(&request);
    struct api_page p = {
        .out = &response->body, .asked = asked, .form = asked->form, .limit = q->limit
    };
    if (format_new(a->settings.format, &p.format, &err) != 0) {
        answer_failure(response, &err);
        return;
    }
    response->content_type = content_type(asked->form);
    buf_append_text(p.out, asked->form == API_JSON ? "{\"rows\":[" : "");
    if (asked->form == API_CSV) {
        api_page_put_header(asked, p.out);
    }
    if (api_page_ask(a->settings.asks, q, asked->after_ts, asked->after_id, &patience, &p, &err) !=
        0) {
        answer_failure(response, &err);
    } else if (p.out->bad) {
        answer_error(response, 413, "the records are too large for one answer: ask for fewer (n)");
    } else if (asked->form == API_JSON) {
        put_page_end(&p, asked);
    }
    format_free(p.format);
}

// --- What needs no question ----------------------------------------------------------------------

static const char *type_text(enum query_type type)
{
    static const char *const TEXTS[] = { "date", "ip", "number", "keyword", "text" };
    return TEXTS[type];
}

static void put_aliases(const char *path, struct buf *out)
{
    const char *comma = "";
    const struct query_alias *alias;
    for (size_t i = 0; (alias = query_alias_at(i)) != NULL; i++) {
        if (strcmp(alias->paths[0], path) == 0 ||
            (alias->paths[1] != NULL && strcmp(alias->paths[1], path) == 0)) {
            buf_printf(out, "%s\"%s\"", comma, alias->name);
            comma = ",";
        }
    }
}

static void put_field(const struct query_field_info *info, bool groups, struct buf *out)
{
    bool ordered = info->type == QUERY_TYPE_NUMBER || info->type == QUERY_TYPE_DATE ||
                   info->type == QUERY_TYPE_IP;
    buf_append_text(out, "{\"path\":");
    json_append_text(out, info->path);
    buf_printf(out, ",\"type\":\"%s\",\"aliases\":[", type_text(info->type));
    put_aliases(info->path, out);
    buf_printf(out, "],\"groups\":%s,\"operators\":[\":\"%s],\"help\":", groups ? "true" : "false",
               ordered ? ",\"<\",\"<=\",\">\",\">=\"" : "");
    json_append_text(out, info->help == NULL ? "" : info->help);
    buf_append_char(out, '}');
}

/// A query_other_each_fn.
static void put_column(void *context, const struct query_other *other)
{
    enum { PATH_SIZE = sizeof(QUERY_OTHER_PREFIX) + QUERY_OTHER_NAME_MAX };
    char path[PATH_SIZE];
    int size = snprintf(path, sizeof(path), QUERY_OTHER_PREFIX "%s", other->name);
    if (size > 0 && size < PATH_SIZE) { // a longer name cannot be asked for
        buf_append_char(context, ',');
        put_field(&(struct query_field_info){ .path = path,
                                              .type = query_other_type(other),
                                              .help = "custom column of the mapping" },
                  false, context);
    }
}

/// Whether the mapping shows a column of its own in a field's place.
static bool is_hidden(const struct api *a, const char *path)
{
    const size_t prefix = strlen(QUERY_OTHER_PREFIX);
    return strncmp(path, QUERY_OTHER_PREFIX, prefix) == 0 &&
           query_other_is_shown(a->settings.format->mapping, path + prefix);
}

static void answer_fields(const struct api *a, struct server_response *response)
{
    struct buf *out = &response->body;
    struct sql_field column;
    buf_append_text(out, "{\"rows\":[");
    for (enum query_field f = 0; f < QUERY_OTHER; f++) {
        const struct query_field_info info = query_field_info(f);
        if (!is_hidden(a, info.path)) {
            buf_append_text(out, f == 0 ? "" : ",");
            put_field(&info, sql_field(f, &column), out);
        }
    }
    query_other_each(a->settings.format->mapping, put_column, out);
    buf_append_text(out, "]}\n");
}

static void answer_health(struct api *a, struct server_response *response)
{
    struct buf *out = &response->body;
    struct health_reasons reasons;
    struct store_state state;
    bool has_store = a->settings.store != NULL;
    health_reasons_init(&reasons);
    if (has_store) {
        state = store_state(a->settings.store);
        health_judge_store(&state, store_settings(a->settings.store), clock_mono_ns(), &reasons);
    }
    if (a->settings.judge != NULL) {
        a->settings.judge(a->settings.health_context, &reasons);
    }
    buf_append_char(out, '{');
    health_reasons_put(&reasons, out);
    health_reasons_release(&reasons);
    if (has_store) {
        health_store_put(&state, out);
    }
    if (a->settings.health != NULL) {
        a->settings.health(a->settings.health_context, out);
    }
    buf_printf(out, "\"has_store\":%s}\n", has_store ? "true" : "false");
}

static void answer_export(struct api *a, struct api_asked *asked,
                          const struct server_request *request, struct server_response *response)
{
    struct err err;
    const struct ask_patience patience = patience_of(&request);
    const struct api_export_from from = { .store = a->settings.store,
                                          .asks = a->settings.asks,
                                          .format = a->settings.format,
                                          .busy = &a->exporting,
                                          .patience = &patience };
    response->content_type = content_type(asked->form);
    if (api_export(&from, asked, response, &err) != 0) {
        answer_failure(response, &err);
    }
}

static void answer_live(struct api *a, struct api_asked *asked, struct server_response *response)
{
    if (a->settings.live == NULL) {
        answer_error(response, 503, "there are no live records here");
        return;
    }
    struct kql *filter = asked->filter;
    asked->filter = NULL; // the listener's from here on
    int status = live_listen(a->settings.live, filter, asked->rate, response);
    if (status != 0) {
        answer_error(response, 503, "%s",
                     status == ERR_FULL ? "too many listen already" : status_text(status));
    }
}

// --- Dispatch ------------------------------------------------------------------------------------

static void answer_endpoint(struct api *a, enum api_endpoint endpoint, struct api_asked *asked,
                            const struct server_request *request, struct server_response *response)
{
    bool needs_store = endpoint != API_FIELDS && endpoint != API_HEALTH && endpoint != API_LIVE &&
                       endpoint != API_OPENAPI;
    if (needs_store && (a->settings.store == NULL || a->settings.asks == NULL)) {
        answer_error(response, 503, "there is no store to ask: start weir with -transport store");
        return;
    }
    switch (endpoint) {
    case API_FIELDS:
        answer_fields(a, response);
        break;
    case API_HEALTH:
        answer_health(a, response);
        break;
    case API_FLOWS:
        answer_flows(a, asked, request, response);
        break;
    case API_LIVE:
        answer_live(a, asked, response);
        break;
    case API_OPENAPI:
        openapi_put(&response->body);
        break;
    case API_EXPORT:
        answer_export(a, asked, request, response);
        break;
    default:
        answer_table(a, endpoint, asked, request, response);
    }
}

bool api_handle_at(struct api *a, const struct server_request *request, const char *accept,
                   uint64_t now_ns, struct server_response *response)
{
    size_t root = strlen(ROOT);
    if (strncmp(request->path, ROOT, root) != 0 ||
        (request->path[root] != '/' && request->path[root] != '\0')) {
        return false;
    }
    const char *name = request->path + root + (request->path[root] == '/');
    enum api_endpoint endpoint = api_endpoint_find(name);
    response->content_type = "application/json";
    if (endpoint == API_ENDPOINT_COUNT) {
        answer_unknown(response);
        return true;
    }
    if (strcmp(request->method, "GET") != 0) {
        server_add_header(response, "Allow", "GET");
        answer_error(response, 405, "%s is asked with GET", name);
        return true;
    }
    struct api_asked asked;
    struct api_fault fault;
    // A condition has ports in place of the names of applications: these are needed no longer.
    struct application_source *source = a->settings.applications;
    struct applications *names = source == NULL ? NULL : application_source_get(source);
    const struct api_moment moment = {
        .now_ns = now_ns,
        .applications = names,
        .mapping = a->settings.format->mapping,
    };
    int status = api_params_read(endpoint, request->query, accept, &moment, &asked, &fault);
    applications_unref(names);
    if (status != 0) {
        answer_fault(&fault, response);
        return true;
    }
    answer_endpoint(a, endpoint, &asked, request, response);
    api_asked_release(&asked);
    return true;
}

bool api_handle(struct api *a, const struct server_request *request,
                struct server_response *response)
{
    const char *accept = request->connection == NULL ? NULL : server_header(request, "Accept");
    return api_handle_at(a, request, accept, clock_wall_ns(), response);
}
