// SPDX-License-Identifier: Apache-2.0
/*
 * The pattern is cut at its slashes, and one path grows and shrinks on the way through the folders.
 * A name without a wildcard is not looked for among others, so that a folder that may be passed but
 * not read is no hindrance; but the last name's folder is always read when somebody wants to know
 * what else is in it.
 */
#include "source/glob.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

struct walk {
    const struct glob_visitor *visitor;
    size_t count;
    char *names[GLOB_NAMES_MAX]; ///< into `pattern`
    char pattern[GLOB_PATH_MAX];
    char path[GLOB_PATH_MAX];
    size_t size; ///< of path
};

static bool is_any_depth(const char *name)
{
    return strcmp(name, "**") == 0;
}

static bool is_literal(const char *name)
{
    return strpbrk(name, "*?[\\") == NULL;
}

int glob_check(const char *pattern, struct err *err)
{
    size_t names = 0;
    size_t size = strlen(pattern);
    if (size == 0 || size >= GLOB_PATH_MAX) {
        return err_set(err, ERR_INVALID, "\"%.60s\": expected a path such as /var/log/*.log",
                       pattern);
    }
    if (pattern[size - 1] == '/') {
        return err_set(err, ERR_INVALID, "\"%.200s\" ends with a slash: %.200s*.log names files",
                       pattern, pattern);
    }
    for (const char *at = pattern; *at != '\0';) {
        size_t length = strcspn(at, "/");
        names += length > 0;
        const char *stars = strstr(at, "**");
        if (stars != NULL && stars < at + length && length != 2) {
            return err_set(err, ERR_INVALID,
                           "\"%.200s\": ** stands alone between slashes, as in /var/log/**/*.log",
                           pattern);
        }
        at += length;
        at += *at == '/';
    }
    return names <= GLOB_NAMES_MAX ? 0
                                   : err_set(err, ERR_INVALID, "\"%.60s...\": more than %d folders",
                                             pattern, GLOB_NAMES_MAX);
}

/// Appends a name to the path; false when it does not fit.
static bool push(struct walk *w, const char *name)
{
    size_t size = strlen(name);
    bool slash = w->size > 0 && w->path[w->size - 1] != '/';
    if (w->size + slash + size >= sizeof(w->path)) {
        return false;
    }
    if (slash) {
        w->path[w->size++] = '/';
    }
    memcpy(w->path + w->size, name, size + 1);
    w->size += size;
    return true;
}

static void pop(struct walk *w, size_t size)
{
    w->size = size;
    w->path[size] = '\0';
}

static const char *here(const struct walk *w)
{
    return w->size == 0 ? "." : w->path;
}

static void tell_problem(const struct walk *w, int error)
{
    bool absent = error == ENOENT || error == ENOTDIR;
    if (w->visitor->problem != NULL && !absent) {
        w->visitor->problem(w->visitor->context, here(w), error);
    }
}

static void tell_folder(const struct walk *w)
{
    if (w->visitor->folder != NULL) {
        w->visitor->folder(w->visitor->context, here(w));
    }
}

static DIR *open_folder(const struct walk *w)
{
    DIR *folder = opendir(here(w));
    if (folder == NULL) {
        tell_problem(w, errno);
    }
    return folder;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/// The next name of a folder that nobody else reads, but for . and ..; NULL at the end, and when it
/// is not open. The path ends with it.
static const struct dirent *next_entry(struct walk *w, DIR *folder, size_t size)
{
    const struct dirent *entry;
    pop(w, size);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one reader
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (!is_dots(entry->d_name) && push(w, entry->d_name)) {
            return entry;
        }
    }
    if (folder != NULL) {
        (void)closedir(folder); // only read
    }
    return NULL;
}

/// The path is whole: it is told, if it leads to something.
static void tell_found(const struct walk *w)
{
    struct stat st;
    if (stat(w->path, &st) == 0) {
        w->visitor->found(w->visitor->context, w->path, &st);
    } else {
        tell_problem(w, errno);
    }
}

