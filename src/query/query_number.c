// SPDX-License-Identifier: Apache-2.0
/*
 * Of two numbers that are not 0 the one whose first digit (from 1 to 9) stands higher is the larger
 * one, and else the first digit that differs says it.
 */
#include "query/query_number.h"

#include <stdint.h>

enum { EXPONENT_MAX = 1000 * 1000 * 1000 }; // past any number of digits

struct number {
    bool negative;
    const char *digits; ///< from the first one on that is not 0; a point may be among them
    const char *end;    ///< digits == end: it is 0
    int64_t height;     ///< of the first digit: 1 stands for ones, 2 for tens, 0 for tenths
};

static bool is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

static const char *pass_digits(const char *at, const char *end)
{
    while (is_digit(at, end)) {
        at++;
    }
    return at;
}

/// What stands behind e; false when it is no whole number.
static bool read_exponent(const char *at, const char *end, int64_t *ret_exponent)
{
    int64_t exponent = 0;
    bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    if (!is_digit(at, end)) {
        return false;
    }
    for (; is_digit(at, end); at++) {
        exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*at - '0') : exponent;
    }
    *ret_exponent = negative ? -exponent : exponent;
    return at == end;
}

static bool read_number(const char *text, size_t size, struct number *ret_number)
{
    const char *end = text + size;
    struct number n = { .negative = size > 0 && text[0] == '-' };
    n.digits = text + n.negative;
    const char *point = pass_digits(n.digits, end);
    if (point == n.digits) {
        return false;
    }
    n.end = point;
    if (point < end && *point == '.') {
        n.end = pass_digits(point + 1, end);
        if (n.end == point + 1) {
            return false;
        }
    }
    if (n.end < end &&
        ((*n.end != 'e' && *n.end != 'E') || !read_exponent(n.end + 1, end, &n.height))) {
        return false;
    }
    while (n.digits < n.end && (*n.digits == '0' || *n.digits == '.')) {
        n.digits++;
    }
    n.height += n.digits < point ? point - n.digits : point + 1 - n.digits;
    *ret_number = n;
    return true;
}

/// The next digit; 0 goes on for ever.
static int next_digit(struct number *n)
{
    n->digits += n->digits < n->end && *n->digits == '.';
    return n->digits < n->end ? *n->digits++ - '0' : 0;
}

/// Without their signs; neither is 0.
static int order_of(struct number a, struct number b)
{
    if (a.height != b.height) {
        return a.height > b.height ? 1 : -1;
    }
    int difference = 0;
    while (difference == 0 && (a.digits < a.end || b.digits < b.end)) {
        difference = next_digit(&a) - next_digit(&b);
    }
    return difference;
}

bool query_number_order(const char *a, size_t a_size, const char *b, size_t b_size, int *ret_order)
{
    struct number x;
    struct number y;
    if (!read_number(a, a_size, &x) || !read_number(b, b_size, &y)) {
        return false;
    }
    int x_sign = x.digits == x.end ? 0 : x.negative ? -1 : 1;
    int y_sign = y.digits == y.end ? 0 : y.negative ? -1 : 1;
    if (x_sign != y_sign || x_sign == 0) {
        *ret_order = x_sign - y_sign;
    } else {
        *ret_order = x_sign * order_of(x, y);
    }
    return true;
}
