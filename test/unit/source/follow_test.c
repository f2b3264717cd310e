// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../unit.h"
#include "base/clock.h"
#include "source/follow.h"
#include "source/position_record.h"

enum { PATH_SIZE = 512, TEXT_SIZE = 1 << 16, TURNS_MAX = 4000, PAUSE_MS = 5 };

static char folder[] = "/tmp/weir-follow-XXXXXX";

/// A follower of *.log in the folder, and the lines it gave out, each with a blank behind it.
struct rig {
    struct follow_settings settings;
    struct positions *positions;
    struct follow *follow;
    char pattern[PATH_SIZE];
    char text[TEXT_SIZE];
    size_t size;
    bool undelivered; ///< nothing is acknowledged
    _Atomic bool stop;
};

static void take_line(void *context, const struct line *line)
{
    struct rig *r = context;
    assert_true(r->size + line->size + 2 < sizeof(r->text));
    assert_non_null(line->origin);
    assert_string_equal(line->origin->input_type, "log");
    memcpy(r->text + r->size, line->data, line->size);
    r->size += line->size;
    r->text[r->size++] = ' ';
    r->text[r->size] = '\0';
    if (!r->undelivered) {
        positions_acknowledge(r->positions, line->origin->track, line->offset, line->end);
    }
}

static const char *path_of(const char *name)
{
    static char paths[4][PATH_SIZE];
    static int next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, PATH_SIZE, "%s/%s", folder, name);
    return path;
}

static void write_to(const char *name, const char *text, const char *mode)
{
    FILE *f = fopen(path_of(name), mode);
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void append(const char *name, const char *text)
{
    write_to(name, text, "a");
}

static struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct err err;
    assert_non_null(r);
    assert_int_equal(positions_open("", &r->positions, &err), 0);
    (void)snprintf(r->pattern, sizeof(r->pattern), "%s/*.log", folder);
    r->settings = (struct follow_settings){ .pattern = r->pattern,
                                            .line_max = 1000,
                                            .poll_ms = 20,
                                            .scan_ms = 50,
                                            .close_inactive_ms = 3600000,
                                            .open_max = 100,
                                            .positions = r->positions,
                                            .line = take_line,
                                            .context = r,
                                            .stop = &r->stop };
    return r;
}

static void rig_start(struct rig *r)
{
    struct err err = { 0 };
    assert_int_equal(follow_new(&r->settings, &r->follow, &err), 0);
    (void)follow_turn(r->follow, true);
}

static void pause_a_little(void)
{
    struct timespec pause = { .tv_nsec = PAUSE_MS * (long)NS_PER_MS };
    (void)nanosleep(&pause, NULL);
}

/// Turns until what was given out is `text`.
static void expect(struct rig *r, const char *text)
{
    for (int i = 0; i < TURNS_MAX && strcmp(r->text, text) != 0; i++) {
        if (!follow_turn(r->follow, true)) {
            pause_a_little();
        }
    }
    assert_string_equal(r->text, text);
}

/// Turns until a count is what it should be.
static void expect_count(struct rig *r, const _Atomic uint64_t *count, uint64_t value)
{
    for (int i = 0; i < TURNS_MAX && atomic_load(count) != value; i++) {
        (void)follow_turn(r->follow, true);
        pause_a_little();
    }
    assert_int_equal(atomic_load(count), value);
}

static void rig_end(struct rig *r)
{
    follow_end(r->follow);
    assert_int_equal(atomic_load(&follow_counts(r->follow)->open), 0);
    follow_free(r->follow);
    r->follow = NULL;
}

static void rig_free(struct rig *r)
{
    if (r->follow != NULL) {
        rig_end(r);
    }
    positions_set_sync(r->positions, NULL, NULL);
    positions_close(r->positions);
    free(r);
}

static void files_that_grow(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    append("a.log", "one\ntwo\nhal");
    rig_start(r);
    expect(r, "one two ");
    append("a.log", "f\n");
    expect(r, "one two half ");
    append("b.log", "three\n");
    expect(r, "one two half three ");
    assert_int_equal(atomic_load(&follow_counts(r->follow)->files), 2);
    assert_int_equal(atomic_load(&follow_counts(r->follow)->bytes), 19);
    rig_free(r);
}

