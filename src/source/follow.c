// SPDX-License-Identifier: Apache-2.0
/*
 * The set of files. A scan walks the pattern and compares what is there with what is known, by
 * device and inode: what is new is added, what has another name is renamed, what is missing is gone
 * and dropped when it is read to its end. Between scans open files are looked at through their
 * descriptors, closed ones by name.
 *
 *     every scan_ms, or when a folder changes    scan
 *     every poll_ms, or when a file changes      look at what is open
 *     every second                               look at what is closed
 *     when something is wanted                   open, read, in turns
 *
 * Files that the pattern does not match are looked at in two cases: one whose inode is known and
 * that is longer than what was read of it (it was renamed while weir was away), and, for a while
 * after a file was truncated, those whose names begin with its name (the copy that copytruncate
 * made).
 *
 * Descriptors are bounded. Who has been quiet for the longest time is closed for who has something
 * to say, and a closed file is found again by what it holds.
 */
#include "source/follow.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "source/excludes.h"
#include "source/followed.h"
#include "source/glob.h"
#include "source/watch.h"

enum {
    BUCKETS = 4096,
    TRUNCATED_MAX = 64,
    /// How long the copy of a truncated file is looked for: compressing it takes its time.
    COPY_SEARCH_S = 60,
    CLOSED_LOOK_MS = 1000,
    SCAN_PAUSE_MIN_MS = 20, ///< folders that change all the time are not scanned all the time
    SAVE_PAUSE_MS = 100,
    NEWS_PAUSE_MS = 10, ///< nor are files looked at for every line that is written to them
    TURN_MS = 50,
    EVICT_IDLE_MS = 1000,
    /// A rotated file's last line may lack its end for good: goflow2 writes that with a call of its
    /// own, and to the new file when it is told to reopen in between.
    LAST_LINE_MS = 30000,
    LOOK_AT_ONCE_MAX = 4096, ///< with more files news wait until they are due
};

/// A file was truncated; its copy is looked for.
struct truncation {
    char *path; ///< its name then
    uint64_t fingerprint[2];
    uint64_t offset; ///< how far it was read
    uint64_t deadline_ns;
    bool quietly; ///< nobody saw it, and it may be another file: nothing is said
};

struct follow {
    struct followed_env env;
    const struct follow_settings *settings;
    struct follow_counts counts;
    struct excludes *excludes;
    struct watch *watch;
    int wake_fd;

    size_t count;
    struct followed **files;
    size_t capacity;
    struct followed *buckets[BUCKETS];
    size_t cursor;       ///< where the next turn begins
    size_t evict_cursor; ///< where somebody to be closed is looked for
    bool no_room;        ///< in this turn

    size_t truncation_count;
    struct truncation truncations[TRUNCATED_MAX];

    uint64_t scan; ///< number of the scan
    bool scan_wanted;
    bool scan_incomplete; ///< a folder could not be read: what was not seen may be there
    bool first;           ///< from=end, and the pattern is followed for the first time
    bool noting;          ///< and the ends of what is there are not all known yet
    bool full;            ///< there are more files than may be known, and that was said
    uint64_t scan_due_ns;
    uint64_t scan_allowed_ns;
    uint64_t look_due_ns;
    uint64_t closed_due_ns;
    uint64_t save_due_ns;
    uint64_t now_ns;
    char problem_path[GLOB_PATH_MAX]; ///< what could not be looked at last, and was named
};

// --- The table -----------------------------------------------------------------------------------

static struct followed **bucket_of(struct follow *f, uint64_t device, uint64_t inode)
{
    uint64_t key[2] = { device, inode };
    return &f->buckets[hash64(key, sizeof(key)) % BUCKETS];
}

static struct followed *find(struct follow *f, const struct stat *st)
{
    struct followed *file = *bucket_of(f, st->st_dev, st->st_ino);
    while (file != NULL && !(file->device == st->st_dev && file->inode == st->st_ino)) {
        file = file->next;
    }
    return file;
}

