// SPDX-License-Identifier: Apache-2.0
/* A call may write less than it is asked to, and be interrupted by a signal before it writes. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "base/status.h"

int fd_write_all(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno != EINTR) {
            return ERR_IO;
        }
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

int fd_sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ERR_IO;
    }
    int status = fsync(fd) == 0 || errno == EINVAL ? 0 : ERR_IO; // some file systems cannot
    (void)close(fd);                                             // nothing was written through it
    return status;
}
