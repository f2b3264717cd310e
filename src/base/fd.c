// SPDX-License-Identifier: Apache-2.0
/* A call may write less than it is asked to, and be interrupted by a signal before it writes. */
#include "base/fd.h"

#include <errno.h>
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