static struct followed *add(struct follow *f, const char *path, const struct stat *st)
{
    if (f->count == FOLLOW_FILES_MAX) {
        if (!f->full) {
            f->full = true;
            log_with(LOG_LEVEL_ERROR, "too many files; those above are not followed",
                     f->settings->label, LOG_U64("files", FOLLOW_FILES_MAX),
                     LOG_TEXT("first_left_out", path));
        }
        return NULL;
    }
    if (f->count == f->capacity) {
        size_t capacity = f->capacity == 0 ? 64 : 2 * f->capacity;
        struct followed **files = mem_resize(f->files, capacity * sizeof(files[0]));
        if (files == NULL) {
            return NULL; // the next scan tries again
        }
        f->files = files;
        f->capacity = capacity;
    }
    struct followed *file = followed_new(path, st);
    if (file == NULL) {
        return NULL; // likewise
    }
    (void)followed_note(file, st);
    file->active_ns = f->now_ns;
    struct followed **bucket = bucket_of(f, file->device, file->inode);
    file->next = *bucket;
    *bucket = file;
    f->files[f->count++] = file;
    return file;
}

/// Out of the table; files[index] is another one then.
static void drop(struct follow *f, size_t index)
{
    struct followed *file = f->files[index];
    struct followed **at = bucket_of(f, file->device, file->inode);
    while (*at != file) {
        at = &(*at)->next;
    }
    *at = file->next;
    f->files[index] = f->files[--f->count];
    if (file->is_unreadable) {
        atomic_fetch_sub(&f->counts.unreadable, 1);
    }
    followed_free(file);
}

// --- Scanning ------------------------------------------------------------------------------------

static bool is_too_old(const struct follow *f, const struct stat *st)
{
    uint64_t now_s = clock_wall_ns() / NS_PER_S;
    uint64_t then_s = (uint64_t)st->st_mtim.tv_sec;
    return f->settings->ignore_older_s > 0 && now_s > then_s &&
           now_s - then_s > f->settings->ignore_older_s;
}

/// A file that the pattern matches and that is not known.
static void add_found(struct follow *f, const char *path, const struct stat *st)
{
    struct followed *file = add(f, path, st);
    struct positions_known known;
    if (file == NULL) {
        return;
    }
    file->vouched = true;
    file->early = f->first;
    file->early_size = file->size;
    if (!S_ISREG(st->st_mode)) {
        file->state = FOLLOWED_USELESS;
        followed_complain(&f->env, file, "is no regular file");
    } else if (positions_is_finished(f->settings->positions, st)) {
        file->state = FOLLOWED_DONE;
    } else if (is_too_old(f, st) && !positions_find(f->settings->positions, st, path, &known)) {
        file->state = FOLLOWED_DONE;
        atomic_fetch_add(&f->counts.too_old, 1);
        log_with(LOG_LEVEL_INFO, "passed over: not changed for longer than ignore_older",
                 f->settings->label, LOG_TEXT("file", path));
    } else {
        file->wanted = true;
    }
}

/// It was seen under `path` in this scan.
static void see(struct follow *f, struct followed *file, const char *path)
{
    file->seen = f->scan;
    if (strcmp(file->path, path) == 0) {
        file->path_seen = f->scan;
    } else if (file->alias_seen != f->scan) {
        char *alias = mem_strdup(path);
        if (alias != NULL) { // else it keeps its name for now
            mem_free(file->alias);
            file->alias = alias;
            file->alias_seen = f->scan;
        }
    }
}

/// What a closed file is like now.
static void note_closed(struct follow *f, struct followed *file, const struct stat *st)
{
    if (followed_note(file, st) && S_ISREG(st->st_mode)) {
        file->active_ns = f->now_ns;
        file->retry_ns = 0;
        file->final = false;
        file->wanted = true;
    }
}

