// SPDX-License-Identifier: Apache-2.0
/*
 * weir run: collect until stopped. Everything that can be wrong is found before the first datagram
 * is taken: mapping, addresses and outputs, in this order, so that what comes while a large store
 * is opened waits in the sockets; then the threads start, and the control thread waits for signals.
 *
 * The way down is the way up in reverse: health says no, receivers take what the sockets still
 * hold, transports deliver what waits, the books are logged. Questions are answered to the last.
 */
#include <signal.h>
#include <string.h>

#include "app/commands.h"
#include "app/data_dir.h"
#include "app/follower.h"
#include "app/listen.h"
#include "app/pipeline.h"
#include "app/receiver.h"
#include "app/signals.h"
#include "app/status_page.h"
#include "app/web.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum { CONTROL_INTERVAL_MS = 100, TICK_INTERVAL_MS = 1000, RIVALS_SIZE_MAX = 1024 };

struct run {
    const struct settings *settings;
    size_t listener_count;
    struct listener listeners[LISTENERS_MAX];
    struct pipeline pipeline;
    struct receivers *receivers;
    struct followers *followers;
    struct status_page *page;
    struct web *web;
};

/// Every socket and every log:// listener has one.
static size_t intake_count(const struct run *run)
{
    size_t count = 0;
    for (size_t i = 0; i < run->listener_count; i++) {
        count += run->listeners[i].is_log ? 1 : run->listeners[i].count;
    }
    return count;
}

/// What is kept of logs, when there is one.
static int open_positions(struct run *run, struct err *err)
{
    char path[DATA_PATH_SIZE];
    for (size_t i = 0; i < run->listener_count; i++) {
        if (run->listeners[i].is_log) {
            if (data_path(run->settings->data, "state/positions", path, err) != 0 ||
                positions_open(path, &run->pipeline.positions, err) != 0) {
                return err->status;
            }
            positions_set_sync(run->pipeline.positions, pipeline_sync, &run->pipeline);
            return 0;
        }
    }
    return 0;
}

/// goflow2 also listens for NetFlow unless told otherwise; this version leaves that out. Returns
/// whether it did.
static bool leave_out_netflow(struct settings *s)
{
    if (!s->goflow2 || s->sources[OPTION_LISTEN] != SOURCE_DEFAULT) {
        return false;
    }
    s->listen = "sflow://:6343";
    return true;
}

static void log_receivers(const struct run *run)
{
    for (size_t i = 0; i < receivers_count(run->receivers); i++) {
        const struct receiver *r = receivers_at(run->receivers, i);
        size_t granted = udp_receive_buffer(r->socket);
        bool less = granted < r->listener->rcvbuf;
        log_with(less ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
                 less ? "the kernel granted a smaller receive buffer; see net.core.rmem_max"
                      : "receive buffer",
                 r->listener->attrs, LOG_U64("granted", granted),
                 LOG_U64("wanted", r->listener->rcvbuf));
    }
}

/// Before its sockets are open: who else is there is seen best while we are not.
static void log_listener(const struct listener *l)
{
    struct buf rivals;
    buf_init(&rivals, RIVALS_SIZE_MAX);
    log_write(LOG_LEVEL_INFO, "starting collection", l->attrs, NULL);
    if (l->is_log) {
        return;
    }
    if (l->warning[0] != '\0') {
        log_with(LOG_LEVEL_WARN, "a key of the address is passed over", l->attrs,
                 LOG_TEXT("reason", l->warning));
    }
    if (listener_rivals(l, &rivals) > 0) {
        log_with(LOG_LEVEL_WARN, "others listen here too; a datagram goes to one of us only",
                 l->attrs, LOG_TEXT("others", buf_text(&rivals)));
    }
    buf_release(&rivals);
}

static int start(struct run *run, struct err *err)
{
    const struct settings *s = run->settings;
    if (listen_parse(s->listen, run->listeners, &run->listener_count, err) != 0 ||
        pipeline_open(&run->pipeline, s, intake_count(run), err) != 0 ||
        open_positions(run, err) != 0) {
        return err->status;
    }
    for (size_t i = 0; i < run->listener_count; i++) {
        log_listener(&run->listeners[i]);
    }
    if (receivers_open(run->listeners, run->listener_count, &run->pipeline.intake, &run->receivers,
                       err) != 0 ||
        followers_open(run->listeners, run->listener_count, &run->pipeline, &run->followers, err) !=
            0 ||
        pipeline_start(&run->pipeline, s, err) != 0) {
        return err->status;
    }
    log_receivers(run);
    if (status_page_new(&run->pipeline, run->receivers, run->followers, s->templates_path,
                        &run->page) != 0) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    const struct web_settings web = { .settings = s,
                                      .pipeline = &run->pipeline,
                                      .receivers = run->receivers,
                                      .followers = run->followers,
                                      .page = run->page };
    if (web_start(&web, &run->web, err) != 0) {
        return err->status;
    }
    if (receivers_start(run->receivers, err) != 0 || followers_start(run->followers, err) != 0) {
        return err->status;
    }
    status_page_set_healthy(run->page, true);
    return 0;
}

