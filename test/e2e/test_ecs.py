# SPDX-License-Identifier: Apache-2.0
"""-format ecs as its users meet it: what every document says, each -ecs option, record ids, lines
that cannot be read."""
import datetime
import gzip
import json
import os
import re
import shutil
import time

import pytest

import captures
import ecs
import golden
import programs

PROFILES = ["weir", "elastic"]
PLACES = ["-geoip.city", "none", "-geoip.asn", "none"]
COLUMNS = {"type": "SFLOW_5", "time_flow_start_ns": 1722384059314899647,
           "sampler_address": "203.0.113.1", "sequence_num": 44, "in_if": 563, "out_if": 0,
           "src_addr": "192.0.2.1", "dst_addr": "198.51.100.2", "etype": "IPv4", "proto": "TCP",
           "src_port": 10876, "dst_port": 443, "src_vlan": 15, "dst_vlan": 0,
           "sampling_rate": 1000, "bytes": 70}


def line(**changes):
    return json.dumps({**COLUMNS, **changes}, separators=(",", ":")).encode() + b"\n"


def documents_of(done):
    return [json.loads(text) for text in done.decode().split("\n")[:-1]]


def imported(*args, data=None, codes=(0,), env=None):
    """Documents of weir import; without `data` the arguments hold the files."""
    done = programs.run("import", "-state", "none", "-format", "ecs", *PLACES, *args,
                        *(["-"] if data is not None else []), data=data, codes=codes, env=env)
    return documents_of(done.stdout)


def one(*args, profile="weir", data=None, codes=(0,), env=None):
    [document] = imported("-ecs.profile", profile, *args, data=data or line(), codes=codes, env=env)
    return document


def refusal(*args):
    """Why weir does not start."""
    done = programs.run("import", "-state", "none", "-format", "ecs", *PLACES, *args, "-",
                        data=line(), codes=(1, 2))
    return done.stderr.decode()


def age(timestamp):
    form = "%Y-%m-%dT%H:%M:%S.%f%z" if "." in timestamp else "%Y-%m-%dT%H:%M:%S%z"
    when = datetime.datetime.strptime(timestamp.replace("Z", "+0000"), form)
    return time.time() - when.timestamp()


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("ecs") / "c.pcap"
    captures.write_pcap(path, [d for case in golden.cases() for d in case.datagrams])
    return str(path)


# --- What every document says ------------------------------------------------------------------------

def check_live(document, profile, input_type):
    agent = document["agent"]
    assert agent["type"] == "weir" and agent["name"] and agent["version"]
    assert document["data_stream"] == {"type": "logs", "dataset": "goflow2.sflow",
                                       "namespace": "default"}
    assert document["event"]["dataset"] == "goflow2.sflow"
    assert document["event"]["timezone"] == "+00:00"
    assert document["ecs"] == {"version": "8.11.0"}
    assert document["input"] == {"type": input_type}
    form = r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}" + (r"\.\d{3}Z" if profile == "weir" else "Z")
    assert re.fullmatch(form, document["event"]["ingested"])
    assert -2 < age(document["event"]["ingested"]) < 600


@pytest.mark.parametrize("profile", PROFILES)
def test_live_fields_of_a_file(profile, tmp_path):
    path = tmp_path / 'a "b".log'
    bad, cut = b'{"broken\n', b'{"x":"' + b"x" * 5000 + b"\n"
    path.write_bytes(line() + bad + cut + line(bytes=7))
    got = imported("-ecs.profile", profile, "-ecs.timezone", "+00:00", "-import.line_max", "4096",
                   str(path), codes=(3,))
    stat, offset = os.stat(path), 0
    for document, text in zip(got, [line(), bad, cut, line(bytes=7)], strict=True):
        check_live(document, profile, "import")
        assert document["log"] == {"file": {"path": str(path), "device_id": str(stat.st_dev),
                                            "inode": str(stat.st_ino)}, "offset": offset}
        offset += len(text)
    assert [d["event"]["kind"] for d in got] == ["event", "pipeline_error", "pipeline_error", "event"]


@pytest.mark.parametrize("profile", PROFILES)
def test_live_fields_of_datagrams(profile, capture):
    out = programs.replay("-format", "ecs", "-ecs.profile", profile, "-ecs.timezone", "+00:00",
                          *PLACES, files=[capture])[0]
    got = documents_of(out)
    assert len(got) > 20
    for document in got:
        check_live(document, profile, "sflow")
        assert "log" not in document
        assert profile == "elastic" or ecs.faults(document) == []


