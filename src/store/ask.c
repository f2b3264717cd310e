// SPDX-License-Identifier: Apache-2.0
/*
 * Whose turn it is. Each slot has a connection that stays open, and answers one question at a time,
 * in a transaction, so that all of an answer is of one moment. Askers wait in the order they came.
 * One thread looks after the slots: it stops a question that takes too long or that nobody waits
 * for any more.
 */
#include "store/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/ask_work.h"

enum {
    LOOK_MS = 50,       ///< how often slots and those who wait are looked after
    LIMIT_DEFAULT = 10, ///< rows where nobody said how many
    CELLS_SIZE_MAX = 1 << 30,
    RESTORE_BATCHES = 2,
};

struct slot {
    struct duck_conn *conn;
    uint64_t generation;               ///< of the database in which the connection has its tables
    struct restorer *restorer;         ///< made when it is needed first
    struct applications *applications; ///< that the connection's table is of; a reference
    bool busy;                         ///< has a question
    bool stoppable;                    ///< which may be interrupted
    int stop;                          ///< why it was: ERR_RANGE, ERR_CLOSED; 0: it was not
    uint64_t deadline_ns;
    const struct ask_patience *patience;
};

/// An asker who waits; lies on his own stack.
struct waiter {
    struct waiter *next;
};

struct asks {
    struct asks_settings settings;
    pthread_mutex_t lock; ///< all below
    pthread_cond_t turn;  ///< a slot is free, or it is time to look
    pthread_cond_t work;  ///< there is something to look after, or it is over
    struct waiter *waiting;
    size_t waiting_count;
    size_t running;
    bool over;
    bool has_thread;
    pthread_t thread;
    struct batch_pool *pool;
    struct slot *slots; ///< running_max
};

const char *metric_text(enum metric metric)
{
    static const char *const TEXTS[] = { "bytes", "packets", "flows" };
    return TEXTS[metric];
}

const char *tier_text(enum tier tier)
{
    static const char *const TEXTS[] = { "auto", "raw", "1m", "1h", "talkers" };
    return TEXTS[tier];
}

// --- Answers ---------------------------------------------------------------------------------

void answer_init(struct answer *a)
{
    *a = (struct answer){ .exact = true };
    buf_init(&a->cells, CELLS_SIZE_MAX);
    buf_init(&a->texts, CELLS_SIZE_MAX);
}

void answer_release(struct answer *a)
{
    struct answer *const beside[] = { a->groups, a->total };
    for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
        if (beside[i] != NULL) { // these have none themselves
            buf_release(&beside[i]->cells);
            buf_release(&beside[i]->texts);
            mem_free(beside[i]);
        }
    }
    buf_release(&a->cells);
    buf_release(&a->texts);
}

const struct cell *answer_cell(const struct answer *a, size_t row, size_t column)
{
    CHECK(row < a->row_count);
    CHECK(column < a->column_count);
    return (const struct cell *)(const void *)a->cells.data + row * a->column_count + column;
}

void work_say(struct answer *a, const struct plan *p)
{
    a->tier = p->tier > a->tier ? p->tier : a->tier;
    if (!p->exact) {
        a->exact = false;
        (void)snprintf(a->note, sizeof(a->note), "%s", p->note); // of the same size
    }
}

int work_run(struct work *w, struct sql *q, struct work_rows *ret_rows)
{
    struct work_rows r = { 0 };
    int status = sql_prepare(q, w->conn, &r.stmt, w->err);
    if (status == 0) {
        status = duck_run(r.stmt, &r.rows, w->err);
    }
    if (status != 0) {
        duck_finish(r.stmt);
        return status;
    }
    *ret_rows = r;
    return 0;
}

void work_end_rows(struct work_rows *r)
{
    duck_rows_free(r->rows);
    duck_finish(r->stmt);
    *r = (struct work_rows){ 0 };
}

// --- The thread that looks after them ----------------------------------------------------------

static struct timespec look_again(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail for this clock
    t.tv_nsec += LOOK_MS * 1000 * 1000;
    if (t.tv_nsec >= 1000 * 1000 * 1000) {
        t.tv_nsec -= 1000 * 1000 * 1000;
        t.tv_sec++;
    }
    return t;
}

static bool is_gone(const struct ask_patience *patience)
{
    return patience != NULL && patience->is_gone(patience->context);
}

/// An interrupt between two statements goes unheard, so it is said again each time.
static void look_after(struct slot *s, uint64_t now_ns)
{
    if (!s->busy || !s->stoppable) {
        return;
    }
    if (s->stop == 0) {
        s->stop = now_ns > s->deadline_ns ? ERR_RANGE : is_gone(s->patience) ? ERR_CLOSED : 0;
    }
    if (s->stop != 0) {
        duck_interrupt(s->conn);
    }
}

