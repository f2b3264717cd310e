// SPDX-License-Identifier: Apache-2.0
/*
 * weir backup: a whole copy of the store as one file, also while weir runs. DuckDB makes it in the
 * store's export folder, which is all that it may touch; from there it is moved to where it is
 * wanted, and has its name there only when it is whole.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/commands.h"
#include "app/file_copy.h"
#include "app/local.h"
#include "app/progress.h"
#include "app/store_host.h"
#include "app/store_options.h"
#include "base/clock.h"
#include "base/json_find.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/backup.h"

/// A copy of many gigabytes takes its time, and there is no answer before it is made.
#define BACKUP_TIMEOUT_NS (12 * 3600 * NS_PER_S)
/// How far it is is worth waiting for so long.
#define LOOK_TIMEOUT_NS NS_PER_S

// --- How far it is -------------------------------------------------------------------------------

static bool number_at(const struct cluster_reply *reply, const char *path, uint64_t *ret_number)
{
    struct json_value v;
    return json_find(reply->body.data, reply->body.size, path, &v) &&
           num_get_u64((const char *)v.data, v.size, UINT64_MAX, ret_number) == 0;
}

/// A progress_look_fn: what the weir that makes it says.
static bool look_there(void *context, uint64_t *ret_bytes, uint64_t *ret_total)
{
    const struct cluster_request request = { .method = "GET", .path = "/local/state" };
    struct cluster_reply reply;
    cluster_reply_init(&reply);
    bool known = local_ask(context, &request, &reply) == 0 && reply.status == 200 &&
                 number_at(&reply, "backup/bytes", ret_bytes) &&
                 number_at(&reply, "backup/bytes_total", ret_total) && *ret_total > 0;
    cluster_reply_release(&reply);
    return known;
}

/// A progress_look_fn: what there is of the file.
static bool look_here(void *context, uint64_t *ret_bytes, uint64_t *ret_total)
{
    struct backup *b = context;
    *ret_total = atomic_load(&b->bytes_total);
    *ret_bytes = backup_bytes(b);
    return *ret_total > 0;
}

/// A file on its way to another disk.
struct move {
    const char *to;
    uint64_t bytes;
};

/// A progress_look_fn: what there is of it under the name that file_copy() gives it meanwhile.
static bool look_at_move(void *context, uint64_t *ret_bytes, uint64_t *ret_total)
{
    const struct move *m = context;
    char part[DATA_PATH_SIZE];
    struct stat st;
    if (snprintf(part, sizeof(part), "%s.part", m->to) >= (int)sizeof(part) ||
        stat(part, &st) != 0) {
        return false;
    }
    *ret_bytes = (uint64_t)st.st_size;
    *ret_total = m->bytes;
    return true;
}

// --- The work ------------------------------------------------------------------------------------

static int ask_backup(struct local *local, char ret_path[static DATA_PATH_SIZE], struct err *err)
{
    const struct cluster_request request = { .method = "POST", .path = "/local/backup" };
    struct cluster_reply reply;
    cluster_reply_init(&reply);
    struct buf path;
    buf_init(&path, DATA_PATH_SIZE);
    int status = 0;
    if (local_ask(local, &request, &reply) != 0 || reply.status != 200) {
        status = local_complain(&reply, err);
    } else if (!json_find_text(reply.body.data, reply.body.size, "path", &path)) {
        status = err_set(err, ERR_INVALID, "the weir that runs names no file");
    } else {
        (void)snprintf(ret_path, DATA_PATH_SIZE, "%s", buf_text(&path)); // fits
    }
    buf_release(&path);
    cluster_reply_release(&reply);
    return status;
}

/// By the weir that has the store. It is asked how far it is on a connection of its own.
static int make_there(const struct store_options *o, char ret_path[static DATA_PATH_SIZE],
                      struct err *err)
{
    struct local *local;
    struct local *state;
    struct progress_watch watch;
    if (local_open(o->socket, BACKUP_TIMEOUT_NS, &local, err) != 0) {
        return err->status;
    }
    if (local_open(o->socket, LOOK_TIMEOUT_NS, &state, err) != 0) {
        local_close(local);
        return err->status;
    }
    progress_watch_begin(&watch, look_there, state);
    int status = ask_backup(local, ret_path, err);
    progress_watch_end(&watch);
    local_close(state);
    local_close(local);
    return status;
}

/// By ourselves. A store that is not there is not made.
static int make_here(const struct store_options *o, char ret_path[static DATA_PATH_SIZE],
                     struct err *err)
{
    struct store *store;
    struct backup b;
    if (store_options_find(o, err) != 0 || store_open(&o->settings, &store, err) != 0) {
        return err->status;
    }
    int status = backup_init(&b, store, err);
    if (status == 0) {
        struct progress_watch watch;
        progress_watch_begin(&watch, look_here, &b);
        status = backup_make(&b, store, err);
        progress_watch_end(&watch);
        _Static_assert((int)BACKUP_PATH_SIZE <= (int)DATA_PATH_SIZE, "a path has room");
        memcpy(ret_path, b.path, strlen(b.path) + 1);
    }
    store_close(store);
    return status;
}

static int move(const char *from, const char *to, struct err *err)
{
    struct stat st = { 0 };
    struct progress_watch watch;
    (void)stat(from, &st); // whoever moves it says what is wrong
    struct move m = { .to = to, .bytes = (uint64_t)st.st_size };
    progress_watch_begin(&watch, look_at_move, &m);
    int status = file_move(from, to, err);
    progress_watch_end(&watch);
    return status;
}

/// Said before the work is done.
static int check_target(const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) == 0) {
        return err_set(err, ERR_EXISTS, "%s is there already: name another file, or move it away",
                       path);
    }
    return errno == ENOENT ? 0 : err_set_errno(err, errno, "%s", path);
}

static int back_up(const struct settings *s, struct err *err)
{
    const char *to = s->args[0];
    char made[DATA_PATH_SIZE];
    struct store_options *o = mem_zalloc(sizeof(*o));
    if (o == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    int status = store_options_read(o, s, NULL, err);
    status = status == 0 ? check_target(to, err) : status;
    bool answers;
    if (status == 0) {
        status = store_host_find(o, s->store, &STORE_HOST_PATIENCE, &answers, err);
    }
    if (status == 0) {
        status = answers ? make_there(o, made, err) : make_here(o, made, err);
    }
    mem_free(o);
    return status == 0 ? move(made, to, err) : status;
}

int backup_command(const struct settings *s)
{
    struct err err = { 0 };
    struct stat st = { 0 };
    uint64_t begun_ns = clock_mono_ns();
    if (back_up(s, &err) != 0) {
        log_with(LOG_LEVEL_ERROR, "no backup", NULL, LOG_TEXT("error", err.text));
        return EXIT_CANNOT_RUN;
    }
    (void)stat(s->args[0], &st); // 0 bytes when it is gone already
    log_with(LOG_LEVEL_INFO, "backup", NULL, LOG_TEXT("file", s->args[0]),
             LOG_U64("bytes", (uint64_t)st.st_size),
             LOG_U64("ms", (clock_mono_ns() - begun_ns) / NS_PER_MS));
    return EXIT_DONE;
}
