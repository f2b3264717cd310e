// SPDX-License-Identifier: Apache-2.0
/*
 * weir generate: synthetic datagrams to a UDP address or into a capture file. To loopback each
 * exporter sends from an address of its own (127.0.0.1 and up), so that what depends on the sender
 * can be tried on one machine.
 */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/signals.h"
#include "app/synth.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    SEND_BATCH = 32,
    FILE_COUNT_DEFAULT = 1000,
    FILE_START_S = 1700000000, ///< the time of the first datagram in a file
    SFLOW_PORT = 6343,
    SLEEP_NS_MIN = 200000, ///< shorter waits are not worth a system call
};

struct generator {
    const struct settings *settings;
    struct synth synth;
    uint64_t sent;
    uint64_t count_max; ///< UINT64_MAX: no end
    uint64_t duration_ns;
    int sockets[SYNTH_EXPORTERS_MAX];
    uint32_t socket_count;
    FILE *file;
};

// --- To a UDP address ----------------------------------------------------------------------------

/// A socket that sends to `to` from 127.0.0.<1+index> when `to` is on loopback.
static int open_sender(const struct addrinfo *to, uint32_t index, int *ret_fd, struct err *err)
{
    int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot open a UDP socket");
    }
    const uint8_t *address = (const uint8_t *)to->ai_addr + offsetof(struct sockaddr_in, sin_addr);
    if (to->ai_family == AF_INET && address[0] == 127) {
        struct sockaddr_in from = { .sin_family = AF_INET };
        const uint8_t loopback[4] = { 127, 0, 0, (uint8_t)(1 + index) };
        memcpy(&from.sin_addr, loopback, sizeof(loopback));
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
    if (colon == NULL || size == 0 || size >= sizeof(host)) {
        return err_set(err, ERR_USAGE, "expected udp://HOST:PORT, not udp://%.100s", target);
    }
    bool bracketed = target[0] == '[' && target[size - 1] == ']';
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
    return status;
}

/// One gulp of one exporter's datagrams; returns how many the kernel took.
static unsigned send_batch(struct generator *g, uint32_t exporter, unsigned count,
                           uint64_t elapsed_ns)
{
    static _Thread_local uint8_t bytes[SEND_BATCH][SYNTH_DATAGRAM_SIZE_MAX];
    struct iovec iovs[SEND_BATCH];
    struct mmsghdr messages[SEND_BATCH];
    for (unsigned i = 0; i < count; i++) {
        size_t size =
            synth_datagram(&g->synth, exporter, (uint32_t)(elapsed_ns / NS_PER_MS), bytes[i]);
        iovs[i] = (struct iovec){ .iov_base = bytes[i], .iov_len = size };
        messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iovs[i], .msg_iovlen = 1 } };
    }
    unsigned done = 0;
    while (done < count) {
        int n = sendmmsg(g->sockets[exporter], messages + done, count - done, 0);
        // Nobody listening (ICMP) is told with the next send; the datagram itself did go out.
        done += n > 0 ? (unsigned)n : 0;
        if (n < 0 && errno != ECONNREFUSED && errno != EINTR) {
            break;
        }
    }
    return done;
}

/// How many are due by now at the asked rate.
static uint64_t due(const struct generator *g, uint64_t elapsed_ns)
{
    uint64_t rate = (uint64_t)g->settings->rate;
    uint64_t wanted =
        rate == 0 ? g->sent + SEND_BATCH
                  : elapsed_ns / NS_PER_S * rate + elapsed_ns % NS_PER_S * rate / NS_PER_S + 1;
    return wanted > g->count_max ? g->count_max : wanted;
}

