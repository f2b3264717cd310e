// SPDX-License-Identifier: Apache-2.0
/*
 * Lines there and back, whatever is in them; each call failing; a disk that is full; writers beside
 * one who takes the file away.
 */
#include "transport/deadletter.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../folder.h"
#include "../unit.h"
#include "base/log.h"

enum { CAP = 1 << 22, WRITERS = 2, EACH = 1500 };

// --- The calls -----------------------------------------------------------------------------------

static struct {
    bool on;
    bool for_good;             ///< later calls fail too
    int at;                    ///< which call fails
    int calls;                 ///< so far
    int synced;                ///< files and folders
    void (*before_lock)(void); ///< once, when the file is open and not locked yet
    bool folder_is_made;       ///< by another one, in the last moment
    bool no_noreplace;         ///< the file system cannot rename so
} plan;

static bool fails(void)
{
    plan.calls += plan.on;
    if (plan.on && (plan.calls == plan.at || (plan.for_good && plan.calls > plan.at))) {
        errno = EIO;
        return true;
    }
    return false;
}

/// Half of it in the call that fails.
ssize_t write(int fd, const void *data, size_t size)
{
    bool failing = fails();
    if (failing && plan.calls != plan.at) {
        return -1;
    }
    return syscall(SYS_write, fd, data, failing ? size / 2 : size);
}

/// pread(), which is an inline function in some headers.
ssize_t read_at(int fd, void *data, size_t size, off_t offset) __asm__("pread");
ssize_t read_at(int fd, void *data, size_t size, off_t offset)
{
    return fails() ? -1 : syscall(SYS_pread64, fd, data, size, offset);
}

