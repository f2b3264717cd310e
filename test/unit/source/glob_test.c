// SPDX-License-Identifier: Apache-2.0
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit.h"
#include "source/glob.h"

enum { FOUND_MAX = 64, PATH_SIZE = 512 };

static char root[] = "/tmp/weir-glob-XXXXXX";

/// What a walk told, paths below root.
struct told {
    size_t found_count;
    char found[FOUND_MAX][PATH_SIZE];
    size_t other_count;
    char others[FOUND_MAX][PATH_SIZE];
    size_t folder_count;
    char folders[FOUND_MAX][PATH_SIZE];
    size_t problems;
};

static const char *below(const char *path)
{
    size_t size = strlen(root);
    assert_int_equal(strncmp(path, root, size), 0);
    return path[size] == '/' ? path + size + 1 : path + size;
}

static void keep(char list[FOUND_MAX][PATH_SIZE], size_t *count, const char *path)
{
    assert_true(*count < FOUND_MAX);
    (void)snprintf(list[(*count)++], PATH_SIZE, "%s", below(path));
}

static void found(void *context, const char *path, const struct stat *st)
{
    struct told *t = context;
    struct stat now;
    assert_int_equal(stat(path, &now), 0);
    assert_int_equal(now.st_ino, st->st_ino);
    keep(t->found, &t->found_count, path);
}

static void other(void *context, const char *path)
{
    struct told *t = context;
    keep(t->others, &t->other_count, path);
}

static void folder(void *context, const char *path)
{
    struct told *t = context;
    keep(t->folders, &t->folder_count, path);
}

static void problem(void *context, const char *path, int error)
{
    struct told *t = context;
    assert_true(error != 0);
    assert_non_null(path);
    t->problems++;
}

static struct told told;

static void walk(const char *pattern)
{
    char whole[PATH_SIZE];
    struct err err;
    struct glob_visitor visitor = {
        .context = &told, .found = found, .other = other, .folder = folder, .problem = problem
    };
    memset(&told, 0, sizeof(told));
    (void)snprintf(whole, sizeof(whole), "%s/%s", root, pattern);
    assert_int_equal(glob_check(whole, &err), 0);
    glob_walk(whole, &visitor);
}

