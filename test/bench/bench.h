// SPDX-License-Identifier: Apache-2.0
/* What the programs that measure share. */
#pragma once

#include <time.h>

/// CPU time of this process so far, in ns.
static inline double cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); // cannot fail for this clock
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
