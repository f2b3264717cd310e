// SPDX-License-Identifier: Apache-2.0
/*
 * A line is known by its file's identity and its offset, a datagram's flow by who sent it, when it
 * came, its sequence number and its place in the datagram. The time comes first, so that ids of one
 * time lie together in an index.
 *
 * An id never changes for the same input, on no machine: what is hashed is written big-endian. The
 * unit test holds ids of old.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/pen.h"
#include "format/ecs.h"

enum { KEY_SIZE_MAX = 64 };

static struct hash128 hash_of(const struct batch *batch, const struct flow *flow)
{
    uint8_t key[KEY_SIZE_MAX];
    struct pen p = pen_at(key);
    if (flow->file != 0) {
        const struct file_id *id = &batch->files[flow->file - 1].origin->id;
        pen_u64(&p, id->fingerprint[0]);
        pen_u64(&p, id->fingerprint[1]);
        pen_u64(&p, id->number);
        pen_u64(&p, flow->offset);
    } else {
        pen_u64(&p, flow->time_received_ns);
        pen_u32(&p, flow->sequence_num);
        pen_u32(&p, flow->index);
        pen_u32(&p, flow->observation_domain_id);
        pen_u32(&p, flow->sampler_address.size);
        pen_bytes(&p, flow->sampler_address.bytes, sizeof(flow->sampler_address.bytes));
    }
    return hash128(key, (size_t)(p.at - key));
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
