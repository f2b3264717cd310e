// SPDX-License-Identifier: Apache-2.0
/*
 * The transport's thread turns batches into documents and gathers them in parcels: one that is
 * being filled for each way in which batches may be kept. A parcel that is large enough, or old
 * enough, goes to the senders, each of which has a courier and carries one parcel at a time until
 * all of it is settled. There are a few parcels; when all are on their way, batches wait in the
 * ring.
 *
 * While the cluster is away, senders put what may be kept into the spool: records of datagrams and
 * lines of followed logs (not those of an import, which waits). A batch is given back when its
 * documents are delivered, or on disk. The drainer takes what is in the spool to the cluster, in
 * order, beside the senders, as soon as it is back. A cluster that is there but slower than the
 * datagrams come is helped the same way: when a quarter of the ring waits, the oldest parcel of
 * datagrams goes to the spool.
 *
 * At the end senders finish what they carry, as long as the deadline lets them; then what may be
 * kept is put into the spool, and the rest is given up: its batches are marked so, and whoever
 * reads the same file next time reads it again.
 */
#include "transport/elasticsearch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/ring.h"
#include "transport/courier.h"
#include "transport/pace.h"
#include "transport/parcel.h"
#include "transport/spool.h"

enum {
    KEEP_COUNT = BATCH_WAITING + 1,
    /// Two for each sender, and one being filled for each enum batch_keep.
    PARCELS_MAX = 2 * ELASTICSEARCH_CONNECTIONS_MAX + KEEP_COUNT,
    PREFIX_SIZE_MAX = 512,
    POP_MS = 100,
    PAUSE_MS = 20,          ///< between looks whether it is time to stop
    DRAIN_PAUSE_MS = 200,   ///< between looks whether there is something in the spool
    LATER_MAX_MS = 10000,   ///< so long a sender waits for a cluster that takes too little
    DRAINER_LEAVE_MS = 2000 ///< at the end, for the request that is on its way
};

struct elasticsearch;

struct sender {
    struct elasticsearch *es;
    struct courier *courier;
    struct buf gathered;
    pthread_t thread;
    bool started;
    _Atomic bool ended;
};

struct elasticsearch {
    struct elasticsearch_settings settings;
    struct transport *transport;
    struct cluster *cluster;
    struct couriers *couriers;
    struct spool *spool; ///< NULL: none
    struct format *format;
    struct buf prefixes[ECS_DATASET_COUNT];
    size_t parcel_count;
    struct parcel *parcels[PARCELS_MAX];
    struct ring *idle;                  ///< parcels that are empty
    struct ring *ready;                 ///< those to be carried
    struct parcel *filling[KEEP_COUNT]; ///< by enum batch_keep; the transport's thread's
    struct sender senders[ELASTICSEARCH_CONNECTIONS_MAX];
    struct sender drainer;
    struct parcel *drained;
    unsigned blocked;             ///< frames in a row that were forbidden; the drainer's
    bool drain_failing;           ///< that was logged; the drainer's
    struct buf spilled;           ///< the transport's thread's
    _Atomic uint64_t deadline_ns; ///< monotonic; 0: none
    _Atomic bool ending;          ///< nothing more comes
    _Atomic bool drainer_ends;
};

static size_t parcels_of(size_t connections)
{
    return 2 * connections + KEEP_COUNT;
}

size_t elasticsearch_batches_max(size_t connections)
{
    return parcels_of(connections) * PARCEL_BATCHES_MAX;
}

// --- Names ---------------------------------------------------------------------------------------

int elasticsearch_stream(const char *index, const struct ecs_settings *ecs,
                         enum ecs_dataset dataset,
                         char ret_stream[static ELASTICSEARCH_STREAM_SIZE])
{
    int size = index[0] != '\0' ? snprintf(ret_stream, ELASTICSEARCH_STREAM_SIZE, "%s", index)
                                : snprintf(ret_stream, ELASTICSEARCH_STREAM_SIZE, "logs-%s-%s",
                                           ecs_dataset_text(ecs, dataset), ecs->namespace);
    return size < ELASTICSEARCH_STREAM_SIZE ? 0 : ERR_RANGE;
}