static void wait_for_next(const struct generator *g, uint64_t elapsed_ns)
{
    uint64_t next_ns = (g->sent + 1) * NS_PER_S / (uint64_t)g->settings->rate;
    uint64_t pause_ns = next_ns > elapsed_ns ? next_ns - elapsed_ns : 0;
    pause_ns = pause_ns < SLEEP_NS_MIN ? SLEEP_NS_MIN : pause_ns;
    pause_ns = pause_ns > 100 * NS_PER_MS ? 100 * NS_PER_MS : pause_ns; // signals are looked for
    struct timespec pause = { .tv_nsec = (long)pause_ns };
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL); // may end early
}

static uint64_t send_all(struct generator *g)
{
    uint64_t begin_ns = clock_mono_ns();
    uint64_t elapsed_ns = 0;
    uint32_t exporter = 0;
    for (unsigned turn = 0; g->sent < g->count_max; turn++) {
        elapsed_ns = clock_mono_ns() - begin_ns;
        bool over = g->duration_ns > 0 && elapsed_ns >= g->duration_ns;
        if (over || (turn % 64 == 0 && signals_wait(0) != 0)) {
            break;
        }
        uint64_t open = due(g, elapsed_ns) - g->sent;
        if (g->sent >= due(g, elapsed_ns)) {
            wait_for_next(g, elapsed_ns);
            continue;
        }
        unsigned count = open > SEND_BATCH ? SEND_BATCH : (unsigned)open;
        g->sent += send_batch(g, exporter, count, elapsed_ns);
        exporter = (exporter + 1) % g->socket_count;
    }
    return clock_mono_ns() - begin_ns;
}

// --- Into a file
// -----------------------------------------------------------------------------------

static void put_le32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(v >> 8 * i);
    }
}

static int open_file(struct generator *g, const char *path, struct err *err)
{
    uint8_t header[24] = { 0 };
    put_le32(header, 0xa1b23c4d);       // nanoseconds, little-endian
    put_le32(header + 4, 4U << 16 | 2); // version 2.4
    put_le32(header + 16, 65535);
    put_le32(header + 20, 1); // Ethernet
    g->file = fopen(path, "we");
    if (g->file == NULL || fwrite(header, sizeof(header), 1, g->file) != 1) {
        return err_set_errno(err, errno, "cannot write %s", path);
    }
    if (g->count_max == UINT64_MAX) {
        g->count_max = FILE_COUNT_DEFAULT;
    }
    return 0;
}

