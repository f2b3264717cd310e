# SPDX-License-Identifier: Apache-2.0
"""How weir talks to a cluster, by what `weir check` says of a scripted server: certificates,
secrets, proxies, answers of every kind, products old and new, rights and templates."""
import base64
import fcntl
import os
import re
import socket
import subprocess
import threading
import time

import programs
import pytest
from certificates import Authority
from scripted import INFO, Answer, Proxy, Server, info

ES = "-transport.elasticsearch"
STREAM = "logs-goflow2.sflow-default"
NO_PROXY = {k: v for k, v in os.environ.items()
            if not k.lower().endswith("_proxy") and not k.startswith("WEIR_T")}
NOT_FOUND = Answer(404, {"error": {"root_cause": [], "type": "index_not_found_exception",
                                   "reason": "no such index"}, "status": 404})
NO_HANDLER = Answer(400, {"error": "no handler found for uri [/] and method [GET]"})
TEMPLATE = {"template": {"mappings": {"properties": {"source": {"properties": {
    "ip": {"type": "ip"}}}}}}, "overlapping": []}


def rights(monitor=True, create_doc=True, auto_configure=True, stream=STREAM):
    return {"username": "u", "has_all_requested": monitor and create_doc and auto_configure,
            "cluster": {"monitor": monitor}, "application": {},
            "index": {stream: {"create_doc": create_doc, "auto_configure": auto_configure}}}


class Script:
    """A server as it should be, where single answers can be others."""

    def __init__(self, root=INFO, stream=NOT_FOUND, index=404, privileges=None, authinfo=NO_HANDLER,
                 template=TEMPLATE):
        self.root, self.stream, self.index, self.template = root, stream, index, template
        self.privileges = rights() if privileges is None else privileges
        self.authinfo = authinfo

    def __call__(self, request):
        path = request.bare_path
        if path == "/":
            said = self.root
        elif path.startswith("/_data_stream/"):
            said = self.stream
        elif path == "/_security/user/_has_privileges":
            said = self.privileges
        elif path == "/_plugins/_security/authinfo":
            said = self.authinfo
        elif path.startswith("/_index_template/_simulate_index/"):
            said = self.template
        else:
            said = self.index
        return said(request) if callable(said) else said


class Findings:
    def __init__(self, code, out):
        self.code, self.out = code, out
        self.lines = [re.match(r"(\S+) +(\S+) +(.*)", line).groups()
                      for line in out.splitlines()[:-1]]

    def of(self, what):
        return [(verdict, words) for verdict, about, words in self.lines if about == what]

    def has(self, verdict, what, words):
        """A finding with those words; says all of them when there is none."""
        assert any(v == verdict and words in w for v, w in self.of(what)), self.out
        return self

    def lacks(self, what, words):
        assert not any(words in w for _, w in self.of(what)), self.out
        return self

    def fails(self, words):
        assert self.code == 1, self.out
        return self.has("FAIL", "cluster", words)

    def works(self):
        assert self.code == 0 and not any(v == "FAIL" for v, _, _ in self.lines), self.out
        return self


def check(urls, *flags, **env):
    """weir check of that server; whatever it says, no secret is in it."""
    where = [] if urls is None else [ES, urls]
    done = subprocess.run(
        programs.weir_command("check", "-transport", "file", "-addr", "", "-listen",
                              f"sflow://127.0.0.1:{programs.free_port()}", *where,
                              *map(str, flags)),
        capture_output=True, text=True, timeout=60, env={**NO_PROXY, **env})
    assert done.returncode in (0, 1), done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert done.stderr == "" or "msg=" in done.stderr, done.stderr
    return Findings(done.returncode, done.stdout)


def secret(tmp_path, text, mode=0o600, name="secret"):
    path = tmp_path / name
    path.write_text(text)
    path.chmod(mode)
    return str(path)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


@pytest.fixture(scope="module")
def good(ca):
    return ca.issue("good")


# --- What there is to find -----------------------------------------------------------------------


