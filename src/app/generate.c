// SPDX-License-Identifier: Apache-2.0
/*
 * weir generate: synthetic datagrams to a UDP address or into a capture file. The exporters take
 * turns; the n-th datagram of all has the same bytes each time it is made with the same settings,
 * since its uptime is counted from n and the rate rather than read from a clock.
 *
 * To an address on loopback each exporter sends from one of its own (127.0.0.1 and up), so that
 * what depends on the sender can be tried on one machine. Datagrams leave in gulps: what is due is
 * sent with one system call, then the thread sleeps for a millisecond. Who falls behind (a stopped
 * process, a slow machine) makes up for a tenth of a second at most, and the rate that was reached
 * is in the closing line.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/capture.h"
#include "app/commands.h"
#include "app/signals.h"
#include "app/synth.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    SEND_GULP = 128,
    FILE_COUNT_DEFAULT = 1000,
    FILE_START_S = 1700000000, ///< the time of the first datagram in a file
    RATE_UNBOUND = 100000,     ///< what times are counted with when the rate is unbound
    SFLOW_PORT = 6343,
    SOURCE_PORT = 50000, ///< in a file
    COLLECTOR_HOST = 254,
    LAG_MAX_NS = 100000000,
};

struct generator {
    const struct settings *settings;
    struct synth synth;
    uint64_t sent;
    uint64_t bytes;
    uint64_t count_max; ///< UINT64_MAX: no end
    bool refused;       ///< nobody listens where the datagrams go
    struct capture *capture;
    int sockets[SYNTH_EXPORTERS_MAX];
    uint32_t socket_count;
    struct iovec iovs[SEND_GULP];
    struct mmsghdr messages[SEND_GULP];
    uint8_t datagrams[SEND_GULP][SYNTH_DATAGRAM_SIZE_MAX];
};

/// When the n-th datagram is due, counted from the first.
static uint64_t due_ns(const struct generator *g, uint64_t n)
{
    uint64_t rate = g->settings->rate == 0 ? RATE_UNBOUND : (uint64_t)g->settings->rate;
    return n / rate * NS_PER_S + n % rate * NS_PER_S / rate;
}

/// Makes the n-th datagram into a place of the gulp; returns its size.
static size_t make(struct generator *g, uint64_t n, size_t place)
{
    uint32_t exporter = (uint32_t)(n % g->synth.settings.exporters);
    uint32_t uptime_ms = (uint32_t)(due_ns(g, n) / NS_PER_MS);
    return synth_datagram(&g->synth, exporter, uptime_ms, g->datagrams[place]);
}

// --- To a UDP address ----------------------------------------------------------------------------

static bool is_loopback(const struct addrinfo *to)
{
    const struct sockaddr_in *address = (const void *)to->ai_addr;
    return to->ai_family == AF_INET && *(const uint8_t *)&address->sin_addr == 127;
}

/// A socket that sends to `to`, from 127.0.0.<1+index> when that is on loopback.
static int open_sender(const struct addrinfo *to, uint32_t index, int *ret_fd, struct err *err)
{
    int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot open a UDP socket");
    }
    if (is_loopback(to)) {
        struct sockaddr_in from = { .sin_family = AF_INET };
        const uint8_t address[4] = { 127, 0, 0, (uint8_t)(1 + index) };
        memcpy(&from.sin_addr, address, sizeof(address));
        if (bind(fd, (const struct sockaddr *)&from, sizeof(from)) != 0) {
            (void)err_set_errno(err, errno, "cannot send from 127.0.0.%u", 1 + index);
            (void)close(fd); // nothing was written
            return err->status;
        }
    }
    if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        (void)err_set_errno(err, errno, "cannot send there");
        (void)close(fd); // nothing was written
        return err->status;
    }
    *ret_fd = fd;
    return 0;
}

/// HOST:PORT or [IPv6]:PORT.
static int open_udp(struct generator *g, const char *target, struct err *err)
{
    char host[256];
    const char *colon = strrchr(target, ':');
    size_t size = colon == NULL ? 0 : (size_t)(colon - target);
    bool bracketed = size > 2 && target[0] == '[' && target[size - 1] == ']';
    if (size == 0 || size >= sizeof(host) || (!bracketed && memchr(target, ':', size) != NULL)) {
        return err_set(err, ERR_USAGE,
                       "expected udp://HOST:PORT or udp://[IPv6]:PORT, not udp://%.100s", target);
    }
    size -= bracketed ? 2 : 0;
    memcpy(host, target + bracketed, size);
    host[size] = '\0';
    struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
    struct addrinfo *info;
    int status = getaddrinfo(host, colon + 1, &hints, &info);
    if (status != 0) {
        return err_set(err, ERR_INVALID, "udp://%.100s: %s", target, gai_strerror(status));
    }
    status = 0;
    for (uint32_t i = 0; status == 0 && i < g->synth.settings.exporters; i++) {
        status = open_sender(info, i, &g->sockets[i], err);
        g->socket_count += status == 0;
    }
    freeaddrinfo(info);
    return status == 0 ? 0 : err_prefix(err, "udp://%.100s", target);
}

/// Sends the first `count` messages of the gulp from one exporter.
static int send_messages(struct generator *g, uint32_t exporter, unsigned count, struct err *err)
{
    enum { PAUSE_US = 1000, PAUSES_MAX = 1000 };
    int pauses = 0;
    for (unsigned done = 0; done < count;) {
        int n = sendmmsg(g->sockets[exporter], g->messages + done, count - done, 0);
        if (n > 0) {
            done += (unsigned)n;
        } else if (errno == ECONNREFUSED) {
            g->refused = true; // what became of an earlier datagram; this one is tried again
        } else if (errno == ENOBUFS && pauses < PAUSES_MAX) {
            pauses++;
            (void)usleep(PAUSE_US); // a queue is full and will have room soon
        } else if (errno != EINTR) {
            return err_set_errno(err, errno, "cannot send");
        }
    }
    return 0;
}

/// Makes and sends the next `count` datagrams: each exporter's share with one call.
static int send_gulp(struct generator *g, unsigned count, struct err *err)
{
    uint32_t exporters = g->socket_count;
    for (uint64_t first = g->sent; first < g->sent + count && first < g->sent + exporters;
         first++) {
        unsigned share = 0;
        for (uint64_t n = first; n < g->sent + count; n += exporters, share++) {
            size_t size = make(g, n, share);
            g->iovs[share] = (struct iovec){ .iov_base = g->datagrams[share], .iov_len = size };
            g->messages[share].msg_hdr =
                (struct msghdr){ .msg_iov = &g->iovs[share], .msg_iovlen = 1 };
            g->bytes += size;
        }
        if (send_messages(g, (uint32_t)(first % exporters), share, err) != 0) {
            return err->status;
        }
    }
    g->sent += count;
    return 0;
}

/// How many datagrams to send now; 0: wait. Moves the beginning when too much is due.
static unsigned count_due(const struct generator *g, uint64_t *begin_ns)
{
    uint64_t left = g->count_max - g->sent;
    uint64_t due = SEND_GULP;
    if (g->settings->rate > 0) {
        uint64_t elapsed_ns = clock_mono_ns() - *begin_ns;
        uint64_t next_ns = due_ns(g, g->sent);
        if (elapsed_ns > next_ns + LAG_MAX_NS) {
            *begin_ns += elapsed_ns - next_ns - LAG_MAX_NS;
            elapsed_ns = next_ns + LAG_MAX_NS;
        }
        for (due = 0; due < SEND_GULP && due_ns(g, g->sent + due) <= elapsed_ns; due++) {
        }
    }
    return (unsigned)(due < left ? due : left);
}

/// Sleeps until the next datagram is due, a millisecond at least. Returns whether to stop.
static bool wait_for_next(const struct generator *g, uint64_t begin_ns)
{
    enum { PAUSE_MAX_MS = 1000 };
    uint64_t elapsed_ns = clock_mono_ns() - begin_ns;
    uint64_t next_ns = due_ns(g, g->sent);
    uint64_t pause_ms = next_ns > elapsed_ns ? (next_ns - elapsed_ns) / NS_PER_MS : 0;
    pause_ms = pause_ms == 0 ? 1 : pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms;
    return signals_wait((int)pause_ms) != 0;
}

static int send_all(struct generator *g, struct err *err)
{
    uint64_t duration_ns = g->settings->duration_ns;
    uint64_t end_ns = clock_mono_ns() + duration_ns;
    uint64_t begin_ns = clock_mono_ns();
    if (g->settings->rate > 0) {
        end_ns += LAG_MAX_NS; // what is due by the end may be sent a little later
    }
    bool stop = false;
    while (!stop && g->sent < g->count_max) {
        if (duration_ns > 0 && clock_mono_ns() >= end_ns) {
            break;
        }
        unsigned due = count_due(g, &begin_ns);
        if (due == 0) {
            stop = wait_for_next(g, begin_ns);
            continue;
        }
        if (send_gulp(g, due, err) != 0) {
            return err->status;
        }
        stop = signals_wait(0) != 0;
    }
    return 0;
}

// --- Into a file ---------------------------------------------------------------------------------

static struct addr collector_of(const struct addr *agent)
{
    struct addr collector = *agent;
    collector.bytes[collector.size - 1] = COLLECTOR_HOST;
    return collector;
}

static int write_all(struct generator *g, struct err *err)
{
    bool stop = false;
    for (; !stop && g->sent < g->count_max; g->sent++) {
        const struct synth_exporter *x = &g->synth.exporters[g->sent % g->synth.settings.exporters];
        struct capture_datagram d = { .src = x->agent,
                                      .dst = collector_of(&x->agent),
                                      .src_port = SOURCE_PORT,
                                      .dst_port = SFLOW_PORT,
                                      .data = g->datagrams[0],
                                      .size = make(g, g->sent, 0),
                                      .time_ns = FILE_START_S * NS_PER_S + due_ns(g, g->sent) };
        if (capture_write(g->capture, &d, err) != 0) {
            return err->status;
        }
        g->bytes += d.size;
        stop = g->sent % SEND_GULP == 0 && signals_wait(0) != 0;
    }
    return capture_finish(g->capture, err);
}

static int open_file(struct generator *g, const char *path, struct err *err)
{
    if (g->count_max == UINT64_MAX) {
        g->count_max = FILE_COUNT_DEFAULT;
    }
    return capture_create(path, &g->capture, err);
}

// --- Both ----------------------------------------------------------------------------------------

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size > strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

static int open_target(struct generator *g, struct err *err)
{
    static const char UDP[] = "udp://";
    static const char PCAP[] = "pcap://";
    const char *target = g->settings->args[0];
    if (strncmp(target, UDP, strlen(UDP)) == 0) {
        return open_udp(g, target + strlen(UDP), err);
    }
    if (strncmp(target, PCAP, strlen(PCAP)) == 0) {
        return open_file(g, target + strlen(PCAP), err);
    }
    if (ends_with(target, ".pcap") && strstr(target, "://") == NULL) {
        return open_file(g, target, err);
    }
    return err_set(err, ERR_USAGE, "expected udp://HOST:PORT or pcap://FILE, not \"%.100s\"",
                   target);
}

static void log_sums(const struct generator *g, uint64_t elapsed_ns)
{
    uint64_t elapsed_ms = elapsed_ns / NS_PER_MS;
    log_with(LOG_LEVEL_INFO, "generated", NULL, LOG_U64("datagrams", g->sent),
             LOG_U64("flows", g->sent * g->synth.settings.flows),
             LOG_U64("counter_samples", synth_counter_samples(&g->synth)),
             LOG_U64("bytes", g->bytes), LOG_U64("ms", elapsed_ms),
             LOG_U64("per_second", elapsed_ms == 0 ? 0 : g->sent * 1000 / elapsed_ms));
    if (g->refused) {
        log_with(LOG_LEVEL_WARN, "nobody listened there, at least for a time", NULL,
                 LOG_TEXT("target", g->settings->args[0]));
    }
}

static int generate(struct generator *g, struct err *err)
{
    if (open_target(g, err) != 0) {
        return err->status;
    }
    uint64_t begin_ns = clock_mono_ns();
    int status = g->capture != NULL ? write_all(g, err) : send_all(g, err);
    log_sums(g, clock_mono_ns() - begin_ns);
    return status;
}

static void generator_free(struct generator *g)
{
    for (uint32_t i = 0; i < g->socket_count; i++) {
        (void)close(g->sockets[i]); // datagrams are gone or not
    }
    capture_free(g->capture);
    mem_free(g);
}

/// How many datagrams -count, or -rate and -duration, ask for; UINT64_MAX: no end.
static uint64_t count_max(const struct settings *s)
{
    uint64_t count = s->count == 0 ? UINT64_MAX : (uint64_t)s->count;
    uint64_t rate = (uint64_t)s->rate;
    uint64_t ns = s->duration_ns;
    if (rate == 0 || ns == 0) {
        return count;
    }
    uint64_t due = ns / NS_PER_S * rate + ns % NS_PER_S * rate / NS_PER_S;
    return due < count ? due : count;
}

int generate_command(const struct settings *s)
{
    struct err err = { 0 };
    int status = settings_check(s, &err);
    if (status == 0) {
        struct synth_settings synth = { .seed = (uint64_t)s->seed,
                                        .exporters = (uint32_t)s->exporters,
                                        .flows = (uint32_t)s->flows,
                                        .ipv6 = (uint32_t)s->ipv6,
                                        .expanded = (uint32_t)s->expanded,
                                        .counters = (uint32_t)s->counters };
        struct generator *g = mem_zalloc(sizeof(*g));
        CHECK(g != NULL);
        g->settings = s;
        g->count_max = count_max(s);
        synth_init(&g->synth, &synth);
        signals_block();
        status = generate(g, &err);
        generator_free(g);
    }
    if (status != 0) {
        log_with(LOG_LEVEL_ERROR, "cannot generate", NULL, LOG_TEXT("error", err.text));
    }
    return status == 0 ? EXIT_DONE : status == ERR_USAGE ? EXIT_USAGE : EXIT_CANNOT_RUN;
}
