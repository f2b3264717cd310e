// SPDX-License-Identifier: Apache-2.0
/* Powers of a thousand, as network people count: 1 kB is 1000 bytes. */
#include "app/units.h"

#include <stdbool.h>
#include <stdio.h>

const char *units_print(double value, const char *unit, char text[static UNITS_SIZE])
{
    static const char *const PREFIXES[] = { "", "k", "M", "G", "T", "P", "E" };
    enum { PREFIX_COUNT = sizeof(PREFIXES) / sizeof(PREFIXES[0]) };
    size_t prefix = 0;
    double size = value < 0 ? -value : value;
    // What would be printed as 1000 goes on to the next prefix.
    while (size >= 999.5 && prefix + 1 < PREFIX_COUNT) {
        size /= 1000;
        prefix++;
    }
    bool whole = prefix == 0 && size == (double)(int)size;
    int digits = whole || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
    (void)snprintf(text, UNITS_SIZE, "%s%.*f%s%s%.8s", value < 0 ? "-" : "", digits, size,
                   unit[0] == '\0' ? "" : " ", PREFIXES[prefix], unit); // fits
    return text;
}
