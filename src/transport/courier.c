// SPDX-License-Identifier: Apache-2.0
/*
 * A parcel is sent in requests of up to pace_size() bytes, one after the other; a courier that
 * finds trouble which concerns everybody holds the others too (transport/pace).
 *
 * Rollovers: when a request was lost on its way, its documents are sent again, and if the stream
 * got a new backing index meanwhile they can be there twice. So now and then, and for documents
 * sent again, the reply is asked for the index, and what was created in another one than was
 * written to when it was lost is counted.
 */
#include "transport/courier.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pack.h"
#include "transport/bulk.h"
#include "transport/deadletter.h"
#include "transport/pace.h"

enum {
    REFUSAL_LOG_S = 60,    ///< so seldom it is said where refused documents are
    INDEX_INTERVAL_S = 10, ///< so often it is asked where streams write to
    NODES_TRIED_MAX = 3,   ///< before a parcel is given back
    REFUSED_ALONE_MAX = 8, ///< documents that may have been the fault, before it is something else
    PATH_SIZE = 512,
    TROUBLE_SIZE = ERR_TEXT_SIZE,
};

struct couriers {
    struct courier_settings settings;
    struct pace pace;
    _Atomic bool away;              ///< the last try came to nothing
    _Atomic bool plain;             ///< the server does not know the request's finer options
    _Atomic unsigned refused_alone; ///< requests of one document, in a row, refused as a whole
    _Atomic uint64_t index_due_ns;
    _Atomic uint64_t refusal_due_ns; ///< before it refusals are not logged
    _Atomic uint64_t requests;
    _Atomic uint64_t failed_requests;
    _Atomic uint64_t sent_again; ///< documents
    _Atomic uint64_t body_bytes;
    _Atomic uint64_t wire_bytes;
    pthread_mutex_t mutex; ///< of what follows
    bool identified;
    struct cluster_info info; ///< once it is identified nobody writes to it
    struct backing backing;
    struct backing targets; ///< streams that are there, or will be made as they should
};

/// One try with a parcel: request after request.
struct round {
    struct parcel *parcel;
    struct transport_tally *tally;
    size_t size_max; ///< of a request
    unsigned lost;   ///< requests that no node answered
    bool busy;       ///< documents were put off
    bool blocked;    ///< documents were forbidden
    size_t first;    ///< item of the request; those before it stay for a later try
    size_t count;    ///< of its items
    size_t size;     ///< of their bytes
};

struct courier {
    struct couriers *shared;
    struct cluster_session *session;
    struct packer *packer; ///< NULL: none
    struct cluster_reply reply;
    struct buf gathered; ///< documents that do not stand together
    struct buf packed;
    struct buf letters; ///< for the dead-letter file
    struct bulk_item *items;
    size_t item_capacity;
    bool wants_index; ///< the request asks for it
    bool plain;       ///< the request was made without the finer options
};

// --- What is shared ------------------------------------------------------------------------------

int couriers_new(const struct courier_settings *settings, struct couriers **ret_couriers)
{
    struct couriers *cs = mem_zalloc(sizeof(*cs));
    if (cs == NULL) {
        return ERR_NO_MEMORY;
    }
    cs->settings = *settings;
    pace_init(&cs->pace, settings->size_max);
    CHECK(pthread_mutex_init(&cs->mutex, NULL) == 0);
    *ret_couriers = cs;
    return 0;
}

void couriers_free(struct couriers *cs)
{
    if (cs != NULL) {
        CHECK(pthread_mutex_destroy(&cs->mutex) == 0);
        pace_release(&cs->pace);
        mem_free(cs);
    }
}

size_t couriers_size(const struct couriers *cs)
{
    return pace_size(&cs->pace);
}

