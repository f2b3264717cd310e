# SPDX-License-Identifier: Apache-2.0
"""The store as its users see it: run, import, replay, query and backup, with one weir or two."""
import collections
import contextlib
import json
import os
import pty
import random
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from delivery import NO_GEO
from following import line, wait_until
from programs import books, free_port, generated, run, weir_command

ENV = {**{k: v for k, v in os.environ.items() if k != "WEIR_TRANSPORT_STORE"}, "TZ": "UTC"}
ALL = ("-from", "2000-01-01", "-to", "2100-01-01")


class Weir:
    """One that runs on a data folder."""

    def __init__(self, data, *flags, wait=True):
        self.data, self.port = str(data), free_port()
        self.log_path = self.data + ".log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                weir_command("-data", self.data, "-listen", f"sflow://127.0.0.1:{self.port}", "-addr",
                             "", *NO_GEO, *flags), stderr=log, stdout=subprocess.PIPE, env=ENV)
        if wait:
            wait_until(self.is_up, self.log, 30)

    def is_up(self):
        assert self.process.poll() is None, self.log()
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(os.path.join(self.data, "weir.sock")) == 0

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def send(self, datagrams):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for number, datagram in enumerate(datagrams):
                s.sendto(datagram, ("127.0.0.1", self.port))
                if number % 50 == 49:
                    time.sleep(0.005)

    def stored(self):
        """Records whose commit has ended, of this process."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(os.path.join(self.data, "weir.sock"))
            s.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = b"".join(iter(lambda: s.recv(65536), b""))
        return int(re.search(rb"^weir_store_stored_total (\d+)", answer, re.M)[1])

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        out = self.process.communicate(timeout=60)[0]
        assert out == b"", "the default prints nothing"
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Tmpfs:
    """A small file system that can be full."""

    def __init__(self, path, size):
        self.path = str(path)
        os.mkdir(path)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "weir-test", self.path],
                              capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip("cannot mount a tmpfs: " + done.stderr.strip())

    def fill(self):
        with open(os.path.join(self.path, "filler"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    def empty(self):
        os.unlink(os.path.join(self.path, "filler"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=True)


def weir(*args, codes=(0,), data=None):
    return run(*args, codes=codes, env=ENV, data=data)


def count(data, question=""):
    """Flows in the store that answer to `question`, asked of whoever has it."""
    done = weir("query", "-data", str(data), *ALL, "-series", "total", "-by", "flows", "-o", "json",
                "-n", "1", "-step", "3650d", *([question] if question else []))
    return sum(row["flows"] for row in json.loads(done.stdout)["rows"])


def log_file(path, count, first=0):
    with open(path, "ab") as out:
        for number in range(first, first + count):
            out.write(line(number).encode())
    return str(path)


def test_a_start_removes_what_a_kill_left_of_exports(tmp_path):
    folder = tmp_path / "data" / "store" / "export"
    with Weir(tmp_path / "data") as w:
        left = ["export-1764264000000000000.parquet", "tmp_export-1764264000000000001.csv",
                "backup-1764264000000000002.duckdb.wal"]
        for name in left + ["day.parquet"]:
            (folder / name).write_bytes(b"x")
        w.stop(signal.SIGKILL)
    with Weir(tmp_path / "data") as w:
        assert [path.name for path in folder.iterdir()] == ["day.parquet"]
        assert '"files":3' in w.log() or "files=3" in w.log()


def test_what_comes_can_be_asked_for(tmp_path):
    with Weir(tmp_path / "data") as w:
        w.send(generated(200))
        wait_until(lambda: count(w.data) == 1200, lambda: str(count(w.data)), 30)
        table = weir("query", "-data", w.data, "-top", "src", "-n", "3").stdout.decode()
        assert table.splitlines()[0].split()[:4] == ["SOURCE.IP", "BYTES", "PACKETS", "FLOWS"]
        assert len(table.splitlines()) >= 5
        flows = weir("query", "-data", w.data, "-n", "5").stdout.decode()
        assert flows.splitlines()[0].startswith("TIME")
        assert w.stop() == 0
        assert books(w.log())["store"]["delivered"] == 1200
    assert count(tmp_path / "data") == 1200  # and now without it


COLUMNS = """
formatter:
  fields: [src_addr, hops, towards, half, letters]
  protobuf:
    - {name: hops, index: 1001, type: varint}
    - {name: towards, index: 1002, type: bytes}
    - {name: half, index: 1003, type: bytes}
    - {name: letters, index: 1004, type: varint, array: true}
    - {name: silent, index: 1005, type: varint}
  render: {towards: ip, letters: etype}
  rename: {half: first half}
