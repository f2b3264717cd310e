// SPDX-License-Identifier: Apache-2.0
/*
 * The spool beside a plain queue in memory, under damage of each byte, and under kill -9. What it
 * does when calls fail is in spool_fault_test.c.
 */
#include "transport/spool.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../folder.h"
#include "../unit.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

enum { CAP = 1 << 22, MODEL_MAX = 20000 };

struct setup {
    char folder[FOLDER_SIZE];
    struct buf out;
};

static int set_up(void **state)
{
    static struct setup s;
    log_set_up(100, false); // quiet
    folder_make(s.folder);
    buf_init(&s.out, CAP);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    buf_release(&s->out);
    folder_remove(s->folder);
    return 0;
}

static struct spool *open_spool(struct setup *s, uint64_t size_max)
{
    struct spool *spool;
    struct err err;
    if (spool_open(&(struct spool_settings){ .folder = s->folder, .size_max = size_max }, &spool,
                   &err) != 0) {
        fail_msg("%s", err.text);
    }
    return spool;
}

static struct spool_books balanced(struct spool *spool)
{
    struct spool_books b = spool_books(spool);
    assert_int_equal(b.found + b.put, b.done + b.dropped + b.damaged + b.waiting);
    return b;
}

/// Payload number `n`: its number, and noise that follows from it, some of it large.
static size_t payload(uint32_t n, char *at)
{
    unsigned seed = n;
    size_t noise = n % 7 == 0 ? 3000 : n % 50;
    int size = sprintf(at, "%u ", n);
    for (size_t i = 0; i < noise; i++) {
        at[size++] = (char)rand_r(&seed);
    }
    return (size_t)size;
}

static int put(struct spool *spool, enum spool_lane lane, uint32_t n, uint32_t count)
{
    char data[4000];
    size_t size = payload(n, data);
    return spool_put(spool, lane, data, size, count);
}

/// The number of the payload that is next; it must be whole.
static int64_t take(struct setup *s, struct spool *spool, enum spool_lane lane, uint32_t *ret_count)
{
    char data[4000];
    buf_clear(&s->out);
    int status = spool_take(spool, lane, &s->out, ret_count);
    if (status != 0) {
        assert_int_equal(status, ERR_NOT_FOUND);
        assert_int_equal(s->out.size, 0);
        return -1;
    }
    uint32_t n = (uint32_t)strtoul(buf_text(&s->out), NULL, 10);
    assert_int_equal(payload(n, data), s->out.size);
    assert_memory_equal(data, s->out.data, s->out.size);
    return n;
}

static unsigned count_files(struct setup *s, const char *end)
{
    unsigned count = 0;
    DIR *d = opendir(s->folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t size = strlen(e->d_name);
        count += size >= strlen(end) && strcmp(e->d_name + size - strlen(end), end) == 0;
    }
    assert_int_equal(closedir(d), 0);
    return count;
}

static void first_in_first_out(void **state)
{
    struct setup *s = *state;
    uint32_t count;
    struct spool *spool = open_spool(s, 1 << 20);
    assert_int_equal(take(s, spool, SPOOL_LINES, &count), -1);
    assert_int_equal(balanced(spool).oldest_s, 0);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(put(spool, i % 2, i, i), 0);
    }
    assert_true(balanced(spool).oldest_s > 1700000000);
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(take(s, spool, i % 2, &count), i);
        assert_int_equal(count, i);
        assert_int_equal(take(s, spool, i % 2, &count), i); // until it is done
        spool_done(spool, i % 2);
        spool_done(spool, i % 2); // of nothing
        balanced(spool);
    }
    spool_close(spool);
    spool = open_spool(s, 1 << 20);
    assert_int_equal(balanced(spool).found, 99 * 100 / 2 - 49 * 50 / 2);
    for (uint32_t i = 50; i < 100; i++) {
        assert_int_equal(take(s, spool, i % 2, &count), i);
        spool_done(spool, i % 2);
    }
    assert_int_equal(balanced(spool).waiting, 0);
    assert_int_equal(balanced(spool).bytes, 0);
    assert_int_equal(count_files(s, ".seg"), 0);
    spool_close(spool);
    spool = open_spool(s, 1 << 20);
    assert_int_equal(balanced(spool).found, 0);
    assert_int_equal(put(spool, SPOOL_LINES, 5, 1), 0); // its segment is behind the mark
    spool_close(spool);
    spool = open_spool(s, 1 << 20);
    assert_int_equal(take(s, spool, SPOOL_LINES, &count), 5);
    spool_close(spool);
    spool_close(NULL);
}

