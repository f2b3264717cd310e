// SPDX-License-Identifier: Apache-2.0
/*
 * The batch: what decode, enrich and transports hand on. Up to BATCH_FLOWS_MAX flows, an arena for
 * what has no fixed size, and a reference count.
 *
 * Batches come from a pool made at start. Who gets one holds a reference; each transport that is
 * handed one takes its own. The last batch_unref() puts it back, after calling `released`, by which
 * a source that has positions to move on learns that every transport is done with it.
 *
 * While a batch is being filled only its writer touches it; once handed over it is read-only but
 * for the reference count.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/line.h"
#include "flow/flow.h"

struct batch_pool;

/// A file of which the batch holds lines: those from `begin` to `end` (offsets, decompressed).
struct batch_file {
    struct origin *origin; ///< a reference of the batch's own
    uint64_t begin;
    uint64_t end;
};

/// What may be done with a batch that a transport cannot deliver for now.
enum batch_keep {
    BATCH_PASSING,  ///< of datagrams: kept as long as there is room, the oldest go first
    BATCH_FOLLOWED, ///< of a log that is followed: kept, and never given up
    BATCH_WAITING,  ///< its source can wait (an import, a replay): it is not kept elsewhere
};

struct batch {
    struct batch_pool *pool;
    struct batch *next_free;
    _Atomic uint32_t refs;
    uint32_t flow_count;
    uint32_t arena_used;
    uint32_t file_count;
    enum batch_keep keep;
    _Atomic bool undelivered; ///< a transport gave it up: positions must not move past it
    _Atomic uint32_t known;   ///< records of it that the store had already
    uint64_t begun_ns;        ///< monotonic time of the first flow
    struct batch_file files[BATCH_FILES_MAX];
    struct flow flows[BATCH_FLOWS_MAX];
    _Alignas(8) uint8_t arena[BATCH_ARENA_SIZE];
};

/// Called with the last reference gone and the batch still whole; may be on any thread.
typedef void batch_released_fn(void *context, const struct batch *batch);

/// A pool of `count` batches; only those in use at the same time are ever backed by memory.
/// `released` may be NULL. ERR_NO_MEMORY.
int batch_pool_new(size_t count, batch_released_fn *released, void *context,
                   struct batch_pool **ret_pool) MUST_USE;
/// All batches must be back.
void batch_pool_free(struct batch_pool *pool);

/// An empty batch with one reference; NULL when all are out.
struct batch *batch_get(struct batch_pool *pool);
void batch_ref(struct batch *b);
void batch_unref(struct batch *b);

/// A transport could not deliver it. Before its batch_unref().
void batch_set_undelivered(struct batch *b);

/// Copies `size` bytes into the arena of a batch that is full but not yet handed on (enrich);
/// empty when there is no room.
struct span batch_append(struct batch *b, const void *bytes, size_t size);

/// Batches out of the pool now.
size_t batch_pool_out(struct batch_pool *pool);

// The content of a span; valid as long as the batch is held.
static inline const uint32_t *batch_u32s(const struct batch *b, struct span s)
{
    return (const uint32_t *)(const void *)(b->arena + s.offset);
}

static inline const struct addr *batch_addrs(const struct batch *b, struct span s)
{
    return (const struct addr *)(const void *)(b->arena + s.offset);
}

static inline const struct extra_value *batch_extras(const struct batch *b, struct span s)
{
    return (const struct extra_value *)(const void *)(b->arena + s.offset);
}

static inline const uint8_t *batch_bytes(const struct batch *b, struct span s)
{
    return b->arena + s.offset;
}

static inline const struct custom_value *batch_customs(const struct batch *b, struct span s)
{
    return (const struct custom_value *)(const void *)(b->arena + s.offset);
}

/*
 * The writer: how decoders append. A flow is begun, filled in place, and committed or abandoned;
 * full batches are handed on underneath.
 *
 *     struct flow *flow = batch_writer_begin(w);
 *     flow->as_path = batch_writer_add(w, path, count, sizeof(path[0]));
 *     if (!batch_writer_commit(w)) { count LEDGER_FLOW_TOO_LARGE }
 */

/// Takes the full batch and its reference.
typedef void batch_full_fn(void *context, struct batch *batch);

struct batch_writer {
    struct batch_pool *pool;
    batch_full_fn *full;
    void *context;
    struct batch *batch; ///< being filled, or NULL
    uint32_t arena_mark; ///< arena_used when the open flow was begun
    bool overflow;       ///< the open flow has more than the arena holds
    bool open;           ///< between begin and commit or abandon
    uint32_t file;       ///< index in batch->files plus 1 of the line being read; 0: none
    uint64_t offset;     ///< of that line
};

/// The pool must hold a batch for every place where one can wait, so that there is always one.
void batch_writer_init(struct batch_writer *w, struct batch_pool *pool, batch_full_fn *full,
                       void *context);

/// A zeroed flow, to be filled. No other flow may be open.
struct flow *batch_writer_begin(struct batch_writer *w);

/// Copies `count` elements of `size` bytes into the arena, aligned to eight. Empty for count 0, and
/// when there is no room, which commit will say.
struct span batch_writer_add(struct batch_writer *w, const void *elements, size_t count,
                             size_t size);

/// The open flow counts from now on. False, and the flow is gone, when its lists did not fit.
bool batch_writer_commit(struct batch_writer *w) MUST_USE;

/// The open flow, or none, stands for this line: what is begun from now on has its file and offset,
/// and the batch holds the file's lines up to line->end. Between flows only. Lines of one file come
/// in order.
void batch_writer_line(struct batch_writer *w, const struct line *line);

/// The open flow never was.
void batch_writer_abandon(struct batch_writer *w);

/// Hands on what there is, if anything.
void batch_writer_flush(struct batch_writer *w);

/// Hands on what is older than BATCH_AGE_MAX_MS at `now_ns` (monotonic).
void batch_writer_flush_old(struct batch_writer *w, uint64_t now_ns);
