// SPDX-License-Identifier: Apache-2.0
/*
 * Rows back into records: the batch that comes out is, field by field, the one that was stored, so
 * that every format and kql_matches() work on it as on a live one.
 */
#pragma once

#include "flow/batch.h"
#include "store/store.h"

struct restorer;

/// `pool` gives the batches: two are enough. ERR_NO_MEMORY.
int restorer_new(struct store *s, struct batch_pool *pool, struct restorer **ret_restorer,
                 struct err *err) MUST_USE;
void restorer_free(struct restorer *r);

/// Called for each record, in the order of the rows. False: enough.
typedef bool restore_each_fn(void *context, const struct batch *batch, const struct flow *flow,
                             uint64_t id);

/// The records that `statement` answers, whose columns are all those of `flows`, in order (SELECT
/// flows.* FROM flows ...; not of the view). ERR_INVALID: a record is damaged. Other errors as
/// duck_next().
int restore_records(struct restorer *r, struct duck_stmt *statement, restore_each_fn *each,
                    void *context, struct err *err) MUST_USE;
