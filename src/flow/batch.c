// SPDX-License-Identifier: Apache-2.0
/*
 * A pool under a mutex, taken once per batch. A writer holds one batch at a time; what has no
 * fixed size is copied to the arena behind the flows, aligned to eight, and a flow that does not
 * fit leaves no trace.
 */
#include "flow/batch.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"

/*
 * The free batches form a stack, so that the one used last, still in the cache, is used next, and
 * those never needed are never touched.
 */
struct batch_pool {
    pthread_mutex_t mutex;
    struct batch *batches;
    size_t count;
    size_t fresh; ///< batches[fresh..] were never used
    size_t out;
    struct batch *free;
    batch_released_fn *released;
    void *context;
};

int batch_pool_new(size_t count, batch_released_fn *released, void *context,
                   struct batch_pool **ret_pool)
{
    struct batch_pool *pool = mem_zalloc(sizeof(*pool));
    if (pool == NULL) {
        return ERR_NO_MEMORY;
    }
    pool->batches = mem_map(count * sizeof(struct batch));
    if (pool->batches == NULL) {
        mem_free(pool);
        return ERR_NO_MEMORY;
    }
    pool->count = count;
    pool->released = released;
    pool->context = context;
    CHECK(pthread_mutex_init(&pool->mutex, NULL) == 0);
    *ret_pool = pool;
    return 0;
}

void batch_pool_free(struct batch_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    CHECK(pool->out == 0);
    CHECK(pthread_mutex_destroy(&pool->mutex) == 0);
    mem_unmap(pool->batches, pool->count * sizeof(struct batch));
    mem_free(pool);
}

struct batch *batch_get(struct batch_pool *pool)
{
    CHECK(pthread_mutex_lock(&pool->mutex) == 0);
    struct batch *b = pool->free;
    if (b != NULL) {
        pool->free = b->next_free;
    } else if (pool->fresh < pool->count) {
        b = &pool->batches[pool->fresh++];
    }
    pool->out += b != NULL;
    CHECK(pthread_mutex_unlock(&pool->mutex) == 0);
    if (b != NULL) {
        b->pool = pool;
        b->flow_count = 0;
        b->arena_used = 0;
        b->file_count = 0;
        b->keep = BATCH_PASSING;
        atomic_store_explicit(&b->undelivered, false, memory_order_relaxed);
        atomic_store_explicit(&b->known, 0, memory_order_relaxed);
        atomic_store_explicit(&b->refs, 1, memory_order_relaxed);
    }
    return b;
}

void batch_ref(struct batch *b)
{
    uint32_t before = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    DCHECK(before > 0);
    (void)before; // looked at in debug builds only
}

void batch_unref(struct batch *b)
{
    uint32_t before = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before > 1) {
        return;
    }
    struct batch_pool *pool = b->pool;
    if (pool->released != NULL) {
        pool->released(pool->context, b);
    }
    for (uint32_t i = 0; i < b->file_count; i++) {
        origin_unref(b->files[i].origin);
    }
    CHECK(pthread_mutex_lock(&pool->mutex) == 0);
    b->next_free = pool->free;
    pool->free = b;
    pool->out--;
    CHECK(pthread_mutex_unlock(&pool->mutex) == 0);
}

void batch_set_undelivered(struct batch *b)
{
    atomic_store_explicit(&b->undelivered, true, memory_order_relaxed); // ordered by the unref
}

struct span batch_append(struct batch *b, const void *bytes, size_t size)
{
    if (size == 0 || size > BATCH_ARENA_SIZE - b->arena_used) {
        return (struct span){ 0 };
    }
    struct span span = { .offset = b->arena_used, .count = (uint32_t)size };
    memcpy(b->arena + b->arena_used, bytes, size);
    size_t used = (b->arena_used + size + 7) & ~(size_t)7;
    b->arena_used = (uint32_t)(used < BATCH_ARENA_SIZE ? used : BATCH_ARENA_SIZE);
    return span;
}

size_t batch_pool_out(struct batch_pool *pool)
{
    CHECK(pthread_mutex_lock(&pool->mutex) == 0);
    size_t out = pool->out;
    CHECK(pthread_mutex_unlock(&pool->mutex) == 0);
    return out;
}

void batch_writer_init(struct batch_writer *w, struct batch_pool *pool, batch_full_fn *full,
                       void *context)
{
    *w = (struct batch_writer){ .pool = pool, .full = full, .context = context };
}

