// SPDX-License-Identifier: Apache-2.0
/*
 * Who writes locks the file, looks whether it still has its name (it may just have been moved
 * away), appends, syncs and closes. Who takes the file aside renames it under the same lock, and
 * keeps the lock until all of it is sent again. That takes long: who writes never waits for it, but
 * opens the new file.
 */
#include "transport/deadletter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json_rd.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/num.h"

enum { PATH_SIZE = 3072, STATUS_MAX = 999 };

static const char ASIDE[] = ".resending";

// --- Lines ---------------------------------------------------------------------------------------

void deadletter_append(const struct deadletter *entry, uint64_t now_ns, struct buf *out)
{
    time_t seconds = (time_t)(now_ns / NS_PER_S);
    struct tm tm;
    char time[32] = "";
    if (gmtime_r(&seconds, &tm) != NULL) {
        (void)strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &tm); // fits until 9999
    }
    buf_printf(out, "{\"time\":\"%s.%03uZ\",\"index\":", time,
               (unsigned)(now_ns % NS_PER_S / NS_PER_MS));
    json_append_string(out, entry->index, entry->index_size);
    if (entry->id_size > 0) {
        buf_append_text(out, ",\"id\":");
        json_append_string(out, entry->id, entry->id_size);
    }
    buf_printf(out, ",\"status\":%u,\"reason\":", entry->status);
    json_append_text(out, entry->reason);
    buf_append_text(out, ",\"document\":");
    buf_append(out, entry->document, entry->document_size);
    buf_append_text(out, "}\n");
}

static bool is_name(const struct json_text *name, const char *wanted)
{
    return name->size == strlen(wanted) && memcmp(name->data, wanted, name->size) == 0;
}

/// Passes over blanks and `c`. False when something else is there.
static bool pass(struct json_rd *r, uint8_t c)
{
    if (!json_rd_blanks(r) || !json_rd_is_at(r, c)) {
        return false;
    }
    r->at++;
    return json_rd_blanks(r);
}

static bool get_status(const uint8_t *at, size_t size, unsigned *ret_status)
{
    uint64_t value;
    if (num_get_u64((const char *)at, size, STATUS_MAX, &value) != 0) {
        return false;
    }
    *ret_status = (unsigned)value;
    return true;
}

/// A member's value into what it means for the entry. False when it is of another type.
static bool take_member(struct json_rd *r, const struct json_text *name, struct deadletter *entry)
{
    struct json_text text;
    const uint8_t *begin = r->at;
    bool is_index = is_name(name, "index");
    if (is_index || is_name(name, "id")) {
        if (!json_rd_string(r, &text) || text.escaped) {
            return false;
        }
        *(is_index ? &entry->index : &entry->id) = text.data;
        *(is_index ? &entry->index_size : &entry->id_size) = text.size;
        return true;
    }
    bool is_object = json_rd_is_at(r, '{');
    if (!json_rd_value(r)) {
        return false;
    }
    size_t size = (size_t)(r->at - begin);
    if (is_name(name, "document")) {
        entry->document = begin;
        entry->document_size = size;
        return is_object;
    }
    return !is_name(name, "status") || get_status(begin, size, &entry->status);
}

bool deadletter_parse(const uint8_t *line, size_t size, struct deadletter *ret_entry)
{
    struct json_rd r = { .begin = line, .at = line, .end = line + size };
    struct deadletter entry = { .reason = "" };
    if (!pass(&r, '{')) {
        return false;
    }
    do {
        struct json_text name;
        if (!json_rd_string(&r, &name) || !pass(&r, ':') || !take_member(&r, &name, &entry)) {
            return false;
        }
    } while (pass(&r, ','));
    if (!pass(&r, '}') || r.at != r.end || entry.index_size == 0 || entry.document == NULL) {
        return false;
    }
    *ret_entry = entry;
    return true;
}

// --- The file ------------------------------------------------------------------------------------

