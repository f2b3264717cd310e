# SPDX-License-Identifier: Apache-2.0
"""A scripted HTTP(S) server: it says whatever a test wants Elasticsearch to have said.

    def answer(request):                        # called for each request, from several threads
        if request.path == "/":
            return INFO                         # a dict or a list: 200 and JSON
        if request.method == "PUT":
            return 403                          # a status
        if request.bare_path.endswith("/_bulk"):
            return bulk_reply(request)          # 201 for each action
        return Answer(429, {"error": "busy"}, headers={"Retry-After": "2"})

    with Server(answer) as es:                  # or Server([first, second, last for ever])
        weir("-transport.elasticsearch", es.url, ...)
        es.wait(3)                              # until three requests have come
        es.requests[0].headers["authorization"], .json(), .lines(), .data (gunzipped), .body
        es.answer = another                     # from the next request on
        es.stop(); es.start()                   # down and up again, on the same port

An Answer can misbehave: delay=S before it; stall=N writes N bytes of it (headers count) and then
nothing until the client goes away; cut=N writes N bytes and closes; drip=S sleeps that long before
each byte; raw=b"..." is sent as it is; close=True says "Connection: close" and does it;
no_answer=True closes without a word.

With tls=Certificate (certificates.py) it speaks TLS; with client_ca=FILE it wants a certificate of
the client's. chain=False leaves the CA's certificate out of what is sent. listening=False makes a
server that has a port but is not started. Threads end with the server."""
import gzip
import json
import random
import socket
import ssl
import struct
import threading
import time

REASONS = {200: "OK", 201: "Created", 302: "Found", 400: "Bad Request", 401: "Unauthorized",
           403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
           413: "Request Entity Too Large", 429: "Too Many Requests",
           500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
           504: "Gateway Timeout"}
INFO = {"name": "n1", "cluster_name": "scripted", "cluster_uuid": "u",
        "version": {"number": "8.19.21", "build_flavor": "default", "build_type": "zip",
                    "lucene_version": "9.12.2"}, "tagline": "You Know, for Search"}


def info(number="8.19.21", distribution=None, flavor="default"):
    """What GET / says, of that version."""
    version = {**INFO["version"], "number": number, "build_flavor": flavor}
    if flavor is None:
        del version["build_flavor"]
    if distribution:
        version["distribution"] = distribution
    return {**INFO, "version": version}


class Answer:
    def __init__(self, status=200, body=b"", headers=None, content_type="application/json",
                 delay=0, stall=None, cut=None, drip=0, raw=None, close=False, no_answer=False):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.headers = {"Content-Type": content_type, "Content-Length": str(len(self.body)),
                        **(headers or {})}
        self.delay, self.stall, self.cut, self.drip = delay, stall, cut, drip
        self.raw, self.close, self.no_answer = raw, close, no_answer

    def bytes(self, request):
        if self.raw is not None:
            return self.raw
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Whatever')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items() if value is not None]
        if self.close:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head if request.method == "HEAD" else head + self.body


def as_answer(said):
    if isinstance(said, Answer):
        return said
    if isinstance(said, int):
        return Answer(said)
    if isinstance(said, tuple):
        return Answer(*said)
    return Answer(200, said)


class Request:
    """One request: `body` as it came, `data` gunzipped; names of headers in small letters."""

    def __init__(self, method, path, headers, body, connection):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.connection = connection  # which one it came by, from 0 on
        self.at = time.monotonic()
        self.data = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body

    @property
    def bare_path(self):
        return self.path.split("?")[0]

    @property
    def query(self):
        pairs = self.path.partition("?")[2].split("&")
        return dict(pair.partition("=")[::2] for pair in pairs if pair)

    def json(self):
        return json.loads(self.data)

    def lines(self):
        """NDJSON, line by line."""
        assert self.data.endswith(b"\n"), self.data[-100:]
        return [json.loads(line) for line in self.data.splitlines()]

    def actions(self):
        """Of a bulk: (kind, what the action line says, the document), one each."""
        lines = self.lines()
        return [(*next(iter(action.items())), document)
                for action, document in zip(lines[::2], lines[1::2], strict=True)]

    def __repr__(self):
        return f"{self.method} {self.path} ({len(self.data)} bytes)"


def bulk_reply(request, item=lambda action, document: 201):
    """An answer to _bulk. `item` gives for each document a status, or (status, error), where error
    is (type, reason), or a dict that becomes the item."""
    items, errors = [], False
    for number, (kind, action, document) in enumerate(request.actions()):
        said = item(action, document)
        status, error = said if isinstance(said, tuple) else (said, None)
        entry = {"_index": action.get("_index", request.bare_path.split("/")[1]),
                 "_id": action.get("_id", f"generated-{number}")}
        if isinstance(status, dict):
            entry.update(status)
        else:
            entry["status"] = status
            if status >= 300:
                error = error or ("some_exception", "scripted")
                entry["error"] = {"type": error[0], "reason": error[1]}
            else:
                entry["result"] = "created"
        errors = errors or "error" in entry
        items.append({kind: entry})
    return Answer(200, {"took": 1, "errors": errors, "items": items})


TAKEN = set()
LOCK = threading.Lock()


