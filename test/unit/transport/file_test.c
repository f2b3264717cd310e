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
    struct transport_tally delivery = { 0 };
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

static size_t read_whole(const char *path, char *text, size_t room)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(text, 1, room - 1, f);
    assert_int_equal(fclose(f), 0);
    text[size] = '\0';
    return size;
}

static void write_whole(const char *path, const char *text, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/// What stands in a file that held `before` once it was opened in this format.
static void expect_mended(struct setup *s, const char *format, const char *separator,
                          const char *before, const char *after)
{
    char text[256];
    struct err err;
    struct file_settings settings = { .path = s->path,
                                      .errors_path = "",
                                      .separator = separator,
                                      .format = { .name = format, .mapping = s->mapping } };
    write_whole(s->path, before, strlen(before));
    assert_int_equal(file_open(&settings, &s->file, &err), 0);
    TRANSPORT_FILE.close(s->file);
    s->file = NULL;
    (void)read_whole(s->path, text, sizeof(text));
    assert_string_equal(text, after);
}

static void a_torn_line_is_mended(void **state)
{
    struct setup *s = *state;
    expect_mended(s, "json", "\n", "", "");
    expect_mended(s, "json", "\n", "{\"a\":1}\n", "{\"a\":1}\n");
    expect_mended(s, "json", "\n", "{\"a\":1}\n{\"a\"", "{\"a\":1}\n"); // half: cut off
    expect_mended(s, "json", "\n", "{\"a", "");
    expect_mended(s, "json", "\n", "{\"a\":1}\n{\"a\":2}", "{\"a\":1}\n{\"a\":2}\n"); // whole
    expect_mended(s, "json", "\n", "a note", "a note\n"); // somebody else's
    expect_mended(s, "json", "--", "{\"a\":1}--{\"a\":2}-", "{\"a\":1}--");
    expect_mended(s, "json", "", "{\"a\":1}{\"a\"", "{\"a\":1}{\"a\""); // nothing can be said
    expect_mended(s, "text", "\n", "bytes=1\nbytes=12", "bytes=1\nbytes=12\n");
    expect_mended(s, "text", "\n", "bytes=1\n", "bytes=1\n");
    // And at a reopen.
    write_whole(s->path, "{\"torn", 6);
    assert_int_equal(open_file(s, s->path), 0);
    write_whole(s->path, "{\"torn", 6);
    TRANSPORT_FILE.reopen(s->file);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(lines(s->path), 100);
}

/// Cut in each byte of its last message, which is then written again: every message is whole.
static void a_torn_message_is_mended(void **state)
{
    static const char *const SEPARATORS[] = { "\n", "", "-*-" };
    struct setup *s = *state;
    static char whole[8192];
    static char text[8192];
    struct err err;
    for (size_t i = 0; i < 3; i++) {
        struct file_settings settings = { .path = s->path,
                                          .errors_path = "",
                                          .separator = SEPARATORS[i],
                                          .format = { .name = "bin", .mapping = s->mapping } };
        (void)unlink(s->path);
        assert_int_equal(file_open(&settings, &s->file, &err), 0);
        assert_int_equal(deliver(s), TRANSPORT_DONE);
        TRANSPORT_FILE.close(s->file);
        size_t size = read_whole(s->path, whole, sizeof(whole));
        size_t message = size / 100;
        assert_int_equal(size % 100, 0);
        for (size_t length = size - 2 * message; length <= size; length++) {
            write_whole(s->path, whole, length);
            assert_int_equal(file_open(&settings, &s->file, &err), 0);
            TRANSPORT_FILE.close(s->file);
            assert_int_equal(read_whole(s->path, text, sizeof(text)), length / message * message);
        }
        s->file = NULL;
        memset(whole + 200, 0xff, 30); // somebody else's is left alone
        write_whole(s->path, whole, size - 1);
        assert_int_equal(file_open(&settings, &s->file, &err), 0);
        TRANSPORT_FILE.close(s->file);
        s->file = NULL;
        assert_int_equal(read_whole(s->path, text, sizeof(text)), size - 1);
        assert_memory_equal(text, whole, size - 1);
    }
}

/// A large file is walked piece by piece.
static void a_large_bin_file_is_mended(void **state)
{
    struct setup *s = *state;
    struct err err;
    struct stat st;
    struct file_settings settings = { .path = s->path,
                                      .errors_path = "",
                                      .separator = "\n",
                                      .format = { .name = "bin", .mapping = s->mapping } };
    assert_int_equal(file_open(&settings, &s->file, &err), 0);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(deliver(s), TRANSPORT_DONE);
    }
    TRANSPORT_FILE.close(s->file);
    assert_int_equal(stat(s->path, &st), 0);
    assert_true(st.st_size > 2 << 20);
    off_t message = st.st_size / 500000;
    assert_int_equal(truncate(s->path, st.st_size - 1), 0);
    assert_int_equal(file_open(&settings, &s->file, &err), 0);
    TRANSPORT_FILE.close(s->file);
    s->file = NULL;
    off_t before = st.st_size;
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_size, before - message);
}

