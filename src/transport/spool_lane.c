// SPDX-License-Identifier: Apache-2.0
/*
 * The watermark is a file of two slots, each of a disk sector's size and with a checksum. One slot
 * is written each time that a frame is delivered; when it has been synced, the other one is next.
 * So one that is whole is always on the disk. A mark that is behind costs repeats, no losses.
 *
 * A segment that was there when the lane was opened is never appended to. The numbers of segments
 * grow for ever, also over the mark's, so that a mark never means a later segment of its number.
 */
#include "transport/spool_lane.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

enum { MARK_SIZE = 48, SLOT_SIZE = 512, DAMAGED_KEPT_MAX = 4 };

static const char MARK_MAGIC[8] = { 'w', 'e', 'i', 'r', 'm', 'a', 'r', 'k' };

struct mark {
    uint64_t serial;
    uint64_t number;
    uint64_t offset;
    uint64_t records;
};

static void say(int level, const struct lane *l, const char *msg, const char *file, uint64_t offset)
{
    log_with(level, msg, NULL, LOG_TEXT("folder", l->folder), LOG_TEXT("file", file),
             LOG_U64("offset", offset));
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); // what was to be kept is synced
    }
    *fd = -1;
}

// --- The watermark -------------------------------------------------------------------------------

static bool mark_get(const uint8_t *at, struct mark *ret_mark)
{
    if (memcmp(at, MARK_MAGIC, 8) != 0 || spool_get_u64(at + 40) != hash64(at, 40)) {
        return false;
    }
    *ret_mark = (struct mark){ .serial = spool_get_u64(at + 8),
                               .number = spool_get_u64(at + 16),
                               .offset = spool_get_u64(at + 24),
                               .records = spool_get_u64(at + 32) };
    return ret_mark->number < UINT64_MAX / 2;
}

void lane_mark(struct lane *l)
{
    uint8_t at[MARK_SIZE];
    l->mark_serial++;
    memcpy(at, MARK_MAGIC, 8);
    spool_put_u64(at + 8, l->mark_serial);
    spool_put_u64(at + 16, l->first == NULL ? l->next_number : l->first->number);
    spool_put_u64(at + 24, l->first == NULL ? SEGMENT_HEADER_SIZE : l->head_offset);
    spool_put_u64(at + 32, l->first == NULL ? 0 : l->head_records);
    spool_put_u64(at + 40, hash64(at, 40));
    l->mark_dirty = true;
    // When it cannot be written now, it is by the next one: until then there are repeats.
    (void)!pwrite(l->mark_fd, at, sizeof(at), (off_t)l->mark_slot * SLOT_SIZE);
}

/// The later of the two slots that are good. No good one: the lane begins at its oldest segment.
static int read_mark(struct lane *l, struct mark *ret_mark, struct err *err)
{
    char name[SEGMENT_NAME_SIZE];
    uint8_t slots[2 * SLOT_SIZE] = { 0 };
    struct mark mark;
    (void)snprintf(name, sizeof(name), "%s.mark", l->name); // fits
    l->mark_fd = openat(l->folder_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (l->mark_fd < 0) {
        return err_set_errno(err, errno, "cannot open %s/%s", l->folder, name);
    }
    ssize_t size = pread(l->mark_fd, slots, sizeof(slots), 0);
    if (size < 0) {
        return err_set_errno(err, errno, "cannot read %s/%s", l->folder, name);
    }
    *ret_mark = (struct mark){ 0 };
    for (unsigned i = 0; i < 2; i++) {
        if (mark_get(slots + (size_t)i * SLOT_SIZE, &mark) && mark.serial > ret_mark->serial) {
            *ret_mark = mark;
            l->mark_slot = 1 - i;
        }
    }
    l->mark_serial = ret_mark->serial;
    if (ret_mark->serial == 0 && l->first != NULL) {
        say(LOG_LEVEL_WARN, l,
            "no watermark in the spool: what is in it is delivered from the "
            "beginning, some of it again",
            name, 0);
    }
    return 0;
}

// --- Opening -------------------------------------------------------------------------------------

/// ERR_INVALID for a newer version. A damaged header is passed over: frames have their own.
static int check_version(struct lane *l, int fd, const char *name, struct err *err)
{
    uint8_t header[SEGMENT_HEADER_SIZE];
    uint32_t version = 0;
    int status = segment_read(fd, 0, header, sizeof(header));
    if (status == ERR_IO) {
        return err_set_errno(err, errno, "cannot read %s/%s", l->folder, name);
    }
    status = status == 0 ? segment_header_get(header, &version) : ERR_NOT_FOUND;
    if (status == ERR_INVALID) {
        return err_set(err, ERR_INVALID,
                       "%s/%s is of a newer weir (format %u): deliver it with that one, or move "
                       "the folder away",
                       l->folder, name, version);
    }
    if (status != 0) {
        say(LOG_LEVEL_WARN, l, "a damaged header in the spool", name, 0);
    }
    return 0;
}

/// A copy of it into the list, which is in the order of numbers.
static int insert_segment(struct lane *l, const struct segment *found, struct err *err)
{
    struct segment *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for the spool");
    }
    struct segment **at = &l->first;
    while (*at != NULL && (*at)->number < found->number) {
        at = &(*at)->next;
    }
    *s = *found;
    s->next = *at;
    *at = s;
    return 0;
}

