// SPDX-License-Identifier: Apache-2.0
#include "app/data_dir.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"

static char directory[64];

static int set_up(void **state)
{
    (void)state;
    memcpy(directory, "/tmp/weir-data-XXXXXX", sizeof("/tmp/weir-data-XXXXXX"));
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", directory); // fits
    return system(command);
}

static void folders_are_made_for_their_owner(void **state)
{
    char data[128];
    char path[DATA_PATH_SIZE];
    char want[256];
    struct err err = { 0 };
    struct stat st;
    (void)state;
    (void)snprintf(data, sizeof(data), "%s/a/b", directory);              // fits
    (void)snprintf(want, sizeof(want), "%s/a/b/state/import", directory); // fits
    assert_int_equal(data_path_name(data, "state/import", path, &err), 0);
    assert_string_equal(path, want);
    assert_int_equal(stat(data, &st), -1); // a name alone makes nothing
    for (int i = 0; i < 2; i++) {          // once more when they are there
        assert_int_equal(data_path(data, "state/import", path, &err), 0);
        assert_string_equal(path, want);
    }
    assert_int_equal(stat(want, &st), -1); // the file is the caller's to make
    *strrchr(want, '/') = '\0';
    assert_int_equal(stat(want, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 07, 0);
}

static void what_stands_in_the_way_is_named(void **state)
{
    char data[128];
    char path[DATA_PATH_SIZE];
    static char longest[DATA_PATH_SIZE + 10];
    struct err err = { 0 };
    (void)state;
    (void)snprintf(data, sizeof(data), "%s/file", directory); // fits
    FILE *f = fopen(data, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(data_path(data, "state/import", path, &err), ERR_IO);
    assert_non_null(strstr(err.text, data));
    assert_non_null(strstr(err.text, "-data"));
    memset(longest, 'a', sizeof(longest) - 1);
    assert_int_equal(data_path(longest, "state/import", path, &err), ERR_RANGE);
    longest[DATA_PATH_SIZE - 5] = '\0';
    assert_int_equal(data_path(longest, "state/import", path, &err), ERR_RANGE);
}

/// A unit's folder, then root's, then the user's. Tests run as root or not.
static void the_default_is_the_systems(void **state)
{
    char path[DATA_PATH_SIZE];
    char want[256];
    struct err err = { 0 };
    (void)state;
    (void)snprintf(want, sizeof(want), "%s/unit:/elsewhere", directory); // fits
    assert_int_equal(setenv("STATE_DIRECTORY", want, 1), 0);
    assert_int_equal(data_path("", "x", path, &err), 0);
    (void)snprintf(want, sizeof(want), "%s/unit/x", directory); // fits
    assert_string_equal(path, want);
    assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
    if (geteuid() != 0) {
        assert_int_equal(setenv("XDG_STATE_HOME", directory, 1), 0);
        assert_int_equal(data_path("", "x", path, &err), 0);
        (void)snprintf(want, sizeof(want), "%s/weir/x", directory); // fits
        assert_string_equal(path, want);
        assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
        assert_int_equal(setenv("HOME", directory, 1), 0);
        assert_int_equal(data_path("", "x", path, &err), 0);
        (void)snprintf(want, sizeof(want), "%s/.local/state/weir/x", directory); // fits
        assert_string_equal(path, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_are_made_for_their_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stands_in_the_way_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_default_is_the_systems, set_up, tear_down),
    };
    return UNIT_MAIN("data_dir", tests);
}
