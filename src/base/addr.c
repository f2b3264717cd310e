// SPDX-License-Identifier: Apache-2.0
/*
 * Text is written as Go's netip writes it, since it is compared byte for byte: RFC 5952, and a
 * v4-mapped address with its dotted half. Reading has a short way for the usual forms, since every
 * line of a log has addresses; what it does not know is left to inet_pton.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"
#include "base/rd.h"
#include "base/status.h"

static const uint8_t V4_MAPPED[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool addr_equal(const struct addr *a, const struct addr *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

struct addr addr_unmap(const struct addr *a)
{
    if (a->size == ADDR_V6_SIZE && memcmp(a->bytes, V4_MAPPED, sizeof(V4_MAPPED)) == 0) {
        return addr_v4(a->bytes + sizeof(V4_MAPPED));
    }
    return *a;
}

static uint8_t *put_v4(uint8_t *at, const uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        unsigned v = bytes[i];
        if (v >= 100) {
            *at++ = (uint8_t)('0' + v / 100);
            v %= 100;
            memcpy(at, NUM_DIGIT_PAIRS + 2 * v, 2);
            at += 2;
        } else if (v >= 10) {
            memcpy(at, NUM_DIGIT_PAIRS + 2 * v, 2);
            at += 2;
        } else {
            *at++ = (uint8_t)('0' + v);
        }
        *at++ = '.';
    }
    return at - 1;
}

/// One group without leading zeros (RFC 5952 section 4.1).
static uint8_t *put_group(uint8_t *at, uint16_t group)
{
    unsigned digits = group >= 0x1000 ? 4 : group >= 0x100 ? 3 : group >= 0x10 ? 2 : 1;
    return num_put_hex(at, group, digits);
}

/// The first longest run of two or more zero groups (RFC 5952 sections 4.2.2, 4.2.3); both 8 when
/// there is none.
static void find_zeros(const uint16_t groups[static 8], unsigned *ret_start, unsigned *ret_end)
{
    unsigned start = 8;
    unsigned end = 8;
    for (unsigned i = 0; i < 8; i++) {
        unsigned j = i;
        while (j < 8 && groups[j] == 0) {
            j++;
        }
        if (j - i >= 2 && j - i > end - start) {
            start = i;
            end = j;
        }
        i = j > i ? j - 1 : i;
    }
    *ret_start = start;
    *ret_end = end;
}

static uint8_t *put_v6(uint8_t *at, const uint8_t *bytes)
{
    if (memcmp(bytes, V4_MAPPED, sizeof(V4_MAPPED)) == 0) {
        memcpy(at, "::ffff:", 7);
        return put_v4(at + 7, bytes + 12);
    }
    uint16_t groups[8];
    for (int i = 0; i < 8; i++) {
        groups[i] = be16(bytes + 2 * i);
    }
    unsigned zeros_start;
    unsigned zeros_end;
    find_zeros(groups, &zeros_start, &zeros_end);
    for (unsigned i = 0; i < 8; i++) {
        if (i == zeros_start) {
            *at++ = ':';
            *at++ = ':';
            i = zeros_end;
            if (i == 8) {
                break;
            }
        } else if (i > 0) {
            *at++ = ':';
        }
        at = put_group(at, groups[i]);
    }
    return at;
}

uint8_t *addr_put(uint8_t *at, const struct addr *a)
{
    if (a->size == ADDR_V4_SIZE) {
        return put_v4(at, a->bytes);
    }
    return a->size == ADDR_V6_SIZE ? put_v6(at, a->bytes) : at;
}

const char *addr_text(const struct addr *a, char text[static ADDR_TEXT_SIZE_MAX + 1])
{
    *addr_put((uint8_t *)text, a) = '\0';
    return text;
}

int addr_parse(const char *text, struct addr *ret_addr)
{
    uint8_t bytes[16];
    if (inet_pton(AF_INET, text, bytes) == 1) {
        *ret_addr = addr_v4(bytes);
        return 0;
    }
    if (inet_pton(AF_INET6, text, bytes) == 1) {
        *ret_addr = addr_v6(bytes);
        return 0;
    }
    return ERR_INVALID;
}

/// One number of a.b.c.d: up to 255, without leading zeros. Where it ends; NULL for none.
static inline const uint8_t *scan_byte(const uint8_t *at, uint8_t *ret_byte)
{
    unsigned value = (unsigned)(*at++ - '0');
    unsigned digit = (unsigned)(*at - '0');
    if (value > 9) {
        return NULL;
    }
    if (digit <= 9) {
        if (value == 0) {
            return NULL;
        }
        value = value * 10 + digit;
        digit = (unsigned)(*++at - '0');
        if (digit <= 9) {
            value = value * 10 + digit;
            at++;
        }
    }
    *ret_byte = (uint8_t)value;
    return value <= UINT8_MAX ? at : NULL;
}

/// a.b.c.d. Where it ends; NULL for anything else.
static const uint8_t *scan_v4(const uint8_t *at, uint8_t ret_bytes[static 4])
{
    for (int i = 0; i < 4; i++) {
        at = scan_byte(at, &ret_bytes[i]);
        if (at == NULL || (i < 3 && *at++ != '.')) {
            return NULL;
        }
    }
    return at;
}

/// Up to four hexadecimal digits. Returns where they end.
static inline const uint8_t *scan_group(const uint8_t *at, uint16_t *ret_group)
{
    unsigned group = 0;
    for (int i = 0; i < 4; i++, at++) {
        int digit = num_hex_digit(*at);
        if (digit < 0) {
            break;
        }
        group = group << 4 | (unsigned)digit;
    }
    *ret_group = (uint16_t)group;
    return at;
}

/// The groups around a gap of zeros, or all eight.
static void put_groups(const uint16_t groups[static 8], size_t count, size_t gap,
                       uint8_t ret_bytes[static 16])
{
    memset(ret_bytes, 0, 16);
    for (size_t i = 0; i < count; i++) {
        size_t place = i < gap ? i : 8 - count + i;
        ret_bytes[2 * place] = (uint8_t)(groups[i] >> 8);
        ret_bytes[2 * place + 1] = (uint8_t)groups[i];
    }
}

/// Groups and at most one gap (RFC 4291 section 2.2, forms 1 and 2). Where it ends; NULL for
/// anything else.
static const uint8_t *scan_v6(const uint8_t *at, uint8_t ret_bytes[static 16])
{
    enum { NO_GAP = 9 };
    uint16_t groups[8];
    size_t count = 0;
    size_t gap = NO_GAP;
    if (at[0] == ':' && at[1] == ':') {
        gap = 0;
        at += 2;
    }
    while (count < 8) {
        const uint8_t *begin = at;
        at = scan_group(at, &groups[count]);
        if (at == begin && count == gap) {
            break; // nothing behind the gap
        }
        if (at == begin) {
            return NULL;
        }
        count++;
        if (*at != ':') {
            break;
        }
        at++;
        if (*at == ':') {
            if (gap != NO_GAP) {
                return NULL;
            }
            gap = count;
            at++;
        }
    }
    bool whole = gap == NO_GAP ? count == 8 && at[-1] != ':' : count < 8;
    if (!whole) {
        return NULL;
    }
    put_groups(groups, count, gap, ret_bytes);
    return at;
}

const uint8_t *addr_scan(const uint8_t *text, const uint8_t *end, struct addr *ret_addr)
{
    enum { PADDED_SIZE = ADDR_TEXT_SIZE_MAX + 3 };
    uint8_t padded[PADDED_SIZE] = { 0 };
    uint8_t bytes[16];
    const uint8_t *begin = text;
    if (end - text < PADDED_SIZE) { // so that below nobody has to look for the end
        memcpy(padded, text, (size_t)(end - text));
        begin = padded;
    }
    const uint8_t *at = scan_v4(begin, bytes);
    if (at != NULL) {
        *ret_addr = addr_v4(bytes);
        return text + (at - begin);
    }
    at = scan_v6(begin, bytes);
    if (at != NULL) {
        *ret_addr = addr_v6(bytes);
        return text + (at - begin);
    }
    return NULL;
}

int addr_get(const uint8_t *text, size_t size, struct addr *ret_addr)
{
    struct addr address;
    if (addr_scan(text, text + size, &address) == text + size) {
        *ret_addr = address;
        return 0;
    }
    char copy[ADDR_TEXT_SIZE_MAX + 1];
    if (size > ADDR_TEXT_SIZE_MAX || memchr(text, '\0', size) != NULL) {
        return ERR_INVALID;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    return addr_parse(copy, ret_addr);
}

int cidr_parse(const char *text, struct cidr *ret_cidr)
{
    char host[ADDR_TEXT_SIZE_MAX + 1];
    const char *slash = strchr(text, '/');
    size_t host_size = slash == NULL ? strlen(text) : (size_t)(slash - text);
    if (host_size >= sizeof(host)) {
        return ERR_INVALID;
    }
    memcpy(host, text, host_size);
    host[host_size] = '\0';
    struct addr a;
    if (addr_parse(host, &a) != 0) {
        return ERR_INVALID;
    }
    uint64_t prefix = 8U * a.size;
    if (slash != NULL && num_get_u64(slash + 1, strlen(slash + 1), prefix, &prefix) != 0) {
        return ERR_INVALID;
    }
    *ret_cidr = (struct cidr){ .addr = addr_mask(&a, (unsigned)prefix), .prefix = (uint8_t)prefix };
    return 0;
}

bool cidr_contains(const struct cidr *c, const struct addr *a)
{
    struct addr plain = addr_unmap(a);
    if (plain.size != c->addr.size) {
        return false;
    }
    struct addr masked = addr_mask(&plain, c->prefix);
    return addr_equal(&masked, &c->addr);
}

struct addr addr_mask(const struct addr *a, unsigned prefix)
{
    CHECK(prefix <= 8U * a->size);
    struct addr masked = { .size = a->size };
    memcpy(masked.bytes, a->bytes, prefix / 8);
    if (prefix % 8 != 0) {
        masked.bytes[prefix / 8] = (uint8_t)(a->bytes[prefix / 8] & (0xff00U >> (prefix % 8)));
    }
    return masked;
}
