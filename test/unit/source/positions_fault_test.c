// SPDX-License-Identifier: Apache-2.0
/*
 * The state file when calls fail and when the program dies. write, ftruncate, fdatasync, fsync and
 * rename are this file's: the n-th of them fails, or the process ends before, after or in the
 * middle of it, for n = 1, 2, ... until all went well. Each time, what is read afterwards is never
 * ahead of what was acknowledged and never behind what a positions_save() said was saved.
 */
#include "source/positions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit.h"
#include "base/log.h"
#include "base/mem.h"

// --- The calls -----------------------------------------------------------------------------------

enum fault {
    FAULT_NONE,
    FAULT_ONCE,       ///< it fails with EIO, later ones work
    FAULT_FULL,       ///< the disk is full from then on: half a write, then ENOSPC
    FAULT_DIE_BEFORE, ///< the process ends before it
    FAULT_DIE_AFTER,  ///< after it
    FAULT_DIE_HALF,   ///< when half is written
    FAULT_SHORT,      ///< every write takes five bytes at most
    FAULT_COUNT,
};

static struct {
    int fd_from; ///< descriptors from this on are meant; 0: none
    enum fault fault;
    int at;    ///< which call
    int calls; ///< so far
} plan;

static bool is_due(void)
{
    return plan.fd_from > 0 && ++plan.calls == plan.at;
}

/// What the calls but write have in common. True: fail with errno.
static bool fails(bool due)
{
    if (due && plan.fault == FAULT_DIE_BEFORE) {
        _exit(0);
    }
    if (due && plan.fault == FAULT_ONCE) {
        errno = EIO;
        return true;
    }
    return false;
}

static void done(bool due)
{
    if (due && (plan.fault == FAULT_DIE_AFTER || plan.fault == FAULT_DIE_HALF)) {
        _exit(0);
    }
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (plan.fd_from == 0 || fd < plan.fd_from) {
        return syscall(SYS_write, fd, data, size);
    }
    bool due = is_due();
    if (fails(due)) {
        return -1;
    }
    if (plan.fault == FAULT_FULL && plan.at > 0 && plan.calls >= plan.at) {
        if (due && size > 1) {
            return syscall(SYS_write, fd, data, size / 2);
        }
        errno = ENOSPC;
        return -1;
    }
    if (due && plan.fault == FAULT_DIE_HALF) {
        size /= 2;
    }
    if (plan.fault == FAULT_SHORT && size > 5) {
        size = 5;
    }
    ssize_t n = syscall(SYS_write, fd, data, size);
    done(due);
    return n;
}

int ftruncate(int fd, off_t size)
{
    bool due = is_due();
    if (fails(due)) {
        return -1;
    }
    int status = (int)syscall(SYS_ftruncate, fd, size);
    done(due);
    return status;
}

/// A crash of the program loses nothing that was written: there is nothing to wait for.
static int sync_like(void)
{
    bool due = is_due();
    if (fails(due)) {
        return -1;
    }
    done(due);
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return sync_like();
}

int fsync(int fd)
{
    (void)fd;
    return sync_like();
}

int rename(const char *from, const char *to)
{
    bool due = is_due();
    if (fails(due)) {
        return -1;
    }
    int status = (int)syscall(SYS_rename, from, to);
    done(due);
    return status;
}

// --- A run ---------------------------------------------------------------------------------------

enum { FILES = 3, LINE = 10, COUNT = 200, SIZE = LINE * COUNT, STEPS = 14, PATH_PADDING = 25000 };

/// What is known of the run, also when the process that made it is gone.
struct known {
    uint64_t acknowledged[FILES];
    uint64_t saved[FILES];
    uint64_t number[FILES];
    int failures; ///< of positions_save()
    bool finished;
};

struct setup {
    char directory[64];
    char state[96];
    char files[FILES][96];
    char *padding; ///< makes records long, so that the file is soon written anew
    struct known *known;
};

/// The second file begins as the first one does and then differs.
static int set_up(void **state)
{
    static struct setup s;
    log_set_up(100, false); // quiet
    // In memory: disks wait when a file takes another one's place.
    char directory[64] = "/dev/shm/weir-faults-XXXXXX";
    if (access("/dev/shm", W_OK) != 0) {
        memcpy(directory, "/tmp/weir-faults-XXXXXX", sizeof("/tmp/weir-faults-XXXXXX"));
    }
    assert_non_null(mkdtemp(directory));
    memcpy(s.directory, directory, sizeof(directory));
    (void)snprintf(s.state, sizeof(s.state), "%s/state", directory); // fits
    for (int i = 0; i < FILES; i++) {
        (void)snprintf(s.files[i], sizeof(s.files[i]), "%s/%d", directory, i); // fits
        FILE *f = fopen(s.files[i], "w");
        assert_non_null(f);
        for (int k = 0; k < COUNT; k++) {
            (void)fprintf(f, "line %d%03d\n", k == 0 && i == 1 ? 0 : i, k);
        }
        assert_int_equal(fclose(f), 0);
    }
    s.padding = mem_zalloc(PATH_PADDING + 1);
    assert_non_null(s.padding);
    memset(s.padding, 'p', PATH_PADDING);
    s.known =
        mmap(NULL, sizeof(*s.known), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s.known != MAP_FAILED);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    char command[128];
    mem_free(s->padding);
    (void)munmap(s->known, sizeof(*s->known));                           // it was mapped
    (void)snprintf(command, sizeof(command), "rm -rf %s", s->directory); // fits
    return system(command);
}

