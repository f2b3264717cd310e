# SPDX-License-Identifier: Apache-2.0
"""weir beside goflow2 v2.2.6 on the same datagrams over loopback: JSON record by record, where only
documented differences (differences.py) may show; text and bin byte by byte once JSON has shown which
records are the same. On every sFlow capture and datagram of the corpora and on generated traffic."""
import glob
import json
import os
import re

import pytest

import corpus
import differences
import golden
import programs

GOFLOW2 = programs.goflow2_path()
pytestmark = pytest.mark.skipif(GOFLOW2 is None,
                                reason="goflow2 v2.2.6 is not here and there is no go to install it")
FILES = corpus.sflow_files() if os.path.isdir(programs.CORPORA) else []


def output(collector, datagrams, pause_every=8):
    with collector as c:
        c.send(datagrams, pause_every=pause_every)
        c.settle()
        c.stop()
        return c.output_bytes(), c.log_text()


def both(datagrams, *flags):
    """On a busy machine goflow2's socket overflows: then it is sent to again, more slowly. What is
    compared is all of weir's output with all of goflow2's in any case."""
    ours, log = output(programs.weir_collector(*flags), datagrams)
    for pause_every in (8, 2, 1):
        theirs, _ = output(programs.goflow2_collector(GOFLOW2, *flags), datagrams, pause_every)
        if theirs.count(b"\n") >= ours.count(b"\n"):
            break
    return theirs, ours, programs.books(log)


def same_records(datagrams):
    """Compares JSON; returns the indexes of records in which nothing but times differs."""
    theirs, ours, found = both(datagrams)
    a = [json.loads(line) for line in theirs.decode(errors="replace").splitlines()]
    b = [json.loads(line) for line in ours.decode(errors="replace").splitlines()]
    damaged = sum(found["sample"].get(k, 0) for k in ("unknown", "malformed", "no_readable_record")) + \
        sum(found["record"].get(k, 0) for k in ("malformed",))
    if damaged:  # 6, 7: goflow2 discards those datagrams whole
        assert len(b) >= len(a)
        return None
    assert len(a) == len(b)
    for index, (go, weir) in enumerate(zip(a, b)):
        assert differences.unexplained(go, weir) == [], f"record {index}\ngoflow2 {go}\nweir    {weir}"
    times = ("time_received_ns", "time_flow_start_ns", "time_flow_end_ns")
    return [i for i, (go, weir) in enumerate(zip(a, b))
            if all(go[k] == weir[k] for k in go if k not in times)]


def text_and_bin(datagrams, same):
    theirs, ours, _ = both(datagrams, "-format", "text")
    strip = re.compile(rb"(time_(?:received|flow_start|flow_end)_ns)=\d+")
    a, b = (strip.sub(rb"\1=R", data).splitlines() for data in (theirs, ours))
    assert len(a) == len(b)
    for i in same:
        assert a[i] == b[i]
    theirs, ours, _ = both(datagrams, "-format", "bin")
    a, b = (messages(data) for data in (theirs, ours))
    assert len(a) == len(b)
    for i in same:
        assert a[i] == b[i]


def messages(data):
    """The messages of bin output with the three times as zero."""
    found, at = [], 0
    while at < len(data):
        size, end = golden.varint(data, at)
        end += size + 1
        found.append(golden.bin_with_times(data[at:end], lambda n: n > 10**18, 0))
        at = end
    return found


@pytest.mark.parametrize("path", FILES, ids=[os.path.relpath(p, programs.CORPORA) for p in FILES])
def test_corpus(path):
    datagrams = corpus.datagrams_of(path)
    same = same_records(datagrams)
    if same:
        text_and_bin(datagrams, same)


@pytest.mark.skipif(not FILES, reason="no ../shared/corpora beside the project")
def test_the_corpora_are_worth_it():
    assert len(FILES) >= 30


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_generated(seed):
    datagrams = programs.generated(400, "-seed", str(seed), "-exporters", "4", "-ipv6", "40")
    same = same_records(datagrams)
    text_and_bin(datagrams, same)


def test_mapping_of_goflow2(tmp_path):
    """goflow2's own example mapping, where its module is here."""
    found = glob.glob(os.path.expanduser(
        "~/go/pkg/mod/github.com/netsampler/goflow2/v2@v2.2.6/cmd/goflow2/mapping.yaml"))
    if not found:
        pytest.skip("goflow2's source is not here")
    datagrams = [d for case in golden.cases() if not case.differs for d in case.datagrams]
    theirs, ours, _ = both(datagrams, "-mapping", found[0])
    strip = re.compile(rb'("time_\w+"):("[^"]*"|\d+)')
    a, b = (strip.sub(rb"\1:0", data).splitlines() for data in (theirs, ours))
    assert len(a) > 20 and a == b