def test_all_is_well():
    with Server(Script()) as es:
        found = check(es.url).works()
        found.has("ok", "cluster", f"{es.url}: elasticsearch 8.19.21, scripted")
        found.has("ok", "stream", f"{STREAM} is not there yet")
        found.has("ok", "rights", "create_doc and auto_configure")
        found.has("ok", "template", "one with ECS mappings applies")
        asked = es.requests[-2] if "has_priv" in es.requests[-2].path else es.requests[-1]
        assert asked.json() == {"cluster": ["monitor"], "index": [
            {"names": [STREAM], "privileges": ["create_doc", "auto_configure"]}]}
        assert asked.headers["content-type"] == "application/json"
        assert all(r.headers["user-agent"].startswith("weir/") for r in es.requests)
        assert all("expect" not in r.headers and "authorization" not in r.headers
                   for r in es.requests)
        assert {r.connection for r in es.requests} == {0}  # one, kept open
        assert {r.method for r in es.requests if "_has_priv" not in r.path
                and "_simulate" not in r.path} <= {"GET", "HEAD"}  # nothing is changed


def test_without_a_server_none_is_asked():
    assert check(None).works().of("cluster") == []


@pytest.mark.parametrize("root, product", [
    (info("7.10.2", flavor="oss"), "elasticsearch 7.10.2"),
    (info("9.5.3"), "elasticsearch 9.5.3"),
    (info("8.11.0", flavor="serverless"), "serverless 8.11.0"),
    (info("1.3.20", "opensearch", None), "opensearch 1.3.20"),
    (info("2.19.6", "opensearch", None), "opensearch 2.19.6"),
    (info("3.6.0", "opensearch", None), "opensearch 3.6.0")])
def test_products_old_and_new(root, product):
    with Server(Script(root)) as es:
        check(es.url).works().has("ok", "cluster", f": {product}, scripted")


@pytest.mark.parametrize("number, old", [("6.8.23", True), ("7.8.1", True), ("7.9.0", False)])
def test_what_has_no_data_streams_is_too_old(number, old):
    with Server(Script(info(number))) as es:
        found = check(es.url)
        if old:
            found.fails("it is too old")
        else:
            found.works()
        if number == "7.8.1":  # a plain index it can fill
            check(es.url, ES + ".index", "flows").lacks("cluster", "too old")


@pytest.mark.parametrize("root", [
    405, 404, 400, 403, Answer(200, "<html>hello</html>", content_type="text/html"),
    Answer(200, "{\"cluster_name\":"), {}, [], Answer(200), Answer(200, b"\0\xff\x1b[31m"),
    info("1.2", "somebody's")])
def test_who_does_not_say_what_it_is_locks_nobody_out(root):
    with Server(Script(root)) as es:
        check(es.url).works().has("warn", "cluster", "does not say what it is")
        for product in ("elasticsearch", "serverless", "opensearch"):
            found = check(es.url, ES + ".product", product).works()
            found.has("ok", "cluster", f": {product}").lacks("cluster", "does not say")
    check("http://127.0.0.1:1", ES + ".product", "solr").fails('product "solr"')


def test_missing_rights_are_named():
    with Server(Script(privileges=rights(create_doc=False))) as es:
        found = check(es.url)
        assert found.code == 1
        found.has("FAIL", "rights", f"create_doc on {STREAM} is missing")
        found.has("FAIL", "rights", '"privileges":["create_doc","auto_configure"]')
        found.lacks("rights", "auto_configure on")
    with Server(Script(privileges=rights(auto_configure=False))) as es:
        found = check(es.url)
        assert found.code == 1
        found.has("FAIL", "rights", "auto_configure on").has("FAIL", "rights", "cannot be made")
    there = {"data_streams": [{"name": STREAM, "template": "logs"}]}
    with Server(Script(privileges=rights(auto_configure=False), stream=there)) as es:
        found = check(es.url).works().has("warn", "rights", "new fields cannot be added")
        found.has("ok", "stream", f"data stream {STREAM} is there")
    with Server(Script(root=403, privileges=rights(monitor=False))) as es:
        check(es.url).works().has("warn", "rights", "monitor on the cluster is missing")


@pytest.mark.parametrize("said", [NO_HANDLER, 404, 405, 410])
def test_security_that_is_off(said):
    with Server(Script(privileges=said)) as es:
        check(es.url).works().has("ok", "rights", "security is off")
    with Server(Script(info("2.19.6", "opensearch", None), authinfo=said)) as es:
        check(es.url).works().has("ok", "rights", "security is off")


