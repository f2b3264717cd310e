// SPDX-License-Identifier: Apache-2.0
/*
 * The whole transport, threads and spool, and a cluster that is made up: what is delivered, what is
 * kept while it is away and at the end, who waits, and that each document is there once.
 */
#include "transport/elasticsearch.h"

#include <stdlib.h>
#include <unistd.h>

#include "../unit.h"
#include "base/line.h"
#include "base/mem.h"
#include "flow/mapping.h"
#include "made_up_cluster.h"

enum { FLOWS = 40, IDS_MAX = 20000, POOL = 400 };

int cluster_new(const struct cluster_settings *settings, struct cluster **ret_cluster,
                struct err *err)
{
    (void)settings;
    (void)err;
    *ret_cluster = NULL;
    return 0;
}

void cluster_free(struct cluster *c)
{
    (void)c;
}

void cluster_reload(struct cluster *c)
{
    (void)c;
}

// --- Answers -------------------------------------------------------------------------------------

static struct {
    char ids[IDS_MAX][RECORD_ID_SIZE];
    size_t count;
    size_t again; ///< documents that were there already
} index_;

static bool is_new(const char *id)
{
    for (size_t i = 0; i < index_.count; i++) {
        if (memcmp(index_.ids[i], id, RECORD_ID_SIZE) == 0) {
            index_.again++;
            return false;
        }
    }
    assert_true(index_.count < IDS_MAX);
    memcpy(index_.ids[index_.count++], id, RECORD_ID_SIZE);
    return true;
}

/// As an index does: each id once.
static void indexes(const char *body, size_t count, struct cluster_reply *reply)
{
    static const char ID[] = "\"_id\":\"";
    buf_append_text(&reply->body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        body = strstr(body, ID) + strlen(ID);
        buf_printf(&reply->body, "%s{\"create\":{\"status\":%d}}", i > 0 ? "," : "",
                   is_new(body) ? 201 : 409);
    }
    buf_append_text(&reply->body, "]}");
}

static void is_away(const char *body, size_t count, struct cluster_reply *reply)
{
    (void)body;
    (void)count;
    reply->status = 0;
    reply->sent = false;
    (void)snprintf(reply->problem, sizeof(reply->problem), "connection refused");
}

static void has_no_room(const char *body, size_t count, struct cluster_reply *reply)
{
    (void)body;
    buf_append_text(&reply->body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        buf_printf(&reply->body, "%s{\"create\":{\"status\":429}}", i > 0 ? "," : "");
    }
    buf_append_text(&reply->body, "]}");
}

/// It has all of it, but nobody hears so.
static void loses_answers(const char *body, size_t count, struct cluster_reply *reply)
{
    indexes(body, count, reply);
    buf_clear(&reply->body);
    is_away(body, count, reply);
    reply->sent = true;
}

// --- The rig -------------------------------------------------------------------------------------

struct rig {
    char folder[64];
    char spool[100];
    char deadletter[100];
    struct mapping *mapping;
    struct batch_pool *pool;
    struct transport *transport;
    _Atomic uint64_t acknowledged; ///< batches with lines
    _Atomic uint64_t given_up;
    struct origin *origin;
    uint64_t offset;
    uint32_t sequence;
};

static void released(void *context, const struct batch *batch)
{
    struct rig *r = context;
    if (batch->file_count > 0) {
        bool lost = atomic_load(&batch->undelivered);
        atomic_fetch_add(lost ? &r->given_up : &r->acknowledged, 1);
    }
}

