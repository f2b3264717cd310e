# SPDX-License-Identifier: Apache-2.0
"""weir called goflow2 beside goflow2 v2.2.6 on the same command lines: exit code and first line of
standard error of a flag, attributes of a listener."""
import re
import select
import subprocess
import time

import pytest

import programs
from programs import weir_command

GOFLOW2 = programs.goflow2_path()
pytestmark = pytest.mark.skipif(GOFLOW2 is None,
                                reason="goflow2 v2.2.6 is not here and there is no go to install it")

INTS = ("abc |10|0x10|0X1F|0b11|0o17|017|08|1_000|1__0|_1|0_7|0x_f|+5|-5|99999999999999999999|"
        "99999999999999999999x|1.5| 1|1e3|0x|-0x10|-9223372036854775808|9223372036854775808|a\"b|"
        "a\\b|\x1b[1m|\u00e4").split("|")
DURATIONS = ("10|0|1m30s|1.5h|-5s|+5ms|1d|.5s|5.s|.s|5\u00b5s|5us|1h1h|99999999999h|1s2|9223372036s|"
             "9223372037s|s|-|1 s").split("|")
BOOLS = "x yes T t 1 0 F false FALSE TRUE True tRUE 2 on".split()
LINES = [
    ["-bogus"], ["--bogus"], ["-bogus=1"], ["---v"], ["-=v"], ["-="], ["--="], ["--", "-bogus"],
    ["-", "-bogus"], ["stop", "-bogus"], ["-err.cnt"], ["--listen"], ["-v="], ["-v", "false"],
    ["-v", "-bogus"], ["-bogus", "-h"], ["-err.cnt="], ["-err.cnt", ""], ["-err.int="],
    ["-transport.kafka.tls", "maybe", "-bogus"], ["-transport.kafka.maxmsgbytes", "1k"],
    ["-transport.kafka.compression.type", "x"], ["-format", "xml"], ["-logfmt", "xml"],
]
LINES += [[f"-err.cnt={v}"] for v in INTS] + [[f"-err.int={v}"] for v in DURATIONS]
LINES += [[f"-transport.kafka.hashing={v}"] for v in BOOLS]

URLS = """sflow://127.0.0.1:{port}
SFLOW://127.0.0.1:{port}/path?count=2#f
sflow://127.0.0.1:{port}?count=
sflow://127.0.0.1:{port}?count
sflow://127.0.0.1:{port}?blocking
sflow://127.0.0.1:{port}?blocking=yes
sflow://127.0.0.1:{port}?blocking=T
sflow://127.0.0.1:{port}?count=2&count=x
sflow://127.0.0.1:{port}?count=+2
sflow://127.0.0.1:{port}?count=2;workers=1
sflow://127.0.0.1:{port}?count=2&&x&=&workers=5
sflow://127.0.0.1:{port}?count=0x2
sflow://127.0.0.1:{port}?count=-1
sflow://127.0.0.1:{port}?count=0&workers=0
sflow://127.0.0.1:{port}?queue_size=0
sflow://127.0.0.1:{port}?queue_size=
sflow://127.0.0.1:{port}?queue_size=7&blocking=1
sflow://127.0.0.1:{port}?%63ount=2
sflow://127.0.0.1:{port}?cou%zznt=2
sflow://127.0.0.1:{port}?unknown=2
sflow://user:pw@127.0.0.1:{port}
sflow://[::1]:{port}
sflow://[::1]
sflow://[::1
sflow://[fe80::1%lo]:{port}
sflow://localhost:0{port}
flow://127.0.0.1:{port}
sflow://exa mple:{port}
sflow://:
sflow://127.0.0.1
sflow://:99999999999999999999999
sflow://:12a
sflow://:-1
sflow://:0x10
sflow:{port}
sflow:/{port}
://x
sflow
1.2.3.4:2055
 sflow://127.0.0.1:{port}
,sflow://127.0.0.1:{port}
s_flow://:{port}""".split("\n")


def parsed(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    return done.returncode, (done.stderr.splitlines() or [""])[0]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_flag(line):
    """-v goes first: what parses ends there, and what does not is reported all the same."""
    assert parsed(weir_command("-v", *line, name="goflow2")) == parsed([GOFLOW2, "-v", *line])


def started(command):
    """The attributes in "starting collection", or None when there was no such line or an error
    came at once."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    text, end = b"", time.monotonic() + 10
    try:
        while time.monotonic() < end:
            if not select.select([process.stderr], [], [], 0.1)[0]:
                if b"starting collection" in text:
                    break
                continue
            piece = process.stderr.read1()
            if piece == b"":
                break
            text += piece
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    found = re.findall(r'msg="starting collection" (.*)', text.decode())
    return found[0] if found and "level=ERROR" not in text.decode() else None


@pytest.mark.parametrize("url", URLS)
def test_a_listener(url):
    url = url.format(port=programs.free_port())
    flags = ["-addr", "", "-transport.file", "/dev/null", "-listen", url]
    assert started(weir_command(*flags, name="goflow2")) == started([GOFLOW2, *flags])
