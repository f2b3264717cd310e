// SPDX-License-Identifier: Apache-2.0
/*
 * A file is opened without waiting (O_NONBLOCK), and only what is a regular file is read. Which
 * file it is can be said when its first line is whole; a compressed file, or one that is shorter
 * than what was read of the same file, may still be being written by whoever rotates, and is looked
 * at again when it has been left alone for SETTLE_MS.
 */
#include "source/followed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

enum {
    SETTLE_MS = 3000,
    RETRY_MS = 500,
    SAME_RETRY_MS = 10000, ///< files that begin alike are compared, which is work
    READ_BYTES = 2 << 20,  ///< of one file, before others have their turn
    /// The first places of a file are close together: positions.c tells files apart by them.
    LINES_FIRST = 8,
    CLOSE_TO_START = 8 << 10,
};
_Static_assert(POSITIONS_MAX == 65536, "as a message says");

struct followed *followed_new(const char *path, const struct stat *st)
{
    struct followed *f = mem_zalloc(sizeof(*f));
    char *copy = mem_strdup(path);
    if (f == NULL || copy == NULL) {
        mem_free(f);
        mem_free(copy);
        return NULL;
    }
    f->path = copy;
    f->device = st->st_dev;
    f->inode = st->st_ino;
    return f;
}

void followed_free(struct followed *f)
{
    CHECK(f->lines == NULL);
    mem_free(f->alias);
    mem_free(f->path);
    mem_free(f);
}

static uint64_t mtime_ns(const struct stat *st)
{
    return (uint64_t)st->st_mtim.tv_sec * NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;
}

bool followed_note(struct followed *f, const struct stat *st)
{
    bool changed = f->size != (uint64_t)st->st_size || f->mtime_ns != mtime_ns(st);
    f->size = (uint64_t)st->st_size;
    f->mtime_ns = mtime_ns(st);
    f->unlinked = st->st_nlink == 0;
    return changed;
}

static void say(const struct followed_env *env, const struct followed *f, const char *what)
{
    log_with(LOG_LEVEL_INFO, what, env->settings->label, LOG_TEXT("file", f->path));
}

static void set_unreadable(struct followed_env *env, struct followed *f, bool unreadable)
{
    if (f->is_unreadable != unreadable) {
        f->is_unreadable = unreadable;
        (void)atomic_fetch_add(&env->counts->unreadable, unreadable ? 1 : UINT64_MAX); // or -1
    }
}

void followed_complain(struct followed_env *env, struct followed *f, const char *why)
{
    set_unreadable(env, f, true);
    if (strcmp(f->problem, why) != 0) {
        (void)snprintf(f->problem, sizeof(f->problem), "%s", why); // cut is fine
        log_with(LOG_LEVEL_ERROR, "a file cannot be read", env->settings->label,
                 LOG_TEXT("file", f->path), LOG_TEXT("error", why));
    }
}

/// It is readable (again).
static void forget_problem(struct followed_env *env, struct followed *f)
{
    if (f->problem[0] != '\0') {
        f->problem[0] = '\0';
        say(env, f, "a file can be read again");
    }
    set_unreadable(env, f, false);
}

static bool is_young(const struct followed *f)
{
    uint64_t now_ns = clock_wall_ns();
    uint64_t age_ns = now_ns > f->mtime_ns ? now_ns - f->mtime_ns : f->mtime_ns - now_ns;
    return age_ns < SETTLE_MS * NS_PER_MS;
}

void followed_close(struct followed_env *env, struct followed *f)
{
    if (f->lines == NULL) {
        return;
    }
    if (f->track != NULL) {
        positions_release(env->settings->positions, f->track, f->lines);
        env->released = true;
    }
    origin_unref(f->origin);
    lines_free(f->lines);
    f->lines = NULL;
    f->track = NULL;
    f->origin = NULL;
    f->state = FOLLOWED_CLOSED;
    atomic_fetch_sub(&env->counts->open, 1);
}

/// Closes it; it is `state` until it changes.
static void leave(struct followed_env *env, struct followed *f, enum followed_state state)
{
    followed_close(env, f);
    f->state = state;
    f->wanted = false;
}

