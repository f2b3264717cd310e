// SPDX-License-Identifier: Apache-2.0
/*
 * The local socket as other commands see it: requests to the weir that runs on the same -data. What
 * it answers is app/local_work's, and web/api's below /api/v1.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "cluster/cluster.h"

struct local;

/// Whether a weir listens there.
bool local_is_there(const char *socket);

/// Whether one does, and has the store that is meant: any, or the one in the folder `store` when
/// that is not "".
bool local_has_store(const char *socket, const char *store);

/// Texts are borrowed. `timeout_ns`: of a request. ERR_NOT_FOUND: nobody listens. ERR_RANGE,
/// ERR_IO, ERR_NO_MEMORY with words.
int local_open(const char *socket, uint64_t timeout_ns, struct local **ret_local,
               struct err *err) MUST_USE;
void local_close(struct local *l);

/// As cluster_request().
int local_ask(struct local *l, const struct cluster_request *request,
              struct cluster_reply *reply) MUST_USE;

/// The words of an answer that is no success: its error/text, or else what HTTP says.
int local_complain(const struct cluster_reply *reply, struct err *err);
