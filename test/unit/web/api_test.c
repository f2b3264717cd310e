// SPDX-License-Identifier: Apache-2.0
/* Requests without a server, to a store of five records and to none. */
#include "web/api.h"

#include <sys/stat.h>

#include "../folder.h"
#include "base/clock.h"
#include "format/format.h"
#include "store/duck.h"
#include "store/writer.h"
#include "web/api_export.h"

enum { PATH_SIZE = 256, TEXT_SIZE = 65536, RECORDS = 5 };

#define DAY "from=2023-11-14&to=2023-11-15"

struct fixture {
    char folder[FOLDER_SIZE];
    char store_folder[PATH_SIZE];
    struct mapping *mapping;
    struct format_settings format;
    struct store *store;
    struct asks *asks;
    struct api *api;
    struct api *bare; ///< has no store
    struct server_response response;
    struct err err;
    char text[TEXT_SIZE];
};

#define ok(f, call)                                                                                \
    do {                                                                                           \
        if ((call) != 0) {                                                                         \
            fail_msg("%s: %s", #call, (f)->err.text);                                              \
        }                                                                                          \
    } while (0)

/// Records of 100, 200 ... bytes from 10.0.0.1, 10.0.0.2 ..., a second apart, out of a log and a
/// city whose names are not ASCII.
static void fill(struct fixture *f)
{
    struct batch_pool *pool;
    struct writer *writer;
    struct writer_count count;
    assert_int_equal(batch_pool_new(1, NULL, NULL, &pool), 0);
    struct batch *b = batch_get(pool);
    static const char GEO[] = "{\"city_name\":\"K\\u00f6ln\\\\n\"}";
    struct origin origin = { .is_file = true, .path = "/var/log/gö.log", .input_type = "log" };
    b->files[b->file_count++] = (struct batch_file){ .origin = origin_new(&origin) };
    for (unsigned i = 1; i <= RECORDS; i++) {
        const uint8_t address[4] = { 10, 0, 0, (uint8_t)i };
        b->flows[b->flow_count++] = (struct flow){
            .present = FLOW_BIT(FIELD_TIME_RECEIVED_NS) | FLOW_BIT(FIELD_BYTES) |
                       FLOW_BIT(FIELD_PACKETS) | FLOW_BIT(FIELD_SRC_ADDR) |
                       FLOW_BIT(FIELD_SAMPLING_RATE),
            .time_received_ns = UINT64_C(1700000000000000000) + i * UINT64_C(1000000000),
            .bytes = i * UINT64_C(100),
            .packets = 1,
            .sampling_rate = 1,
            .src_addr = addr_v4(address),
            .src_place.geo = batch_append(b, GEO, strlen(GEO)),
            .file = 1,
            .offset = i,
        };
    }
    ok(f, writer_new(f->store, &writer, &f->err));
    assert_int_equal(writer_add(writer, b, &count), 0);
    ok(f, writer_commit(writer, &count, &f->err));
    assert_int_equal(count.added, RECORDS);
    writer_free(writer);
    batch_unref(b);
    batch_pool_free(pool);
}

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){ 0 };
    folder_make(f.folder);
    (void)snprintf(f.store_folder, sizeof(f.store_folder), "%s/store", f.folder); // fits
    const struct store_settings settings = { .folder = f.store_folder };
    assert_int_equal(mapping_default(&f.mapping), 0);
    ok(&f, store_open(&settings, &f.store, &f.err));
    fill(&f);
    const struct asks_settings asks = {
        .store = f.store, .timeout_ns = 60 * NS_PER_S, .running_max = 1, .waiting_max = 1
    };
    ok(&f, asks_new(&asks, &f.asks, &f.err));
    f.format = (struct format_settings){ .name = "json", .mapping = f.mapping };
    struct api_settings api = { .store = f.store, .asks = f.asks, .format = &f.format };
    ok(&f, api_new(&api, &f.api, &f.err));
    api = (struct api_settings){ .format = &f.format };
    ok(&f, api_new(&api, &f.bare, &f.err));
    buf_init(&f.response.body, SERVER_BODY_SIZE_MAX);
    *state = &f;
    return 0;
}

