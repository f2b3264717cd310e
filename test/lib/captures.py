# SPDX-License-Identifier: Apache-2.0
"""Captures and datagrams for the tests: reading and writing them without any library."""
import re
import struct


def write_pcap(path, datagrams, start_ns=1_700_000_000_000_000_000, port=6343):
    """Datagrams (bytes) as a capture of raw IPv4 packets, one microsecond apart."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101))
        for number, data in enumerate(datagrams):
            udp = struct.pack(">HHHH", 50000, port, 8 + len(data), 0) + data
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                             bytes([192, 0, 2, 99]), bytes([192, 0, 2, 254]))
            packet = ip + udp
            at = start_ns + number * 1000
            out.write(struct.pack("<IIII", at // 10**9, at % 10**9, len(packet), len(packet)))
            out.write(packet)


def read_frames(path):
    """(link type, frame bytes) of a pcap or pcapng file; stops at the first broken block."""
    data = open(path, "rb").read()
    magic = data[:4]
    if magic == b"\x0a\x0d\x0d\x0a":
        yield from read_pcapng(data)
        return
    order = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from(order + "I", data, at + 8)[0]
        yield link, data[at + 16:at + 16 + size]
        at += 16 + size


def read_pcapng(data):
    at, order, links = 0, "<", []
    while at + 12 <= len(data):
        kind = struct.unpack_from(order + "I", data, at)[0]
        if kind == 0x0A0D0D0A:
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        size = struct.unpack_from(order + "I", data, at + 4)[0]
        if size < 12:
            return
        if kind == 1:
            links.append(struct.unpack_from(order + "H", data, at + 8)[0])
        elif kind == 6:
            interface, _, _, captured = struct.unpack_from(order + "IIII", data, at + 8)
            yield links[interface], data[at + 28:at + 28 + captured]
        elif kind == 3:
            yield links[0], data[at + 12:at + size - 4]
        at += size


def udp_payload(link, frame):
    """(destination port, payload) of an unfragmented UDP packet, else None."""
    at = {1: 12, 113: 14, 276: 0, 101: -1, 12: -1, 228: -1, 229: -1, 0: -5, 108: -5}.get(link)
    if at is None:
        return None
    if at >= 0:
        kind = struct.unpack_from(">H", frame, at)[0] if len(frame) >= at + 2 else 0
        at += 2 if link != 276 else 20
        while kind in (0x8100, 0x88A8, 0x9100) and len(frame) >= at + 4:
            kind = struct.unpack_from(">H", frame, at + 2)[0]
            at += 4
        if kind not in (0x0800, 0x86DD):
            return None
    else:
        at = 0 if at == -1 else 4
    if len(frame) < at + 20:
        return None
    if frame[at] >> 4 == 4:
        header = (frame[at] & 15) * 4
        if frame[at + 9] != 17 or struct.unpack_from(">H", frame, at + 6)[0] & 0x3FFF:
            return None
        at += header
    elif frame[at] >> 4 == 6 and frame[at + 6] == 17:
        at += 40
    else:
        return None
    if len(frame) < at + 8:
        return None
    _, port, size, _ = struct.unpack_from(">HHHH", frame, at)
    return port, frame[at + 8:at + size]


def sflow_datagrams(path):
    """The sFlow version 5 datagrams of a capture."""
    for link, frame in read_frames(path):
        found = udp_payload(link, frame)
        if found and found[1][:4] == b"\0\0\0\5":
            yield found[1]


def read_hex(path):
    """Annotated hex: '#' starts a comment, a line of '---' separates datagrams."""
    datagrams, current = [], ""
    for line in open(path):
        line = line.split("#")[0].strip()
        if line == "---":
            datagrams.append(bytes.fromhex(re.sub(r"\s", "", current)))
            current = ""
        else:
            current += line
    if current:
        datagrams.append(bytes.fromhex(re.sub(r"\s", "", current)))
    return datagrams


def sflow_of_frames(frames, protocol=1, limit=None):
    """One sFlow datagram per frame: a flow sample with the frame as its raw header."""
    for number, frame in enumerate(frames):
        header = frame if limit is None else frame[:limit]
        padded = header + bytes(-len(header) % 4)
        record = struct.pack(">IIIIII", 1, 16 + len(padded), protocol, len(frame), 0,
                             len(header)) + padded
        sample = struct.pack(">IIIIIIII", number, 1, 1, number, 0, 1, 2, 1) + record
        yield struct.pack(">IIIIIII", 5, 1, 0xC0000201, 0, number, 0, 1) + struct.pack(
            ">II", 1, len(sample)) + sample
