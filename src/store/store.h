// SPDX-License-Identifier: Apache-2.0
/*
 * A store: a folder with one DuckDB database (store.duckdb), in which records are kept and asked
 * for. One process has it; in it one writer (store/writer.h) appends, one keeper (store/keeper.h)
 * derives and forgets, and a few readers (store/ask.h) ask, each on a connection of its own.
 *
 * Opening recovers from whatever ended the last process: DuckDB replays its log; of a log that is
 * damaged what comes before the damage is kept, and the log is set aside under another name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "flow/mapping.h"
#include "store/duck.h"

/// Texts are borrowed for as long as the store is open.
struct store_settings {
    const char *folder;       ///< -transport.store; made if it is not there
    uint64_t keep_ns;         ///< records older than this are forgotten; 0: none are
    uint64_t keep_minutes_ns; ///< likewise the roll-ups of a minute
    uint64_t keep_hours_ns;   ///< likewise those of an hour, and talkers
    uint64_t size_max;        ///< bytes that are used; the oldest records make room; 0: no bound
    uint64_t free_min;        ///< bytes of the disk that are left free
    uint64_t memory_max;      ///< DuckDB's memory_limit
    bool dedupe;              ///< records of datagrams that are there already are refused
    const struct mapping *mapping; ///< custom columns by name; NULL: none
};

struct store;

/// ERR_EXISTS: another process has it (the words name its pid). ERR_UNSUPPORTED: a newer weir made
/// it. ERR_NOT_FOUND: no libduckdb.so. ERR_IO, ERR_NO_MEMORY.
int store_open(const struct store_settings *settings, struct store **ret_store,
               struct err *err) MUST_USE;
/// Nobody uses it any more. Writes DuckDB's log into the database. NULL is fine.
void store_close(struct store *s);

const struct store_settings *store_settings(const struct store *s);

/// A connection of one's own, on which match functions and limits are set up. ERR_IO,
/// ERR_NO_MEMORY.
int store_connect(struct store *s, struct duck_conn **ret_conn, struct err *err) MUST_USE;

/// A path in the only folder besides its own that DuckDB may touch: FOLDER/export, made if it is
/// not there. ERR_RANGE, ERR_IO.
int store_export_path(struct store *s, const char *name, char *ret_path, size_t size,
                      struct err *err) MUST_USE;

/// What is known without asking DuckDB; kept by writer and keeper. Any thread.
struct store_state {
    uint64_t records;     ///< in the store
    uint64_t stored;      ///< by this process
    uint64_t skipped;     ///< lines that were there already
    uint64_t duplicates;  ///< records of datagrams that were there already (dedupe)
    uint64_t forgotten;   ///< by retention, by this process
    uint64_t texts;       ///< distinct texts and lists
    uint64_t used_bytes;  ///< of the database file: blocks in use
    uint64_t file_bytes;  ///< length of the database file
    uint64_t disk_free;   ///< bytes
    int64_t oldest_ns;    ///< least ts, about; 0: no record
    int64_t newest_ns;    ///< greatest ts, about
    uint64_t commit_ns;   ///< how long the last commit took
    uint64_t transaction; ///< number of the last one: upper half of the newest id
    bool failing;         ///< the last commit failed, and it is tried again
    bool full;            ///< nothing is written: the disk is at its floor
    bool keeper_failing;  ///< roll-ups and retention failed at the last try
    uint64_t kept_ns;     ///< when all of that was done that was due, monotonic; before: the start
};
struct store_state store_state(struct store *s);

/*
 * For those who write: one at a time between store_begin() and store_end(), so that transactions
 * are numbered in the order in which they are committed, and whatever is derived from the records
 * up to a number has all of them.
 */

/// Waits for its turn. The number of the transaction that follows.
uint64_t store_begin(struct store *s);

/// What a transaction did.
struct store_commit {
    bool good; ///< false: nothing, and the number is free again
    uint64_t stored;
    uint64_t skipped;
    uint64_t duplicates;
    uint64_t texts;
    int64_t oldest_ns; ///< of what was stored
    int64_t newest_ns;
    uint64_t took_ns;
};
void store_end(struct store *s, const struct store_commit *commit);

/// That nothing can be written now because the disk is full, or that it can again. Any thread.
void store_set_full(struct store *s, bool full);

/// That the keeper has done what was due, or could not. Any thread.
void store_set_kept(struct store *s, bool good);

/// What the keeper found out for store_state(). Any thread.
struct store_figures {
    uint64_t forgotten; ///< since the last call
    uint64_t used_bytes;
    uint64_t file_bytes;
    uint64_t disk_free;
    int64_t oldest_ns;
};
void store_set_figures(struct store *s, const struct store_figures *figures);