static bool has(char list[FOUND_MAX][PATH_SIZE], size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static void expect(const char *pattern, const char *const *paths, size_t count)
{
    walk(pattern);
    for (size_t i = 0; i < count; i++) {
        if (!has(told.found, told.found_count, paths[i])) {
            fail_msg("%s does not find %s", pattern, paths[i]);
        }
    }
    assert_int_equal(told.found_count, count);
}

#define EXPECT(pattern, ...)                                                                       \
    expect(pattern, (const char *const[]){ __VA_ARGS__ },                                          \
           sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void make_file(const char *name)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

static void make_folder(const char *name)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void make_link(const char *target, const char *name)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    assert_int_equal(symlink(target, path), 0);
}

static int make_tree(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    make_folder("a");
    make_folder("a/b");
    make_folder("a/b/c");
    make_folder(".hidden");
    make_file("x.log");
    make_file("y.log");
    make_file("x.log.1");
    make_file("star*.log");
    make_file(".z.log");
    make_file("a/x.log");
    make_file("a/b/c/x.log");
    make_file(".hidden/x.log");
    make_link("a", "link");
    make_link("nowhere", "broken.log");
    make_link("../x.log", "a/linked.log");
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int remove_tree(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void names_without_wildcards(void **state)
{
    (void)state;
    EXPECT("x.log", "x.log");
    EXPECT("a/b/../x.log", "a/b/../x.log");
    EXPECT("a//x.log", "a/x.log");
    EXPECT("link/x.log", "link/x.log");
    walk("none.log");
    assert_int_equal(told.found_count, 0);
    assert_int_equal(told.problems, 0); // that it is not there is none
    assert_true(has(told.others, told.other_count, "x.log"));
    walk("x.log/none");
    assert_int_equal(told.found_count, 0);
}

static void wildcards_within_a_name(void **state)
{
    (void)state;
    EXPECT("*.log", "x.log", "y.log", "star*.log");
    EXPECT("?.log", "x.log", "y.log");
    EXPECT("[a-x].log", "x.log");
    EXPECT("[!x].log", "y.log");
    EXPECT("star\\*.log", "star*.log");
    EXPECT("x.log*", "x.log", "x.log.1");
    EXPECT(".*.log", ".z.log");
    EXPECT("*/x.log", "a/x.log", "link/x.log"); // a named symlink is followed
    EXPECT(".h*/x.log", ".hidden/x.log");
}

static void any_depth(void **state)
{
    (void)state;
    EXPECT("**/x.log", "x.log", "a/x.log", "a/b/c/x.log"); // not by the link, which could go round
    EXPECT("a/**/x.log", "a/x.log", "a/b/c/x.log");
    EXPECT("**/c/*.log", "a/b/c/x.log");
    EXPECT("a/b/**", "a/b/c", "a/b/c/x.log");
}

static void what_else_is_told(void **state)
{
    (void)state;
    walk("a/*.log");
    assert_int_equal(told.folder_count, 1);
    assert_string_equal(told.folders[0], "a");
    assert_int_equal(told.other_count, 1);
    assert_string_equal(told.others[0], "a/b");
    walk("*/b/*.log");
    assert_true(has(told.folders, told.folder_count, "")); // new folders matter too
    assert_true(has(told.folders, told.folder_count, "a/b"));
}

static void only_found_is_needed(void **state)
{
    (void)state;
    char whole[PATH_SIZE];
    struct glob_visitor visitor = { .context = &told, .found = found };
    memset(&told, 0, sizeof(told));
    (void)snprintf(whole, sizeof(whole), "%s/**/*.log", root);
    glob_walk(whole, &visitor);
    assert_true(told.found_count > 4);
}

static void found_relative(void *context, const char *path, const struct stat *st)
{
    char *paths = context;
    assert_true(S_ISREG(st->st_mode));
    strncat(paths, path, PATH_SIZE - strlen(paths) - 2);
    strncat(paths, " ", PATH_SIZE - strlen(paths) - 1);
}

static void relative_paths(void **state)
{
    (void)state;
    char before[PATH_SIZE];
    char paths[PATH_SIZE] = "";
    struct glob_visitor visitor = { .context = paths, .found = found_relative };
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(root), 0);
    glob_walk("?.log", &visitor);
    glob_walk("a/x.*", &visitor);
    glob_walk("./x.log", &visitor);
    assert_int_equal(chdir(before), 0);
    assert_true(strcmp(paths, "x.log y.log a/x.log ./x.log ") == 0 ||
                strcmp(paths, "y.log x.log a/x.log ./x.log ") == 0);
}

static void deep_folders_end_the_walk(void **state)
{
    (void)state;
    char path[PATH_SIZE] = "deep";
    make_folder(path);
    for (int i = 0; i < GLOB_DEPTH_MAX + 2; i++) {
        strncat(path, "/d", sizeof(path) - strlen(path) - 1);
        make_folder(path);
        char file[PATH_SIZE + 8];
        (void)snprintf(file, sizeof(file), "%s/f", path);
        make_file(file);
    }
    walk("deep/**/f");
    assert_int_equal(told.found_count, GLOB_DEPTH_MAX);
}

static void patterns_that_cannot_be(void **state)
{
    (void)state;
    struct err err;
    char many[3 * GLOB_NAMES_MAX + 8] = "";
    assert_int_equal(glob_check("", &err), ERR_INVALID);
    assert_int_equal(glob_check("/var/log/", &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "ends with a slash"));
    assert_int_equal(glob_check("/var/a**/x", &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "stands alone"));
    assert_int_equal(glob_check("/var/**", &err), 0);
    assert_int_equal(glob_check("**", &err), 0);
    for (int i = 0; i <= GLOB_NAMES_MAX; i++) {
        memcpy(many + 2 * i, "/a", 3);
    }
    assert_int_equal(glob_check(many, &err), ERR_INVALID);
    assert_int_equal(glob_check(many + 2, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_without_wildcards),
        cmocka_unit_test(wildcards_within_a_name),
        cmocka_unit_test(any_depth),
        cmocka_unit_test(what_else_is_told),
        cmocka_unit_test(only_found_is_needed),
        cmocka_unit_test(relative_paths),
        cmocka_unit_test(deep_folders_end_the_walk),
        cmocka_unit_test(patterns_that_cannot_be),
    };
    return cmocka_run_group_tests_name("glob", tests, make_tree, remove_tree);
}
