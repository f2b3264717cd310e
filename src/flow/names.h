// SPDX-License-Identifier: Apache-2.0
/* Names of numbers, as goflow2 prints them. The texts are constants. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/// "TCP", "HOPOPT" ...; "unassigned", "experimental", "reserved", and "unknown" above 255.
const char *proto_name(uint32_t proto);

/// Protocols below this have a name of their own.
enum { PROTO_NAMED = 146 };

/// The number whose proto_name() this is, in any case of letters; -1 for the texts that stand for
/// several numbers, and for all others.
int proto_by_name(const char *name, size_t size);

/// The ethertypes that have a name.
enum { ETYPE_IPV4 = 0x0800, ETYPE_ARP = 0x0806, ETYPE_IPV6 = 0x86dd };

/// "IPv4", "ARP", "IPv6"; "" for others.
const char *etype_name(uint32_t etype);
/// The number of such a name, in any case of letters; -1 for others.
int etype_by_name(const char *name, size_t size);

/// "EchoReply" ... for ICMP and ICMPv6 types; "" for unnamed types, "unknown" for other protocols.
const char *icmp_name(uint32_t proto, uint32_t icmp_type);
