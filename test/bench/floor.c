// SPDX-License-Identifier: Apache-2.0
/*
 * The floor: what receiving and writing cost when nothing is decoded. Fetches datagrams from a UDP
 * port in the same gulps as weir (source/udp) and writes a given number of bytes for each to a
 * file, in writes of about the size of a batch. Ends on SIGTERM and prints how many datagrams came.
 *
 *   floor PORT FILE BYTES_PER_DATAGRAM
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/signals.h"
#include "base/mem.h"
#include "base/num.h"
#include "source/udp.h"

enum { WRITE_SIZE = 150000 };

int main(int argc, char **argv)
{
    uint64_t port;
    uint64_t size;
    if (argc != 4 || num_get_u64(argv[1], strlen(argv[1]), UINT16_MAX, &port) != 0 ||
        num_get_u64(argv[3], strlen(argv[3]), 1 << 20, &size) != 0) {
        return 2;
    }
    struct udp_settings settings = {
        .host = "127.0.0.1", .port = (uint16_t)port, .count = 1, .receive_buffer = 16 << 20
    };
    struct udp_socket *socket;
    struct err err;
    int fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    char *bytes = mem_zalloc(WRITE_SIZE);
    if (fd < 0 || bytes == NULL || udp_open(&settings, &socket, &err) != 0) {
        return 1;
    }
    signals_block();
    struct chunk *chunks = mem_zalloc_array(RECV_MESSAGES_MAX, sizeof(*chunks));
    uint64_t datagrams = 0;
    uint64_t waiting = 0;
    for (int stop = 0; stop == 0;) {
        size_t count = udp_receive(socket, 100, chunks);
        datagrams += count;
        waiting += count * size;
        while (waiting >= WRITE_SIZE || (count == 0 && waiting > 0)) {
            size_t part = waiting > WRITE_SIZE ? WRITE_SIZE : (size_t)waiting;
            waiting -= write(fd, bytes, part) == (ssize_t)part ? part : waiting;
        }
        if (count == 0) {
            stop = signals_wait(0);
        }
    }
    printf("%llu\n", (unsigned long long)datagrams);
    return 0;
}
