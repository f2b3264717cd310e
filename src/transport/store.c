// SPDX-License-Identifier: Apache-2.0
/*
 * Batches are held until the commit that has their records, and all of them are settled by it. A
 * commit that fails is tried again once a second, with what was held before; nothing new is taken
 * when the group is full, so that whoever can wait does.
 */
#include "transport/store.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/writer.h"

enum { AGAIN_MS = 1000, STOP_PAUSE_MS = 50 };

struct transport_store {
    struct store *store;
    struct keeper *keeper;
    struct writer *writer;
    struct transport *transport;
    _Atomic uint64_t deadline_ns; ///< 0: none
    _Atomic bool failing;         ///< the last commit did, and that was said
    uint64_t begun_ns;            ///< when the first of those held came
    uint64_t tried_ns;            ///< when a commit failed last
    uint64_t errors;              ///< records held that say what is wrong with a line
    size_t held_count;
    struct batch *held[TRANSPORT_STORE_BATCHES_MAX];
};

int transport_store_open(const struct transport_store_settings *settings, void **ret_self,
                         struct err *err)
{
    struct transport_store *t = mem_zalloc(sizeof(*t));
    if (t == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    t->store = settings->store;
    t->keeper = settings->keeper;
    if (writer_new(settings->store, &t->writer, err) != 0) {
        mem_free(t);
        return err->status;
    }
    *ret_self = t;
    return 0;
}

static int start(void *self, struct transport *transport)
{
    struct transport_store *t = self;
    t->transport = transport;
    return 0;
}

// --- Committing ----------------------------------------------------------------------------------

/// What was held is in the store, or never will be.
static void settle(struct transport_store *t, bool stored)
{
    struct transport_tally tally = { 0 };
    uint64_t waited = 0;
    for (size_t i = 0; i < t->held_count; i++) {
        struct batch *batch = t->held[i];
        waited += batch->flow_count;
        tally.duplicates += stored ? atomic_load(&batch->known) : 0;
        if (!stored) {
            batch_set_undelivered(batch);
        }
        batch_unref(batch);
    }
    tally.delivered = stored ? waited : 0;
    tally.stopped = stored ? 0 : waited;
    tally.error_documents = stored ? t->errors : 0;
    t->held_count = 0;
    t->errors = 0;
    transport_settle(t->transport, &tally, waited);
}

static void say(struct transport_store *t, int status, const struct err *err)
{
    bool failing = status != 0;
    if (failing && !atomic_load(&t->failing)) {
        log_with(LOG_LEVEL_ERROR, "the store cannot be written; it is tried again", NULL,
                 LOG_TEXT("error", err->text));
    } else if (!failing && atomic_load(&t->failing)) {
        log_write(LOG_LEVEL_INFO, "the store can be written again", NULL, NULL);
    }
    atomic_store(&t->failing, failing);
}

/// Whether nothing is held any more.
static bool commit(struct transport_store *t)
{
    struct writer_count count;
    struct err err = { 0 };
    int status = writer_commit(t->writer, &count, &err);
    say(t, status, &err);
    if (status != 0) {
        t->tried_ns = clock_mono_ns();
        if (status == ERR_FULL && t->keeper != NULL) {
            keeper_hurry(t->keeper);
        }
        return false;
    }
    settle(t, true);
    return true;
}

static bool may_try(const struct transport_store *t)
{
    return !atomic_load(&t->failing) || clock_mono_ns() - t->tried_ns >= AGAIN_MS * NS_PER_MS;
}

static uint64_t count_errors(const struct batch *batch)
{
    uint64_t errors = 0;
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        errors += batch->flows[i].kind == RECORD_ERROR;
    }
    return errors;
}

