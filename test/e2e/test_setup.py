# SPDX-License-Identifier: Apache-2.0
"""weir setup without a server and against real ones; test_setup_scripted.py has what those lack."""
import json
import os
import re
import uuid

import pytest

import documents
import ecs
import programs
import test_golden_ecs as golden

TYPES = {ecs.KEYWORD: "keyword", ecs.DATE: "date", ecs.LONG: "long", ecs.IP: "ip",
         ecs.MAC: "keyword"}


def expected_types(constant="keyword", text="text"):
    """Path and type of all that documents may have outside goflow2."""
    found = {"message": text}
    for path, kind in ecs.FIELDS.items():
        if ".location." in path:
            found[path.rpartition(".")[0]] = "geo_point"
        else:
            found[path] = TYPES[kind[0] if isinstance(kind, tuple) else kind]
    found.update({f"data_stream.{name}": constant for name in ("type", "dataset", "namespace")})
    return {**found, "error.message": text}


def types_of(mappings, above=""):
    """The same of a mapping."""
    found = {}
    for name, field in mappings["properties"].items():
        if "properties" in field:
            found.update(types_of(field, f"{above}{name}."))
        else:
            found[above + name] = field["type"]
    return found


def setup(url, *args, code=0):
    """What it says."""
    place = () if url is None else ("-transport.elasticsearch", url)
    return programs.run("setup", *place, *args, codes=(code,)).stdout.decode()


def requests_of(text):
    """What a dry run printed: (method, path, body), one each."""
    found = []
    for block in re.split(r"\n\n", text):
        lines = [line for line in block.split("\n") if line and not line.startswith("#")]
        if lines:
            method, path = lines[0].split(" ")
            found.append((method, path, json.loads("".join(lines[1:]) or "null")))
    return found


def dry(product, *args):
    text = setup(None, "-dry-run", "-transport.elasticsearch.product", product, *args)
    return {path: body for _, path, body in requests_of(text)}


def golden_documents(profile, *args):
    """(case, document) of every golden line."""
    found = []
    for name in golden.NAMES:
        done = programs.run("import", "-transport", "file", "-state", "none", "-format", "ecs",
                            "-ecs.profile", profile, "-ecs.timezone", "+00:00", "-geoip.city",
                            "none", "-geoip.asn", "none", *golden.read(name, "args", "").split(),
                            *args, os.path.join(golden.CASES, name, "input.log"), codes=(0, 3))
        found += [(name, json.loads(line)) for line in done.stdout.decode().split("\n")[:-1]]
    return found


# --- Without a server ----------------------------------------------------------------------------

@pytest.mark.parametrize("product,constant", [("elasticsearch", "constant_keyword"),
                                              ("serverless", "constant_keyword"),
                                              ("opensearch", "keyword")])
def test_every_documented_field_has_its_type(product, constant):
    """docs/ecs.md, test/lib/ecs.py and the table say the same, no more and no less."""
    body = dry(product)["/_component_template/weir-goflow2@mappings"]
    found = types_of(body["template"]["mappings"])
    outside = {path: kind for path, kind in found.items() if not path.startswith("goflow2.")}
    assert outside == expected_types(constant, "match_only_text")
    original = body["template"]["mappings"]["properties"]["event"]["properties"]["original"]
    assert original == {"type": "keyword", "index": False, "doc_values": False}


def fits(kind, value):
    return {"ip": lambda: ecs.is_address(value), "long": lambda: type(value) is int,
            "date": lambda: ecs.is_kind(ecs.DATE, value),
            "geo_point": lambda: type(value) in (int, float),
            }.get(kind, lambda: isinstance(value, str))()


@pytest.mark.parametrize("profile", ["weir", "elastic"])
def test_every_golden_document_is_in_the_table(profile):
    table = expected_types()
    odd = set()
    for name, document in golden_documents(profile):
        for leaf, value in documents.flat(document):
            path = re.sub(r"\[\d+\]$", "", leaf)
            path = re.sub(r"\.location\.(lat|lon)$", ".location", path)
            if path != "goflow2" and not re.match(r"goflow2[.\[]", path):
                assert path in table, f"{name}: {leaf}"
                if not fits(table[path], value):
                    odd.add((name, path))
    # What Elastic's pipeline makes of odd lines is as odd; the server ignores the value.
    assert odd == (set() if profile == "weir" else ODD)


ODD = {("numbers-for-names", "network.type"), ("numbers-for-names", "network.transport"),
       ("flow-size", "network.bytes")}


