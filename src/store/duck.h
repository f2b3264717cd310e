// SPDX-License-Identifier: Apache-2.0
/*
 * DuckDB, as far as the store needs it: the only file that sees its header is duck.c. The library
 * stands beside the binary (or in ../lib/weir) and is loaded when the first database is opened, so
 * that whoever keeps no store does not pay for it: neither 20 ms at start nor its memory.
 *
 * A connection, and all that hangs on it, belongs to one thread at a time; duck_interrupt() alone
 * may be called from any. Texts are bytes with a size and need no NUL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct duck;          ///< a database
struct duck_conn;     ///< a connection: a transaction of its own
struct duck_stmt;     ///< a prepared statement
struct duck_rows;     ///< what a statement answers
struct duck_chunk;    ///< rows that are being written, column by column
struct duck_appender; ///< rows on their way into a table

/// Bytes that somebody else owns.
struct duck_text {
    const char *data;
    size_t size;
};

/// A setting of DuckDB's: duckdb.org/docs/configuration.
struct duck_option {
    const char *name;
    const char *value;
};

/// Opens the database at `path` (made if it is not there; "" is in memory) with `options`, up to
/// one whose name is NULL; extensions are never fetched. On failure err->text is DuckDB's own
/// message. ERR_NOT_FOUND: there is no library. ERR_IO, ERR_NO_MEMORY.
int duck_open(const char *path, const struct duck_option *options, struct duck **ret_duck,
              struct err *err) MUST_USE;
/// Every connection is closed. NULL is fine. DuckDB writes what is in its log into the file.
void duck_close(struct duck *d);

/*
 * After some errors, a disk that is full during a checkpoint among them, DuckDB does nothing more
 * with a database until it is opened again. Somebody who says how gets that done at the next
 * statement, and each connection outside of a transaction then is one to the database as it is now;
 * what it had of its own (temporary tables, prepared statements) is gone. A transaction that was
 * open fails to its end.
 */

/// Opens the database as it was opened first, with all that was set up since.
typedef int duck_again_fn(void *context, struct duck **ret_duck, struct err *err);
/// Before there are threads. The database must be one that writes nothing when it is closed
/// (PRAGMA disable_checkpoint_on_shutdown).
void duck_set_again(struct duck *d, duck_again_fn *again, void *context);

/// ERR_NO_MEMORY, ERR_IO.
int duck_connect(struct duck *d, struct duck_conn **ret_conn, struct err *err) MUST_USE;
/// NULL is fine. An open transaction is rolled back.
void duck_disconnect(struct duck_conn *c);

/// For who has something of his own on the connection or in the database's memory: what statements
/// do anyway. What was set up under another number than *ret_generation is gone. Errors as
/// duck_connect().
int duck_refresh(struct duck_conn *c, uint64_t *ret_generation, struct err *err) MUST_USE;

/// Stops what runs on the connection now, which then fails with ERR_CLOSED. Any thread.
void duck_interrupt(struct duck_conn *c);

// --- Statements ----------------------------------------------------------------------------------

/*
 * All of them fail with DuckDB's message in `err`: ERR_CLOSED when interrupted, ERR_NO_MEMORY above
 * the memory limit, ERR_IO for the disk and all else.
 */

/// Runs one or more statements whose answers nobody wants.
int duck_exec(struct duck_conn *c, const char *sql, struct err *err) MUST_USE;

/// One statement, with ? or $1... for what is bound.
int duck_prepare(struct duck_conn *c, const char *sql, struct duck_stmt **ret_stmt,
                 struct err *err) MUST_USE;
void duck_finish(struct duck_stmt *s);

/// Binds parameter `index`, from 1. A mistake shows when the statement is run.
void duck_bind_u64(struct duck_stmt *s, size_t index, uint64_t value);
void duck_bind_i64(struct duck_stmt *s, size_t index, int64_t value);
void duck_bind_f64(struct duck_stmt *s, size_t index, double value);
void duck_bind_text(struct duck_stmt *s, size_t index, const char *text, size_t size);
void duck_bind_blob(struct duck_stmt *s, size_t index, const void *bytes, size_t size);
void duck_bind_null(struct duck_stmt *s, size_t index);

/// Runs it with what is bound; it may be run again once the rows are freed. The rows are computed
/// as they are read.
int duck_run(struct duck_stmt *s, struct duck_rows **ret_rows, struct err *err) MUST_USE;
/// Runs it to its end and forgets its answer.
int duck_run_only(struct duck_stmt *s, struct err *err) MUST_USE;
/// Prepares and runs a statement without parameters.
int duck_ask(struct duck_conn *c, const char *sql, struct duck_rows **ret_rows,
             struct err *err) MUST_USE;
