// SPDX-License-Identifier: Apache-2.0
/*
 * See web/live.h. Each listener has its filter, its format and a text that waits for its
 * connection. What does not fit there, or comes too fast, is counted and told as an event of its
 * own: a slow browser never holds up a record.
 */
#include "web/live.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    LIVE_LISTENERS_MAX = 32,
    WAITING_SIZE_MAX = 256 << 10, ///< bytes that wait for one listener
    DOCUMENT_SIZE_MAX = 64 << 10,
    QUIET_S = 10, ///< then a comment is sent, by which a client that is gone is noticed
};

struct listener {
    struct live *live;
    struct kql *filter;
    struct format *format;
    struct buf waiting;  ///< events, whole
    struct buf document; ///< the one that is made
    size_t sent;         ///< of `waiting`
    unsigned rate;
    unsigned in_second; ///< records of this second
    uint64_t second;    ///< monotonic
    uint64_t left_out;
    uint64_t serial;
    uint64_t last_sent_ns;
};

struct live {
    const struct format_settings *format;
    _Atomic uint32_t count; ///< of listeners
    pthread_mutex_t lock;   ///< of all below
    pthread_cond_t more;
    struct listener *listeners[LIVE_LISTENERS_MAX];
};

int live_new(const struct format_settings *format, struct live **ret_live, struct err *err)
{
    struct live *l = mem_zalloc(sizeof(*l));
    pthread_condattr_t monotonic;
    if (l == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for live records");
    }
    l->format = format;
    (void)pthread_mutex_init(&l->lock, NULL); // cannot fail on Linux, as all of the next ones
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&l->more, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    *ret_live = l;
    return 0;
}

void live_free(struct live *l)
{
    if (l != NULL) {
        (void)pthread_cond_destroy(&l->more); // nobody waits
        (void)pthread_mutex_destroy(&l->lock);
        mem_free(l);
    }
}

static void listener_free(struct listener *n)
{
    kql_free(n->filter);
    format_free(n->format);
    buf_release(&n->waiting);
    buf_release(&n->document);
    mem_free(n);
}

// --- Records go by -------------------------------------------------------------------------------

static bool may_have_more(struct listener *n, uint64_t second)
{
    if (n->second != second) {
        n->second = second;
        n->in_second = 0;
    }
    return n->in_second < n->rate;
}

static void offer_flow(struct listener *n, const struct batch *batch, const struct flow *flow,
                       uint64_t second)
{
    if (!kql_matches(n->filter, batch, flow)) {
        return;
    }
    if (!may_have_more(n, second)) {
        n->left_out++;
        return;
    }
    buf_clear(&n->document);
    if (format_append(n->format, batch, flow, &n->document) == FORMAT_NOTHING) {
        return;
    }
    size_t before = n->waiting.size;
    buf_printf(&n->waiting, "id: %" PRIu64 "\nevent: flow\ndata: ", n->serial);
    buf_append(&n->waiting, n->document.data, n->document.size);
    buf_append_text(&n->waiting, "\n\n");
    if (n->waiting.bad || n->document.bad) {
        n->waiting.size = before;
        n->waiting.bad = false;
        n->left_out++;
        return;
    }
    n->serial++;
    n->in_second++;
}

void live_offer(struct live *l, const struct batch *batch)
{
    if (atomic_load_explicit(&l->count, memory_order_relaxed) == 0) {
        return;
    }
    uint64_t second = clock_mono_ns() / NS_PER_S;
    (void)pthread_mutex_lock(&l->lock); // ours, and never held for long
    for (size_t i = 0; i < LIVE_LISTENERS_MAX; i++) {
        for (uint32_t f = 0; l->listeners[i] != NULL && f < batch->flow_count; f++) {
            offer_flow(l->listeners[i], batch, &batch->flows[f], second);
        }
    }
    (void)pthread_cond_broadcast(&l->more); // cannot fail
    (void)pthread_mutex_unlock(&l->lock);
}

// --- The connection's side -----------------------------------------------------------------------

/// What is said besides records: how many were left out, and that the connection is alive.
static void add_notices(struct listener *n, uint64_t now_ns)
{
    bool second_is_over = n->second != now_ns / NS_PER_S;
    if (n->left_out > 0 && second_is_over) {
        buf_printf(&n->waiting, "event: left_out\ndata: {\"count\":%" PRIu64 "}\n\n", n->left_out);
        n->left_out = n->waiting.bad ? n->left_out : 0;
    } else if (n->waiting.size == 0 && now_ns - n->last_sent_ns >= QUIET_S * NS_PER_S) {
        buf_append_text(&n->waiting, ": quiet\n\n");
    }
    n->waiting.bad = false; // a notice that does not fit is said later
}

static ptrdiff_t more(void *context, uint8_t *out, size_t size)
{
    struct listener *n = context;
    struct live *l = n->live;
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until); // cannot fail for this clock
    until.tv_sec++;
    (void)pthread_mutex_lock(&l->lock);
    int status = 0;
    while (n->waiting.size == 0 && status == 0) {
        status = pthread_cond_timedwait(&l->more, &l->lock, &until);
    }
    uint64_t now_ns = clock_mono_ns();
    add_notices(n, now_ns);
    size_t left = n->waiting.size - n->sent;
    size_t part = left < size ? left : size;
    if (part > 0) {
        memcpy(out, n->waiting.data + n->sent, part);
        n->sent += part;
        n->last_sent_ns = now_ns;
    }
    if (n->sent == n->waiting.size) {
        buf_clear(&n->waiting);
        n->sent = 0;
    }
    (void)pthread_mutex_unlock(&l->lock);
    return (ptrdiff_t)part;
}

static void stop_listening(void *context)
{
    struct listener *n = context;
    struct live *l = n->live;
    (void)pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < LIVE_LISTENERS_MAX; i++) {
        if (l->listeners[i] == n) {
            l->listeners[i] = NULL;
            atomic_fetch_sub_explicit(&l->count, 1, memory_order_relaxed);
        }
    }
    (void)pthread_mutex_unlock(&l->lock);
    listener_free(n);
}

static bool start_listening(struct live *l, struct listener *n)
{
    bool done = false;
    (void)pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < LIVE_LISTENERS_MAX && !done; i++) {
        if (l->listeners[i] == NULL) {
            l->listeners[i] = n;
            atomic_fetch_add_explicit(&l->count, 1, memory_order_relaxed);
            done = true;
        }
    }
    (void)pthread_mutex_unlock(&l->lock);
    return done;
}

int live_listen(struct live *l, struct kql *filter, unsigned rate, struct server_response *response)
{
    struct err err;
    struct listener *n = mem_zalloc(sizeof(*n));
    if (n == NULL) {
        kql_free(filter);
        return ERR_NO_MEMORY;
    }
    *n = (struct listener){
        .live = l, .filter = filter, .rate = rate, .last_sent_ns = clock_mono_ns()
    };
    buf_init(&n->waiting, WAITING_SIZE_MAX);
    buf_init(&n->document, DOCUMENT_SIZE_MAX);
    int status = format_new(l->format, &n->format, &err);
    if (status == 0 && !start_listening(l, n)) {
        status = ERR_FULL;
    }
    if (status != 0) {
        listener_free(n);
        return status;
    }
    response->content_type = "text/event-stream";
    server_add_header(response, "Cache-Control", "no-store");
    response->stream =
        (struct server_stream){ .more = more, .close = stop_listening, .context = n };
    return 0;
}