class Server:
    def __init__(self, answer=INFO, tls=None, client_ca=None, chain=True, host="127.0.0.1",
                 listening=True):
        self.answer = answer
        self.host = host
        self.requests = []
        self.connections = 0
        self.changed = threading.Condition()
        self.open = set()
        self.listener = None
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(tls.chain if chain else tls.cert, tls.key)
            if client_ca:
                self.context.verify_mode = ssl.CERT_REQUIRED
                self.context.load_verify_locations(client_ca)
        self.port = None
        while self.port is None:
            self.try_port(random.SystemRandom().randrange(15000, 30000))
        if not listening:
            self.stop()

    def try_port(self, port):
        """Starts on a port that stays free when nobody listens there: below those that the kernel
        gives to outgoing connections, and no other server's of this run."""
        with LOCK:
            if port in TAKEN:
                return
            TAKEN.add(port)
        self.port = port
        try:
            self.start(patience=0)
        except OSError:  # another program's
            self.port = None

    @property
    def family(self):
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @property
    def url(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.context else ''}://{host}:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, patience=2):
        """`patience`: seconds, since a program that another thread starts at this moment has the
        old listener, too, until it is loaded."""
        assert self.listener is None
        until = time.monotonic() + patience
        while self.listener is None:
            listener = socket.socket(self.family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self.host, self.port))
                listener.listen(128)
                self.listener = listener
            except OSError:
                listener.close()
                if time.monotonic() >= until:
                    raise
                time.sleep(0.01)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self, reset=False):
        """No longer there; with reset as though it was killed, and connections end at once."""
        with self.changed:
            listener, self.listener = self.listener, None
            connections, self.open = self.open, set()
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for connection in connections:
            try:
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          struct.pack("ii", 1, 0))
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def wait(self, count=1, seconds=20, where=lambda request: True):
        """Until `count` requests like that have come; gives them."""
        with self.changed:
            def found():
                return [r for r in self.requests if where(r)]
            assert self.changed.wait_for(lambda: len(found()) >= count, seconds), \
                f"{found()} of {self.requests}"
            return found()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.changed:
                if self.listener is not listener:
                    connection.close()
                    return
                self.open.add(connection)
                number = self.connections
                self.connections += 1
            threading.Thread(target=self.serve, args=(connection, number), daemon=True).start()

    def serve(self, connection, number):
        plain = connection
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(120)
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True,
                                                      do_handshake_on_connect=False)
                with self.changed:
                    self.open.discard(plain)
                    self.open.add(connection)
                connection.do_handshake()
            elif connection.recv(1, socket.MSG_PEEK) == b"\x16":  # TLS
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                self.linger(connection)
                return
            stream = connection.makefile("rb")
            while self.one(connection, stream, number):
                pass
        except ssl.SSLError:
            self.linger(connection)  # so that the client gets to read why
        except (OSError, ValueError):
            pass  # the client went away, or has no faith in our certificate
        finally:
            with self.changed:
                self.open.discard(connection)
                self.open.discard(plain)
            connection.close()

    @staticmethod
    def linger(connection):
        try:
            connection.settimeout(2)
            socket.socket.shutdown(connection, socket.SHUT_WR)
            while socket.socket.recv(connection, 65536):
                pass
        except OSError:
            pass

    @staticmethod
    def read_headers(stream):
        headers = {}
        while (line := stream.readline(65536).strip()):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers

    def one(self, connection, stream, number):
        """A request and its answer; False when the connection is at its end."""
        first = stream.readline(65536).decode("latin-1").split()
        if len(first) != 3:
            return False
        headers = self.read_headers(stream)
        if headers.get("expect"):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = stream.read(int(headers.get("content-length", 0)))
        request = Request(first[0], first[1], headers, body, number)
        with self.changed:
            self.requests.append(request)
            said = self.next_answer()
            self.changed.notify_all()
        answer = as_answer(said(request) if callable(said) else said)
        return self.send(connection, answer, request)

    def next_answer(self):
        if not isinstance(self.answer, list) or not self.answer:
            return self.answer
        return self.answer.pop(0) if len(self.answer) > 1 else self.answer[0]

    def send(self, connection, answer, request):
        time.sleep(answer.delay)
        if answer.no_answer:
            return False
        data = answer.bytes(request)
        if answer.cut is not None or answer.stall is not None:
            data = data[:answer.cut if answer.stall is None else answer.stall]
        if answer.drip:
            for byte in data:
                time.sleep(answer.drip)
                connection.sendall(bytes([byte]))
        else:
            connection.sendall(data)
        if answer.stall is not None:
            connection.recv(1)  # until the client goes
        return not (answer.close or answer.cut is not None or answer.stall is not None
                    or answer.raw is not None)


class Proxy(Server):
    """A proxy for https, which takes CONNECT and passes bytes on. For http a Server is one: its
    requests then have the whole URL as their path."""

    def one(self, connection, stream, number):
        first = stream.readline(65536).decode("latin-1").split()
        if len(first) != 3 or first[0] != "CONNECT":
            return False
        headers = self.read_headers(stream)
        with self.changed:
            self.requests.append(Request("CONNECT", first[1], headers, b"", number))
            self.changed.notify_all()
        host, _, port = first[1].rpartition(":")
        with socket.create_connection((host, int(port))) as far:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=self.pump, args=(far, connection), daemon=True)
            back.start()
            self.pump(connection, far)
            back.join(5)
        return False

    @staticmethod
    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