/// Until a signal says stop or nobody reads the output any more.
static void control(struct run *run)
{
    uint64_t tick_due_ns = 0;
    while (!atomic_load(&run->pipeline.closed)) {
        switch (signals_wait(CONTROL_INTERVAL_MS)) {
        case SIGINT:
        case SIGTERM:
            return;
        case SIGHUP:
            log_write(LOG_LEVEL_INFO, "reopening", NULL, NULL);
            pipeline_reopen(&run->pipeline);
            web_reload(run->web);
            break;
        default:
            break;
        }
        uint64_t now_ns = clock_mono_ns();
        if (now_ns >= tick_due_ns) {
            tick_due_ns = now_ns + TICK_INTERVAL_MS * NS_PER_MS;
            pipeline_tick(&run->pipeline);
            web_tick(run->web);
        }
    }
}

static struct ledger_sums sum_ledgers(const struct run *run)
{
    struct ledger_sums sums = { 0 };
    for (size_t i = 0; i < receivers_count(run->receivers); i++) {
        ledger_add_to(&receivers_at(run->receivers, i)->intake->ledger, &sums);
    }
    for (size_t i = 0; i < followers_count(run->followers); i++) {
        ledger_add_to(&followers_at(run->followers, i)->intake->ledger, &sums);
    }
    return sums;
}

static void log_kernel_drops(const struct run *run)
{
    for (size_t i = 0; i < receivers_count(run->receivers); i++) {
        const struct receiver *r = receivers_at(run->receivers, i);
        uint64_t drops = udp_kernel_drops(r->socket);
        if (drops > 0) {
            log_with(LOG_LEVEL_WARN, "the kernel dropped datagrams", r->listener->attrs,
                     LOG_U64("datagrams", drops));
        }
    }
}

static void stop_threads(struct run *run)
{
    if (run->receivers != NULL) {
        receivers_stop(run->receivers);
    }
    if (run->followers != NULL) {
        followers_stop(run->followers);
    }
}

/// After a start that went well.
static void stop(struct run *run)
{
    status_page_set_healthy(run->page, false);
    pipeline_prepare_stop(&run->pipeline);
    stop_threads(run);
    for (size_t i = 0; i < run->listener_count; i++) {
        log_write(LOG_LEVEL_INFO, "closed receiver", run->listeners[i].attrs, NULL);
    }
    web_close(run->web);
    pipeline_stop(&run->pipeline);
    pipeline_tick(&run->pipeline); // the last positions
    log_write(LOG_LEVEL_INFO, "transporter closed", NULL, NULL);
    log_kernel_drops(run);
    struct ledger_sums sums = sum_ledgers(run);
    (void)pipeline_log_books(&run->pipeline, &sums); // it says so when they do not balance
    web_stop(run->web);
    if (run->settings->addr[0] != '\0') {
        log_with(LOG_LEVEL_INFO, "closed HTTP server", NULL, LOG_TEXT("http", run->settings->addr));
    }
}

static void release(struct run *run)
{
    status_page_free(run->page);
    receivers_free(run->receivers);
    followers_free(run->followers);
    struct positions *positions = run->pipeline.positions;
    pipeline_free(&run->pipeline);
    positions_close(positions);
    mem_free(run);
}

int run_command(struct settings *s)
{
    struct run *run = mem_zalloc(sizeof(*run));
    CHECK(run != NULL);
    run->settings = s;
    signals_block();
    log_write(LOG_LEVEL_INFO, s->goflow2 ? "starting GoFlow2" : "starting weir", NULL, NULL);
    if (leave_out_netflow(s)) {
        log_with(LOG_LEVEL_WARN, "NetFlow is not read by this version", NULL,
                 LOG_TEXT("left_out", "netflow://:2055"));
    }
    struct err err = { 0 };
    int code = EXIT_DONE;
    if (start(run, &err) == 0) {
        control(run);
    } else {
        log_with(LOG_LEVEL_ERROR, "cannot start", NULL, LOG_TEXT("error", err.text));
        code = EXIT_CANNOT_RUN;
    }
    bool pipe_closed = atomic_load(&run->pipeline.closed);
    if (code == EXIT_DONE) {
        stop(run);
    } else {
        pipeline_prepare_stop(&run->pipeline);
        stop_threads(run);
        web_close(run->web);
        pipeline_stop(&run->pipeline);
        web_stop(run->web);
    }
    release(run);
    if (pipe_closed) {
        signals_die_of_pipe();
    }
    return code;
}
