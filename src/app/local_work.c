// SPDX-License-Identifier: Apache-2.0
/*
 * Records that are handed over become batches of a pool of our own, which go into the store's ring
 * as any others do, and wait for their place as who can wait does. The answer is due when the last
 * of them is back: that is when it is in the store, or given up.
 */
#include "app/local_work.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/handover_batch.h"
#include "app/pipeline.h"
#include "app/version.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "store/backup.h"
#include "web/arguments.h"

enum {
    BATCHES_MAX = 128,          ///< under way
    POOL_MAX = 2 * BATCHES_MAX, ///< and those that are just being given back
    REQUEST_BATCHES_MAX = 256,  ///< in one request
    ORIGINS_MAX = 64,           ///< files that are remembered, so that one is the same each time
};

struct order;

/// A batch that is under way.
struct slot {
    struct batch *batch; ///< NULL: the slot is free
    struct order *order;
    size_t index;
};

/// A request with records. Its own thread waits for it.
struct order {
    size_t count;
    size_t done;
    struct {
        bool stored;
        uint32_t known;
    } batches[REQUEST_BATCHES_MAX];
};

struct local_work {
    struct local_work_settings settings;
    struct batch_pool *pool;
    pthread_mutex_t mutex; ///< of all below
    pthread_cond_t changed;
    size_t out; ///< batches
    struct slot slots[BATCHES_MAX];
    struct origin *origins[ORIGINS_MAX];
    size_t next_origin;
    size_t busy;                 ///< requests
    const struct backup *backup; ///< that is being made; NULL: none
    bool closed;
};

static void lock(struct local_work *w)
{
    CHECK(pthread_mutex_lock(&w->mutex) == 0);
}

static void unlock(struct local_work *w)
{
    CHECK(pthread_mutex_unlock(&w->mutex) == 0);
}

static void tell(struct local_work *w)
{
    CHECK(pthread_cond_broadcast(&w->changed) == 0);
}

static void wait(struct local_work *w)
{
    CHECK(pthread_cond_wait(&w->changed, &w->mutex) == 0);
}

static void complain(struct server_response *response, unsigned status, const char *words)
{
    response->status = status;
    buf_clear(&response->body);
    buf_append_text(&response->body, "{\"error\":{\"text\":");
    json_append_text(&response->body, words);
    buf_append_text(&response->body, "}}\n");
}

// --- Records -------------------------------------------------------------------------------------

/// A batch is back.
static void released(void *context, const struct batch *batch)
{
    struct local_work *w = context;
    lock(w);
    for (size_t i = 0; i < BATCHES_MAX; i++) {
        struct slot *slot = &w->slots[i];
        if (slot->batch == batch) {
            struct order *order = slot->order;
            order->batches[slot->index].stored = !atomic_load(&batch->undelivered);
            order->batches[slot->index].known = atomic_load(&batch->known);
            order->done++;
            slot->batch = NULL;
        }
    }
    w->out--;
    tell(w); // also who waits for a batch
    unlock(w);
}

static bool is_same_origin(const struct origin *a, const struct origin *b)
{
    return memcmp(&a->id, &b->id, sizeof(a->id)) == 0 && a->device == b->device &&
           a->inode == b->inode && a->is_file == b->is_file && a->has_places == b->has_places &&
           strcmp(a->path, b->path) == 0 && strcmp(a->input_type, b->input_type) == 0;
}

/// A handover_origin_fn. The store knows files by their origin: one that came before is the same.
static struct origin *make_origin(void *context, const struct origin *values)
{
    struct local_work *w = context;
    struct origin *origin = NULL;
    lock(w);
    for (size_t i = 0; i < ORIGINS_MAX && origin == NULL; i++) {
        if (w->origins[i] != NULL && is_same_origin(w->origins[i], values)) {
            origin = w->origins[i];
        }
    }
    if (origin == NULL) {
        origin = origin_new(values);
        struct origin **place = &w->origins[w->next_origin++ % ORIGINS_MAX];
        if (origin != NULL) {
            origin_unref(*place);
            *place = origin;
        }
    }
    if (origin != NULL) {
        origin_ref(origin);
    }
    unlock(w);
    return origin;
}

