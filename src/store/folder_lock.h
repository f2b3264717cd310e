// SPDX-License-Identifier: Apache-2.0
/*
 * Who has a store: one process, by an flock() on FOLDER/lock, in which stand its pid and, while
 * the store is open, "open" in a second line. Before that it recovers, and afterwards it writes
 * what is left: either may take a while, and it answers nobody meanwhile.
 */
#pragma once

#include <stdbool.h>

#include "base/status.h"

/// ERR_EXISTS: another process has it (the words name its pid). ERR_RANGE, ERR_IO. The lock goes
/// when `ret_fd` is closed.
int folder_lock_take(const char *folder, int *ret_fd, struct err *err) MUST_USE;
/// Says to others whether the store is open.
void folder_lock_say(int fd, bool open);

enum { FOLDER_LOCK_PID_SIZE = 32 };

/// What is seen from outside.
struct folder_holder {
    bool held;
    bool open;                      ///< what it has said
    char pid[FOLDER_LOCK_PID_SIZE]; ///< "unknown" when it does not stand there
};
struct folder_holder folder_lock_look(const char *folder);