def test_rights_that_cannot_be_asked_for():
    denied = Answer(403, {"error": {"type": "security_exception", "reason": "no"}, "status": 403})
    with Server(Script(privileges=denied, stream=denied, template=denied, index=denied)) as es:
        found = check(es.url).works().has("warn", "rights", "security_exception: no")
        found.has("ok", "stream", "cannot be told: security_exception")
        found.has("warn", "template", "cannot be told: security_exception")
    with Server(Script(privileges={"what": "ever"})) as es:
        check(es.url).works().has("warn", "rights", "something else")
    with Server(Script(privileges=Answer(no_answer=True))) as es:
        check(es.url).works().has("warn", "rights", "closed the connection")


def test_opensearch_says_who_one_is():
    who = {"user": "User [name=w]", "user_name": "weir", "roles": ["flows", "own_index"]}
    with Server(Script(info("3.6.0", "opensearch", None), authinfo=who)) as es:
        found = check(es.url).works()
        found.has("ok", "rights", 'weir is weir with the roles ["flows", "own_index"]')
        found.has("ok", "rights", "cannot be asked whether they are enough")
        assert not any("_has_privileges" in r.path for r in es.requests)


def test_templates():
    with Server(Script(template={})) as es:
        check(es.url).works().has("warn", "template", "none applies to " + STREAM
                                  + ": run weir setup")
    with Server(Script(template={"template": {"mappings": {}}})) as es:
        check(es.url).works().has("warn", "template", "without mappings for flows")
    with Server(Script(template=405)) as es:
        check(es.url).works().has("warn", "template", "cannot be told")


@pytest.mark.parametrize("caps, verdict, words", [
    ({"fields": {"source.ip": {"ip": {"type": "ip"}}}}, "ok", f"{STREAM} has ECS mappings"),
    ({"fields": {"source.ip": {"text": {"type": "text"}}}}, "warn", "without mappings for flows"),
    ({"fields": {}}, "warn", "without mappings for flows"),
    (403, "warn", "which mappings")])
def test_a_server_that_does_not_simulate_what_is_there(caps, verdict, words):
    """OpenSearch says 500 when a data stream has the name; then its mappings count."""
    clash = Answer(500, {"error": {"type": "illegal_state_exception", "reason": "not unique"}})
    there = {"data_streams": [{"name": STREAM, "template": "logs"}]}
    with Server(Script(stream=there, template=clash, index=caps)) as es:
        check(es.url).works().has(verdict, "template", words)


def test_the_stream_is_the_one_that_is_written_to():
    with Server(Script(privileges=rights(stream="logs-net.flow-lab"))) as es:
        check(es.url, "-ecs.dataset", "net.flow", "-ecs.namespace", "lab").works()
        assert any(r.path == "/_data_stream/logs-net.flow-lab" for r in es.requests)
    with Server(Script(privileges=rights(stream="mine"), index=200)) as es:
        check(es.url, ES + ".index", "mine").works().has("ok", "stream", "mine is there, an index")
    with Server(Script(stream=405, index=200)) as es:
        check(es.url).works().has("ok", "stream", f"{STREAM} is there")
    with Server(Script(stream=405, index=403)) as es:
        check(es.url).works().has("ok", "stream", "cannot be told")
    for name in ("a/b", "Mine", "_all", "a,b", "a*", "a b", "a?x=1", "-a", "x" * 300):
        with Server(Script()) as es:
            found = check(es.url, ES + ".index", name)
            assert found.code == 1 and es.requests == []
            found.has("FAIL", "stream", "is no name")


@pytest.mark.parametrize("said, verdict, words", [
    ({"mine": {"processors": []}}, "ok", "mine is there"),
    (Answer(404, {}), "FAIL", "mine is not there"),
    (Answer(403, {"error": {"type": "security_exception", "reason": "no"}}), "warn", "told: secur"),
    (NO_HANDLER, "warn", "cannot be told")])
def test_the_pipeline_that_is_asked_for(said, verdict, words):
    def answer(request):
        return said if request.path == "/_ingest/pipeline/mine" else Script()(request)
    with Server(answer) as es:
        found = check(es.url, ES + ".pipeline", "mine").has(verdict, "pipeline", words)
        assert found.code == int(verdict == "FAIL")
        for none in ("none", "default", ""):
            assert check(es.url, ES + ".pipeline", none).works().of("pipeline") == []
        check(es.url, ES + ".pipeline", "a/b").has("FAIL", "pipeline", "is no name")


