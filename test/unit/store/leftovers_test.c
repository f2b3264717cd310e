// SPDX-License-Identifier: Apache-2.0
#include "store/leftovers.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "../folder.h"

static const char *const WEIRS[] = {
    "export-1764264000000000000.parquet",
    "export-1.csv",
    "tmp_export-1.json",
    "backup-1764264000000000000.duckdb",
    "backup-1764264000000000000.duckdb.wal",
};

static const char *const OTHERS[] = {
    "export.parquet",       "export-.csv",       "export-1.csv.gz",   "export-x1.csv",
    "my-export-1.csv",      "backup-1.duckdb~",  "backup-may.duckdb", "tmp_backup-1.duckdb",
    "import-1.parquet",     "day.parquet",       "export-1",          "export-1 .csv",
    "export-1-2.parquet",   "import--2.parquet", ".export-1.csv",     "tmp_tmp_export-1.csv",
    "import-1-2.parquet.x", "Export-1.csv",
};

static void make(const char *folder, const char *name)
{
    char path[FOLDER_SIZE + 64];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static bool is_there(const char *folder, const char *name)
{
    char path[FOLDER_SIZE + 64];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static uint64_t remove_from(const char *folder)
{
    uint64_t removed = 99;
    struct err err;
    if (leftovers_remove(folder, &removed, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return removed;
}

static void only_what_weir_names_goes(void **state)
{
    (void)state;
    char folder[FOLDER_SIZE];
    folder_make(folder);
    for (size_t i = 0; i < sizeof(WEIRS) / sizeof(WEIRS[0]); i++) {
        make(folder, WEIRS[i]);
    }
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        make(folder, OTHERS[i]);
    }
    assert_int_equal(remove_from(folder), sizeof(WEIRS) / sizeof(WEIRS[0]));
    for (size_t i = 0; i < sizeof(WEIRS) / sizeof(WEIRS[0]); i++) {
        assert_false(is_there(folder, WEIRS[i]));
    }
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        if (!is_there(folder, OTHERS[i])) {
            fail_msg("%s is gone", OTHERS[i]);
        }
    }
    assert_int_equal(remove_from(folder), 0);
    folder_remove(folder);
    assert_int_equal(remove_from(folder), 0); // not there: empty
}

/// An import puts its file there before it asks, perhaps while the store is opened.
static void the_file_of_an_import_is_its_own_while_it_lives(void **state)
{
    (void)state;
    char folder[FOLDER_SIZE];
    char dead[64];
    char living[64];
    folder_make(folder);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)snprintf(dead, sizeof(dead), "import-%d-123.parquet.part", (int)child);
    (void)snprintf(living, sizeof(living), "import-%d-123.parquet", (int)getpid());
    make(folder, dead);
    make(folder, living);
    assert_int_equal(remove_from(folder), 1);
    assert_false(is_there(folder, dead));
    assert_true(is_there(folder, living));
    folder_remove(folder);
}

static void what_cannot_be_removed_is_said(void **state)
{
    (void)state;
    char folder[FOLDER_SIZE];
    char path[FOLDER_SIZE + 64];
    uint64_t removed = 99;
    struct err err;
    folder_make(folder);
    make(folder, "export-1.csv");
    make(folder, "export-3.csv");
    (void)snprintf(path, sizeof(path), "%s/export-2.csv", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(leftovers_remove(folder, &removed, &err) < 0);
    assert_int_equal(removed, 99);
    assert_non_null(strstr(err.text, "export-2.csv"));
    assert_false(is_there(folder, "export-1.csv"));
    assert_false(is_there(folder, "export-3.csv"));
    assert_int_equal(rmdir(path), 0);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_weir_names_goes),
        cmocka_unit_test(the_file_of_an_import_is_its_own_while_it_lives),
        cmocka_unit_test(what_cannot_be_removed_is_said),
    };
    return UNIT_MAIN("store/leftovers", tests);
}
