// SPDX-License-Identifier: Apache-2.0
/*
 * A file of its own, because a new commit changes nothing else: only this object is compiled
 * again.
 */
#include "app/version.h"

#ifndef WEIR_VERSION
#define WEIR_VERSION "unknown"
#endif

const char *version_text(void)
{
    return WEIR_VERSION;
}

const char *version_agent(void)
{
    return "weir/" WEIR_VERSION;
}