# --- Certificates --------------------------------------------------------------------------------


def test_a_ca_that_is_known_and_one_that_is_not(ca, good, tmp_path):
    other = Authority(tmp_path / "other")
    with Server(Script(), tls=good) as es:
        check(es.url, ES + ".ca", ca.path).works()
        check(es.url).fails("not signed by a CA that is trusted; see -transport.elasticsearch.ca")
        check(es.url, ES + ".ca", other.path).fails("not signed by a CA that is trusted")
        check(es.url, ES + ".insecure").works().has("warn", "cluster", "any certificate")
        assert es.requests and es.connections >= 4


def test_a_ca_by_its_fingerprint(ca, good, tmp_path):
    other = Authority(tmp_path / "other")
    flag = ES + ".ca_fingerprint"
    with Server(Script(), tls=good) as es:
        check(es.url, flag, ca.fingerprint).works()
        check(es.url, flag, ca.fingerprint.replace(":", "").lower()).works()
        seen = len(es.requests)
        check(es.url, flag, other.fingerprint).fails("none of its certificates has the fingerprint")
        assert len(es.requests) == seen  # nothing was said to it
        check(es.url, flag, "ab:cd").fails("64 digits")
        check(es.url, flag, ca.fingerprint + ":00").fails("64 digits")
        check(es.url, flag, "x" * 64).fails("64 digits")
    with Server(Script(), tls=good, chain=False) as es:  # the CA's is not sent along
        check(es.url, flag, ca.fingerprint).fails("it has to send its CA's")


def test_the_fingerprint_of_something_else_is_no_way_in(ca, tmp_path):
    leaf = Authority(tmp_path / "leaf", is_ca=False)  # the server's own, signed by itself

    class Own:
        cert, chain, key = leaf.path, leaf.path, leaf.key
    with Server(Script(), tls=Own) as es:
        check(es.url, ES + ".ca_fingerprint", leaf.fingerprint).fails("its CA's is needed")
        check(es.url).fails("signed by nobody but itself")
    forged = Authority(tmp_path / "forged", name="a test's CA").issue("forged")
    with open(forged.chain, "w") as out:  # another CA's, with the pinned one beside it
        out.write(open(forged.cert).read() + open(ca.path).read())
    with Server(Script(), tls=forged) as es:
        found = check(es.url, ES + ".ca_fingerprint", ca.fingerprint)
        assert found.code == 1 and es.requests == [], found.out


@pytest.mark.parametrize("by", ["ca", "ca_fingerprint"])
def test_names_and_dates_count_however_the_ca_is_known(ca, by):
    flags = [f"{ES}.{by}", ca.path if by == "ca" else ca.fingerprint]
    with Server(Script(), tls=ca.issue("name" + by, names="DNS:es2,IP:192.0.2.1")) as es:
        check(es.url, *flags).fails("its certificate is for another name (es2, 192.0.2.1)")
        assert es.requests == []
    with Server(Script(), tls=ca.issue("old" + by, until="20210101000000Z")) as es:
        check(es.url, *flags).fails("a certificate has expired")
        assert es.requests == []
    with Server(Script(), tls=ca.issue("client" + by, client=True)) as es:
        found = check(es.url, *flags)  # a certificate for clients
        assert found.code == 1 and es.requests == []


def test_client_certificates(ca, good, tmp_path):
    client = ca.issue("client", client=True)
    stranger = Authority(tmp_path / "stranger").issue("stranger", client=True)
    flags = [ES + ".ca", ca.path]
    with Server(Script(), tls=good, client_ca=ca.path) as es:
        check(es.url, *flags, ES + ".cert", client.cert, ES + ".key", client.key).works()
        check(es.url, *flags).fails("it wants a client certificate; see -transport.elasticsearch.c")
        check(es.url, *flags, ES + ".cert", stranger.cert, ES + ".key", stranger.key).fails(
            "it does not believe -transport.elasticsearch.cert")


