// SPDX-License-Identifier: Apache-2.0
/*
 * weir import: goflow2's logs, once, through the same path as everything else. Files are read by
 * several threads at once, each file by one, so that order is kept within it. A file that was read
 * before, in part or whole, under whatever name, is gone on with where it was left (-state).
 *
 * The main thread shows progress, hears signals and saves positions; it reads nothing itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/data_dir.h"
#include "app/pipeline.h"
#include "app/progress.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "source/lines.h"
#include "source/positions.h"

enum {
    LINES_PER_LOOK = 512,
    CONTROL_INTERVAL_MS = 100,
    SAVE_INTERVAL_MS = 1000,
};

/// What became of a file.
enum file_outcome {
    FILE_READ,
    FILE_SAME,       ///< the same as another of the files
    FILE_BAD,        ///< damaged: what could be read was
    FILE_UNREADABLE, ///< could not be opened, or read at all
    FILE_OUTCOME_COUNT
};

struct import;

/// A thread that reads files.
struct worker {
    struct import *import;
    struct intake *intake;
    pthread_t thread;
    bool started;
    struct line lines[LINES_PER_LOOK];
    _Atomic uint64_t raw_bytes; ///< of files read so far, compressed ones as they are
};

struct import {
    const struct settings *settings;
    struct pipeline pipeline;
    size_t worker_count;
    struct worker *workers;
    uint64_t size_total; ///< bytes of all files whose size is known
    uint64_t begun_ns;
    _Atomic int next_file;
    _Atomic size_t running; ///< workers
    _Atomic bool stopped;
    _Atomic uint64_t outcomes[FILE_OUTCOME_COUNT];
    struct progress progress;
};

// --- One file ------------------------------------------------------------------------------------

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

static struct origin *make_origin(const char *path, const struct lines *lines, struct track *track,
                                  const struct file_id *id)
{
    struct stat st = { 0 };
    bool is_file = fstat(lines_fd(lines), &st) == 0 && S_ISREG(st.st_mode);
    struct origin values = { .id = *id,
                             .device = st.st_dev,
                             .inode = st.st_ino,
                             .is_file = is_file,
                             .path = path,
                             .input_type = "import",
                             .track = track };
    return origin_new(&values);
}

static enum file_outcome complain(const char *path, const char *why, enum file_outcome outcome)
{
    log_with(LOG_LEVEL_ERROR, "a file cannot be read whole", NULL, LOG_TEXT("file", path),
             LOG_TEXT("error", why));
    return outcome;
}

/// All lines from where `lines` is to the end.
static enum file_outcome read_lines(struct worker *w, const char *path, struct lines *lines,
                                    struct track *track, struct origin *origin)
{
    struct import *im = w->import;
    enum lines_state state = LINES_MORE;
    uint64_t counted = 0;
    bool resumable = track != NULL;
    while (!atomic_load_explicit(&im->stopped, memory_order_relaxed)) {
        uint64_t now_ns = clock_wall_ns();
        size_t n = lines_read(lines, true, w->lines, LINES_PER_LOOK, &state);
        for (size_t i = 0; i < n; i++) {
            w->lines[i].origin = origin;
            w->lines[i].read_ns = now_ns;
            (void)intake_line(w->intake, &w->lines[i]); // counted and logged there
        }
        if (resumable) {
            positions_mark(im->pipeline.positions, track, lines);
        }
        uint64_t raw = lines_raw_offset(lines);
        atomic_fetch_add_explicit(&w->raw_bytes, raw - counted, memory_order_relaxed);
        counted = raw;
        if (n == 0 && state != LINES_MORE) {
            break;
        }
    }
    intake_flush(w->intake);
    return state == LINES_BAD ? complain(path, lines_problem(lines), FILE_BAD) : FILE_READ;
}

/// Finds out which file it is and how far it was read, and reads on.
static enum file_outcome read_identified(struct worker *w, const char *path, struct lines *lines)
{
    struct positions *positions = w->import->pipeline.positions;
    struct track *track;
    struct file_id id;
    uint64_t fingerprint[2];
    int status = lines_fingerprint(lines, true, fingerprint);
    if (status == ERR_NOT_FOUND) {
        return FILE_READ; // it is empty
    }
    if (status != 0) {
        return complain(path, lines_problem(lines), FILE_UNREADABLE);
    }
    status = positions_take(positions, lines, fingerprint, path, &track, &id);
    if (status == ERR_EXISTS) {
        log_with(LOG_LEVEL_INFO, "the same file under another name, read once", NULL,
                 LOG_TEXT("file", path));
        return FILE_SAME;
    }
    if (status != 0) {
        return complain(path, status_text(status), FILE_UNREADABLE);
    }
    struct origin *origin = make_origin(path, lines, track, &id);
    CHECK(origin != NULL); // a few hundred bytes
    enum file_outcome outcome = read_lines(w, path, lines, track, origin);
    positions_release(positions, track, lines);
    origin_unref(origin);
    return outcome;
}

/// Standard input has no identity to be found again by: its lines are known by its first one.
static enum file_outcome read_stream(struct worker *w, const char *path, struct lines *lines)
{
    struct file_id id = { 0 };
    int status = lines_fingerprint(lines, true, id.fingerprint);
    if (status == ERR_NOT_FOUND) {
        return FILE_READ;
    }
    if (status != 0) {
        return complain(path, lines_problem(lines), FILE_UNREADABLE);
    }
    struct origin *origin = make_origin(path, lines, NULL, &id);
    CHECK(origin != NULL); // a few hundred bytes
    enum file_outcome outcome = read_lines(w, path, lines, NULL, origin);
    origin_unref(origin);
    return outcome;
}

static enum file_outcome read_file(struct worker *w, const char *path)
{
    struct lines *lines;
    struct err err;
    int fd = is_stdin(path) ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        (void)err_set_errno(&err, errno, "cannot open");
        return complain(path, err.text, FILE_UNREADABLE);
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); // a hint
    if (lines_new(fd, path, w->import->settings->import_line_max, &lines, &err) != 0) {
        return complain(path, err.text, FILE_UNREADABLE);
    }
    struct stat st;
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    enum file_outcome outcome =
        regular ? read_identified(w, path, lines) : read_stream(w, path, lines);
    lines_free(lines);
    return outcome;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct import *im = w->import;
    while (!atomic_load(&im->stopped)) {
        int index = atomic_fetch_add(&im->next_file, 1);
        if (index >= im->settings->arg_count) {
            break;
        }
        enum file_outcome outcome = read_file(w, im->settings->args[index]);
        atomic_fetch_add(&im->outcomes[outcome], 1);
    }
    atomic_fetch_sub(&im->running, 1);
    return NULL;
}

// --- All of it -----------------------------------------------------------------------------------

static int open_positions(struct import *im, struct err *err)
{
    const char *state = im->settings->state;
    char path[DATA_PATH_SIZE];
    path[0] = '\0';
    if (strcmp(state, "none") == 0) {
        state = "";
    } else if (state[0] == '\0') {
        if (data_path(im->settings->data, "state/import", path, err) != 0) {
            return err->status;
        }
        state = path;
    }
    return positions_open(state, &im->pipeline.positions, err);
}

static void measure_files(struct import *im)
{
    for (int i = 0; i < im->settings->arg_count; i++) {
        struct stat st;
        if (stat(im->settings->args[i], &st) == 0 && S_ISREG(st.st_mode)) {
            im->size_total += (uint64_t)st.st_size;
        }
    }
}

static size_t thread_count(const struct settings *s)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = s->import_threads > 0 ? (size_t)s->import_threads
                                          : (size_t)(processors < 1 ? 1 : processors);
    size_t files = (size_t)s->arg_count;
    wanted = wanted < files ? wanted : files;
    return wanted < IMPORT_THREADS_MAX ? wanted : IMPORT_THREADS_MAX;
}

static int start(struct import *im, struct err *err)
{
    static const struct log_attr LABEL[] = { LOG_TEXT("source", "import"), LOG_END };
    im->worker_count = thread_count(im->settings);
    if (pipeline_open(&im->pipeline, im->settings, im->worker_count, err) != 0 ||
        open_positions(im, err) != 0) {
        return err->status;
    }
    im->workers = mem_zalloc_array(im->worker_count, sizeof(im->workers[0]));
    if (im->workers == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < im->worker_count; i++) {
        struct worker *w = &im->workers[i];
        w->import = im;
        if (intake_new(&im->pipeline.intake, INTAKE_LINES, LABEL, true, &w->intake) != 0) {
            return err_set(err, ERR_NO_MEMORY, "out of memory for a reader");
        }
    }
    measure_files(im);
    im->begun_ns = clock_mono_ns();
    for (size_t i = 0; i < im->worker_count; i++) {
        struct worker *w = &im->workers[i];
        int error = pthread_create(&w->thread, NULL, work, w);
        if (error != 0) {
            return err_set_errno(err, error, "cannot start a thread");
        }
        w->started = true;
        atomic_fetch_add(&im->running, 1);
    }
    return 0;
}

static struct ledger_sums sum_ledgers(const struct import *im)
{
    struct ledger_sums sums = { 0 };
    for (size_t i = 0; i < im->worker_count; i++) {
        if (im->workers[i].intake != NULL) {
            ledger_add_to(&im->workers[i].intake->ledger, &sums);
        }
    }
    return sums;
}

static struct progress_state state_of(const struct import *im)
{
    struct progress_state s = { .bytes_total = im->size_total,
                                .files_total = (uint64_t)im->settings->arg_count,
                                .sums = sum_ledgers(im),
                                .elapsed_ns = clock_mono_ns() - im->begun_ns };
    for (size_t i = 0; i < im->worker_count; i++) {
        s.bytes += atomic_load(&im->workers[i].raw_bytes);
    }
    for (int i = 0; i < FILE_OUTCOME_COUNT; i++) {
        s.files += atomic_load(&im->outcomes[i]);
    }
    return s;
}

static void stop(struct import *im)
{
    if (!atomic_exchange(&im->stopped, true)) {
        pipeline_prepare_stop(&im->pipeline);
    }
}

/// Until every file is read, or a signal says stop, or nobody reads the output any more.
static void control(struct import *im)
{
    uint64_t save_due_ns = 0;
    while (atomic_load(&im->running) > 0) {
        switch (signals_wait(CONTROL_INTERVAL_MS)) {
        case SIGINT:
        case SIGTERM:
            stop(im);
            break;
        case SIGHUP:
            pipeline_reopen(&im->pipeline);
            break;
        default:
            break;
        }
        if (atomic_load(&im->pipeline.closed)) {
            stop(im);
        }
        uint64_t now_ns = clock_mono_ns();
        if (now_ns >= save_due_ns) {
            save_due_ns = now_ns + SAVE_INTERVAL_MS * NS_PER_MS;
            pipeline_tick(&im->pipeline);
        }
        struct progress_state s = state_of(im);
        progress_show(&im->progress, &s);
    }
}

static void join_workers(struct import *im)
{
    for (size_t i = 0; i < im->worker_count; i++) {
        if (im->workers[i].started) {
            CHECK(pthread_join(im->workers[i].thread, NULL) == 0);
        }
    }
}

/// What the end means: everything was read, or not.
static int exit_code(struct import *im, const struct ledger_sums *sums, uint64_t error_documents)
{
    if (atomic_load(&im->outcomes[FILE_UNREADABLE]) > 0) {
        return EXIT_CANNOT_RUN;
    }
    uint64_t aside = 0;
    for (int i = 0; i < LEDGER_ENTRY_COUNT; i++) {
        if (LEDGER_ENTRIES[i].group == LEDGER_GROUP_LINE &&
            LEDGER_ENTRIES[i].side == LEDGER_SIDE_ASIDE && sums->entries[i] > 0) {
            aside += sums->entries[i];
            log_with(LOG_LEVEL_WARN, "lines could not be read", NULL,
                     LOG_TEXT("reason", LEDGER_ENTRIES[i].name), LOG_U64("lines", sums->entries[i]),
                     LOG_TEXT("meaning", LEDGER_ENTRIES[i].words));
        }
    }
    bool bad = aside > 0 || error_documents > 0 || atomic_load(&im->outcomes[FILE_BAD]) > 0;
    return bad ? EXIT_BAD_INPUT : EXIT_DONE;
}

/// Delivers what waits, saves, says what happened.
static int finish(struct import *im)
{
    struct progress_state s = state_of(im);
    progress_end(&im->progress);
    pipeline_stop(&im->pipeline);
    pipeline_tick(&im->pipeline); // the last positions
    uint64_t error_documents = 0;
    for (size_t i = 0; i < im->pipeline.transport_count; i++) {
        error_documents += transport_books(im->pipeline.transports[i]).error_documents;
    }
    int code = exit_code(im, &s.sums, error_documents);
    (void)pipeline_log_books(&im->pipeline, &s.sums); // it says so when they do not balance
    if (im->settings->summary[0] != '\0') {
        bool to_stderr = im->settings->transport_file[0] == '\0';
        progress_print_summary(&s, error_documents, to_stderr ? stderr : stdout);
    }
    if (atomic_load(&im->stopped) && code == EXIT_DONE) {
        log_write(LOG_LEVEL_WARN, "interrupted: the same command goes on from here", NULL, NULL);
        code = EXIT_CANNOT_RUN;
    }
    return code;
}

static void release(struct import *im)
{
    for (size_t i = 0; i < im->worker_count && im->workers != NULL; i++) {
        intake_free(im->workers[i].intake);
    }
    mem_free(im->workers);
    struct positions *positions = im->pipeline.positions;
    pipeline_free(&im->pipeline);
    positions_close(positions);
    mem_free(im);
}

int import_command(const struct settings *s)
{
    struct import *im = mem_zalloc(sizeof(*im));
    CHECK(im != NULL);
    im->settings = s;
    signals_block();
    struct err err = { 0 };
    int code = EXIT_CANNOT_RUN;
    int status = start(im, &err);
    if (status == 0) {
        progress_begin(&im->progress);
        control(im);
    } else {
        log_with(LOG_LEVEL_ERROR, "cannot start", NULL, LOG_TEXT("error", err.text));
        stop(im);
    }
    join_workers(im);
    if (status == 0) {
        code = finish(im);
    } else {
        pipeline_stop(&im->pipeline);
    }
    bool closed = atomic_load(&im->pipeline.closed);
    release(im);
    if (closed) {
        signals_die_of_pipe();
    }
    return code;
}