bool couriers_are_away(struct couriers *cs, uint64_t *ret_wait_ms)
{
    uint64_t resting_ms = 0;
    bool resting = cluster_is_resting(cs->settings.cluster, &resting_ms);
    uint64_t held_ms = pace_held_ms(&cs->pace);
    *ret_wait_ms = resting && resting_ms > held_ms ? resting_ms : held_ms;
    return resting || (held_ms > 0 && atomic_load(&cs->away));
}

void couriers_print_metrics(struct couriers *cs, struct buf *out)
{
    const struct {
        const char *name;
        const char *help;
        uint64_t value;
        bool gauge;
    } rows[] = {
        { "requests_total", "Bulk requests sent.", atomic_load(&cs->requests), false },
        { "failed_requests_total", "Bulk requests that failed as a whole.",
          atomic_load(&cs->failed_requests), false },
        { "sent_again_total", "Documents that had to be sent again.", atomic_load(&cs->sent_again),
          false },
        { "body_bytes_total", "Bytes of bulk requests before compression.",
          atomic_load(&cs->body_bytes), false },
        { "wire_bytes_total", "Bytes of bulk requests as sent.", atomic_load(&cs->wire_bytes),
          false },
        { "request_bytes", "Size that requests have now, before compression.", couriers_size(cs),
          true },
        { "away", "1 while nothing can be delivered.", atomic_load(&cs->away), true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_printf(out,
                   "# HELP weir_elasticsearch_%s %s\n# TYPE weir_elasticsearch_%s %s\n"
                   "weir_elasticsearch_%s %" PRIu64 "\n",
                   rows[i].name, rows[i].help, rows[i].name, rows[i].gauge ? "gauge" : "counter",
                   rows[i].name, rows[i].value);
    }
}

// --- Where streams write to ----------------------------------------------------------------------

/// The request got lost.
static void become_uncertain(struct courier *c, struct round *r)
{
    struct couriers *cs = c->shared;
    struct parcel *p = r->parcel;
    for (size_t i = 0; i < r->count; i++) {
        p->items[r->first + i].uncertain = true;
    }
    if (!p->uncertain) {
        p->uncertain = true;
        CHECK(pthread_mutex_lock(&cs->mutex) == 0);
        p->before = cs->backing;
        CHECK(pthread_mutex_unlock(&cs->mutex) == 0);
    }
}

/// A created document: where it went, when that was asked for.
static void look_at_index(struct courier *c, const struct parcel *p, const struct parcel_item *item,
                          const struct bulk_item *said, struct transport_tally *tally)
{
    struct couriers *cs = c->shared;
    if (said->index == NULL || said->failed_over) {
        return;
    }
    struct parcel_address address = parcel_address(p, item);
    uint64_t stream = hash64(address.stream, address.stream_size);
    uint64_t index = hash64(said->index, said->index_size);
    tally->repeats_possible += item->uncertain && !backing_is(&p->before, stream, index);
    CHECK(pthread_mutex_lock(&cs->mutex) == 0);
    backing_learn(&cs->backing, stream, index);
    CHECK(pthread_mutex_unlock(&cs->mutex) == 0);
}

// --- One courier ---------------------------------------------------------------------------------

int courier_new(struct couriers *cs, struct courier **ret_courier)
{
    struct courier *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        return ERR_NO_MEMORY;
    }
    c->shared = cs;
    cluster_reply_init(&c->reply);
    buf_init(&c->gathered, PARCEL_SIZE_MAX);
    buf_init(&c->packed, PARCEL_SIZE_MAX + (1 << 20));
    buf_init(&c->letters, PARCEL_SIZE_MAX + (64 << 20));
    int status = cluster_session_new(cs->settings.cluster, &c->session);
    if (status == 0 && cs->settings.gzip > 0) {
        status = packer_new(cs->settings.gzip, &c->packer);
    }
    if (status != 0) {
        courier_free(c);
        return status;
    }
    *ret_courier = c;
    return 0;
}

