// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers for texts and lists: the table `texts`, of which memory holds hashes only. A text gets
 * its number at once; the row that tells what it means goes into the table with the next commit, in
 * the transaction of the records that have it. Bounded: when it is full, and for a text that is too
 * long, there is no number, and the text goes into `rest`.
 *
 * The writer's alone: not thread-safe.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "store/duck.h"
#include "store/schema.h"

enum {
    TEXTS_MAX = 1 << 20,
    TEXT_SIZE_MAX = 16 << 10, ///< of a longer one there is one copy per record
};

struct texts;

/// Reads what the table has. ERR_NO_MEMORY, ERR_IO.
int texts_open(struct duck_conn *c, struct texts **ret_texts, struct err *err) MUST_USE;
/// NULL is fine.
void texts_close(struct texts *t);

/// The number of a text, from 1; 0: it has none.
uint32_t texts_number(struct texts *t, enum text_kind kind, const void *bytes, size_t size);

/// Appends the rows of new texts to the table, in the caller's transaction. They stay new until
/// texts_stored(), so that the rows go with the next try when this one fails.
int texts_store(struct texts *t, struct duck_conn *c, struct err *err) MUST_USE;
/// The transaction was committed.
void texts_stored(struct texts *t);

size_t texts_count(const struct texts *t);
/// Texts that got no number.
uint64_t texts_left_out(const struct texts *t);
