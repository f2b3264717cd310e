# SPDX-License-Identifier: Apache-2.0
"""weir setup against a scripted server that has what the real ones of the tests lack: ILM, ISM, data
stream lifecycle, rights that are missing, templates of Fleet, other versions."""
import copy
import fnmatch
import json
import re

import pytest

import programs
import scripted
from test_setup import requests_of, setup

MAPPINGS = "/_component_template/weir-goflow2@mappings"
SETTINGS = "/_component_template/weir-goflow2@settings"
CUSTOM = "/_component_template/weir-goflow2@custom"
TEMPLATE = "/_index_template/weir-goflow2"
ILM = "/_ilm/policy/weir-goflow2"
ISM = "/_plugins/_ism/policies/weir-goflow2"
STREAM = "logs-goflow2.sflow-default"
FLEET = {"name": "logs-goflow2.sflow", "index_template": {
    "index_patterns": ["logs-goflow2.sflow-*"], "priority": 200,
    "_meta": {"package": {"name": "goflow2"}, "managed_by": "fleet", "managed": True}}}


def texts(value):
    """Settings come back as texts."""
    if isinstance(value, dict):
        return {key: texts(member) for key, member in value.items()}
    return {True: "true", False: "false"}.get(value, str(value))


class Cluster(scripted.Server):
    """As much of a cluster as setup talks to; what comes back is what a real one makes of it."""

    def __init__(self, number="8.19.21", distribution=None, flavor="default", lacks=(), forbids=(),
                 others=()):
        self.info = scripted.info(number, distribution, flavor)
        self.lacks, self.forbids, self.others = lacks, forbids, list(others)
        self.kept, self.streams, self.refuses, self.fails = {}, {}, {}, False
        super().__init__(self.handle)

    def handle(self, request):
        path = request.bare_path
        if any(path.startswith(prefix) for prefix in self.lacks):
            return 400, {"error": f"no handler found for uri [{path}] and method [{request.method}]"}
        for prefix, methods in self.forbids:
            if path.startswith(prefix) and request.method in methods:
                return 403, {"error": {"type": "security_exception", "reason":
                                       "action [some:action] is unauthorized for API key id [x]"}}
        if path == "/":
            return self.info
        if request.method == "GET":
            return self.get(path)
        if path.startswith("/_index_template/") and request.method == "PUT":
            body, names = request.json(), {p.split("/")[-1] for p in self.kept}
            missing = set(body["composed_of"]) - names \
                - set(body.get("ignore_missing_component_templates", []))
            if missing:
                return 400, {"error": f"component templates {missing} do not exist"}
        for word, reason in self.refuses.items():
            if word in request.data.decode() or word == f"{request.method} {path}":
                return 400, {"error": {"type": "illegal_argument_exception", "reason": reason}}
        return self.change(request, path)

    def get(self, path):
        if path.startswith("/_data_stream/"):
            pattern = path.split("/")[2]
            return {"data_streams": [
                {"name": name, "template": of, "indices": [], **lifecycle}
                for name, (of, lifecycle) in self.streams.items() if fnmatch.fnmatch(name, pattern)]}
        if path == "/_index_template":
            mine = [{"name": "weir-goflow2", "index_template": self.kept[TEMPLATE]}] \
                if TEMPLATE in self.kept else []
            return {"index_templates": self.others + mine}
        if path not in self.kept:
            return 404, {"error": {"type": "resource_not_found_exception", "reason": "not found"}}
        body, name = self.kept[path], path.split("/")[-1]
        if path.startswith("/_component_template/"):
            body = copy.deepcopy(body)
            if "settings" in body["template"]:
                body["template"]["settings"] = texts(body["template"]["settings"])
            if "lifecycle" in body["template"]:
                body["template"]["lifecycle"]["enabled"] = True
            return {"component_templates": [{"name": name, "component_template": body}]}
        if path.startswith("/_index_template/"):
            body = {**body, "data_stream": {"hidden": False, "allow_custom_routing": False}}
            return {"index_templates": [{"name": name, "index_template": body}]}
        if path == ISM:
            states = copy.deepcopy(body["policy"]["states"])
            for state in states:
                for action in state["actions"]:
                    action["retry"] = {"count": 3, "backoff": "exponential", "delay": "1m"}
            policy = {**body["policy"], "states": states, "policy_id": name, "schema_version": 21,
                      "error_notification": None, "last_updated_time": 1}
            return {"_id": name, "_version": 1, "_seq_no": 7, "_primary_term": 2, "policy": policy}
        return {name: {"version": 1, "modified_date": "2026-01-01T00:00:00.000Z",
                       "policy": body["policy"], "in_use_by": {}}}

    def change(self, request, path):
        if request.method == "DELETE":
            found = self.kept.pop(path, None)
            return {"acknowledged": True} if found else (404, {"error": "not there"})
        lifecycle = re.fullmatch(r"/_data_stream/([^/]+)/_lifecycle", path)
        if lifecycle:
            of, _ = self.streams[lifecycle.group(1)]
            self.streams[lifecycle.group(1)] = (of, {"lifecycle": {"enabled": True,
                                                                   **request.json()}})
        elif request.query.get("create") and path in self.kept:
            return 400, {"error": "component template already exists"}
        elif request.method == "POST":
            return {"updated_indices": 0, "failures": self.fails, "failed_indices": []}
        elif request.method == "PUT":
            self.kept[path] = request.json()
        return {"acknowledged": True}

    def setup(self, *args, code=0):
        """What it says, and what it changed: "METHOD PATH" each."""
        before = len(self.requests)
        said = setup(self.url, *args, code=code)
        asked = self.requests[before:]
        return said, [f"{r.method} {r.path}" for r in asked if r.method not in ("GET", "HEAD")]