static void found(void *context, const char *path, const struct stat *st)
{
    struct follow *f = context;
    if (S_ISDIR(st->st_mode) || excludes_match(f->excludes, path)) {
        return;
    }
    struct followed *file = find(f, st);
    if (file == NULL) {
        add_found(f, path, st);
        file = find(f, st);
    } else if (!followed_is_open(file)) {
        note_closed(f, file, st);
    }
    if (file != NULL) {
        see(f, file, path);
        file->vouched = true;
        file->outside = false;
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

/// Whether a file that the pattern does not match may hold lines that are still to be read: it was
/// renamed, or a truncated one was copied to it.
static bool may_be_ours(struct follow *f, const char *path, const struct stat *st)
{
    struct positions_known known;
    bool compressed = ends_with(path, ".gz") || ends_with(path, ".zst");
    if (positions_is_finished(f->settings->positions, st)) {
        return false;
    }
    if (positions_find(f->settings->positions, st, path, &known) &&
        (compressed || (uint64_t)st->st_size > known.reach)) {
        return true;
    }
    for (size_t i = 0; i < f->truncation_count; i++) {
        if (strncmp(path, f->truncations[i].path, strlen(f->truncations[i].path)) == 0) {
            return true;
        }
    }
    return false;
}

static void other(void *context, const char *path)
{
    struct follow *f = context;
    struct stat st;
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || excludes_match(f->excludes, path)) {
        return;
    }
    struct followed *file = find(f, &st);
    if (file == NULL && may_be_ours(f, path, &st)) {
        file = add(f, path, &st);
        if (file != NULL) {
            file->outside = true;
            file->wanted = true;
        }
    }
    if (file != NULL && file->seen != f->scan) {
        file->outside = true;
        see(f, file, path);
    }
}

static void folder(void *context, const char *path)
{
    struct follow *f = context;
    watch_folder(f->watch, path);
}

static void problem(void *context, const char *path, int error)
{
    struct follow *f = context;
    f->scan_incomplete = true;
    if (strcmp(f->problem_path, path) != 0 && strlen(path) < sizeof(f->problem_path)) {
        struct err err;
        memcpy(f->problem_path, path, strlen(path) + 1);
        (void)err_set_errno(&err, error, "cannot look into it");
        log_with(LOG_LEVEL_ERROR, "a folder cannot be read", f->settings->label,
                 LOG_TEXT("folder", path), LOG_TEXT("error", err.text));
    }
}

static uint64_t idle_ms(const struct follow *f, const struct followed *file)
{
    return (f->now_ns - file->active_ns) / NS_PER_MS;
}

/// `file` is the same as one that is read. If that one is quiet and `file` is longer, `file` is the
/// log and the other a copy of its beginning. Now and then it is seen whether they differ by now.
static void change_over(struct follow *f, struct followed *file)
{
    struct followed *holder = NULL;
    for (size_t i = 0; i < f->count && holder == NULL; i++) {
        struct followed *one = f->files[i];
        bool same =
            memcmp(one->id.fingerprint, file->id.fingerprint, sizeof(file->id.fingerprint)) == 0;
        holder = one->state == FOLLOWED_OPEN && same ? one : NULL;
    }
    if (f->now_ns >= file->retry_ns) {
        file->retry_ns = 0;
        file->wanted = true;
    } else if (holder != NULL && holder->at_end && !holder->wanted &&
               !lines_is_compressed(holder->lines) && idle_ms(f, holder) >= EVICT_IDLE_MS &&
               file->size > lines_offset(holder->lines) + lines_pending(holder->lines)) {
        followed_close(&f->env, holder);
        holder->state = FOLLOWED_SAME;
        file->retry_ns = 0;
        file->wanted = true;
    }
}

/// What the scan says of a known file. Returns whether it is to be dropped.
static bool compare(struct follow *f, struct followed *file)
{
    bool seen = file->seen == f->scan;
    bool was_seen = file->seen + 1 >= f->scan;
    if (seen && file->path_seen != f->scan && file->alias_seen == f->scan) {
        log_with(LOG_LEVEL_INFO, file->outside ? "rotated away, still read" : "renamed",
                 f->settings->label, LOG_TEXT("file", file->path), LOG_TEXT("to", file->alias));
        atomic_fetch_add(&f->counts.rotated, file->outside ? 1 : 0);
        file->rotated = true;
        if (followed_rename(file, file->alias)) {
            file->path_seen = f->scan;
        }
    } else if (!seen && was_seen && followed_is_open(file)) {
        struct stat st;
        bool deleted = fstat(lines_fd(file->lines), &st) == 0 && st.st_nlink == 0;
        log_with(LOG_LEVEL_INFO, deleted ? "deleted, still read" : "moved away, still read",
                 f->settings->label, LOG_TEXT("file", file->path));
        atomic_fetch_add(&f->counts.rotated, 1);
    }
    if (!seen) {
        return !followed_is_open(file);
    }
    if (file->state == FOLLOWED_SAME) {
        change_over(f, file);
    }
    file->wanted = file->wanted || (file->state == FOLLOWED_USELESS && file->may_heal);
    return false;
}

static int older_first(const void *a, const void *b)
{
    const struct followed *const *x = a;
    const struct followed *const *y = b;
    if ((*x)->mtime_ns != (*y)->mtime_ns) {
        return (*x)->mtime_ns < (*y)->mtime_ns ? -1 : 1;
    }
    return strcmp((*x)->path, (*y)->path);
}

static void scan(struct follow *f)
{
    struct glob_visitor visitor = {
        .context = f, .found = found, .other = other, .folder = folder, .problem = problem
    };
    size_t known = f->count;
    f->scan++;
    f->scan_wanted = false;
    f->scan_incomplete = false;
    f->full = f->full && f->count == FOLLOW_FILES_MAX;
    watch_begin(f->watch);
    glob_walk(f->settings->pattern, &visitor);
    if (watch_end(f->watch)) {
        log_with(LOG_LEVEL_WARN, "not every folder can be watched; it is looked into regularly",
                 f->settings->label, LOG_U64("watched", watch_count(f->watch)));
    }
    if (f->count > known) { // what was rotated comes before what is written now
        qsort(f->files + known, f->count - known, sizeof(f->files[0]), older_first);
    }
    size_t ours = 0;
    for (size_t i = f->count; i-- > 0;) {
        bool foreign = f->files[i]->outside && f->files[i]->state == FOLLOWED_USELESS;
        ours += !foreign;
        if (f->scan_incomplete && f->files[i]->seen != f->scan) {
            f->files[i]->seen = f->scan; // for all that is known
        } else if (compare(f, f->files[i])) {
            drop(f, i);
            ours -= !foreign;
        }
    }
    if (f->scan == 1) {
        log_with(LOG_LEVEL_INFO, "looked for files", f->settings->label, LOG_U64("files", f->count),
                 LOG_U64("folders_watched", watch_count(f->watch)));
    }
    f->first = false;
    uint64_t end_ns = clock_mono_ns();
    uint64_t took_ns = end_ns - f->now_ns;
    f->now_ns = end_ns;
    f->scan_due_ns = end_ns + f->settings->scan_ms * NS_PER_MS;
    f->scan_allowed_ns = end_ns + SCAN_PAUSE_MIN_MS * NS_PER_MS + 10 * took_ns;
    atomic_store(&f->counts.files, ours);
}

// --- Truncated files and their copies ------------------------------------------------------------

static void forget_truncation(struct follow *f, size_t index)
{
    mem_free(f->truncations[index].path);
    f->truncations[index] = f->truncations[--f->truncation_count];
}

static bool is_missing(const void *context, const uint64_t fingerprint[2])
{
    const struct follow *f = context;
    for (size_t i = 0; i < f->truncation_count; i++) {
        if (memcmp(f->truncations[i].fingerprint, fingerprint, 2 * sizeof(fingerprint[0])) == 0) {
            return true;
        }
    }
    return false;
}

static void note_truncation(struct follow *f, struct followed *file)
{
    file->was_truncated = false;
    f->scan_wanted = true;
    if (is_missing(f, file->old)) {
        return;
    }
    if (f->truncation_count == TRUNCATED_MAX) {
        forget_truncation(f, 0);
    }
    char *path = mem_strdup(file->path);
    if (path != NULL) { // else its copy is found only by the pattern
        f->truncations[f->truncation_count++] =
            (struct truncation){ .path = path,
                                 .fingerprint = { file->old[0], file->old[1] },
                                 .offset = file->old_offset,
                                 .deadline_ns = f->now_ns + COPY_SEARCH_S * NS_PER_S,
                                 .quietly = file->was_quietly };
    }
}

/// Whether somebody has the file that was truncated, or all that was read of it.
static bool has_copy(const struct follow *f, const struct truncation *t)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct followed *file = f->files[i];
        bool has = file->state == FOLLOWED_OPEN || file->state == FOLLOWED_DONE ||
                   file->state == FOLLOWED_CLOSED;
        if (has && memcmp(file->id.fingerprint, t->fingerprint, sizeof(t->fingerprint)) == 0) {
            return true;
        }
    }
    return false;
}

