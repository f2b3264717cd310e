// SPDX-License-Identifier: Apache-2.0
/*
 * weir replay: captures through the same path as datagrams from the network, with the capture's
 * times. It waits for slow outputs rather than lose anything.
 *
 * Without -port every UDP datagram is looked at. Those that are no flow data (DNS, say) are counted
 * as unknown_protocol, without a line for each, and do not make the input bad. With -port they do,
 * and so do datagrams to those ports that the capture holds only in part.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/pipeline.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "source/pcap.h"

enum { PORTS_MAX = 64, DATAGRAMS_PER_LOOK = 256, DRAIN_INTERVAL_MS = 10 };

struct replay {
    const struct settings *settings;
    struct pipeline pipeline;
    struct intake *intake;
    uint16_t ports[PORTS_MAX];
    size_t port_count;
    bool stopped;
    uint64_t bad; ///< datagrams that could not be read, or not whole
};

static int parse_ports(struct replay *r, const char *text, struct err *err)
{
    while (*text != '\0') {
        size_t size = strcspn(text, ",");
        uint64_t port;
        if (r->port_count == PORTS_MAX || num_get_u64(text, size, UINT16_MAX, &port) != 0) {
            return err_set(err, ERR_INVALID, "-port \"%.60s\": expected ports such as 6343,2055",
                           r->settings->ports);
        }
        r->ports[r->port_count++] = (uint16_t)port;
        text += size + (text[size] == ',');
    }
    return 0;
}

static bool is_bad(const struct replay *r, const struct decode_result *result)
{
    switch (result->outcome) {
    case LEDGER_DATAGRAM_DECODED:
        return result->damaged > 0;
    case LEDGER_DATAGRAM_UNKNOWN_PROTOCOL:
    case LEDGER_DATAGRAM_UNSUPPORTED:
    case LEDGER_DATAGRAM_EMPTY:
        return r->port_count > 0;
    case LEDGER_DATAGRAM_NOT_ALLOWED:
        return false;
    default:
        return true;
    }
}

/// SIGHUP reopens the output here too; SIGINT and SIGTERM end the replay, and with it the patience
/// with an output that cannot be written.
static void hear_signals(void *context)
{
    struct replay *r = context;
    int number = signals_wait(0);
    if (number == SIGHUP) {
        pipeline_reopen(&r->pipeline);
    }
    bool stop = number == SIGINT || number == SIGTERM || atomic_load(&r->pipeline.closed) ||
                atomic_load(&r->pipeline.gave_up);
    if (stop && !r->stopped) {
        pipeline_prepare_stop(&r->pipeline);
    }
    r->stopped = r->stopped || stop;
}

static int replay_file(struct replay *r, const char *path, struct err *err)
{
    struct pcap_settings settings = {
        .path = path, .ports = r->ports, .port_count = r->port_count, .scheme = SCHEME_FLOW
    };
    struct pcap_source *source;
    if (pcap_source_open(&settings, &source, err) != 0) {
        return err->status;
    }
    struct chunk chunk;
    for (uint64_t n = 1; !r->stopped && pcap_source_next(source, &chunk, err); n++) {
        struct decode_result result = intake_chunk(r->intake, &chunk);
        r->bad += is_bad(r, &result);
        if (n % DATAGRAMS_PER_LOOK == 0) {
            hear_signals(r);
            intake_tick(r->intake, clock_mono_ns());
        }
    }
    struct pcap_stats stats = pcap_source_stats(source);
    if (r->port_count > 0) {
        r->bad += stats.outcomes[PCAP_TRUNCATED] + stats.outcomes[PCAP_DAMAGED];
    }
    struct buf text;
    buf_init(&text, 4096);
    pcap_stats_print(&stats, &text);
    log_with(LOG_LEVEL_INFO, "replayed", NULL, LOG_TEXT("file", path),
             LOG_TEXT("frames", buf_text(&text)),
             LOG_BOOL("balanced", pcap_stats_difference(&stats) == 0));
    buf_release(&text);
    pcap_source_close(source);
    return err->status;
}

static int start(struct replay *r, struct err *err)
{
    static const struct log_attr LABEL[] = { LOG_TEXT("source", "replay"), LOG_END };
    if (parse_ports(r, r->settings->ports, err) != 0 ||
        pipeline_open(&r->pipeline, r->settings, 1, err) != 0 ||
        pipeline_start(&r->pipeline, r->settings, err) != 0) {
        return err->status;
    }
    r->pipeline.patience = (struct transport_patience){ .tick = hear_signals,
                                                        .context = r,
                                                        .places = PIPELINE_PLACES_FEW };
    if (intake_new(&r->pipeline.intake, INTAKE_DATAGRAMS, LABEL, true, &r->intake) != 0) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    r->intake->mixed = r->port_count == 0;
    return 0;
}

/// All files; a broken one is said and does not stop the others.
static int replay_all(struct replay *r)
{
    int code = EXIT_DONE;
    for (int i = 0; i < r->settings->arg_count && !r->stopped; i++) {
        struct err err = { 0 };
        if (replay_file(r, r->settings->args[i], &err) != 0) {
            log_with(LOG_LEVEL_ERROR, "cannot replay", NULL, LOG_TEXT("error", err.text));
            bool cannot = err.status == ERR_IO || code == EXIT_CANNOT_RUN;
            code = cannot ? EXIT_CANNOT_RUN : EXIT_BAD_INPUT;
        }
    }
    if (r->bad > 0) {
        log_with(LOG_LEVEL_WARN, "some datagrams could not be read whole; the books say why", NULL,
                 LOG_U64("datagrams", r->bad));
        code = code == EXIT_DONE ? EXIT_BAD_INPUT : code;
    }
    return code;
}

int replay_command(const struct settings *s)
{
    struct replay *r = mem_zalloc(sizeof(*r));
    CHECK(r != NULL);
    r->settings = s;
    signals_block();
    struct err err = { 0 };
    int code = EXIT_CANNOT_RUN;
    if (start(r, &err) == 0) {
        code = replay_all(r);
        intake_flush(r->intake);
        while (!r->stopped && !pipeline_is_done(&r->pipeline)) {
            struct timespec pause = { .tv_nsec = DRAIN_INTERVAL_MS * (long)NS_PER_MS };
            (void)nanosleep(&pause, NULL); // may end early
            hear_signals(r);
        }
    } else {
        log_with(LOG_LEVEL_ERROR, "cannot start", NULL, LOG_TEXT("error", err.text));
        code = err.status == ERR_USAGE ? EXIT_USAGE : EXIT_CANNOT_RUN;
    }
    pipeline_stop(&r->pipeline);
    pipeline_tidy_store(&r->pipeline);
    if (r->intake != NULL) {
        struct ledger_sums sums = { 0 };
        ledger_add_to(&r->intake->ledger, &sums);
        (void)pipeline_log_books(&r->pipeline, &sums); // it says so when they do not balance
    }
    bool gave_up = atomic_load(&r->pipeline.gave_up);
    bool closed = atomic_load(&r->pipeline.closed) && !gave_up;
    code = gave_up ? EXIT_CANNOT_RUN : code;
    intake_free(r->intake);
    pipeline_free(&r->pipeline);
    mem_free(r);
    if (closed) {
        signals_die_of_pipe();
    }
    return code;
}
