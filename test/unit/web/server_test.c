// SPDX-License-Identifier: Apache-2.0
/*
 * The server by hand-made bytes: what a request is, how large one may be, who keeps a place, how a
 * stream begins and ends. Nothing here waits for longer than the socket's own time-out.
 */
#include "web/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "../folder.h"
#include "../unit.h"
#include "base/clock.h"
#include "base/mem.h"

enum {
    ANSWER_SIZE = 4096,
    RECEIVE_S = 20,
    LARGE_SIZE = 8 << 20,
    SLOW_COUNT = 300,
};

struct fixture {
    char folder[FOLDER_SIZE];
    char path[FOLDER_SIZE + 8];
    char addr[32];
    uint16_t port;
    struct server *server;
    _Atomic unsigned streams; ///< that are open
    _Atomic unsigned beats;   ///< how often one was asked for more
    _Atomic bool seen_gone;
};

// --- The handler ---------------------------------------------------------------------------------

static void sleep_ms(long ms)
{
    const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    (void)nanosleep(&t, NULL); // shorter is fine
}

/// Says something at first, and then that there is nothing yet.
static ptrdiff_t beat(void *context, uint8_t *out, size_t size)
{
    struct fixture *f = context;
    if (atomic_fetch_add(&f->beats, 1) == 0) {
        assert_true(size >= 6);
        memcpy(out, "first\n", 6);
        return 6;
    }
    sleep_ms(50);
    return 0;
}

static ptrdiff_t end_at_once(void *context, uint8_t *out, size_t size)
{
    (void)context;
    memset(out, 'x', size); // is not sent
    return -1;
}

static void close_stream(void *context)
{
    struct fixture *f = context;
    atomic_fetch_sub(&f->streams, 1);
}

static void start_stream(struct fixture *f, struct server_response *response,
                         ptrdiff_t (*more)(void *context, uint8_t *out, size_t size))
{
    atomic_fetch_add(&f->streams, 1);
    atomic_store(&f->beats, 0);
    response->stream = (struct server_stream){ .more = more, .close = close_stream, .context = f };
}

/// Tells what the request was, or does what its path says.
static void handle(void *context, const struct server_request *r, struct server_response *response)
{
    struct fixture *f = context;
    response->content_type = "text/plain";
    if (strcmp(r->path, "/stream") == 0) {
        start_stream(f, response, beat);
    } else if (strcmp(r->path, "/empty") == 0) {
        start_stream(f, response, end_at_once);
    } else if (strcmp(r->path, "/wait") == 0) {
        for (int i = 0; i < 400 && !server_is_gone(r); i++) {
            sleep_ms(20);
        }
        atomic_store(&f->seen_gone, server_is_gone(r));
    } else if (strcmp(r->path, "/large") == 0) {
        assert_int_equal(buf_reserve(&response->body, LARGE_SIZE), 0);
        memset(response->body.data, 'x', LARGE_SIZE);
        response->body.size = LARGE_SIZE;
    } else {
        const char *header = server_header(r, "X-Mine");
        server_add_header(response, "X-Local", "%d", r->is_local);
        buf_printf(&response->body, "%s [%s] [%s] %zu [%s]", r->method, r->path,
                   r->query == NULL ? "-" : r->query, r->body_size, header == NULL ? "-" : header);
    }
}

static int start(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    assert_non_null(f);
    folder_make(f->folder);
    (void)snprintf(f->path, sizeof(f->path), "%s/s", f->folder); // fits
    struct err err = { 0 };
    int status = ERR_IO;
    for (uint16_t i = 0; i < 50 && status != 0; i++) { // a port that nobody has
        f->port = (uint16_t)(20000 + ((unsigned)getpid() + 97U * i) % 10000);
        (void)snprintf(f->addr, sizeof(f->addr), "127.0.0.1:%u", f->port); // fits
        const struct server_settings settings = {
            .addr = f->addr, .socket_path = f->path, .handle = handle, .context = f
        };
        status = server_start(&settings, &f->server, &err);
    }
    assert_int_equal(status, 0);
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    server_stop(f->server);
    assert_int_equal(atomic_load(&f->streams), 0);
    assert_int_equal(access(f->path, F_OK), -1);
    folder_remove(f->folder);
    mem_free(f);
    return 0;
}

// --- The client ----------------------------------------------------------------------------------

static int connect_to(const struct sockaddr *at, socklen_t size)
{
    int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = { .tv_sec = RECEIVE_S };
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, at, size), 0);
    return fd;
}

static int connect_tcp(const struct fixture *f)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = __builtin_bswap16(f->port) };
    assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &at.sin_addr), 1);
    return connect_to((const struct sockaddr *)&at, sizeof(at));
}

static int connect_local(const struct fixture *f)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", f->path); // fits
    return connect_to((const struct sockaddr *)&at, sizeof(at));
}