/// What flows may fill; the rest is enrich's.
enum { FLOWS_ARENA = BATCH_ARENA_SIZE - BATCH_ARENA_ENRICH };

/// A flow may use half the arena whatever was in the batch before it.
static bool has_room(const struct batch *b)
{
    return b->flow_count < BATCH_FLOWS_MAX && b->arena_used <= FLOWS_ARENA / 2;
}

/// What a line's flow needs besides the line: tables of its columns, lists, texts.
enum { LINE_MORE = 512 << 10 };
_Static_assert(2 * LOG_LINE_SIZE_MAX + LINE_MORE <= FLOWS_ARENA, "the longest line has its room");

/// A line may be there twice: as itself, and as columns that no field stands for.
static bool has_room_for_line(const struct batch *b, size_t size)
{
    return has_room(b) && b->arena_used + 2 * size + LINE_MORE <= FLOWS_ARENA;
}

static void ensure_batch(struct batch_writer *w)
{
    if (w->batch == NULL) {
        w->batch = batch_get(w->pool);
        CHECK(w->batch != NULL);
        w->batch->begun_ns = clock_mono_ns();
    }
}

struct flow *batch_writer_begin(struct batch_writer *w)
{
    DCHECK(!w->open);
    if (w->batch != NULL && !has_room(w->batch)) {
        batch_writer_flush(w);
    }
    ensure_batch(w);
    w->open = true;
    w->overflow = false;
    w->arena_mark = w->batch->arena_used;
    struct flow *flow = &w->batch->flows[w->batch->flow_count];
    memset(flow, 0, sizeof(*flow));
    flow->file = w->file;
    flow->offset = w->offset;
    return flow;
}

void batch_writer_line(struct batch_writer *w, const struct line *line)
{
    DCHECK(!w->open);
    if (w->batch != NULL && !has_room_for_line(w->batch, line->size)) {
        batch_writer_flush(w);
    }
    ensure_batch(w);
    struct batch *b = w->batch;
    bool last = b->file_count > 0 && b->files[b->file_count - 1].origin == line->origin &&
                b->files[b->file_count - 1].end == line->offset;
    if (!last && b->file_count == BATCH_FILES_MAX) {
        batch_writer_flush(w);
        ensure_batch(w);
        b = w->batch;
    }
    if (!last) {
        origin_ref(line->origin);
        b->files[b->file_count++] =
            (struct batch_file){ .origin = line->origin, .begin = line->offset };
    }
    b->files[b->file_count - 1].end = line->end;
    w->file = b->file_count;
    w->offset = line->offset;
}

struct span batch_writer_add(struct batch_writer *w, const void *elements, size_t count,
                             size_t size)
{
    DCHECK(w->open);
    struct batch *b = w->batch;
    if (count == 0) {
        return (struct span){ 0 };
    }
    if (count > (FLOWS_ARENA - b->arena_used) / size) {
        w->overflow = true;
        return (struct span){ 0 };
    }
    struct span span = { .offset = b->arena_used, .count = (uint32_t)count };
    memcpy(b->arena + b->arena_used, elements, count * size);
    b->arena_used += (uint32_t)((count * size + 7) & ~(size_t)7);
    return span;
}

bool batch_writer_commit(struct batch_writer *w)
{
    DCHECK(w->open);
    if (w->overflow) {
        batch_writer_abandon(w);
        return false;
    }
    w->open = false;
    w->batch->flow_count++;
    if (w->batch->flow_count == BATCH_FLOWS_MAX) {
        batch_writer_flush(w);
    }
    return true;
}

void batch_writer_abandon(struct batch_writer *w)
{
    DCHECK(w->open);
    w->open = false;
    w->batch->arena_used = w->arena_mark;
}

void batch_writer_flush(struct batch_writer *w)
{
    DCHECK(!w->open);
    struct batch *b = w->batch;
    if (b == NULL) {
        return;
    }
    w->batch = NULL;
    w->file = 0;
    if (b->flow_count == 0) { // lines without flows: released means delivered
        batch_unref(b);
        return;
    }
    w->full(w->context, b);
}

void batch_writer_flush_old(struct batch_writer *w, uint64_t now_ns)
{
    if (w->batch != NULL && now_ns - w->batch->begun_ns >= BATCH_AGE_MAX_MS * NS_PER_MS) {
        batch_writer_flush(w);
    }
}
