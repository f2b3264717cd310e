// SPDX-License-Identifier: Apache-2.0
/*
 * The reply to a _bulk request of Elasticsearch and OpenSearch: what became of each document. Pure.
 *
 *     {"took":3,"errors":true,"items":[{"create":{"status":201}},{"create":{"status":400,"error":
 *      {"type":"document_parsing_exception","reason":"...","caused_by":{...}}}}, ...]}
 *
 * A reply that cannot be read, or that has another number of items than were sent, says nothing
 * about any document: that is no success.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"

/// What to do about a document.
enum bulk_verdict {
    BULK_DELIVERED, ///< 200, 201
    BULK_DUPLICATE, ///< 409: it was there already, which is as good
    BULK_LATER,     ///< 429, 5xx: to be sent again, alone
    BULK_FORBIDDEN, ///< 401, 403 (a write block, a missing right): the same, and somebody has to
                    ///< know
    BULK_REFUSED,   ///< 400, 404 and all else: never
};

/// One document's part of a reply; bytes point into it. NULL: not there.
struct bulk_item {
    unsigned status; ///< as HTTP has them
    enum bulk_verdict verdict;
    bool failed_over;     ///< "failure_store":"used": kept by the server, but not where it belongs
    const uint8_t *error; ///< JSON, an object
    size_t error_size;
    const uint8_t *index; ///< that it went into: the backing index
    size_t index_size;
};

/// Reads a reply to `count` documents. ERR_INVALID: it says nothing, `ret_items` may hold anything.
int bulk_reply_read(const uint8_t *reply, size_t size, struct bulk_item *ret_items,
                    size_t count) MUST_USE;

/// Why a document was refused, for people, appended to `out`: "document_parsing_exception: failed
/// to parse field [x]: For input string: \"abc\"". Up to BULK_REASON_SIZE_MAX bytes, without
/// controls.
void bulk_append_reason(const struct bulk_item *item, struct buf *out);

enum { BULK_REASON_SIZE_MAX = 1024 };