static void one_process_at_a_time(void **state)
{
    struct setup *s = *state;
    struct spool *other;
    struct err err;
    char pid[40];
    struct spool *spool = open_spool(s, 1 << 20);
    struct spool_settings settings = { .folder = s->folder, .size_max = 1 };
    assert_int_equal(spool_open(&settings, &other, &err), ERR_EXISTS);
    (void)snprintf(pid, sizeof(pid), "process %d ", (int)getpid()); // fits
    assert_non_null(strstr(err.text, s->folder));
    assert_non_null(strstr(err.text, pid));
    spool_close(spool);
    settings.folder = "/dev/null/spool";
    assert_int_equal(spool_open(&settings, &other, &err), ERR_IO);
    assert_non_null(strstr(err.text, "/dev/null/spool"));
}

static void lines_wait_and_datagrams_make_room(void **state)
{
    struct setup *s = *state;
    enum { SIZE = 64 << 10 };
    uint32_t count;
    struct spool *spool = open_spool(s, SIZE);
    uint32_t lines = 0;
    while (spool_takes_lines(spool)) {
        assert_int_equal(put(spool, SPOOL_LINES, lines++ * 7, 1), 0);
        assert_true(lines < 1000);
    }
    uint64_t room = SIZE - balanced(spool).bytes;
    assert_true(room > SIZE / 2 - 4000 && room < SIZE / 2);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(put(spool, SPOOL_DATAGRAMS, 7 * i, 1), 0);
        assert_true(balanced(spool).bytes <= SIZE);
    }
    assert_true(balanced(spool).dropped > 50);
    uint64_t dropped = balanced(spool).dropped;
    assert_int_equal(take(s, spool, SPOOL_DATAGRAMS, &count), 7 * dropped);
    while (put(spool, SPOOL_LINES, lines * 7, 1) == 0) { // what is already read
        lines++;
        assert_true(lines < 1000);
    }
    assert_int_equal(put(spool, SPOOL_LINES, 7, 1), ERR_FULL);
    assert_int_equal(balanced(spool).dropped, dropped);
    // What is being delivered is not dropped, though its segment is.
    for (uint32_t i = 100; i < 130; i++) {
        assert_int_equal(put(spool, SPOOL_DATAGRAMS, 7 * i, 1), 0);
    }
    struct spool_books b = balanced(spool);
    spool_done(spool, SPOOL_DATAGRAMS);
    assert_int_equal(balanced(spool).done, b.done + 1);
    assert_int_equal(balanced(spool).dropped, b.dropped);
    // The next one is the one that the books say.
    assert_int_equal(take(s, spool, SPOOL_DATAGRAMS, &count), 7 * (b.dropped + 1));
    for (uint32_t i = 130; i < 160; i++) {
        assert_int_equal(put(spool, SPOOL_DATAGRAMS, 7 * i, 1), 0);
    }
    // It was never said to be done: then it is dropped when the next one is taken.
    b = balanced(spool);
    assert_int_equal(take(s, spool, SPOOL_DATAGRAMS, &count), 7 * (b.dropped + 1 + 1));
    assert_int_equal(balanced(spool).dropped, b.dropped + 1);
    for (uint32_t i = 0; i < lines; i++) { // never dropped
        assert_int_equal(take(s, spool, SPOOL_LINES, &count), i * 7);
        spool_done(spool, SPOOL_LINES);
    }
    assert_true(spool_takes_lines(spool) || balanced(spool).bytes > SIZE / 2);
    spool_close(spool);
    spool = open_spool(s, 0);
    assert_false(spool_takes_lines(spool));
    assert_int_equal(put(spool, SPOOL_LINES, 1, 1), ERR_FULL);
    assert_int_equal(put(spool, SPOOL_DATAGRAMS, 1, 1), ERR_FULL);
    assert_true(take(s, spool, SPOOL_DATAGRAMS, &count) >= 0); // what is in it comes out
    spool_close(spool);
}

