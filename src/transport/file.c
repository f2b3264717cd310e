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
 * A file that does not end with a separator, because something killed its last writer, is mended
 * before the first message: half a JSON message is cut off, anything else is closed. In bin, where
 * a message may hold any byte, the file is walked from length to length to find that half message.
 */
#include "transport/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_rd.h"
#include "base/log.h"
#include "base/mem.h"
#include "format/format.h"

enum {
    OUT_SIZE_MAX = 64 << 20,
    TAIL_SIZE_MAX = 4 << 20, ///< looked at for an unfinished message
    WALK_SIZE = 1 << 20,     ///< of bin, read at once
    WALK_FILE_SIZE_MAX =
        1 << 30, ///< a larger file of bin is not looked through: nobody waits for that
    VARINT_SIZE_MAX = 10,
    REOPEN_INTERVAL_S = 1,
    PIPE_WAIT_MS = 100,
};

struct file {
    struct file_settings settings;
    size_t separator_size;
    struct format *format;
    int fd;
    pthread_mutex_t mutex;  ///< held to change `fd`, and by other threads to look at it
    bool durable;           ///< under `mutex`: somebody counts on what was written
    bool failing;           ///< a write error was logged and not yet its end
    bool reopen_wanted;     ///< a reopen failed
    uint64_t reopen_due_ns; ///< monotonic

    const struct batch *batch; ///< what `out` was made from, while it is not written
    struct buf out;
    size_t written; ///< of out
    struct transport_tally tally;
    int errors_fd;     ///< -1: none
    struct buf errors; ///< lines of the batch that could not be read
    size_t errors_written;
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

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/// Standard output. A pipe gets an open file of our own, so that one that nobody reads can be left
/// when it is time to stop, and whoever shares standard output does not notice.
static int open_stdout(void)
{
    struct stat st;
    int fd = fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode)
                 ? open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
                 : -1;
    return fd < 0 ? STDOUT_FILENO : fd;
}

/// The end of the file, up to TAIL_SIZE_MAX bytes, into `out`. False: nothing can be said about it.
static bool read_tail(const struct file *f, struct buf *out, off_t *ret_file_size)
{
    struct stat st;
    if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        return false;
    }
    int fd = open(f->settings.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false; // may be written but not read
    }
    size_t size = st.st_size < TAIL_SIZE_MAX ? (size_t)st.st_size : TAIL_SIZE_MAX;
    bool ok = buf_reserve(out, size) == 0 &&
              pread(fd, out->data, size, st.st_size - (off_t)size) == (ssize_t)size;
    (void)close(fd); // nothing was written
    out->size = ok ? size : 0;
    *ret_file_size = st.st_size;
    return ok;
}

/// The bytes behind the last separator: a message that its writer did not finish, or did not end.
static size_t torn_size(const struct file *f, const struct buf *tail)
{
    const char *separator = f->settings.separator;
    for (size_t end = tail->size; end >= f->separator_size; end--) {
        if (memcmp(tail->data + end - f->separator_size, separator, f->separator_size) == 0) {
            return tail->size - end;
        }
    }
    return tail->size;
}

/// Whether the unfinished message is known to be of no use: JSON that ends too early.
static bool is_half(const struct file *f, const struct buf *tail, size_t torn)
{
    const char *format = f->settings.format.name;
    bool json = strcmp(format, "json") == 0 || strcmp(format, "ecs") == 0;
    const uint8_t *begin = tail->data + tail->size - torn;
    struct json_rd r = { .begin = begin, .at = begin, .end = begin + torn };
    return json && torn < TAIL_SIZE_MAX && begin[0] == '{' && !(json_rd_value(&r) && r.at == r.end);
}

/// What is known at one place of a file of bin messages.
enum walk { WALK_ON, WALK_END, WALK_TORN, WALK_FOREIGN };

