// SPDX-License-Identifier: Apache-2.0
/* What an end in the middle of an export, a backup or an import leaves in the export folder. */
#pragma once

#include <stdint.h>

#include "base/status.h"

/// Removes it from `folder`: files that weir itself names, and no others. For who has the store, so
/// that none of them is being written; the copy that an import makes belongs to its process, and
/// stays while that lives. A folder that is not there is empty. ERR_IO with words: the first that
/// could not be removed; the rest is.
int leftovers_remove(const char *folder, uint64_t *ret_removed, struct err *err) MUST_USE;
