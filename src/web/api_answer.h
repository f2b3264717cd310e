// SPDX-License-Identifier: Apache-2.0
/*
 * Answers as text: a table (store/ask.h) as JSON, CSV (RFC 4180) or NDJSON. Knows no store and no
 * server.
 *
 * JSON: {"columns":[...],"rows":[{...}],"meta":{...}}; NDJSON: the rows alone, one per line; CSV:
 * a header, then the rows. JSON of a series also has "groups":[{...}] and "total":{...}. Beside
 * bytes and packets stand bits_per_second and packets_per_second: over the whole time, or over the
 * bucket of a series. CSV cells that a spreadsheet would take for a formula (text beginning with
 * = + - @ or a control character) get an apostrophe in front.
 */
#pragma once

#include "base/buf.h"
#include "store/ask.h"
#include "web/api_params.h"

void api_answer_put(const struct answer *answer, const struct api_asked *asked, struct buf *out);

/// {"error":{"text":...,"parameter":...,"position":...,"column":...}}
void api_fault_put(const struct api_fault *fault, struct buf *out);

/// A cell of CSV, quoted where it must be.
void api_csv_text_put(const uint8_t *text, size_t size, struct buf *out);

/// ISO 8601 with ms, or ns where there are any, as text without quotes.
void api_time_put(int64_t ns, int32_t zone_s, struct buf *out);

/// The meta object's members that every answer has: from, to.
void api_meta_time_put(const struct api_asked *asked, struct buf *out);
