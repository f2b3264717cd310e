# SPDX-License-Identifier: Apache-2.0
"""The dashboards: fresh, in the form that Kibana and OpenSearch Dashboards take, of fields that
documents have; and every panel's search shows something on real servers."""
import copy
import json
import os
import re
import subprocess
import time

import mmdb
import pytest
import saved_objects
from programs import ROOT, run
from saved_objects import Wrong, searches, state

FILES = {"kibana": "kibana-8.11.ndjson", "opensearch-dashboards": "opensearch-dashboards-2.ndjson"}
STREAM = "logs-goflow2.sflow-dashboards"
TITLES = ["Overview", "Conversation Partners", "Traffic Analysis", "Top-N", "Geo Location",
          "Autonomous Systems", "Flow Exporters", "Flow Records"]


def objects(program):
    with open(os.path.join(ROOT, "dashboards", FILES[program]), encoding="utf-8") as f:
        return saved_objects.parse(f.read())


def test_the_files_are_fresh():
    done = subprocess.run([os.path.join(ROOT, "tools", "gen-dashboards"), "--check"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", FILES)
def test_the_form(program):
    saved_objects.check(objects(program), program == "kibana")


@pytest.mark.parametrize("program", FILES)
def test_what_there_is(program):
    found = [one for one in objects(program) if one["type"] == "dashboard"]
    assert [one["attributes"]["title"] for one in found] == [f"{title} [weir]" for title in TITLES]
    navigation = [one for one in objects(program) if one["id"] == "weir-navigation"]
    links = re.findall(r"\(#/view/([^)]+)\)", state(navigation[0])["params"]["markdown"])
    assert links == [one["id"] for one in found]
    used = {ref["id"] for one in objects(program) for ref in one["references"]}
    for one in objects(program):
        assert one["type"] == "dashboard" or one["id"] in used, f"{one['id']} is on no dashboard"
    for one in found:
        assert "weir-navigation" in {ref["id"] for ref in one["references"]}


def known_fields():
    """The table of docs/ecs.md, and the columns under goflow2 that weir knows."""
    with open(os.path.join(ROOT, "docs", "ecs.md"), encoding="utf-8") as f:
        page = f.read()
    known = set(re.findall(r"^\| `([\w@.]+)` \|", page, re.M))
    known |= {name[:-len(".lat")] for name in known if name.endswith(".location.lat")}
    return known | {"goflow2.tcp_flags", "goflow2.ip_tos"}


@pytest.mark.parametrize("program", FILES)
def test_only_fields_that_documents_have(program):
    known, used = known_fields(), set()
    for one in objects(program):
        used |= set(saved_objects.fields(one))
    assert len(used) > 20 and used <= known, used - known


def spoil_reference(found):
    found[-1]["references"][1]["id"] = "weir-nowhere"


def spoil_overlap(found):
    panels = json.loads(found[-1]["attributes"]["panelsJSON"])
    panels[2]["gridData"]["x"] -= 1
    found[-1]["attributes"]["panelsJSON"] = json.dumps(panels)


def spoil_width(found):
    panels = json.loads(found[-1]["attributes"]["panelsJSON"])
    panels[2]["gridData"]["w"] += 1
    found[-1]["attributes"]["panelsJSON"] = json.dumps(panels)


def spoil_json(found):
    found[2]["attributes"]["visState"] += "}"


def spoil_attribute(found):
    found[2]["attributes"]["color"] = "red"


def spoil_id(found):
    found[3]["id"] = found[2]["id"]


def spoil_owner(found):
    found[2]["id"] = "netflow-" + found[2]["id"]


def spoil_version(found):
    for key in ("typeMigrationVersion", "migrationVersion"):
        if key in found[2]:
            found[2][key] = "9.9.9"


def spoil_order(found):
    for one in found:
        if one["type"] == "visualization" and '"orderBy"' in one["attributes"]["visState"]:
            one["attributes"]["visState"] = one["attributes"]["visState"].replace(
                '"orderBy":"1"', '"orderBy":"7"')


@pytest.mark.parametrize("program", FILES)
@pytest.mark.parametrize("spoil", [spoil_reference, spoil_overlap, spoil_width, spoil_json,
                                   spoil_attribute, spoil_id, spoil_owner, spoil_version,
                                   spoil_order], ids=lambda spoil: spoil.__name__)
def test_the_checker_sees_it(program, spoil):
    found = copy.deepcopy(objects(program))
    spoil(found)
    with pytest.raises(Wrong):
        saved_objects.check(found, program == "kibana")


# --- On real servers -----------------------------------------------------------------------------

MAPPINGS = {
    "date_detection": False,
    "properties": {
        "@timestamp": {"type": "date"},
        "source": {"properties": {"ip": {"type": "ip"}, "geo": {"properties": {
            "location": {"type": "geo_point"}}}}},
        "destination": {"properties": {"ip": {"type": "ip"}, "geo": {"properties": {
            "location": {"type": "geo_point"}}}}},
        "observer": {"properties": {"ip": {"type": "ip"}}},
        "related": {"properties": {"ip": {"type": "ip"}}}},
    "dynamic_templates": [{"texts": {"match_mapping_type": "string",
                                     "mapping": {"type": "keyword", "ignore_above": 1024}}}]}


def line(number, start):
    """A flow with something in every column that a panel shows; some lack a sampling rate, and one
    has more bytes than a long holds."""
    flow = {"type": "SFLOW_5", "time_flow_start_ns": (start + number) * 1_000_000_000,
            "sampler_address": f"10.0.0.{1 + number % 2}", "sequence_num": 100 + number,
            "in_if": 1 + number % 3, "out_if": 4 + number % 3, "src_addr": f"192.0.2.{number % 50}",
            "dst_addr": f"198.51.100.{number % 20}", "etype": "IPv4",
            "proto": "TCP" if number % 3 else "UDP", "src_port": 1024 + number, "dst_port": 443,
            "src_vlan": 10 + number % 2, "dst_vlan": 20, "tcp_flags": 16, "ip_tos": 8,
            "sampling_rate": 0 if number % 10 == 9 else 1000, "bytes": 1500, "packets": 1}
    if number == 5:
        flow.update(bytes=2**62, sampling_rate=8)
    return json.dumps(flow)


def documents(tmp_path):
    """What weir makes of such lines, of two that cannot be read, and of generated datagrams."""
    city, asn = tmp_path / "city.mmdb", tmp_path / "asn.mmdb"
    places = {}
    cities = [("192.0.2.0/24", "Vienna"), ("198.51.100.0/24", "Graz")]
    for number, (network, name) in enumerate(cities):
        places[network] = {"city": {"names": {"en": name}},
                           "country": {"iso_code": "AT", "names": {"en": "Austria"}},
                           "location": {"latitude": 48.0 - number, "longitude": 16.0 - number}}
    mmdb.write(city, places)
    mmdb.write(asn, {network: {"autonomous_system_number": 64500 + number,
                               "autonomous_system_organization": f"Example {number}"}
                     for number, network in enumerate(places)}, "GeoLite2-ASN")
    names = tmp_path / "names.yaml"
    names.write_text("".join(f"10.0.0.{e}:\n  name: core-{e}\n  interfaces: "
                             "{1: a, 2: b, 3: c, 4: d, 5: e, 6: f}\n" for e in (1, 2)))
    log, capture = tmp_path / "flows.log", tmp_path / "generated.pcap"
    start = int(time.time()) - 600  # dashboards show the last hour
    lines = [line(number, start) for number in range(200)] + ["{}", "no JSON"]
    log.write_text("\n".join(lines) + "\n")
    made_with = ["-transport", "file", "-format", "ecs", "-geoip.city", str(city), "-geoip.asn",
                 str(asn), "-names", str(names)]
    read = run("import", "-state", "none", "-data", str(tmp_path), *made_with, str(log), codes=(3,))
    run("generate", "-count", "50", f"pcap://{capture}")
    played = run("replay", *made_with, str(capture))
    found = [one for part in (read, played) for one in part.stdout.splitlines()]
    assert len(found) > 300
    return found


@pytest.mark.parametrize("program", FILES)
def test_every_panel_shows_something(engine, program, tmp_path):
    """On both servers, the panels of both programs: they send the same to either."""
    if not engine.has_places:
        pytest.skip(f"OpenSearch {engine.version} comes without the aggregations of maps")
    if not engine.exists(STREAM):
        engine.put_template("dashboards", [STREAM], MAPPINGS)
        body = b"".join(b'{"create":{}}\n' + one + b"\n" for one in documents(tmp_path))
        answer = engine.request("POST", f"/{STREAM}/_bulk", body)
        assert not answer["errors"], json.dumps(answer)[:2000]
    engine.refresh(STREAM)
    tried, empty = 0, []
    dashboard = objects(program)[-1]
    for one in objects(program):
        for name, search in searches(one):
            saved_objects.within(search, dashboard)
            status, answer = engine.ask("POST", f"/{STREAM}/_search", search)
            assert status == 200, f"{name}: {search}\n{json.dumps(answer)[:2000]}"
            why = saved_objects.emptiness(search, answer)
            if why:
                empty.append(f"{name}: {why}")
            tried += 1
    assert not empty, "\n".join(empty)
    assert tried > 100
