# SPDX-License-Identifier: Apache-2.0
"""Golden cases: what they are made of.

A case is a folder in cases/ with
  input.hex   annotated hex, one datagram after the other
  args        flags besides -format and -mapping
  formats     which of json, text, bin are compared
  mapping.yaml   (optional)
  differs     (optional) which documented difference it shows; "N unsafe": goflow2 must not be run
  expected.FORMAT  weir's exact output; goflow2's own where `differs` is absent
  goflow2.FORMAT   goflow2 v2.2.6's output where the case differs

The capture that replay reads gives datagram n the time BASE + n microseconds; goflow2's receive
times are replaced by these."""
import os
import re
import tempfile

import captures
import programs

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "cases")
BASE_NS = 1_700_000_000_000_000_000


class Case:
    def __init__(self, name):
        self.name = name
        self.path = os.path.join(CASES, name)
        self.datagrams = captures.read_hex(self.file("input.hex"))
        self.args = open(self.file("args")).read().split()
        self.formats = open(self.file("formats")).read().split()
        self.mapping = self.file("mapping.yaml") if os.path.exists(
            self.file("mapping.yaml")) else None
        self.differs = (open(self.file("differs")).read().strip()
                        if os.path.exists(self.file("differs")) else None)

    def file(self, name):
        return os.path.join(self.path, name)

    def flags(self, format_):
        mapping = ["-mapping", self.mapping] if self.mapping else []
        return ["-format", format_, *mapping, *self.args]

    def weir(self, format_):
        with tempfile.NamedTemporaryFile(suffix=".pcap") as capture:
            captures.write_pcap(capture.name, self.datagrams, BASE_NS)
            return programs.replay(*self.flags(format_), files=[capture.name])[0]

    def goflow2(self, path, format_):
        """goflow2's bytes, datagram by datagram so that each has its own time."""
        out = b""
        for number, datagram in enumerate(self.datagrams):
            with programs.goflow2_collector(path, *self.flags(format_)) as c:
                before = programs.time.time_ns()
                c.send([datagram])
                c.settle()
                c.stop()
                out += with_times(c.output_bytes(), format_, before, BASE_NS + 1000 * number)
        return out


def cases():
    return [Case(name) for name in sorted(os.listdir(CASES))]


def date_of(ns, nano):
    seconds, fraction = ns // 10**9, ns % 10**9
    text = programs.time.strftime("%Y-%m-%dT%H:%M:%S", programs.time.gmtime(seconds))
    if nano and fraction:
        text += (".%09d" % fraction).rstrip("0")
    return text + "Z"


def with_times(data, format_, before_ns, at_ns):
    """goflow2's output with its receive time (a few seconds after `before_ns`) replaced."""
    def is_receive_time(n):
        return before_ns <= n <= before_ns + 60 * 10**9
    if format_ == "bin":
        return bin_with_times(data, is_receive_time, at_ns)
    data = re.sub(rb"\d{19}", lambda m: str(at_ns).encode() if is_receive_time(int(m[0]))
                  else m[0], data)
    today = programs.time.strftime("%Y-%m-%d", programs.time.gmtime(before_ns // 10**9)).encode()
    data = re.sub(today + rb"T\d\d:\d\d:\d\d(\.\d+)?Z",
                  lambda m: date_of(at_ns, m[1] is not None).encode(), data)
    # Renderers that see seconds or a MAC where nanoseconds are: recomputed from what they show.
    def mac(m):
        low = int(m[0].replace(b":", b""), 16)
        full = (before_ns & ~0xFFFFFFFFFFFF) | low
        if not is_receive_time(full):
            return m[0]
        return ":".join(re.findall("..", "%012x" % (at_ns & 0xFFFFFFFFFFFF))).encode()
    data = re.sub(rb"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", mac, data)
    return re.sub(rb"\d{8,}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                  lambda m: far_date(at_ns).encode(), data)


def far_date(seconds):
    """RFC 3339 of seconds far past the year 9999."""
    days, second = divmod(seconds, 86400)
    days += 719468
    era, day = divmod(days, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day_of_year = day - (365 * year + year // 4 - year // 100)
    month = (5 * day_of_year + 2) // 153
    date = day_of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return "%d-%02d-%02dT%02d:%02d:%02dZ" % (year + era * 400 + (month <= 2), month, date,
                                             second // 3600, second // 60 % 60, second % 60)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def put_varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def bin_with_times(data, is_receive_time, at_ns):
    """Messages behind their lengths, each followed by whatever the separator is."""
    out, at = b"", 0
    while at < len(data):
        size, at = varint(data, at)
        end, message = at + size, b""
        while at < end:
            start = at
            tag, at = varint(data, at)
            if tag & 7 == 0:
                value, at = varint(data, at)
                if is_receive_time(value):
                    message += put_varint(tag) + put_varint(at_ns)
                    continue
            else:
                length, at = varint(data, at)
                at += length
            message += data[start:at]
        out += put_varint(len(message)) + message
        separator = b";;" if data[at:at + 2] == b";;" else b"\n"
        out += separator
        at += len(separator)
    return out
