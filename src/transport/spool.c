// SPDX-License-Identifier: Apache-2.0
/*
 * Two mutexes. `put_mutex` is held by whoever puts, while packing, writing and syncing, so that
 * appends have an order and one packer is enough. `mutex` guards the lanes and is held for moments
 * only: who takes or asks never waits for a disk to sync. The one who takes reads through a
 * descriptor of its own, so that a segment may be dropped meanwhile.
 */
#include "transport/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pack.h"
#include "transport/spool_lane.h"

enum {
    PACK_LEVEL = 1, ///< a server that is away must not make weir slow
    SEGMENTS_MIN = 8,
    LINES_ROOM = 4 << 20,
    PROBE_SIZE = 64 << 10,
    DROP_LOG_S = 10,
};

static const char *const LANE_NAMES[SPOOL_LANE_COUNT] = { "datagrams", "lines" };
static const char PROBE[] = "probe";

struct spool {
    pthread_mutex_t put_mutex; ///< before `mutex`
    pthread_mutex_t mutex;
    char *folder;
    int folder_fd;
    int lock_fd;
    uint64_t size_max;
    struct lane lanes[SPOOL_LANE_COUNT];

    struct packer *packer; ///< of who puts
    struct buf packed;
    struct packer *unpacker; ///< of who takes
    struct buf read;

    bool broken; ///< the last write failed
    uint64_t probe_ns;
    uint64_t dropped_unsaid;
    uint64_t dropped_said_ns; ///< 0: never
};

static void lock(pthread_mutex_t *mutex)
{
    CHECK(pthread_mutex_lock(mutex) == 0);
}

static void unlock(pthread_mutex_t *mutex)
{
    CHECK(pthread_mutex_unlock(mutex) == 0);
}

// --- Opening -------------------------------------------------------------------------------------

