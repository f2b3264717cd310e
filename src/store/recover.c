// SPDX-License-Identifier: Apache-2.0
/*
 * The log is cut where DuckDB says that it is damaged; when that is not enough it is cut there
 * again, and after a few tries the whole log is set aside: the database itself is whole without it.
 *
 * Of one damage DuckDB says nothing: an entry that claims to be longer than the rest of the file.
 * It takes that for the last write of a process that was killed, and drops it with all that
 * follows, as it does with a log whose first bytes are wrong. A write that was really torn has no
 * end of a transaction behind it, though; so when there is one, it is damage, and treated as such
 * before DuckDB sees it. The caller has the store's lock: nobody writes the log meanwhile.
 */
#include "store/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"

enum {
    PATH_SIZE = 3072,
    TRIES = 4,
    ENTRY_HEAD = 16, ///< size and checksum, which stand before the place that DuckDB names
};

struct log_file {
    char path[PATH_SIZE];
    char aside[PATH_SIZE]; ///< where the copy is; "" until there is one
};

/// How DuckDB 1.5 begins a log (its version, 2), and what it writes last in each transaction: size,
/// checksum and the mark of a commit. All numbers are little endian.
static const uint8_t LOG_HEAD[] = { 0x64, 0, 0x62, 0x65, 0, 2, 0xff, 0xff };
static const uint8_t LOG_COMMIT[] = { 5,    0,    0,    0,    0,    0,   0, 0,   0xe7, 0xfe, 0x7d,
                                      0x72, 0x2f, 0xed, 0x3d, 0x5e, 'd', 0, 'd', 0xff, 0xff };

/// What DuckDB says of a log that it cannot read, and where it puts the place.
static const char CORRUPT[] = "WAL";
static const char POSITION[] = "byte position ";

/// Whether the words are about the log; *ret_position is where the damaged entry begins, 0: they do
/// not say.
static bool is_about_log(const char *words, uint64_t *ret_position)
{
    const char *at = strstr(words, POSITION);
    *ret_position = 0;
    if (at != NULL) {
        for (at += strlen(POSITION); *at >= '0' && *at <= '9'; at++) {
            *ret_position = *ret_position * 10 + (uint64_t)(*at - '0');
        }
    }
    *ret_position -= *ret_position > ENTRY_HEAD ? ENTRY_HEAD : *ret_position;
    return strstr(words, CORRUPT) != NULL || at != NULL;
}

static int copy_aside(struct log_file *l, struct err *err)
{
    int size = snprintf(l->aside, sizeof(l->aside), "%s.damaged-%" PRIu64, l->path,
                        clock_wall_ns() / NS_PER_S);
    if (size < 0 || (size_t)size >= sizeof(l->aside)) {
        l->aside[0] = '\0';
        return err_set(err, ERR_RANGE, "%s: too long a path", l->path);
    }
    int from = open(l->path, O_RDONLY | O_CLOEXEC);
    int to = from < 0 ? -1 : open(l->aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct stat st;
    bool good = to >= 0 && fstat(from, &st) == 0;
    for (off_t left = good ? st.st_size : 0; good && left > 0;) {
        ssize_t count = sendfile(to, from, NULL, (size_t)left);
        good = count > 0;
        left -= count;
    }
    good = good && fsync(to) == 0;
    int error = errno;
    if (from >= 0) {
        (void)close(from); // only read
    }
    if (to >= 0 && close(to) != 0) {
        good = false;
    }
    return good ? 0 : err_set_errno(err, error, "cannot copy %s aside", l->path);
}

/// Cuts the log at `position`, or moves all of it out of the way.
static int shorten(struct log_file *l, uint64_t position, bool whole, struct err *err)
{
    if (l->aside[0] == '\0' && copy_aside(l, err) != 0) {
        return err->status;
    }
    int done = whole ? unlink(l->path) : truncate(l->path, (off_t)position);
    if (done != 0) {
        return err_set_errno(err, errno, "cannot cut %s", l->path);
    }
    log_with(LOG_LEVEL_ERROR,
             whole ? "the store's log is damaged and was set aside whole: what was stored last is "
                     "not in the store"
                   : "the store's log is damaged: what it has before the damage is kept, what was "
                     "stored after it is not in the store",
             NULL, LOG_TEXT("log", l->path), LOG_TEXT("copy", l->aside),
             LOG_U64("position", position));
    return 0;
}

/// Where the entries end that the file has whole.
static size_t whole_entries(const uint8_t *log, size_t size)
{
    if (size < sizeof(LOG_HEAD) || memcmp(log, LOG_HEAD, sizeof(LOG_HEAD)) != 0) {
        return 0;
    }
    size_t at = sizeof(LOG_HEAD);
    while (size - at >= ENTRY_HEAD) {
        uint64_t length;
        memcpy(&length, log + at, sizeof(length));
        if (length > size - at - ENTRY_HEAD) {
            break;
        }
        at += ENTRY_HEAD + (size_t)length;
    }
    return at;
}

/// Whether DuckDB would drop transactions from *ret_position on without a word. A log that cannot
/// be read here is left to DuckDB, which says so.
static bool is_cut_short(const char *path, uint64_t *ret_position)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    struct stat st;
    size_t size = fstat(fd, &st) == 0 ? (size_t)st.st_size : 0;
    void *log = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    (void)close(fd); // only read
    if (log == MAP_FAILED) {
        return false;
    }
    size_t end = whole_entries(log, size);
    const uint8_t *rest = (const uint8_t *)log + end;
    bool found = memmem(rest, size - end, LOG_COMMIT, sizeof(LOG_COMMIT)) != NULL;
    (void)munmap(log, size); // cannot fail for what was mapped
    *ret_position = end;
    return found;
}

int recover_open(const char *path, const struct duck_option *options, struct duck **ret_duck,
                 struct err *err)
{
    struct log_file l = { .aside = "" };
    int size = snprintf(l.path, sizeof(l.path), "%s.wal", path);
    if (size < 0 || (size_t)size >= sizeof(l.path)) {
        return err_set(err, ERR_RANGE, "%s: too long a path", path);
    }
    uint64_t position;
    if (is_cut_short(l.path, &position) && shorten(&l, position, position == 0, err) != 0) {
        return err->status;
    }
    for (int try = 0;; try++) {
        int status = duck_open(path, options, ret_duck, err);
        if (status != ERR_IO || try == TRIES || !is_about_log(err->text, &position)) {
            return status;
        }
        bool whole = try == TRIES - 1 || position == 0;
        status = shorten(&l, position, whole, err);
        if (status != 0) {
            return status;
        }
    }
}
