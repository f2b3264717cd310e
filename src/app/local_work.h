// SPDX-License-Identifier: Apache-2.0
/*
 * What a running weir does for other commands of the same user, on its local socket below /local:
 *
 *     GET  /local/state    its version, pid and the folder of its store; how far a backup is
 *     POST /local/records  records of an import or a replay into the store (app/handover.h)
 *     POST /local/backup   a copy of the store, in its export folder
 *     POST /local/import?name=NAME   the records of a Parquet file there
 *
 * Errors are JSON as web/api's: {"error":{"text":...}}.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "flow/mapping.h"
#include "store/store.h"
#include "transport/transport.h"
#include "web/server.h"

struct local_work;

struct local_work_settings {
    struct store *store;
    struct transport *transport; ///< the store's
    const struct mapping *mapping;
    _Atomic uint64_t *handed_over; ///< grows by the records that the transport is given
};

/// ERR_NO_MEMORY.
int local_work_new(const struct local_work_settings *settings,
                   struct local_work **ret_work) MUST_USE;
/// From now on everything is refused; returns when nothing is under way. Before the transport is
/// stopped, and once its deadline is set. NULL is fine.
void local_work_close(struct local_work *w);
/// Closed before, and nobody asks any more. NULL is fine.
void local_work_free(struct local_work *w);

/// Answers what is below /local; false: the path is not, or did not come through the local socket.
/// Any thread.
bool local_work_handle(struct local_work *w, const struct server_request *request,
                       struct server_response *response);
