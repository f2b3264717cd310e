// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a request: "GET /api/v1/top?dims=src", and its Accept header in a second line. It is
 * answered twice, by an API without a store; then its parameters are read as the API reads them.
 *
 * What is wrong with them is said in whole characters and at a place inside the text, and the
 * answer is JSON. What is fine is a question that a store can be asked: it reads the same in
 * another order and with every byte as %XX, its times and its cursor read back as they are printed,
 * and an answer to it, with the bytes of the request in its cells, is of the form asked for.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json_find.h"
#include "base/json_rd.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "query/when.h"
#include "store/sql.h"
#include "web/api.h"
#include "web/api_answer.h"
#include "web/api_params.h"
#include "web/api_records.h"
#include "web/arguments.h"
#include "web/live.h"

#define ROOT "/api/v1/"
#define NOW_NS (UINT64_C(1767300000) * NS_PER_S)

enum { OUT_SIZE_MAX = 1 << 20, CURSOR_SIZE = 40, ROWS = 3, CELL_TEXT_MAX = 24 };

struct world {
    struct application_source *source;
    struct applications *applications; ///< of it
    struct mapping *mapping;
    struct format_settings format;
    struct live *live;
    struct api *api;
};

static const struct world *world(void)
{
    static struct world w;
    struct err err;
    if (w.api != NULL) {
        return &w;
    }
    CHECK(application_source_new("", &w.source, &err) == 0);
    w.applications = application_source_get(w.source);
    CHECK(mapping_default(&w.mapping) == 0);
    w.format = (struct format_settings){ .name = "json", .mapping = w.mapping };
    CHECK(live_new(&w.format, &w.live, &err) == 0);
    const struct api_settings settings = { .applications = w.source,
                                           .live = w.live,
                                           .format = &w.format };
    CHECK(api_new(&settings, &w.api, &err) == 0);
    return &w;
}

// --- Texts ---------------------------------------------------------------------------------------

static bool is_utf8(const void *text, size_t size)
{
    const uint8_t *at = text;
    uint32_t code;
    for (size_t length; size > 0; at += length, size -= length) {
        length = utf8_next(at, size, &code);
        if (length == 0) {
            return false;
        }
    }
    return true;
}

/// One value and the end of its line.
static void check_json(const uint8_t *json, size_t size)
{
    struct json_rd r = { .begin = json, .at = json, .end = json + size };
    CHECK(is_utf8(json, size));
    CHECK(size > 0 && json_rd_value(&r) && r.at + 1 == r.end && *r.at == '\n');
}

static void check_json_lines(const uint8_t *at, size_t size)
{
    while (size > 0) {
        const uint8_t *end = memchr(at, '\n', size);
        CHECK(end != NULL);
        size_t length = (size_t)(end + 1 - at);
        check_json(at, length);
        at += length;
        size -= length;
    }
}

/// Rows of RFC 4180, all of as many cells as the first.
static size_t check_csv(const uint8_t *at, size_t size)
{
    const uint8_t *end = at + size;
    size_t rows = 0;
    size_t first = 0;
    for (size_t cells = 1; at < end; cells++) {
        bool quoted = *at == '"';
        at += quoted;
        while (quoted) {
            at = memchr(at, '"', (size_t)(end - at));
            CHECK(at != NULL && at + 1 < end);
            quoted = at[1] == '"'; // one that is meant, and the text goes on
            at += quoted ? 2 : 1;
        }
        while (at < end && *at != ',' && *at != '\r') {
            CHECK(*at != '"' && *at != '\n');
            at++;
        }
        CHECK(at < end);
        if (*at++ == '\r') {
            CHECK(at < end && *at++ == '\n');
            first = rows++ == 0 ? cells : first;
            CHECK(cells == first);
            cells = 0;
        }
    }
    return rows;
}

// --- The request and its answer ------------------------------------------------------------------