sflow:
  mapping:
    - {layer: ipv4, offset: 64, length: 8, destination: hops}
    - {layer: ipv4, offset: 128, length: 32, destination: towards}
    - {layer: ipv4, offset: 96, length: 16, destination: half}
    - {layer: ethernet, offset: 96, length: 16, destination: letters}
    - {layer: ipv4, offset: 72, length: 8, destination: silent}
"""


def values_of(documents):
    """What goflow2 has in the documents: name, value as a text, how many have it. "" is none."""
    found = collections.defaultdict(collections.Counter)
    for document in documents:
        for name, value in document.get("goflow2", {}).items():
            values = value if isinstance(value, list) else [value]
            found[name].update({v if isinstance(v, str) else json.dumps(v) for v in values} - {""})
    return found


def test_columns_of_a_mapping_and_of_lines(tmp_path):
    """What documents show below goflow2 and no field stands for is found as they show it, by the weir
    that runs and without one."""
    mapping = tmp_path / "m.yaml"
    mapping.write_text(COLUMNS)
    data, flags = str(tmp_path / "data"), ("-mapping", str(mapping))
    log = tmp_path / "a.log"
    places = ['"north"', '["north","south"]', "5", "7.5", "-2", "true", "null", '"5"']
    log.write_text("".join(line(n, f',"place":{places[n % 8]},"hops":{n % 3}') for n in range(80)))

    def asked(*args):
        return [json.loads(row) for row in weir(
            "query", "-data", data, *flags, *ALL, "-o", "ndjson", "-n", "1000", *args
            ).stdout.splitlines()]

    def check_all():
        everything = values_of(asked())
        least_values = {"hops": 5, "towards": 5, "first half": 1, "letters": 1, "place": 6}
        for name, least in least_values.items():
            assert len(everything[name]) >= least, name
            for text, having in everything[name].most_common(4):
                assert len(asked(f'"goflow2.{name}": "{text}"')) == having, (name, text)
        few = sum(n for hops, n in everything["hops"].items() if int(hops) < 64)
        assert 0 < few == len(asked("goflow2.hops < 64"))
        assert (len(asked("goflow2.towards: *")) == sum(everything["towards"].values())
                == len(asked("goflow2.towards: (0.0.0.0/1 or 128.0.0.0/1)")))
        assert len(asked("goflow2.place: no*")) == 20
        assert len(asked("goflow2.place < 0")) == 10
        assert len(asked("goflow2.place: *")) == 70
        assert len(asked("goflow2.place: (south or true)")) == 20
        assert len(asked("goflow2.silent: (6 or 17)")) > 0, "no document shows it"
        assert asked("goflow2.never: *") == []
        done = weir("query", "-data", data, *flags, "goflow2.hops: many", codes=(2,))
        assert b"takes a number" in done.stderr

    with Weir(data, *flags) as w:
        w.send(generated(50))
        weir("import", "-data", data, *NO_GEO, *flags, str(log))
        wait_until(lambda: count(data) == 380, lambda: str(count(data)), 30)
        check_all()
        assert w.stop() == 0
    check_all()


def test_a_mistake_has_its_place(tmp_path):
    log = log_file(tmp_path / "a.log", 10)
    weir("import", "-data", str(tmp_path / "data"), *NO_GEO, log)
    done = weir("query", "-data", str(tmp_path / "data"), "port: and", codes=(2,))
    words = done.stderr.decode().splitlines()
    assert words[0] == "  port: and" and words[1].lstrip().startswith("^")


def test_no_store(tmp_path):
    done = weir("query", "-data", str(tmp_path / "none"), codes=(1,))
    assert b"there is no store" in done.stderr
    assert not os.path.exists(tmp_path / "none")
    weir("backup", "-data", str(tmp_path / "none"), str(tmp_path / "b"), codes=(1,))


def test_import_twice_is_nothing_new(tmp_path):
    log = log_file(tmp_path / "a.log", 3000)
    data = str(tmp_path / "data")
    weir("import", "-data", data, *NO_GEO, log)
    assert count(data) == 3000
    weir("import", "-data", data, *NO_GEO, log)
    weir("import", "-data", data, "-state", "none", *NO_GEO, log)  # the store knows by itself
    assert count(data) == 3000
    log_file(log, 500, first=3000)
    weir("import", "-data", data, *NO_GEO, log)
    assert count(data) == 3500


def test_import_beside_a_running_weir(tmp_path):
    log = log_file(tmp_path / "a.log", 20000)
    with Weir(tmp_path / "data") as w:
        w.send(generated(50))
        done = weir("import", "-data", w.data, *NO_GEO, "-summary", "json", log)
        assert json.loads(done.stdout.splitlines()[-1])["duplicates"] == 0
        again = weir("import", "-data", w.data, *NO_GEO, "-state", "none", "-summary", "json", log)
        assert json.loads(again.stdout.splitlines()[-1])["duplicates"] == 20000
        wait_until(lambda: count(w.data) == 20300, lambda: str(count(w.data)), 30)
        assert w.stop() == 0
        found = books(w.log())
        assert found["store"]["received"] == 40300 and found["handed_over"] == "40000"


@pytest.mark.parametrize("who", ["import", "weir"])
def test_a_kill_in_the_middle_of_an_import(tmp_path, who):
    log = log_file(tmp_path / "a.log", 20000)
    with Weir(tmp_path / "data") as w:
        command = weir_command("import", "-data", w.data, *NO_GEO, log)
        importer = subprocess.Popen(command, env=ENV, stderr=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL)
        time.sleep(0.4)
        if who == "import":
            importer.kill()
            importer.wait()
            weir("import", "-data", w.data, *NO_GEO, log)
        else:
            w.process.kill()
            w.process.communicate()
            with Weir(tmp_path / "data"):  # the import has waited for it
                importer.wait(timeout=120)
        weir("import", "-data", w.data, *NO_GEO, log)
        assert count(w.data) == 20000


def test_a_capture_twice(tmp_path):
    capture, data = str(tmp_path / "a.pcap"), str(tmp_path / "data")
    weir("generate", "-count", "200", f"pcap://{capture}")
    weir("replay", "-data", data, *NO_GEO, capture)
    once = count(data)
    assert once == 1200
    weir("replay", "-data", data, *NO_GEO, "-transport.store.dedupe", capture)
    assert count(data) == once
    with Weir(data, "-transport.store.dedupe") as w:
        weir("replay", "-data", data, *NO_GEO, capture)
        assert count(data) == once
        assert w.stop() == 0


def test_backup(tmp_path):
    with Weir(tmp_path / "data") as w:
        w.send(generated(100))
        wait_until(lambda: count(w.data) == 600, lambda: str(count(w.data)), 30)
        copy = tmp_path / "copy" / "store.duckdb"
        copy.parent.mkdir()
        weir("backup", "-data", w.data, str(copy))
        refused = weir("backup", "-data", w.data, str(copy), codes=(1,))
        assert b"is there already" in refused.stderr
    done = weir("query", "-data", str(tmp_path / "x"), "-transport.store", str(copy.parent), *ALL,
                "-o", "ndjson", "-n", "1000")
    assert len(done.stdout.splitlines()) == 600


def on_terminal(*args):
    """Exit code, and what a terminal gets of standard error."""
    master, slave = pty.openpty()
    process = subprocess.Popen(weir_command(*args), stderr=slave, stdout=subprocess.DEVNULL, env=ENV)
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # EIO: its last one has gone
        while part := os.read(master, 4096):
            shown += part
    os.close(master)
    return process.wait(timeout=60), shown


@pytest.mark.parametrize("running", [True, False])
def test_a_backup_shows_how_far_it_is(tmp_path, running):
    """A small store is copied in a moment, in which it is not always looked at."""
    with Weir(tmp_path / "data") as w:
        weir("import", "-data", w.data, *NO_GEO, log_file(tmp_path / "a.log", 10000))
        if not running:
            assert w.stop() == 0
        for number in range(30):
            code, shown = on_terminal("backup", "-data", w.data, str(tmp_path / f"copy{number}"))
            assert code == 0, shown
            if b" of " in shown:
                break
        assert re.search(rb"\r[\d.]+ [kM]?B of [\d.]+ [kM]B", shown), shown


def test_one_store_has_one_weir(tmp_path):
    with Weir(tmp_path / "data") as w:
        done = subprocess.run(weir_command("-data", w.data, "-listen",
                                           f"sflow://127.0.0.1:{free_port()}", "-addr", "", *NO_GEO),
                              capture_output=True, text=True, timeout=60, env=ENV)
        assert done.returncode == 1 and str(w.process.pid) in done.stderr
        checked = subprocess.run(weir_command("check", "-data", w.data, "-addr", "", *NO_GEO),
                                 capture_output=True, text=True, timeout=60, env=ENV)
        assert f"pid {w.process.pid}" in checked.stdout


def stopped_while_it_opens(data):
    """A weir that has the lock of its store, has not opened it, and stands still. What is to be
    caught is short, so it is tried again."""
    lock = os.path.join(data, "store", "lock")
    for _ in range(50):
        w = Weir(data, wait=False)

        def state(lock=lock, pid=w.process.pid):
            with open(lock, encoding="ascii") as f:
                return f.read().removeprefix(f"{pid}\n")
        wait_until(lambda: state() in ("", "open\n"), w.log, 30)
        w.process.send_signal(signal.SIGSTOP)
        if state() == "":
            return w
        w.process.kill()
        w.process.communicate()
    raise AssertionError("it opens its store too fast to be caught")


class Waiting:
    """A command in the background."""

    def __init__(self, log, *args):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(weir_command(*args), env=ENV, stderr=out,
                                            stdout=subprocess.PIPE, text=True)

    def said(self):
        return self.log.read_text()

    def waits(self):
        assert self.process.poll() is None, self.said()
        return "waiting for it" in self.said()

    def end(self):
        """Exit code and standard output."""
        out = self.process.communicate(timeout=60)[0]
        return self.process.returncode, out


def test_a_weir_that_opens_its_store_is_waited_for(tmp_path):
    data, log = str(tmp_path / "data"), log_file(tmp_path / "a.log", 700)
    with Weir(data) as w:
        w.send(generated(100))
        wait_until(lambda: count(data) == 600, lambda: str(count(data)), 30)
        w.stop(signal.SIGKILL)
    with stopped_while_it_opens(data) as w:
        commands = [("query", "-data", data, *ALL, "-o", "ndjson", "-n", "1000"),
                    ("backup", "-data", data, str(tmp_path / "copy")),
                    ("import", "-data", data, *NO_GEO, log)]
        waiting = [Waiting(tmp_path / f"{number}.err", *c) for number, c in enumerate(commands)]
        other = Waiting(tmp_path / "other.err", "import", "-state", "none", *commands[2][1:])
        wait_until(lambda: all(x.waits() for x in (*waiting, other)), w.log, 60)
        other.process.terminate()
        assert other.end()[0] == 1 and "interrupted" in other.said()
        w.process.send_signal(signal.SIGCONT)
        answers = [x.end() for x in waiting]
        assert [a[0] for a in answers] == [0, 0, 0], [x.said() for x in waiting]
        assert [x.said().count("waiting for it") for x in waiting] == [1, 1, 1]
        assert len(answers[0][1].splitlines()) in range(600, 1001)
        assert count(data) == 1300


def test_files_beside_the_store(tmp_path):
    log = log_file(tmp_path / "a.log", 10)
    out = tmp_path / "out.json"
    data = str(tmp_path / "data")
    assert weir("import", "-data", data, *NO_GEO, "-transport.file", str(out), log).stdout == b""
    assert len(out.read_bytes().splitlines()) == 10 and count(data) == 10
    alone = weir("import", "-data", str(tmp_path / "other"), "-transport", "file", "-format", "json",
                 log)
    assert len(alone.stdout.splitlines()) == 10
    assert not os.path.exists(tmp_path / "other" / "store")


def test_the_end_under_load(tmp_path):
    with Weir(tmp_path / "data") as w:
        sender = subprocess.Popen(weir_command("generate", "-rate", "5000", "-duration", "3s",
                                               f"udp://127.0.0.1:{w.port}"), env=ENV)
        time.sleep(1.5)
        assert w.stop() == 0
        sender.wait(timeout=30)
        stored = books(w.log())["store"]["delivered"]
    assert count(tmp_path / "data") == stored

def test_ten_kills_under_load(tmp_path):
    """What was stored before a kill is there after it, and each line of a log once. Only commits
    that have ended count: what a question finds a moment before that may be lost with the kill."""
    log, data, least = log_file(tmp_path / "a.log", 5000), tmp_path / "data", 0
    rng = random.Random(1)
    for _ in range(10):
        with Weir(data) as w:
            before = count(data)
            assert before >= least
            sender = subprocess.Popen(
                weir_command("generate", "-rate", "2000", "-duration", "60s",
                             f"udp://127.0.0.1:{w.port}"), env=ENV, stderr=subprocess.DEVNULL)
            importer = subprocess.Popen(
                weir_command("import", "-data", w.data, "-state", "none", *NO_GEO, log), env=ENV,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_until(lambda: w.stored() > 0, w.log, 60)
                time.sleep(rng.uniform(0, 1.3))
                least = before + w.stored()
                w.stop(signal.SIGKILL)
            finally:
                for process in (importer, sender):
                    process.kill()
                    process.wait()
        assert "damaged" not in w.log()
    assert least > 0
    weir("import", "-data", str(data), "-state", "none", *NO_GEO, log)
    assert count(data, "destination.ip: 203.0.113.7") == 5000
    assert count(data) >= least


def damaged(log, how, at):
    if how == "flip":
        return log[:at] + bytes([log[at] ^ 0x40]) + log[at + 1:]
    if how == "zero":
        return log[:at] + bytes(min(4096, len(log) - at)) + log[at + 4096:]
    if how == "cut":
        return log[:at]
    return log + random.Random(at).randbytes(at % 5000 + 1)


@pytest.mark.parametrize("how", ["flip", "zero", "cut", "append"])
def test_a_damaged_log_keeps_what_is_before(tmp_path, how):
    sizes = []  # of DuckDB's log when an import had ended, and how many records there were then
    data = tmp_path / "data"
    wal = data / "store" / "store.duckdb.wal"
    with Weir(data) as w:
        for number in range(4):
            log = log_file(tmp_path / f"{number}.log", 300, first=300 * number)
            weir("import", "-data", w.data, *NO_GEO, log)
            sizes.append((os.stat(wal).st_size, 300 * (number + 1)))
        w.stop(signal.SIGKILL)
    whole = wal.read_bytes()
    places = {0, 8, len(whole) - 1, *(size + d for size, _ in sizes[:-1:2] for d in (-1, 0, 3)),
              *random.Random(how).sample(range(len(whole)), 3)}
    for at in sorted(places):
        copy = tmp_path / "copy"
        shutil.copytree(data / "store", copy / "store")
        (copy / "store" / "store.duckdb.wal").write_bytes(damaged(whole, how, at))
        least = 1200 if how == "append" else max([n for size, n in sizes if size <= at] or [0])
        found = count(copy)
        assert least <= found <= 1200 and found % 300 == 0, f"{how} at {at}: {found}, not {least}"
        aside = list((copy / "store").glob("*.damaged-*"))
        if found < 1200 and how != "cut":
            assert [a.read_bytes() for a in aside] == [damaged(whole, how, at)], f"{how} at {at}"
        if at < max(places):
            shutil.rmtree(copy)
    # It goes on: what was lost comes again and nothing else does.
    weir("import", "-data", str(copy), "-state", "none", *NO_GEO,
         *(str(tmp_path / f"{number}.log") for number in range(4)))
    assert count(copy) == 1200


@pytest.mark.parametrize("free", ["0", "8m"])
def test_a_full_disk_is_waited_for(tmp_path, free):
    """Nothing is lost when the disk of the store is full for a time: DuckDB itself finds out (0),
    or weir does before it."""
    with Tmpfs(tmp_path / "disk", "48m") as disk:
        data = os.path.join(disk.path, "data")
        log = log_file(tmp_path / "a.log", 8000)
        with Weir(data, "-transport.store.free", free) as w:
            weir("import", "-data", data, *NO_GEO, log_file(tmp_path / "b.log", 100, first=8000))
            disk.fill()
            importer = subprocess.Popen(weir_command("import", "-data", data, "-state", "none",
                                                     *NO_GEO, log), env=ENV,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            wait_until(lambda: "the store cannot be written" in w.log(), w.log, 30)
            time.sleep(2.5)
            assert importer.poll() is None and w.process.poll() is None, w.log()
            disk.empty()
            err = importer.communicate(timeout=60)[1]
            assert importer.returncode == 0, err
            books(err)
            wait_until(lambda: "the store can be written again" in w.log(), w.log, 30)
            assert count(data) == 8100
            assert w.stop() == 0
            books(w.log())
        assert count(data) == 8100
