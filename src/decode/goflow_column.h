// SPDX-License-Identifier: Apache-2.0
/*
 * The columns of goflow2's JSON: which names there are, and how a value becomes a field. The names
 * are the field table's and those that a mapping gives (formatter.rename, formatter.protobuf).
 *
 * For the files of decode/ only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_rd.h"
#include "decode/draft.h"
#include "flow/mapping.h"

enum column_read {
    COLUMN_READ_NUMBER, ///< U32 or U64 fields
    COLUMN_READ_TIME,   ///< ns, or RFC 3339 (renderers datetime and datetimenano)
    COLUMN_READ_TYPE,
    COLUMN_READ_ETYPE,
    COLUMN_READ_PROTO,
    COLUMN_READ_ADDR,
    COLUMN_READ_MAC,
    COLUMN_READ_PREFIX, ///< src_net, dst_net: the length behind the slash
    COLUMN_READ_LIST,
    COLUMN_READ_CUSTOM,
};

struct column_key {
    char *key; ///< "name": with quotes and colon, as goflow2 writes it; owned
    size_t key_size;
    enum column_read read;
    enum renderer renderer; ///< of a custom column
    uint16_t index;         ///< enum field, or of mapping->customs
    bool wide;              ///< of a field with a number: it has 64 bits, not 32
    uint32_t offset;        ///< of a field, in struct flow
};

struct column_table;

/// `mapping` must outlive the table. ERR_NO_MEMORY.
int column_table_new(const struct mapping *mapping, struct column_table **ret_table) MUST_USE;
void column_table_free(struct column_table *t);

/// The column with this name, NULL when there is none.
const struct column_key *column_table_find(const struct column_table *t, const uint8_t *name,
                                           size_t size);

enum column_verdict {
    COLUMN_TAKEN,  ///< the value is in the draft (or is empty: null, "", [])
    COLUMN_EXTRA,  ///< it is JSON, but to be kept as it is
    COLUMN_BAD,    ///< not a value that the column can have; the reader is behind it
    COLUMN_SYNTAX, ///< not JSON
};

/// Reads the value at the reader into the draft's flow. The table remembers names that it has seen.
enum column_verdict column_read_value(struct column_table *t, const struct column_key *column,
                                      struct json_rd *r, struct draft *d);
