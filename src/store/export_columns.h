// SPDX-License-Identifier: Apache-2.0
/* What export and import know of each other's Parquet files. */
#pragma once

#include <stddef.h>

#include "store/schema.h"

/// Of the form, in the file's metadata.
#define EXPORT_VERSION "1"

enum { EXPORT_COLUMNS_MAX = 64 }; ///< bits of texts_in_rest

/// The columns that hold numbers of `texts`, in order.
struct export_columns {
    size_t count;
    const char *names[EXPORT_COLUMNS_MAX];
    enum text_kind kinds[EXPORT_COLUMNS_MAX];
};

struct export_columns export_columns(void);