/// As duck_ask() for the one number in the first row; 0 for NULL and for no row.
int duck_ask_u64(struct duck_conn *c, const char *sql, uint64_t *ret_value,
                 struct err *err) MUST_USE;

/// Moves on to the next row. 1: there is one; 0: that was all; negative: an error.
int duck_next(struct duck_rows *r, struct err *err) MUST_USE;
/// NULL is fine. Rows that were not read are given up.
void duck_rows_free(struct duck_rows *r);

/// The columns of the answer: how many, and what they are called.
size_t duck_column_count(struct duck_rows *r);
const char *duck_column_name(struct duck_rows *r, size_t column);

// Values of the current row, by column from 0. Numbers of any SQL type are converted: what does not
// fit is the nearest that does, NULL and texts are 0.
bool duck_is_null(const struct duck_rows *r, size_t column);
uint64_t duck_u64(const struct duck_rows *r, size_t column);
int64_t duck_i64(const struct duck_rows *r, size_t column);
double duck_f64(const struct duck_rows *r, size_t column);
/// VARCHAR or BLOB, valid until the next row; empty for NULL and for other types.
struct duck_text duck_bytes(const struct duck_rows *r, size_t column);

// --- Writing rows --------------------------------------------------------------------------------

/*
 *     uint64_t *ts = duck_chunk_column(chunk, 0);
 *     ts[row] = 1;
 *     duck_chunk_set_null(chunk, 1, row);
 */

/// Rows of a chunk.
enum { DUCK_CHUNK_ROWS = 2048 };

/// Where the values of a column stand, by row: as its SQL type says (UBIGINT: uint64_t ...). Not
/// for VARCHAR and BLOB.
void *duck_chunk_column(struct duck_chunk *chunk, size_t column);
/// Which of the 64 rows from `row` on have a value (bit 0: the first); all do to begin with. `row`
/// is a multiple of 64.
void duck_chunk_set_valid(struct duck_chunk *chunk, size_t column, size_t row, uint64_t bits);
void duck_chunk_set_null(struct duck_chunk *chunk, size_t column, size_t row);
/// Copies a VARCHAR's or BLOB's bytes.
void duck_chunk_set_bytes(struct duck_chunk *chunk, size_t column, size_t row, const void *bytes,
                          size_t size);

/// Takes the columns from the table. What is pushed belongs to the connection's transaction.
int duck_appender_new(struct duck_conn *c, const char *table, struct duck_appender **ret_appender,
                      struct err *err) MUST_USE;
/// What was not flushed is given up. NULL is fine.
void duck_appender_free(struct duck_appender *a);

/// The chunk to fill; the pointers to its columns are good until the next push.
struct duck_chunk *duck_appender_chunk(struct duck_appender *a);
/// Hands the first `rows` rows of the chunk on and empties it.
int duck_appender_push(struct duck_appender *a, size_t rows, struct err *err) MUST_USE;
/// What was pushed is in the table from here on, as far as this transaction can see. After an error
/// the appender is of no more use.
int duck_appender_flush(struct duck_appender *a, struct err *err) MUST_USE;

/// Fills up to DUCK_CHUNK_ROWS rows of the chunk and returns how many; 0: that was all. Negative:
/// an error, with which the statement fails. One call at a time, on this thread or one of DuckDB's.
typedef int duck_feed_fn(void *context, struct duck_chunk *chunk);

/// Adds the table function `name`(), whose columns are those of `table`, to the database that the
/// connection is to, for statements like INSERT INTO table FROM name(): for many rows this costs
/// half of what an appender does, which keeps a copy of them first. Once for each generation
/// (duck_refresh()).
int duck_add_feed(struct duck_conn *c, const char *name, const char *table, duck_feed_fn *feed,
                  void *context, struct err *err) MUST_USE;

// --- Functions of our own ------------------------------------------------------------------------

/// Says whether the texts match. Called on DuckDB's threads.
typedef bool duck_match_fn(const struct duck_text *args, size_t count);

/// Adds the SQL function `name` of `count` arguments to the database (once, on any connection). The
/// first is a BLOB, the others VARCHAR; with a NULL among them it is NULL, that is, no match.
int duck_add_match(struct duck_conn *c, const char *name, size_t count, duck_match_fn *match,
                   struct err *err) MUST_USE;