const char *elasticsearch_pipeline(const char *pipeline, bool raw)
{
    if (pipeline[0] == '\0') {
        return raw ? "" : "_none";
    }
    return strcmp(pipeline, "none") == 0      ? "_none"
           : strcmp(pipeline, "default") == 0 ? ""
                                              : pipeline;
}

// --- Keeping, and the end ------------------------------------------------------------------------

static bool is_over(const struct elasticsearch *es)
{
    uint64_t deadline_ns = atomic_load(&es->deadline_ns);
    return deadline_ns != 0 && clock_mono_ns() >= deadline_ns;
}

static void pause_ms(uint64_t ms)
{
    struct timespec pause = { .tv_sec = (time_t)(ms / 1000),
                              .tv_nsec = (long)(ms % 1000 * NS_PER_MS) };
    (void)nanosleep(&pause, NULL); // may end early
}

/// Waits for `ms`, or until `stop` says that there is no time for it.
static void wait_ms(const struct elasticsearch *es, uint64_t ms, const _Atomic bool *stop)
{
    uint64_t until_ns = clock_mono_ns() + ms * NS_PER_MS;
    while (clock_mono_ns() < until_ns && !atomic_load(stop) && !is_over(es)) {
        pause_ms(PAUSE_MS);
    }
}

static bool may_be_kept(const struct elasticsearch *es, const struct parcel *p)
{
    return es->spool != NULL && p->keep != BATCH_WAITING;
}

/// Puts what is left of a parcel into the spool. False when that cannot take it.
static bool keep(struct elasticsearch *es, struct parcel *p, struct buf *gathered)
{
    size_t size;
    const uint8_t *bytes = parcel_spool_bytes(p, gathered, &size);
    enum spool_lane lane = p->keep == BATCH_FOLLOWED ? SPOOL_LINES : SPOOL_DATAGRAMS;
    if (bytes == NULL || spool_put(es->spool, lane, bytes, size, (uint32_t)p->count) != 0) {
        return false;
    }
    p->count = 0;
    return true;
}

/// All that there was to be done with a parcel of `count` documents is done.
static void finish(struct elasticsearch *es, struct parcel *p, const struct transport_tally *tally,
                   size_t count)
{
    transport_settle(es->transport, tally, count);
    parcel_release(p, tally->stopped > 0);
    parcel_clear(p);
    CHECK(ring_push(es->idle, p) == 0); // it has a place for each
}

// --- A sender ------------------------------------------------------------------------------------

/// Carries a parcel until all of it is settled, kept or given up.
static void carry(struct sender *s, struct parcel *p)
{
    struct elasticsearch *es = s->es;
    struct transport_tally tally = { 0 };
    size_t count = p->count;
    bool keepable = may_be_kept(es, p);
    uint64_t begun_ns = clock_mono_ns();
    uint64_t away_ms;
    if (keepable && couriers_are_away(es->couriers, &away_ms) && keep(es, p, &s->gathered)) {
        finish(es, p, &tally, count);
        return;
    }
    for (;;) {
        uint64_t pause;
        enum courier_verdict verdict = courier_try(s->courier, p, &tally, &pause);
        if (verdict == COURIER_DONE) {
            tally.error_documents = p->error_documents;
            break;
        }
        bool hurried =
            is_over(es) || (atomic_load(&es->ending) && atomic_load(&es->deadline_ns) != 0);
        bool long_enough = clock_mono_ns() - begun_ns > LATER_MAX_MS * NS_PER_MS;
        bool now = verdict != COURIER_LATER || hurried || long_enough;
        if (keepable && now && keep(es, p, &s->gathered)) {
            break;
        }
        if (is_over(es)) {
            tally.stopped = p->count;
            break;
        }
        static const _Atomic bool NEVER = false;
        wait_ms(es, pause, &NEVER);
    }
    finish(es, p, &tally, count);
}

static void *send_parcels(void *argument)
{
    struct sender *s = argument;
    for (;;) {
        bool closed;
        struct parcel *p = ring_pop(s->es->ready, -1, &closed);
        if (p == NULL) {
            break;
        }
        carry(s, p);
    }
    atomic_store(&s->ended, true);
    return NULL;
}

// --- The drainer ---------------------------------------------------------------------------------