def test_a_dry_run_asks_nobody():
    paths = list(dry("opensearch", "-keep", "90d"))
    assert paths == ["/_plugins/_ism/policies/weir-goflow2",
                     "/_component_template/weir-goflow2@mappings",
                     "/_component_template/weir-goflow2@settings",
                     "/_component_template/weir-goflow2@custom", "/_index_template/weir-goflow2"]
    assert list(dry("elasticsearch", "-keep", "90d")) == [
        "/_component_template/weir-goflow2@mappings", "/_component_template/weir-goflow2@settings",
        "/_index_template/weir-goflow2"]
    removed = setup(None, "-dry-run", "-uninstall", "-transport.elasticsearch.product", "opensearch")
    assert [(m, p) for m, p, _ in requests_of(removed)] == [
        ("DELETE", "/_index_template/weir-goflow2"),
        ("DELETE", "/_component_template/weir-goflow2@mappings"),
        ("DELETE", "/_component_template/weir-goflow2@settings"),
        ("DELETE", "/_component_template/weir-goflow2@custom"),
        ("DELETE", "/_plugins/_ism/policies/weir-goflow2")]


def test_bad_options():
    assert "no server is named" in setup(None, code=1)
    assert "no server is named" in setup(None, "-transport.elasticsearch.product", "opensearch",
                                         code=1)
    assert "elasticsearch, serverless" in setup(
        None, "-dry-run", "-transport.elasticsearch.product", "solr", code=1)
    assert "is no name" in setup("http://127.0.0.1:1", "-transport.elasticsearch.index", "a*",
                                 code=1)
    assert "127.0.0.1:1" in setup("http://127.0.0.1:1", code=1)


# --- Real servers --------------------------------------------------------------------------------

class Place:
    """A data set of its own on a server."""

    def __init__(self, engine):
        self.engine = engine
        self.dataset = "setup" + uuid.uuid4().hex[:8]
        self.stream = f"logs-{self.dataset}-default"
        self.template = f"weir-dataset-{self.dataset}"
        self.args = ("-ecs.dataset", self.dataset)
        if engine.product == "elasticsearch":  # that one does not say what it is
            self.args += ("-transport.elasticsearch.product", "elasticsearch")

    def setup(self, *args, code=0):
        return setup(self.engine.url, *self.args, *args, code=code)

    def put(self, *documents):
        """The outcome of each."""
        lines = "".join(f'{{"create":{{}}}}\n{json.dumps(d)}\n' for d in documents).encode()
        items = self.engine.request("POST", f"/{self.stream}/_bulk", lines)["items"]
        self.engine.refresh(self.stream)
        return [item["create"] for item in items]

    def types(self):
        mapping, = self.engine.request("GET", f"/{self.stream}/_mapping").values()
        return types_of(mapping["mappings"])


@pytest.fixture
def place(engine):
    """What is left of it stays where the server cannot delete data streams."""
    made = Place(engine)
    yield made
    if engine.ask("DELETE", f"/_data_stream/{made.stream}")[0] in (200, 404):
        made.setup("-uninstall")


FLOW = {"@timestamp": "2024-07-31T00:00:59.314Z",
        "event": {"start": "2024-07-31T00:00:59.314899647Z", "duration": 2**40},
        "observer": {"ip": ["203.0.113.1"]},
        "source": {"ip": "192.0.2.1", "port": 10876, "as": {"number": 4200000000},
                   "geo": {"location": {"lat": 47.2513, "lon": -122.3149}}},
        "destination": {"ip": "2001:db8::1", "port": 443},
        "network": {"bytes": 2**63 - 1, "packets": 1000},
        "goflow2": {"tcp_flags": 18, "next_hop": "192.0.2.254", "vrf": "blue"}}


def test_mappings_of_golden_documents(place):
    """Every golden document of both profiles goes in but for those that no mapping with numbers and
    addresses takes, and the server has the types that were wanted."""
    place.setup()
    refused = {}
    for profile in ("weir", "elastic"):
        found = golden_documents(profile, "-ecs.dataset", place.dataset)
        outcome = place.put(*(document for _, document in found))
        refused[profile] = [name for (name, _), item in zip(found, outcome, strict=True)
                            if item["status"] != 201]
    # In the first two, a column has a list of different things, which goflow2 would not write; when
    # the first of them settles its type, the others do not fit.
    assert set(refused["weir"]) <= {"comments", "more-columns"}
    assert set(refused["elastic"]) <= {"comments", "more-columns", "not-an-object"}
    assert refused["elastic"].count("not-an-object") == 4  # goflow2 itself is none
    assert len(refused["weir"]) <= 2 and len(refused["elastic"]) <= 6
    found = place.types()
    wanted = expected_types()
    if place.engine.product == "opensearch":
        wanted.update({"error.message": "match_only_text", "message": "match_only_text"})
    assert {path: found[path] for path in wanted} == wanted
    assert found["goflow2.next_hop"] == "ip" and found["goflow2.as_path"] == "long"
    extra = {path for path in found if not path.startswith("goflow2.")} - set(wanted)
    assert extra == set(), "documents have fields that the table lacks"


