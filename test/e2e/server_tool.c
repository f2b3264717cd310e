// SPDX-License-Identifier: Apache-2.0
/*
 * The server of web/server and the rules of web/access, with paths that do what tests want.
 *
 *     server_tool ADDR SOCKET CERT KEY PASSWORD_FILE TOKEN_FILE HOSTS      ("" is none)
 *
 * SIGHUP reads the files again, SIGTERM stops. Says "ready", "reloaded" or why not, "stopped".
 *
 *     /open      asks nothing of anybody
 *     /echo      what the request was
 *     /large?N   N bytes
 *     /stream?N  N pieces, some tens of milliseconds apart
 *     /endless   pieces until the client is gone
 *     /quiet     a stream that says nothing
 *     /slow      an answer when the client is gone, after a minute at the latest
 *     /state     how many streams were closed, and how many clients were gone
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "web/access.h"
#include "web/server.h"

enum { PIECE_MS = 50, SLOW_MS = 60000 };

struct tool {
    struct access *access;
    _Atomic unsigned closed;
    _Atomic unsigned gone;
};

struct pieces {
    struct tool *tool;
    uint64_t left;
    bool is_quiet;
};

static void sleep_a_piece(void)
{
    const struct timespec t = { .tv_nsec = PIECE_MS * 1000 * 1000 };
    (void)nanosleep(&t, NULL); // shorter is fine
}

static ptrdiff_t more(void *context, uint8_t *out, size_t size)
{
    struct pieces *p = context;
    if (p->left == 0) {
        return -1;
    }
    sleep_a_piece();
    if (p->is_quiet) {
        return 0;
    }
    p->left--;
    return snprintf((char *)out, size, "data: %llu\n\n", (unsigned long long)p->left);
}

static void closed(void *context)
{
    struct pieces *p = context;
    atomic_fetch_add(&p->tool->closed, 1);
    mem_free(p);
}

static void stream(struct tool *t, uint64_t count, bool is_quiet, struct server_response *r)
{
    struct pieces *p = mem_zalloc(sizeof(*p));
    CHECK(p != NULL);
    *p = (struct pieces){ .tool = t, .left = count, .is_quiet = is_quiet };
    r->content_type = "text/event-stream";
    r->stream = (struct server_stream){ .more = more, .close = closed, .context = p };
}

static void echo(const struct server_request *q, struct buf *out)
{
    char peer[ADDR_TEXT_SIZE_MAX + 1];
    const char *header = server_header(q, "X-Test");
    buf_printf(out, "method=%s\npath=%s\nquery=%s\nbody=%zu\nlocal=%d\npeer=%s\nheader=%s\n",
               q->method, q->path, q->query == NULL ? "(none)" : q->query, q->body_size,
               q->is_local, addr_text(&q->peer, peer), header == NULL ? "(none)" : header);
    buf_append(out, q->body, q->body_size);
}

static void large(uint64_t size, struct buf *out)
{
    static const uint8_t BYTES[4096] = { 0 };
    for (uint64_t left = size; left > 0 && !out->bad;) {
        uint64_t part = left < sizeof(BYTES) ? left : sizeof(BYTES);
        buf_append(out, BYTES, (size_t)part);
        left -= part;
    }
}

static void slow(struct tool *t, const struct server_request *q, struct buf *out)
{
    bool gone = false;
    for (int ms = 0; ms < SLOW_MS && !gone; ms += PIECE_MS) {
        sleep_a_piece();
        gone = server_is_gone(q);
    }
    atomic_fetch_add(&t->gone, gone);
    buf_append_text(out, "late\n");
}

static void handle(void *context, const struct server_request *q, struct server_response *r)
{
    struct tool *t = context;
    uint64_t number = 0;
    if (q->query == NULL || text_get_u64(q->query, &number) != 0) {
        number = 0;
    }
    r->content_type = "text/plain";
    if (!access_allows(t->access, q, strcmp(q->path, "/open") == 0, r)) {
        return;
    }
    if (strncmp(q->path, "/echo", 5) == 0) {
        echo(q, &r->body);
    } else if (strcmp(q->path, "/large") == 0) {
        large(number, &r->body);
    } else if (strcmp(q->path, "/stream") == 0) {
        stream(t, number, false, r);
    } else if (strcmp(q->path, "/endless") == 0) {
        stream(t, UINT64_MAX, false, r);
    } else if (strcmp(q->path, "/quiet") == 0) {
        stream(t, 1, true, r);
    } else if (strcmp(q->path, "/slow") == 0) {
        slow(t, q, &r->body);
    } else if (strcmp(q->path, "/state") == 0) {
        buf_printf(&r->body, "closed=%u gone=%u\n", atomic_load(&t->closed), atomic_load(&t->gone));
    } else {
        r->status = strcmp(q->path, "/open") == 0 ? 200 : 404;
        server_add_header(r, "X-Path", "%s", q->path);
    }
}

static void say(const char *word, const struct err *err)
{
    printf("%s%s%s\n", word, err == NULL ? "" : ": ", err == NULL ? "" : err->text);
    CHECK(fflush(stdout) == 0);
}

static const char *or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

int main(int argc, char **argv)
{
    struct tool t = { .access = NULL };
    struct err err = { 0 };
    struct server *server = NULL;
    sigset_t signals;
    CHECK(argc == 8);
    CHECK(sigemptyset(&signals) == 0 && sigaddset(&signals, SIGTERM) == 0 &&
          sigaddset(&signals, SIGHUP) == 0 && sigaddset(&signals, SIGPIPE) == 0);
    CHECK(sigprocmask(SIG_BLOCK, &signals, NULL) == 0);
    const struct access_settings access = {
        .addr = argv[1], .password_file = argv[5], .token_file = argv[6], .hosts = argv[7]
    };
    const struct server_settings web = { .addr = argv[1],
                                         .socket_path = or_null(argv[2]),
                                         .cert = or_null(argv[3]),
                                         .key = or_null(argv[4]),
                                         .handle = handle,
                                         .context = &t };
    if (access_open(&access, &t.access, &err) != 0 || server_start(&web, &server, &err) != 0) {
        say("cannot start", &err);
        access_free(t.access);
        return 1;
    }
    say("ready", NULL);
    for (int number = 0; number != SIGTERM;) {
        CHECK(sigwait(&signals, &number) == 0);
        if (number == SIGHUP) {
            bool done = access_reload(t.access, &err) == 0 && server_reload(server, &err) == 0;
            say(done ? "reloaded" : "stays", done ? NULL : &err);
        }
    }
    server_stop(server);
    access_free(t.access);
    say("stopped", NULL);
    return 0;
}
