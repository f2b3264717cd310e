// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2's sflow.mapping. Rules keyed by a parser come first, then those keyed by what led to the
 * layer: an ethertype, a protocol, a port.
 *
 * Bits are taken as one number. goflow2 does the same for lengths up to eight and for multiples of
 * eight; for others it leaves a gap in the last byte (0xABC comes out as AB 0C), which weir does
 * not copy.
 */
#include "decode/packet_rule.h"

#include <string.h>

/// Byte `index` of the data, zero past its end.
static unsigned byte_at(const uint8_t *data, size_t size, size_t index)
{
    return index < size ? data[index] : 0;
}

size_t packet_bits(const uint8_t *data, size_t size, int64_t offset, int64_t length,
                   uint8_t out[static MAPPING_VALUE_SIZE_MAX])
{
    if (offset < 0 || length <= 0 || (uint64_t)offset > 8 * (uint64_t)size ||
        length > 8 * MAPPING_VALUE_SIZE_MAX) {
        return 0;
    }
    size_t first = (size_t)offset / 8;
    unsigned shift = (unsigned)(offset % 8);
    size_t count = ((size_t)length + 7) / 8;
    for (size_t i = 0; i < count; i++) { // left-aligned
        unsigned pair = byte_at(data, size, first + i) << 8 | byte_at(data, size, first + i + 1);
        out[i] = (uint8_t)(pair >> (8 - shift));
    }
    unsigned spare = (8 - (unsigned)(length % 8)) % 8;
    for (size_t i = count; spare > 0 && i-- > 0;) { // to the right
        unsigned before = i > 0 ? out[i - 1] : 0U;
        out[i] = (uint8_t)((before << 8 | out[i]) >> spare);
    }
    return count;
}

static void apply(struct draft *draft, const struct mapping *mapping,
                  const struct packet_rule *rule, const struct packet_layer *layer)
{
    if (rule->encap != layer->encap) {
        return;
    }
    uint8_t value[MAPPING_VALUE_SIZE_MAX];
    size_t size = packet_bits(layer->packet, layer->packet_size,
                              (int64_t)layer->offset * 8 + rule->offset, rule->length, value);
    draft_assign(draft, mapping, &rule->destination, value, size);
}

void packet_rules_apply(struct draft *draft, const struct mapping *mapping,
                        const struct packet_layer *layer)
{
    const struct packet_rules *own = &mapping->packet_rules[layer->parser];
    for (size_t i = 0; i < own->count; i++) {
        apply(draft, mapping, &own->rules[i], layer);
    }
    for (size_t i = 0; i < mapping->reached_rule_count; i++) {
        const struct reached_rule *r = &mapping->reached_rules[i];
        if (r->by == layer->by && r->value == layer->value) {
            apply(draft, mapping, &r->rule, layer);
        }
    }
}
