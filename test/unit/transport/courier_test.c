// SPDX-License-Identifier: Apache-2.0
/*
 * Couriers and a cluster that is made up: each document ends in one place, only what has to be sent
 * again is, and a cluster that says so is left alone.
 */
#include "transport/courier.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"
#include "base/clock.h"
#include "base/mem.h"
#include "made_up_cluster.h"

// --- Its answers ---------------------------------------------------------------------------------

/// The document with number n gets the status that stands in it.
static void as_they_say(const char *body, size_t count, struct cluster_reply *reply)
{
    buf_append_text(&reply->body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        body = strstr(body, "\"say\":");
        assert_non_null(body);
        body += strlen("\"say\":");
        buf_printf(&reply->body, "%s{\"create\":{\"status\":%.3s}}", i > 0 ? "," : "", body);
    }
    buf_append_text(&reply->body, "]}");
}

static const char *backing = "one";

static void all_created(const char *body, size_t count, struct cluster_reply *reply)
{
    (void)body;
    bool index = strstr(server.path, "_index") != NULL;
    buf_append_text(&reply->body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        buf_printf(&reply->body, "%s{\"create\":{%s%s%s\"status\":201}}", i > 0 ? "," : "",
                   index ? "\"_index\":\"" : "", index ? backing : "", index ? "\"," : "");
    }
    buf_append_text(&reply->body, "]}");
}

static void at_most_two(const char *body, size_t count, struct cluster_reply *reply)
{
    if (count > 2 || strstr(body, "huge") != NULL) {
        reply->status = 413;
    } else {
        all_created(body, count, reply);
    }
}

/// As long as words of a server can be.
static void refuses_at_length(const char *body, size_t count, struct cluster_reply *reply)
{
    (void)body;
    (void)count;
    reply->status = 413;
    for (int i = 0; i < 120; i++) {
        buf_append_text(&reply->body, "too large ");
    }
}

static void no_poison(const char *body, size_t count, struct cluster_reply *reply)
{
    if (strstr(body, "poison") != NULL) {
        reply->status = 400;
    } else {
        all_created(body, count, reply);
    }
}

static void lost(const char *body, size_t count, struct cluster_reply *reply)
{
    (void)body;
    (void)count;
    reply->status = 0;
    (void)snprintf(reply->problem, sizeof(reply->problem), "connection reset");
}

static void nonsense(const char *body, size_t count, struct cluster_reply *reply)
{
    (void)body;
    (void)count;
    buf_append_text(&reply->body, "{\"items\":[");
}

static void busy(const char *body, size_t count, struct cluster_reply *reply)
{
    (void)body;
    (void)count;
    reply->status = 429;
    reply->retry_after_ms = 1500;
}

static void unauthorized(const char *body, size_t count, struct cluster_reply *reply)
{
    (void)body;
    (void)count;
    reply->status = 401;
}

static void plain_only(const char *body, size_t count, struct cluster_reply *reply)
{
    if (strstr(server.path, "require_data_stream") != NULL) {
        reply->status = 400;
        buf_append_text(&reply->body, "request [/_bulk] contains unrecognized parameter: [x]");
    } else {
        all_created(body, count, reply);
    }
}

// --- The rig -------------------------------------------------------------------------------------

struct rig {
    char folder[64];
    char deadletter[100];
    struct couriers *couriers;
    struct courier *courier;
    struct parcel *parcel;
    struct transport_tally tally;
    uint64_t wait_ms;
};

