# SPDX-License-Identifier: Apache-2.0
"""weir following logs in a folder of a test's own: lines with numbers in, documents out."""
import json
import os
import re
import signal
import subprocess
import time

from programs import books, weir_command

EPOCH_NS = 1722384059000000000
DOCUMENT = re.compile(rb'"id":"([\w-]{22})".*?"sequence_num":(\d+)')


def line(number, extra=""):
    """What goflow2 writes for a flow; `number` is its sequence number."""
    return ('{"type":"SFLOW_5","time_flow_start_ns":%d,"sampler_address":"192.0.2.1",'
            '"sequence_num":%d,"in_if":1,"out_if":2,"src_addr":"198.51.100.%d",'
            '"dst_addr":"203.0.113.7","etype":"IPv4","proto":"TCP","src_port":443,'
            '"dst_port":50000,"src_vlan":0,"dst_vlan":0,"sampling_rate":1000,"bytes":%d%s}\n'
            % (EPOCH_NS + number * 1000003, number, number % 250 + 1, number % 1400 + 60, extra))


def lines(begin, end):
    return "".join(map(line, range(begin, end)))


def append(path, text):
    with open(path, "a") as f:
        f.write(text)


def wait_until(condition, what, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what() if callable(what) else what
        time.sleep(0.01)


class Follower:
    """weir -listen log://..., its documents in a file, its positions in a folder."""

    def __init__(self, tmp_path, pattern="*.log", query="", limit_files=0, args=()):
        self.folder = os.path.join(tmp_path, "logs")
        self.output = os.path.join(tmp_path, "out")
        self.data = os.path.join(tmp_path, "data")
        self.log_path = os.path.join(tmp_path, "log")
        os.makedirs(self.folder, exist_ok=True)
        self.url = f"log://{self.folder}/{pattern}" + (f"?{query}" if query else "")
        self.limit_files = limit_files
        self.args = args
        self.process = None
        self.wrap = []  # before weir's command
        self.offset, self.found = 0, []

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        """Returns when the first scan is over: what is written from now on is new."""
        begin = len(self.log())
        command = weir_command("-listen", self.url, "-format", "ecs", "-ecs.id", "-addr", "",
                               "-transport.file", self.output, "-data", self.data,
                               "-geoip.city", "none", "-geoip.asn", "none", *self.args)
        if self.limit_files:
            command = ["prlimit", f"--nofile={self.limit_files}", *command]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.wrap, *command], stderr=log, stdin=subprocess.DEVNULL)
        self.wait_log("looked for files", begin)
        return self

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, text, begin=0, seconds=120):
        def found():
            assert self.process.poll() is None, "it ended:\n" + self.log()
            return text in self.log()[begin:]
        wait_until(found, lambda: f"no {text!r} in\n" + self.log(), seconds)

    def bytes(self):
        try:
            with open(self.output, "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def documents(self):
        return [json.loads(d) for d in self.bytes().splitlines() if d.endswith(b"}")]

    def pairs(self):
        """(sequence number, id) of every document with both, in order."""
        try:
            with open(self.output, "rb") as f:
                f.seek(self.offset)
                data = f.read()
        except FileNotFoundError:
            return []
        end = data.rfind(b"\n") + 1
        self.found += [(int(n), i) for i, n in DOCUMENT.findall(data[:end])]
        self.offset += end
        return self.found

    def numbers(self):
        return [n for n, _ in self.pairs()]

    def wait_numbers(self, wanted, seconds=120):
        wanted = set(wanted)

        def missing():
            got = set(self.numbers())
            return (f"missing {sorted(wanted - got)[:10]} of {len(wanted)}, odd "
                    f"{sorted(got - wanted)[:10]}\n" + self.log()[-8000:])

        def complete():
            assert self.process is None or self.process.poll() is None, "it ended:\n" + self.log()
            return wanted <= set(self.numbers())
        wait_until(complete, missing, seconds)

    def wait_documents(self, count):
        counted = [0, 0]  # bytes, lines

        def complete():
            with open(self.output, "rb") as f:
                f.seek(counted[0])
                data = f.read()
            counted[0] += len(data)
            counted[1] += data.count(b"\n")
            return counted[1] >= count
        wait_until(complete, lambda: f"{counted[1]} documents of {count}\n" + self.log()[-8000:])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        """SIGTERM; returns the books, which balance."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.process = None
        assert code == 0, self.log()
        return books(self.log())

    def finish(self, wanted):
        """Every wanted number comes out, once and under an id of its own, and nothing else."""
        wanted = list(wanted)
        self.wait_numbers(wanted)
        found = self.stop()
        pairs = self.pairs()
        assert sorted(n for n, _ in pairs) == sorted(wanted), self.log()
        assert len({i for _, i in pairs}) == len(pairs)
        return found

    def clean(self):
        if self.process is not None:
            self.kill()