/// A frame that was taken and not delivered is in the spool, or it is counted as dropped.
static void put_back(void **state)
{
    struct setup *s = *state;
    uint32_t count;
    struct spool *spool = open_spool(s, 64 << 10);
    assert_int_equal(put(spool, SPOOL_DATAGRAMS, 0, 5), 0);
    assert_int_equal(take(s, spool, SPOOL_DATAGRAMS, &count), 0);
    spool_put_back(spool, SPOOL_DATAGRAMS);
    assert_int_equal(balanced(spool).waiting, 5);
    assert_int_equal(take(s, spool, SPOOL_DATAGRAMS, &count), 0);
    for (uint32_t i = 1; i < 100; i++) { // its segment makes room
        assert_int_equal(put(spool, SPOOL_DATAGRAMS, 7 * i, 5), 0);
    }
    uint64_t dropped = balanced(spool).dropped;
    spool_put_back(spool, SPOOL_DATAGRAMS);
    assert_int_equal(balanced(spool).dropped, dropped + 5);
    uint64_t waiting = balanced(spool).waiting;
    spool_close(spool);
    spool = open_spool(s, 64 << 10);
    assert_int_equal(balanced(spool).found, waiting); // what was said to be there is
    spool_close(spool);
}

static void too_large_for_all(void **state)
{
    struct setup *s = *state;
    struct spool *spool = open_spool(s, 1000);
    assert_int_equal(put(spool, SPOOL_DATAGRAMS, 3, 1), 0);
    assert_int_equal(put(spool, SPOOL_DATAGRAMS, 7, 1), ERR_FULL); // and drops nothing
    assert_int_equal(balanced(spool).waiting, 1);
    spool_close(spool);
}

// --- A queue in memory ---------------------------------------------------------------------------

struct model {
    uint32_t n[MODEL_MAX];
    size_t begin;
    size_t end;
};

/// Random steps; datagrams that were dropped are the oldest ones, as many as the books say.
static void as_a_queue(void **state)
{
    struct setup *s = *state;
    static struct model models[SPOOL_LANE_COUNT];
    for (unsigned seed = 1; seed <= 20; seed++) {
        unsigned random = seed;
        uint64_t size_max = seed % 3 == 0 ? 30000 : 200000;
        uint32_t next = 0;
        memset(models, 0, sizeof(models));
        struct spool *spool = open_spool(s, size_max);
        for (int step = 0; step < 800; step++) {
            enum spool_lane lane = (unsigned)rand_r(&random) % 2;
            struct model *m = &models[lane];
            uint64_t dropped = spool_books(spool).dropped;
            uint32_t count;
            int what = rand_r(&random) % 100;
            if (what < 55) {
                int status = put(spool, lane, next, 1);
                assert_true(status == 0 || (status == ERR_FULL && size_max < 100000) ||
                            lane == SPOOL_LINES);
                if (status == 0) {
                    m->n[m->end++] = next++;
                }
                models[SPOOL_DATAGRAMS].begin += balanced(spool).dropped - dropped;
            } else if (what < 97) {
                int64_t n = take(s, spool, lane, &count);
                assert_int_equal(n, m->begin == m->end ? -1 : (int64_t)m->n[m->begin]);
                if (n >= 0 && (what < 90 || lane == SPOOL_DATAGRAMS)) {
                    spool_done(spool, lane);
                    m->begin++;
                }
            } else if (what < 98) {
                spool_tick(spool);
            } else {
                spool_close(spool);
                spool = open_spool(s, size_max);
                assert_int_equal(spool_books(spool).found,
                                 models[0].end - models[0].begin + models[1].end - models[1].begin);
            }
            assert_true(balanced(spool).bytes <= size_max);
            assert_int_equal(spool_books(spool).damaged, 0);
        }
        spool_close(spool);
        folder_clear(s->folder);
    }
}

// --- Damage --------------------------------------------------------------------------------------

enum { FRAMES = 8 };
static const char SEGMENT[] = "datagrams-000000000001.seg";

static size_t read_file(struct setup *s, const char *name, uint8_t *data, size_t room)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", s->folder, name); // fits
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(data, 1, room, f);
    assert_int_equal(fclose(f), 0);
    return size;
}

