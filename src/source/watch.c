// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel gives the same number for the same folder, however it is named, and forgets a folder
 * that is gone by itself. So the table holds just numbers, and a number that no scan has asked for
 * is given back.
 */
#include "source/watch.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    /// Folders with a watch: an eighth of what Debian's kernels give one user at the least.
    WATCH_FOLDERS_MAX = 1024,
    EVENTS_SIZE = 4 << 10,
    NAMES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
            IN_ATTRIB,
    CONTENT = IN_MODIFY,
};

struct entry {
    int number; ///< the kernel's
    bool wanted;
};

struct watch {
    int fd;
    bool short_of; ///< a folder could not be watched in this round
    bool told;     ///< that was said
    size_t count;
    struct entry entries[WATCH_FOLDERS_MAX];
};

int watch_new(struct watch **ret_watch)
{
    struct watch *w = mem_zalloc(sizeof(*w));
    if (w == NULL) {
        return ERR_NO_MEMORY;
    }
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    *ret_watch = w;
    return 0;
}

void watch_free(struct watch *w)
{
    if (w == NULL) {
        return;
    }
    if (w->fd >= 0) {
        (void)close(w->fd); // nothing was written
    }
    mem_free(w);
}

void watch_begin(struct watch *w)
{
    w->short_of = w->fd < 0;
    for (size_t i = 0; i < w->count; i++) {
        w->entries[i].wanted = false;
    }
}

void watch_folder(struct watch *w, const char *path)
{
    if (w->fd < 0) {
        return;
    }
    int number = inotify_add_watch(w->fd, path, NAMES | CONTENT | IN_ONLYDIR);
    if (number < 0) {
        w->short_of = w->short_of || (errno != ENOENT && errno != ENOTDIR);
        return;
    }
    for (size_t i = 0; i < w->count; i++) {
        if (w->entries[i].number == number) {
            w->entries[i].wanted = true;
            return;
        }
    }
    if (w->count == WATCH_FOLDERS_MAX) {
        w->short_of = true;
        (void)inotify_rm_watch(w->fd, number); // it was made just now
        return;
    }
    w->entries[w->count++] = (struct entry){ .number = number, .wanted = true };
}

bool watch_end(struct watch *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (w->entries[i].wanted) {
            w->entries[kept++] = w->entries[i];
        } else {
            (void)inotify_rm_watch(w->fd, w->entries[i].number); // the folder may be gone
        }
    }
    w->count = kept;
    bool first = w->short_of && !w->told;
    w->told = w->told || w->short_of;
    return first;
}

/// The kernel has forgotten a folder.
static void forget(struct watch *w, int number)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->entries[i].number == number) {
            w->entries[i] = w->entries[--w->count];
            return;
        }
    }
}

static enum watch_news read_event(struct watch *w, const struct inotify_event *event)
{
    if ((event->mask & IN_IGNORED) != 0) {
        forget(w, event->wd);
        return WATCH_NAMES;
    }
    return (event->mask & (NAMES | IN_Q_OVERFLOW | IN_UNMOUNT)) != 0 ? WATCH_NAMES : WATCH_CONTENT;
}

enum watch_news watch_read(struct watch *w)
{
    enum watch_news news = WATCH_NOTHING;
    _Alignas(struct inotify_event) char events[EVENTS_SIZE];
    _Static_assert(sizeof(events) > sizeof(struct inotify_event) + NAME_MAX + 1, "one fits");
    ssize_t size;
    while (w->fd >= 0 && (size = read(w->fd, events, sizeof(events))) > 0) {
        for (ssize_t at = 0; at < size;) {
            const void *place = events + at;
            const struct inotify_event *event = place;
            enum watch_news more = read_event(w, event);
            news = more > news ? more : news;
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    }
    return news;
}

int watch_fd(const struct watch *w)
{
    return w->fd;
}

size_t watch_count(const struct watch *w)
{
    return w->count;
}
