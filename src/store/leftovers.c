// SPDX-License-Identifier: Apache-2.0
/*
 * The names are those of export_make() and backup_make(), with what DuckDB puts before and behind
 * them while it writes, and those of weir import (app/import_parquet):
 *
 *     [tmp_]export-TIME.(parquet|csv|json)
 *     backup-TIME.duckdb[.wal]
 *     import-PID-TIME.parquet[.part]
 */
#include "store/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

/// Takes `text` from the beginning of *at.
static bool take(const char **at, const char *text)
{
    size_t size = strlen(text);
    bool has = strncmp(*at, text, size) == 0;
    *at += has ? size : 0;
    return has;
}

static bool take_number(const char **at, uint64_t *ret_number)
{
    size_t size = strspn(*at, "0123456789");
    bool is_number = size > 0 && num_get_u64(*at, size, UINT64_MAX, ret_number) == 0;
    *at += size;
    return is_number;
}

static bool is_any(const char *text, const char *const *of)
{
    while (*of != NULL && strcmp(text, *of) != 0) {
        of++;
    }
    return *of != NULL;
}

static bool lives(uint64_t pid)
{
    return pid > 0 && pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

static bool is_leftover(const char *name)
{
    static const char *const EXPORTS[] = { ".parquet", ".csv", ".json", NULL };
    static const char *const BACKUPS[] = { ".duckdb", ".duckdb.wal", NULL };
    static const char *const IMPORTS[] = { ".parquet", ".parquet.part", NULL };
    uint64_t time;
    uint64_t pid;
    const char *at = name;
    if (take(&at, "import-")) {
        return take_number(&at, &pid) && take(&at, "-") && take_number(&at, &time) &&
               is_any(at, IMPORTS) && !lives(pid);
    }
    if (take(&at, "backup-")) {
        return take_number(&at, &time) && is_any(at, BACKUPS);
    }
    (void)take(&at, "tmp_"); // or not
    return take(&at, "export-") && take_number(&at, &time) && is_any(at, EXPORTS);
}

int leftovers_remove(const char *folder, uint64_t *ret_removed, struct err *err)
{
    uint64_t removed = 0;
    int status = 0;
    DIR *d = opendir(folder);
    if (d == NULL && errno == ENOENT) {
        *ret_removed = 0;
        return 0;
    }
    if (d == NULL) {
        return err_set_errno(err, errno, "cannot read the folder %s", folder);
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) { // NOLINT(concurrency-*)
        if (is_leftover(e->d_name) && unlinkat(dirfd(d), e->d_name, 0) == 0) {
            removed++;
        } else if (is_leftover(e->d_name) && status == 0) {
            status = err_set_errno(err, errno, "cannot remove %s/%s", folder, e->d_name);
        }
    }
    (void)closedir(d); // it was only read
    if (status == 0) {
        *ret_removed = removed;
    }
    return status;
}
