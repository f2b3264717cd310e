# SPDX-License-Identifier: Apache-2.0
"""Delivery to a scripted server, which says what real ones will not say on demand: every row of what
may come back from a _bulk request, and what weir makes of it. The server remembers what it took, so
that each test ends by looking at that: nothing is lost, and nothing was said to be delivered that
is not there."""
import concurrent.futures
import json
import signal
import socket
import threading
import time
import urllib.request

import pytest

import programs
from delivery import ES, Place, numbers
from following import line, lines, wait_until
from scripted import INFO, Answer, Server, bulk_reply, info

N = 300
AT_ONCE = 8


class Cluster(Server):
    """Takes documents as Elasticsearch does: 201, or 409 for an id that it has. `script`: what is
    said to the first bulk requests instead, one each: an Answer, a status, or a function of the
    request that gives one, or None for the usual."""

    def __init__(self, *script, tells=INFO, **kw):
        self.script = list(script)
        self.stored = {}
        self.order = []
        self.bulks = []
        self.tells = tells
        self.lock = threading.Lock()
        super().__init__(self.say, **kw)

    def say(self, request):
        if not request.bare_path.endswith("/_bulk"):
            return self.tells if request.path == "/" else {}
        with self.lock:
            self.bulks.append(request)
            said = self.script.pop(0) if self.script else None
        if callable(said):
            said = said(request)
        return self.take(request) if said is None else said

    def take(self, request):
        with self.lock:
            return bulk_reply(request, self.store)

    def store(self, action, document):
        if action["_id"] in self.stored:
            return 409, ("version_conflict_engine_exception", "document already exists")
        self.stored[action["_id"]] = document
        self.order.append(document)
        return 201

    def numbers(self):
        with self.lock:
            return numbers(self.stored.values())


@pytest.fixture
def place(tmp_path):
    found = Place("", tmp_path, "bulk")
    yield found
    found.clean()


class Together:
    """Deliveries that wait most of the time, all at once: what becomes of each is looked at later,
    in a test of its own."""

    def __init__(self, folders, deliver, cases):
        self.pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
        self.results = {}
        for number, case in enumerate(cases):
            place = Place("", folders.mktemp(f"together-{number}"), "bulk")
            self.results[case] = self.pool.submit(self.run, place, deliver, case)

    @staticmethod
    def run(place, deliver, case):
        try:
            return deliver(place, case)
        finally:
            place.clean()

    def result(self, case):
        return self.results[case].result()


def log_of(place, count=N):
    return [place.file("log", lines(0, count))]


def number_of(document):
    return document["sflow"]["sequence_num"]


def letters(place):
    if not place.deadletter.exists():
        return []
    return [json.loads(one) for one in place.deadletter.read_text().splitlines()]