THREE = [f"PUT {MAPPINGS}", f"PUT {SETTINGS}", f"PUT {TEMPLATE}"]
FOUR = THREE[:2] + [f"PUT {CUSTOM}"] + THREE[2:]
NEW, OLD = dict(number="8.19.21"), dict(number="7.17.20")
OPEN = dict(number="2.19.0", distribution="opensearch", flavor=None)


@pytest.mark.parametrize("kind,first,changed", [
    (NEW, THREE, [f"PUT {SETTINGS}"]),
    (dict(number="9.2.0"), THREE, [f"PUT {SETTINGS}"]),
    (dict(number="8.11.0", flavor="serverless"), THREE, [f"PUT {SETTINGS}"]),
    (dict(number="8.13.4"), [f"PUT {ILM}"] + THREE, [f"PUT {ILM}"]),
    (dict(number="8.6.2"), [f"PUT {ILM}"] + FOUR, [f"PUT {ILM}"]),
    (OLD, [f"PUT {ILM}"] + FOUR, [f"PUT {ILM}"]),
    (OPEN, [f"PUT {ISM}"] + FOUR, [f"PUT {ISM}?if_seq_no=7&if_primary_term=2"]),
    (dict(number="1.3.0", distribution="opensearch", flavor=None), [f"PUT {ISM}"] + FOUR,
     [f"PUT {ISM}?if_seq_no=7&if_primary_term=2"])])
def test_twice_and_otherwise(kind, first, changed):
    """The second run only asks; another -keep changes what has to do with it; none changes none."""
    with Cluster(**kind) as cluster:
        assert cluster.setup("-keep", "90d")[1] == first
        said, requests = cluster.setup("-keep", "90d")
        assert requests == [] and "nothing to change" in said
        said, requests = cluster.setup()
        assert requests == [] and "nothing to change" in said
        assert cluster.setup("-keep", "30d")[1] == changed
        assert cluster.setup("-keep", "30d")[1] == []
        said, requests = cluster.setup("-uninstall")
        assert len(requests) == len(first) and all(r.startswith("DELETE") for r in requests)
        assert cluster.kept == {}
        said, requests = cluster.setup("-uninstall")
        assert requests == [] and "nothing to change" in said


@pytest.mark.parametrize("dead_first", [True, False])
def test_a_node_that_is_away(dead_first):
    """Another one does it all, whichever was asked first."""
    away = f"http://127.0.0.1:{programs.free_port()}"
    with Cluster(**NEW) as cluster:
        urls = [away, cluster.url] if dead_first else [cluster.url, away]
        setup(",".join(urls), "-keep", "90d")
        assert len(cluster.kept) == 3
        assert "nothing to change" in setup(",".join(urls), "-keep", "90d")
    assert "Connection refused" in setup(f"{away},{away}/x", code=1)


