// SPDX-License-Identifier: Apache-2.0
/*
 * What Go's flag, strconv and time packages take, to the letter: goflow2's users and their scripts
 * know these forms. A fraction of a duration is computed in floating point there, and so it is
 * here.
 */
#include "app/go_value.h"

#include <stdio.h>
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

/// The largest magnitude of an int64_t.
#define MAGNITUDE_MAX (UINT64_C(1) << 63)

/// Digits before the point; false when they do not fit.
static bool take_whole(const char **text, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (; **text >= '0' && **text <= '9'; ++*text) {
        if (value > MAGNITUDE_MAX / 10) {
            return false;
        }
        value = value * 10 + (uint64_t)(**text - '0');
        if (value > MAGNITUDE_MAX) {
            return false;
        }
    }
    *ret_value = value;
    return true;
}

/// Digits behind the point: value / scale. Those that do not fit make no difference.
static void take_fraction(const char **text, uint64_t *ret_value, double *ret_scale)
{
    uint64_t value = 0;
    double scale = 1;
    bool full = false;
    for (; **text >= '0' && **text <= '9'; ++*text) {
        uint64_t next = value * 10 + (uint64_t)(**text - '0');
        full = full || value > (MAGNITUDE_MAX - 1) / 10 || next > MAGNITUDE_MAX;
        if (!full) {
            value = next;
            scale *= 10;
        }
    }
    *ret_value = value;
    *ret_scale = scale;
}

/// One number and its unit.
static int take_part(const char **text, bool days, uint64_t *ret_ns)
{
    uint64_t whole;
    uint64_t fraction = 0;
    double scale = 1;
    const char *begin = *text;
    if (!take_whole(text, &whole)) {
        return ERR_INVALID;
    }
    bool any = *text > begin;
    if (**text == '.') {
        begin = ++*text;
        take_fraction(text, &fraction, &scale);
        any = any || *text > begin;
    }
    uint64_t unit = any ? take_unit(text, days) : 0;
    if (unit == 0 || whole > MAGNITUDE_MAX / unit) {
        return ERR_INVALID;
    }
    uint64_t ns = whole * unit + (uint64_t)((double)fraction * ((double)unit / scale));
    if (ns > MAGNITUDE_MAX) {
        return ERR_INVALID;
    }
    *ret_ns = ns;
    return 0;
}

int go_duration(const char *text, bool days, int64_t *ret_ns)
{
    bool negative = *text == '-';
    text += negative || *text == '+';
    if (strcmp(text, "0") == 0) {
        *ret_ns = 0;
        return 0;
    }
    if (*text == '\0') {
        return ERR_INVALID;
    }
    uint64_t total = 0;
    while (*text != '\0') {
        uint64_t part;
        if (take_part(&text, days, &part) != 0) {
            return ERR_INVALID;
        }
        total += part; // both are at most MAGNITUDE_MAX
        if (total > MAGNITUDE_MAX || (total == 0 && part > 0)) {
            return ERR_INVALID;
        }
    }
    if (!negative && total == MAGNITUDE_MAX) {
        return ERR_INVALID;
    }
    *ret_ns = negative ? (int64_t)(0 - total) : (int64_t)total;
    return 0;
}

/// One character of go_quote() into `out` (5 bytes); returns its size.
static size_t quote_char(char c, char out[static 5])
{
    static const char NAMES[] = "abtnvfr"; // from 7 on
    unsigned char u = (unsigned char)c;
    bool is_named = u >= 7 && u < 7 + sizeof(NAMES) - 1;
    if (c == '"' || c == '\\' || is_named) {
        out[0] = '\\';
        out[1] = c;
        if (is_named) {
            out[1] = NAMES[u - 7];
        }
        return 2;
    }
    if (u < ' ' || u == 0x7f) {
        (void)snprintf(out, 5, "\\x%02x", u); // fits
        return 4;
    }
    out[0] = c;
    return 1;
}

const char *go_quote(const char *text, char *quoted, size_t size)
{
    static const char CUT[] = "...\"";
    CHECK(size >= 8);
    size_t used = 0;
    quoted[used++] = '"';
    for (; *text != '\0'; text++) {
        char piece[5];
        size_t n = quote_char(*text, piece);
        if (used + n + sizeof(CUT) > size) {
            memcpy(quoted + used, CUT, sizeof(CUT));
            return quoted;
        }
        memcpy(quoted + used, piece, n);
        used += n;
    }
    quoted[used] = '"';
    quoted[used + 1] = '\0';
    return quoted;
}