/// Lines that cannot be read go to a file of their own, which is rotated with the other.
static void errors_have_a_file(void **state)
{
    struct setup *s = *state;
    char errors[128];
    char old[140];
    static char text[8192];
    struct err err;
    snprintf(errors, sizeof(errors), "%s/errors", s->directory);
    snprintf(old, sizeof(old), "%s.1", errors);
    write_whole(errors, "half", 4);
    struct file_settings settings = { .path = s->path,
                                      .errors_path = errors,
                                      .separator = "\n",
                                      .format = { .name = "json", .mapping = s->mapping } };
    memcpy(s->batch->arena, "{\"bad", 5);
    s->batch->flows[3].kind = RECORD_ERROR;
    s->batch->flows[3].original = (struct span){ .count = 5 };
    assert_int_equal(file_open(&settings, &s->file, &err), 0);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(rename(errors, old), 0);
    TRANSPORT_FILE.reopen(s->file);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    (void)read_whole(old, text, sizeof(text));
    assert_string_equal(text, "half\n{\"bad\n");
    (void)read_whole(errors, text, sizeof(text));
    assert_string_equal(text, "{\"bad\n");
    assert_int_equal(lines(s->path), 198);
    TRANSPORT_FILE.close(s->file);
    s->file = NULL;
    settings.errors_path = "/nowhere/errors";
    assert_int_equal(file_open(&settings, &s->file, &err), ERR_IO);
    assert_non_null(strstr(err.text, "/nowhere/errors"));
}

static void what_cannot_be_written_waits(void **state)
{
    struct setup *s = *state;
    assert_int_equal(open_file(s, "/dev/full"), 0);
    assert_int_equal(deliver(s), TRANSPORT_RETRY);
    TRANSPORT_FILE.reopen(s->file); // the batch is still whole
    assert_int_equal(deliver(s), TRANSPORT_RETRY);
}

static void what_was_written_can_be_synced(void **state)
{
    struct setup *s = *state;
    char old[128];
    snprintf(old, sizeof(old), "%s.1", s->path);
    assert_int_equal(open_file(s, s->path), 0);
    assert_int_equal(TRANSPORT_FILE.sync(s->file), 0);
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(TRANSPORT_FILE.sync(s->file), 0);
    assert_int_equal(rename(s->path, old), 0);
    TRANSPORT_FILE.reopen(s->file); // the old file is synced and closed
    assert_int_equal(deliver(s), TRANSPORT_DONE);
    assert_int_equal(TRANSPORT_FILE.sync(s->file), 0);
    assert_int_equal(lines(s->path), 100);
    assert_int_equal(lines(old), 100);
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
        cmocka_unit_test_setup_teardown(a_torn_line_is_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_message_is_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_bin_file_is_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_have_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_can_be_synced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened_says_why, set_up, tear_down),
    };
    return UNIT_MAIN("transport/file", tests);
}
