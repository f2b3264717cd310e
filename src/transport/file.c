// SPDX-License-Identifier: Apache-2.0
/*
 * A batch is formatted once and written with one call; what the call leaves is written by the next.
 * So lines never interleave, and no line is cut but by a disk that is full, in which case the rest
 * of exactly that line comes first when there is room again.
 *
 * SIGHUP opens the path anew (logrotate has moved the file away). The new file is opened before the
 * old one is closed: when that fails the old one is kept, the failure is said once, and it is tried
 * again every second. goflow2 closes first and writes nothing any more when the open fails. A line
 * that is cut at that moment is taken back from the old file and written whole to the new one.
 *
 * A file that does not end with a separator, because something killed its last writer, gets one
 * before the first message.
 */
#include "transport/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "format/format.h"

enum {
    OUT_SIZE_MAX = 64 << 20,
    REOPEN_INTERVAL_S = 1,
};

struct file {
    struct file_settings settings;
    size_t separator_size;
    struct format *format;
    int fd;
    bool failing;           ///< a write error was logged and not yet its end
    bool reopen_wanted;     ///< a reopen failed
    uint64_t reopen_due_ns; ///< monotonic

    const struct batch *batch; ///< what `out` was made from, while it is not written
    struct buf out;
    size_t written;    ///< of out
    uint64_t left_out; ///< flows of the batch that were too large
    uint32_t end_count;
    size_t ends[BATCH_FLOWS_MAX]; ///< where each message ends, separator included
};

static bool is_stdout(const struct file *f)
{
    return f->settings.path[0] == '\0';
}

static const char *target(const struct file *f)
{
    return is_stdout(f) ? "stdout" : f->settings.path;
}

