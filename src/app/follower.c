// SPDX-License-Identifier: Apache-2.0
/*
 * A follower does not read when a transport is behind, rather than wait in the middle of a file: so
 * it still sees files come and go, and opens those that would be rotated away before their turn.
 */
#include "app/follower.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    IDLE_TIMEOUT_MS = 1000,
    BEHIND_TIMEOUT_MS = 50,
    OPEN_MIN = 8, ///< files that a follower may hold open, however little there is
};

struct thread {
    struct follower follower;
    struct follow_settings settings;
    const struct pipeline *pipeline;
    pthread_t id;
    bool started;
    _Atomic bool stop;
};

struct followers {
    size_t count;
    struct thread threads[LISTENERS_MAX];
};

static void take_line(void *context, const struct line *line)
{
    struct thread *t = context;
    (void)intake_line(t->follower.intake, line); // counted and logged there
}

static void *run(void *argument)
{
    struct thread *t = argument;
    struct follower *f = &t->follower;
    while (!atomic_load_explicit(&t->stop, memory_order_relaxed)) {
        bool behind = pipeline_is_behind(t->pipeline);
        bool more = follow_turn(f->follow, !behind);
        intake_tick(f->intake, clock_mono_ns());
        if (behind) {
            follow_wait(f->follow, BEHIND_TIMEOUT_MS);
        } else if (!more) {
            bool waiting = intake_has_waiting(f->intake);
            follow_wait(f->follow, waiting ? BATCH_AGE_MAX_MS / 2 : IDLE_TIMEOUT_MS);
        }
    }
    follow_end(f->follow);
    intake_flush(f->intake);
    return NULL;
}

/// Half of what the process may open, shared by all followers.
static size_t open_max(size_t followers)
{
    struct rlimit limit;
    size_t most = FOLLOW_OPEN_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 / followers < most) {
        most = (size_t)(limit.rlim_cur / 2 / followers);
    }
    return most < OPEN_MIN ? OPEN_MIN : most;
}

static int open_one(struct thread *t, const struct listener *listener, size_t followers,
                    struct err *err)
{
    const struct log_url *log = &listener->log;
    t->follower.listener = listener;
    t->settings = (struct follow_settings){ .pattern = log->pattern,
                                            .excludes = log->excludes,
                                            .exclude_count = log->exclude_count,
                                            .from_end = log->from_end,
                                            .ignore_older_s = log->ignore_older_s,
                                            .line_max = log->line_max,
                                            .poll_ms = log->poll_ms,
                                            .scan_ms = log->scan_ms,
                                            .close_inactive_ms = log->close_inactive_ms,
                                            .open_max = open_max(followers),
                                            .positions = t->pipeline->positions,
                                            .label = listener->attrs,
                                            .line = take_line,
                                            .context = t,
                                            .stop = &t->stop };
    if (follow_new(&t->settings, &t->follower.follow, err) != 0) {
        return err_prefix(err, "-listen \"log://%.150s\"", log->pattern);
    }
    if (intake_new(&t->pipeline->intake, INTAKE_LINES, listener->attrs, true,
                   &t->follower.intake) != 0) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for a follower");
    }
    return 0;
}

int followers_open(const struct listener *listeners, size_t listener_count,
                   const struct pipeline *pipeline, struct followers **ret_followers,
                   struct err *err)
{
    struct followers *fs = mem_zalloc(sizeof(*fs));
    if (fs == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for followers");
    }
    size_t logs = 0;
    for (size_t i = 0; i < listener_count; i++) {
        logs += listeners[i].is_log;
    }
    for (size_t i = 0; i < listener_count; i++) {
        if (!listeners[i].is_log) {
            continue;
        }
        struct thread *t = &fs->threads[fs->count++];
        t->pipeline = pipeline;
        if (open_one(t, &listeners[i], logs, err) != 0) {
            followers_free(fs);
            return err->status;
        }
    }
    *ret_followers = fs;
    return 0;
}

int followers_start(struct followers *fs, struct err *err)
{
    for (size_t i = 0; i < fs->count; i++) {
        struct thread *t = &fs->threads[i];
        int error = pthread_create(&t->id, NULL, run, t);
        if (error != 0) {
            followers_stop(fs);
            return err_set_errno(err, error, "cannot start a thread that follows logs");
        }
        t->started = true;
    }
    return 0;
}

void followers_stop(struct followers *fs)
{
    for (size_t i = 0; i < fs->count; i++) {
        atomic_store_explicit(&fs->threads[i].stop, true, memory_order_relaxed);
        if (fs->threads[i].started) {
            follow_wake(fs->threads[i].follower.follow);
        }
    }
    for (size_t i = 0; i < fs->count; i++) {
        struct thread *t = &fs->threads[i];
        if (t->started) {
            CHECK(pthread_join(t->id, NULL) == 0);
            t->started = false;
        }
    }
}

void followers_free(struct followers *fs)
{
    if (fs == NULL) {
        return;
    }
    followers_stop(fs);
    for (size_t i = 0; i < fs->count; i++) {
        intake_free(fs->threads[i].follower.intake);
        follow_free(fs->threads[i].follower.follow);
    }
    mem_free(fs);
}

size_t followers_count(const struct followers *fs)
{
    return fs->count;
}

const struct follower *followers_at(const struct followers *fs, size_t index)
{
    CHECK(index < fs->count);
    return &fs->threads[index].follower;
}