/// A damaged compressed file stays damaged until it changes, anything else may heal.
static void leave_with_problem(struct followed_env *env, struct followed *f, const char *why)
{
    f->may_heal = !lines_is_compressed(f->lines);
    followed_complain(env, f, why);
    leave(env, f, FOLLOWED_USELESS);
}

/// Whoever rotates may not be done with it.
static void come_back(struct followed_env *env, struct followed *f, uint64_t now_ns)
{
    followed_close(env, f);
    f->wanted = true;
    f->retry_ns = now_ns + RETRY_MS * NS_PER_MS;
}

static struct origin *make_origin(const struct followed *f)
{
    struct origin values = { .id = f->id,
                             .device = f->device,
                             .inode = f->inode,
                             .is_file = true,
                             .path = f->path,
                             .input_type = "log",
                             .track = f->track,
                             .has_places = true };
    return origin_new(&values);
}

bool followed_rename(struct followed *f, const char *path)
{
    char *copy = mem_strdup(path);
    if (copy == NULL) {
        return false;
    }
    mem_free(f->path);
    f->path = copy;
    if (f->track != NULL) {
        origin_unref(f->origin);
        f->origin = make_origin(f);
        CHECK(f->origin != NULL); // a few hundred bytes
    }
    return true;
}

// --- Which file it is ----------------------------------------------------------------------------

/// The offset behind the last line end of a plain file of `size` bytes; `size` when there is none
/// near.
static uint64_t last_line_end(int fd, uint64_t size)
{
    enum { BLOCK = 4096, BLOCKS_MAX = 1024 };
    char block[BLOCK];
    uint64_t end = size;
    for (int i = 0; i < BLOCKS_MAX && end > 0; i++) {
        size_t wanted = end < BLOCK ? (size_t)end : BLOCK;
        if (pread(fd, block, wanted, (off_t)(end - wanted)) != (ssize_t)wanted) {
            return size;
        }
        const char *found = memrchr(block, '\n', wanted);
        if (found != NULL) {
            return end - wanted + (size_t)(found - block) + 1;
        }
        end -= wanted;
    }
    return end == 0 ? 0 : size;
}

/// from=end: what is there already is passed over.
static void skip_to_end(struct followed_env *env, struct followed *f)
{
    struct positions *positions = env->settings->positions;
    uint64_t tail;
    struct stat st;
    if (lines_is_compressed(f->lines)) {
        struct track *track = f->track;
        bool known = fstat(lines_fd(f->lines), &st) == 0;
        leave(env, f, FOLLOWED_DONE);
        if (known) {
            positions_finish(positions, track, &st);
        }
        return;
    }
    uint64_t size = f->early_size < f->size ? f->early_size : f->size;
    uint64_t end = last_line_end(lines_fd(f->lines), size);
    if (lines_seek(f->lines, end, &tail) == 0) {
        positions_set(positions, f->track, end);
    }
}

/// Its place in `positions` is known: reading can begin.
static void begin(struct followed_env *env, struct followed *f)
{
    f->state = FOLLOWED_OPEN;
    env->taken = true;
    f->origin = make_origin(f);
    CHECK(f->origin != NULL); // a few hundred bytes
    f->wanted = true;
    bool unread =
        lines_offset(f->lines) == 0 && positions_get(env->settings->positions, f->track) == 0;
    if (env->settings->from_end && f->early && unread) {
        skip_to_end(env, f);
    }
    f->early = false;
    forget_problem(env, f);
    if (!f->announced && followed_is_open(f)) {
        f->announced = true;
        log_with(LOG_LEVEL_INFO, "following", env->settings->label, LOG_TEXT("file", f->path),
                 LOG_U64("offset", lines_offset(f->lines)));
    }
}