static int open_path(const struct file *f)
{
    return open(f->settings.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/// Whether the file ends in the middle of a message, as far as the separator can tell.
static bool is_torn(const struct file *f)
{
    struct stat st;
    char tail[64];
    size_t size = f->separator_size;
    bool text = strcmp(f->settings.format, "bin") != 0;
    if (is_stdout(f) || !text || size == 0 || size > sizeof(tail) || fstat(f->fd, &st) != 0 ||
        !S_ISREG(st.st_mode) || st.st_size == 0) {
        return false;
    }
    int fd = open(f->settings.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false; // may be written but not read: nothing can be said
    }
    ssize_t n = st.st_size < (off_t)size ? 0 : pread(fd, tail, size, st.st_size - (off_t)size);
    (void)close(fd); // nothing was written
    return n >= 0 && !(n == (ssize_t)size && memcmp(tail, f->settings.separator, size) == 0);
}

static void mend(const struct file *f)
{
    if (is_torn(f) &&
        write(f->fd, f->settings.separator, f->separator_size) == (ssize_t)f->separator_size) {
        log_with(LOG_LEVEL_WARN, "the file ended in the middle of a line, which was closed", NULL,
                 LOG_TEXT("file", target(f)));
    }
}

static void file_close(void *self)
{
    struct file *f = self;
    if (f->fd >= 0 && !is_stdout(f)) {
        (void)close(f->fd); // goflow2 does not look either; write errors were seen by write
    }
    format_free(f->format);
    buf_release(&f->out);
    mem_free(f);
}

int file_open(const struct file_settings *settings, void **ret_self, struct err *err)
{
    struct file *f = mem_zalloc(sizeof(*f));
    if (f == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for the file transport");
    }
    f->settings = *settings;
    f->separator_size = strlen(settings->separator);
    f->fd = -1;
    buf_init(&f->out, OUT_SIZE_MAX);
    if (format_new(settings->format, settings->mapping, &f->format, err) != 0) {
        file_close(f);
        return err->status;
    }
    f->fd = is_stdout(f) ? STDOUT_FILENO : open_path(f);
    if (f->fd < 0) {
        (void)err_set_errno(err, errno, "cannot open %s for writing", settings->path);
        file_close(f);
        return err->status;
    }
    mend(f);
    *ret_self = f;
    return 0;
}

/// Formats the batch into `out`.
static void begin(struct file *f, const struct batch *batch)
{
    f->batch = batch;
    f->written = 0;
    f->left_out = 0;
    f->end_count = 0;
    buf_clear(&f->out);
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        const struct flow *flow = &batch->flows[i];
        size_t before = f->out.size;
        bool is_message = format_append(f->format, batch, flow, &f->out);
        if (is_message) {
            buf_append(&f->out, f->settings.separator, f->separator_size);
        }
        if (f->out.bad) {
            f->out.bad = false;
            f->out.size = before;
            f->left_out++;
        } else if (is_message) {
            f->ends[f->end_count++] = f->out.size;
        }
    }
}

/// A write failed: say so once.
static void report(struct file *f, int error)
{
    if (f->failing) {
        return;
    }
    f->failing = true;
    char text[128];
    log_with(LOG_LEVEL_ERROR, "cannot write, flows are held and tried again", NULL,
             LOG_TEXT("file", target(f)), LOG_TEXT("error", strerror_r(error, text, sizeof(text))));
}

static enum transport_verdict file_deliver(void *self, struct batch *batch, uint64_t *ret_too_large)
{
    struct file *f = self;
    if (f->batch != batch) {
        begin(f, batch);
    }
    while (f->written < f->out.size) {
        ssize_t n = write(f->fd, f->out.data + f->written, f->out.size - f->written);
        if (n >= 0) {
            f->written += (size_t)n;
        } else if (errno == EPIPE && is_stdout(f)) {
            return TRANSPORT_CLOSED;
        } else if (errno == EAGAIN) {
            return TRANSPORT_RETRY; // a pipe that is full is no error
        } else if (errno != EINTR) {
            report(f, errno);
            return TRANSPORT_RETRY;
        }
    }
    if (f->failing) {
        f->failing = false;
        log_with(LOG_LEVEL_INFO, "writing again", NULL, LOG_TEXT("file", target(f)));
    }
    f->batch = NULL;
    *ret_too_large = f->left_out;
    return TRANSPORT_DONE;
}

/// Takes a message that is half in the old file back from it, to be written whole to the next one.
static void take_back(struct file *f)
{
    if (f->batch == NULL) {
        return;
    }
    size_t start = 0;
    for (uint32_t i = 0; i < f->end_count && f->ends[i] <= f->written; i++) {
        start = f->ends[i];
    }
    size_t torn = f->written - start;
    struct stat st;
    if (torn > 0 && fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= (off_t)torn) {
        int status = ftruncate(f->fd, st.st_size - (off_t)torn);
        (void)status; // the old file then ends with a cut line; the new one has it whole
    }
    f->written = start;
}

static void file_reopen(void *self)
{
    struct file *f = self;
    if (is_stdout(f)) {
        return;
    }
    int fd = open_path(f);
    if (fd < 0) {
        char text[128];
        if (!f->reopen_wanted) {
            log_with(LOG_LEVEL_ERROR, "cannot reopen, the old file is kept and it is tried again",
                     NULL, LOG_TEXT("file", target(f)),
                     LOG_TEXT("error", strerror_r(errno, text, sizeof(text))));
        }
        f->reopen_wanted = true;
        f->reopen_due_ns = clock_mono_ns() + REOPEN_INTERVAL_S * NS_PER_S;
        return;
    }
    take_back(f);
    (void)close(f->fd); // write errors were seen by write
    f->fd = fd;
    f->reopen_wanted = false;
    mend(f);
    log_with(LOG_LEVEL_INFO, "file reopened", NULL, LOG_TEXT("file", target(f)));
}

static void file_tick(void *self)
{
    struct file *f = self;
    if (f->reopen_wanted && clock_mono_ns() >= f->reopen_due_ns) {
        file_reopen(f);
    }
}

const struct transport_kind TRANSPORT_FILE = {
    .name = "file",
    .deliver = file_deliver,
    .reopen = file_reopen,
    .tick = file_tick,
    .close = file_close,
};
