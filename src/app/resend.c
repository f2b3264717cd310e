// SPDX-License-Identifier: Apache-2.0
/*
 * weir import -deadletter FILE: sends what a cluster refused again, after what was wrong there is
 * mended. The file is taken aside first (FILE.resending), so that what is refused again goes into a
 * new one; when all of it is settled it is removed. Ids are those of the first time, so that it may
 * be done again after an interruption.
 *
 * A line that is no dead letter is put into the new file as it is: it is not lost, and not sent.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/elasticsearch_options.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "transport/courier.h"
#include "transport/deadletter.h"
#include "transport/parcel.h"

enum {
    READ_SIZE = 1 << 20,
    LINE_SIZE_MAX = 64 << 20,  ///< an entry has the whole document, and its reason
    STRAYS_SIZE_MAX = 1 << 20, ///< of lines that are no dead letters before they are written
    PREFIX_SIZE_MAX = 512,
    WAIT_MS = 100, ///< between looks whether it is time to stop
};

struct resend {
    struct elasticsearch_options options;
    const char *path;
    struct cluster *cluster;
    struct couriers *couriers;
    struct courier *courier;
    struct parcel *parcel;
    struct buf prefix;
    struct buf text;   ///< what is read and not yet used
    struct buf strays; ///< lines that are none
    uint64_t stray_count;
    uint64_t count;
    struct transport_tally tally;
    pthread_t ear; ///< hears signals, since a request may hang
    _Atomic bool stopped;
    _Atomic bool ended; ///< there is nothing more to be heard for
};

static void *hear_signals(void *argument)
{
    struct resend *r = argument;
    while (!atomic_load(&r->ended)) {
        switch (signals_wait(WAIT_MS)) {
        case SIGINT:
        case SIGTERM:
            atomic_store(&r->stopped, true);
            courier_abort(r->courier);
            break;
        case SIGHUP:
            cluster_reload(r->cluster);
            break;
        default:
            break;
        }
    }
    return NULL;
}

/// Sends the parcel however often it takes. False when it was stopped.
static bool send_parcel(struct resend *r)
{
    uint64_t wait_ms;
    while (courier_try(r->courier, r->parcel, &r->tally, &wait_ms) != COURIER_DONE) {
        uint64_t until_ns = clock_mono_ns() + wait_ms * NS_PER_MS;
        do {
            if (atomic_load(&r->stopped)) {
                return false;
            }
            struct timespec pause = { .tv_nsec = WAIT_MS * (long)NS_PER_MS };
            (void)nanosleep(&pause, NULL); // may end early
        } while (clock_mono_ns() < until_ns);
    }
    parcel_clear(r->parcel);
    return !atomic_load(&r->stopped);
}

static void take_line(struct resend *r, const uint8_t *line, size_t size)
{
    struct deadletter letter;
    if (!deadletter_parse(line, size, &letter) || letter.index_size > ELASTICSEARCH_STREAM_SIZE) {
        buf_append(&r->strays, line, size);
        buf_append_char(&r->strays, '\n');
        r->stray_count++;
        return;
    }
    char stream[ELASTICSEARCH_STREAM_SIZE + 1];
    memcpy(stream, letter.index, letter.index_size);
    stream[letter.index_size] = '\0';
    buf_clear(&r->prefix);
    parcel_append_prefix(&r->prefix, stream);
    parcel_add(r->parcel, &r->prefix, letter.id, letter.id_size);
    buf_append(&r->parcel->body, letter.document, letter.document_size);
    CHECK(parcel_add_end(r->parcel)); // it has room for the longest line
    r->count++;
}

/// Uses the whole lines that were read; at the file's end the rest too.
static bool take_lines(struct resend *r, bool at_end)
{
    size_t at = 0;
    while (at < r->text.size) {
        const uint8_t *line = r->text.data + at;
        const uint8_t *end = memchr(line, '\n', r->text.size - at);
        if (end == NULL && !at_end) {
            break;
        }
        size_t size = end == NULL ? r->text.size - at : (size_t)(end - line);
        size_t together = r->parcel->body.size + size;
        if (r->parcel->count > 0 && together > couriers_size(r->couriers) && !send_parcel(r)) {
            return false;
        }
        if (size > 0) {
            take_line(r, line, size);
        }
        at += size + (end != NULL);
    }
    memmove(r->text.data, r->text.data + at, r->text.size - at);
    r->text.size -= at;
    return true;
}

/// Puts what is no dead letter into the new file.
static int keep_strays(struct resend *r, struct err *err)
{
    if (r->strays.bad ||
        (r->strays.size > 0 && deadletter_write(r->options.deadletter, &r->strays) != 0)) {
        return err_set(err, ERR_IO, "cannot write %s", r->options.deadletter);
    }
    buf_clear(&r->strays);
    return 0;
}

/// Sends all of an open file. ERR_CLOSED: it was stopped.
static int send_file(struct resend *r, int fd, struct err *err)
{
    for (;;) {
        if (buf_reserve(&r->text, READ_SIZE) != 0) {
            return err_set(err, ERR_INVALID, "%s has a line of more than %d bytes", r->path,
                           LINE_SIZE_MAX);
        }
        ssize_t n = read(fd, buf_tail(&r->text), READ_SIZE);
        if (n < 0) {
            return err_set_errno(err, errno, "cannot read %s", r->path);
        }
        r->text.size += (size_t)n;
        if (!take_lines(r, n == 0)) {
            return err_set(err, ERR_CLOSED, "interrupted: the same command starts over");
        }
        if (n == 0) {
            break;
        }
        if (r->strays.size > STRAYS_SIZE_MAX && keep_strays(r, err) != 0) {
            return err->status;
        }
    }
    if (!send_parcel(r)) {
        return err_set(err, ERR_CLOSED, "interrupted: the same command starts over");
    }
    return keep_strays(r, err);
}

/// The file, and before it what an earlier try left.
static int send_all(struct resend *r, struct err *err)
{
    static const char SUFFIX[] = ".resending";
    bool again = true;
    for (int files = 0; again; files++) {
        char aside[DATA_PATH_SIZE + sizeof(SUFFIX)];
        (void)snprintf(aside, sizeof(aside), "%s%s", r->path, SUFFIX); // a longer path is not found
        again = access(aside, F_OK) == 0;
        int fd;
        int status = deadletter_take_aside(r->path, &fd, err);
        if (status == ERR_NOT_FOUND && files > 0) {
            return 0;
        }
        if (status != 0) {
            return status;
        }
        status = send_file(r, fd, err);
        if (status == 0) {
            deadletter_done(r->path);
        }
        (void)close(fd); // it was only read
        if (status != 0) {
            return status;
        }
        buf_clear(&r->text);
    }
    return 0;
}

static int open_parts(struct resend *r, const struct settings *s, struct err *err)
{
    struct elasticsearch_options *o = &r->options;
    static const struct ecs_settings NO_ECS; // documents are ready
    buf_init(&r->prefix, PREFIX_SIZE_MAX);
    buf_init(&r->text, LINE_SIZE_MAX);
    buf_init(&r->strays, STRAYS_SIZE_MAX + 2 * LINE_SIZE_MAX);
    if (elasticsearch_options_read(o, s, &NO_ECS, NULL, err) != 0 ||
        cluster_new(&o->cluster, &r->cluster, err) != 0) {
        return err->status;
    }
    struct courier_settings couriers = { .cluster = r->cluster,
                                         .pipeline =
                                             elasticsearch_pipeline(s->es_pipeline, s->es_raw),
                                         .gzip = (int)s->es_gzip,
                                         .size_max = s->es_bulk_size,
                                         .deadletter = o->deadletter };
    if (couriers_new(&couriers, &r->couriers) != 0 || courier_new(r->couriers, &r->courier) != 0 ||
        parcel_new(&r->parcel) != 0) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    return 0;
}

static void release(struct resend *r)
{
    parcel_free(r->parcel);
    courier_free(r->courier);
    couriers_free(r->couriers);
    cluster_free(r->cluster);
    buf_release(&r->prefix);
    buf_release(&r->text);
    buf_release(&r->strays);
    mem_free(r);
}

static void report(const struct resend *r)
{
    log_with(LOG_LEVEL_INFO, "sent again", NULL, LOG_TEXT("file", r->path),
             LOG_U64("documents", r->count), LOG_U64("delivered", r->tally.delivered),
             LOG_U64("duplicates", r->tally.duplicates), LOG_U64("refused", r->tally.refused),
             LOG_U64("unreadable", r->stray_count));
    if (r->tally.refused + r->stray_count > 0) {
        log_with(LOG_LEVEL_WARN, "some were refused again, or could not be read", NULL,
                 LOG_TEXT("file", r->options.deadletter));
    }
}

/// Sends all while signals are heard.
static int send_and_hear(struct resend *r, struct err *err)
{
    int error = pthread_create(&r->ear, NULL, hear_signals, r);
    if (error != 0) {
        return err_set_errno(err, error, "cannot start a thread");
    }
    int status = send_all(r, err);
    atomic_store(&r->ended, true);
    CHECK(pthread_join(r->ear, NULL) == 0);
    return status;
}

int resend_command(const struct settings *s)
{
    struct resend *r = mem_zalloc(sizeof(*r));
    CHECK(r != NULL);
    r->path = s->deadletter;
    signals_block();
    struct err err = { 0 };
    int code = EXIT_CANNOT_RUN;
    if (open_parts(r, s, &err) == 0 && send_and_hear(r, &err) == 0) {
        code = r->tally.refused + r->stray_count > 0 ? EXIT_BAD_INPUT : EXIT_DONE;
        report(r);
    } else {
        log_with(LOG_LEVEL_ERROR, "cannot send again", NULL, LOG_TEXT("error", err.text));
    }
    release(r);
    return code;
}