static void *watch(void *context)
{
    struct asks *a = context;
    pthread_mutex_lock(&a->lock);
    while (!a->over) {
        if (a->running == 0) {
            pthread_cond_wait(&a->work, &a->lock);
            continue;
        }
        struct timespec until = look_again();
        (void)pthread_cond_timedwait(&a->work, &a->lock, &until); // time is what it waits for
        uint64_t now_ns = clock_mono_ns();
        for (size_t i = 0; i < a->settings.running_max; i++) {
            look_after(&a->slots[i], now_ns);
        }
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

// --- Turns -----------------------------------------------------------------------------------

static struct slot *free_slot(struct asks *a)
{
    for (size_t i = 0; i < a->settings.running_max; i++) {
        if (!a->slots[i].busy) {
            return &a->slots[i];
        }
    }
    return NULL;
}

static void leave_queue(struct asks *a, const struct waiter *waiter)
{
    struct waiter **at = &a->waiting;
    while (*at != waiter) {
        at = &(*at)->next;
    }
    *at = waiter->next;
    a->waiting_count--;
    pthread_cond_broadcast(&a->turn);
}

/// With the lock held. Waits no longer than a question may take.
static int wait_turn(struct asks *a, const struct ask_patience *patience, struct err *err)
{
    if (a->waiting_count >= a->settings.waiting_max) {
        return err_set(err, ERR_FULL, "too many questions wait already: ask again later");
    }
    struct waiter waiter = { 0 };
    struct waiter **last = &a->waiting;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = &waiter;
    a->waiting_count++;
    uint64_t deadline_ns = clock_mono_ns() + a->settings.timeout_ns;
    int status = 0;
    while (status == 0 && (a->waiting != &waiter || free_slot(a) == NULL)) {
        struct timespec until = look_again();
        (void)pthread_cond_timedwait(&a->turn, &a->lock, &until); // looked at either way
        if (is_gone(patience)) {
            status = err_set(err, ERR_CLOSED, "nobody waits for the answer any more");
        } else if (clock_mono_ns() > deadline_ns) {
            status = err_set(err, ERR_FULL, "other questions take too long: ask again later");
        }
    }
    leave_queue(a, &waiter);
    return status;
}

static int take_turn(struct asks *a, const struct ask_patience *patience, struct slot **ret_slot,
                     struct err *err)
{
    int status = 0;
    pthread_mutex_lock(&a->lock);
    struct slot *s = free_slot(a);
    if (s == NULL || a->waiting != NULL) {
        status = wait_turn(a, patience, err);
        s = free_slot(a);
    }
    if (status == 0) {
        CHECK(s != NULL);
        s->busy = true;
        s->stoppable = true;
        s->stop = 0;
        s->patience = patience;
        s->deadline_ns = clock_mono_ns() + a->settings.timeout_ns;
        a->running++;
        pthread_cond_signal(&a->work);
        *ret_slot = s;
    }
    pthread_mutex_unlock(&a->lock);
    return status;
}

/// From here on it is not interrupted any more. Why it was.
static int end_stopping(struct asks *a, struct slot *s)
{
    pthread_mutex_lock(&a->lock);
    s->stoppable = false;
    int stop = s->stop;
    pthread_mutex_unlock(&a->lock);
    return stop;
}

static void end_turn(struct asks *a, struct slot *s)
{
    pthread_mutex_lock(&a->lock);
    s->busy = false;
    s->patience = NULL;
    a->running--;
    pthread_cond_broadcast(&a->turn);
    pthread_mutex_unlock(&a->lock);
}

// --- A question --------------------------------------------------------------------------------

/// All that a question comes with. `answer` or `each`, as the kind has it.
struct task {
    struct question question;
    int (*run)(struct work *w, const struct question *q, struct answer *a);
    enum query_field field; ///< values
    const char *text;
    int64_t after_ts; ///< flows
    uint64_t after_id;
    restore_each_fn *each;
    void *context;
    struct answer *answer;
};

static int check_question(struct question *q, struct err *err)
{
    if (q->from_ns >= q->to_ns) {
        return err_set(err, ERR_INVALID, "the time asked for ends before it begins");
    }
    if (q->dimension_count > ASK_DIMENSIONS_MAX) {
        return err_set(err, ERR_INVALID, "no more than %d dimensions", ASK_DIMENSIONS_MAX);
    }
    if (q->limit > ASK_ROWS_MAX) {
        return err_set(err, ERR_INVALID, "no more than %d rows", ASK_ROWS_MAX);
    }
    if (q->step_ns < 0 || q->before_ns < 0) {
        return err_set(err, ERR_INVALID, "a step is not below zero");
    }
    q->limit = q->limit == 0 ? LIMIT_DEFAULT : q->limit;
    return 0;
}

static int answer_flows(struct asks *a, struct slot *s, struct work *w, const struct task *t)
{
    if (s->restorer == NULL &&
        restorer_new(a->settings.store, a->pool, &s->restorer, w->err) != 0) {
        return w->err->status;
    }
    struct found found;
    int status = work_find(w, &t->question, t->after_ts, t->after_id, &found);
    if (status != 0) {
        return status;
    }
    struct duck_stmt *stmt = NULL;
    if (found.ids.size > 0) {
        status = work_fetch(w, &found, &stmt);
        if (status == 0) {
            status = restore_records(s->restorer, stmt, t->each, t->context, w->err);
        }
        duck_finish(stmt);
    }
    buf_release(&found.ids);
    return status;
}

static int answer_in_transaction(struct asks *a, struct slot *s, const struct task *t,
                                 struct err *err)
{
    struct store_state state = store_state(a->settings.store);
    struct work w = { .conn = s->conn,
                      .transaction = state.transaction,
                      .newest_ns = state.newest_ns,
                      .now_ns = (int64_t)clock_wall_ns(),
                      .err = err };
    int status = rollup_marks(s->conn, &w.marks, err);
    if (status != 0) {
        return status;
    }
    w.transaction = w.transaction > w.marks.minutes ? w.transaction : w.marks.minutes;
    if (t->each != NULL) {
        return answer_flows(a, s, &w, t);
    }
    CHECK(t->answer != NULL); // ask_for() has set it
    status = t->run == NULL ? work_values(&w, &t->question, t->field, t->text, t->answer)
                            : t->run(&w, &t->question, t->answer);
    if (status == 0 && (t->answer->cells.bad || t->answer->texts.bad)) {
        status = err_set(err, ERR_NO_MEMORY, "the answer is too large: ask for fewer rows");
    }
    return status;
}

static int say_stopped(const struct asks *a, int status, int stop, struct err *err)
{
    if (status == 0) {
        return 0; // it was done already
    }
    if (stop == ERR_RANGE) {
        return err_set(err, ERR_RANGE,
                       "no answer within %" PRIu64 " s: ask for less time, or for fields that the "
                       "roll-ups have",
                       a->settings.timeout_ns / NS_PER_S);
    }
    if (stop == ERR_CLOSED) {
        return err_set(err, ERR_CLOSED, "nobody waits for the answer any more");
    }
    if (status == ERR_NO_MEMORY) {
        return err_prefix(err, "too much for the memory that a question may have");
    }
    return status;
}

/// The tables that questions want; again in a database that had to be opened again, and when
/// applications have other names now.
static int set_up_slot(const struct asks *a, struct slot *s, struct err *err)
{
    uint64_t generation;
    int status = duck_refresh(s->conn, &generation, err);
    if (status != 0) {
        return status;
    }
    struct application_source *source = a->settings.applications;
    struct applications *now = source == NULL ? NULL : application_source_get(source);
    if (generation == s->generation && now == s->applications) {
        applications_unref(now);
        return 0;
    }
    status = plan_set_up(s->conn, now, err);
    if (status != 0) {
        applications_unref(now); // those of before stand for it: the next question tries again
        return status;
    }
    applications_unref(s->applications);
    s->applications = now;
    s->generation = generation;
    return status;
}

static int answer_task(struct asks *a, const struct ask_patience *patience, struct task *t,
                       struct err *err)
{
    struct slot *s;
    int status = check_question(&t->question, err);
    if (status == 0) {
        status = take_turn(a, patience, &s, err);
    }
    if (status != 0) {
        return status;
    }
    status = set_up_slot(a, s, err);
    if (status == 0) {
        status = duck_exec(s->conn, "BEGIN", err);
    }
    if (status == 0) {
        status = answer_in_transaction(a, s, t, err);
    }
    int stop = end_stopping(a, s);
    struct err rollback;
    if (duck_exec(s->conn, "ROLLBACK", &rollback) != 0 && status == 0) {
        (void)rollback; // nothing was written: there is nothing to lose
    }
    end_turn(a, s);
    return say_stopped(a, status, stop, err);
}

/// The answer is the caller's only when there is one.
static int ask_for(struct asks *a, const struct ask_patience *patience, struct task *t,
                   struct answer *ret_answer, struct err *err)
{
    struct answer answer;
    uint64_t begun_ns = clock_mono_ns();
    answer_init(&answer);
    t->answer = &answer;
    int status = answer_task(a, patience, t, err);
    t->answer = NULL;
    if (status != 0) {
        answer_release(&answer);
        return status;
    }
    answer.took_ns = clock_mono_ns() - begun_ns;
    *ret_answer = answer;
    return 0;
}

int ask_top(struct asks *a, const struct question *q, const struct ask_patience *patience,
            struct answer *ret_answer, struct err *err)
{
    struct task t = { .question = *q, .run = work_top };
    return ask_for(a, patience, &t, ret_answer, err);
}

int ask_series(struct asks *a, const struct question *q, const struct ask_patience *patience,
               struct answer *ret_answer, struct err *err)
{
    struct task t = { .question = *q, .run = work_series };
    return ask_for(a, patience, &t, ret_answer, err);
}

int ask_matrix(struct asks *a, const struct question *q, const struct ask_patience *patience,
               struct answer *ret_answer, struct err *err)
{
    struct task t = { .question = *q, .run = work_matrix };
    return ask_for(a, patience, &t, ret_answer, err);
}

int ask_changes(struct asks *a, const struct question *q, const struct ask_patience *patience,
                struct answer *ret_answer, struct err *err)
{
    struct task t = { .question = *q, .run = work_changes };
    return ask_for(a, patience, &t, ret_answer, err);
}

int ask_values(struct asks *a, enum query_field field, const char *text, const struct question *q,
               const struct ask_patience *patience, struct answer *ret_answer, struct err *err)
{
    struct task t = { .question = *q, .field = field, .text = text };
    return ask_for(a, patience, &t, ret_answer, err);
}

int ask_exporters(struct asks *a, const struct question *q, const struct ask_patience *patience,
                  struct answer *ret_answer, struct err *err)
{
    struct task t = { .question = *q, .run = work_exporters };
    return ask_for(a, patience, &t, ret_answer, err);
}

int ask_interfaces(struct asks *a, const struct question *q, const struct ask_patience *patience,
                   struct answer *ret_answer, struct err *err)
{
    struct task t = { .question = *q, .run = work_interfaces };
    return ask_for(a, patience, &t, ret_answer, err);
}

int ask_flows(struct asks *a, const struct question *q, int64_t after_ts, uint64_t after_id,
              const struct ask_patience *patience, restore_each_fn *each, void *context,
              struct err *err)
{
    struct task t = {
        .question = *q, .after_ts = after_ts, .after_id = after_id, .each = each, .context = context
    };
    return answer_task(a, patience, &t, err);
}

// --- Begin and end -----------------------------------------------------------------------------

static int open_slots(struct asks *a, struct err *err)
{
    for (size_t i = 0; i < a->settings.running_max; i++) {
        a->slots[i].generation = UINT64_MAX; // of none
        if (store_connect(a->settings.store, &a->slots[i].conn, err) != 0 ||
            set_up_slot(a, &a->slots[i], err) != 0) {
            return err->status;
        }
    }
    return 0;
}

static void init_locks(struct asks *a)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->turn, &attributes);
    pthread_cond_init(&a->work, &attributes);
    pthread_condattr_destroy(&attributes);
}