/// The next frame of the spool, lines and datagrams in turn, as a parcel. False when there is none.
static bool take_frame(struct elasticsearch *es, enum spool_lane *lane, uint32_t *ret_count)
{
    for (int i = 0; i < SPOOL_LANE_COUNT; i++) {
        *lane = *lane == SPOOL_LINES ? SPOOL_DATAGRAMS : SPOOL_LINES;
        parcel_clear(es->drained);
        int status = spool_take(es->spool, *lane, &es->drained->body, ret_count);
        if (status == 0) {
            es->drain_failing = false;
            es->drained->keep = *lane == SPOOL_LINES ? BATCH_FOLLOWED : BATCH_PASSING;
            return true;
        }
        if (status != ERR_NOT_FOUND && !es->drain_failing) {
            es->drain_failing = true;
            log_with(LOG_LEVEL_ERROR, "what is spooled cannot be read, it is tried again", NULL,
                     LOG_TEXT("error", status_text(status)));
        }
    }
    return false;
}

/// What is left of a frame is forbidden: it goes to the end of the spool, so that what is behind it
/// need not wait for somebody to lift a block. False when nothing is, or the spool cannot take it.
static bool move_to_end(struct elasticsearch *es, uint32_t count)
{
    return spool_books(es->spool).waiting > count && keep(es, es->drained, &es->drainer.gathered);
}

/// Takes one frame to the cluster. False when it has to stay in the spool: it is time to stop.
static bool drain_frame(struct elasticsearch *es, enum spool_lane lane, uint32_t count)
{
    struct transport_tally tally = { 0 };
    struct parcel *p = es->drained;
    if (parcel_find_items(p) != 0 || p->count != count) {
        log_with(LOG_LEVEL_ERROR, "what was spooled is no bulk request, it is dropped", NULL,
                 LOG_U64("records", count));
        tally.damaged = count;
        p->count = 0;
    }
    while (p->count > 0) {
        uint64_t pause;
        enum courier_verdict verdict = courier_try(es->drainer.courier, p, &tally, &pause);
        es->blocked = verdict == COURIER_BLOCKED ? es->blocked + 1 : 0;
        if (verdict == COURIER_BLOCKED && move_to_end(es, count)) {
            pause = pace_backoff_ms(es->blocked - 1); // of frames that are all forbidden
        }
        if (verdict != COURIER_DONE) {
            wait_ms(es, pause, &es->drainer_ends);
        }
        if (p->count > 0 && atomic_load(&es->drainer_ends)) {
            spool_put_back(es->spool, lane);
            return false;
        }
    }
    spool_done(es->spool, lane);
    transport_settle(es->transport, &tally, 0);
    return true;
}

static void *drain(void *argument)
{
    struct sender *s = argument;
    struct elasticsearch *es = s->es;
    enum spool_lane lane = SPOOL_DATAGRAMS;
    while (!atomic_load(&es->drainer_ends)) {
        uint64_t away_ms;
        uint32_t count;
        bool away = couriers_are_away(es->couriers, &away_ms);
        if (away || !take_frame(es, &lane, &count)) {
            wait_ms(es, away && away_ms < DRAIN_PAUSE_MS ? away_ms : DRAIN_PAUSE_MS,
                    &es->drainer_ends);
        } else if (!drain_frame(es, lane, count)) {
            break;
        }
    }
    atomic_store(&s->ended, true);
    return NULL;
}

// --- The transport's thread ----------------------------------------------------------------------

static void hand_over(struct elasticsearch *es, enum batch_keep keep_)
{
    struct parcel *p = es->filling[keep_];
    es->filling[keep_] = NULL;
    if (p != NULL) {
        CHECK(ring_push(es->ready, p) == 0); // it has a place for each
    }
}

/// The oldest parcel that waits goes to the spool, so that there is an idle one.
static void spill(struct elasticsearch *es)
{
    bool closed;
    struct parcel *p = ring_pop(es->ready, 0, &closed);
    struct transport_tally none = { 0 };
    if (p == NULL) {
        return;
    }
    size_t count = p->count;
    if (may_be_kept(es, p) && keep(es, p, &es->spilled)) {
        finish(es, p, &none, count);
    } else {
        CHECK(ring_push(es->ready, p) == 0); // it was there
    }
}