static int add_segment(struct lane *l, const char *name, uint64_t number, struct err *err)
{
    struct stat st;
    int fd = openat(l->folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int error = errno;
        close_fd(&fd);
        return err_set_errno(err, error, "cannot open %s/%s", l->folder, name);
    }
    struct segment found = { .number = number };
    int status = st.st_size == 0 ? 0 : check_version(l, fd, name, err);
    if (status == 0 && segment_walk(fd, (uint64_t)st.st_size, &found) != 0) {
        status = err_set_errno(err, errno, "cannot read %s/%s", l->folder, name);
    }
    close_fd(&fd);
    if (status != 0) {
        return status;
    }
    // It stays in the file: what looks torn may be a last frame that was damaged.
    if (found.size < (uint64_t)st.st_size) {
        say(LOG_LEVEL_WARN, l, "the end of a segment of the spool is torn", name, found.size);
    }
    return insert_segment(l, &found, err);
}

static int list_segments(struct lane *l, struct err *err)
{
    int fd = openat(l->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        int error = errno;
        close_fd(&fd);
        return err_set_errno(err, error, "cannot list %s", l->folder);
    }
    int status = 0;
    for (struct dirent *e; status == 0 && (e = readdir(folder)) != NULL;) { // NOLINT(concurrency-*)
        uint64_t number;
        if (segment_number(l->name, e->d_name, &number)) {
            status = add_segment(l, e->d_name, number, err);
        }
    }
    (void)closedir(folder); // it was only read
    return status;
}

static void remove_file(struct lane *l, uint64_t number)
{
    char name[SEGMENT_NAME_SIZE];
    segment_name(l->name, number, name);
    // One that stays is delivered already, or found again after a restart: no loss.
    (void)unlinkat(l->folder_fd, name, 0);
}

/// Takes the first segment out of the list; the head is then at the beginning of the next.
static void forget_first(struct lane *l)
{
    struct segment *s = l->first;
    l->first = s->next;
    l->bytes -= s->size;
    if (l->first == NULL) {
        l->last = NULL;
        close_fd(&l->write_fd);
    }
    close_fd(&l->read_fd);
    mem_free(s);
    l->head_offset = SEGMENT_HEADER_SIZE;
    l->head_records = 0;
    l->head_ready = false;
}

