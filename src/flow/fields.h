// SPDX-License-Identifier: Apache-2.0
/*
 * Field numbers, kinds, default renderers, and the table that describes each field (fields.def).
 * Whoever needs to go over "all fields" goes over FIELDS; nobody lists them again.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum field {
#define FIELD(name, member, kind, json, go, number, renderer, label) FIELD_##name,
#include "flow/fields.def"
#undef FIELD
    FIELD_COUNT
};

/// How a field is stored in struct flow.
enum field_kind {
    FIELD_KIND_TYPE,   ///< enum flow_type in a uint32_t
    FIELD_KIND_U32,    ///< uint32_t
    FIELD_KIND_U64,    ///< uint64_t
    FIELD_KIND_ADDR,   ///< struct addr
    FIELD_KIND_U32S,   ///< struct span of uint32_t
    FIELD_KIND_ADDRS,  ///< struct span of struct addr
    FIELD_KIND_LAYERS, ///< struct span of uint32_t holding enum layer
};

/// goflow2's renderers (mapping.yaml `formatter.render`). The last two cannot be asked for by name.
enum renderer {
    RENDER_NONE,
    RENDER_IP,
    RENDER_MAC,
    RENDER_ETYPE,
    RENDER_PROTO,
    RENDER_DATETIME,
    RENDER_DATETIMENANO,
    RENDER_STRING,
    RENDER_NETWORK,   ///< src_net, dst_net: the address masked to its prefix
    RENDER_ICMP_NAME, ///< the virtual column icmp_name
};

struct field_info {
    const char *json_name; ///< goflow2's column name
    const char *go_name;   ///< goflow2's struct name
    const char *label;     ///< for people
    enum field_kind kind;
    enum renderer renderer;
    size_t offset;            ///< in struct flow
    uint32_t protobuf_number; ///< in flowpb.FlowMessage
};

extern const struct field_info FIELDS[FIELD_COUNT];

/// The field with this JSON name or this Go struct name; -1 when there is none.
int field_by_json_name(const char *name);
int field_by_go_name(const char *name);