static void look_for_copies(struct follow *f)
{
    for (size_t i = f->truncation_count; i-- > 0;) {
        const struct truncation *t = &f->truncations[i];
        if (has_copy(f, t)) {
            forget_truncation(f, i);
        } else if (f->now_ns >= t->deadline_ns) {
            if (!t->quietly) {
                atomic_fetch_add(&f->counts.copies_lost, 1);
                log_with(LOG_LEVEL_WARN,
                         "a file was truncated and no copy of it was found: lines behind the "
                         "offset are lost, if there were any",
                         f->settings->label, LOG_TEXT("file", t->path),
                         LOG_U64("offset", t->offset));
            }
            forget_truncation(f, i);
        }
    }
}

// --- Looking -------------------------------------------------------------------------------------

/// Nothing more is expected of a file that was rotated away.
static bool is_gone(const struct follow *f, const struct followed *file)
{
    return file->outside || file->unlinked || file->seen != f->scan;
}

static void look_at_open(struct follow *f, struct followed *file)
{
    struct stat st;
    if (fstat(lines_fd(file->lines), &st) != 0) {
        return;
    }
    if (followed_note(file, &st)) {
        file->active_ns = f->now_ns;
        file->final = false;
        file->wanted = true;
    } else if (file->at_end && !file->wanted) {
        uint64_t close_ms = f->settings->close_inactive_ms;
        uint64_t last_ms = close_ms < LAST_LINE_MS ? close_ms : LAST_LINE_MS;
        bool ends = (is_gone(f, file) || file->rotated) && lines_pending(file->lines) > 0;
        if (ends && idle_ms(f, file) >= last_ms) {
            file->final = true;
            file->wanted = true;
        } else if (idle_ms(f, file) >= close_ms) {
            followed_close(&f->env, file);
        }
    }
}

