// SPDX-License-Identifier: Apache-2.0
/*
 * The state file is text, one record a line (position_record.h), each with its own checksum, behind
 * a line that says what it is.
 *
 * Records are appended; of several for one identity the last counts. When most of the file is
 * history it is written anew beside itself and renamed. What a crash or a full disk leaves half
 * written is the last line: it is passed over when reading and cut off before the next append.
 */
#include "source/positions.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "source/alike.h"
#include "source/position_record.h"

enum {
    BUCKETS = 4096,
    MARKS_MAX = 64,
    STATE_PATH_SIZE_MAX = 3072,
    STATE_SIZE_MAX = 256 << 20,
    REWRITE_SIZE_MIN = 256 << 10, ///< smaller files are not worth writing anew
    EARLY_SIZE_MIN = 1 << 10,     ///< bytes that tell a copy that ends too early from another file
};

static const char HEADER[] = "weir positions 1\n";

/// Delivered, but something before it is not yet.
struct range {
    uint64_t begin;
    uint64_t end;
    struct range *next;
};

struct track {
    struct track *next;          ///< in its bucket by fingerprint
    struct track *next_by_inode; ///< in its bucket by device and inode
    struct file_id id;
    uint64_t position;
    struct mark check; ///< at or before `position`
    struct mark early; ///< the first place at or behind EARLY_SIZE_MIN, or the last before it
    uint64_t device;   ///< of the file last read, or finished
    uint64_t inode;
    uint64_t finished_size;     ///< 0: not finished
    uint64_t finished_mtime_ns; ///< of its file then
    uint64_t finished_end;      ///< the position that a finished file must have
    uint64_t used_s;            ///< wall clock
    char *path;

    struct range *ranges; ///< ascending, apart from each other and from `position`
    struct mark *marks;   ///< MARKS_MAX places, ascending, behind `check`; NULL when at rest
    size_t mark_count;
    bool in_use;
    int fd; ///< of the plain file being read, -1 otherwise
    bool given_known;
    struct mark given; ///< where reading in this process has got to
    bool dirty;        ///< has changed since it was saved
};

struct positions {
    pthread_mutex_t mutex;
    pthread_mutex_t save_mutex;
    char *path;              ///< "" for none
    positions_sync_fn *sync; ///< or NULL
    void *sync_context;
    int fd;
    uint64_t good_size;   ///< of the state file: what lies behind it is torn
    uint64_t record_size; ///< of all live records, about
    size_t count;
    struct track *by_fingerprint[BUCKETS];
    struct track *by_inode[BUCKETS];
};

// --- Tables --------------------------------------------------------------------------------------

static struct track **fingerprint_bucket(struct positions *p, const uint64_t fingerprint[2])
{
    return &p->by_fingerprint[fingerprint[0] % BUCKETS];
}

static struct track **inode_bucket(struct positions *p, uint64_t device, uint64_t inode)
{
    uint64_t key[2] = { device, inode };
    return &p->by_inode[hash64(key, sizeof(key)) % BUCKETS];
}

static bool same_fingerprint(const struct track *t, const uint64_t fingerprint[2])
{
    return t->id.fingerprint[0] == fingerprint[0] && t->id.fingerprint[1] == fingerprint[1];
}

static bool has_inode(const struct track *t)
{
    return t->device != 0 || t->inode != 0;
}

static void unlink_inode(struct positions *p, struct track *t)
{
    if (!has_inode(t)) {
        return;
    }
    struct track **at = inode_bucket(p, t->device, t->inode);
    while (*at != NULL && *at != t) {
        at = &(*at)->next_by_inode;
    }
    if (*at == t) {
        *at = t->next_by_inode;
    }
}

static void set_inode(struct positions *p, struct track *t, uint64_t device, uint64_t inode)
{
    unlink_inode(p, t);
    t->device = device;
    t->inode = inode;
    if (!has_inode(t)) {
        return; // many may have none: they are in no bucket
    }
    struct track **bucket = inode_bucket(p, device, inode);
    t->next_by_inode = *bucket;
    *bucket = t;
}