static void remove_store(struct fixture *f)
{
    static const char *const FOLDERS[] = { "export", "temp", "" };
    for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
        char path[PATH_SIZE + 16];
        (void)snprintf(path, sizeof(path), "%s/%s", f->store_folder, FOLDERS[i]); // fits
        if (access(path, F_OK) == 0) {
            folder_remove(path);
        }
    }
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    buf_release(&f->response.body);
    api_free(f->bare);
    api_free(f->api);
    asks_free(f->asks);
    store_close(f->store);
    mapping_free(f->mapping);
    remove_store(f);
    assert_int_equal(rmdir(f->folder), 0); // nothing else was left
    return 0;
}

static const char *ask_with(struct fixture *f, struct api *api, const char *method,
                            const char *path, const char *query)
{
    const struct server_request request = { .method = method, .path = path, .query = query };
    struct buf body = f->response.body;
    buf_clear(&body);
    f->response = (struct server_response){ .status = 200, .body = body };
    assert_true(api_handle(api, &request, &f->response));
    return buf_text(&f->response.body);
}

static const char *ask(struct fixture *f, const char *path, const char *query)
{
    return ask_with(f, f->api, "GET", path, query);
}

static void assert_in_order(const char *text, const char *first, const char *second)
{
    const char *a = strstr(text, first);
    const char *b = strstr(text, second);
    if (a == NULL || b == NULL || a >= b) {
        fail_msg("%s before %s in %.2000s", first, second, text);
    }
}

static void assert_holds(const char *text, const char *what)
{
    if (strstr(text, what) == NULL) {
        fail_msg("no %s in %.2000s", what, text);
    }
}

static void assert_lacks(const char *text, const char *what)
{
    if (strstr(text, what) != NULL) {
        fail_msg("%s in %.2000s", what, text);
    }
}

static void records_come_newest_first_and_by_pages(void **state)
{
    struct fixture *f = *state;
    char query[256];
    const char *text = ask(f, "/api/v1/flows", DAY "&n=3");
    assert_int_equal(f->response.status, 200);
    assert_string_equal(f->response.content_type, "application/json");
    assert_in_order(text, "\"10.0.0.5\"", "\"10.0.0.3\"");
    assert_lacks(text, "\"10.0.0.2\"");
    assert_holds(text, "\"cut\":true");
    const char *cursor = strstr(text, "\"cursor\":\"");
    assert_non_null(cursor);
    cursor += strlen("\"cursor\":\"");
    (void)snprintf(query, sizeof(query), DAY "&n=3&after=%.*s", (int)strcspn(cursor, "\""), cursor);
    text = ask(f, "/api/v1/flows", query);
    assert_in_order(text, "\"10.0.0.2\"", "\"10.0.0.1\"");
    assert_lacks(text, "\"10.0.0.3\"");
    assert_holds(text, "\"cut\":false");
    text = ask(f, "/api/v1/flows", DAY "&q=source.ip:10.0.0.4&format=ndjson");
    assert_string_equal(f->response.content_type, "application/x-ndjson");
    assert_int_equal(text[0], '{');
    assert_ptr_equal(strchr(text, '\n') + 1, text + f->response.body.size);
}

static void records_are_a_table_too(void **state)
{
    struct fixture *f = *state;
    const char *text = ask(f, "/api/v1/flows", DAY "&n=2&format=csv&columns=src,@timestamp,dst");
    assert_int_equal(f->response.status, 200);
    assert_string_equal(f->response.content_type, "text/csv; charset=utf-8");
    assert_string_equal(text, "source.ip,@timestamp,destination.ip\r\n"
                              "10.0.0.5,2023-11-14T22:13:25.000Z,\r\n"
                              "10.0.0.4,2023-11-14T22:13:24.000Z,\r\n");
    text = ask(f, "/api/v1/flows", DAY "&format=csv&tz=%2B01:00&q=source.ip:10.0.0.1");
    assert_in_order(text, "@timestamp,source.ip,", "\r\n2023-11-14T23:13:21.000+01:00,10.0.0.1,");
}