def test_searches(place):
    place.setup()
    assert [item["status"] for item in place.put(FLOW, FLOW)] == [201, 201]
    tiles = {"tiles": {"geotile_grid": {"field": "source.geo.location", "precision": 4}}}
    answer = place.engine.search(
        place.stream, query={"bool": {"filter": [
            {"term": {"source.ip": "192.0.2.0/24"}}, {"term": {"destination.ip": "2001:db8::/32"}},
            {"range": {"event.start": {"gte": "2024-07-31T00:00:59.314Z",
                                       "lt": "2024-07-31T00:00:59.315Z"}}},
            {"term": {"goflow2.vrf": "blue"}}]}},
        aggs={"ips": {"terms": {"field": "source.ip"}},
              "hops": {"terms": {"field": "goflow2.next_hop"}},
              "times": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1s"}},
              **(tiles if place.engine.has_places else {}),
              "bytes": {"max": {"field": "network.bytes"}},
              "packets": {"sum": {"field": "network.packets"}},
              "flags": {"max": {"field": "goflow2.tcp_flags"}}})
    assert answer["hits"]["total"]["value"] == 2
    aggs = answer["aggregations"]
    assert [(b["key"], b["doc_count"]) for b in aggs["ips"]["buckets"]] == [("192.0.2.1", 2)]
    assert aggs["hops"]["buckets"][0]["key"] == "192.0.2.254"
    assert aggs["times"]["buckets"][0]["key_as_string"].startswith("2024-07-31T00:00:59")
    assert not place.engine.has_places or aggs["tiles"]["buckets"][0]["doc_count"] == 2
    assert aggs["packets"]["value"] == 2000 and aggs["flags"]["value"] == 18
    assert aggs["bytes"]["value"] == pytest.approx(2.0**63)


ODD_VALUES = ["", "abc", -1, 2**64, 10**40, 1.5, True, None, [], ["", 5], "192.0.2.0/24", "x" * 40000]


def test_odd_values_lose_no_document(place):
    """In every column, and in one that nobody knows, which may have objects and deep ones, too."""
    place.setup()
    columns = types_of(dry("opensearch")["/_component_template/weir-goflow2@mappings"]["template"]
                       ["mappings"]["properties"]["goflow2"])
    deep = "x"
    for _ in range(200):
        deep = {"a": [deep], "": 1}
    for value in ODD_VALUES:
        document = {**FLOW, "goflow2": {**dict.fromkeys(columns, value), "mine": value},
                    "observer": {"ip": value}, "sflow": {"bytes": value}}
        item, = place.put(document)
        assert item["status"] == 201, (value, item)
    item, = place.put({**FLOW, "goflow2": {"theirs": deep, "list": [{"a": 1}, {"a": "x"}]}})
    assert item["status"] == 201, item
    item, = place.put({**FLOW, "goflow2": {"theirs": "a text", "list": 5}})
    assert item["status"] == 201, item
    for first, later in ((2**64, "a text"), (10**40, -5), (True, 2.5), ("", 5), (5, "a text")):
        column = f"first{ODD_VALUES.index(first)}" if first in ODD_VALUES else "five"
        for value in (first, later):
            item, = place.put({**FLOW, "goflow2": {column: value}})
            assert item["status"] == 201, (value, item)
    item, = place.put({**FLOW, "event": {"original": "x" * 100000}, "message": "y" * 100000,
                       "error": {"message": "z " * 50000}, "tags": ["t" * 40000]})
    assert item["status"] == 201, item
    item, = place.put({**FLOW, "@timestamp": "yesterday"})  # nobody would find it
    assert item["status"] == 400


def test_many_fields(place):
    """More columns than an index has room for: Elasticsearch keeps the document from 8.14 on."""
    place.setup()
    item, = place.put({**FLOW, "goflow2": {f"column{i}": i for i in range(3000)}})
    assert item["status"] == (201 if place.engine.product == "elasticsearch" else 400)


def test_twice_and_away(place):
    first = place.setup()
    assert f"index template {place.template} made" in first
    assert "nothing to change" in place.setup()
    assert requests_of(place.setup("-dry-run")) == []
    engine = place.engine
    assert engine.ask("GET", f"/_index_template/{place.template}")[0] == 200
    assert "taken away" in place.setup("-uninstall")
    for path in (f"/_index_template/{place.template}",
                 *(f"/_component_template/{place.template}@{part}"
                   for part in ("mappings", "settings", "custom"))):
        assert engine.ask("GET", path)[0] == 404
    assert "nothing to change" in place.setup("-uninstall")


