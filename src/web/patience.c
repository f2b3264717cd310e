// SPDX-License-Identifier: Apache-2.0
/*
 * See web/patience.h. A descriptor in the list is open, because patience_remove() comes before
 * close() and both it and the thread hold the lock: a number that the kernel has given to somebody
 * else is never shut down. Times are atomic, so that connections tell of every piece without the
 * lock.
 */
#include "web/patience.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"

#define NEVER UINT64_MAX

enum {
    TICK_MS = 200,
    LINGER_TICK_MS = 5,
    LINGER_MS = 2000,
    LINGERING_MAX = 32,
    DRAIN_SIZE = 4096,
    DRAIN_READS_MAX = 256, ///< of one connection at a time: 1 MB
};

struct guest {
    struct guest *previous;
    struct guest *next;
    int fd;
    bool makes_room;
    bool is_shut;
    _Atomic uint64_t since_ns; ///< when it became the client's turn
    _Atomic uint64_t until_ns; ///< NEVER: it is ours
};

struct lingering {
    int fd;
    uint64_t until_ns;
};

struct patience {
    size_t scarce;
    pthread_t thread;
    pthread_mutex_t lock; ///< of all below
    pthread_cond_t changed;
    bool stopping;
    struct guest *first;
    size_t room_count; ///< connections that make room
    size_t lingering_count;
    struct lingering lingering[LINGERING_MAX];
};

static void shut(struct guest *c)
{
    c->is_shut = true;
    (void)shutdown(c->fd, SHUT_RDWR); // its thread wakes up; it may be closed by the client already
}

static void shut_late(struct patience *p, uint64_t now_ns)
{
    for (struct guest *c = p->first; c != NULL; c = c->next) {
        if (!c->is_shut && atomic_load(&c->until_ns) <= now_ns) {
            shut(c);
        }
    }
}

// --- Lingering -----------------------------------------------------------------------------------

/// Reads what has come. False: nothing more will.
static bool drain(int fd)
{
    uint8_t bytes[DRAIN_SIZE];
    ssize_t got = 1;
    for (int i = 0; i < DRAIN_READS_MAX && got > 0; i++) {
        got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    }
    return got != 0;
}

static void drain_all(struct patience *p, uint64_t now_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->lingering_count; i++) {
        struct lingering *l = &p->lingering[i];
        if (now_ns < l->until_ns && drain(l->fd)) {
            p->lingering[kept++] = *l;
        } else {
            (void)close(l->fd); // nothing was written
        }
    }
    p->lingering_count = kept;
}

static void linger(struct patience *p, const struct guest *c)
{
    int unread = 0;
    if (c->is_shut || p->stopping || p->lingering_count == LINGERING_MAX ||
        ioctl(c->fd, FIONREAD, &unread) != 0 || unread == 0) {
        return;
    }
    int fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0) {
        (void)shutdown(fd, SHUT_WR); // the answer ends here
        p->lingering[p->lingering_count++] =
            (struct lingering){ .fd = fd, .until_ns = clock_mono_ns() + LINGER_MS * NS_PER_MS };
    }
}

// --- The thread ----------------------------------------------------------------------------------

/// Until something changes or the next look is due.
static void wait_for_tick(struct patience *p)
{
    if (p->first == NULL && p->lingering_count == 0) {
        (void)pthread_cond_wait(&p->changed, &p->lock); // as the next one, cannot fail
        return;
    }
    uint64_t tick_ms = p->lingering_count > 0 ? LINGER_TICK_MS : TICK_MS;
    uint64_t until_ns = clock_mono_ns() + tick_ms * NS_PER_MS;
    struct timespec until = { .tv_sec = (time_t)(until_ns / NS_PER_S),
                              .tv_nsec = (long)(until_ns % NS_PER_S) };
    (void)pthread_cond_timedwait(&p->changed, &p->lock, &until); // late or not, we look
}

