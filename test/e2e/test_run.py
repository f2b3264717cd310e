# SPDX-License-Identifier: Apache-2.0
"""weir as its users run it: real sockets, real files, real signals."""
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import golden
import programs
from programs import books, weir_collector, weir_command, weir_path

SIXTEEN = ("type time_flow_start_ns sampler_address sequence_num in_if out_if src_addr dst_addr "
           "etype proto src_port dst_port src_vlan dst_vlan sampling_rate bytes").split()


@pytest.fixture(scope="session")
def datagrams():
    """A thousand generated datagrams of six flows from five exporters."""
    return programs.generated(1000, "-exporters", "5")


def flows(c):
    return [json.loads(line) for line in c.output_bytes().decode().splitlines()]


@pytest.mark.parametrize("name", ["weir", "goflow2"])
def test_the_command_that_elastic_documents(name, tmp_path, datagrams):
    """goflow2 -format json -listen sflow://:6343 -mapping FILE -transport.file FILE, paths aside."""
    log = tmp_path / "var" / "goflow2.log"
    log.parent.mkdir()
    mapping = os.path.join(programs.ROOT, "mapping.yaml")
    with weir_collector("-format", "json", "-mapping", mapping, "-transport.file", str(log),
                        name=name) as c:
        c.output = str(log)
        c.send(datagrams[:100])
        c.settle()
        assert c.stop() == 0
        lines = flows(c)
        assert len(lines) == 600
        assert all(list(line) == SIXTEEN for line in lines)
        assert books(c.log_text())["file"]["delivered"] == 600


def test_every_datagram_comes_out(datagrams):
    with weir_collector() as c:
        c.send(datagrams)
        c.settle()
        assert c.stop() == 0
        found = books(c.log_text())
        assert found["datagram"]["received"] == len(datagrams)
        assert len(flows(c)) == 6 * len(datagrams) == found["flow"]["made"]
        assert c.log_text().count("exporter heard for the first time") == 5


def test_sigterm_drains(datagrams):
    """What the socket holds when the signal comes is still written."""
    with weir_collector() as c:
        c.send(datagrams, pause_every=10**9)
        c.stop()
        found = books(c.log_text())
        assert found["datagram"]["received"] == len(datagrams)
        assert len(flows(c)) == 6 * len(datagrams)


def test_rotation_under_load_loses_nothing(datagrams):
    with weir_collector() as c:
        moved = []
        for number in range(8):
            c.send(datagrams[number * 100:number * 100 + 100])
            moved.append(f"{c.output}.{number}")
            until = time.monotonic() + 5  # the last signal may still be on its way
            while not os.path.exists(c.output) and time.monotonic() < until:
                time.sleep(0.01)
            os.rename(c.output, moved[-1])
            c.process.send_signal(signal.SIGHUP)
        c.settle()
        time.sleep(0.7)
        assert c.stop() == 0
        total = 0
        for path in moved + [c.output]:
            if os.path.exists(path):
                data = open(path, "rb").read()
                assert data == b"" or data.endswith(b"}\n")
                total += len([json.loads(line) for line in data.splitlines()])
        assert total == 4800
        books(c.log_text())


def test_sighup_without_a_file_is_harmless(datagrams):
    with weir_collector(stdout=subprocess.DEVNULL) as c:
        c.process.send_signal(signal.SIGHUP)
        c.send(datagrams[:10])
        time.sleep(0.5)
        assert c.stop() == 0
        assert books(c.log_text())["file"]["delivered"] == 60


def test_what_has_no_effect_in_a_mapping_is_logged(tmp_path):
    mapping = tmp_path / "m.yaml"
    mapping.write_text("formatter: {fields: [bytes]}\nextra: 1\n")
    with weir_collector("-mapping", str(mapping)) as c:
        c.stop()
        assert 'level=WARN msg=mapping warning="' in c.log_text()
        assert 'm.yaml:2:1: has no effect: unknown key \\"extra\\""' in c.log_text()


def test_counter_and_drop_samples_are_counted_by_interface():
    case = golden.Case("counters-and-drops")
    with weir_collector(http=True) as c:
        c.send(case.datagrams)
        c.settle()
        body = get(c, "/metrics")[2]
        labels = 'agent="192.0.2.1",source_type="0",interface="3",socket="0"'
        assert f"weir_counter_samples_total{{{labels}}} 2\n" in body
        assert f"weir_drop_samples_total{{{labels}}} 1\n" in body
        c.stop()


