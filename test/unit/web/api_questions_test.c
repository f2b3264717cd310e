// SPDX-License-Identifier: Apache-2.0
/*
 * Random requests to a store of a few records, which has its roll-ups and talkers: whatever the
 * parameters say becomes SQL that DuckDB takes, and the answer is of the form asked for, twice the
 * same. Condition and time choose the records that they choose among the same ones before they were
 * stored. SEED=n draws others, ROUNDS=n more.
 */
#include <stdlib.h>

#include "../folder.h"
#include "base/clock.h"
#include "base/json_rd.h"
#include "base/utf8.h"
#include "format/format.h"
#include "store/keeper.h"
#include "store/writer.h"
#include "web/api.h"
#include "web/api_params.h"

enum { PATH_SIZE = 256, QUERY_SIZE_MAX = 64 << 10, STREAM_PART = 64 << 10, RECORDS = 48 };
enum { ROUNDS = 100 };

#define NOW_NS (UINT64_C(1767300000) * NS_PER_S) // 2026-01-01T20:40:00Z
#define STEP_NS (UINT64_C(17) * 60 * NS_PER_S)

struct fixture {
    char folder[FOLDER_SIZE];
    char store_folder[PATH_SIZE];
    struct application_source *source;
    struct applications *applications; ///< of it
    struct mapping *mapping;
    struct batch_pool *pool;
    struct batch *batch;
    struct store *store;
    struct asks *asks;
    struct format_settings format;
    struct api *api;
    struct err err;
    unsigned seed_number;
    uint64_t seed;
    enum api_endpoint endpoint;
    struct buf query;
};

static uint32_t below(struct fixture *f, uint32_t n)
{
    f->seed ^= f->seed << 13;
    f->seed ^= f->seed >> 7;
    f->seed ^= f->seed << 17;
    return (uint32_t)(f->seed % n);
}

#define ok(f, call)                                                                                \
    do {                                                                                           \
        if ((call) != 0) {                                                                         \
            fail_msg("%s: %s", #call, (f)->err.text);                                              \
        }                                                                                          \
    } while (0)

/// With the seed and the request, by which it can be asked again.
#define must(f, condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail_msg("SEED=%u: /api/v1/%s?%s: %s", (f)->seed_number,                               \
                     api_endpoints[(f)->endpoint].name, buf_text(&(f)->query), #condition);        \
        }                                                                                          \
    } while (0)

// --- The records ---------------------------------------------------------------------------------

static struct span append(struct batch *b, const char *text)
{
    return batch_append(b, text, strlen(text));
}

static void set_place(struct batch *b, struct place *p, unsigned i)
{
    static const char *const GEO[] = { "{\"country_iso_code\":\"DE\",\"city_name\":\"K\\u00f6ln\"}",
                                       "{\"country_iso_code\":\"FR\",\"country_name\":\"France\"}",
                                       "" };
    p->geo = append(b, GEO[i % 3]);
    p->as = append(b, i % 2 == 0 ? "" : "{\"number\":64500,\"organization\":{\"name\":\"=Net\"}}");
    p->network = append(b, i % 5 == 0 ? "office, \"north\"" : "");
    p->as_number = i % 2 == 0 ? 0 : 64500;
    if (i % 3 < 2) {
        memcpy(p->country, i % 3 == 0 ? "DE" : "FR", sizeof(p->country));
    }
}

static void set_lists(struct batch *b, struct flow *f, unsigned i)
{
    const uint32_t numbers[] = { 64500, i, UINT32_MAX };
    const struct addr addrs[] = { f->src_addr, f->dst_addr, f->next_hop };
    f->as_path = batch_append(b, numbers, sizeof(numbers));
    f->as_path.count = sizeof(numbers) / sizeof(numbers[0]);
    f->mpls_ip = batch_append(b, addrs, sizeof(addrs));
    f->mpls_ip.count = sizeof(addrs) / sizeof(addrs[0]);
}