/// Whether this is what was in the file of this device and inode when it was last read. If it was
/// something else, the file was truncated, or the inode is used anew.
static bool is_known(struct followed_env *env, struct followed *f, const struct stat *st)
{
    struct positions_known known;
    if (!positions_find(env->settings->positions, st, f->path, &known)) {
        return false;
    }
    const uint64_t *old = known.fingerprint;
    bool same = old[0] == f->id.fingerprint[0] && old[1] == f->id.fingerprint[1];
    f->rotated = f->rotated || (same && known.other_path);
    if (!same && f->vouched && !f->was_truncated) {
        f->was_truncated = true;
        f->was_quietly = true;
        f->old[0] = old[0];
        f->old[1] = old[1];
        f->old_offset = known.reach;
    }
    return same;
}

/// The fingerprint is known.
static void take(struct followed_env *env, struct followed *f, const struct stat *st,
                 uint64_t now_ns)
{
    struct positions *positions = env->settings->positions;
    uint64_t reach = positions_reach(positions, f->id.fingerprint);
    bool compressed = lines_is_compressed(f->lines);
    if (!f->final && is_young(f) && (compressed || f->size < reach)) {
        come_back(env, f, now_ns);
        return;
    }
    bool known = is_known(env, f, st);
    bool ours =
        f->vouched || known || (reach > 0 && env->is_missing(env->context, f->id.fingerprint));
    if (!ours) {
        leave(env, f, FOLLOWED_USELESS);
        return;
    }
    int status = positions_take(positions, f->lines, f->id.fingerprint, f->path, &f->track, &f->id);
    switch (status) {
    case 0:
        f->rotated = f->rotated || (!known && lines_offset(f->lines) > 0);
        begin(env, f);
        break;
    case ERR_EXISTS:
        leave(env, f, FOLLOWED_SAME);
        f->retry_ns = now_ns + SAME_RETRY_MS * NS_PER_MS;
        break;
    case ERR_RANGE:
        say(env, f, "a copy of a file that was read farther: nothing is new");
        leave(env, f, FOLLOWED_DONE);
        break;
    case ERR_FULL:
        leave_with_problem(env, f, "there are more files than positions can be kept of (65536)");
        break;
    default:
        leave_with_problem(env, f, status_text(status));
        break;
    }
}

/// Reading begins at the start of the open file, whatever it held before.
static bool start_over(struct followed_env *env, struct followed *f)
{
    struct err err;
    int fd = fcntl(lines_fd(f->lines), F_DUPFD_CLOEXEC, 0);
    followed_close(env, f);
    if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0) {
        if (fd >= 0) {
            (void)close(fd); // nothing was written
        }
        f->wanted = true; // it is opened by its name
        return false;
    }
    if (lines_new(fd, f->path, env->settings->line_max, &f->lines, &err) != 0) {
        f->wanted = true;
        return false;
    }
    atomic_fetch_add(&env->counts->open, 1);
    f->state = FOLLOWED_BEGUN;
    f->wanted = true;
    f->at_end = false;
    return true;
}

/// An open file whose first line was not whole when it was last looked at.
static void identify(struct followed_env *env, struct followed *f, uint64_t now_ns)
{
    struct stat st;
    if (fstat(lines_fd(f->lines), &st) != 0) {
        leave_with_problem(env, f, "cannot be read");
        return;
    }
    (void)followed_note(f, &st);
    f->wanted = false;
    int status = lines_fingerprint(f->lines, f->final, f->id.fingerprint);
    switch (status) {
    case 0:
        take(env, f, &st, now_ns);
        break;
    case ERR_NOT_FOUND:
        f->early = false; // whatever comes is new
        f->at_end = true;
        forget_problem(env, f);
        break;
    case ERR_CLOSED:
        (void)start_over(env, f); // else it is opened again
        break;
    default:
        leave_with_problem(env, f, lines_problem(f->lines));
        break;
    }
}

/// Opens what `path` leads to, if that is still the file it was. -1 when not.
static int open_path(struct followed_env *env, struct followed *f)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        if (errno != ENOENT) { // it is gone: the next scan says so
            struct err err;
            (void)err_set_errno(&err, errno, "cannot open");
            f->may_heal = true;
            f->state = FOLLOWED_USELESS;
            followed_complain(env, f, err.text);
        }
        return -1;
    }
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_dev != f->device || st.st_ino != f->inode ||
        !S_ISREG(st.st_mode)) {
        (void)close(fd); // nothing was written; the next scan finds what is there now
        return -1;
    }
    return fd;
}

