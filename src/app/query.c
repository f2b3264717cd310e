// SPDX-License-Identifier: Apache-2.0
/*
 * weir query: the flags become a request of /api/v1 (docs/api.md), which the weir that has the
 * store answers on its local socket. Where none runs the store is opened here, and the same code
 * answers. So the two say the same, and both say what a browser would be told.
 *
 * json, csv and ndjson are the API's own, written as they come; a table is made of its JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/ecs_options.h"
#include "app/local.h"
#include "app/query_table.h"
#include "app/store_host.h"
#include "app/store_options.h"
#include "base/clock.h"
#include "base/json_find.h"
#include "base/mem.h"
#include "base/num.h"
#include "flow/mapping.h"
#include "format/format.h"
#include "store/ask.h"
#include "web/api.h"

enum {
    PATH_SIZE_MAX = 4 << 20,
    OUT_SIZE_MAX = 64 << 20,
    STREAM_PART_SIZE = 64 << 10,
    WIDTH_DEFAULT = 120,
    ZONE_SIZE = 8,
};

/// Longer than the time limit of a question, so that the answer is why it took too long.
#define ANSWER_TIMEOUT_NS(s) ((s)->store_timeout_ns + 30 * NS_PER_S)

enum question_kind { QUESTION_FLOWS, QUESTION_TOP, QUESTION_SERIES };

static enum question_kind kind_of(const struct settings *s)
{
    return s->top[0] != '\0'      ? QUESTION_TOP
           : s->series[0] != '\0' ? QUESTION_SERIES
                                  : QUESTION_FLOWS;
}

// --- The request ---------------------------------------------------------------------------------

static void append_encoded(struct buf *out, const char *text)
{
    static const char SAFE[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    for (; *text != '\0'; text++) {
        if (strchr(SAFE, *text) != NULL) {
            buf_append_char(out, *text);
        } else {
            buf_printf(out, "%%%02X", (unsigned)(uint8_t)*text);
        }
    }
}

static void append_argument(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s%s=", out->size == 0 ? "" : "&", name);
    append_encoded(out, value);
}

/// How far this machine's clock on the wall is from UTC now: "+01:00".
static const char *local_zone(char text[static ZONE_SIZE])
{
    time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
    struct tm tm = { 0 };
    long seconds = localtime_r(&now, &tm) == NULL ? 0 : tm.tm_gmtoff;
    long minutes = (seconds < 0 ? -seconds : seconds) / 60;
    (void)snprintf(text, ZONE_SIZE, "%c%02u:%02u", seconds < 0 ? '-' : '+',
                   (unsigned)(minutes / 60) % 100, (unsigned)(minutes % 60)); // fits
    return text;
}

/// The words of the condition, as they would stand without a shell.
static void join_condition(const struct settings *s, struct buf *out)
{
    for (int i = 0; i < s->arg_count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : " ", s->args[i]);
    }
}

static void append_times(struct buf *out, const struct settings *s)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "now-%llus",
                   (unsigned long long)(s->last_ns / NS_PER_S)); // fits
    append_argument(out, "from", s->from[0] == '\0' ? text : s->from);
    if (s->to[0] != '\0') {
        append_argument(out, "to", s->to);
    }
    append_argument(out, "tz", s->tz[0] == '\0' ? local_zone(text) : s->tz);
}

/// All behind the question mark.
static void make_arguments(const struct settings *s, const char *condition, struct buf *out)
{
    char text[64];
    enum question_kind kind = kind_of(s);
    bool table = strcmp(s->output, "table") == 0;
    if (condition[0] != '\0') {
        append_argument(out, "q", condition);
    }
    append_times(out, s);
    (void)snprintf(text, sizeof(text), "%lld", (long long)s->rows); // fits
    append_argument(out, "n", text);
    append_argument(out, "format", table ? "json" : s->output);
    if (kind == QUESTION_FLOWS) {
        return;
    }
    const char *fields = kind == QUESTION_TOP ? s->top : s->series;
    if (kind == QUESTION_TOP || strcmp(fields, "total") != 0) {
        append_argument(out, "dims", fields);
    }
    append_argument(out, "by", s->by);
    if (s->other) {
        append_argument(out, "other", "true");
    }
    if (s->both) {
        append_argument(out, "both", "true");
    }
    if (kind == QUESTION_TOP && table) { // which shows the average only
        append_argument(out, "rates", "false");
    }
    if (kind == QUESTION_SERIES && s->step_ns > 0) {
        (void)snprintf(text, sizeof(text), "%llus",
                       (unsigned long long)(s->step_ns / NS_PER_S)); // fits
        append_argument(out, "step", text);
    }
}

static const char *path_of(enum question_kind kind)
{
    return kind == QUESTION_TOP      ? "/api/v1/top"
           : kind == QUESTION_SERIES ? "/api/v1/series"
                                     : "/api/v1/flows";
}

// --- Asking --------------------------------------------------------------------------------------

/// What came back: HTTP's status and the body.
struct answered {
    unsigned status;
    struct buf body;
};

static int ask_there(const struct settings *s, const char *socket, const char *arguments,
                     struct answered *ret_answer, struct err *err)
{
    struct local *local;
    struct buf path;
    struct cluster_reply reply;
    if (local_open(socket, ANSWER_TIMEOUT_NS(s), &local, err) != 0) {
        return err->status;
    }
    buf_init(&path, PATH_SIZE_MAX);
    cluster_reply_init(&reply);
    buf_printf(&path, "%s?", path_of(kind_of(s)));
    buf_append_text(&path, arguments);
    const struct cluster_request request = { .method = "GET", .path = buf_text(&path) };
    int status = local_ask(local, &request, &reply) == 0 ? 0 : local_complain(&reply, err);
    if (status == 0) {
        ret_answer->status = reply.status;
        buf_append(&ret_answer->body, reply.body.data, reply.body.size);
    }
    cluster_reply_release(&reply);
    buf_release(&path);
    local_close(local);
    return status;
}

/// The store, and what answers, in this process.
struct here {
    struct mapping *mapping;
    struct ecs_options ecs;
    struct format_settings format;
    struct application_source *applications;
    struct store *store;
    struct asks *asks;
    struct api *api;
};

static int open_here(struct here *h, const struct settings *s, struct store_options *o,
                     struct err *err)
{
    if (s->mapping[0] != '\0') {
        if (mapping_load(s->mapping, &h->mapping, err) != 0) {
            return err->status;
        }
    } else if (mapping_default(&h->mapping) != 0) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    o->settings.mapping = h->mapping;
    if (store_options_find(o, err) != 0 || ecs_options_read(&h->ecs, s, err) != 0 ||
        application_source_new(s->names, &h->applications, err) != 0 ||
        store_open(&o->settings, &h->store, err) != 0) {
        return err->status;
    }
    const struct asks_settings asks = { .store = h->store,
                                        .applications = h->applications,
                                        .timeout_ns = s->store_timeout_ns,
                                        .running_max = 1,
                                        .waiting_max = 1 };
    if (asks_new(&asks, &h->asks, err) != 0) {
        return err->status;
    }
    h->format =
        (struct format_settings){ .name = "ecs", .mapping = h->mapping, .ecs = &h->ecs.ecs };
    const struct api_settings api = {
        .store = h->store, .asks = h->asks, .applications = h->applications, .format = &h->format
    };
    return api_new(&api, &h->api, err);
}

static void close_here(struct here *h)
{
    api_free(h->api);
    asks_free(h->asks);
    store_close(h->store);
    application_source_free(h->applications);
    ecs_options_release(&h->ecs);
    mapping_free(h->mapping);
}

/// Takes what comes bit by bit.
static void drain(const struct server_stream *stream, struct buf *out)
{
    uint8_t part[STREAM_PART_SIZE / 16];
    for (;;) {
        ptrdiff_t size = stream->more(stream->context, part, sizeof(part));
        if (size < 0 || out->bad) {
            break;
        }
        buf_append(out, part, (size_t)size);
    }
    stream->close(stream->context);
}

static int ask_here(const struct settings *s, struct store_options *o, const char *arguments,
                    struct answered *ret_answer, struct err *err)
{
    struct here here = { .store = NULL };
    int status = open_here(&here, s, o, err);
    if (status == 0) {
        const struct server_request request = {
            .method = "GET", .path = path_of(kind_of(s)), .query = arguments, .is_local = true
        };
        struct server_response response = { .status = 200 };
        buf_init(&response.body, SERVER_BODY_SIZE_MAX);
        (void)api_handle(here.api, &request, &response); // the path is one of its own
        if (response.stream.more != NULL) {
            drain(&response.stream, &response.body);
        }
        ret_answer->status = response.status;
        buf_append(&ret_answer->body, response.body.data, response.body.size);
        buf_release(&response.body);
    }
    close_here(&here);
    return status;
}

// --- Showing -------------------------------------------------------------------------------------

static struct query_look look_of(int fd)
{
    struct winsize size;
    bool is_terminal = isatty(fd) == 1;
    const char *no_color = secure_getenv("NO_COLOR");
    const char *term = secure_getenv("TERM");
    bool plain =
        (no_color != NULL && no_color[0] != '\0') || (term != NULL && strcmp(term, "dumb") == 0);
    struct query_look look = { .width = 0, .color = is_terminal && !plain };
    if (is_terminal) {
        bool known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
        look.width = known ? size.ws_col : WIDTH_DEFAULT;
    }
    return look;
}

/// A question that cannot be answered: what is wrong, and in a condition where.
static int show_error(const struct answered *a, const char *condition)
{
    const struct query_look look = look_of(STDERR_FILENO);
    struct json_value v;
    uint64_t column = 0;
    struct buf text;
    struct buf out;
    buf_init(&text, OUT_SIZE_MAX);
    buf_init(&out, OUT_SIZE_MAX);
    if (!json_find_text(a->body.data, a->body.size, "error/text", &text)) {
        buf_printf(&text, "the answer is HTTP status %u", a->status);
    }
    bool placed = json_find(a->body.data, a->body.size, "error/column", &v) &&
                  num_get_u64((const char *)v.data, v.size, UINT32_MAX, &column) == 0 && column > 0;
    if (placed && condition[0] != '\0') {
        query_mistake_print(condition, column, buf_text(&text), &look, &out);
    } else {
        buf_printf(&out, "weir: %s\n", buf_text(&text));
    }
    (void)fputs(buf_text(&out), stderr); // nowhere else to say it
    buf_release(&text);
    buf_release(&out);
    return a->status == 400 ? EXIT_USAGE : EXIT_CANNOT_RUN;
}

static int show(const struct settings *s, const struct answered *a)
{
    const struct query_look look = look_of(STDOUT_FILENO);
    struct buf out;
    buf_init(&out, OUT_SIZE_MAX);
    bool ok = true;
    if (strcmp(s->output, "table") != 0) {
        buf_append(&out, a->body.data, a->body.size);
    } else if (kind_of(s) == QUESTION_FLOWS) {
        ok = query_flows_print(a->body.data, a->body.size, &look, &out);
    } else {
        ok = query_table_print(a->body.data, a->body.size, &look, &out);
    }
    if (!ok) {
        (void)fputs("weir: the answer cannot be shown as a table; -o json shows it as it is\n",
                    stderr);   // nowhere else to say it
    } else if (out.size > 0 && // else there is not even an address of it
               (fwrite(out.data, 1, out.size, stdout) != out.size || fflush(stdout) != 0)) {
        ok = false; // nobody reads it
    }
    buf_release(&out);
    return ok ? EXIT_DONE : EXIT_CANNOT_RUN;
}

static int ask(const struct settings *s, const char *condition, struct answered *ret_answer,
               struct err *err)
{
    struct store_options *o = mem_zalloc(sizeof(*o));
    struct buf arguments;
    buf_init(&arguments, PATH_SIZE_MAX);
    CHECK(o != NULL); // a few kilobytes
    make_arguments(s, condition, &arguments);
    int status = settings_check(s, err);
    status = status == 0 ? store_options_read(o, s, NULL, err) : status;
    bool answers;
    if (status == 0) {
        status = store_host_find(o, s->store, &STORE_HOST_PATIENCE, &answers, err);
    }
    if (status == 0) {
        status = answers ? ask_there(s, o->socket, buf_text(&arguments), ret_answer, err)
                         : ask_here(s, o, buf_text(&arguments), ret_answer, err);
    }
    buf_release(&arguments);
    mem_free(o);
    return status;
}

int query_command(const struct settings *s)
{
    struct err err = { 0 };
    struct answered answer = { .status = 0 };
    struct buf condition;
    buf_init(&answer.body, OUT_SIZE_MAX);
    buf_init(&condition, PATH_SIZE_MAX);
    join_condition(s, &condition);
    int code = EXIT_CANNOT_RUN;
    if (ask(s, buf_text(&condition), &answer, &err) != 0) {
        (void)fprintf(stderr, "weir: %s\n", err.text); // nowhere else to say it
    } else if (answer.status != 200) {
        code = show_error(&answer, buf_text(&condition));
    } else {
        code = show(s, &answer);
    }
    buf_release(&condition);
    buf_release(&answer.body);
    return code;
}