/// NULL when no such file is known.
static struct track *find_inode(struct positions *p, const struct stat *st)
{
    struct track *t = *inode_bucket(p, st->st_dev, st->st_ino);
    while (t != NULL && !(t->device == st->st_dev && t->inode == st->st_ino)) {
        t = t->next_by_inode;
    }
    return t;
}

static struct track *track_new(struct positions *p, const struct file_id *id)
{
    struct track *t = mem_zalloc(sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    t->id = *id;
    t->fd = -1;
    struct track **at = fingerprint_bucket(p, id->fingerprint);
    while (*at != NULL) { // at the end: numbers ascend within a bucket
        at = &(*at)->next;
    }
    *at = t;
    set_inode(p, t, 0, 0);
    p->count++;
    return t;
}

static void track_free(struct track *t)
{
    while (t->ranges != NULL) {
        struct range *next = t->ranges->next;
        mem_free(t->ranges);
        t->ranges = next;
    }
    mem_free(t->marks);
    mem_free(t->path);
    mem_free(t);
}

static bool is_at_rest(const struct track *t)
{
    return !t->in_use && t->marks == NULL && t->ranges == NULL;
}

/// Forgets the track that has not been used for the longest time and of which nothing is under way.
/// False when there is none.
static bool forget_oldest(struct positions *p)
{
    struct track **oldest = NULL;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct track **at = &p->by_fingerprint[i]; *at != NULL; at = &(*at)->next) {
            if (is_at_rest(*at) && (oldest == NULL || (*at)->used_s < (*oldest)->used_s)) {
                oldest = at;
            }
        }
    }
    if (oldest == NULL) {
        return false;
    }
    struct track *gone = *oldest;
    *oldest = gone->next;
    unlink_inode(p, gone);
    track_free(gone);
    p->count--;
    return true;
}

static struct track *find(struct positions *p, const struct file_id *id)
{
    struct track *t = *fingerprint_bucket(p, id->fingerprint);
    while (t != NULL && !(same_fingerprint(t, id->fingerprint) && t->id.number == id->number)) {
        t = t->next;
    }
    return t;
}

// --- The state file ------------------------------------------------------------------------------

static void append_record(const struct track *t, struct buf *out)
{
    struct position_record record = { .id = t->id,
                                      .position = t->position,
                                      .check = t->check,
                                      .device = t->device,
                                      .inode = t->inode,
                                      .finished_size = t->finished_size,
                                      .finished_mtime_ns = t->finished_mtime_ns,
                                      .finished_end = t->finished_end,
                                      .used_s = t->used_s,
                                      .early = t->early,
                                      .path = t->path,
                                      .path_size = t->path == NULL ? 0 : strlen(t->path) };
    position_record_append(&record, out);
}

/// Takes one line of the state file. False when it is no record, or a damaged one.
static bool take_record(struct positions *p, const char *line, size_t size)
{
    struct position_record r;
    if (!position_record_parse(line, size, &r)) {
        return false;
    }
    struct track *t = find(p, &r.id);
    t = t == NULL ? track_new(p, &r.id) : t;
    if (t == NULL) {
        return false;
    }
    t->position = r.position;
    t->check = r.check;
    set_inode(p, t, r.device, r.inode);
    t->finished_size = r.finished_size;
    t->finished_mtime_ns = r.finished_mtime_ns;
    t->finished_end = r.finished_end;
    t->used_s = r.used_s;
    t->early = r.early;
    mem_free(t->path);
    t->path = mem_strndup(r.path, r.path_size);
    return true;
}