static void look_at_closed(struct follow *f, struct followed *file)
{
    struct stat st;
    if (stat(file->path, &st) != 0 || st.st_dev != file->device || st.st_ino != file->inode) {
        f->scan_wanted = f->scan_wanted || file->seen == f->scan;
        return;
    }
    note_closed(f, file, &st);
}

static uint64_t behind(const struct followed *file)
{
    uint64_t offset = lines_is_compressed(file->lines) ? lines_raw_offset(file->lines)
                                                       : lines_offset(file->lines);
    return file->size > offset ? file->size - offset : 0;
}

static void look(struct follow *f, bool closed_too)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < f->count; i++) {
        struct followed *file = f->files[i];
        if (followed_is_open(file)) {
            look_at_open(f, file);
        } else if (closed_too && !file->wanted) {
            look_at_closed(f, file);
        }
        sum += followed_is_open(file) ? behind(file) : 0;
    }
    atomic_store(&f->counts.behind, sum);
}

/// A file was let go: whoever is the same may be read now.
static void wake_same(struct follow *f)
{
    f->env.released = false;
    for (size_t i = 0; i < f->count; i++) {
        struct followed *file = f->files[i];
        if (file->state == FOLLOWED_SAME) {
            file->retry_ns = 0;
            file->wanted = true;
        }
    }
}

/// Looks at whatever is due.
static void look_around(struct follow *f)
{
    enum watch_news news = watch_read(f->watch);
    f->now_ns = clock_mono_ns();
    f->scan_wanted = f->scan_wanted || news == WATCH_NAMES;
    if (f->now_ns >= f->scan_due_ns || (f->scan_wanted && f->now_ns >= f->scan_allowed_ns)) {
        scan(f);
    }
    bool closed_due = f->now_ns >= f->closed_due_ns;
    bool at_once = news != WATCH_NOTHING && f->count <= LOOK_AT_ONCE_MAX;
    if (at_once || closed_due || f->now_ns >= f->look_due_ns) {
        look(f, closed_due);
        look_for_copies(f);
        f->look_due_ns = f->now_ns + f->settings->poll_ms * NS_PER_MS;
        f->closed_due_ns = closed_due ? f->now_ns + CLOSED_LOOK_MS * NS_PER_MS : f->closed_due_ns;
    }
    if (f->env.released) {
        wake_same(f);
    }
}

