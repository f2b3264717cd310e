// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "../unit.h"
#include "base/status.h"

enum { SIZE = 300000 }; // more than a pipe holds

static void *read_slowly(void *argument)
{
    const int *fd = argument;
    static uint8_t got[SIZE];
    size_t size = 0;
    while (size < SIZE) {
        size_t most = SIZE - size < 7777 ? SIZE - size : 7777;
        ssize_t n = read(*fd, got + size, most);
        if (n <= 0) {
            return NULL;
        }
        size += (size_t)n;
    }
    for (size_t i = 0; i < size; i++) {
        if (got[i] != (uint8_t)(i * 7)) {
            return NULL;
        }
    }
    return size == SIZE ? got : NULL;
}

static void all_of_it(void **state)
{
    (void)state;
    static uint8_t data[SIZE];
    for (size_t i = 0; i < SIZE; i++) {
        data[i] = (uint8_t)(i * 7);
    }
    int fds[2];
    pthread_t reader;
    void *got;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_slowly, &fds[0]), 0);
    assert_int_equal(fd_write_all(fds[1], data, SIZE), 0);
    assert_int_equal(pthread_join(reader, &got), 0);
    assert_non_null(got);
    assert_int_equal(fd_write_all(fds[1], data, 0), 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void no_room(void **state)
{
    (void)state;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, "x", 1), ERR_IO);
    assert_int_equal(errno, ENOSPC);
    (void)close(fd);
}

static void folders(void **state)
{
    (void)state;
    assert_int_equal(fd_sync_folder("/tmp"), 0);
    assert_int_equal(fd_sync_folder("/dev/null"), ERR_IO);
    assert_int_equal(errno, ENOTDIR);
    assert_int_equal(fd_sync_folder("/nowhere/at/all"), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it),
        cmocka_unit_test(no_room),
        cmocka_unit_test(folders),
    };
    return UNIT_MAIN("base/fd", tests);
}
