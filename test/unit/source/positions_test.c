// SPDX-License-Identifier: Apache-2.0
/*
 * Positions in memory: acknowledged in any order, whose file is whose, what is forgotten. What the
 * state file does when calls fail or the program dies is positions_fault_test.c's.
 */
#include "source/positions.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "../unit.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"

enum { LINE = 10, COUNT = 2000, SIZE = LINE * COUNT };

struct setup {
    char directory[64];
    char state[96];
    char text[SIZE + 1];
};

static int set_up(void **state)
{
    static struct setup s;
    log_set_up(100, false);                                                         // quiet
    (void)snprintf(s.directory, sizeof(s.directory), "/tmp/weir-positions-XXXXXX"); // fits
    assert_non_null(mkdtemp(s.directory));
    (void)snprintf(s.state, sizeof(s.state), "%s/state", s.directory); // fits
    for (int i = 0; i < COUNT; i++) {
        (void)sprintf(s.text + (size_t)LINE * (size_t)i, "line %04d\n", i);
    }
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", s->directory); // fits
    return system(command);
}

static const char *path_of(const struct setup *s, const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", s->directory, name); // fits
    return path;
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static struct positions *open_positions(const char *path)
{
    struct positions *p;
    struct err err = { 0 };
    if (positions_open(path, &p, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return p;
}

static void save(struct positions *p)
{
    struct err err;
    assert_int_equal(positions_save(p, &err), 0);
}

/// A file being read.
struct reading {
    struct positions *p;
    struct lines *lines;
    struct track *track;
    struct file_id id;
};

static int try_to_take(struct positions *p, const char *path, struct reading *r)
{
    struct err err;
    uint64_t fingerprint[2];
    *r = (struct reading){ .p = p };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(lines_new(fd, path, 1 << 20, &r->lines, &err), 0);
    assert_int_equal(lines_fingerprint(r->lines, true, fingerprint), 0);
    int status = positions_take(p, r->lines, fingerprint, path, &r->track, &r->id);
    if (status != 0) {
        lines_free(r->lines);
    }
    return status;
}

static struct reading take(struct positions *p, const char *path)
{
    struct reading r;
    assert_int_equal(try_to_take(p, path, &r), 0);
    return r;
}

/// Reads `count` lines and notes the place. Where that is.
static uint64_t read_on(struct reading *r, int count)
{
    struct line line;
    enum lines_state state;
    for (int i = 0; i < count; i++) {
        assert_int_equal(lines_read(r->lines, true, &line, 1, &state), 1);
    }
    positions_mark(r->p, r->track, r->lines);
    return lines_offset(r->lines);
}

static void release(struct reading *r)
{
    positions_release(r->p, r->track, r->lines);
    lines_free(r->lines);
}

/// Where reading would go on.
static uint64_t place_of(struct positions *p, const char *path, uint64_t *ret_number)
{
    struct reading r = take(p, path);
    uint64_t place = lines_offset(r.lines);
    *ret_number = r.id.number;
    release(&r);
    return place;
}

static void expect_place(struct positions *p, const char *path, uint64_t number, uint64_t place)
{
    uint64_t is;
    assert_int_equal(place_of(p, path, &is), place);
    assert_int_equal(is, number);
}

// --- Acknowledging -------------------------------------------------------------------------------

static void runs_are_unbroken(void **state)
{
    struct setup *s = *state;
    const char *path = path_of(s, "log");
    write_file(path, s->text, SIZE);
    struct positions *p = open_positions("");
    struct reading r = take(p, path);
    (void)read_on(&r, 100);
    positions_acknowledge(p, r.track, 100, 200);
    positions_acknowledge(p, r.track, 300, 400);
    assert_int_equal(positions_get(p, r.track), 0);
    positions_acknowledge(p, r.track, 0, 100);
    assert_int_equal(positions_get(p, r.track), 200);
    positions_acknowledge(p, r.track, 0, 150); // again: nothing
    positions_acknowledge(p, r.track, 200, 200);
    positions_acknowledge(p, r.track, 250, 250);
    assert_int_equal(positions_get(p, r.track), 200);
    positions_acknowledge(p, r.track, 200, 300);
    assert_int_equal(positions_get(p, r.track), 400);
    positions_set(p, r.track, 900);
    assert_int_equal(positions_get(p, r.track), 900);
    release(&r);
    positions_close(p);
}

/// In any order, with pieces missing: the position is where the first missing piece begins.
static void any_order(void **state)
{
    enum { PIECES = 200, ROUNDS = 300 };
    struct setup *s = *state;
    const char *path = path_of(s, "log");
    unsigned seed = 1;
    write_file(path, s->text, SIZE);
    struct positions *p = open_positions("");
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t fingerprint[2] = { (uint64_t)round, 1 };
        size_t order[PIECES];
        bool done[PIECES] = { false };
        struct reading r = { .p = p };
        struct err err;
        assert_int_equal(lines_new(open(path, O_RDONLY), path, 100, &r.lines, &err), 0);
        assert_int_equal(positions_take(p, r.lines, fingerprint, path, &r.track, &r.id), 0);
        for (size_t i = 0; i < PIECES; i++) {
            size_t at = (size_t)rand_r(&seed) % (i + 1);
            order[i] = order[at];
            order[at] = i;
        }
        size_t missing = round % 2 == 0 ? PIECES : (size_t)rand_r(&seed) % PIECES;
        for (size_t i = 0; i < PIECES; i++) {
            if (order[i] == missing) {
                continue;
            }
            done[order[i]] = true;
            positions_acknowledge(p, r.track, order[i] * LINE, (order[i] + 1) * LINE);
            size_t first = 0;
            while (first < PIECES && done[first]) {
                first++;
            }
            assert_int_equal(positions_get(p, r.track), first * LINE);
        }
        release(&r);
    }
    positions_close(p);
}

// --- Whose file ----------------------------------------------------------------------------------

static void a_file_is_gone_on_with_under_any_name(void **state)
{
    struct setup *s = *state;
    const char *path = path_of(s, "log");
    uint8_t packed[SIZE];
    write_file(path, s->text, SIZE);
    struct positions *p = open_positions(s->state);
    struct reading r = take(p, path);
    assert_int_equal(lines_offset(r.lines), 0);
    uint64_t place = read_on(&r, 777);
    struct reading other;
    assert_int_equal(try_to_take(p, path, &other), ERR_EXISTS); // it is being read
    release(&r);
    expect_place(p, path, 0, place); // read in this process, if not acknowledged
    positions_acknowledge(p, r.track, 0, place);
    save(p);
    positions_close(p);

    const char *copy = path_of(s, "copy");
    const char *gz = path_of(s, "log.gz");
    write_file(copy, s->text, SIZE);
    gzFile out = gzopen(gz, "wb");
    assert_int_equal(gzwrite(out, s->text, SIZE), SIZE);
    assert_int_equal(gzclose(out), Z_OK);
    memset(packed, 0, sizeof(packed));
    p = open_positions(s->state);
    expect_place(p, path, 0, place);
    expect_place(p, copy, 0, place);
    expect_place(p, gz, 0, place);
    positions_close(p);
    p = open_positions(""); // nothing kept, nothing known
    expect_place(p, path, 0, 0);
    positions_close(p);
}

/// What was read but not acknowledged is read again after a restart.
static void a_restart_goes_back_to_what_was_acknowledged(void **state)
{
    struct setup *s = *state;
    const char *path = path_of(s, "log");
    write_file(path, s->text, SIZE);
    struct positions *p = open_positions(s->state);
    struct reading r = take(p, path);
    (void)read_on(&r, 50);
    (void)read_on(&r, 50);
    positions_acknowledge(p, r.track, 0, 300); // between two marks
    positions_acknowledge(p, r.track, 400, 1000);
    save(p);
    release(&r);
    positions_close(p);
    p = open_positions(s->state);
    expect_place(p, path, 0, 300);
    positions_close(p);
}

static void files_that_begin_alike_have_numbers(void **state)
{
    struct setup *s = *state;
    const char *names[3] = { path_of(s, "a"), path_of(s, "b"), path_of(s, "c") };
    uint64_t places[3];
    for (int i = 0; i < 3; i++) {
        memset(s->text + 50, 'a' + i, 5);
        write_file(names[i], s->text, SIZE);
    }
    struct positions *p = open_positions(s->state);
    for (int i = 0; i < 3; i++) { // one after the other
        struct reading r = take(p, names[i]);
        assert_int_equal(r.id.number, i);
        assert_int_equal(lines_offset(r.lines), 0);
        places[i] = read_on(&r, 100 + i);
        positions_acknowledge(p, r.track, 0, places[i]);
        release(&r);
    }
    save(p);
    positions_close(p);
    for (int round = 0; round < 2; round++) { // in any order, also when read at once
        p = open_positions(s->state);
        struct reading r[3];
        for (int k = 0; k < 3; k++) {
            int i = round == 0 ? 2 - k : k;
            r[i] = take(p, names[i]);
            assert_int_equal(r[i].id.number, i);
            assert_int_equal(lines_offset(r[i].lines), places[i]);
        }
        for (int i = 0; i < 3; i++) {
            release(&r[i]);
        }
        positions_close(p);
    }
    // One that begins alike but is shorter than the position is another file.
    write_file(names[0], s->text, LINE);
    p = open_positions(s->state);
    expect_place(p, names[0], 3, 0);
    positions_close(p);
}

/// The state file has what changed, in the order of changes: numbers do not come twice for that.
static void numbers_are_nobody_elses(void **state)
{
    struct setup *s = *state;
    const char *names[3] = { path_of(s, "a"), path_of(s, "b"), path_of(s, "c") };
    for (int i = 0; i < 3; i++) {
        memset(s->text + 50, 'a' + i, 5);
        write_file(names[i], s->text, SIZE);
    }
    struct positions *p = open_positions(s->state);
    struct reading a = take(p, names[0]);
    struct reading b = take(p, names[1]);
    positions_acknowledge(p, b.track, 0, read_on(&b, 100));
    positions_acknowledge(p, a.track, 0, read_on(&a, 90));
    save(p);
    release(&a);
    release(&b);
    positions_close(p);
    char text[2000]; // the two records in the other order
    FILE *f = fopen(s->state, "r+b");
    assert_non_null(f);
    size_t size = fread(text, 1, sizeof(text) - 1, f);
    text[size] = '\0';
    char *first = strchr(text, '\n') + 1;
    char *second = strchr(first, '\n') + 1;
    rewind(f);
    (void)fprintf(f, "weir positions 1\n%s%.*s", second, (int)(second - first), first);
    assert_int_equal(fclose(f), 0);
    p = open_positions(s->state);
    expect_place(p, names[2], 2, 0);
    expect_place(p, names[1], 1, 1000);
    expect_place(p, names[0], 0, 900);
    positions_close(p);
}

/// A number is on the disk as soon as anything is: who is second stays second.
static void numbers_are_kept_before_anything_is_acknowledged(void **state)
{
    struct setup *s = *state;
    const char *names[2] = { path_of(s, "a"), path_of(s, "b") };
    for (int i = 0; i < 2; i++) {
        memset(s->text + 50, 'a' + i, 5);
        write_file(names[i], s->text, SIZE);
    }
    struct positions *p = open_positions(s->state);
    struct reading a = take(p, names[0]);
    struct reading b = take(p, names[1]);
    positions_acknowledge(p, b.track, 0, read_on(&b, 100));
    save(p);
    release(&a);
    release(&b);
    positions_close(p);
    p = open_positions(s->state);
    a = take(p, names[0]);
    b = take(p, names[1]);
    assert_int_equal(a.id.number, 0);
    assert_int_equal(b.id.number, 1);
    assert_int_equal(lines_offset(b.lines), 1000);
    release(&a);
    release(&b);
    positions_close(p);
}

/// A batch may be acknowledged before its end is marked: the mark is what the file is known by.
static void a_late_mark_counts(void **state)
{
    struct setup *s = *state;
    const char *path = path_of(s, "log");
    const char *other = path_of(s, "other");
    write_file(path, s->text, SIZE);
    struct positions *p = open_positions(s->state);
    struct reading r = take(p, path);
    struct line line;
    enum lines_state is;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(lines_read(r.lines, true, &line, 1, &is), 1);
    }
    positions_acknowledge(p, r.track, 0, 100);
    positions_mark(p, r.track, r.lines);
    release(&r);
    save(p);
    positions_close(p);
    memset(s->text + 50, 'x', 5); // the same first line, and as long
    write_file(other, s->text, SIZE);
    p = open_positions(s->state);
    expect_place(p, other, 1, 0);
    expect_place(p, path, 0, 100);
    positions_close(p);
}

/// Who looks again and finds nothing new leaves the state file as it is.
static void nothing_new_is_nothing_to_save(void **state)
{
    struct setup *s = *state;
    const char *path = path_of(s, "log");
    struct stat before;
    struct stat after;
    write_file(path, s->text, SIZE);
    struct positions *p = open_positions(s->state);
    struct reading r = take(p, path);
    positions_acknowledge(p, r.track, 0, read_on(&r, 100));
    save(p);
    assert_int_equal(stat(s->state, &before), 0);
    (void)read_on(&r, 0);
    save(p);
    release(&r);
    positions_close(p);
    p = open_positions(s->state);
    r = take(p, path);
    (void)read_on(&r, 0);
    save(p);
    release(&r);
    positions_close(p);
    assert_int_equal(stat(s->state, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
}

/// Many marks are thinned, and still there is one near the position.
static void many_marks(void **state)
{
    struct setup *s = *state;
    const char *path = path_of(s, "log");
    const char *other = path_of(s, "other");
    write_file(path, s->text, SIZE);
    struct positions *p = open_positions(s->state);
    struct reading r = take(p, path);
    for (int i = 0; i < 1000; i++) {
        (void)read_on(&r, 1);
    }
    positions_acknowledge(p, r.track, 0, 9000);
    save(p);
    release(&r);
    positions_close(p);
    memset(s->text + 8000, 'x', 5); // a tenth before it
    write_file(other, s->text, SIZE);
    p = open_positions(s->state);
    expect_place(p, other, 1, 0);
    expect_place(p, path, 0, 9000);
    positions_close(p);
}

static void what_is_finished_is_known_by_its_inode(void **state)
{
    struct setup *s = *state;
    const char *gz = path_of(s, "log.gz");
    struct stat st;
    gzFile out = gzopen(gz, "wb");
    assert_int_equal(gzwrite(out, s->text, SIZE), SIZE);
    assert_int_equal(gzclose(out), Z_OK);
    assert_int_equal(stat(gz, &st), 0);
    struct positions *p = open_positions(s->state);
    assert_false(positions_is_finished(p, &st));
    struct reading r = take(p, gz);
    uint64_t end = read_on(&r, COUNT);
    release(&r);
    positions_finish(p, r.track, &st);
    assert_false(positions_is_finished(p, &st)); // read, not yet delivered
    positions_acknowledge(p, r.track, 0, end - LINE);
    assert_false(positions_is_finished(p, &st));
    positions_acknowledge(p, r.track, end - LINE, end);
    assert_true(positions_is_finished(p, &st));
    save(p);
    positions_close(p);
    p = open_positions(s->state);
    assert_true(positions_is_finished(p, &st));
    struct stat grown = st;
    grown.st_size++;
    assert_false(positions_is_finished(p, &grown));
    grown = st;
    grown.st_mtim.tv_nsec ^= 1;
    assert_false(positions_is_finished(p, &grown));
    grown = st;
    grown.st_ino++;
    assert_false(positions_is_finished(p, &grown));
    r = take(p, gz); // whoever looks into it may find more
    assert_false(positions_is_finished(p, &st));
    release(&r);
    positions_close(p);
}

// --- Bounds --------------------------------------------------------------------------------------

static void the_longest_unused_are_forgotten(void **state)
{
    struct setup *s = *state;
    const char *path = path_of(s, "log");
    struct track **tracks = mem_zalloc_array(POSITIONS_MAX, sizeof(struct track *));
    struct lines *lines;
    struct err err;
    struct file_id id;
    assert_non_null(tracks);
    write_file(path, s->text, LINE);
    assert_int_equal(lines_new(open(path, O_RDONLY), path, 100, &lines, &err), 0);
    struct positions *p = open_positions(s->state);
    for (uint64_t i = 0; i < POSITIONS_MAX; i++) {
        uint64_t fingerprint[2] = { i, 1 };
        assert_int_equal(positions_take(p, lines, fingerprint, path, &tracks[i], &id), 0);
    }
    uint64_t more[2] = { 5, 2 };
    struct track *t;
    assert_int_equal(positions_take(p, lines, more, path, &t, &id), ERR_FULL); // all are in use
    positions_release(p, tracks[700], lines);
    assert_int_equal(positions_take(p, lines, more, path, &t, &id), 0);
    for (uint64_t i = 0; i < POSITIONS_MAX; i++) {
        if (i != 700) {
            positions_release(p, tracks[i], lines);
        }
    }
    positions_release(p, t, lines);
    for (uint64_t i = 0; i < 20; i++) {
        uint64_t fingerprint[2] = { i, 3 };
        assert_int_equal(positions_take(p, lines, fingerprint, path, &t, &id), 0);
        positions_release(p, t, lines);
    }
    lines_free(lines);
    mem_free(tracks);
    save(p);
    positions_close(p);
    positions_close(open_positions(s->state)); // it is read again
}

static void the_file_is_one_programs(void **state)
{
    struct setup *s = *state;
    struct positions *other;
    struct err err;
    struct positions *p = open_positions(s->state);
    assert_int_equal(positions_open(s->state, &other, &err), ERR_EXISTS);
    assert_non_null(strstr(err.text, s->state));
    assert_non_null(strstr(err.text, "-state"));
    positions_close(p);
    positions_close(open_positions(s->state));
    positions_close(NULL);
}

static void what_is_no_state_file_is_refused(void **state)
{
    struct setup *s = *state;
    static const char *const TEXTS[] = { "hello\n",
                                         "{\"type\":\"SFLOW_5\"}\n",
                                         "weir positions 2\n",
                                         "weir position\n",
                                         "\n",
                                         "weir positions 1"
                                         "x" };
    struct positions *p;
    struct err err;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        write_file(s->state, TEXTS[i], strlen(TEXTS[i]));
        assert_int_equal(positions_open(s->state, &p, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "is not a state file of weir"));
        char found[64] = { 0 }; // and left alone
        FILE *f = fopen(s->state, "rb");
        assert_int_equal(fread(found, 1, sizeof(found), f), strlen(TEXTS[i]));
        assert_string_equal(found, TEXTS[i]);
        assert_int_equal(fclose(f), 0);
    }
    assert_true(positions_open(s->directory, &p, &err) != 0);
    assert_non_null(strstr(err.text, s->directory));
    assert_int_equal(positions_open("/dev/null", &p, &err), ERR_INVALID);
    assert_int_equal(positions_open(path_of(s, "none/state"), &p, &err), ERR_IO);
    assert_non_null(strstr(err.text, "No such file"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(runs_are_unbroken),
        TEST(any_order),
        TEST(a_file_is_gone_on_with_under_any_name),
        TEST(a_restart_goes_back_to_what_was_acknowledged),
        TEST(files_that_begin_alike_have_numbers),
        TEST(numbers_are_nobody_elses),
        TEST(numbers_are_kept_before_anything_is_acknowledged),
        TEST(a_late_mark_counts),
        TEST(nothing_new_is_nothing_to_save),
        TEST(many_marks),
        TEST(what_is_finished_is_known_by_its_inode),
        TEST(the_longest_unused_are_forgotten),
        TEST(the_file_is_one_programs),
        TEST(what_is_no_state_file_is_refused),
    };
    return UNIT_MAIN("positions", tests);
}
