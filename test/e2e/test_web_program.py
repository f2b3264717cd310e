# SPDX-License-Identifier: Apache-2.0
"""Who may ask weir over HTTP, and what it does with clients that are slow, many, or lie: the whole
program. test_web.py has the server alone."""
import base64
import concurrent.futures
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time

import pytest

from certificates import Authority
from following import wait_until
from programs import free_port, run, weir_collector

PASSWORD = "correct horse"
BCRYPT = {
    "2b": "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
    "2a": "$2a$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
    "2y": "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
}
SLOW_BCRYPT = "$2y$11$abcdefghijklmnopqrstuuJTN457r0dtu1UoHjOqLuxwe4RRV9kEC"
TOKEN = "0123456789abcdef-a.token"
HEALTH = "/api/v1/health"


def hashed(kind, password=PASSWORD):
    if kind in BCRYPT:
        return BCRYPT[kind]
    return subprocess.run(["openssl", "passwd", "-" + kind, password], capture_output=True, text=True,
                          check=True).stdout.strip()


def secret(path, text, mode=0o600):
    with open(path, "w") as out:
        out.write(text)
    os.chmod(path, mode)
    return str(path)


def server(tmp_path, *flags):
    c = weir_collector("-format", "ecs", "-data", str(tmp_path / "data"), "-geoip.city", "none",
                       "-geoip.asn", "none", *flags, http=True)

    def answers():
        assert c.process.poll() is None, c.log_text()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", c.http_port)) == 0
    wait_until(answers, c.log_text, 20)
    return c


def basic(user, password=PASSWORD):
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": "Basic " + pair}


def bearer(token):
    return {"Authorization": "Bearer " + token}


def ask(c, path=HEALTH, method="GET", headers=None, context=None, body=None):
    """Status, headers and body."""
    if context is None:
        connection = http.client.HTTPConnection("127.0.0.1", c.http_port, timeout=20)
    else:
        connection = http.client.HTTPSConnection("localhost", c.http_port, timeout=20,
                                                 context=context)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def status(c, *args, **kw):
    return ask(c, *args, **kw)[0]


def connect(c):
    return socket.create_connection(("127.0.0.1", c.http_port), timeout=20)


# --- Passwords and tokens ---------------------------------------------------------------------------

def test_on_loopback_nothing_is_asked(tmp_path):
    with server(tmp_path) as c:
        code, headers, body = ask(c)
        assert code == 200 and json.loads(body)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert status(c, headers=basic("anybody")) == 200


@pytest.mark.parametrize("kind", ["2a", "2b",
    "2y", "6", "5"])
def test_passwords(tmp_path, kind):
    path = secret(tmp_path / "passwords", f"# people\n\nada:{hashed(kind)}\nbob:{hashed('6', 'x')}\n")
    with server(tmp_path, "-web.password_file", path) as c:
        code, headers, body = ask(c)
        assert code == 401 and headers["WWW-Authenticate"].startswith("Basic ")
        assert "passw" in json.loads(body)["error"]["text"]
        assert status(c, headers=basic("ada")) == 200
        assert status(c, headers=basic("ada")) == 200, "remembered"
        assert status(c, headers=basic("bob", "x")) == 200
        for wrong in (basic("ada", ""), basic("ada", "x"), basic("eve"), basic("", ""),
                      {"Authorization": "Basic !!!"}, {"Authorization": "Basic"},
                      bearer(TOKEN), {"Authorization": "x" * 20000}):
            assert status(c, headers=wrong) == 401, wrong
        for path in ("/metrics", "/__health", "/templates"):
            assert status(c, path) == 200, "open, as goflow2's are"
        assert status(c, "/api/../metrics") in (401, 404)


def test_tokens(tmp_path):
    path = secret(tmp_path / "tokens", f"# of scripts\nscript:{TOKEN}\n{TOKEN[::-1]}\r\n")
    with server(tmp_path, "-web.token_file", path) as c:
        assert ask(c)[1]["WWW-Authenticate"].startswith("Bearer ")
        assert status(c, headers=bearer(TOKEN)) == 200
        assert status(c, headers=bearer(TOKEN[::-1])) == 200
        for wrong in (TOKEN[:-1], TOKEN + "x", "script:" + TOKEN, "", "x"):
            assert status(c, headers=bearer(wrong)) == 401, wrong
        assert status(c, headers=basic("script", TOKEN)) == 401


