// SPDX-License-Identifier: Apache-2.0
/*
 * A line of goflow2's JSON log as one more wire format: one line in, one record out. Columns in any
 * order and any subset; what is not there is absent; columns that nobody knows are kept as they
 * stand. Every line that is not empty gives a record, readable or not: a line that cannot be read
 * becomes a RECORD_ERROR with the line and the words, so that nothing is lost.
 *
 * One reader per thread. Reads no clock, logs nothing and allocates nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/line.h"
#include "base/status.h"
#include "flow/batch.h"
#include "flow/ledger.h"
#include "flow/mapping.h"

struct goflow_reader;

struct goflow_settings {
    bool keep_original; ///< flows carry their line too, not only errors
    bool one_record;    ///< a line with several records is an error, as it is to Elasticsearch
    uint64_t since_ns;  ///< flows with a time before this are passed over; 0: none are
    uint64_t until_ns;  ///< likewise from this on; 0: none are
};

/// `mapping` (which tells renamed and custom columns) and `ledger` must outlive the reader.
/// ERR_NO_MEMORY.
int goflow_reader_new(const struct mapping *mapping, const struct goflow_settings *settings,
                      struct ledger *ledger, struct goflow_reader **ret_reader) MUST_USE;
void goflow_reader_free(struct goflow_reader *g);

/// Reads one line and appends its record to `out`, which learns of the line by itself. Counts it
/// (LEDGER_LINES and the outcome, which is returned: LEDGER_LINE_FLOW, or why not). goflow2's
/// workers write at the same time, and now and then two records come to stand on one line
/// (docs/import.md): each is counted as a line of its own, at its own offset.
enum ledger_entry goflow_read(struct goflow_reader *g, const struct line *line,
                              struct batch_writer *out);

/// What was wrong with the last line that was, in words a person can act on. Valid until the next
/// one.
const char *goflow_words(const struct goflow_reader *g);
