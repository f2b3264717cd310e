// SPDX-License-Identifier: Apache-2.0
/* Who else may read it, what is no file, and how much is read. */
#include "base/secret_file.h"

#include <sys/stat.h>

#include "../folder.h"
#include "../unit.h"

static char folder[FOLDER_SIZE];
static char path[FOLDER_SIZE + 8];

static void write_file(const char *text, size_t size, mode_t mode)
{
    (void)unlink(path); // it may not be there
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void refused(const char *words)
{
    struct err err = { 0 };
    struct buf out;
    buf_init(&out, 16 << 10);
    assert_int_not_equal(secret_file_read("-web.key", path, &out, &err), 0);
    secret_wipe(&out);
    assert_non_null(strstr(err.text, "-web.key"));
    assert_non_null(strstr(err.text, words));
}

static void its_modes(void **state)
{
    (void)state;
    static const mode_t GOOD[] = { 0600, 0400, 0640, 0660 };
    static const mode_t BAD[] = { 0644, 0604, 0602, 0666 };
    struct err err = { 0 };
    for (size_t i = 0; i < 4; i++) {
        struct buf out;
        buf_init(&out, 16 << 10);
        write_file("secret\n", 7, GOOD[i]);
        assert_int_equal(secret_file_check("-web.key", path, &err), 0);
        assert_int_equal(secret_file_read("-web.key", path, &out, &err), 0);
        assert_string_equal(buf_text(&out), "secret\n");
        secret_wipe(&out);
        write_file("secret\n", 7, BAD[i]);
        assert_int_equal(secret_file_check("-web.key", path, &err), ERR_INVALID);
        refused("everybody on this machine can read");
        buf_init(&out, 16 << 10);
        assert_int_equal(secret_file_read_public("-web.cert", path, &out, &err), 0);
        assert_string_equal(buf_text(&out), "secret\n");
        buf_release(&out);
    }
}

static void what_is_no_file_or_too_large(void **state)
{
    (void)state;
    static char large[20 << 10];
    (void)unlink(path); // it may not be there
    refused("cannot read");
    assert_int_equal(mkfifo(path, 0600), 0);
    refused("is no file"); // and nobody waits for its other end
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    refused("is no file");
    assert_int_equal(rmdir(path), 0);
    write_file(large, sizeof(large), 0600);
    refused("too large");
}

static int set_up(void **state)
{
    (void)state;
    folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/s", folder); // fits
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_modes),
        cmocka_unit_test(what_is_no_file_or_too_large),
    };
    return cmocka_run_group_tests_name("base/secret_file", tests, set_up, tear_down);
}