int asks_new(const struct asks_settings *settings, struct asks **ret_asks, struct err *err)
{
    struct asks *a = mem_zalloc(sizeof(*a));
    if (a == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    a->settings = *settings;
    init_locks(a);
    a->slots = mem_zalloc_array(settings->running_max, sizeof(a->slots[0]));
    if (a->slots == NULL ||
        batch_pool_new(settings->running_max * RESTORE_BATCHES, NULL, NULL, &a->pool) != 0) {
        asks_free(a);
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    int status = open_slots(a, err);
    if (status == 0) {
        int error = pthread_create(&a->thread, NULL, watch, a);
        a->has_thread = error == 0;
        status = error == 0 ? 0 : err_set_errno(err, error, "cannot start a thread");
    }
    if (status != 0) {
        asks_free(a);
        return status;
    }
    *ret_asks = a;
    return 0;
}

void asks_free(struct asks *a)
{
    if (a == NULL) {
        return;
    }
    if (a->has_thread) {
        pthread_mutex_lock(&a->lock);
        a->over = true;
        pthread_cond_signal(&a->work);
        pthread_mutex_unlock(&a->lock);
        pthread_join(a->thread, NULL);
    }
    for (size_t i = 0; a->slots != NULL && i < a->settings.running_max; i++) {
        restorer_free(a->slots[i].restorer);
        applications_unref(a->slots[i].applications);
        duck_disconnect(a->slots[i].conn);
    }
    if (a->pool != NULL) {
        batch_pool_free(a->pool);
    }
    pthread_cond_destroy(&a->turn);
    pthread_cond_destroy(&a->work);
    pthread_mutex_destroy(&a->lock);
    mem_free(a->slots);
    mem_free(a);
}
