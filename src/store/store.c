// SPDX-License-Identifier: Apache-2.0
/*
 * Opening goes: the lock, the database (with its log mended if need be), the tables, what is known
 * without reading everything; then DuckDB is locked down, so that no SQL, whatever it came from,
 * can touch a file besides those of the store and its export folder.
 *
 * What the last transaction was is found among the newest records only: reading the greatest id of
 * all may take a second when records were deleted.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/folder_lock.h"
#include "store/leftovers.h"
#include "store/recover.h"
#include "store/schema.h"
#include "store/sql.h"

enum {
    PATH_SIZE = 3072,
    SQL_SIZE_MAX = 16 << 10,
    NUMBER_SIZE = 32,
    MEMORY_LEAST = 128 << 20, ///< below it DuckDB cannot even commit a group of rows
};

struct store {
    struct store_settings settings;
    char folder[PATH_SIZE];
    int lock_fd;
    struct duck *duck;
    pthread_mutex_t writing; ///< between store_begin() and store_end()
    pthread_mutex_t mutex;   ///< of `state`
    struct store_state state;
};

static void lock(pthread_mutex_t *mutex)
{
    CHECK(pthread_mutex_lock(mutex) == 0);
}

static void unlock(pthread_mutex_t *mutex)
{
    CHECK(pthread_mutex_unlock(mutex) == 0);
}

// --- Files ---------------------------------------------------------------------------------------

static int path_of(const struct store *s, const char *name, char ret_path[static PATH_SIZE],
                   struct err *err)
{
    int size = snprintf(ret_path, PATH_SIZE, "%s/%s", s->folder, name);
    return size > 0 && size < PATH_SIZE
               ? 0
               : err_set(err, ERR_RANGE, "%.100s...: too long a path", s->folder);
}

static int make_folder(const char *path, struct err *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return err_set_errno(err, errno, "cannot make the folder %s", path);
    }
    return 0;
}

int store_export_path(struct store *s, const char *name, char *ret_path, size_t size,
                      struct err *err)
{
    char folder[PATH_SIZE];
    if (path_of(s, "export", folder, err) != 0 || make_folder(folder, err) != 0) {
        return err->status;
    }
    int used = snprintf(ret_path, size, "%s/%s", folder, name);
    return used > 0 && (size_t)used < size ? 0
                                           : err_set(err, ERR_RANGE, "%s: too long a path", name);
}

/// What cannot be removed takes room, and nothing else.
static void remove_leftovers(const struct store *s)
{
    char folder[PATH_SIZE];
    uint64_t removed = 0;
    struct err err;
    if (path_of(s, "export", folder, &err) != 0 || leftovers_remove(folder, &removed, &err) != 0) {
        log_with(LOG_LEVEL_WARN, "store: what an earlier run left cannot be removed", NULL,
                 LOG_TEXT("error", err.text));
    } else if (removed > 0) {
        log_with(LOG_LEVEL_INFO, "store: removed exports that an earlier run did not end", NULL,
                 LOG_U64("files", removed));
    }
}

// --- Opening -------------------------------------------------------------------------------------

static int open_database(struct store *s, struct duck **ret_duck, struct err *err)
{
    char path[PATH_SIZE];
    char temp[PATH_SIZE];
    char memory[NUMBER_SIZE];
    uint64_t memory_max = s->settings.memory_max;
    if (memory_max < MEMORY_LEAST) {
        memory_max = MEMORY_LEAST;
    }
    (void)snprintf(memory, sizeof(memory), "%" PRIu64 "KiB", memory_max >> 10); // fits
    const struct duck_option options[] = { { "threads", "2" },
                                           { "memory_limit", memory },
                                           { "temp_directory", temp },
                                           { "max_temp_directory_size", "20GiB" },
                                           { NULL, NULL } };
    if (path_of(s, "store.duckdb", path, err) != 0 || path_of(s, "temp", temp, err) != 0) {
        return err->status;
    }
    int status = recover_open(path, options, ret_duck, err);
    return status == 0 ? 0 : err_prefix(err, "cannot open the store %s", path);
}

/// A literal of SQL: the only text that is one, because settings take no bound values.
static void put_literal(struct buf *sql, const char *text)
{
    buf_append_char(sql, '\'');
    for (; *text != '\0'; text++) {
        buf_append(sql, "''", *text == '\'' ? 2 : 0);
        buf_append(sql, text, *text == '\'' ? 0 : 1);
    }
    buf_append_char(sql, '\'');
}

static int lock_down(struct store *s, struct duck_conn *c, struct err *err)
{
    char folder[PATH_SIZE] = "";
    if (store_export_path(s, "", folder, sizeof(folder), err) != 0) {
        return err->status;
    }
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
    // A database that had to be opened again must not write once the old one is let go.
    buf_append_text(&sql, "PRAGMA disable_checkpoint_on_shutdown; SET allowed_directories = [");
    put_literal(&sql, folder);
    buf_append_text(&sql, "]; SET enable_external_access = false; "
                          // What COPY FROM DATABASE sets for itself (backup).
                          "SET allowed_configs = ['current_transaction_invalidation_policy']; "
                          "SET lock_configuration = true;");
    int status =
        sql.bad ? err_set(err, ERR_NO_MEMORY, "out of memory") : duck_exec(c, buf_text(&sql), err);
    buf_release(&sql);
    return status;
}

/// What can be known without reading every record.
static int look(struct store *s, struct duck_conn *c, struct err *err)
{
    uint64_t newest_ns;
    struct buf sql;
    struct store_state *state = &s->state;
    int status = duck_ask_u64(c, "SELECT max(value) FROM marks WHERE name = 'minutes'",
                              &state->transaction, err);
    buf_init(&sql, SQL_SIZE_MAX);
    buf_printf(&sql, "SELECT max(id) >> 32 FROM flows WHERE id >= %" PRIu64,
               state->transaction << 32);
    uint64_t last = 0;
    if (status == 0) {
        status = duck_ask_u64(c, buf_text(&sql), &last, err);
    }
    state->transaction = last > state->transaction ? last : state->transaction;
    buf_clear(&sql);
    buf_printf(&sql, "SELECT max(ts) FROM flows WHERE id >= %" PRIu64, state->transaction << 32);
    if (status == 0) {
        status = duck_ask_u64(c, buf_text(&sql), &newest_ns, err);
    }
    state->newest_ns = status == 0 ? (int64_t)newest_ns : 0;
    buf_release(&sql);
    if (status == 0) {
        status = duck_ask_u64(c, "SELECT count(*) FROM flows", &state->records, err);
    }
    return status == 0 ? duck_ask_u64(c, "SELECT count(*) FROM texts", &state->texts, err) : status;
}

static int prepare(struct store *s, struct err *err)
{
    struct duck_conn *c;
    if (duck_connect(s->duck, &c, err) != 0) {
        return err->status;
    }
    int status = schema_open(c, err);
    if (status == 0) {
        status = sql_add_functions(c, err);
    }
    if (status == 0) {
        status = look(s, c, err);
    }
    if (status == 0) {
        status = lock_down(s, c, err);
    }
    duck_disconnect(c);
    return status == 0 ? 0 : err_prefix(err, "the store in %s", s->folder);
}

/// A duck_again_fn.
static int open_again(void *context, struct duck **ret_duck, struct err *err)
{
    struct store *s = context;
    struct duck *d = NULL;
    struct duck_conn *c = NULL;
    if (open_database(s, &d, err) != 0) {
        return err->status;
    }
    int status = duck_connect(d, &c, err);
    if (status == 0) {
        status = sql_add_functions(c, err);
    }
    if (status == 0) {
        status = lock_down(s, c, err);
    }
    duck_disconnect(c);
    if (status != 0) {
        duck_close(d);
        return status;
    }
    *ret_duck = d;
    return 0;
}

int store_open(const struct store_settings *settings, struct store **ret_store, struct err *err)
{
    struct store *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    s->settings = *settings;
    s->lock_fd = -1;
    CHECK(pthread_mutex_init(&s->mutex, NULL) == 0 && pthread_mutex_init(&s->writing, NULL) == 0);
    int size = snprintf(s->folder, sizeof(s->folder), "%s", settings->folder);
    int status = size > 0 && (size_t)size < sizeof(s->folder)
                     ? make_folder(s->folder, err)
                     : err_set(err, ERR_RANGE, "-transport.store: too long a path");
    s->settings.folder = s->folder;
    if (status != 0 || folder_lock_take(s->folder, &s->lock_fd, err) != 0) {
        store_close(s);
        return err->status;
    }
    remove_leftovers(s);
    if (open_database(s, &s->duck, err) != 0 || prepare(s, err) != 0) {
        store_close(s);
        return err->status;
    }
    duck_set_again(s->duck, open_again, s);
    folder_lock_say(s->lock_fd, true);
    s->state.kept_ns = clock_mono_ns();
    *ret_store = s;
    return 0;
}

/// Writes the log into the database. When that cannot be, the next one to open it does.
static void checkpoint(struct store *s)
{
    struct duck_conn *c;
    struct err ignored;
    if (s->duck != NULL && duck_connect(s->duck, &c, &ignored) == 0) {
        int status = duck_exec(c, "CHECKPOINT", &ignored);
        (void)status; // as said
        duck_disconnect(c);
    }
}

void store_close(struct store *s)
{
    if (s != NULL) {
        if (s->lock_fd >= 0) {
            folder_lock_say(s->lock_fd, false);
        }
        checkpoint(s);
        duck_close(s->duck);
        if (s->lock_fd >= 0) {
            (void)close(s->lock_fd); // which lets go of the lock
        }
        CHECK(pthread_mutex_destroy(&s->mutex) == 0);
        CHECK(pthread_mutex_destroy(&s->writing) == 0);
        mem_free(s);
    }
}

const struct store_settings *store_settings(const struct store *s)
{
    return &s->settings;
}

int store_connect(struct store *s, struct duck_conn **ret_conn, struct err *err)
{
    return duck_connect(s->duck, ret_conn, err);
}

// --- What is known -------------------------------------------------------------------------------

struct store_state store_state(struct store *s)
{
    lock(&s->mutex);
    struct store_state state = s->state;
    unlock(&s->mutex);
    return state;
}

uint64_t store_begin(struct store *s)
{
    lock(&s->writing);
    return store_state(s).transaction + 1;
}

void store_end(struct store *s, const struct store_commit *commit)
{
    lock(&s->mutex);
    struct store_state *state = &s->state;
    state->failing = !commit->good;
    if (commit->good) {
        state->transaction++;
        state->records += commit->stored;
        state->stored += commit->stored;
        state->skipped += commit->skipped;
        state->duplicates += commit->duplicates;
        state->texts = commit->texts;
        state->commit_ns = commit->took_ns;
        if (commit->stored > 0) {
            bool older = state->oldest_ns == 0 || commit->oldest_ns < state->oldest_ns;
            state->oldest_ns = older ? commit->oldest_ns : state->oldest_ns;
            bool newer = commit->newest_ns > state->newest_ns;
            state->newest_ns = newer ? commit->newest_ns : state->newest_ns;
        }
    }
    unlock(&s->mutex);
    unlock(&s->writing);
}

void store_set_full(struct store *s, bool full)
{
    lock(&s->mutex);
    s->state.full = full;
    unlock(&s->mutex);
}

void store_set_kept(struct store *s, bool good)
{
    lock(&s->mutex);
    s->state.keeper_failing = !good;
    s->state.kept_ns = good ? clock_mono_ns() : s->state.kept_ns;
    unlock(&s->mutex);
}

void store_set_figures(struct store *s, const struct store_figures *figures)
{
    lock(&s->mutex);
    struct store_state *state = &s->state;
    state->forgotten += figures->forgotten;
    state->records -= figures->forgotten < state->records ? figures->forgotten : state->records;
    state->used_bytes = figures->used_bytes;
    state->file_bytes = figures->file_bytes;
    state->disk_free = figures->disk_free;
    if (figures->oldest_ns != 0 || state->records == 0) { // 0: who looked saw no record yet
        state->oldest_ns = figures->oldest_ns;
    }
    unlock(&s->mutex);
}
