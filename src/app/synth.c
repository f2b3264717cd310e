// SPDX-License-Identifier: Apache-2.0
/*
 * Each exporter is a switch or router of its own: a generator seeded from the seed and its number,
 * so that its datagrams do not depend on whose turn it is; an agent address; a sampling rate; a
 * role. A switch tells VLANs, a router the next hop as well, a border router the AS path instead.
 *
 * Sampling is played as an agent does it: the distance to the next sampled packet is drawn with the
 * sampling rate as its mean and added to the pool of the interface the packet came in on, which is
 * the sample's source; each source numbers its flow samples and its counter samples. The octets of
 * the counters grow by what the samples stand for, so that flows and counters agree.
 *
 * Left out: sub-agents, drop samples, tunnels.
 */
#include "app/synth.h"

#include "base/check.h"
#include "base/pen.h"

enum {
    SAMPLE_FLOW = 1,
    SAMPLE_COUNTER = 2,
    SAMPLE_FLOW_EXPANDED = 3,
    SAMPLE_COUNTER_EXPANDED = 4,
    RECORD_HEADER = 1,
    RECORD_SWITCH = 1001,
    RECORD_ROUTER = 1002,
    RECORD_GATEWAY = 1003,
    COUNTERS_INTERFACE = 1,
    COUNTERS_ETHERNET = 2,
    INTERFACE_INTERNAL = 0x3fffffff, ///< the device itself
    FORMAT_DROPPED = 1,              ///< of an output interface: why it was dropped
    REASON_ACL = 258,
    AS_SEQUENCE = 2,
    AS_DOCUMENTATION = 64496, ///< RFC 5398
    AS_DOCUMENTATION_LARGE = 65536,
    AS_DOCUMENTATION_COUNT = 16,
};

enum { ROLE_SWITCH, ROLE_ROUTER, ROLE_BORDER, ROLE_COUNT };

void synth_init(struct synth *s, const struct synth_settings *settings)
{
    static const uint32_t RATES[] = { 1024, 512, 2048, 4096, 1000, 8192 };
    CHECK(settings->exporters >= 1 && settings->exporters <= SYNTH_EXPORTERS_MAX);
    CHECK(settings->flows >= 1 && settings->flows <= SYNTH_FLOWS_MAX);
    memset(s, 0, sizeof(*s));
    s->settings = *settings;
    struct synth_random seeds = { .state = settings->seed };
    for (uint32_t i = 0; i < settings->exporters; i++) {
        struct synth_exporter *x = &s->exporters[i];
        const uint8_t v4[4] = { 192, 0, 2, (uint8_t)(1 + i) };
        const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)(1 + i) };
        bool ipv6 = (1 + i) * 37 % 100 < settings->ipv6; // the first stays IPv4 up to 37 percent
        x->agent = ipv6 ? addr_v6(v6) : addr_v4(v4);
        x->random.state = synth_random_next(&seeds);
        x->sampling_rate = RATES[i % (sizeof(RATES) / sizeof(RATES[0]))];
        x->role = i % ROLE_COUNT;
    }
}

/// Starts a structure with a length; end_length() fills it in.
static uint8_t *begin_length(struct pen *p, uint32_t format)
{
    pen_u32(p, format);
    pen_u32(p, 0);
    return p->at;
}

static void end_length(const struct pen *p, uint8_t *content)
{
    struct pen length = pen_at(content - 4);
    pen_u32(&length, (uint32_t)(p->at - content));
}

static void put_address(struct pen *p, const struct addr *a)
{
    pen_u32(p, a->size == ADDR_V4_SIZE ? 1 : 2);
    pen_bytes(p, a->bytes, a->size);
}

// --- Flow samples --------------------------------------------------------------------------------

static void put_header(struct pen *p, const struct synth_packet *packet, struct synth_random *r)
{
    uint8_t *record = begin_length(p, RECORD_HEADER);
    pen_u32(p, 1); // Ethernet
    pen_u32(p, packet->frame_size);
    pen_u32(p, 4); // stripped: the frame check sequence
    struct pen size = *p;
    pen_u32(p, 0);
    uint32_t sampled = synth_packet_header(packet, r, p->at);
    pen_u32(&size, sampled);
    p->at += sampled;
    pen_zeros(p, (4 - sampled % 4) % 4);
    end_length(p, record);
}

static void put_switch(struct pen *p, const struct synth_packet *packet)
{
    uint8_t *record = begin_length(p, RECORD_SWITCH);
    pen_u32(p, synth_host_vlan(&packet->src));
    pen_u32(p, 0); // priority
    pen_u32(p, synth_host_vlan(&packet->dst));
    pen_u32(p, 0);
    end_length(p, record);
}

