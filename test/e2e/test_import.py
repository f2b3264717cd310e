# SPDX-License-Identifier: Apache-2.0
"""weir import as its users run it: real files, pipes, terminals, full disks and signals."""
import gzip
import json
import os
import pathlib
import pty
import random
import re
import select
import signal
import subprocess
import tempfile
import time

import pytest

from programs import books, weir_command, weir_path

START_NS = 1_722_384_059_000_000_000


def line(number, **columns):
    """A flow as goflow2 writes it; its sequence number tells which."""
    flow = {"type": "SFLOW_5", "time_flow_start_ns": START_NS + number * 1_000_000,
            "sampler_address": "192.0.2.1", "sequence_num": number, "src_addr": "198.51.100.7",
            "dst_addr": "203.0.113.9", "etype": "IPv4", "proto": "TCP", "src_port": 443,
            "dst_port": 50000, "sampling_rate": 1000, "bytes": 1500, **columns}
    return json.dumps(flow, separators=(",", ":")).encode() + b"\n"


def lines(*numbers):
    return b"".join(line(n) for n in range(*numbers))


class Place:
    """A folder with files to import, and a state of its own."""

    def __init__(self, path):
        self.path = path
        self.data = str(path / "data")

    def file(self, name, content=None):
        path = self.path / name
        if content is not None:
            path.write_bytes(content)
        return str(path)

    def command(self, *args):
        return weir_command("import", "-data", self.data, *args)

    def run(self, *args, code=0, stdin=subprocess.DEVNULL, **kw):
        """Runs import; returns (stdout bytes, log). The books balance."""
        if isinstance(stdin, bytes):
            kw["input"] = stdin
        else:
            kw["stdin"] = stdin
        done = subprocess.run(self.command(*args), capture_output=True, timeout=300, **kw)
        log = done.stderr.decode(errors="replace")
        assert done.returncode == code, f"exit {done.returncode}:\n{log}"
        if "msg=books" in log or code in (0, 3):
            books(log)
        return done.stdout, log

    def start(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.command(*args), **kw)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def numbers(output):
    return [json.loads(text)["sequence_num"] for text in output.splitlines()]


def summary_of(text):
    """The summary among log lines, or alone."""
    found = [json.loads(t) for t in text.splitlines() if t.startswith("{")]
    assert len(found) == 1, text
    return found[0]