void courier_free(struct courier *c)
{
    if (c != NULL) {
        cluster_session_free(c->session);
        packer_free(c->packer);
        cluster_reply_release(&c->reply);
        buf_release(&c->gathered);
        buf_release(&c->packed);
        buf_release(&c->letters);
        mem_free(c->items);
        mem_free(c);
    }
}

void courier_abort(struct courier *c)
{
    cluster_session_abort(c->session);
}

/// Nothing is delivered for now: says why and holds the others.
static enum courier_verdict give_up(struct courier *c, enum courier_verdict verdict,
                                    const char *why)
{
    struct couriers *cs = c->shared;
    atomic_store(&cs->away, verdict == COURIER_AWAY);
    pace_hold(&cs->pace, c->reply.retry_after_ms);
    pace_report(&cs->pace, why);
    return verdict;
}

/// As give_up(), in the server's words.
static enum courier_verdict give_up_for_reply(struct courier *c, enum courier_verdict verdict,
                                              const char *hint)
{
    struct buf why;
    buf_init(&why, 2 * CLUSTER_EXPLAIN_SIZE_MAX);
    cluster_explain(&c->reply, &why);
    buf_append_text(&why, hint);
    verdict = give_up(c, verdict, buf_text(&why));
    buf_release(&why);
    return verdict;
}

// --- Before the first request --------------------------------------------------------------------

/// Asks which product it is. False when there was no answer.
static bool identify(struct courier *c)
{
    struct couriers *cs = c->shared;
    CHECK(pthread_mutex_lock(&cs->mutex) == 0);
    bool known = cs->identified;
    CHECK(pthread_mutex_unlock(&cs->mutex) == 0);
    struct cluster_info info;
    struct err err = { 0 };
    if (known) {
        return true;
    }
    if (cluster_identify(c->session, &info, &err) != 0) {
        c->reply.retry_after_ms = 0;
        (void)give_up(c, COURIER_AWAY, err.text); // the caller says it
        return false;
    }
    CHECK(pthread_mutex_lock(&cs->mutex) == 0);
    bool first = !cs->identified;
    if (first) { // else others read it already
        cs->info = info;
        cs->identified = true;
    }
    CHECK(pthread_mutex_unlock(&cs->mutex) == 0);
    if (first) {
        log_with(LOG_LEVEL_INFO, "delivering", NULL,
                 LOG_TEXT("to", cluster_urls(cs->settings.cluster)),
                 LOG_TEXT("product", cluster_product_text(info.product)),
                 LOG_TEXT("version", info.version), LOG_TEXT("cluster", info.name));
    }
    return true;
}

static void ask(struct courier *c, const char *method, const char *path)
{
    struct cluster_request request = { .method = method, .path = path };
    (void)cluster_request(c->session, &request, &c->reply); // no answer is an answer here
}

/// Another time there is an answer to the question. (A right that is missing stays so.)
static bool cannot_say_now(unsigned status)
{
    return status == 0 || status == 401 || status == 429 || (status >= 502 && status <= 504);
}

/// Whether documents for a stream would go into a data stream, as far as the server says.
static bool is_stream_ready(struct courier *c, const struct parcel_address *address)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "/_data_stream/%.*s", (int)address->stream_size,
                   (const char *)address->stream); // fits: names have up to 255 bytes
    ask(c, "GET", path);
    if (c->reply.status == 404) {
        (void)snprintf(path, sizeof(path), "/_index_template/_simulate_index/%.*s",
                       (int)address->stream_size, (const char *)address->stream); // likewise
        ask(c, "POST", path);
        bool none = c->reply.status == 200 && c->reply.body.size > 0 &&
                    memmem(c->reply.body.data, c->reply.body.size, "\"template\"", 10) == NULL;
        if (none) {
            char why[TROUBLE_SIZE];
            (void)snprintf(why, sizeof(why),
                           "there is no index template for %.*s, so it would not become a data "
                           "stream; run weir setup with the same options",
                           (int)address->stream_size, (const char *)address->stream); // cut is fine
            c->reply.retry_after_ms = 0;
            (void)give_up(c, COURIER_AWAY, why); // the caller says it
            return false;
        }
    }
    if (cannot_say_now(c->reply.status)) {
        (void)give_up_for_reply(c, COURIER_AWAY, ""); // likewise
        return false;
    }
    return true;
}

