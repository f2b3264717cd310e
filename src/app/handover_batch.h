// SPDX-License-Identifier: Apache-2.0
/*
 * A batch as bytes, for another weir of the same version on the same machine: flows and arena are
 * as they lie in memory, files go by value and custom columns by name. Who unpacks believes
 * nothing: a damaged text is refused, and never makes a batch whose spans leave its arena.
 */
#pragma once

#include "base/buf.h"
#include "base/rd.h"
#include "base/status.h"
#include "flow/batch.h"
#include "flow/mapping.h"

/// Appends a batch; out->bad when it does not fit. `mapping`: of its custom columns.
void handover_pack(const struct batch *batch, const struct mapping *mapping, struct buf *out);

/// Makes an origin, or finds one that was made before; a reference for the caller. `values` hold
/// for the call.
typedef struct origin *handover_origin_fn(void *context, const struct origin *values);

/// Fills an empty batch with the next one in `r`. ERR_INVALID: damaged, or of another version.
/// ERR_NOT_FOUND: it has a custom column that `mapping` has not; both with words.
/// ERR_NO_MEMORY. On failure the batch is as good as empty, and may be given back.
int handover_unpack(struct rd *r, const struct mapping *mapping, handover_origin_fn *make_origin,
                    void *context, struct batch *batch, struct err *err) MUST_USE;
