# SPDX-License-Identifier: Apache-2.0
"""Running weir and goflow2 in the tests."""
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPORA = os.path.join(ROOT, "..", "shared", "corpora")
# Most tests and benches are about a file or a server: they have no store beside it unless they say so.
os.environ["WEIR_TRANSPORT_STORE"] = "none"
GOFLOW2_MODULE = "github.com/netsampler/goflow2/v2/cmd/goflow2@v2.2.6"


def weir_path(name="weir"):
    """The program under test: $WEIR_BUILD or build/release."""
    return os.path.join(os.environ.get("WEIR_BUILD", os.path.join(ROOT, "build", "release")), name)


def weir_command(*args, name="weir"):
    """Sanitizers want a quiet address space."""
    wrap = ["setarch", "-R"] if "san" in os.path.basename(os.path.dirname(weir_path())) else []
    return wrap + [weir_path(name), *args]


def goflow2_path(install=True):
    """goflow2 v2.2.6, installed with go when it is not there; None without go."""
    found = shutil.which("goflow2-2.2.6") or os.path.expanduser("~/go/bin/goflow2")
    if os.path.exists(found):
        return found
    go = shutil.which("go")
    if not go or not install:
        return None
    done = subprocess.run([go, "install", GOFLOW2_MODULE], capture_output=True, timeout=600)
    return found if done.returncode == 0 and os.path.exists(found) else None


def free_port(kind=socket.SOCK_DGRAM):
    """One that stays free while nobody has it: below those that the kernel gives to outgoing
    connections. Tests that run beside others (LANE=0, LANE=1) have ports of their own."""
    while True:
        port = random.randrange(15000, 32000, 2) + int(os.environ.get("LANE", "0"))
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def books(stderr):
    """The last `books` line of a log as a dict of dicts; checks that it balances."""
    lines = [line for line in stderr.splitlines() if "msg=books" in line]
    assert lines, "no books in:\n" + stderr
    found = {}
    for key, quoted, bare in re.findall(r'(\S+?)=(?:"([^"]*)"|(\S+))', lines[-1]):
        if quoted:
            found[key] = {k: int(v) for k, v in (p.split("=") for p in quoted.split())}
        else:
            found[key] = bare
    assert found["balanced"] == "true", lines[-1]
    return found


def replay(*args, files, check=True, env=None):
    """Runs weir replay; returns (stdout bytes, stderr text, exit code). The books balance."""
    done = subprocess.run(weir_command("replay", *args, *files), capture_output=True, timeout=300,
                          env=env)
    stderr = done.stderr.decode(errors="replace")
    assert done.returncode in (0, 3), f"exit {done.returncode}:\n{stderr}"
    if check:
        books(stderr)
    return done.stdout, stderr, done.returncode


def run(*args, codes=(0,), data=None, env=None, timeout=300):
    """Runs weir to its end with `data` on standard input; its exit code is one of `codes`, and an
    import's or a replay's books balance when it got so far as to have any."""
    done = subprocess.run(weir_command(*args), capture_output=True, timeout=timeout, env=env,
                          input=b"" if data is None else data)
    stderr = done.stderr.decode(errors="replace")
    assert done.returncode in codes, f"exit {done.returncode}:\n{stderr}"
    if done.returncode in (0, 3) and args[0] in ("import", "replay"):
        books(stderr)
    return done


class Collector:
    """A collector listening for sFlow on loopback, weir or goflow2, writing to a file."""

    def __init__(self, command, *args, listen="", http=False, stdout=None, host="127.0.0.1"):
        self.directory = tempfile.mkdtemp(prefix="weir-test-")
        self.port = free_port()
        self.http_port = free_port(socket.SOCK_STREAM) if http else None
        self.output = os.path.join(self.directory, "out")
        self.log = os.path.join(self.directory, "log")
        self.host = host
        at = f"[{host}]" if ":" in host else host
        argv = [*command, "-listen", f"sflow://{at}:{self.port}{listen}", "-addr",
                f"127.0.0.1:{self.http_port}" if http else ""]
        if stdout is None and "-transport.file" not in args:
            argv += ["-transport.file", self.output]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([*argv, *args], stdout=stdout, stderr=log,
                                            stdin=subprocess.DEVNULL)
        self.wait_for("starting collection")
        self.wait_bound()

    def wait_for(self, text, seconds=20):
        until = time.monotonic() + seconds
        while text not in self.log_text():
            assert self.process.poll() is None, "it ended:\n" + self.log_text()
            assert time.monotonic() < until, f"no {text!r} in:\n" + self.log_text()
            time.sleep(0.005)

    def wait_bound(self, seconds=20):
        until = time.monotonic() + seconds
        want = f":{self.port:04X}"
        while not any(want in line.split()[1][-5:] for name in ("udp", "udp6")
                      for line in open(f"/proc/net/{name}").readlines()[1:]):
            assert self.process.poll() is None, "it ended:\n" + self.log_text()
            assert time.monotonic() < until, "never bound:\n" + self.log_text()
            time.sleep(0.005)

    def log_text(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def output_bytes(self):
        try:
            with open(self.output, "rb") as out:
                return out.read()
        except FileNotFoundError:
            return b""

    def send(self, datagrams, pause_every=50, source="127.0.0.1"):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            if family == socket.AF_INET:
                s.bind((source, 0))
            for number, data in enumerate(datagrams):
                s.sendto(data, (self.host, self.port))
                if number % pause_every == pause_every - 1:
                    time.sleep(0.005)

    def settle(self, quiet=0.4, seconds=30):
        """Waits until the output has not grown for a while."""
        until, size, since = time.monotonic() + seconds, -1, time.monotonic()
        while time.monotonic() < until:
            now = len(self.output_bytes())
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > quiet:
                return
            time.sleep(0.02)

    def stop(self, number=signal.SIGTERM, seconds=30):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(timeout=seconds)
        return self.process.returncode

    def clean(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clean()


def weir_collector(*args, name="weir", **kw):
    return Collector(weir_command(name=name), *args, **kw)


def goflow2_collector(path, *args, **kw):
    kw.setdefault("listen", "?workers=1&blocking=true")
    return Collector([path], *args, **kw)


def generated(count, *flags):
    """Datagrams of `weir generate`, fetched over UDP so that none is fragmented."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.bind(("127.0.0.1", 0))
        s.settimeout(10)
        sender = subprocess.Popen(
            weir_command("generate", "-count", str(count), "-rate", "4000", *flags,
                         f"udp://127.0.0.1:{s.getsockname()[1]}"), stderr=subprocess.DEVNULL)
        found = [s.recv(65536) for _ in range(count)]
        assert sender.wait(timeout=60) == 0
    return found
