// SPDX-License-Identifier: Apache-2.0
/*
 * A packet in the making has 64 kB for its bytes and a bit for each unit of eight of them. It is
 * whole when the last fragment told the size and every unit below it is there.
 */
#include "source/reassemble.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/status.h"

enum {
    PACKET_SIZE_MAX = 65536,
    UNITS = PACKET_SIZE_MAX / 8,
    TIMEOUT_S = 30,
};

struct packet {
    bool used;
    struct addr src;
    struct addr dst;
    uint8_t protocol;
    uint32_t id;
    uint64_t begun_ns;
    uint64_t fragments;
    uint32_t units_there;
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
    *ret_reassembler = mem_map(sizeof(struct reassembler));
    return *ret_reassembler == NULL ? ERR_NO_MEMORY : 0;
}

void reassembler_free(struct reassembler *r)
{
    mem_unmap(r, sizeof(*r));
}

static void drop(struct reassembler *r, struct packet *p)
{
    r->stats.dropped += p->fragments;
    r->stats.waiting -= p->fragments;
    p->used = false;
}

static bool is_same(const struct packet *p, const struct frame *f)
{
    return p->used && p->id == f->id && p->protocol == f->protocol &&
           addr_equal(&p->src, &f->src) && addr_equal(&p->dst, &f->dst);
}

/// The packet a fragment belongs to; a new one takes a free place or that of the oldest.
static struct packet *find(struct reassembler *r, const struct frame *f, uint64_t now_ns)
{
    struct packet *place = &r->packets[0];
    for (size_t i = 0; i < REASSEMBLE_PACKETS_MAX; i++) {
        struct packet *p = &r->packets[i];
        if (p->used && now_ns > p->begun_ns && now_ns - p->begun_ns > TIMEOUT_S * NS_PER_S) {
            drop(r, p);
        }
        if (is_same(p, f)) {
            return p;
        }
        if (place->used && (!p->used || p->begun_ns < place->begun_ns)) {
            place = p;
        }
    }
    if (place->used) {
        drop(r, place);
    }
    place->used = true;
    place->src = f->src;
    place->dst = f->dst;
    place->protocol = f->protocol;
    place->id = f->id;
    place->begun_ns = now_ns;
    place->fragments = 0;
    place->units_there = 0;
    place->size = 0;
    memset(place->seen, 0, sizeof(place->seen));
    return place;
}

/// Puts the bytes in; false when they contradict what is there.
static bool put(struct packet *p, const struct frame *f)
{
    size_t end = f->offset + f->payload_size;
    bool odd = f->more && f->payload_size % 8 != 0; // only the last may be
    if (odd || f->payload_size == 0 || end >= PACKET_SIZE_MAX || (p->size > 0 && end > p->size) ||
        (!f->more && p->size > 0)) {
        return false;
    }
    for (size_t unit = f->offset / 8; unit * 8 < end; unit++) {
        uint8_t bit = (uint8_t)(1U << unit % 8);
        if ((p->seen[unit / 8] & bit) != 0) {
            return false;
        }
        p->seen[unit / 8] |= bit;
        p->units_there++;
    }
    memcpy(p->bytes + f->offset, f->payload, f->payload_size);
    if (!f->more) {
        p->size = (uint32_t)end;
    }
    return p->size == 0 || p->units_there <= (p->size + 7) / 8;
}

bool reassembler_add(struct reassembler *r, struct frame *f, uint64_t now_ns)
{
    struct packet *p = find(r, f, now_ns);
    p->fragments++;
    r->stats.waiting++;
    if (!put(p, f)) {
        drop(r, p);
        return false;
    }
    if (p->size == 0 || p->units_there < (p->size + 7) / 8) {
        return false;
    }
    memcpy(r->whole, p->bytes, p->size);
    r->stats.merged += p->fragments;
    r->stats.packets++;
    r->stats.waiting -= p->fragments;
    p->used = false;
    frame_parse_udp(f, p->protocol, r->whole, p->size);
    return true;
}

void reassembler_finish(struct reassembler *r)
{
    for (size_t i = 0; i < REASSEMBLE_PACKETS_MAX; i++) {
        if (r->packets[i].used) {
            drop(r, &r->packets[i]);
        }
    }
}

struct reassemble_stats reassembler_stats(const struct reassembler *r)
{
    return r->stats;
}
