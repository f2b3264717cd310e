// SPDX-License-Identifier: Apache-2.0
/*
 * inotify on folders: an alarm clock for whoever polls. It says that something happened, never
 * what, so that nothing depends on it: where it does not work (network file systems, a kernel limit
 * that is reached) things are seen a little later, by polling.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct watch;

enum watch_news {
    WATCH_NOTHING,
    WATCH_CONTENT, ///< a file has grown or shrunk
    WATCH_NAMES,   ///< a name came, went or changed; or news were lost
};

/// Never watches anything when the kernel gives no inotify. ERR_NO_MEMORY.
int watch_new(struct watch **ret_watch) MUST_USE;
void watch_free(struct watch *w);

/// Between these two every folder that is wanted is named; the others are forgotten.
void watch_begin(struct watch *w);
void watch_folder(struct watch *w, const char *path);
/// True for the first time that not all folders can be watched.
bool watch_end(struct watch *w);

/// What happened since the last call.
enum watch_news watch_read(struct watch *w);

/// To be waited on; -1 when there is none.
int watch_fd(const struct watch *w);
/// Folders that are watched.
size_t watch_count(const struct watch *w);