/// Puts the head where the mark is.
static void go_to(struct lane *l, const struct mark *mark)
{
    l->next_number = mark->number + 1;
    l->head_offset = SEGMENT_HEADER_SIZE;
    for (struct segment *s = l->first; s != NULL; s = s->next) {
        l->last = s;
        l->bytes += s->size;
        l->next_number = s->number >= l->next_number ? s->number + 1 : l->next_number;
    }
    while (l->first != NULL && l->first->number < mark->number) {
        remove_file(l, l->first->number);
        forget_first(l);
    }
    struct segment *s = l->first;
    if (s != NULL && s->number == mark->number && mark->offset >= SEGMENT_HEADER_SIZE) {
        l->head_offset = mark->offset < s->size ? mark->offset : s->size;
        l->head_records = mark->records < s->records ? mark->records : s->records;
        if (l->head_offset == s->size) {
            l->head_records = s->records;
        }
    }
    for (; s != NULL; s = s->next) {
        l->found += s->records;
    }
    l->found -= l->head_records;
    l->waiting = l->found;
}

int lane_open(struct lane *l, struct err *err)
{
    struct mark mark = { 0 };
    l->mark_fd = l->read_fd = l->write_fd = -1;
    int status = list_segments(l, err);
    status = status == 0 ? read_mark(l, &mark, err) : status;
    if (status == 0) {
        go_to(l, &mark);
        (void)lane_settle(l); // an error shows again when something is taken
        if (mark.serial == 0) {
            lane_mark(l); // so that a missing one means something the next time
        }
    }
    return status;
}

void lane_close(struct lane *l)
{
    close_fd(&l->mark_fd);
    close_fd(&l->read_fd);
    close_fd(&l->write_fd);
    while (l->first != NULL) {
        struct segment *next = l->first->next;
        mem_free(l->first);
        l->first = next;
    }
}

// --- The head ------------------------------------------------------------------------------------

static void count_damaged(struct lane *l, uint64_t count)
{
    l->damaged += count;
    l->waiting -= count;
}