/// Reads all records. Behind the last good one lies what a crash left: it is cut off when something
/// is appended. A bad record before a good one is damage of another kind, and said.
static int load_records(struct positions *p, const char *text, size_t size, struct err *err)
{
    size_t header = strlen(HEADER);
    if (size == 0) {
        return 0;
    }
    if (size < header ? memcmp(text, HEADER, size) != 0 : memcmp(text, HEADER, header) != 0) {
        return err_set(err, ERR_INVALID, "%s is not a state file of weir", p->path);
    }
    if (size < header) {
        return 0; // torn while it was made
    }
    uint64_t bad = 0;
    p->good_size = header;
    for (size_t at = header; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        if (end == NULL) {
            break;
        }
        size_t next = (size_t)(end - text) + 1;
        bool good = take_record(p, text + at, next - 1 - at);
        bad += !good;
        p->good_size = good ? next : p->good_size;
        at = next;
    }
    if (bad > 0) {
        log_with(LOG_LEVEL_WARN, "damaged records in the state file were passed over", NULL,
                 LOG_TEXT("file", p->path), LOG_U64("records", bad));
    }
    return 0;
}

static int load(struct positions *p, struct err *err)
{
    struct stat st;
    if (fstat(p->fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > STATE_SIZE_MAX) {
        return err_set(err, ERR_INVALID, "%s is not a state file of weir", p->path);
    }
    size_t size = (size_t)st.st_size;
    char *text = mem_zalloc(size + 1);
    if (text == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for %s", p->path);
    }
    size_t have = 0;
    while (have < size) {
        ssize_t n = pread(p->fd, text + have, size - have, (off_t)have);
        if (n <= 0) {
            mem_free(text);
            return err_set_errno(err, n < 0 ? errno : EIO, "cannot read %s", p->path);
        }
        have += (size_t)n;
    }
    int status = load_records(p, text, size, err);
    mem_free(text);
    return status;
}

/// Whether the path still leads to the open file: another weir may just have written it anew.
static bool is_current(const struct positions *p)
{
    struct stat open_one;
    struct stat named;
    return fstat(p->fd, &open_one) == 0 && stat(p->path, &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

static int open_locked(struct positions *p, struct err *err)
{
    for (;;) {
        p->fd = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
        if (p->fd < 0) {
            return err_set_errno(err, errno, "cannot open the state file %s", p->path);
        }
        if (flock(p->fd, LOCK_EX | LOCK_NB) != 0) {
            return err_set(err, ERR_EXISTS,
                           "another weir keeps its positions in %s: wait for its end, or give "
                           "this one a file of its own (-state, -data)",
                           p->path);
        }
        if (is_current(p)) {
            return 0;
        }
        (void)close(p->fd); // nothing was written
    }
}

int positions_open(const char *path, struct positions **ret_positions, struct err *err)
{
    struct positions *p = mem_zalloc(sizeof(*p));
    char *copy = mem_strdup(path);
    if (p == NULL || copy == NULL) {
        mem_free(p);
        mem_free(copy);
        return err_set(err, ERR_NO_MEMORY, "out of memory for positions");
    }
    CHECK(pthread_mutex_init(&p->mutex, NULL) == 0);
    CHECK(pthread_mutex_init(&p->save_mutex, NULL) == 0);
    p->path = copy;
    p->fd = -1;
    int status = 0;
    if (path[0] != '\0') {
        status = open_locked(p, err);
        status = status == 0 ? load(p, err) : status;
    }
    if (status != 0) {
        positions_close(p);
        return status;
    }
    *ret_positions = p;
    return 0;
}

void positions_close(struct positions *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (p->by_fingerprint[i] != NULL) {
            struct track *t = p->by_fingerprint[i];
            p->by_fingerprint[i] = t->next;
            track_free(t);
        }
    }
    if (p->fd >= 0) {
        (void)close(p->fd); // what was written was synced
    }
    CHECK(pthread_mutex_destroy(&p->mutex) == 0);
    CHECK(pthread_mutex_destroy(&p->save_mutex) == 0);
    mem_free(p->path);
    mem_free(p);
}

/// Every track, or those that have changed, into `out`.
static void gather(struct positions *p, bool all, struct buf *out)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct track *t = p->by_fingerprint[i]; t != NULL; t = t->next) {
            if (all || t->dirty) {
                append_record(t, out);
                t->dirty = false;
            }
        }
    }
}

