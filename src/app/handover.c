// SPDX-License-Identifier: Apache-2.0
/*
 * POST /local/records, whose body is batches one behind the other. The answer comes when all of
 * them are settled there: {"batches":[[STORED, DUPLICATES],...]}, where STORED is false for one
 * that was given up because that weir ends.
 *
 * A request that fails may have been read all the same. Its batches are sent again: lines are
 * skipped by their position, records of captures may then be there twice, which is counted.
 */
#include "app/handover.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/handover_batch.h"
#include "app/local.h"
#include "app/version.h"
#include "base/clock.h"
#include "base/json_find.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"

enum {
    BODY_SIZE_ENOUGH = 4 << 20, ///< a request leaves when it has grown to that
    BODY_SIZE_MAX = 48 << 20,   ///< below what the other end takes; a batch has 11 MB at most
    HELD_MAX = 64,
    AGE_MS = 200,           ///< or when its oldest batch is that old
    REQUEST_TIMEOUT_S = 60, ///< a commit to a slow disk, with others before it
    GIVE_UP_S = 60,         ///< how long that weir may be away
};

struct handover {
    struct handover_settings settings;
    struct transport *transport;
    struct local *local; ///< NULL: nobody listened
    struct buf body;
    size_t held_count;
    struct batch *held[HELD_MAX]; ///< in the body
    uint64_t held_since_ns;
    uint64_t failing_since_ns; ///< 0: it works
    _Atomic uint64_t deadline_ns;
    bool may_repeat; ///< what is held was sent before
};

// --- Answers -------------------------------------------------------------------------------------

static uint64_t number_at(const struct cluster_reply *reply, const char *path)
{
    struct json_value v;
    uint64_t number;
    bool found = json_find(reply->body.data, reply->body.size, path, &v) &&
                 num_get_u64((const char *)v.data, v.size, UINT32_MAX, &number) == 0;
    return found ? number : 0;
}

static uint64_t count_errors(const struct batch *batch)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        count += batch->flows[i].kind == RECORD_ERROR;
    }
    return count;
}

/// What the answer says of batch `index`. False: it is still to be delivered.
static bool settle(struct handover *h, size_t index, const struct cluster_reply *reply)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "batches/%zu/0", index); // fits
    if (!json_find_true(reply->body.data, reply->body.size, path)) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "batches/%zu/1", index); // fits
    struct batch *batch = h->held[index];
    uint64_t duplicates = number_at(reply, path);
    bool lines = batch->file_count > 0;
    const struct transport_tally tally = {
        .delivered = batch->flow_count,
        .error_documents = count_errors(batch),
        .duplicates = duplicates < batch->flow_count ? duplicates : batch->flow_count,
        .repeats_possible = h->may_repeat && !lines ? batch->flow_count : 0,
    };
    transport_settle(h->transport, &tally, batch->flow_count);
    batch_unref(batch);
    return true;
}

static void add_to_body(struct handover *h, struct batch *batch)
{
    handover_pack(batch, h->settings.mapping, &h->body);
    CHECK(!h->body.bad); // BODY_SIZE_MAX holds more than is gathered
    h->held[h->held_count++] = batch;
}

/// Settles what the answer has; the rest is packed again. Returns whether nothing is left.
static bool settle_all(struct handover *h, const struct cluster_reply *reply)
{
    size_t count = h->held_count;
    buf_clear(&h->body);
    h->held_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct batch *batch = h->held[i];
        if (!settle(h, i, reply)) {
            add_to_body(h, batch); // its place is at i or before it
        }
    }
    return h->held_count == 0;
}

// --- Requests ------------------------------------------------------------------------------------

static bool is_overdue(const struct handover *h)
{
    uint64_t deadline_ns = atomic_load(&h->deadline_ns);
    return deadline_ns != 0 && clock_mono_ns() >= deadline_ns;
}

static void give_up(struct handover *h, const char *why)
{
    if (!atomic_exchange(h->settings.gave_up, true)) {
        log_with(LOG_LEVEL_ERROR, "the weir that has the store took not everything: run this again",
                 NULL, LOG_TEXT("error", why));
    }
}

/// Says once that it does not work, and ends it when that lasts.
static void note_failure(struct handover *h, const char *why)
{
    uint64_t now_ns = clock_mono_ns();
    if (h->failing_since_ns == 0) {
        h->failing_since_ns = now_ns;
        log_with(LOG_LEVEL_WARN, "the weir that has the store does not answer; it is waited for",
                 NULL, LOG_TEXT("error", why));
    } else if (now_ns - h->failing_since_ns > GIVE_UP_S * NS_PER_S) {
        give_up(h, why);
    }
}

static int reopen(struct handover *h)
{
    struct err err;
    if (h->local != NULL) {
        return 0;
    }
    if (local_open(h->settings.socket, REQUEST_TIMEOUT_S * NS_PER_S, &h->local, &err) != 0) {
        note_failure(h, err.text);
        return err.status;
    }
    return 0;
}

/// What an answer that is no success means.
static void note_refusal(struct handover *h, const struct cluster_reply *reply)
{
    struct err err;
    (void)local_complain(reply, &err); // in its words
    if (reply->status == 0 || reply->status >= 500) {
        note_failure(h, err.text);
    } else {
        give_up(h, err.text); // it would say so again
    }
}