def test_live_fields_of_standard_input():
    document = one("-ecs.timezone", "+00:00")
    check_live(document, "weir", "import")
    assert document["log"] == {"offset": 0}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_collector_writes_documents(profile):
    datagrams = programs.generated(50)
    with programs.weir_collector("-format", "ecs", "-ecs.profile", profile, "-ecs.timezone",
                                 "+00:00", "-ecs.id", *PLACES) as c:
        c.send(datagrams)
        c.settle()
        assert c.stop() == 0
        programs.books(c.log_text())
        got = documents_of(c.output_bytes())
    assert len(got) >= 250
    for document in got:
        check_live(document, profile, "sflow")
        assert -2 < age(document["@timestamp"]) < 600
    assert len({d["event"]["id"] for d in got}) == len(got)


# --- Options -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("profile", PROFILES)
def test_version_namespace_dataset(profile):
    got = one("-ecs.version", "8.17.0", "-ecs.namespace", "site-1", "-ecs.dataset", "my.flows",
              profile=profile)
    assert got["ecs"] == {"version": "8.17.0"}
    assert got["data_stream"] == {"type": "logs", "dataset": "my.flows", "namespace": "site-1"}
    assert got["event"]["dataset"] == "my.flows"


def test_netflow_has_a_dataset_of_its_own():
    got = one(data=line(type="IPFIX"))
    assert got["data_stream"]["dataset"] == got["event"]["dataset"] == "goflow2.netflow"
    assert one("-ecs.dataset", "mine", data=line(type="IPFIX"))["event"]["dataset"] == "mine"


@pytest.mark.parametrize("profile", PROFILES)
def test_tags(profile):
    tags = [("a,b", ["a", "b"]), ("b,a", ["b", "a"]), ("", None)]
    for text, want in tags:
        assert one("-ecs.tags", text, profile=profile).get("tags") == want
    kept = ["preserve_original_event", "b", "a"]
    assert one("-ecs.tags", "b,a", "-ecs.preserve_original_event", profile=profile)["tags"] == kept
    # The tag alone asks for it too, and goes first.
    got = one("-ecs.tags", "b,preserve_original_event,a", profile=profile)
    assert got["tags"] == kept and got["event"]["original"] == line().decode().rstrip("\n")
    got = one("-ecs.tags", "", profile=profile, data=b"{\n", codes=(3,))
    assert got["tags"] == ["preserve_original_event"]


@pytest.mark.parametrize("profile", PROFILES)
def test_preserve_original_event(profile):
    text = line(note='a"b\u00e9')
    got = one("-ecs.preserve_original_event", profile=profile, data=text)
    assert got["event"]["original"] == text.decode().rstrip("\n")
    assert got["tags"] == ["preserve_original_event", "sflow", "forwarded"]
    assert "original" not in one(profile=profile)["event"]


@pytest.mark.parametrize("profile", PROFILES)
def test_timezone(profile):
    assert "timezone" not in one("-ecs.timezone", "off", profile=profile)["event"]
    assert one("-ecs.timezone", "-03:30", profile=profile)["event"]["timezone"] == "-03:30"
    here = {**os.environ, "TZ": "XYZ-05:45"}
    assert one(profile=profile, env=here)["event"]["timezone"] == "+05:45"


@pytest.mark.parametrize("profile", PROFILES)
def test_constant_fields(profile, tmp_path):
    yaml, other = tmp_path / "f.yaml", tmp_path / "f.json"
    fields = {"labels": {"site": 'a"b', "floor": 3, "on": True, "list": [1, {"k": "v"}]},
              "event": {"module": "goflow2"}, "observer": {"vendor": "Acme"},
              "network": {"name": "lab"}, "agent": {"id": "i"}, "organization": {"name": "Ours"}}
    other.write_text(json.dumps(fields))
    yaml.write_text("labels: {site: 'a\"b', floor: 3, on: true, list: [1, {k: v}]}\n"
                    "event: {module: goflow2}\nobserver:\n  vendor: Acme\nnetwork: {name: lab}\n"
                    "agent: {id: i}\norganization: {name: Ours}\n")
    for path in (yaml, other):
        got = one("-ecs.fields", str(path), profile=profile)
        assert got["labels"] == fields["labels"] and got["organization"] == fields["organization"]
        for name in ("event", "observer", "network", "agent"):
            assert {**got[name], **fields[name]} == got[name]
        assert got["observer"]["ip"] == ["203.0.113.1"] and got["network"]["transport"] == "tcp"
        error = one("-ecs.fields", str(path), profile=profile, data=b"{\n", codes=(3,))
        assert error["labels"] == fields["labels"] and error["event"]["module"] == "goflow2"


