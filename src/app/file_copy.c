// SPDX-License-Identifier: Apache-2.0
/*
 * A copy is written under another name and gets its own when it is whole and on the disk, so that
 * whoever sees the name sees all of it.
 */
#include "app/file_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

enum { COPY_SIZE = 1 << 20, PATH_SIZE = 4096 };

static int copy_bytes(int from, int to, const char *name, struct err *err)
{
    uint8_t *bytes = mem_zalloc(COPY_SIZE);
    if (bytes == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    int status = 0;
    ssize_t size;
    while (status == 0 && (size = read(from, bytes, COPY_SIZE)) != 0) {
        ssize_t written = 0;
        while (size > 0 && written < size) {
            ssize_t n = write(to, bytes + written, (size_t)(size - written));
            if (n < 0 && errno != EINTR) {
                break;
            }
            written += n < 0 ? 0 : n;
        }
        if (size < 0 || written < size) {
            status = err_set_errno(err, errno, "cannot copy to %s", name);
        }
    }
    mem_free(bytes);
    return status;
}

int file_copy(const char *from, const char *to, struct err *err)
{
    char part[PATH_SIZE];
    if (snprintf(part, sizeof(part), "%s.part", to) >= (int)sizeof(part)) {
        return err_set(err, ERR_RANGE, "the name is too long");
    }
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = in < 0 ? -1 : open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int status = in < 0 || out < 0
                     ? err_set_errno(err, errno, "cannot open %s", in < 0 ? from : part)
                     : copy_bytes(in, out, to, err);
    if (status == 0 && fsync(out) != 0) {
        status = err_set_errno(err, errno, "cannot write %s", to);
    }
    if (in >= 0) {
        (void)close(in); // only read
    }
    if (out >= 0 && close(out) != 0 && status == 0) {
        status = err_set_errno(err, errno, "cannot write %s", to);
    }
    if (status == 0 && renameat2(AT_FDCWD, part, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
        status = err_set_errno(err, errno, "cannot make %s", to);
    }
    if (status != 0 && out >= 0) {
        (void)unlink(part); // what is wrong has been said
    }
    return status;
}

int file_move(const char *from, const char *to, struct err *err)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    int status =
        errno == EXDEV ? file_copy(from, to, err) : err_set_errno(err, errno, "cannot make %s", to);
    (void)unlink(from); // a copy of it is there, or none is wanted
    return status;
}
