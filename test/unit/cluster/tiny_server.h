// SPDX-License-Identifier: Apache-2.0
/*
 * A server of a few lines: one connection at a time, of which it reads a request, gives the next
 * answer of a list, and keeps what it read until the next one comes.
 */
#pragma once

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#include "../unit.h"

enum { REQUEST_SIZE_MAX = 4 << 20, ANSWERS_MAX = 16 };

struct answer {
    const char *text; ///< NULL: nothing, and the connection stays open
    size_t flood;     ///< bytes of x behind it
    bool close;
};

struct server {
    int listener;
    unsigned port;
    pthread_t thread;
    struct answer answers[ANSWERS_MAX];
    atomic_size_t request_count;
    atomic_size_t connection_count;
    pthread_mutex_t lock; ///< for what follows
    char *request;        ///< the last one
    size_t request_size;
};

/// Where the body of a request begins; NULL when the headers are not all there.
static inline char *body_of(const char *request, size_t size)
{
    char *end = memmem(request, size, "\r\n\r\n", 4);
    return end == NULL ? NULL : end + 4;
}

static inline bool is_whole(const char *request, size_t size)
{
    char *body = body_of(request, size);
    if (body == NULL) {
        return false;
    }
    size_t head_size = (size_t)(body - request);
    char *length = memmem(request, head_size, "Content-Length: ", 16);
    size_t want = 0;
    for (char *c = length == NULL ? body : length + 16; length != NULL && *c != '\r'; c++) {
        want = want * 10 + (size_t)(*c - '0');
    }
    return size - head_size >= want;
}

/// False when the client has gone.
static inline bool read_request(struct server *s, int fd, char *incoming)
{
    size_t size = 0;
    do {
        ssize_t got = read(fd, incoming + size, REQUEST_SIZE_MAX - size);
        if (got <= 0) {
            return false;
        }
        size += (size_t)got;
    } while (!is_whole(incoming, size));
    CHECK(pthread_mutex_lock(&s->lock) == 0);
    memcpy(s->request, incoming, size);
    s->request_size = size;
    CHECK(pthread_mutex_unlock(&s->lock) == 0);
    atomic_fetch_add(&s->request_count, 1);
    return true;
}

/// Whether the last request has that text in it.
static inline bool asked_for(struct server *s, const void *text, size_t size)
{
    CHECK(pthread_mutex_lock(&s->lock) == 0);
    bool found = memmem(s->request, s->request_size, text, size) != NULL;
    CHECK(pthread_mutex_unlock(&s->lock) == 0);
    return found;
}

static inline bool put(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

static inline void serve(struct server *s, int fd, char *incoming)
{
    static char flood[65536];
    memset(flood, 'x', sizeof(flood));
    while (read_request(s, fd, incoming)) {
        struct answer a = s->answers[s->request_count - 1];
        bool ok = a.text == NULL || put(fd, a.text, strlen(a.text));
        for (size_t left = a.flood; ok && left > 0;) {
            size_t part = left < sizeof(flood) ? left : sizeof(flood);
            ok = put(fd, flood, part);
            left -= part;
        }
        if (!ok || a.close) {
            return;
        }
    }
}

static inline void *run(void *context)
{
    struct server *s = context;
    char *incoming = mem_zalloc(REQUEST_SIZE_MAX);
    CHECK(incoming != NULL);
    for (;;) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0) {
            mem_free(incoming);
            return NULL;
        }
        atomic_fetch_add(&s->connection_count, 1);
        serve(s, fd, incoming);
        (void)close(fd);
    }
}

static inline struct server *start(const struct answer *answers, size_t count)
{
    struct server *s = test_calloc(1, sizeof(*s));
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htobe32(INADDR_LOOPBACK) } };
    socklen_t size = sizeof(at);
    s->request = test_malloc(REQUEST_SIZE_MAX);
    assert_true(count <= ANSWERS_MAX);
    memcpy(s->answers, answers, count * sizeof(*answers));
    assert_int_equal(pthread_mutex_init(&s->lock, NULL), 0);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(s->listener, 5), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &size), 0);
    s->port = be16toh(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
    return s;
}

static inline void stop(struct server *s)
{
    assert_int_equal(shutdown(s->listener, SHUT_RDWR), 0);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    assert_int_equal(close(s->listener), 0);
    assert_int_equal(pthread_mutex_destroy(&s->lock), 0);
    test_free(s->request);
    test_free(s);
}