/// The parcel that documents of this kind of batch go into; NULL when all are on their way.
static struct parcel *parcel_for(struct elasticsearch *es, enum batch_keep keep_)
{
    struct parcel **p = &es->filling[keep_];
    if (*p == NULL) {
        bool closed;
        bool slow = keep_ == BATCH_PASSING && transport_is_crowded(es->transport);
        bool hurried = keep_ != BATCH_WAITING && atomic_load(&es->deadline_ns) != 0;
        if (es->spool != NULL && (slow || hurried) && ring_count(es->idle) == 0) {
            spill(es);
        }
        *p = ring_pop(es->idle, POP_MS, &closed);
        if (*p != NULL) {
            (*p)->keep = keep_;
        }
    }
    return *p;
}

/// Adds a document; adds to `tally` what does not become one.
static void add_document(struct elasticsearch *es, struct parcel *p, const struct batch *batch,
                         const struct flow *flow, struct transport_tally *tally)
{
    char id[RECORD_ID_SIZE];
    record_id(batch, flow, id);
    enum ecs_dataset dataset = ecs_dataset_of(es->settings.format->ecs, flow);
    parcel_add(p, &es->prefixes[dataset], id, sizeof(id));
    enum format_outcome outcome = format_append(es->format, batch, flow, &p->body);
    if (outcome == FORMAT_NOTHING) {
        p->body.size = p->open;
        tally->delivered++; // there is nothing of it to deliver
    } else if (!parcel_add_end(p)) {
        tally->too_large++;
    } else {
        p->error_documents += outcome == FORMAT_ERROR_DOCUMENT;
    }
}

static enum transport_verdict elasticsearch_deliver(void *self, struct batch *batch,
                                                    struct transport_tally *ret_tally)
{
    (void)ret_tally; // it is settled later
    struct elasticsearch *es = self;
    struct parcel *p = parcel_for(es, batch->keep);
    if (p == NULL) {
        return TRANSPORT_AGAIN;
    }
    enum batch_keep keep_ = batch->keep;
    struct transport_tally tally = { 0 };
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        add_document(es, p, batch, &batch->flows[i], &tally);
    }
    transport_settle(es->transport, &tally, tally.delivered + tally.too_large);
    if (p->begun_ns == 0) {
        p->begun_ns = clock_mono_ns();
    }
    if (batch->file_count > 0) {
        parcel_hold(p, batch);
    } else {
        batch_unref(batch); // nobody waits to hear of it
    }
    if (p->body.size >= couriers_size(es->couriers) || p->batch_count == PARCEL_BATCHES_MAX) {
        hand_over(es, keep_);
    }
    return TRANSPORT_TAKEN;
}

static void elasticsearch_flush(void *self)
{
    struct elasticsearch *es = self;
    for (int i = 0; i < KEEP_COUNT; i++) {
        hand_over(es, (enum batch_keep)i);
    }
}

static void elasticsearch_tick(void *self)
{
    struct elasticsearch *es = self;
    uint64_t now_ns = clock_mono_ns();
    for (int i = 0; i < KEEP_COUNT; i++) {
        if (es->filling[i] != NULL && now_ns - es->filling[i]->begun_ns >= es->settings.flush_ns) {
            hand_over(es, (enum batch_keep)i);
        }
    }
    if (es->spool != NULL) {
        spool_tick(es->spool);
    }
}

static void elasticsearch_reopen(void *self)
{
    struct elasticsearch *es = self;
    cluster_reload(es->cluster);
}

// --- What others see -----------------------------------------------------------------------------

static void elasticsearch_hurry(void *self, uint64_t deadline_ns)
{
    struct elasticsearch *es = self;
    atomic_store(&es->deadline_ns, deadline_ns);
}

static bool elasticsearch_is_behind(void *self)
{
    struct elasticsearch *es = self;
    uint64_t away_ms;
    return es->spool != NULL && couriers_are_away(es->couriers, &away_ms) &&
           !spool_takes_lines(es->spool);
}