static void write_file(struct setup *s, const char *name, const uint8_t *data, size_t size)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", s->folder, name); // fits
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/// A folder with one segment of FRAMES frames, of two records each.
static size_t make_segment(struct setup *s, uint8_t *data, size_t room)
{
    struct spool *spool = open_spool(s, 1 << 20);
    for (uint32_t i = 1; i <= FRAMES; i++) {
        assert_int_equal(put(spool, SPOOL_DATAGRAMS, i, 2), 0);
    }
    spool_close(spool);
    size_t size = read_file(s, SEGMENT, data, room);
    assert_true(size < room);
    folder_clear(s->folder);
    return size;
}

/// Opens and takes all; returns how many frames came, in order. What was whole is delivered.
static unsigned drain(struct setup *s, unsigned lost_max)
{
    uint32_t count;
    unsigned frames = 0;
    int64_t last = 0;
    struct spool *spool = open_spool(s, 1 << 20);
    balanced(spool);
    assert_int_equal(put(spool, SPOOL_DATAGRAMS, 100, 2), 0); // goes on
    for (int64_t n; (n = take(s, spool, SPOOL_DATAGRAMS, &count)) >= 0; last = n) {
        assert_true(n > last);
        assert_int_equal(count, 2);
        spool_done(spool, SPOOL_DATAGRAMS);
        balanced(spool);
        frames++;
    }
    assert_int_equal(last, 100);
    struct spool_books b = balanced(spool);
    assert_int_equal(b.done, 2 * frames);
    assert_int_equal(b.waiting, 0);
    assert_int_equal(b.bytes, 0);
    spool_close(spool);
    assert_true(frames + lost_max >= FRAMES + 1);
    return frames;
}

static void each_byte_damaged(void **state)
{
    struct setup *s = *state;
    static uint8_t data[4000];
    size_t size = make_segment(s, data, sizeof(data));
    unsigned whole = 0;
    for (size_t at = 0; at < size; at++) {
        data[at] ^= 0x41;
        write_file(s, SEGMENT, data, size);
        data[at] ^= 0x41;
        whole += drain(s, 1) == FRAMES + 1;
        folder_clear(s->folder);
    }
    assert_int_equal(whole, 24); // the segment's header: frames have their own
}

static void cut_at_each_length(void **state)
{
    struct setup *s = *state;
    static uint8_t data[4000];
    size_t size = make_segment(s, data, sizeof(data));
    unsigned before = 0;
    for (size_t length = 0; length <= size; length++) {
        write_file(s, SEGMENT, data, length);
        unsigned frames = drain(s, FRAMES);
        assert_true(frames == before || frames == before + 1 || length == 0);
        before = frames;
        folder_clear(s->folder);
    }
    assert_int_equal(before, FRAMES + 1);
}

/// The file gets damaged while it is open: then it is known how many are lost.
static void damaged_while_open(void **state)
{
    struct setup *s = *state;
    static uint8_t data[4000];
    uint32_t count;
    struct spool *spool = open_spool(s, 1 << 20);
    for (uint32_t i = 1; i <= FRAMES; i++) {
        assert_int_equal(put(spool, SPOOL_DATAGRAMS, i, 2), 0);
    }
    size_t size = read_file(s, SEGMENT, data, sizeof(data));
    memset(data + 100, 0, size - 100);
    write_file(s, SEGMENT, data, size);
    unsigned frames = 0;
    while (take(s, spool, SPOOL_DATAGRAMS, &count) >= 0) {
        spool_done(spool, SPOOL_DATAGRAMS);
        frames++;
    }
    struct spool_books b = balanced(spool);
    assert_int_equal(b.damaged, 2 * (FRAMES - frames));
    assert_true(frames < FRAMES);
    assert_int_equal(count_files(s, ".seg.damaged"), 1);
    assert_int_equal(put(spool, SPOOL_DATAGRAMS, 9, 2), 0);
    assert_int_equal(take(s, spool, SPOOL_DATAGRAMS, &count), 9);
    spool_close(spool);
}

/// Changes a byte of a file, and the next time back.
static void damage(struct setup *s, const char *name, size_t at)
{
    static uint8_t data[8000];
    size_t size = read_file(s, name, data, sizeof(data));
    assert_true(at < size);
    data[at] ^= 0x41;
    write_file(s, name, data, size);
}