/// Ethernet, IPv4 and UDP headers for a datagram of `size` bytes from exporter `index`.
static void put_headers(uint8_t at[static 42], uint32_t index, size_t size)
{
    static const uint8_t FORM[42] = {
        2,
        0,
        0,
        0,
        0,
        1,
        2,
        0,
        0,
        0,
        0,
        2,
        8,
        0, // Ethernet
        0x45,
        0,
        0,
        0,
        0,
        0,
        0x40,
        0,
        64,
        17,
        0,
        0,
        192,
        0,
        2,
        0,
        192,
        0,
        2,
        254, // IPv4
        0xc3,
        0x50,
        SFLOW_PORT >> 8,
        SFLOW_PORT & 0xff,
        0,
        0,
        0,
        0, // UDP
    };
    memcpy(at, FORM, sizeof(FORM));
    at[14 + 2] = (uint8_t)((size + 28) >> 8);
    at[14 + 3] = (uint8_t)(size + 28);
    at[14 + 15] = (uint8_t)(1 + index);
    at[34 + 4] = (uint8_t)((size + 8) >> 8);
    at[34 + 5] = (uint8_t)(size + 8);
    uint32_t sum = 0;
    for (int i = 14; i < 34; i += 2) {
        sum += (uint32_t)(at[i] << 8 | at[i + 1]);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    at[14 + 10] = (uint8_t)(sum >> 8);
    at[14 + 11] = (uint8_t)sum;
}

static int write_all(struct generator *g, struct err *err)
{
    static _Thread_local uint8_t frame[16 + 42 + SYNTH_DATAGRAM_SIZE_MAX];
    uint64_t rate = g->settings->rate == 0 ? 1000 : (uint64_t)g->settings->rate;
    for (; g->sent < g->count_max; g->sent++) {
        uint64_t at_ns = g->sent / rate * NS_PER_S + g->sent % rate * NS_PER_S / rate;
        if (g->duration_ns > 0 && at_ns >= g->duration_ns) {
            break;
        }
        uint32_t exporter = (uint32_t)(g->sent % g->synth.settings.exporters);
        size_t size =
            synth_datagram(&g->synth, exporter, (uint32_t)(at_ns / NS_PER_MS), frame + 16 + 42);
        put_le32(frame, FILE_START_S + (uint32_t)(at_ns / NS_PER_S));
        put_le32(frame + 4, (uint32_t)(at_ns % NS_PER_S));
        put_le32(frame + 8, (uint32_t)(42 + size));
        put_le32(frame + 12, (uint32_t)(42 + size));
        put_headers(frame + 16, exporter, size);
        if (fwrite(frame, 16 + 42 + size, 1, g->file) != 1) {
            return err_set_errno(err, errno, "cannot write the capture");
        }
    }
    FILE *file = g->file;
    g->file = NULL;
    return fclose(file) == 0 ? 0 : err_set_errno(err, errno, "cannot write the capture");
}

// --- Both
// --------------------------------------------------------------------------------------------

static int open_target(struct generator *g, struct err *err)
{
    if (g->settings->arg_count != 1) {
        return err_set(err, ERR_USAGE, "generate needs one udp://HOST:PORT or pcap://FILE");
    }
    const char *target = g->settings->args[0];
    if (strncmp(target, "udp://", 6) == 0) {
        return open_udp(g, target + 6, err);
    }
    if (strncmp(target, "pcap://", 7) == 0) {
        return open_file(g, target + 7, err);
    }
    return err_set(err, ERR_USAGE, "expected udp://HOST:PORT or pcap://FILE, not \"%.100s\"",
                   target);
}

static int generate(struct generator *g, struct err *err)
{
    if (settings_check(g->settings, err) != 0 || open_target(g, err) != 0) {
        return err->status;
    }
    uint64_t elapsed_ns = 0;
    if (g->file != NULL) {
        if (write_all(g, err) != 0) {
            return err->status;
        }
    } else {
        elapsed_ns = send_all(g);
    }
    uint64_t elapsed_ms = elapsed_ns / NS_PER_MS;
    log_with(LOG_LEVEL_INFO, "generated", NULL, LOG_U64("datagrams", g->sent),
             LOG_U64("flows", g->sent * g->synth.settings.flows), LOG_U64("ms", elapsed_ms),
             LOG_U64("per_second", elapsed_ms == 0 ? 0 : g->sent * 1000 / elapsed_ms));
    return 0;
}

int generate_command(const struct settings *s)
{
    struct generator *g = mem_zalloc(sizeof(*g));
    CHECK(g != NULL);
    struct synth_settings synth = { .seed = (uint64_t)s->seed,
                                    .exporters = (uint32_t)s->exporters,
                                    .flows = (uint32_t)s->flows,
                                    .ipv6 = (uint32_t)s->ipv6,
                                    .expanded = (uint32_t)s->expanded,
                                    .counters = (uint32_t)s->counters };
    g->settings = s;
    g->count_max = s->count == 0 ? UINT64_MAX : (uint64_t)s->count;
    g->duration_ns = s->duration_ns;
    synth_init(&g->synth, &synth);
    signals_block();
    struct err err = { 0 };
    int status = generate(g, &err);
    if (status != 0) {
        log_with(LOG_LEVEL_ERROR, "cannot generate", NULL, LOG_TEXT("error", err.text));
    }
    for (uint32_t i = 0; i < g->socket_count; i++) {
        (void)close(g->sockets[i]); // datagrams are gone or not
    }
    if (g->file != NULL) {
        (void)fclose(g->file); // a failure was said
    }
    mem_free(g);
    return status == 0 ? EXIT_DONE : status == ERR_USAGE ? EXIT_USAGE : EXIT_CANNOT_RUN;
}