def test_files_of_certificates_are_looked_at_first(ca, good, tmp_path):
    client = ca.issue("mine", client=True)
    url, cert, key = "https://127.0.0.1:1", ES + ".cert", ES + ".key"
    check(url, cert, client.cert, key, good.key).fails("does not belong to")
    check(url, cert, client.key, key, client.key).fails("cert: ")
    check(url, cert, client.cert, key, client.cert).fails("key: ")
    check(url, cert, "/nowhere", key, client.key).fails("cert: cannot read /nowhere")
    check(url, cert, client.cert, key, "/nowhere").fails("key: cannot read /nowhere")
    check(url, ES + ".ca", "/nowhere").fails("ca: cannot read /nowhere")
    check(url, ES + ".ca", client.key).fails("holds no certificate")
    open_key = tmp_path / "open.key"
    open_key.write_text(open(client.key).read())
    open_key.chmod(0o644)
    check(url, cert, client.cert, key, open_key).fails("everybody on this machine can read")
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "ec", "-aes128", "-passout", "pass:x", "-in", client.key, "-out",
                    locked], check=True, capture_output=True, timeout=20)
    check(url, cert, client.cert, key, locked).fails("one that needs a password")


# --- Secrets -------------------------------------------------------------------------------------


def authorizations(es):
    return {r.headers.get("authorization") for r in es.requests}


def test_secrets_from_files_and_the_environment(tmp_path):
    env = "WEIR_TRANSPORT_ELASTICSEARCH_"
    encoded = base64.b64encode(b"id:hunter2").decode()
    basic = "Basic " + base64.b64encode(b"elastic:hunter2").decode()
    for flags, given, want in (
            ([ES + ".api_key_file", secret(tmp_path, "id:hunter2\n", name="a")], {},
             "ApiKey " + encoded),
            ([ES + ".api_key_file", secret(tmp_path, encoded + "\n", name="b")], {},
             "ApiKey " + encoded),
            ([], {env + "API_KEY": "id:hunter2"}, "ApiKey " + encoded),
            ([], {env + "API_KEY": encoded}, "ApiKey " + encoded),
            ([ES + ".user", "elastic", ES + ".password_file",
              secret(tmp_path, "hunter2", name="c")], {}, basic),
            ([ES + ".user", "elastic"], {env + "PASSWORD": "hunter2"}, basic),
            ([ES + ".token_file", secret(tmp_path, "hunter2", 0o640, "d")], {}, "Bearer hunter2"),
            ([], {env + "TOKEN": "hunter2"}, "Bearer hunter2")):
        with Server(Script()) as es:
            check(es.url, *flags, **given).works().has("warn", "cluster", "in the clear")
            assert authorizations(es) == {want}


def test_secrets_that_are_none_or_open_are_refused(tmp_path):
    with Server(Script()) as es:
        for text, mode, words in (("hunter2", 0o604, "everybody on this machine can read"),
                                  ("hunter2", 0o600, "no API key"), ("", 0o600, "is empty"),
                                  ("id:hunter2\nX-A: b", 0o600, "one line")):
            path = secret(tmp_path, text, mode)
            check(es.url, ES + ".api_key_file", path).fails(words)
        check(es.url, ES + ".api_key_file", "/nowhere").fails("cannot read /nowhere")
        check(es.url, WEIR_TRANSPORT_ELASTICSEARCH_TOKEN="hunter2\r\nX-A: b").fails("one line")
        check("https://elastic:hunter2@es1").fails("do not belong into an URL")
        check(es.url, ES + ".user", "elastic").fails("needs a password")
        assert es.requests == []


def test_a_secret_is_read_again_when_it_is_not_taken(tmp_path):
    path = secret(tmp_path, "old")
    new = "Bearer new"

    def answer(request):
        if request.headers["authorization"] != new:
            secret(tmp_path, "new\n")  # rotated just now
            return Answer(401, "Unauthorized")
        return Script()(request)
    with Server(answer) as es:
        check(es.url, ES + ".token_file", path).works()
        said = [r.headers["authorization"] for r in es.requests]
        assert said[:2] == ["Bearer old", new] and set(said[1:]) == {new}
        assert es.requests[0].path == es.requests[1].path


def test_a_secret_that_is_wrong_is_not_tried_for_ever(tmp_path):
    said = Answer(401, {"error": {"type": "security_exception", "reason": "unable to authenticate"},
                        "status": 401}, headers={"WWW-Authenticate": 'ApiKey, Basic realm="x"'})
    with Server(said) as es:
        flags = [ES + ".token_file", secret(tmp_path, "hunter2")]
        check(es.url, *flags).fails("security_exception: unable to authenticate")
        assert len(es.requests) == 1
        check(es.url).fails("unable to authenticate")

    def remove(request):
        os.unlink(flags[1])
        return said
    with Server(remove) as es:
        check(es.url, *flags).fails("unable to authenticate")  # what it had is what it has


