// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2.*: the object for what a record has and ECS has no home for: fields, custom columns,
 * columns of a line that nobody knows, names of networks.
 *
 * For the files of format/ only.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/status.h"
#include "flow/batch.h"
#include "flow/mapping.h"

struct ecs_rest;

/// `mapping` must outlive it. ERR_NO_MEMORY.
int ecs_rest_new(const struct mapping *mapping, struct ecs_rest **ret_rest) MUST_USE;
void ecs_rest_free(struct ecs_rest *rest);

/// Takes the place of the comma at out's end: the object, if there is anything to say, and the
/// bracket that ends the document. `etype_number`: an ethertype without a name is shown. May set
/// out->bad.
void ecs_rest_append(struct ecs_rest *rest, const struct batch *batch, const struct flow *flow,
                     bool etype_number, struct buf *out);
