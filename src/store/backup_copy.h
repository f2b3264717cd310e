// SPDX-License-Identifier: Apache-2.0
/* The part of a backup that needs a connection only. */
#pragma once

#include "store/duck.h"

enum { BACKUP_PATH_SIZE = 3072 };

/// Copies the connection's database, as it is at one moment, into a new one at `path`. On failure
/// nothing is left there. ERR_EXISTS: there is a file; ERR_FULL: the disk has no room for it;
/// ERR_CLOSED: interrupted; ERR_IO.
int backup_copy(struct duck_conn *c, const char *path, struct err *err) MUST_USE;