/// Of the lane's segments that were set aside the oldest go.
static void limit_damaged(struct lane *l)
{
    for (int kept = DAMAGED_KEPT_MAX + 1; kept > DAMAGED_KEPT_MAX;) {
        char oldest[NAME_MAX + 1] = "";
        int fd = openat(l->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        if (folder == NULL) {
            close_fd(&fd);
            return;
        }
        kept = 0;
        for (struct dirent *e; (e = readdir(folder)) != NULL;) { // NOLINT(concurrency-*)
            const char *end = strrchr(e->d_name, '.');
            if (end != NULL && strcmp(end, ".damaged") == 0 &&
                strncmp(e->d_name, l->name, strlen(l->name)) == 0) {
                kept++;
                if (oldest[0] == '\0' || strcmp(e->d_name, oldest) < 0) {
                    memcpy(oldest, e->d_name, strlen(e->d_name) + 1);
                }
            }
        }
        (void)closedir(folder); // it was only read
        if (kept > DAMAGED_KEPT_MAX && unlinkat(l->folder_fd, oldest, 0) != 0) {
            return;
        }
    }
}

/// The rest of the first segment cannot be read: it is kept beside, for a person to look at.
static void set_aside(struct lane *l)
{
    char name[SEGMENT_NAME_SIZE];
    char aside[SEGMENT_NAME_SIZE + sizeof(".damaged")];
    segment_name(l->name, l->first->number, name);
    (void)snprintf(aside, sizeof(aside), "%s.damaged", name); // fits
    say(LOG_LEVEL_ERROR, l, "a segment of the spool is damaged: it is set aside", name,
        l->head_offset);
    count_damaged(l, l->first->records - l->head_records);
    (void)renameat(l->folder_fd, name, l->folder_fd, aside); // else it is found again
    if (l->first == l->last) {
        close_fd(&l->write_fd);
    }
    forget_first(l);
    limit_damaged(l);
}

static bool continues(const struct lane *l, const struct frame *f)
{
    return f->before >= l->head_records && f->before + f->count <= l->first->records;
}

/// The next good frame at or behind the head. ERR_NOT_FOUND: there is none in this segment.
static int find_head(struct lane *l)
{
    uint64_t offset = l->head_offset;
    struct frame f;
    int status = segment_frame(l->read_fd, l->first, offset, &f);
    if (status == ERR_INVALID || (status == 0 && !continues(l, &f))) {
        do {
            offset++;
            status = segment_find(l->read_fd, l->first, offset, &offset, &f);
        } while (status == 0 && !continues(l, &f));
    }
    if (status != 0) {
        return status;
    }
    if (offset != l->head_offset) {
        char name[SEGMENT_NAME_SIZE];
        segment_name(l->name, l->first->number, name);
        say(LOG_LEVEL_ERROR, l, "damaged frames in the spool were passed over", name,
            l->head_offset);
    }
    count_damaged(l, f.before - l->head_records);
    l->head_offset = offset;
    l->head_records = f.before;
    l->head = f;
    l->head_ready = true;
    return 0;
}

int lane_settle(struct lane *l)
{
    while (!l->head_ready && l->first != NULL) {
        struct segment *s = l->first;
        if (l->head_offset >= s->size) {
            if (s == l->last && l->writing) {
                break; // there will be more
            }
            count_damaged(l, s->records - l->head_records); // none, unless it is damaged
            remove_file(l, s->number);
            forget_first(l);
            continue;
        }
        if (l->read_fd < 0) {
            char name[SEGMENT_NAME_SIZE];
            segment_name(l->name, s->number, name);
            l->read_fd = openat(l->folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
            if (l->read_fd < 0 && errno != ENOENT) {
                return ERR_IO;
            }
        }
        int status = l->read_fd < 0 ? ERR_NOT_FOUND : find_head(l);
        if (status == ERR_IO) {
            return status;
        }
        if (status != 0 && s == l->last && l->writing) {
            break; // it must stay while something is appended to it
        }
        if (status != 0) {
            set_aside(l);
        }
    }
    return l->head_ready ? 0 : ERR_NOT_FOUND;
}

void lane_pass(struct lane *l)
{
    l->head_offset += frame_size(&l->head);
    l->head_records += l->head.count;
    l->head_ready = false;
    (void)lane_settle(l); // an error shows again when something is taken
    lane_mark(l);
}

uint64_t lane_drop(struct lane *l)
{
    uint64_t lost = l->first->records - l->head_records;
    if (l->taken && !l->taken_is_dropped) {
        lost -= l->taken_count; // it is being delivered
        l->taken_is_dropped = true;
    }
    l->dropped += lost;
    l->waiting -= lost;
    remove_file(l, l->first->number);
    forget_first(l);
    (void)lane_settle(l); // an error shows again when something is taken
    return lost;
}

// --- The tail ------------------------------------------------------------------------------------

int lane_begin(struct lane *l)
{
    char name[SEGMENT_NAME_SIZE];
    struct segment *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return ERR_NO_MEMORY;
    }
    s->number = l->next_number++; // also when it fails: what is left of it is nobody's
    segment_name(l->name, s->number, name);
    close_fd(&l->write_fd);
    l->write_fd = openat(l->folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (l->write_fd < 0) {
        mem_free(s);
        return ERR_IO;
    }
    if (l->last == NULL) {
        l->first = s;
        l->head_offset = SEGMENT_HEADER_SIZE;
        l->head_records = 0;
    } else {
        l->last->next = s;
    }
    l->last = s;
    return 0;
}

void lane_commit(struct lane *l, uint64_t size, uint32_t count)
{
    l->last->size += size;
    l->last->records += count;
    l->bytes += size;
    l->put += count;
    l->waiting += count;
    l->writing = false;
    (void)lane_settle(l); // an error shows again when something is taken
}

void lane_abort(struct lane *l, bool sync_failed)
{
    struct segment *s = l->last;
    l->writing = false;
    if (ftruncate(l->write_fd, (off_t)s->size) != 0 || sync_failed || s->size == 0) {
        close_fd(&l->write_fd);
    }
    if (s->size == 0) { // it was new
        remove_file(l, s->number);
        struct segment **at = &l->first;
        l->last = NULL;
        while (*at != s) {
            l->last = *at;
            at = &(*at)->next;
        }
        *at = NULL;
        mem_free(s);
    }
    (void)lane_settle(l); // an error shows again when something is taken
}