def test_sequence_gaps_are_counted(datagrams):
    """Of every exporter's datagrams two in ten are held back; the last may be among them."""
    with weir_collector(http=True) as c:
        agents = {}
        for d in datagrams[:200]:
            agents.setdefault(d[4:16] if d[7] == 1 else d[4:28], []).append(d)
        held = 0
        for sent in agents.values():
            kept = [d for n, d in enumerate(sent) if n % 10 not in (3, 7) or n == len(sent) - 1]
            held += len(sent) - len(kept)
            c.send(kept)
        c.settle()
        gaps = re.findall(r"^weir_exporter_sequence_gaps_total\{.*\} (\d+)$", get(c, "/metrics")[2],
                          re.M)
        assert sum(map(int, gaps)) == held > 10
        c.stop()


def test_closed_stdout_ends_the_program(datagrams):
    with weir_collector(stdout=subprocess.PIPE) as c:
        c.process.stdout.close()
        until = time.monotonic() + 10
        while c.process.poll() is None and time.monotonic() < until:
            c.send(datagrams[:5])
            time.sleep(0.05)
        assert c.process.wait(timeout=10) == -signal.SIGPIPE
        books(c.log_text())


def test_full_disk_is_said_once(datagrams):
    with weir_collector("-transport.file", "/dev/full") as c:
        c.send(datagrams[:50])
        time.sleep(1)
        assert c.stop() == 0
        assert c.log_text().count("cannot write") == 1
        found = books(c.log_text())
        assert found["file"]["stopped"] == found["flow"]["made"] == 300


def test_kill_and_restart(datagrams):
    """kill -9 leaves whole lines but for the last, of which the next start cuts the half off."""
    with weir_collector() as c:
        c.send(datagrams[:200])
        c.settle()
        c.process.kill()
        c.process.wait()
        with open(c.output, "ab") as out:
            out.write(b'{"type":"SFL')
        again = weir_collector("-transport.file", c.output)
        with again:
            again.output = c.output
            again.send(datagrams[200:300])
            again.settle()
            again.stop()
            lines = c.output_bytes().decode().splitlines()
            assert len(lines) == 1800
            assert all(json.loads(line) for line in lines)


def test_ipv6_exporters(datagrams):
    with weir_collector(host="::1") as c:
        c.send(datagrams[:10])
        c.settle()
        c.stop()
        assert len(flows(c)) == 60
        assert "exporter=::1 " in c.log_text()


def test_several_sockets(datagrams):
    """Exporters spread over sockets by address; no datagram is lost or doubled."""
    with weir_collector(listen="?count=4") as c:
        for number in range(20):
            c.send(datagrams[number * 10:number * 10 + 10], source=f"127.0.0.{number + 1}")
        c.settle()
        c.stop()
        found = books(c.log_text())
        assert found["datagram"]["received"] == 200
        assert len(flows(c)) == 1200


def test_allow_list(datagrams):
    with weir_collector("-allow", "127.0.0.4/30,192.0.2.0/24") as c:
        for host in range(1, 9):
            c.send(datagrams[host:host + 1], source=f"127.0.0.{host}")
        c.settle()
        c.stop()
        found = books(c.log_text())
        assert found["datagram"]["not_allowed"] == 4
        assert found["datagram"]["decoded"] == 4


def test_device(datagrams):
    if os.getuid() != 0:
        pytest.skip("binding to a device needs root")
    with weir_collector(listen="?device=lo") as c:
        c.send(datagrams[:10])
        c.settle()
        c.stop()
        assert len(flows(c)) == 60


def test_kernel_drops_are_counted(datagrams):
    """With a tiny socket buffer: what was received and what the kernel dropped is what was sent."""
    with weir_collector(listen="?rcvbuf=4096", http=True) as c:
        c.send(datagrams * 3, pause_every=10**9)
        time.sleep(2.5)
        metrics = get(c, "/metrics")[2]
        dropped = sum(int(v) for v in re.findall(
            r"^goflow2_flow_dropped_packets_total\{.*\} (\d+)$", metrics, re.M))
        c.stop()
        received = books(c.log_text())["datagram"]["received"]
        assert dropped > 0
        assert received + dropped == 3 * len(datagrams)


def test_bad_datagrams_are_named_and_muted(datagrams):
    with weir_collector("-err.cnt", "3", "-err.int", "60s") as c:
        c.send([b"\0\0\0\4" + bytes(40)] * 50 + [b""] + datagrams[:2])
        c.settle()
        c.stop()
        log = c.log_text()
        found = books(log)
        assert found["datagram"]["sflow_version"] == 50
        assert found["datagram"]["empty"] == 1
        assert found["datagram"]["decoded"] == 2
        assert log.count("level=ERROR msg=error") == 3
        assert log.count("too many receiver messages, muting") == 1


def get(c, path):
    with socket.create_connection(("127.0.0.1", c.http_port), timeout=10) as s:
        s.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        data = b""
        while chunk := s.recv(65536):
            data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    return status, head.decode().lower(), body.decode()