def test_settings_that_are_refused(tmp_path):
    path = tmp_path / "f.yaml"
    for text, words in [
            ("a: 1\nevent: {kind: x}\n", "f.yaml:2:9: -ecs.fields: event.kind is set by weir"),
            ("source: {ip: x}\n", "f.yaml:1:1: -ecs.fields: source is set by weir"),
            ("labels: {a\n", "f.yaml:2:1: did not find"),
            ("- a\n", "f.yaml:1:1: -ecs.fields: expected names and values")]:
        path.write_text(text)
        assert words in refusal("-ecs.fields", str(path))
    for args, words in [
            (["-ecs.fields", "/nowhere"], "cannot open /nowhere"),
            (["-ecs.profile", "elastik"], 'weir or elastic'),
            (["-ecs.timezone", "CET"], "expected off, local, or an offset such as +01:00"),
            (["-ecs.dataset", "my-flows"], "up to 100 small letters"),
            (["-ecs.namespace", "Site"], "up to 100 small letters"),
            (["-ecs.namespace", ""], "-ecs.namespace is empty"),
            (["-ecs.version", ""], "-ecs.version is empty"),
            (["-ecs.tags", "x" * 5000], "-ecs.tags: more than 2048 bytes")]:
        assert words in refusal(*args), args
    path.write_text("labels: {a: %s}\n" % ("x" * 20000))
    assert "more than 16384 bytes of constant fields" in refusal("-ecs.fields", str(path))


# --- Record ids --------------------------------------------------------------------------------------

def ids_of(documents):
    return [d["event"]["id"] for d in documents]


def test_ids_of_lines(tmp_path):
    """The same in both profiles, at each run, of a renamed copy, of a .gz, of standard input."""
    lines = [line(sequence_num=n) for n in range(300)] + [b"{broken\n", line(time_flow_start_ns=0)]
    path = tmp_path / "a.log"
    path.write_bytes(b"".join(lines))
    want = ids_of(imported("-ecs.id", str(path), codes=(3,)))
    assert len(set(want)) == len(lines) and all(len(i) == 22 for i in want)
    # The time is in front; lines without one have none.
    assert len({i[:5] for i in want[:300]}) == 1
    assert want[300][:5] == want[301][:5] == "AAAAA"
    shutil.copy(path, tmp_path / "b.log.1")
    with gzip.open(tmp_path / "c.gz", "wb") as file:
        file.write(path.read_bytes())
    for args in (["-ecs.profile", "elastic", str(path)], [str(tmp_path / "b.log.1")],
                 [str(tmp_path / "c.gz")]):
        assert ids_of(imported("-ecs.id", *args, codes=(3,))) == want
    assert ids_of(imported("-ecs.id", data=path.read_bytes(), codes=(3,))) == want
    # A line that is there twice is two records.
    assert len(set(ids_of(imported("-ecs.id", data=line() + line())))) == 2


def test_ids_of_flows(capture, tmp_path):
    generated = str(tmp_path / "g.pcap")
    programs.run("generate", "-count", "8000", "-exporters", "20", "-rate", "0", generated)
    flags = ["-format", "ecs", "-ecs.id", *PLACES, "-mapping",
             os.path.join(programs.ROOT, "mapping.yaml")]

    def ids(*more, files):
        found = re.findall(rb'"id":"([\w-]{22})"', programs.replay(*flags, *more, files=files)[0])
        assert len(set(found)) == len(found)
        return found
    want = ids(files=[capture, generated])
    assert len(want) > 40000
    assert ids(files=[capture, generated]) == want
    assert ids("-ecs.profile", "elastic", files=[capture, generated]) == want


# --- Lines that cannot be read -----------------------------------------------------------------------

BAD = {"not_json": b'{"type":', "not_object": b"[1]", "too_long": b'{"x":"' + b"x" * 9000 + b'"}',
       "produce_raw": b'{"type":"sflow","message":{},"src":"192.0.2.1:1"}',
       "goflow_v1": b'{"Type":1,"TimeReceived":5}', "no_time": b'{"bytes":5}',
       "bad_value": line(src_addr="here").rstrip(), "duplicate_column": b'{"bytes":1,"bytes":2}'}


