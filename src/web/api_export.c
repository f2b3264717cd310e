// SPDX-License-Identifier: Apache-2.0
/* See web/api_export.h. A file has lost its name before its first byte is sent, so nothing is left
 * of it whatever becomes of the client. */
#include "web/api_export.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/backup.h"
#include "store/duck.h"
#include "web/api_records.h"

enum {
    PATH_SIZE = 4096,
    PAGE_SIZE_MAX = 64 << 20,
    LOOK_NS = 50000000,   ///< how often it is seen to whether the asker is still there
    PAUSE_NS = 200000000, ///< before a question is asked again that found no turn
};

// --- Files ---------------------------------------------------------------------------------------

struct file {
    int fd;
};

static ptrdiff_t more_of_file(void *context, uint8_t *out, size_t size)
{
    const struct file *f = context;
    ssize_t got = read(f->fd, out, size);
    return got > 0 ? got : got == 0 ? -1 : SERVER_BROKEN;
}

static void close_file(void *context)
{
    struct file *f = context;
    (void)close(f->fd); // it was only read
    mem_free(f);
}

/// Who looks, while a file is written, whether anybody still waits for it.
struct watch {
    const struct ask_patience *patience;
    struct duck_conn *conn;
    pthread_t thread;
    atomic_bool over;
    bool gone; ///< read when the thread has ended
};

static void *look_after(void *context)
{
    struct watch *w = context;
    while (!atomic_load(&w->over)) {
        w->gone = w->gone || w->patience->is_gone(w->patience->context);
        if (w->gone) {
            duck_interrupt(w->conn); // each time: between two statements it goes unheard
        }
        (void)nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL); // shorter is fine
    }
    return NULL;
}

static int make_file(const struct api_export_from *from, struct duck_conn *conn,
                     const struct api_asked *asked, char path[static PATH_SIZE], struct err *err)
{
    uint64_t records;
    const struct question *q = &asked->question;
    enum export_form form = asked->form == API_CSV ? EXPORT_CSV : EXPORT_PARQUET;
    struct watch watch = { .patience = from->patience, .conn = conn };
    int failed = pthread_create(&watch.thread, NULL, look_after, &watch);
    if (failed != 0) {
        return err_set_errno(err, failed, "a thread");
    }
    int status = export_make(from->store, conn, asked->filter, q->from_ns, q->to_ns, form, path,
                             PATH_SIZE, &records, err);
    atomic_store(&watch.over, true);
    (void)pthread_join(watch.thread, NULL); // it is there
    return status != 0 && watch.gone ? err_set(err, ERR_CLOSED, "nobody waits for it any more")
                                     : status;
}

/// Has the file written, and opens it.
static int write_file(const struct api_export_from *from, const struct api_asked *asked,
                      int *ret_fd, struct err *err)
{
    char path[PATH_SIZE];
    struct duck_conn *conn;
    int status = store_connect(from->store, &conn, err);
    if (status != 0) {
        return status;
    }
    status = make_file(from, conn, asked, path, err);
    duck_disconnect(conn);
    if (status != 0) {
        return status;
    }
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*ret_fd < 0) {
        status = err_set_errno(err, errno, "%s", path);
    }
    (void)unlink(path); // what is open stays
    return status;
}

static int export_file(const struct api_export_from *from, const struct api_asked *asked,
                       struct server_response *response, struct err *err)
{
    struct file *f = mem_zalloc(sizeof(*f));
    if (f == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    if (atomic_flag_test_and_set(from->busy)) {
        mem_free(f);
        return err_set(err, ERR_FULL, "another export is being written: ask again later");
    }
    int status = write_file(from, asked, &f->fd, err);
    atomic_flag_clear(from->busy);
    if (status != 0) {
        mem_free(f);
        return status;
    }
    response->stream =
        (struct server_stream){ .more = more_of_file, .close = close_file, .context = f };
    return 0;
}

// --- Pages ---------------------------------------------------------------------------------------

struct pages {
    struct asks *asks;
    struct question question;
    struct kql *filter; ///< the question's
    struct format *format;
    struct buf text; ///< of a page
    size_t sent;     ///< of `text`
    bool ended;
    int64_t after_ts;
    uint64_t after_id;
};

/// 0, or what more() gives instead of bytes.
static ptrdiff_t next_page(struct pages *p)
{
    struct err err;
    struct api_page page = {
        .format = p->format, .out = &p->text, .form = API_NDJSON, .limit = API_FLOWS_MAX
    };
    buf_clear(&p->text);
    p->sent = 0;
    int status = api_page_ask(p->asks, &p->question, p->after_ts, p->after_id, NULL, &page, &err);
    if (status == ERR_FULL) {
        buf_clear(&p->text);
        (void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL); // shorter is fine
        return 0;
    }
    if (status != 0 || p->text.bad) {
        return SERVER_BROKEN;
    }
    p->ended = !page.more;
    p->after_ts = page.last_ts;
    p->after_id = page.last_id;
    return 0;
}

static ptrdiff_t more_of_pages(void *context, uint8_t *out, size_t size)
{
    struct pages *p = context;
    if (p->sent == p->text.size) {
        if (p->ended) {
            return -1;
        }
        ptrdiff_t status = next_page(p);
        if (status != 0) {
            return status;
        }
    }
    size_t left = p->text.size - p->sent;
    size_t part = left < size ? left : size;
    if (part > 0) {
        memcpy(out, p->text.data + p->sent, part);
        p->sent += part;
    }
    return (ptrdiff_t)part;
}

static void close_pages(void *context)
{
    struct pages *p = context;
    format_free(p->format);
    kql_free(p->filter);
    buf_release(&p->text);
    mem_free(p);
}

static int export_pages(const struct api_export_from *from, struct api_asked *asked,
                        struct server_response *response, struct err *err)
{
    struct pages *p = mem_zalloc(sizeof(*p));
    if (p == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    int status = format_new(from->format, &p->format, err);
    if (status != 0) {
        mem_free(p);
        return status;
    }
    p->asks = from->asks;
    p->question = asked->question;
    p->filter = asked->filter;
    asked->filter = NULL; // the stream's from here on
    buf_init(&p->text, PAGE_SIZE_MAX);
    response->stream =
        (struct server_stream){ .more = more_of_pages, .close = close_pages, .context = p };
    return 0;
}

int api_export(const struct api_export_from *from, struct api_asked *asked,
               struct server_response *response, struct err *err)
{
    int status = asked->form == API_NDJSON ? export_pages(from, asked, response, err)
                                           : export_file(from, asked, response, err);
    if (status == 0) {
        static const char *const ENDINGS[] = { "json", "csv", "ndjson", "parquet" };
        server_add_header(response, "Content-Disposition", "attachment; filename=\"flows.%s\"",
                          ENDINGS[asked->form]);
    }
    return status;
}
