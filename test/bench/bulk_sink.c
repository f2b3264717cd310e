// SPDX-License-Identifier: Apache-2.0
/*
 * A server that stands in for Elasticsearch where the sender is measured: reads _bulk requests as
 * fast as they come and answers at once that each document was created. A thread for each
 * connection. Prints its port when it listens, and on SIGTERM the documents, requests and bytes (of
 * bodies, as sent) that came.
 *
 *     bulk_sink
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/signals.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/pack.h"

enum { REQUEST_SIZE_MAX = 256 << 20, READ_SIZE = 256 << 10, GZIP_TRAILER = 4, ITEMS_AT_ONCE = 64 };

static const char INFO[] =
    "{\"name\":\"sink\",\"cluster_name\":\"sink\",\"version\":{\"number\":\"8.19.0\","
    "\"build_flavor\":\"default\"},\"tagline\":\"You Know, for Search\"}";

#define SHORT_ITEM "{\"create\":{\"status\":201}}"
#define LONG_ITEM                                                                                  \
    "{\"create\":{\"_index\":\".ds-logs-goflow2.sflow-default-2026.01.31-000001\","                \
    "\"_id\":\"AZwUv3gAAAAAAAAAAAAAAA\",\"_version\":1,\"result\":\"created\",\"_shards\":{"       \
    "\"total\":1,\"successful\":1,\"failed\":0},\"_seq_no\":1000000,\"_primary_term\":1,"          \
    "\"status\":201}}"

static atomic_ullong documents;
static atomic_ullong requests;
static atomic_ullong body_bytes;

struct connection {
    int fd;
    struct packer *packer;
    struct buf in;    ///< a request, and perhaps the beginning of the next
    struct buf plain; ///< a body that was compressed
    struct buf items;
    struct buf out;
};

struct request {
    size_t head_size;
    size_t body_size;
    bool gzipped;
    bool is_bulk;
    bool is_filtered; ///< asks for less in the reply, as weir does
};

/// Reads what has come. False at the end.
static bool receive(struct connection *c)
{
    CHECK(buf_reserve(&c->in, READ_SIZE) == 0);
    ssize_t size = recv(c->fd, buf_tail(&c->in), READ_SIZE, 0);
    if (size > 0) {
        buf_advance(&c->in, buf_tail(&c->in) + size);
    }
    return size > 0;
}

static bool read_head(struct connection *c, struct request *ret_request)
{
    const char *end = NULL;
    for (;;) {
        end = c->in.size > 0 ? memmem(c->in.data, c->in.size, "\r\n\r\n", 4) : NULL;
        if (end != NULL) {
            break;
        }
        if (!receive(c)) {
            return false;
        }
    }
    size_t head_size = (size_t)(end - (const char *)c->in.data) + 4;
    char *head = mem_strndup((const char *)c->in.data, head_size);
    CHECK(head != NULL);
    const char *length = strcasestr(head, "\r\ncontent-length:");
    const char *line_end = strstr(head, "\r\n");
    const char *bulk = strstr(head, "_bulk");
    const char *filter = strstr(head, "filter_path=");
    *ret_request = (struct request){
        .head_size = head_size,
        .body_size = length == NULL ? 0 : strtoul(length + strlen("\r\ncontent-length:"), NULL, 10),
        .gzipped = strcasestr(head, "\r\ncontent-encoding: gzip") != NULL,
        .is_bulk = bulk != NULL && bulk < line_end,
        .is_filtered = filter != NULL && filter < line_end,
    };
    mem_free(head);
    return true;
}

/// Each document is two lines.
static size_t count_documents(const uint8_t *data, size_t size)
{
    size_t lines = 0;
    const uint8_t *end = data + size;
    for (const uint8_t *at = data; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) {
        lines++;
    }
    return lines / 2;
}

/// The body as it was before it was compressed.
static struct buf *plain_body(struct connection *c, const uint8_t *body, size_t size)
{
    CHECK(size > GZIP_TRAILER);
    const uint8_t *trailer = body + size - GZIP_TRAILER;
    uint32_t raw_size = (uint32_t)trailer[0] | (uint32_t)trailer[1] << 8 |
                        (uint32_t)trailer[2] << 16 | (uint32_t)trailer[3] << 24;
    buf_clear(&c->plain);
    CHECK(packer_unpack(c->packer, body, size, raw_size, &c->plain) == 0);
    return &c->plain;
}

static void put_items(struct connection *c, const char *item, size_t count)
{
    buf_clear(&c->items);
    buf_append_text(&c->items, "{\"errors\":false,\"took\":1,\"items\":[");
    for (size_t i = 0; i < count; i++) {
        buf_append_text(&c->items, i == 0 ? "" : ",");
        buf_append_text(&c->items, item);
    }
    buf_append_text(&c->items, "]}");
}

static bool answer(struct connection *c, const struct buf *body)
{
    buf_clear(&c->out);
    buf_printf(&c->out,
               "HTTP/1.1 200 OK\r\nX-elastic-product: Elasticsearch\r\ncontent-type: "
               "application/json\r\ncontent-length: %zu\r\n\r\n",
               body->size);
    buf_append(&c->out, body->data, body->size);
    CHECK(!c->out.bad);
    for (size_t sent = 0; sent < c->out.size;) {
        ssize_t n = send(c->fd, c->out.data + sent, c->out.size - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        sent += (size_t)n;
    }
    return true;
}

static bool serve_request(struct connection *c)
{
    struct request request;
    if (!read_head(c, &request)) {
        return false;
    }
    size_t size = request.head_size + request.body_size;
    while (c->in.size < size) {
        if (!receive(c)) {
            return false;
        }
    }
    const uint8_t *body = c->in.data + request.head_size;
    size_t body_size = request.body_size;
    if (request.is_bulk) {
        if (request.gzipped) {
            const struct buf *plain = plain_body(c, body, body_size);
            body = plain->data;
            body_size = plain->size;
        }
        size_t count = count_documents(body, body_size);
        put_items(c, request.is_filtered ? SHORT_ITEM : LONG_ITEM, count);
        atomic_fetch_add(&documents, count);
        atomic_fetch_add(&requests, 1);
        atomic_fetch_add(&body_bytes, request.body_size);
    } else {
        buf_clear(&c->items);
        buf_append_text(&c->items, INFO);
    }
    memmove(c->in.data, c->in.data + size, c->in.size - size);
    c->in.size -= size;
    return answer(c, &c->items);
}

static void *serve(void *argument)
{
    struct connection *c = argument;
    while (serve_request(c)) {
    }
    (void)close(c->fd); // the other end is gone
    packer_free(c->packer);
    buf_release(&c->in);
    buf_release(&c->plain);
    buf_release(&c->items);
    buf_release(&c->out);
    mem_free(c);
    return NULL;
}

static void *accept_all(void *argument)
{
    const int *listener = argument;
    for (;;) {
        int fd = accept4(*listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            return NULL;
        }
        int yes = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)); // only slower without
        struct connection *c = mem_zalloc(sizeof(*c));
        CHECK(c != NULL);
        c->fd = fd;
        CHECK(packer_new(1, &c->packer) == 0);
        buf_init(&c->in, REQUEST_SIZE_MAX);
        buf_init(&c->plain, REQUEST_SIZE_MAX);
        buf_init(&c->items, REQUEST_SIZE_MAX);
        buf_init(&c->out, REQUEST_SIZE_MAX);
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, serve, c) == 0);
        CHECK(pthread_detach(thread) == 0);
    }
}

int main(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    (void)inet_pton(AF_INET, "127.0.0.1", &at.sin_addr); // it is an address
    socklen_t size = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, size) != 0 ||
        listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &size) != 0) {
        return 1;
    }
    signals_block();
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, accept_all, &listener) == 0);
    const uint8_t *port = (const uint8_t *)&at.sin_port;
    printf("%u\n", (unsigned)port[0] << 8 | port[1]);
    (void)fflush(stdout); // who reads it will see
    while (signals_wait(1000) == 0) {
    }
    printf("{\"documents\":%llu,\"requests\":%llu,\"bytes\":%llu}\n", atomic_load(&documents),
           atomic_load(&requests), atomic_load(&body_bytes));
    return 0;
}