static int set_up(void **state)
{
    struct rig *r = mem_zalloc(sizeof(*r));
    server_reset();
    backing = "one";
    (void)snprintf(r->folder, sizeof(r->folder), "/tmp/courier-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    (void)snprintf(r->deadletter, sizeof(r->deadletter), "%s/dead.ndjson", r->folder);
    static const struct courier_settings SETTINGS = { .pipeline = "_none",
                                                      .data_streams = true,
                                                      .size_max = 1 << 20 };
    struct courier_settings settings = SETTINGS;
    settings.deadletter = r->deadletter;
    assert_int_equal(couriers_new(&settings, &r->couriers), 0);
    assert_int_equal(courier_new(r->couriers, &r->courier), 0);
    assert_int_equal(parcel_new(&r->parcel), 0);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    parcel_free(r->parcel);
    courier_free(r->courier);
    couriers_free(r->couriers);
    (void)unlink(r->deadletter);
    (void)rmdir(r->deadletter);
    (void)rmdir(r->folder);
    mem_free(r);
    return 0;
}

static void add(struct rig *r, const char *document)
{
    struct buf prefix;
    char id[16];
    buf_init(&prefix, 1000);
    parcel_append_prefix(&prefix, "logs-a-default");
    (void)snprintf(id, sizeof(id), "id%zu", r->parcel->count);
    parcel_add(r->parcel, &prefix, id, strlen(id));
    buf_append_text(&r->parcel->body, document);
    assert_true(parcel_add_end(r->parcel));
    buf_release(&prefix);
}

static enum courier_verdict try(struct rig *r)
{
    return courier_try(r->courier, r->parcel, &r->tally, &r->wait_ms);
}

/// As often as it takes, without a wait.
static void try_until_done(struct rig *r, answer_fn *answer)
{
    server.answer = answer;
    for (int i = 0; i < 100; i++) {
        enum courier_verdict verdict = try(r);
        if (verdict == COURIER_DONE) {
            return;
        }
        usleep((useconds_t)(r->wait_ms * 1000));
    }
    fail_msg("not done");
}

static size_t dead_lines(const struct rig *r, const char *with)
{
    FILE *f = fopen(r->deadletter, "r");
    size_t count = 0;
    char *line = NULL;
    size_t capacity = 0;
    while (f != NULL && getline(&line, &capacity, f) > 0) {
        count += strstr(line, with) != NULL;
    }
    free(line); // getline's
    if (f != NULL) {
        (void)fclose(f);
    }
    return count;
}

// --- Tests ---------------------------------------------------------------------------------------

static void each_has_its_outcome(void **state)
{
    struct rig *r = *state;
    static const char *const SAYS[] = { "201", "409", "429", "400", "200", "404", "503", "201" };
    for (size_t i = 0; i < 8; i++) {
        char document[64];
        (void)snprintf(document, sizeof(document), "{\"n\":%zu,\"say\":%s}", i, SAYS[i]);
        add(r, document);
    }
    server.answer = as_they_say;
    assert_int_equal(try(r), COURIER_LATER);
    assert_int_equal(r->tally.delivered, 4);
    assert_int_equal(r->tally.duplicates, 1);
    assert_int_equal(r->tally.refused, 2);
    assert_int_equal(r->parcel->count, 2);
    assert_in_range(r->wait_ms, 1, 1000);
    assert_int_equal(dead_lines(r, "\"document\":{\"n\":3,\"say\":400}"), 1);
    assert_int_equal(dead_lines(r, "\"document\":{\"n\":5,\"say\":404}"), 1);
    assert_int_equal(dead_lines(r, "{"), 2);
    server.document_count = 0;
    server.answer = all_created;
    assert_int_equal(try(r), COURIER_DONE);
    assert_int_equal(server.document_count, 2); // these alone
    assert_non_null(strstr(server.body, "\"id2\"}}\n{\"n\":2,"));
    assert_non_null(strstr(server.body, "\"id6\"}}\n{\"n\":6,"));
    assert_int_equal(r->tally.delivered, 6);
    assert_int_equal(r->parcel->count, 0);
}

/// What cannot be kept is not settled.
static void no_dead_letters_no_refusal(void **state)
{
    struct rig *r = *state;
    add(r, "{\"say\":400}");
    add(r, "{\"say\":201}");
    assert_int_equal(mkdir(r->deadletter, 0700), 0); // where the file would be
    server.answer = as_they_say;
    assert_int_equal(try(r), COURIER_LATER);
    assert_int_equal(r->parcel->count, 2);
    assert_int_equal(r->tally.delivered + r->tally.refused, 0);
    assert_int_equal(rmdir(r->deadletter), 0);
    try_until_done(r, as_they_say);
    assert_int_equal(r->tally.delivered, 1);
    assert_int_equal(r->tally.refused, 1);
}

static void too_large_requests_are_split(void **state)
{
    struct rig *r = *state;
    for (size_t i = 0; i < 50; i++) {
        add(r, i == 17 ? "{\"huge\":1}" : "{\"small\":1}");
    }
    size_t before = couriers_size(r->couriers);
    try_until_done(r, at_most_two);
    assert_int_equal(r->tally.delivered, 49);
    assert_int_equal(r->tally.refused, 1);
    assert_int_equal(dead_lines(r, "\"status\":413"), 1);
    assert_true(couriers_size(r->couriers) < before);
}

static void long_reasons_are_kept(void **state)
{
    struct rig *r = *state;
    add(r, "{\"n\":1}");
    server.answer = refuses_at_length;
    assert_int_equal(try(r), COURIER_DONE);
    assert_int_equal(r->tally.refused, 1);
    assert_int_equal(dead_lines(r, "\"reason\":\"said 413too large too large"), 1);
}

static void a_poisonous_document_is_found(void **state)
{
    struct rig *r = *state;
    for (size_t i = 0; i < 128; i++) {
        add(r, i == 77 ? "{\"poison\":1}" : "{\"n\":1}");
    }
    try_until_done(r, no_poison);
    assert_int_equal(r->tally.delivered, 127);
    assert_int_equal(r->tally.refused, 1);
    assert_int_equal(dead_lines(r, "poison"), 1);
    assert_true(server.bulk_count < 60);
}

static void nothing_said_is_no_success(void **state)
{
    struct rig *r = *state;
    add(r, "{\"n\":1}");
    server.answer = nonsense;
    assert_int_equal(try(r), COURIER_AWAY);
    assert_int_equal(r->parcel->count, 1);
    assert_true(r->parcel->uncertain);
    assert_in_range(r->wait_ms, 400, 1001);
    unsigned count = server.bulk_count;
    assert_int_equal(try(r), COURIER_AWAY); // it is let alone for a while
    assert_int_equal(server.bulk_count, count);
    try_until_done(r, all_created);
    assert_int_equal(r->tally.delivered, 1);
}

static void who_is_busy_is_let_alone(void **state)
{
    struct rig *r = *state;
    add(r, "{\"n\":1}");
    server.answer = busy;
    uint64_t begin_ns = clock_mono_ns();
    assert_int_equal(try(r), COURIER_LATER);
    assert_in_range(r->wait_ms, 1400, 1501); // as it asks for
    uint64_t away_ms;
    assert_false(couriers_are_away(r->couriers, &away_ms));
    try_until_done(r, all_created);
    assert_true(clock_mono_ns() - begin_ns >= 1450 * NS_PER_MS);
}

static void no_right_no_delivery(void **state)
{
    struct rig *r = *state;
    add(r, "{\"n\":1}");
    server.answer = unauthorized;
    uint64_t away_ms;
    assert_int_equal(try(r), COURIER_AWAY);
    assert_true(couriers_are_away(r->couriers, &away_ms));
    assert_int_equal(r->parcel->count, 1);
    try_until_done(r, all_created);
    assert_false(couriers_are_away(r->couriers, &away_ms));
}

/// Sent again after a reply that was lost: only after a rollover can they be there twice.
static void repeats_are_counted(void **state)
{
    struct rig *r = *state;
    add(r, "{\"n\":1}");
    try_until_done(r, all_created); // it is known where the stream writes to
    parcel_clear(r->parcel);
    add(r, "{\"n\":2}");
    server.answer = lost;
    assert_int_equal(try(r), COURIER_AWAY);
    try_until_done(r, all_created);
    assert_int_equal(r->tally.repeats_possible, 0);
    parcel_clear(r->parcel);
    add(r, "{\"n\":3}");
    add(r, "{\"n\":4}");
    server.answer = lost;
    assert_int_equal(try(r), COURIER_AWAY);
    backing = "two";
    try_until_done(r, all_created);
    assert_int_equal(r->tally.repeats_possible, 2);
    assert_int_equal(r->tally.delivered, 4);
}

static void options_that_it_does_not_know(void **state)
{
    struct rig *r = *state;
    add(r, "{\"n\":1}");
    server.answer = plain_only;
    assert_int_equal(try(r), COURIER_DONE);
    assert_null(strstr(server.path, "require_data_stream"));
    assert_non_null(strstr(server.path, "pipeline=_none"));
    assert_int_equal(server.bulk_count, 2);
}

static struct rig *other;

/// While it looks at the first request another courier comes, and learns it too.
static void plain_only_to_two(const char *body, size_t count, struct cluster_reply *reply)
{
    plain_only(body, count, reply);
    if (other != NULL) {
        struct rig *r = other;
        other = NULL;
        CHECK(pthread_mutex_unlock(&server.mutex) == 0);
        assert_int_equal(try(r), COURIER_DONE);
        CHECK(pthread_mutex_lock(&server.mutex) == 0);
    }
}

/// Two requests are on their way when it turns out: neither document is refused.
static void options_that_two_learn_of(void **state)
{
    struct rig *r = *state;
    struct rig second = { .couriers = r->couriers };
    assert_int_equal(courier_new(r->couriers, &second.courier), 0);
    assert_int_equal(parcel_new(&second.parcel), 0);
    add(r, "{\"n\":1}");
    add(&second, "{\"n\":2}");
    other = &second;
    server.answer = plain_only_to_two;
    assert_int_equal(try(r), COURIER_DONE);
    assert_int_equal(r->tally.delivered + second.tally.delivered, 2);
    assert_int_equal(r->tally.refused + second.tally.refused, 0);
    parcel_free(second.parcel);
    courier_free(second.courier);
}

static void older_and_other_products(void **state)
{
    struct rig *r = *state;
    server.info.product = CLUSTER_OPENSEARCH;
    add(r, "{\"n\":1}");
    server.answer = all_created;
    assert_int_equal(try(r), COURIER_DONE);
    assert_null(strstr(server.path, "require_data_stream"));
    assert_null(strstr(server.path, "include_source_on_error"));
}

static void no_template_no_index(void **state)
{
    struct rig *r = *state;
    add(r, "{\"n\":1}");
    server.stream_status = 404;
    server.answer = all_created;
    assert_int_equal(try(r), COURIER_AWAY);
    assert_int_equal(server.bulk_count, 0);
    server.simulated = "{\"template\":{\"mappings\":{}},\"overlapping\":[]}"; // weir setup was run
    try_until_done(r, all_created);
    assert_int_equal(r->tally.delivered, 1);
}

/// That it cannot say now whether there is a template is no leave to make an index.
static void a_busy_server_is_asked_again(void **state)
{
    struct rig *r = *state;
    add(r, "{\"n\":1}");
    server.answer = all_created;
    static const unsigned STATUSES[] = { 401, 429, 503 };
    for (size_t i = 0; i < 3; i++) {
        server.stream_status = STATUSES[i];
        assert_int_equal(try(r), COURIER_AWAY);
        assert_int_equal(server.bulk_count, 0);
        usleep((useconds_t)(r->wait_ms * 1000));
    }
    server.stream_status = 404;
    assert_int_equal(try(r), COURIER_AWAY);
    assert_int_equal(server.bulk_count, 0);
    server.stream_status = 403; // a key without that right
    try_until_done(r, all_created);
    assert_int_equal(r->tally.delivered, 1);
}

static void requests_that_get_lost_become_smaller(void **state)
{
    struct rig *r = *state;
    add(r, "{\"n\":1}");
    size_t size = couriers_size(r->couriers);
    server.answer = lost;
    assert_int_equal(try(r), COURIER_AWAY);
    assert_true(couriers_size(r->couriers) < size);
    try_until_done(r, all_created);
}

static void nobody_there(void **state)
{
    struct rig *r = *state;
    add(r, "{\"n\":1}");
    server.identify_status = ERR_IO;
    assert_int_equal(try(r), COURIER_AWAY);
    assert_int_equal(server.bulk_count, 0);
    server.identify_status = 0;
    try_until_done(r, all_created);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_has_its_outcome),          TEST(no_dead_letters_no_refusal),
        TEST(too_large_requests_are_split),  TEST(long_reasons_are_kept),
        TEST(a_poisonous_document_is_found), TEST(nothing_said_is_no_success),
        TEST(who_is_busy_is_let_alone),      TEST(no_right_no_delivery),
        TEST(repeats_are_counted),           TEST(options_that_it_does_not_know),
        TEST(options_that_two_learn_of),     TEST(older_and_other_products),
        TEST(no_template_no_index),          TEST(nobody_there),
        TEST(a_busy_server_is_asked_again),  TEST(requests_that_get_lost_become_smaller),
    };
    return UNIT_MAIN("transport/courier", tests);
}
