// SPDX-License-Identifier: Apache-2.0
/* On standard output; main looks at it when all is said. */
#include "app/report.h"

#include <stdarg.h>
#include <stdio.h>

void report(const char *verdict, const char *what, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%-5s %-9s ", verdict, what);
    (void)vprintf(format, args); // main looks at stdout when all is said
    (void)putchar('\n');         // likewise
    va_end(args);
}

bool report_failed(const char *what, const struct err *err)
{
    report("FAIL", what, "%s", err->text);
    return false;
}