static void the_largest_come_first(void **state)
{
    struct fixture *f = *state;
    const char *text = ask(f, "/api/v1/top", DAY "&dims=src&n=2&other=true");
    assert_int_equal(f->response.status, 200);
    assert_in_order(text, "{\"source.ip\":\"10.0.0.5\",\"other\":false,\"bytes\":500,",
                    "\"10.0.0.4\"");
    assert_holds(text, "\"bytes\":600,"); // of the others
    text = ask(f, "/api/v1/top", DAY "&dims=src&n=1&format=csv");
    assert_string_equal(f->response.content_type, "text/csv; charset=utf-8");
    assert_in_order(text, "source.ip,other,bytes,", "\r\n10.0.0.5,false,500,");
}

/// Names that are looked up for a key are the same bytes wherever they are compared.
static void keys_need_not_be_ascii(void **state)
{
    struct fixture *f = *state;
    const char *text = ask(f, "/api/v1/top", DAY "&dims=source.geo.city_name,log.file.path");
    assert_int_equal(f->response.status, 200);
    assert_holds(text,
                 "{\"source.geo.city_name\":\"Köln\\\\n\",\"log.file.path\":\"/var/log/gö.log\"");
    text = ask(f, "/api/v1/series", DAY "&dims=source.geo.city_name&step=1d&format=csv");
    assert_int_equal(f->response.status, 200);
    assert_holds(text, ",Köln\\n,false,1500,");
    text = ask(f, "/api/v1/values", DAY "&field=log.file.path&prefix=/var/log/g%C3%B6");
    assert_holds(text, "/var/log/gö.log");
}

static void errors_say_what_and_where(void **state)
{
    struct fixture *f = *state;
    const char *text = ask(f, "/api/v1/flows", "q=source.port:%20(1%20or");
    assert_int_equal(f->response.status, 400);
    assert_string_equal(f->response.content_type, "application/json");
    assert_holds(text, "\"parameter\":\"q\",\"position\":");
    text = ask(f, "/api/v1/top", "dims=nothing.such");
    assert_int_equal(f->response.status, 400);
    assert_holds(text, "\"parameter\":\"dims\"");
    text = ask(f, "/api/v1/top", "dims=src&rate=1"); // live's
    assert_int_equal(f->response.status, 400);
    assert_holds(text, "top has no parameter");
}

/// What a client accepts, and the time that it is, come from outside.
static void accept_and_time_are_given(void **state)
{
    struct fixture *f = *state;
    static const uint64_t NOW_NS = UINT64_C(1700000010) * NS_PER_S;
    const struct server_request request = { .method = "GET",
                                            .path = "/api/v1/flows",
                                            .query = "columns=src&n=1&from=now-10s" };
    (void)ask(f, "/api/v1/health", NULL); // an answer to begin from
    buf_clear(&f->response.body);
    assert_true(api_handle_at(f->api, &request, "text/html, text/csv", NOW_NS, &f->response));
    assert_string_equal(f->response.content_type, "text/csv; charset=utf-8");
    assert_string_equal(buf_text(&f->response.body), "source.ip\r\n10.0.0.5\r\n");
    buf_clear(&f->response.body);
    assert_true(api_handle_at(f->api, &request, NULL, NOW_NS, &f->response));
    assert_int_equal(f->response.status, 400); // JSON has no columns
}

static void paths_and_methods_that_are_not_there(void **state)
{
    struct fixture *f = *state;
    const struct server_request elsewhere = { .method = "GET", .path = "/metrics" };
    assert_false(api_handle(f->api, &elsewhere, &f->response));
    const char *text = ask(f, "/api/v1/nothing", NULL);
    assert_int_equal(f->response.status, 404);
    assert_holds(text, "\"/api/v1/top\"");
    text = ask_with(f, f->api, "POST", "/api/v1/top", "dims=src");
    assert_int_equal(f->response.status, 405);
    assert_holds(text, "GET");
    assert_int_equal(f->response.header_count, 1);
    assert_string_equal(f->response.headers[0].name, "Allow");
}