/// The router behind the output interface.
static struct addr next_hop(const struct synth_packet *packet)
{
    uint8_t port = (uint8_t)synth_host_port(&packet->dst);
    const uint8_t v4[4] = { 203, 0, 113, port };
    const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, [15] = port };
    return packet->ipv6 ? addr_v6(v6) : addr_v4(v4);
}

static void put_router(struct pen *p, const struct synth_packet *packet)
{
    uint8_t *record = begin_length(p, RECORD_ROUTER);
    struct addr hop = next_hop(packet);
    put_address(p, &hop);
    uint32_t inside = packet->ipv6 ? 64 : 23;
    uint32_t outside = packet->ipv6 ? 32 : 15;
    pen_u32(p, packet->src.outside ? outside : inside);
    pen_u32(p, packet->dst.outside ? outside : inside);
    end_length(p, record);
}

/// The AS of hosts outside; inside it is the first of the range.
static uint32_t as_of(const struct synth_host *h)
{
    if (!h->outside) {
        return AS_DOCUMENTATION;
    }
    return (h->number % 2 == 0 ? AS_DOCUMENTATION : AS_DOCUMENTATION_LARGE) +
           h->number % AS_DOCUMENTATION_COUNT;
}

static void put_gateway(struct pen *p, const struct synth_packet *packet)
{
    uint8_t *record = begin_length(p, RECORD_GATEWAY);
    struct addr hop = next_hop(packet);
    put_address(p, &hop);
    pen_u32(p, AS_DOCUMENTATION);
    pen_u32(p, as_of(&packet->src));
    pen_u32(p, packet->src.outside ? AS_DOCUMENTATION + 1 : 0); // the neighbor it came from
    if (packet->dst.outside) {
        uint32_t length = 2 + packet->dst.number % 3;
        pen_u32(p, 1); // segments
        pen_u32(p, AS_SEQUENCE);
        pen_u32(p, length);
        for (uint32_t i = 1; i < length; i++) {
            pen_u32(p, AS_DOCUMENTATION + i);
        }
        pen_u32(p, as_of(&packet->dst));
    } else {
        pen_u32(p, 0);
    }
    pen_u32(p, 2); // communities
    pen_u32(p, (uint32_t)AS_DOCUMENTATION << 16 | 100);
    pen_u32(p, (uint32_t)AS_DOCUMENTATION << 16 | packet->dst.number % 10);
    pen_u32(p, 100); // local preference
    end_length(p, record);
}

/// Where a packet goes: mostly out of a port, seldom to the device itself or nowhere.
struct output {
    uint32_t format;
    uint32_t value;
};

static struct output draw_output(struct synth_exporter *x, const struct synth_packet *packet)
{
    uint32_t kind = synth_random_below(&x->random, 200);
    if (kind == 0) {
        return (struct output){ .format = FORMAT_DROPPED, .value = REASON_ACL };
    }
    return (struct output){ .value =
                                kind == 1 ? INTERFACE_INTERNAL : synth_host_port(&packet->dst) };
}

/// One more sampled packet: pools and counters grow by the packets it stands for.
static void advance(struct synth_exporter *x, const struct synth_packet *packet,
                    struct synth_port *in, const struct output *output)
{
    uint32_t skipped = 1 + synth_random_below(&x->random, 2 * x->sampling_rate - 1);
    uint64_t octets = (uint64_t)skipped * (packet->frame_size - 4);
    in->flow_sequence++;
    in->pool += skipped;
    in->drops += synth_random_below(&x->random, 1000) == 0;
    in->in_packets += skipped;
    in->in_octets += octets;
    if (output->format == 0 && output->value <= SYNTH_PORTS) {
        x->ports[output->value].out_packets += skipped;
        x->ports[output->value].out_octets += octets;
    }
}

static void put_records(struct pen *p, struct synth_exporter *x, const struct synth_packet *packet)
{
    pen_u32(p, x->role == ROLE_SWITCH ? 2 : 3);
    put_header(p, packet, &x->random);
    put_switch(p, packet);
    if (x->role == ROLE_ROUTER) {
        put_router(p, packet);
    } else if (x->role == ROLE_BORDER) {
        put_gateway(p, packet);
    }
}