// --- Reading in turns ----------------------------------------------------------------------------

/// Whether `file` may be closed for another one, at this degree of want.
static bool may_evict(const struct follow *f, const struct followed *file, int want)
{
    bool quiet = followed_is_open(file) && file->at_end && !file->wanted;
    bool idle = idle_ms(f, file) >= EVICT_IDLE_MS;
    switch (want) {
    case 0:
        return quiet && idle && !is_gone(f, file);
    case 1:
        return quiet && !is_gone(f, file);
    default:
        return quiet && idle;
    }
}

/// An open file that has been quiet for a while; one that is gone only if there is no other. Every
/// file has its turn, so that who was closed is not closed again at once.
static struct followed *find_quiet(struct follow *f)
{
    for (int want = 0; want < 3; want++) {
        for (size_t i = 0; i < f->count; i++) {
            f->evict_cursor = (f->evict_cursor + 1) % f->count;
            struct followed *file = f->files[f->evict_cursor];
            if (may_evict(f, file, want)) {
                return file;
            }
        }
    }
    return NULL;
}

/// Whether one more file may be opened, another being closed for it if need be.
static bool make_room(struct follow *f)
{
    if (atomic_load(&f->counts.open) < f->settings->open_max) {
        return true;
    }
    struct followed *file = f->no_room ? NULL : find_quiet(f);
    if (file == NULL) {
        f->no_room = true;
        return false;
    }
    if (file->unlinked) { // nobody will find it again
        file->final = true;
        (void)followed_read(&f->env, file, false);
    }
    followed_close(&f->env, file);
    return true;
}

/// Opens or reads one file.
static uint64_t step(struct follow *f, struct followed *file, bool may_read)
{
    uint64_t bytes = 0;
    if (file->state != FOLLOWED_OPEN) {
        if (!followed_is_open(file) && !make_room(f)) {
            return 0;
        }
        followed_open(&f->env, file, f->now_ns);
        if (file->state == FOLLOWED_SAME) {
            change_over(f, file);
        }
    }
    if (file->state == FOLLOWED_OPEN && may_read && file->wanted) {
        bytes = followed_read(&f->env, file, false);
        file->active_ns = bytes > 0 ? f->now_ns : file->active_ns;
    }
    if (file->was_truncated) {
        note_truncation(f, file);
    }
    return bytes;
}

/// Whether something can be done for it now.
static bool is_due(const struct follow *f, const struct followed *file, bool may_read)
{
    return file->wanted && f->now_ns >= file->retry_ns &&
           (may_read || file->state != FOLLOWED_OPEN);
}

/// from=end: nothing is read before the ends of what is there are on the disk; else what is written
/// until the next start could be passed over as well.
static void note_ends(struct follow *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->files[i]->early && f->files[i]->wanted) {
            return;
        }
    }
    struct err err;
    f->noting = false;
    positions_note(f->settings->positions, f->settings->pattern);
    if (positions_save(f->settings->positions, &err) != 0) {
        log_with(LOG_LEVEL_ERROR, "positions cannot be saved; it is tried again",
                 f->settings->label, LOG_TEXT("error", err.text));
    }
}

/// Which files are followed is saved soon, and not with the next positions: a file that is renamed
/// out of the pattern while weir is away is found only if it is known.
static void save_taken(struct follow *f)
{
    struct err err;
    if (f->env.taken && f->now_ns >= f->save_due_ns) {
        f->env.taken = false;
        f->save_due_ns = f->now_ns + SAVE_PAUSE_MS * NS_PER_MS;
        int status = positions_save(f->settings->positions, &err);
        (void)status; // it is tried again with the positions, and said there
    }
}

