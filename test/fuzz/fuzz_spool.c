// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a segment and as a watermark: opened or refused with words; what is in it comes out
 * or is counted as damaged, the books balance, and the spool goes on to work.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "fuzz.h"
#include "transport/spool.h"

/// In memory, where there is such a place: a spool syncs, and disks wait then.
static char directory[] = "/dev/shm/weir-fuzz-XXXXXX";
static int folder = -1;

static const char *const NAMES[] = { "lines-000000000001.seg", "lines.mark",
                                     "lines-000000000001.seg.damaged", "datagrams.mark", "lock" };
enum { NAME_COUNT = sizeof(NAMES) / sizeof(NAMES[0]), MARK_SIZE_MAX = 1024 };

static void remove_files(void)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        (void)unlinkat(folder, NAMES[i], 0); // it may not be there
    }
}

static void remove_all(void)
{
    remove_files();
    (void)rmdir(directory); // what is left of a crash is looked at
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK(write(fd, data, size) == (ssize_t)size);
    CHECK(close(fd) == 0);
}

static void check_books(struct spool *spool)
{
    struct spool_books b = spool_books(spool);
    CHECK(b.found + b.put == b.done + b.dropped + b.damaged + b.waiting);
}

/// The first byte says whether a mark of 1024 bytes comes before the segment.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spool *spool;
    struct err err = { 0 };
    struct buf out;
    uint32_t count;
    if (folder < 0) {
        log_set_up(100, false); // quiet
        if (access("/dev/shm", W_OK) != 0) {
            memcpy(directory, "/tmp/weir-fuzz-XXXXXX", sizeof("/tmp/weir-fuzz-XXXXXX"));
        }
        CHECK(mkdtemp(directory) != NULL);
        folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(folder >= 0);
        CHECK(atexit(remove_all) == 0);
    }
    remove_files();
    size_t mark_size = size > MARK_SIZE_MAX && data[0] == 1 ? MARK_SIZE_MAX : 0;
    if (mark_size > 0) {
        write_file("lines.mark", data + 1, mark_size);
    }
    size_t begin = size > 0 ? 1 + mark_size : 0;
    write_file(NAMES[0], data + begin, size - begin);
    struct spool_settings settings = { .folder = directory, .size_max = 1 << 20 };
    if (spool_open(&settings, &spool, &err) != 0) {
        CHECK(err.text[0] != '\0');
        return 0;
    }
    check_books(spool);
    buf_init(&out, 128 << 20);
    int put = spool_put(spool, SPOOL_LINES, "last", 4, 1);
    CHECK(put == 0 || size > 100000);
    int status;
    while ((status = spool_take(spool, SPOOL_LINES, &out, &count)) == 0) {
        spool_done(spool, SPOOL_LINES);
        check_books(spool);
    }
    CHECK(status == ERR_NOT_FOUND || status == ERR_FULL || status == ERR_NO_MEMORY);
    CHECK(status != ERR_NOT_FOUND || spool_books(spool).waiting == 0);
    buf_release(&out);
    spool_close(spool);
    return 0;
}