/**
 * Whether all documents would go into data streams: without a template for it OpenSearch, and older
 * Elasticsearch, make a plain index of that name, which stands in the way of the data stream for
 * good. When it cannot be told (a key without that right) it is let go.
 */
static bool are_targets_ready(struct courier *c, const struct parcel *p)
{
    struct couriers *cs = c->shared;
    struct parcel_address address = { 0 };
    for (size_t i = 0; i < p->count && cs->settings.data_streams; i++) {
        if (address.stream != NULL && parcel_is_for(p, &p->items[i], &address)) {
            continue;
        }
        address = parcel_address(p, &p->items[i]);
        uint64_t stream = hash64(address.stream, address.stream_size);
        CHECK(pthread_mutex_lock(&cs->mutex) == 0);
        bool known = backing_is(&cs->targets, stream, 1);
        CHECK(pthread_mutex_unlock(&cs->mutex) == 0);
        if (!known && !is_stream_ready(c, &address)) {
            return false;
        }
        CHECK(pthread_mutex_lock(&cs->mutex) == 0);
        backing_learn(&cs->targets, stream, 1);
        CHECK(pthread_mutex_unlock(&cs->mutex) == 0);
    }
    return true;
}

// --- One request ---------------------------------------------------------------------------------

static bool is_at_least(const struct cluster_info *info, unsigned major, unsigned minor)
{
    return info->product == CLUSTER_SERVERLESS ||
           (info->product == CLUSTER_ELASTICSEARCH &&
            (info->major > major || (info->major == major && info->minor >= minor)));
}

/// Which of the reply is wanted is named, so that it is a tenth of its size.
static void make_path(struct courier *c, const struct parcel *p, char path[static PATH_SIZE])
{
    struct couriers *cs = c->shared;
    bool plain = atomic_load(&cs->plain);
    c->plain = plain;
    uint64_t now_ns = clock_mono_ns();
    c->wants_index = p->uncertain || now_ns >= atomic_load(&cs->index_due_ns);
    if (c->wants_index && !p->uncertain) {
        atomic_store(&cs->index_due_ns, now_ns + INDEX_INTERVAL_S * NS_PER_S);
    }
    bool pipeline = cs->settings.pipeline[0] != '\0';
    bool streams = cs->settings.data_streams && !plain && is_at_least(&cs->info, 8, 13);
    bool quiet = !plain && is_at_least(&cs->info, 8, 18);
    (void)snprintf(path, PATH_SIZE,
                   "/_bulk?filter_path=error,status,items.*.status,items.*.error,items.*.failure_"
                   "store%s%s%s%s%s",
                   c->wants_index ? ",items.*._index" : "", pipeline ? "&pipeline=" : "",
                   cs->settings.pipeline, streams ? "&require_data_stream=true" : "",
                   quiet ? "&include_source_on_error=false" : ""); // fits: the name is bounded
}

/// Sends the request. False without memory.
static bool send_items(struct courier *c, const struct round *r)
{
    struct couriers *cs = c->shared;
    size_t size;
    const uint8_t *body = parcel_bytes(r->parcel, r->first, r->count, &c->gathered, &size);
    if (body == NULL) {
        return false;
    }
    char path[PATH_SIZE];
    make_path(c, r->parcel, path);
    struct cluster_request request = { .method = "POST",
                                       .path = path,
                                       .content_type = "application/x-ndjson",
                                       .body = body,
                                       .body_size = size };
    if (c->packer != NULL) {
        buf_clear(&c->packed);
        if (packer_pack(c->packer, body, size, &c->packed) != 0) {
            return false;
        }
        request.body = c->packed.data;
        request.body_size = c->packed.size;
        request.gzipped = true;
    }
    atomic_fetch_add(&cs->requests, 1);
    atomic_fetch_add(&cs->body_bytes, size);
    atomic_fetch_add(&cs->wire_bytes, request.body_size);
    (void)cluster_request(c->session, &request, &c->reply); // c->reply says it all
    return true;
}

