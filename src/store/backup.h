// SPDX-License-Identifier: Apache-2.0
/*
 * Copies of the store's content: a whole one as a database (weir backup), and records as Parquet,
 * CSV or NDJSON files (export), which weir import takes back.
 *
 * DuckDB writes into the store's export folder only; whoever asked moves the file to where it is
 * wanted.
 */
#pragma once

#include <stdatomic.h>

#include "query/kql.h"
#include "store/backup_copy.h"
#include "store/store.h"

/// A backup that is to be made, or is being made.
struct backup {
    char path[BACKUP_PATH_SIZE];  ///< in FOLDER/export
    _Atomic uint64_t bytes_total; ///< it will have so many, about; 0: not known yet
};

/// Gives it a path that no other has. ERR_RANGE, ERR_IO.
int backup_init(struct backup *b, struct store *s, struct err *err) MUST_USE;
/// A consistent copy of the whole store while it is written to, checkpointed. ERR_FULL: the disk
/// has no room for it. ERR_IO.
int backup_make(struct backup *b, struct store *s, struct err *err) MUST_USE;
/// How many bytes of it there are so far. Any thread.
uint64_t backup_bytes(const struct backup *b);

enum export_form { EXPORT_PARQUET, EXPORT_CSV, EXPORT_JSON };

struct export_what {
    const struct kql *filter; ///< NULL: every record
    int64_t from_ns;          ///< included
    int64_t to_ns;            ///< not included
    enum export_form form;
};

/// As export_make(), to a path. On failure nothing is left there.
int export_copy(struct duck_conn *c, const struct export_what *what, const char *path,
                uint64_t *ret_records, struct err *err) MUST_USE;

/// Records of a time that match, as a file in FOLDER/export, and how many. Parquet holds everything
/// that a record has (texts are written out), so that records_import() gives the same records.
int export_make(struct store *s, struct duck_conn *c, const struct kql *filter, int64_t from_ns,
                int64_t to_ns, enum export_form form, char *ret_path, size_t size,
                uint64_t *ret_records, struct err *err) MUST_USE;

/// Takes the records of a Parquet file that export_make() made, in FOLDER/export, into the store.
/// Those that are there already (the same source and place in it) are not taken again.
/// ERR_INVALID with words: another kind of file.
int records_import(struct store *s, const char *path, uint64_t *ret_records,
                   uint64_t *ret_duplicates, struct err *err) MUST_USE;
