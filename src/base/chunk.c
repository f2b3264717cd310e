// SPDX-License-Identifier: Apache-2.0
/*
 * The names of the schemes, as they stand in listen URLs and metric labels.
 */
#include "base/chunk.h"

const char *scheme_text(enum scheme scheme)
{
    static const char *const TEXTS[SCHEME_COUNT] = {
        [SCHEME_SFLOW] = "sflow",
        [SCHEME_NETFLOW] = "netflow",
        [SCHEME_FLOW] = "flow",
    };
    CHECK(scheme < SCHEME_COUNT);
    return TEXTS[scheme];
}