@pytest.mark.parametrize("profile", PROFILES)
def test_none_is_dropped(profile):
    """Each gives a document with the line in it, is counted under its reason, and makes exit code
    3."""
    data = b"".join(text + b"\n" + line() for text in BAD.values())
    done = programs.run("import", "-state", "none", "-format", "ecs", "-ecs.profile", profile,
                        *PLACES, "-import.line_max", "8192", "-summary", "json", "-", data=data,
                        codes=(3,))
    got = documents_of(done.stdout)
    books = programs.books(done.stderr.decode())
    assert len(got) == 2 * len(BAD) == books["file"]["delivered"]
    assert {reason: books["line"].get(reason) for reason in BAD} == dict.fromkeys(BAD, 1)
    for number, (reason, text) in enumerate(BAD.items()):
        bad = got[2 * number]
        assert got[2 * number + 1]["event"]["kind"] == "event"
        assert bad["event"]["kind"] == "pipeline_error" and bad["error"]["message"]
        kept = bad["event"].get("original", bad.get("message")).encode()
        assert kept == text or (reason == "too_long" and text.startswith(kept) and len(kept) > 4000)
        assert "preserve_original_event" in bad["tags"]
        if profile == "weir":
            assert bad["error"]["type"] == reason and ecs.faults(bad) == []


def test_lines_that_only_elastic_fails_on():
    """They are flows to weir, and error documents in profile elastic: exit code 3 there too."""
    done = programs.run("import", "-state", "none", "-format", "ecs", "-ecs.profile", "elastic",
                        *PLACES, "-", data=line(proto=6), codes=(3,))
    assert programs.books(done.stderr.decode())["file"]["of_which_errors"] == 1
    assert one(data=line(proto=6))["network"]["transport"] == "tcp"


def test_the_longest_lines(tmp_path):
    """Each has its room, whatever came before it: the same line gives the same document."""
    start = b'{"time_flow_start_ns":1722384059314899647,"x":"'
    texts = [start + byte * ((size - 64) // len(byte)) + b'"}'
             for size, byte in ((2**20, b"x"), (3 * 2**20, b"\xff"), (2**20, b"y"),
                                (3 * 2**20, b'\\"'))]
    path = tmp_path / "long.log"
    path.write_bytes(b"".join(text + b"\n" for text in texts))
    got = imported("-import.line_max", "3m", "-ecs.preserve_original_event", str(path))
    assert [d["event"]["kind"] for d in got] == ["event"] * 4
    for document, text in zip(got, texts, strict=True):
        assert document["event"]["original"] == text.decode(errors="replace")
        assert document["goflow2"] == {"x": json.loads(text.decode(errors="replace"))["x"]}


# --- docs/ecs.md -------------------------------------------------------------------------------------

def page():
    with open(os.path.join(programs.ROOT, "docs", "ecs.md"), encoding="utf-8") as file:
        return file.read()


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", page(), re.M | re.S)


def without_live(document):
    for name in ("agent", "log", "data_stream", "input"):
        assert document.pop(name)
    assert document["event"].pop("ingested")
    return document


def test_the_example_of_the_page():
    text, [want] = blocks("")[0], blocks("json")
    got = one("-ecs.timezone", "+00:00", data=text.encode())
    assert without_live(got) == without_live(json.loads(want))


def test_the_constants_of_the_page(tmp_path):
    [yaml] = blocks("yaml")
    (tmp_path / "fields.yaml").write_text(yaml)
    got = one("-ecs.fields", str(tmp_path / "fields.yaml"))
    assert got["observer"]["vendor"] == "Acme"
    for name in ("labels", "organization"):
        shown = f'"{name}":' + json.dumps(got[name], separators=(",", ":"))
        assert f"`{shown}`" in page()


def test_every_field_is_on_the_page():
    table = dict(re.findall(r"^\| `([\w.@]+)` \| ((?:keyword|date|ip|long|float)(?:\[\])?) \|",
                            page(), re.M))
    want = {path: kind[0] + "[]" if isinstance(kind, tuple) else kind
            for path, kind in ecs.FIELDS.items()}
    assert table == {path: "keyword" if kind == ecs.MAC else kind for path, kind in want.items()}


def test_every_reason_is_on_the_page():
    with open(os.path.join(programs.ROOT, "src", "flow", "ledger.def")) as file:
        reasons = re.findall(r'LEDGER\(LINE, ASIDE, \w+, "(\w+)"', file.read())
    table = re.findall(r"^\| `(\w+)` \| .*\| .*\|$", page().partition("## Error documents")[2], re.M)
    assert table == reasons
