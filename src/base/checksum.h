// SPDX-License-Identifier: Apache-2.0
/* The internet checksum (RFC 1071), for packets that weir makes itself. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Adds the 16-bit words of `size` bytes (an odd last one is padded with zero) to a running sum.
static inline uint32_t checksum_add(uint32_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    }
    return size % 2 == 0 ? sum : sum + (uint32_t)(bytes[size - 1] << 8);
}

/// What goes into the header for a sum over at most 128 kB.
static inline uint16_t checksum_fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}
