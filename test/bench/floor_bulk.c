// SPDX-License-Identifier: Apache-2.0
/*
 * The floor under a delivery: sends ready-made _bulk bodies over one connection and waits for each
 * answer. Nothing is read, nothing is made; with a LEVEL, bodies are compressed. Prints the CPU
 * time that took, in ns, without reading the file.
 *
 *     floor_bulk PORT FILE BULK_SIZE LEVEL
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/pack.h"
#include "bench.h"

enum {
    REPLY_SIZE_MAX = 64 << 20,
    BODY_SIZE_MAX = 256 << 20,
    READ_SIZE = 256 << 10,
    HEAD_SIZE = 256
};

static int connect_to(uint16_t port)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    const uint8_t bytes[2] = { (uint8_t)(port >> 8), (uint8_t)port };
    memcpy(&at.sin_port, bytes, sizeof(bytes));
    (void)inet_pton(AF_INET, "127.0.0.1", &at.sin_addr); // it is an address
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 ? fd : -1;
}

static void send_all(int fd, struct iovec *parts, int count)
{
    while (count > 0) {
        ssize_t n = writev(fd, parts, count);
        CHECK(n > 0);
        size_t sent = (size_t)n;
        while (count > 0 && sent >= parts->iov_len) {
            sent -= parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + sent;
            parts->iov_len -= sent;
        }
    }
}

/// Until the reply's end, which is where its JSON ends.
static void receive_reply(int fd, struct buf *reply)
{
    buf_clear(reply);
    do {
        CHECK(buf_reserve(reply, READ_SIZE) == 0);
        ssize_t n = recv(fd, buf_tail(reply), READ_SIZE, 0);
        CHECK(n > 0);
        buf_advance(reply, buf_tail(reply) + n);
    } while (reply->size < 2 || memcmp(reply->data + reply->size - 2, "]}", 2) != 0);
}

static void send_bulk(int fd, char *body, size_t size, bool gzipped, struct buf *reply)
{
    char head[HEAD_SIZE];
    int head_size = snprintf(head, sizeof(head),
                             "POST /_bulk?filter_path=errors HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                             "Content-Type: application/x-ndjson\r\n%sContent-Length: %zu\r\n\r\n",
                             gzipped ? "Content-Encoding: gzip\r\n" : "", size);
    struct iovec parts[] = { { .iov_base = head, .iov_len = (size_t)head_size },
                             { .iov_base = body, .iov_len = size } };
    send_all(fd, parts, 2);
    receive_reply(fd, reply);
}

/// The largest piece of whole documents, of two lines each, up to `size_max` bytes.
static size_t cut(const char *at, const char *end, size_t size_max)
{
    size_t size = 0;
    for (;;) {
        const char *line = memchr(at + size, '\n', (size_t)(end - at) - size);
        const char *next = line == NULL ? NULL : memchr(line + 1, '\n', (size_t)(end - line) - 1);
        if (next == NULL || (size_t)(next + 1 - at) > size_max) {
            return size;
        }
        size = (size_t)(next + 1 - at);
    }
}

int main(int argc, char **argv)
{
    int file = argc == 5 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
    struct stat st;
    if (file < 0 || fstat(file, &st) != 0) {
        fprintf(stderr, "usage: floor_bulk PORT FILE BULK_SIZE LEVEL\n");
        return 2;
    }
    int fd = connect_to((uint16_t)strtoul(argv[1], NULL, 10));
    size_t bulk_size = strtoul(argv[3], NULL, 10);
    int level = (int)strtol(argv[4], NULL, 10);
    char *data =
        mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, file, 0);
    struct packer *packer;
    CHECK(fd >= 0 && data != MAP_FAILED && packer_new(level > 0 ? level : 1, &packer) == 0);
    struct buf packed;
    struct buf reply;
    buf_init(&packed, BODY_SIZE_MAX);
    buf_init(&reply, REPLY_SIZE_MAX);
    const char *end = data + st.st_size;
    double spent = 0;
    size_t size;
    for (char *at = data; (size = cut(at, end, bulk_size)) > 0; at += size) {
        double begin = cpu_ns();
        if (level > 0) {
            buf_clear(&packed);
            CHECK(packer_pack(packer, at, size, &packed) == 0);
            send_bulk(fd, (char *)packed.data, packed.size, true, &reply);
        } else {
            send_bulk(fd, at, size, false, &reply);
        }
        spent += cpu_ns() - begin;
    }
    printf("%.0f\n", spent);
    return 0;
}
