# SPDX-License-Identifier: Apache-2.0
"""The sFlow and packet cases of the corpora beside the project, compared in meaning with what other
programs made of them. Captures of other traffic go in frame by frame as sampled headers. What cannot
be compared is skipped with its reason."""
import ast
import ipaddress
import json
import os
import re
import tempfile

import pytest

import captures
import programs

CORPORA = programs.CORPORA
pytestmark = pytest.mark.skipif(not os.path.isdir(CORPORA),
                                reason="no ../shared/corpora beside the project")
CASES = json.load(open(os.path.join(CORPORA, "CASES.json"))) if os.path.isdir(CORPORA) else []
HEADER_PROTOCOL = {1: 1, 101: 11, 12: 11, 228: 11, 229: 12}
ETYPES = {"IPv4": 0x800, "IPv6": 0x86DD, "ARP": 0x806, "": 0}

# All addresses and ports of a packet: the outer ones by their columns, those of packets within by
# encap rules.
LEVELS = """
formatter:
  protobuf:
    - {name: inner_src4, index: 1001, type: bytes, array: true}
    - {name: inner_dst4, index: 1002, type: bytes, array: true}
    - {name: inner_src6, index: 1003, type: bytes, array: true}
    - {name: inner_dst6, index: 1004, type: bytes, array: true}
    - {name: inner_src_port, index: 1005, type: varint, array: true}
    - {name: inner_dst_port, index: 1006, type: varint, array: true}
  fields: [src_addr, dst_addr, src_port, dst_port, etype, proto, ip_ttl, tcp_flags, src_mac, dst_mac,
           mpls_label, vlan_id, inner_src4, inner_dst4, inner_src6, inner_dst6, inner_src_port,
           inner_dst_port, sequence_num, layer_stack, fragment_offset]
  render: {inner_src4: ip, inner_dst4: ip, inner_src6: ip, inner_dst6: ip, etype: none, proto: none}
sflow:
  ports:
    - {proto: udp, dir: both, port: 3544, parser: teredo-dst}
    - {proto: udp, dir: both, port: 6081, parser: geneve}
  mapping:
    - {layer: ipv4, encap: true, offset: 96, length: 32, destination: inner_src4}
    - {layer: ipv4, encap: true, offset: 128, length: 32, destination: inner_dst4}
    - {layer: ipv6, encap: true, offset: 64, length: 128, destination: inner_src6}
    - {layer: ipv6, encap: true, offset: 192, length: 128, destination: inner_dst6}
    - {layer: "4", encap: true, offset: 0, length: 16, destination: inner_src_port}
    - {layer: "4", encap: true, offset: 16, length: 16, destination: inner_dst_port}
"""


def wanted(prefix, needs="sflow"):
    def is_one(c):
        names = " ".join(c["inputs"]).lower()
        return c["id"].startswith(prefix) and (needs in names or needs in c["id"].lower())
    return [c for c in CASES if is_one(c)]


def path_of(name):
    return os.path.join(CORPORA, name)


def replay_datagrams(datagrams, mapping=None):
    with tempfile.TemporaryDirectory() as folder:
        capture, yaml = os.path.join(folder, "x.pcap"), os.path.join(folder, "m.yaml")
        captures.write_pcap(capture, datagrams)
        flags = []
        if mapping:
            open(yaml, "w").write(mapping)
            flags = ["-mapping", yaml]
        out, log, code = programs.replay(*flags, files=[capture])
        return [json.loads(line) for line in out.decode().splitlines()], programs.books(log), code


def load(path):
    data = open(path, "rb").read()
    return [data] if data[:4] == b"\0\0\0\5" else list(captures.sflow_datagrams(path))


def ids(cases):
    return [c["id"] for c in cases]


# --- sFlow ---------------------------------------------------------------------------------------------

AKVORADO = {"SamplingRate": "sampling_rate", "InIf": "in_if", "OutIf": "out_if",
            "SrcAddr": "src_addr", "DstAddr": "dst_addr", "ExporterAddress": "sampler_address",
            "Packets": "packets", "EType": "etype", "Proto": "proto",
            "SrcPort": "src_port", "DstPort": "dst_port", "SrcMAC": "src_mac", "DstMAC": "dst_mac",
            "IPTTL": "ip_ttl", "IPTos": "ip_tos", "IPv6FlowLabel": "ipv6_flow_label",
            "TCPFlags": "tcp_flags", "SrcAS": "src_as", "DstAS": "dst_as", "NextHop": "next_hop",
            "SrcNetMask": "src_net", "DstNetMask": "dst_net", "IPFragmentID": "fragment_id",
            "ICMPv4Type": "icmp_type", "ICMPv4Code": "icmp_code", "MPLSLabels": "mpls_label"}