// --- What became of the documents ----------------------------------------------------------------

static void add_letter(struct courier *c, const struct parcel *p, const struct parcel_item *item,
                       unsigned status, const char *reason)
{
    struct parcel_address address = parcel_address(p, item);
    struct deadletter letter = { .index = address.stream,
                                 .index_size = address.stream_size,
                                 .id = address.id,
                                 .id_size = address.id_size,
                                 .document = p->body.data + item->document,
                                 .document_size = item->end - item->document - 1,
                                 .status = status,
                                 .reason = reason };
    deadletter_append(&letter, clock_wall_ns(), &c->letters);
}

/// Settles one document, or not. Returns whether it is to stay in the parcel.
static bool settle(struct courier *c, const struct parcel *p, const struct parcel_item *item,
                   const struct bulk_item *said, struct transport_tally *tally)
{
    switch (said->verdict) {
    case BULK_DELIVERED:
        tally->delivered++;
        tally->failure_store += said->failed_over;
        if (c->wants_index) {
            look_at_index(c, p, item, said, tally);
        }
        return false;
    case BULK_DUPLICATE:
        tally->delivered++;
        tally->duplicates++;
        return false;
    case BULK_REFUSED: {
        struct buf reason;
        buf_init(&reason, 2 * BULK_REASON_SIZE_MAX);
        bulk_append_reason(said, &reason);
        add_letter(c, p, item, said->status, buf_text(&reason));
        buf_release(&reason);
        tally->refused++;
        return false;
    }
    case BULK_LATER:
    case BULK_FORBIDDEN:
        break;
    }
    return true;
}

/// Takes out of the parcel those documents of the request that do not stay.
static void close_gap(struct round *r, const bool *stays)
{
    struct parcel *p = r->parcel;
    size_t kept = r->first;
    for (size_t i = 0; i < r->count; i++) {
        if (stays[i]) {
            p->items[kept++] = p->items[r->first + i];
        }
    }
    memmove(p->items + kept, p->items + r->first + r->count,
            (p->count - r->first - r->count) * sizeof(p->items[0]));
    p->count -= r->first + r->count - kept;
    r->first = kept;
}

/// Whoever looks at the log is to learn where the documents are; once in a while is enough, the
/// books count them.
static void say_refused(struct couriers *cs)
{
    uint64_t now = clock_mono_ns();
    uint64_t due = atomic_load(&cs->refusal_due_ns);
    if (now >= due &&
        atomic_compare_exchange_strong(&cs->refusal_due_ns, &due, now + REFUSAL_LOG_S * NS_PER_S)) {
        log_with(LOG_LEVEL_WARN, "the server refused documents: they are in a file, with reasons",
                 NULL, LOG_TEXT("file", cs->settings.deadletter));
    }
}

/// Writes the dead letters. False: they could not be kept, so that nothing is settled.
static bool keep_letters(struct courier *c)
{
    if (c->letters.size == 0 && !c->letters.bad) {
        return true;
    }
    if (c->letters.bad || deadletter_write(c->shared->settings.deadletter, &c->letters) != 0) {
        return false;
    }
    say_refused(c->shared);
    return true;
}

static bool reserve_items(struct courier *c, size_t count)
{
    if (count <= c->item_capacity) {
        return true;
    }
    struct bulk_item *items = mem_resize(c->items, count * sizeof(items[0]));
    if (items == NULL) {
        return false;
    }
    c->items = items;
    c->item_capacity = count;
    return true;
}