# --- Answers -------------------------------------------------------------------------------------


def test_redirects_are_not_followed(tmp_path):
    with Server(Script()) as trap:
        moved = Answer(302, headers={"Location": trap.url + "/login?next=hunter2"})
        with Server(moved) as es:
            found = check(es.url, ES + ".token_file", secret(tmp_path, "hunter2"))
            found.fails(f"{es.url}: it sends us on to {trap.url}/login,")
        assert trap.connections == 0


@pytest.mark.parametrize("answer, words", [
    (Answer(503, "<html>no</html>"), "HTTP 503, unavailable"),
    (Answer(502, ""), "HTTP 502, bad gateway"),
    (Answer(500, {"error": {"type": "a", "reason": "b"}}), "a: b"),
    (Answer(200, "x" * 100, cut=150), "the answer was cut off"),
    (Answer(200, "x" * 100, cut=30), "the answer was cut off"),
    (Answer(200, "x" * 100, cut=5), ""),
    (Answer(no_answer=True), "closed the connection without an answer; is it https://?"),
    (Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n"), "does not speak HTTP"),
    (Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), ""),
    (Answer(200, "x" * 100, stall=30), "no answer after 0.5"),
    (Answer(200, "x" * 100, stall=150), "no answer after 0.5"),
    (Answer(200, INFO, delay=3), "no answer after 0.5"),
    (Answer(200, INFO, drip=0.05), "no answer after 0.5")])
def test_answers_that_are_no_use(answer, words):
    with Server(answer) as es:
        begin = time.monotonic()
        check(es.url, ES + ".timeout", "500ms").fails(words).has("FAIL", "cluster", es.url)
        assert time.monotonic() - begin < 10


def test_nobody_there():
    port = programs.free_port(socket.SOCK_STREAM)
    check(f"http://127.0.0.1:{port}").fails(f"http://127.0.0.1:{port}: Connection refused")
    check("https://nobody.invalid").fails("https://nobody.invalid:9200: no such host")
    with socket.socket() as full:  # nobody accepts, and the queue is full: no connection at all
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(3):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(full.getsockname())
        check(f"http://127.0.0.1:{full.getsockname()[1]}", ES + ".timeout", "500ms").fails(
            "no connection after 0.5")
        for one in waiting:
            one.close()


def test_the_wrong_scheme(ca, good):
    with Server(Script()) as es:
        check(es.url.replace("http:", "https:")).fails("it does not speak TLS; is it http://?")
    with Server(Script(), tls=good) as es:
        check(es.url.replace("https:", "http:")).fails("is it https://?")


def test_of_two_nodes_one_is_enough():
    with Server(Script()) as es:
        dead = f"http://127.0.0.1:{programs.free_port(socket.SOCK_STREAM)}"
        for urls in (f"{es.url},{dead}", f"{dead},{es.url}", f"{dead}, {es.url}/"):
            found = check(urls).works().has("warn", "cluster", f"{dead}: Connection refused")
            found.has("ok", "cluster", "elasticsearch 8.19.21")
        with Server(503) as busy:
            check(f"{busy.url},{es.url}").works().has("warn", "cluster", busy.url + ": HTTP 503")
            assert len(busy.requests) == 1  # it rests
        with Server(Script()) as second:
            seen = len(es.requests)
            check(f"{es.url},{second.url}").works()
            assert len(es.requests) - seen >= 2 and len(second.requests) >= 2  # they take turns
        other = f"http://127.0.0.1:{programs.free_port(socket.SOCK_STREAM)}"
        found = check(f"{dead},{other}")
        found.fails(dead + ": Connection refused").fails(other + ": Connection refused")


def test_a_path_in_front_and_ipv6():
    with Server(lambda r: INFO if r.path == "/es/" else 404) as es:
        check(es.url + "/es/").has("ok", "cluster", f"{es.url}/es: elasticsearch")
        assert all(r.path.startswith("/es/") for r in es.requests)
    try:
        six = Server(Script(), host="::1")
    except OSError:
        pytest.skip("no IPv6 here")
    with six as es:
        check(es.url).works().has("ok", "cluster", es.url)


