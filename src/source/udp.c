// SPDX-License-Identifier: Apache-2.0
/*
 * Receiving is done in gulps. A thread that falls asleep for every datagram spends most of its time
 * going to sleep and waking up; so once the queue was found empty, the thread lets datagrams gather
 * for a millisecond and then takes all of them in one system call. At 100,000 datagrams per second
 * this is one call for a hundred datagrams instead of one for each, and nobody notices a
 * millisecond. It needs a receive buffer that holds what comes in that time, so it is done only
 * when the kernel granted one. Every datagram of a gulp carries the same receive time, taken right
 * after the call.
 *
 * Steering (SO_ATTACH_REUSEPORT_CBPF): of several sockets on one address the kernel picks by a hash
 * of the sender's address alone, computed by a small classic BPF program. The kernel's own choice
 * would hash the ports too, and an exporter that changes its port would meet a decoder that does
 * not know its templates.
 *
 * Kernel drops are told twice: by SO_RXQ_OVFL with the next datagram, and by SO_MEMINFO whenever
 * asked, which also works when nothing comes any more. Both are the same 32-bit counter.
 */
#include "source/udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/mem.h"
#include "base/rd.h"

enum {
    /// Bytes of receive buffer for each microsecond of gathering.
    GATHER_BYTES_PER_US = 4096,
    GATHER_US_MIN = 50, ///< shorter pauses cost more than they save
    GATHER_US_MAX = 4000,
    /// Room for one datagram. Not a power of two, so that the first lines of the buffers do not all
    /// fall into the same set of the cache.
    SLOT_SIZE = DATAGRAM_SIZE_MAX + 1 + 192,
    CONTROL_SIZE = 64,
};

/// Where one message of a gulp goes; its bytes are in udp_socket.buffers.
struct slot {
    struct sockaddr_storage peer;
    struct iovec iov;
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_SIZE];
};

struct udp_socket {
    int fd;
    int wake_fd;
    enum scheme scheme;
    long gather_us; ///< 0: not at all
    bool drained;   ///< the last call emptied the queue
    size_t receive_buffer;
    uint32_t drops_seen; ///< the kernel's counter, as last told
    struct counter drops;
    char local[INET6_ADDRSTRLEN];
    uint8_t *buffers; ///< RECV_MESSAGES_MAX slots of SLOT_SIZE, mapped
    struct slot slots[RECV_MESSAGES_MAX];
    struct mmsghdr messages[RECV_MESSAGES_MAX];
};

/// The wildcard host is [::] for both families, or 0.0.0.0 on a kernel without IPv6.
static const char *wildcard_host(void)
{
    int probe = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        return "0.0.0.0";
    }
    (void)close(probe); // nothing was written
    return "::";
}

static int resolve(const struct udp_settings *settings, struct addrinfo **ret_info, struct err *err)
{
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", settings->port); // five digits fit
    struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    const char *host = settings->host[0] == '\0' ? wildcard_host() : settings->host;
    int status = getaddrinfo(host, port, &hints, ret_info);
    if (status != 0) {
        return err_set(err, ERR_INVALID, "cannot listen on %s: %s", host, gai_strerror(status));
    }
    return 0;
}

static int set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value));
}

/// Asks for the buffer, past net.core.rmem_max with CAP_NET_ADMIN, up to it without. Returns what
/// was granted.
static size_t set_receive_buffer(int fd, size_t size)
{
    int wanted = size > INT32_MAX / 2 ? INT32_MAX / 2 : (int)size;
    if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, wanted) != 0) {
        (void)set_int(fd, SOL_SOCKET, SO_RCVBUF, wanted); // what was granted is read back below
    }
    int granted = 0;
    socklen_t granted_size = sizeof(granted);
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &granted_size) != 0 || granted < 0) {
        return 0;
    }
    return (size_t)granted / 2; // the kernel doubles what it is asked for
}

/// Datagrams go to the n-th socket on the address, n a hash of the sender's address modulo `count`.
static int steer_by_source(int fd, unsigned count)
{
    const uint32_t net = (uint32_t)SKF_NET_OFF; // loads are from the IP header
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, net),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 12), // IPv4 source
        BPF_STMT(BPF_JMP | BPF_JA, 10),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 8), // IPv6 source, its four words xored
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 12),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 16),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 20),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 2654435761U),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog fprog = { .len = sizeof(program) / sizeof(program[0]), .filter = program };
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &fprog, sizeof(fprog));
}