static void add_tally(struct transport_tally *sum, const struct transport_tally *more)
{
    sum->delivered += more->delivered;
    sum->duplicates += more->duplicates;
    sum->repeats_possible += more->repeats_possible;
    sum->failure_store += more->failure_store;
    sum->refused += more->refused;
}

static void report_item(struct couriers *cs, const struct bulk_item *item)
{
    struct buf why;
    buf_init(&why, 2 * BULK_REASON_SIZE_MAX);
    bulk_append_reason(item, &why);
    pace_report(&cs->pace, buf_text(&why));
    buf_release(&why);
}

/// The reply has an outcome for each document.
static enum courier_verdict take_outcomes(struct courier *c, struct round *r)
{
    struct couriers *cs = c->shared;
    struct transport_tally done = { 0 };
    const struct bulk_item *forbidden = NULL;
    bool busy = false;
    bool *stays = mem_zalloc(r->count);
    if (stays == NULL) {
        return give_up(c, COURIER_LATER, "out of memory");
    }
    buf_clear(&c->letters);
    size_t left = 0;
    for (size_t i = 0; i < r->count; i++) {
        stays[i] = settle(c, r->parcel, &r->parcel->items[r->first + i], &c->items[i], &done);
        left += stays[i];
        forbidden = c->items[i].verdict == BULK_FORBIDDEN ? &c->items[i] : forbidden;
        busy = busy || c->items[i].verdict == BULK_LATER;
    }
    bool kept = keep_letters(c);
    if (kept) {
        close_gap(r, stays);
        add_tally(r->tally, &done);
    }
    mem_free(stays);
    if (!kept) {
        return give_up(c, COURIER_LATER,
                       "the server refuses documents, and the dead-letter file cannot be written");
    }
    atomic_store(&cs->away, false);
    atomic_fetch_add(&cs->sent_again, left);
    if (forbidden != NULL) {
        report_item(cs, forbidden);
    }
    atomic_store(&cs->refused_alone, 0);
    r->busy = r->busy || busy;
    r->blocked = r->blocked || forbidden != NULL;
    if (busy) {
        pace_shrink(&cs->pace);
    } else {
        pace_went_well(&cs->pace, c->reply.took_ns);
        r->size_max = 2 * r->size_max < couriers_size(cs) ? 2 * r->size_max : couriers_size(cs);
    }
    return COURIER_DONE;
}

/// One document that is too much for the server, or that it cannot read: it is refused. When that
/// happens to one after the other it is not the documents: they are refused slowly, with an alarm.
static enum courier_verdict refuse(struct courier *c, struct round *r)
{
    struct buf reason;
    buf_init(&reason, CLUSTER_EXPLAIN_SIZE_MAX);
    cluster_explain(&c->reply, &reason);
    buf_clear(&c->letters);
    add_letter(c, r->parcel, &r->parcel->items[r->first], c->reply.status, buf_text(&reason));
    buf_release(&reason);
    if (!keep_letters(c)) {
        return give_up(c, COURIER_LATER,
                       "the server refuses a document, and the dead-letter file cannot be written");
    }
    static const bool STAYS = false;
    close_gap(r, &STAYS);
    r->tally->refused++;
    bool all = atomic_fetch_add(&c->shared->refused_alone, 1) >= REFUSED_ALONE_MAX;
    return all ? give_up_for_reply(c, COURIER_AWAY, " (every request is refused)") : COURIER_DONE;
}

static bool is_unknown_parameter(const struct cluster_reply *reply)
{
    static const char WORDS[] = "unrecognized parameter";
    return reply->status == 400 && reply->body.size > 0 &&
           memmem(reply->body.data, reply->body.size, WORDS, sizeof(WORDS) - 1) != NULL;
}

/// The node that was asked rests now; COURIER_DONE when there is another one.
static enum courier_verdict try_another_node(struct courier *c, struct round *r)
{
    uint64_t resting_ms;
    bool all = cluster_is_resting(c->shared->settings.cluster, &resting_ms);
    if (all || c->reply.retry_after_ms > 0 || ++r->lost == NODES_TRIED_MAX) {
        return give_up_for_reply(c, COURIER_AWAY, "");
    }
    return COURIER_DONE;
}