NUMBERS = ("formatter:\n  render: {etype: none, proto: none, src_mac: none, dst_mac: none, "
           "src_net: none, dst_net: none}\n")


def akvorado_expected(case):
    name, _, test = case["expected"][0].partition("#")
    tests = json.load(open(path_of(name)))["tests"]
    return next(t["expected_flows"] for t in tests if t["test"] == test)


def akvorado_differences(expected, flow):
    for key, want in expected.items():
        if key not in AKVORADO:
            continue  # VLANs come from several sources there, and bytes are those of the IP packet
        got = flow[AKVORADO[key]]
        if key.endswith("Addr") or key.endswith("Address") or key == "NextHop":
            want = str(ipaddress.ip_address(want).ipv4_mapped or ipaddress.ip_address(want)) \
                if ":" in want else want
        if key in ("InIf", "OutIf") and (got == 0x3FFFFFFF or want == 0):
            continue  # the exporter itself, or a discard: akvorado says 0
        if got != want:
            yield key, want, got


@pytest.mark.parametrize("case", wanted("akvorado sflow"), ids=ids(wanted("akvorado sflow")))
def test_akvorado_sflow(case):
    flows, _, code = replay_datagrams(load(path_of(case["inputs"][0])), NUMBERS)
    expected = akvorado_expected(case)
    assert code == 0 and len(flows) >= len(expected)
    for want, flow in zip(expected, flows):
        assert list(akvorado_differences(want, flow)) == []


DECODES = [c for prefix in ("goflow2: ", "vflow: ", "opennms: ") for c in wanted(prefix)]


@pytest.mark.parametrize("case", DECODES, ids=ids(DECODES))
def test_decodes(case):
    """Their tests only want it to decode: so do we, every sample and record of it."""
    _, found, code = replay_datagrams(load(path_of(case["inputs"][0])))
    assert code == 0 and found["datagram"]["decoded"] == 1


@pytest.mark.parametrize("case", wanted("telegraf"), ids=ids(wanted("telegraf")))
def test_telegraf(case):
    """Both are counter or drop samples, whose contents weir does not write yet: they are counted."""
    text = open(path_of(case["expected"][0])).read()
    flows, found, code = replay_datagrams(load(path_of(case["inputs"][0])))
    assert code == 0 and flows == []
    kinds = {k: found["sample"].get(k, 0) for k in ("counter", "drop")}
    assert sum(kinds.values()) == found["sample"]["announced"]
    assert kinds["counter" if "in_bytes" in text else "drop"] >= 1


@pytest.mark.parametrize("case", wanted("tcpdump", "sflow"), ids=ids(wanted("tcpdump", "sflow")))
def test_tcpdump_sflow(case):
    """tcpdump prints each datagram's number of samples and their kinds."""
    text = open(path_of(case["expected"][0])).read()
    datagrams = load(path_of(case["inputs"][0]))
    _, found, _ = replay_datagrams(datagrams)
    announced = [int(n) for n in re.findall(r"\((\d+) (?:samples|sample)\)|(?<=samples )(\d+)", text)
                 for n in n if n] or [int(n) for n in re.findall(r"n-samples (\d+)", text)]
    samples = [int(n) for n in re.findall(r", n-samples (\d+)|samples (\d+)", text) for n in n if n]
    total = sum(samples or announced)
    if total == 0:
        pytest.skip("this print names no samples")
    assert found["sample"]["announced"] == total


# --- Packets -----------------------------------------------------------------------------------------------

def levels(records):
    """The address pairs, and the address-and-port pairs, of each record, outermost first."""
    for r in records:
        pairs = [(r["src_addr"], r["dst_addr"])] if r["src_addr"] else []
        pairs += list(zip(r.get("inner_src4", []), r.get("inner_dst4", [])))
        pairs += list(zip(r.get("inner_src6", []), r.get("inner_dst6", [])))
        ports = [(r["src_port"], r["dst_port"])]
        ports += list(zip(r.get("inner_src_port", []), r.get("inner_dst_port", [])))
        yield pairs, ports


