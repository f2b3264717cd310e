// SPDX-License-Identifier: Apache-2.0
/*
 * What /api/v1/health says: a status, and the reasons for it in words. "error": something is not
 * done that should be, records among it. "warning": it is, but not as wanted, or not for long.
 */
#pragma once

#include "base/buf.h"
#include "store/store.h"

enum health_status { HEALTH_OK, HEALTH_WARNING, HEALTH_ERROR };

/// Reasons, as strings of JSON with commas between them, and the worst status of them.
struct health_reasons {
    enum health_status status;
    struct buf texts;
};

void health_reasons_init(struct health_reasons *r);
void health_reasons_release(struct health_reasons *r);
void health_reasons_add(struct health_reasons *r, enum health_status status, const char *format,
                        ...) PRINTF_LIKE(3, 4);

/// What there is to say of a store. `now_ns`: monotonic.
void health_judge_store(const struct store_state *state, const struct store_settings *settings,
                        uint64_t now_ns, struct health_reasons *r);

/// "status":...,"reasons":[...],
void health_reasons_put(const struct health_reasons *r, struct buf *out);
/// "store":{...},
void health_store_put(const struct store_state *state, struct buf *out);