def test_passwords_are_not_hashed_for_each_request(tmp_path):
    path = secret(tmp_path / "passwords", f"ada:{SLOW_BCRYPT}\n")
    with server(tmp_path, "-web.password_file", path) as c:
        begin = time.monotonic()
        assert status(c, headers=basic("ada")) == 200
        once = time.monotonic() - begin
        begin = time.monotonic()
        for _ in range(50):
            assert status(c, headers=basic("ada")) == 200
        assert time.monotonic() - begin < 25 * once


def test_guesses_are_slowed_and_others_go_on(tmp_path):
    path = secret(tmp_path / "passwords", f"ada:{hashed('6')}\n")
    with server(tmp_path, "-web.password_file", path) as c:
        assert status(c, headers=basic("ada")) == 200
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            answers = list(pool.map(lambda i: ask(c, headers=basic("ada", str(i))), range(60)))
        codes = [a[0] for a in answers]
        assert set(codes) == {401, 429}, codes
        assert codes.count(401) <= 12
        assert all(int(a[1]["Retry-After"]) >= 1 for a in answers if a[0] == 429)
        assert time.monotonic() - begin < 20
        assert status(c, headers=basic("ada")) == 200, "who is known goes on"
        assert status(c, "/metrics") == 200


@pytest.mark.parametrize("flag, text, words", [
    ("password_file", "ada:" + PASSWORD, "htpasswd -B"),
    ("password_file", "ada:$apr1$abcdefgh$0123456789012345678901", "htpasswd -B"),
    ("password_file", "ada:$1$abcdefgh$0123456789012345678901", "htpasswd -B"),
    ("password_file", "ada:abJnggxhB/yWI", "htpasswd -B"),
    ("password_file", "ada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "htpasswd -B"),
    ("password_file", "ada:$6$salt$short", "htpasswd -B"),
    ("password_file", "ada", "line 1"),
    ("password_file", "# nobody", "no users"),
    ("token_file", "short", "line 1"),
    ("token_file", "", "no tokens"),
])
def test_files_that_are_refused(tmp_path, flag, text, words):
    path = secret(tmp_path / "file", text + "\n")
    done = run("check", "-listen", f"sflow://127.0.0.1:{free_port()}", "-addr",
               f"127.0.0.1:{free_port(socket.SOCK_STREAM)}", "-data", str(tmp_path / "data"),
               "-web." + flag, path, codes=(1,))
    said = done.stdout.decode() + done.stderr.decode()
    assert words in said and "-web." + flag in said, said
    assert PASSWORD not in said, "what may be a password is not shown"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o666])
def test_files_that_others_can_read_are_refused(tmp_path, mode):
    path = secret(tmp_path / "file", TOKEN + "\n", mode)
    done = run("check", "-listen", f"sflow://127.0.0.1:{free_port()}", "-addr",
               f"127.0.0.1:{free_port(socket.SOCK_STREAM)}", "-data", str(tmp_path / "data"),
               "-web.token_file", path, codes=(1,))
    assert b"chmod 600" in done.stdout + done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "", "[::]"])
def test_other_machines_need_a_password(tmp_path, host):
    flags = ["-listen", f"sflow://127.0.0.1:{free_port()}", "-addr",
             f"{host}:{free_port(socket.SOCK_STREAM)}", "-data", str(tmp_path / "data"),
             "-geoip.city", "none", "-geoip.asn", "none", "-transport.file", str(tmp_path / "out")]
    done = run(*flags, codes=(1,))
    assert b"-web.password_file" in done.stderr and b"-web.token_file" in done.stderr


def test_files_are_read_again(tmp_path):
    path = secret(tmp_path / "tokens", TOKEN + "\n")
    new = "another-token-of-theirs"
    with server(tmp_path, "-web.token_file", path) as c:
        secret(path, new + "\n")
        c.process.send_signal(signal.SIGHUP)
        wait_until(lambda: status(c, headers=bearer(new)) == 200, c.log_text, 20)
        assert status(c, headers=bearer(TOKEN)) == 401
        secret(path, "bad\n")
        c.process.send_signal(signal.SIGHUP)
        c.wait_for("the old passwords and tokens stay")
        assert status(c, headers=bearer(new)) == 200
        assert new not in c.log_text()