def send(port, datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for number, data in enumerate(datagrams):
            s.sendto(data, ("127.0.0.1", port))
            if number % 10 == 9:
                time.sleep(0.005)


# --- The request ---------------------------------------------------------------------------------

@pytest.mark.parametrize("level", [0, 1, 9])
def test_request(place, level):
    """Which documents, where to, and in which form."""
    with Cluster() as es:
        out = place.folder / "out"
        found = place.import_(f"{ES}.gzip", str(level), "-ecs.id", "-transport.file", str(out),
                              url=es.url, files=log_of(place))
        assert found["delivered"] == found["received"] == N == len(es.stored)
        for request in es.bulks:
            assert request.method == "POST" and request.query["pipeline"] == "_none"
            assert request.headers["content-type"] == "application/x-ndjson"
            assert request.headers.get("content-encoding") == ("gzip" if level else None)
            assert "expect" not in request.headers
            for kind, action, document in request.actions():
                assert kind == "create" and action["_index"] == place.stream
                assert action["_id"] == document["event"]["id"]
        written = {one["event"]["id"]: one for one in map(json.loads, out.read_text().splitlines())}
        for key, document in es.stored.items():
            for one in (document, written[key]):
                one["event"].pop("ingested")
            assert document == written[key]
        assert len(written) == N


@pytest.mark.parametrize("pipeline,wanted", [("none", "_none"), ("default", None), ("mine", "mine")])
def test_pipeline(place, pipeline, wanted):
    with Cluster() as es:
        place.import_(f"{ES}.pipeline", pipeline, url=es.url, files=log_of(place))
        assert {request.query.get("pipeline") for request in es.bulks} == {wanted}
        assert es.numbers() == list(range(N))


def test_index(place):
    """A name of the user's own, for all."""
    with Cluster() as es:
        place.import_(f"{ES}.index", "flows", url=es.url, files=log_of(place))
        assert {action["_index"] for request in es.bulks
                for _, action, _ in request.actions()} == {"flows"}


@pytest.mark.parametrize("tells", [
    info("7.10.2", flavor="oss"), info("9.1.0"), info("8.11.0", flavor="serverless"),
    info("1.3.0", "opensearch", None), info("3.6.0", "opensearch", None), Answer(405),
    Answer(403, {"error": {"type": "security_exception", "reason": "no"}, "status": 403}),
    Answer(200, "<html>something else</html>")],
    ids=["7.10", "9.1", "serverless", "opensearch 1", "opensearch 3", "405", "403", "html"])
def test_whatever_the_server_is(place, tells):
    with Cluster(tells=tells) as es:
        found = place.import_(url=es.url, files=log_of(place))
        assert found["delivered"] == N and es.numbers() == list(range(N))


def test_server_that_knows_fewer_parameters(place):
    """Refused for a parameter: it is left out, and no document is blamed."""
    def refuse(request):
        odd = [name for name in request.query if name not in ("filter_path", "pipeline")]
        if odd:
            return Answer(400, {"error": {"type": "illegal_argument_exception",
                                          "reason": f"request [/_bulk] contains unrecognized "
                                                    f"parameter: [{odd[0]}]"}, "status": 400})
        return None

    with Cluster(*[refuse] * 20, tells=info("9.1.0")) as es:
        found = place.import_(url=es.url, files=log_of(place))
        assert (found["delivered"], found["refused"]) == (N, 0)
        assert es.numbers() == list(range(N)) and len(es.bulks) < 8


def test_few_documents_do_not_wait_long(place):
    with Cluster() as es:
        program = place.follow(url=es.url)
        for number in range(3):
            begin = time.monotonic()
            place.append(line(number))
            wait_until(lambda n=number: n in es.numbers(), lambda: program.log())
            assert time.monotonic() - begin < 10
        assert program.stop()["delivered"] == 3


def test_connections_are_kept(place):
    """Some hundred requests, and no more connections than were asked for (and one that asks)."""
    with Cluster() as es:
        place.import_(f"{ES}.bulk_size", "64k", f"{ES}.connections", "3", url=es.url,
                      files=log_of(place, 4000))
        assert es.numbers() == list(range(4000))
        assert len(es.bulks) > 30 and es.connections <= 5


# --- What comes back for documents ---------------------------------------------------------------

def test_items(place):
    """Each document by itself: delivered, there already, later, refused."""
    said = {0: [201], 1: [409], 2: [429, 201], 3: [400], 4: [403, 403, 201], 5: [404],
            6: [503, 429, 500, 201], 7: [200], 8: [502, 409],
            9: [{"status": 201, "failure_store": "used"}]}
    errors = {400: ("document_parsing_exception", 'failed to parse "x"\n'),
              404: ("index_not_found_exception", "no such index")}
    tries = {}

    def judge(request):
        def item(_, document):
            number = number_of(document)
            at = tries.setdefault(number, [])
            at.append(request)
            status = said[number % 10][len(at) - 1]
            error = None if isinstance(status, dict) else errors.get(status)
            return (status, error) if error else status
        with es.lock:
            return bulk_reply(request, item)

    with Cluster(*[judge] * 1000) as es:
        found = place.import_(f"{ES}.connections", "1", url=es.url, files=log_of(place),
                              codes=(0, 3))
    tenth = N // 10
    assert found["delivered"] == 8 * tenth and found["refused"] == 2 * tenth
    assert found["duplicates"] == 2 * tenth and found["failure_store"] == tenth
    for number, requests in tries.items():
        assert len(requests) == len(said[number % 10]), number
    assert len(tries) == N
    log = (place.folder / "log-import").read_text()
    told = [one for one in log.splitlines() if "the server refused documents" in one]
    assert len(told) == 1 and str(place.deadletter) in told[0]
    refused = letters(place)
    assert sorted(number_of(one["document"]) for one in refused) == [
        n for n in range(N) if n % 10 in (3, 5)]
    for one in refused:
        assert one["status"] == {3: 400, 5: 404}[number_of(one["document"]) % 10]
        assert errors[one["status"]][0] in one["reason"] and one["index"] == place.stream
        assert one["id"] and one["time"].endswith("Z")


def test_items_that_wait_do_not_storm(place):
    """A document that the server has no room for is not sent again at once."""
    times = []

    def busy(request):
        times.append(request.at)
        with es.lock:
            return bulk_reply(request, lambda *_: 429)

    with Cluster(busy, busy, busy) as es:
        found = place.import_(f"{ES}.connections", "1", url=es.url, files=log_of(place, 10))
        assert found["delivered"] == 10 and es.numbers() == list(range(10))
        times.append(es.bulks[-1].at)
    assert all(b - a > 0.4 for a, b in zip(times, times[1:]))


def test_index_instead_of_create(place):
    """The name of the action in the answer does not matter."""
    def answer(request):
        reply = json.loads(es.take(request).body)
        items = [{"index": item["create"]} for item in reply["items"]]
        return Answer(200, {**reply, "items": items})

    with Cluster(*[answer] * 100) as es:
        assert place.import_(url=es.url, files=log_of(place))["delivered"] == N
        assert es.numbers() == list(range(N))


def test_huge_replies(place):
    """Items of twenty kilobytes each."""
    def answer(request):
        reply = json.loads(es.take(request).body)
        for item in reply["items"]:
            item["create"]["whatever"] = [{"x": "y" * 100, "z": [1, None, True]}] * 160
        return Answer(200, reply)

    with Cluster(*[answer] * 100) as es:
        assert place.import_(url=es.url, files=log_of(place))["delivered"] == N
        assert es.numbers() == list(range(N))


def test_dead_letters_that_cannot_be_written(place):
    """Then nothing is refused: weir says so and tries again until they can."""
    blocked = place.folder / "blocked"
    blocked.write_text("a file where a folder should be")

    def item(_, document):
        return (400, ("x", "y")) if number_of(document) == 5 else 201

    def answer(request):
        with es.lock:
            return bulk_reply(request, item)

    with Cluster(*[answer] * 1000) as es:
        program = place.start("import", f"{ES}.deadletter", str(blocked / "letters"), url=es.url,
                              files=log_of(place))
        program.wait_log("dead-letter file cannot be written")
        time.sleep(0.5)
        assert program.is_running()
        blocked.unlink()
        found = program.wait((0, 3))
    assert (found["delivered"], found["refused"]) == (N - 1, 1)
    [letter] = [json.loads(one) for one in (blocked / "letters").read_text().splitlines()]
    assert number_of(letter["document"]) == 5


def test_resending_dead_letters(place):
    """They go where they were to go, with the id they had; strays stay in the file."""
    def refuse(request):
        with es.lock:
            return bulk_reply(request, lambda *_: (400, ("x", "y")))

    with Cluster(*[refuse] * 20) as es:
        found = place.import_(url=es.url, files=log_of(place), codes=(0, 3))
        assert (found["delivered"], found["refused"]) == (0, N)
        ids = {one["id"] for one in letters(place)}
        with open(place.deadletter, "a", encoding="utf-8") as file:
            file.write('what is this?\n{"time":\n')
        es.script.clear()
        done = programs.subprocess.run(
            programs.weir_command("import", *place.flags("-deadletter", str(place.deadletter),
                                                         url=es.url)),
            capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 3), done.stderr
        assert set(es.stored) == ids and es.numbers() == list(range(N))
        assert place.deadletter.read_text() == 'what is this?\n{"time":\n'


def test_resending_many_strays(place):
    """A file that is something else altogether is still there afterwards, all of it."""
    stray = "x" * (1 << 20) + "\n"
    place.deadletter.parent.mkdir(parents=True, exist_ok=True)
    with open(place.deadletter, "w", encoding="utf-8") as file:
        for _ in range(70):
            file.write(stray)
    with Cluster() as es:
        done = programs.subprocess.run(
            programs.weir_command("import", *place.flags("-deadletter", str(place.deadletter),
                                                         url=es.url)),
            capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done.stderr
    assert place.deadletter.stat().st_size == 70 * len(stray)


# --- What comes back for requests ----------------------------------------------------------------

def cut_in_the_body(answer):
    return Answer(answer.status, answer.body, cut=len(answer.bytes(NoRequest)) - 10)


class NoRequest:
    method = "POST"


def edited(change):
    def edit(answer):
        reply = json.loads(answer.body)
        return Answer(200, change(reply) or reply)
    return edit


SPOILED = {
    "closed": lambda _: Answer(no_answer=True),
    "cut in the head": lambda answer: Answer(answer.status, answer.body, cut=30),
    "cut in the body": cut_in_the_body,
    "stalls": lambda answer: Answer(answer.status, answer.body, stall=200),
    "drips": lambda answer: Answer(answer.status, answer.body, drip=0.1),
    "late": lambda answer: Answer(answer.status, answer.body, delay=5),
    "not HTTP": lambda _: Answer(raw=b"\x15\x03\x01\x00\x02\x02\x16" * 20),
    "empty": lambda _: Answer(200, b""),
    "half of the JSON": lambda answer: Answer(200, answer.body[:len(answer.body) // 2]),
    "something behind the JSON": lambda answer: Answer(200, answer.body + b"{}"),
    "a page": lambda _: Answer(200, "<html>Welcome</html>", content_type="text/html"),
    "null": lambda _: Answer(200, "null"),
    "a list": lambda _: Answer(200, []),
    "no items": edited(lambda reply: reply.pop("items") and None),
    "no item": edited(lambda reply: {**reply, "items": []}),
    "an item too few": edited(lambda reply: reply["items"].pop() and None),
    "an item too many": edited(lambda reply: reply["items"].append(reply["items"][0])),
    "no status": edited(lambda reply: reply["items"][-1]["create"].pop("status") and None),
    "a text for a status": edited(lambda r: r["items"][-1]["create"].update(status="201")),
    "502": lambda _: Answer(502, "<html>Bad Gateway</html>"),
    "503": lambda _: Answer(503, {"error": {"type": "unavailable", "reason": "x"}, "status": 503}),
    "504": lambda _: Answer(504, b""),
    "500": lambda _: Answer(500, {"error": "x", "status": 500}),
    "redirect": lambda _: Answer(302, headers={"Location": "http://127.0.0.1:1/"}),
}


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    def deliver(place, what):
        with Cluster(lambda request: SPOILED[what](es.take(request))) as es:
            found = place.import_(f"{ES}.timeout", "2s", f"{ES}.connections", "1", url=es.url,
                                  files=log_of(place))
        return es, found
    return Together(tmp_path_factory, deliver, SPOILED)


@pytest.mark.parametrize("what", SPOILED)
def test_answers_that_say_nothing(spoiled, what):
    """The server took the documents, but its answer does not say so: they are sent again, and were
    there already."""
    es, found = spoiled.result(what)
    assert (found["delivered"], found["duplicates"], found["refused"]) == (N, N, 0)
    assert len(es.bulks) >= 2 and es.numbers() == list(range(N))
    assert es.bulks[0].data == es.bulks[1].data


LATER = (429, 502, 503, 504)


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    def deliver(place, status):
        problem = Answer(status, {"error": "busy", "status": status}, headers={"Retry-After": "3"})
        with Cluster(problem) as es:
            found = place.import_(f"{ES}.bulk_size", "64k", url=es.url, files=log_of(place))
        return es, found
    return Together(tmp_path_factory, deliver, LATER)


@pytest.mark.parametrize("status", LATER)
def test_retry_after(held, status):
    """Nothing is sent before the server wants it."""
    es, found = held.result(status)
    assert found["delivered"] == N and es.numbers() == list(range(N))
    waits = [request.at - es.bulks[0].at for request in es.bulks]
    assert [wait for wait in waits if 0.7 < wait < 2.9] == [] and max(waits) < 20


@pytest.fixture(scope="module")
def backing_off(tmp_path_factory):
    def deliver(place, status):
        with Cluster(*[status] * 3) as es:
            found = place.import_(f"{ES}.connections", "1", url=es.url, files=log_of(place, 5))
        return es, found
    return Together(tmp_path_factory, deliver, (429, 503))


@pytest.mark.parametrize("status", [429, 503])
def test_back_off(backing_off, status):
    """Without Retry-After each wait is longer than the one before, roughly."""
    es, found = backing_off.result(status)
    assert found["delivered"] == 5 and es.numbers() == list(range(5))
    times = [request.at for request in es.bulks]
    waits = [b - a for a, b in zip(times, times[1:])]
    assert len(waits) == 3 and waits[0] > 0.4 and waits[2] > waits[0] and sum(waits) > 3, waits


def test_too_large(place):
    """413: halves are sent; a document that alone is too large is refused."""
    sizes = []

    def measure(request):
        sizes.append(len(request.data))
        return Answer(413) if len(request.data) > 20000 else None

    with Cluster(*[measure] * 1000) as es:
        log = place.file("log", lines(0, N) + line(N, ',"note":"%s"' % ("x" * 30000)) +
                         lines(N + 1, 2 * N))
        found = place.import_(url=es.url, files=[log], codes=(0, 3))
        assert (found["delivered"], found["refused"]) == (2 * N - 1, 1)
        assert es.numbers() == [n for n in range(2 * N) if n != N]
        [letter] = letters(place)
        assert letter["status"] == 413 and number_of(letter["document"]) == N
        assert sizes.count(max(sizes)) < 3 and len(sizes) < 300


def test_one_document_spoils_requests(place):
    """400 to the whole request: the one document is found and refused, not its neighbors."""
    def choke(request):
        spoils = any(number_of(document) == 77 for _, _, document in request.actions())
        return Answer(400, {"error": {"type": "parse_exception", "reason": "what is that?"},
                            "status": 400}) if spoils else None

    with Cluster(*[choke] * 1000) as es:
        found = place.import_(url=es.url, files=log_of(place), codes=(0, 3))
        assert (found["delivered"], found["refused"]) == (N - 1, 1)
        assert es.numbers() == [n for n in range(N) if n != 77]
        [letter] = letters(place)
        assert letter["status"] == 400 and "what is that?" in letter["reason"]


def test_key_that_expires(place):
    """401: the key is read again, and if it is another one nobody notices."""
    key = place.folder / "key"
    key.write_text("old:secret\n")
    key.chmod(0o600)
    seen = []

    def guard(request):
        seen.append(request.headers.get("authorization"))
        if len(set(seen)) == 1 and len(seen) > 2:
            key.write_text("new:secret\n")
        if key.read_text().startswith("new") and seen[-1] == seen[0]:
            return Answer(401, {"error": {"type": "security_exception", "reason": "expired"},
                                "status": 401})
        return None

    with Cluster(*[guard] * 1000) as es:
        begin = time.monotonic()
        found = place.import_(f"{ES}.api_key_file", str(key), f"{ES}.bulk_size", "64k",
                              f"{ES}.connections", "1", url=es.url, files=log_of(place, 1000))
        assert found["delivered"] == 1000 and es.numbers() == list(range(1000))
        assert len(set(seen)) == 2 and all(one.startswith("ApiKey ") for one in seen)
        assert time.monotonic() - begin < 20


def test_key_that_is_changed(place):
    """SIGHUP: the key is read again. One that others can read stays out, and that is said."""
    key = place.folder / "key"
    key.write_text("old:secret\n")
    key.chmod(0o600)
    with Cluster() as es:
        program = place.follow(f"{ES}.api_key_file", str(key), f"{ES}.flush", "0s", url=es.url)
        keys = []
        for round_, (text, mode) in enumerate([("old:secret", 0o600), ("new:secret", 0o600),
                                               ("bad:secret", 0o644)]):
            key.write_text(text + "\n")
            key.chmod(mode)
            if round_ > 0:
                program.signal(signal.SIGHUP)
                program.wait_log("reopening")
                time.sleep(0.5)
            place.append(lines(10 * round_, 10 * round_ + 10))
            wait_until(lambda: len(es.stored) == 10 * round_ + 10, lambda: program.log()[-5000:])
            keys.append(es.bulks[-1].headers["authorization"])
        found = program.stop()
        assert found["delivered"] == 30
        assert keys[0] != keys[1] == keys[2] and str(key) in program.log()


def test_health_says_what_is_spooled(place):
    port = programs.free_port()

    def health():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health", timeout=20) as answer:
            said = json.load(answer)
        return said["status"], " ".join(said["reasons"])
    with Cluster(*[Answer(403, {"error": {"type": "security_exception"}})] * 1000) as es:
        program = place.follow("-addr", f"127.0.0.1:{port}", url=es.url)
        assert health() == ("ok", "")
        place.append(lines(0, N))
        wait_until(lambda: health()[0] == "warning", program.log, 30)
        wait_until(lambda: f"{N} records wait on disk for elasticsearch" in health()[1],
                   lambda: str(health()), 30)
        es.script.clear()
        wait_until(lambda: len(es.stored) == N, lambda: program.log()[-5000:])
        wait_until(lambda: health() == ("ok", ""), lambda: str(health()), 30)
        program.stop()


@pytest.mark.parametrize("status", [401, 403])
def test_not_allowed(place, status):
    """Somebody has to see to it: it is said, records are kept, and come when they may."""
    problem = {"error": {"type": "security_exception", "reason": "action [bulk] is unauthorized"},
               "status": status}
    with Cluster(*[Answer(status, problem)] * 1000) as es:
        program = place.follow(url=es.url)
        place.append(lines(0, N))
        program.wait_log("unauthorized")
        wait_until(lambda: place.spooled() > 1000, lambda: program.log())
        time.sleep(1)
        assert len(es.bulks) < 10 and es.stored == {}
        es.script.clear()
        wait_until(lambda: len(es.stored) == N, lambda: program.log()[-5000:])
        found = program.stop()
        assert (found["delivered"], found["refused"], found["spooled"]) == (N, 0, 0)
        assert es.numbers() == list(range(N)) and letters(place) == []
        assert program.log().count("unauthorized") < 5


def test_what_is_forbidden_holds_nobody_up(place):
    """403 for some documents, for long: the others go on, from the spool too, and when the block is
    lifted all are there."""
    blocked = threading.Event()
    blocked.set()

    class Guarded(Cluster):
        def store(self, action, document):
            if blocked.is_set() and number_of(document) % 2:
                return 403, ("cluster_block_exception", "index is read only")
            return super().store(action, document)

    with Guarded() as es:
        program = place.follow(f"{ES}.bulk_size", "64k", f"{ES}.flush", "50ms", url=es.url)
        for begin in range(0, 2000, 200):
            place.append(lines(begin, begin + 200))
            time.sleep(0.1)
        wait_until(lambda: len(es.stored) == 1000, lambda: program.log()[-5000:], 30)
        assert es.numbers() == list(range(0, 2000, 2))
        assert program.log().count("read only") < 5 and letters(place) == []
        blocked.clear()
        wait_until(lambda: len(es.stored) == 2000, lambda: program.log()[-5000:], 90)
        found = program.stop()
        assert (found["delivered"], found["refused"], found["spooled"]) == (2000, 0, 0)


# --- Nobody is there -----------------------------------------------------------------------------

def test_import_waits(place):
    """However long it takes; and it ends when it is told to, to go on later."""
    with Cluster(listening=False) as es:
        program = place.start("import", url=es.url, files=log_of(place))
        program.wait_log("cannot deliver")
        time.sleep(2)
        assert program.is_running() and place.spooled() < 10000
        es.start()
        found = program.wait()
        assert found["delivered"] == N and es.numbers() == list(range(N))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_import_stopped_while_nobody_is_there(place, number):
    with Cluster(listening=False) as es:
        program = place.start("import", url=es.url, files=log_of(place))
        program.wait_log("cannot deliver")
        begin = time.monotonic()
        program.signal(number)
        found = program.wait((0, 1, 2, 3, 4, 130, 143), seconds=30)
        assert time.monotonic() - begin < 15
        assert found["delivered"] == 0 and found["stopped"] + found["spooled"] == found["received"]
        es.start()
        found = place.import_(url=es.url, files=log_of(place))
        assert es.numbers() == list(range(N))


def test_resending_stopped_while_the_server_hangs(place):
    """A signal is heard in the middle of a request; the file is there for the next time."""
    letter = {"time": "2026-01-31T12:00:00.000Z", "index": "logs-goflow2.sflow-bulk", "id": "a" * 22,
              "status": 400, "reason": "r", "document": {"sflow": {"sequence_num": 7}}}
    log = place.file("dead.ndjson", json.dumps(letter) + "\n")
    with Cluster(Answer(200, {}, delay=30)) as es:
        program = place.start("import", "-deadletter", log, url=es.url)
        wait_until(lambda: len(es.bulks) == 1, lambda: program.log())
        begin = time.monotonic()
        program.signal(signal.SIGTERM)
        assert program.process.wait(timeout=20) == 1
        assert time.monotonic() - begin < 3 and "interrupted" in program.log()
        es.script.clear()
        program = place.start("import", "-deadletter", log, url=es.url)
        assert program.process.wait(timeout=20) == 0
        assert es.numbers() == [7]


@pytest.mark.parametrize("how", ["nobody listens", "hangs"])
def test_stop_and_start_again(place, how):
    """SIGTERM while the server is away: everything is in the spool, and goes out in order after the
    next start, while new records come."""
    with Cluster(listening=how == "hangs") as es:
        if how == "hangs":
            es.script = [Answer(200, {}, stall=0)] * 1000
        port = programs.free_port()
        one = (f"{ES}.connections", "1")  # of two that are stopped, either may be first to spool
        program = place.follow(*one, url=es.url, listen=f"sflow://127.0.0.1:{port}")
        flows = programs.generated(100, "-flows", "5", "-counters", "0")
        for part in range(3):
            place.append(lines(part * N, (part + 1) * N))
            send(port, flows[part * 20:part * 20 + 20])
            time.sleep(1.2)
        begin = time.monotonic()
        found = program.stop()
        assert time.monotonic() - begin < 15
        assert found["spooled"] == found["received"] == 3 * N + 300 and found["delivered"] == 0
        es.script = []
        if how != "hangs":
            es.start()
        again = place.follow(*one, url=es.url, listen=f"sflow://127.0.0.1:{port}")
        place.append(lines(3 * N, 4 * N))
        send(port, flows[60:])
        wanted = 4 * N + 500
        wait_until(lambda: len(es.stored) == wanted,
                   lambda: f"{len(es.stored)} of {wanted}\n" + again.log()[-5000:])
        found = again.stop()
        assert (found["recovered"], found["received"]) == (3 * N + 300, N + 200)
        assert (found["delivered"], found["spooled"]) == (wanted, 0)
        from_lines = [number_of(d) for d in es.order if d["input"]["type"] == "log"]
        assert sorted(from_lines) == list(range(4 * N))
        old = [n for n in from_lines if n < 3 * N]
        assert old == sorted(old)


def test_killed_while_nobody_is_there(place):
    """kill -9: what was spooled is found, what was not is read again."""
    with Cluster(listening=False) as es:
        for part in range(3):
            program = place.follow(url=es.url)
            place.append(lines(part * N, (part + 1) * N))
            program.wait_log("cannot deliver")
            time.sleep(1.5 * (part % 2) + 0.2)
            program.kill()
        es.start()
        program = place.follow(url=es.url)
        wait_until(lambda: len(es.stored) == 3 * N, lambda: program.log()[-5000:])
        found = program.stop()
        assert es.numbers() == list(range(3 * N))
        assert found["recovered"] > 0 and found["spooled"] == 0


def test_transports_do_not_hold_each_other_up(place):
    """A file gets datagrams at once while Elasticsearch hangs, with and without a spool."""
    out = place.folder / "out"
    for spool in ("1g", "0"):
        with Cluster(*[Answer(200, {}, stall=0)] * 10000) as es:
            port = programs.free_port()
            program = place.start("run", "-listen", f"sflow://127.0.0.1:{port}", "-addr", "",
                                  f"{ES}.spool", spool, "-transport.file", str(out), url=es.url)
            program.wait_log("starting collection")
            time.sleep(0.3)
            datagrams = programs.generated(1000, "-counters", "0")
            begin = time.monotonic()
            send(port, datagrams)
            wait_until(lambda: out.exists() and out.read_bytes().count(b"\n") == 6000,
                       lambda: program.log()[-3000:], seconds=30)
            assert time.monotonic() - begin < 20
            assert es.stored == {}
            found = program.stop(codes=(0, 1, 3))
            assert found["delivered"] == 0 and found["received"] == 6000
            assert found["spooled"] == (6000 if spool == "1g" else 0)
        out.unlink()


def test_spool_full_of_datagrams(place):
    """The oldest go first, and are counted; lines stay."""
    with Cluster(listening=False) as es:
        port = programs.free_port()
        program = place.follow(f"{ES}.spool", "1m", url=es.url, listen=f"sflow://127.0.0.1:{port}")
        place.append(lines(0, N))
        datagrams = programs.generated(6000, "-counters", "0")
        for begin in range(0, 6000, 500):
            send(port, datagrams[begin:begin + 500])
            time.sleep(0.3)
        program.wait_log("cannot deliver")
        time.sleep(2)
        assert place.spooled() < 1.3 * (1 << 20)
        es.start()
        wait_until(lambda: place.spooled() < 20000 and len(es.stored) > 1000,
                   lambda: program.log()[-5000:])
        time.sleep(1.5)
        found = program.stop()
    assert found["spool_full"] > 0 and found["delivered"] == len(es.stored)
    assert found["delivered"] + found["spool_full"] + found["ring_full"] == N + 36000
    of_lines = [d for d in es.order if d["input"]["type"] == "log"]
    assert numbers(of_lines) == list(range(N))
    of_datagrams = [number_of(d) for d in es.order if d["input"]["type"] != "log"]
    last = max(of_datagrams)
    assert set(range(last - 100, last + 1)) <= set(of_datagrams) and min(of_datagrams) > 1


def test_spool_full_of_lines(place):
    """A followed log is not read any further, and none of it is lost."""
    count = 40000
    with Cluster(listening=False) as es:
        program = place.follow(f"{ES}.spool", "1m", url=es.url)
        for part in range(0, count, 4000):
            place.append(lines(part, part + 4000))
            time.sleep(0.2)
        time.sleep(2)
        assert program.is_running() and place.spooled() < 3 << 20
        es.start()
        wait_until(lambda: len(es.stored) == count,
                   lambda: f"{len(es.stored)}\n" + program.log()[-5000:])
        found = program.stop()
    assert (found["delivered"], found["spooled"]) == (count, 0)
    assert not any(found[name] for name in ("spool_full", "ring_full", "stopped"))
    assert es.numbers() == list(range(count))


def test_rollover_while_away(place):
    """An answer is lost with the server, and the stream has rolled over by the time it is back: what
    came out of the spool may be there twice, and is counted."""
    class Rolling(Cluster):
        index = 1

        def store(self, action, document):
            key = (self.index, action["_id"])
            if key in self.stored:
                return 409, ("version_conflict_engine_exception", "document already exists")
            self.stored[key] = document
            return {"status": 201, "_index": f".ds-{action['_index']}-00000{self.index}"}

    def lose(request):
        es.take(request)
        threading.Thread(target=es.stop, args=(True,)).start()
        time.sleep(0.2)
        return Answer(no_answer=True)

    with Rolling() as es:
        program = place.follow(f"{ES}.connections", "1", url=es.url)
        place.append(lines(0, N))
        wait_until(lambda: len(es.stored) == N, lambda: program.log())
        es.script = [lose]
        place.append(lines(N, 2 * N))
        wait_until(lambda: place.spooled() > 1000, lambda: program.log())
        es.index = 2
        lost = len(es.stored) - N
        es.start()
        wait_until(lambda: len(es.stored) >= 2 * N + lost, lambda: program.log()[-5000:])
        found = program.stop()
    assert lost > 0 and found["delivered"] == 2 * N
    assert found["repeats_possible"] >= lost


def test_no_spool(place):
    """Without one a followed log waits, too."""
    with Cluster(listening=False) as es:
        program = place.follow(f"{ES}.spool", "0", url=es.url)
        place.append(lines(0, N))
        program.wait_log("cannot deliver")
        es.start()
        wait_until(lambda: len(es.stored) == N, lambda: program.log()[-5000:])
        found = program.stop()
    assert found["delivered"] == N and place.spooled() == 0


def test_up_and_down(place):
    """A server that comes and goes while lines and datagrams come: nothing is lost or doubled."""
    with Cluster() as es:
        port = programs.free_port()
        program = place.follow(f"{ES}.bulk_size", "64k", url=es.url,
                               listen=f"sflow://127.0.0.1:{port}")
        datagrams = programs.generated(200, "-flows", "5", "-counters", "0")
        for part in range(10):
            place.append(lines(part * N, (part + 1) * N))
            send(port, datagrams[part * 20:part * 20 + 20])
            time.sleep(0.3)
            if part % 3 == 1:
                es.stop(reset=True)
            elif part % 3 == 0 and part > 0:
                es.start()
        wanted = 10 * N + 1000
        wait_until(lambda: len(es.stored) == wanted,
                   lambda: f"{len(es.stored)} of {wanted}\n" + program.log()[-5000:])
        found = program.stop()
    assert (found["delivered"], found["spooled"]) == (wanted, 0)
    from_lines = [d for d in es.order if d["input"]["type"] == "log"]
    assert numbers(from_lines) == list(range(10 * N))
