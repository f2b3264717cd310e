// SPDX-License-Identifier: Apache-2.0
/*
 * What a flow is: one struct for every source, a plain value. It holds no pointers: lists and texts
 * are spans in the arena of the batch that the flow lies in (flow/batch.h).
 *
 * A field that the source did not carry is absent: its bit in `present` is clear and its value is
 * zero. goflow2's formats print the zero; ECS leaves the field out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "flow/fields.h"

/// The numbers of flowpb.FlowMessage.FlowType.
enum flow_type {
    FLOW_TYPE_UNKNOWN = 0,
    FLOW_TYPE_SFLOW_5 = 1,
    FLOW_TYPE_NETFLOW_V5 = 2,
    FLOW_TYPE_NETFLOW_V9 = 3,
    FLOW_TYPE_IPFIX = 4,
};

/// The numbers of flowpb.FlowMessage.LayerStack.
enum layer {
    LAYER_ETHERNET = 0,
    LAYER_IPV4 = 1,
    LAYER_IPV6 = 2,
    LAYER_TCP = 3,
    LAYER_UDP = 4,
    LAYER_MPLS = 5,
    LAYER_DOT1Q = 6,
    LAYER_ICMP = 7,
    LAYER_ICMPV6 = 8,
    LAYER_GRE = 9,
    LAYER_IPV6_HEADER_ROUTING = 10,
    LAYER_IPV6_HEADER_FRAGMENT = 11,
    LAYER_GENEVE = 12,
    LAYER_TEREDO = 13,
    LAYER_CUSTOM = 99,
};

/// What a record of a batch is. A format or transport that does not know a kind leaves it alone.
enum record_kind {
    RECORD_FLOW,
    RECORD_COUNTERS, ///< an interface's counters (sFlow counter sample); `body` holds them
    RECORD_DROP,  ///< a discarded packet (sFlow drop sample); fields as a flow's, `body` the rest
    RECORD_ERROR, ///< a line that cannot be read or mapped; `original` is the line, `body` the
                  ///< words
};

/// `count` elements at `offset` of the batch's arena. Zero is the empty list.
struct span {
    uint32_t offset;
    uint32_t count;
};

/// What enrich found out about an address. Spans are bytes in the batch's arena; empty: nothing.
struct place {
    struct span geo;     ///< the JSON object of ECS `geo`, ready to be written
    struct span as;      ///< the JSON object of ECS `as`, likewise
    struct span as_name; ///< the organization, plain text
    struct span network; ///< its name from -networks, plain text
    uint32_t as_number;  ///< 0 is none
    char country[2];     ///< ISO 3166-1 alpha-2, or zeros
};

/// What enrich knows of an interface by (exporter, index). Plain texts.
struct interface_names {
    struct span name;
    struct span alias;
};

/// Why a look-up in the databases was not made (bits of flow.lookups).
enum lookup {
    LOOKUP_CITY_UNAVAILABLE = 1 << 0, ///< no city database
    LOOKUP_ASN_UNAVAILABLE = 1 << 1,  ///< no AS database
};

struct flow {
    uint64_t present; ///< bit FIELD_X: the source carried field X

    uint64_t time_received_ns;   ///< wall clock, ns since 1970
    uint64_t time_flow_start_ns; ///< likewise
    uint64_t time_flow_end_ns;   ///< likewise
    uint64_t sampling_rate;      ///< 1 in N; 0 is unknown
    uint64_t bytes;              ///< as sampled, not multiplied
    uint64_t packets;            ///< as sampled, not multiplied
    uint64_t src_mac;            ///< low 48 bits
    uint64_t dst_mac;

    uint32_t kind; ///< enum record_kind
    uint32_t type; ///< enum flow_type
    uint32_t sequence_num;
    uint32_t etype;
    uint32_t proto;
    uint32_t src_port;
    uint32_t dst_port;
    uint32_t in_if;
    uint32_t out_if;
    uint32_t src_vlan;
    uint32_t dst_vlan;
    uint32_t vlan_id;
    uint32_t ip_tos;
    uint32_t forwarding_status;
    uint32_t ip_ttl;
    uint32_t ip_flags;
    uint32_t tcp_flags;
    uint32_t icmp_type;
    uint32_t icmp_code;
    uint32_t ipv6_flow_label;
    uint32_t fragment_id;
    uint32_t fragment_offset; ///< IPv4: units of eight bytes, as goflow2
    uint32_t src_as;
    uint32_t dst_as;
    uint32_t next_hop_as;
    uint32_t src_net; ///< prefix length
    uint32_t dst_net; ///< prefix length
    uint32_t observation_domain_id;
    uint32_t observation_point_id;
    uint32_t ipv6_routing_header_seg_left;

    uint32_t
        index; ///< place among the flows of its datagram, from 0; part of the record's identity

    struct span bgp_communities;               ///< of uint32_t
    struct span as_path;                       ///< of uint32_t
    struct span mpls_ttl;                      ///< of uint32_t
    struct span mpls_label;                    ///< of uint32_t
    struct span mpls_ip;                       ///< of struct addr
    struct span layer_stack;                   ///< of uint32_t (enum layer)
    struct span layer_size;                    ///< of uint32_t, bytes
    struct span ipv6_routing_header_addresses; ///< of struct addr
    struct span custom;                        ///< of struct custom_value, in order of arrival
    struct span body;                          ///< bytes, for kinds other than RECORD_FLOW
    struct span original;   ///< bytes: the line it was read from, when that is kept
    struct span extras;     ///< of struct extra_value: columns of a line that no field stands for
    struct span proto_text; ///< bytes: a protocol's name that has no number, as in the line
    struct span etype_text; ///< bytes: an ethertype's name that has no number, likewise
    struct span type_text;  ///< bytes: a flow type's name that has no number, likewise

    uint64_t sampling_default; ///< counted with where sampling_rate is 0; 0: none was set
    uint64_t offset;           ///< of the line in its file, decompressed
    uint32_t file;             ///< index in batch.files plus 1; 0: not from a line
    uint32_t lookups;          ///< bits of enum lookup
    struct place src_place;
    struct place dst_place;
    struct interface_names in_names;
    struct interface_names out_names;
    struct span exporter_name; ///< plain text

    struct addr sampler_address;
    struct addr src_addr;
    struct addr dst_addr;
    struct addr next_hop;
    struct addr bgp_next_hop;
};

_Static_assert(FIELD_COUNT <= 64, "flow.present has a bit for each field");

/// A value of a mapping's custom column (formatter.protobuf). Varints in `number`, others `bytes`.
struct custom_value {
    uint32_t column; ///< index in mapping.customs
    struct span bytes;
    uint64_t number;
};

/// A column of a line that the field table does not have: kept as it stands there.
struct extra_value {
    struct span name; ///< the column's name as JSON has it, with its quotes and escapes
    struct span json; ///< the value as JSON: as in the line
};

#define FLOW_BIT(field) (UINT64_C(1) << (field))

static inline bool flow_has(const struct flow *flow, enum field field)
{
    return (flow->present & FLOW_BIT(field)) != 0;
}

/// "SFLOW_5" ...; NULL for a number without a name.
const char *flow_type_text(uint32_t type);
/// "Ethernet", "IPv4" ...; NULL for a number without a name.
const char *layer_text(uint32_t layer);
/// The numbers of these texts; -1 for others.
int flow_type_by_text(const char *text, size_t size);
int layer_by_text(const char *text, size_t size);