static void without_a_store_the_rest_is_there(void **state)
{
    struct fixture *f = *state;
    static const char *const NEED_ONE[] = { "flows", "exporters", "interfaces", "export", "live" };
    for (size_t i = 0; i < sizeof(NEED_ONE) / sizeof(NEED_ONE[0]); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "/api/v1/%s", NEED_ONE[i]); // fits
        (void)ask_with(f, f->bare, "GET", path, NULL);
        assert_int_equal(f->response.status, 503);
        assert_string_equal(f->response.headers[0].name, "Retry-After");
    }
    assert_holds(ask_with(f, f->bare, "GET", "/api/v1/health", NULL), "\"has_store\":false}");
    assert_int_equal(f->response.status, 200);
    assert_holds(ask_with(f, f->bare, "GET", "/api/v1/fields", NULL), "\"source.ip\"");
    assert_int_equal(f->response.status, 200);
}

static void columns_of_the_mapping_are_fields(void **state)
{
    static const char MAPPING[] = "formatter:\n"
                                  "  fields: [src_addr, ip, tcp_flags]\n"
                                  "  protobuf: [{name: ip, index: 1, type: bytes}, {name: "
                                  "tcp_flags, index: 2, type: string},\n"
                                  "             {name: count, index: 3, type: varint}, {name: "
                                  "bytes, index: 4, type: string}]\n"
                                  "  render: {ip: ip}\n"
                                  "  rename: {ip: inner ip}\n";
    struct fixture *f = *state;
    struct api *api;
    struct mapping *mapping;
    ok(f, mapping_parse(MAPPING, strlen(MAPPING), "mapping", &mapping, &f->err));
    const struct format_settings format = { .name = "json", .mapping = mapping };
    const struct api_settings settings = { .store = f->store, .asks = f->asks, .format = &format };
    ok(f, api_new(&settings, &api, &f->err));
    const char *text = ask_with(f, api, "GET", "/api/v1/fields", NULL);
    assert_holds(text,
                 "{\"path\":\"goflow2.inner ip\",\"type\":\"ip\",\"aliases\":[],\"groups\":false,"
                 "\"operators\":[\":\",\"<\",\"<=\",\">\",\">=\"],");
    assert_holds(text, "{\"path\":\"goflow2.tcp_flags\",\"type\":\"keyword\",");
    assert_holds(text, "{\"path\":\"goflow2.count\",\"type\":\"number\",");
    assert_null(strstr(text, "{\"path\":\"goflow2.tcp_flags\",\"type\":\"number\","));
    assert_null(strstr(text, "{\"path\":\"goflow2.bytes\",\"type\":\"keyword\",")); // the field's
    assert_null(strstr(text, "goflow2.ip\""));
    (void)ask_with(f, api, "GET", "/api/v1/flows", "q=goflow2.count:x");
    assert_int_equal(f->response.status, 400);
    (void)ask_with(f, f->api, "GET", "/api/v1/flows", "q=goflow2.count:x"); // anybody's
    assert_int_equal(f->response.status, 200);
    api_free(api);
    mapping_free(mapping);
}

/// The whole stream as f->text; then it is closed.
static size_t drain(struct fixture *f)
{
    struct server_stream *s = &f->response.stream;
    size_t used = 0;
    assert_non_null(s->more);
    for (unsigned i = 0; i < 10000; i++) {
        ptrdiff_t got = s->more(s->context, (uint8_t *)f->text + used, TEXT_SIZE - 1 - used);
        if (got < 0) {
            assert_int_equal(got, -1);
            break;
        }
        used += (size_t)got;
    }
    s->close(s->context);
    f->text[used] = '\0';
    return used;
}

