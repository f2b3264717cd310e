# SPDX-License-Identifier: Apache-2.0
"""Every goflow2 log of the corpora is read: each line is a flow, or an error that is announced with
its reason, and no column that goflow2 itself writes ends as unknown."""
import glob
import json
import os
import subprocess

import pytest

import programs
from programs import books, weir_command

CORPORA = programs.CORPORA
pytestmark = pytest.mark.skipif(not os.path.isdir(CORPORA),
                                reason="no ../shared/corpora beside the project")
# Lines that are no flows, and why.
REASONS = {"netobserv__goflow2-kube-enricher/README-lines.jsonl": {"goflow_v1": 1}}
# Columns that goflow2 makes of others (a name of a number) or that a mapping adds: kept as they are.
ADDED = {"icmp_name", "dataid", "post_nat_src_ipv4_address", "post_nat_dst_ipv4_address",
         "post_napt_src_transport_port", "post_napt_dst_transport_port"}


def logs():
    """Files with goflow2's JSON in them, apart from the odd lines that test_elastic_observed has."""
    found = []
    for pattern in ("goflow2-log-snippets/*.jsonl", "elastic-goflow2/deploy/*.log",
                    "elastic-goflow2/sample-event/input.log", "elastic-goflow2/pr-early/*.log",
                    "netsampler__goflow2/docs-example.json",
                    "mmmorks__goflow2-exporter/examples/*.json",
                    "netobserv__goflow2-kube-enricher/*.jsonl"):
        names = sorted(glob.glob(os.path.join(CORPORA, pattern)))
        assert names or not os.path.isdir(CORPORA), f"nothing is {pattern}"
        found += [os.path.relpath(name, CORPORA) for name in names]
    return found


def run(path, *args):
    done = subprocess.run(weir_command("import", "-state", "none", *args, path),
                          capture_output=True, timeout=120)
    log = done.stderr.decode(errors="replace")
    assert done.returncode in (0, 3), log
    books(log)
    return done.stdout.splitlines(), log


def columns_of(path):
    found = set()
    for text in open(path, "rb"):
        found |= set(json.loads(text))
    return found


@pytest.mark.parametrize("name", logs())
def test_every_line_is_read(name):
    path = os.path.join(CORPORA, name)
    texts = [t for t in open(path, "rb").read().splitlines() if t]
    reasons = REASONS.get(name, {})
    for profile in ("weir", "elastic"):
        documents, log = run(path, "-format", "ecs", "-ecs.profile", profile)
        assert len(documents) == len(texts)
        assert books(log)["line"] == {"read": len(texts), "flow": len(texts) - sum(reasons.values()),
                                      **reasons}
        if profile == "weir":
            errors = [json.loads(d) for d in documents if b'"pipeline_error"' in d]
            assert [d["error"]["type"] for d in errors] == \
                [reason for reason, count in reasons.items() for _ in range(count)]
    if reasons:
        return
    # What goflow2 wrote is what weir's own json has, column for column.
    printed, _ = run(path)
    for text, again in zip(texts, printed):
        flow, mine = json.loads(text), json.loads(again)
        unknown = set(flow) - set(mine)
        assert unknown <= ADDED, f"unknown: {unknown - ADDED}"
        for column in set(flow) & set(mine):
            if flow[column] not in (None, "") and not isinstance(flow[column], str):
                assert mine[column] == flow[column], column
            elif flow[column] and column not in ("time_received_ns", "src_net", "dst_net"):
                assert mine[column] == flow[column], column


def test_the_observed_lines_have_a_reason_each():
    """Elastic's odd lines: none is lost, and each that is no flow says why."""
    path = os.path.join(CORPORA, "elastic-goflow2", "observed", "lines.log")
    documents, log = run(path, "-format", "ecs")
    found = books(log)["line"]
    assert len(documents) == found["read"] - found.get("empty", 0)
    errors = [json.loads(d) for d in documents if b'"pipeline_error"' in d]
    assert len(errors) == found["read"] - found["flow"] - found.get("empty", 0)
    assert all(e["error"]["message"] and e["error"]["type"] and "original" in e["event"]
               for e in errors)
