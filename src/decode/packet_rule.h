// SPDX-License-Identifier: Apache-2.0
/* The mapping's packet rules: bits of a parsed layer to fields and custom columns. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "decode/draft.h"
#include "flow/mapping.h"

/// One layer of a packet as rules see it.
struct packet_layer {
    const uint8_t *packet; ///< the whole sampled header
    size_t packet_size;
    size_t offset; ///< of the layer, bytes
    enum parser parser;
    enum reached_by by;
    uint16_t value; ///< ethertype, protocol or port that led here
    bool encap;
};

/// Applies every rule that speaks of this layer, in goflow2's order.
void packet_rules_apply(struct draft *draft, const struct mapping *mapping,
                        const struct packet_layer *layer);

/// Takes `length` bits at bit `offset` of `data` as one right-aligned big-endian number of
/// ceil(length / 8) bytes into `out`; bits past the end of the data are zero. Returns the number of
/// bytes: 0 when length is 0 or the offset lies outside the data.
size_t packet_bits(const uint8_t *data, size_t size, int64_t offset, int64_t length,
                   uint8_t out[static MAPPING_VALUE_SIZE_MAX]);
