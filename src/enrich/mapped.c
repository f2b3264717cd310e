// SPDX-License-Identifier: Apache-2.0
/*
 * The handler of SIGBUS puts a page of zeros where a file ended under its mapping, and the load is
 * done again. It has to know which addresses are ours, and that is a table in the open: a signal
 * has no other way to us. Faults elsewhere are what they were, the end.
 *
 * mmap() is not on POSIX' list of what a handler may call; on Linux it is a system call and nothing
 * else.
 */
#include "enrich/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

enum { AREAS_MAX = 256 };

struct area {
    const uint8_t *_Atomic begin; ///< NULL: free
    const uint8_t *_Atomic end;
};

static struct area areas[AREAS_MAX];

static void on_bus(int number, siginfo_t *info, void *context)
{
    (void)context;
    uint8_t *at = info->si_addr;
    int saved = errno;
    for (size_t i = 0; i < AREAS_MAX; i++) {
        const uint8_t *begin = atomic_load(&areas[i].begin);
        if (begin != NULL && at >= begin && at < atomic_load(&areas[i].end)) {
            size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
            uint8_t *page = at - (size_t)(at - begin) % page_size;
            if (mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
                page) {
                errno = saved;
                return;
            }
        }
    }
    struct sigaction original = { .sa_handler = SIG_DFL };
    (void)sigaction(number, &original, NULL); // and the fault comes again
}

/// False when the table is full.
static bool guard(const struct mapped *m)
{
    struct sigaction action = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };
    if (sigaction(SIGBUS, &action, NULL) != 0) {
        return false;
    }
    for (size_t i = 0; i < AREAS_MAX; i++) {
        const uint8_t *none = NULL;
        const uint8_t *end = NULL;
        if (atomic_compare_exchange_strong(&areas[i].end, &end, m->data + m->size)) {
            bool was_free = atomic_compare_exchange_strong(&areas[i].begin, &none, m->data);
            CHECK(was_free);
            return true;
        }
    }
    return false;
}

static void forget(const struct mapped *m)
{
    for (size_t i = 0; i < AREAS_MAX; i++) {
        if (atomic_load(&areas[i].begin) == m->data) {
            atomic_store(&areas[i].begin, NULL);
            atomic_store(&areas[i].end, NULL);
            return;
        }
    }
}

struct file_stamp file_stamp_of(const struct stat *st)
{
    const int64_t ns = (int64_t)NS_PER_S;
    return (struct file_stamp){ .device = st->st_dev,
                                .inode = st->st_ino,
                                .size = st->st_size,
                                .modified_ns = st->st_mtim.tv_sec * ns + st->st_mtim.tv_nsec,
                                .changed_ns = st->st_ctim.tv_sec * ns + st->st_ctim.tv_nsec };
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

static int map(int fd, const char *path, struct mapped *ret_mapped, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_set_errno(err, errno, "cannot look at %s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INVALID, "%s: is no file", path);
    }
    if (st.st_size == 0) {
        return err_set(err, ERR_INVALID, "%s: is empty", path);
    }
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        return err_set_errno(err, errno, "cannot map %s", path);
    }
    struct mapped m = { .data = data, .size = (size_t)st.st_size, .base = data };
    if (!guard(&m)) {
        (void)munmap(data, m.size); // it was never handed out
        return err_set(err, ERR_FULL, "%s: too many databases are open", path);
    }
    *ret_mapped = m;
    return 0;
}

int mapped_open(const char *path, struct mapped *ret_mapped, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe does not make us wait
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot open %s", path);
    }
    int status = map(fd, path, ret_mapped, err);
    (void)close(fd); // nothing was written
    return status;
}

void mapped_close(struct mapped *m)
{
    if (m->data != NULL) {
        forget(m);
        CHECK(munmap(m->base, m->size) == 0);
        *m = (struct mapped){ 0 };
    }
}
