// SPDX-License-Identifier: Apache-2.0
/*
 * weir import: goflow2's logs, once, through the same path as everything else. Files are read by
 * several threads at once, each file by one, so that order is kept within it. A file that was read
 * before, in part or whole, under whatever name, is gone on with where it was left (-state). Of
 * several names of one file the second waits until the first is read, and goes on from there.
 *
 * A file may still be written to: a last line without its end that is no whole object gives an
 * error document, but the position stays before it, so that the next import reads it whole.
 *
 * The main thread shows progress, hears signals and saves positions; it reads nothing itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/data_dir.h"
#include "app/import_parquet.h"
#include "app/outputs.h"
#include "app/pipeline.h"
#include "app/progress.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/json_rd.h"
#include "base/log.h"
#include "base/mem.h"
#include "source/lines.h"
#include "source/positions.h"

enum {
    LINES_PER_LOOK = 512,
    CONTROL_INTERVAL_MS = 100,
    DRAIN_INTERVAL_MS = 10,
    SAVE_INTERVAL_MS = 1000,
    RETRY_MS = 20,
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
    _Atomic uint64_t size_total; ///< bytes to read, of all files whose size is known
    uint64_t begun_ns;
    _Atomic int next_file;
    pthread_mutex_t mutex; ///< of the two below
    int *later;            ///< files that were being read under another name: to be tried again
    size_t later_count;
    _Atomic size_t running; ///< workers
    _Atomic bool stopped;
    _Atomic uint64_t outcomes[FILE_OUTCOME_COUNT];
    struct progress progress;
};

/// A file, open and known.
struct source {
    const char *path;
    struct lines *lines;
    struct origin *origin;
    struct track *track; ///< NULL for a stream: nobody asks for it again
    uint64_t raw_begin;  ///< bytes of it that need not be read
    uint64_t line_count;
    bool is_whole; ///< it was read to an end behind which nothing can come
    bool is_torn;  ///< its last line has no end
    uint64_t torn_at;
};

// --- One file ------------------------------------------------------------------------------------

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

static struct origin *make_origin(const struct source *s, const struct file_id *id)
{
    struct stat st = { 0 };
    bool is_file = !is_stdin(s->path) && fstat(lines_fd(s->lines), &st) == 0 && S_ISREG(st.st_mode);
    struct origin values = { .id = *id,
                             .device = st.st_dev,
                             .inode = st.st_ino,
                             .is_file = is_file,
                             .path = s->path,
                             .input_type = "import",
                             .track = s->track,
                             .has_places = s->track != NULL };
    return origin_new(&values);
}

static enum file_outcome complain(const char *path, const char *why, enum file_outcome outcome)
{
    log_with(LOG_LEVEL_ERROR,
             outcome == FILE_DAMAGED ? "a file cannot be read to its end" : "a file cannot be read",
             NULL, LOG_TEXT("file", path), LOG_TEXT("error", why));
    return outcome;
}

/// Whether the line ends where the file ends for now, in the middle of an object.
static bool is_unfinished(const struct line *line, enum lines_state state)
{
    if (state != LINES_END && state != LINES_BAD) {
        return false;
    }
    struct json_rd r = { .begin = line->data, .at = line->data, .end = line->data + line->size };
    return line->cut || !(json_rd_value(&r) && r.at == r.end);
}

/// The last line is read, but the position is not to move past it: its origin has no track.
static void read_torn(struct worker *w, struct source *s, struct line *line)
{
    struct origin values = *s->origin;
    values.track = NULL;
    values.has_places = false;
    struct origin *origin = origin_new(&values);
    CHECK(origin != NULL); // a few hundred bytes
    line->origin = origin;
    (void)intake_line(w->intake, line); // counted and logged there
    origin_unref(origin);               // the batch has a reference
    s->is_torn = true;
    s->torn_at = line->offset;
}

static void take_lines(struct worker *w, struct source *s, size_t n, enum lines_state state)
{
    uint64_t now_ns = clock_wall_ns();
    for (size_t i = 0; i < n; i++) {
        struct line *line = &w->lines[i];
        line->origin = s->origin;
        line->read_ns = now_ns;
        if (s->track != NULL && is_unfinished(line, state)) { // it is the only one
            read_torn(w, s, line);
        } else {
            (void)intake_line(w->intake, line); // counted and logged there
        }
    }
    s->line_count += n;
}

/// A pipe may be quiet for long: what came before is handed on meanwhile.
static void wait_for_input(struct worker *w, const struct source *s)
{
    struct pollfd p = { .fd = lines_fd(s->lines), .events = POLLIN };
    while (!atomic_load(&w->import->stopped) && poll(&p, 1, BATCH_AGE_MAX_MS) == 0) {
        intake_tick(w->intake, clock_mono_ns());
    }
}

/// All lines from where `lines` is to the end.
static enum file_outcome read_lines(struct worker *w, struct source *s)
{
    struct import *im = w->import;
    uint64_t counted = s->raw_begin;
    enum lines_state state = LINES_MORE;
    size_t n = LINES_PER_LOOK;
    while (!atomic_load_explicit(&im->stopped, memory_order_relaxed)) {
        if (s->track == NULL && n < LINES_PER_LOOK) {
            wait_for_input(w, s);
        }
        n = lines_read(s->lines, true, w->lines, LINES_PER_LOOK, &state);
        take_lines(w, s, n, state);
        if (s->track != NULL && !s->is_torn) {
            positions_mark(im->pipeline.positions, s->track, s->lines);
        }
        uint64_t raw = lines_raw_offset(s->lines);
        atomic_fetch_add_explicit(&w->raw_bytes, raw - counted, memory_order_relaxed);
        counted = raw;
        if (n == 0 && state != LINES_MORE) {
            break;
        }
    }
    intake_flush(w->intake);
    s->is_whole = n == 0 && state == LINES_DONE;
    bool bad = state == LINES_BAD || state == LINES_REPLACED;
    if (bad && !atomic_load(&im->stopped)) {
        return complain(s->path, lines_problem(s->lines), FILE_DAMAGED);
    }
    return FILE_READ;
}

/// A file whose first line cannot be read.
static enum file_outcome judge_beginning(const struct worker *w, const struct source *s, int status)
{
    const char *problem = lines_problem(s->lines);
    if (atomic_load(&w->import->stopped)) {
        return FILE_READ;
    }
    if (status == ERR_NOT_FOUND && problem[0] == '\0') {
        return FILE_READ; // it is empty
    }
    return complain(s->path, problem,
                    lines_is_compressed(s->lines) ? FILE_DAMAGED : FILE_UNREADABLE);
}

static void say_where(const struct source *s, uint64_t offset)
{
    if (offset > 0 && s->line_count == 0) {
        log_with(LOG_LEVEL_INFO, "nothing new, all of it was read before; -state none starts over",
                 NULL, LOG_TEXT("file", s->path));
    } else if (offset > 0) {
        log_with(LOG_LEVEL_INFO, "its beginning was read before", NULL, LOG_TEXT("file", s->path),
                 LOG_U64("from", offset));
    }
}

/// Reads on from where the file was left, and leaves it there.
static enum file_outcome read_on(struct worker *w, struct source *s, const struct file_id *id,
                                 const struct stat *st)
{
    struct positions *positions = w->import->pipeline.positions;
    uint64_t offset = lines_offset(s->lines);
    if (offset > 0 && !lines_is_compressed(s->lines)) { // else all of it is read again
        s->raw_begin = lines_raw_offset(s->lines);
        atomic_fetch_sub(&w->import->size_total, s->raw_begin);
    }
    s->origin = make_origin(s, id);
    CHECK(s->origin != NULL); // a few hundred bytes
    enum file_outcome outcome = read_lines(w, s);
    uint64_t tail;
    if (s->is_torn && lines_seek(s->lines, s->torn_at, &tail) != 0) {
        log_with(LOG_LEVEL_WARN, "a file became shorter while it was read", NULL,
                 LOG_TEXT("file", s->path));
    }
    positions_release(positions, s->track, s->lines);
    if (s->is_whole) {
        positions_finish(positions, s->track, st);
    }
    origin_unref(s->origin);
    say_where(s, offset);
    return offset > 0 && s->line_count == 0 && outcome == FILE_READ ? FILE_NOTHING_NEW : outcome;
}

/// Finds out which file it is and how far it was read, and reads on. `st`: from before the first
/// byte was read.
static enum file_outcome read_identified(struct worker *w, struct source *s, const struct stat *st)
{
    struct positions *positions = w->import->pipeline.positions;
    struct file_id id;
    uint64_t fingerprint[2];
    if (positions_is_finished(positions, st)) {
        log_with(LOG_LEVEL_INFO, "nothing new, all of it was read before; -state none starts over",
                 NULL, LOG_TEXT("file", s->path));
        return FILE_NOTHING_NEW;
    }
    int status = lines_fingerprint(s->lines, true, fingerprint);
    if (status != 0) {
        return judge_beginning(w, s, status);
    }
    status = positions_take(positions, s->lines, fingerprint, s->path, &s->track, &id);
    if (status == ERR_EXISTS) {
        return FILE_LATER;
    }
    if (status == ERR_RANGE) {
        log_with(LOG_LEVEL_INFO, "a copy of a file that was read farther: nothing is new", NULL,
                 LOG_TEXT("file", s->path));
        return FILE_NOTHING_NEW;
    }
    if (status == ERR_FULL) {
        return complain(s->path, "more files than positions can be kept of (65536)",
                        FILE_UNREADABLE);
    }
    if (status != 0) {
        return complain(s->path, status_text(status), FILE_UNREADABLE);
    }
    return read_on(w, s, &id, st);
}

/// A stream has no identity to be found again by: its lines are known by its first one.
static enum file_outcome read_stream(struct worker *w, struct source *s)
{
    struct file_id id = { 0 };
    int status = lines_fingerprint(s->lines, true, id.fingerprint);
    if (status != 0) {
        return judge_beginning(w, s, status);
    }
    s->origin = make_origin(s, &id);
    CHECK(s->origin != NULL); // a few hundred bytes
    enum file_outcome outcome = read_lines(w, s);
    origin_unref(s->origin);
    return outcome;
}

static enum file_outcome read_file(struct worker *w, const char *path)
{
    struct source s = { .path = path };
    struct err err;
    // Without O_NONBLOCK opening a FIFO would wait for its writer, and no signal could end that.
    int fd = is_stdin(path) ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st = { 0 };
    if (fd < 0 || fstat(fd, &st) != 0) {
        (void)err_set_errno(&err, errno, "cannot open it");
        return complain(path, err.text, FILE_UNREADABLE);
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); // a hint
    if (lines_new(fd, path, w->import->settings->import_line_max, &s.lines, &err) != 0) {
        return complain(path, err.text, FILE_UNREADABLE);
    }
    lines_set_stop(s.lines, &w->import->stopped);
    enum file_outcome outcome =
        S_ISREG(st.st_mode) && !is_stdin(path) ? read_identified(w, &s, &st) : read_stream(w, &s);
    if (outcome == FILE_UNREADABLE || outcome == FILE_NOTHING_NEW) {
        uint64_t left = s.raw_begin < (uint64_t)st.st_size ? (uint64_t)st.st_size - s.raw_begin : 0;
        atomic_fetch_sub(&w->import->size_total, S_ISREG(st.st_mode) ? left : 0);
    }
    lines_free(s.lines);
    return outcome;
}

// --- All files -----------------------------------------------------------------------------------

/// The next file to read; -1 when there is none that nobody reads.
static int next_file(struct import *im)
{
    int index = atomic_fetch_add(&im->next_file, 1);
    if (index < im->settings->arg_count) {
        return index;
    }
    CHECK(pthread_mutex_lock(&im->mutex) == 0);
    index = im->later_count > 0 ? im->later[--im->later_count] : -1;
    CHECK(pthread_mutex_unlock(&im->mutex) == 0);
    return index;
}

/// Puts a file back that is being read under another name.
static void put_back(struct import *im, int index)
{
    CHECK(pthread_mutex_lock(&im->mutex) == 0);
    im->later[im->later_count++] = index; // each file is there once at most
    CHECK(pthread_mutex_unlock(&im->mutex) == 0);
    if (atomic_load(&im->next_file) >= im->settings->arg_count) {
        struct timespec pause = { .tv_nsec = RETRY_MS * (long)NS_PER_MS };
        (void)nanosleep(&pause, NULL); // may end early
    }
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct import *im = w->import;
    while (!atomic_load(&im->stopped)) {
        int index = next_file(im);
        if (index < 0) {
            break;
        }
        if (is_parquet(im->settings->args[index])) {
            continue; // its turn comes when no lines are on their way any more
        }
        enum file_outcome outcome = read_file(w, im->settings->args[index]);
        if (outcome == FILE_LATER) {
            put_back(im, index);
        } else {
            atomic_fetch_add(&im->outcomes[outcome], 1);
        }
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
    if (positions_open(state, &im->pipeline.positions, err) != 0) {
        return err->status;
    }
    positions_set_sync(im->pipeline.positions, pipeline_sync, &im->pipeline);
    return 0;
}

static void measure_files(struct import *im)
{
    for (int i = 0; i < im->settings->arg_count; i++) {
        struct stat st;
        if (stat(im->settings->args[i], &st) == 0 && S_ISREG(st.st_mode)) {
            atomic_fetch_add(&im->size_total, (uint64_t)st.st_size);
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
        open_positions(im, err) != 0 || pipeline_start(&im->pipeline, im->settings, err) != 0) {
        return err->status;
    }
    im->pipeline.patience.places = PIPELINE_PLACES_FEW;
    im->workers = mem_zalloc_array(im->worker_count, sizeof(im->workers[0]));
    im->later = mem_zalloc_array((size_t)im->settings->arg_count, sizeof(im->later[0]));
    if (im->workers == NULL || im->later == NULL) {
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
    struct progress_state s = { .bytes_total = atomic_load(&im->size_total),
                                .files_total = (uint64_t)im->settings->arg_count,
                                .sums = sum_ledgers(im),
                                .elapsed_ns = clock_mono_ns() - im->begun_ns };
    for (size_t i = 0; i < im->worker_count; i++) {
        s.bytes += atomic_load(&im->workers[i].raw_bytes);
    }
    for (int i = 0; i < FILE_OUTCOME_COUNT; i++) {
        s.files[i] = atomic_load(&im->outcomes[i]);
    }
    return s;
}

static void stop(struct import *im)
{
    if (!atomic_exchange(&im->stopped, true)) {
        pipeline_prepare_stop(&im->pipeline);
    }
}

/// Until every file is read and its records are delivered, or a signal says stop, or nobody reads
/// the output any more.
static void control(struct import *im)
{
    uint64_t save_due_ns = 0;
    bool reading = true;
    while (reading || (!pipeline_is_done(&im->pipeline) && !atomic_load(&im->stopped))) {
        switch (signals_wait(reading ? CONTROL_INTERVAL_MS : DRAIN_INTERVAL_MS)) {
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
        if (atomic_load(&im->pipeline.closed) || atomic_load(&im->pipeline.gave_up)) {
            stop(im);
        }
        uint64_t now_ns = clock_mono_ns();
        if (now_ns >= save_due_ns) {
            save_due_ns = now_ns + SAVE_INTERVAL_MS * NS_PER_MS;
            pipeline_tick(&im->pipeline);
        }
        struct progress_state s = state_of(im);
        progress_show(&im->progress, &s);
        reading = atomic_load(&im->running) > 0;
    }
}

static void join_workers(struct import *im)
{
    for (size_t i = 0; i < im->worker_count && im->workers != NULL; i++) {
        if (im->workers[i].started) {
            CHECK(pthread_join(im->workers[i].thread, NULL) == 0);
        }
    }
}

/// Lines that could not be read, a line for each reason. How many there were.
static uint64_t log_bad_lines(const struct ledger_sums *sums)
{
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
    return aside;
}

static bool was_interrupted(struct import *im)
{
    uint64_t files = 0;
    for (int i = 0; i < FILE_OUTCOME_COUNT; i++) {
        files += atomic_load(&im->outcomes[i]);
    }
    return atomic_load(&im->stopped) || files < (uint64_t)im->settings->arg_count;
}

/// What the end means. `bad`: lines or records that could not be used.
static int exit_code(struct import *im, uint64_t bad)
{
    bool saved = !im->pipeline.positions_failing;
    bool unreadable = atomic_load(&im->outcomes[FILE_UNREADABLE]) > 0;
    if (!saved) {
        log_write(LOG_LEVEL_ERROR,
                  "positions could not be saved: the same command reads these lines again", NULL,
                  NULL);
    }
    if (was_interrupted(im)) {
        bool resumes = saved && strcmp(im->settings->state, "none") != 0;
        log_write(LOG_LEVEL_WARN,
                  resumes ? "interrupted: the same command goes on from here"
                          : "interrupted: the same command starts over",
                  NULL, NULL);
        return EXIT_CANNOT_RUN;
    }
    if (unreadable || !saved) {
        return EXIT_CANNOT_RUN;
    }
    return bad > 0 || atomic_load(&im->outcomes[FILE_DAMAGED]) > 0 ? EXIT_BAD_INPUT : EXIT_DONE;
}

/// Parquet files, one after the other; they have no positions. Returns how many of their records
/// were in the store.
static uint64_t take_parquet_files(struct import *im)
{
    uint64_t known = 0;
    for (int i = 0; i < im->settings->arg_count && !atomic_load(&im->stopped); i++) {
        const char *path = im->settings->args[i];
        struct err err;
        uint64_t records = 0;
        uint64_t duplicates = 0;
        if (!is_parquet(path)) {
            continue;
        }
        if (import_parquet(&im->pipeline, path, &records, &duplicates, &err) != 0) {
            enum file_outcome outcome = complain(path, err.text, FILE_UNREADABLE);
            atomic_fetch_add(&im->outcomes[outcome], 1);
            continue;
        }
        known += duplicates;
        atomic_fetch_add(&im->outcomes[records == 0 ? FILE_NOTHING_NEW : FILE_READ], 1);
        log_with(LOG_LEVEL_INFO, "records of a Parquet file", NULL, LOG_TEXT("file", path),
                 LOG_U64("records", records), LOG_U64("duplicates", duplicates));
    }
    return known;
}

/// Delivers what waits, saves, says what happened.
static int finish(struct import *im)
{
    progress_end(&im->progress);
    pipeline_stop(&im->pipeline);
    pipeline_tick(&im->pipeline); // the last positions
    uint64_t known = take_parquet_files(im);
    pipeline_tidy_store(&im->pipeline);
    struct progress_state s = state_of(im);
    s.duplicates += known;
    uint64_t bad = log_bad_lines(&s.sums);
    for (size_t i = 0; i < im->pipeline.transport_count; i++) {
        struct transport_books books = transport_books(im->pipeline.transports[i]);
        s.error_documents =
            books.error_documents > s.error_documents ? books.error_documents : s.error_documents;
        s.duplicates += books.duplicates;
        s.refused += books.refused;
        bad += books.error_documents + books.refused + books.dropped[TRANSPORT_DROP_TOO_LARGE];
    }
    (void)pipeline_log_books(&im->pipeline, &s.sums); // it says so when they do not balance
    if (atomic_load(&im->pipeline.closed) && !atomic_load(&im->pipeline.gave_up)) {
        return EXIT_CANNOT_RUN; // nobody reads what would be said
    }
    if (im->settings->summary[0] != '\0') {
        bool to_stderr = (im->pipeline.outputs & OUTPUT_FILE) != 0 &&
                         im->settings->transport_file[0] == '\0'; // the records go to stdout
        progress_print_summary(&s, to_stderr ? stderr : stdout);
    }
    return exit_code(im, bad);
}

static void release(struct import *im)
{
    for (size_t i = 0; i < im->worker_count && im->workers != NULL; i++) {
        intake_free(im->workers[i].intake);
    }
    mem_free(im->workers);
    mem_free(im->later);
    CHECK(pthread_mutex_destroy(&im->mutex) == 0);
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
    CHECK(pthread_mutex_init(&im->mutex, NULL) == 0);
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
    bool closed = atomic_load(&im->pipeline.closed) && !atomic_load(&im->pipeline.gave_up);
    release(im);
    if (closed) {
        signals_die_of_pipe();
    }
    return code;
}
