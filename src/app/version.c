// SPDX-License-Identifier: Apache-2.0
#include "app/version.h"

#ifndef WEIR_VERSION
#define WEIR_VERSION "unknown"
#endif

const char *version_text(void)
{
    return WEIR_VERSION;
}