struct asking {
    const struct world *world;
    struct server_request request;
    const char *accept;
    enum api_endpoint endpoint; ///< API_ENDPOINT_COUNT: none
};

/// The parts of the text, which is taken apart.
static struct asking split(char *text)
{
    struct asking a = { .world = world(), .endpoint = API_ENDPOINT_COUNT };
    char *line_end = strchr(text, '\n');
    if (line_end != NULL) {
        *line_end = '\0';
        a.accept = line_end + 1;
    }
    char *blank = strchr(text, ' ');
    char *path = blank == NULL ? text : blank + 1;
    char *question = strchr(path, '?');
    if (blank != NULL) {
        *blank = '\0';
    }
    if (question != NULL) {
        *question = '\0';
    }
    a.request = (struct server_request){ .method = blank == NULL ? "GET" : text,
                                         .path = path,
                                         .query = question == NULL ? NULL : question + 1 };
    if (strncmp(path, ROOT, strlen(ROOT)) == 0) {
        a.endpoint = api_endpoint_find(path + strlen(ROOT));
    }
    return a;
}

static bool answer(const struct asking *a, struct server_response *response)
{
    *response = (struct server_response){ .status = 200 };
    buf_init(&response->body, SERVER_BODY_SIZE_MAX);
    bool below = api_handle_at(a->world->api, &a->request, a->accept, (uint64_t)NOW_NS, response);
    if (response->stream.more != NULL) {
        response->stream.close(response->stream.context);
    }
    return below;
}

static void check_same(const struct server_response *one, const struct server_response *two)
{
    CHECK(one->status == two->status && strcmp(one->content_type, two->content_type) == 0);
    CHECK((one->stream.more == NULL) == (two->stream.more == NULL));
    CHECK(one->body.size == two->body.size && !one->body.bad && !two->body.bad);
    CHECK(one->body.size == 0 || memcmp(one->body.data, two->body.data, one->body.size) == 0);
    CHECK(one->header_count == two->header_count);
    for (size_t i = 0; i < one->header_count; i++) {
        CHECK(strcmp(one->headers[i].name, two->headers[i].name) == 0);
        CHECK(strcmp(one->headers[i].value, two->headers[i].value) == 0);
        CHECK(strpbrk(one->headers[i].value, "\r\n") == NULL);
    }
}

static void check_response(const struct asking *a, const struct server_response *r)
{
    struct json_value text;
    if (r->stream.more != NULL) {
        CHECK(r->status == 200 && a->endpoint == API_LIVE);
        return;
    }
    CHECK(strcmp(r->content_type, "application/json") == 0); // there is no store for other forms
    check_json(r->body.data, r->body.size);
    bool wrong = json_find(r->body.data, r->body.size, "error/text", &text);
    CHECK(wrong == (r->status != 200) && (!wrong || text.size > 2)); // with its quotes
    CHECK((r->status == 404) == (a->endpoint == API_ENDPOINT_COUNT));
}

// --- What is wrong with the parameters -----------------------------------------------------------

static bool are_utf8(const struct arguments *a)
{
    return is_utf8(a->texts.data, a->texts.size);
}

/// The place is in q, between two characters, and counted in both ways.
static void check_place(const struct api_fault *fault, const char *condition)
{
    CHECK(condition != NULL && strcmp(fault->parameter, "q") == 0);
    size_t size = strlen(condition);
    size_t column = 1;
    CHECK(fault->position <= size);
    for (size_t i = 0; i < fault->position; i++) {
        column += ((unsigned char)condition[i] & 0xc0) != 0x80;
    }
    CHECK(fault->column == column);
    CHECK(!is_utf8(condition, size) ||
          is_utf8(condition + fault->position, size - fault->position));
}

