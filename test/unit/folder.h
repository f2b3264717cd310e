// SPDX-License-Identifier: Apache-2.0
/* A folder for a test, in memory where there is such a place: disks wait when something is synced.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "unit.h"

enum { FOLDER_SIZE = 64 };

static inline void folder_make(char ret_folder[static FOLDER_SIZE])
{
    const char *in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(ret_folder, FOLDER_SIZE, "%s/weir-test-XXXXXX", in); // fits
    assert_non_null(mkdtemp(ret_folder));
}

/// Removes the files in it.
static inline void folder_clear(const char *folder)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            assert_int_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
        }
    }
    assert_int_equal(closedir(d), 0);
}

static inline void folder_remove(const char *folder)
{
    folder_clear(folder);
    assert_int_equal(rmdir(folder), 0);
}

/// Removes the folder of a store that is closed: its own folders are empty then.
static inline void folder_remove_store(const char *folder)
{
    static const char *const FOLDERS[] = { "export", "temp" };
    for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
        char path[512];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, FOLDERS[i]); // fits
        (void)rmdir(path);                                               // it may not be there
    }
    folder_remove(folder);
}

/// Mounts a disk of `size` bytes there. False, aloud, when this process may not.
static inline bool folder_mount_small(const char *folder, unsigned size)
{
    char options[40];
    (void)snprintf(options, sizeof(options), "size=%u,mode=0700", size); // fits
    if (mount("weir-test", folder, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0) {
        return true;
    }
    (void)fprintf(stderr, "NOT TESTED: a disk that is full: mount: %s\n", strerror(errno));
    return false;
}
