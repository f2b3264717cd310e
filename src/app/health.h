// SPDX-License-Identifier: Apache-2.0
/* What /api/v1/health says of the program: the books, exporters heard, logs that are followed. */
#pragma once

#include "app/follower.h"
#include "app/pipeline.h"
#include "app/receiver.h"
#include "base/buf.h"
#include "web/api_health.h"

struct health {
    const struct pipeline *pipeline;
    const struct receivers *receivers;
    const struct followers *followers;
};

/// An api_health_fn; the context is a struct health. Members of a JSON object, a comma behind each.
void health_print(void *context, struct buf *out);
/// An api_judge_fn likewise: what is spooled for a server, and positions that cannot be saved.
void health_judge(void *context, struct health_reasons *r);