static void where_it_was_left(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    append("a.log", "one\ntwo\n");
    rig_start(r);
    expect(r, "one two ");
    rig_end(r);
    append("a.log", "three\n");
    assert_int_equal(rename(path_of("a.log"), path_of("z.log")), 0);
    rig_start(r);
    expect(r, "one two three ");
    rig_free(r);
}

static void renamed_out_of_the_pattern(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_start(r);
    append("a.log", "one\n");
    expect(r, "one ");
    assert_int_equal(rename(path_of("a.log"), path_of("a.log.1")), 0);
    append("a.log.1", "two\n");
    expect(r, "one two ");
    rig_end(r);
    append("a.log.1", "three\n"); // found by its inode
    append("a.log.2", "not ours\n");
    rig_start(r);
    expect(r, "one two three ");
    rig_free(r);
}

/// More than the first KiB tells which file a copy is of.
static void copied_and_truncated(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    char text[200 * 8 + 64] = "";
    for (int i = 0; i < 200; i++) {
        (void)snprintf(text + 8 * i, 9, "%07d\n", i);
    }
    append("a.log", text);
    rig_start(r);
    expect_count(r, &follow_counts(r->follow)->bytes, 1600);
    append("a.log.foreign", "begins with the name of the log, and is none of ours\n");
    append("copy.log", text);
    append("copy.log", "unread\n");
    assert_int_equal(truncate(path_of("a.log"), 0), 0);
    append("a.log", "new\n");
    r->size = 0;
    for (int i = 0; i < TURNS_MAX && r->size < 11; i++) {
        (void)follow_turn(r->follow, true);
        pause_a_little();
    }
    assert_true(strcmp(r->text, "new unread ") == 0 || strcmp(r->text, "unread new ") == 0);
    assert_int_equal(atomic_load(&follow_counts(r->follow)->truncated), 1);
    assert_int_equal(atomic_load(&follow_counts(r->follow)->copies_lost), 0);
    // A copy that ends before what was read: nothing in it is new, and nothing is read twice.
    r->size = 0;
    r->text[0] = '\0';
    rig_end(r);
    append("short.log", text);
    struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
    assert_int_equal(utimensat(AT_FDCWD, path_of("short.log"), old, 0), 0);
    append("c.log", "other\n");
    rig_start(r);
    expect_count(r, &follow_counts(r->follow)->files, 4);
    expect(r, "other ");
    rig_free(r);
}

static void the_last_line_of_a_file_that_is_gone(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->settings.close_inactive_ms = 50;
    append("a.log", "one\ntwo");
    append("b.log", "three"); // not even one line is whole
    rig_start(r);
    expect(r, "one ");
    expect_count(r, &follow_counts(r->follow)->open, 0); // quiet, closed, and the rest is kept
    assert_string_equal(r->text, "one ");
    append("a.log", "2");
    expect_count(r, &follow_counts(r->follow)->open, 1);
    assert_int_equal(unlink(path_of("a.log")), 0);
    expect(r, "one two2 ");
    rig_free(r);
}

static void a_deleted_file_at_the_end(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    append("a.log", "one\ntwo");
    append("b.log", "three");
    rig_start(r);
    expect(r, "one ");
    expect_count(r, &follow_counts(r->follow)->open, 2);
    assert_int_equal(unlink(path_of("a.log")), 0);
    assert_int_equal(unlink(path_of("b.log")), 0);
    rig_end(r);
    assert_true(strcmp(r->text, "one two three ") == 0 || strcmp(r->text, "one three two ") == 0);
    rig_free(r);
}

static void several_names(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    append("a.log", "one\n");
    assert_int_equal(link(path_of("a.log"), path_of("b.log")), 0);
    assert_int_equal(symlink("a.log", path_of("c.log")), 0);
    rig_start(r);
    expect(r, "one ");
    assert_int_equal(unlink(path_of("a.log")), 0);
    append("b.log", "two\n");
    expect(r, "one two ");
    assert_int_equal(atomic_load(&follow_counts(r->follow)->files), 1);
    rig_free(r);
}