static enum transport_verdict deliver(void *self, struct batch *batch,
                                      struct transport_tally *ret_tally)
{
    struct transport_store *t = self;
    struct writer_count count;
    (void)ret_tally; // it is taken
    bool is_full = t->held_count == TRANSPORT_STORE_BATCHES_MAX ||
                   writer_rows(t->writer) + batch->flow_count > STORE_GROUP_ROWS;
    if (is_full && (!may_try(t) || !commit(t))) {
        return TRANSPORT_RETRY;
    }
    if (writer_add(t->writer, batch, &count) != 0) {
        return TRANSPORT_RETRY;
    }
    if (t->held_count == 0) {
        t->begun_ns = clock_mono_ns();
    }
    t->held[t->held_count++] = batch;
    t->errors += count_errors(batch);
    return TRANSPORT_TAKEN;
}

static void tick(void *self)
{
    struct transport_store *t = self;
    bool due = t->held_count > 0 && (clock_mono_ns() - t->begun_ns >= STORE_COMMIT_MS * NS_PER_MS ||
                                     writer_is_due(t->writer, clock_mono_ns()));
    if (due && may_try(t)) {
        (void)commit(t); // what is held stays so when it fails
    }
}

static void flush(void *self)
{
    struct transport_store *t = self;
    if (t->held_count > 0 && may_try(t)) {
        (void)commit(t);
    }
}

static void hurry(void *self, uint64_t deadline_ns)
{
    struct transport_store *t = self;
    atomic_store(&t->deadline_ns, deadline_ns);
}

static bool is_behind(void *self)
{
    struct transport_store *t = self;
    return atomic_load(&t->failing);
}

static void stop(void *self)
{
    struct transport_store *t = self;
    while (t->held_count > 0 && !commit(t)) {
        uint64_t deadline_ns = atomic_load(&t->deadline_ns);
        if (deadline_ns == 0 || clock_mono_ns() >= deadline_ns) {
            settle(t, false);
        } else {
            struct timespec pause = { .tv_nsec = STOP_PAUSE_MS * (long)NS_PER_MS };
            (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL); // may end early
        }
    }
}

static void close_writer(void *self)
{
    struct transport_store *t = self;
    writer_free(t->writer);
    mem_free(t);
}

// --- Metrics -------------------------------------------------------------------------------------

static void put(struct buf *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    buf_printf(out, "# HELP weir_store_%s %s\n# TYPE weir_store_%s %s\nweir_store_%s %" PRIu64 "\n",
               name, help, name, type, name, value);
}

static void metrics(void *self, struct buf *out)
{
    struct transport_store *t = self;
    struct store_state s = store_state(t->store);
    put(out, "records", "gauge", "Records in the store.", s.records);
    put(out, "stored_total", "counter", "Records stored.", s.stored);
    put(out, "known_lines_total", "counter", "Lines that were in the store already.", s.skipped);
    put(out, "duplicates_total", "counter", "Records of datagrams that were there already.",
        s.duplicates);
    put(out, "forgotten_total", "counter", "Records that made room or were too old.", s.forgotten);
    put(out, "texts", "gauge", "Distinct texts and lists.", s.texts);
    put(out, "used_bytes", "gauge", "Blocks of the database in use.", s.used_bytes);
    put(out, "file_bytes", "gauge", "Length of the database file.", s.file_bytes);
    put(out, "disk_free_bytes", "gauge", "What is free on its disk.", s.disk_free);
    put(out, "commit_milliseconds", "gauge", "How long the last commit took.",
        s.commit_ns / NS_PER_MS);
    put(out, "failing", "gauge", "1: the last commit failed, and it is tried again.", s.failing);
    put(out, "keeper_failing", "gauge", "1: roll-ups and making room failed, and are tried again.",
        s.keeper_failing);
    put(out, "full", "gauge", "1: nothing is written because the disk is full.", s.full);
}

const struct transport_kind TRANSPORT_STORE = { .name = "store",
                                                .start = start,
                                                .deliver = deliver,
                                                .tick = tick,
                                                .flush = flush,
                                                .hurry = hurry,
                                                .is_behind = is_behind,
                                                .metrics = metrics,
                                                .stop = stop,
                                                .close = close_writer };