/// What could not be written has to be written again.
static void set_dirty(struct positions *p)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct track *t = p->by_fingerprint[i]; t != NULL; t = t->next) {
            t->dirty = true;
        }
    }
}

/// Waits until the name is on the disk too.
static int sync_folder(const char *path)
{
    char folder[STATE_PATH_SIZE_MAX];
    const char *slash = strrchr(path, '/');
    int size = slash == NULL ? 1 : (int)(slash - path) + 1;
    (void)snprintf(folder, sizeof(folder), "%.*s", size, slash == NULL ? "." : path); // fits
    return fd_sync_folder(folder);
}

/// At the end of the file, whose torn rest is cut off first.
static int append_to_state(struct positions *p, const struct buf *records)
{
    if (ftruncate(p->fd, (off_t)p->good_size) != 0 ||
        lseek(p->fd, (off_t)p->good_size, SEEK_SET) < 0) {
        return ERR_IO;
    }
    size_t header = p->good_size == 0 ? strlen(HEADER) : 0;
    if (fd_write_all(p->fd, HEADER, header) != 0 ||
        fd_write_all(p->fd, records->data, records->size) != 0 || fdatasync(p->fd) != 0) {
        return ERR_IO;
    }
    p->good_size += header + records->size;
    return header > 0 ? sync_folder(p->path) : 0;
}

/// All records into a new file that takes the old one's place.
static int rewrite_state(struct positions *p, const struct buf *records)
{
    char path[STATE_PATH_SIZE_MAX];
    if (snprintf(path, sizeof(path), "%s.new", p->path) >= (int)sizeof(path)) {
        return ERR_RANGE;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return ERR_IO;
    }
    bool ok = flock(fd, LOCK_EX | LOCK_NB) == 0 && fd_write_all(fd, HEADER, strlen(HEADER)) == 0 &&
              fd_write_all(fd, records->data, records->size) == 0 && fdatasync(fd) == 0 &&
              rename(path, p->path) == 0;
    if (!ok) {
        int error = errno;
        (void)close(fd);    // it is of no use
        (void)unlink(path); // nor is its name
        errno = error;
        return ERR_IO;
    }
    (void)close(p->fd); // what it held is in the new one
    p->fd = fd;
    p->good_size = strlen(HEADER) + records->size;
    return sync_folder(p->path);
}

void positions_set_sync(struct positions *p, positions_sync_fn *sync, void *context)
{
    p->sync = sync;
    p->sync_context = context;
}

int positions_save(struct positions *p, struct err *err)
{
    if (p->path[0] == '\0') {
        return 0;
    }
    struct buf records;
    buf_init(&records, STATE_SIZE_MAX);
    CHECK(pthread_mutex_lock(&p->save_mutex) == 0); // the file is one saver's at a time
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    bool rewrite = p->good_size > REWRITE_SIZE_MIN && p->good_size > 4 * p->record_size;
    gather(p, rewrite, &records);
    p->record_size = rewrite || records.size > p->record_size ? records.size : p->record_size;
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
    int status = records.bad ? ERR_NO_MEMORY : 0;
    if (status == 0 && records.size > 0 && p->sync != NULL) {
        errno = EIO; // if it does not say
        status = p->sync(p->sync_context);
    }
    if (status == 0 && records.size > 0) {
        status = rewrite ? rewrite_state(p, &records) : append_to_state(p, &records);
    }
    int error = errno;
    if (status != 0) {
        CHECK(pthread_mutex_lock(&p->mutex) == 0);
        set_dirty(p);
        CHECK(pthread_mutex_unlock(&p->mutex) == 0);
        (void)err_set_errno(err, error, "cannot write the state file %s", p->path);
    }
    CHECK(pthread_mutex_unlock(&p->save_mutex) == 0);
    buf_release(&records);
    return status;
}

