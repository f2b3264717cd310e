# SPDX-License-Identifier: Apache-2.0
"""A flow gives the same ECS document whether weir decodes its datagram or reads the line that
goflow2 would have written for it, on the columns that the mapping names."""
import json
import os

import pytest

import captures
import corpus
import documents
import golden
import programs

PROFILES = ["weir", "elastic"]
# What tells how a document came to be, not what the flow was.
LIVE = ("event.ingested", "event.id", "event.original", "log.", "input.type")

# Packet rules for columns of one's own.
RULES = """
sflow:
  ports:
    - {proto: udp, dir: both, port: 3544, parser: teredo-dst}
    - {proto: udp, dir: both, port: 6081, parser: geneve}
  mapping:
    - {layer: ipv4, encap: true, offset: 96, length: 32, destination: inner_src}
    - {layer: ipv4, encap: true, offset: 128, length: 32, destination: inner_dst}
    - {layer: tcp, offset: 0, length: 16, destination: first_port}
    - {layer: udp, offset: 0, length: 64, destination: udp_header}
    - {layer: ipv4, offset: 64, length: 8, destination: ttls}
    - {layer: ethernet, offset: 0, length: 48, destination: text}
"""
COLUMNS = """
formatter:
  protobuf:
    - {name: inner_src, index: 1001, type: bytes}
    - {name: inner_dst, index: 1002, type: bytes, array: true}
    - {name: first_port, index: 1003, type: varint}
    - {name: udp_header, index: 1004, type: bytes}
    - {name: ttls, index: 1005, type: varint, array: true}
    - {name: text, index: 1006, type: string, array: true}
"""
# Renames and columns that Elastic's package does not know.
MORE = COLUMNS + """
  render: {inner_src: ip, inner_dst: ip, src_mac: none, next_hop: none, mpls_ip: none}
  rename: {src_as: from_as, first_port: port_0, mpls_label: labels, dst_net: to_net}
  fields: [type, time_flow_start_ns, sampler_address, sequence_num, in_if, out_if, src_addr, dst_addr,
           etype, proto, src_port, dst_port, src_vlan, dst_vlan, vlan_id, sampling_rate, bytes, packets,
           src_as, dst_as, src_mac, dst_mac, tcp_flags, icmp_type, icmp_code, src_net, dst_net,
           next_hop, mpls_label, mpls_ip, layer_stack, layer_size, ip_ttl, inner_src, inner_dst,
           first_port, udp_header, ttls, text, icmp_name]
""" + RULES
# And those that it does know, under other names and as numbers.
NUMBERS = COLUMNS + """
  render: {inner_src: ip, etype: none, proto: none, src_addr: none, src_net: none,
           time_flow_start_ns: datetimenano}
  rename: {sampler_address: exporter, bytes: octets, type: kind, proto: protocol}
  fields: [type, time_flow_start_ns, sampler_address, src_addr, dst_addr, src_port, dst_port, etype,
           proto, sampling_rate, src_net, dst_net, bytes, inner_src, ttls]
""" + RULES
SIXTEEN = open(os.path.join(programs.ROOT, "mapping.yaml")).read()
MAPPINGS = {"sixteen": SIXTEEN, "all": "{}\n", "more": MORE, "numbers": NUMBERS}

# Profile weir shows fields under goflow2's names, whatever the mapping calls them.
RENAMED = {"exporter": "sampler_address", "octets": "bytes", "kind": "type", "protocol": "proto",
           "from_as": "src_as", "labels": "mpls_label", "to_net": "dst_net"}
# Where it puts columns that a mapping may leave out.
HOMES = {"event.created": "time_received_ns", "event.end": "time_flow_end_ns",
         "event.duration": "time_flow_end_ns", "source.mac": "src_mac",
         "destination.mac": "dst_mac", "network.vlan.id": "vlan_id",
         "source.as.number": "src_as", "destination.as.number": "dst_as",
         "observer.ingress.interface.id": "in_if", "observer.egress.interface.id": "out_if",
         "observer.ingress.vlan.id": "src_vlan", "observer.egress.vlan.id": "dst_vlan",
         "sflow.sequence_num": "sequence_num"}