void followed_open(struct followed_env *env, struct followed *f, uint64_t now_ns)
{
    if (!followed_is_open(f)) {
        struct err err;
        f->wanted = false;
        int fd = open_path(env, f);
        if (fd < 0 && f->state != FOLLOWED_USELESS) {
            // It has another name by now, which the next scan knows, or it is gone. Nothing else
            // may ever happen to it: to be read it has to stay wanted.
            f->wanted = true;
            f->retry_ns = now_ns + RETRY_MS * NS_PER_MS;
        }
        if (fd < 0) {
            return;
        }
        if (lines_new(fd, f->path, env->settings->line_max, &f->lines, &err) != 0) {
            followed_complain(env, f, err.text);
            return;
        }
        atomic_fetch_add(&env->counts->open, 1);
        f->state = FOLLOWED_BEGUN;
        f->at_end = false;
        f->active_ns = now_ns;
    }
    identify(env, f, now_ns);
}

// --- Reading -------------------------------------------------------------------------------------

static void truncated(struct followed_env *env, struct followed *f)
{
    log_with(LOG_LEVEL_INFO, "truncated: read from its start", env->settings->label,
             LOG_TEXT("file", f->path), LOG_U64("offset", lines_offset(f->lines)));
    atomic_fetch_add(&env->counts->truncated, 1);
    f->was_truncated = true;
    f->was_quietly = false;
    f->old[0] = f->id.fingerprint[0];
    f->old[1] = f->id.fingerprint[1];
    f->old_offset = lines_offset(f->lines);
    f->rotated = false;
    (void)start_over(env, f); // else it is opened again
}

/// A compressed file is read whole; `st` is from before its end was read.
static void finished(struct followed_env *env, struct followed *f, const struct stat *st)
{
    struct track *track = f->track;
    say(env, f, "read whole");
    atomic_fetch_add(&env->counts->finished, 1);
    leave(env, f, FOLLOWED_DONE);
    positions_finish(env->settings->positions, track, st);
}

/// No more lines for now.
static void ended(struct followed_env *env, struct followed *f, const struct stat *st,
                  enum lines_state state)
{
    f->wanted = false;
    switch (state) {
    case LINES_DONE:
        finished(env, f, st);
        break;
    case LINES_BAD:
        leave_with_problem(env, f, lines_problem(f->lines));
        break;
    case LINES_REPLACED:
        truncated(env, f);
        break;
    case LINES_END:
    case LINES_MORE:
        f->at_end = true;
        break;
    }
}

static void hand_out(struct followed_env *env, struct followed *f, size_t count)
{
    uint64_t now_ns = clock_wall_ns();
    for (size_t i = 0; i < count; i++) {
        env->lines[i].origin = f->origin;
        env->lines[i].read_ns = now_ns;
        env->settings->line(env->settings->context, &env->lines[i]);
    }
}

uint64_t followed_read(struct followed_env *env, struct followed *f, bool always)
{
    struct stat st;
    uint64_t bytes = 0;
    if (fstat(lines_fd(f->lines), &st) != 0) {
        leave_with_problem(env, f, "cannot be read");
        return 0;
    }
    (void)followed_note(f, &st); // what comes after this is seen as a change
    f->at_end = false;
    while (bytes < READ_BYTES && (always || !atomic_load(env->settings->stop))) {
        enum lines_state state;
        uint64_t offset = lines_offset(f->lines);
        size_t max = offset < CLOSE_TO_START ? LINES_FIRST : FOLLOWED_LINES;
        size_t n = lines_read(f->lines, f->final, env->lines, max, &state);
        if (n == 0 && state != LINES_MORE) {
            ended(env, f, &st, state);
            break;
        }
        hand_out(env, f, n);
        positions_mark(env->settings->positions, f->track, f->lines);
        bytes += lines_offset(f->lines) - offset;
    }
    if (followed_is_open(f) && !f->at_end) {
        lines_rest(f->lines);
    }
    atomic_fetch_add(&env->counts->bytes, bytes);
    return bytes;
}
