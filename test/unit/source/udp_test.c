// SPDX-License-Identifier: Apache-2.0
/* Real sockets on loopback: who sent, what came, which socket got it, what was dropped. */
#include "source/udp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rd.h"

static struct udp_settings settings(const char *host, uint16_t port, unsigned count)
{
    return (struct udp_settings){ .host = host,
                                  .port = port,
                                  .count = count,
                                  .receive_buffer = 1 << 22,
                                  .scheme = SCHEME_SFLOW };
}

/// A port that was free a moment ago.
static uint16_t free_port(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in in = { .sin_family = AF_INET };
    socklen_t size = sizeof(in);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    close(fd);
    return be16((const uint8_t *)&in.sin_port);
}

/// A socket that sends from `source` (any port) to `destination`:`port`.
static int sender(const char *source, const char *destination, uint16_t port)
{
    bool v6 = strchr(destination, ':') != NULL;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    uint8_t port_bytes[2] = { (uint8_t)(port >> 8), (uint8_t)port };
    if (v6) {
        struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
        memcpy(&to.sin6_port, port_bytes, 2);
        assert_int_equal(inet_pton(AF_INET6, destination, &to.sin6_addr), 1);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
    }
    struct sockaddr_in from = { .sin_family = AF_INET };
    assert_int_equal(inet_pton(AF_INET, source, &from.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    struct sockaddr_in to = { .sin_family = AF_INET };
    memcpy(&to.sin_port, port_bytes, 2);
    assert_int_equal(inet_pton(AF_INET, destination, &to.sin_addr), 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void send_text(const char *source, const char *destination, uint16_t port, const char *text)
{
    int fd = sender(source, destination, port);
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    close(fd);
}

static void expect_one(struct udp_socket *s, const char *peer, const char *text)
{
    struct chunk chunks[RECV_MESSAGES_MAX];
    char peer_text[ADDR_TEXT_SIZE_MAX + 1];
    uint64_t before = clock_wall_ns();
    assert_int_equal(udp_receive(s, 1000, chunks), 1);
    assert_string_equal(addr_text(&chunks[0].peer, peer_text), peer);
    assert_int_equal(chunks[0].size, strlen(text));
    assert_memory_equal(chunks[0].data, text, strlen(text));
    assert_int_equal(chunks[0].scheme, SCHEME_SFLOW);
    assert_true(chunks[0].peer_port > 0);
    assert_in_range(chunks[0].received_ns, before, clock_wall_ns());
}

static void wildcard_hears_both_families(void **state)
{
    (void)state;
    uint16_t port = free_port();
    struct udp_settings any = settings("", port, 1);
    struct udp_socket *s;
    struct err err;
    assert_int_equal(udp_open(&any, &s, &err), 0);
    assert_string_equal(udp_local_address(s), "::");
    send_text("127.0.0.1", "127.0.0.1", port, "four");
    expect_one(s, "127.0.0.1", "four");
    send_text("", "::1", port, "six");
    expect_one(s, "::1", "six");
    udp_close(s);
}

static void one_address_hears_itself(void **state)
{
    (void)state;
    uint16_t port = free_port();
    struct udp_settings one = settings("127.0.0.2", port, 1);
    struct udp_socket *s;
    struct err err;
    assert_int_equal(udp_open(&one, &s, &err), 0);
    assert_string_equal(udp_local_address(s), "127.0.0.2");
    send_text("127.0.0.9", "127.0.0.2", port, "x");
    expect_one(s, "127.0.0.9", "x");
    udp_close(s);
}

/// The largest datagram UDP can carry arrives whole: goflow2 would cut it at 9000 bytes.
static void largest_datagram_is_whole(void **state)
{
    (void)state;
    static uint8_t bytes[65507];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    uint16_t port = free_port();
    struct udp_settings one = settings("127.0.0.1", port, 1);
    struct udp_socket *s;
    struct err err;
    assert_int_equal(udp_open(&one, &s, &err), 0);
    int fd = sender("127.0.0.1", "127.0.0.1", port);
    assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    close(fd);
    struct chunk chunks[RECV_MESSAGES_MAX];
    assert_int_equal(udp_receive(s, 1000, chunks), 1);
    assert_int_equal(chunks[0].size, sizeof(bytes));
    assert_memory_equal(chunks[0].data, bytes, sizeof(bytes));
    udp_close(s);
}

static void empty_datagram_is_a_chunk(void **state)
{
    (void)state;
    uint16_t port = free_port();
    struct udp_settings one = settings("127.0.0.1", port, 1);
    struct udp_socket *s;
    struct err err;
    assert_int_equal(udp_open(&one, &s, &err), 0);
    send_text("127.0.0.1", "127.0.0.1", port, "");
    expect_one(s, "127.0.0.1", "");
    udp_close(s);
}

/// Everything one sender sends reaches the same socket, whatever its port, and senders spread.
static void steering_keeps_senders_together(void **state)
{
    (void)state;
    enum { SOCKETS = 4, SENDERS = 32, PORTS = 8 };
    uint16_t port = free_port();
    struct udp_settings any = settings("", port, SOCKETS);
    struct udp_socket *sockets[SOCKETS];
    struct err err;
    assert_int_equal(udp_open(&any, sockets, &err), 0);
    for (int i = 1; i <= SENDERS; i++) {
        char source[16];
        snprintf(source, sizeof(source), "127.0.0.%d", i);
        for (int j = 0; j < PORTS; j++) {
            send_text(source, "127.0.0.1", port, "x");
        }
    }
    send_text("", "::1", port, "six");
    send_text("", "::1", port, "six");
    unsigned heard[256] = { 0 };
    unsigned used = 0;
    unsigned six[SOCKETS] = { 0 };
    for (int i = 0; i < SOCKETS; i++) {
        struct chunk chunks[RECV_MESSAGES_MAX];
        size_t total = 0;
        for (size_t n; (n = udp_receive(sockets[i], 50, chunks)) > 0; total += n) {
            for (size_t k = 0; k < n; k++) {
                if (chunks[k].peer.size == ADDR_V6_SIZE) {
                    six[i]++;
                    continue;
                }
                unsigned host = chunks[k].peer.bytes[3];
                assert_true(heard[host] == 0 || heard[host] == (unsigned)i + 1);
                heard[host] = (unsigned)i + 1;
            }
        }
        used += total > 0;
        assert_true(six[i] == 0 || six[i] == 2);
    }
    for (int i = 1; i <= SENDERS; i++) {
        assert_true(heard[i] > 0);
    }
    assert_true(used >= 3);
    for (int i = 0; i < SOCKETS; i++) {
        udp_close(sockets[i]);
    }
}

/// What does not fit the socket's buffer is in the drop counter, and with what came it is all.
static void kernel_drops_are_counted(void **state)
{
    (void)state;
    enum { SENT = 3000 };
    uint16_t port = free_port();
    struct udp_settings small = settings("127.0.0.1", port, 1);
    small.receive_buffer = 20000;
    struct udp_socket *s;
    struct err err;
    assert_int_equal(udp_open(&small, &s, &err), 0);
    assert_in_range(udp_receive_buffer(s), 1, 1 << 20);
    uint8_t bytes[1000] = { 0 };
    int fd = sender("127.0.0.1", "127.0.0.1", port);
    for (int i = 0; i < SENT; i++) {
        assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    }
    udp_update_drops(s); // nothing received yet: SO_MEMINFO knows
    assert_true(udp_kernel_drops(s) > 0);
    struct chunk chunks[RECV_MESSAGES_MAX];
    size_t received = 0;
    for (size_t n; (n = udp_receive(s, 50, chunks)) > 0; received += n) {
    }
    assert_true(received > 0);
    assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_int_equal(udp_receive(s, 1000, chunks), 1); // SO_RXQ_OVFL says the same
    assert_int_equal(received + udp_kernel_drops(s), SENT);
    udp_update_drops(s);
    assert_int_equal(received + udp_kernel_drops(s), SENT);
    close(fd);
    udp_close(s);
}

static void waiting_ends(void **state)
{
    (void)state;
    struct udp_settings one = settings("127.0.0.1", free_port(), 1);
    struct udp_socket *s;
    struct err err;
    struct chunk chunks[RECV_MESSAGES_MAX];
    assert_int_equal(udp_open(&one, &s, &err), 0);
    uint64_t before = clock_mono_ns();
    assert_int_equal(udp_receive(s, 30, chunks), 0);
    assert_true(clock_mono_ns() - before >= 25 * NS_PER_MS);
    udp_wake(s);
    assert_int_equal(udp_receive(s, 60000, chunks), 0);
    udp_close(s);
}

static void what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    struct udp_socket *sockets[2];
    struct err err;
    struct udp_settings foreign = settings("192.0.2.1", 6343, 2);
    assert_int_equal(udp_open(&foreign, sockets, &err), ERR_IO);
    assert_string_equal(err.text, "cannot listen on udp 192.0.2.1 port 6343: "
                                  "Cannot assign requested address");
    struct udp_settings nowhere = settings("no such host", 6343, 1);
    assert_int_equal(udp_open(&nowhere, sockets, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "cannot listen on no such host: "));
    struct udp_settings device = settings("127.0.0.1", free_port(), 1);
    device.device = "nosuchdevice0";
    assert_int_equal(udp_open(&device, sockets, &err), ERR_IO);
    assert_non_null(strstr(err.text, "cannot bind to device nosuchdevice0: "));
}

static void device_is_bound(void **state)
{
    (void)state;
    uint16_t port = free_port();
    struct udp_settings lo = settings("", port, 1);
    lo.device = "lo";
    struct udp_socket *s;
    struct err err;
    assert_int_equal(udp_open(&lo, &s, &err), 0);
    send_text("127.0.0.1", "127.0.0.1", port, "x");
    expect_one(s, "127.0.0.1", "x");
    udp_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wildcard_hears_both_families),
        cmocka_unit_test(one_address_hears_itself),
        cmocka_unit_test(largest_datagram_is_whole),
        cmocka_unit_test(empty_datagram_is_a_chunk),
        cmocka_unit_test(steering_keeps_senders_together),
        cmocka_unit_test(kernel_drops_are_counted),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(what_cannot_be_opened_says_why),
        cmocka_unit_test(device_is_bound),
    };
    return cmocka_run_group_tests_name("source/udp", tests, NULL, NULL);
}