static void set_flow(struct batch *b, struct flow *f, unsigned i)
{
    static const uint32_t PORTS[] = { 53, 443, 50000, 8443, 0 };
    const uint8_t v4[] = { 10, 0, (uint8_t)(i % 3), (uint8_t)i };
    const uint8_t v6[] = { 0x20, 0x01, 0x0d, 0xb8, [7] = (uint8_t)(i % 2), [15] = (uint8_t)i };
    const uint64_t lists = FLOW_BIT(FIELD_AS_PATH) | FLOW_BIT(FIELD_MPLS_IP);
    f->present = i % 7 == 0 ? UINT64_MAX >> (64 - FIELD_COUNT) : UINT64_C(0xffffff) | lists;
    f->src_addr = i % 4 == 0 ? addr_v6(v6) : addr_v4(v4);
    f->dst_addr = i % 5 == 0 ? (struct addr){ 0 } : addr_v4(v4);
    f->src_port = PORTS[i % 5];
    f->dst_port = PORTS[i % 3];
    f->proto = i % 13 == 0 ? 0 : i % 2 == 0 ? 6 : 17;
    f->etype = i % 4 == 0 ? 0x86dd : 0x800;
    f->bytes = i % 11 == 0 ? UINT64_MAX : i * UINT64_C(1000);
    f->packets = i;
    f->sampling_rate = i % 3 == 0 ? 0 : 1000;
    f->in_if = i % 4;
    f->out_if = 2;
    f->time_flow_start_ns = f->time_received_ns - i * NS_PER_S;
    f->time_flow_end_ns = f->time_received_ns + (i % 6) * STEP_NS;
    f->exporter_name = append(b, i % 2 == 0 ? "core-1" : "");
    f->in_names.name = append(b, i % 3 == 0 ? "uplink to ISP" : "");
    f->proto_text = append(b, i % 13 == 0 ? "Frob" : "");
    set_place(b, &f->src_place, i);
    set_place(b, &f->dst_place, i + 1);
    set_lists(b, f, i);
}

/// From now back, an error now and then.
static void make_records(struct batch *b)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        struct flow *f = &b->flows[b->flow_count++];
        *f = (struct flow){ .time_received_ns = NOW_NS - i * STEP_NS, .index = i };
        if (i % 16 == 15) {
            f->kind = RECORD_ERROR;
            f->original = append(b, "{");
            f->body = append(b, "no JSON: ends early");
        } else {
            set_flow(b, f, i);
        }
    }
}

// --- The store -----------------------------------------------------------------------------------

static void store_records(struct fixture *f)
{
    struct writer *writer;
    struct writer_count count;
    ok(f, writer_new(f->store, &writer, &f->err));
    assert_int_equal(writer_add(writer, f->batch, &count), 0);
    ok(f, writer_commit(writer, &count, &f->err));
    writer_free(writer);
    ok(f, keeper_run_once(f->store, &f->err));
}

static int set_up(void **state)
{
    static struct fixture f;
    const char *seed = getenv("SEED");
    f = (struct fixture){ 0 };
    f.seed_number = seed == NULL ? 1 : (unsigned)strtoul(seed, NULL, 10);
    f.seed = UINT64_C(88172645463325252) ^ f.seed_number * UINT64_C(0x9e3779b97f4a7c15);
    buf_init(&f.query, QUERY_SIZE_MAX);
    folder_make(f.folder);
    (void)snprintf(f.store_folder, sizeof(f.store_folder), "%s/store", f.folder); // fits
    const struct store_settings store = { .folder = f.store_folder, .memory_max = 512 << 20 };
    ok(&f, application_source_new("", &f.source, &f.err));
    f.applications = application_source_get(f.source);
    assert_int_equal(mapping_default(&f.mapping), 0);
    assert_int_equal(batch_pool_new(1, NULL, NULL, &f.pool), 0);
    f.batch = batch_get(f.pool);
    make_records(f.batch);
    ok(&f, store_open(&store, &f.store, &f.err));
    store_records(&f);
    const struct asks_settings asks = { .store = f.store,
                                        .applications = f.source,
                                        .timeout_ns = 120 * NS_PER_S,
                                        .running_max = 1,
                                        .waiting_max = 1 };
    ok(&f, asks_new(&asks, &f.asks, &f.err));
    f.format = (struct format_settings){ .name = "json", .mapping = f.mapping };
    const struct api_settings api = {
        .store = f.store, .asks = f.asks, .applications = f.source, .format = &f.format
    };
    ok(&f, api_new(&api, &f.api, &f.err));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const FOLDERS[] = { "export", "temp", "" };
    struct fixture *f = *state;
    buf_release(&f->query);
    api_free(f->api);
    asks_free(f->asks);
    store_close(f->store);
    batch_unref(f->batch);
    batch_pool_free(f->pool);
    mapping_free(f->mapping);
    applications_unref(f->applications);
    application_source_free(f->source);
    for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
        char path[PATH_SIZE + 16];
        (void)snprintf(path, sizeof(path), "%s/%s", f->store_folder, FOLDERS[i]); // fits
        if (access(path, F_OK) == 0) {
            folder_remove(path);
        }
    }
    assert_int_equal(rmdir(f->folder), 0);
    return 0;
}