int ftruncate(int fd, off_t size)
{
    return fails() ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int fdatasync(int fd)
{
    (void)fd;
    plan.synced++;
    return fails() ? -1 : 0;
}

int fsync(int fd)
{
    return fdatasync(fd);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    return fails() ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
    if (plan.folder_is_made) { // just before us
        (void)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    }
    return fails() ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int flock(int fd, int operation)
{
    void (*before)(void) = plan.before_lock;
    plan.before_lock = NULL;
    if (before != NULL) {
        before();
    }
    return fails() ? -1 : (int)syscall(SYS_flock, fd, operation);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    if (plan.no_noreplace && flags != 0) {
        errno = EINVAL;
        return -1;
    }
    return fails() ? -1 : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

// --- Lines ---------------------------------------------------------------------------------------

struct setup {
    char folder[FOLDER_SIZE];
    char inner[FOLDER_SIZE + 8]; ///< not there at first
    char path[128];
    char aside[160];
    struct buf out;
};

/// As if nothing had been written.
static void begin_again(struct setup *s)
{
    (void)umount2(s->inner, MNT_DETACH); // of one test only, which may have failed
    if (access(s->inner, F_OK) == 0) {
        folder_remove(s->inner);
    }
}

static int set_up(void **state)
{
    static struct setup s;
    log_set_up(100, false); // quiet
    memset(&plan, 0, sizeof(plan));
    folder_make(s.folder);
    (void)snprintf(s.inner, sizeof(s.inner), "%s/new", s.folder);      // fits
    (void)snprintf(s.path, sizeof(s.path), "%s/file.ndjson", s.inner); // fits
    (void)snprintf(s.aside, sizeof(s.aside), "%s.resending", s.path);  // fits
    buf_init(&s.out, CAP);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    plan.on = false;
    buf_release(&s->out);
    begin_again(s);
    folder_remove(s->folder);
    return 0;
}

static struct deadletter entry_of(const char *id, const char *document)
{
    return (struct deadletter){ .index = (const uint8_t *)"logs-goflow2.sflow-default",
                                .index_size = strlen("logs-goflow2.sflow-default"),
                                .id = (const uint8_t *)id,
                                .id_size = strlen(id),
                                .document = (const uint8_t *)document,
                                .document_size = strlen(document),
                                .status = 400,
                                .reason = "document_parsing_exception: \"x\"\n\xff" };
}

static void a_line(void **state)
{
    struct setup *s = *state;
    struct deadletter e = entry_of("id1", "{\"a\":[1,{\"b\":\"}\"}]}");
    struct deadletter back;
    deadletter_append(&e, UINT64_C(1769860800123456789), &s->out);
    assert_string_equal(buf_text(&s->out),
                        "{\"time\":\"2026-01-31T12:00:00.123Z\","
                        "\"index\":\"logs-goflow2.sflow-default\",\"id\":\"id1\",\"status\":400,"
                        "\"reason\":\"document_parsing_exception: \\\"x\\\"\\n\xef\xbf\xbd\","
                        "\"document\":{\"a\":[1,{\"b\":\"}\"}]}}\n");
    assert_true(deadletter_parse(s->out.data, s->out.size, &back));
    assert_int_equal(back.index_size, e.index_size);
    assert_memory_equal(back.index, e.index, e.index_size);
    assert_int_equal(back.id_size, 3);
    assert_memory_equal(back.id, "id1", 3);
    assert_int_equal(back.document_size, e.document_size);
    assert_memory_equal(back.document, e.document, e.document_size);
    assert_int_equal(back.status, 400);
    for (size_t size = 0; size + 1 < s->out.size; size++) { // all of it, newline or not
        assert_false(deadletter_parse(s->out.data, size, &back));
    }
    assert_true(deadletter_parse(s->out.data, s->out.size - 1, &back));
    buf_clear(&s->out);
    e = entry_of("", "{}");
    deadletter_append(&e, 0, &s->out);
    assert_true(deadletter_parse(s->out.data, s->out.size, &back));
    assert_int_equal(back.id_size, 0);
}

static void what_is_none(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "",
        "\n",
        "x",
        "{}",
        "[]",
        "null",
        "{\"index\":\"a\"}",
        "{\"document\":{}}",
        "{\"index\":\"\",\"document\":{}}",
        "{\"index\":\"a\",\"document\":[]}",
        "{\"index\":1,\"document\":{}}",
        "{\"index\":\"\\u0061\",\"document\":{}}",
        "{\"index\":\"a\",\"document\":{}} x",
        "{\"index\":\"a\",\"document\":{},}",
        "{\"index\":\"a\",\"id\":{},\"document\":{}}",
        "{\"index\":\"a\",\"status\":\"400\",\"document\":{}}",
        "{\"index\":\"a\",\"status\":-1,\"document\":{}}",
    };
    struct deadletter e;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        if (deadletter_parse((const uint8_t *)TEXTS[i], strlen(TEXTS[i]), &e)) {
            fail_msg("%s", TEXTS[i]);
        }
    }
    static const char MORE[] = " { \"more\" : [1] , \"document\" : { } , \"index\" : \"a\" } \r\n";
    assert_true(deadletter_parse((const uint8_t *)MORE, sizeof(MORE) - 1, &e));
    assert_int_equal(e.document_size, 3);
}

static size_t read_all(const char *path, char *text, size_t room)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(text, 1, room - 1, f);
    text[size] = '\0';
    assert_int_equal(fclose(f), 0);
    return size;
}

static void write_text(struct setup *s, const char *text, int status)
{
    buf_clear(&s->out);
    buf_append_text(&s->out, text);
    assert_int_equal(deadletter_write(s->path, &s->out), status);
}

static void appended_and_taken_aside(void **state)
{
    struct setup *s = *state;
    char text[100];
    struct stat st;
    struct err err;
    int fd;
    int other;
    assert_int_equal(deadletter_take_aside(s->path, &fd, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, s->path));
    write_text(s, "1\n", 0); // makes the folder
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *f = fopen(s->path, "ab"); // what a crash left
    assert_non_null(f);
    assert_true(fputs("torn", f) >= 0);
    assert_int_equal(fclose(f), 0);
    write_text(s, "2\n3\n", 0);
    (void)read_all(s->path, text, sizeof(text));
    assert_string_equal(text, "1\n2\n3\n");
    assert_int_equal(deadletter_take_aside(s->path, &fd, &err), 0);
    assert_int_equal(deadletter_take_aside(s->path, &other, &err), ERR_EXISTS);
    write_text(s, "4\n", 0); // meanwhile
    assert_int_equal(read(fd, text, sizeof(text)), 6);
    assert_int_equal(close(fd), 0); // it did not get to the end
    assert_int_equal(deadletter_take_aside(s->path, &fd, &err), 0);
    assert_int_equal(read(fd, text, sizeof(text)), 6);
    deadletter_done(s->path);
    assert_int_equal(close(fd), 0);
    assert_int_equal(deadletter_take_aside(s->path, &fd, &err), 0);
    assert_int_equal(read(fd, text, sizeof(text)), 2);
    assert_int_equal(close(fd), 0);
    deadletter_done(s->path);
    assert_int_equal(deadletter_take_aside(s->path, &fd, &err), ERR_NOT_FOUND);
}