static void put_flow_sample(struct pen *p, struct synth_exporter *x,
                            const struct synth_settings *settings)
{
    struct synth_packet packet = synth_packet_draw(&x->random, settings->ipv6);
    bool expanded = synth_random_chance(&x->random, settings->expanded);
    uint32_t in = synth_host_port(&packet.src);
    struct synth_port *port = &x->ports[in];
    struct output output = draw_output(x, &packet);
    advance(x, &packet, port, &output);
    uint8_t *sample = begin_length(p, expanded ? SAMPLE_FLOW_EXPANDED : SAMPLE_FLOW);
    pen_u32(p, port->flow_sequence);
    if (expanded) {
        pen_u32(p, 0); // source type: interface
    }
    pen_u32(p, in);
    pen_u32(p, x->sampling_rate);
    pen_u32(p, port->pool);
    pen_u32(p, port->drops);
    if (expanded) {
        pen_u32(p, 0); // format of the input: one interface
        pen_u32(p, in);
        pen_u32(p, output.format);
        pen_u32(p, output.value);
    } else {
        pen_u32(p, in);
        pen_u32(p, output.format << 30 | output.value);
    }
    put_records(p, x, &packet);
    end_length(p, sample);
}

// --- Counter samples -----------------------------------------------------------------------------

/// RFC 2233's ifTable, as sFlow's if_counters.
static void put_interface_counters(struct pen *p, uint32_t index, const struct synth_port *port)
{
    uint8_t *record = begin_length(p, COUNTERS_INTERFACE);
    pen_u32(p, index);
    pen_u32(p, 6);                                            // ethernetCsmacd
    pen_u64(p, UINT64_C(1000000000) * (index <= 2 ? 10 : 1)); // speed
    pen_u32(p, 1);                                            // full duplex
    pen_u32(p, 3);                                            // up, and meant to be
    pen_u64(p, port->in_octets);
    pen_u32(p, port->in_packets);
    pen_u32(p, port->in_packets / 512);  // multicast
    pen_u32(p, port->in_packets / 1024); // broadcast
    pen_u32(p, port->drops);             // discards
    pen_u32(p, 0);                       // errors
    pen_u32(p, UINT32_MAX);              // unknown protocols: not counted
    pen_u64(p, port->out_octets);
    pen_u32(p, port->out_packets);
    pen_u32(p, port->out_packets / 512);
    pen_u32(p, port->out_packets / 1024);
    pen_u32(p, 0); // discards
    pen_u32(p, 0); // errors
    pen_u32(p, 2); // not promiscuous
    end_length(p, record);
}

static void put_counter_sample(struct pen *p, struct synth_exporter *x,
                               const struct synth_settings *settings)
{
    enum { ETHERNET_COUNTERS_SIZE = 52 };
    uint32_t index = 1 + synth_random_below(&x->random, SYNTH_PORTS);
    bool expanded = synth_random_chance(&x->random, settings->expanded);
    struct synth_port *port = &x->ports[index];
    uint8_t *sample = begin_length(p, expanded ? SAMPLE_COUNTER_EXPANDED : SAMPLE_COUNTER);
    pen_u32(p, ++port->counter_sequence);
    if (expanded) {
        pen_u32(p, 0); // source type: interface
    }
    pen_u32(p, index);
    pen_u32(p, 2); // records
    put_interface_counters(p, index, port);
    uint8_t *record = begin_length(p, COUNTERS_ETHERNET);
    pen_zeros(p, ETHERNET_COUNTERS_SIZE); // no errors here
    end_length(p, record);
    end_length(p, sample);
    x->counter_samples++;
}

size_t synth_datagram(struct synth *s, uint32_t index, uint32_t uptime_ms,
                      uint8_t out[static SYNTH_DATAGRAM_SIZE_MAX])
{
    const struct synth_settings *settings = &s->settings;
    DCHECK(index < settings->exporters);
    struct synth_exporter *x = &s->exporters[index];
    struct pen p = pen_at(out);
    bool counters = synth_random_chance(&x->random, settings->counters);
    pen_u32(&p, 5);
    put_address(&p, &x->agent);
    pen_u32(&p, 0); // sub-agent
    pen_u32(&p, ++x->sequence);
    pen_u32(&p, uptime_ms);
    pen_u32(&p, settings->flows + counters);
    for (uint32_t i = 0; i < settings->flows; i++) {
        put_flow_sample(&p, x, settings);
    }
    if (counters) {
        put_counter_sample(&p, x, settings);
    }
    size_t size = (size_t)(p.at - out);
    CHECK(size <= SYNTH_DATAGRAM_SIZE_MAX);
    return size;
}

uint64_t synth_counter_samples(const struct synth *s)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < s->settings.exporters; i++) {
        count += s->exporters[i].counter_samples;
    }
    return count;
}
