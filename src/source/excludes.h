// SPDX-License-Identifier: Apache-2.0
/* exclude_files: paths in which one of some expressions (POSIX extended) is found are passed over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum { EXCLUDES_MAX = 16 };

struct excludes;

/// ERR_INVALID with the expression and what is wrong with it; ERR_NO_MEMORY.
int excludes_new(const char *const *expressions, size_t count, struct excludes **ret_excludes,
                 struct err *err) MUST_USE;
/// NULL is fine.
void excludes_free(struct excludes *x);

bool excludes_match(const struct excludes *x, const char *path);
