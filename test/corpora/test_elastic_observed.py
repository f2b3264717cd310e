# SPDX-License-Identifier: Apache-2.0
"""Elastic's pipeline for goflow2, re-created: odd lines with the documents that a real Elasticsearch
made of them, and the package's own samples."""
import copy
import json
import os
import subprocess

import pytest

import documents
import programs

CORPUS = os.path.join(programs.CORPORA, "elastic-goflow2")
pytestmark = pytest.mark.skipif(not os.path.isdir(CORPUS),
                                reason="no ../shared/corpora/elastic-goflow2 beside the project")
EVENT = {"tags": ["preserve_original_event", "forwarded", "sflow"], "event": {"timezone": "+00:00"}}


def read(*names):
    with open(os.path.join(CORPUS, *names), "rb") as file:
        return file.read()


def documents_of(lines, *pieces, version="8.17.0", event=None):
    """What weir makes of log lines, parsed."""
    tool = os.path.join("test", "golden", "elastic_tool")
    done = subprocess.run(programs.weir_command(version, json.dumps(event or EVENT), *pieces,
                                                name=tool),
                          input=b"".join(line + b"\n" for line in lines), capture_output=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    made = done.stdout.decode("utf-8").splitlines()
    assert len(made) == len(lines)
    return [documents.parse(line) for line in made]


def observed():
    if not os.path.isdir(CORPUS):
        return [], []
    lines = read("observed", "lines.log").split(b"\n")[:-1]
    return lines, json.loads(read("observed", "expected.json"))


LINES, EXPECTED = observed()


@pytest.fixture(scope="module")
def made():
    return documents_of(LINES)


@pytest.mark.parametrize("index", range(len(EXPECTED)), ids=[e["name"] for e in EXPECTED])
def test_observed(made, index):
    assert len(LINES) == len(EXPECTED)
    assert list(documents.differences(EXPECTED[index]["0.7.0"], made[index])) == []


def without_places(document):
    document = copy.deepcopy(document)
    for end in ("source", "destination"):
        for piece in ("geo", "as"):
            document.get(end, {}).pop(piece, None)
    return document


def test_sample_event_with_its_places():
    want = json.loads(read("sample-event", "expected.json"))
    pieces = [json.dumps(want[end][piece]) for piece in ("geo", "as")
              for end in ("source", "destination")]
    [got] = documents_of(read("sample-event", "input.log").splitlines(), *pieces, version="8.11.0")
    assert list(documents.differences(want, got)) == []


def test_samples_of_the_first_package():
    """Its date had whole seconds only."""
    name = "test-goflow2-sflow-sample.log"
    lines = read("pr-early", name).splitlines()
    expected = json.loads(read("pr-early", name + "-expected.json"))["expected"]
    for want, got in zip(expected, documents_of(lines, version="8.11.0"), strict=True):
        got["@timestamp"] = got["@timestamp"][:-4] + "000Z"
        assert list(documents.differences(without_places(want), got)) == []
