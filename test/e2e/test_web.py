# SPDX-License-Identifier: Apache-2.0
"""The web server as its clients see it, good ones and bad ones: test/e2e/server_tool.c has its paths."""
import base64
import concurrent.futures
import contextlib
import os
import signal
import socket
import ssl
import stat
import subprocess
import time

import pytest

import programs
from certificates import Authority

TOKEN = "0123456789abcdef"


def tool_command(*args):
    path = os.path.join(os.path.dirname(programs.weir_path()), "test", "e2e", "server_tool")
    wrap = ["setarch", "-R"] if "san" in path else []
    return [*wrap, path, *args]


class Tool:
    """A server on loopback, or on `host`."""

    def __init__(self, host="127.0.0.1", local="", cert="", key="", passwords="", tokens="", hosts=""):
        self.host, self.local = host, str(local)
        self.port = programs.free_port(socket.SOCK_STREAM)
        at = f"[{host}]" if ":" in host else host
        self.process = subprocess.Popen(
            tool_command(f"{at}:{self.port}", self.local, str(cert), str(key), str(passwords),
                         str(tokens), hosts), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline().strip()

    def __enter__(self):
        assert self.first == "ready", self.first + self.process.stderr.read()
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            _, stderr = self.process.communicate(timeout=20)
        finally:
            self.process.kill()
        if kind is None:
            assert self.process.returncode == 0, stderr
            assert stderr == ""

    def connect(self, timeout=30):
        return socket.create_connection((self.host, self.port), timeout=timeout)

    def connect_local(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30)
        s.connect(self.local)
        return s

    def ask(self, path, *headers, method="GET", body=b"", s=None, version="1.1"):
        """Status, head and body of one request on a connection of its own."""
        with s or self.connect() as s:
            given = {h.split(":")[0].lower() for h in headers}
            lines = [f"{method} {path} HTTP/{version}", *headers, "Connection: close"]
            lines += [] if "host" in given else [f"Host: {self.host}:{self.port}"]
            lines += [f"Content-Length: {len(body)}"] if body else []
            s.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            return answer(s)

    def state(self):
        text = self.ask("/state")[2].decode()
        return dict(part.split("=") for part in text.split())

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        return self.process.stdout.readline().strip()


def read_all(s):
    data = b""
    while chunk := s.recv(65536):
        data += chunk
    return data


def answer(s):
    head, _, body = read_all(s).partition(b"\r\n\r\n")
    assert head, "closed without an answer"
    return int(head.split()[1]), head.decode().lower(), body


def ends_within(s, seconds):
    """Whether the server closes the connection by then, whatever it says before."""
    until = time.monotonic() + seconds
    try:
        while True:
            s.settimeout(max(0.01, until - time.monotonic()))
            if not s.recv(65536):
                return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def echoed(body):
    return dict(line.split("=", 1) for line in body.decode().splitlines() if "=" in line)


def secret(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


# --- Requests and answers ------------------------------------------------------------------------

def test_what_a_handler_is_told():
    with Tool() as t:
        status, head, body = t.ask("/echo%20a/b?x=%41+b&y", "X-Test: one")
        assert status == 200
        assert echoed(body) == {"method": "GET", "path": "/echo a/b", "query": "x=%41+b&y", "body": "0",
                                "local": "0", "peer": "127.0.0.1", "header": "one"}
        for line in ("x-content-type-options: nosniff", "cache-control: no-store"):
            assert head.count(line) == 1
        assert "server:" not in head
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"):
            assert echoed(t.ask("/echo", method=method)[2])["method"] == method
        assert echoed(t.ask("/echo", version="1.0")[2])["path"] == "/echo"
        assert echoed(t.ask("/echo?")[2])["query"] == ""
        assert t.ask("/open%00x")[0] == 400
        assert t.ask("/open?%00")[0] == 200


def test_ipv6_and_mapped_addresses(tmp_path):
    tokens = secret(tmp_path / "t", TOKEN)
    with Tool(host="::1") as t:
        assert echoed(t.ask("/echo", f"Host: [::1]:{t.port}")[2])["peer"] == "::1"
    with Tool(host="::", tokens=tokens) as t:
        t.host = "127.0.0.1"
        assert echoed(t.ask("/echo", f"Authorization: Bearer {TOKEN}")[2])["peer"] == "127.0.0.1"


def test_head_has_no_body():
    with Tool() as t:
        status, head, body = t.ask("/large?100000", method="HEAD")
        assert (status, body) == (200, b"") and "content-length: 100000" in head
        assert t.ask("/endless", method="HEAD")[2] == b""
        assert t.state()["closed"] == "1"


def test_pipelined_requests_are_answered_in_order():
    with Tool() as t, t.connect() as s:
        host = f"Host: 127.0.0.1:{t.port}"
        s.sendall("".join(f"GET /echo?{i} HTTP/1.1\r\n{host}\r\n" +
                          ("Connection: close\r\n" if i == 49 else "") + "\r\n"
                          for i in range(50)).encode())
        text = read_all(s).decode()
        assert [line for line in text.splitlines() if line.startswith("query=")] == \
               [f"query={i}" for i in range(50)]


def test_large_answers_are_whole():
    with Tool() as t:
        for size in (0, 1, 32767, 32768, 32769, 5_000_000, 64 << 20):
            status, _, body = t.ask(f"/large?{size}")
            assert (status, len(body)) == (200, size)
        status, _, body = t.ask(f"/large?{(64 << 20) + 1}")
        assert status == 500 and b"too large" in body


def test_bodies_are_read_and_forgotten():
    with Tool() as t:
        assert echoed(t.ask("/echo", method="POST", body=b"x" * 500_000)[2])["body"] == "0"
        status, _, body = t.ask("/echo", method="POST", body=b"x" * 3_000_000)
        assert (status, body) == (413, b"The body is too large.\n")
        with t.connect() as s:  # its size is not announced
            s.sendall(f"POST /echo HTTP/1.1\r\nHost: 127.0.0.1:{t.port}\r\nConnection: close\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n".encode())
            for _ in range(30):
                s.sendall(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
            s.sendall(b"0\r\n\r\n")
            assert answer(s)[0] == 413
        for length in ("99999999999999999999999", "-1", "x"):
            with t.connect() as s:
                s.sendall(f"POST /echo HTTP/1.1\r\nHost: 127.0.0.1:{t.port}\r\n"
                          f"Content-Length: {length}\r\n\r\n".encode())
                assert answer(s)[0] in (400, 413)


def test_streams():
    with Tool() as t:
        status, head, body = t.ask("/stream?3")
        assert status == 200 and "text/event-stream" in head and "chunked" in head
        assert body.endswith(b"\r\n0\r\n\r\n") and b"data: 2\n\n" in body and b"data: 0\n\n" in body
        assert t.ask("/stream?3", version="1.0")[2] == b"data: 2\n\ndata: 1\n\ndata: 0\n\n"
        with t.connect() as s:  # each piece comes when it is there
            s.sendall(f"GET /endless HTTP/1.1\r\nHost: 127.0.0.1:{t.port}\r\n\r\n".encode())
            begin = time.monotonic()
            assert b"200" in s.recv(65536)
            assert time.monotonic() - begin < 2


def wait_for(t, key, value, seconds=10):
    until = time.monotonic() + seconds
    while t.state()[key] != value:
        assert time.monotonic() < until, t.state()
        time.sleep(0.05)


def test_clients_that_go_away_are_noticed():
    with Tool() as t:
        request = f" HTTP/1.1\r\nHost: 127.0.0.1:{t.port}\r\n\r\n"
        with contextlib.ExitStack() as stack:
            for path in ("/slow", "/quiet", "/endless"):
                stack.enter_context(t.connect()).sendall(f"GET {path}{request}".encode())
            time.sleep(0.3)
            assert t.state() == {"closed": "0", "gone": "0"}
        wait_for(t, "closed", "2")
        wait_for(t, "gone", "1")
        with t.connect() as s:  # it is still there, but says that no more comes
            s.sendall(f"GET /slow{request}".encode())
            s.shutdown(socket.SHUT_WR)
            wait_for(t, "gone", "2")
            assert answer(s)[2] == b"late\n"
        with t.connect() as s:  # and what is quick is answered all the same
            s.sendall(f"GET /echo?half{request}".encode())
            s.shutdown(socket.SHUT_WR)
            assert echoed(answer(s)[2])["query"] == "half"


def test_stopping_ends_streams_at_once():
    with Tool() as t, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(t.connect()) for _ in range(30)]
        for number, s in enumerate(clients):
            path = ("/endless", "/quiet", "/slow")[number % 3]
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{t.port}\r\n\r\n".encode())
        time.sleep(0.5)
        begin = time.monotonic()
        t.process.terminate()
        t.process.wait(timeout=20)
        assert time.monotonic() - begin < 2
        for s in clients:
            with contextlib.suppress(ConnectionError):
                assert not read_all(s).endswith(b"0\r\n\r\n")  # nobody takes it for the whole


# --- Too much, too slow --------------------------------------------------------------------------

def test_long_urls_and_headers_are_refused_with_an_answer():
    with Tool() as t:
        assert echoed(t.ask("/echo?" + "x" * 40_000)[2])["query"] == "x" * 40_000
        for path, headers in (("/echo?" + "x" * 1_000_000, ()), ("/" + "x" * 1_000_000, ()),
                              ("/echo", ("X-Test: " + "x" * 1_000_000,)),
                              ("/echo", [f"X-{i}: {i}" for i in range(50_000)]),
                              ("/echo?" + "&".join("a=b" for _ in range(50_000)), ())):
            begin = time.monotonic()
            assert t.ask(path, *headers)[0] in (414, 431), path[:20]
            assert time.monotonic() - begin < 5
        assert t.ask("/open")[0] == 200


def test_garbage_is_no_request():
    with Tool() as t:
        for data in (b"\0" * 1000, b"\x16\x03\x01\x02\x00\x01\x00" + b"x" * 500, b"GET\r\n\r\n",
                     b"GET / HTTP/1.1\r\n: x\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 1000,
                     b"GET /open HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"):
            with t.connect() as s:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                assert ends_within(s, 15), data[:20]
        assert t.ask("/open")[0] == 200


def drip(sockets, seconds, data=b"X"):
    """A byte to each now and then; when each of them was closed."""
    begin, ended = time.monotonic(), {}
    while len(ended) < len(sockets) and time.monotonic() - begin < seconds:
        for s in sockets:
            if s in ended:
                continue
            try:
                s.send(data)
                s.setblocking(False)
                if s.recv(1000) == b"":
                    ended[s] = time.monotonic() - begin
            except BlockingIOError:
                pass
            except OSError:
                ended[s] = time.monotonic() - begin
        time.sleep(0.2)
    return ended


def test_slow_requests_are_shut_down():
    with Tool() as t, contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(t.connect()) for _ in range(20)]
        for s in sockets[:10]:
            s.sendall(b"GET /open HTTP/1.1\r\nX-Slow: ")
        ended = drip(sockets, 25)
        assert len(ended) == 20
        assert all(8 < seconds < 13 for seconds in ended.values()), sorted(ended.values())


def test_slow_bodies_and_idle_connections_are_shut_down():
    with Tool() as t, contextlib.ExitStack() as stack:
        slow = stack.enter_context(t.connect())
        slow.sendall(f"POST /open HTTP/1.1\r\nHost: 127.0.0.1:{t.port}\r\n"
                     "Content-Length: 100000\r\n\r\n".encode())
        idle = stack.enter_context(t.connect())
        idle.sendall(f"GET /open HTTP/1.1\r\nHost: 127.0.0.1:{t.port}\r\n\r\n".encode())
        begin = time.monotonic()
        ended = drip([slow], 25)
        assert 8 < ended[slow] < 13
        assert not ends_within(idle, 5)
        assert ends_within(idle, 30)
        assert 27 < time.monotonic() - begin < 36


def test_three_hundred_slow_clients_lock_nobody_out():
    with Tool() as t, contextlib.ExitStack() as stack:
        sockets = []
        worker = stack.enter_context(t.connect())
        worker.sendall(f"GET /endless HTTP/1.1\r\nHost: 127.0.0.1:{t.port}\r\n\r\n".encode())
        assert b"200" in worker.recv(65536)
        for _ in range(300):
            s = stack.enter_context(t.connect())
            s.sendall(b"GET /open HTTP/1.1\r\nX-Slow: ")
            sockets.append(s)
        for _ in range(20):  # other clients are served at once
            begin = time.monotonic()
            assert t.ask("/open")[0] == 200
            assert time.monotonic() - begin < 2
        assert worker.recv(65536)  # and who is being served goes on
        assert not ends_within(worker, 0.5)


def test_three_hundred_at_once_are_all_answered():
    with Tool() as t, contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(t.connect()) for _ in range(170)]  # idle ones
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            found = list(pool.map(lambda _: t.ask("/large?100000"), range(300)))
        assert all(status == 200 and len(body) == 100_000 for status, _, body in found)
        assert sockets