static void check_fault(const struct asking *a, const struct api_fault *fault,
                        const struct arguments *arguments, const struct server_response *response)
{
    CHECK(fault->status == 400 && fault->text[0] != '\0');
    CHECK(memchr(fault->text, '\0', sizeof(fault->text)) != NULL);
    CHECK(!are_utf8(arguments) || is_utf8(fault->text, strlen(fault->text)));
    if (fault->parameter != NULL) {
        enum api_param p = 0;
        while (p < PARAM_COUNT && strcmp(api_params[p].name, fault->parameter) != 0) {
            p++;
        }
        CHECK(p < PARAM_COUNT && (api_params[p].where >> a->endpoint & 1) != 0);
    }
    if (fault->placed) {
        check_place(fault, arguments_find(arguments, "q"));
    }
    struct buf body;
    buf_init(&body, OUT_SIZE_MAX);
    api_fault_put(fault, &body);
    CHECK(response->status == fault->status && response->body.size == body.size &&
          memcmp(response->body.data, body.data, body.size) == 0);
    buf_release(&body);
}

// --- What is fine --------------------------------------------------------------------------------

static void check_times(const struct question *q, int32_t zone_s)
{
    const int64_t times[] = { q->from_ns, q->to_ns };
    int64_t ns;
    CHECK(q->from_ns < q->to_ns && !__builtin_sub_overflow(q->to_ns, q->from_ns, &ns));
    CHECK(q->before_ns >= 0 && !__builtin_sub_overflow(q->from_ns, q->before_ns, &ns));
    CHECK(!__builtin_sub_overflow(q->compare_to_ns, q->compare_from_ns, &ns) && ns >= 0);
    CHECK(q->step_ns >= 0);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct buf text;
        buf_init(&text, OUT_SIZE_MAX);
        api_time_put(times[i], zone_s, &text);
        CHECK(when_parse(buf_text(&text), text.size, NOW_NS, 0, &ns) == 0 && ns == times[i]);
        buf_release(&text);
    }
}

static void check_field(enum query_field field)
{
    CHECK(field < QUERY_OTHER && query_field_info(field).path != NULL);
}

static void check_asked(enum api_endpoint endpoint, const struct api_asked *asked)
{
    const struct question *q = &asked->question;
    check_times(q, asked->zone_s);
    CHECK(q->limit >= 1 && q->limit <= (endpoint == API_FLOWS ? API_FLOWS_MAX : ASK_ROWS_MAX));
    CHECK(asked->rate >= 1 && asked->rate <= API_RATE_MAX);
    CHECK(q->dimension_count <= ASK_DIMENSIONS_MAX && asked->column_count <= API_COLUMNS_MAX);
    CHECK(endpoint != API_TOP || q->dimension_count > 0);
    CHECK(endpoint != API_MATRIX || q->dimension_count == 2);
    for (size_t i = 0; i < q->dimension_count; i++) {
        const struct dimension *d = &q->dimensions[i];
        check_field(d->field);
        CHECK(d->prefix_v4 <= 32 && d->prefix_v6 <= 128);
    }
    for (size_t i = 0; i < asked->column_count; i++) {
        check_field(asked->columns[i]);
    }
    CHECK(asked->form != API_JSON || endpoint != API_EXPORT);
    CHECK(asked->form != API_PARQUET || endpoint == API_EXPORT);
}

/// A cursor is what it was made of, whatever that was.
static void check_cursor(int64_t ts, uint64_t id)
{
    char query[CURSOR_SIZE + 8] = "after=";
    struct api_asked asked;
    struct api_fault fault;
    const struct api_moment moment = { .now_ns = NOW_NS };
    api_cursor_put(ts, id, query + strlen(query), CURSOR_SIZE);
    CHECK(api_params_read(API_FLOWS, query, NULL, &moment, &asked, &fault) == 0);
    CHECK(asked.after_ts == ts && asked.after_id == id);
    api_asked_release(&asked);
}

static void check_after(const struct api_asked *asked, const struct arguments *arguments)
{
    char cursor[CURSOR_SIZE];
    const char *after = arguments_find(arguments, "after");
    if (after != NULL) {
        api_cursor_put(asked->after_ts, asked->after_id, cursor, sizeof(cursor));
        CHECK(strcasecmp(cursor, after) == 0);
    }
    check_cursor(asked->question.from_ns, (uint64_t)asked->question.to_ns);
}

