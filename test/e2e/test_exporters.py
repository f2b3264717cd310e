# SPDX-License-Identifier: Apache-2.0
"""Real exporters: Open vSwitch with two hosts in namespaces of the test's own, and pmacct's sfprobe on
a capture made here. Skipped, with the reason, where they cannot run."""
import json
import os
import shutil
import struct
import subprocess
import time

import pytest

import programs
from programs import books, weir_collector

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def sh(*command, check=True, timeout=60):
    return subprocess.run(command, check=check, capture_output=True, text=True, timeout=timeout)


class Switch:
    """ovsdb-server and ovs-vswitchd with sockets and database in a folder, userspace datapath."""

    def __init__(self, folder):
        self.folder, self.spaces, self.pids = folder, [], []
        self.env = {**os.environ, "OVS_RUNDIR": folder, "OVS_LOGDIR": folder, "OVS_DBDIR": folder}
        self.sock = f"unix:{folder}/db.sock"
        self.tool("ovsdb-tool", "create", f"{folder}/conf.db", SCHEMA)
        self.daemon("ovsdb-server", f"{folder}/conf.db", f"--remote=punix:{folder}/db.sock")
        self.vsctl("--no-wait", "init")
        self.daemon("ovs-vswitchd", self.sock)
        self.vsctl("add-br", "weirbr0", "--", "set", "bridge", "weirbr0", "datapath_type=netdev")

    def tool(self, *command):
        return subprocess.run(command, check=True, capture_output=True, text=True, env=self.env,
                              timeout=30).stdout

    def daemon(self, name, *args):
        self.tool(name, *args, f"--pidfile={self.folder}/{name}.pid",
                  f"--log-file={self.folder}/{name}.log", "--detach", "--no-chdir",
                  f"--unixctl={self.folder}/{name}.ctl")
        self.pids.append(int(open(f"{self.folder}/{name}.pid").read()))

    def vsctl(self, *args):
        return self.tool("ovs-vsctl", "--timeout=20", f"--db={self.sock}", *args)

    def host(self, name, address):
        space, inside, port = f"weir-{name}", f"weir{name}0", f"weir{name}1"
        sh("ip", "netns", "add", space)
        self.spaces.append(space)
        sh("ip", "link", "add", inside, "type", "veth", "peer", "name", port)
        sh("ip", "link", "set", inside, "netns", space)
        sh("ip", "link", "set", port, "up")
        for command in (["ip", "link", "set", "lo", "up"],
                        ["ethtool", "-K", inside, "tx", "off"],
                        ["ip", "addr", "add", f"{address}/24", "dev", inside],
                        ["ip", "link", "set", inside, "up"]):
            sh("ip", "netns", "exec", space, *command)
        self.vsctl("add-port", "weirbr0", port)
        return int(self.vsctl("get", "interface", port, "ifindex"))

    def close(self):
        for pid in reversed(self.pids):
            try:
                os.kill(pid, 15)
            except ProcessLookupError:
                pass
        for space in self.spaces:
            sh("ip", "netns", "del", space, check=False)
        for name in ("weira1", "weirb1", "weirbr0"):
            sh("ip", "link", "del", name, check=False)