def wait_until(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


# --- What is read -----------------------------------------------------------------------------------

def test_a_log_comes_out_again(place):
    log = place.file("goflow2.log", lines(1000))
    output, text = place.run("-summary", "json", log)
    assert numbers(output) == list(range(1000))
    found = summary_of(text)
    assert (found["files"], found["lines"], found["records"]) == (1, 1000, 1000)
    assert found["bytes"] == os.path.getsize(log) and found["errors"] == {}
    assert found["seconds"] > 0


def test_the_summary_goes_to_stdout_when_records_go_to_a_file(place):
    log = place.file("a.log", lines(10) + b"bad\n\n")
    out = place.file("out")
    output, _ = place.run("-summary", "json", "-transport.file", out, log, code=3)
    found = summary_of(output.decode())
    assert found["lines"] == 12 and found["records"] == 10 and found["empty"] == 1
    assert found["errors"] == {"not_json": 1}
    assert numbers(open(out, "rb").read()) == list(range(10))


@pytest.mark.parametrize("threads", ["1", "2", "4"])
def test_many_files_keep_their_order(place, threads):
    sizes = [3000, 0, 1, 700, 2000, 5, 1024]
    files = [place.file(f"{i}.log", b"".join(line(n, in_if=i + 1) for n in range(size)))
             for i, size in enumerate(sizes)]
    output, log = place.run("-import.threads", threads, *files)
    found = [json.loads(text) for text in output.splitlines()]
    assert books(log)["line"]["flow"] == sum(sizes) == len(found)
    for i, size in enumerate(sizes):
        assert [f["sequence_num"] for f in found if f["in_if"] == i + 1] == list(range(size))


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_compressed_files(place, kind):
    name = place.file("goflow2.log.1", lines(5000))
    subprocess.run(["gzip" if kind == "gz" else "zstd", "-qk", name], check=True)
    output, _ = place.run(f"{name}.{kind}")
    assert numbers(output) == list(range(5000))
    output, log = place.run(f"{name}.{kind}", name)  # also what it was packed from
    assert output == b"" and log.count("nothing new") == 2


def test_standard_input(place):
    for _ in range(2):  # it is nobody's file: each time from its start
        output, _ = place.run("-", stdin=lines(3000))
        assert numbers(output) == list(range(3000))
    name = place.file("a.log", lines(100))
    for _ in range(2):
        with open(name, "rb") as file:
            output, _ = place.run("-", stdin=file)
        assert len(numbers(output)) == 100
    output, _ = place.run("-", stdin=gzip.compress(lines(100)))
    assert len(numbers(output)) == 100
    output, _ = place.run("-", stdin=b"")
    assert output == b""


def test_a_slow_pipe_is_not_kept_waiting(place):
    run = place.start("-", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                      stderr=subprocess.DEVNULL)
    for number in range(3):
        run.stdin.write(line(number))
        run.stdin.flush()
        assert json.loads(run.stdout.readline())["sequence_num"] == number
    run.stdin.write(line(3)[:-1])  # the end of a pipe ends its last line
    run.stdin.close()
    assert json.loads(run.stdout.read())["sequence_num"] == 3
    assert run.wait(timeout=60) == 0


@pytest.mark.parametrize("what", ["stdin", "fifo"])
def test_interrupt_ends_a_quiet_pipe(place, what):
    name = "-"
    if what == "fifo":
        name = place.file("fifo")
        os.mkfifo(name)
    log = place.file("log")
    with open(log, "wb") as err:
        run = place.start("-loglevel", "debug", place.file("a.log", lines(10)), name,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err)
        assert json.loads(run.stdout.readline())["sequence_num"] == 0
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=60) == 1
    run.stdin.close()
    run.stdout.close()
    assert "interrupted" in open(log).read()


# --- Exit codes and what is said --------------------------------------------------------------------

def test_exit_codes(place):
    good, bad = place.file("good.log", lines(10)), place.file("bad.log", line(1) + b"{\n")
    place.run("-state", "none", good, code=0)
    _, log = place.run("-state", "none", good, bad, code=3)
    assert "lines could not be read" in log and "reason=not_json lines=1" in log
    output, log = place.run("-state", "none", place.file("missing.log"), good, bad, code=1)
    assert numbers(output).count(1) == 2 and len(numbers(output)) == 11  # the others are read
    assert "missing.log" in log and "No such file or directory" in log
    assert "reason=not_json lines=1" in log
    _, log = place.run(str(place.path), good, code=1)
    assert "is a directory" in log
    for args in (["-no.such.flag", good], [], ["-since", "yesterday", good],
                 [good, "-format", "ecs"]):
        done = subprocess.run(place.command(*args), capture_output=True, timeout=60)
        assert done.returncode == 2, done.stderr
        assert b"Usage: weir import" in done.stderr
    for args, words in ((["-summary", "xml"], "json"), (["-format", "xml"], "xml"),
                        (["-import.line_max", "1"], "1024"), (["-import.threads", "65"], "64"),
                        (["-ecs.profile", "x"], "elastic"), (["-sampling.default", "x"], "1000"),
                        (["-import.errors", "/nowhere/x"], "/nowhere/x"),
                        (["-state", "/nowhere/x"], "/nowhere/x"),
                        (["-transport.file", "/nowhere/x"], "/nowhere/x"),
                        (["-state", good], "is not a state file of weir")):
        _, log = place.run(*args, good, code=1)
        assert words in log and log.count("\n") <= 3, log


