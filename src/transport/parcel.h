// SPDX-License-Identifier: Apache-2.0
/*
 * A parcel: documents on their way to a cluster, as lines of a _bulk request's body,
 *
 *     {"create":{"_index":"logs-goflow2.sflow-default","_id":"Zqlt..."}}
 *     {"@timestamp":...}
 *
 * and which of them are not settled yet: its items, in order. It holds the batches they come from
 * until all of them are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "flow/batch.h"
#include "transport/backing.h"

enum {
    /// Of many small batches a parcel takes no more.
    PARCEL_BATCHES_MAX = 32,
    /// A parcel is closed at a few megabytes; this much a batch of the longest lines may make of
    /// it.
    PARCEL_SIZE_MAX = 96 << 20,
};

/// A document that is not settled: offsets in the body.
struct parcel_item {
    uint32_t begin;    ///< of its action
    uint32_t document; ///< of its own line
    uint32_t end;      ///< behind that line's newline
    bool uncertain;    ///< a request with it was sent of which nobody knows what became
};

struct parcel {
    struct buf body;
    struct parcel_item *items; ///< those left
    size_t count;
    size_t capacity;
    size_t open; ///< where in the body the document that is being added began
    enum batch_keep keep;
    uint64_t begun_ns;        ///< monotonic time of the first document
    uint64_t error_documents; ///< of the documents
    unsigned tries;           ///< in a row in which no document of it was settled
    bool uncertain;           ///< an item is, or was
    struct backing before;    ///< where streams wrote to when that first happened
    size_t batch_count;
    struct batch *batches[PARCEL_BATCHES_MAX];
};

/// An empty parcel. ERR_NO_MEMORY.
int parcel_new(struct parcel **ret_parcel) MUST_USE;
/// It holds no batches. NULL is fine.
void parcel_free(struct parcel *p);
/// Empty again; it holds no batches.
void parcel_clear(struct parcel *p);

/// What actions of one stream begin with, up to the id: {"create":{"_index":"STREAM","_id":"
/// appended to `out`. The name needs no escapes.
void parcel_append_prefix(struct buf *out, const char *stream);

/// Adds the action of a new document, whose line the caller appends to p->body and ends with
/// parcel_add_end(). `id_size` 0: none. Sets p->body.bad for want of room.
void parcel_add(struct parcel *p, const struct buf *prefix, const void *id, size_t id_size);
/// Adds the newline and the item. False, and no trace is left of it, when p->body is bad.
bool parcel_add_end(struct parcel *p) MUST_USE;

/// Takes the caller's reference.
void parcel_hold(struct parcel *p, struct batch *batch);
/// Gives the batches back; `undelivered`: not all of their documents are settled, and they are
/// given up.
void parcel_release(struct parcel *p, bool undelivered);

/// All items as a spool keeps them: as parcel_bytes(), and of an uncertain parcel with a note
/// behind them, so that it stays known that they may have been delivered, and when.
const uint8_t *parcel_spool_bytes(const struct parcel *p, struct buf *scratch, size_t *ret_size);

/// Makes the items of a body that was filled from a spool; takes the note off it. ERR_INVALID: it
/// is no such body; ERR_NO_MEMORY.
int parcel_find_items(struct parcel *p) MUST_USE;

/// How many of the items from `first` on fit `size_max` bytes; at least one. *ret_size: theirs.
size_t parcel_fit(const struct parcel *p, size_t first, size_t size_max, size_t *ret_size);

/// The bytes of `count` items from `first` on: where they stand if they stand together, else
/// gathered in `scratch`. *ret_size as above. NULL for want of memory.
const uint8_t *parcel_bytes(const struct parcel *p, size_t first, size_t count, struct buf *scratch,
                            size_t *ret_size);

/// An item's stream and id; they point into the body.
struct parcel_address {
    const uint8_t *stream;
    size_t stream_size;
    const uint8_t *id;
    size_t id_size; ///< 0: none
};
struct parcel_address parcel_address(const struct parcel *p, const struct parcel_item *item);

/// Whether an item goes to the same stream as one with this address.
bool parcel_is_for(const struct parcel *p, const struct parcel_item *item,
                   const struct parcel_address *address);