def test_fifty_clients_that_stay():
    with Tool() as t:
        def client(number):
            with t.connect() as s:
                for i in range(20):
                    last = "Connection: close\r\n" if i == 19 else ""
                    s.sendall(f"GET /echo?{number}.{i} HTTP/1.1\r\nHost: 127.0.0.1:{t.port}\r\n{last}\r\n"
                              .encode())
                    data = b""
                    while b"header=" not in data:
                        chunk = s.recv(65536)
                        assert chunk
                        data += chunk
                    assert f"query={number}.{i}\n".encode() in data
            return True
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            assert all(pool.map(client, range(50)))


def test_a_client_that_never_reads_is_shut_down():
    with Tool() as t, contextlib.ExitStack() as stack:
        for path in ("/large?60000000", "/endless"):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(30)
            s.connect(("127.0.0.1", t.port))
            stack.enter_context(s)
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{t.port}\r\n\r\n".encode())
            if path == "/endless":
                continue
            time.sleep(34)
            with contextlib.suppress(ConnectionError):  # it ends before all of it has come
                total = 0
                while chunk := s.recv(65536):
                    total += len(chunk)
                assert total < 60_000_000
        assert t.ask("/open")[0] == 200


# --- The local socket ----------------------------------------------------------------------------

def test_the_local_socket(tmp_path):
    path = tmp_path / "weir.sock"
    with Tool(local=path, tokens=secret(tmp_path / "t", TOKEN)) as t:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert t.ask("/echo")[0] == 401
        status, _, body = t.ask("/echo", method="POST", body=b"0123456789" * 100_000, s=t.connect_local())
        assert status == 200 and body.endswith(b"0123456789" * 100_000)
        assert echoed(body[:200])["local"] == "1" and echoed(body[:200])["peer"] == ""
        status, _, _ = t.ask("/echo", f"Content-Length: {65 << 20}", method="POST", s=t.connect_local())
        assert status == 413
        second = Tool(local=path)
        assert "another weir answers" in second.first
        second.process.communicate(timeout=10)
        assert t.ask("/open", s=t.connect_local())[0] == 200
    assert not path.exists()


