// SPDX-License-Identifier: Apache-2.0
/*
 * A line is known by its file's identity and its offset, a datagram's flow by who sent it, when it
 * came, its sequence number and its place in the datagram. The time comes first, so that ids of one
 * time lie together in an index.
 */
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "format/ecs.h"

/// Hashed as they lie in memory, padding and all: every byte is set.
struct line_key {
    uint64_t fingerprint[2];
    uint64_t number;
    uint64_t offset;
};

struct datagram_key {
    uint64_t received_ns;
    uint32_t sequence;
    uint32_t index;
    uint32_t domain;
    uint32_t address_size;
    uint8_t address[16];
};

static struct hash128 hash_of(const struct batch *batch, const struct flow *flow)
{
    if (flow->file != 0) {
        const struct file_id *id = &batch->files[flow->file - 1].origin->id;
        struct line_key key = { .fingerprint = { id->fingerprint[0], id->fingerprint[1] },
                                .number = id->number,
                                .offset = flow->offset };
        return hash128(&key, sizeof(key));
    }
    struct datagram_key key = { .received_ns = flow->time_received_ns,
                                .sequence = flow->sequence_num,
                                .index = flow->index,
                                .domain = flow->observation_domain_id,
                                .address_size = flow->sampler_address.size };
    memcpy(key.address, flow->sampler_address.bytes, sizeof(key.address));
    return hash128(&key, sizeof(key));
}

/// Sixteen bytes as 22 characters (RFC 4648, section 5, without padding).
static void put_base64url(const uint8_t bytes[static 16], char ret_text[static RECORD_ID_SIZE])
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t at = 0;
    for (size_t i = 0; i < 15; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6) {
            ret_text[at++] = DIGITS[bits >> shift & 0x3f];
        }
    }
    ret_text[at++] = DIGITS[bytes[15] >> 2];
    ret_text[at] = DIGITS[(bytes[15] & 3) << 4];
}

void record_id(const struct batch *batch, const struct flow *flow,
               char ret_id[static RECORD_ID_SIZE])
{
    uint64_t seconds = flow->kind == RECORD_ERROR ? 0 : flow_time_ns(flow) / NS_PER_S;
    struct hash128 hash = hash_of(batch, flow);
    uint8_t bytes[16];
    uint32_t parts[4] = { (uint32_t)seconds, (uint32_t)hash.high, (uint32_t)(hash.low >> 32),
                          (uint32_t)hash.low };
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            bytes[4 * i + j] = (uint8_t)(parts[i] >> (24 - 8 * j));
        }
    }
    put_base64url(bytes, ret_id);
}
