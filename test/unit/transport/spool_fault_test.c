// SPDX-License-Identifier: Apache-2.0
/*
 * The spool when calls fail and when the program dies: the n-th of its calls fails, or the process
 * ends before, after or in the middle of it, for n = 1, 2, ... until all went well. Each time, all
 * that was acknowledged and not delivered is there afterwards, once and in order.
 */
#include "transport/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit.h"
#include "base/log.h"

// --- The calls -----------------------------------------------------------------------------------

enum fault {
    FAULT_NONE,
    FAULT_ONCE,       ///< it fails with EIO, later ones work
    FAULT_FULL,       ///< from then on: half a write, then ENOSPC
    FAULT_FOR_GOOD,   ///< from then on every call fails
    FAULT_DIE_BEFORE, ///< the process ends before it
    FAULT_DIE_AFTER,  ///< after it
    FAULT_DIE_HALF,   ///< when half is written
};

static struct {
    bool on;
    enum fault fault;
    int at;    ///< which call
    int calls; ///< so far
} plan;

static bool is_due(void)
{
    return plan.on && ++plan.calls == plan.at;
}

static bool fails(bool due)
{
    if (due && plan.fault == FAULT_DIE_BEFORE) {
        _exit(0);
    }
    if ((due && plan.fault == FAULT_ONCE) ||
        (plan.on && plan.fault == FAULT_FOR_GOOD && plan.calls >= plan.at)) {
        errno = EIO;
        return true;
    }
    return false;
}

static long done(bool due, long result)
{
    if (due && (plan.fault == FAULT_DIE_AFTER || plan.fault == FAULT_DIE_HALF)) {
        _exit(0);
    }
    return result;
}

/// One piece of a write: all of it, half of it, or none.
static ssize_t write_some(int fd, const void *data, size_t size, off_t offset)
{
    bool due = is_due();
    if (fails(due)) {
        return -1;
    }
    bool full = plan.on && plan.fault == FAULT_FULL && plan.calls >= plan.at;
    if (full && !due) {
        errno = ENOSPC;
        return -1;
    }
    size = full || (due && plan.fault == FAULT_DIE_HALF) ? size / 2 : size;
    return (ssize_t)done(due, syscall(SYS_pwrite64, fd, data, size, offset));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return write_some(fd, data, size, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    static char all[1 << 16];
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        assert_true(size + parts[i].iov_len <= sizeof(all));
        if (parts[i].iov_len > 0) {
            memcpy(all + size, parts[i].iov_base, parts[i].iov_len);
        }
        size += parts[i].iov_len;
    }
    return write_some(fd, all, size, offset);
}

int ftruncate(int fd, off_t size)
{
    bool due = is_due();
    return fails(due) ? -1 : (int)done(due, syscall(SYS_ftruncate, fd, size));
}

/// A crash of the program loses nothing that was written: there is nothing to wait for.
int fdatasync(int fd)
{
    (void)fd;
    bool due = is_due();
    return fails(due) ? -1 : (int)done(due, 0);
}

int fsync(int fd)
{
    return fdatasync(fd);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    bool due = is_due();
    return fails(due) ? -1 : (int)done(due, syscall(SYS_openat, folder, path, flags, mode));
}

int unlinkat(int folder, const char *path, int flags)
{
    bool due = is_due();
    return fails(due) ? -1 : (int)done(due, syscall(SYS_unlinkat, folder, path, flags));
}

// --- A run ---------------------------------------------------------------------------------------

enum { PUTS = 16, NOISE = 2500, SIZE_MAX_BYTES = 80000 };

/// What is known of the run, also when the process that made it is gone.
struct known {
    bool acknowledged[PUTS];
    bool done[PUTS]; ///< from just before it is said
    int failures;
    bool finished;
};

struct setup {
    char folder[64];
    struct known *known;
    struct buf out;
};

static void remove_all(struct setup *s)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", s->folder); // fits
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    static struct setup s;
    log_set_up(100, false); // quiet
    memcpy(s.folder, "/tmp/weir-spool-XXXXXX", sizeof("/tmp/weir-spool-XXXXXX"));
    if (access("/dev/shm", W_OK) == 0) {
        memcpy(s.folder, "/dev/shm/weir-spool-XXXXXX", sizeof("/dev/shm/weir-spool-XXXXXX"));
    }
    assert_non_null(mkdtemp(s.folder));
    s.known =
        mmap(NULL, sizeof(*s.known), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s.known != MAP_FAILED);
    buf_init(&s.out, 1 << 20);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    buf_release(&s->out);
    remove_all(s);
    return munmap(s->known, sizeof(*s->known));
}

static void check_books(struct spool *spool)
{
    struct spool_books b = spool_books(spool);
    assert_int_equal(b.found + b.put, b.done + b.dropped + b.damaged + b.waiting);
    assert_int_equal(b.dropped + b.damaged, 0);
}