/// Waits for one: those under way come back sooner or later.
static struct batch *get_batch(struct local_work *w)
{
    lock(w);
    while (w->out == BATCHES_MAX) {
        wait(w);
    }
    w->out++;
    unlock(w);
    struct batch *batch = batch_get(w->pool);
    CHECK(batch != NULL);
    return batch;
}

/// The batch is the order's from now on.
static void enter(struct local_work *w, struct order *order, struct batch *batch)
{
    size_t i = 0;
    lock(w);
    while (w->slots[i].batch != NULL) {
        i++; // there are as many as batches
    }
    w->slots[i] = (struct slot){ .batch = batch, .order = order, .index = order->count++ };
    unlock(w);
}

/// Hands on what the body holds. On failure what came before is on its way all the same.
static int take_records(struct local_work *w, const struct server_request *request,
                        struct order *order, struct err *err)
{
    static const struct transport_patience PATIENCE = { .places = PIPELINE_PLACES_FEW };
    struct rd r = rd_over(request->body, request->body_size);
    while (rd_left(&r) > 0) {
        if (order->count == REQUEST_BATCHES_MAX) {
            return err_set(err, ERR_INVALID, "more than %d batches", REQUEST_BATCHES_MAX);
        }
        struct batch *batch = get_batch(w);
        if (handover_unpack(&r, w->settings.mapping, make_origin, w, batch, err) != 0) {
            batch_unref(batch);
            return err->status;
        }
        batch->keep = BATCH_WAITING;
        enter(w, order, batch);
        atomic_fetch_add(w->settings.handed_over, batch->flow_count);
        transport_offer(w->settings.transport, batch, &PATIENCE);
        batch_unref(batch);
    }
    return 0;
}

static void answer_records(struct local_work *w, const struct server_request *request,
                           struct server_response *response)
{
    struct err err = { 0 };
    struct order *order = mem_zalloc(sizeof(*order));
    if (order == NULL) {
        complain(response, 503, "out of memory");
        return;
    }
    int status = take_records(w, request, order, &err);
    lock(w);
    while (order->done < order->count) {
        wait(w);
    }
    unlock(w);
    if (status != 0) {
        complain(response, status == ERR_NO_MEMORY ? 503 : 400, err.text);
    } else {
        buf_append_text(&response->body, "{\"batches\":[");
        for (size_t i = 0; i < order->count; i++) {
            buf_printf(&response->body, "%s[%s,%" PRIu32 "]", i == 0 ? "" : ",",
                       order->batches[i].stored ? "true" : "false", order->batches[i].known);
        }
        buf_append_text(&response->body, "]}\n");
    }
    mem_free(order);
}

// --- All else ------------------------------------------------------------------------------------

/// Appends a path that whoever works elsewhere finds too.
static void append_path(struct buf *out, const char *path)
{
    char real[PATH_MAX];
    json_append_text(out, realpath(path, real) == NULL ? path : real);
}

static void append_backup(struct local_work *w, struct buf *out)
{
    lock(w);
    if (w->backup != NULL) {
        buf_printf(out, ",\"backup\":{\"bytes\":%" PRIu64 ",\"bytes_total\":%" PRIu64 "}",
                   backup_bytes(w->backup), atomic_load(&w->backup->bytes_total));
    }
    unlock(w);
}

static void answer_state(struct local_work *w, struct server_response *response)
{
    char path[DATA_PATH_SIZE];
    struct err err;
    buf_append_text(&response->body, "{\"version\":");
    json_append_text(&response->body, version_text());
    buf_printf(&response->body, ",\"pid\":%ld,\"folder\":", (long)getpid());
    append_path(&response->body, store_settings(w->settings.store)->folder);
    if (store_export_path(w->settings.store, "x", path, sizeof(path), &err) == 0) {
        *strrchr(path, '/') = '\0'; // the folder alone, which is there now
        buf_append_text(&response->body, ",\"export\":");
        append_path(&response->body, path);
    }
    append_backup(w, &response->body);
    buf_append_text(&response->body, "}\n");
}