static void records_are_exported_and_nothing_is_left(void **state)
{
    struct fixture *f = *state;
    char *text = f->text;
    char path[PATH_SIZE + 16];
    (void)ask(f, "/api/v1/export", DAY "&q=NOT%20source.ip:10.0.0.3");
    assert_int_equal(f->response.status, 200);
    assert_string_equal(f->response.content_type, "application/vnd.apache.parquet");
    assert_string_equal(f->response.headers[0].value, "attachment; filename=\"flows.parquet\"");
    (void)snprintf(path, sizeof(path), "%s/export", f->store_folder); // fits
    assert_int_equal(rmdir(path), 0);                                 // it is empty
    assert_int_equal(mkdir(path, 0700), 0);
    size_t size = drain(f);
    assert_true(size > 8 && memcmp(text, "PAR1", 4) == 0);
    assert_memory_equal(text + size - 4, "PAR1", 4);
    (void)ask(f, "/api/v1/export", DAY "&q=NOT%20source.ip:10.0.0.3&format=csv");
    (void)drain(f);
    assert_in_order(text, "time,kind,", ",10.0.0.4,");
    assert_lacks(text, ",10.0.0.3,");
    (void)ask(f, "/api/v1/export", DAY "&q=NOT%20source.ip:10.0.0.3&format=ndjson");
    (void)drain(f);
    assert_in_order(text, "\"10.0.0.5\"", "\"10.0.0.1\"");
    assert_lacks(text, "\"10.0.0.3\"");
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, RECORDS - 1);
}

static bool nobody_waits(void *context)
{
    ++*(unsigned *)context;
    return true;
}

/// Of so many records that it would take seconds.
static void an_export_that_nobody_waits_for_is_stopped(void **state)
{
    struct fixture *f = *state;
    struct duck_conn *conn;
    unsigned looks = 0;
    atomic_flag busy = ATOMIC_FLAG_INIT;
    struct server_response response = { .status = 200 };
    const struct ask_patience patience = { .is_gone = nobody_waits, .context = &looks };
    const struct api_export_from from = {
        .store = f->store, .asks = f->asks, .busy = &busy, .patience = &patience
    };
    struct api_asked asked = { .question = { .to_ns = INT64_MAX }, .form = API_PARQUET };
    ok(f, store_connect(f->store, &conn, &f->err));
    ok(f, duck_exec(conn,
                    "INSERT INTO flows BY NAME SELECT (99::UBIGINT << 32) + range AS id, range AS "
                    "ts, 0 AS kind, 0 AS lookups, 0 AS sampling_default, hash(range) AS "
                    "src_addr_hi, hash(range + 1) AS src_addr_lo FROM range(1000000)",
                    &f->err));
    duck_disconnect(conn);
    assert_int_equal(api_export(&from, &asked, &response, &f->err), ERR_CLOSED);
    assert_true(looks > 0);
    assert_null(response.stream.more);
    assert_false(atomic_flag_test_and_set(&busy)); // the next one may
    assert_int_equal(api_export(&from, &asked, &response, &f->err), ERR_FULL);
}

static void health_knows_the_store(void **state)
{
    struct fixture *f = *state;
    const char *text = ask(f, "/api/v1/health", NULL);
    assert_holds(text, "{\"status\":\"ok\",\"reasons\":[],");
    assert_holds(text, "\"records\":5,");
    assert_holds(text, "\"has_store\":true}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_come_newest_first_and_by_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_are_a_table_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_largest_come_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_need_not_be_ascii, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_say_what_and_where, set_up, tear_down),
        cmocka_unit_test_setup_teardown(accept_and_time_are_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_and_methods_that_are_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_store_the_rest_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(columns_of_the_mapping_are_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_are_exported_and_nothing_is_left, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_export_that_nobody_waits_for_is_stopped, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(health_knows_the_store, set_up, tear_down),
    };
    return UNIT_MAIN("web/api", tests);
}
