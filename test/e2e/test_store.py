# SPDX-License-Identifier: Apache-2.0
"""The store as its users see it: run, import, replay, query and backup, with one weir or two."""
import json
import os
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

    def __init__(self, data, *flags):
        self.data, self.port = str(data), free_port()
        self.log_path = self.data + ".log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                weir_command("-data", self.data, "-listen", f"sflow://127.0.0.1:{self.port}", "-addr",
                             "", *NO_GEO, *flags), stderr=log, stdout=subprocess.PIPE, env=ENV)
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


def weir(*args, codes=(0,), data=None):
    return run(*args, codes=codes, env=ENV, data=data)


def count(data):
    """Flows in the store, asked of whoever has it."""
    done = weir("query", "-data", str(data), *ALL, "-series", "total", "-by", "flows", "-o", "json",
                "-n", "1", "-step", "3650d")
    return sum(row["flows"] for row in json.loads(done.stdout)["rows"])


def log_file(path, count, first=0):
    with open(path, "ab") as out:
        for number in range(first, first + count):
            out.write(line(number).encode())
    return str(path)


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
    log = log_file(tmp_path / "a.log", 100000)
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
        assert count(w.data) == 100000


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


def test_one_store_has_one_weir(tmp_path):
    with Weir(tmp_path / "data") as w:
        done = subprocess.run(weir_command("-data", w.data, "-listen",
                                           f"sflow://127.0.0.1:{free_port()}", "-addr", "", *NO_GEO),
                              capture_output=True, text=True, timeout=60, env=ENV)
        assert done.returncode == 1 and str(w.process.pid) in done.stderr
        checked = subprocess.run(weir_command("check", "-data", w.data, "-addr", "", *NO_GEO),
                                 capture_output=True, text=True, timeout=60, env=ENV)
        assert f"pid {w.process.pid}" in checked.stdout


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