/// SO_REUSEADDR and SO_REUSEPORT as goflow2 sets them: several programs may share the port.
static int set_up(int fd, const struct udp_settings *settings, const struct addrinfo *info,
                  struct err *err)
{
    bool ok = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0 &&
              set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) == 0 &&
              set_int(fd, SOL_SOCKET, SO_RXQ_OVFL, 1) == 0;
    if (info->ai_family == AF_INET6) {
        ok = ok && set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, settings->host[0] != '\0') == 0;
    }
    if (!ok) {
        return err_set_errno(err, errno, "cannot set up a UDP socket");
    }
    const char *device = settings->device;
    if (device != NULL && device[0] != '\0' &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) != 0) {
        return err_set_errno(err, errno, "cannot bind to device %s", device);
    }
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0) {
        return err_set_errno(err, errno, "cannot listen on udp %s port %u",
                             settings->host[0] == '\0' ? "[::]" : settings->host, settings->port);
    }
    return 0;
}

static long gather_us_of(size_t receive_buffer)
{
    size_t us = receive_buffer / GATHER_BYTES_PER_US;
    us = us > GATHER_US_MAX ? GATHER_US_MAX : us;
    return us < GATHER_US_MIN ? 0 : (long)us;
}

static void prepare_messages(struct udp_socket *s)
{
    for (size_t i = 0; i < RECV_MESSAGES_MAX; i++) {
        struct slot *slot = &s->slots[i];
        slot->iov =
            (struct iovec){ .iov_base = s->buffers + i * SLOT_SIZE, .iov_len = DATAGRAM_SIZE_MAX };
        s->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &slot->peer,
            .msg_namelen = sizeof(slot->peer),
            .msg_iov = &slot->iov,
            .msg_iovlen = 1,
            .msg_control = slot->control,
            .msg_controllen = CONTROL_SIZE,
        };
    }
}

static int socket_new(const struct udp_settings *settings, const struct addrinfo *info,
                      struct udp_socket **ret_socket, struct err *err)
{
    struct udp_socket *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for a UDP socket");
    }
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->buffers = mem_map((size_t)RECV_MESSAGES_MAX * SLOT_SIZE);
    s->fd = socket(info->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->wake_fd < 0 || s->buffers == NULL || s->fd < 0) {
        err_set_errno(err, errno, "cannot open a UDP socket");
        goto fail;
    }
    if (set_up(s->fd, settings, info, err) != 0) {
        goto fail;
    }
    s->scheme = settings->scheme;
    s->receive_buffer = set_receive_buffer(s->fd, settings->receive_buffer);
    s->gather_us = gather_us_of(s->receive_buffer);
    (void)getnameinfo(info->ai_addr, info->ai_addrlen, s->local, sizeof(s->local), NULL, 0,
                      NI_NUMERICHOST); // on failure the label stays empty
    prepare_messages(s);
    *ret_socket = s;
    return 0;
fail:
    udp_close(s);
    return err->status;
}

int udp_open(const struct udp_settings *settings, struct udp_socket **ret_sockets, struct err *err)
{
    CHECK(settings->count > 0);
    struct addrinfo *info;
    if (resolve(settings, &info, err) != 0) {
        return err->status;
    }
    unsigned opened = 0;
    int status = 0;
    while (status == 0 && opened < settings->count) {
        status = socket_new(settings, info, &ret_sockets[opened], err);
        opened += status == 0;
    }
    freeaddrinfo(info);
    if (status == 0 && opened > 1 && steer_by_source(ret_sockets[0]->fd, opened) != 0) {
        status = err_set_errno(err, errno, "cannot steer exporters to sockets");
    }
    while (status != 0 && opened > 0) {
        udp_close(ret_sockets[--opened]);
    }
    return status;
}

