// SPDX-License-Identifier: Apache-2.0
/*
 * CSV files (RFC 4180) that people and programs write: a record a line, fields apart by commas, and
 * in quotes when they hold a comma or a quote. Blank lines, lines that begin with # and a byte
 * order mark are passed over; blanks around fields do not count.
 */
#pragma once

#include <stddef.h>

#include "base/status.h"

struct csv;

enum { CSV_FIELDS_MAX = 8 };

/// A record: its fields are C strings, valid until the next one.
struct csv_record {
    size_t line; ///< from 1
    size_t count;
    char *fields[CSV_FIELDS_MAX];
    size_t sizes[CSV_FIELDS_MAX];
};

/// Reads a whole file of at most `size_max` bytes. ERR_IO, ERR_INVALID, ERR_RANGE, ERR_NO_MEMORY.
int csv_open(const char *path, size_t size_max, struct csv **ret_csv, struct err *err) MUST_USE;
void csv_free(struct csv *c);

/// The next record: 0; ERR_NOT_FOUND at the end; ERR_INVALID with words and the place for a line
/// that is none.
int csv_next(struct csv *c, struct csv_record *ret_record, struct err *err) MUST_USE;

/// Sets `err` to "PATH:LINE: ..." for this record and returns ERR_INVALID.
int csv_err(struct err *err, const struct csv *c, const struct csv_record *record,
            const char *format, ...) PRINTF_LIKE(4, 5);