def test_a_template_in_use_stays(place):
    place.setup()
    place.put(FLOW)
    text = place.setup("-uninstall")
    assert f"index template {place.template} stays" in text and place.stream in text
    assert place.engine.count(place.stream) == 1
    assert "nothing to change" in place.setup()


def test_a_changed_template_is_mended(place):
    place.setup()
    path = f"/_component_template/{place.template}@mappings"
    answer = place.engine.request("GET", path)
    body = answer["component_templates"][0]["component_template"]
    body["template"]["mappings"]["properties"]["source"]["properties"]["ip"] = {"type": "keyword"}
    place.engine.request("PUT", path, body)
    text = place.setup()
    assert f"component template {place.template}@mappings changed" in text
    assert "done: 1 change" in text
    place.put(FLOW)
    assert place.types()["source.ip"] == "ip"


def test_what_is_custom_stays(place):
    place.setup()
    path = f"/_component_template/{place.template}@custom"
    place.engine.request("PUT", path, {"template": {"mappings": {
        "properties": {"goflow2": {"properties": {"vrf": {"type": "text"}}}}}}})
    assert "nothing to change" in place.setup()
    place.put(FLOW)
    assert place.types()["goflow2.vrf"] == "text"
    assert place.types()["goflow2.next_hop"] == "ip"
    place.engine.ask("DELETE", f"/_data_stream/{place.stream}")
    place.setup("-uninstall")
    assert place.engine.ask("GET", path)[0] == 200


def test_the_examples_of_the_manual(place):
    """The component is taken by the server; the keys are JSON."""
    with open(os.path.join(programs.ROOT, "docs", "elasticsearch.md"), encoding="utf-8") as file:
        examples = re.findall(r"```\n(\w+) (\S+)\n(.*?)```", file.read(), re.S)
    bodies = {path: json.loads(body) for _, path, body in examples}
    assert len(examples) == 3 and "/_security/api_key" in bodies
    place.engine.request("PUT", f"/_component_template/{place.template}@custom",
                         bodies["/_component_template/weir-goflow2@custom"])
    place.setup()
    place.put(FLOW)
    assert place.types()["goflow2.jitter"] == "float"


@pytest.mark.parametrize("path", ["/_index_template/{}", "/_component_template/{}@mappings",
                                  "/_component_template/{}@settings"])
def test_a_template_of_that_name_is_somebody_elses(place, path):
    path = path.format(place.template)
    body = {"_meta": {"managed_by": "me"}, "template": {"mappings": {}}}
    if "index" in path:
        body["index_patterns"] = [place.stream + "-mine-*"]
    place.engine.request("PUT", path, body)
    before = place.engine.request("GET", path)
    text = place.setup(code=1)
    assert "that weir setup did not make" in text
    place.setup("-uninstall")
    assert place.engine.request("GET", path) == before
    other = "/_component_template/" if "index" in path else "/_index_template/"
    assert place.template not in str(place.engine.request("GET", other))
    place.engine.request("DELETE", path)


def test_an_index_of_ones_own(engine):
    name = "flows" + uuid.uuid4().hex[:8]
    args = ("-transport.elasticsearch.index", name, "-transport.elasticsearch.product",
            engine.product)
    setup(engine.url, *args)
    lines = f'{{"create":{{}}}}\n{json.dumps(FLOW)}\n'.encode()
    for dataset in ("goflow2.sflow", "goflow2.netflow"):  # both into the one stream
        flow = {**FLOW, "data_stream": {"type": "logs", "dataset": dataset, "namespace": "default"}}
        lines += f'{{"create":{{}}}}\n{json.dumps(flow)}\n'.encode()
    answer = engine.request("POST", f"/{name}/_bulk", lines)
    assert not answer["errors"], answer
    index, = engine.request("GET", f"/{name}/_mapping")
    assert index.startswith(".ds-" + name)


def test_an_index_that_is_there(engine):
    name = "flows" + uuid.uuid4().hex[:8]
    engine.request("PUT", f"/{name}", {})
    args = ("-transport.elasticsearch.index", name, "-transport.elasticsearch.product",
            engine.product)
    text = setup(engine.url, *args, "-keep", "9d")
    assert f"{name} is an index and no data stream" in text and "-keep is for data streams" in text
    engine.request("DELETE", f"/{name}")
    engine.request("PUT", f"/{name}", {})
    mapping, = engine.request("GET", f"/{name}/_mapping").values()
    assert types_of(mapping["mappings"])["source.ip"] == "ip"
    assert "nothing to change" in setup(engine.url, *args)
    engine.request("DELETE", f"/{name}")
    setup(engine.url, *args, "-uninstall")