def packet_records(path):
    frames = list(captures.read_frames(path))
    links = {link for link, _ in frames}
    if not frames:
        pytest.skip("no frames in it")
    if len(links) != 1 or next(iter(links)) not in HEADER_PROTOCOL:
        pytest.skip(f"link type {sorted(links)} is no header protocol of sFlow")
    link = next(iter(links))
    datagrams = []
    for number, (_, frame) in enumerate(frames):
        protocol = HEADER_PROTOCOL[link]
        if link in (101, 12) and frame[:1] and frame[0] >> 4 == 6:
            protocol = 12
        one = list(captures.sflow_of_frames([frame[:60000]], protocol))[0]
        datagrams.append(one[:16] + number.to_bytes(4, "big") + one[20:])
    records = replay_datagrams(datagrams, LEVELS)[0]
    assert len(records) == len(frames)
    return records


TCPDUMP = wanted("tcpdump", "")
TCPDUMP = [c for c in TCPDUMP if "sflow" not in c["id"]]
# Where tcpdump's print is about something else than the packet as it is.
TCPDUMP_APART = {
    "ipv6-too-long-jumbo.pcap": "a jumbogram with contradictory lengths",
}
PAIR = re.compile(r"(?:IP6?|IPv6|IPv4)?[ :(]([0-9a-f.:]+) > ([0-9a-f.:]+?)(?:: |,| |$)")


def printed_pair(line):
    """The first addresses (and ports) that tcpdump prints for a packet."""
    for src, dst in PAIR.findall(line):
        for has_ports in (True, False):
            try:
                parts = [x.rpartition(".") if has_ports else (x, "", "") for x in (src, dst)]
                a, b = (str(ipaddress.ip_address(p[0])) for p in parts)
                ports = tuple(int(p[2]) for p in parts) if has_ports else None
                return a, b, ports
            except ValueError:
                continue
    return None


@pytest.mark.parametrize("case", TCPDUMP, ids=ids(TCPDUMP))
def test_tcpdump_packets(case):
    name = os.path.basename(case["inputs"][0])
    if name in TCPDUMP_APART:
        pytest.skip(TCPDUMP_APART[name])
    if not case["expected"]:
        pytest.skip("no expectation in the corpora")
    text = open(path_of(case["expected"][0]), errors="replace").read()
    records = packet_records(path_of(case["inputs"][0]))
    compared, unknown = 0, set()
    for number, (pairs, ports) in enumerate(levels(records), 1):
        found = re.search(rf"^ *{number}  (.*?)(?=^ *\d+  |\Z)", text, re.M | re.S)
        printed = printed_pair(found.group(1)) if found else None
        if printed is None or "invalid" in found.group(1):
            continue
        if not pairs:
            unknown.add("/".join(records[number - 1]["layer_stack"]) or "nothing")
            continue
        assert (printed[0], printed[1]) in pairs, (number, found.group(1)[:200], pairs)
        if printed[2] and records[number - 1]["proto"] in (6, 17):
            assert printed[2] in ports, (number, found.group(1)[:200], ports)
        compared += 1
    if compared == 0:
        pytest.skip(f"IP behind protocols that weir does not know, past {sorted(unknown)}" if unknown
                    else "tcpdump prints no addresses here")


def either_way(a, b):
    return {(a, b), (b, a)}


def all_pairs(records):
    found, with_ports = set(), set()
    for pairs, ports in levels(records):
        for p in pairs:
            found |= either_way(*p)
            for s, d in ports:
                with_ports |= either_way((p[0], s), (p[1], d))
    return found, with_ports


ARKIME = wanted("arkime", "")
ARKIME_APART = {
    "arkime_synthetic.pcap": "sessions inside a dozen tunnels, most of which weir does not open",
    "gtp-iphone.pcap": "sessions inside GTP, which weir does not open",
    "vxlan.pcap": "sessions inside VXLAN, which weir does not open",
    "gre-erspan-vxlan.pcap": "sessions inside ERSPAN and VXLAN, which weir does not open",
}