/// What a crash left behind the last whole line is cut off, be it longer than a window.
static void a_torn_end(void **state)
{
    struct setup *s = *state;
    static char text[20000];
    static const size_t SIZES[] = { 0, 1, 4094, 4095, 4096, 4097, 8191, 8192, 8193, 12000 };
    for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
        for (int whole = 0; whole < 2; whole++) {
            begin_again(s);
            write_text(s, "1\n", 0);
            FILE *f = fopen(s->path, whole == 0 ? "wb" : "ab");
            assert_non_null(f);
            for (size_t j = 0; j < SIZES[i]; j++) {
                assert_int_equal(fputc('x', f), 'x');
            }
            assert_int_equal(fclose(f), 0);
            write_text(s, "2\n", 0);
            (void)read_all(s->path, text, sizeof(text));
            assert_string_equal(text, whole == 0 ? "2\n" : "1\n2\n");
        }
    }
}

/// A file may grow to some size only: all of the lines or none.
static void the_disk_is_full(void **state)
{
    struct setup *s = *state;
    char text[100];
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    write_text(s, "11111\n", 0);
    struct rlimit limit = { .rlim_cur = 10, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    write_text(s, "22222\n", ERR_IO);
    write_text(s, "3\n", 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    write_text(s, "22222\n", 0);
    (void)read_all(s->path, text, sizeof(text));
    assert_string_equal(text, "11111\n3\n22222\n");
    memcpy(s->path, "/dev/full", sizeof("/dev/full"));
    write_text(s, "1\n", ERR_IO);
}

/// The kernel says that the disk is full: all of the lines or none.
static void a_real_disk_is_full(void **state)
{
    struct setup *s = *state;
    enum { SIZE = 1000 };
    static char text[128 << 10];
    assert_int_equal(mkdir(s->inner, 0700), 0);
    if (!folder_mount_small(s->inner, 64 << 10)) {
        skip();
    }
    buf_clear(&s->out);
    for (int i = 0; i < SIZE; i++) {
        buf_append_text(&s->out, i == SIZE - 1 ? "\n" : "x");
    }
    size_t count = 0;
    while (deadletter_write(s->path, &s->out) == 0) {
        count++;
        assert_true(count < 100);
    }
    assert_true(count > 20);
    assert_int_equal(deadletter_write(s->path, &s->out), ERR_IO);
    assert_int_equal(read_all(s->path, text, sizeof(text)), count * SIZE);
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(deadletter_write(s->path, &s->out), 0);
}

// --- Each call failing ---------------------------------------------------------------------------

static void set_fault(int at, bool for_good)
{
    plan.calls = 0;
    plan.at = at;
    plan.for_good = for_good;
    plan.on = at > 0;
}

/// The lines of a failed write may stay only when they cannot be cut off, and whole ones alone.
static void check_lines(struct setup *s, int first, int second, bool for_good)
{
    char text[100];
    char wanted[100];
    (void)read_all(s->path, text, sizeof(text));
    (void)snprintf(wanted, sizeof(wanted), "%s%s5555\n", first == 0 ? "1\n2\n" : "",
                   second == 0 ? "333\n4\n" : ""); // fits
    if (!for_good) {
        assert_string_equal(text, wanted);
        return;
    }
    assert_non_null(strstr(text, "5555\n"));
    assert_true(second != 0 || strstr(text, "333\n4\n") != NULL);
    assert_null(strstr(text, "35")); // nothing behind a torn line
    assert_null(strstr(text, "45"));
}

/// The n-th call of two writes fails; then a third one works. One that says that it failed has left
/// nothing, one that says that it worked has left all.
static void each_call_fails(void **state)
{
    struct setup *s = *state;
    for (int kind = 0; kind < 2; kind++) {
        bool more = true;
        int at = 0;
        while (more) {
            begin_again(s);
            at++;
            set_fault(at, kind == 1);
            buf_clear(&s->out);
            buf_append_text(&s->out, "1\n2\n");
            int first = deadletter_write(s->path, &s->out);
            buf_clear(&s->out);
            buf_append_text(&s->out, "333\n4\n");
            int second = deadletter_write(s->path, &s->out);
            more = plan.calls >= at;
            set_fault(0, false);
            assert_true(first == 0 || first == ERR_IO);
            assert_true(second == 0 || second == ERR_IO);
            assert_true(kind == 1 || first == 0 || second == 0);
            write_text(s, "5555\n", 0);
            check_lines(s, first, second, kind == 1);
        }
        assert_true(at > 12); // each of them makes some calls
    }
}

/// What was written is synced, with the names of a new file and of a new folder.
static void all_is_synced(void **state)
{
    struct setup *s = *state;
    write_text(s, "1\n", 0);
    assert_int_equal(plan.synced, 3);
    write_text(s, "2\n", 0);
    assert_int_equal(plan.synced, 4);
}

static void two_make_the_folder(void **state)
{
    struct setup *s = *state;
    plan.folder_is_made = true;
    write_text(s, "1\n", 0);
}

/// A file is taken aside or not, and never lost.
static void each_call_fails_when_taking(void **state)
{
    struct setup *s = *state;
    char text[100];
    bool more = true;
    int at = 0;
    while (more) {
        struct err err;
        int fd;
        begin_again(s);
        write_text(s, "1\n", 0);
        at++;
        set_fault(at, false);
        int status = deadletter_take_aside(s->path, &fd, &err);
        more = plan.calls >= at;
        set_fault(0, false);
        if (status != 0) {
            assert_int_equal(status, ERR_IO);
            assert_non_null(strstr(err.text, s->path));
            assert_int_equal(deadletter_take_aside(s->path, &fd, &err), 0);
        }
        assert_int_equal(read(fd, text, sizeof(text)), 2);
        assert_int_equal(close(fd), 0);
    }
    assert_true(at > 4);
}

/// Where a file cannot be renamed without a risk for another one, it gets its new name first.
static void taken_aside_with_a_link(void **state)
{
    struct setup *s = *state;
    struct err err;
    char text[100];
    int fd;
    plan.no_noreplace = true;
    write_text(s, "1\n", 0);
    assert_int_equal(deadletter_take_aside(s->path, &fd, &err), 0);
    assert_int_not_equal(access(s->path, F_OK), 0);
    (void)read_all(s->aside, text, sizeof(text));
    assert_string_equal(text, "1\n");
    assert_int_equal(close(fd), 0);
}

// --- Moved away at the worst moment --------------------------------------------------------------

static struct {
    const struct setup *setup;
    bool keeps; ///< the lock, as long as it sends
    int fd;
} taker;

static void take_it(void)
{
    struct err err;
    assert_int_equal(deadletter_take_aside(taker.setup->path, &taker.fd, &err), 0);
    if (!taker.keeps) {
        assert_int_equal(close(taker.fd), 0);
        taker.fd = -1;
    }
}

static void rotate_it(void)
{
    assert_int_equal(rename(taker.setup->path, taker.setup->aside), 0);
}

/// The file that is open has lost its name when the writer gets its lock, or cannot get it: the
/// lines go to the new one, at once.
static void moved_before_it_is_locked(void **state)
{
    struct setup *s = *state;
    static void (*const MOVES[])(void) = { take_it, take_it, rotate_it };
    char text[100];
    for (int i = 0; i < 3; i++) {
        begin_again(s);
        write_text(s, "1\n", 0);
        taker.setup = s;
        taker.keeps = i == 0;
        taker.fd = -1;
        plan.before_lock = MOVES[i];
        (void)alarm(20); // else it waits for good
        write_text(s, "2\n", 0);
        (void)alarm(0);
        (void)read_all(s->path, text, sizeof(text));
        assert_string_equal(text, "2\n");
        (void)read_all(s->aside, text, sizeof(text));
        assert_string_equal(text, "1\n");
        assert_true(taker.fd < 0 || close(taker.fd) == 0);
    }
}

/// The same for two who take it: the second one does not get what the first one has.
static void taken_before_it_is_locked(void **state)
{
    struct setup *s = *state;
    struct err err;
    int fd;
    write_text(s, "1\n", 0);
    taker.setup = s;
    taker.keeps = true;
    plan.before_lock = take_it;
    (void)alarm(20); // else it waits for good
    int status = deadletter_take_aside(s->path, &fd, &err);
    (void)alarm(0);
    assert_true(status == ERR_EXISTS || status == ERR_NOT_FOUND);
    assert_int_equal(close(taker.fd), 0);
}

static void take_it_and_write_more(void)
{
    struct buf more;
    take_it();
    buf_init(&more, 100);
    buf_append_text(&more, "2\n");
    assert_int_equal(deadletter_write(taker.setup->path, &more), 0);
    buf_release(&more);
}

/// And there is a new file already: it stays, and so does the one that is aside.
static void taken_and_written_before_it_is_locked(void **state)
{
    struct setup *s = *state;
    struct err err;
    char text[100];
    int fd;
    for (int i = 0; i < 2; i++) {
        begin_again(s);
        plan.no_noreplace = i == 1;
        write_text(s, "1\n", 0);
        taker.setup = s;
        taker.keeps = true;
        plan.before_lock = take_it_and_write_more;
        assert_int_equal(deadletter_take_aside(s->path, &fd, &err), ERR_EXISTS);
        (void)read_all(s->path, text, sizeof(text));
        assert_string_equal(text, "2\n");
        (void)read_all(s->aside, text, sizeof(text));
        assert_string_equal(text, "1\n");
        assert_int_equal(close(taker.fd), 0);
    }
}

/// Two processes write while this one takes the file away: no line is lost, torn or doubled.
static void writers_and_a_taker(void **state)
{
    struct setup *s = *state;
    static uint8_t seen[WRITERS][EACH];
    static char text[CAP];
    struct err err;
    atomic_int *rounds =
        mmap(NULL, sizeof(*rounds), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(rounds != MAP_FAILED);
    memset(seen, 0, sizeof(seen));
    for (int w = 0; w < WRITERS; w++) {
        pid_t child = fork();
        assert_true(child >= 0);
        for (int i = 0; child == 0 && i < EACH; i++) {
            while (*rounds < i / (EACH / 3)) { // so that there are three at least
                (void)usleep(100);
            }
            buf_clear(&s->out);
            buf_printf(&s->out, "%d %d\n", w, i);
            if (deadletter_write(s->path, &s->out) != 0) {
                _exit(1);
            }
        }
        if (child == 0) {
            _exit(0);
        }
    }
    int running = WRITERS;
    bool more = true;
    while (running > 0 || more) {
        int status;
        int fd;
        while (running > 0 && waitpid(-1, &status, WNOHANG) > 0) {
            assert_int_equal(status, 0);
            running--;
        }
        more = deadletter_take_aside(s->path, &fd, &err) == 0;
        if (!more) {
            assert_int_equal(err.status, ERR_NOT_FOUND);
            continue;
        }
        ++*rounds;
        size_t size = read_all(s->aside, text, sizeof(text));
        for (char *line = text; line < text + size;) {
            char *end = strchr(line, '\n');
            assert_non_null(end);
            unsigned long w = strtoul(line, &line, 10);
            unsigned long i = strtoul(line, &line, 10);
            assert_true(w < WRITERS && i < EACH && line == end);
            assert_int_equal(seen[w][i]++, 0);
            line = end + 1;
        }
        deadletter_done(s->path);
        assert_int_equal(close(fd), 0);
    }
    for (size_t i = 0; i < sizeof(seen); i++) {
        assert_int_equal(seen[i / EACH][i % EACH], 1);
    }
    assert_true(*rounds > 2);
    assert_int_equal(munmap(rounds, sizeof(*rounds)), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_line),
        TEST(what_is_none),
        TEST(appended_and_taken_aside),
        TEST(a_torn_end),
        TEST(the_disk_is_full),
        TEST(a_real_disk_is_full),
        TEST(each_call_fails),
        TEST(all_is_synced),
        TEST(two_make_the_folder),
        TEST(each_call_fails_when_taking),
        TEST(taken_aside_with_a_link),
        TEST(moved_before_it_is_locked),
        TEST(taken_before_it_is_locked),
        TEST(taken_and_written_before_it_is_locked),
        TEST(writers_and_a_taker),
    };
    return UNIT_MAIN("deadletter", tests);
}
