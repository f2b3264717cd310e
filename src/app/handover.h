// SPDX-License-Identifier: Apache-2.0
/*
 * A transport that gives its records to the weir that has the store: what an import and a replay
 * use instead of the store when one runs. Batches go as they are (app/handover_batch.h), several in
 * a request, and are held until the answer says that they are in the store.
 *
 * When that weir goes away in the middle it is waited for, and what it had no time to answer is
 * sent again: lines that it has are skipped there. If it does not come back, this ends.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "base/status.h"
#include "flow/mapping.h"
#include "transport/transport.h"

/// Borrowed for as long as the transport lives.
struct handover_settings {
    const char *socket;
    const struct mapping *mapping;
    _Atomic bool *gave_up; ///< set when it ended for want of an answer, which is logged
};

/// ERR_NOT_FOUND: nobody listens. ERR_UNSUPPORTED: a weir of another version does.
int handover_open(const struct handover_settings *settings, void **ret_self,
                  struct err *err) MUST_USE;

/// Called "store": that is where the records go.
extern const struct transport_kind TRANSPORT_HANDOVER;
