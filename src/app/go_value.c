// SPDX-License-Identifier: Apache-2.0
/*
 * What Go's flag, strconv and time packages take, to the letter: goflow2's users and their scripts
 * know these forms.
 */
#include "app/go_value.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"

int go_bool(const char *text, bool *ret_value)
{
    static const char *const YES[] = { "1", "t", "T", "TRUE", "true", "True" };
    static const char *const NO[] = { "0", "f", "F", "FALSE", "false", "False" };
    for (size_t i = 0; i < sizeof(YES) / sizeof(YES[0]); i++) {
        if (strcmp(text, YES[i]) == 0 || strcmp(text, NO[i]) == 0) {
            *ret_value = strcmp(text, YES[i]) == 0;
            return 0;
        }
    }
    return ERR_INVALID;
}

/// The unit at `*text`, which is moved behind it; 0 when there is none.
static uint64_t take_unit(const char **text, bool days)
{
    static const struct {
        const char *name;
        uint64_t ns;
        bool day;
    } UNITS[] = {
        { "ns", 1, false },
        { "us", NS_PER_US, false },
        { "\xc2\xb5s", NS_PER_US, false }, // micro sign
        { "\xce\xbcs", NS_PER_US, false }, // Greek mu
        { "ms", NS_PER_MS, false },
        { "s", NS_PER_S, false },
        { "m", 60 * NS_PER_S, false },
        { "h", 3600 * NS_PER_S, false },
        { "d", 86400 * NS_PER_S, true },
        { "w", 7 * 86400 * NS_PER_S, true },
    };
    size_t size = strcspn(*text, ".0123456789");
    for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
        if (strlen(UNITS[i].name) == size && strncmp(UNITS[i].name, *text, size) == 0 &&
            (days || !UNITS[i].day)) {
            *text += size;
            return UNITS[i].ns;
        }
    }
    return 0;
}

/// One number and its unit.
static int take_part(const char **text, bool days, uint64_t *ret_ns)
{
    uint64_t whole = 0;
    uint64_t fraction = 0;
    uint64_t scale = 1;
    bool any = false;
    for (; **text >= '0' && **text <= '9'; (*text)++, any = true) {
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(**text - '0'), &whole)) {
            return ERR_INVALID;
        }
    }
    if (**text == '.') {
        for (++*text; **text >= '0' && **text <= '9'; (*text)++, any = true) {
            if (scale < UINT64_C(1000000000)) { // further digits are below a nanosecond
                fraction = fraction * 10 + (uint64_t)(**text - '0');
                scale *= 10;
            }
        }
    }
    uint64_t unit = any ? take_unit(text, days) : 0;
    if (unit == 0 || __builtin_mul_overflow(whole, unit, &whole)) {
        return ERR_INVALID;
    }
    uint64_t part = unit / scale * fraction + unit % scale * fraction / scale;
    return __builtin_add_overflow(whole, part, ret_ns) ? ERR_INVALID : 0;
}

int go_duration(const char *text, bool days, uint64_t *ret_ns)
{
    bool negative = *text == '-';
    text += negative || *text == '+';
    uint64_t total = 0;
    if (strcmp(text, "0") == 0) {
        *ret_ns = 0;
        return 0;
    }
    if (*text == '\0') {
        return ERR_INVALID;
    }
    while (*text != '\0') {
        uint64_t part;
        if (take_part(&text, days, &part) != 0 || __builtin_add_overflow(total, part, &total) ||
            total > INT64_MAX) {
            return ERR_INVALID;
        }
    }
    if (negative && total > 0) {
        return ERR_RANGE;
    }
    *ret_ns = total;
    return 0;
}