def test_a_state_file_belongs_to_one_weir(place):
    fifo = place.file("fifo")
    os.mkfifo(fifo)
    first = place.start(place.file("a.log", lines(5)), fifo, stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL)
    first.stdout.readline()
    _, log = place.run(place.file("b.log", lines(1)), code=1)
    assert "another weir keeps its positions in" in log and "-state" in log
    place.run("-state", place.file("own"), place.file("b.log"))
    first.send_signal(signal.SIGINT)
    first.stdout.close()
    first.wait(timeout=60)


def test_progress_on_a_terminal(place):
    fifo = place.file("fifo")
    os.mkfifo(fifo)
    log = place.file("a.log", lines(20000) + b"bad\n")
    master, slave = pty.openpty()
    run = place.start("-loglevel", "error", "-err.cnt", "1", log, fifo, stdout=subprocess.DEVNULL,
                      stderr=slave)
    os.close(slave)
    writer = os.open(fifo, os.O_WRONLY)
    text = b""
    until = time.monotonic() + 60
    while not re.search(rb"\r1 of 2 files, [\d.]+ MB of [\d.]+ MB, \d+ lines/s, 1 bad, "
                        rb"0:00:00 left", text):
        assert time.monotonic() < until, text
        if select.select([master], [], [], 1)[0]:
            text += os.read(master, 65536)
    os.close(writer)
    try:
        while True:
            text += os.read(master, 65536)
    except OSError:  # the terminal is gone with the program
        pass
    assert run.wait(timeout=60) == 3
    os.close(master)


# --- What cannot be read ----------------------------------------------------------------------------

BAD = {b"{": "not_json", b"[]": "not_object", b'{"bytes":1}': "no_time",
       line(1, bytes=-1)[:-1]: "bad_value", b'{"time_flow_start_ns":1,"a":1,"a":2}':
       "duplicate_column", b'{"type":"sflow","message":{},"src":"x"}': "produce_raw",
       b'{"TimeReceived":1,"Bytes":1}': "goflow_v1", b'{"a":"\xff"': "not_json",
       b"x" * 3000: "too_long"}


def with_bad_lines():
    text = b""
    for number, bad in enumerate(BAD):
        text += line(number) + bad + b"\n"
    return text


@pytest.mark.parametrize("profile", ["weir", "elastic"])
def test_error_documents(place, profile):
    log = place.file("a.log", with_bad_lines())
    output, text = place.run("-format", "ecs", "-ecs.profile", profile, "-summary", "json",
                             "-import.line_max", "2k", log, code=3)
    documents = [json.loads(d) for d in output.splitlines()]
    assert len(documents) == 2 * len(BAD)
    errors = [d for d in documents if d["event"]["kind"] == "pipeline_error"]
    reasons = {}
    for reason in BAD.values():
        reasons[reason] = reasons.get(reason, 0) + 1
    found = summary_of(text)
    assert found["errors"] == reasons and found["records"] == len(BAD)
    for reason, count in reasons.items():
        assert f"reason={reason} lines={count}" in text
    if profile == "weir":
        assert found["error_documents"] == len(errors) == len(BAD)
        for document, (bad, reason) in zip(errors, BAD.items()):
            assert document["error"]["type"] == reason
            kept = bad[:2048] if reason == "too_long" else bad
            assert document["event"]["original"] == kept.decode(errors="replace")
            assert document["log"]["offset"] == with_bad_lines().index(bad + b"\n")
    else:
        assert found["error_documents"] == len(errors) > 0


@pytest.mark.parametrize("form", ["json", "text", "bin"])
def test_a_file_of_errors(place, form):
    log, errors = place.file("a.log", with_bad_lines()), place.file("errors")
    output, _ = place.run("-format", form, "-import.errors", errors, log, code=3)
    assert open(errors, "rb").read() == b"".join(bad + b"\n" for bad in BAD)
    if form == "json":
        assert numbers(output) == list(range(len(BAD)))
    # What could not be read is not in the output, and once is enough.
    place.run("-format", form, "-import.errors", errors, log, code=0)
    assert open(errors, "rb").read() == b"".join(bad + b"\n" for bad in BAD)