bool follow_turn(struct follow *f, bool may_read)
{
    look_around(f);
    save_taken(f);
    f->no_room = false;
    if (f->noting) {
        note_ends(f);
    }
    may_read = may_read && !f->noting;
    uint64_t end_ns = f->now_ns + TURN_MS * NS_PER_MS;
    bool more = false;
    size_t count = f->count;
    for (size_t i = 0; i < count && !atomic_load(f->settings->stop); i++) {
        struct followed *file = f->files[(f->cursor + i) % count];
        if (!is_due(f, file, may_read)) {
            continue;
        }
        f->now_ns = clock_mono_ns();
        if (f->now_ns >= end_ns) { // the rest comes first in the next turn
            f->cursor = (f->cursor + i) % count;
            return true;
        }
        uint64_t bytes = step(f, file, may_read);
        more = more || (bytes > 0 && file->wanted);
    }
    return more;
}

void follow_wait(struct follow *f, uint64_t timeout_ms)
{
    struct pollfd fds[2] = { { .fd = f->wake_fd, .events = POLLIN },
                             { .fd = watch_fd(f->watch), .events = POLLIN } };
    uint64_t ms = timeout_ms < f->settings->poll_ms ? timeout_ms : f->settings->poll_ms;
    int pause_ms = ms < NEWS_PAUSE_MS ? (int)ms : NEWS_PAUSE_MS;
    if (poll(fds, 1, pause_ms) > 0 || poll(fds, 2, (int)ms - pause_ms) <= 0) {
        return;
    }
}

void follow_wake(struct follow *f)
{
    uint64_t one = 1;
    ssize_t n = write(f->wake_fd, &one, sizeof(one));
    (void)n; // it can only be awake already
}

// --- Beginning and end ---------------------------------------------------------------------------

int follow_new(const struct follow_settings *settings, struct follow **ret_follow, struct err *err)
{
    if (glob_check(settings->pattern, err) != 0) {
        return err->status;
    }
    struct follow *f = mem_zalloc(sizeof(*f));
    struct line *lines = mem_zalloc_array(FOLLOWED_LINES, sizeof(lines[0]));
    if (f == NULL || lines == NULL) {
        mem_free(f);
        mem_free(lines);
        return err_set(err, ERR_NO_MEMORY, "out of memory for %s", settings->pattern);
    }
    f->settings = settings;
    f->env = (struct followed_env){ .settings = settings,
                                    .counts = &f->counts,
                                    .lines = lines,
                                    .is_missing = is_missing,
                                    .context = f };
    f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int status = f->wake_fd < 0
                     ? err_set_errno(err, errno, "cannot follow %s", settings->pattern)
                     : excludes_new(settings->excludes, settings->exclude_count, &f->excludes, err);
    if (status == 0 && watch_new(&f->watch) != 0) {
        status = err_set(err, ERR_NO_MEMORY, "out of memory for %s", settings->pattern);
    }
    if (status != 0) {
        follow_free(f);
        return status;
    }
    f->first = settings->from_end && !positions_is_noted(settings->positions, settings->pattern);
    f->noting = f->first;
    if (!f->first) {
        positions_note(settings->positions, settings->pattern);
    }
    *ret_follow = f;
    return 0;
}

/// Nobody can read a deleted file later.
static void read_deleted(struct follow *f, struct followed *file)
{
    struct stat st;
    if (fstat(lines_fd(file->lines), &st) != 0 || st.st_nlink > 0) {
        return;
    }
    file->final = true;
    if (file->state == FOLLOWED_BEGUN) {
        followed_open(&f->env, file, f->now_ns);
    }
    while (file->state == FOLLOWED_OPEN && followed_read(&f->env, file, true) > 0) {
    }
}

void follow_end(struct follow *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (followed_is_open(f->files[i])) {
            read_deleted(f, f->files[i]);
            followed_close(&f->env, f->files[i]);
        }
    }
}

void follow_free(struct follow *f)
{
    if (f == NULL) {
        return;
    }
    while (f->count > 0) {
        drop(f, f->count - 1);
    }
    while (f->truncation_count > 0) {
        forget_truncation(f, 0);
    }
    excludes_free(f->excludes);
    watch_free(f->watch);
    if (f->wake_fd >= 0) {
        (void)close(f->wake_fd); // nobody waits
    }
    mem_free(f->files);
    mem_free(f->env.lines);
    mem_free(f);
}

const struct follow_counts *follow_counts(const struct follow *f)
{
    return &f->counts;
}