static void check_alike(const struct api_asked *a, const struct api_asked *b)
{
    const struct question *p = &a->question;
    const struct question *q = &b->question;
    CHECK(p->from_ns == q->from_ns && p->to_ns == q->to_ns && p->step_ns == q->step_ns);
    CHECK(p->before_ns == q->before_ns && p->compare_from_ns == q->compare_from_ns);
    CHECK(p->compare_to_ns == q->compare_to_ns && p->tier == q->tier && p->by == q->by);
    CHECK(p->rank == q->rank && p->limit == q->limit && p->other == q->other);
    CHECK(p->no_rates == q->no_rates);
    CHECK(p->both == q->both && p->dimension_count == q->dimension_count);
    CHECK((p->filter == NULL) == (q->filter == NULL));
    CHECK(memcmp(p->dimensions, q->dimensions, sizeof(p->dimensions)) == 0);
    CHECK(a->zone_s == b->zone_s && a->field == b->field && strcmp(a->prefix, b->prefix) == 0);
    CHECK(a->after_ts == b->after_ts && a->after_id == b->after_id && a->rate == b->rate);
    CHECK(a->form == b->form && a->column_count == b->column_count);
    CHECK(memcmp(a->columns, b->columns, a->column_count * sizeof(a->columns[0])) == 0);
}

static void put_encoded(const char *text, struct buf *out)
{
    for (; *text != '\0'; text++) {
        buf_printf(out, "%%%02x", (unsigned)(unsigned char)*text);
    }
}

/// The same parameters from the last to the first, every byte of them as %XX.
static void check_turned(const struct asking *a, const struct api_moment *moment,
                         const struct arguments *arguments, const struct api_asked *asked)
{
    struct buf query;
    struct arguments again;
    struct api_asked turned;
    struct api_fault fault;
    buf_init(&query, OUT_SIZE_MAX);
    for (size_t i = arguments->count; i-- > 0;) {
        put_encoded(arguments_name(arguments, i), &query);
        buf_append_char(&query, '=');
        put_encoded(arguments_value(arguments, i), &query);
        buf_append_text(&query, i > 0 ? "&" : "");
    }
    CHECK(arguments_read(buf_text(&query), &again) == ARGUMENTS_FINE);
    CHECK(again.count == arguments->count);
    for (size_t i = 0; i < again.count; i++) {
        size_t before = again.count - 1 - i;
        CHECK(strcmp(arguments_name(&again, i), arguments_name(arguments, before)) == 0);
        CHECK(strcmp(arguments_value(&again, i), arguments_value(arguments, before)) == 0);
    }
    int status = api_params_read(a->endpoint, buf_text(&query), a->accept, moment, &turned, &fault);
    CHECK((status == 0) == (asked != NULL));
    if (status == 0) {
        check_alike(asked, &turned);
        api_asked_release(&turned);
    }
    arguments_release(&again);
    buf_release(&query);
}

/// A condition that was read is one in SQL, the other way round too.
static void check_filter(const struct kql *filter)
{
    struct kql *back;
    struct sql q;
    if (filter == NULL) {
        return;
    }
    CHECK(kql_reverse(filter, &back) == 0);
    sql_init(&q);
    sql_where(&q, filter);
    sql_text(&q, " AND ");
    sql_where(&q, back);
    CHECK(q.bad || q.text.size > 0);
    sql_release(&q);
    kql_free(back);
}

// --- An answer to it -----------------------------------------------------------------------------