/// An answer to the request as a whole that is no success. COURIER_DONE: go on, with another one.
static enum courier_verdict take_failure(struct courier *c, struct round *r)
{
    struct couriers *cs = c->shared;
    unsigned status = c->reply.status;
    atomic_fetch_add(&cs->failed_requests, 1);
    if (status == 0) {
        if (c->reply.sent) {
            become_uncertain(c, r);
            pace_shrink(&cs->pace); // if it took too long, a smaller one may not
        }
        return try_another_node(c, r);
    }
    if (is_unknown_parameter(&c->reply) && !c->plain) { // others may have learned it meanwhile
        atomic_store(&cs->plain, true);
        return COURIER_DONE;
    }
    if (status == 413 || status == 400) {
        if (r->count == 1) {
            return refuse(c, r);
        }
        if (status == 413) {
            pace_shrink(&cs->pace);
        }
        r->size_max = r->size / 2;
        return COURIER_DONE;
    }
    if (status == 429) {
        pace_shrink(&cs->pace);
        return give_up_for_reply(c, COURIER_LATER, "");
    }
    if (status >= 500) {
        become_uncertain(c, r); // a proxy may have lost the answer
        return try_another_node(c, r);
    }
    const char *hint = status == 401 ? " (see -transport.elasticsearch.api_key_file, password_file)"
                       : status == 403 ? " (a right is missing; weir check says which)"
                                       : "";
    return give_up_for_reply(c, COURIER_AWAY, hint);
}

/// Sends what fits one request and looks at the answer.
static enum courier_verdict try_some(struct courier *c, struct round *r)
{
    r->count = parcel_fit(r->parcel, r->first, r->size_max, &r->size);
    if (!reserve_items(c, r->count) || !send_items(c, r)) {
        return give_up(c, COURIER_LATER, "out of memory");
    }
    if (c->reply.status != 200) {
        return take_failure(c, r);
    }
    if (bulk_reply_read(c->reply.body.data, c->reply.body.size, c->items, r->count) != 0) {
        atomic_fetch_add(&c->shared->failed_requests, 1);
        become_uncertain(c, r);
        return give_up(
            c, COURIER_AWAY,
            "the answer to a bulk request is none: is this Elasticsearch or OpenSearch?");
    }
    return take_outcomes(c, r);
}

enum courier_verdict courier_try(struct courier *c, struct parcel *p, struct transport_tally *tally,
                                 uint64_t *ret_wait_ms)
{
    struct couriers *cs = c->shared;
    *ret_wait_ms = pace_held_ms(&cs->pace);
    if (p->count == 0) {
        return COURIER_DONE;
    }
    if (*ret_wait_ms > 0) {
        return atomic_load(&cs->away) ? COURIER_AWAY : COURIER_LATER;
    }
    size_t count = p->count;
    struct round r = { .parcel = p, .tally = tally, .size_max = couriers_size(cs) };
    enum courier_verdict verdict = COURIER_DONE;
    if (!identify(c) || !are_targets_ready(c, p)) {
        verdict = COURIER_AWAY;
    }
    while (verdict == COURIER_DONE && r.first < p->count) {
        verdict = try_some(c, &r);
    }
    if (p->count == 0) {
        pace_report_well(&cs->pace);
        return COURIER_DONE;
    }
    p->tries = p->count < count ? 1 : p->tries + 1;
    uint64_t wait_ms;
    (void)couriers_are_away(cs, &wait_ms); // only how long
    *ret_wait_ms = wait_ms > 0 ? wait_ms : pace_backoff_ms(p->tries - 1);
    bool blocked = r.blocked && !r.busy;
    return verdict != COURIER_DONE ? verdict : blocked ? COURIER_BLOCKED : COURIER_LATER;
}