/// Passes over the message at `at` of `size` bytes, of which more follow unless `last`.
/// *ret_size: of the message with its length and separator; more than `size` when that is enough.
static enum walk walk_message(const struct file *f, const uint8_t *at, size_t size,
                              uint64_t *ret_size)
{
    uint64_t length = 0;
    size_t i = 0;
    do {
        if (i == size) {
            return size == 0 ? WALK_END : WALK_TORN;
        }
        if (i == VARINT_SIZE_MAX) {
            return WALK_FOREIGN;
        }
        length |= (uint64_t)(at[i] & 0x7f) << 7 * i;
    } while ((at[i++] & 0x80) != 0);
    if (length > OUT_SIZE_MAX) {
        return WALK_FOREIGN;
    }
    size_t end = i + (size_t)length;
    size_t have = size < end ? 0 : size - end;
    size_t compared = have < f->separator_size ? have : f->separator_size;
    if (compared > 0 && memcmp(at + end, f->settings.separator, compared) != 0) {
        return WALK_FOREIGN;
    }
    *ret_size = end + f->separator_size;
    return *ret_size > size ? WALK_TORN : WALK_ON;
}

/// The offset at which a half message of a bin file begins; -1: none does, or it is no such file.
static off_t find_torn_bin(const struct file *f, int fd)
{
    struct buf window;
    buf_init(&window, 2 * OUT_SIZE_MAX);
    off_t begin = 0; // of the window, which begins with a message
    off_t found = -1;
    size_t used = 0;
    size_t room = WALK_SIZE;
    while (buf_reserve(&window, room) == 0) {
        ssize_t n = pread(fd, buf_tail(&window), room, begin + (off_t)window.size);
        if (n < 0) {
            break;
        }
        window.size += (size_t)n;
        enum walk walk = WALK_ON;
        uint64_t size = 0;
        for (used = 0; walk == WALK_ON; used += walk == WALK_ON ? (size_t)size : 0) {
            walk = walk_message(f, window.data + used, window.size - used, &size);
        }
        if (walk == WALK_FOREIGN || n == 0) {
            found = walk == WALK_TORN ? begin + (off_t)used : -1;
            break;
        }
        begin += (off_t)used;
        memmove(window.data, window.data + used, window.size - used);
        window.size -= used;
    }
    buf_release(&window);
    return found;
}

static void mend_bin(const struct file *f)
{
    struct stat st;
    if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0 ||
        st.st_size > WALK_FILE_SIZE_MAX) {
        return;
    }
    int fd = open(f->settings.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return; // may be written but not read
    }
    off_t torn = find_torn_bin(f, fd);
    (void)close(fd); // nothing was written
    if (torn >= 0 && ftruncate(f->fd, torn) == 0) {
        log_with(LOG_LEVEL_WARN, "the file ended in the middle of a message, which was cut off",
                 NULL, LOG_TEXT("file", target(f)),
                 LOG_U64("bytes", (uint64_t)(st.st_size - torn)));
    }
}

/// A file that something killed its last writer of: half a message is cut off, a whole one that
/// lacks its separator gets it, and one of which neither can be said is closed.
static void mend(const struct file *f)
{
    struct buf tail;
    off_t file_size;
    buf_init(&tail, TAIL_SIZE_MAX);
    bool bin = strcmp(f->settings.format.name, "bin") == 0;
    bool text = !bin && f->separator_size > 0;
    if (!is_stdout(f) && bin) {
        mend_bin(f);
    }
    if (!is_stdout(f) && text && read_tail(f, &tail, &file_size)) {
        size_t torn = torn_size(f, &tail);
        if (torn > 0 && is_half(f, &tail, torn) && ftruncate(f->fd, file_size - (off_t)torn) == 0) {
            log_with(LOG_LEVEL_WARN, "the file ended in the middle of a line, which was cut off",
                     NULL, LOG_TEXT("file", target(f)), LOG_U64("bytes", torn));
        } else if (torn > 0 && write(f->fd, f->settings.separator, f->separator_size) ==
                                   (ssize_t)f->separator_size) {
            log_with(LOG_LEVEL_WARN, "the file ended in the middle of a line, which was closed",
                     NULL, LOG_TEXT("file", target(f)));
        }
    }
    buf_release(&tail);
}