/// Bytes of the request as a cell of any kind.
static void put_cell(struct answer *a, const uint8_t *data, size_t size)
{
    struct cell cell = { .kind = size == 0 ? CELL_NULL : (enum cell_kind)(data[0] % 7) };
    size_t count = size < CELL_TEXT_MAX ? size : CELL_TEXT_MAX;
    if (cell.kind == CELL_TEXT) {
        cell.text = (struct span){ .offset = (uint32_t)a->texts.size, .count = (uint32_t)count };
        buf_append(&a->texts, data, count);
    } else if (cell.kind == CELL_BOOL) {
        cell.yes = size > 1 && data[1] % 2 == 1;
    } else {
        memcpy(&cell.u64, data, count < sizeof(cell.u64) ? count : sizeof(cell.u64));
    }
    buf_append(&a->cells, &cell, sizeof(cell));
}

static void make_answer(const struct api_asked *asked, const uint8_t *data, size_t size,
                        struct answer *ret_answer)
{
    struct answer *a = ret_answer;
    answer_init(a);
    for (size_t i = 0; i < asked->question.dimension_count; i++) {
        a->columns[a->column_count++] = query_field_info(asked->question.dimensions[i].field).path;
    }
    a->columns[a->column_count++] = "bytes";
    a->columns[a->column_count++] = "value";
    a->step_ns = asked->question.step_ns;
    a->row_count = ROWS;
    (void)snprintf(a->note, sizeof(a->note), "%.*s",
                   (int)(size < CELL_TEXT_MAX ? size : CELL_TEXT_MAX), (const char *)data); // fits
    for (size_t i = 0; i < ROWS * a->column_count; i++) {
        size_t at = i * size / (ROWS * a->column_count);
        put_cell(a, data + at, size - at);
    }
}

static void check_form(const struct api_asked *asked, const uint8_t *data, size_t size)
{
    struct answer a;
    struct buf out;
    buf_init(&out, OUT_SIZE_MAX);
    make_answer(asked, data, size, &a);
    api_answer_put(&a, asked, &out);
    CHECK(!out.bad && !a.cells.bad && !a.texts.bad);
    if (asked->form == API_CSV) {
        CHECK(check_csv(out.data, out.size) == ROWS + 1);
        buf_clear(&out);
        api_page_put_header(asked, &out);
        CHECK(check_csv(out.data, out.size) == 1);
    } else if (asked->form == API_NDJSON) {
        check_json_lines(out.data, out.size);
    } else {
        check_json(out.data, out.size);
    }
    answer_release(&a);
    buf_release(&out);
}

// --- One input -----------------------------------------------------------------------------------

static void check_parameters(const struct asking *a, const struct server_response *response,
                             const uint8_t *data, size_t size)
{
    struct api_asked asked;
    struct api_fault fault;
    struct arguments arguments;
    const struct api_moment moment = { .now_ns = NOW_NS, .applications = a->world->applications };
    bool whole = arguments_read(a->request.query, &arguments) == ARGUMENTS_FINE;
    bool fine =
        api_params_read(a->endpoint, a->request.query, a->accept, &moment, &asked, &fault) == 0;
    CHECK(whole || !fine);
    if (whole) {
        check_turned(a, &moment, &arguments, fine ? &asked : NULL);
    }
    if (fine) {
        CHECK(response->status != 400);
        check_asked(a->endpoint, &asked);
        check_after(&asked, &arguments);
        check_filter(asked.filter);
        check_form(&asked, data, size);
        api_asked_release(&asked);
    } else {
        check_fault(a, &fault, &arguments, response);
    }
    arguments_release(&arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct server_response one;
    struct server_response two;
    char *text = mem_zalloc(size + 1);
    CHECK(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    const struct asking a = split(text);
    bool below = answer(&a, &one);
    CHECK(answer(&a, &two) == below);
    CHECK(below || a.endpoint == API_ENDPOINT_COUNT);
    if (below) {
        check_same(&one, &two);
        check_response(&a, &one);
    }
    if (a.endpoint != API_ENDPOINT_COUNT && one.status != 405) {
        check_parameters(&a, &one, data, size);
    }
    buf_release(&one.body);
    buf_release(&two.body);
    mem_free(text);
    return 0;
}
