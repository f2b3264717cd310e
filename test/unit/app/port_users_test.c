// SPDX-License-Identifier: Apache-2.0
#include "app/port_users.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit.h"

/// Between the machine's order and the network's.
static in_port_t swap(uint16_t port)
{
    uint8_t bytes[2] = { (uint8_t)(port >> 8), (uint8_t)port };
    in_port_t out;
    memcpy(&out, bytes, sizeof(out));
    return out;
}

/// A UDP socket on `text` (v4 or v6) and `port`; port 0 is chosen by the kernel.
static int open_on(const char *text, uint16_t *port)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
    struct sockaddr_in in = { .sin_family = AF_INET };
    bool v6 = strchr(text, ':') != NULL;
    in6.sin6_port = in.sin_port = swap(*port);
    assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, text,
                               v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr),
                     1);
    struct sockaddr *address = v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
    socklen_t size = v6 ? sizeof(in6) : sizeof(in);
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, address, size) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    assert_int_equal(getsockname(fd, address, &size), 0);
    *port = swap(v6 ? in6.sin6_port : in.sin_port);
    return fd;
}

static size_t users(const char *address, uint16_t port, char *text, size_t text_size)
{
    struct addr addr = { 0 };
    struct buf out;
    buf_init(&out, 4096);
    assert_true(address[0] == '\0' || addr_parse(address, &addr) == 0);
    size_t count = port_users(&addr, port, &out);
    snprintf(text, text_size, "%s", buf_text(&out));
    buf_release(&out);
    return count;
}

static void the_owner_is_named(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = open_on("127.0.0.1", &port);
    assert_true(fd >= 0);
    char text[4096];
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "port_users_test (pid %ld)", (long)getpid());
    assert_int_equal(users("127.0.0.1", port, text, sizeof(text)), 1);
    assert_string_equal(text, wanted);
    assert_int_equal(users("", port, text, sizeof(text)), 1);
    assert_string_equal(text, wanted);
    assert_int_equal(users("127.0.0.2", port, text, sizeof(text)), 0);
    assert_int_equal(users("::1", port, text, sizeof(text)), 0);
    close(fd);
    assert_int_equal(users("127.0.0.1", port, text, sizeof(text)), 0);
    assert_string_equal(text, "");
}

static void every_address_is_also_this_one(void **state)
{
    (void)state;
    char text[4096];
    uint16_t port = 0;
    int fd = open_on("0.0.0.0", &port);
    assert_true(fd >= 0);
    assert_int_equal(users("127.0.0.2", port, text, sizeof(text)), 1);
    assert_int_equal(users("::", port, text, sizeof(text)), 1);
    assert_int_equal(users("::1", port, text, sizeof(text)), 0);
    close(fd);
    port = 0;
    fd = open_on("::1", &port);
    if (fd < 0) {
        skip(); // no IPv6 here
    }
    assert_int_equal(users("::1", port, text, sizeof(text)), 1);
    assert_int_equal(users("127.0.0.1", port, text, sizeof(text)), 0);
    close(fd);
}

static void a_connected_socket_is_no_listener(void **state)
{
    (void)state;
    char text[4096];
    uint16_t port = 0;
    int fd = open_on("127.0.0.1", &port);
    assert_true(fd >= 0);
    struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = swap(9) };
    assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &peer.sin_addr), 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&peer, sizeof(peer)), 0);
    assert_int_equal(users("", port, text, sizeof(text)), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_owner_is_named),
        cmocka_unit_test(every_address_is_also_this_one),
        cmocka_unit_test(a_connected_socket_is_no_listener),
    };
    return UNIT_MAIN("app/port_users", tests);
}
