# SPDX-License-Identifier: Apache-2.0
"""weir delivering to Elasticsearch and OpenSearch: programs with a log each, their books, what the
documents of numbered lines (following.line) have become, and a proxy that can spoil answers."""
import http.client
import os
import pathlib
import re
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from following import wait_until
from programs import books, free_port, weir_command

ES = "-transport.elasticsearch"
DROPS = ("ring_full", "too_large", "stopped", "spool_full", "spool_damaged")
NO_GEO = ("-geoip.city", "none", "-geoip.asn", "none")


def delivered_books(text):
    """Elasticsearch's books of a log, which balance, as do all the others."""
    found = books(text)["elasticsearch"]
    entries = {name: found.get(name, 0) for name in (
        "received", "recovered", "delivered", "duplicates", "repeats_possible", "failure_store",
        "waiting", "spooled", "refused", "of_which_errors", *DROPS)}
    assert set(found) <= set(entries), found
    out = entries["delivered"] + entries["waiting"] + entries["spooled"] + entries["refused"]
    assert entries["received"] + entries["recovered"] == out + sum(entries[d] for d in DROPS), found
    for part in ("duplicates", "repeats_possible", "failure_store", "of_which_errors"):
        assert entries[part] <= entries["delivered"], found
    return entries


class Program:
    """weir, running."""

    def __init__(self, command, log_path, wrap=(), env=None):
        self.log_path = str(log_path)
        with open(self.log_path, "ab") as log:
            self.begin = log.tell()
            self.process = subprocess.Popen([*wrap, *command], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log,
                                            env={**os.environ, **(env or {})})

    def log(self):
        """What it has said since it started."""
        with open(self.log_path, errors="replace") as log:
            log.seek(self.begin)
            return log.read()

    def is_running(self):
        return self.process.poll() is None

    def wait_log(self, text, seconds=60):
        """`text`: a regular expression."""
        def found():
            assert self.is_running() or re.search(text, self.log()), "it ended:\n" + self.log()
            return re.search(text, self.log())
        wait_until(found, lambda: f"no {text!r} in\n" + self.log()[-8000:], seconds)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.is_running():
            self.process.kill()
        self.process.wait()

    def wait(self, codes=(0,), seconds=60):
        """Its books, when it has ended by itself."""
        code = self.process.wait(timeout=seconds)
        assert code in codes, f"exit {code}:\n{self.log()[-8000:]}"
        return delivered_books(self.log())

    def stop(self, codes=(0,), seconds=60):
        """SIGTERM; its books."""
        if self.is_running():
            self.signal(signal.SIGTERM)
        return self.wait(codes, seconds)


class Place:
    """A test's own stream and folder, and weir delivering into them."""

    def __init__(self, url, folder, namespace, flags=()):
        self.url = url
        self.folder = pathlib.Path(folder)
        self.namespace = namespace
        self.stream = f"logs-goflow2.sflow-{namespace}"
        self.data = str(self.folder / "data")
        self.deadletter = self.folder / "data" / "deadletter" / "elasticsearch.ndjson"
        self.own = tuple(flags)
        self.programs = []
        self.logs = self.folder / "logs"
        self.logs.mkdir(exist_ok=True)

    def flags(self, *more, url=None):
        geo = () if "-geoip.city" in more else NO_GEO
        return [ES, url or self.url, "-format", "ecs", "-ecs.namespace", self.namespace, "-data",
                self.data, *geo, *self.own, *more]

    def start(self, what, *more, url=None, files=(), env=None):
        """import (of files), or run (with -listen among `more`)."""
        command = weir_command(*([what] if what != "run" else []), *self.flags(*more, url=url),
                               *map(str, files))
        program = Program(command, self.folder / f"log-{what}", env=env)
        self.programs.append(program)
        return program

    def import_(self, *more, files, url=None, codes=(0,), seconds=60, env=None):
        """Imports to the end; the books."""
        program = self.start("import", *more, url=url, files=files, env=env)
        return program.wait(codes, seconds)

    def follow(self, *more, url=None, listen="", query=""):
        """weir on the folder `logs`, and with `listen` on UDP; returns when files were looked for."""
        target = f"log://{self.logs}/*.log" + (f"?{query}" if query else "")
        program = self.start("run", "-listen", f"{listen},{target}" if listen else target, "-addr",
                             "", *more, url=url)
        program.wait_log("looked for files")
        return program

    def file(self, name, text):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def append(self, text, name="a.log"):
        with open(self.logs / name, "a", encoding="utf-8") as log:
            log.write(text)

    def spooled(self):
        """Bytes in the spool's segments."""
        folder = pathlib.Path(self.data) / "spool"
        size = 0
        for path in folder.rglob("*"):
            try:
                size += path.stat().st_size if path.is_file() else 0
            except FileNotFoundError:  # it was delivered meanwhile
                pass
        return size

    def clean(self):
        for program in self.programs:
            program.kill()


def numbers(documents):
    """The sequence numbers of documents."""
    return sorted(document["sflow"]["sequence_num"] for document in documents)


class Proxy:
    """HTTP between weir and a server. `spoil(path, body, status, answer)` is called when the server
    has answered; True: weir does not get the answer but a closed connection."""

    def __init__(self, port, spoil=lambda *_: False):
        self.target, self.spoil = port, spoil
        self.port = free_port(1)
        self.requests = []
        self.open()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def open(self):
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def answer(self):
                size = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(size)
                to = http.client.HTTPConnection("127.0.0.1", proxy.target, timeout=60)
                try:
                    to.request(self.command, self.path, body or None,
                               {k: v for k, v in self.headers.items() if k.lower() != "host"})
                    got = to.getresponse()
                    answer = got.read()
                except OSError:
                    self.close_connection = True
                    return
                finally:
                    to.close()
                proxy.requests.append((self.path, len(body), got.status))
                if proxy.server is None or proxy.spoil(self.path, body, got.status, answer):
                    self.close_connection = True
                    return
                self.send_response_only(got.status)
                for name, value in got.getheaders():
                    if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                """Connections that break are what this is for."""

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        """Nobody listens any more; connections end with their next request."""
        server, self.server = self.server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