// --- Random requests -----------------------------------------------------------------------------

static void put_field(struct fixture *f)
{
    static const char *const NAMES[] = { "src",
                                         "dst",
                                         "source.ip/24",
                                         "destination.ip/48",
                                         "proto",
                                         "network.transport",
                                         "network.application",
                                         "server.port",
                                         "source.geo.city_name",
                                         "source.geo.country_iso_code",
                                         "source.as.organization.name",
                                         "goflow2.src_net_name",
                                         "observer.name",
                                         "observer.ingress.interface.name" };
    if (below(f, 2) == 0) {
        buf_append_text(&f->query, NAMES[below(f, sizeof(NAMES) / sizeof(NAMES[0]))]);
    } else {
        enum query_field field = (enum query_field)below(f, QUERY_OTHER);
        buf_append_text(&f->query, query_field_info(field).path);
    }
}

static void put_fields(struct fixture *f, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buf_append_text(&f->query, i > 0 ? "," : "");
        put_field(f);
    }
}

static const char *const TIMES[] = { "now-15h",
                                     "now-13h/h",
                                     "now-6h",
                                     "now-90m",
                                     "now/h",
                                     "now",
                                     "now-1h/h",
                                     "2026-01-01",
                                     "1767290000",
                                     "1970-01-01",
                                     "2025-12-31T23:59:59.5Z",
                                     "2261-12-30",
                                     "now%2B1d" };

/// Words of each parameter that has some; the last of a list is NULL.
static const char *const *words_of(enum api_param p)
{
    static const char *const Q[] = { "",
                                     "*",
                                     "port:443",
                                     "proto:tcp",
                                     "not proto:(udp or icmp)",
                                     "bytes > 2000 and app:*",
                                     "event.kind:event",
                                     "goflow2.mpls_ip:10.0.0.0/16",
                                     "host:2001:db8::/32 or as:64500",
                                     "city:K*",
                                     "exporter:core*",
                                     "uplink",
                                     "if:2 and country:DE",
                                     "@timestamp < now-3h",
                                     "not goflow2.as_path:7",
                                     NULL };
    static const char *const ZONES[] = { "Z", "%2B05:30", "-18:00", "UTC", NULL };
    static const char *const BY[] = { "bytes", "packets", "flows", NULL };
    static const char *const NUMBERS[] = { "1", "2", "5", "50", "1000", NULL };
    static const char *const BOOLS[] = { "true", "false", "1", NULL };
    static const char *const STEPS[] = { "90s", "5m", "1h", "7h", "1d", "100000d", NULL };
    static const char *const RANKS[] = { "sum", "max", "last", NULL };
    static const char *const PREVIOUS[] = { "previous", NULL };
    static const char *const PREFIXES[] = { "", "1", "10.0.", "K%c3%b6", "u", "D", NULL };
    static const char *const TIERS[] = { "auto", "raw", "1m", "1h", "talkers", NULL };
    static const char *const CURSORS[] = { "1886afb4b5f080000000000100000008",
                                           "00000000000000010000000000000000",
                                           "ffffffffffffffffffffffffffffffff",
                                           "80000000000000000000000000000000", NULL };
    static const char *const FORMS[] = { "json", "csv", "ndjson", NULL };
    static const char *const *const LISTS[PARAM_COUNT] = {
        [PARAM_Q] = Q,          [PARAM_TZ] = ZONES,        [PARAM_BY] = BY,
        [PARAM_N] = NUMBERS,    [PARAM_OTHER] = BOOLS,     [PARAM_BOTH] = BOOLS,
        [PARAM_STEP] = STEPS,   [PARAM_RANK] = RANKS,      [PARAM_COMPARE] = PREVIOUS,
        [PARAM_TIER] = TIERS,   [PARAM_PREFIX] = PREFIXES, [PARAM_AFTER] = CURSORS,
        [PARAM_FORMAT] = FORMS,
    };
    return LISTS[p];
}

static void put_value(struct fixture *f, enum api_param p)
{
    const char *const *words = words_of(p);
    uint32_t count = 0;
    switch (p) {
    case PARAM_DIMS:
        put_fields(f, f->endpoint == API_MATRIX ? 2 : 1 + below(f, 3));
        return;
    case PARAM_FIELD:
        put_fields(f, 1);
        return;
    case PARAM_COLUMNS:
        put_fields(f, 1 + below(f, 5));
        return;
    default:
        break;
    }
    if (words == NULL) { // times
        buf_append_text(&f->query, TIMES[below(f, sizeof(TIMES) / sizeof(TIMES[0]))]);
        return;
    }
    while (words[count] != NULL) {
        count++;
    }
    buf_append_text(&f->query, words[below(f, count)]);
}