static int refuse_second(struct spool *s, struct err *err)
{
    char pid[24] = "";
    ssize_t n = pread(s->lock_fd, pid, sizeof(pid) - 1, 0);
    pid[n > 0 ? n : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    return err_set(err, ERR_EXISTS,
                   "another weir%s%s has the spool %s: wait for its end, or give this one a "
                   "folder of its own (-data)",
                   pid[0] == '\0' ? "" : ", process ", pid, s->folder);
}

static int open_folder(struct spool *s, struct err *err)
{
    bool made = mkdir(s->folder, 0700) == 0;
    if (!made && errno != EEXIST) {
        return err_set_errno(err, errno, "cannot make the spool %s", s->folder);
    }
    s->folder_fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->folder_fd < 0) {
        return err_set_errno(err, errno, "cannot open the spool %s", s->folder);
    }
    int above = made ? openat(s->folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (above >= 0) {
        (void)fsync(above); // some file systems cannot
        (void)close(above); // nothing was written through it
    }
    s->lock_fd = openat(s->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0) {
        return err_set_errno(err, errno, "cannot open %s/lock", s->folder);
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return refuse_second(s, err);
    }
    (void)!ftruncate(s->lock_fd, 0);                  // the number is only for people
    (void)dprintf(s->lock_fd, "%d\n", (int)getpid()); // the same
    (void)unlinkat(s->folder_fd, PROBE, 0);           // of one that was killed
    return 0;
}

static int set_up(struct spool *s, struct err *err)
{
    int status = open_folder(s, err);
    for (int i = 0; status == 0 && i < SPOOL_LANE_COUNT; i++) {
        s->lanes[i].name = LANE_NAMES[i];
        s->lanes[i].folder = s->folder;
        s->lanes[i].folder_fd = s->folder_fd;
        status = lane_open(&s->lanes[i], err);
    }
    if (status == 0 &&
        (packer_new(PACK_LEVEL, &s->packer) != 0 || packer_new(PACK_LEVEL, &s->unpacker) != 0)) {
        status = err_set(err, ERR_NO_MEMORY, "out of memory for the spool");
    }
    return status;
}

int spool_open(const struct spool_settings *settings, struct spool **ret_spool, struct err *err)
{
    struct spool *s = mem_zalloc(sizeof(*s));
    char *folder = mem_strdup(settings->folder);
    if (s == NULL || folder == NULL) {
        mem_free(s);
        mem_free(folder);
        return err_set(err, ERR_NO_MEMORY, "out of memory for the spool");
    }
    s->folder = folder;
    s->size_max = settings->size_max;
    s->folder_fd = s->lock_fd = -1;
    for (int i = 0; i < SPOOL_LANE_COUNT; i++) {
        s->lanes[i].mark_fd = s->lanes[i].read_fd = s->lanes[i].write_fd = -1;
    }
    buf_init(&s->packed, FRAME_RAW_SIZE_MAX + FRAME_RAW_SIZE_MAX / 8);
    buf_init(&s->read, FRAME_RAW_SIZE_MAX + FRAME_RAW_SIZE_MAX / 8);
    CHECK(pthread_mutex_init(&s->put_mutex, NULL) == 0);
    CHECK(pthread_mutex_init(&s->mutex, NULL) == 0);
    int status = set_up(s, err);
    if (status != 0) {
        spool_close(s);
        return status;
    }
    *ret_spool = s;
    return 0;
}

void spool_close(struct spool *s)
{
    if (s == NULL) {
        return;
    }
    spool_tick(s);
    for (int i = 0; i < SPOOL_LANE_COUNT; i++) {
        lane_close(&s->lanes[i]);
    }
    packer_free(s->packer);
    packer_free(s->unpacker);
    buf_release(&s->packed);
    buf_release(&s->read);
    if (s->folder_fd >= 0) {
        (void)close(s->folder_fd); // it was only read
    }
    if (s->lock_fd >= 0) {
        (void)close(s->lock_fd); // nothing in it matters
    }
    CHECK(pthread_mutex_destroy(&s->put_mutex) == 0);
    CHECK(pthread_mutex_destroy(&s->mutex) == 0);
    mem_free(s->folder);
    mem_free(s);
}

// --- Putting -------------------------------------------------------------------------------------

static uint64_t bytes_used(const struct spool *s)
{
    return s->lanes[SPOOL_DATAGRAMS].bytes + s->lanes[SPOOL_LINES].bytes;
}

static bool needs_segment(const struct spool *s, const struct lane *l, uint64_t size)
{
    uint64_t size_max = s->size_max / SEGMENTS_MIN;
    size_max = size_max < SEGMENT_SIZE_MAX ? size_max : SEGMENT_SIZE_MAX;
    return l->write_fd < 0 || l->last->size + size > size_max;
}

static void say_dropped(struct spool *s, uint64_t count)
{
    uint64_t now = clock_mono_ns();
    s->dropped_unsaid += count;
    if (s->dropped_unsaid > 0 &&
        (s->dropped_said_ns == 0 || now - s->dropped_said_ns >= DROP_LOG_S * NS_PER_S)) {
        log_with(LOG_LEVEL_WARN, "the spool is full: its oldest records were dropped", NULL,
                 LOG_TEXT("folder", s->folder), LOG_U64("records", s->dropped_unsaid));
        s->dropped_unsaid = 0;
        s->dropped_said_ns = now;
    }
}

/// Room for a frame of `size` bytes, and a segment to put it into. ERR_FULL, ERR_IO.
static int make_room(struct spool *s, struct lane *l, uint64_t size)
{
    struct lane *datagrams = &s->lanes[SPOOL_DATAGRAMS];
    uint64_t dropped = 0;
    bool is_new = needs_segment(s, l, size);
    uint64_t lines_bytes = s->lanes[SPOOL_LINES].bytes;
    if (SEGMENT_HEADER_SIZE + size > s->size_max ||
        SEGMENT_HEADER_SIZE + size >
            s->size_max - (lines_bytes < s->size_max ? lines_bytes : s->size_max)) {
        return ERR_FULL; // whatever is dropped
    }
    while (bytes_used(s) + size + (is_new ? SEGMENT_HEADER_SIZE : 0) > s->size_max) {
        if (l != datagrams || datagrams->first == NULL) {
            return ERR_FULL;
        }
        dropped += lane_drop(datagrams);
        is_new = needs_segment(s, l, size);
    }
    say_dropped(s, dropped);
    return is_new ? lane_begin(l) : 0;
}

/// Frame and payload in one write, with the segment's header in front of the first.
static int append(const struct spool *s, const struct lane *l, const struct frame *f,
                  bool *ret_sync_failed)
{
    uint8_t segment_header[SEGMENT_HEADER_SIZE];
    uint8_t frame_header[FRAME_HEADER_SIZE];
    bool is_new = l->last->size == 0;
    uint64_t offset = is_new ? SEGMENT_HEADER_SIZE : l->last->size;
    segment_header_put(segment_header);
    frame_put(f, l->last->number, offset, frame_header);
    struct iovec parts[3] = {
        { .iov_base = segment_header, .iov_len = is_new ? SEGMENT_HEADER_SIZE : 0 },
        { .iov_base = frame_header, .iov_len = FRAME_HEADER_SIZE },
        { .iov_base = s->packed.data, .iov_len = s->packed.size },
    };
    size_t size = parts[0].iov_len + parts[1].iov_len + parts[2].iov_len;
    ssize_t n = pwritev(l->write_fd, parts, 3, (off_t)l->last->size);
    if (n != (ssize_t)size) {
        errno = n < 0 ? errno : ENOSPC;
        return ERR_IO;
    }
    if (fdatasync(l->write_fd) != 0 || (is_new && fsync(s->folder_fd) != 0 && errno != EINVAL)) {
        *ret_sync_failed = true;
        return ERR_IO;
    }
    return 0;
}

/// Logs a failure once until it works again.
static void note_result(struct spool *s, int status, int error)
{
    if (status == ERR_IO) {
        if (!s->broken) {
            char text[128];
            log_with(LOG_LEVEL_ERROR, "cannot write to the spool", NULL,
                     LOG_TEXT("folder", s->folder),
                     LOG_TEXT("error", strerror_r(error, text, sizeof(text))));
        }
        s->broken = true;
        s->probe_ns = clock_mono_ns();
    } else if (status == 0 && s->broken) {
        log_with(LOG_LEVEL_INFO, "the spool can be written to again", NULL,
                 LOG_TEXT("folder", s->folder));
        s->broken = false;
    }
}

static int put_packed(struct spool *s, struct lane *l, struct frame *f)
{
    lock(&s->mutex);
    int status = make_room(s, l, frame_size(f));
    if (status != 0) {
        note_result(s, status, errno);
        unlock(&s->mutex);
        return status;
    }
    l->writing = true;
    f->before = l->last->records;
    uint64_t size = frame_size(f) + (l->last->size == 0 ? SEGMENT_HEADER_SIZE : 0);
    unlock(&s->mutex);

    // The last segment stays what it is while `writing` is set.
    bool sync_failed = false;
    status = append(s, l, f, &sync_failed);
    int error = errno;

    lock(&s->mutex);
    if (status == 0) {
        lane_commit(l, size, f->count);
    } else {
        lane_abort(l, sync_failed);
    }
    note_result(s, status, error);
    unlock(&s->mutex);
    return status;
}

int spool_put(struct spool *s, enum spool_lane lane, const void *data, size_t size, uint32_t count)
{
    if (size > FRAME_RAW_SIZE_MAX || s->size_max == 0) {
        return ERR_FULL;
    }
    lock(&s->put_mutex);
    buf_clear(&s->packed);
    int status = packer_pack(s->packer, data, size, &s->packed);
    if (status == 0) {
        struct frame f = { .count = count,
                           .packed_size = (uint32_t)s->packed.size,
                           .raw_size = (uint32_t)size,
                           .put_s = clock_wall_ns() / NS_PER_S,
                           .payload_hash = hash64(s->packed.data, s->packed.size) };
        status = put_packed(s, &s->lanes[lane], &f);
    }
    unlock(&s->put_mutex);
    return status;
}

/// Whether something can be written to the folder.
static bool probe(const struct spool *s)
{
    static const uint8_t ZEROS[PROBE_SIZE];
    int fd = openat(s->folder_fd, PROBE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    bool ok = pwrite(fd, ZEROS, sizeof(ZEROS), 0) == (ssize_t)sizeof(ZEROS) && fdatasync(fd) == 0;
    (void)close(fd);                        // it is of no use any more
    (void)unlinkat(s->folder_fd, PROBE, 0); // else the next one overwrites it
    return ok;
}

bool spool_takes_lines(struct spool *s)
{
    uint64_t room_min = LINES_ROOM < s->size_max / 2 ? LINES_ROOM : s->size_max / 2;
    room_min = s->size_max / 8 > room_min ? s->size_max / 8 : room_min;
    lock(&s->mutex);
    uint64_t now = clock_mono_ns();
    uint64_t used = bytes_used(s);
    bool room = s->size_max > 0 && used < s->size_max && s->size_max - used >= room_min;
    bool broken = s->broken;
    bool due = broken && room && now - s->probe_ns >= NS_PER_S;
    s->probe_ns = due ? now : s->probe_ns;
    unlock(&s->mutex);
    if (due && probe(s)) {
        lock(&s->mutex);
        note_result(s, 0, 0);
        unlock(&s->mutex);
        broken = false;
    }
    return room && !broken;
}

// --- Taking --------------------------------------------------------------------------------------

/// The frame's payload, unpacked. ERR_INVALID when it is damaged.
static int read_payload(struct spool *s, int fd, uint64_t offset, const struct frame *f,
                        struct buf *out)
{
    buf_clear(&s->read);
    int status = buf_reserve(&s->read, f->packed_size);
    if (status == ERR_FULL) {
        return ERR_INVALID; // no frame of ours is so large
    }
    status = status == 0
                 ? segment_read(fd, offset + FRAME_HEADER_SIZE, s->read.data, f->packed_size)
                 : status;
    if (status == 0 && hash64(s->read.data, f->packed_size) != f->payload_hash) {
        status = ERR_INVALID;
    }
    return status == 0 ? packer_unpack(s->unpacker, s->read.data, f->packed_size, f->raw_size, out)
                       : status;
}

/// What was taken is out of the spool; `where` counts its records.
static void leave(struct lane *l, uint64_t *where)
{
    l->taken = false;
    l->waiting -= l->taken_count;
    *where += l->taken_count;
    if (!l->taken_is_dropped) {
        lane_pass(l);
    }
    l->taken_is_dropped = false;
}

/// What was taken is not delivered: it is in the spool as before, unless its segment made room
/// meanwhile.
static void give_back(struct lane *l)
{
    if (l->taken_is_dropped) {
        leave(l, &l->dropped);
    }
    l->taken = false;
}

int spool_take(struct spool *s, enum spool_lane lane, struct buf *out, uint32_t *ret_count)
{
    struct lane *l = &s->lanes[lane];
    int status;
    do {
        lock(&s->mutex);
        give_back(l); // it was never said to be done
        status = lane_settle(l);
        int fd = status == 0 ? fcntl(l->read_fd, F_DUPFD_CLOEXEC, 0) : -1;
        struct frame f = l->head;
        uint64_t offset = l->head_offset;
        if (fd >= 0) {
            l->taken = true;
            l->taken_count = f.count;
        }
        unlock(&s->mutex);
        if (fd < 0) {
            return status == 0 ? ERR_IO : status;
        }
        status = read_payload(s, fd, offset, &f, out);
        (void)close(fd); // it was only read
        if (status == 0) {
            *ret_count = f.count;
        } else if (status == ERR_INVALID) {
            log_with(LOG_LEVEL_ERROR, "a damaged frame in the spool was passed over", NULL,
                     LOG_TEXT("folder", s->folder), LOG_TEXT("lane", l->name),
                     LOG_U64("offset", offset), LOG_U64("records", f.count));
            lock(&s->mutex);
            leave(l, &l->damaged);
            unlock(&s->mutex);
        } else {
            lock(&s->mutex);
            give_back(l);
            unlock(&s->mutex);
        }
    } while (status == ERR_INVALID);
    return status;
}

void spool_done(struct spool *s, enum spool_lane lane)
{
    struct lane *l = &s->lanes[lane];
    lock(&s->mutex);
    if (l->taken) {
        leave(l, &l->done);
    }
    unlock(&s->mutex);
}

void spool_put_back(struct spool *s, enum spool_lane lane)
{
    struct lane *l = &s->lanes[lane];
    lock(&s->mutex);
    if (l->taken && l->taken_is_dropped) {
        leave(l, &l->dropped);
    }
    l->taken = false;
    unlock(&s->mutex);
}

void spool_tick(struct spool *s)
{
    lock(&s->mutex);
    say_dropped(s, 0);
    unlock(&s->mutex);
    for (int i = 0; i < SPOOL_LANE_COUNT; i++) {
        struct lane *l = &s->lanes[i];
        lock(&s->mutex);
        bool dirty = l->mark_dirty;
        l->mark_dirty = false;
        unlock(&s->mutex);
        bool synced = dirty && fdatasync(l->mark_fd) == 0;
        lock(&s->mutex);
        l->mark_slot = synced ? 1 - l->mark_slot : l->mark_slot;
        l->mark_dirty = l->mark_dirty || (dirty && !synced);
        unlock(&s->mutex);
    }
}

struct spool_books spool_books(struct spool *s)
{
    struct spool_books b = { 0 };
    lock(&s->mutex);
    for (int i = 0; i < SPOOL_LANE_COUNT; i++) {
        const struct lane *l = &s->lanes[i];
        b.found += l->found;
        b.put += l->put;
        b.done += l->done;
        b.dropped += l->dropped;
        b.damaged += l->damaged;
        b.waiting += l->waiting;
        b.bytes += l->bytes;
        if (l->head_ready && (b.oldest_s == 0 || l->head.put_s < b.oldest_s)) {
            b.oldest_s = l->head.put_s;
        }
    }
    unlock(&s->mutex);
    return b;
}
