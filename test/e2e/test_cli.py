# SPDX-License-Identifier: Apache-2.0
"""What the command line says, and with which exit code."""
import os
import re
import socket
import subprocess

import pytest

import captures
import programs
from programs import weir_command


def run(*args, name="weir", env=None):
    done = subprocess.run(weir_command(*args, name=name), capture_output=True, text=True,
                          timeout=60, env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def test_help_goes_where_it_belongs():
    code, out, err = run("help")
    assert code == 0 and "weir replay" in out and err == ""
    code, out, err = run("-h")
    assert code == 0 and out == "" and "-listen" in err
    code, out, err = run("help", "run")
    assert code == 0 and "-listen" in out and err == ""
    code, out, err = run("help", "generate")
    assert code == 0 and "-seed" in out and "-listen" not in out
    assert run("help", "nothing")[0] == 2
    # Whatever stands in the environment.
    assert run("help", env={"WEIR_ERR_CNT": "many", "WEIR_CONFIG": "/nowhere"})[0] == 0
    assert run("-v", name="goflow2", env={"WEIR_ERR_CNT": "many"})[0] == 0


def test_usage_errors():
    code, out, err = run("-bogus", name="goflow2")
    assert code == 2 and out == ""
    assert err.startswith("flag provided but not defined: -bogus\nUsage of")
    code, out, err = run("-fromat", "json")
    assert (code, out, err) == (2, "", 'flag provided but not defined: -fromat; did you mean "format"?\n'
                                'Usage: weir run [FLAGS]\n"weir help run" says more.\n')
    assert run("frobnicate")[0] == 2
    assert run("run", "argument")[0] == 2
    assert run("replay")[0] == 2
    assert run("generate", "http://x")[0] == 2


def test_versions():
    assert run("version")[1].startswith("weir ")
    code, out, _ = run("-v", name="goflow2")
    assert code == 0 and out.startswith("GoFlow2 ")


def test_a_wrong_mapping_stops_before_a_socket_opens(tmp_path):
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("formatter:\n  fields: [src_adr]\n")
    port = programs.free_port()
    code, _, err = run("-mapping", str(mapping), "-listen", f"sflow://127.0.0.1:{port}")
    assert code == 1
    assert ':2:12: unknown field \\"src_adr\\"; did you mean \\"src_addr\\"?' in err
    assert "starting collection" not in err


@pytest.mark.parametrize("args,words", [
    (["-produce", "raw"], "-produce raw is not in this version"),
    (["-format", "ecs", "-ecs.profile", "elastik"], "weir or elastic"),
    (["-format", "ecs", "-geoip.city", "/nowhere/city.mmdb"], "/nowhere/city.mmdb"),
    (["-format", "xml"], "unknown format"),
    (["-transport", "kafka"], "-transport kafka is not in this version"),
    (["-listen", "netflow://:2055"], "NetFlow and IPFIX are not read by this version"),
    (["-listen", "sflow://127.0.0.1:1", "-transport.file", "/nowhere/x"], "cannot open /nowhere/x"),
    (["-listen", "sflow://192.0.2.1:6343"], "cannot listen on udp 192.0.2.1 port 6343"),
    (["-mapping", "/nowhere/m.yaml"], "cannot open /nowhere/m.yaml: No such file"),
    (["-allow", "ten"], "expected a network such as"),
])
def test_what_cannot_start_says_why(args, words):
    code, _, err = run("-addr", "", *args)
    assert code == 1 and words in err.replace('\\"', '"')


def test_goflow2_leaves_netflow_out_with_a_warning(tmp_path):
    with programs.Collector(weir_command(name="goflow2")) as c:
        assert "NetFlow" not in c.log_text()  # -listen was given
        c.stop()
    code, _, err = run("-addr", "", "-mapping", "/nowhere", name="goflow2")  # stops before sockets
    assert code == 1 and 'level=WARN msg="NetFlow is not read by this version"' in err


def test_check_says_what_would_run(tmp_path):
    config = tmp_path / "weir.yaml"
    config.write_text("format: text\nallow: [10.0.0.0/8, '2001:db8::/32']\n")
    log = tmp_path / "flows.log"
    port, http = programs.free_port(), programs.free_port(socket.SOCK_STREAM)
    flags = ["-config", str(config), "-transport.file", str(log), "-addr", f"127.0.0.1:{http}",
             "-listen", f"sflow://127.0.0.1:{port}?count=2&rcvbuff=8m&rcvbuf=64k"]
    env = {"WEIR_ERR_CNT": "3", "WEIR_FROMAT": "json"}
    code, out, err = run("check", *flags, env=env)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"ok    config    {config}",
        "ok    options   listen, transport.file, addr, config by flag; "
        "transport.store, err.cnt by the environment; "
        "allow, format by the file",
        "warn  options   WEIR_FROMAT in the environment is no option; did you mean WEIR_FORMAT?",
        "ok    mapping   none: all 50 columns",
        f"ok    output    text to {log}, which will be made",
        "ok    allow     exporters in 2 networks are heard",
        f"ok    listen    sflow on 127.0.0.1 port {port}, 2 sockets",
        'warn  listen    "rcvbuff" means nothing here; did you mean "rcvbuf"?',
        f"ok    http      /api/v1, /metrics and /__health on 127.0.0.1:{http}",
        "ok    access    nothing is asked on this machine's own address",
        "weir would run."]
    assert not log.exists()
    log.write_text("")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rival, socket.socket() as web:
        rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        rival.bind(("127.0.0.1", port))
        web.bind(("127.0.0.1", http))
        web.listen()
        code, out, _ = run("check", *flags)
    assert code == 1 and out.endswith("weir would not run.\n")
    assert f"ok    output    text to {log}, which is there and grows\n" in out
    assert f"warn  listen    port {port} is also open in " in out and f"(pid {os.getpid()})" in out
    assert re.search(r"FAIL  http      .*cannot listen on 127.0.0.1:\d+: Address already in use", out)