/// Whether a parameter is said: what an end point needs always, a time mostly, others now and then.
static bool is_said(struct fixture *f, enum api_param p)
{
    switch (p) {
    case PARAM_FIELD:
        return true;
    case PARAM_DIMS:
        return below(f, 3) > 0 || f->endpoint == API_TOP || f->endpoint == API_MATRIX;
    case PARAM_FROM:
        return below(f, 10) > 0;
    case PARAM_TO:
    case PARAM_TIER:
    case PARAM_COLUMNS: // without format=csv they are refused
        return below(f, 6) == 0;
    default:
        return below(f, 3) == 0;
    }
}

static void draw_request(struct fixture *f)
{
    static const enum api_endpoint ENDPOINTS[] = { API_FLOWS,      API_TOP,    API_TOP,
                                                   API_SERIES,     API_SERIES, API_MATRIX,
                                                   API_CHANGES,    API_VALUES, API_EXPORTERS,
                                                   API_INTERFACES, API_EXPORT };
    f->endpoint = ENDPOINTS[below(f, sizeof(ENDPOINTS) / sizeof(ENDPOINTS[0]))];
    buf_clear(&f->query);
    for (enum api_param p = 0; p < PARAM_COUNT; p++) {
        if ((api_params[p].where >> f->endpoint & 1) != 0 && is_said(f, p)) {
            buf_printf(&f->query, "%s%s=", f->query.size > 0 ? "&" : "", api_params[p].name);
            put_value(f, p);
        }
    }
}

// --- What an answer must be ----------------------------------------------------------------------

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
static bool is_json(const uint8_t *json, size_t size)
{
    struct json_rd r = { .begin = json, .at = json, .end = json + size };
    return size > 0 && is_utf8(json, size) && json_rd_value(&r) && r.at + 1 == r.end &&
           *r.at == '\n';
}

static bool are_json_lines(const uint8_t *at, size_t size)
{
    while (size > 0) {
        const uint8_t *end = memchr(at, '\n', size);
        size_t length = end == NULL ? size : (size_t)(end + 1 - at);
        if (!is_json(at, length)) {
            return false;
        }
        at += length;
        size -= length;
    }
    return true;
}

/// Past a cell of RFC 4180; NULL: it is none.
static const uint8_t *past_cell(const uint8_t *at, const uint8_t *end)
{
    if (at < end && *at == '"') {
        do { // two of them are one that is meant
            at = memchr(at + 1, '"', (size_t)(end - at - 1));
            at = at == NULL ? end : at + 1;
        } while (at < end && *at == '"');
    }
    while (at < end && strchr(",\r\n\"", *at) == NULL) {
        at++;
    }
    return at < end && (*at == ',' || *at == '\r') ? at : NULL;
}

/// The rows of a table, its header among them; 0: they are no CSV, or not all as long.
static size_t csv_rows(const struct buf *table)
{
    const uint8_t *at = table->data;
    const uint8_t *end = at + table->size;
    size_t rows = 0;
    size_t first = 0;
    for (size_t cells = 1; at < end; cells++) {
        at = past_cell(at, end);
        if (at == NULL) {
            return 0;
        }
        if (*at++ == '\r') {
            first = rows++ == 0 ? cells : first;
            if (at == end || *at++ != '\n' || cells != first) {
                return 0;
            }
            cells = 0;
        }
    }
    return rows;
}

/// Takes what comes bit by bit as the body.
static void drain(struct server_response *response)
{
    static uint8_t part[STREAM_PART];
    struct server_stream *s = &response->stream;
    ptrdiff_t size;
    if (s->more == NULL) {
        return;
    }
    while ((size = s->more(s->context, part, sizeof(part))) >= 0) {
        buf_append(&response->body, part, (size_t)size);
    }
    s->close(s->context);
    assert_int_equal(size, -1); // and not broken
}

static void ask(struct fixture *f, enum api_endpoint endpoint, const char *query,
                struct server_response *ret_response)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/api/v1/%s", api_endpoints[endpoint].name); // fits
    const struct server_request request = { .method = "GET", .path = path, .query = query };
    *ret_response = (struct server_response){ .status = 200 };
    buf_init(&ret_response->body, SERVER_BODY_SIZE_MAX);
    assert_true(api_handle_at(f->api, &request, NULL, NOW_NS, ret_response));
    drain(ret_response);
    assert_false(ret_response->body.bad);
}

