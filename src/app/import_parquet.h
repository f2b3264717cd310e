// SPDX-License-Identifier: Apache-2.0
/* weir import of what weir exported: records go from a Parquet file into the store as they are. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/pipeline.h"
#include "base/status.h"

/// By its name.
bool is_parquet(const char *path);

/// Takes the records of the file into the store of the pipeline, or of the weir that has it; behind
/// pipeline_stop(). Those that are there already are not taken again. ERR_INVALID: another kind of
/// file, or there is to be no store; ERR_IO.
int import_parquet(const struct pipeline *p, const char *path, uint64_t *ret_records,
                   uint64_t *ret_duplicates, struct err *err) MUST_USE;