static struct lines *take(struct positions *p, const char *path, const char *name,
                          struct track **ret_track, struct file_id *ret_id)
{
    struct lines *lines;
    struct err err;
    uint64_t fingerprint[2];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(lines_new(fd, path, 100, &lines, &err), 0);
    assert_int_equal(lines_fingerprint(lines, true, fingerprint), 0);
    assert_int_equal(positions_take(p, lines, fingerprint, name, ret_track, ret_id), 0);
    return lines;
}

static void note_saved(struct known *k)
{
    memcpy(k->saved, k->acknowledged, sizeof(k->saved));
}

/// Reads all files in steps by turns, acknowledging and saving after each.
static void run(struct setup *s)
{
    struct known *k = s->known;
    struct positions *p;
    struct err err;
    struct lines *lines[FILES];
    struct track *tracks[FILES];
    assert_int_equal(positions_open(s->state, &p, &err), 0);
    for (int i = 0; i < FILES; i++) {
        struct file_id id;
        lines[i] = take(p, s->files[i], s->padding, &tracks[i], &id);
        k->number[i] = id.number;
    }
    for (int step = 0; step < STEPS; step++) {
        int i = step % FILES;
        struct line line;
        enum lines_state state;
        for (int n = 0; n < 7; n++) {
            assert_int_equal(lines_read(lines[i], true, &line, 1, &state), 1);
        }
        positions_mark(p, tracks[i], lines[i]);
        uint64_t place = lines_offset(lines[i]);
        uint64_t before = k->acknowledged[i];
        k->acknowledged[i] = place; // from here on it may be on the disk
        positions_acknowledge(p, tracks[i], before, place);
        if (positions_save(p, &err) == 0) {
            note_saved(k);
        } else {
            assert_non_null(strstr(err.text, s->state));
            k->failures++;
        }
    }
    if (positions_save(p, &err) == 0) { // what the last step could not
        note_saved(k);
    }
    for (int i = 0; i < FILES; i++) {
        positions_release(p, tracks[i], lines[i]);
        lines_free(lines[i]);
    }
    positions_close(p);
    k->finished = true;
}

/// After a restart no file is gone on with ahead of what was acknowledged, nor behind what was
/// saved. The one that begins like another is still told from it.
static void check(struct setup *s, const char *what)
{
    struct known *k = s->known;
    struct positions *p;
    struct err err;
    if (positions_open(s->state, &p, &err) != 0) {
        fail_msg("%s: %s", what, err.text);
    }
    for (int i = FILES - 1; i >= 0; i--) {
        struct track *track;
        struct file_id id;
        struct lines *lines = take(p, s->files[i], s->files[i], &track, &id);
        uint64_t place = lines_offset(lines);
        if (place > k->acknowledged[i] || place < k->saved[i]) {
            fail_msg("%s: file %d at %llu, acknowledged %llu, saved %llu", what, i,
                     (unsigned long long)place, (unsigned long long)k->acknowledged[i],
                     (unsigned long long)k->saved[i]);
        }
        if (k->saved[i] > 0) {
            assert_int_equal(id.number, k->number[i]);
        }
        positions_release(p, track, lines);
        lines_free(lines);
    }
    // And it can be written to again.
    assert_int_equal(positions_save(p, &err), 0);
    positions_close(p);
    assert_int_equal(positions_open(s->state, &p, &err), 0);
    positions_close(p);
}

static void clear(struct setup *s)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s.new", s->state); // fits
    (void)unlink(s->state);                                 // either may not be there
    (void)unlink(path);
    *s->known = (struct known){ 0 };
}