/// Whether all that is held is settled.
static bool send(struct handover *h)
{
    if (h->held_count == 0) {
        return true;
    }
    if (atomic_load(h->settings.gave_up) || reopen(h) != 0) {
        return false;
    }
    const struct cluster_request request = { .method = "POST",
                                             .path = "/local/records",
                                             .content_type = "application/octet-stream",
                                             .body = h->body.data,
                                             .body_size = h->body.size };
    struct cluster_reply reply;
    cluster_reply_init(&reply);
    bool done = false;
    if (local_ask(h->local, &request, &reply) == 0 && reply.status == 200) {
        done = settle_all(h, &reply);
        if (!done) {
            note_failure(h, "it ends");
        } else if (h->failing_since_ns != 0) {
            log_write(LOG_LEVEL_INFO, "the weir that has the store answers again", NULL, NULL);
        }
        h->failing_since_ns = done ? 0 : h->failing_since_ns;
        h->may_repeat = false;
    } else {
        h->may_repeat = h->may_repeat || (reply.status == 0 && reply.sent);
        note_refusal(h, &reply);
        local_close(h->local);
        h->local = NULL;
    }
    cluster_reply_release(&reply);
    return done;
}

// --- The transport -------------------------------------------------------------------------------

static int start(void *self, struct transport *t)
{
    struct handover *h = self;
    h->transport = t;
    return 0;
}

static enum transport_verdict deliver(void *self, struct batch *batch,
                                      struct transport_tally *ret_tally)
{
    struct handover *h = self;
    (void)ret_tally; // what is taken is settled later
    bool full = h->held_count == HELD_MAX || h->body.size >= BODY_SIZE_ENOUGH;
    if (full && !send(h)) {
        return atomic_load(h->settings.gave_up) ? TRANSPORT_CLOSED : TRANSPORT_RETRY;
    }
    if (h->held_count == 0) {
        h->held_since_ns = clock_mono_ns();
    }
    add_to_body(h, batch);
    return TRANSPORT_TAKEN;
}

static void flush(void *self)
{
    (void)send(self); // what is left is tried again
}

static void tick(void *self)
{
    struct handover *h = self;
    if (h->held_count > 0 && clock_mono_ns() - h->held_since_ns > AGE_MS * NS_PER_MS) {
        (void)send(h); // likewise
    }
}

static void hurry(void *self, uint64_t deadline_ns)
{
    struct handover *h = self;
    atomic_store(&h->deadline_ns, deadline_ns);
}

/// Positions must not move past what was not taken.
static void abandon(struct handover *h)
{
    for (size_t i = 0; i < h->held_count; i++) {
        const struct transport_tally tally = { .stopped = h->held[i]->flow_count };
        transport_settle(h->transport, &tally, h->held[i]->flow_count);
        batch_set_undelivered(h->held[i]);
        batch_unref(h->held[i]);
    }
    h->held_count = 0;
}

static void stop(void *self)
{
    struct handover *h = self;
    while (!send(h) && !atomic_load(h->settings.gave_up) && !is_overdue(h)) {
        struct timespec pause = { .tv_nsec = AGE_MS * (long)NS_PER_MS };
        (void)nanosleep(&pause, NULL); // may end early
    }
    abandon(h);
}

static void close_handover(void *self)
{
    struct handover *h = self;
    local_close(h->local);
    buf_release(&h->body);
    mem_free(h);
}

const struct transport_kind TRANSPORT_HANDOVER = {
    .name = "store",
    .start = start,
    .deliver = deliver,
    .tick = tick,
    .flush = flush,
    .hurry = hurry,
    .stop = stop,
    .close = close_handover,
};

/// Two versions have two ideas of what a record is in memory.
static int check_version(struct local *l, struct err *err)
{
    const struct cluster_request request = { .method = "GET", .path = "/local/state" };
    struct cluster_reply reply;
    cluster_reply_init(&reply);
    struct buf version;
    buf_init(&version, 256);
    int status = 0;
    if (local_ask(l, &request, &reply) != 0 || reply.status != 200) {
        status = local_complain(&reply, err);
    } else if (!json_find_text(reply.body.data, reply.body.size, "version", &version) ||
               strcmp(buf_text(&version), version_text()) != 0) {
        status = err_set(err, ERR_UNSUPPORTED,
                         "the weir that has the store is version %s, this one is %s: use one "
                         "version for both",
                         buf_text(&version), version_text());
    }
    buf_release(&version);
    cluster_reply_release(&reply);
    return status;
}

int handover_open(const struct handover_settings *settings, void **ret_self, struct err *err)
{
    struct local *local;
    if (local_open(settings->socket, REQUEST_TIMEOUT_S * NS_PER_S, &local, err) != 0) {
        return err->status;
    }
    if (check_version(local, err) != 0) {
        local_close(local);
        return err->status;
    }
    struct handover *h = mem_zalloc(sizeof(*h));
    if (h == NULL) {
        local_close(local);
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    h->settings = *settings;
    h->local = local;
    buf_init(&h->body, BODY_SIZE_MAX);
    *ret_self = h;
    log_with(LOG_LEVEL_INFO, "another weir has the store: it gets the records", NULL,
             LOG_TEXT("socket", settings->socket));
    return 0;
}