def test_http(datagrams):
    with weir_collector(http=True) as c:
        c.send(datagrams[:100])
        c.settle()
        status, head, body = get(c, "/__health")
        assert (status, body) == (200, "OK\n")
        assert "content-type: text/plain; charset=utf-8" in head
        status, head, body = get(c, "/templates")
        assert (status, body) == (200, "{}") and "content-type: application/json" in head
        assert get(c, "/nothing")[0::2] == (404, "404 page not found\n")
        status, head, body = get(c, "/metrics")
        assert status == 200 and "text/plain; version=0.0.4" in head
        kinds, seen = {}, set()
        for line in body.splitlines():
            if line.startswith("# TYPE"):
                _, _, name, kind = line.split()
                assert name not in kinds
                kinds[name] = kind
            elif not line.startswith("#"):
                name, labels, value = re.fullmatch(r"(\w+)(\{[^}]*\})? (\S+)", line).groups()
                assert (name, labels) not in seen, line
                seen.add((name, labels))
                base = re.sub(r"_(sum|count)$", "", name)
                assert name in kinds or kinds[base] == "summary", line
                float(value)
        assert 'goflow2_flow_process_sf_samples_total{' in body
        assert 'weir_datagrams_total{outcome="received"} 100' in body
        assert 'weir_transport_flows_total{transport="file",outcome="delivered"} 600' in body
        c.stop()


def test_one_exporter_at_two_listeners_is_one_series(datagrams):
    second = programs.free_port()
    with weir_collector(listen=f"?count=2,sflow://127.0.0.1:{second}", http=True) as c:
        c.send(datagrams[:100])
        c.port, first = second, c.port
        c.send(datagrams[:100])
        c.port = first
        c.settle()
        names = [line.split(" ")[0] for line in get(c, "/metrics")[2].splitlines() if line[0] != "#"]
        assert len(names) == len(set(names))
        c.stop()


def test_metrics_have_goflow2s_names(datagrams):
    path = programs.goflow2_path()
    if path is None:
        pytest.skip("goflow2 v2.2.6 is not here and there is no go")

    def series(collector):
        """Each metric with its label names."""
        with collector as c:
            c.send(datagrams[:50] + [b"\0\0\0\4" + bytes(40)])
            c.settle()
            body = get(c, "/metrics")[2]
            c.stop()
        return {(name, tuple(sorted(re.findall(r'(\w+)="', labels))))
                for name, labels in re.findall(r"^(goflow2_\w+)(\{[^}]*\})", body, re.M)}
    theirs = series(programs.goflow2_collector(path, http=True))
    ours = series(weir_collector(http=True))
    # Sizes are kept per scheme, not per exporter: docs/goflow2.md.
    missing = {s for s in theirs - ours if "traffic_size_bytes" not in s[0]}
    assert not missing


def test_an_http_address_in_use_ends_the_start(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        done = subprocess.run(weir_command("-listen", f"sflow://127.0.0.1:{programs.free_port()}",
                                           "-addr", f"127.0.0.1:{s.getsockname()[1]}"),
                              capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "HTTP server error" in done.stderr


def test_nothing_allocates_while_receiving(datagrams):
    """The dev build aborts when a sealed thread allocates, in weir or in libc."""
    dev = os.path.join(programs.ROOT, "build", "dev", "weir")
    if not os.path.exists(dev):
        pytest.skip("no build/dev/weir: make PRESET=dev")
    with programs.Collector([dev], "-err.cnt", "0", listen="?count=2", http=True) as c:
        for case in golden.cases():
            c.send(case.datagrams)
        c.send(datagrams)
        c.send([d[:n] for d in datagrams[:3] for n in range(0, len(d), 50)])
        get(c, "/metrics")
        c.settle()
        assert c.stop() == 0
        books(c.log_text())


def test_listening_soon():
    """Ten milliseconds are the aim; the test allows for a busy machine and says what it was."""
    times = []
    for _ in range(5):
        begin = time.monotonic()
        with weir_collector() as c:
            times.append(time.monotonic() - begin)
            c.stop()
    print(f"start to listening, process start included: {1000 * min(times):.1f} ms")
    assert min(times) < 2


def test_log_lines_are_goflow2s():
    with weir_collector(name="goflow2") as c:
        c.stop()
        log = c.log_text()
        line = rf'^time=\S+ level=INFO msg="starting collection" scheme=sflow ' \
               rf'hostname=127.0.0.1 port={c.port} count=1 workers=2 blocking=false ' \
               rf'queue_size=1000000$'
        assert re.search(line, log, re.M), log
        assert 'msg="starting GoFlow2"' in log
        assert 'msg="transporter closed"' in log