def test_retention_of_the_template_and_of_streams():
    with Cluster(**NEW) as cluster:
        cluster.streams = {STREAM: ("weir-goflow2", {}),
                           "logs-goflow2.netflow-lab": ("weir-goflow2",
                                                        {"lifecycle": {"data_retention": "90d"}}),
                           "logs-goflow2.other-x": ("of-mine", {}),
                           "logs-system-default": ("logs", {})}
        said, requests = cluster.setup("-keep", "90d")
        assert requests[3:] == [f"PUT /_data_stream/{STREAM}/_lifecycle"]
        assert cluster.kept[SETTINGS]["template"]["lifecycle"] == {"data_retention": "90d"}
        assert cluster.streams[STREAM][1]["lifecycle"]["data_retention"] == "90d"
        assert f"POST /{STREAM}/_rollover" in said and "logs-goflow2.other-x" not in said
        said, requests = cluster.setup("-keep", "90d")
        assert requests == [] and "_rollover" not in said
        assert cluster.setup()[1] == []


def test_ilm_policy():
    with Cluster(**OLD) as cluster:
        cluster.setup("-keep", "90d")
        phases = cluster.kept[ILM]["policy"]["phases"]
        assert phases["hot"]["actions"] == {"rollover": {"max_age": "9d",
                                                         "max_primary_shard_size": "50gb"}}
        assert phases["delete"]["min_age"] == "90d"
        index = cluster.kept[SETTINGS]["template"]["settings"]["index"]
        assert index["lifecycle"] == {"name": "weir-goflow2"}
        assert "lifecycle" not in cluster.kept[SETTINGS]["template"]


def test_ism_policy_is_put_on_streams_that_are_there():
    with Cluster(**OPEN) as cluster:
        cluster.streams = {STREAM: ("weir-goflow2", {}), "logs-goflow2.x-y": ("mine", {})}
        assert cluster.setup("-keep", "36h")[1][-1] == f"POST /_plugins/_ism/add/{STREAM}"
        assert cluster.requests[-1].json() == {"policy_id": "weir-goflow2"}
        policy = cluster.kept[ISM]["policy"]
        assert policy["ism_template"][0]["index_patterns"] == ["logs-goflow2.*-*"]
        assert policy["states"][0]["transitions"][0]["conditions"] == {"min_index_age": "60h"}
        assert cluster.setup("-keep", "36h")[1] == []
        assert cluster.setup("-keep", "2d")[1] == [
            f"PUT {ISM}?if_seq_no=7&if_primary_term=2",
            f"POST /_plugins/_ism/change_policy/{STREAM}"]
        cluster.fails = True
        assert f"GET /_plugins/_ism/explain/{STREAM}" in cluster.setup("-keep", "3d")[0]


@pytest.mark.parametrize("kind,lacks", [(NEW, ["/_data_stream", "/_ilm"]), (OLD, ["/_ilm"]),
                                        (OPEN, ["/_plugins/_ism"])])
def test_no_lifecycle_at_all(kind, lacks):
    with Cluster(**kind, lacks=lacks) as cluster:
        said, requests = cluster.setup("-keep", "90d")
        assert "they are kept for ever" in said and f"PUT {TEMPLATE}" in requests
        assert "lifecycle" not in json.dumps(cluster.kept)
        assert cluster.setup("-keep", "90d")[1] == []


def test_ilm_where_data_streams_have_no_lifecycle():
    with Cluster(**NEW, lacks=["/_data_stream"]) as cluster:
        assert cluster.setup("-keep", "90d")[1] == [f"PUT {ILM}"] + THREE


def test_a_lifecycle_that_is_refused():
    with Cluster(**NEW) as cluster:
        cluster.refuses = {"data_retention": "[1:15] [template] unknown field [lifecycle]"}
        said, requests = cluster.setup("-keep", "90d")
        assert "the server refuses it" in said and f"PUT {TEMPLATE}" in requests
        assert "lifecycle" not in cluster.kept[SETTINGS]["template"]


@pytest.mark.parametrize("feature", ["constant_keyword", "match_only_text",
                                     "ignore_dynamic_beyond_limit",
                                     "ignore_missing_component_templates"])