# --- The way there -------------------------------------------------------------------------------


def test_proxies_of_the_environment(ca, good):
    with Server(lambda r: INFO if r.path.endswith(":9200/") else 404) as proxy:
        check("http://es1.example.com:9200", http_proxy=proxy.url).has("ok", "cluster", "8.19.21")
        assert proxy.requests[0].path == "http://es1.example.com:9200/"
        with Server(Script()) as es:
            seen = len(proxy.requests)
            check(es.url, http_proxy=proxy.url, no_proxy="127.0.0.1").works()
            assert len(proxy.requests) == seen
    with Server(Script(), tls=good) as es, Proxy() as proxy:
        check(es.url, ES + ".ca", ca.path, https_proxy=proxy.url,
              WEIR_TRANSPORT_ELASTICSEARCH_TOKEN="hunter2").works()
        assert proxy.requests[0].path == es.url.removeprefix("https://")
        assert "authorization" not in proxy.requests[0].headers  # that is for the server
        assert authorizations(es) == {"Bearer hunter2"}
        check(es.url, https_proxy=proxy.url).fails("not signed by a CA that is trusted")
    with Server(Answer(407)) as proxy:
        check("https://es1.example.com", https_proxy=proxy.url.replace("://", "://u:hunter2@")).fails(
            "407")
    check("https://es1.example.com", https_proxy="http://nobody.invalid:3128").fails(
        "the proxy that the environment names is no such host")


def test_cloud_ids(ca):
    plain = "us-east-1.aws.example.com$abc$def"
    cloud = "flows:" + base64.b64encode(plain.encode()).decode()
    with Server(Script(), tls=ca.issue("cloud", names="DNS:abc.us-east-1.aws.example.com")) as es:
        class There(Proxy):  # wherever it wants to go
            def one(self, connection, stream, number):
                stream.readline()
                while stream.readline().strip():
                    pass
                with socket.create_connection(("127.0.0.1", es.port)) as far:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    back = threading.Thread(target=self.pump, args=(far, connection), daemon=True)
                    back.start()
                    self.pump(connection, far)
                    back.join(5)
                return False
        with There() as proxy:
            found = check(None, ES + ".cloud_id", cloud, ES + ".ca", ca.path,
                          https_proxy=proxy.url).works()
        found.has("ok", "cluster", "https://abc.us-east-1.aws.example.com:443: elasticsearch")
        assert es.requests[0].headers["host"] in ("abc.us-east-1.aws.example.com",
                                                  "abc.us-east-1.aws.example.com:443")
    check(None, ES + ".cloud_id", "flows:nonsense").fails("cloud_id")
    check("https://es1", ES + ".cloud_id", cloud).fails("exclude each other")


@pytest.mark.parametrize("url, words", [
    ("es1:9200", "begin with https:// or http://"), ("ftp://es1", "only https:// and http://"),
    ("https://es1:x", "the port is wrong"), ("https://", "the host is wrong"),
    ("https://es1,", "an URL is missing"), ("https://es1/?a", "the path is wrong")])
def test_urls_that_are_none(url, words):
    check(url).fails(words)


# --- What is kept here ---------------------------------------------------------------------------

def test_what_is_kept_here(tmp_path):
    """Where the spool and refused documents are, without making either; and who has the spool."""
    data, flags = tmp_path / "data", ["-transport", "elasticsearch", "-data", tmp_path / "data"]
    with Server(Script()) as es:
        found = check(es.url, *flags).works()
        found.has("ok", "output", f"{data}/deadletter/elasticsearch.ndjson")
        found.has("ok", "spool", f"{data}/spool/elasticsearch").lacks("spool", "another weir")
        assert not data.exists()
        check(es.url, *flags, f"{ES}.spool", "0").works().has("warn", "spool", "none")
        check(es.url, *flags, f"{ES}.spool", "5").has("FAIL", "output", "at least 1m")
        (data / "spool/elasticsearch").mkdir(parents=True)
        with open(data / "spool/elasticsearch/lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            check(es.url, *flags).works().has("warn", "spool", "another weir has it now")
        check(es.url, *flags).works().lacks("spool", "another weir")
