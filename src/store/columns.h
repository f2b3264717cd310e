// SPDX-License-Identifier: Apache-2.0
/* Records into the columns of `flows` (store/schema.h), 64 at a time: a word of validity. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "flow/batch.h"
#include "flow/mapping.h"
#include "store/duck.h"
#include "store/places.h"
#include "store/texts.h"

enum { COLUMNS_BLOCK = 64 };

/// A record that waits for its commit.
struct row {
    struct batch *batch; ///< held by whoever added it
    uint32_t flow;       ///< index in it
};

struct columns;

/// All are borrowed. `mapping` may be NULL. ERR_NO_MEMORY.
int columns_new(struct texts *texts, struct places *places, const struct mapping *mapping,
                struct columns **ret_columns) MUST_USE;
void columns_free(struct columns *c);

/// What is the same for all rows of a commit.
void columns_begin(struct columns *c, uint64_t transaction, uint64_t now_ns);

/// Writes up to COLUMNS_BLOCK records into rows `first`... of the chunk; `first` is a
/// multiple of 64. `number`: of the first of them in the transaction. ERR_NO_MEMORY.
int columns_fill(struct columns *c, struct duck_chunk *chunk, size_t first, const struct row *rows,
                 size_t count, uint32_t number) MUST_USE;

/// The least and the greatest ts since columns_begin().
int64_t columns_oldest(const struct columns *c);
int64_t columns_newest(const struct columns *c);
