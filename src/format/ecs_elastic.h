// SPDX-License-Identifier: Apache-2.0
/*
 * Profile elastic: the event as Elastic's agent would hand it over, and what Elastic's package
 * makes of it (format/elastic.h). A flow that did not come from a line is first written as goflow2
 * would have written it.
 *
 * For the files of format/ only.
 */
#pragma once

#include "format/envelope.h"
#include "format/format.h"

struct ecs_elastic;

/// ERR_NO_MEMORY.
int ecs_elastic_new(const struct format_settings *settings,
                    struct ecs_elastic **ret_elastic) MUST_USE;
void ecs_elastic_free(struct ecs_elastic *e);

enum format_outcome ecs_elastic_append(struct ecs_elastic *e, struct envelope *envelope,
                                       const struct batch *batch, const struct flow *flow,
                                       uint64_t now_ns, struct buf *out);