def corpora_datagrams():
    return [d for path in corpus.sflow_files() for d in corpus.datagrams_of(path)]


def headers(per_file=40):
    """Packets of all other captures, as sampled headers."""
    protocols = {1: 1, 101: 11, 12: 11, 228: 11, 229: 12}
    for path in corpus.files():
        found = [(link, frame) for link, frame in corpus.frames_of(path)[:per_file]
                 if link in protocols and frame]
        for number, (link, frame) in enumerate(found):
            protocol = 12 if link in (101, 12) and frame[0] >> 4 == 6 else protocols[link]
            yield from captures.sflow_of_frames([frame[:1500]], protocol)


def golden_datagrams():
    return [d for case in golden.cases() for d in case.datagrams]


SOURCES = {"corpora": corpora_datagrams, "headers": lambda: list(headers()),
           "golden": golden_datagrams, "generated": lambda: programs.generated(200)}


@pytest.fixture(scope="module", params=SOURCES)
def capture(request, tmp_path_factory):
    if request.param in ("corpora", "headers") and not os.path.isdir(programs.CORPORA):
        pytest.skip("no ../shared/corpora beside the project")
    path = tmp_path_factory.mktemp("ecs") / (request.param + ".pcap")
    datagrams = SOURCES[request.param]()
    assert len(datagrams) > 30
    captures.write_pcap(path, datagrams)
    return path


@pytest.fixture(scope="module", params=MAPPINGS)
def mapping(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("mapping") / (request.param + ".yaml")
    path.write_text(MAPPINGS[request.param])
    return path


@pytest.fixture(scope="module")
def log(capture, mapping, tmp_path_factory):
    """The log that goflow2 would have written."""
    path = tmp_path_factory.mktemp("log") / "goflow2.log"
    path.write_bytes(programs.replay("-format", "json", "-mapping", str(mapping),
                                     files=[str(capture)])[0])
    return path


def columns_of(log):
    return {name for line in log.read_text().split("\n")[:-1] for name in json.loads(line)}


def is_excused(difference, columns):
    """Whether it is about a column that the mapping does not name, or about where it came from."""
    path, _, words = difference.partition(": ")
    return path.startswith(LIVE) or (words.endswith("is too much") and
                                     not_named(path, columns))


def not_named(path, columns):
    if path in HOMES:
        return HOMES[path] not in columns
    top, _, rest = path.partition(".")
    return top == "goflow2" and rest.partition("[")[0] not in columns


@pytest.mark.parametrize("profile", PROFILES)
def test_the_same_document(capture, mapping, log, profile):
    flags = ["-format", "ecs", "-ecs.profile", profile, "-mapping", str(mapping),
             "-geoip.city", "none", "-geoip.asn", "none", "-ecs.id"]
    direct = programs.replay(*flags, files=[str(capture)])[0].decode().split("\n")[:-1]
    # Elastic's package wants names and columns that a mapping may change: then it fails on both.
    done = programs.run("import", "-state", "none", *flags, str(log),
                        codes=(0,) if profile == "weir" else (0, 3))
    lines = done.stdout.decode().split("\n")[:-1]
    assert len(direct) == len(lines) == log.read_bytes().count(b"\n")
    for documents_ in (direct, lines):
        ids = [json.loads(text)["event"]["id"] for text in documents_]
        assert len(set(ids)) == len(ids)
    named = {RENAMED.get(name, name) for name in columns_of(log)}
    for one, other in zip(direct, lines, strict=True):
        one, other = json.loads(one), json.loads(other)
        assert one["event"]["kind"] == other["event"]["kind"]
        found = [d for d in documents.differences(other, one)
                 if not is_excused(d, named)
                 and not (d.startswith("@timestamp: ") and "error" in one)]  # when it was read
        assert found == [], (json.dumps(one), json.dumps(other))