static void *patience_main(void *context)
{
    struct patience *p = context;
    (void)pthread_mutex_lock(&p->lock); // ours
    while (!p->stopping) {
        uint64_t now_ns = clock_mono_ns();
        shut_late(p, now_ns);
        drain_all(p, now_ns);
        wait_for_tick(p);
    }
    drain_all(p, NEVER);
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

int patience_new(size_t scarce, struct patience **ret_patience)
{
    struct patience *p = mem_zalloc(sizeof(*p));
    pthread_condattr_t monotonic;
    if (p == NULL) {
        return ERR_NO_MEMORY;
    }
    p->scarce = scarce;
    (void)pthread_mutex_init(&p->lock, NULL); // cannot fail on Linux, as all of the next ones
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&p->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pthread_create(&p->thread, NULL, patience_main, p) != 0) {
        (void)pthread_cond_destroy(&p->changed); // nobody waits
        (void)pthread_mutex_destroy(&p->lock);
        mem_free(p);
        return ERR_NO_MEMORY;
    }
    *ret_patience = p;
    return 0;
}

void patience_free(struct patience *p)
{
    if (p == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&p->lock); // ours
    CHECK(p->first == NULL);
    p->stopping = true;
    (void)pthread_cond_signal(&p->changed); // cannot fail
    (void)pthread_mutex_unlock(&p->lock);
    (void)pthread_join(p->thread, NULL);     // it was started
    (void)pthread_cond_destroy(&p->changed); // nobody waits
    (void)pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

// --- Connections ---------------------------------------------------------------------------------

/// Shuts down the one that has kept us waiting the longest.
static void make_room(struct patience *p)
{
    struct guest *slowest = NULL;
    uint64_t least_ns = NEVER;
    for (struct guest *c = p->first; c != NULL; c = c->next) {
        uint64_t since_ns = atomic_load(&c->since_ns);
        bool is_waited_for = atomic_load(&c->until_ns) != NEVER;
        if (c->makes_room && !c->is_shut && is_waited_for && since_ns < least_ns) {
            slowest = c;
            least_ns = since_ns;
        }
    }
    if (slowest != NULL) {
        shut(slowest);
    }
}

/// One that was shut down keeps its place until its thread has seen that. Accepting goes on more
/// slowly meanwhile, or the library would be out of places and reset whoever comes next.
static void slow_down(size_t excess)
{
    const struct timespec t = { .tv_nsec = (long)(excess * NS_PER_MS) };
    (void)nanosleep(&t, NULL); // shorter is fine
}

struct guest *patience_add(struct patience *p, int fd, bool makes_room)
{
    struct guest *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        return NULL;
    }
    c->fd = fd;
    c->makes_room = makes_room;
    patience_rest(c);
    size_t excess = 0;
    (void)pthread_mutex_lock(&p->lock); // ours
    if (makes_room && ++p->room_count > p->scarce) {
        excess = p->room_count - p->scarce;
        make_room(p);
    }
    c->next = p->first;
    if (c->next != NULL) {
        c->next->previous = c;
    }
    p->first = c;
    (void)pthread_cond_signal(&p->changed); // cannot fail
    (void)pthread_mutex_unlock(&p->lock);
    if (excess > 0) {
        slow_down(excess);
    }
    return c;
}

void patience_remove(struct patience *p, struct guest *c)
{
    (void)pthread_mutex_lock(&p->lock); // ours
    if (c->previous != NULL) {
        c->previous->next = c->next;
    } else {
        p->first = c->next;
    }
    if (c->next != NULL) {
        c->next->previous = c->previous;
    }
    p->room_count -= c->makes_room ? 1 : 0;
    linger(p, c);
    (void)pthread_cond_signal(&p->changed); // cannot fail
    (void)pthread_mutex_unlock(&p->lock);
    mem_free(c);
}

void patience_expect(struct guest *c, uint64_t timeout_ns)
{
    uint64_t now_ns = clock_mono_ns();
    atomic_store(&c->since_ns, now_ns);
    atomic_store(&c->until_ns, now_ns + timeout_ns);
}

void patience_rest(struct guest *c)
{
    atomic_store(&c->until_ns, NEVER);
}
