// SPDX-License-Identifier: Apache-2.0
/* Nobody answers here: that somebody does is a test of the programs (test/e2e/test_store.py). */
#include "app/store_host.h"

#include <pthread.h>
#include <signal.h>

#include "../folder.h"
#include "base/clock.h"
#include "store/folder_lock.h"

#define MS(n) ((uint64_t)(n)*NS_PER_MS)

struct fixture {
    struct store_options options;
    int fd; ///< of the lock
};

static int set_up(void **state)
{
    static struct fixture f;
    struct err err;
    f = (struct fixture){ .fd = -1 };
    folder_make(f.options.folder);
    (void)snprintf(f.options.socket, sizeof(f.options.socket), "%.64s/none", f.options.folder);
    assert_int_equal(folder_lock_take(f.options.folder, &f.fd, &err), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->fd >= 0) {
        assert_int_equal(close(f->fd), 0);
    }
    folder_remove(f->options.folder);
    return 0;
}

/// Its status; it took `least` or longer.
static int find(const struct fixture *f, uint64_t changing_ns, uint64_t silent_ns, uint64_t least,
                struct err *err)
{
    const struct store_host_patience patience = { .changing_ns = changing_ns,
                                                  .silent_ns = silent_ns };
    bool answers = true;
    uint64_t begun_ns = clock_mono_ns();
    int status = store_host_find(&f->options, "", &patience, &answers, err);
    assert_true(clock_mono_ns() - begun_ns >= least);
    assert_int_equal(answers, status != 0); // it is set when all is well only
    return status;
}

static void nobody_is_waited_for(void **state)
{
    struct fixture *f = *state;
    struct err err;
    uint64_t begun_ns = clock_mono_ns();
    assert_int_equal(close(f->fd), 0);
    f->fd = -1;
    assert_int_equal(find(f, 3600 * NS_PER_S, 3600 * NS_PER_S, 0, &err), 0);
    assert_true(clock_mono_ns() - begun_ns < 60 * NS_PER_S);
}

static void who_opens_it_is_waited_for_to_a_limit(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char pid[FOLDER_LOCK_PID_SIZE];
    (void)snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
    assert_int_equal(find(f, MS(250), 0, MS(250), &err), ERR_EXISTS);
    assert_non_null(strstr(err.text, pid));
}

static void who_has_it_open_and_is_silent_is_not_waited_for_long(void **state)
{
    struct fixture *f = *state;
    struct err err;
    folder_lock_say(f->fd, true);
    assert_int_equal(find(f, 3600 * NS_PER_S, MS(250), MS(250), &err), 0);
}

static void *say_open_and_leave(void *context)
{
    struct fixture *f = context;
    (void)usleep(400 * 1000);
    folder_lock_say(f->fd, true);
    (void)usleep(400 * 1000);
    assert_int_equal(close(f->fd), 0);
    f->fd = -1;
    return NULL;
}

/// The time that opening took does not count against one that then is open.
static void who_opened_it_has_time_to_answer(void **state)
{
    struct fixture *f = *state;
    struct err err;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, say_open_and_leave, f), 0);
    assert_int_equal(find(f, 3600 * NS_PER_S, 3600 * NS_PER_S, MS(750), &err), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(f->fd, -1);
}

static void a_signal_ends_the_waiting(void **state)
{
    struct fixture *f = *state;
    struct err err;
    sigset_t set;
    sigset_t old;
    assert_int_equal(sigemptyset(&set), 0);
    assert_int_equal(sigaddset(&set, SIGTERM), 0);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(find(f, 3600 * NS_PER_S, 3600 * NS_PER_S, 0, &err), ERR_CLOSED);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_opens_it_is_waited_for_to_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_has_it_open_and_is_silent_is_not_waited_for_long,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_opened_it_has_time_to_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signal_ends_the_waiting, set_up, tear_down),
    };
    return UNIT_MAIN("app/store_host", tests);
}