/// Waits until what was written is on the disk. A pipe has none.
static int sync_fd(int fd)
{
    return fdatasync(fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : ERR_IO;
}

/// `fd` takes the place of the one written so far, which is let go.
static void change_fd(struct file *f, int fd)
{
    CHECK(pthread_mutex_lock(&f->mutex) == 0);
    int old = f->fd;
    if (f->durable && sync_fd(old) != 0) {
        log_with(LOG_LEVEL_ERROR, "what was written last may not outlive a power cut", NULL,
                 LOG_TEXT("file", target(f)));
    }
    f->fd = fd;
    CHECK(pthread_mutex_unlock(&f->mutex) == 0);
    (void)close(old); // write errors were seen by write
}

/// In a descriptor of its own, so that whoever reopens meanwhile need not wait.
static int file_sync(void *self)
{
    struct file *f = self;
    CHECK(pthread_mutex_lock(&f->mutex) == 0);
    f->durable = true;
    int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    CHECK(pthread_mutex_unlock(&f->mutex) == 0);
    if (fd < 0) {
        return ERR_IO;
    }
    int status = sync_fd(fd);
    (void)close(fd); // write errors were seen by write
    return status;
}

static void file_close(void *self)
{
    struct file *f = self;
    if (f->durable && sync_fd(f->fd) != 0) {
        log_with(LOG_LEVEL_ERROR, "what was written last may not outlive a power cut", NULL,
                 LOG_TEXT("file", target(f)));
    }
    CHECK(pthread_mutex_destroy(&f->mutex) == 0);
    if (f->fd >= 0 && f->fd != STDOUT_FILENO) {
        (void)close(f->fd); // goflow2 does not look either; write errors were seen by write
    }
    if (f->errors_fd >= 0) {
        (void)close(f->errors_fd); // likewise
    }
    format_free(f->format);
    buf_release(&f->out);
    buf_release(&f->errors);
    mem_free(f);
}

/// Opens the file of lines that cannot be read, and closes one that was left half.
static int open_errors(const char *path)
{
    int fd = open_path(path);
    int reader = fd < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    char last;
    if (reader >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
        pread(reader, &last, 1, st.st_size - 1) == 1 && last != '\n' && write(fd, "\n", 1) == 1) {
        log_with(LOG_LEVEL_WARN, "the file ended in the middle of a line, which was closed", NULL,
                 LOG_TEXT("file", path));
    }
    if (reader >= 0) {
        (void)close(reader); // nothing was written through it
    }
    return fd;
}

int file_open(const struct file_settings *settings, void **ret_self, struct err *err)
{
    struct file *f = mem_zalloc(sizeof(*f));
    if (f == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for the file transport");
    }
    CHECK(pthread_mutex_init(&f->mutex, NULL) == 0);
    f->settings = *settings;
    f->separator_size = strlen(settings->separator);
    f->fd = -1;
    f->errors_fd = -1;
    buf_init(&f->errors, OUT_SIZE_MAX);
    buf_init(&f->out, OUT_SIZE_MAX);
    if (format_new(&settings->format, &f->format, err) != 0) {
        file_close(f);
        return err->status;
    }
    f->fd = is_stdout(f) ? open_stdout() : open_path(f->settings.path);
    if (f->fd < 0) {
        (void)err_set_errno(err, errno, "cannot open %s for writing", settings->path);
        file_close(f);
        return err->status;
    }
    if (settings->errors_path[0] != '\0') {
        f->errors_fd = open_errors(settings->errors_path);
        if (f->errors_fd < 0) {
            (void)err_set_errno(err, errno, "cannot open %s for writing", settings->errors_path);
            file_close(f);
            return err->status;
        }
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
    f->tally = (struct transport_tally){ 0 };
    f->end_count = 0;
    f->errors_written = 0;
    buf_clear(&f->errors);
    buf_clear(&f->out);
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        const struct flow *flow = &batch->flows[i];
        size_t before = f->out.size;
        enum format_outcome outcome = format_append(f->format, batch, flow, &f->out);
        bool is_message = outcome == FORMAT_MESSAGE || outcome == FORMAT_ERROR_DOCUMENT;
        if (is_message) {
            buf_append(&f->out, f->settings.separator, f->separator_size);
        }
        f->tally.error_documents += outcome == FORMAT_ERROR_DOCUMENT;
        if (flow->kind == RECORD_ERROR && !is_message && f->errors_fd >= 0) {
            buf_append(&f->errors, batch_bytes(batch, flow->original), flow->original.count);
            buf_append_char(&f->errors, '\n');
        }
        if (f->out.bad) {
            f->out.bad = false;
            f->out.size = before;
            f->tally.too_large++;
        } else if (is_message) {
            f->ends[f->end_count++] = f->out.size;
        }
    }
}

/// A write failed: say so once.
static void report(struct file *f, const char *path, int error)
{
    if (f->failing) {
        return;
    }
    f->failing = true;
    char text[128];
    log_with(LOG_LEVEL_ERROR, "cannot write, flows are held and tried again", NULL,
             LOG_TEXT("file", path), LOG_TEXT("error", strerror_r(error, text, sizeof(text))));
}

/// Writes what is left of `out` to `fd`; *written says how far it is.
static enum transport_verdict write_rest(struct file *f, int fd, const char *path,
                                         const struct buf *out, size_t *written)
{
    while (*written < out->size) {
        ssize_t n = write(fd, out->data + *written, out->size - *written);
        if (n >= 0) {
            *written += (size_t)n;
        } else if (errno == EPIPE && is_stdout(f) && fd == f->fd) {
            return TRANSPORT_CLOSED;
        } else if (errno == EAGAIN) { // a pipe that is full is no error
            struct pollfd p = { .fd = fd, .events = POLLOUT };
            if (poll(&p, 1, PIPE_WAIT_MS) <= 0) {
                return TRANSPORT_RETRY;
            }
        } else if (errno != EINTR) {
            report(f, path, errno);
            return TRANSPORT_RETRY;
        }
    }
    return TRANSPORT_DONE;
}

static enum transport_verdict file_deliver(void *self, struct batch *batch,
                                           struct transport_tally *ret_tally)
{
    struct file *f = self;
    if (f->batch != batch) {
        begin(f, batch);
    }
    enum transport_verdict verdict = write_rest(f, f->fd, target(f), &f->out, &f->written);
    if (verdict == TRANSPORT_DONE) {
        verdict =
            write_rest(f, f->errors_fd, f->settings.errors_path, &f->errors, &f->errors_written);
    }
    if (verdict != TRANSPORT_DONE) {
        return verdict;
    }
    if (f->failing) {
        f->failing = false;
        log_with(LOG_LEVEL_INFO, "writing again", NULL, LOG_TEXT("file", target(f)));
    }
    f->batch = NULL;
    *ret_tally = f->tally;
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

/// The file of lines that cannot be read is rotated like the other one.
static void reopen_errors(struct file *f)
{
    if (f->errors_fd < 0 || (f->batch != NULL && f->errors_written > 0)) {
        return; // half a batch is in the old one: the next signal will do
    }
    int fd = open_errors(f->settings.errors_path);
    if (fd < 0) {
        char text[128];
        log_with(LOG_LEVEL_ERROR, "cannot reopen, the old file is kept", NULL,
                 LOG_TEXT("file", f->settings.errors_path),
                 LOG_TEXT("error", strerror_r(errno, text, sizeof(text))));
        return;
    }
    (void)close(f->errors_fd); // write errors were seen by write
    f->errors_fd = fd;
}

static void file_reopen(void *self)
{
    struct file *f = self;
    reopen_errors(f);
    if (is_stdout(f)) {
        return;
    }
    int fd = open_path(f->settings.path);
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
    change_fd(f, fd);
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
    .sync = file_sync,
    .close = file_close,
};