// --- Taking a file -------------------------------------------------------------------------------

/// Whether the file that is being read still holds what was read of it: if it was truncated, it
/// tells nothing about others.
static bool is_intact(const struct track *t)
{
    const struct mark *last = t->mark_count > 0 ? &t->marks[t->mark_count - 1] : &t->check;
    return last->offset > 0 ? file_tail_is(t->fd, last->offset, last->tail)
                            : file_has_fingerprint(t->fd, t->id.fingerprint);
}

enum claim { CLAIM_YES, CLAIM_NO, CLAIM_LATER, CLAIM_SHORTER };

static uint64_t reach_of(const struct track *t)
{
    return t->given_known ? t->given.offset : t->position;
}

/// A file that ends before where reading has got to: a copy that copytruncate made a moment before
/// the last lines were written, or another file that begins alike.
static enum claim claim_shorter(const struct track *t, struct lines *lines)
{
    uint64_t tail;
    bool same = t->early.offset >= EARLY_SIZE_MIN &&
                lines_seek(lines, t->early.offset, &tail) == 0 && tail == t->early.tail;
    return same ? CLAIM_SHORTER : CLAIM_NO;
}

/// Whether the file is the one of `t`; if so `lines` is where it goes on.
static enum claim claim(const struct track *t, struct lines *lines)
{
    if (t->in_use) {
        bool plain = t->fd >= 0 && !lines_is_compressed(lines);
        bool other = plain && !files_begin_alike(t->fd, lines_fd(lines)) && is_intact(t);
        return other ? CLAIM_NO : CLAIM_LATER;
    }
    const struct mark *check = t->given_known ? &t->given : &t->check;
    uint64_t offset = reach_of(t);
    uint64_t tail;
    int status = lines_seek(lines, check->offset, &tail);
    if (status == 0 && tail != check->tail) {
        return CLAIM_NO;
    }
    if (status == 0 && offset != check->offset) {
        status = lines_seek(lines, offset, &tail);
    }
    if (status == ERR_RANGE) {
        return claim_shorter(t, lines);
    }
    return status == 0 ? CLAIM_YES : CLAIM_NO;
}

/// What was in a file before it was truncated, or its inode used anew, is elsewhere, if anywhere.
static void leave_inode(struct positions *p, struct track *t)
{
    if (t != NULL) {
        set_inode(p, t, 0, 0);
        t->finished_size = 0;
        t->dirty = true;
    }
}

static void use(struct positions *p, struct track *t, struct lines *lines, const char *path)
{
    struct stat st;
    if (fstat(lines_fd(lines), &st) == 0 && (t->device != st.st_dev || t->inode != st.st_ino)) {
        leave_inode(p, find_inode(p, &st));
        set_inode(p, t, st.st_dev, st.st_ino);
        t->dirty = true; // where it is and that it is known
    }
    bool renamed = t->path == NULL || strcmp(t->path, path) != 0;
    char *copy = renamed ? mem_strdup(path) : NULL;
    if (copy != NULL) { // else the old name stays
        mem_free(t->path);
        t->path = copy;
        t->dirty = true;
    }
    t->used_s = clock_wall_ns() / NS_PER_S;
    t->in_use = true;
    t->fd = lines_is_compressed(lines) ? -1 : lines_fd(lines);
    t->finished_size = 0;
}

