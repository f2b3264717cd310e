# SPDX-License-Identifier: Apache-2.0
"""Delivery to real servers, OpenSearch and Elasticsearch: what comes out is what was sent, once,
whatever happens to the server, to weir or to the way between them."""
import collections
import glob
import gzip
import ipaddress
import json
import os
import random
import re
import socket
import time

import pytest

import documents
import mmdb
import programs
from delivery import ES, Place, Proxy, numbers
from following import line, lines, wait_until

SEED = int(os.environ.get("DELIVERY_SEED", "0")) or random.randrange(1 << 30)
SOME = 3000
MANY = 20000


@pytest.fixture
def place(engine, tmp_path, request):
    """Where a test delivers to; the server knows weir's templates."""
    yield from make_place(engine, tmp_path, request)


@pytest.fixture
def elastic_place(elasticsearch, tmp_path, request):
    yield from make_place(elasticsearch, tmp_path, request)


@pytest.fixture
def opensearch_place(opensearch, tmp_path, request):
    yield from make_place(opensearch, tmp_path, request)


def make_place(engine, tmp_path, request):
    product = ["-transport.elasticsearch.product", engine.product]
    if not getattr(engine, "is_set_up", False):
        done = programs.run("setup", ES, engine.url, *product)
        engine.is_set_up = done.returncode == 0
    name = re.sub("[^a-z0-9]", "", request.node.name.removeprefix("test_").partition("[")[0])
    found = Place(engine.url, tmp_path, name, product)
    yield found
    found.clean()