static void elasticsearch_books(void *self, struct transport_books *books)
{
    struct elasticsearch *es = self;
    if (es->spool != NULL) {
        struct spool_books spool = spool_books(es->spool);
        books->recovered += spool.found;
        books->spooled += spool.waiting;
        books->dropped[TRANSPORT_DROP_SPOOL_FULL] += spool.dropped;
        books->dropped[TRANSPORT_DROP_SPOOL_DAMAGED] += spool.damaged;
    }
}

static void elasticsearch_metrics(void *self, struct buf *out)
{
    struct elasticsearch *es = self;
    couriers_print_metrics(es->couriers, out);
    if (es->spool == NULL) {
        return;
    }
    struct spool_books spool = spool_books(es->spool);
    buf_printf(out,
               "# HELP weir_elasticsearch_spool_bytes Bytes of the spool on disk.\n"
               "# TYPE weir_elasticsearch_spool_bytes gauge\n"
               "weir_elasticsearch_spool_bytes %llu\n"
               "# HELP weir_elasticsearch_spool_oldest_seconds When the oldest record in the spool "
               "was put there, since 1970; 0: it is empty.\n"
               "# TYPE weir_elasticsearch_spool_oldest_seconds gauge\n"
               "weir_elasticsearch_spool_oldest_seconds %llu\n",
               (unsigned long long)spool.bytes, (unsigned long long)spool.oldest_s);
}

// --- Beginning and end ---------------------------------------------------------------------------

static int start_sender(struct elasticsearch *es, struct sender *s, void *(*run)(void *))
{
    s->es = es;
    buf_init(&s->gathered, PARCEL_SIZE_MAX);
    int status = courier_new(es->couriers, &s->courier);
    if (status == 0 && pthread_create(&s->thread, NULL, run, s) != 0) {
        status = ERR_IO;
    }
    s->started = status == 0;
    return status;
}

/// The thread has ended, or does so now that it is asked to.
static void join_sender(struct sender *s)
{
    if (s->started) {
        CHECK(pthread_join(s->thread, NULL) == 0);
        s->started = false;
    }
}

/// Waits until the senders have ended; what they wait for is given up when time is over.
static void join_senders(struct elasticsearch *es)
{
    for (size_t i = 0; i < es->settings.connections; i++) {
        struct sender *s = &es->senders[i];
        while (s->started && !atomic_load(&s->ended)) {
            if (is_over(es)) {
                courier_abort(s->courier);
            }
            pause_ms(PAUSE_MS);
        }
        join_sender(s);
    }
}

static void join_drainer(struct elasticsearch *es)
{
    struct sender *s = &es->drainer;
    atomic_store(&es->drainer_ends, true);
    uint64_t until_ns = clock_mono_ns() + DRAINER_LEAVE_MS * NS_PER_MS;
    while (s->started && !atomic_load(&s->ended)) {
        if (is_over(es) || clock_mono_ns() >= until_ns) {
            courier_abort(s->courier);
        }
        pause_ms(PAUSE_MS);
    }
    join_sender(s);
}

static void elasticsearch_stop(void *self)
{
    struct elasticsearch *es = self;
    atomic_store(&es->ending, true);
    elasticsearch_flush(es);
    ring_close(es->ready);
    join_senders(es);
    join_drainer(es);
    if (es->spool != NULL) {
        spool_tick(es->spool);
    }
}

static int elasticsearch_start(void *self, struct transport *t)
{
    struct elasticsearch *es = self;
    es->transport = t;
    int status = 0;
    for (size_t i = 0; i < es->settings.connections && status == 0; i++) {
        status = start_sender(es, &es->senders[i], send_parcels);
    }
    if (status == 0 && es->spool != NULL) {
        status = start_sender(es, &es->drainer, drain);
    }
    if (status != 0) {
        elasticsearch_stop(es);
    }
    return status;
}

static void elasticsearch_close(void *self)
{
    struct elasticsearch *es = self;
    for (size_t i = 0; i < es->settings.connections; i++) {
        courier_free(es->senders[i].courier);
        buf_release(&es->senders[i].gathered);
    }
    courier_free(es->drainer.courier);
    buf_release(&es->drainer.gathered);
    for (size_t i = 0; i < es->parcel_count; i++) {
        parcel_free(es->parcels[i]);
    }
    parcel_free(es->drained);
    buf_release(&es->spilled);
    ring_free(es->idle);
    ring_free(es->ready);
    spool_close(es->spool);
    couriers_free(es->couriers);
    cluster_free(es->cluster);
    format_free(es->format);
    for (size_t i = 0; i < ECS_DATASET_COUNT; i++) {
        buf_release(&es->prefixes[i]);
    }
    mem_free(es);
}