/// Payload `n`, which does not pack, so that a segment holds three.
static void payload(uint32_t n, uint8_t data[static NOISE])
{
    unsigned seed = n;
    for (size_t i = 1; i < NOISE; i++) {
        data[i] = (uint8_t)rand_r(&seed);
    }
    data[0] = (uint8_t)n;
}

/// -1 when there is none, or it cannot be read now.
static int take(struct setup *s, struct spool *spool)
{
    uint8_t data[NOISE];
    uint32_t count;
    buf_clear(&s->out);
    if (spool_take(spool, SPOOL_LINES, &s->out, &count) != 0) {
        return -1;
    }
    payload(s->out.data[0], data);
    assert_int_equal(s->out.size, NOISE);
    assert_memory_equal(s->out.data, data, NOISE);
    return data[0];
}

static void run(struct setup *s)
{
    struct known *k = s->known;
    struct spool *spool;
    struct err err;
    uint8_t data[NOISE];
    struct spool_settings settings = { .folder = s->folder, .size_max = SIZE_MAX_BYTES };
    if (spool_open(&settings, &spool, &err) != 0) {
        assert_true(err.text[0] != '\0');
        k->failures++;
        k->finished = true;
        return;
    }
    for (uint32_t n = 0; n < PUTS; n++) {
        payload(n, data);
        int status = spool_put(spool, SPOOL_LINES, data, sizeof(data), 1);
        k->acknowledged[n] = status == 0;
        k->failures += status != 0;
        assert_true(status == 0 || status == ERR_IO);
        check_books(spool);
        int taken = n % 3 == 0 ? -1 : take(s, spool);
        if (taken >= 0) {
            k->done[taken] = true;
            spool_done(spool, SPOOL_LINES);
        }
        if (n % 4 == 0) {
            spool_tick(spool);
        }
        check_books(spool);
    }
    spool_close(spool);
    k->finished = true;
}

static void check(struct setup *s, const char *what)
{
    struct known *k = s->known;
    struct spool *spool;
    struct err err;
    bool there[PUTS] = { 0 };
    int last = -1;
    struct spool_settings settings = { .folder = s->folder, .size_max = SIZE_MAX_BYTES };
    if (spool_open(&settings, &spool, &err) != 0) {
        fail_msg("%s: %s", what, err.text);
    }
    for (int n; (n = take(s, spool)) >= 0; last = n) {
        if (n <= last || n >= PUTS) {
            fail_msg("%s: %d behind %d", what, n, last);
        }
        there[n] = true;
        spool_done(spool, SPOOL_LINES);
    }
    assert_int_equal(spool_books(spool).waiting, 0);
    for (int n = 0; n < PUTS; n++) {
        if (k->acknowledged[n] && !k->done[n] && !there[n]) {
            fail_msg("%s: %d is lost", what, n);
        }
    }
    spool_close(spool);
}

/// One run with a fault at call `at`. Returns whether there were that many calls.
static bool run_with(struct setup *s, enum fault fault, int at)
{
    char what[64];
    (void)snprintf(what, sizeof(what), "fault %d at call %d", fault, at); // fits
    remove_all(s);
    *s->known = (struct known){ 0 };
    plan.fault = fault;
    plan.at = at;
    plan.calls = 0;
    plan.on = true;
    bool dies = fault >= FAULT_DIE_BEFORE;
    if (dies) {
        pid_t child = fork();
        int status;
        assert_true(child >= 0);
        if (child == 0) {
            run(s);
            _exit(1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
    } else {
        run(s);
    }
    plan.on = false;
    assert_true(fault != FAULT_ONCE || s->known->failures <= 1);
    check(s, what);
    return dies ? !s->known->finished : plan.calls >= at;
}

static void try_all(struct setup *s, enum fault fault)
{
    int at = 1;
    while (run_with(s, fault, at)) {
        at++;
        assert_true(at < 1000);
    }
    assert_true(at > 3 * PUTS); // each step makes some
}

#define FAULT_TEST(name, fault)                                                                    \
    static void name(void **state)                                                                 \
    {                                                                                              \
        try_all(*state, fault);                                                                    \
    }

FAULT_TEST(one_call_fails, FAULT_ONCE)
FAULT_TEST(the_disk_is_full, FAULT_FULL)
FAULT_TEST(nothing_works_any_more, FAULT_FOR_GOOD)
FAULT_TEST(it_dies_before_a_call, FAULT_DIE_BEFORE)
FAULT_TEST(it_dies_after_a_call, FAULT_DIE_AFTER)
FAULT_TEST(it_dies_in_a_write, FAULT_DIE_HALF)

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_call_fails),        TEST(the_disk_is_full),     TEST(nothing_works_any_more),
        TEST(it_dies_before_a_call), TEST(it_dies_after_a_call), TEST(it_dies_in_a_write),
    };
    return UNIT_MAIN("spool_fault", tests);
}
