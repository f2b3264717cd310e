// SPDX-License-Identifier: Apache-2.0
/*
 * A packet in the making has 64 kB for its bytes and a bit for each unit of eight of them. It is
 * whole when the last fragment told the size and every unit below it is there.
 *
 * Fragments that overlap or contradict each other condemn their packet, as RFC 5722 and RFC 8200
 * ask: its place stays taken until it times out, so that what comes late of it is dropped as well
 * and cannot be put together with what comes again. A repeated fragment is no overlap: captures
 * from several interfaces or of a mirror port often hold every frame twice.
 */
#include "source/reassemble.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/status.h"

enum {
    PACKET_SIZE_MAX = 65535,
    UNIT = 8, ///< bytes; fragments begin at multiples of it
    UNITS = (PACKET_SIZE_MAX + 1) / UNIT,
};

struct packet {
    bool used;
    bool condemned;
    struct addr src;
    struct addr dst;
    uint8_t protocol; ///< IPv6: the first fragment's
    uint32_t id;
    uint64_t begun_ns;
    uint64_t fragments; ///< that wait here
    uint32_t units_there;
    uint32_t end;  ///< one past the last byte there
    uint32_t size; ///< 0 until the last fragment came
    uint8_t seen[UNITS / 8];
    uint8_t bytes[PACKET_SIZE_MAX];
};

struct reassembler {
    struct reassemble_stats stats;
    uint8_t whole[PACKET_SIZE_MAX]; ///< the packet handed out last
    struct packet packets[REASSEMBLE_PACKETS_MAX];
};

int reassembler_new(struct reassembler **ret_reassembler)
{
    struct reassembler *r = mem_map(sizeof(*r)); // of which little may ever be touched
    if (r == NULL) {
        return ERR_NO_MEMORY;
    }
    *ret_reassembler = r;
    return 0;
}

void reassembler_free(struct reassembler *r)
{
    mem_unmap(r, sizeof(*r));
}

static void drop_fragments(struct reassembler *r, struct packet *p)
{
    r->stats.dropped += p->fragments;
    r->stats.waiting -= p->fragments;
    p->fragments = 0;
}

/// Of IPv4 the protocol is part of what names a packet, of IPv6 it is not.
static bool is_same(const struct packet *p, const struct frame *f)
{
    return p->used && p->id == f->id && addr_equal(&p->src, &f->src) &&
           addr_equal(&p->dst, &f->dst) &&
           (f->src.size == ADDR_V6_SIZE || p->protocol == f->protocol);
}

static bool is_over(const struct packet *p, uint64_t now_ns)
{
    return now_ns > p->begun_ns && now_ns - p->begun_ns > REASSEMBLE_TIMEOUT_S * NS_PER_S;
}

/// The packet a fragment belongs to; a new one takes a free place or that of the oldest.
static struct packet *find(struct reassembler *r, const struct frame *f, uint64_t now_ns)
{
    struct packet *place = &r->packets[0];
    for (size_t i = 0; i < REASSEMBLE_PACKETS_MAX; i++) {
        struct packet *p = &r->packets[i];
        if (p->used && is_over(p, now_ns)) {
            drop_fragments(r, p);
            p->used = false;
        }
        if (is_same(p, f)) {
            return p;
        }
        if (place->used && (!p->used || p->begun_ns < place->begun_ns)) {
            place = p;
        }
    }
    if (place->used) {
        drop_fragments(r, place);
    }
    place->used = true;
    place->condemned = false;
    place->src = f->src;
    place->dst = f->dst;
    place->protocol = f->protocol;
    place->id = f->id;
    place->begun_ns = now_ns;
    place->fragments = 0;
    place->units_there = 0;
    place->end = 0;
    place->size = 0;
    memset(place->seen, 0, sizeof(place->seen));
    return place;
}

static bool has_unit(const struct packet *p, size_t unit)
{
    return (p->seen[unit / 8] >> unit % 8 & 1) != 0;
}

/// Whether the fragment says again what is there.
static bool is_repeated(const struct packet *p, const struct frame *f, size_t end)
{
    for (size_t unit = f->offset / UNIT; unit * UNIT < end; unit++) {
        if (!has_unit(p, unit)) {
            return false;
        }
    }
    return (f->more ? end <= p->end : end == p->size) &&
           memcmp(p->bytes + f->offset, f->payload, f->payload_size) == 0;
}

/// Puts the bytes in; false when they contradict what is there.
static bool put(struct packet *p, const struct frame *f)
{
    size_t end = f->offset + f->payload_size;
    bool ragged = f->more && f->payload_size % UNIT != 0; // only the last may be
    if (ragged || f->payload_size == 0 || end > PACKET_SIZE_MAX) {
        return false;
    }
    if (is_repeated(p, f, end)) {
        return true;
    }
    if (p->size > 0 ? end > p->size || !f->more : !f->more && end < p->end) {
        return false;
    }
    for (size_t unit = f->offset / UNIT; unit * UNIT < end; unit++) {
        if (has_unit(p, unit)) {
            return false;
        }
        p->seen[unit / 8] |= (uint8_t)(1U << unit % 8);
        p->units_there++;
    }
    memcpy(p->bytes + f->offset, f->payload, f->payload_size);
    p->end = end > p->end ? (uint32_t)end : p->end;
    p->size = f->more ? p->size : (uint32_t)end;
    p->protocol = f->offset == 0 ? f->protocol : p->protocol;
    return true;
}

bool reassembler_add(struct reassembler *r, struct frame *f, uint64_t now_ns)
{
    struct packet *p = find(r, f, now_ns);
    p->fragments++;
    r->stats.waiting++;
    p->condemned = p->condemned || !put(p, f);
    if (p->condemned) {
        drop_fragments(r, p);
        return false;
    }
    if (p->size == 0 || p->units_there < (p->size + UNIT - 1) / UNIT) {
        return false;
    }
    memcpy(r->whole, p->bytes, p->size);
    r->stats.merged += p->fragments;
    r->stats.packets++;
    r->stats.waiting -= p->fragments;
    p->fragments = 0;
    p->used = false;
    f->protocol = p->protocol;
    frame_parse_whole(f, r->whole, p->size);
    return true;
}

void reassembler_finish(struct reassembler *r)
{
    for (size_t i = 0; i < REASSEMBLE_PACKETS_MAX; i++) {
        drop_fragments(r, &r->packets[i]);
        r->packets[i].used = false;
    }
}

struct reassemble_stats reassembler_stats(const struct reassembler *r)
{
    return r->stats;
}