/// Of several at a time /local/state shows one.
static int make_backup(struct local_work *w, struct backup *b, struct err *err)
{
    if (backup_init(b, w->settings.store, err) != 0) {
        return err->status;
    }
    lock(w);
    bool shown = w->backup == NULL;
    w->backup = shown ? b : w->backup;
    unlock(w);
    int status = backup_make(b, w->settings.store, err);
    lock(w);
    w->backup = shown ? NULL : w->backup;
    unlock(w);
    return status;
}

static void answer_backup(struct local_work *w, struct server_response *response)
{
    struct backup b;
    struct err err = { 0 };
    if (make_backup(w, &b, &err) != 0) {
        complain(response, 507, err.text);
        return;
    }
    buf_append_text(&response->body, "{\"path\":");
    append_path(&response->body, b.path);
    buf_append_text(&response->body, "}\n");
}

static void import_file(struct local_work *w, const char *name, struct server_response *response)
{
    char path[DATA_PATH_SIZE];
    struct err err = { 0 };
    uint64_t records;
    uint64_t duplicates;
    if (name == NULL || name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
        complain(response, 400, "name: expected that of a file in the export folder");
    } else if (store_export_path(w->settings.store, name, path, sizeof(path), &err) != 0 ||
               records_import(w->settings.store, path, &records, &duplicates, &err) != 0) {
        complain(response, err.status == ERR_INVALID ? 400 : 507, err.text);
    } else {
        buf_printf(&response->body, "{\"records\":%" PRIu64 ",\"duplicates\":%" PRIu64 "}\n",
                   records, duplicates);
    }
}

static void answer_import(struct local_work *w, const struct server_request *request,
                          struct server_response *response)
{
    struct arguments arguments;
    (void)arguments_read(request->query, &arguments); // what cannot be read has no name
    import_file(w, arguments_find(&arguments, "name"), response);
    arguments_release(&arguments);
}

static void answer(struct local_work *w, const struct server_request *request,
                   struct server_response *response)
{
    bool is_post = strcmp(request->method, "POST") == 0;
    if (strcmp(request->path, "/local/state") == 0) {
        answer_state(w, response);
    } else if (is_post && strcmp(request->path, "/local/records") == 0) {
        answer_records(w, request, response);
    } else if (is_post && strcmp(request->path, "/local/backup") == 0) {
        answer_backup(w, response);
    } else if (is_post && strcmp(request->path, "/local/import") == 0) {
        answer_import(w, request, response);
    } else {
        complain(response, 404, "there is no such work");
    }
}

bool local_work_handle(struct local_work *w, const struct server_request *request,
                       struct server_response *response)
{
    if (!request->is_local || strncmp(request->path, "/local/", strlen("/local/")) != 0) {
        return false;
    }
    response->content_type = "application/json";
    lock(w);
    bool closed = w->closed;
    w->busy += closed ? 0 : 1;
    unlock(w);
    if (closed) {
        complain(response, 503, "this weir ends");
        return true;
    }
    answer(w, request, response);
    lock(w);
    w->busy--;
    tell(w);
    unlock(w);
    return true;
}

// --- Its life ------------------------------------------------------------------------------------

int local_work_new(const struct local_work_settings *settings, struct local_work **ret_work)
{
    struct local_work *w = mem_zalloc(sizeof(*w));
    if (w == NULL) {
        return ERR_NO_MEMORY;
    }
    w->settings = *settings;
    CHECK(pthread_mutex_init(&w->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&w->changed, NULL) == 0);
    if (batch_pool_new(POOL_MAX, released, w, &w->pool) != 0) {
        local_work_free(w);
        return ERR_NO_MEMORY;
    }
    *ret_work = w;
    return 0;
}

void local_work_close(struct local_work *w)
{
    if (w == NULL) {
        return;
    }
    lock(w);
    w->closed = true;
    while (w->busy > 0) {
        wait(w);
    }
    unlock(w);
}

void local_work_free(struct local_work *w)
{
    if (w == NULL) {
        return;
    }
    for (size_t i = 0; i < ORIGINS_MAX; i++) {
        origin_unref(w->origins[i]);
    }
    batch_pool_free(w->pool);
    CHECK(pthread_mutex_destroy(&w->mutex) == 0);
    CHECK(pthread_cond_destroy(&w->changed) == 0);
    mem_free(w);
}