# --- Names and pages of others ----------------------------------------------------------------------

def test_host(tmp_path):
    with server(tmp_path, "-web.hosts", "flows.example.com,other.example.com") as c:
        port = c.http_port
        for host in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "LOCALHOST",
                     "flows.example.com", "Other.Example.com:443", "localhost:1"):
            assert status(c, headers={"Host": host}) == 200, host
        for host in ("evil.example.com", f"evil.example.com:{port}", "localhost.evil.example.com",
                     "127.0.0.1.evil.example.com", "example.com", "[::1]evil", "flows.example.co", "a,b"):
            code, _, body = ask(c, headers={"Host": host})
            assert code == 421, host
            assert "-web.hosts" in body
        assert status(c, "/metrics", headers={"Host": "evil.example.com"}) == 200


def test_pages_of_others_change_nothing(tmp_path):
    with server(tmp_path) as c:
        ours = f"127.0.0.1:{c.http_port}"
        for headers in ({"Origin": "http://evil.example.com"}, {"Origin": "null"},
                        {"Origin": f"http://{ours}.evil.example.com"},
                        {"Origin": "http://127.0.0.1:1"}, {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site", "Origin": f"http://{ours}"}):
            for method in ("POST", "PUT", "DELETE"):
                assert status(c, method=method, headers=headers) == 403, headers
        for headers in ({}, {"Origin": f"http://{ours}"}, {"Sec-Fetch-Site": "same-origin"}):
            assert status(c, method="POST", headers=headers) not in (401, 403, 421), headers
        assert status(c, headers={"Origin": "http://evil.example.com"}) == 200, "it cannot read it"


# --- TLS --------------------------------------------------------------------------------------------

def trusting(authority, version=None):
    context = ssl.create_default_context(cafile=authority.path)
    if version is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    return context


def serial(c, authority):
    with connect(c) as plain, trusting(authority).wrap_socket(plain, server_hostname="localhost") as s:
        return s.getpeercert()["serialNumber"]


@pytest.fixture(name="authority")
def make_authority(tmp_path):
    return Authority(tmp_path / "ca")


def place(certificate, cert, key):
    for source, target in ((certificate.chain, cert), (certificate.key, key)):
        with open(source) as pem:
            secret(target, pem.read())


def test_tls(tmp_path, authority):
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    place(authority.issue("one"), cert, key)
    with server(tmp_path, "-web.cert", cert, "-web.key", key) as c:
        assert status(c, context=trusting(authority)) == 200
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            assert status(c, context=trusting(authority, version)) == 200
        with pytest.raises(OSError):
            with pytest.warns(DeprecationWarning):
                old = trusting(authority, ssl.TLSVersion.TLSv1_1)
            status(c, context=old)
        with connect(c) as s:  # plain HTTP is not answered, and does not hang
            s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200" not in s.recv(1000)
        with connect(c):  # nor does somebody who says nothing
            assert status(c, context=trusting(authority)) == 200


def test_a_new_certificate(tmp_path, authority):
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    place(authority.issue("one"), cert, key)
    with server(tmp_path, "-web.cert", cert, "-web.key", key) as c:
        first = serial(c, authority)
        kept = http.client.HTTPSConnection("localhost", c.http_port, timeout=20,
                                           context=trusting(authority))
        kept.request("GET", HEALTH)
        assert kept.getresponse().read()
        place(authority.issue("two"), cert, key)
        c.process.send_signal(signal.SIGHUP)
        wait_until(lambda: serial(c, authority) != first, c.log_text, 20)
        kept.request("GET", HEALTH)
        assert kept.getresponse().status == 200, "a connection that is there goes on"
        second = serial(c, authority)
        secret(cert, "no PEM\n")
        c.process.send_signal(signal.SIGHUP)
        c.wait_for("the old certificate stays")
        assert serial(c, authority) == second
        for name in ("three", "four", "five"):
            before = serial(c, authority)
            place(authority.issue(name), cert, key)
            c.process.send_signal(signal.SIGHUP)
            wait_until(lambda: serial(c, authority) != before, c.log_text, 20)
        assert c.stop() == 0


def test_nobody_is_dropped_by_a_new_certificate(tmp_path, authority):
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    place(authority.issue("one"), cert, key)
    with server(tmp_path, "-web.cert", cert, "-web.key", key) as c:
        until = time.monotonic() + 5

        def ask_all_the_time(_):
            codes = []
            while time.monotonic() < until:
                codes.append(status(c, context=trusting(authority)))
            return codes
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = pool.map(ask_all_the_time, range(4))
            while time.monotonic() < until - 0.5:
                c.process.send_signal(signal.SIGHUP)
                time.sleep(0.3)
            codes = [code for part in answers for code in part]
        assert len(codes) > 20 and set(codes) == {200}


def test_a_key_that_others_can_read_is_refused(tmp_path, authority):
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    one, two = authority.issue("one"), authority.issue("two")
    place(one, cert, key)
    flags = ("check", "-listen", f"sflow://127.0.0.1:{free_port()}", "-addr",
             f"127.0.0.1:{free_port(socket.SOCK_STREAM)}", "-data", str(tmp_path / "data"))
    os.chmod(key, 0o644)
    done = run(*flags, "-web.cert", cert, "-web.key", key, codes=(1,))
    assert b"-web.key" in done.stdout and b"chmod 600" in done.stdout
    os.chmod(key, 0o600)
    run(*flags, "-web.cert", cert, "-web.key", key)
    done = run(*flags, "-web.cert", cert, "-web.key", two.key, codes=(1,))
    assert b"-web.cert" in done.stdout, "a key of another certificate"
    for half in (("-web.cert", cert), ("-web.key", key)):
        done = run(*flags, *half, codes=(1, 2))
        assert b"-web." in done.stdout + done.stderr


# --- Many, slow and large ---------------------------------------------------------------------------

@pytest.mark.parametrize("count", [20, 300])
def test_slow_clients(tmp_path, count):
    with server(tmp_path) as c:
        slow = [connect(c) for _ in range(count)]
        for s in slow:
            s.sendall(b"GET / HTTP/1.1\r\nX-")
        for _ in range(10):
            begin = time.monotonic()
            assert status(c, "/metrics") == 200
            assert status(c) == 200
            assert time.monotonic() - begin < 5
        for s in slow:
            s.close()
        begin = time.monotonic()
        assert c.stop() == 0
        assert time.monotonic() - begin < 10


def test_many_at_once(tmp_path):
    with server(tmp_path) as c:
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            codes = list(pool.map(lambda _: status(c), range(500)))
        assert codes == [200] * 500


def answer_to(c, *parts):
    """All that comes until the server closes."""
    with connect(c) as s:
        got = b""
        try:
            for part in parts:
                s.sendall(part)
            while data := s.recv(65536):
                got += data
        except ConnectionError:
            pass
        return got


def test_large_requests(tmp_path):
    with server(tmp_path) as c:
        fill = b"x" * (1 << 20)
        end = b"Host: localhost\r\nConnection: close\r\n\r\n"
        assert b" 414 " in answer_to(c, b"GET /api/", fill, b" HTTP/1.1\r\n", end)[:20]
        assert b" 431 " in answer_to(c, b"GET / HTTP/1.1\r\nX-Y: ", fill, b"\r\n", end)[:20]
        many = b"".join(b"X-%d: y\r\n" % i for i in range(20000))
        assert b" 431 " in answer_to(c, b"GET / HTTP/1.1\r\n", many, end)[:20]
        assert b" 413 " in answer_to(c, b"POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n", end)[:20]
        assert status(c) == 200


def test_old_and_odd_clients(tmp_path):
    with server(tmp_path) as c:
        assert answer_to(c, b"GET /__health HTTP/1.0\r\n\r\n").endswith(b"OK\n")
        both = answer_to(c, b"GET /__health HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            b"GET /__health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert both.count(b"OK\n") == 2
        head = answer_to(c, b"HEAD /__health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and head.endswith(b"\r\n\r\n")
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            assert status(c, "/__health", method=method) == 200, "any method, as goflow2"
        with connect(c) as s:  # has said all that it wants to say, and waits for the answer
            s.sendall(b"GET /__health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            s.shutdown(socket.SHUT_WR)
            assert s.recv(1000).startswith(b"HTTP/1.1 200")
        for nonsense in (b"\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
            with connect(c) as s:
                s.sendall(nonsense)
                s.shutdown(socket.SHUT_WR)
                assert b" 200 " not in s.recv(1000)[:20]
        assert status(c) == 200
