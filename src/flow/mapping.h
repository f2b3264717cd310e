// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2's mapping.yaml, read once into tables that decoders and formats walk without looking at a
 * name again (the upstream description is goflow2's docs/mapping.md).
 *
 * mapping_default() is what holds without a file. A mapping is constant once made and shared by all
 * threads; it must outlive every decoder and format made with it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/status.h"
#include "flow/fields.h"

/// Where a column's value comes from.
enum column_source {
    COLUMN_FIELD,   ///< struct flow; `index` is an enum field
    COLUMN_CUSTOM,  ///< flow.custom; `index` is into mapping.customs
    COLUMN_VIRTUAL, ///< nowhere: a renderer without a value (RENDER_ICMP_NAME makes its own)
};

/// One column of JSON and text output, in output order.
struct column {
    const char *name; ///< as printed, after renames; owned by the mapping
    enum column_source source;
    uint16_t index;
    enum renderer renderer;
    bool renderer_given; ///< by the file: decides what an empty custom column prints (goflow2)
};

enum custom_type { CUSTOM_STRING, CUSTOM_BYTES, CUSTOM_VARINT };

/// A column of formatter.protobuf.
struct custom {
    const char *name;
    int32_t number; ///< protobuf field number; <= 0: the column never fills
    enum custom_type type;
    bool array;
    enum renderer renderer; ///< as a column of it would have
};

/// Where a value read from a packet or a template record goes.
enum destination_kind {
    DESTINATION_FIELD,  ///< `index` is an enum field
    DESTINATION_CUSTOM, ///< `index` is into mapping.customs
};

struct destination {
    enum destination_kind kind;
    uint16_t index;
    bool little_endian;
};

/// The parsers of sampled packet headers, by goflow2's names; the last three are weir's own.
enum parser {
    PARSER_NONE,
    PARSER_ETHERNET,
    PARSER_DOT1Q,
    PARSER_MPLS,
    PARSER_IPV4,
    PARSER_IPV6,
    PARSER_IPV6_ROUTE,
    PARSER_IPV6_FRAG,
    PARSER_TCP,
    PARSER_UDP,
    PARSER_GRE,
    PARSER_TEREDO,
    PARSER_GENEVE,
    PARSER_ICMP,
    PARSER_ICMPV6,
    PARSER_PPPOE,
    PARSER_IPV6_OPTIONS, ///< hop-by-hop and destination options
    PARSER_AH,
    PARSER_COUNT
};

/// "ethernet", "dot1q" ... "teredo-dst" ...; PARSER_NONE has "".
const char *parser_text(enum parser parser);

/// What led to a layer, for rules keyed by it ("etype2048", "proto6", "udp4789").
enum reached_by {
    REACHED_BY_START, ///< first header: no extra keys
    REACHED_BY_ETYPE,
    REACHED_BY_PROTO,
    REACHED_BY_UDP_PORT,
    REACHED_BY_TCP_PORT,
};

/// sflow.mapping[]: bits of a parsed layer to a destination.
struct packet_rule {
    int64_t offset; ///< bits from the start of the layer; may be negative
    int64_t length; ///< bits, 0..8 * MAPPING_VALUE_SIZE_MAX
    struct destination destination;
    bool encap; ///< applies to encapsulated layers only; otherwise to outer ones only
};

/// The rules of one parser, in the order in which goflow2 applies them: key by key, and within a
/// key in file order.
struct packet_rules {
    const struct packet_rule *rules;
    size_t count;
};

/// Rules for a layer reached by a certain ethertype, protocol or port; applied after those of its
/// parser, in table order (decimal etype key before the hexadecimal one).
struct reached_rule {
    enum reached_by by;
    uint16_t value;
    struct packet_rule rule;
};

/// sflow.ports[]: a TCP or UDP port that leads to a parser. The last definition wins.
struct port_rule {
    bool tcp; ///< else udp
    bool src; ///< matches the source port
    bool dst; ///< matches the destination port
    uint16_t port;
    enum parser parser;
};

/// ipfix.mapping[] and netflowv9.mapping[].
struct element_rule {
    bool pen_provided;
    uint32_t pen;
    uint16_t element;
    struct destination destination;
};

struct mapping {
    const struct column *columns; ///< formatter.fields
    size_t column_count;
    const struct column *keys; ///< formatter.key: fields and customs only
    size_t key_count;
    const struct custom *customs; ///< formatter.protobuf
    size_t custom_count;
    struct packet_rules packet_rules[PARSER_COUNT];
    const struct reached_rule *reached_rules;
    size_t reached_rule_count;
    bool has_packet_rules; ///< whether any of the two above has any
    const struct port_rule *port_rules;
    size_t port_rule_count;
    const struct element_rule *ipfix_rules; ///< sorted by pen_provided, pen, element
    size_t ipfix_rule_count;
    const struct element_rule *netflow9_rules; ///< likewise
    size_t netflow9_rule_count;
};

/// Reads a mapping file. On failure `err` says FILE:LINE:COLUMN and what to do. ERR_IO,
/// ERR_INVALID, ERR_NO_MEMORY.
int mapping_load(const char *path, struct mapping **ret_mapping, struct err *err) MUST_USE;

/// As mapping_load() for text in memory; `name` stands in messages for the path.
int mapping_parse(const char *text, size_t size, const char *name, struct mapping **ret_mapping,
                  struct err *err) MUST_USE;

/// What goflow2 does without a mapping file: all columns in default order, no rules.
int mapping_default(struct mapping **ret_mapping) MUST_USE;

void mapping_free(struct mapping *m);

/// Index in mapping.customs of the column that is meant by a name; -1 when there is none.
int mapping_custom_by_name(const struct mapping *m, const char *name, size_t size);

/// Warnings that do not stop the start, one a line ("" when there are none): destinations that go
/// nowhere, unknown keys such as `endian:`.
const char *mapping_warnings(const struct mapping *m);
