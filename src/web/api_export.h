// SPDX-License-Identifier: Apache-2.0
/*
 * Records of a time as a file to keep: Parquet, which weir import takes back, and CSV are written
 * by the store (store/backup.h), sent, and gone; NDJSON is made page by page while it is sent, and
 * takes no room at all.
 */
#pragma once

#include <stdatomic.h>

#include "base/status.h"
#include "format/format.h"
#include "store/ask.h"
#include "web/api_params.h"
#include "web/server.h"

struct api_export_from {
    struct store *store;
    struct asks *asks;
    const struct format_settings *format;
    atomic_flag *busy; ///< files are written one at a time
    const struct ask_patience *patience;
};

/// Makes `response` the export's; takes asked->filter. ERR_FULL: another one is being written;
/// ERR_CLOSED: the asker went away meanwhile; other errors as export_make(), and then the response
/// has no stream.
int api_export(const struct api_export_from *from, struct api_asked *asked,
               struct server_response *response, struct err *err) MUST_USE;
