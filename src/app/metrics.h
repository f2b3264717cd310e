// SPDX-License-Identifier: Apache-2.0
/* /metrics: Prometheus' text format 0.0.4, goflow2's names where it has them, weir_* for the rest.
 */
#pragma once

#include "app/follower.h"
#include "app/pipeline.h"
#include "app/receiver.h"
#include "base/buf.h"

/// Appends all metrics as they are now.
void metrics_print(const struct pipeline *pipeline, const struct receivers *receivers,
                   const struct followers *followers, struct buf *out);