def test_a_rival_and_a_slip_get_a_line():
    port = programs.free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rival:
        rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        rival.bind(("0.0.0.0", port))
        code, _, err = run("-addr", "256.0.0.1:x", "-listen", f"sflow://127.0.0.1:{port}?workres=2",
                           env={"WEIR_LOGLEVL": "debug"})
    assert code == 1
    assert "WEIR_LOGLEVL in the environment is no option; did you mean WEIR_LOGLEVEL?" in err
    assert "others listen here too" in err and f"(pid {os.getpid()})" in err
    assert "did you mean" in err and "workers" in err


def test_check_says_what_is_wrong(tmp_path):
    mapping = tmp_path / "m.yaml"
    mapping.write_text("formatter: {fields: [bytes]}\nextra: 1\n")
    code, out, _ = run("check", "-mapping", str(mapping), "-transport.file", "/nowhere/x",
                       "-listen", "sflow://192.0.2.1:6343,sflow://127.0.0.1:0", "-addr", "",
                       "-allow", "10.0.0.0/8")
    assert code == 1
    assert "FAIL  listen" in out and "FAIL  output" in out and "warn  mapping" in out
    assert "ok    allow     exporters in 1 network are heard" in out
    assert out.endswith("weir would not run.\n")


def test_replay_says_what_was_bad(tmp_path):
    good, bad, none = (str(tmp_path / n) for n in ("good.pcap", "bad.pcap", "none.pcap"))
    assert run("generate", "-count", "50", f"pcap://{good}")[0] == 0
    datagrams = programs.generated(2)
    captures.write_pcap(bad, [datagrams[0], datagrams[1][:60], b"DNS or whatever"])
    out, err, code = programs.replay(files=[good])
    assert code == 0 and out.count(b"\n") == 300
    out, err, code = programs.replay("-format", "text", files=[good, bad])
    assert code == 3 and "could not be read whole" in err
    assert programs.books(err)["sample"]["truncated"] == 1
    assert programs.books(err)["datagram"]["unknown_protocol"] == 1
    captures.write_pcap(none, [b"DNS or whatever"])
    assert programs.replay(files=[none])[2] == 0  # not ours, and nobody said it was
    assert programs.replay("-port", "6343", files=[none])[2] == 3
    code, _, err = run("replay", "/nowhere.pcap")
    assert code == 1 and "cannot open /nowhere.pcap" in err
    (tmp_path / "text").write_text("not a capture at all")
    code, _, err = run("replay", str(tmp_path / "text"))
    assert code == 3 and "not a capture" in err


def test_replay_to_a_full_disk_can_be_interrupted(tmp_path):
    """It waits for the disk, and does not lose patience, but hears a signal."""
    capture = str(tmp_path / "g.pcap")
    assert run("generate", "-count", "5000", f"pcap://{capture}")[0] == 0
    process = subprocess.Popen(weir_command("replay", "-transport.file", "/dev/full", capture),
                               stderr=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=3)
    process.terminate()
    err = process.communicate(timeout=40)[1]
    found = programs.books(err)
    # All that it had read by then, which is what may wait: eight batches and those under way.
    assert 8 * 512 < found["file"]["stopped"] == found["flow"]["made"] < 11 * 512


def test_generate_is_deterministic(tmp_path):
    paths = [str(tmp_path / f"{n}.pcap") for n in range(3)]
    for path, seed in zip(paths, ("7", "7", "8")):
        assert run("generate", "-count", "200", "-seed", seed, "-exporters", "4",
                   f"pcap://{path}")[0] == 0
    data = [open(p, "rb").read() for p in paths]
    assert data[0] == data[1] != data[2]


def test_generate_to_a_collector():
    with programs.weir_collector() as c:
        code, _, err = run("generate", "-count", "500", "-rate", "5000", "-exporters", "3",
                           f"udp://127.0.0.1:{c.port}")
        assert code == 0 and "datagrams=500" in err
        c.settle()
        c.stop()
        found = programs.books(c.log_text())
        assert found["datagram"]["decoded"] == 500
        assert c.log_text().count("heard for the first time") == 3


def test_the_environment_and_a_file(tmp_path):
    config = tmp_path / "weir.yaml"
    capture = str(tmp_path / "g.pcap")
    run("generate", "-count", "1", f"pcap://{capture}")
    config.write_text("format: text\n")
    out = subprocess.run(weir_command("replay", "-config", str(config), capture),
                         capture_output=True, timeout=60).stdout
    assert out.startswith(b"type=SFLOW_5 ")
    out = run("replay", "-config", str(config), capture, env={"WEIR_FORMAT": "json"})[1]
    assert out.startswith("{")
    config.write_text("fromat: text\n")
    code, _, err = run("replay", "-config", str(config), capture)
    assert code == 1 and 'unknown option "fromat"; did you mean "format"?' in err


def test_the_docs_are_fresh():
    """docs/reference.md and docs/weir.1 are what the option table says now."""
    for form, name in (("markdown", "reference.md"), ("man", "weir.1")):
        with open(os.path.join(programs.ROOT, "docs", name)) as f:
            assert run("help", form)[1] == f.read(), f"docs/{name}: make docs"


def test_the_manual_page_is_valid():
    done = subprocess.run(["man", "--warnings", "-l", os.path.join(programs.ROOT, "docs/weir.1")],
                          capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8",
                                                               "MANWIDTH": "80"})
    assert done.returncode == 0 and done.stderr == "", done.stderr
