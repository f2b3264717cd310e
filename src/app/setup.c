// SPDX-License-Identifier: Apache-2.0
/*
 * weir setup: what a cluster needs before flows come.
 */
#include "app/commands.h"

int setup_command(const struct settings *s)
{
    (void)s;
    return EXIT_CANNOT_RUN;
}