def test_a_feature_that_is_refused(feature):
    """It is done without, remembered, and tried again on another version."""
    with Cluster(**NEW) as cluster:
        cluster.refuses = {f'"{feature}":': f"unknown field [{feature}]",
                           f'"type":"{feature}"': f"No handler for type [{feature}]"}
        said, _ = cluster.setup()
        assert f"the server has no {feature}" in said and TEMPLATE in cluster.kept
        assert cluster.setup()[1] == []
        cluster.refuses = {}
        assert cluster.setup()[1] == []
        cluster.info = scripted.info("8.19.22")
        assert len(cluster.setup()[1]) == 1
        assert feature in json.dumps(cluster.kept) and "refused" not in json.dumps(cluster.kept)


def test_what_else_is_refused_is_said():
    with Cluster(**NEW) as cluster:
        cluster.refuses = {"data_stream": "the cluster is out of shards"}
        assert "the cluster is out of shards" in cluster.setup(code=1)[0]


@pytest.mark.parametrize("kind,prefix,methods,right", [
    (NEW, "/_component_template", ["PUT"], "manage_index_templates"),
    (NEW, "/_component_template", ["GET", "PUT"], "manage_index_templates"),
    (NEW, "/_index_template", ["PUT"], "manage_index_templates"),
    (OLD, "/_ilm", ["PUT"], "manage_ilm"), (OLD, "/_ilm", ["GET"], "read_ilm"),
    (NEW, "/_data_stream", ["GET"], "manage_data_stream_lifecycle"),
    (OPEN, "/_component_template", ["GET"], "cluster:admin/component_template/get"),
    (OPEN, "/_component_template", ["PUT"], "cluster:admin/component_template/*"),
    (OPEN, "/_plugins/_ism", ["PUT"], "cluster:admin/opendistro/ism/*")])
def test_a_right_is_missing(kind, prefix, methods, right):
    with Cluster(**kind, forbids=[(prefix, methods)]) as cluster:
        said, requests = cluster.setup("-keep", "90d", code=1)
        assert right in said and "some:action" in said
        assert TEMPLATE not in cluster.kept
        if "GET" in methods:
            assert requests == []


def test_fleets_template_goes_first():
    with Cluster(**NEW, others=[FLEET]) as cluster:
        said, requests = cluster.setup()
        assert "logs-goflow2.sflow of Fleet goes before weir's (its priority is 200)" in said
        assert "logs-goflow2.sflow-*" in said and requests == THREE


@pytest.mark.parametrize("priority,patterns,code", [
    (180, ["metrics-*", "logs-goflow2.netflow-*"], 1), (180, ["logs-apm.*-*"], 0),
    (179, ["logs-*-*"], 0), (181, ["logs-*-*"], 0), (None, ["logs-*-*"], 0)])
def test_other_peoples_templates(priority, patterns, code):
    template = {"index_patterns": patterns, "composed_of": []}
    if priority is not None:
        template["priority"] = priority
    other = {"name": "mine", "index_template": template}
    with Cluster(**NEW, others=[other]) as cluster:
        said, requests = cluster.setup(code=code)
        assert requests == ([] if code else THREE)
        assert ("mine" in said) == (priority in (180, 181) and "apm" not in patterns[0])


@pytest.mark.parametrize("kind,path,policy", [
    (OLD, ILM, {"policy": {"phases": {}}}),
    (OPEN, ISM, {"policy": {"description": "ours", "states": []}})])
def test_a_policy_of_that_name_is_somebody_elses(kind, path, policy):
    with Cluster(**kind) as cluster:
        cluster.kept[path] = policy
        said, requests = cluster.setup("-keep", "90d", code=1)
        assert "policy weir-goflow2 that weir setup did not make" in said and requests == []
        cluster.setup()
        said, requests = cluster.setup("-uninstall")
        assert cluster.kept == {path: policy} and "is not weir's: it stays" in said


def test_a_newer_weir_was_here():
    with Cluster(**NEW) as cluster:
        cluster.setup()
        cluster.kept[MAPPINGS]["_meta"]["version"] = 99
        cluster.kept[MAPPINGS]["template"]["mappings"]["properties"] = {}
        said, requests = cluster.setup()
        assert "made by a newer weir" in said and requests == []


