// SPDX-License-Identifier: Apache-2.0
/* Records of a Parquet file (export_copy()) back into the tables: the part of records_import() that
 * needs a connection only. */
#pragma once

#include <stdint.h>

#include "store/duck.h"

/// Numbers that the caller gives, and that nobody else gives meanwhile: the writer has to wait, and
/// afterwards to read the texts, the files and the number of the last transaction anew.
struct import_numbers {
    uint64_t transaction; ///< above all that there are
    uint64_t text;        ///< the least that no text has
    uint64_t file;        ///< likewise
};

/// Takes the records that are not there yet, as one transaction; positions stay as they are.
/// ERR_INVALID with words: not a file that weir made, or damaged. Then, and on any other error,
/// nothing has changed.
int import_copy(struct duck_conn *c, const char *path, const struct import_numbers *numbers,
                uint64_t *ret_records, uint64_t *ret_duplicates, struct err *err) MUST_USE;