static void few_descriptors(void **state)
{
    (void)state;
    enum { FILES = 40 };
    struct rig *r = rig_new();
    r->settings.open_max = 3;
    rig_start(r);
    for (int round = 0; round < 3; round++) {
        uint64_t bytes = atomic_load(&follow_counts(r->follow)->bytes);
        for (int i = 0; i < FILES; i++) {
            char name[32];
            (void)snprintf(name, sizeof(name), "%d.log", i);
            (void)snprintf(name + 16, 16, "%06d\n", 1000 * round + i);
            append(name, name + 16);
        }
        expect_count(r, &follow_counts(r->follow)->bytes, bytes + (uint64_t)FILES * 7);
        assert_true(atomic_load(&follow_counts(r->follow)->open) <= 3);
    }
    for (int i = 0; i < 3 * FILES; i++) { // each number once
        char number[16];
        (void)snprintf(number, sizeof(number), "%06d ", 1000 * (i / FILES) + i % FILES);
        const char *found = strstr(r->text, number);
        assert_non_null(found);
        assert_null(strstr(found + 1, number));
    }
    rig_free(r);
}

static void what_is_no_log(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    const char *const excludes[] = { "secret", "[.]tmp[.]" };
    r->settings.excludes = excludes;
    r->settings.exclude_count = 2;
    assert_int_equal(mkfifo(path_of("pipe.log"), 0600), 0);
    assert_int_equal(mkdir(path_of("folder.log"), 0755), 0);
    append("secret.log", "secret\n");
    append("a.tmp.log", "temporary\n");
    append("a.log", "one\n");
    rig_start(r);
    expect(r, "one ");
    expect_count(r, &follow_counts(r->follow)->unreadable, 1); // the pipe; a folder is none
    assert_int_equal(unlink(path_of("pipe.log")), 0);
    expect_count(r, &follow_counts(r->follow)->unreadable, 0);
    assert_int_equal(rmdir(path_of("folder.log")), 0);
    rig_free(r);
}

static void from_the_end(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->settings.from_end = true;
    append("a.log", "old\nolder\nbeg");
    append("b.log", "beg");
    rig_start(r);
    append("a.log", "un\n");
    append("b.log", "in\n");
    append("c.log", "new\n");
    for (int i = 0; i < TURNS_MAX && r->size < 16; i++) {
        (void)follow_turn(r->follow, true);
        pause_a_little();
    }
    assert_int_equal(r->size, 16);
    assert_non_null(strstr(r->text, "begun "));
    assert_non_null(strstr(r->text, "begin "));
    assert_non_null(strstr(r->text, "new "));
    rig_end(r);
    r->size = 0;
    append("d.log", "while it was away\n");
    rig_start(r);
    expect(r, "while it was away ");
    rig_free(r);
}

static void too_old(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->settings.ignore_older_s = 60;
    append("a.log", "old\n");
    struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
    assert_int_equal(utimensat(AT_FDCWD, path_of("a.log"), old, 0), 0);
    append("b.log", "new\n");
    rig_start(r);
    expect(r, "new ");
    assert_int_equal(atomic_load(&follow_counts(r->follow)->too_old), 1);
    append("a.log", "young\n"); // it is old no longer, and all of it counts
    expect(r, "new old young ");
    rig_free(r);
}

static void when_it_may_not_read(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    append("a.log", "one\n");
    assert_int_equal(follow_new(&r->settings, &r->follow, &(struct err){ 0 }), 0);
    for (int i = 0; i < 20; i++) {
        assert_false(follow_turn(r->follow, false));
    }
    assert_int_equal(r->size, 0);
    assert_int_equal(atomic_load(&follow_counts(r->follow)->open), 1); // but it is held
    assert_int_equal(unlink(path_of("a.log")), 0);
    for (int i = 0; i < 20; i++) {
        assert_false(follow_turn(r->follow, false));
        pause_a_little();
    }
    expect(r, "one ");
    rig_free(r);
}

struct sync_rig {
    struct rig *rig;
    struct track *track;
    bool fails;
    int calls;
};

