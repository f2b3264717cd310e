// SPDX-License-Identifier: Apache-2.0
/*
 * A backup of the store that this process has: the copy (store/backup_copy.h), under a name of its
 * own in the export folder, on a connection of its own.
 */
#include "store/backup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/backup_copy.h"

int backup_make(struct store *s, char *ret_path, size_t size, struct err *err)
{
    char name[48];
    char path[BACKUP_PATH_SIZE];
    struct duck_conn *c;
    (void)snprintf(name, sizeof(name), "backup-%" PRIu64 ".duckdb", clock_wall_ns()); // fits
    int status = store_export_path(s, name, path, sizeof(path), err);
    if (status != 0) {
        return status;
    }
    if (strlen(path) >= size) {
        return err_set(err, ERR_RANGE, "%s: too long a path", path);
    }
    status = store_connect(s, &c, err);
    if (status != 0) {
        return status;
    }
    status = backup_copy(c, path, err);
    duck_disconnect(c);
    if (status == 0) {
        memcpy(ret_path, path, strlen(path) + 1);
    }
    return status;
}