/// The last name of the pattern, in the folder of the path.
static void match_files(struct walk *w, const char *name)
{
    size_t size = w->size;
    bool literal = is_literal(name);
    tell_folder(w);
    if (literal && push(w, name)) {
        tell_found(w);
        pop(w, size);
    }
    DIR *folder = literal && w->visitor->other == NULL ? NULL : open_folder(w);
    const struct dirent *entry;
    while ((entry = next_entry(w, folder, size)) != NULL) {
        bool matches = literal ? strcmp(name, entry->d_name) == 0
                               : fnmatch(name, entry->d_name, FNM_PERIOD) == 0;
        if (matches && !literal) {
            tell_found(w);
        } else if (!matches && w->visitor->other != NULL) {
            w->visitor->other(w->visitor->context, w->path);
        }
    }
}

static void match(struct walk *w, size_t index, int depth);

/// Whether the entry is a folder; a symlink to one counts when `follow`.
static bool is_folder(const struct walk *w, const struct dirent *entry, bool follow)
{
    struct stat st;
    if (entry->d_type == DT_DIR) {
        return true;
    }
    if (entry->d_type != DT_UNKNOWN && !(entry->d_type == DT_LNK && follow)) {
        return false;
    }
    return (follow ? stat(w->path, &st) : lstat(w->path, &st)) == 0 && S_ISDIR(st.st_mode);
}

/// Every folder below the path that `name` matches, or any for NULL; the pattern goes on there at
/// `index`.
// NOLINTNEXTLINE(misc-no-recursion): bounded by GLOB_NAMES_MAX and GLOB_DEPTH_MAX
static void match_folders(struct walk *w, const char *name, size_t index, int depth)
{
    size_t size = w->size;
    tell_folder(w);
    DIR *folder = open_folder(w);
    const struct dirent *entry;
    while ((entry = next_entry(w, folder, size)) != NULL) {
        bool matches =
            name == NULL ? entry->d_name[0] != '.' : fnmatch(name, entry->d_name, FNM_PERIOD) == 0;
        if (matches && is_folder(w, entry, name != NULL)) {
            match(w, index, depth);
        }
    }
}

/// What the names from `index` on match below the path. `depth`: folders that a ** at `index` has
/// stood for already. Recursion is as deep as the path.
// NOLINTNEXTLINE(misc-no-recursion): likewise
static void match(struct walk *w, size_t index, int depth)
{
    const char *name = w->names[index];
    bool last = index + 1 == w->count;
    size_t size = w->size;
    if (is_any_depth(name)) {
        if (last) {
            match_files(w, "*");
        } else {
            match(w, index + 1, 0);
        }
        if (depth < GLOB_DEPTH_MAX) {
            match_folders(w, NULL, index, depth + 1);
        }
    } else if (last) {
        match_files(w, name);
    } else if (is_literal(name)) {
        if (push(w, name)) {
            match(w, index + 1, 0);
            pop(w, size);
        }
    } else {
        match_folders(w, name, index + 1, 0);
    }
}

void glob_walk(const char *pattern, const struct glob_visitor *visitor)
{
    struct walk *w = mem_zalloc(sizeof(*w));
    CHECK(w != NULL);
    w->visitor = visitor;
    size_t size = strlen(pattern);
    CHECK(size < sizeof(w->pattern));
    memcpy(w->pattern, pattern, size + 1);
    if (pattern[0] == '/') {
        (void)push(w, "/"); // fits
    }
    char *rest = w->pattern;
    for (char *name; (name = strsep(&rest, "/")) != NULL;) {
        if (name[0] != '\0') {
            CHECK(w->count < GLOB_NAMES_MAX);
            w->names[w->count++] = name;
        }
    }
    if (w->count > 0) {
        match(w, 0, 0);
    }
    mem_free(w);
}
