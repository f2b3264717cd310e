// SPDX-License-Identifier: Apache-2.0
/*
 * Dates are computed from the day count with the usual 400-year cycle rather than with gmtime_r,
 * which knows locales and time zone files and takes ten times as long.
 */
#include "flow/render.h"

#include <string.h>

#include "base/num.h"

uint8_t *render_mac(uint8_t *at, uint64_t mac)
{
    for (int shift = 40; shift >= 0; shift -= 8) {
        at = num_put_hex(at, mac >> shift & 0xff, 2);
        *at++ = ':';
    }
    return at - 1;
}

static uint8_t *put_two(uint8_t *at, unsigned value)
{
    memcpy(at, NUM_DIGIT_PAIRS + 2 * value, 2);
    return at + 2;
}

/// Year, month and day of a day number (0 is 1970-01-01), proleptic Gregorian.
static void civil_of(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    int64_t z = days + 719468; // days since 0000-03-01
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned day_of_era = (unsigned)(z - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    *ret_day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    *ret_month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    *ret_year = (int64_t)year_of_era + era * 400 + (*ret_month <= 2);
}

static uint8_t *put_year(uint8_t *at, int64_t year)
{
    uint64_t magnitude = year < 0 ? (uint64_t)-year : (uint64_t)year;
    if (year < 0) {
        *at++ = '-';
    }
    for (uint64_t limit = 1000; magnitude < limit && limit > 1; limit /= 10) {
        *at++ = '0';
    }
    return num_put_u64(at, magnitude);
}

uint8_t *render_datetime(uint8_t *at, int64_t seconds, uint32_t ns)
{
    int64_t days = seconds / 86400;
    int64_t second_of_day = seconds % 86400;
    if (second_of_day < 0) {
        second_of_day += 86400;
        days--;
    }
    int64_t year;
    unsigned month;
    unsigned day;
    civil_of(days, &year, &month, &day);
    unsigned second = (unsigned)second_of_day;
    at = put_year(at, year);
    *at++ = '-';
    at = put_two(at, month);
    *at++ = '-';
    at = put_two(at, day);
    *at++ = 'T';
    at = put_two(at, second / 3600);
    *at++ = ':';
    at = put_two(at, second / 60 % 60);
    *at++ = ':';
    at = put_two(at, second % 60);
    if (ns > 0) {
        unsigned digits = 9;
        for (; ns % 10 == 0; ns /= 10) {
            digits--;
        }
        *at++ = '.';
        uint8_t *end = at + digits;
        for (uint8_t *p = end; p > at; ns /= 10) {
            *--p = (uint8_t)('0' + ns % 10);
        }
        at = end;
    }
    *at++ = 'Z';
    return at;
}

uint8_t *render_network(uint8_t *at, const struct addr *address, uint32_t prefix)
{
    static const char INVALID[] = "invalid Prefix";
    bool is_address = address->size == ADDR_V4_SIZE || address->size == ADDR_V6_SIZE;
    if (!is_address || prefix > 8U * address->size) {
        memcpy(at, INVALID, sizeof(INVALID) - 1);
        return at + sizeof(INVALID) - 1;
    }
    struct addr masked = addr_mask(address, prefix);
    at = addr_put(at, &masked);
    *at++ = '/';
    return num_put_u32(at, prefix);
}
