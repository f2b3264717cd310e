// SPDX-License-Identifier: Apache-2.0
/*
 * The spool when calls fail and when the program dies: the n-th of its calls fails, or the process
 * ends before, after or in the middle of it, for n = 1, 2, ... until all went well. Each time, all
 * that was acknowledged and not delivered is there afterwards, once and in order; of datagrams,
 * what did not make room. What was delivered does not come again, unless its mark could not be
 * written. What was acknowledged was synced before, and the name of its file too.
 */
#include "transport/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../folder.h"
#include "../unit.h"
#include "base/clock.h"
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

    bool data_unsynced; ///< what a power cut would take
    bool name_unsynced;
    uint64_t later_ns; ///< by how much the clock goes ahead
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
    plan.data_unsynced = true;
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
    if (fails(due)) {
        return -1;
    }
    plan.data_unsynced = false;
    return (int)done(due, 0);
}

/// Of folders only.
int fsync(int fd)
{
    (void)fd;
    bool due = is_due();
    if (fails(due)) {
        return -1;
    }
    plan.name_unsynced = false;
    return (int)done(due, 0);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    bool due = is_due();
    return fails(due) ? -1 : (int)done(due, syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    bool due = is_due();
    plan.name_unsynced = plan.name_unsynced || (flags & O_EXCL) != 0;
    return fails(due) ? -1 : (int)done(due, syscall(SYS_openat, folder, path, flags, mode));
}

int unlinkat(int folder, const char *path, int flags)
{
    bool due = is_due();
    return fails(due) ? -1 : (int)done(due, syscall(SYS_unlinkat, folder, path, flags));
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    bool due = is_due();
    return fails(due) ? -1
                      : (int)done(due, syscall(SYS_renameat2, from_folder, from, to_folder, to, 0));
}

int mkdir(const char *path, mode_t mode)
{
    bool due = is_due();
    return fails(due) ? -1 : (int)done(due, syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int flock(int fd, int operation)
{
    bool due = is_due();
    return fails(due) ? -1 : (int)done(due, syscall(SYS_flock, fd, operation));
}

/// pread(), which is an inline function in some headers. Not EIO, which is a bad disk, hence
/// damage.
ssize_t read_at(int fd, void *data, size_t size, off_t offset) __asm__("pread");
ssize_t read_at(int fd, void *data, size_t size, off_t offset)
{
    bool due = is_due();
    if (fails(due)) {
        errno = ENOMEM;
        return -1;
    }
    return done(due, syscall(SYS_pread64, fd, data, size, offset));
}

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    int status = (int)syscall(SYS_clock_gettime, clock, ret_time);
    ret_time->tv_sec += (time_t)(plan.later_ns / NS_PER_S);
    return status;
}

// --- A run ---------------------------------------------------------------------------------------

enum { PUTS_MAX = 30, PAYLOAD_MAX = 2500 };

/// What is put. Payloads do not pack; a segment holds an eighth of size_max.
struct scenario {
    enum spool_lane lane;
    uint32_t puts;
    size_t payload_size;
    uint64_t size_max;
    unsigned segment_frames;
    unsigned take_each; ///< after how many puts one is taken
};

/// All of it has room.
static const struct scenario LINES = { SPOOL_LINES, 16, 2500, 80000, 3, 1 };
/// More than there is room for.
static const struct scenario DATAGRAMS = { SPOOL_DATAGRAMS, PUTS_MAX, 500, 10000, 2, 3 };

/// What is known of the run, also when the process that made it is gone.
struct known {
    bool acknowledged[PUTS_MAX];
    bool refused[PUTS_MAX];
    bool done[PUTS_MAX]; ///< from just before it is said
    bool said[PUTS_MAX]; ///< from just after
    uint64_t dropped;
    int failures;
    bool finished;
};

struct setup {
    char folder[FOLDER_SIZE];
    const struct scenario *scenario;
    struct known *known;
    struct buf out;
};

static int set_up(void **state)
{
    static struct setup s;
    log_set_up(100, false); // quiet
    memset(&plan, 0, sizeof(plan));
    folder_make(s.folder);
    s.scenario = &LINES;
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
    plan.on = false;
    buf_release(&s->out);
    (void)umount2(s->folder, MNT_DETACH); // of one test only, which may have failed
    folder_remove(s->folder);
    return munmap(s->known, sizeof(*s->known));
}

static int open_spool(struct setup *s, struct spool **ret_spool, struct err *err)
{
    struct spool_settings settings = { .folder = s->folder, .size_max = s->scenario->size_max };
    return spool_open(&settings, ret_spool, err);
}

static void check_books(struct spool *spool)
{
    struct spool_books b = spool_books(spool);
    assert_int_equal(b.found + b.put, b.done + b.dropped + b.damaged + b.waiting);
    assert_int_equal(b.damaged, 0);
}

static void payload(uint32_t n, uint8_t data[static PAYLOAD_MAX])
{
    unsigned seed = n;
    for (size_t i = 1; i < PAYLOAD_MAX; i++) {
        data[i] = (uint8_t)rand_r(&seed);
    }
    data[0] = (uint8_t)n;
}

static int put(struct setup *s, struct spool *spool, uint32_t n)
{
    uint8_t data[PAYLOAD_MAX];
    payload(n, data);
    plan.data_unsynced = plan.name_unsynced = false;
    int status = spool_put(spool, s->scenario->lane, data, s->scenario->payload_size, 1);
    assert_true(status != 0 || (!plan.data_unsynced && !plan.name_unsynced));
    return status;
}

/// -1 when there is none, or it cannot be read now.
static int take(struct setup *s, struct spool *spool)
{
    uint8_t data[PAYLOAD_MAX];
    uint32_t count;
    buf_clear(&s->out);
    if (spool_take(spool, s->scenario->lane, &s->out, &count) != 0) {
        return -1;
    }
    payload(s->out.data[0], data);
    assert_int_equal(count, 1);
    assert_int_equal(s->out.size, s->scenario->payload_size);
    assert_memory_equal(s->out.data, data, s->out.size);
    return data[0];
}

/// Puts, and delivers some, a few of which are out while more are put.
static void run(struct setup *s)
{
    struct known *k = s->known;
    struct spool *spool;
    struct err err;
    int taken = -1;
    if (open_spool(s, &spool, &err) != 0) {
        assert_true(err.text[0] != '\0');
        k->failures++;
        k->finished = true;
        return;
    }
    for (uint32_t n = 0; n < s->scenario->puts; n++) {
        int status = put(s, spool, n);
        assert_true(status == 0 || status == ERR_IO);
        k->acknowledged[n] = status == 0;
        k->refused[n] = status != 0;
        k->failures += status != 0;
        k->dropped = spool_books(spool).dropped;
        check_books(spool);
        if (taken < 0 && n % s->scenario->take_each == 0) {
            taken = take(s, spool);
        }
        if (taken >= 0 && n % 4 != 2) {
            k->done[taken] = true;
            spool_done(spool, s->scenario->lane);
            k->said[taken] = true;
            taken = -1;
        }
        if (n % 4 == 0) {
            spool_tick(spool);
        }
        check_books(spool);
    }
    k->dropped = spool_books(spool).dropped;
    spool_close(spool);
    k->finished = true;
}

/// Opens it again and takes all. Returns the first one.
static int drain(struct setup *s, const char *what, bool ret_there[static PUTS_MAX])
{
    struct spool *spool;
    struct err err;
    int last = -1;
    int first = PUTS_MAX;
    if (open_spool(s, &spool, &err) != 0) {
        fail_msg("%s: %s", what, err.text);
    }
    for (int n; (n = take(s, spool)) >= 0; last = n) {
        if (n <= last || n >= PUTS_MAX) {
            fail_msg("%s: %d behind %d", what, n, last);
        }
        first = n < first ? n : first;
        ret_there[n] = true;
        spool_done(spool, s->scenario->lane);
    }
    check_books(spool);
    assert_int_equal(spool_books(spool).waiting, 0);
    spool_close(spool);
    return first;
}

/// How many may be delivered again. Half a mark is none: then the one before it counts.
static unsigned repeated_max(enum fault fault)
{
    if (fault == FAULT_DIE_BEFORE || fault == FAULT_DIE_AFTER) {
        return 0;
    }
    return fault == FAULT_ONCE ? 1 : PUTS_MAX;
}

static void check(struct setup *s, enum fault fault, const char *what)
{
    const struct known *k = s->known;
    bool there[PUTS_MAX] = { 0 };
    bool dies = fault >= FAULT_DIE_BEFORE;
    int first = drain(s, what, there);
    unsigned lost = 0;
    unsigned repeated = 0;
    for (int n = 0; n < PUTS_MAX; n++) {
        bool is_lost = k->acknowledged[n] && !k->done[n] && !there[n];
        if (is_lost && dies && n > first) {
            fail_msg("%s: %d is lost, and %d is older", what, n, first);
        }
        if (k->refused[n] && there[n] && fault == FAULT_ONCE) {
            fail_msg("%s: %d was refused and is there", what, n);
        }
        lost += is_lost;
        repeated += k->said[n] && there[n];
    }
    // Of one that died, what it had no time to note: a segment, and the frame that was out.
    bool drops = s->scenario->lane == SPOOL_DATAGRAMS;
    unsigned unnoted = dies && drops ? s->scenario->segment_frames + 1 : 0;
    if (lost > k->dropped + unnoted) {
        fail_msg("%s: %u are lost", what, lost);
    }
    if (repeated > repeated_max(fault)) {
        fail_msg("%s: %u are delivered again", what, repeated);
    }
}

/// One run with a fault at call `at`. Returns whether there were that many calls.
static bool run_with(struct setup *s, enum fault fault, int at)
{
    char what[64];
    (void)snprintf(what, sizeof(what), "fault %d at call %d", fault, at); // fits
    folder_remove(s->folder);
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
        plan.on = false;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        // A test that fails in the child ends as one there, with words.
        assert_int_equal(WEXITSTATUS(status), s->known->finished ? 1 : 0);
    } else {
        run(s);
    }
    plan.on = false;
    assert_true(fault != FAULT_ONCE || s->known->failures <= 1);
    check(s, fault, what);
    return dies ? !s->known->finished : plan.calls >= at;
}

static void try_all(struct setup *s, enum fault fault)
{
    static const struct scenario *const SCENARIOS[] = { &LINES, &DATAGRAMS };
    for (size_t i = 0; i < 2; i++) {
        s->scenario = SCENARIOS[i];
        int at = 1;
        while (run_with(s, fault, at)) {
            at++;
            assert_true(at < 2000);
        }
        assert_true(at > 3 * (int)s->scenario->puts); // each step makes some
        assert_true((s->known->dropped > 0) == (s->scenario == &DATAGRAMS));
    }
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

// --- Afterwards ----------------------------------------------------------------------------------

static void set_fault(enum fault fault)
{
    plan.fault = fault;
    plan.calls = 0;
    plan.at = 1;
    plan.on = fault != FAULT_NONE;
}

/// Lines wait while the disk does not take them; about once a second it is tried.
static void lines_go_on_when_the_disk_works_again(void **state)
{
    struct setup *s = *state;
    struct spool *spool;
    struct err err;
    assert_int_equal(open_spool(s, &spool, &err), 0);
    assert_true(spool_takes_lines(spool));
    set_fault(FAULT_FOR_GOOD);
    assert_int_equal(put(s, spool, 0), ERR_IO);
    int calls = plan.calls;
    assert_false(spool_takes_lines(spool)); // nor tried: it is too early
    assert_int_equal(plan.calls, calls);
    plan.later_ns += 2 * NS_PER_S;
    assert_false(spool_takes_lines(spool));
    assert_true(plan.calls > calls);
    calls = plan.calls;
    assert_false(spool_takes_lines(spool));
    assert_int_equal(plan.calls, calls);
    set_fault(FAULT_NONE);
    assert_false(spool_takes_lines(spool)); // not yet
    plan.later_ns += 2 * NS_PER_S;
    assert_true(spool_takes_lines(spool));
    assert_true(spool_takes_lines(spool));
    set_fault(FAULT_FULL);
    assert_int_equal(put(s, spool, 1), ERR_IO);
    set_fault(FAULT_NONE);
    assert_int_equal(put(s, spool, 2), 0); // says it, too
    assert_true(spool_takes_lines(spool));
    assert_int_equal(take(s, spool), 2);
    check_books(spool);
    spool_close(spool);
}

/// A read that fails now is no damage: opening says so, or all is there.
static void each_call_fails_at_opening(void **state)
{
    struct setup *s = *state;
    enum { FRAMES = 7 };
    bool more = true;
    int at = 0;
    while (more) {
        struct spool *spool;
        struct err err;
        folder_clear(s->folder);
        assert_int_equal(open_spool(s, &spool, &err), 0);
        for (uint32_t n = 0; n < FRAMES; n++) {
            assert_int_equal(put(s, spool, n), 0);
        }
        spool_close(spool);
        set_fault(FAULT_ONCE);
        plan.at = ++at;
        int status = open_spool(s, &spool, &err);
        more = plan.calls >= at;
        plan.on = false;
        assert_true(status == 0 || err.text[0] != '\0');
        if (status != 0) {
            assert_int_equal(open_spool(s, &spool, &err), 0);
        }
        for (uint32_t n = 0; n < FRAMES; n++) {
            assert_int_equal(take(s, spool), n);
            spool_done(spool, SPOOL_LINES);
        }
        check_books(spool);
        spool_close(spool);
    }
    assert_true(at > 3 * FRAMES);
}

/// A file of which a sync has failed is not to be trusted again: the next frame goes to a new one.
static void no_more_into_what_could_not_be_synced(void **state)
{
    struct setup *s = *state;
    struct spool *spool;
    struct err err;
    char path[FOLDER_SIZE + 32];
    (void)snprintf(path, sizeof(path), "%s/lines-000000000002.seg", s->folder); // fits
    assert_int_equal(open_spool(s, &spool, &err), 0);
    assert_int_equal(put(s, spool, 0), 0);
    set_fault(FAULT_ONCE);
    plan.at = 2; // behind the write
    assert_int_equal(put(s, spool, 1), ERR_IO);
    set_fault(FAULT_NONE);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(put(s, spool, 2), 0);
    assert_int_equal(access(path, F_OK), 0);
    spool_close(spool);
}

/// What could not be read was not taken: to say that it is done changes nothing, and when its
/// segment makes room it is dropped as others are.
static void not_taken_when_it_cannot_be_read(void **state)
{
    struct setup *s = *state;
    struct spool *spool;
    struct err err;
    s->scenario = &DATAGRAMS;
    assert_int_equal(open_spool(s, &spool, &err), 0);
    for (uint32_t n = 0; n < 4; n++) {
        assert_int_equal(put(s, spool, n), 0);
    }
    set_fault(FAULT_FOR_GOOD);
    assert_int_equal(take(s, spool), -1);
    set_fault(FAULT_NONE);
    spool_done(spool, SPOOL_DATAGRAMS);
    assert_int_equal(spool_books(spool).done, 0);
    assert_int_equal(take(s, spool), 0);
    set_fault(FAULT_FOR_GOOD);
    assert_int_equal(take(s, spool), -1);
    set_fault(FAULT_NONE);
    while (spool_books(spool).dropped == 0) {
        assert_int_equal(put(s, spool, 9), 0);
    }
    assert_int_equal(spool_books(spool).dropped, DATAGRAMS.segment_frames);
    spool_close(spool);
}

/// Sums up what the log says is dropped.
static unsigned said_dropped(const char *path, uint64_t *ret_records)
{
    char line[512];
    unsigned lines = 0;
    *ret_records = 0;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        const char *records = strstr(line, "records=");
        if (strstr(line, "the spool is full") != NULL && records != NULL) {
            lines++;
            *ret_records += strtoul(records + strlen("records="), NULL, 10);
        }
    }
    assert_int_equal(fclose(f), 0);
    return lines;
}

/// The log says once in ten seconds how many were dropped, and all of them in the end.
static void drops_are_said_now_and_then(void **state)
{
    struct setup *s = *state;
    struct spool *spool;
    struct err err;
    uint64_t records;
    char path[FOLDER_SIZE + 8];
    s->scenario = &DATAGRAMS;
    (void)snprintf(path, sizeof(path), "%s/log", s->folder); // fits
    assert_int_equal(open_spool(s, &spool, &err), 0);
    int stderr_fd = dup(2);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(stderr_fd >= 0 && fd >= 0 && dup2(fd, 2) == 2);
    log_set_up(LOG_LEVEL_INFO, false);
    for (uint32_t n = 0; n < 60; n++) {
        plan.later_ns += n == 40 ? 11 * NS_PER_S : 0;
        (void)put(s, spool, n % PUTS_MAX); // counted below
    }
    plan.later_ns += 11 * NS_PER_S;
    spool_tick(spool);
    spool_tick(spool);
    log_set_up(100, false);
    assert_int_equal(dup2(stderr_fd, 2), 2);
    assert_int_equal(close(stderr_fd) + close(fd), 0);
    assert_int_equal(spool_books(spool).put, 60);
    assert_true(spool_books(spool).dropped > 20);
    assert_int_equal(said_dropped(path, &records), 3);
    assert_int_equal(records, spool_books(spool).dropped);
    spool_close(spool);
}

/// No pretended one: the kernel says that the disk is full.
static void a_real_disk_is_full(void **state)
{
    struct setup *s = *state;
    struct spool *spool;
    struct err err;
    struct scenario large = { SPOOL_LINES, 0, PAYLOAD_MAX, 1 << 24, 0, 0 };
    s->scenario = &large;
    if (!folder_mount_small(s->folder, 256 << 10)) {
        skip();
    }
    assert_int_equal(open_spool(s, &spool, &err), 0);
    uint32_t count = 0;
    int status;
    while ((status = put(s, spool, count % 256)) == 0) {
        count++;
        assert_true(count < 200);
        check_books(spool);
    }
    assert_int_equal(status, ERR_IO);
    assert_true(count > 50);
    assert_false(spool_takes_lines(spool));
    assert_int_equal(put(s, spool, 1), ERR_IO);
    assert_int_equal(spool_books(spool).put, count);
    spool_close(spool);
    assert_int_equal(open_spool(s, &spool, &err), 0); // on a full disk
    assert_int_equal(spool_books(spool).found, count);
    for (uint32_t n = 0; n < count; n++) {
        assert_int_equal(take(s, spool), n);
        spool_done(spool, SPOOL_LINES);
    }
    assert_int_equal(take(s, spool), -1);
    check_books(spool);
    assert_int_equal(put(s, spool, 7), 0); // there is room again
    assert_int_equal(take(s, spool), 7);
    spool_close(spool);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_call_fails),
        TEST(the_disk_is_full),
        TEST(nothing_works_any_more),
        TEST(it_dies_before_a_call),
        TEST(it_dies_after_a_call),
        TEST(it_dies_in_a_write),
        TEST(lines_go_on_when_the_disk_works_again),
        TEST(each_call_fails_at_opening),
        TEST(no_more_into_what_could_not_be_synced),
        TEST(not_taken_when_it_cannot_be_read),
        TEST(drops_are_said_now_and_then),
        TEST(a_real_disk_is_full),
    };
    return UNIT_MAIN("spool_fault", tests);
}
