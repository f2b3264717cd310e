// SPDX-License-Identifier: Apache-2.0
/*
 * Records into the store: batches are copied into columns as they come, and committed when a group
 * of rows is full (122,880) or a second old. IPv4 goes before IPv6 within a commit, which packs a
 * fifth better. With the rows go the files' positions, in the same transaction: lines below them
 * are skipped from then on, so that a line is stored once, however often it is read.
 *
 * One thread, one writer. What was added and not committed is gone with the process; whoever hands
 * batches over keeps them until then.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/batch.h"
#include "store/store.h"

enum {
    STORE_GROUP_ROWS = 122880, ///< a row group of DuckDB
    STORE_COMMIT_MS = 1000,
};

struct writer;

int writer_new(struct store *s, struct writer **ret_writer, struct err *err) MUST_USE;
/// What was not committed is given up. NULL is fine.
void writer_free(struct writer *w);

/// What became of the records of a batch.
struct writer_count {
    uint64_t added;      ///< go with the next commit
    uint64_t skipped;    ///< lines that the store has
    uint64_t duplicates; ///< datagram records that it has (dedupe; told at the commit)
};

/// Adds the records of a batch, which the caller holds on to until they are committed; what the
/// store has already is counted in batch->known too. ERR_FULL: the group has no room for it, or the
/// last commit failed: commit first. ERR_NO_MEMORY.
int writer_add(struct writer *w, struct batch *batch, struct writer_count *ret_count) MUST_USE;

/// Whether it is time: the group is full or a second old.
bool writer_is_due(const struct writer *w, uint64_t now_ns);
size_t writer_rows(const struct writer *w);

/// Everything that was added is in the store and on the disk when this returns 0. On failure
/// nothing of it is, and it is all still here, to be tried again. ERR_FULL: no space. ERR_IO.
int writer_commit(struct writer *w, struct writer_count *ret_count, struct err *err) MUST_USE;