static void check_form(struct fixture *f, const struct server_response *r)
{
    const struct buf *body = &r->body;
    if (strcmp(r->content_type, "application/json") == 0) {
        must(f, is_json(body->data, body->size));
    } else if (strcmp(r->content_type, "application/x-ndjson") == 0) {
        must(f, are_json_lines(body->data, body->size));
    } else if (strcmp(r->content_type, "application/vnd.apache.parquet") == 0) {
        must(f, body->size > 8 && memcmp(body->data + body->size - 4, "PAR1", 4) == 0);
    } else if (f->endpoint != API_EXPORT) { // whose CSV is DuckDB's
        must(f, csv_rows(body) >= 1);
    }
}

/// How much of an answer is the same each time: how long it took stands behind that.
static size_t lasting_size(const struct buf *body)
{
    static const char TOOK[] = "\"took_ms\":";
    const uint8_t *found = memmem(body->data, body->size, TOOK, strlen(TOOK));
    return found == NULL ? body->size : (size_t)(found - body->data);
}

/// True: it was answered; false: refused, in words.
static bool check_answer(struct fixture *f)
{
    struct server_response one;
    struct server_response two;
    ask(f, f->endpoint, buf_text(&f->query), &one);
    if (one.status != 200 && one.status != 400) {
        print_message("%u: %s\n", one.status, buf_text(&one.body));
    }
    must(f, one.status == 200 || one.status == 400);
    check_form(f, &one);
    if (f->endpoint != API_EXPORT) {
        ask(f, f->endpoint, buf_text(&f->query), &two);
        size_t size = lasting_size(&one.body);
        must(f, one.status == two.status && size == lasting_size(&two.body));
        must(f, memcmp(one.body.data, two.body.data, size) == 0);
        buf_release(&two.body);
    }
    buf_release(&one.body);
    return one.status == 200;
}

// --- Which records -------------------------------------------------------------------------------

static bool take_time(void *context, const struct query_value *value)
{
    *(int64_t *)context = (int64_t)value->number;
    return true;
}

static size_t count_live(struct fixture *f, const struct question *q)
{
    size_t count = 0;
    for (uint32_t i = 0; i < RECORDS; i++) {
        int64_t ts = 0;
        const struct flow *flow = &f->batch->flows[i];
        assert_true(query_values(f->batch, flow, QUERY_TIMESTAMP, NULL, take_time, &ts));
        count += ts >= q->from_ns && ts < q->to_ns && kql_matches(q->filter, f->batch, flow);
    }
    return count;
}

/// A table of all the records of a condition and a time, against those before they were stored.
static size_t check_records(struct fixture *f)
{
    static const enum api_param SAID[] = { PARAM_Q, PARAM_FROM, PARAM_TZ };
    const struct api_moment moment = { .now_ns = NOW_NS, .applications = f->applications };
    struct server_response response;
    struct api_asked asked;
    struct api_fault fault;
    f->endpoint = API_FLOWS;
    buf_clear(&f->query);
    buf_append_text(&f->query, "format=csv&columns=src&n=1000");
    for (size_t i = 0; i < sizeof(SAID) / sizeof(SAID[0]); i++) {
        buf_printf(&f->query, "&%s=", api_params[SAID[i]].name);
        put_value(f, SAID[i]);
    }
    if (api_params_read(API_FLOWS, buf_text(&f->query), NULL, &moment, &asked, &fault) != 0) {
        must(f, fault.parameter != NULL && strcmp(fault.parameter, "from") == 0);
        return 0; // it is not before now
    }
    ask(f, API_FLOWS, buf_text(&f->query), &response);
    must(f, response.status == 200);
    size_t count = count_live(f, &asked.question);
    must(f, csv_rows(&response.body) == 1 + count);
    buf_release(&response.body);
    api_asked_release(&asked);
    return count;
}

static void whatever_is_asked_is_answered(void **state)
{
    struct fixture *f = *state;
    const char *more = getenv("ROUNDS");
    unsigned rounds = more == NULL ? ROUNDS : (unsigned)strtoul(more, NULL, 10);
    unsigned answered = 0;
    unsigned some = 0;
    for (unsigned i = 0; i < rounds; i++) {
        draw_request(f);
        answered += check_answer(f);
        size_t count = check_records(f);
        some += count > 0 && count < RECORDS;
    }
    print_message("SEED=%u: %u requests, %u answered, %u conditions with some records\n",
                  f->seed_number, rounds, answered, some);
    assert_true(answered > rounds / 3);
    assert_true(some > rounds / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whatever_is_asked_is_answered, set_up, tear_down),
    };
    return UNIT_MAIN("web/api_questions", tests);
}