/// One run with a fault at call `at`. Returns whether there were that many calls.
static bool run_with(struct setup *s, enum fault fault, int at)
{
    char what[64];
    (void)snprintf(what, sizeof(what), "fault %d at call %d", fault, at); // fits
    clear(s);
    plan.fault = fault;
    plan.at = at;
    plan.calls = 0;
    plan.fd_from = 3;
    bool dies = fault >= FAULT_DIE_BEFORE && fault <= FAULT_DIE_HALF;
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
    plan.fd_from = 0;
    bool happened = dies ? !s->known->finished : plan.calls >= at;
    if (happened && fault == FAULT_ONCE) {
        assert_int_equal(s->known->failures, 1); // and the next time everything was saved
        assert_memory_equal(s->known->saved, s->known->acknowledged, sizeof(s->known->saved));
    }
    check(s, what);
    return happened;
}

static void try_all(struct setup *s, enum fault fault)
{
    int at = 1;
    while (run_with(s, fault, at)) {
        at++;
        assert_true(at < 1000);
    }
    assert_true(at > 3 * STEPS); // each step makes some
}

static void one_call_fails(void **state)
{
    try_all(*state, FAULT_ONCE);
}

static void the_disk_is_full(void **state)
{
    try_all(*state, FAULT_FULL);
}

static void it_dies_before_a_call(void **state)
{
    try_all(*state, FAULT_DIE_BEFORE);
}

static void it_dies_after_a_call(void **state)
{
    try_all(*state, FAULT_DIE_AFTER);
}

static void it_dies_in_a_write(void **state)
{
    try_all(*state, FAULT_DIE_HALF);
}

static void writes_are_short(void **state)
{
    struct setup *s = *state;
    (void)run_with(s, FAULT_SHORT, 0);
    assert_int_equal(s->known->failures, 0);
    assert_memory_equal(s->known->saved, s->known->acknowledged, sizeof(s->known->saved));
}

/// The run above writes the file anew, so that all steps of that are tried too.
static void the_file_is_written_anew(void **state)
{
    struct setup *s = *state;
    struct stat st;
    clear(s);
    run(s);
    assert_int_equal(stat(s->state, &st), 0);
    assert_true(st.st_size < STEPS * PATH_PADDING);
    check(s, "no fault");
}

// --- Damage --------------------------------------------------------------------------------------

static size_t read_state(struct setup *s, char *text, size_t room)
{
    FILE *f = fopen(s->state, "rb");
    assert_non_null(f);
    size_t size = fread(text, 1, room, f);
    assert_int_equal(fclose(f), 0);
    return size;
}

static void write_state(struct setup *s, const char *text, size_t size)
{
    FILE *f = fopen(s->state, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/// A state file with some history, in short records.
static size_t make_state(struct setup *s, char *text, size_t room)
{
    clear(s);
    s->padding[8] = '\0';
    run(s);
    s->padding[8] = 'p';
    size_t size = read_state(s, text, room);
    assert_true(size < room);
    memset(s->known->saved, 0, sizeof(s->known->saved)); // damage may take it, but never lead ahead
    return size;
}

static void torn_at_each_length(void **state)
{
    struct setup *s = *state;
    static char text[10000];
    size_t size = make_state(s, text, sizeof(text));
    for (size_t length = 0; length < size; length++) {
        write_state(s, text, length);
        check(s, "torn");
    }
}

static void damaged_in_each_byte(void **state)
{
    struct setup *s = *state;
    static const char FLIPS[] = { 1, '\n' ^ ' ', (char)0x80 };
    static char text[10000];
    size_t size = make_state(s, text, sizeof(text));
    size_t header = (size_t)((char *)memchr(text, '\n', size) - text) + 1;
    for (size_t at = 0; at < size; at++) {
        for (size_t i = 0; i < sizeof(FLIPS); i++) {
            char was = text[at];
            text[at] ^= FLIPS[i];
            write_state(s, text, size);
            text[at] = was;
            if (at >= header) {
                check(s, "damaged");
                continue;
            }
            struct positions *p;
            struct err err;
            assert_int_equal(positions_open(s->state, &p, &err), ERR_INVALID);
            assert_non_null(strstr(err.text, "is not a state file of weir"));
        }
    }
}

/// Bytes that were never written, as some file systems leave them after a power failure.
static void zeros_at_the_end(void **state)
{
    struct setup *s = *state;
    static char text[20000];
    size_t size = make_state(s, text, sizeof(text));
    memcpy(s->known->saved, s->known->acknowledged, sizeof(s->known->saved));
    memset(text + size, 0, sizeof(text) - size);
    write_state(s, text, sizeof(text));
    check(s, "zeros"); // nothing that was whole is lost
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_file_is_written_anew), TEST(one_call_fails),       TEST(the_disk_is_full),
        TEST(it_dies_before_a_call),    TEST(it_dies_after_a_call), TEST(it_dies_in_a_write),
        TEST(writes_are_short),         TEST(torn_at_each_length),  TEST(damaged_in_each_byte),
        TEST(zeros_at_the_end),
    };
    return UNIT_MAIN("positions_fault", tests);
}