def test_a_damaged_archive_is_read_as_far_as_it_goes(place):
    packed = gzip.compress(b"".join(line(n, src_port=random.Random(n).randrange(65536))
                                    for n in range(20000)))
    cut = place.file("cut.gz", packed[:len(packed) * 3 // 4])
    output, log = place.run("-import.errors", place.file("e"), cut, place.file("a", lines(5)),
                            code=3)
    found = numbers(output)
    assert len(found) > 10000 and set(range(10000)) < set(found)
    assert "cut.gz" in log and "ends in the middle of its compressed data" in log
    flipped = place.file("flipped.gz", packed[:-6] + b"xx" + packed[-4:])
    output, log = place.run("-state", "none", flipped, code=3)
    assert numbers(output) == list(range(20000))
    assert "flipped.gz" in log and "the compressed data are damaged" in log
    _, log = place.run(place.file("header.gz", packed[:5]), code=3)
    assert "ends in the middle" in log
    # It was still being written: once it is whole the rest follows, and no line is lost.
    place.file("cut.gz", packed)
    again, _ = place.run(cut)
    assert sorted(set(found + numbers(again))) == list(range(20000))


# --- Going on ---------------------------------------------------------------------------------------

def test_a_file_is_read_once_under_all_its_names(place):
    content = lines(4000)
    files = [place.file("a.log", content), place.file("copy.log", content),
             place.file("b.gz", gzip.compress(content))]
    os.link(files[0], place.file("link.log"))
    for threads in ("1", "4"):
        state = place.file(f"state{threads}")
        output, log = place.run("-state", state, "-import.threads", threads, "-summary", "json",
                                *files, place.file("link.log"))
        assert numbers(output) == list(range(4000))
        assert summary_of(log)["files_nothing_new"] == 3


def test_files_that_begin_alike_are_all_read(place):
    """One first line, and then others: at once, by several threads, packed or not."""
    files, want = [], []
    for i in range(6):
        content = line(0) + b"".join(line(n) for n in range(1000 * i + 1, 1000 * i + 900))
        files.append(place.file(f"{i}", gzip.compress(content) if i % 2 else content))
        want += [0, *range(1000 * i + 1, 1000 * i + 900)]
    for threads in ("1", "3"):
        output, _ = place.run("-state", "none", "-import.threads", threads, *files)
        assert sorted(numbers(output)) == sorted(want)
    output, _ = place.run("-format", "ecs", "-ecs.id", *files)
    ids = [json.loads(d)["event"]["id"] for d in output.splitlines()]
    assert len(set(ids)) == len(ids) == len(want)
    grown = place.file("grown", line(0) + lines(1, 900) + line(77777))  # as file 0, and longer
    output, _ = place.run(*files, grown)
    assert numbers(output) == [77777]
    output, _ = place.run(*files[1:], grown)
    assert output == b""


def test_state(place):
    log = place.file("a.log", lines(100))
    assert len(numbers(place.run(log)[0])) == 100
    assert os.path.exists(os.path.join(place.data, "state", "import"))
    assert place.run(log)[0] == b""
    assert len(numbers(place.run("-state", "none", log)[0])) == 100
    own = place.file("own.state")
    assert len(numbers(place.run("-state", own, log)[0])) == 100
    assert place.run("-state", own, log)[0] == b""
    with open(log, "ab") as file:  # it grows
        file.write(lines(100, 130) + line(130)[:20])
    output, text = place.run("-import.errors", place.file("e"), log, code=3)
    assert numbers(output) == list(range(100, 130)) and "its beginning was read before" in text
    with open(log, "ab") as file:  # the line that had no end has one now
        file.write(line(130)[20:] + line(131)[:-1])
    assert numbers(place.run(log)[0]) == [130, 131]
    with open(log, "ab") as file:
        file.write(b"\n" + line(132))
    assert numbers(place.run(log)[0]) == [132]
    os.rename(log, log + ".1")
    place.file("a.log", lines(200, 210))
    assert numbers(place.run(log, log + ".1")[0]) == list(range(200, 210))


COUNT = 60000


def check_all(outputs, count=COUNT):
    """Every line is there, and each has one id however often it came."""
    ids, whole = {}, 0
    for output in outputs:
        for text in output.split(b"\n")[:-1]:  # what an end cut off comes again
            document = json.loads(text)
            ids.setdefault(document["sflow"]["sequence_num"], set()).add(document["event"]["id"])
            whole += 1
    assert sorted(ids) == list(range(count))
    assert all(len(i) == 1 for i in ids.values())
    assert len({next(iter(i)) for i in ids.values()}) == count
    return whole


def big_files(place):
    half = COUNT // 2
    return [place.file("a.log", lines(half)),
            place.file("b.log.gz", gzip.compress(lines(half, COUNT), 1))]


def test_interrupt_and_go_on(place):
    files = big_files(place)
    out = place.file("out")
    command = ["-format", "ecs", "-ecs.id", "-transport.file", out, *files]
    interrupted = 0
    for _ in range(50):
        before = os.path.getsize(out) if os.path.exists(out) else 0
        run = place.start(*command, stderr=subprocess.PIPE)
        wait_until(lambda: run.poll() is not None or
                   os.path.exists(out) and os.path.getsize(out) > before + 4_000_000)
        run.send_signal(signal.SIGINT)
        log = run.communicate(timeout=120)[1].decode()
        books(log)
        if run.returncode == 0:
            break
        assert run.returncode == 1 and "the same command goes on from here" in log
        interrupted += 1
    assert run.returncode == 0 and interrupted > 0
    assert check_all([open(out, "rb").read()]) == COUNT  # none twice


def test_interrupt_while_nobody_takes_the_output(place):
    """What waits is given up after some seconds, and read again next time."""
    files = big_files(place)
    command = ["-format", "ecs", "-ecs.id", *files]
    run = place.start(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    first = run.stdout.read(1_000_000)
    run.send_signal(signal.SIGINT)
    time.sleep(0.1)
    assert run.wait(timeout=120) == 1
    first += run.stdout.read()
    run.stdout.close()
    output, _ = place.run(*command)
    check_all([first, output])


def test_kill_and_go_on(place):
    files = big_files(place)
    out = place.file("out")
    command = ["-format", "ecs", "-ecs.id", "-transport.file", out, *files]
    rng = random.Random(1)
    killed = 0
    for _ in range(200):
        before = os.path.getsize(out) if os.path.exists(out) else 0
        step = rng.randrange(1, 12_000_000)
        run = place.start(*command, stderr=subprocess.DEVNULL)
        wait_until(lambda: run.poll() is not None or
                   os.path.exists(out) and os.path.getsize(out) > before + step)
        run.kill()
        if run.wait(timeout=120) == 0:
            break
        killed += 1
        if killed > 6:  # positions are saved once a second: let it end
            assert run.returncode == -signal.SIGKILL
            place.run(*command)
            break
    assert killed > 0
    check_all([open(out, "rb").read()])  # and no line is cut: weir mends its own file


@pytest.mark.parametrize("profile", ["weir", "elastic"])
def test_memory_does_not_grow_with_the_file(place, profile):
    """However slow the output is: here nobody takes it for a while."""
    if "san" in os.path.basename(os.path.dirname(weir_path())):
        pytest.skip("sanitizers take memory of their own")
    peaks = []
    for count in (20000, 120000):
        log = place.file("a.log", lines(count))
        run = place.start("-state", "none", "-format", "ecs", "-ecs.profile", profile, log,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        peak = 0
        while run.stdout.read(1 << 20):
            found = re.search(r"VmHWM:\s+(\d+) kB", open(f"/proc/{run.pid}/status").read())
            peak = int(found.group(1)) if found else peak
        run.stdout.close()
        assert run.wait(timeout=60) == 0
        peaks.append(peak)
    assert 0 < max(peaks) < 100_000 and peaks[1] - peaks[0] < 30_000, peaks  # kB


# --- Which records ----------------------------------------------------------------------------------

def test_since_and_until_are_exact(place):
    log = place.file("a.log", lines(0, 1000) + b"bad\n")
    def run(*args, code=3):
        return place.run("-state", "none", *args, log, code=code)
    at = "2024-07-31T00:00:59."  # START_NS is .000
    assert numbers(run("-since", at + "500Z")[0]) == list(range(500, 1000))
    assert numbers(run("-until", at + "500Z")[0]) == list(range(0, 500))
    assert numbers(run("-since", at + "500000001Z")[0]) == list(range(501, 1000))
    assert numbers(run("-until", at + "500000001Z")[0]) == list(range(0, 501))
    assert numbers(run("-since", "2024-07-31T02:00:59.990+02:00", "-until", at + "995Z")[0]) == \
        list(range(990, 995))
    output, text = run("-since", "2024-08-01", "-summary", "json")
    assert output == b"" and summary_of(text)["outside"] == 1000
    assert summary_of(text)["errors"] == {"not_json": 1}  # never passed over
    # Two runs that meet at a time have each record once.
    halves = [numbers(run(flag, at + "333Z")[0]) for flag in ("-until", "-since")]
    assert halves[0] + halves[1] == list(range(1000))


def test_sampling_default(place):
    log = place.file("a.log", line(0) + line(1, sampling_rate=0) +
                     line(2, sampling_rate=0, sampler_address="10.1.1.1") +
                     line(3, sampling_rate=0, sampler_address="10.2.2.2"))
    def run(*args):
        output, _ = place.run("-state", "none", "-format", "ecs", *args, log)
        documents = [json.loads(d) for d in output.splitlines()]
        return [(d["network"]["bytes"], "sampling_unknown" in d["tags"]) for d in documents]
    assert run() == [(1_500_000, False), (1500, True), (1500, True), (1500, True)]
    assert run("-sampling.default", "100,10.0.0.0/8=10,10.1.1.1=7") == \
        [(1_500_000, False), (150_000, False), (10_500, False), (15_000, False)]
    assert run("-sampling.default", "10.1.1.1=7") == \
        [(1_500_000, False), (1500, True), (10_500, False), (1500, True)]
    elastic = run("-ecs.profile", "elastic", "-sampling.default", "100")
    assert elastic == run("-ecs.profile", "elastic")
    assert elastic == [(1_500_000, False), (0, False), (0, False), (0, False)]


def test_long_lines(place):
    long = line(1, x="y" * 3000)
    log = place.file("a.log", line(0) + long + line(2))
    output, _ = place.run("-state", "none", "-format", "ecs", "-import.line_max", "2k", log, code=3)
    documents = [json.loads(d) for d in output.splitlines()]
    assert documents[1]["event"]["original"] == long[:2048].decode()
    assert documents[1]["error"]["type"] == "too_long"
    assert documents[2]["sflow"]["sequence_num"] == 2
    output, _ = place.run("-state", "none", "-import.line_max", "4k", log)
    assert numbers(output) == [0, 1, 2]


# --- Where records go -------------------------------------------------------------------------------

def test_closed_output(place):
    run = place.start(place.file("a.log", lines(50000)), stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE)
    run.stdout.readline()
    run.stdout.close()
    assert run.wait(timeout=120) == -signal.SIGPIPE
    assert b"interrupted" not in run.stderr.read()
    run.stderr.close()


@pytest.mark.parametrize("form,torn,mended", [
    ("json", b'{"a":1}\n{"type":"SF', b'{"a":1}\n'),
    ("json", b'{"a":1}\n{"type":"SFLOW_5"}', b'{"a":1}\n{"type":"SFLOW_5"}\n'),
    ("ecs", b'{"a":1}\n{"@timest', b'{"a":1}\n'),
    ("text", b"type=SFLOW_5\ntype=SFL", b"type=SFLOW_5\ntype=SFL\n"),
    ("bin", b"\x02\x08\x01\n\x09\x08\x01", b"\x02\x08\x01\n"),
    ("json", b"", b""),
])
def test_own_output_is_mended(place, form, torn, mended):
    log, out, fresh = place.file("a.log", lines(3)), place.file("out", torn), place.file("fresh")
    args = ["-state", "none", "-format", form, "-mapping", place.file("m", b"formatter: {}\n")]
    place.run(*args, "-transport.file", out, log)
    place.run(*args, "-transport.file", fresh, log)
    found = open(out, "rb").read()
    assert found.startswith(mended)
    assert len(found) == len(mended) + len(open(fresh, "rb").read())


def test_outputs_that_are_no_files(place):
    log = place.file("a.log", lines(3))
    place.run("-state", "none", "-transport.file", "/dev/null", log)
    fifo = place.file("fifo")
    os.mkfifo(fifo)
    run = place.start("-state", "none", "-transport.file", fifo, log, stderr=subprocess.DEVNULL)
    with open(fifo, "rb") as file:
        assert numbers(file.read()) == [0, 1, 2]
    assert run.wait(timeout=60) == 0


def test_an_output_that_may_not_be_read():
    """It is written to as it is, by somebody who may only write."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
        os.chmod(folder, 0o777)
        place = Place(pathlib.Path(folder))
        log, out = place.file("a.log", lines(3)), place.file("out", b'{"torn')
        os.chmod(out, 0o222)
        done = subprocess.run(place.command("-state", "none", "-transport.file", out, log),
                              user=65534, group=65534, extra_groups=[], capture_output=True,
                              timeout=60)
        if b"Permission denied" in done.stderr and b"weir" not in done.stderr:
            pytest.skip("nobody else may run the program here")
        assert done.returncode == 0, done.stderr
        assert open(out, "rb").read() == b'{"torn' + place.run("-state", "none", log)[0]


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


def test_a_full_disk_is_waited_for(place):
    with Tmpfs(place.path / "disk", "8m") as disk:
        out, log = os.path.join(disk.path, "out"), place.file("log")
        open(out, "wb").close()
        disk.fill()
        with open(log, "wb") as err:
            run = place.start("-transport.file", out, place.file("a.log", lines(5000)), stderr=err)
            wait_until(lambda: "cannot write, flows are held and tried again" in open(log).read())
            assert run.poll() is None
            disk.empty()
            assert run.wait(timeout=120) == 0
        assert numbers(open(out, "rb").read()) == list(range(5000))
        assert "No space left on device" in open(log).read()
        books(open(log).read())


def test_interrupt_on_a_full_disk_loses_nothing(place):
    with Tmpfs(place.path / "disk", "1m") as disk:
        out, log = os.path.join(disk.path, "out"), place.file("log")
        command = ["-transport.file", out, place.file("a.log", lines(10000))]
        with open(log, "wb") as err:
            run = place.start(*command, stderr=err)
            wait_until(lambda: "cannot write" in open(log).read())
            run.send_signal(signal.SIGINT)
            assert run.wait(timeout=120) == 1
        first = open(out, "rb").read()
        os.unlink(out)
        rest = place.file("rest")
        output, _ = place.run("-transport.file", rest, *command[2:])
        found = [*numbers(first[:first.rindex(b"\n") + 1]), *numbers(open(rest, "rb").read())]
        assert sorted(set(found)) == list(range(10000)) and len(found) - len(set(found)) <= 512


def test_a_state_that_cannot_be_saved(place):
    with Tmpfs(place.path / "disk", "64k") as disk:
        state, log = os.path.join(disk.path, "state"), place.file("a.log", lines(1000))
        disk.fill()
        output, text = place.run("-state", state, log, code=1)
        assert numbers(output) == list(range(1000))
        assert "positions could not be saved: the same command reads these lines again" in text
        assert "No space left on device" in text and state in text
        disk.empty()
        assert len(numbers(place.run("-state", state, log)[0])) == 1000
        assert place.run("-state", state, log)[0] == b""
