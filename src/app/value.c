// SPDX-License-Identifier: Apache-2.0
/* Times are RFC 3339, as goflow2 and ECS write them, or a day alone. */
#include "app/value.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/status.h"

int value_size(const char *text, uint64_t max, uint64_t *ret_bytes)
{
    static const char UNITS[] = "kmg";
    size_t size = strlen(text);
    size -= size > 2 && (text[size - 1] | 0x20) == 'b' ? 1 : 0; // 50GB is 50g
    const char *unit = size == 0 ? NULL : strchr(UNITS, text[size - 1] | 0x20);
    unsigned shift = unit == NULL || *unit == '\0' ? 0 : 10 * (unsigned)(unit - UNITS + 1);
    uint64_t number;
    int status = num_get_u64(text, size - (shift > 0), max >> shift, &number);
    if (status == 0) {
        *ret_bytes = number << shift;
    }
    return status;
}

/// Z, +01:00 or -01:00: seconds east of UTC.
static bool parse_offset(const char *text, int64_t *ret_seconds)
{
    if (strcmp(text, "Z") == 0 || text[0] == '\0') {
        *ret_seconds = 0;
        return true;
    }
    uint64_t hours;
    uint64_t minutes;
    if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':' ||
        num_get_u64(text + 1, 2, 23, &hours) != 0 || num_get_u64(text + 4, 2, 59, &minutes) != 0) {
        return false;
    }
    int64_t seconds = (int64_t)(hours * 3600 + minutes * 60);
    *ret_seconds = text[0] == '-' ? -seconds : seconds;
    return true;
}

int value_time(const char *text, uint64_t *ret_ns)
{
    struct tm tm = { 0 };
    const char *rest = strptime(text, "%Y-%m-%d", &tm);
    if (rest == NULL || tm.tm_year < 70) {
        return ERR_INVALID;
    }
    uint64_t fraction = 0;
    if (*rest == 'T' || *rest == ' ') {
        rest = strptime(rest + 1, "%H:%M:%S", &tm);
        if (rest == NULL) {
            return ERR_INVALID;
        }
        if (*rest == '.') {
            rest++;
            for (uint64_t unit = NS_PER_S / 10; *rest >= '0' && *rest <= '9'; unit /= 10) {
                fraction += (uint64_t)(*rest++ - '0') * unit;
            }
        }
    }
    int64_t offset;
    if (!parse_offset(rest, &offset)) {
        return ERR_INVALID;
    }
    int day = tm.tm_mday;
    int64_t seconds = timegm(&tm) - offset; // makes a 3 March of 31 February
    if (seconds < 0 || tm.tm_mday != day) {
        return ERR_INVALID;
    }
    if ((uint64_t)seconds >= UINT64_MAX / NS_PER_S) {
        return ERR_RANGE; // after the year 2553
    }
    *ret_ns = (uint64_t)seconds * NS_PER_S + fraction;
    return 0;
}

bool value_decode_percent(char *text)
{
    char *out = text;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p != '%') {
            *out++ = *p;
            continue;
        }
        int high = num_hex_digit((uint8_t)p[1]);
        int low = high < 0 ? -1 : num_hex_digit((uint8_t)p[2]);
        if (low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        *out++ = (char)(high << 4 | low);
        p += 2;
    }
    *out = '\0';
    return true;
}