/// Of segments that are set aside each lane keeps four, the newest.
static void four_damaged_are_kept(void **state)
{
    struct setup *s = *state;
    char path[256];
    uint32_t count;
    struct spool *spool = open_spool(s, 1 << 20);
    for (unsigned lane = 0; lane < SPOOL_LANE_COUNT; lane++) {
        for (unsigned i = 1; i <= 6; i++) {
            char name[64];
            (void)snprintf(name, sizeof(name), "%s-%012u.seg", lane == 0 ? "datagrams" : "lines",
                           i); // fits
            assert_int_equal(put(spool, lane, 1, 3), 0);
            assert_int_equal(put(spool, lane, 2, 5), 0);
            assert_int_equal(take(s, spool, lane, &count), 1);
            spool_done(spool, lane);
            assert_int_equal(put(spool, lane, 3, 7), 0);
            (void)snprintf(path, sizeof(path), "%s/%s", s->folder, name); // fits
            assert_int_equal(truncate(path, 30), 0);
            assert_int_equal(take(s, spool, lane, &count), -1);
            assert_int_equal(balanced(spool).damaged, (6 * lane + i) * 12);
            (void)snprintf(path, sizeof(path), "%s/%s.damaged", s->folder, name); // fits
            assert_int_equal(access(path, F_OK), 0);
        }
    }
    assert_int_equal(count_files(s, ".damaged"), 8);
    assert_int_equal(count_files(s, "1.seg.damaged") + count_files(s, "2.seg.damaged"), 0);
    spool_close(spool);
}

/// Two marks, one behind the other: when the last is damaged the one before it counts, when the
/// file is gone the lane begins at its oldest segment. Nothing is lost.
static void the_watermark_damaged(void **state)
{
    struct setup *s = *state;
    enum { MARK_SIZE = 48, SLOT_SIZE = 512 };
    uint32_t count;
    struct spool *spool = open_spool(s, 1 << 20);
    spool_close(spool);
    static uint8_t mark[2 * SLOT_SIZE];
    assert_true(read_file(s, "lines.mark", mark, sizeof(mark)) >= MARK_SIZE); // from the beginning
    spool = open_spool(s, 1 << 20);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(put(spool, SPOOL_LINES, i, 1), 0);
    }
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(take(s, spool, SPOOL_LINES, &count), i);
        spool_done(spool, SPOOL_LINES);
        if (i == 2) {
            spool_tick(spool);
        }
    }
    spool_close(spool);
    unsigned later = 0;
    for (size_t at = 0; at < (size_t)2 * MARK_SIZE; at++) {
        size_t place = at < MARK_SIZE ? at : SLOT_SIZE + at - MARK_SIZE;
        damage(s, "lines.mark", place);
        spool = open_spool(s, 1 << 20);
        int64_t first = take(s, spool, SPOOL_LINES, &count);
        assert_true(first == 3 || first == 5);
        assert_int_equal(balanced(spool).found, 10 - first);
        assert_int_equal(balanced(spool).damaged, 0);
        spool_close(spool);
        damage(s, "lines.mark", place);
        later += first == 5;
    }
    assert_int_equal(later, MARK_SIZE);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/lines.mark", s->folder); // fits
    assert_int_equal(unlink(path), 0);
    spool = open_spool(s, 1 << 20);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(take(s, spool, SPOOL_LINES, &count), i);
        spool_done(spool, SPOOL_LINES);
    }
    assert_int_equal(balanced(spool).waiting, 0);
    spool_close(spool);
}

static void a_newer_format_is_refused(void **state)
{
    struct setup *s = *state;
    static uint8_t data[4000];
    size_t size = make_segment(s, data, sizeof(data));
    assert_memory_equal(data, "weirspol\1\0\0\0\0\0\0\0", 16);
    data[8] = 2;
    uint64_t hash = hash64(data, 16);
    for (int i = 0; i < 8; i++) {
        data[16 + i] = (uint8_t)(hash >> (8 * i));
    }
    write_file(s, SEGMENT, data, size);
    struct spool *spool;
    struct err err;
    struct spool_settings settings = { .folder = s->folder, .size_max = 1 << 20 };
    assert_int_equal(spool_open(&settings, &spool, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, SEGMENT));
    assert_non_null(strstr(err.text, "newer weir"));
    assert_int_equal(read_file(s, SEGMENT, data, sizeof(data)), size); // and left alone
}

