# SPDX-License-Identifier: Apache-2.0
"""What a document of profile weir may hold: every field with its type, as docs/ecs.md has it. They
are fields of ECS 8.11, or of Beats (input, log.file, log.offset), or lie under sflow and goflow2."""
import ipaddress
import re

import documents

LIST = True
KEYWORD, DATE, LONG, IP, MAC, FLOAT = "keyword", "date", "long", "ip", "MAC address", "float"
GEO = {"continent_name": KEYWORD, "country_name": KEYWORD, "country_iso_code": KEYWORD,
       "region_iso_code": KEYWORD, "region_name": KEYWORD, "city_name": KEYWORD,
       "location.lat": FLOAT, "location.lon": FLOAT}
END = {"ip": IP, "address": (KEYWORD, LIST), "port": LONG, "mac": MAC, "as.number": LONG,
       "as.organization.name": KEYWORD, **{"geo." + name: kind for name, kind in GEO.items()}}
SIDE = {"interface.id": KEYWORD, "interface.name": KEYWORD, "interface.alias": KEYWORD,
        "vlan.id": KEYWORD}


def under(name, fields):
    return {f"{name}.{path}": kind for path, kind in fields.items()}


FIELDS = {
    "@timestamp": DATE, "tags": (KEYWORD, LIST), "ecs.version": KEYWORD,
    **under("data_stream", {"type": KEYWORD, "dataset": KEYWORD, "namespace": KEYWORD}),
    **under("agent", {"type": KEYWORD, "name": KEYWORD, "version": KEYWORD}),
    "input.type": KEYWORD, "log.offset": LONG,
    **under("log.file", {"path": KEYWORD, "device_id": KEYWORD, "inode": KEYWORD}),
    **under("event", {"kind": KEYWORD, "category": (KEYWORD, LIST), "type": (KEYWORD, LIST),
                      "action": KEYWORD, "dataset": KEYWORD, "timezone": KEYWORD, "created": DATE,
                      "ingested": DATE, "start": DATE, "end": DATE, "duration": LONG,
                      "id": KEYWORD, "original": KEYWORD}),
    **under("error", {"message": KEYWORD, "type": KEYWORD}),
    **under("observer", {"ip": (IP, LIST), "name": KEYWORD}),
    **under("observer.ingress", SIDE), **under("observer.egress", SIDE),
    **under("source", {**END, "bytes": LONG, "packets": LONG}), **under("destination", END),
    **under("network", {"type": KEYWORD, "transport": KEYWORD, "iana_number": KEYWORD,
                        "bytes": LONG, "packets": LONG, "vlan.id": KEYWORD}),
    **under("sflow", {"bytes": LONG, "sample_rate": LONG, "sequence_num": LONG}),
    "related.ip": (IP, LIST),
}
ALWAYS = {"@timestamp", "ecs.version", "data_stream.type", "data_stream.dataset",
          "data_stream.namespace", "agent.type", "agent.name", "agent.version", "input.type",
          "event.kind", "event.dataset", "event.ingested"}
DATE_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{9})?Z")
MAC_FORM = re.compile(r"[0-9A-F]{2}(-[0-9A-F]{2}){5}")


def is_address(value):
    try:
        return isinstance(value, str) and ipaddress.ip_address(value) is not None
    except ValueError:
        return False


def is_kind(kind, value):
    return {KEYWORD: lambda: isinstance(value, str) and value != "",
            DATE: lambda: isinstance(value, str) and DATE_FORM.fullmatch(value) is not None,
            LONG: lambda: type(value) is int and -2**63 <= value < 2**63,
            FLOAT: lambda: type(value) in (int, float),
            IP: lambda: is_address(value),
            MAC: lambda: isinstance(value, str) and MAC_FORM.fullmatch(value) is not None}[kind]()


def faults(document):
    """What a document of profile weir has that it should not have, or lacks; a line each."""
    found, paths = [], set()
    for leaf, value in documents.flat(document):
        path = re.sub(r"\[\d+\]$", "", leaf)
        paths.add(path)
        if leaf.startswith("goflow2."):
            if leaf.count(".") == 1 and "[" not in leaf and value in ("", None, [], {}):
                found.append(f"{leaf} is empty")
            continue
        kind = FIELDS.get(path)
        is_list = isinstance(kind, tuple)
        if kind is None:
            found.append(f"{leaf} is not documented")
        elif is_list != (leaf != path):
            found.append(f"{leaf} should {'' if is_list else 'not '}be a list")
        elif not is_kind(kind[0] if is_list else kind, value):
            found.append(f"{leaf} is no {kind}: {value!r}")
    related = document.get("related", {}).get("ip", [])
    if len(set(related)) != len(related):
        found.append("related.ip has duplicates")
    return found + [f"{path} is missing" for path in sorted(ALWAYS - paths)]
