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
#include "app/store_options.h"
#include "base/clock.h"
#include "base/json_find.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/backup.h"

/// A copy of many gigabytes takes its time, and there is no answer before it is made.
#define BACKUP_TIMEOUT_NS (12 * 3600 * NS_PER_S)

/// By the weir that has the store.
static int make_there(const struct store_options *o, char ret_path[static DATA_PATH_SIZE],
                      struct err *err)
{
    struct local *local;
    if (local_open(o->socket, BACKUP_TIMEOUT_NS, &local, err) != 0) {
        return err->status;
    }
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
    local_close(local);
    return status;
}

/// By ourselves. A store that is not there is not made.
static int make_here(const struct store_options *o, char ret_path[static DATA_PATH_SIZE],
                     struct err *err)
{
    struct store *store;
    if (store_options_find(o, err) != 0 || store_open(&o->settings, &store, err) != 0) {
        return err->status;
    }
    int status = backup_make(store, ret_path, DATA_PATH_SIZE, err);
    store_close(store);
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
    if (status == 0) {
        status = local_has_store(o->socket, s->store) ? make_there(o, made, err)
                                                      : make_here(o, made, err);
    }
    mem_free(o);
    return status == 0 ? file_move(made, to, err) : status;
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