/// The track of this identity, or a new one under the next number.
static int choose(struct positions *p, struct lines *lines, const uint64_t fingerprint[2],
                  struct track **ret_track)
{
    struct file_id id = { .fingerprint = { fingerprint[0], fingerprint[1] } };
    for (struct track *t = *fingerprint_bucket(p, fingerprint); t != NULL; t = t->next) {
        if (!same_fingerprint(t, fingerprint)) {
            continue;
        }
        switch (claim(t, lines)) {
        case CLAIM_LATER:
            return ERR_EXISTS;
        case CLAIM_SHORTER:
            return ERR_RANGE;
        case CLAIM_YES:
            *ret_track = t;
            return 0;
        case CLAIM_NO: // a state file may have them in any order
            id.number = t->id.number < id.number ? id.number : t->id.number + 1;
            break;
        }
    }
    if (p->count >= POSITIONS_MAX && !forget_oldest(p)) {
        return ERR_FULL;
    }
    uint64_t tail;
    int status = lines_seek(lines, 0, &tail);
    if (status != 0) {
        return status;
    }
    struct track *t = track_new(p, &id);
    if (t == NULL) {
        return ERR_NO_MEMORY;
    }
    t->check.tail = tail;
    t->dirty = true; // its number is its own from now on
    *ret_track = t;
    return 0;
}

int positions_take(struct positions *p, struct lines *lines, const uint64_t fingerprint[2],
                   const char *path, struct track **ret_track, struct file_id *ret_id)
{
    struct mark *marks = mem_zalloc_array(MARKS_MAX, sizeof(marks[0]));
    if (marks == NULL) {
        return ERR_NO_MEMORY;
    }
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    struct track *t;
    int status = choose(p, lines, fingerprint, &t);
    if (status == 0) {
        use(p, t, lines, path);
        if (t->marks == NULL) {
            t->marks = marks;
            marks = NULL;
        }
        *ret_track = t;
        *ret_id = t->id;
    }
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
    mem_free(marks);
    return status;
}

/// At rest nothing but the position needs to be known.
static void settle(struct track *t)
{
    if (!t->in_use && t->ranges == NULL && t->given_known && t->position >= t->given.offset) {
        mem_free(t->marks);
        t->marks = NULL;
        t->mark_count = 0;
    }
}

void positions_release(struct positions *p, struct track *t, const struct lines *lines)
{
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    t->in_use = false;
    t->fd = -1;
    t->given_known = true;
    t->given = (struct mark){ .offset = lines_offset(lines), .tail = lines_tail(lines) };
    settle(t);
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
}

// --- Moving on -----------------------------------------------------------------------------------

/// The last mark at or before the position becomes what a file is checked by.
static void move_check(struct track *t)
{
    size_t passed = 0;
    while (passed < t->mark_count && t->marks[passed].offset <= t->position) {
        passed++;
    }
    if (passed > 0) {
        t->check = t->marks[passed - 1];
        t->mark_count -= passed;
        memmove(t->marks, t->marks + passed, t->mark_count * sizeof(t->marks[0]));
    }
}

static void keep_mark(struct track *t, struct mark mark)
{
    if (t->mark_count == MARKS_MAX) { // every other one will do
        for (size_t i = 0; i < MARKS_MAX / 2; i++) {
            t->marks[i] = t->marks[2 * i + 1];
        }
        t->mark_count = MARKS_MAX / 2;
    }
    if (t->mark_count == 0 || t->marks[t->mark_count - 1].offset < mark.offset) {
        t->marks[t->mark_count++] = mark;
    }
}

void positions_mark(struct positions *p, struct track *t, const struct lines *lines)
{
    struct mark mark = { .offset = lines_offset(lines), .tail = lines_tail(lines) };
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    if (t->early.offset < EARLY_SIZE_MIN && mark.offset > t->early.offset) {
        t->early = mark;
        t->dirty = true;
    }
    if (mark.offset <= t->position) { // it was acknowledged before it was marked
        if (mark.offset > t->check.offset) {
            t->check = mark;
            t->dirty = true;
        }
    } else {
        keep_mark(t, mark);
    }
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
}