/// More is acknowledged while what is to be noted is written to the disk.
static int sync_output(void *context)
{
    struct sync_rig *s = context;
    s->calls++;
    positions_acknowledge(s->rig->positions, s->track, 4, 8);
    return s->fails ? ERR_IO : 0;
}

/// The position in the last record of the state file.
static uint64_t saved_position(const char *path)
{
    char text[PATH_SIZE * 4];
    struct position_record record;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t size = fread(text, 1, sizeof(text), f);
    assert_int_equal(fclose(f), 0);
    assert_true(size > 0 && text[size - 1] == '\n');
    const char *line = memrchr(text, '\n', size - 1);
    assert_non_null(line);
    assert_true(position_record_parse(line + 1, size - 2 - (size_t)(line - text), &record));
    return record.position;
}

static void nothing_is_noted_before_it_is_on_the_disk(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct err err;
    struct file_id id = { .fingerprint = { 0 } };
    struct sync_rig s = { .rig = r };
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s", path_of("state"));
    positions_close(r->positions);
    assert_int_equal(positions_open(path, &r->positions, &err), 0);
    append("a.log", "one\ntwo\n");
    struct lines *lines;
    assert_int_equal(lines_new(open(path_of("a.log"), O_RDONLY), "a", 100, &lines, &err), 0);
    assert_int_equal(lines_fingerprint(lines, false, id.fingerprint), 0);
    assert_int_equal(positions_take(r->positions, lines, id.fingerprint, "a", &s.track, &id), 0);
    positions_set_sync(r->positions, sync_output, &s);
    positions_acknowledge(r->positions, s.track, 0, 4);
    assert_int_equal(positions_save(r->positions, &err), 0);
    assert_int_equal(saved_position(path), 4); // what came meanwhile may not be on the disk
    s.fails = true;
    assert_int_equal(positions_save(r->positions, &err), ERR_IO);
    assert_int_equal(saved_position(path), 4);
    s.fails = false;
    assert_int_equal(positions_save(r->positions, &err), 0);
    assert_int_equal(saved_position(path), 8);
    assert_int_equal(s.calls, 3);
    positions_release(r->positions, s.track, lines);
    lines_free(lines);
    rig_free(r);
}

/// The last record of each identity, in the reverse order: a state file that was written anew may
/// have them in any.
static void turn_round(const char *path)
{
    enum { RECORDS_MAX = 256 };
    static char text[TEXT_SIZE];
    char *records[RECORDS_MAX];
    size_t count = 0;
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    char *rest = text;
    (void)strsep(&rest, "\n"); // what it is
    for (char *line; (line = strsep(&rest, "\n")) != NULL && line[0] != '\0';) {
        assert_true(count < RECORDS_MAX);
        records[count++] = line;
    }
    rewind(f);
    (void)fprintf(f, "%s\n", text);
    for (size_t i = count; i-- > 0;) {
        bool last = true;
        for (size_t k = i + 1; k < count; k++) { // behind the checksum: fingerprint and number
            last = last && strncmp(records[i] + 17, records[k] + 17, 35) != 0;
        }
        if (last) {
            (void)fprintf(f, "%s\n", records[i]);
        }
    }
    assert_int_equal(fflush(f), 0);
    assert_int_equal(ftruncate(fileno(f), ftell(f)), 0);
    assert_int_equal(fclose(f), 0);
}

/// Positions as they are after a restart.
static void reload(struct rig *r, const char *path)
{
    struct err err;
    assert_int_equal(positions_save(r->positions, &err), 0);
    positions_close(r->positions);
    turn_round(path);
    assert_int_equal(positions_open(path, &r->positions, &err), 0);
    r->settings.positions = r->positions;
}

