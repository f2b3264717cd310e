# SPDX-License-Identifier: Apache-2.0
"""Lines of goflow2's log and the ECS documents they give, in both profiles.

A case is a folder in ecs/cases with
  row         what it is about: the rows of a table of odd lines, one or more lines each
  input.log   the lines
  args        (optional) flags besides the format
  expected.weir.json, expected.elastic.json
              a document for each line, without what tells how it came to be (LIVE); @timestamp
              "read" is the time at which weir read the line
The expectations were written down from what Elastic's pipeline does and from what profile weir
promises, not taken from weir's output. Of Elastic's error.message only processor and tag count."""
import calendar
import json
import os
import time

import pytest

import documents
import programs

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ecs", "cases")
NAMES = sorted(os.listdir(CASES))
PROFILES = ["weir", "elastic"]
LIVE = ("data_stream", "agent", "input", "log", "event.dataset", "event.ingested")


def read(name, what, default=None):
    path = os.path.join(CASES, name, what)
    if default is not None and not os.path.exists(path):
        return default
    with open(path, encoding="utf-8") as file:
        return file.read()


def without_live(document):
    for path in LIVE:
        *way, last = path.split(".")
        at = document
        for name in way:
            at = at[name]
        assert at.pop(last), (path, document)
    return document


def seconds_of(timestamp):
    return calendar.timegm(time.strptime(timestamp[:19], "%Y-%m-%dT%H:%M:%S"))


@pytest.fixture(scope="module", params=PROFILES)
def made(request):
    """(profile, documents by case, when): cases with the same flags in one run."""
    found, begin = {name: [] for name in NAMES}, int(time.time())
    for args in {read(name, "args", "") for name in NAMES}:
        files = {os.path.join(CASES, name, "input.log"): name for name in NAMES
                 if read(name, "args", "") == args}
        done = programs.run("import", "-state", "none", "-format", "ecs", "-ecs.profile",
                            request.param, "-ecs.timezone", "+00:00", "-geoip.city", "none",
                            "-geoip.asn", "none", *args.split(), *files, codes=(0, 3))
        for line in done.stdout.decode().split("\n")[:-1]:
            document = json.loads(line)
            found[files[document["log"]["file"]["path"]]].append(document)
    return request.param, found, (begin, int(time.time()))


@pytest.mark.parametrize("name", NAMES)
def test_case(made, name):
    profile, found, (begin, end) = made
    expected = json.loads(read(name, f"expected.{profile}.json"))
    assert len(found[name]) == len(expected) == read(name, "input.log").count("\n")
    for want, got in zip(expected, found[name], strict=True):
        if want["@timestamp"] == "read":
            assert begin <= seconds_of(got["@timestamp"]) <= end
            want["@timestamp"] = got["@timestamp"]
        assert list(documents.differences(want, without_live(got),
                                          message_exactly=profile == "weir")) == []


def test_every_deviation_is_one_and_documented():
    """docs/elastic.md names each case in which the profiles differ by more than what profile weir
    adds to every document."""
    text = open(os.path.join(programs.ROOT, "docs", "elastic.md")).read()
    added = {"event.start", "event.created", "event.end", "event.duration", "source.bytes",
             "source.packets", "destination.bytes", "network.iana_number"}
    for name in NAMES:
        pairs = zip(json.loads(read(name, "expected.weir.json")),
                    json.loads(read(name, "expected.elastic.json")), strict=True)
        differ = any(path not in added for weir, elastic in pairs
                     for path in (d.partition(": ")[0] for d in documents.differences(elastic, weir)))
        assert differ == (f"`{name}`" in text), name