def test_a_local_socket_that_was_left_is_replaced(tmp_path):
    path = tmp_path / "weir.sock"
    with Tool(local=path) as t:
        t.process.kill()
        t.process.wait()
        assert path.exists()
        with Tool(local=path) as again:
            assert again.ask("/open", s=again.connect_local())[0] == 200
        t.process.returncode = 0  # killed on purpose


def test_tcp_clients_leave_the_local_socket_its_places(tmp_path):
    path = tmp_path / "weir.sock"
    with Tool(local=path) as t, contextlib.ExitStack() as stack:
        for _ in range(250):
            stack.enter_context(t.connect()).sendall(b"GET ")
        assert t.ask("/open", s=t.connect_local())[0] == 200


# --- TLS -----------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


def trusting(authority, **versions):
    context = ssl.create_default_context(cafile=authority.path)
    for name, value in versions.items():
        setattr(context, name, value)
    return context


def issue(authority, name):
    """Its key is its owner's alone."""
    made = authority.issue(name)
    os.chmod(made.key, 0o600)
    return made


def tls(t, context):
    return context.wrap_socket(t.connect(), server_hostname="localhost")


def test_tls(authority):
    good = issue(authority, "good")
    context = trusting(authority)
    with Tool(cert=good.chain, key=good.key) as t:
        assert t.ask("/large?3000000", s=tls(t, context))[2] == b"\0" * 3_000_000
        assert t.ask("/stream?3", s=tls(t, context))[2].endswith(b"0\r\n\r\n")
        old = trusting(authority, minimum_version=ssl.TLSVersion.TLSv1)
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises(OSError):
            tls(t, old)
        twelve = trusting(authority, maximum_version=ssl.TLSVersion.TLSv1_2)
        assert t.ask("/open", s=tls(t, twelve))[0] == 200
        with t.connect() as s:  # not in the clear
            s.sendall(b"GET /open HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert ends_within(s, 15)
        with t.connect() as silent:  # says nothing at all
            assert t.ask("/open", s=tls(t, context))[0] == 200
            assert ends_within(silent, 15)


def test_certificates_that_are_no_good(authority, tmp_path):
    good, other = issue(authority, "one"), issue(authority, "two")
    for cert, key, words in ((good.chain, other.key, "belongs to it"), (good.chain, "/nowhere/key", "-web.key"),
                             ("/nowhere/cert", good.key, "-web.cert"), (good.chain, "", "-web.key"),
                             ("", good.key, "-web.cert"),
                             (secret(tmp_path / "x", "no certificate"), good.key, "PEM"),
                             (good.chain, secret(tmp_path / "e", ""), "is empty"),
                             (secret(tmp_path / "e2", ""), good.key, "is empty"),
                             (good.chain, secret(tmp_path / "k", open(good.key).read(), 0o644),
                              "everybody on this machine")):
        t = Tool(cert=cert, key=key)
        t.process.communicate(timeout=10)
        assert t.first.startswith("cannot start") and words in t.first, t.first
        assert t.process.returncode == 1


def test_a_new_certificate(authority, tmp_path):
    cert, key = tmp_path / "cert", tmp_path / "key"

    def use(made):
        cert.write_bytes(open(made.chain, "rb").read())
        secret(key, open(made.key).read())

    def serial(s):
        return s.getpeercert()["serialNumber"]

    context = trusting(authority)
    first, second = issue(authority, "first"), issue(authority, "second")
    use(first)
    with Tool(cert=cert, key=key) as t, contextlib.ExitStack() as stack:
        stream = stack.enter_context(tls(t, context))
        stream.sendall(f"GET /endless HTTP/1.1\r\nHost: 127.0.0.1:{t.port}\r\n\r\n".encode())
        assert stream.recv(65536)
        before = serial(stream)
        cert.write_text("broken")
        assert t.reload().startswith("stays: ")
        with tls(t, context) as s:
            assert serial(s) == before
        use(second)
        assert t.reload() == "reloaded"
        with tls(t, context) as s:
            assert serial(s) != before
        assert stream.recv(65536) and not ends_within(stream, 0.5)  # goes on
        for _ in range(5):  # again and again, with nobody turned away
            with concurrent.futures.ThreadPoolExecutor(10) as pool:
                asked = [pool.submit(t.ask, "/open", s=tls(t, context)) for _ in range(20)]
                use(first)
                assert t.reload() == "reloaded"
                assert all(f.result()[0] == 200 for f in asked)


# --- Who may ask ---------------------------------------------------------------------------------

def hashed(password, scheme):
    return subprocess.run(["openssl", "passwd", scheme, password], capture_output=True, text=True,
                          check=True).stdout.strip()


def basic(user, password):
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_who_may_ask(tmp_path):
    passwords = secret(tmp_path / "p", f"eve:{hashed('geheim', '-6')}\nbob:{hashed('b:b', '-5')}\n")
    tokens = secret(tmp_path / "t", f"grafana:{TOKEN}\n")
    for host in ("127.0.0.1", "0.0.0.0"):
        with Tool(host=host, passwords=passwords, tokens=tokens) as t:
            t.host = "127.0.0.1"
            for path, status in (("/open", 200), ("/echo", 401)):
                assert t.ask(path)[0] == status
            for header in (basic("eve", "geheim"), basic("bob", "b:b"), f"Authorization: Bearer {TOKEN}"):
                assert t.ask("/echo", header)[0] == 200
            for header in (basic("eve", "b:b"), basic("nobody", "geheim"), "Authorization: Bearer x",
                           "Authorization: Basic !!!", "Authorization: "):
                status, head, body = t.ask("/echo", header)
                assert status == 401 and b"error" in body
                assert "www-authenticate: basic" in head and "www-authenticate: bearer" in head


def test_new_passwords(tmp_path):
    passwords = secret(tmp_path / "p", f"eve:{hashed('old', '-6')}\n")
    with Tool(passwords=passwords) as t:
        assert t.ask("/echo", basic("eve", "old"))[0] == 200
        secret(passwords, "eve:plain\n")
        assert t.reload().startswith("stays: -web.password_file: line 1")
        assert t.ask("/echo", basic("eve", "old"))[0] == 200
        secret(passwords, f"eve:{hashed('new', '-6')}\n")
        assert t.reload() == "reloaded"
        assert t.ask("/echo", basic("eve", "new"))[0] == 200
        assert t.ask("/echo", basic("eve", "old"))[0] == 401


def test_guessing_is_slowed_down_and_holds_up_nobody(tmp_path):
    with Tool(tokens=secret(tmp_path / "t", TOKEN)) as t:
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            guesses = [pool.submit(t.ask, "/echo", f"Authorization: Bearer guess{i}") for i in range(100)]
            assert t.ask("/echo", f"Authorization: Bearer {TOKEN}")[0] == 200
            found = [g.result() for g in guesses]
        assert time.monotonic() - begin < 10
        assert {status for status, _, _ in found} == {401, 429}
        assert sum(status == 401 for status, _, _ in found) <= 11
        assert all("retry-after" in head for status, head, _ in found if status == 429)


def test_other_addresses_need_passwords(tmp_path):
    for host in ("0.0.0.0", "::"):
        t = Tool(host=host)
        t.process.communicate(timeout=10)
        assert "-web.password_file" in t.first and t.process.returncode == 1
    t = Tool(host="0.0.0.0", tokens=secret(tmp_path / "t", TOKEN, 0o644))
    t.process.communicate(timeout=10)
    assert "everybody on this machine" in t.first


def test_an_address_of_another_interface(tmp_path):
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    addresses = [a for a in found if ":" not in a and not a.startswith("127.")]
    if not addresses:
        pytest.skip("this machine has no address but loopback")
    t = Tool(host=addresses[0])
    t.process.communicate(timeout=10)
    assert "can be reached from other machines" in t.first
    with Tool(host=addresses[0], tokens=secret(tmp_path / "t", TOKEN)) as t:
        assert t.ask("/echo")[0] == 401
        status, _, body = t.ask("/echo", f"Authorization: Bearer {TOKEN}", "Host: any.example")
        assert status == 200 and echoed(body)["peer"] == addresses[0]


def test_names_and_pages():
    with Tool(hosts="flows.example") as t:
        for host in ("localhost", f"LOCALHOST:{t.port}", "[::1]:1", "flows.example"):
            assert t.ask("/echo", f"Host: {host}")[0] == 200
        status, _, body = t.ask("/echo", "Host: evil.example")
        assert status == 421 and b"-web.hosts" in body
        assert t.ask("/open", "Host: evil.example")[0] == 200
        own = f"Origin: http://127.0.0.1:{t.port}"
        for method, header, status in (
                ("GET", "Origin: http://evil.example", 200), ("HEAD", "Origin: http://evil.example", 200),
                ("POST", "Origin: http://evil.example", 403), ("POST", "Origin: null", 403),
                ("POST", "Sec-Fetch-Site: cross-site", 403), ("POST", own, 200),
                ("POST", "X-Test: no browser", 200), ("DELETE", "Sec-Fetch-Site: same-site", 403)):
            assert t.ask("/echo", header, method=method)[0] == status, (method, header)
