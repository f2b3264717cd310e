// SPDX-License-Identifier: Apache-2.0
/*
 * A backup of the store that this process has: the copy (store/backup_copy.h), under a name of its
 * own in the export folder, on a connection of its own.
 */
#include "store/backup.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"

int backup_init(struct backup *b, struct store *s, struct err *err)
{
    char name[48];
    *b = (struct backup){ 0 };
    (void)snprintf(name, sizeof(name), "backup-%" PRIu64 ".duckdb", clock_wall_ns()); // fits
    return store_export_path(s, name, b->path, sizeof(b->path), err);
}

int backup_make(struct backup *b, struct store *s, struct err *err)
{
    struct duck_conn *c;
    uint64_t bytes = 0;
    int status = store_connect(s, &c, err);
    if (status != 0) {
        return status;
    }
    status = duck_ask_u64(c,
                          "SELECT used_blocks * block_size FROM pragma_database_size() "
                          "WHERE database_name = current_database()",
                          &bytes, err);
    atomic_store(&b->bytes_total, bytes);
    if (status == 0) {
        status = backup_copy(c, b->path, err);
    }
    duck_disconnect(c);
    return status;
}

static uint64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

uint64_t backup_bytes(const struct backup *b)
{
    char wal[BACKUP_PATH_SIZE + 8];
    (void)snprintf(wal, sizeof(wal), "%s.wal", b->path); // fits
    return size_of(b->path) + size_of(wal);
}
