// SPDX-License-Identifier: Apache-2.0
/*
 * Patterns of paths, as shells read them: *, ? and [..] within a name, a backslash before what
 * stands for itself, and ** as a whole name for any folders, none included, GLOB_DEPTH_MAX deep. A
 * name that begins with a dot is found only by a pattern that begins with one, and ** passes hidden
 * folders over. Symlinks are followed, but not by **, which would go in circles.
 */
#pragma once

#include <sys/stat.h>

#include "base/status.h"

enum {
    GLOB_NAMES_MAX = 64, ///< between the slashes of a pattern
    GLOB_DEPTH_MAX = 8,  ///< folders that one ** stands for: as many as filestream's
    GLOB_PATH_MAX = 4096,
};

/// What a walk tells. Any but `found` may be NULL. Paths are valid during the call.
struct glob_visitor {
    void *context;
    /// Something that the pattern matches, of whatever type. May come twice when the pattern has
    /// two **.
    void (*found)(void *context, const char *path, const struct stat *st);
    /// A name that the pattern does not match, in a folder where it matches others.
    void (*other)(void *context, const char *path);
    /// A folder that decides what matches: whose names are looked at.
    void (*folder)(void *context, const char *path);
    /// What cannot be looked at, with errno. That something is not there is no problem.
    void (*problem)(void *context, const char *path, int error);
};

/// Whether `pattern` can be walked. ERR_INVALID with the reason.
int glob_check(const char *pattern, struct err *err) MUST_USE;

/// Everything that `pattern`, which was checked, matches now.
void glob_walk(const char *pattern, const struct glob_visitor *visitor);