def test_uninstall_of_what_is_in_use():
    with Cluster(**OLD) as cluster:
        cluster.setup("-keep", "90d")
        cluster.refuses = {f"DELETE {TEMPLATE}": f"in use by a data streams [{STREAM}]"}
        said, requests = cluster.setup("-uninstall")
        assert STREAM in said and requests == [f"DELETE {TEMPLATE}"] and ILM in cluster.kept
        cluster.refuses = {f"DELETE {MAPPINGS}": "still in use by index templates [mine]",
                           f"DELETE {ILM}": "in use by one or more indices"}
        said, requests = cluster.setup("-uninstall")
        assert "mine" in said and set(cluster.kept) == {MAPPINGS, ILM}
        cluster.refuses = {f"DELETE {ILM}": "in use by one or more indices"}
        said, requests = cluster.setup("-uninstall")
        assert "in use by one or more indices" in said and set(cluster.kept) == {ILM}


def test_a_dry_run_asks_and_changes_nothing():
    with Cluster(**OLD) as cluster:
        said, requests = cluster.setup("-dry-run", "-keep", "90d")
        assert requests == []
        printed = requests_of(said)
        assert cluster.setup("-keep", "90d")[1] == [f"{m} {p}" for m, p, _ in printed]
        assert [cluster.kept[p] for _, p, _ in printed] == [body for _, _, body in printed]
        assert requests_of(cluster.setup("-dry-run", "-keep", "90d")[0]) == []


def test_too_old():
    with Cluster(number="7.16.3") as cluster:
        said, requests = cluster.setup(code=1)
        assert "too old" in said and requests == []


def test_a_server_that_does_not_say_what_it_is():
    with Cluster(**NEW, lacks=["/_ilm"]) as cluster:
        cluster.info = scripted.Answer(405, b"")
        said, requests = cluster.setup("-keep", "90d")
        assert "does not say what it is" in said and requests == FOUR
        assert "constant_keyword" not in json.dumps(cluster.kept)


@pytest.mark.parametrize("answer", [500, scripted.Answer(200, b"<html>"), scripted.Answer(200, b"{"),
                                    scripted.Answer(200, b"[1]"), scripted.Answer(200, b"null"),
                                    scripted.Answer(no_answer=True), scripted.Answer(200, b"")])
def test_odd_answers(answer):
    """Whatever a server says, setup ends, and takes nothing for its own that is not."""
    with Cluster(**NEW) as cluster:
        cluster.answer = lambda r: cluster.info if r.path == "/" else answer
        for args in ((), ("-keep", "90d"), ("-uninstall",), ("-dry-run",)):
            programs.run("setup", "-transport.elasticsearch", cluster.url, *args, codes=(0, 1))


def kibana(request):
    if request.bare_path.endswith("/api/status"):
        return {"name": "k", "version": {"number": "8.19.0"}}
    if request.method == "DELETE":
        return {}
    return {"success": True, "successCount": 17}


def test_dashboards_are_imported_and_taken_away():
    """Into the space that the URL names, with or without a slash at its end."""
    with Cluster(**NEW) as cluster, scripted.Server(kibana) as k:
        for url in (f"{k.url}/s/lab", f"{k.url}/s/lab/"):
            before = len(k.requests)
            said, requests = cluster.setup("-kibana", url)
            assert "17 objects imported" in said
            assert [r.bare_path for r in k.requests[before:]] == [
                "/s/lab/api/status", "/s/lab/api/saved_objects/_import"]
        assert requests == []
        before = len(k.requests)
        cluster.setup("-kibana", k.url, "-dry-run")
        cluster.setup("-kibana", k.url, "-dry-run", "-uninstall")
        assert {r.method for r in k.requests[before:]} == {"GET"}
        said, requests = cluster.setup("-kibana", k.url, "-uninstall")
        assert "objects deleted" in said and cluster.kept == {}
        assert k.requests[-1].method == "DELETE"


def test_a_kibana_that_refuses():
    with Cluster(**NEW) as cluster, scripted.Server(403) as k:
        said, requests = cluster.setup("-kibana", k.url, code=1)
        assert "FAIL  kibana" in said and requests == THREE  # those are done all the same
    with Cluster(**NEW) as cluster, scripted.Server(kibana) as k:
        cluster.refuses = {"data_stream": "no"}
        cluster.setup("-kibana", k.url, code=1)
        assert k.requests == []
