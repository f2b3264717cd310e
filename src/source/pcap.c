// SPDX-License-Identifier: Apache-2.0
/*
 * The fence around libpcap, of which only the reading of files is used: it knows the variants of
 * both formats (byte orders, microseconds and nanoseconds, interfaces of pcapng) and bounds the
 * size of a frame. It refuses a pcapng file whose interfaces differ in link type or snap length
 * there where the second kind begins; that is told as a broken file.
 */
#include "source/pcap.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "source/frame.h"
#include "source/reassemble.h"

struct pcap_source {
    struct pcap_settings settings;
    pcap_t *pcap;
    int link_type;
    struct reassembler *reassembler;
    struct pcap_stats stats;
};

static const char *const OUTCOMES[PCAP_OUTCOME_COUNT] = {
    [PCAP_DATAGRAM] = "datagram", [PCAP_FRAGMENT] = "fragment",     [PCAP_NOT_IP] = "not_ip",
    [PCAP_NOT_UDP] = "not_udp",   [PCAP_OTHER_PORT] = "other_port", [PCAP_TRUNCATED] = "truncated",
    [PCAP_DAMAGED] = "damaged",   [PCAP_INCOMPLETE] = "incomplete",
};

static int check_link(struct pcap_source *s, struct err *err)
{
    s->link_type = pcap_datalink(s->pcap);
    if (frame_reads_link(s->link_type)) {
        return 0;
    }
    const char *name = pcap_datalink_val_to_name(s->link_type);
    return err_set(
        err, ERR_UNSUPPORTED,
        "%.150s: link type %d (%s) is not read; Ethernet, Linux cooked, raw IP, loopback "
        "and PPP are",
        s->settings.path, s->link_type, name == NULL ? "no name" : name);
}

int pcap_source_open(const struct pcap_settings *settings, struct pcap_source **ret_source,
                     struct err *err)
{
    char text[PCAP_ERRBUF_SIZE] = "";
    struct pcap_source *s = mem_zalloc(sizeof(*s));
    if (s == NULL || reassembler_new(&s->reassembler) != 0) {
        mem_free(s);
        return err_set(err, ERR_NO_MEMORY, "%s: out of memory", settings->path);
    }
    s->settings = *settings;
    FILE *file = fopen(settings->path, "re");
    if (file == NULL) {
        pcap_source_close(s);
        return err_set_errno(err, errno, "cannot open %s", settings->path);
    }
    s->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, text);
    if (s->pcap == NULL) {
        (void)fclose(file); // only read
        pcap_source_close(s);
        return err_set(err, ERR_INVALID, "%.150s: not a capture: %.200s", settings->path, text);
    }
    if (check_link(s, err) != 0) {
        pcap_source_close(s);
        return err->status;
    }
    *ret_source = s;
    return 0;
}

void pcap_source_close(struct pcap_source *s)
{
    if (s == NULL) {
        return;
    }
    if (s->pcap != NULL) {
        pcap_close(s->pcap);
    }
    reassembler_free(s->reassembler);
    mem_free(s);
}

static bool is_wanted(const struct pcap_settings *settings, uint16_t port)
{
    for (size_t i = 0; i < settings->port_count; i++) {
        if (settings->ports[i] == port) {
            return true;
        }
    }
    return settings->port_count == 0;
}

static enum pcap_outcome outcome_of(const struct pcap_source *s, const struct frame *f)
{
    if (f->has_ports && !is_wanted(&s->settings, f->dst_port)) {
        return PCAP_OTHER_PORT;
    }
    switch (f->kind) {
    case FRAME_UDP:
        return PCAP_DATAGRAM;
    case FRAME_NOT_UDP:
        return PCAP_NOT_UDP;
    case FRAME_TRUNCATED:
        return PCAP_TRUNCATED;
    case FRAME_DAMAGED:
        return PCAP_DAMAGED;
    case FRAME_NOT_IP:
    case FRAME_LINK:     // refused when the file was opened
    case FRAME_FRAGMENT: // went to the reassembler
        break;
    }
    return PCAP_NOT_IP;
}

/// One frame; true when it yields a datagram.
static bool take(struct pcap_source *s, const struct pcap_pkthdr *header, const uint8_t *data,
                 struct chunk *ret_chunk)
{
    // With nanosecond precision tv_usec holds nanoseconds.
    uint64_t now_ns = (uint64_t)header->ts.tv_sec * NS_PER_S + (uint64_t)header->ts.tv_usec;
    struct frame f = frame_parse(s->link_type, data, header->caplen, header->len);
    s->stats.frames++;
    if (f.kind == FRAME_FRAGMENT && !reassembler_add(s->reassembler, &f, now_ns)) {
        return false; // pcap_source_stats() has its outcome from the reassembler
    }
    enum pcap_outcome outcome = outcome_of(s, &f);
    s->stats.outcomes[outcome]++;
    if (outcome != PCAP_DATAGRAM) {
        return false;
    }
    *ret_chunk = (struct chunk){ .data = f.payload,
                                 .size = f.payload_size,
                                 .scheme = s->settings.scheme,
                                 .peer = f.src,
                                 .peer_port = f.src_port,
                                 .received_ns = now_ns };
    return true;
}

bool pcap_source_next(struct pcap_source *s, struct chunk *ret_chunk, struct err *err)
{
    struct pcap_pkthdr *header;
    const uint8_t *data;
    int got;
    err->status = 0;
    while ((got = pcap_next_ex(s->pcap, &header, &data)) == 1) {
        if (take(s, header, data, ret_chunk)) {
            return true;
        }
    }
    reassembler_finish(s->reassembler);
    if (got == PCAP_ERROR) {
        (void)err_set(err, ERR_INVALID, "%.150s: after frame %" PRIu64 ": %.200s", s->settings.path,
                      s->stats.frames, pcap_geterr(s->pcap));
    }
    return false;
}

/// The fragments: each packet that became whole counted one of its own as what it was then.
struct pcap_stats pcap_source_stats(const struct pcap_source *s)
{
    struct pcap_stats stats = s->stats;
    struct reassemble_stats fragments = reassembler_stats(s->reassembler);
    stats.outcomes[PCAP_FRAGMENT] = fragments.merged - fragments.packets;
    stats.outcomes[PCAP_INCOMPLETE] = fragments.dropped + fragments.waiting;
    return stats;
}

int64_t pcap_stats_difference(const struct pcap_stats *stats)
{
    uint64_t sum = 0;
    for (int i = 0; i < PCAP_OUTCOME_COUNT; i++) {
        sum += stats->outcomes[i];
    }
    return (int64_t)(stats->frames - sum);
}

void pcap_stats_print(const struct pcap_stats *stats, struct buf *out)
{
    buf_printf(out, "frames=%" PRIu64, stats->frames);
    for (int i = 0; i < PCAP_OUTCOME_COUNT; i++) {
        if (stats->outcomes[i] > 0) {
            buf_printf(out, " %s=%" PRIu64, OUTCOMES[i], stats->outcomes[i]);
        }
    }
}
