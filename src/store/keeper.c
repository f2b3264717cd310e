// SPDX-License-Identifier: Apache-2.0
/*
 * Every second the keeper looks at what is due. Minutes come first: only what they have may be
 * forgotten. The hours and the talkers follow every ten minutes, once the hour has had some time to
 * become complete; until then questions are answered from finer rows, so nothing waits for it.
 *
 * What fails is tried again a second later, and said once until it works again.
 */
#include "store/keeper.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/retention.h"
#include "store/rollup.h"
#include "store/talkers.h"

enum {
    LOOK_S = 1,
    MINUTES_S = 10, ///< between two runs of the minutes
    HOURS_S = 600,  ///< of the hours, merging and the talkers
    CLOSED_S = 900, ///< an hour is taken for complete so much later
    STOP_PAUSE_MS = 20,
    RUNS_MAX = 1000, ///< of the minutes in one go: the next look goes on
};

struct keeper {
    struct store *store;
    struct duck_conn *conn;
    struct retention retention;
    uint64_t minutes_ns; ///< when they ran last, monotonic
    uint64_t hours_ns;
    uint64_t forgotten; ///< as told to the store
    bool failing;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;  ///< under `lock`, as the next
    bool hurry; ///< look now
};

// --- What is done --------------------------------------------------------------------------------

static bool is_stopping(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->lock); // cannot fail for such a mutex, as all below
    bool stop = k->stop;
    (void)pthread_mutex_unlock(&k->lock);
    return stop;
}

static int run_minutes(struct keeper *k, struct err *err)
{
    bool more = true;
    int status = 0;
    for (unsigned i = 0; status == 0 && more && i < RUNS_MAX && !is_stopping(k); i++) {
        status = rollup_minutes(k->conn, &more, err);
    }
    return status;
}

/// Hours that ended `closed_ns` ago are complete.
static int run_hours(struct keeper *k, uint64_t now_ns, uint64_t closed_ns, struct err *err)
{
    int64_t before = (int64_t)(now_ns - closed_ns);
    int status = rollup_hours(k->conn, err);
    if (status == 0) {
        status = rollup_merge(k->conn, before, err);
    }
    int64_t hour;
    int found = status == 0 ? 1 : status;
    while (found > 0 && !is_stopping(k)) {
        found = talkers_next(k->conn, before, &hour, err);
        if (found > 0) {
            status = talkers_make(k->conn, hour, err);
            found = status == 0 ? 1 : status;
        }
    }
    return found < 0 ? found : 0;
}

static int run_retention(struct keeper *k, uint64_t now_ns, struct err *err)
{
    int status = retention_run(&k->retention, k->conn, now_ns, err);
    const struct retention *r = &k->retention;
    store_set_figures(k->store, &(struct store_figures){
                                    .forgotten = r->forgotten - k->forgotten,
                                    .used_bytes = r->used_bytes,
                                    .file_bytes = r->used_bytes + r->free_bytes,
                                    .disk_free = r->disk_free,
                                    .oldest_ns = r->oldest_ns,
                                });
    k->forgotten = r->forgotten;
    return status;
}

/// All that is due.
static int look(struct keeper *k, bool hurry, struct err *err)
{
    uint64_t mono = clock_mono_ns();
    uint64_t now = clock_wall_ns();
    int status = 0;
    if (hurry || mono - k->minutes_ns >= MINUTES_S * NS_PER_S) {
        status = run_minutes(k, err);
        k->minutes_ns = mono;
    }
    if (status == 0 && mono - k->hours_ns >= HOURS_S * NS_PER_S) {
        status = run_hours(k, now, CLOSED_S * NS_PER_S, err);
        k->hours_ns = mono;
    }
    return status == 0 ? run_retention(k, now, err) : status;
}

static void say(struct keeper *k, int status, const struct err *err)
{
    if (status != 0 && !k->failing) {
        log_with(LOG_LEVEL_ERROR, "store: cannot keep roll-ups and make room, trying again", NULL,
                 LOG_TEXT("error", err->text));
    } else if (status == 0 && k->failing) {
        log_write(LOG_LEVEL_INFO, "store: roll-ups and making room work again", NULL, NULL);
    }
    k->failing = status != 0;
}

// --- The thread ----------------------------------------------------------------------------------

/// Sleeps until it is time to look. False: the end.
static bool wait(struct keeper *k, bool *ret_hurry)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until); // cannot fail for this clock
    until.tv_sec += LOOK_S;
    (void)pthread_mutex_lock(&k->lock);
    int status = 0;
    while (!k->stop && !k->hurry && status == 0) {
        status = pthread_cond_timedwait(&k->wake, &k->lock, &until);
    }
    *ret_hurry = k->hurry;
    k->hurry = false;
    bool stop = k->stop;
    (void)pthread_mutex_unlock(&k->lock);
    return !stop;
}

static void *run(void *context)
{
    struct keeper *k = context;
    bool hurry;
    while (wait(k, &hurry)) {
        struct err err = { 0 };
        int status = look(k, hurry, &err);
        if (!is_stopping(k)) {
            say(k, status, &err);
            store_set_kept(k->store, status == 0);
        }
    }
    return NULL;
}

/// A keeper without a thread; NULL on failure.
static struct keeper *make(struct store *s, struct err *err)
{
    struct keeper *k = mem_zalloc(sizeof(*k));
    if (k == NULL) {
        (void)err_set(err, ERR_NO_MEMORY, "out of memory");
        return NULL;
    }
    k->store = s;
    retention_init(&k->retention, store_settings(s));
    if (store_connect(s, &k->conn, err) != 0) {
        mem_free(k);
        return NULL;
    }
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&k->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&k->lock, NULL);
    return k;
}

static void unmake(struct keeper *k)
{
    duck_disconnect(k->conn);
    (void)pthread_cond_destroy(&k->wake);
    (void)pthread_mutex_destroy(&k->lock);
    mem_free(k);
}

int keeper_start(struct store *s, struct keeper **ret_keeper, struct err *err)
{
    struct keeper *k = make(s, err);
    if (k == NULL) {
        return err->status;
    }
    int error = pthread_create(&k->thread, NULL, run, k);
    if (error != 0) {
        unmake(k);
        return err_set_errno(err, error, "cannot start a thread");
    }
    *ret_keeper = k;
    return 0;
}

void keeper_stop(struct keeper *k)
{
    if (k == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&k->lock);
    k->stop = true;
    (void)pthread_cond_signal(&k->wake);
    (void)pthread_mutex_unlock(&k->lock);
    // What it is doing is undone. Between two statements there is nothing to interrupt: again.
    const struct timespec pause = { .tv_nsec = STOP_PAUSE_MS * (long)NS_PER_MS };
    while (pthread_tryjoin_np(k->thread, NULL) != 0) {
        duck_interrupt(k->conn);
        (void)nanosleep(&pause, NULL); // cut short: asked earlier
    }
    unmake(k);
}

void keeper_hurry(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->lock);
    k->hurry = true;
    (void)pthread_cond_signal(&k->wake);
    (void)pthread_mutex_unlock(&k->lock);
}

int keeper_run_once(struct store *s, struct err *err)
{
    struct keeper *k = make(s, err);
    if (k == NULL) {
        return err->status;
    }
    int status = run_minutes(k, err);
    if (status == 0) {
        status = run_hours(k, clock_wall_ns(), 0, err);
    }
    if (status == 0) {
        status = run_retention(k, clock_wall_ns(), err);
    }
    unmake(k);
    return status;
}
