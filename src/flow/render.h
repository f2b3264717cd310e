// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2's renderers for values that need more than a number: each writes plain ASCII that needs
 * no escaping, at `at`, within the size named beside it, and returns one past the last byte.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum {
    RENDER_MAC_SIZE = 17,
    RENDER_DATETIME_SIZE_MAX = 40,
    RENDER_NETWORK_SIZE_MAX = ADDR_TEXT_SIZE_MAX + 4,
};

/// aa:bb:cc:dd:ee:ff of the low 48 bits.
uint8_t *render_mac(uint8_t *at, uint64_t mac);

/// RFC 3339 UTC of `seconds` since 1970 and `ns`; a fraction only when it is not zero, without
/// trailing zeros; years past 9999 with all their digits (Go's time.RFC3339Nano).
uint8_t *render_datetime(uint8_t *at, int64_t seconds, uint32_t ns);

/// `address` masked to `prefix` and the prefix: 10.0.0.0/24; "invalid Prefix" when there is no
/// such.
uint8_t *render_network(uint8_t *at, const struct addr *address, uint32_t prefix);
