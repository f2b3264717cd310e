// SPDX-License-Identifier: Apache-2.0
#include "store/folder_lock.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "../folder.h"

static void one_has_it_and_says_who_it_is(void **state)
{
    (void)state;
    char folder[FOLDER_SIZE];
    char pid[FOLDER_LOCK_PID_SIZE];
    int fd;
    int other;
    struct err err;
    folder_make(folder);
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_false(folder_lock_look(folder).held); // there is no file
    assert_int_equal(folder_lock_take(folder, &fd, &err), 0);
    struct folder_holder holder = folder_lock_look(folder);
    assert_true(holder.held && !holder.open);
    assert_string_equal(holder.pid, pid);
    assert_int_equal(folder_lock_take(folder, &other, &err), ERR_EXISTS);
    assert_non_null(strstr(err.text, pid));
    folder_lock_say(fd, true);
    holder = folder_lock_look(folder);
    assert_true(holder.held && holder.open);
    assert_string_equal(holder.pid, pid);
    folder_lock_say(fd, false);
    assert_false(folder_lock_look(folder).open);
    folder_lock_say(fd, true);
    assert_int_equal(close(fd), 0);
    assert_false(folder_lock_look(folder).held); // whatever stands in the file
    assert_false(folder_lock_look(folder).open);
    assert_int_equal(folder_lock_take(folder, &fd, &err), 0);
    assert_false(folder_lock_look(folder).open); // another one's word counts no longer
    assert_int_equal(close(fd), 0);
    folder_remove(folder);
}

/// Who only looks has the lock for a moment, which must not keep anybody from the store.
static void a_look_is_no_obstacle(void **state)
{
    (void)state;
    char folder[FOLDER_SIZE];
    char path[FOLDER_SIZE + 8];
    int fd;
    struct err err;
    folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/lock", folder);
    assert_int_equal(folder_lock_take(folder, &fd, &err), 0);
    assert_int_equal(close(fd), 0);
    int looks = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(looks >= 0);
    assert_int_equal(flock(looks, LOCK_SH), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(folder_lock_take(folder, &fd, &err) == 0 ? 0 : 1);
    }
    assert_int_equal(usleep(30 * 1000), 0);
    assert_int_equal(flock(looks, LOCK_UN), 0);
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    assert_int_equal(close(looks), 0);
    folder_remove(folder);
}

static void what_stands_there_is_not_believed(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "", "pid\nopen\n", "123456789012345678901234567890123456789012345678901234567890\nopen\n"
    };
    char folder[FOLDER_SIZE];
    char path[FOLDER_SIZE + 8];
    int fd;
    struct err err;
    folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/lock", folder);
    assert_int_equal(folder_lock_take(folder, &fd, &err), 0);
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        assert_int_equal(truncate(path, 0), 0);
        int out = open(path, O_WRONLY | O_CLOEXEC);
        assert_int_equal(write(out, TEXTS[i], strlen(TEXTS[i])), (ssize_t)strlen(TEXTS[i]));
        assert_int_equal(close(out), 0);
        struct folder_holder holder = folder_lock_look(folder);
        assert_true(holder.held && !holder.open);
        assert_string_equal(holder.pid, "unknown");
    }
    assert_int_equal(close(fd), 0);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_has_it_and_says_who_it_is),
        cmocka_unit_test(a_look_is_no_obstacle),
        cmocka_unit_test(what_stands_there_is_not_believed),
    };
    return UNIT_MAIN("store/folder_lock", tests);
}
