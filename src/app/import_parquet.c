// SPDX-License-Identifier: Apache-2.0
/*
 * DuckDB reads in the store's export folder only, so the file is put there first, for as long as it
 * is read.
 */
#include "app/import_parquet.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/file_copy.h"
#include "app/local.h"
#include "app/outputs.h"
#include "base/clock.h"
#include "base/json_find.h"
#include "base/num.h"
#include "store/backup.h"

enum { NAME_SIZE = 64 };

/// A year of records takes its time, and there is no answer before they are in.
#define IMPORT_TIMEOUT_NS (12 * 3600 * NS_PER_S)

bool is_parquet(const char *path)
{
    static const char END[] = ".parquet";
    size_t size = strlen(path);
    return size > strlen(END) && strcmp(path + size - strlen(END), END) == 0;
}

static void make_name(char name[static NAME_SIZE])
{
    (void)snprintf(name, NAME_SIZE, "import-%ld-%llu.parquet", (long)getpid(),
                   (unsigned long long)clock_mono_ns()); // fits
}

static int import_here(struct store *store, const char *path, uint64_t *ret_records,
                       uint64_t *ret_duplicates, struct err *err)
{
    char name[NAME_SIZE];
    char at[DATA_PATH_SIZE];
    make_name(name);
    if (store_export_path(store, name, at, sizeof(at), err) != 0 || file_copy(path, at, err) != 0) {
        return err->status;
    }
    int status = records_import(store, at, ret_records, ret_duplicates, err);
    (void)unlink(at); // it is a copy
    return status;
}

static uint64_t number_at(const struct cluster_reply *reply, const char *path)
{
    struct json_value v;
    uint64_t number;
    bool found = json_find(reply->body.data, reply->body.size, path, &v) &&
                 num_get_u64((const char *)v.data, v.size, UINT64_MAX, &number) == 0;
    return found ? number : 0;
}

/// The export folder of the weir that has the store; it is made when there is none yet.
static int find_export(struct local *local, const char *name, struct buf *path, struct err *err)
{
    const struct cluster_request request = { .method = "GET", .path = "/local/state" };
    struct cluster_reply reply;
    cluster_reply_init(&reply);
    int status = 0;
    if (local_ask(local, &request, &reply) != 0 || reply.status != 200 ||
        !json_find_text(reply.body.data, reply.body.size, "export", path)) {
        status = local_complain(&reply, err);
    }
    buf_printf(path, "/%s", name);
    cluster_reply_release(&reply);
    return status;
}

static int ask_import(struct local *local, const char *name, uint64_t *ret_records,
                      uint64_t *ret_duplicates, struct err *err)
{
    char path[NAME_SIZE + 32];
    struct cluster_reply reply;
    cluster_reply_init(&reply);
    (void)snprintf(path, sizeof(path), "/local/import?name=%s", name); // fits
    const struct cluster_request request = { .method = "POST", .path = path };
    int status = 0;
    if (local_ask(local, &request, &reply) == 0 && reply.status == 200) {
        *ret_records = number_at(&reply, "records");
        *ret_duplicates = number_at(&reply, "duplicates");
    } else {
        status = local_complain(&reply, err);
    }
    cluster_reply_release(&reply);
    return status;
}

static int import_there(const char *socket, const char *path, uint64_t *ret_records,
                        uint64_t *ret_duplicates, struct err *err)
{
    char name[NAME_SIZE];
    struct local *local;
    struct buf at;
    if (local_open(socket, IMPORT_TIMEOUT_NS, &local, err) != 0) {
        return err->status;
    }
    make_name(name);
    buf_init(&at, DATA_PATH_SIZE);
    int status = find_export(local, name, &at, err);
    status = status == 0 ? file_copy(path, buf_text(&at), err) : status;
    if (status == 0) {
        status = ask_import(local, name, ret_records, ret_duplicates, err);
        (void)unlink(buf_text(&at)); // it is a copy
    }
    buf_release(&at);
    local_close(local);
    return status;
}

int import_parquet(const struct pipeline *p, const char *path, uint64_t *ret_records,
                   uint64_t *ret_duplicates, struct err *err)
{
    if ((p->outputs & OUTPUT_STORE) == 0) {
        return err_set(err, ERR_INVALID, "Parquet files go into the store: -transport store");
    }
    return p->store != NULL
               ? import_here(p->store, path, ret_records, ret_duplicates, err)
               : import_there(p->store_options.socket, path, ret_records, ret_duplicates, err);
}
