// SPDX-License-Identifier: Apache-2.0
/*
 * A text is an anchor (now, a date, a number) and steps of date math. Both work on a point in time
 * and its grain: the unit that the last part leaves open. Days are counted by the proleptic
 * Gregorian calendar, in the zone that was asked for; an offset does not change within a text.
 */
#include "query/when.h"

#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/status.h"
#include "query/zone.h"

enum {
    YEAR_MIN = 1700,
    YEAR_MAX = 2261, // ns since 1970 in 63 bits end in 2262
    STEP_MAX = 1000 * 1000 * 1000,
    S_PER_DAY = 86400,
};

#define DAY_NS ((int64_t)S_PER_DAY * (int64_t)NS_PER_S)

/// How much time a text means: months (a year has 12) or ns, 0 for a moment.
struct grain {
    int32_t months;
    int64_t ns;
};

struct reading {
    const char *at;
    const char *end;
    int64_t zone_ns;
    int64_t ns; ///< since 1970 in the zone: a wall clock there
    struct grain grain;
};

// --- The calendar --------------------------------------------------------------------------------

struct civil {
    int32_t year;
    uint32_t month; ///< 1..12
    uint32_t day;   ///< 1..31
};

/// Days since 1970. Years are counted from March, so that the leap day is the last.
static int64_t days_of(struct civil c)
{
    int64_t year = c.month <= 2 ? c.year - 1 : c.year;
    int64_t era = year / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year =
        (153 * (int64_t)(c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct civil civil_of(int64_t days)
{
    days += 719468;
    int64_t era = days / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    struct civil c = { .day = (uint32_t)(of_year - (153 * month + 2) / 5 + 1),
                       .month = (uint32_t)(month < 10 ? month + 3 : month - 9) };
    c.year = (int32_t)(year + era * 400 + (c.month <= 2));
    return c;
}

static uint32_t days_in(int32_t year, uint32_t month)
{
    static const uint8_t DAYS[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return DAYS[month - 1] + (month == 2 && leap ? 1U : 0U);
}

static int64_t floor_to(int64_t value, int64_t unit)
{
    int64_t rest = value % unit;
    return value - (rest < 0 ? rest + unit : rest);
}

/// Adds months; the 31st becomes the last day there is. False out of range.
static bool add_months(int64_t *ns, int64_t months)
{
    int64_t day = floor_to(*ns, DAY_NS);
    struct civil c = civil_of(day / DAY_NS);
    int64_t count = (int64_t)c.year * 12 + c.month - 1 + months;
    if (count < YEAR_MIN * 12 || count >= (YEAR_MAX + 1) * 12) {
        return false;
    }
    c.year = (int32_t)(count / 12);
    c.month = (uint32_t)(count % 12) + 1;
    uint32_t last = days_in(c.year, c.month);
    c.day = c.day < last ? c.day : last;
    *ns = days_of(c) * DAY_NS + (*ns - day);
    return true;
}

static bool is_in_range(int64_t ns)
{
    return ns >= days_of((struct civil){ YEAR_MIN, 1, 1 }) * DAY_NS &&
           ns < days_of((struct civil){ YEAR_MAX, 12, 31 }) * DAY_NS;
}

static bool add(int64_t *ns, struct grain grain, int64_t count)
{
    int64_t step;
    if (grain.months != 0) {
        return add_months(ns, grain.months * count);
    }
    return !__builtin_mul_overflow(grain.ns, count, &step) &&
           !__builtin_add_overflow(*ns, step, ns) && is_in_range(*ns);
}

// --- Reading -------------------------------------------------------------------------------------

static bool take(struct reading *r, char c)
{
    bool there = r->at < r->end && *r->at == c;
    r->at += there;
    return there;
}

/// Exactly `digits` digits.
static bool take_number(struct reading *r, size_t digits, uint32_t *ret_value)
{
    uint64_t value;
    if ((size_t)(r->end - r->at) < digits || num_get_u64(r->at, digits, UINT32_MAX, &value) != 0) {
        return false;
    }
    r->at += digits;
    *ret_value = (uint32_t)value;
    return true;
}

static size_t count_digits(const struct reading *r)
{
    size_t count = 0;
    while (r->at + count < r->end && r->at[count] >= '0' && r->at[count] <= '9') {
        count++;
    }
    return count;
}

static bool unit_of(char c, struct grain *ret_grain)
{
    switch (c) {
    case 'y':
        *ret_grain = (struct grain){ .months = 12 };
        return true;
    case 'M':
        *ret_grain = (struct grain){ .months = 1 };
        return true;
    case 'w':
        *ret_grain = (struct grain){ .ns = 7 * DAY_NS };
        return true;
    case 'd':
        *ret_grain = (struct grain){ .ns = DAY_NS };
        return true;
    case 'h':
    case 'H':
        *ret_grain = (struct grain){ .ns = 3600 * (int64_t)NS_PER_S };
        return true;
    case 'm':
        *ret_grain = (struct grain){ .ns = 60 * (int64_t)NS_PER_S };
        return true;
    case 's':
        *ret_grain = (struct grain){ .ns = (int64_t)NS_PER_S };
        return true;
    default:
        return false;
    }
}

/// Down to the begin of a unit. Weeks begin on Monday; 1970 began on a Thursday.
static void round_down(struct reading *r, char unit)
{
    struct civil c = civil_of(floor_to(r->ns, DAY_NS) / DAY_NS);
    if (unit == 'y') {
        r->ns = days_of((struct civil){ c.year, 1, 1 }) * DAY_NS;
    } else if (unit == 'M') {
        r->ns = days_of((struct civil){ c.year, c.month, 1 }) * DAY_NS;
    } else if (unit == 'w') {
        r->ns = floor_to(r->ns + 3 * DAY_NS, 7 * DAY_NS) - 3 * DAY_NS;
    } else {
        r->ns = floor_to(r->ns, r->grain.ns);
    }
}

/// +1d, -12h, /d and so on to the end.
static bool read_math(struct reading *r)
{
    while (r->at < r->end) {
        char op = *r->at++;
        struct grain unit;
        size_t digits = op == '/' ? 0 : count_digits(r);
        uint64_t count = 1;
        if ((op != '+' && op != '-' && op != '/') ||
            (digits > 0 && num_get_u64(r->at, digits, STEP_MAX, &count) != 0)) {
            return false;
        }
        r->at += digits;
        if (r->at == r->end || !unit_of(*r->at++, &unit)) {
            return false;
        }
        if (op == '/') {
            r->grain = unit;
            round_down(r, r->at[-1]);
        } else if (!add(&r->ns, unit, op == '-' ? -(int64_t)count : (int64_t)count)) {
            return false;
        }
    }
    return true;
}

/// Z, +01, +0100, +01:00 at the text.
static bool read_offset(struct reading *r, int32_t *ret_zone_s)
{
    uint32_t hours;
    uint32_t minutes = 0;
    if (take(r, 'Z') || take(r, 'z')) {
        *ret_zone_s = 0;
        return true;
    }
    bool east = take(r, '+');
    if ((!east && !take(r, '-')) || !take_number(r, 2, &hours)) {
        return false;
    }
    bool colon = take(r, ':');
    if (!take_number(r, 2, &minutes) && colon) {
        return false;
    }
    if (hours > 18 || minutes > 59) {
        return false;
    }
    int32_t zone_s = (int32_t)(hours * 3600 + minutes * 60);
    *ret_zone_s = east ? zone_s : -zone_s;
    return true;
}

/// .5, .123456789: what comes behind the ninth digit is too exact for anybody.
static bool read_fraction(struct reading *r)
{
    size_t digits = count_digits(r);
    int64_t unit = (int64_t)NS_PER_S;
    for (size_t i = 0; i < digits; i++) {
        unit /= 10;
        r->ns += (r->at[i] - '0') * unit;
    }
    r->at += digits;
    r->grain.ns = unit == 0 ? 1 : unit;
    return digits > 0;
}

/// 12, 12:30, 12:30:15, 12:30:15.5
static bool read_clock(struct reading *r)
{
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
    if (!take_number(r, 2, &hour) || hour > 24) {
        return false;
    }
    r->ns += hour * 3600 * (int64_t)NS_PER_S;
    r->grain = (struct grain){ .ns = 3600 * (int64_t)NS_PER_S };
    if (!take(r, ':')) {
        return true;
    }
    if (!take_number(r, 2, &minute) || minute > 59) {
        return false;
    }
    r->ns += minute * 60 * (int64_t)NS_PER_S;
    r->grain.ns = 60 * (int64_t)NS_PER_S;
    if (!take(r, ':')) {
        return true;
    }
    if (!take_number(r, 2, &second) || second > 60) {
        return false;
    }
    r->ns += second * (int64_t)NS_PER_S;
    r->grain.ns = (int64_t)NS_PER_S;
    return (!take(r, '.') && !take(r, ',')) || read_fraction(r);
}

/// 2026, 2026-01, 2026-01-31, and a time of day behind T or a blank.
static bool read_date(struct reading *r)
{
    struct civil c = { .month = 1, .day = 1 };
    uint32_t year;
    if (!take_number(r, 4, &year) || year < YEAR_MIN || year > YEAR_MAX) {
        return false;
    }
    c.year = (int32_t)year;
    r->grain = (struct grain){ .months = 12 };
    if (take(r, '-')) {
        if (!take_number(r, 2, &c.month) || c.month < 1 || c.month > 12) {
            return false;
        }
        r->grain.months = 1;
        if (take(r, '-')) {
            if (!take_number(r, 2, &c.day) || c.day < 1 || c.day > days_in(c.year, c.month)) {
                return false;
            }
            r->grain = (struct grain){ .ns = DAY_NS };
        }
    }
    r->ns = days_of(c) * DAY_NS;
    bool timed = r->grain.ns == DAY_NS && (take(r, 'T') || take(r, 't') || take(r, ' '));
    if (timed && !read_clock(r)) {
        return false;
    }
    bool zoned = timed && r->at < r->end && *r->at != '|';
    int32_t zone_s;
    if (zoned) {
        if (!read_offset(r, &zone_s)) {
            return false;
        }
        r->zone_ns = zone_s * (int64_t)NS_PER_S;
    }
    return true;
}

/// Seconds, ms, us or ns since 1970, by how many digits there are.
static bool read_epoch(struct reading *r, size_t digits)
{
    uint64_t value;
    int64_t unit = digits <= 11   ? (int64_t)NS_PER_S
                   : digits <= 14 ? (int64_t)NS_PER_MS
                   : digits <= 17 ? (int64_t)NS_PER_US
                                  : 1;
    if (num_get_u64(r->at, digits, INT64_MAX, &value) != 0 ||
        __builtin_mul_overflow((int64_t)value, unit, &r->ns) ||
        __builtin_add_overflow(r->ns, r->zone_ns, &r->ns)) {
        return false;
    }
    r->at += digits;
    r->grain = (struct grain){ .ns = unit };
    return is_in_range(r->ns);
}

static bool read_anchor(struct reading *r, uint64_t now_ns)
{
    size_t digits = count_digits(r);
    if (r->end - r->at >= 3 && memcmp(r->at, "now", 3) == 0) {
        r->at += 3;
        r->ns = (int64_t)now_ns + r->zone_ns;
        return true;
    }
    bool read = digits > 4 ? read_epoch(r, digits) : read_date(r);
    if (!read || r->at == r->end) {
        return read;
    }
    bool bar = take(r, '|');
    return take(r, '|') && bar;
}

int when_range(const char *text, size_t size, uint64_t now_ns, int32_t zone_s, int64_t *ret_first,
               int64_t *ret_last)
{
    struct reading r = { .at = text, .end = text + size, .zone_ns = zone_s * (int64_t)NS_PER_S };
    if (!read_anchor(&r, now_ns) || !read_math(&r) || !is_in_range(r.ns)) {
        return ERR_INVALID;
    }
    int64_t next = r.ns;
    if (!add(&next, r.grain, 1)) {
        return ERR_INVALID;
    }
    *ret_first = r.ns - r.zone_ns;
    *ret_last = (next > r.ns ? next - 1 : next) - r.zone_ns;
    return 0;
}

int when_parse(const char *text, size_t size, uint64_t now_ns, int32_t zone_s, int64_t *ret_ns)
{
    int64_t last;
    return when_range(text, size, now_ns, zone_s, ret_ns, &last);
}

int when_zone(const char *text, int64_t at_ns, int32_t *ret_zone_s)
{
    struct reading r = { .at = text, .end = text + strlen(text) };
    if (read_offset(&r, ret_zone_s) && r.at == r.end) {
        return 0;
    }
    return zone_find(text, at_ns, ret_zone_s);
}