static int make_prefixes(struct elasticsearch *es, struct err *err)
{
    const struct elasticsearch_settings *s = &es->settings;
    for (enum ecs_dataset d = 0; d < ECS_DATASET_COUNT; d++) {
        char stream[ELASTICSEARCH_STREAM_SIZE];
        if (elasticsearch_stream(s->index, s->format->ecs, d, stream) != 0) {
            return err_set(err, ERR_RANGE, "the name of the data stream is too long");
        }
        parcel_append_prefix(&es->prefixes[d], stream);
        if (es->prefixes[d].bad) {
            return err_set(err, ERR_NO_MEMORY, "out of memory");
        }
    }
    return 0;
}

static int make_parcels(struct elasticsearch *es)
{
    int status = ring_new(PARCELS_MAX, &es->idle);
    status = status == 0 ? ring_new(PARCELS_MAX, &es->ready) : status;
    status = status == 0 ? parcel_new(&es->drained) : status;
    for (size_t i = 0; status == 0 && i < parcels_of(es->settings.connections); i++) {
        status = parcel_new(&es->parcels[i]);
        if (status == 0) {
            es->parcel_count++;
            status = ring_push(es->idle, es->parcels[i]);
        }
    }
    return status;
}

/// The parts that need words when they fail.
static int open_parts(struct elasticsearch *es, struct err *err)
{
    const struct elasticsearch_settings *s = &es->settings;
    struct format_settings format = *s->format;
    format.name = "ecs";
    if (cluster_new(s->cluster, &es->cluster, err) != 0 || make_prefixes(es, err) != 0 ||
        format_new(&format, &es->format, err) != 0) {
        return err->status;
    }
    struct spool_settings spool = { .folder = s->spool, .size_max = s->spool_size };
    if (s->spool[0] != '\0' && spool_open(&spool, &es->spool, err) != 0) {
        return err->status;
    }
    return 0;
}

int elasticsearch_open(const struct elasticsearch_settings *settings, void **ret_self,
                       struct err *err)
{
    CHECK(settings->connections > 0 && settings->connections <= ELASTICSEARCH_CONNECTIONS_MAX);
    struct elasticsearch *es = mem_zalloc(sizeof(*es));
    if (es == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    es->settings = *settings;
    buf_init(&es->spilled, PARCEL_SIZE_MAX);
    for (size_t i = 0; i < ECS_DATASET_COUNT; i++) {
        buf_init(&es->prefixes[i], PREFIX_SIZE_MAX);
    }
    if (open_parts(es, err) != 0) {
        elasticsearch_close(es);
        return err->status;
    }
    struct courier_settings couriers = {
        .cluster = es->cluster,
        .pipeline = elasticsearch_pipeline(settings->pipeline, settings->format->ecs->raw),
        .data_streams = settings->index[0] == '\0',
        .gzip = settings->gzip,
        .size_max = settings->bulk_size,
        .deadletter = settings->deadletter,
    };
    if (couriers_new(&couriers, &es->couriers) != 0 || make_parcels(es) != 0) {
        elasticsearch_close(es);
        return err_set(err, ERR_NO_MEMORY, "out of memory for the elasticsearch transport");
    }
    *ret_self = es;
    return 0;
}

const struct transport_kind TRANSPORT_ELASTICSEARCH = {
    .name = "elasticsearch",
    .start = elasticsearch_start,
    .deliver = elasticsearch_deliver,
    .reopen = elasticsearch_reopen,
    .tick = elasticsearch_tick,
    .flush = elasticsearch_flush,
    .hurry = elasticsearch_hurry,
    .is_behind = elasticsearch_is_behind,
    .books = elasticsearch_books,
    .metrics = elasticsearch_metrics,
    .stop = elasticsearch_stop,
    .close = elasticsearch_close,
};