/// Puts a range that does not touch the position in its place, joined to its neighbours.
static void keep_range(struct track *t, uint64_t begin, uint64_t end)
{
    struct range **at = &t->ranges;
    while (*at != NULL && (*at)->end < begin) {
        at = &(*at)->next;
    }
    struct range *r = *at;
    if (r == NULL || end < r->begin) {
        r = mem_zalloc(sizeof(*r));
        if (r == NULL) {
            return; // the position stays where it is: lines will be read twice, none is lost
        }
        *r = (struct range){ .begin = begin, .end = end, .next = *at };
        *at = r;
        return;
    }
    r->begin = begin < r->begin ? begin : r->begin;
    r->end = end > r->end ? end : r->end;
    while (r->next != NULL && r->next->begin <= r->end) {
        struct range *gone = r->next;
        r->end = gone->end > r->end ? gone->end : r->end;
        r->next = gone->next;
        mem_free(gone);
    }
}

void positions_acknowledge(struct positions *p, struct track *t, uint64_t begin, uint64_t end)
{
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    if (begin <= t->position && end > t->position) {
        t->position = end;
        while (t->ranges != NULL && t->ranges->begin <= t->position) {
            struct range *gone = t->ranges;
            t->position = gone->end > t->position ? gone->end : t->position;
            t->ranges = gone->next;
            mem_free(gone);
        }
        move_check(t);
        t->dirty = true;
        settle(t);
    } else if (begin > t->position) {
        keep_range(t, begin, end);
    }
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
}

uint64_t positions_get(struct positions *p, struct track *t)
{
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    uint64_t position = t->position;
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
    return position;
}

void positions_set(struct positions *p, struct track *t, uint64_t offset)
{
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    t->position = offset;
    t->dirty = true;
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
}

void positions_finish(struct positions *p, struct track *t, const struct stat *st)
{
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    t->finished_size = (uint64_t)st->st_size;
    t->finished_mtime_ns = (uint64_t)st->st_mtim.tv_sec * NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;
    t->finished_end = t->given_known ? t->given.offset : t->position;
    t->dirty = true;
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
}

bool positions_is_finished(struct positions *p, const struct stat *st)
{
    uint64_t mtime_ns = (uint64_t)st->st_mtim.tv_sec * NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    const struct track *t = find_inode(p, st);
    bool finished = t != NULL && t->finished_size > 0 &&
                    t->finished_size == (uint64_t)st->st_size && t->finished_mtime_ns == mtime_ns &&
                    t->position >= t->finished_end;
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
    return finished;
}

// --- What is known -------------------------------------------------------------------------------

bool positions_find(struct positions *p, const struct stat *st, const char *path,
                    struct positions_known *ret_known)
{
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    const struct track *t = find_inode(p, st);
    bool found = t != NULL;
    if (found) {
        *ret_known = (struct positions_known){
            .fingerprint = { t->id.fingerprint[0], t->id.fingerprint[1] },
            .reach = reach_of(t),
            .other_path = t->path != NULL && strcmp(t->path, path) != 0,
        };
    }
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
    return found;
}

uint64_t positions_reach(struct positions *p, const uint64_t fingerprint[2])
{
    uint64_t reach = 0;
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    const struct track *t = *fingerprint_bucket(p, fingerprint);
    for (; t != NULL; t = t->next) {
        if (same_fingerprint(t, fingerprint) && !t->in_use && reach_of(t) > reach) {
            reach = reach_of(t);
        }
    }
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
    return reach;
}

/// What has a name and no lines is kept among the files, as one whose first line is the name.
static struct file_id id_of_name(const char *name)
{
    struct hash128 hash = hash128(name, strlen(name));
    return (struct file_id){ .fingerprint = { hash.low, hash.high } };
}

void positions_note(struct positions *p, const char *name)
{
    struct file_id id = id_of_name(name);
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    struct track *t = find(p, &id);
    t = t == NULL ? track_new(p, &id) : t;
    if (t != NULL) {
        t->used_s = clock_wall_ns() / NS_PER_S;
        t->dirty = true;
        t->path = t->path == NULL ? mem_strdup(name) : t->path;
    }
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
}

bool positions_is_noted(struct positions *p, const char *name)
{
    struct file_id id = id_of_name(name);
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    bool noted = find(p, &id) != NULL;
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
    return noted;
}
