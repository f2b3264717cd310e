// SPDX-License-Identifier: Apache-2.0
/*
 * The old pcap format: 24 bytes at the start, 16 bytes in front of each frame, written big-endian
 * on every machine (readers tell by the magic number). It is written here rather than by libpcap,
 * which is fenced in source/pcap.c and there to read.
 */
#include "app/capture.h"

#include <errno.h>
#include <stdio.h>

#include "base/checksum.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/pen.h"

enum {
    MTU = 1500,
    SNAP_SIZE = 65535,
    LINK_ETHERNET = 1,
    ETHERNET_SIZE = 14,
    IPV4_SIZE = 20,
    IPV6_SIZE = 40,
    FRAGMENT_HEADER_SIZE = 8,
    UDP_SIZE = 8,
    DATAGRAM_SIZE = 65507, ///< what fits an IPv4 packet
    PROTOCOL_UDP = 17,
    PROTOCOL_FRAGMENT = 44,
    RECORD_SIZE_MAX = 16 + ETHERNET_SIZE + MTU,
};

static const uint32_t MAGIC_NANOSECONDS = 0xa1b23c4d;

struct capture {
    const char *path;
    FILE *file;
    uint32_t id; ///< of the last IP packet
    uint8_t udp[UDP_SIZE + DATAGRAM_SIZE];
};

static int failed(const struct capture *c, struct err *err)
{
    return err_set_errno(err, errno, "cannot write %s", c->path);
}

int capture_create(const char *path, struct capture **ret_capture, struct err *err)
{
    struct capture *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    c->path = path;
    c->file = fopen(path, "we");
    uint8_t header[24];
    struct pen p = pen_at(header);
    pen_u32(&p, MAGIC_NANOSECONDS);
    pen_u16(&p, 2); // version 2.4
    pen_u16(&p, 4);
    pen_u64(&p, 0); // time zone, accuracy
    pen_u32(&p, SNAP_SIZE);
    pen_u32(&p, LINK_ETHERNET);
    if (c->file == NULL || fwrite(header, sizeof(header), 1, c->file) != 1) {
        (void)failed(c, err);
        capture_free(c);
        return err->status;
    }
    *ret_capture = c;
    return 0;
}

int capture_finish(struct capture *c, struct err *err)
{
    FILE *file = c->file;
    c->file = NULL;
    return fclose(file) == 0 ? 0 : failed(c, err);
}

void capture_free(struct capture *c)
{
    if (c != NULL && c->file != NULL) {
        (void)fclose(c->file); // given up
    }
    mem_free(c);
}

/// The UDP packet into c->udp, checksum included (RFC 768, RFC 8200 section 8.1).
static size_t build_udp(struct capture *c, const struct capture_datagram *d)
{
    size_t size = UDP_SIZE + d->size;
    struct pen p = pen_at(c->udp);
    pen_u16(&p, d->src_port);
    pen_u16(&p, d->dst_port);
    pen_u16(&p, (uint32_t)size);
    pen_u16(&p, 0);
    pen_bytes(&p, d->data, d->size);
    uint32_t sum = checksum_add(PROTOCOL_UDP + (uint32_t)size, d->src.bytes, d->src.size);
    sum = checksum_add(sum, d->dst.bytes, d->dst.size);
    uint16_t checksum = checksum_fold(checksum_add(sum, c->udp, size));
    p = pen_at(c->udp + 6);
    pen_u16(&p, checksum == 0 ? 0xffff : checksum); // 0 would mean none
    return size;
}

static void put_ipv4(struct pen *p, const struct capture_datagram *d, uint32_t id,
                     uint32_t fragment, size_t size)
{
    uint8_t *begin = p->at;
    pen_u16(p, 0x4500);
    pen_u16(p, (uint32_t)(IPV4_SIZE + size));
    pen_u16(p, id);
    pen_u16(p, fragment);
    pen_u8(p, 64);
    pen_u8(p, PROTOCOL_UDP);
    pen_u16(p, 0);
    pen_bytes(p, d->src.bytes, d->src.size);
    pen_bytes(p, d->dst.bytes, d->dst.size);
    struct pen checksum = pen_at(begin + 10);
    pen_u16(&checksum, checksum_fold(checksum_add(0, begin, IPV4_SIZE)));
}

static void put_ipv6(struct pen *p, const struct capture_datagram *d, uint32_t next, size_t size)
{
    pen_u32(p, 0x60000000);
    pen_u16(p, (uint32_t)size);
    pen_u8(p, next);
    pen_u8(p, 64);
    pen_bytes(p, d->src.bytes, d->src.size);
    pen_bytes(p, d->dst.bytes, d->dst.size);
}

/// Locally administered, the end of the IP address.
static void put_mac(struct pen *p, const struct addr *a)
{
    pen_u16(p, 0x0200);
    pen_bytes(p, a->bytes + a->size - 4, 4);
}

/// The frame with the `size` bytes at `offset` of the UDP packet; `cut`: it is not all of it.
static int write_frame(struct capture *c, const struct capture_datagram *d, size_t offset,
                       size_t size, bool cut, bool more)
{
    bool v4 = d->src.size == ADDR_V4_SIZE;
    uint8_t record[RECORD_SIZE_MAX];
    struct pen p = pen_at(record + 16);
    put_mac(&p, &d->dst);
    put_mac(&p, &d->src);
    pen_u16(&p, v4 ? 0x0800 : 0x86dd);
    if (v4) {
        put_ipv4(&p, d, c->id, (uint32_t)(offset / 8) | (more ? 0x2000 : 0), size);
    } else if (cut) {
        put_ipv6(&p, d, PROTOCOL_FRAGMENT, FRAGMENT_HEADER_SIZE + size);
        pen_u16(&p, PROTOCOL_UDP << 8);
        pen_u16(&p, (uint32_t)offset | more);
        pen_u32(&p, c->id);
    } else {
        put_ipv6(&p, d, PROTOCOL_UDP, size);
    }
    pen_bytes(&p, c->udp + offset, size);
    size_t record_size = (size_t)(p.at - record);
    p = pen_at(record);
    pen_u32(&p, (uint32_t)(d->time_ns / NS_PER_S));
    pen_u32(&p, (uint32_t)(d->time_ns % NS_PER_S));
    pen_u32(&p, (uint32_t)record_size - 16);
    pen_u32(&p, (uint32_t)record_size - 16);
    return fwrite(record, record_size, 1, c->file) == 1 ? 0 : ERR_IO;
}

int capture_write(struct capture *c, const struct capture_datagram *d, struct err *err)
{
    CHECK(d->size <= DATAGRAM_SIZE);
    CHECK(d->src.size == d->dst.size);
    size_t size = build_udp(c, d);
    size_t room = MTU - (d->src.size == ADDR_V4_SIZE ? IPV4_SIZE : IPV6_SIZE);
    bool cut = size > room;
    if (cut && d->src.size == ADDR_V6_SIZE) {
        room -= FRAGMENT_HEADER_SIZE;
    }
    room = cut ? room / 8 * 8 : room;
    c->id++;
    for (size_t offset = 0; offset < size; offset += room) {
        bool more = size - offset > room;
        if (write_frame(c, d, offset, more ? room : size - offset, cut, more) != 0) {
            return failed(c, err);
        }
    }
    return 0;
}
