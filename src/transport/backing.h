// SPDX-License-Identifier: Apache-2.0
/*
 * Which backing index each data stream writes to, as far as replies told. Ids are unique in one
 * backing index only: a document that is sent again after a request was lost is there twice when
 * the stream got a new index meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { BACKING_STREAMS_MAX = 8 };

/// A value; one thread at a time. Names are kept as hashes (hash64()); 0: none.
struct backing {
    uint64_t streams[BACKING_STREAMS_MAX];
    uint64_t indices[BACKING_STREAMS_MAX];
};

/// A document of `stream` went into `index`. Of more streams than there is room for nothing is
/// known.
void backing_learn(struct backing *b, uint64_t stream, uint64_t index);

/// Whether it is known that `stream` wrote to `index`.
bool backing_is(const struct backing *b, uint64_t stream, uint64_t index);
