# SPDX-License-Identifier: Apache-2.0
"""Logs of the corpora through the whole program as ECS documents: Elastic's own samples, and the odd
lines with the documents that a real Elasticsearch made of them."""
import copy
import json
import os

import pytest

import documents
import ecs
import programs

CORPUS = os.path.join(programs.CORPORA, "elastic-goflow2")
pytestmark = pytest.mark.skipif(not os.path.isdir(CORPUS),
                                reason="no ../shared/corpora/elastic-goflow2 beside the project")
SAMPLES = "test-goflow2-sflow-sample.log"
# What Elastic's tests set beforehand.
SET = ["-ecs.preserve_original_event", "-ecs.tags", "forwarded,sflow", "-ecs.timezone", "+00:00",
       "-geoip.city", "none", "-geoip.asn", "none"]


def read(*names):
    with open(os.path.join(CORPUS, *names), "rb") as file:
        return file.read()


def made(profile, *flags, file=None, data=None, codes=(0,)):
    """Documents by the offsets of their lines."""
    done = programs.run("import", "-state", "none", "-format", "ecs", "-ecs.profile", profile, *SET,
                        *flags, os.path.join(CORPUS, *file) if file else "-", data=data, codes=codes)
    found = [documents.parse(line) for line in done.stdout.decode("utf-8").split("\n")[:-1]]
    return {document["log"]["offset"]: document for document in found}


def offsets(data):
    """(offset, line) of each."""
    at = 0
    for line in data.split(b"\n")[:-1]:
        yield at, line
        at += len(line) + 1


def without_live(document):
    document = copy.deepcopy(document)
    for name in ("data_stream", "agent", "input", "log"):
        assert document.pop(name)
    for name in ("dataset", "ingested"):
        assert document["event"].pop(name)
    return document


def without_places(document):
    document = copy.deepcopy(document)
    for end in ("source", "destination"):
        for piece in ("geo", "as"):
            document.get(end, {}).pop(piece, None)
    return document


def test_sample_event():
    want = without_places(json.loads(read("sample-event", "expected.json")))
    [got] = made("elastic", file=("sample-event", "input.log")).values()
    assert got["@timestamp"] == "2024-07-31T00:00:59.314Z"
    assert list(documents.differences(want, without_live(got), message_exactly=True)) == []


def test_samples_of_the_first_package():
    """Its date had whole seconds only, so @timestamp is put aside."""
    expected = json.loads(read("pr-early", SAMPLES + "-expected.json"))["expected"]
    got = list(made("elastic", file=("pr-early", SAMPLES)).values())
    for want, one in zip(expected, got, strict=True):
        assert one.pop("@timestamp")[:19] == want.pop("@timestamp")[:19]
        assert list(documents.differences(without_places(want), without_live(one))) == []


@pytest.mark.parametrize("profile", ["weir", "elastic"])
def test_samples_of_a_deployment(profile):
    got = list(made(profile, file=("deploy", SAMPLES)).values())
    assert len(got) == 9
    for document in got:
        assert document["event"]["kind"] == "event" and "goflow2" not in document
        assert ecs.faults(document) == []


# --- Odd lines ---------------------------------------------------------------------------------------

LINES = list(offsets(read("observed", "lines.log"))) if os.path.isdir(CORPUS) else []
EXPECTED = json.loads(read("observed", "expected.json")) if os.path.isdir(CORPUS) else []


@pytest.fixture(scope="module")
def odd():
    return made("elastic", "-ecs.version", "8.17.0", file=("observed", "lines.log"), codes=(3,))


@pytest.mark.parametrize("index", range(len(EXPECTED)), ids=[e["name"] for e in EXPECTED])
def test_observed(odd, index):
    offset, line = LINES[index]
    want = EXPECTED[index]["0.7.0"]
    if line == b"":
        assert offset not in odd  # neither weir nor Elastic's agent hands on an empty line
        return
    got = without_live(odd[offset])
    if "@timestamp" not in want:
        got.pop("@timestamp")  # the agent's, where the pipeline failed
    if line.endswith(b"\r"):
        # Both take it for part of the line end; the pipeline was handed it by hand.
        want["event"]["original"] = want["event"]["original"].rstrip("\r")
    assert list(documents.differences(want, got)) == []


def test_odd_lines_in_profile_weir():
    """None is dropped, and all documents are as documented."""
    got = made("weir", file=("observed", "lines.log"), codes=(3,))
    assert set(got) == {offset for offset, line in LINES if line != b""}
    for document in got.values():
        assert ecs.faults(document) == []
    kinds = [document["event"]["kind"] for document in got.values()]
    assert kinds.count("event") > 40 and kinds.count("pipeline_error") > 30


SHOWN = {"snippets": ("goflow2-log-snippets", "snippets.jsonl"),
         "exporter": ("mmmorks__goflow2-exporter", "examples", "sample.json"),
         "flow": ("mmmorks__goflow2-exporter", "examples", "sample_flow.json")}


@pytest.mark.parametrize("name", SHOWN)
def test_logs_that_people_showed(name):
    """Of several versions, mappings and protocols: none is unknown."""
    data = open(os.path.join(programs.CORPORA, *SHOWN[name]), "rb").read()
    data += b"" if data.endswith(b"\n") else b"\n"
    got = made("weir", data=data)
    assert set(got) == {offset for offset, line in offsets(data) if line}
    for document in got.values():
        assert document["event"]["kind"] == "event" and ecs.faults(document) == []
