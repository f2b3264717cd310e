// SPDX-License-Identifier: Apache-2.0
/* Names of numbers, as goflow2 prints them. The texts are constants. */
#pragma once

#include <stdint.h>

/// "TCP", "HOPOPT" ...; "unassigned", "experimental", "reserved", and "unknown" above 255.
const char *proto_name(uint32_t proto);

/// "IPv4", "ARP", "IPv6"; "" for others.
const char *etype_name(uint32_t etype);

/// "EchoReply" ... for ICMP and ICMPv6 types; "" for unnamed types, "unknown" for other protocols.
const char *icmp_name(uint32_t proto, uint32_t icmp_type);
