// SPDX-License-Identifier: Apache-2.0
/*
 * records_import(): an exported file into the tables, in the writer's turn. New texts and files get
 * numbers of a range that the writer does not use; it goes on with those that it knows.
 */
#include "base/clock.h"
#include "store/backup.h"
#include "store/import_copy.h"

#define IMPORTED_FIRST "1073741824" // IMPORTED_FIRST of texts.c and places.c

static int find_numbers(struct duck_conn *c, struct import_numbers *numbers, struct err *err)
{
    int status =
        duck_ask_u64(c, "SELECT greatest(coalesce(max(id) + 1, 0), " IMPORTED_FIRST ") FROM texts",
                     &numbers->text, err);
    return status == 0 ? duck_ask_u64(c,
                                      "SELECT greatest(coalesce(max(id) + 1, 0), " IMPORTED_FIRST
                                      ") FROM files",
                                      &numbers->file, err)
                       : status;
}

static void find_times(struct duck_conn *c, uint64_t transaction, struct store_commit *commit)
{
    struct duck_stmt *s;
    struct duck_rows *rows;
    struct err err;
    if (duck_prepare(c, "SELECT min(ts), max(ts) FROM flows WHERE id >= ?", &s, &err) != 0) {
        return; // the keeper finds out later
    }
    duck_bind_u64(s, 1, transaction << 32);
    if (duck_run(s, &rows, &err) == 0) {
        if (duck_next(rows, &err) > 0) {
            commit->oldest_ns = duck_i64(rows, 0);
            commit->newest_ns = duck_i64(rows, 1);
        }
        duck_rows_free(rows);
    }
    duck_finish(s);
}

int records_import(struct store *s, const char *path, uint64_t *ret_records,
                   uint64_t *ret_duplicates, struct err *err)
{
    struct duck_conn *c;
    int status = store_connect(s, &c, err);
    if (status != 0) {
        return status;
    }
    uint64_t begun_ns = clock_mono_ns();
    struct import_numbers numbers = { .transaction = store_begin(s) };
    struct store_commit commit = { .texts = store_state(s).texts };
    status = find_numbers(c, &numbers, err);
    if (status == 0) {
        status = import_copy(c, path, &numbers, ret_records, ret_duplicates, err);
    }
    if (status == 0) {
        commit.good = true;
        commit.stored = *ret_records;
        commit.duplicates = *ret_duplicates;
        find_times(c, numbers.transaction, &commit);
    }
    commit.took_ns = clock_mono_ns() - begun_ns;
    store_end(s, &commit);
    duck_disconnect(c);
    return status;
}
