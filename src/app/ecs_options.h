// SPDX-License-Identifier: Apache-2.0
/* The -ecs.* options as the ECS format wants them. */
#pragma once

#include "app/options.h"
#include "base/buf.h"
#include "format/ecs.h"

struct ecs_options {
    struct ecs_settings ecs; ///< borrows from the settings and from below
    char host[65];
    struct buf fields;
};

/// Reads -ecs.fields and finds out the rest. ERR_INVALID, ERR_IO. ecs_options_release() is due on
/// failure as on success.
int ecs_options_read(struct ecs_options *o, const struct settings *s, struct err *err) MUST_USE;
void ecs_options_release(struct ecs_options *o);
