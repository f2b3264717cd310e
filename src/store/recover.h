// SPDX-License-Identifier: Apache-2.0
/*
 * Opening a database whose log (FILE.wal) is damaged, as a power cut can leave it: DuckDB refuses
 * such a log and says from which byte on. What comes before is whole and is kept; a copy of the log
 * as it was is set aside, and that is said.
 */
#pragma once

#include "base/status.h"
#include "store/duck.h"

/// As duck_open(), but for a damaged log. Nobody else writes to it meanwhile. Errors as there.
int recover_open(const char *path, const struct duck_option *options, struct duck **ret_duck,
                 struct err *err) MUST_USE;