@pytest.mark.parametrize("case", ARKIME, ids=ids(ARKIME))
def test_arkime(case):
    name = os.path.basename(case["inputs"][0])
    if name in ARKIME_APART:
        pytest.skip(ARKIME_APART[name])
    sessions = json.load(open(path_of(case["expected"][0])))["sessions3"]
    pairs, with_ports = all_pairs(packet_records(path_of(case["inputs"][0])))
    compared = 0
    for session in sessions:
        body = session["body"]
        source, destination = body.get("source", {}), body.get("destination", {})
        if "ip" not in source or "ip" not in destination:
            continue
        a, b = (str(ipaddress.ip_address(x["ip"])) for x in (source, destination))
        assert (a, b) in pairs, body
        if body.get("ipProtocol") in (6, 17) and source["port"] and destination["port"]:
            assert ((a, source["port"]), (b, destination["port"])) in with_ports, body
        compared += 1
    if compared == 0:
        pytest.skip("no session with addresses")


NDPI = wanted("ndpi", "")
NDPI_APART = {"gtp_c.pcap": None, "ipv6_in_gtp.pcap": "flows inside GTP, which weir does not open"}


@pytest.mark.parametrize("case", NDPI, ids=ids(NDPI))
def test_ndpi(case):
    name = os.path.basename(case["inputs"][0])
    if NDPI_APART.get(name):
        pytest.skip(NDPI_APART[name])
    text = open(path_of(case["expected"][0])).read()
    end = r"(\[[0-9a-f:.]+\]|[0-9.]+):(\d+)"
    flows = re.findall(rf"^\s*\d+\s+(\S+)\s+{end} <?-> {end}", text, re.M)
    if not flows:
        pytest.skip("nDPI lists no flow with ports")
    pairs, with_ports = all_pairs(packet_records(path_of(case["inputs"][0])))
    for protocol, a, a_port, b, b_port in flows:
        a, b = (str(ipaddress.ip_address(x.strip("[]"))) for x in (a, b))
        assert (a, b) in pairs
        if protocol in ("TCP", "UDP"):
            assert ((a, int(a_port)), (b, int(b_port))) in with_ports


PACKETS = wanted("akvorado packets", "")


@pytest.mark.parametrize("case", PACKETS, ids=ids(PACKETS))
def test_akvorado_packets(case):
    """akvorado decapsulates: its flow is one of the levels."""
    records = packet_records(path_of(case["inputs"][0]))
    for want, record, (pairs, ports) in zip(akvorado_expected(case), records, levels(records)):
        a, b = (str(ipaddress.ip_address(want[k]).ipv4_mapped or want[k]) if ":" in want[k]
                else want[k] for k in ("SrcAddr", "DstAddr"))
        assert (a, b) in pairs
        if "SrcPort" in want:
            assert (want["SrcPort"], want["DstPort"]) in ports
        if "MPLSLabels" in want:
            assert record["mpls_label"] == want["MPLSLabels"]
        if "SrcVlan" in want:
            assert record["vlan_id"] == want["SrcVlan"]


GOFLOW2 = wanted("goflow2 packet", "")
ENTRIES = {"ParseEthernet": 1, "ParsePacket": 1, "ParseIPv4": 11, "ParseIPv6": 12, "ParseMPLS": 13}
CAMEL = re.compile(r"(?<!^)(?=[A-Z])")


@pytest.mark.parametrize("case", GOFLOW2, ids=ids(GOFLOW2))
def test_goflow2_packets(case):
    name, _, test = case["expected"][0].partition("#")
    found = next(t for t in json.load(open(path_of(name)))["tests"] if t["test"] == test)
    protocol = ENTRIES.get(found["entry"])
    if protocol is None:
        pytest.skip(f"starts at {found['entry']}, which is no header protocol of sFlow")
    packet = open(path_of(case["inputs"][0]), "rb").read()
    flows = replay_datagrams(list(captures.sflow_of_frames([packet], protocol)), NUMBERS)[0]
    for claim in found["asserts"]:
        key = CAMEL.sub("_", claim["field"]).lower()
        if key not in flows[0] or (test == "TestProcessMPLS" and key == "etype"):
            continue  # the case holds the labels only, not the packet that tells the ethertype
        want = claim["expected"]
        body = re.search(r"\{(.*)\}", want, re.S)
        if body is not None:
            want = [ast.literal_eval(x.strip()) for x in body.group(1).split(",") if x.strip()]
            if claim["expected"].startswith("[]byte"):
                want = str(ipaddress.ip_address(bytes(want)))
        else:
            number = re.search(r"0x[0-9a-fA-F]+|\d+(?=\)|$)", want)
            want = int(number.group(0), 0)
        assert flows[0][key] == want, claim
