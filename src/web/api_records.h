// SPDX-License-Identifier: Apache-2.0
/*
 * Pages of records as documents, newest first: what /api/v1/flows answers with, and what an export
 * is made of. A page ends with the place behind which the next one begins.
 */
#pragma once

#include "base/status.h"
#include "format/format.h"
#include "store/ask.h"
#include "web/api_params.h"

struct api_page {
    struct format *format;
    struct buf *out; ///< documents, apart by commas (JSON) or each with its end of line (NDJSON),
                     ///< or rows (CSV)
    const struct api_asked *asked; ///< its columns, for CSV
    enum api_form form;
    size_t limit;
    size_t seen;  ///< records so far
    size_t count; ///< documents so far; some records have none
    bool more;    ///< there is a record behind the last
    int64_t last_ts;
    uint64_t last_id;
};

/// The first line of CSV.
void api_page_put_header(const struct api_asked *asked, struct buf *out);

/// Asks for `page->limit` records behind those of `after_ts` and `after_id` (0 and 0: from the
/// newest). Errors as ask_flows(); page->out may be bad.
int api_page_ask(struct asks *asks, const struct question *question, int64_t after_ts,
                 uint64_t after_id, const struct ask_patience *patience, struct api_page *page,
                 struct err *err) MUST_USE;
