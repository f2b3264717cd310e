# SPDX-License-Identifier: Apache-2.0
"""/api/v1 of a running weir: every end point is asked, and each answer is held against the OpenAPI
document that weir serves beside them."""
import csv
import http.client
import io
import json
import os
import signal
import time
import urllib.parse
from ipaddress import ip_address

import pytest

from following import wait_until
from programs import free_port, generated
from test_store import Tmpfs, Weir, count, weir

jsonschema = pytest.importorskip("jsonschema", reason="NOT TESTED: python3-jsonschema is missing")

DATAGRAMS = 60
ALL = {"from": "2000-01-01", "to": "2100-01-01"}


class Api:
    def __init__(self, port):
        self.port = port

    def get(self, name, params=None, method="GET", status=200, headers=None, **more):
        """Status, headers and body; `from` and other words of Python come in `params`."""
        query = urllib.parse.urlencode({**(params or {}), **more})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, f"/api/v1/{name}?{query}", headers=headers or {})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        assert answer.status == status, (name, query, body[:500])
        return answer.headers, body.decode() if "parquet" not in (
            answer.headers["Content-Type"] or "") else body

    def json(self, name, params=None, **more):
        return json.loads(self.get(name, params, **more)[1])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A weir with some records, and how they are asked for."""
    folder = tmp_path_factory.mktemp("api")
    port = free_port()
    with Weir(folder / "data", "-addr", f"127.0.0.1:{port}") as w:
        api = Api(port)
        w.send(generated(DATAGRAMS))
        last = [-1]

        def has_settled():
            before, last[0] = last[0], api.json("health")["store"]["records"]
            time.sleep(0.5)
            return last[0] > DATAGRAMS and last[0] == before
        wait_until(has_settled, w.log, 60)
        api.data, api.records, api.folder = w.data, last[0], folder
        yield api
        assert w.process.poll() is None, w.log()


@pytest.fixture(scope="module")
def document(place):
    return place.json("openapi.json")


def check(document, name, status, answer):
    """`answer` is what the document says that `name` answers."""
    responses = document["paths"]["/" + name]["get"]["responses"]
    response = responses.get(str(status), responses["default"])
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    schema = response["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator(
        {**schema, "components": document["components"]},
        format_checker=jsonschema.FormatChecker()).validate(answer)


def test_document_is_valid(document):
    assert document["openapi"].startswith("3.1.")
    found = []

    def walk(node):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if key in ("schema", "schemas"):
                found.extend([value] if key == "schema" else value.values())
            if isinstance(value, (dict, list)):
                walk(value)
    walk(document)
    assert len(found) > 50
    for schema in found:
        jsonschema.Draft202012Validator.check_schema(schema)


def test_document_is_valid_openapi(document):
    validator = pytest.importorskip(
        "openapi_spec_validator", reason="NOT TESTED: openapi-spec-validator is missing (pip)")
    validator.validate(document)


QUESTIONS = [
    ("flows", {**ALL, "n": 5}), ("flows", {**ALL, "q": "network.transport: nothing"}),
    ("top", {**ALL, "dims": "src,dst", "n": 3, "other": "true", "both": "true",
             "rates": "false"}),
    ("top", {**ALL, "dims": "source.ip/24", "by": "packets", "tier": "raw"}),
    ("series", {"from": "now-10m", "dims": "src", "step": "1m", "n": 3, "other": "true"}),
    ("series", {"from": "now-10m", "compare": "previous"}),
    ("matrix", {**ALL, "dims": "src,dst", "n": 4}),
    ("changes", {"from": "now-1h", "dims": "src"}),
    ("values", {**ALL, "field": "source.ip", "prefix": "1"}),
    ("fields", {}), ("exporters", ALL), ("interfaces", ALL), ("health", {}),
]


@pytest.mark.parametrize("name,params", QUESTIONS)
def test_answers_are_as_described(place, document, name, params):
    answer = place.json(name, params)
    check(document, name, 200, answer)
    assert "nothing" in str(params) or answer.get("rows", True), "an empty answer proves little"


def test_every_end_point_is_asked(document):
    asked = {"/" + name for name, _ in QUESTIONS}
    assert set(document["paths"]) - asked == {"/live", "/export", "/openapi.json"}


@pytest.mark.parametrize("name,params,status", [
    ("flows", {"q": "source.port: ("}, 400), ("top", {}, 400), ("top", {"dims": "src", "x": 1}, 400),
    ("series", {"step": "5"}, 400), ("matrix", {"dims": "src"}, 400), ("values", {}, 400),
    ("flows", {"n": 1001}, 400), ("export", {"format": "json"}, 400),
])
def test_errors_are_as_described(place, document, name, params, status):
    answer = place.json(name, params, status=status)
    check(document, name, status, answer)
    if "q" in params:
        assert answer["error"]["parameter"] == "q" and answer["error"]["position"] > 0


def test_what_is_not_there(place):
    assert "/api/v1/top" in place.json("nothing", status=404)["error"]["endpoints"]
    headers, _ = place.get("flows", method="POST", status=405)
    assert headers["Allow"] == "GET"


def test_required_parameters_are_those_that_are_missed(place, document):
    """Each end point answers with what the document calls required alone, and not without."""
    values = {"dims": "src,dst", "field": "source.ip"}
    for path, item in document["paths"].items():
        required = [p["name"] for p in item["get"]["parameters"] if p["required"]]
        if required:
            place.get(path[1:], {name: values[name] for name in required})
            place.get(path[1:], status=400)


def test_pages_have_every_record_once(place):
    seen, params = [], {**ALL, "n": 150}
    for _ in range(100):
        answer = place.json("flows", params)
        seen += answer["rows"]
        if "cursor" not in answer["meta"]:
            break
        params["after"] = answer["meta"]["cursor"]
    assert len(seen) == place.records
    assert len({json.dumps(row, sort_keys=True) for row in seen}) > place.records / 2


def test_csv_and_ndjson_say_the_same(place):
    params = {**ALL, "dims": "src", "n": 5, "tier": "raw"}
    rows = place.json("top", params)["rows"]
    lines = place.get("top", params, format="ndjson")[1].splitlines()
    assert [json.loads(text) for text in lines] == rows
    headers, text = place.get("top", params, headers={"Accept": "text/csv"})
    assert headers["Content-Type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(text)))
    assert [row["source.ip"] for row in table] == [row["source.ip"] for row in rows]
    assert [int(row["bytes"]) for row in table] == [row["bytes"] for row in rows]


def test_groups_of_a_series_are_its_buckets_added_up(place):
    params = {"from": "now-10m", "step": "1m", "dims": "src", "n": 3, "other": "true",
              "by": "bytes"}
    answer = place.json("series", params)
    names = [(g["source.ip"], g["other"]) for g in answer["groups"]]
    assert len(names) == 4 and names[3] == (None, True)
    for group, name in zip(answer["groups"], names):
        buckets = [r for r in answer["rows"] if (r["source.ip"], r["other"]) == name]
        assert group["bytes"] == sum(r["bytes"] for r in buckets) > 0
        assert group["flows"] == sum(r["flows"] for r in buckets)
        inner = buckets[1:-1]  # the first and the last are of less than a minute
        assert group["max"] >= max(r["bytes"] for r in inner) / 60 * (1 - 1e-9)
        assert group["avg"] == pytest.approx(group["bytes"] / 600)
        assert group["avg"] <= group["max"] and 0 <= group["p95"] <= group["max"]
    assert answer["total"]["bytes"] == sum(r["bytes"] for r in answer["rows"])
    assert answer["total"]["max"] >= max(g["max"] for g in answer["groups"])
    assert "total" not in place.json("series", {**params, "other": "false"})
    lines = place.get("series", params, format="ndjson")[1].splitlines()
    assert len(lines) == len(answer["rows"]) and all("time" in json.loads(t) for t in lines)


@pytest.mark.parametrize("more", [{}, {"tier": "raw"}, {"tier": "raw", "q": "network.transport: tcp"},
                                  {"by": "flows", "other": "true", "both": "true"}])
@pytest.mark.parametrize("dims", ["src", "src,dst", "application"])
def test_without_rates_the_rest_is_the_same(place, dims, more):
    asked = {**ALL, "dims": dims, "n": 7, **more}
    whole, quick = place.json("top", asked), place.json("top", {**asked, "rates": "false"})
    assert whole["columns"] == quick["columns"] and len(whole["rows"]) == len(quick["rows"]) > 0
    for a, b in zip(whole["rows"], quick["rows"]):
        assert b["max"] is None and b["p95"] is None
        assert a["other"] or (a["max"] is not None and a["p95"] is not None)
        assert a["avg"] == pytest.approx(b["avg"])
        left_out = ("max", "p95", "avg", "bits_per_second", "packets_per_second")
        assert {k: v for k, v in a.items() if k not in left_out} == \
            {k: v for k, v in b.items() if k not in left_out}


def test_export_is_imported_again(place):
    headers, body = place.get("export", ALL)
    assert headers["Content-Type"] == "application/vnd.apache.parquet"
    assert headers["Content-Disposition"] == 'attachment; filename="flows.parquet"'
    path = place.folder / "flows.parquet"
    path.write_bytes(body)
    other = place.folder / "other"
    weir("import", "-data", str(other), str(path))
    assert count(other) == count(place.data) > 0
    weir("import", "-data", str(other), str(path))
    assert count(other) == count(place.data), "twice is once"
    with Weir(other, "-addr", f"127.0.0.1:{(port := free_port())}"):
        assert Api(port).json("health")["store"]["records"] == place.records


def test_export_as_text_has_every_record(place):
    condition = {**ALL, "q": "network.transport: tcp"}
    for params in (ALL, condition):
        lines = place.get("export", params, format="ndjson")[1].splitlines()
        documents = [json.loads(text) for text in lines]
        table = list(csv.DictReader(io.StringIO(place.get("export", params, format="csv")[1])))
        assert len(documents) == len(table)
        assert len(table) == place.records if params is ALL else 0 < len(table) < place.records
        assert {ip_address(row["src_addr"]) for row in table if row["src_addr"]} == {
            ip_address(d["source"]["ip"]) for d in documents if "source" in d and "ip" in d["source"]}
    assert {d["network"]["transport"] for d in documents} == {"tcp"}
    assert not list((place.folder / "data" / "store" / "export").glob("*"))


def test_flows_as_csv_say_what_the_documents_say(place):
    params = {**ALL, "n": 100, "q": "network.transport: tcp"}
    text = place.get("flows", params, format="csv", columns="dst,destination.port")[1]
    assert [(row["destination.ip"], row["destination.port"])
            for row in csv.DictReader(io.StringIO(text))] == [
                (d["destination"]["ip"], str(d["destination"].get("port", "")))
                for d in place.json("flows", params)["rows"]]


def test_names_of_applications_are_read_again(tmp_path):
    """By SIGHUP at once, and soon after the file was replaced: in conditions and in groups."""
    names, port = tmp_path / "names.yaml", free_port()

    def call(name):
        part = tmp_path / "part"
        part.write_text(f"applications: {{tcp: {{0-65535: {name}}}}}\n")
        part.replace(names)

    def is_called(name):
        rows = api.json("top", {**ALL, "dims": "network.application", "q": "proto: tcp"})["rows"]
        found = api.json("flows", {**ALL, "q": "network.application: " + name})["rows"]
        return [r["network.application"] for r in rows] == [name] and found

    call("first")
    with Weir(tmp_path / "data", "-addr", f"127.0.0.1:{port}", "-names", str(names)) as w:
        api = Api(port)
        w.send(generated(DATAGRAMS))
        wait_until(lambda: is_called("first"), w.log, 30)
        call("second")
        w.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "names of applications were read again" in w.log(), w.log, 10)
        assert is_called("second")
        api.json("flows", {**ALL, "q": "network.application: first"}, status=400)
        names.write_text("applications: {tcp: {none: third}}\n")
        w.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the old names of applications stay" in w.log(), w.log, 10)
        assert is_called("second")
        call("fourth")
        wait_until(lambda: w.log().count("names of applications were read again") == 2, w.log, 10)
        assert is_called("fourth")


def test_health_warns_of_a_disk_that_fills(tmp_path, document):
    """Nearly full, at its floor, full, and well again."""
    port = free_port()
    with Tmpfs(tmp_path / "disk", "64m") as disk, \
            Weir(f"{disk.path}/data", "-transport.store.free", "16m", "-addr",
                 f"127.0.0.1:{port}") as w:
        api, ballast = Api(port), f"{disk.path}/ballast"

        def is_said(status, words):
            health = api.json("health")
            check(document, "health", 200, health)
            return health["status"] == status and words in " ".join(health["reasons"])

        def leave(megabytes):
            """So much is free, of what the store finds free too."""
            with open(ballast, "ab") as f:
                st = os.statvfs(disk.path)
                more = st.f_bavail * st.f_frsize - (megabytes << 20)
                f.truncate(0) if more < 0 else f.write(bytes(more))
        w.send(generated(DATAGRAMS))
        wait_until(lambda: api.json("health")["store"]["disk_free"] > 0, w.log, 30)
        assert is_said("ok", "") and api.json("health")["reasons"] == []
        leave(24)
        wait_until(lambda: is_said("warning", "nearly full"), w.log, 30)
        leave(17)
        wait_until(lambda: is_said("warning", "the oldest records make room"), w.log, 30)
        os.unlink(ballast)
        wait_until(lambda: is_said("ok", ""), w.log, 30)
