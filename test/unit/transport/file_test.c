// SPDX-License-Identifier: Apache-2.0
/* The file transport's deliver() and reopen() called by hand, on real files: full ones (a size
 * limit), moved ones, ones whose folder is gone, pipes. After each, every line is whole. */
#include "transport/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"
#include "base/log.h"

static const char LINE[] = "{\"bytes\":12345}\n";

struct setup {
    char directory[64];
    char path[96];
    struct mapping *mapping;
    struct batch_pool *pool;
    struct batch *batch;
    void *file;
};

static int set_up(void **state)
{
    static struct setup s;
    static const char COLUMNS[] = "formatter: {fields: [bytes]}\n";
    struct err err;
    log_set_up(100, false); // quiet
    snprintf(s.directory, sizeof(s.directory), "/tmp/weir-file-test-XXXXXX");
    assert_non_null(mkdtemp(s.directory));
    snprintf(s.path, sizeof(s.path), "%s/out", s.directory);
    assert_int_equal(mapping_parse(COLUMNS, sizeof(COLUMNS) - 1, "m", &s.mapping, &err), 0);
    assert_int_equal(batch_pool_new(1, NULL, NULL, &s.pool), 0);
    s.batch = batch_get(s.pool);
    s.batch->flow_count = 100;
    for (uint32_t i = 0; i < 100; i++) {
        s.batch->flows[i] = (struct flow){ .bytes = 12345 };
    }
    s.file = NULL;
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    char command[128];
    if (s->file != NULL) {
        TRANSPORT_FILE.close(s->file);
    }
    batch_unref(s->batch);
    batch_pool_free(s->pool);
    mapping_free(s->mapping);
    chmod(s->directory, 0700);
    snprintf(command, sizeof(command), "rm -rf %s", s->directory);
    return system(command);
}

static int open_file(struct setup *s, const char *path)
{
    struct file_settings settings = { .path = path,
                                      .errors_path = "",
                                      .separator = "\n",
                                      .format = { .name = "json", .mapping = s->mapping } };
    struct err err;
    return file_open(&settings, &s->file, &err);
}

static enum transport_verdict deliver(struct setup *s)
{
    struct transport_delivery delivery = { 0 };
    enum transport_verdict v = TRANSPORT_FILE.deliver(s->file, s->batch, &delivery);
    assert_int_equal(delivery.too_large, 0);
    return v;
}

/// Lines of a file, all of them whole.
static size_t lines(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[256];
    size_t count = 0;
    assert_non_null(f);
    for (; fgets(line, sizeof(line), f) != NULL; count++) {
        assert_string_equal(line, LINE);
    }
    fclose(f);
    return count;
}

static void appends_whole_batches(void **state)
{
    struct setup *s = *state;
    assert_int_equal(open_file(s, s->path), 0);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(lines(s->path), 200);
    struct stat st;
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_mode & 0777 & ~0644U, 0);
}

static void a_moved_file_is_left(void **state)
{
    struct setup *s = *state;
    char old[128];
    snprintf(old, sizeof(old), "%s.1", s->path);
    assert_int_equal(open_file(s, s->path), 0);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(rename(s->path, old), 0);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    TRANSPORT_FILE.reopen(s->file);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(lines(old), 200);
    assert_int_equal(lines(s->path), 100);
}

/// The folder is gone: the old file is kept, and the new one is there when the folder is back.
static void a_failed_reopen_keeps_trying(void **state)
{
    struct setup *s = *state;
    char moved[96];
    char old[128];
    snprintf(moved, sizeof(moved), "%s.moved", s->directory);
    snprintf(old, sizeof(old), "%s/out", moved);
    assert_int_equal(open_file(s, s->path), 0);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(rename(s->directory, moved), 0);
    TRANSPORT_FILE.reopen(s->file);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    TRANSPORT_FILE.tick(s->file);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(mkdir(s->directory, 0700), 0);
    sleep(1);
    usleep(50000);
    TRANSPORT_FILE.tick(s->file);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(lines(old), 300);
    assert_int_equal(lines(s->path), 100);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", moved);
    assert_int_equal(system(command), 0);
}

static void limit_file_size(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/// A disk that is full in the middle of a line, and then is not.
static void a_full_disk_cuts_no_line(void **state)
{
    struct setup *s = *state;
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGXFSZ, &ignore, NULL);
    assert_int_equal(open_file(s, s->path), 0);
    for (size_t size = 5; size < 100 * strlen(LINE); size += 41) {
        assert_int_equal(truncate(s->path, 0), 0);
        limit_file_size(size);
        assert_int_equal(deliver(s), TRANSPORT_RETRY);
        assert_int_equal(deliver(s), TRANSPORT_RETRY);
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(deliver(s), TRANSPORT_DONE);
        assert_int_equal(lines(s->path), 100);
    }
}

/// The same, and the file is moved away and reopened before there is room again: the cut line is
/// taken back from the old file and stands whole in the new one.
static void a_cut_line_moves_to_the_new_file(void **state)
{
    struct setup *s = *state;
    char old[128];
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGXFSZ, &ignore, NULL);
    snprintf(old, sizeof(old), "%s.1", s->path);
    assert_int_equal(open_file(s, s->path), 0);
    limit_file_size(10 * strlen(LINE) + 7);
    assert_int_equal(deliver(s), TRANSPORT_RETRY);
    assert_int_equal(rename(s->path, old), 0);
    TRANSPORT_FILE.reopen(s->file);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(lines(old), 10);
    assert_int_equal(lines(s->path), 90);
}

static void a_torn_file_is_mended(void **state)
{
    struct setup *s = *state;
    FILE *f = fopen(s->path, "w");
    fputs("{\"torn", f);
    fclose(f);
    assert_int_equal(open_file(s, s->path), 0);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    f = fopen(s->path, "r");
    char line[256];
    assert_non_null(fgets(line, sizeof(line), f));
    assert_string_equal(line, LINE);
    fclose(f);
}

static void what_cannot_be_written_waits(void **state)
{
    struct setup *s = *state;
    assert_int_equal(open_file(s, "/dev/full"), 0);
    assert_int_equal(deliver(s), TRANSPORT_RETRY);
    TRANSPORT_FILE.reopen(s->file); // the batch is still whole
    assert_int_equal(deliver(s), TRANSPORT_RETRY);
}

static void what_cannot_be_opened_says_why(void **state)
{
    struct setup *s = *state;
    struct file_settings settings = { .path = "/nowhere/out",
                                      .errors_path = "",
                                      .separator = "\n",
                                      .format = { .name = "json", .mapping = s->mapping } };
    struct err err;
    assert_int_equal(file_open(&settings, &s->file, &err), ERR_IO);
    assert_string_equal(err.text,
                        "cannot open /nowhere/out for writing: No such file or directory");
    settings.format.name = "xml";
    assert_int_equal(file_open(&settings, &s->file, &err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(appends_whole_batches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_moved_file_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_reopen_keeps_trying, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_cuts_no_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_line_moves_to_the_new_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_file_is_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened_says_why, set_up, tear_down),
    };
    return UNIT_MAIN("transport/file", tests);
}