static int set_up(void **state)
{
    struct rig *r = mem_zalloc(sizeof(*r));
    server_reset();
    memset(&index_, 0, sizeof(index_));
    server.answer = indexes;
    (void)snprintf(r->folder, sizeof(r->folder), "/tmp/elasticsearch-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    (void)snprintf(r->spool, sizeof(r->spool), "%s/spool", r->folder);
    (void)snprintf(r->deadletter, sizeof(r->deadletter), "%s/dead.ndjson", r->folder);
    assert_int_equal(mapping_default(&r->mapping), 0);
    assert_int_equal(batch_pool_new(POOL, released, r, &r->pool), 0);
    struct origin origin = { .path = "/a.log", .input_type = "log", .is_file = true };
    r->origin = origin_new(&origin);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    char command[200];
    batch_pool_free(r->pool);
    origin_unref(r->origin);
    mapping_free(r->mapping);
    (void)snprintf(command, sizeof(command), "rm -rf %s", r->folder);
    assert_int_equal(system(command), 0);
    mem_free(r);
    return 0;
}

static void closed(void *context)
{
    (void)context;
}

static void start(struct rig *r, bool spool)
{
    static const struct ecs_settings ECS = { .version = "8.11.0",
                                             .tags = "sflow",
                                             .namespace = "default",
                                             .dataset = "",
                                             .timezone = "",
                                             .fields = "",
                                             .agent_name = "a",
                                             .agent_version = "1" };
    static const struct cluster_settings CLUSTER;
    static struct format_settings format;
    format = (struct format_settings){ .name = "ecs", .mapping = r->mapping, .ecs = &ECS };
    struct elasticsearch_settings settings = { .cluster = &CLUSTER,
                                               .format = &format,
                                               .index = "",
                                               .pipeline = "",
                                               .connections = 2,
                                               .bulk_size = 64 << 10,
                                               .flush_ns = 50 * NS_PER_MS,
                                               .spool = spool ? r->spool : "",
                                               .spool_size = 8 << 20,
                                               .deadletter = r->deadletter };
    struct err err = { 0 };
    void *self;
    if (elasticsearch_open(&settings, &self, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(
        transport_start(&TRANSPORT_ELASTICSEARCH, self, 64, closed, NULL, &r->transport), 0);
}

static struct transport_books stop(struct rig *r)
{
    transport_stop(r->transport);
    struct transport_books books = transport_books(r->transport);
    transport_free(r->transport);
    assert_int_equal(transport_books_difference(&books), 0);
    assert_int_equal(books.waiting, 0);
    assert_int_equal(batch_pool_out(r->pool), 0);
    return books;
}

/// Hands over a batch of FLOWS records, no two of which are alike.
static void offer(struct rig *r, enum batch_keep keep)
{
    struct batch *b = batch_get(r->pool);
    assert_non_null(b);
    b->keep = keep;
    for (b->flow_count = 0; b->flow_count < FLOWS; b->flow_count++) {
        b->flows[b->flow_count] =
            (struct flow){ .kind = RECORD_FLOW,
                           .present = FLOW_BIT(FIELD_SEQUENCE_NUM) | FLOW_BIT(FIELD_BYTES),
                           .type = FLOW_TYPE_SFLOW_5,
                           .time_received_ns = 1700000000 * NS_PER_S,
                           .sequence_num = ++r->sequence,
                           .bytes = 64 };
    }
    if (keep != BATCH_PASSING) {
        origin_ref(r->origin);
        b->files[0] = (struct batch_file){ .origin = r->origin, .begin = r->offset };
        for (uint32_t i = 0; i < FLOWS; i++) {
            b->flows[i].file = 1;
            b->flows[i].offset = r->offset++;
        }
        b->files[0].end = r->offset;
        b->file_count = 1;
    }
    static const struct transport_patience PATIENCE;
    transport_offer(r->transport, b, keep == BATCH_PASSING ? NULL : &PATIENCE);
    batch_unref(b);
}

static void wait_for(struct rig *r, bool (*is_so)(struct rig *r))
{
    for (int i = 0; i < 1000 && !is_so(r); i++) {
        usleep(20000);
    }
    assert_true(is_so(r));
}

static bool nothing_waits(struct rig *r)
{
    return transport_books(r->transport).waiting == 0;
}

static bool spool_is_empty(struct rig *r)
{
    struct transport_books books = transport_books(r->transport);
    return books.waiting == 0 && books.spooled == 0;
}

// --- Tests ---------------------------------------------------------------------------------------

static void delivered(void **state)
{
    struct rig *r = *state;
    start(r, true);
    for (int i = 0; i < 50; i++) {
        offer(r, BATCH_FOLLOWED);
    }
    wait_for(r, nothing_waits);
    struct transport_books books = stop(r);
    assert_int_equal(books.received, 50 * FLOWS);
    assert_int_equal(books.delivered, 50 * FLOWS);
    assert_int_equal(index_.count, 50 * FLOWS);
    assert_int_equal(index_.again, 0);
    assert_int_equal(atomic_load(&r->acknowledged), 50);
}

static void kept_while_away(void **state)
{
    struct rig *r = *state;
    server.answer = is_away;
    start(r, true);
    for (int i = 0; i < 30; i++) {
        offer(r, i % 2 == 0 ? BATCH_PASSING : BATCH_FOLLOWED);
        usleep(5000);
    }
    wait_for(r, nothing_waits);
    assert_int_equal(transport_books(r->transport).spooled, 30 * FLOWS);
    assert_int_equal(atomic_load(&r->acknowledged), 15); // they are on disk
    server.answer = indexes;
    for (int i = 0; i < 5; i++) {
        offer(r, BATCH_PASSING);
    }
    wait_for(r, spool_is_empty);
    struct transport_books books = stop(r);
    assert_int_equal(books.delivered, 35 * FLOWS);
    assert_int_equal(books.recovered, 0);
    assert_int_equal(index_.count, 35 * FLOWS);
    assert_int_equal(index_.again, 0);
}

/// The program ends while the cluster is away; the next one delivers.
static void kept_over_the_end(void **state)
{
    struct rig *r = *state;
    server.answer = is_away;
    start(r, true);
    for (int i = 0; i < 20; i++) {
        offer(r, i % 2 == 0 ? BATCH_PASSING : BATCH_FOLLOWED);
    }
    uint64_t begin_ns = clock_mono_ns();
    transport_set_deadline(r->transport, 2000);
    struct transport_books books = stop(r);
    assert_true(clock_mono_ns() - begin_ns < 6 * NS_PER_S);
    assert_int_equal(books.spooled, 20 * FLOWS);
    assert_int_equal(books.delivered, 0);
    assert_int_equal(atomic_load(&r->acknowledged), 10);
    server.answer = indexes;
    start(r, true);
    assert_int_equal(transport_books(r->transport).recovered, 20 * FLOWS);
    wait_for(r, spool_is_empty);
    books = stop(r);
    assert_int_equal(books.recovered, 20 * FLOWS);
    assert_int_equal(books.delivered, 20 * FLOWS);
    assert_int_equal(index_.count, 20 * FLOWS);
}

/// An import waits, and what it could not deliver is not acknowledged.
static void who_waits_is_not_kept(void **state)
{
    struct rig *r = *state;
    server.answer = is_away;
    start(r, false);
    for (int i = 0; i < 10; i++) {
        offer(r, BATCH_WAITING);
    }
    usleep(1500000);
    assert_int_equal(transport_books(r->transport).waiting, 10 * FLOWS);
    assert_int_equal(atomic_load(&r->acknowledged), 0);
    server.answer = indexes;
    wait_for(r, nothing_waits);
    assert_int_equal(atomic_load(&r->acknowledged), 10);
    server.answer = is_away;
    for (int i = 0; i < 10; i++) {
        offer(r, BATCH_WAITING);
    }
    transport_set_deadline(r->transport, 500);
    struct transport_books books = stop(r);
    assert_int_equal(books.delivered, 10 * FLOWS);
    assert_int_equal(books.dropped[TRANSPORT_DROP_STOPPED], 10 * FLOWS);
    assert_int_equal(atomic_load(&r->given_up), 10);
}

/// Without a spool records of datagrams have the ring, and no more.
static void no_spool(void **state)
{
    struct rig *r = *state;
    server.answer = is_away;
    start(r, false);
    for (int i = 0; i < 300; i++) {
        offer(r, BATCH_PASSING);
    }
    transport_set_deadline(r->transport, 300);
    struct transport_books books = stop(r);
    assert_int_equal(books.received, 300 * FLOWS);
    assert_true(books.dropped[TRANSPORT_DROP_RING_FULL] > 0);
    assert_true(books.dropped[TRANSPORT_DROP_STOPPED] > 0);
}

static void answers_that_get_lost(void **state)
{
    struct rig *r = *state;
    server.answer = loses_answers;
    start(r, true);
    for (int i = 0; i < 10; i++) {
        offer(r, BATCH_FOLLOWED);
    }
    usleep(800000);
    server.answer = indexes;
    wait_for(r, spool_is_empty);
    struct transport_books books = stop(r);
    assert_int_equal(index_.count, 10 * FLOWS);
    assert_int_equal(books.delivered, 10 * FLOWS);
    assert_in_range(books.duplicates, 1, index_.again);
}

/// The time to stop is over before the ring is empty: what may be kept is, and not given up.
static void kept_when_time_is_over(void **state)
{
    struct rig *r = *state;
    server.answer = has_no_room;
    start(r, true);
    offer(r, BATCH_PASSING);
    transport_set_deadline(r->transport, 0);
    wait_for(r, nothing_waits);
    struct transport_books books = stop(r);
    assert_int_equal(books.dropped[TRANSPORT_DROP_STOPPED], 0);
    assert_int_equal(books.spooled, FLOWS);
}

static void names(void **state)
{
    (void)state;
    struct ecs_settings ecs = { .dataset = "", .namespace = "prod" };
    char stream[ELASTICSEARCH_STREAM_SIZE];
    assert_int_equal(elasticsearch_stream("", &ecs, ECS_DATASET_SFLOW, stream), 0);
    assert_string_equal(stream, "logs-goflow2.sflow-prod");
    assert_int_equal(elasticsearch_stream("", &ecs, ECS_DATASET_NETFLOW, stream), 0);
    assert_string_equal(stream, "logs-goflow2.netflow-prod");
    assert_int_equal(elasticsearch_stream("mine", &ecs, ECS_DATASET_NETFLOW, stream), 0);
    assert_string_equal(stream, "mine");
    ecs.dataset = "flows";
    assert_int_equal(elasticsearch_stream("", &ecs, ECS_DATASET_NETFLOW, stream), 0);
    assert_string_equal(stream, "logs-flows-prod");
    assert_string_equal(elasticsearch_pipeline("", false), "_none");
    assert_string_equal(elasticsearch_pipeline("", true), "");
    assert_string_equal(elasticsearch_pipeline("none", true), "_none");
    assert_string_equal(elasticsearch_pipeline("default", false), "");
    assert_string_equal(elasticsearch_pipeline("mine", false), "mine");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(delivered),
        TEST(kept_while_away),
        TEST(kept_over_the_end),
        TEST(who_waits_is_not_kept),
        TEST(no_spool),
        TEST(answers_that_get_lost),
        TEST(kept_when_time_is_over),
        cmocka_unit_test(names),
    };
    return UNIT_MAIN("transport/elasticsearch", tests);
}