/// The track of what was in the file before has the same inode in the state file, in any order.
static void a_live_file_that_was_truncated_once(void **state)
{
    (void)state;
    enum { ROUNDS = 2 };
    char path[PATH_SIZE];
    struct err err;
    (void)snprintf(path, sizeof(path), "%s", path_of("state"));
    for (int i = 0; i < ROUNDS; i++) {
        char text[64];
        struct rig *r = rig_new();
        positions_close(r->positions);
        assert_int_equal(positions_open(path, &r->positions, &err), 0);
        r->settings.positions = r->positions;
        (void)snprintf(text, sizeof(text), "old%d\nmore\n", i);
        write_to("a.log", text, "w");
        rig_start(r);
        (void)snprintf(text, sizeof(text), "old%d more ", i);
        expect(r, text);
        (void)snprintf(text, sizeof(text), "new%d\nhal", i);
        write_to("a.log", text, "w");
        (void)snprintf(text, sizeof(text), "old%d more new%d ", i, i);
        expect(r, text);
        rig_end(r);
        reload(r, path);
        r->settings.close_inactive_ms = 60;
        rig_start(r);
        expect_count(r, &follow_counts(r->follow)->open, 0); // closed, its last line kept back
        assert_string_equal(r->text, text);
        rig_free(r);
    }
}

static void renamed_before_anything_was_delivered(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    struct err err;
    struct rig *r = rig_new();
    (void)snprintf(path, sizeof(path), "%s", path_of("state"));
    positions_close(r->positions);
    assert_int_equal(positions_open(path, &r->positions, &err), 0);
    r->settings.positions = r->positions;
    r->undelivered = true;
    append("a.log", "one\n");
    rig_start(r);
    expect(r, "one ");
    rig_end(r);
    reload(r, path);
    r->undelivered = false;
    assert_int_equal(rename(path_of("a.log"), path_of("a.log.1")), 0);
    rig_start(r);
    expect(r, "one one ");
    rig_free(r);
}

/// With the first line, which is read before the other file is opened, that one is rotated.
static void take_and_rotate(void *context, const struct line *line)
{
    struct rig *r = context;
    bool first = r->size == 0;
    take_line(context, line);
    if (first) {
        assert_int_equal(rename(path_of("b.log"), path_of("c.log")), 0);
        append("b.log", "three\n");
    }
}

/// A file that was rotated after it was found and before it was opened, and never changes again.
static void renamed_before_it_was_opened(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->settings.line = take_and_rotate;
    append("a.log", "one\n");
    pause_a_little();
    append("b.log", "two\n");
    rig_start(r);
    expect(r, "one three two ");
    rig_free(r);
}

static void waiting(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->settings.poll_ms = 3600000;
    rig_start(r);
    follow_wake(r->follow);
    uint64_t begin_ns = clock_mono_ns();
    follow_wait(r->follow, 3600000);
    assert_true(clock_mono_ns() - begin_ns < 60 * NS_PER_S);
    rig_free(r);
}

static void what_cannot_be(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct err err = { 0 };
    const char *const excludes[] = { "(" };
    r->settings.excludes = excludes;
    r->settings.exclude_count = 1;
    assert_int_equal(follow_new(&r->settings, &r->follow, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "exclude_files=("));
    r->settings.exclude_count = 0;
    r->settings.pattern = "a/**b";
    assert_int_equal(follow_new(&r->settings, &r->follow, &err), ERR_INVALID);
    rig_free(r);
}

static int make_folder(void **state)
{
    (void)state;
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    DIR *d = opendir(folder);
    const struct dirent *entry;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        (void)unlink(path_of(entry->d_name)); // not what the folder names itself
    }
    return d == NULL || closedir(d) != 0 || rmdir(folder) != 0 ? -1 : 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_that_grow),
        TEST(where_it_was_left),
        TEST(renamed_out_of_the_pattern),
        TEST(copied_and_truncated),
        TEST(the_last_line_of_a_file_that_is_gone),
        TEST(a_deleted_file_at_the_end),
        TEST(several_names),
        TEST(few_descriptors),
        TEST(what_is_no_log),
        TEST(from_the_end),
        TEST(too_old),
        TEST(when_it_may_not_read),
        TEST(nothing_is_noted_before_it_is_on_the_disk),
        TEST(a_live_file_that_was_truncated_once),
        TEST(renamed_before_anything_was_delivered),
        TEST(renamed_before_it_was_opened),
        TEST(waiting),
        TEST(what_cannot_be),
    };
    return UNIT_MAIN("follow", tests);
}
