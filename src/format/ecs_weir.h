// SPDX-License-Identifier: Apache-2.0
/*
 * Profile weir: the fields of Elastic's package at their places, its faults mended, and more where
 * ECS has a home for it. docs/ecs.md has the table.
 *
 * For the files of format/ only.
 */
#pragma once

#include "format/envelope.h"
#include "format/format.h"

struct ecs_weir;

/// The arguments must outlive it. ERR_NO_MEMORY.
int ecs_weir_new(const struct format_settings *settings, struct envelope *envelope,
                 struct ecs_weir **ret_weir) MUST_USE;
void ecs_weir_free(struct ecs_weir *w);

enum format_outcome ecs_weir_append(struct ecs_weir *w, const struct batch *batch,
                                    const struct flow *flow, uint64_t now_ns, struct buf *out);