def send(port, datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for number, data in enumerate(datagrams):
            s.sendto(data, ("127.0.0.1", port))
            if number % 20 == 19:
                time.sleep(0.005)


def sent_documents(path):
    """What -transport.file has, by record id."""
    with open(path, "rb") as file:
        found = [documents.parse(one) for one in file]
    return {one["event"]["id"]: one for one in found}


def without_time(document):
    """Without when it was written, which is what @timestamp is where a pipeline failed early."""
    document["event"].pop("ingested")
    if document["event"]["kind"] == "pipeline_error":
        document.pop("@timestamp")
    return document


def letters(place):
    if not place.deadletter.exists():
        return []
    return [json.loads(one) for one in place.deadletter.read_text().splitlines()]


def has_mixed_list(columns):
    return isinstance(columns, dict) and any(
        isinstance(value, list) and len(set(map(type, value))) > 1 for value in columns.values())


def compare(engine, stream, out, without=frozenset()):
    """The server has the documents of the file, as they are there, and no others."""
    want = {key: one for key, one in sent_documents(out).items() if key not in without}
    got = {hit["_id"]: hit["_source"] for hit in engine.hits(stream)}
    assert got.keys() == want.keys()
    for key, document in want.items():
        faults = list(documents.differences(without_time(document), without_time(got[key])))
        assert faults == [], faults
    return len(want)


def all_there(engine, place, count):
    """Every one of lines(0, count), once."""
    found = numbers(engine.documents(place.stream))
    assert found == list(range(count)), collections.Counter(found).most_common(3)


# --- What comes out is what was sent -------------------------------------------------------------

@pytest.mark.parametrize("profile", ["weir", "elastic"])
def test_golden(engine, place, tmp_path, profile):
    """Each odd line of the golden cases. What a server refuses is what a mapping of its kind cannot
    take, and it is kept: a list of several kinds in a column of the user's own, and in profile
    elastic a goflow2 that is no object."""
    cases = os.path.join(programs.ROOT, "test", "golden", "ecs", "cases")
    logs = [os.path.join(case, "input.log") for case in sorted(glob.glob(cases + "/*"))
            if not os.path.exists(os.path.join(case, "args"))]
    place.namespace += profile
    place.stream += profile
    out = tmp_path / "out"
    found = place.import_("-ecs.id", "-ecs.profile", profile, "-transport.file", str(out),
                          files=logs, codes=(0, 3))
    assert found["received"] == len(sent_documents(out)) > 50
    refused = letters(place)
    assert len(refused) == found["refused"] < 8
    for one in refused:
        columns = one["document"]["goflow2"]
        assert has_mixed_list(columns) or profile == "elastic" and not isinstance(columns, dict), one
    compare(engine, place.stream, out, without={one["id"] for one in refused})


def test_datagrams(engine, place, tmp_path):
    """Made-up sFlow, as it comes in over UDP."""
    port, out = programs.free_port(), tmp_path / "out"
    program = place.start("run", "-listen", f"sflow://127.0.0.1:{port}", "-addr", "", "-ecs.id",
                          "-transport.file", str(out))
    program.wait_log("starting collection")
    time.sleep(0.2)
    send(port, programs.generated(SOME // 6, "-counters", "0"))
    wait_until(lambda: engine.count(place.stream) == SOME, lambda: program.log()[-5000:])
    found = program.stop()
    assert found["received"] == found["delivered"] == SOME and found["duplicates"] == 0
    assert compare(engine, place.stream, out) == SOME


def test_aggregations(engine, place, tmp_path):
    """Addresses, times, places and numbers are what they look like to the server."""
    city = tmp_path / "city.mmdb"
    mmdb.write(city, {network: {"city": {"names": {"en": "Vienna"}}, "country": {"iso_code": "AT"},
                                "location": {"latitude": 48.2, "longitude": 16.3}}
                      for network in ("198.51.100.0/25", "2001:db8::/32")})
    place.import_("-geoip.city", str(city), "-geoip.asn", "none",
                  files=[place.file("log", lines(0, SOME))])
    found = engine.documents(place.stream)
    answer = engine.search(place.stream, track_total_hits=True, aggs={
        "ends": {"terms": {"field": "source.ip", "size": 300}},
        "time": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1s"}},
        "began": {"min": {"field": "event.start"}},
        "bytes": {"sum": {"field": "network.bytes"}},
        "port": {"max": {"field": "source.port"}},
        **({"where": {"geo_bounds": {"field": "source.geo.location"}}} if engine.has_places else {}),
        "city": {"terms": {"field": "source.geo.city_name"}},
        "file": {"terms": {"field": "log.file.path"}},
        "kind": {"terms": {"field": "input.type"}},
    })
    agg = answer["aggregations"]
    assert answer["hits"]["total"]["value"] == SOME
    ends = collections.Counter(one["source"]["ip"] for one in found)
    assert {b["key"]: b["doc_count"] for b in agg["ends"]["buckets"]} == ends
    seconds = collections.Counter(one["@timestamp"][:19] for one in found)
    assert {b["key_as_string"][:19]: b["doc_count"] for b in agg["time"]["buckets"]
            if b["doc_count"]} == seconds
    assert agg["began"]["value_as_string"][:19] == min(one["event"]["start"] for one in found)[:19]
    assert agg["bytes"]["value"] == sum(one["network"]["bytes"] for one in found)
    assert agg["port"]["value"] == 443
    if engine.has_places:
        corner = agg["where"]["bounds"]["top_left"]
        assert abs(corner["lat"] - 48.2) < 0.01 and abs(corner["lon"] - 16.3) < 0.01
    near = [one for one in found
            if ipaddress.ip_address(one["source"]["ip"]) in ipaddress.ip_network("198.51.100.0/25")]
    assert agg["city"]["buckets"] == [{"key": "Vienna", "doc_count": len(near)}]
    assert sum(b["doc_count"] for b in agg["file"]["buckets"]) == SOME
    assert agg["kind"]["buckets"] == [{"key": "import", "doc_count": SOME}]
    subnet = engine.search(place.stream, track_total_hits=True,
                           query={"term": {"source.ip": "198.51.100.0/25"}})
    assert subnet["hits"]["total"]["value"] == len(near)


def test_same_again(engine, place):
    """What is imported twice is there once."""
    log = place.file("log", lines(0, SOME))
    first = place.import_("-state", "none", files=[log])
    assert (first["delivered"], first["duplicates"]) == (SOME, 0)
    again = place.import_("-state", "none", files=[log])
    assert (again["delivered"], again["duplicates"]) == (SOME, SOME)
    all_there(engine, place, SOME)


def test_raw_lines(opensearch, opensearch_place):
    """Somebody's own ingest pipeline takes lines apart."""
    if not opensearch.has_ingest:
        pytest.skip(f"OpenSearch {opensearch.version} from packages has no ingest processors")
    place = opensearch_place
    opensearch.request("PUT", "/_ingest/pipeline/own", {"processors": [
        {"json": {"field": "message", "target_field": "flow"}},
        {"date": {"field": "flow.when", "formats": ["ISO8601"], "target_field": "@timestamp"}},
        {"rename": {"field": "flow.src_addr", "target_field": "source.ip"}},
        {"rename": {"field": "flow.sequence_num", "target_field": "sflow.sequence_num"}},
        {"remove": {"field": "flow"}},
    ]})
    log = place.file("log", "".join(line(n, ',"when":"2024-07-31T12:00:%02d.5Z"' % (n % 60))
                                    for n in range(SOME)))
    found = place.import_(f"{ES}.raw", f"{ES}.pipeline", "own", files=[log])
    assert (found["delivered"], found["refused"]) == (SOME, 0)
    got = opensearch.documents(place.stream)
    assert numbers(got) == list(range(SOME))
    with open(log) as file:
        text = file.read().splitlines()
    for one in got:
        number = one["sflow"]["sequence_num"]
        assert one["message"] == text[number]
        assert one["source"]["ip"] == "198.51.100.%d" % (number % 250 + 1)
        assert one["@timestamp"].startswith("2024-07-31T12:00:%02d.5" % (number % 60))
    again = place.import_(f"{ES}.raw", f"{ES}.pipeline", "own", "-state", "none", files=[log])
    assert again["duplicates"] == SOME
    bad = place.file("bad", "no JSON\n" + line(SOME, ',"when":"2024-07-31T12:00:00Z"'))
    found = place.import_(f"{ES}.raw", f"{ES}.pipeline", "own", files=[bad], codes=(0, 3))
    assert (found["delivered"], found["refused"]) == (1, 1)
    [letter] = letters(place)
    assert letter["status"] == 400 and letter["document"]["message"] == "no JSON"


def test_no_template(opensearch, opensearch_place):
    """Without one OpenSearch would make a plain index, which nobody gets rid of: weir waits."""
    place = opensearch_place
    place.stream = f"logs-other.flows-{place.namespace}"
    program = place.start("import", "-ecs.dataset", "other.flows",
                          files=[place.file("log", lines(0, 10))])
    program.wait_log("weir setup")
    assert program.is_running() and not opensearch.exists(place.stream)
    opensearch.put_template("others", ["logs-other.flows-*"], {})
    found = program.wait()
    assert found["delivered"] == 10
    all_there(opensearch, place, 10)


# --- What goes wrong -----------------------------------------------------------------------------

def is_blocked_for(program, text):
    program.wait_log(text)
    time.sleep(1)
    assert program.is_running()


@pytest.mark.parametrize("what", ["index", "cluster"])
def test_write_block(elasticsearch, elastic_place, what):
    """A disk that is full: weir waits, whoever imports sees why, and nothing is lost or refused."""
    engine, place = elasticsearch, elastic_place
    place.namespace += what
    place.stream += what
    place.import_(files=[place.file("first", lines(0, 100))])
    block = engine.block_cluster if what == "cluster" else (
        lambda blocked=True: engine.block_writes(place.stream, blocked))
    block()
    try:
        program = place.start("import", files=[place.file("log", lines(100, SOME))])
        is_blocked_for(program, "FORBIDDEN")
        assert engine.count(place.stream) == 100
    finally:
        block(False)
    found = program.wait()
    assert (found["delivered"], found["refused"], found["duplicates"]) == (SOME - 100, 0, 0)
    assert not place.deadletter.exists()
    all_there(engine, place, SOME)


def test_dead_letters(engine, place):
    """Documents that do not fit the mapping are kept with the reason, and can be sent again."""
    mappings = {"properties": {"goflow2": {"properties": {"odd": {"type": "long"}}}}}
    name = "own-" + place.namespace
    engine.put_template(name, [place.stream], mappings)
    log = place.file("log", "".join(line(n, ',"odd":"word%d"' % n if n % 10 == 0 else ',"odd":5')
                                    for n in range(SOME)))
    found = place.import_(files=[log], codes=(0, 3))
    assert (found["delivered"], found["refused"]) == (SOME - SOME // 10, SOME // 10)
    refused = letters(place)
    assert len(refused) == SOME // 10 and place.deadletter.stat().st_mode & 0o777 == 0o600
    for letter in refused:
        assert letter["status"] == 400 and letter["index"] == place.stream and letter["id"]
        assert "odd" in letter["reason"] and letter["document"]["goflow2"]["odd"].startswith("word")
    assert not {hit["_id"] for hit in engine.hits(place.stream)} & {one["id"] for one in refused}

    # Too early: they are refused again, and none is lost.
    again = resend(place, codes=(0, 3))
    assert again.count("refused") > 0
    assert sorted(one["id"] for one in letters(place)) == sorted(one["id"] for one in refused)

    mappings["properties"]["goflow2"]["properties"]["odd"] = {"type": "keyword"}
    engine.put_template(name, [place.stream], mappings)
    engine.rollover(place.stream)
    resend(place)
    assert not place.deadletter.exists() and not glob.glob(f"{place.deadletter}*")
    all_there(engine, place, SOME)
    assert {one["id"] for one in refused} < {hit["_id"] for hit in engine.hits(place.stream)}


def resend(place, codes=(0,)):
    done = programs.subprocess.run(
        programs.weir_command("import", *place.flags("-deadletter", str(place.deadletter))),
        capture_output=True, text=True, timeout=60)
    assert done.returncode in codes, done.stderr
    return done.stderr


def test_busy_server(elasticsearch, elastic_place):
    """429 to whole requests: they become smaller until the server can take them."""
    elasticsearch.restart("indexing_pressure.memory.limit: 1mb")
    found = elastic_place.import_(files=[elastic_place.file("log", lines(0, MANY))])
    assert (found["delivered"], found["refused"]) == (MANY, 0)
    all_there(elasticsearch, elastic_place, MANY)


def test_too_large(elasticsearch, elastic_place):
    """413: requests are split; a document that alone is too large becomes a dead letter."""
    elasticsearch.restart("http.max_content_length: 1mb")
    place = elastic_place
    log = place.file("log", lines(0, MANY) + line(MANY, ',"note":"%s"' % ("x" * 1500000)) +
                     lines(MANY + 1, MANY + 11))
    found = place.import_(f"{ES}.gzip", "0", "-import.line_max", "2m", files=[log], codes=(0, 3))
    assert (found["delivered"], found["refused"]) == (MANY + 10, 1)
    [letter] = letters(place)
    assert letter["status"] == 413 and letter["document"]["sflow"]["sequence_num"] == MANY
    got = numbers(elasticsearch.documents(place.stream))
    assert got == [n for n in range(MANY + 11) if n != MANY]


def test_two_nodes_of_which_one_dies(engine, place):
    """They take turns; what one was sent and did not acknowledge goes to the other."""
    with Proxy(engine.port) as one, Proxy(engine.port) as two:
        log = place.file("log", lines(0, MANY))
        program = place.start("import", f"{ES}.bulk_size", "128k", url=f"{one.url},{two.url}",
                              files=[log])
        wait_until(lambda: len(one.requests) > 3 and len(two.requests) > 3,
                   lambda: program.log()[-5000:])
        one.close()
        found = program.wait()
        assert found["delivered"] == MANY and found["refused"] == 0
        all_there(engine, place, MANY)
        assert any(status == 200 for _, _, status in two.requests[-3:])


def test_rollover_before_retry(engine, place):
    """The answer is lost and the stream rolls over before the request is repeated: _id does not
    help, but the books know how many there may be twice."""
    spoiled = []

    def spoil(path, body, status, _answer):
        if "_bulk" not in path or status != 200 or spoiled or not engine.count(place.stream):
            return False
        text = gzip.decompress(body)
        spoiled.append(text.count(b"\n") // 2)
        engine.rollover(place.stream)
        return True

    with Proxy(engine.port, spoil) as proxy:
        found = place.import_(f"{ES}.connections", "1", f"{ES}.bulk_size", "256k", url=proxy.url,
                              files=[place.file("log", lines(0, SOME))])
    assert spoiled and found["delivered"] == SOME
    ids = collections.Counter(hit["_id"] for hit in engine.hits(place.stream))
    assert len(ids) == SOME
    twice = [i for i, count in ids.items() if count > 1]
    assert len(twice) == spoiled[0] == found["repeats_possible"]
    assert set(ids.values()) == {1, 2}


def test_lost_answers(engine, place):
    """Every third answer is lost; what is sent again is there already."""
    rng, spoiled, lost = random.Random(SEED), [], set()

    def spoil(path, body, _status, _answer):
        if "_bulk" not in path or rng.random() > 0.33 or len(spoiled) == 4:
            return False
        spoiled.append(len(body))
        lost.update(re.findall(rb'"_id":"([^"]+)"', gzip.decompress(body)))
        return True

    with Proxy(engine.port, spoil) as proxy:
        found = place.import_(f"{ES}.bulk_size", "256k", url=proxy.url,
                              files=[place.file("log", lines(0, SOME))])
    assert found["delivered"] == SOME and found["duplicates"] == len(lost) > 0, SEED
    all_there(engine, place, SOME)


# --- kill -9 -------------------------------------------------------------------------------------

def test_server_killed(engine, place):
    """A followed log and datagrams go to the spool, and from there to the server when it is back."""
    flows = 5
    port, datagrams = programs.free_port(), programs.generated(600, "-flows", str(flows), "-counters",
                                                               "0")
    program = place.follow(listen=f"sflow://127.0.0.1:{port}")
    place.append(lines(0, SOME))
    send(port, datagrams[:200])
    wait_until(lambda: engine.count(place.stream) > 0, lambda: program.log()[-5000:])
    place.append(lines(SOME, MANY))
    time.sleep(0.3)
    engine.kill()
    send(port, datagrams[200:400])
    place.append(lines(MANY, MANY + SOME))
    program.wait_log("cannot deliver")
    wait_until(lambda: place.spooled() > 100000, lambda: program.log()[-5000:])
    engine.start()
    send(port, datagrams[400:])
    place.append(lines(MANY + SOME, MANY + 2 * SOME))
    wanted = MANY + 2 * SOME + len(datagrams) * flows
    wait_until(lambda: engine.count(place.stream) >= wanted,
               lambda: f"{engine.count(place.stream)} of {wanted}\n{program.log()[-5000:]}")
    found = program.stop()
    assert (found["delivered"], found["refused"], found["spooled"]) == (wanted, 0, 0), found
    from_lines = [one for one in engine.documents(place.stream) if one["input"]["type"] == "log"]
    assert numbers(from_lines) == list(range(MANY + 2 * SOME))
    assert engine.count(place.stream) == wanted


def test_import_killed(engine, place):
    """Whoever imports again after kill -9 gets each line once."""
    rng = random.Random(SEED)
    logs = [place.file(f"log{part}", lines(part * MANY // 2, (part + 1) * MANY // 2))
            for part in range(2)]
    kills = 0
    for _ in range(6):
        program = place.start("import", f"{ES}.bulk_size", "256k", files=logs)
        time.sleep(rng.uniform(0.05, 1.2))
        kills += program.is_running()
        program.kill()
    found = place.import_(files=logs)
    assert kills > 0 and found["refused"] == 0, SEED
    all_there(engine, place, MANY)


def test_follower_killed(engine, place):
    """weir is killed while it follows and while it drains the spool."""
    rng, written = random.Random(SEED), 0
    with Proxy(engine.port) as proxy:
        for attempt in range(7):
            program = place.follow(f"{ES}.bulk_size", "256k", url=proxy.url)
            if attempt % 3 == 1:
                proxy.close()
            for _ in range(4):
                place.append(lines(written, written + 500))
                written += 500
                time.sleep(rng.uniform(0, 0.4))
            program.kill()
            if proxy.server is None and attempt % 3 == 2:
                proxy.open()
        if proxy.server is None:
            proxy.open()
        program = place.follow(url=proxy.url)
        wait_until(lambda: engine.count(place.stream) >= written,
                   lambda: f"{engine.count(place.stream)} of {written}, seed {SEED}\n"
                           + program.log()[-5000:])
        wait_until(lambda: program.process.poll() is not None or place.spooled() < 10000,
                   lambda: program.log()[-5000:])
        found = program.stop()
    assert (found["refused"], found["spooled"], found["waiting"]) == (0, 0, 0), SEED
    all_there(engine, place, written)
