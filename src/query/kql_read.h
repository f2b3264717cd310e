// SPDX-License-Identifier: Apache-2.0
/*
 * Values as they are typed: numbers, addresses, networks, MAC addresses.
 *
 * For the files of query/ only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "query/kql_lex.h"

/// Numbers from low to high, both included; none when low is above high.
struct kql_span {
    uint64_t low;
    uint64_t high;
};

/// A decimal number, as far as whole numbers can be compared with it.
struct kql_decimal {
    bool negative;
    bool fraction; ///< it is not whole
    bool large;    ///< it is above UINT64_MAX
    uint64_t whole;
};

/// "5", "-5", "5.25". False for anything else.
bool kql_read_decimal(const char *text, size_t size, struct kql_decimal *ret_decimal);

/// Whether it is the whole number `whole`.
bool kql_decimal_is_u64(const struct kql_decimal *d);

/// The whole numbers that are op (a token's kind) it.
struct kql_span kql_decimal_span(const struct kql_decimal *d, enum kql_token_kind op);

/// An address (KQL_EQUAL: cidr.addr), a network (KQL_CIDR), or a pattern of its text (KQL_LIKE).
struct kql_addresses {
    enum kql_kind kind;
    struct cidr cidr;
};

/// "192.0.2.1", "10.0.0.0/8", "192.168.*", "*:53". IPv4-mapped is IPv4. False for anything else.
bool kql_read_addresses(const struct kql_literal *value, struct kql_addresses *ret_addresses);

/// The address behind, or before (`up` false). False when there is none.
bool kql_addr_step(struct addr *a, bool up);

/// AA-BB-CC-DD-EE-FF, with : or nothing between, in any case.
bool kql_read_mac(const char *text, size_t size, uint64_t *ret_mac);