void udp_close(struct udp_socket *s)
{
    if (s == NULL) {
        return;
    }
    if (s->fd >= 0) {
        (void)close(s->fd); // nothing was written
    }
    if (s->wake_fd >= 0) {
        (void)close(s->wake_fd); // nothing was written
    }
    mem_unmap(s->buffers, (size_t)RECV_MESSAGES_MAX * SLOT_SIZE);
    mem_free(s);
}

static void note_drops(struct udp_socket *s, uint32_t kernel_counter)
{
    counter_add(&s->drops, (uint32_t)(kernel_counter - s->drops_seen)); // it wraps at 32 bits
    s->drops_seen = kernel_counter;
}

/// SO_RXQ_OVFL: the kernel's drop counter as it was when this datagram was queued.
static void read_overflow(struct udp_socket *s, struct msghdr *header)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL) {
            continue;
        }
        uint32_t drops;
        memcpy(&drops, CMSG_DATA(c), sizeof(drops));
        if ((int32_t)(drops - s->drops_seen) > 0) { // older than SO_MEMINFO's: not news
            note_drops(s, drops);
        }
    }
}

static void set_peer(const struct sockaddr_storage *peer, struct chunk *chunk)
{
    const uint8_t *bytes = (const uint8_t *)peer;
    if (peer->ss_family == AF_INET) {
        chunk->peer = addr_v4(bytes + offsetof(struct sockaddr_in, sin_addr));
        chunk->peer_port = be16(bytes + offsetof(struct sockaddr_in, sin_port));
        return;
    }
    struct addr address = addr_v6(bytes + offsetof(struct sockaddr_in6, sin6_addr));
    chunk->peer = addr_unmap(&address);
    chunk->peer_port = be16(bytes + offsetof(struct sockaddr_in6, sin6_port));
}

size_t udp_drain(struct udp_socket *s, struct chunk chunks[static RECV_MESSAGES_MAX])
{
    int n = recvmmsg(s->fd, s->messages, RECV_MESSAGES_MAX, MSG_DONTWAIT, NULL);
    s->drained = n < RECV_MESSAGES_MAX;
    if (n <= 0) {
        return 0; // nothing there, or the error of an earlier packet (ICMP), which is not ours
    }
    uint64_t now_ns = clock_wall_ns();
    for (int i = 0; i < n; i++) {
        struct msghdr *header = &s->messages[i].msg_hdr;
        chunks[i] = (struct chunk){ .data = header->msg_iov->iov_base,
                                    .size = s->messages[i].msg_len,
                                    .scheme = s->scheme,
                                    .received_ns = now_ns };
        set_peer(header->msg_name, &chunks[i]);
        if (header->msg_controllen > 0) {
            read_overflow(s, header);
        }
        header->msg_namelen = sizeof(struct sockaddr_storage);
        header->msg_controllen = CONTROL_SIZE;
    }
    return (size_t)n;
}

static void gather(const struct udp_socket *s)
{
    if (s->gather_us > 0) {
        struct timespec pause = { .tv_nsec = s->gather_us * (long)NS_PER_US };
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL); // may end early, no harm
    }
}

size_t udp_receive(struct udp_socket *s, int timeout_ms,
                   struct chunk chunks[static RECV_MESSAGES_MAX])
{
    if (s->drained) {
        gather(s);
    }
    size_t count = udp_drain(s, chunks);
    if (count > 0) {
        return count;
    }
    struct pollfd fds[] = { { .fd = s->fd, .events = POLLIN },
                            { .fd = s->wake_fd, .events = POLLIN } };
    int ready = poll(fds, 2, timeout_ms);
    if (ready <= 0 || fds[1].revents != 0) {
        return 0;
    }
    gather(s);
    return udp_drain(s, chunks);
}

void udp_wake(struct udp_socket *s)
{
    CHECK(eventfd_write(s->wake_fd, 1) == 0);
}

void udp_update_drops(struct udp_socket *s)
{
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t size = sizeof(info);
    if (getsockopt(s->fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 && size == sizeof(info)) {
        note_drops(s, info[SK_MEMINFO_DROPS]);
    }
}

uint64_t udp_kernel_drops(const struct udp_socket *s)
{
    return counter_get(&s->drops);
}

size_t udp_receive_buffer(const struct udp_socket *s)
{
    return s->receive_buffer;
}

const char *udp_local_address(const struct udp_socket *s)
{
    return s->local;
}