/// Whether the path still leads to the open file.
static bool is_current(int fd, const char *path)
{
    struct stat open_one;
    struct stat named;
    return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/// The folder of `path`, ready to be opened. False when that is too long.
static bool folder_of(const char *path, char ret_folder[static PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    int size = slash == NULL ? 1 : (int)(slash - path) + 1;
    return snprintf(ret_folder, PATH_SIZE, "%.*s", size, slash == NULL ? "." : path) < PATH_SIZE;
}

/// The folder that the path's file is in.
static int sync_folder(const char *path)
{
    char folder[PATH_SIZE];
    if (!folder_of(path, folder)) {
        errno = ENAMETOOLONG;
        return ERR_IO;
    }
    return fd_sync_folder(folder);
}

/// Makes the folder of `path`. True when it is there, whoever made it.
static bool make_folder(const char *path)
{
    char folder[PATH_SIZE];
    char above[PATH_SIZE + sizeof("..")];
    if (!folder_of(path, folder)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (mkdir(folder, 0700) != 0) {
        return errno == EEXIST;
    }
    (void)snprintf(above, sizeof(above), "%s..", folder); // fits
    (void)fd_sync_folder(above);                          // it may not be ours to read
    return true;
}

static int open_making_folder(const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    if (fd < 0 && errno == ENOENT && (flags & O_CREAT) != 0 && make_folder(path)) {
        fd = open(path, flags, 0600);
    }
    return fd;
}

/// Locks the file. ERR_NOT_FOUND: the path leads to another one meanwhile; ERR_IO with errno.
static int lock_current(int fd, const char *path)
{
    static const struct timespec PAUSE = { .tv_nsec = NS_PER_MS };
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return ERR_IO;
        }
        if (!is_current(fd, path)) {
            return ERR_NOT_FOUND;
        }
        (void)nanosleep(&PAUSE, NULL); // a writer has it, for as long as a sync takes
    }
    return is_current(fd, path) ? 0 : ERR_NOT_FOUND;
}

/// The file, with its lock, under its name. -1 with errno.
static int open_locked(const char *path, int flags)
{
    for (;;) {
        int fd = open_making_folder(path, flags | O_CLOEXEC);
        int status = fd < 0 ? ERR_IO : lock_current(fd, path);
        if (status == 0) {
            return fd;
        }
        int error = errno;
        if (fd >= 0) {
            (void)close(fd); // nothing was written
        }
        if (status == ERR_IO) {
            errno = error;
            return -1;
        }
    }
}

/// Where the last whole line ends: behind it lies what a crash left.
static int whole_size(int fd, off_t size, off_t *ret_size)
{
    uint8_t window[4096];
    while (size > 0) {
        size_t want = size < (off_t)sizeof(window) ? (size_t)size : sizeof(window);
        ssize_t n = pread(fd, window, want, size - (off_t)want);
        if (n != (ssize_t)want) {
            return ERR_IO;
        }
        const uint8_t *end = memrchr(window, '\n', want);
        if (end != NULL) {
            *ret_size = size - (off_t)want + (end - window) + 1;
            return 0;
        }
        size -= (off_t)want;
    }
    *ret_size = 0;
    return 0;
}

static int append_to(int fd, const char *path, const struct buf *lines)
{
    struct stat st;
    off_t size;
    if (fstat(fd, &st) != 0) {
        return ERR_IO;
    }
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL; // a device keeps nothing
        return ERR_IO;
    }
    if (whole_size(fd, st.st_size, &size) != 0 || (size < st.st_size && ftruncate(fd, size) != 0)) {
        return ERR_IO;
    }
    if (fd_write_all(fd, lines->data, lines->size) != 0 || fdatasync(fd) != 0 ||
        (size == 0 && sync_folder(path) != 0)) {
        int error = errno;
        (void)!ftruncate(fd, size); // what stays is torn, and cut off the next time, or repeated
        errno = error;
        return ERR_IO;
    }
    return 0;
}

int deadletter_write(const char *path, const struct buf *lines)
{
    static atomic_bool failing;
    int fd = open_locked(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK);
    int status = fd < 0 ? ERR_IO : append_to(fd, path, lines);
    int error = errno;
    if (fd >= 0) {
        (void)close(fd); // it is synced, or has failed already
    }
    if (status != 0 && !atomic_exchange(&failing, true)) {
        char text[128];
        log_with(LOG_LEVEL_ERROR, "cannot write refused documents", NULL, LOG_TEXT("file", path),
                 LOG_TEXT("error", strerror_r(error, text, sizeof(text))));
    } else if (status == 0 && atomic_exchange(&failing, false)) {
        log_with(LOG_LEVEL_INFO, "refused documents can be written again", NULL,
                 LOG_TEXT("file", path));
    }
    return status;
}

// --- Sending again -------------------------------------------------------------------------------

static bool aside_path(const char *path, char ret_path[static PATH_SIZE])
{
    return snprintf(ret_path, PATH_SIZE, "%s%s", path, ASIDE) < PATH_SIZE;
}

/// The file that is aside, locked; -1 with errno, EWOULDBLOCK when another process has it.
static int open_aside(const char *aside)
{
    int fd = open(aside, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (locked && is_current(fd, aside)) {
        return fd;
    }
    int error = locked ? EWOULDBLOCK : errno; // another one is done with it just now
    (void)close(fd);                          // it was only read
    errno = error;
    return -1;
}

/// Never over one that another process has just taken aside.
static int rename_to_new(const char *path, const char *aside)
{
    if (renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -1;
    }
    return link(path, aside) == 0 ? unlink(path) : -1; // not all file systems can at once
}

/// Renames the file to `aside`, which is not there. The lock goes with it.
static int move_aside(const char *path, const char *aside)
{
    int fd = open_locked(path, O_RDONLY);
    if (fd < 0) {
        return -1;
    }
    if (rename_to_new(path, aside) == 0) {
        (void)sync_folder(path); // else it may have its old name again after a power cut
        return fd;
    }
    int error = errno == EEXIST ? EWOULDBLOCK : errno;
    (void)close(fd); // it was only read
    errno = error;
    return -1;
}

int deadletter_take_aside(const char *path, int *ret_fd, struct err *err)
{
    char aside[PATH_SIZE];
    if (!aside_path(path, aside)) {
        return err_set(err, ERR_RANGE, "%s: the path is too long", path);
    }
    int fd = open_aside(aside);
    if (fd < 0 && errno == ENOENT) {
        fd = move_aside(path, aside);
    }
    if (fd >= 0) {
        *ret_fd = fd;
        return 0;
    }
    if (errno == EWOULDBLOCK) {
        return err_set(err, ERR_EXISTS, "another weir is sending %s again: wait for its end", path);
    }
    if (errno == ENOENT) {
        return err_set(err, ERR_NOT_FOUND, "there is no dead-letter file %s: nothing to send",
                       path);
    }
    return err_set_errno(err, errno, "cannot take %s aside", path);
}

void deadletter_done(const char *path)
{
    char aside[PATH_SIZE];
    if (aside_path(path, aside) && unlink(aside) == 0) {
        (void)sync_folder(path); // else it may be sent again after a power cut, which is harmless
    }
}