// --- kill -9 -------------------------------------------------------------------------------------

struct shared {
    volatile uint32_t acknowledged; ///< payloads 0 to this - 1 are
    volatile uint32_t done;
};

/// A child puts and delivers until it is killed. All that it was told is kept is there afterwards,
/// in order, and of what it delivered at most the one frame that it was about to say so of.
static void killed_at_any_time(void **state)
{
    struct setup *s = *state;
    struct shared *k =
        mmap(NULL, sizeof(*k), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(k != MAP_FAILED);
    unsigned seed = 5;
    for (int round = 0; round < 50; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        uint32_t count;
        if (child == 0) {
            struct spool *spool = open_spool(s, 64 << 20);
            for (;;) {
                if (put(spool, SPOOL_LINES, k->acknowledged, 1) != 0) {
                    _exit(1);
                }
                k->acknowledged++;
                if (k->acknowledged % 3 != 0 && take(s, spool, SPOOL_LINES, &count) >= 0) {
                    spool_done(spool, SPOOL_LINES);
                    k->done++;
                }
            }
        }
        int status;
        assert_int_equal(usleep(1000 + (unsigned)rand_r(&seed) % 15000), 0);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        struct spool *spool = open_spool(s, 64 << 20);
        assert_int_equal(balanced(spool).damaged, 0);
        uint64_t waiting = balanced(spool).waiting;
        // One may be done or put that it could not note any more.
        assert_true(waiting + k->done + 1 >= k->acknowledged);
        assert_true(waiting + k->done <= k->acknowledged + 1);
        int64_t first = -1;
        uint32_t frames = 0;
        for (int64_t n; (n = take(s, spool, SPOOL_LINES, &count)) >= 0; frames++) {
            first = first < 0 ? n : first;
            assert_int_equal(n, first + frames);
            spool_done(spool, SPOOL_LINES);
        }
        assert_int_equal(frames, waiting);
        assert_true(first < 0 || (first >= k->done && first <= k->done + 1));
        assert_true(frames == 0 || first + frames >= k->acknowledged);
        spool_close(spool);
        k->acknowledged = 0;
        k->done = 0;
    }
    assert_int_equal(munmap(k, sizeof(*k)), 0);
}

// --- Threads -------------------------------------------------------------------------------------

enum { EACH = 400 };

static void *put_many(void *spool)
{
    for (uint32_t i = 0; i < EACH; i++) {
        CHECK(put(spool, SPOOL_DATAGRAMS, i, 3) == 0);
        (void)spool_takes_lines(spool); // only for the sanitizer
        spool_tick(spool);
    }
    return NULL;
}

/// Two put more than there is room for, so that segments are dropped under the one who takes.
static void many_threads(void **state)
{
    struct setup *s = *state;
    struct spool *spool = open_spool(s, 40000);
    pthread_t threads[2];
    uint32_t count;
    uint64_t done = 0;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, spool), 0);
    }
    while (balanced(spool).put < (uint64_t)2 * EACH * 3 || balanced(spool).waiting > 0) {
        if (take(s, spool, SPOOL_DATAGRAMS, &count) >= 0) {
            spool_done(spool, SPOOL_DATAGRAMS);
            done += count;
        }
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(balanced(spool).done, done);
    assert_int_equal(balanced(spool).damaged, 0);
    spool_close(spool);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(first_in_first_out),
        TEST(one_process_at_a_time),
        TEST(lines_wait_and_datagrams_make_room),
        TEST(put_back),
        TEST(too_large_for_all),
        TEST(as_a_queue),
        TEST(each_byte_damaged),
        TEST(cut_at_each_length),
        TEST(damaged_while_open),
        TEST(four_damaged_are_kept),
        TEST(the_watermark_damaged),
        TEST(a_newer_format_is_refused),
        TEST(killed_at_any_time),
        TEST(many_threads),
    };
    return UNIT_MAIN("spool", tests);
}
