// SPDX-License-Identifier: Apache-2.0
/*
 * Each socket has one thread, which owns socket and intake: receive a gulp, decode it, hand on what
 * is old enough, ask for kernel drops once a second. From its first datagram on the thread does not
 * allocate (mem_seal_thread).
 */
#include "app/receiver.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    IDLE_TIMEOUT_MS = 1000,
    /// After a stop a flood may still be coming: what came this much later is not waited for.
    STOP_DRAIN_MAX_MS = 2000,
};

struct thread {
    struct receiver receiver;
    pthread_t id;
    bool started;
    _Atomic bool stop;
};

struct receivers {
    size_t count;
    struct thread threads[RECEIVERS_MAX];
};

static void take(struct receiver *r, const struct chunk *chunks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)intake_chunk(r->intake, &chunks[i]); // counted and logged there
    }
}

/// What the kernel holds at the stop is still ours.
static void drain(struct receiver *r, struct chunk chunks[static RECV_MESSAGES_MAX])
{
    uint64_t deadline_ns = clock_mono_ns() + STOP_DRAIN_MAX_MS * NS_PER_MS;
    size_t count = udp_drain(r->socket, chunks);
    while (count > 0) {
        take(r, chunks, count);
        count = clock_mono_ns() < deadline_ns ? udp_drain(r->socket, chunks) : 0;
    }
}

static void *receive(void *argument)
{
    struct thread *t = argument;
    struct receiver *r = &t->receiver;
    struct chunk chunks[RECV_MESSAGES_MAX];
    uint64_t drops_due_ns = 0;
    mem_seal_thread();
    while (!atomic_load_explicit(&t->stop, memory_order_relaxed)) {
        int timeout_ms = intake_has_waiting(r->intake) ? BATCH_AGE_MAX_MS : IDLE_TIMEOUT_MS;
        take(r, chunks, udp_receive(r->socket, timeout_ms, chunks));
        uint64_t now_ns = clock_mono_ns();
        intake_tick(r->intake, now_ns);
        if (now_ns >= drops_due_ns) {
            udp_update_drops(r->socket);
            drops_due_ns = now_ns + NS_PER_S;
        }
    }
    drain(r, chunks);
    udp_update_drops(r->socket);
    intake_flush(r->intake);
    mem_unseal_thread();
    return NULL;
}

/// Opens the sockets of one listener, each with an intake, behind those that are there.
static int open_listener(struct receivers *rs, const struct listener *listener,
                         const struct intake_settings *settings, struct err *err)
{
    if (listener->count > RECEIVERS_MAX - rs->count) {
        return err_set(err, ERR_RANGE, "listen: more than %d sockets in all", RECEIVERS_MAX);
    }
    struct udp_socket *sockets[RECEIVERS_MAX];
    struct udp_settings udp = {
        .host = listener->host,
        .port = listener->port,
        .count = (unsigned)listener->count,
        .receive_buffer = listener->rcvbuf,
        .device = listener->device,
        .scheme = listener->scheme,
    };
    if (udp_open(&udp, sockets, err) != 0) {
        return err->status;
    }
    int status = 0;
    for (unsigned i = 0; i < udp.count; i++) {
        struct receiver *r = &rs->threads[rs->count++].receiver;
        r->listener = listener;
        r->socket = sockets[i];
        if (status == 0 && intake_new(settings, INTAKE_DATAGRAMS, listener->attrs,
                                      listener->blocking, &r->intake) != 0) {
            status = err_set(err, ERR_NO_MEMORY, "out of memory for a receiver");
        }
    }
    return status;
}

int receivers_open(const struct listener *listeners, size_t listener_count,
                   const struct intake_settings *settings, struct receivers **ret_receivers,
                   struct err *err)
{
    struct receivers *rs = mem_zalloc(sizeof(*rs));
    if (rs == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for receivers");
    }
    for (size_t i = 0; i < listener_count; i++) {
        if (!listeners[i].is_log && open_listener(rs, &listeners[i], settings, err) != 0) {
            receivers_free(rs);
            return err->status;
        }
    }
    *ret_receivers = rs;
    return 0;
}

int receivers_start(struct receivers *rs, struct err *err)
{
    for (size_t i = 0; i < rs->count; i++) {
        struct thread *t = &rs->threads[i];
        int error = pthread_create(&t->id, NULL, receive, t);
        if (error != 0) {
            receivers_stop(rs);
            return err_set_errno(err, error, "cannot start a receive thread");
        }
        t->started = true;
    }
    return 0;
}

void receivers_stop(struct receivers *rs)
{
    for (size_t i = 0; i < rs->count; i++) {
        atomic_store_explicit(&rs->threads[i].stop, true, memory_order_relaxed);
        udp_wake(rs->threads[i].receiver.socket);
    }
    for (size_t i = 0; i < rs->count; i++) {
        struct thread *t = &rs->threads[i];
        if (t->started) {
            CHECK(pthread_join(t->id, NULL) == 0);
            t->started = false;
        }
    }
}

void receivers_free(struct receivers *rs)
{
    if (rs == NULL) {
        return;
    }
    receivers_stop(rs);
    for (size_t i = 0; i < rs->count; i++) {
        intake_free(rs->threads[i].receiver.intake);
        udp_close(rs->threads[i].receiver.socket);
    }
    mem_free(rs);
}

size_t receivers_count(const struct receivers *rs)
{
    return rs->count;
}

const struct receiver *receivers_at(const struct receivers *rs, size_t index)
{
    CHECK(index < rs->count);
    return &rs->threads[index].receiver;
}
