// SPDX-License-Identifier: Apache-2.0
/*
 * The names that goflow2's protobuf gives to the numbers of two enums.
 */
#include "flow/flow.h"

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
