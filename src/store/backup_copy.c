// SPDX-License-Identifier: Apache-2.0
/*
 * DuckDB copies itself: the copy is attached as a second database, which is filled in a transaction
 * of ours, and so from one moment of the store, while others go on writing. Detaching writes the
 * copy's log into it. ATTACH takes no bound value; its path is quoted.
 */
#include "store/backup_copy.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

enum { SQL_SIZE_MAX = 1 << 14 };

static void print_quoted(struct buf *sql, const char *text)
{
    buf_append_char(sql, '\'');
    for (; *text != '\0'; text++) {
        buf_append_text(sql, *text == '\'' ? "''" : (const char[2]){ *text });
    }
    buf_append_char(sql, '\'');
}

static int attach(struct duck_conn *c, const char *path, struct err *err)
{
    struct buf sql;
    buf_init(&sql, SQL_SIZE_MAX);
    buf_append_text(&sql, "ATTACH ");
    print_quoted(&sql, path);
    buf_append_text(&sql, " AS backup_copy");
    int status = sql.bad ? err_set(err, ERR_RANGE, "%s: too long a path", path)
                         : duck_exec(c, buf_text(&sql), err);
    buf_release(&sql);
    return status;
}

/// The copy, and what DuckDB may have left beside it.
static void remove_copy(const char *path)
{
    char wal[BACKUP_PATH_SIZE + 8];
    (void)snprintf(wal, sizeof(wal), "%s.wal", path); // cut: there is no such file
    (void)unlink(path);                               // not there: as it should be
    (void)unlink(wal);
}

/// DuckDB calls a full disk an input/output error; its words tell.
static int name_full(struct err *err)
{
    if (err->status == ERR_IO && (strstr(err->text, "No space left") != NULL ||
                                  strstr(err->text, "not enough space") != NULL)) {
        err->status = ERR_FULL;
    }
    return err->status;
}

int backup_copy(struct duck_conn *c, const char *path, struct err *err)
{
    if (access(path, F_OK) == 0) {
        return err_set(err, ERR_EXISTS, "%s is there already", path);
    }
    char name[128];
    struct duck_rows *rows;
    int status =
        duck_ask(c, "SELECT '\"' || replace(current_database(), '\"', '\"\"') || '\"'", &rows, err);
    if (status != 0) {
        return status;
    }
    status = duck_next(rows, err);
    struct duck_text text = status > 0 ? duck_bytes(rows, 0) : (struct duck_text){ .data = "" };
    (void)snprintf(name, sizeof(name), "%.*s", (int)text.size, text.data); // the store's is short
    duck_rows_free(rows);
    if (status < 0) {
        return status;
    }
    status = attach(c, path, err);
    if (status != 0) {
        remove_copy(path);
        return name_full(err);
    }
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "BEGIN; COPY FROM DATABASE %s TO backup_copy; COMMIT;", name);
    status = duck_exec(c, sql, err);
    struct err other;
    if (status != 0) {
        int ended = duck_exec(c, "ROLLBACK", &other);
        (void)ended; // a COMMIT that failed has done it already
    }
    int detached = duck_exec(c, "CHECKPOINT backup_copy; DETACH backup_copy;", &other);
    if (status == 0 && detached != 0) {
        *err = other;
        status = detached;
    }
    if (status != 0) {
        detached = duck_exec(c, "DETACH DATABASE IF EXISTS backup_copy;", &other);
        (void)detached; // the file goes in any case
        remove_copy(path);
        return name_full(err);
    }
    return 0;
}
