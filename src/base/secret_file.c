// SPDX-License-Identifier: Apache-2.0
/*
 * The mode is asked of the open file, so that nobody can put another one there in between. It is
 * opened without waiting: a pipe of that name is refused, and nobody waits for its other end.
 */
#include "base/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 1024 };

static int open_file(const char *option, const char *path, bool is_secret, int *ret_fd,
                     struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return err_set_errno(err, errno, "%s: cannot read %s", option, path);
    }
    struct stat st;
    int status = 0;
    if (fstat(fd, &st) != 0) {
        status = err_set_errno(err, errno, "%s: cannot read %s", option, path);
    } else if (!S_ISREG(st.st_mode)) {
        status = err_set(err, ERR_INVALID, "%s: %.300s is no file", option, path);
    } else if (is_secret && (st.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        status = err_set(err, ERR_INVALID,
                         "%s: everybody on this machine can read %.200s; "
                         "chmod 600 it, or 640 for its group",
                         option, path);
    }
    if (status == 0) {
        *ret_fd = fd;
    } else {
        (void)close(fd); // it was only read
    }
    return status;
}

int secret_file_check(const char *option, const char *path, struct err *err)
{
    int fd = -1;
    if (open_file(option, path, true, &fd, err) != 0) {
        return err->status;
    }
    (void)close(fd); // it was only read
    return 0;
}

static int read_file(const char *option, const char *path, bool is_secret, struct buf *out,
                     struct err *err)
{
    int fd = -1;
    if (open_file(option, path, is_secret, &fd, err) != 0) {
        return err->status;
    }
    ssize_t got = 1;
    while (got > 0 && buf_reserve(out, READ_SIZE) == 0) {
        got = read(fd, buf_tail(out), READ_SIZE);
        out->size += got > 0 ? (size_t)got : 0;
    }
    int error = errno;
    (void)close(fd); // it was only read
    if (out->bad) {
        return err_set(err, ERR_INVALID, "%s: %.300s is too large for a %s", option, path,
                       is_secret ? "secret" : "certificate");
    }
    return got < 0 ? err_set_errno(err, error, "%s: cannot read %s", option, path) : 0;
}

int secret_file_read(const char *option, const char *path, struct buf *out, struct err *err)
{
    return read_file(option, path, true, out, err);
}

int secret_file_read_public(const char *option, const char *path, struct buf *out, struct err *err)
{
    return read_file(option, path, false, out, err);
}

void secret_wipe(struct buf *b)
{
    if (b->data != NULL) {
        explicit_bzero(b->data, b->capacity);
    }
    buf_release(b);
}
