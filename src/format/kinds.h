// SPDX-License-Identifier: Apache-2.0
/* What a format is made of; for the files of format/ only. */
#pragma once

#include "base/buf.h"
#include "flow/batch.h"
#include "flow/mapping.h"

struct format_kind {
    const char *name;
    /// What append needs, made from the mapping; NULL when out of memory.
    void *(*plan_new)(const struct mapping *mapping);
    void (*plan_free)(void *plan);
    void (*append)(const void *plan, const struct batch *batch, const struct flow *flow,
                   struct buf *out);
};

extern const struct format_kind FORMAT_JSON;
extern const struct format_kind FORMAT_TEXT;
extern const struct format_kind FORMAT_BIN;