@pytest.fixture
def switch(tmp_path_factory):
    if os.getuid() != 0:
        pytest.skip("Open vSwitch needs root")
    for tool in ("ovsdb-server", "ovs-vswitchd", "ip", "ethtool", "ping"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    folder = str(tmp_path_factory.mktemp("ovs"))
    probe = sh("ip", "netns", "add", "weir-probe", check=False)
    if probe.returncode != 0:
        pytest.skip("no network namespaces here: " + probe.stderr.strip())
    sh("ip", "netns", "del", "weir-probe")
    made = None
    try:
        made = Switch.__new__(Switch)
        made.spaces, made.pids = [], []
        made.__init__(folder)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
        made.close()
        pytest.skip(f"Open vSwitch does not start here: {e} {getattr(e, 'stderr', '')}")
    yield made
    made.close()


def test_open_vswitch(switch):
    """Ping and TCP between two hosts appear with their addresses, ports and interfaces."""
    with weir_collector() as c:
        a, b = switch.host("a", "10.99.0.1"), switch.host("b", "10.99.0.2")
        switch.vsctl("--", "--id=@s", "create", "sflow", "agent=lo",
                     f'target="127.0.0.1:{c.port}"', "header=128", "sampling=1", "polling=1",
                     "--", "set", "bridge", "weirbr0", "sflow=@s")
        server = subprocess.Popen(
            ["ip", "netns", "exec", "weir-b", "python3", "-c",
             "import socket; s = socket.create_server(('10.99.0.2', 8099)); c = s.accept()[0]; "
             "c.sendall(c.recv(100)); c.close()"])
        ping = sh("ip", "netns", "exec", "weir-a", "ping", "-c", "5", "-i", "0.3", "-W", "2",
                  "10.99.0.2", check=False)
        assert ping.returncode == 0, ping.stdout + ping.stderr
        client = sh("ip", "netns", "exec", "weir-a", "python3", "-c",
                    "import socket; s = socket.create_connection(('10.99.0.2', 8099), 5, "
                    "('10.99.0.1', 40999)); s.sendall(b'x' * 100); print(len(s.recv(100)))")
        server.wait(timeout=10)
        assert client.stdout.strip() == "100"
        time.sleep(2)
        c.settle()
        c.stop()
        found = books(c.log_text())
        assert found["sample"]["counter"] > 0
        lines = [json.loads(line) for line in c.output_bytes().decode().splitlines()]
        requests = [f for f in lines if f["proto"] == "ICMP" and f["src_addr"] == "10.99.0.1"]
        answers = [f for f in lines if f["proto"] == "ICMP" and f["src_addr"] == "10.99.0.2"]
        assert len(requests) >= 4 and len(answers) >= 4
        assert {f["icmp_type"] for f in requests} == {8}
        assert {f["icmp_type"] for f in answers} == {0}
        assert {(f["in_if"], f["out_if"]) for f in requests} <= {(a, b), (a, 0), (a, 0x3FFFFFFF)} or \
            {f["in_if"] for f in requests} == {a}
        assert {f["in_if"] for f in answers} == {b}
        there = [f for f in lines if f["proto"] == "TCP" and
                 (f["src_port"], f["dst_port"]) == (40999, 8099)]
        back = [f for f in lines if f["proto"] == "TCP" and
                (f["src_port"], f["dst_port"]) == (8099, 40999)]
        assert there and back
        assert all(f["src_addr"] == "10.99.0.1" and f["sampling_rate"] == 1 for f in there)
        assert any(f["tcp_flags"] & 2 for f in there), "no SYN"


def tcp_capture(path, packets):
    """Ethernet frames of one TCP conversation."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number in range(packets):
            tcp = struct.pack(">HHIIBBHHH", 41000, 443, number, 0, 0x50, 0x10, 1000, 0, 0)
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, number, 0, 64, 6, 0,
                             bytes([198, 51, 100, 1]), bytes([203, 0, 113, 2]))
            total = sum(struct.unpack(">10H", ip))
            total = (total & 0xFFFF) + (total >> 16)
            ip = ip[:10] + struct.pack(">H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + ip[12:]
            frame = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]) + ip + tcp + bytes(6)
            out.write(struct.pack("<IIII", 1700000000, number, len(frame), len(frame)) + frame)


def test_pmacct_sfprobe(tmp_path):
    """An exporter that needs no privileges: pmacctd samples a capture and sends sFlow."""
    if not shutil.which("pmacctd"):
        pytest.skip("pmacctd is not installed")
    capture, config = tmp_path / "in.pcap", tmp_path / "pmacctd.conf"
    tcp_capture(capture, 40)
    with weir_collector() as c:
        config.write_text(f"daemonize: false\npcap_savefile: {capture}\nplugins: sfprobe\n"
                          f"sampling_rate: 1\nsfprobe_receiver: 127.0.0.1:{c.port}\n"
                          f"sfprobe_agentip: 192.0.2.77\npcap_savefile_wait: true\n")
        probe = subprocess.Popen(["pmacctd", "-f", str(config)], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        until = time.monotonic() + 20
        while time.monotonic() < until and c.output_bytes().count(b"\n") < 20:
            time.sleep(0.2)
        probe.terminate()
        text = probe.communicate(timeout=20)[0]
        c.settle()
        c.stop()
        lines = [json.loads(line) for line in c.output_bytes().decode().splitlines()]
        assert lines, text
        assert {f["sampler_address"] for f in lines} == {"192.0.2.77"}
        assert {(f["src_addr"], f["dst_addr"], f["src_port"], f["dst_port"]) for f in lines} == {
            ("198.51.100.1", "203.0.113.2", 41000, 443)}
        books(c.log_text())
