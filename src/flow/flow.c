// SPDX-License-Identifier: Apache-2.0
/*
 * The names that goflow2's protobuf gives to the numbers of two enums.
 */
#include "flow/flow.h"

#include <string.h>

const char *flow_type_text(uint32_t type)
{
    static const char *const TEXTS[] = {
        [FLOW_TYPE_UNKNOWN] = "FLOWUNKNOWN",   [FLOW_TYPE_SFLOW_5] = "SFLOW_5",
        [FLOW_TYPE_NETFLOW_V5] = "NETFLOW_V5", [FLOW_TYPE_NETFLOW_V9] = "NETFLOW_V9",
        [FLOW_TYPE_IPFIX] = "IPFIX",
    };
    return type < sizeof(TEXTS) / sizeof(TEXTS[0]) ? TEXTS[type] : NULL;
}

const char *layer_text(uint32_t layer)
{
    static const char *const TEXTS[] = {
        [LAYER_ETHERNET] = "Ethernet",
        [LAYER_IPV4] = "IPv4",
        [LAYER_IPV6] = "IPv6",
        [LAYER_TCP] = "TCP",
        [LAYER_UDP] = "UDP",
        [LAYER_MPLS] = "MPLS",
        [LAYER_DOT1Q] = "Dot1Q",
        [LAYER_ICMP] = "ICMP",
        [LAYER_ICMPV6] = "ICMPv6",
        [LAYER_GRE] = "GRE",
        [LAYER_IPV6_HEADER_ROUTING] = "IPv6HeaderRouting",
        [LAYER_IPV6_HEADER_FRAGMENT] = "IPv6HeaderFragment",
        [LAYER_GENEVE] = "Geneve",
        [LAYER_TEREDO] = "Teredo",
        [LAYER_CUSTOM] = "Custom",
    };
    return layer < sizeof(TEXTS) / sizeof(TEXTS[0]) ? TEXTS[layer] : NULL;
}

static int find_text(const char *text, size_t size, const char *text_of(uint32_t), uint32_t last)
{
    for (uint32_t i = 0; i <= last; i++) {
        const char *known = text_of(i);
        if (known != NULL && strlen(known) == size && memcmp(known, text, size) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int flow_type_by_text(const char *text, size_t size)
{
    return find_text(text, size, flow_type_text, FLOW_TYPE_IPFIX);
}

int layer_by_text(const char *text, size_t size)
{
    return find_text(text, size, layer_text, LAYER_CUSTOM);
}
