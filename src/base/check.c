// SPDX-License-Identifier: Apache-2.0
/*
 * The one place besides the log that writes to standard error: a bug must be said even when the
 * log is not set up. Nothing is cleaned up; a core file shows the state that was wrong.
 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "weir: bug: %s:%d: %s\n", file, line, condition);
    abort();
}

#ifdef __SANITIZE_THREAD__
/// DuckDB (store/duck.h) is not built for ThreadSanitizer, which does not see how it orders what it
/// does.
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:libduckdb.so\nmutex:libduckdb.so\ndeadlock:libduckdb.so\nthread:libduckdb.so\n"
           "signal:libduckdb.so\nrace:libstdc++.so\nrace:src/store/duck.c\n"
           "race:src/store/duck_write.c\ncalled_from_lib:libduckdb.so\n";
}
#endif
