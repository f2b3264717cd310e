# SPDX-License-Identifier: Apache-2.0
"""Logs as others write and rotate them: Debian's logrotate, and goflow2 itself."""
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from following import Follower, append, lines, wait_until
from programs import free_port, goflow2_path, weir_command

pytestmark = pytest.mark.skipif(not shutil.which("logrotate"), reason="logrotate is not here")


@pytest.fixture
def follow(tmp_path):
    made = []

    def make(pattern, query="", **kw):
        made.append(Follower(str(tmp_path), pattern, query, **kw))
        return made[-1]
    yield make
    for f in made:
        f.clean()


def rotate(f, config):
    """logrotate, as cron runs it, but at once."""
    path = os.path.join(f.data, "logrotate.conf")
    os.makedirs(f.data, exist_ok=True)
    os.chmod(f.folder, 0o755)
    with open(path, "w") as conf:
        conf.write(config)
    os.chmod(path, 0o644)
    done = subprocess.run(["logrotate", "-f", "-s", path + ".state", path], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def is_followed(f, number):
    """Whether weir knows the log after so many rotations. One that comes and goes between two looks
    is nobody's, if the pattern does not match its new name."""
    return f.log().count("msg=following") > number


CREATE = """%s/goflow2.log {
    rotate 20
    missingok
    notifempty
    %s
    create 0644
    postrotate
        kill -HUP %d
    endscript
}
"""
COPY = """%s/goflow2.log {
    rotate 20
    missingok
    notifempty
    %s
    copytruncate
}
"""


class Writer:
    """A program that keeps its log open and opens it anew on SIGHUP, in a process of its own."""

    PROGRAM = r"""
import signal, sys, time
sys.path.insert(0, sys.argv[2])
from following import lines
path, hup = sys.argv[1], []
signal.signal(signal.SIGHUP, lambda *_: hup.append(1))
signal.signal(signal.SIGTERM, lambda *_: hup.append(0))
out, n, end = open(path, "a"), 0, None
while end is None:
    out.write(lines(n, n + 20)); out.flush(); n += 20
    time.sleep(0.004)
    while hup:
        if hup.pop(0):
            out.close(); out = open(path, "a")
        else:
            end = n
out.close()
print(end)
"""

    def __init__(self, path):
        import following
        self.process = subprocess.Popen(
            ["python3", "-c", self.PROGRAM, path, os.path.dirname(following.__file__)],
            stdout=subprocess.PIPE, text=True)

    def stop(self):
        """How many lines it wrote."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=60)
        return int(out)


@pytest.mark.parametrize("pattern", ["goflow2.log", "goflow2.log*"],
                         ids=["out of the glob", "in the glob"])
@pytest.mark.parametrize("compress", ["", "compress", "compress\n    delaycompress"],
                         ids=["plain", "compress", "delaycompress"])
def test_logrotate_with_create(follow, pattern, compress):
    f = follow(pattern).start()
    log = f.path("goflow2.log")
    writer = Writer(log)
    try:
        for number in range(5):
            wait_until(lambda: is_followed(f, number) and os.path.getsize(log) > 20000, f.log)
            rotate(f, CREATE % (f.folder, compress, writer.process.pid))
    finally:
        count = writer.stop()
    f.finish(range(count))


@pytest.mark.parametrize("compress", ["", "compress", "compress\n    delaycompress"],
                         ids=["plain", "compress", "delaycompress"])
def test_logrotate_with_copytruncate(follow, compress):
    """The writer pauses while logrotate runs: what it writes between copy and truncation is lost to
    everybody."""
    f = follow("goflow2.log*").start()
    log = f.path("goflow2.log")
    for number in range(5):
        append(log, lines(10000 * number, 10000 * number + 2000))
        if number % 2:
            f.wait_numbers(range(10000 * number, 10000 * number + 2000))
        rotate(f, COPY % (f.folder, compress))
    append(log, lines(60000, 60010))
    f.finish([*(10000 * n + i for n in range(5) for i in range(2000)), *range(60000, 60010)])


# --- goflow2 ---------------------------------------------------------------------------------------

@pytest.mark.skipif(goflow2_path() is None, reason="goflow2 v2.2.6 is not here and go is not either")
@pytest.mark.parametrize("pattern", ["goflow2.log", "goflow2.log*"],
                         ids=["out of the glob", "in the glob"])
def test_goflow2_writes_and_is_rotated(follow, pattern):
    """Every line that goflow2 has written comes out once, SIGHUP rotation included."""
    f = follow(pattern, "close_inactive=1s").start()
    log = f.path("goflow2.log")
    port = free_port()
    mapping = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
                           "mapping.yaml")
    goflow2 = subprocess.Popen(
        [goflow2_path(), "-format", "json", "-listen", f"sflow://127.0.0.1:{port}", "-addr", "",
         "-mapping", mapping, "-transport.file", log], stderr=subprocess.DEVNULL)
    wait_until(lambda: bound(port), f.log)
    sender = subprocess.Popen(
        weir_command("generate", "-count", "3000", "-rate", "2500", f"udp://127.0.0.1:{port}"),
        stderr=subprocess.DEVNULL)
    try:
        for number in range(4):
            wait_until(lambda: is_followed(f, number) and os.path.exists(log) and
                       os.path.getsize(log) > 200000, f.log)
            os.rename(log, f"{log}.{number}")
            goflow2.send_signal(signal.SIGHUP)
        assert sender.wait(timeout=60) == 0
        wait_until(lambda: settled(f.folder), f.log)
    finally:
        sender.kill()
        sender.wait()
        goflow2.terminate()
        goflow2.wait(timeout=60)
    written = []
    for name in sorted(os.listdir(f.folder)):
        with open(f.path(name)) as one:
            for text in one.read().split("\n"):
                written += records_of(text)
    assert len(written) > 5000
    f.wait_documents(len(written))
    found = f.stop()
    assert found["line"]["flow"] == len(written)
    documents = f.documents()
    assert len({d["event"]["id"] for d in documents}) == len(documents)
    assert all(d["event"]["kind"] == "event" for d in documents)
    assert sorted((d["sflow"]["sequence_num"], d["source"].get("ip", ""), d["sflow"]["bytes"])
                  for d in documents) == \
        sorted((w["sequence_num"], w["src_addr"] or "", w["bytes"]) for w in written)


def records_of(text):
    """A record and its line end are two writes of goflow2, and its workers write at the same time: a
    line may hold several records."""
    found = []
    while text:
        record, end = json.JSONDecoder().raw_decode(text)
        found.append(record)
        text = text[end:]
    return found


def bound(port):
    want = f":{port:04X}"
    return any(line.split()[1].endswith(want) for line in open("/proc/net/udp").readlines()[1:])


def settled(folder, seconds=0.5):
    """Whether the folder's files do not grow any more."""
    def size():
        return sum(os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder))
    before = size()
    time.sleep(seconds)
    return size() == before
