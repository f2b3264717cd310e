// SPDX-License-Identifier: Apache-2.0
/*
 * Names of applications that can be read again while they are used: who begins something takes
 * those of now, and has them to its end.
 */
#pragma once

#include <stdbool.h>

#include "query/applications.h"

struct application_source;

/// Errors and `path` as applications_open(); the path is borrowed.
int application_source_new(const char *path, struct application_source **ret_source,
                           struct err *err) MUST_USE;
/// NULL is fine.
void application_source_free(struct application_source *s);

/// Those of now, a reference of the caller's. Any thread.
struct applications *application_source_get(struct application_source *s);

/// Reads the file again; with `changed_only` only one that was replaced since, once it has not
/// changed between two calls. 1: there are new names; 0: nothing to read. On failure (as
/// applications_open()) the old names stay, and the file is tried again when it changes again. One
/// thread at a time.
int application_source_reload(struct application_source *s, bool changed_only,
                              struct err *err) MUST_USE;
