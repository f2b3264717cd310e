# SPDX-License-Identifier: Apache-2.0
"""The documented differences from goflow2 v2.2.6 (docs/goflow2.md), as checks on two JSON records.

Each explains why a key may differ; a difference that none explains fails the comparison."""


def layers(record):
    """Pairs of layer name and size; goflow2 and weir both leave a bare size for a cut header."""
    return list(zip(record["layer_stack"], record["layer_size"]))


def tcp_size(key, go, weir):
    """17: a TCP header's size is its data offset; goflow2 computes it from the flags."""
    return (key == "layer_size" and go["layer_stack"] == weir["layer_stack"] and
            len(go[key]) == len(weir[key]) and
            all(a == b or name in ("TCP",) or (name == "IPv4" and a == 20 and b > 20)
                for name, a, b in zip(go["layer_stack"] + [None] * len(go[key]), go[key], weir[key])))


def interface_format(key, go, weir):
    """20: the two format bits of a compact sample's interface are not part of its number."""
    return key in ("in_if", "out_if") and go[key] & 0x3FFFFFFF == weir[key]


def vlan_priority(key, go, weir):
    """21: a VLAN id has twelve bits; goflow2 leaves priority and drop bits in it."""
    return key == "vlan_id" and go[key] & 0xFFF == weir[key]


def icmp(key, go, weir):
    """16: ICMP type and code are read."""
    return (key in ("icmp_type", "icmp_code") and go[key] == 0 and
            any(name in ("ICMP", "ICMPv6") for name in weir["layer_stack"]))


def ipv4_options(key, go, weir):
    """17: what follows IPv4 options is read where it starts."""
    return key in ("src_port", "dst_port", "tcp_flags", "layer_stack", "layer_size", "icmp_type",
                   "icmp_code") and any(n == "IPv4" and s > 20 for n, s in layers(weir))


def fragment(key, go, weir):
    """19: fragments other than the first have no ports."""
    return key in ("src_port", "dst_port", "tcp_flags", "layer_stack", "layer_size", "icmp_type",
                   "icmp_code") and weir["fragment_offset"] > 0


def tunnel(key, go, weir):
    """17, 18: GRE's optional words are skipped, and what is in a tunnel does not overwrite."""
    return "GRE" in weir["layer_stack"] and key in (
        "layer_stack", "layer_size", "src_addr", "dst_addr", "src_port", "dst_port", "proto",
        "etype", "ip_ttl", "ip_tos", "ip_flags", "fragment_id", "fragment_offset", "tcp_flags",
        "mpls_label", "mpls_ttl", "vlan_id", "src_net", "dst_net", "ipv6_flow_label",
        "src_mac", "dst_mac")


NO_HEADER = {"src_addr": "", "dst_addr": "", "etype": "", "proto": "HOPOPT"}


def more_layers(key, go, weir):
    """28, 31: headers that goflow2 does not walk (IP without Ethernet, 802.1ad, PPPoE, MPLS
    multicast, AH, IPv6 options): it stops there, weir goes on."""
    stops = go["layer_stack"] == weir["layer_stack"][:len(go["layer_stack"])] and len(
        go["layer_stack"]) < len(weir["layer_stack"])
    return stops and (key in ("layer_stack", "layer_size", "etype", "vlan_id") or
                      go[key] in (0, "", [], "HOPOPT", "invalid Prefix"))


def padding(key, go, weir):
    """Upstream #480: XDR padding behind a sampled header is not part of the packet."""
    return key in ("layer_size", "layer_stack", "mpls_label", "mpls_ttl") and len(
        go["layer_size"]) >= len(weir["layer_size"]) and go["layer_stack"] != weir["layer_stack"]


def as_path(key, go, weir):
    """22: every segment of an AS path is read."""
    return key in ("as_path", "dst_as", "bgp_communities") and weir["as_path"][:len(
        go["as_path"])] == go["as_path"] and len(weir["as_path"]) > len(go["as_path"])


EXPLANATIONS = [tcp_size, interface_format, vlan_priority, icmp, ipv4_options, fragment, tunnel,
                more_layers, as_path, padding]


def unexplained(go, weir):
    """Keys that differ without a documented reason."""
    times = ("time_received_ns", "time_flow_start_ns", "time_flow_end_ns")
    keys = [k for k in go if k not in times and go[k] != weir.get(k)]
    keys += [k for k in weir if k not in go]
    return [k for k in keys if not any(why(k, go, weir) for why in EXPLANATIONS)]
