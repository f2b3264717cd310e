# SPDX-License-Identifier: Apache-2.0
"""weir check of real servers, before and after there is a template and a first document."""
from test_cluster import check

MAPPINGS = {"properties": {"@timestamp": {"type": "date"},
                           "source": {"properties": {"ip": {"type": "ip"}}}}}


def test_check_of_a_real_server(engine):
    stream = f"logs-checked-{engine.product}"  # of a data set that no other test makes a template for
    flags = ["-ecs.dataset", "checked", "-ecs.namespace", engine.product]
    found = check(engine.url, *flags).works()
    if engine.product == "opensearch":
        found.has("ok", "cluster", f": opensearch {engine.version}")
    else:  # these builds do not answer GET /
        check(engine.url, *flags, "-transport.elasticsearch.product", engine.product).works().has(
            "ok", "cluster", f": {engine.product}")
    found.has("ok", "rights", "security is off")
    found.has("ok", "stream", f"{stream} is not there yet")
    found.has("warn", "template", f"none applies to {stream}: run weir setup")
    engine.put_template("weir-check", [stream], MAPPINGS)
    check(engine.url, *flags).works().has("ok", "template", "one with ECS mappings applies")
    assert not engine.exists(stream)  # nothing was made by asking
    engine.request("POST", f"/{stream}/_bulk", b'{"create":{}}\n{"@timestamp":"2026-01-01"}\n')
    found = check(engine.url, *flags).works().has("ok", "stream", f"{stream} is there")
    found.lacks("stream", "no data stream")
    assert [verdict for verdict, _ in found.of("template")] == ["ok"], found.out
