// SPDX-License-Identifier: Apache-2.0
/*
 * UDP sockets: one listener address, one or more sockets on it, each read by a thread of its own in
 * large gulps (recvmmsg). With several sockets the kernel hands all datagrams of one sender to the
 * same socket, whatever port it sends from.
 *
 * A socket owns its receive buffers; the chunks it yields point into them and are valid until the
 * next call on that socket.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/limits.h"
#include "base/status.h"

struct udp_settings {
    const char *host; ///< name or address; "" is every address, IPv6 and IPv4 on one socket
    uint16_t port;
    unsigned count;        ///< sockets, at least 1
    size_t receive_buffer; ///< bytes to ask the kernel for
    const char *device;    ///< interface or VRF to bind to; NULL or "" for none
    enum scheme scheme;    ///< put into each chunk
};

struct udp_socket;

/// Opens `settings->count` sockets on one address into `ret_sockets`. On failure none is left open
/// and `err` says which address and why. ERR_IO, ERR_INVALID (no such host), ERR_NO_MEMORY.
int udp_open(const struct udp_settings *settings, struct udp_socket **ret_sockets,
             struct err *err) MUST_USE;
void udp_close(struct udp_socket *s);

/// Waits up to `timeout_ms` for datagrams and fetches what is there, at most RECV_MESSAGES_MAX,
/// into `chunks`. Returns how many: 0 after the time-out, after udp_wake() and when interrupted.
size_t udp_receive(struct udp_socket *s, int timeout_ms,
                   struct chunk chunks[static RECV_MESSAGES_MAX]);

/// As udp_receive() without waiting: what is in the socket's queue now.
size_t udp_drain(struct udp_socket *s, struct chunk chunks[static RECV_MESSAGES_MAX]);

/// Makes udp_receive() return now and not wait again. Any thread.
void udp_wake(struct udp_socket *s);

/// Asks the kernel for its drop counter, which datagrams alone would tell too late. Owner thread.
void udp_update_drops(struct udp_socket *s);

/// Datagrams the kernel dropped since the socket was opened, because the buffer was full (or a
/// checksum wrong). Any thread.
uint64_t udp_kernel_drops(const struct udp_socket *s);

/// What the kernel granted of settings.receive_buffer, in the same bytes (it books twice that).
size_t udp_receive_buffer(const struct udp_socket *s);

/// The address bound to, as a metric label: "::" on every address.
const char *udp_local_address(const struct udp_socket *s);
