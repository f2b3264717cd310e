// SPDX-License-Identifier: Apache-2.0
/* What a format is made of; for the files of format/ only. */
#pragma once

#include "base/buf.h"
#include "flow/batch.h"
#include "flow/mapping.h"
#include "format/format.h"

struct format_kind {
    const char *name;
    bool takes_errors; ///< RECORD_ERROR too; else flows only
    /// What append needs. ERR_NO_MEMORY without words, others with.
    int (*plan_new)(const struct format_settings *settings, void **ret_plan, struct err *err);
    void (*plan_free)(void *plan);
    enum format_outcome (*append)(void *plan, const struct batch *batch, const struct flow *flow,
                                  struct buf *out);
};

extern const struct format_kind FORMAT_JSON;
extern const struct format_kind FORMAT_TEXT;
extern const struct format_kind FORMAT_BIN;
extern const struct format_kind FORMAT_ECS;