/// Until the server does not want more.
static void send_all(int fd, const char *data, size_t size)
{
    for (ssize_t sent = 1; size > 0 && sent > 0;) {
        sent = send(fd, data, size, MSG_NOSIGNAL);
        data += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
}

static void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

/// All that comes until the server closes; the beginning of it is kept. -1: it did not close.
static ssize_t receive_all(int fd, char answer[static ANSWER_SIZE])
{
    ssize_t total = 0;
    size_t kept = 0;
    ssize_t got = 1;
    while (got > 0) {
        char bytes[ANSWER_SIZE];
        got = recv(fd, bytes, sizeof(bytes), 0);
        size_t part = got < 0 ? 0 : (size_t)got;
        size_t fits = part < ANSWER_SIZE - 1 - kept ? part : ANSWER_SIZE - 1 - kept;
        memcpy(answer + kept, bytes, fits);
        kept += fits;
        total += (ssize_t)part;
    }
    answer[kept] = '\0';
    return got < 0 ? -1 : total;
}

/// Waits until `text` has come.
static void receive_until(int fd, const char *text)
{
    char answer[ANSWER_SIZE] = "";
    size_t size = 0;
    while (strstr(answer, text) == NULL) {
        ssize_t got = recv(fd, answer + size, sizeof(answer) - 1 - size, 0);
        assert_true(got > 0);
        size += (size_t)got;
        answer[size] = '\0';
    }
}

static void ask_fd(int fd, const char *request, char answer[static ANSWER_SIZE])
{
    send_text(fd, request);
    assert_true(receive_all(fd, answer) >= 0);
    assert_int_equal(close(fd), 0);
}

static void ask(const struct fixture *f, const char *request, char answer[static ANSWER_SIZE])
{
    ask_fd(connect_tcp(f), request, answer);
}

#define END "Host: x\r\nConnection: close\r\n\r\n"

static void assert_has(const char *answer, const char *text)
{
    if (strstr(answer, text) == NULL) {
        fail_msg("\"%s\" is not in: %.600s", text, answer);
    }
}

static void assert_begins(const char *answer, const char *text)
{
    if (strncmp(answer, text, strlen(text)) != 0) {
        fail_msg("\"%s\" does not begin: %.600s", text, answer);
    }
}

// --- Requests ------------------------------------------------------------------------------------

static void a_request_is_what_was_sent(void **state)
{
    const struct fixture *f = *state;
    char answer[ANSWER_SIZE];
    ask(f, "GET /a%20b%2Fc?q=1%262+3&x HTTP/1.1\r\nX-Mine: yes\r\n" END, answer);
    assert_begins(answer, "HTTP/1.1 200 ");
    assert_has(answer, "GET [/a b/c] [q=1%262+3&x] 0 [yes]");
    assert_has(answer, "X-Content-Type-Options: nosniff\r\n");
    assert_has(answer, "Cache-Control: no-store\r\n");
    assert_has(answer, "X-Local: 0\r\n");
    ask(f, "DELETE /x? HTTP/1.1\r\n" END, answer);
    assert_has(answer, "DELETE [/x] [] 0 [-]");
    ask(f, "GET /old HTTP/1.0\r\n\r\n", answer);
    assert_has(answer, "GET [/old] [-] 0 [-]");
}

static void head_is_get_without_a_body(void **state)
{
    const struct fixture *f = *state;
    char answer[ANSWER_SIZE];
    ask(f, "HEAD /x HTTP/1.1\r\n" END, answer);
    assert_begins(answer, "HTTP/1.1 200 ");
    assert_has(answer, "Content-Length: 18\r\n"); // of "GET [/x] [-] 0 [-]", which is left out
    assert_null(strstr(answer, "[/x]"));
}

static void a_body_is_for_the_local_socket(void **state)
{
    const struct fixture *f = *state;
    char answer[ANSWER_SIZE];
    ask(f, "POST /x HTTP/1.1\r\nContent-Length: 5\r\n" END "hello", answer);
    assert_has(answer, "POST [/x] [-] 0 [-]");
    ask_fd(connect_local(f), "POST /x HTTP/1.1\r\nContent-Length: 5\r\n" END "hello", answer);
    assert_has(answer, "POST [/x] [-] 5 [-]");
    assert_has(answer, "X-Local: 1\r\n");
}

static void several_requests_at_once_are_answered_in_order(void **state)
{
    const struct fixture *f = *state;
    char answer[ANSWER_SIZE];
    ask(f,
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /3 HTTP/1.1\r\n" END,
        answer);
    const char *first = strstr(answer, "[/1]");
    assert_non_null(first);
    const char *second = strstr(first, "[/2]");
    assert_non_null(second);
    assert_non_null(strstr(second, "[/3]"));
}

static void nonsense_is_refused(void **state)
{
    const struct fixture *f = *state;
    char answer[ANSWER_SIZE];
    ask(f, "GET /a%00b HTTP/1.1\r\n" END, answer);
    assert_begins(answer, "HTTP/1.1 400 ");
    ask(f, "GET /a?b=%00 HTTP/1.1\r\n" END, answer); // web/arguments refuses it
    assert_begins(answer, "HTTP/1.1 200 ");
    ask(f, "\x16\x03\x01\x02\r\n\r\n", answer); // somebody speaks TLS
    assert_null(strstr(answer, " 200 "));
    ask(f, "GET /x HTTP/1.1\r\nContent-Length: -1\r\n" END, answer);
    assert_null(strstr(answer, " 200 "));
    ask(f, "GET /still HTTP/1.1\r\n" END, answer);
    assert_has(answer, "[/still]");
}

// --- Bounds --------------------------------------------------------------------------------------

static void send_filled(int fd, const char *before, size_t size, const char *after)
{
    char *fill = mem_zalloc(size);
    assert_non_null(fill);
    memset(fill, 'x', size);
    send_text(fd, before);
    send_all(fd, fill, size);
    send_text(fd, after);
    mem_free(fill);
}

static void assert_filled(int fd, const char *before, size_t size, const char *after,
                          const char *begin)
{
    char answer[ANSWER_SIZE];
    send_filled(fd, before, size, after);
    (void)receive_all(fd, answer); // a reset after the answer is fine
    assert_begins(answer, begin);
    assert_int_equal(close(fd), 0);
}

static void what_is_too_large_is_refused(void **state)
{
    const struct fixture *f = *state;
    static const char post[] = "POST /x HTTP/1.1\r\nContent-Length: ";
    assert_filled(connect_tcp(f), "GET /", 1 << 20, " HTTP/1.1\r\n" END, "HTTP/1.1 414 ");
    assert_filled(connect_tcp(f), "GET / HTTP/1.1\r\nX-Mine: ", 1 << 20, "\r\n" END,
                  "HTTP/1.1 431 ");
    assert_filled(connect_tcp(f), "GET /", 60000, " HTTP/1.1\r\n" END, "HTTP/1.1 200 ");
    char head[200];
    (void)snprintf(head, sizeof(head), "%s%d\r\n" END, post, 2 << 20); // fits
    assert_filled(connect_tcp(f), head, 2 << 20, "", "HTTP/1.1 413 ");
    assert_filled(connect_tcp(f),
                  "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "400000\r\n", 4 << 20,
                  "\r\n0\r\n\r\n", "HTTP/1.1 413 ");
    (void)snprintf(head, sizeof(head), "%s%d\r\n" END, post, 5 << 20); // fits
    assert_filled(connect_local(f), head, 5 << 20, "", "HTTP/1.1 200 ");
    (void)snprintf(head, sizeof(head), "%s%d\r\n" END, post, SERVER_BODY_SIZE_MAX + 1); // fits
    assert_filled(connect_local(f), head, 100, "", "HTTP/1.1 413 ");
}

static void a_large_answer_comes_whole(void **state)
{
    const struct fixture *f = *state;
    char answer[ANSWER_SIZE];
    int fd = connect_tcp(f);
    send_text(fd, "GET /large HTTP/1.1\r\n" END);
    assert_true(receive_all(fd, answer) > LARGE_SIZE);
    assert_has(answer, "Content-Length: 8388608\r\n");
    assert_int_equal(close(fd), 0);
}

// --- Places --------------------------------------------------------------------------------------

static void slow_clients_lock_nobody_out(void **state)
{
    const struct fixture *f = *state;
    int *slow = mem_zalloc_array(SLOW_COUNT, sizeof(*slow));
    assert_non_null(slow);
    char answer[ANSWER_SIZE];
    for (size_t i = 0; i < SLOW_COUNT; i++) {
        slow[i] = connect_tcp(f);
        send_text(slow[i], "GET / HTTP/1.1\r\nX-");
    }
    for (int i = 0; i < 5; i++) {
        uint64_t before_ns = clock_mono_ns();
        ask(f, "GET /in HTTP/1.1\r\n" END, answer);
        assert_has(answer, "[/in]");
        assert_true(clock_mono_ns() - before_ns < 5 * NS_PER_S);
    }
    ask_fd(connect_local(f), "GET /in HTTP/1.1\r\n" END, answer);
    assert_has(answer, "[/in]");
    for (size_t i = 0; i < SLOW_COUNT; i++) {
        assert_int_equal(close(slow[i]), 0);
    }
    mem_free(slow);
}

/// A byte now and then does not buy more time.
static void a_request_has_to_come_soon(void **state)
{
    const struct fixture *f = *state;
    int fd = connect_tcp(f);
    uint64_t before_ns = clock_mono_ns();
    send_text(fd, "GET / HTTP/1.1\r\nX-");
    char byte;
    ssize_t got = -1;
    for (int i = 0; i < 150 && got < 0; i++) {
        (void)send(fd, "x", 1, MSG_NOSIGNAL); // it may be closed
        sleep_ms(100);
        got = recv(fd, &byte, 1, MSG_DONTWAIT);
    }
    uint64_t took_ns = clock_mono_ns() - before_ns;
    assert_true(got <= 0);
    assert_true(took_ns > 8 * NS_PER_S && took_ns < 13 * NS_PER_S);
    assert_int_equal(close(fd), 0);
}

// --- Streams and clients that go -----------------------------------------------------------------

static bool becomes_zero(const _Atomic unsigned *count)
{
    for (int i = 0; i < 150 && atomic_load(count) > 0; i++) {
        sleep_ms(20);
    }
    return atomic_load(count) == 0;
}

static void a_stream_begins_at_once_and_ends_with_its_client(void **state)
{
    const struct fixture *f = *state;
    char answer[ANSWER_SIZE];
    int fd = connect_tcp(f);
    send_text(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    receive_until(fd, "first\n");
    assert_int_equal(close(fd), 0);
    assert_true(becomes_zero(&f->streams));
    ask(f, "GET /empty HTTP/1.1\r\n" END, answer);
    assert_begins(answer, "HTTP/1.1 200 ");
    ask(f, "HEAD /stream HTTP/1.1\r\n" END, answer);
    assert_begins(answer, "HTTP/1.1 200 ");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n"); // nothing is behind it
    assert_true(becomes_zero(&f->streams));
}

static void a_stream_ends_with_the_server(void **state)
{
    struct fixture *f = *state;
    char answer[ANSWER_SIZE];
    int fd = connect_tcp(f);
    send_text(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    receive_until(fd, "first\n");
    uint64_t before_ns = clock_mono_ns();
    server_stop(f->server);
    f->server = NULL;
    assert_true(clock_mono_ns() - before_ns < 2 * NS_PER_S);
    (void)receive_all(fd, answer);            // a reset is fine
    assert_null(strstr(answer, "0\r\n\r\n")); // nobody takes it for the whole
    assert_int_equal(close(fd), 0);
}

static void a_handler_learns_that_its_client_is_gone(void **state)
{
    struct fixture *f = *state;
    atomic_store(&f->seen_gone, false);
    int fd = connect_tcp(f);
    send_text(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    sleep_ms(200);
    assert_false(atomic_load(&f->seen_gone));
    assert_int_equal(close(fd), 0);
    for (int i = 0; i < 150 && !atomic_load(&f->seen_gone); i++) {
        sleep_ms(20);
    }
    assert_true(atomic_load(&f->seen_gone));
}

// --- Starting ------------------------------------------------------------------------------------

static void what_cannot_start_says_why(void **state)
{
    const struct fixture *f = *state;
    struct err err = { 0 };
    struct server *second = NULL;
    struct server_settings settings = { .addr = f->addr, .handle = handle };
    assert_int_equal(server_start(&settings, &second, &err), ERR_IO);
    assert_has(err.text, f->addr);
    settings.addr = "";
    settings.socket_path = f->path;
    assert_int_equal(server_start(&settings, &second, &err), ERR_EXISTS);
    settings.socket_path = NULL;
    settings.addr = "no port";
    assert_int_equal(server_start(&settings, &second, &err), ERR_INVALID);
    settings.addr = "127.0.0.1:0";
    settings.cert = f->path;
    assert_int_equal(server_start(&settings, &second, &err), ERR_INVALID);
    assert_has(err.text, "-web.key");
    settings.key = f->path;
    assert_true(server_start(&settings, &second, &err) != 0);
    assert_has(err.text, "-web.cert");
    assert_null(second);
    server_stop(NULL);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(a_request_is_what_was_sent),
        WITH_SERVER(head_is_get_without_a_body),
        WITH_SERVER(a_body_is_for_the_local_socket),
        WITH_SERVER(several_requests_at_once_are_answered_in_order),
        WITH_SERVER(nonsense_is_refused),
        WITH_SERVER(what_is_too_large_is_refused),
        WITH_SERVER(a_large_answer_comes_whole),
        WITH_SERVER(slow_clients_lock_nobody_out),
        WITH_SERVER(a_request_has_to_come_soon),
        WITH_SERVER(a_stream_begins_at_once_and_ends_with_its_client),
        WITH_SERVER(a_stream_ends_with_the_server),
        WITH_SERVER(a_handler_learns_that_its_client_is_gone),
        WITH_SERVER(what_cannot_start_says_why),
    };
    return UNIT_MAIN("web/server", tests);
}
