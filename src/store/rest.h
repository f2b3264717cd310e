// SPDX-License-Identifier: Apache-2.0
/*
 * What a record has and no column holds, packed into the BLOB `rest`: a byte of version and then
 * entries, each
 *
 *     tag u8, name size u16, name, value size u32, value
 *
 * numbers big-endian (base/pen.h). Reading is bounded: bytes that are no such thing are told so and
 * do no harm.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "flow/batch.h"
#include "flow/mapping.h"

enum { REST_VERSION = 1 };

enum rest_tag {
    REST_CUSTOM_BYTES,  ///< name of the column (mapping.customs); its bytes
    REST_CUSTOM_NUMBER, ///< name of the column; u64
    REST_EXTRA,         ///< name as JSON, with its quotes; value as JSON
    REST_BODY,          ///< flow.body
    REST_ORIGINAL,      ///< flow.original
    REST_PROTO_TEXT,    ///< flow.proto_text ...
    REST_ETYPE_TEXT,
    REST_TYPE_TEXT,
    REST_FIELD, ///< name of a field of the field table; its value: a number that does not
                ///< fit its column as u64, an address as its size and 16 bytes, a list as
                ///< in `texts`
    REST_TEXT,  ///< name of a column that is a number of `texts`; the text, for which
                ///< `texts` has no room
    REST_TAG_COUNT
};

struct rest_entry {
    enum rest_tag tag;
    const char *name;
    size_t name_size;
    const uint8_t *value;
    size_t value_size;
};

/// Appends an entry, and the version before the first one.
void rest_put(struct buf *out, enum rest_tag tag, const char *name, size_t name_size,
              const void *value, size_t value_size);

/// Appends what of a record goes by itself: customs, extras, body, original, texts. Fields and
/// texts are put by who finds that they do not fit. `mapping` may be NULL: then there are no
/// customs.
void rest_put_record(struct buf *out, const struct mapping *mapping, const struct batch *batch,
                     const struct flow *flow);

/// Going over the entries.
struct rest_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool damaged;
};
void rest_read(struct rest_reader *r, const void *bytes, size_t size);
/// False at the end, and when what follows is damaged.
bool rest_next(struct rest_reader *r, struct rest_entry *ret_entry);

/// The u64 that an entry's value is; 0 when it is none.
uint64_t rest_number(const struct rest_entry *e);
