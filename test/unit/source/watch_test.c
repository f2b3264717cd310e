// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"
#include "source/watch.h"

enum { PATH_SIZE = 64, WAIT_MS = 10000 };

static char folder[] = "/tmp/weir-watch-XXXXXX";
static char file[PATH_SIZE];

static struct watch *make_watch(void)
{
    struct watch *w;
    assert_int_equal(watch_new(&w), 0);
    watch_begin(w);
    watch_folder(w, folder);
    assert_false(watch_end(w));
    return w;
}

static void append(const char *text)
{
    FILE *f = fopen(file, "a");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static enum watch_news wait_for_news(struct watch *w)
{
    struct pollfd p = { .fd = watch_fd(w), .events = POLLIN };
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    return watch_read(w);
}

static void what_happens_is_told(void **state)
{
    (void)state;
    struct watch *w = make_watch();
    if (watch_fd(w) < 0) {
        watch_free(w);
        skip();
    }
    assert_int_equal(watch_read(w), WATCH_NOTHING);
    append("");
    assert_int_equal(wait_for_news(w), WATCH_NAMES); // it was made
    append("one\n");
    assert_int_equal(wait_for_news(w), WATCH_CONTENT);
    append("two\n");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(wait_for_news(w), WATCH_NAMES); // the most that happened
    assert_int_equal(watch_read(w), WATCH_NOTHING);
    watch_free(w);
}

static void a_folder_is_watched_once(void **state)
{
    (void)state;
    struct watch *w = make_watch();
    char again[PATH_SIZE];
    (void)snprintf(again, sizeof(again), "%s/.", folder);
    watch_begin(w);
    watch_folder(w, folder);
    watch_folder(w, again);
    assert_false(watch_end(w));
    assert_int_equal(watch_count(w), watch_fd(w) < 0 ? 0 : 1);
    watch_free(w);
}

static void a_folder_that_is_not_wanted_is_forgotten(void **state)
{
    (void)state;
    struct watch *w = make_watch();
    watch_begin(w);
    assert_false(watch_end(w));
    assert_int_equal(watch_count(w), 0);
    (void)watch_read(w); // the kernel says that it has let go
    append("one\n");
    assert_int_equal(watch_read(w), WATCH_NOTHING);
    assert_int_equal(unlink(file), 0);
    watch_free(w);
}

static void a_folder_that_goes_is_news(void **state)
{
    (void)state;
    struct watch *w = make_watch();
    if (watch_fd(w) < 0) {
        watch_free(w);
        skip();
    }
    char inner[PATH_SIZE];
    (void)snprintf(inner, sizeof(inner), "%s/inner", folder);
    assert_int_equal(mkdir(inner, 0755), 0);
    watch_begin(w);
    watch_folder(w, inner);
    assert_false(watch_end(w));
    (void)watch_read(w);
    assert_int_equal(rmdir(inner), 0);
    assert_int_equal(wait_for_news(w), WATCH_NAMES);
    assert_int_equal(watch_count(w), 0);
    watch_free(w);
}

static void what_is_not_there_is_no_problem(void **state)
{
    (void)state;
    struct watch *w = make_watch();
    watch_begin(w);
    watch_folder(w, "/nowhere/at/all");
    assert_false(watch_end(w));
    assert_int_equal(watch_count(w), 0);
    watch_free(w);
}

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof(file), "%s/file", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happens_is_told),
        cmocka_unit_test(a_folder_is_watched_once),
        cmocka_unit_test(a_folder_that_is_not_wanted_is_forgotten),
        cmocka_unit_test(a_folder_that_goes_is_news),
        cmocka_unit_test(what_is_not_there_is_no_problem),
    };
    return cmocka_run_group_tests_name("watch", tests, make_folder, remove_folder);
}
