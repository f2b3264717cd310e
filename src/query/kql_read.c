// SPDX-License-Identifier: Apache-2.0
/*
 * Fields hold whole numbers, filters may have others: above 5.5 begins at 6. What is compared is
 * always a span of whole numbers, so that live records and SQL need not know.
 */
#include "query/kql_read.h"

#include <string.h>

#include "base/num.h"

// --- Numbers -------------------------------------------------------------------------------------

static size_t count_digits(const char *text, size_t size)
{
    size_t count = 0;
    while (count < size && text[count] >= '0' && text[count] <= '9') {
        count++;
    }
    return count;
}

bool kql_read_decimal(const char *text, size_t size, struct kql_decimal *ret_decimal)
{
    struct kql_decimal d = { .negative = size > 0 && text[0] == '-' };
    text += d.negative;
    size -= d.negative;
    size_t digits = count_digits(text, size);
    if (digits == 0) {
        return false;
    }
    d.large = num_get_u64(text, digits, UINT64_MAX, &d.whole) != 0;
    if (digits < size) {
        size_t decimals = count_digits(text + digits + 1, size - digits - 1);
        if (text[digits] != '.' || decimals == 0 || digits + 1 + decimals != size) {
            return false;
        }
        for (size_t i = 0; i < decimals; i++) {
            d.fraction = d.fraction || text[digits + 1 + i] != '0';
        }
    }
    d.negative = d.negative && (d.large || d.fraction || d.whole != 0);
    *ret_decimal = d;
    return true;
}

bool kql_decimal_is_u64(const struct kql_decimal *d)
{
    return !d->negative && !d->fraction && !d->large;
}

struct kql_span kql_decimal_span(const struct kql_decimal *d, enum kql_token_kind op)
{
    const struct kql_span none = { .low = 1, .high = 0 };
    const struct kql_span all = { .low = 0, .high = UINT64_MAX };
    bool above = op == KQL_TOKEN_GREATER || op == KQL_TOKEN_AT_LEAST;
    if (d->negative || d->large) {
        return above == d->negative ? all : none;
    }
    if (above) {
        bool next = d->fraction || op == KQL_TOKEN_GREATER;
        return next && d->whole == UINT64_MAX
                   ? none
                   : (struct kql_span){ .low = d->whole + next, .high = UINT64_MAX };
    }
    bool before = !d->fraction && op == KQL_TOKEN_LESS;
    return before && d->whole == 0 ? none : (struct kql_span){ .high = d->whole - before };
}

// --- Addresses -----------------------------------------------------------------------------------

/// ::ffff:a.b.c.d/N as IPv4.
static void unmap(struct cidr *c)
{
    enum { MAPPED_BITS = 96 };
    struct addr plain = addr_unmap(&c->addr);
    if (plain.size != c->addr.size && c->prefix >= MAPPED_BITS) {
        *c = (struct cidr){ .addr = plain, .prefix = (uint8_t)(c->prefix - MAPPED_BITS) };
    }
}

/// 10.*, 192.168.*, 192.168.*.*: the beginning of an IPv4 address.
static bool read_beginning(const char *text, struct cidr *ret_cidr)
{
    struct cidr c = { .addr = { .size = ADDR_V4_SIZE } };
    size_t parts = 0;
    while (*text != '*') {
        uint64_t part;
        size_t digits = count_digits(text, strlen(text));
        if (parts == 3 || text[digits] != '.' || num_get_u64(text, digits, UINT8_MAX, &part) != 0) {
            return false;
        }
        c.addr.bytes[parts++] = (uint8_t)part;
        text += digits + 1;
    }
    c.prefix = (uint8_t)(8 * parts);
    for (size_t stars = 1; parts + stars <= 4; stars++) {
        text++; // the star
        if (*text == '\0') {
            *ret_cidr = c;
            return parts > 0;
        }
        if (text[0] != '.' || text[1] != '*') {
            return false;
        }
        text++;
    }
    return false;
}

static bool is_pattern(const char *text)
{
    size_t size = strlen(text);
    return strspn(text, "0123456789abcdefABCDEF:.*") == size && size <= 2 * ADDR_TEXT_SIZE_MAX;
}

bool kql_read_addresses(const struct kql_literal *value, struct kql_addresses *ret_addresses)
{
    struct kql_addresses a = { .kind = KQL_EQUAL };
    if (value->wild) {
        a.kind = read_beginning(value->text, &a.cidr) ? KQL_CIDR : KQL_LIKE;
        *ret_addresses = a;
        return a.kind == KQL_CIDR || is_pattern(value->text);
    }
    if (cidr_parse(value->text, &a.cidr) != 0) {
        return false;
    }
    unmap(&a.cidr);
    a.kind = a.cidr.prefix < 8 * a.cidr.addr.size ? KQL_CIDR : KQL_EQUAL;
    *ret_addresses = a;
    return true;
}

bool kql_addr_step(struct addr *a, bool up)
{
    const uint8_t last = up ? UINT8_MAX : 0;
    struct addr next = *a;
    size_t i = next.size;
    while (i > 0 && next.bytes[i - 1] == last) {
        next.bytes[--i] = up ? 0 : UINT8_MAX;
    }
    if (i == 0) {
        return false;
    }
    next.bytes[i - 1] = (uint8_t)(up ? next.bytes[i - 1] + 1 : next.bytes[i - 1] - 1);
    *a = next;
    return true;
}

bool kql_read_mac(const char *text, size_t size, uint64_t *ret_mac)
{
    enum { MAC_DIGITS = 12 };
    uint64_t mac = 0;
    size_t digits = 0;
    for (size_t i = 0; i < size; i++) {
        int digit = num_hex_digit((uint8_t)text[i]);
        if (digit >= 0) {
            mac = mac << 4 | (uint64_t)digit;
            digits++;
        } else if ((text[i] != ':' && text[i] != '-') || digits % 2 != 0 || i == 0) {
            return false;
        }
    }
    if (digits != MAC_DIGITS || (size != MAC_DIGITS && size != MAC_DIGITS + 5)) {
        return false;
    }
    *ret_mac = mac;
    return true;
}
