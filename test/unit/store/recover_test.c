// SPDX-License-Identifier: Apache-2.0
/* Logs that are damaged in every way: the database opens, and what came before the damage is there.
 */
#include "store/recover.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../folder.h"

enum { PATH_SIZE = 128, COMMITS = 20, ROWS = 50, LOG_MAX = 1 << 20 };

struct fixture {
    char folder[FOLDER_SIZE];
    char path[PATH_SIZE];
    char log[PATH_SIZE + 8];
    uint8_t database[LOG_MAX];
    size_t database_size;
    uint8_t bytes[LOG_MAX]; ///< of the log as it was
    size_t size;
};

static size_t read_whole(const char *path, uint8_t *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t size = read(fd, bytes, LOG_MAX);
    assert_true(size >= 0 && size < LOG_MAX);
    assert_int_equal(close(fd), 0);
    return (size_t)size;
}

static void write_whole(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(close(fd), 0);
}

static void must(int status, const struct err *err)
{
    if (status != 0) {
        fail_msg("%s", err->text);
    }
}

/// A process that is gone before it could write its log into the database.
static void leave_a_log(const char *path)
{
    struct duck *d;
    struct duck_conn *c;
    struct err err;
    must(duck_open(path, NULL, &d, &err), &err);
    must(duck_connect(d, &c, &err), &err);
    must(duck_exec(c, "CREATE TABLE t (n UBIGINT, s VARCHAR); CHECKPOINT;", &err), &err);
    for (int i = 0; i < COMMITS; i++) {
        char sql[PATH_SIZE];
        (void)snprintf(sql, sizeof(sql),
                       "INSERT INTO t SELECT %d, 'text ' || i FROM range(%d) r(i)", i, ROWS);
        must(duck_exec(c, sql, &err), &err);
    }
    _exit(0);
}

static int set_up(void **state)
{
    static struct fixture f;
    folder_make(f.folder);
    (void)snprintf(f.path, sizeof(f.path), "%s/x.duckdb", f.folder);
    (void)snprintf(f.log, sizeof(f.log), "%s.wal", f.path);
    pid_t child = fork();
    if (child == 0) {
        leave_a_log(f.path);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    f.database_size = read_whole(f.path, f.database);
    f.size = read_whole(f.log, f.bytes);
    assert_true(f.size > COMMITS * ROWS);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    folder_remove(f->folder);
    return 0;
}

/// Opens it with a log of these bytes; how many commits are there, which are the first ones and
/// whole.
static uint64_t commits_after(struct fixture *f, const uint8_t *log, size_t size)
{
    struct duck *d;
    struct duck_conn *c;
    struct err err;
    uint64_t commits;
    uint64_t rows;
    uint64_t greatest;
    folder_clear(f->folder);
    write_whole(f->path, f->database, f->database_size);
    write_whole(f->log, log, size);
    must(recover_open(f->path, NULL, &d, &err), &err);
    must(duck_connect(d, &c, &err), &err);
    must(duck_ask_u64(c, "SELECT count(DISTINCT n) FROM t", &commits, &err), &err);
    must(duck_ask_u64(c, "SELECT count(*) FROM t", &rows, &err), &err);
    must(duck_ask_u64(c, "SELECT coalesce(max(n) + 1, 0) FROM t", &greatest, &err), &err);
    assert_int_equal(rows, commits * ROWS);
    assert_int_equal(greatest, commits);
    must(duck_exec(c, "INSERT INTO t VALUES (999, 'more'); CHECKPOINT", &err), &err);
    duck_disconnect(c);
    duck_close(d);
    return commits;
}

/// Whether a copy of the damaged log is there.
static bool has_copy(const struct fixture *f)
{
    bool found = false;
    DIR *d = opendir(f->folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        found = found || strstr(e->d_name, ".damaged-") != NULL;
    }
    assert_int_equal(closedir(d), 0);
    return found;
}

static void a_whole_log_is_all_there(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(commits_after(f, f->bytes, f->size), COMMITS);
    assert_false(has_copy(f));
}

static void a_torn_log_loses_its_end_only(void **state)
{
    struct fixture *f = *state;
    uint64_t before = 0;
    for (size_t size = 64; size < f->size; size += f->size / 23) {
        uint64_t commits = commits_after(f, f->bytes, size);
        assert_true(commits >= before && commits <= size * COMMITS / f->size + 1);
        before = commits;
        assert_false(has_copy(f));
    }
    assert_true(before >= COMMITS - 2);
}

static void a_flipped_byte_costs_what_comes_after_it(void **state)
{
    struct fixture *f = *state;
    static uint8_t log[LOG_MAX];
    unsigned copies = 0;
    for (size_t at = 40; at < f->size; at += f->size / 23) {
        memcpy(log, f->bytes, f->size);
        log[at] ^= 0x55;
        uint64_t commits = commits_after(f, log, f->size);
        assert_true(commits + 2 >= at * COMMITS / f->size);
        copies += has_copy(f);
    }
    assert_true(copies > 10);
}

static void zeros_at_the_end_cost_nothing(void **state)
{
    struct fixture *f = *state;
    static uint8_t log[2 * LOG_MAX];
    memcpy(log, f->bytes, f->size);
    assert_int_equal(commits_after(f, log, f->size + 4096), COMMITS);
    assert_true(has_copy(f));
}

/// DuckDB takes an entry that reaches beyond the file for one that was never written whole.
static void a_length_that_is_too_large_is_damage(void **state)
{
    struct fixture *f = *state;
    static uint8_t log[LOG_MAX];
    static const uint8_t COMMIT[] = { 'd', 0, 'd', 0xff, 0xff };
    unsigned seen = 0;
    for (const uint8_t *at = f->bytes, *end; seen < COMMITS - 1; at = end) {
        end = memmem(at, (size_t)(f->bytes + f->size - at), COMMIT, sizeof(COMMIT));
        assert_non_null(end);
        end += sizeof(COMMIT);
        seen++;
        memcpy(log, f->bytes, f->size);
        log[end - f->bytes + 3] ^= 0x40; // of the length of the entry that follows
        assert_int_equal(commits_after(f, log, f->size), seen);
        assert_true(has_copy(f));
    }
}

static void a_head_that_is_damaged_is_said(void **state)
{
    struct fixture *f = *state;
    static uint8_t log[LOG_MAX];
    for (size_t at = 0; at < 8; at++) {
        memcpy(log, f->bytes, f->size);
        log[at] ^= 0x40;
        assert_int_equal(commits_after(f, log, f->size), 0);
        assert_true(has_copy(f));
    }
}

static void another_file_is_no_log(void **state)
{
    struct fixture *f = *state;
    static uint8_t log[5000];
    memset(log, 'x', sizeof(log));
    assert_int_equal(commits_after(f, log, sizeof(log)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_log_is_all_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_log_loses_its_end_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flipped_byte_costs_what_comes_after_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(zeros_at_the_end_cost_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_length_that_is_too_large_is_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_head_that_is_damaged_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_file_is_no_log, set_up, tear_down),
    };
    return UNIT_MAIN("store/recover", tests);
}
