// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2's own table of protocol names, oddities included (HOPOPT for 0, blanks in two of them):
 * dashboards and detections compare with these texts.
 */
#include "flow/names.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

// clang-format off
static const char *const PROTO_NAMES[] = {
    [0] = "HOPOPT", [1] = "ICMP", [2] = "IGMP", [3] = "GGP", [4] = "IPv4", [5] = "ST",
    [6] = "TCP", [7] = "CBT", [8] = "EGP", [9] = "IGP", [10] = "BBN-RCC-MON", [11] = "NVP-II",
    [12] = "PUP", [13] = "ARGUS", [14] = "EMCON", [15] = "XNET", [16] = "CHAOS", [17] = "UDP",
    [18] = "MUX", [19] = "DCN-MEAS", [20] = "HMP", [21] = "PRM", [22] = "XNS-IDP",
    [23] = "TRUNK-1", [24] = "TRUNK-2", [25] = "LEAF-1", [26] = "LEAF-2", [27] = "RDP",
    [28] = "IRTP", [29] = "ISO-TP4", [30] = "NETBLT", [31] = "MFE-NSP", [32] = "MERIT-INP",
    [33] = "DCCP", [34] = "3PC", [35] = "IDPR", [36] = "XTP", [37] = "DDP", [38] = "IDPR-CMTP",
    [39] = "TP++", [40] = "IL", [41] = "IPv6", [42] = "SDRP", [43] = "IPv6-Route",
    [44] = "IPv6-Frag", [45] = "IDRP", [46] = "RSVP", [47] = "GRE", [48] = "DSR", [49] = "BNA",
    [50] = "ESP", [51] = "AH", [52] = "I-NLSP", [53] = "SWIPE", [54] = "NARP", [55] = "Min-IPv4",
    [56] = "TLSP", [57] = "SKIP", [58] = "IPv6-ICMP", [59] = "IPv6-NoNxt", [60] = "IPv6-Opts",
    [61] = "any-host-internal-protocol", [62] = "CFTP", [63] = "any-local-network",
    [64] = "SAT-EXPAK", [65] = "KRYPTOLAN", [66] = "RVD", [67] = "IPPC",
    [68] = "any-distributed-file-system", [69] = "SAT-MON", [70] = "VISA", [71] = "IPCV",
    [72] = "CPNX", [73] = "CPHB", [74] = "WSN", [75] = "PVP", [76] = "BR-SAT-MON",
    [77] = "SUN-ND", [78] = "WB-MON", [79] = "WB-EXPAK", [80] = "ISO-IP", [81] = "VMTP",
    [82] = "SECURE-VMTP", [83] = "VINES", [84] = "IPTM", [85] = "NSFNET-IGP", [86] = "DGP",
    [87] = "TCF", [88] = "EIGRP", [89] = "OSPFIGP", [90] = "Sprite-RPC", [91] = "LARP",
    [92] = "MTP", [93] = "AX.25", [94] = "IPIP", [95] = "MICP", [96] = "SCC-SP", [97] = "ETHERIP",
    [98] = "ENCAP", [99] = "any-private-encryption-scheme", [100] = "GMTP", [101] = "IFMP",
    [102] = "PNNI", [103] = "PIM", [104] = "ARIS", [105] = "SCPS", [106] = "QNX", [107] = "A/N",
    [108] = "IPComp", [109] = "SNP", [110] = "Compaq-Peer", [111] = "IPX-in-IP", [112] = "VRRP",
    [113] = "PGM", [114] = "any-0-hop-protocol", [115] = "L2TP", [116] = "DDX", [117] = "IATP",
    [118] = "STP", [119] = "SRP", [120] = "UTI", [121] = "SMP", [122] = "SM", [123] = "PTP",
    [124] = "ISIS over IPv4", [125] = "FIRE", [126] = "CRTP", [127] = "CRUDP", [128] = "SSCOPMCE",
    [129] = "IPLT", [130] = "SPS", [131] = "PIPE", [132] = "SCTP", [133] = "FC",
    [134] = "RSVP-E2E-IGNORE", [135] = "Mobility Header", [136] = "UDPLite", [137] = "MPLS-in-IP",
    [138] = "manet", [139] = "HIP", [140] = "Shim6", [141] = "WESP", [142] = "ROHC",
    [143] = "Ethernet", [144] = "AGGFRAG", [145] = "NSH",
};
// clang-format on

_Static_assert(sizeof(PROTO_NAMES) / sizeof(PROTO_NAMES[0]) == PROTO_NAMED, "as the header says");

const char *proto_name(uint32_t proto)
{
    if (proto < sizeof(PROTO_NAMES) / sizeof(PROTO_NAMES[0])) {
        return PROTO_NAMES[proto];
    }
    if (proto <= 252) {
        return "unassigned";
    }
    if (proto <= 254) {
        return "experimental";
    }
    return proto == 255 ? "reserved" : "unknown";
}

static bool is_same(const char *name, const char *text, size_t size)
{
    return name[0] != '\0' && strncasecmp(name, text, size) == 0 && name[size] == '\0';
}

int proto_by_name(const char *name, size_t size)
{
    static const uint8_t USUAL[] = { 6, 17, 1, 58 };
    for (size_t i = 0; i < sizeof(USUAL); i++) {
        if (is_same(PROTO_NAMES[USUAL[i]], name, size)) {
            return USUAL[i];
        }
    }
    for (size_t i = 0; i < sizeof(PROTO_NAMES) / sizeof(PROTO_NAMES[0]); i++) {
        if (is_same(PROTO_NAMES[i], name, size)) {
            return (int)i;
        }
    }
    return -1;
}

int etype_by_name(const char *name, size_t size)
{
    static const int ETYPES[] = { ETYPE_IPV4, ETYPE_IPV6, ETYPE_ARP };
    for (size_t i = 0; i < sizeof(ETYPES) / sizeof(ETYPES[0]); i++) {
        if (is_same(etype_name((uint32_t)ETYPES[i]), name, size)) {
            return ETYPES[i];
        }
    }
    return -1;
}

const char *etype_name(uint32_t etype)
{
    switch (etype) {
    case ETYPE_IPV4:
        return "IPv4";
    case ETYPE_ARP:
        return "ARP";
    case ETYPE_IPV6:
        return "IPv6";
    default:
        return "";
    }
}

static const char *icmp4_name(uint32_t type)
{
    switch (type) {
    case 0:
        return "EchoReply";
    case 3:
        return "DestinationUnreachable";
    case 8:
        return "Echo";
    case 9:
        return "RouterAdvertisement";
    case 10:
        return "RouterSolicitation";
    case 11:
        return "TimeExceeded";
    default:
        return "";
    }
}

static const char *icmp6_name(uint32_t type)
{
    switch (type) {
    case 1:
        return "DestinationUnreachable";
    case 2:
        return "PacketTooBig";
    case 3:
        return "TimeExceeded";
    case 128:
        return "EchoRequest";
    case 129:
        return "EchoReply";
    case 133:
        return "RouterSolicitation";
    case 134:
        return "RouterAdvertisement";
    default:
        return "";
    }
}

const char *icmp_name(uint32_t proto, uint32_t icmp_type)
{
    if (proto == 1) {
        return icmp4_name(icmp_type);
    }
    return proto == 58 ? icmp6_name(icmp_type) : "unknown";
}
