// SPDX-License-Identifier: Apache-2.0
/* Who looks has a shared lock for a moment, so one that cannot be had is tried again soon. */
#include "store/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, TRIES = 5, PAUSE_NS = 20 * 1000 * 1000 };

static const char OPEN[] = "\nopen\n";

static int path_of(const char *folder, char path[static PATH_SIZE])
{
    return snprintf(path, PATH_SIZE, "%s/lock", folder) < PATH_SIZE ? 0 : ERR_RANGE;
}

static struct folder_holder read_holder(int fd)
{
    struct folder_holder holder = { .pid = "unknown" };
    char text[FOLDER_LOCK_PID_SIZE + sizeof(OPEN)] = "";
    ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
    size_t digits = size > 0 ? strspn(text, "0123456789") : 0;
    if (digits > 0 && digits < sizeof(holder.pid)) {
        memcpy(holder.pid, text, digits);
        holder.pid[digits] = '\0';
        holder.open = strcmp(text + digits, OPEN) == 0;
    }
    return holder;
}

static int try_lock(int fd)
{
    for (int i = 0; i < TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return 0;
        }
        (void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL); // shorter is fine
    }
    return ERR_EXISTS;
}

static int write_pid(int fd, const char *end)
{
    char text[FOLDER_LOCK_PID_SIZE + sizeof(OPEN)];
    int size = snprintf(text, sizeof(text), "%d%s", (int)getpid(), end); // fits
    return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)size, 0) == size ? 0 : ERR_IO;
}

int folder_lock_take(const char *folder, int *ret_fd, struct err *err)
{
    char path[PATH_SIZE];
    if (path_of(folder, path) != 0) {
        return err_set(err, ERR_RANGE, "%.100s...: too long a path", folder);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot open %s", path);
    }
    if (try_lock(fd) != 0) {
        (void)err_set(err, ERR_EXISTS,
                      "the store in %s is held by another weir (pid %s): ask that one, or use "
                      "another -transport.store",
                      folder, read_holder(fd).pid); // returned below
        (void)close(fd);                            // nothing was written
        return err->status;
    }
    if (write_pid(fd, "\n") != 0) {
        (void)err_set_errno(err, errno, "cannot write %s", path);
        (void)close(fd);
        return err->status;
    }
    *ret_fd = fd;
    return 0;
}

void folder_lock_say(int fd, bool open)
{
    (void)write_pid(fd, open ? OPEN : "\n"); // who does not know it waits longer
}

struct folder_holder folder_lock_look(const char *folder)
{
    char path[PATH_SIZE];
    struct folder_holder holder = { .pid = "unknown" };
    int fd = path_of(folder, path) == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return holder;
    }
    if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        holder = read_holder(fd);
        holder.held = true;
    }
    (void)close(fd); // only read
    return holder;
}
