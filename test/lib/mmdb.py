# SPDX-License-Identifier: Apache-2.0
"""MaxMind DB files: a writer for tests, and a reader that shares nothing with weir's."""
import ipaddress
import struct

MARK = b"\xab\xcd\xefMaxMind.com"


class Double(float):
    """Written as a double; so are plain floats."""


class Single(float):
    """Written as a float of 32 bits."""


class Number(int):
    """A whole number with a type: Number(5, "u16")."""

    def __new__(cls, value, kind):
        number = super().__new__(cls, value)
        number.kind = kind
        return number


NUMBERS = {"u16": 5, "u32": 6, "i32": 8, "u64": 9, "u128": 10}


def control(kind, size):
    if size < 29:
        low, more = size, b""
    elif size < 285:
        low, more = 29, bytes([size - 29])
    elif size < 65821:
        low, more = 30, struct.pack(">H", size - 285)
    else:
        low, more = 31, (size - 65821).to_bytes(3, "big")
    if kind < 8:
        return bytes([kind << 5 | low]) + more
    return bytes([low, kind - 7]) + more


def pointer(offset):
    if offset < 2048:
        return bytes([0x20 | offset >> 8, offset & 0xff])
    if offset < 526336:
        offset -= 2048
        return bytes([0x28 | offset >> 16]) + struct.pack(">H", offset & 0xffff)
    if offset < 526336 + (1 << 27):
        offset -= 526336
        return bytes([0x30 | offset >> 24]) + (offset & 0xffffff).to_bytes(3, "big")
    return b"\x38" + struct.pack(">I", offset)


class Data:
    """A data section in the making; texts that were written before become pointers."""

    def __init__(self, share=True):
        self.bytes = bytearray()
        self.texts = {}
        self.share = share

    def add(self, value):
        """Appends a value; returns its offset."""
        offset = len(self.bytes)
        self.put(value)
        return offset

    def put(self, value):
        if isinstance(value, bool):
            self.bytes += control(14, int(value))
        elif isinstance(value, str):
            self.put_text(value.encode("utf-8"))
        elif isinstance(value, bytes):
            self.put_text(value)
        elif isinstance(value, Single):
            self.bytes += control(15, 4) + struct.pack(">f", value)
        elif isinstance(value, float):
            self.bytes += control(3, 8) + struct.pack(">d", value)
        elif isinstance(value, int):
            raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
            self.bytes += control(NUMBERS[getattr(value, "kind", "u32")], len(raw)) + raw
        elif isinstance(value, dict):
            self.bytes += control(7, len(value))
            for key, member in value.items():
                self.put(key)
                self.put(member)
        elif isinstance(value, list):
            self.bytes += control(11, len(value))
            for member in value:
                self.put(member)
        else:
            raise TypeError(value)

    def put_text(self, text):
        if self.share and text in self.texts:
            self.bytes += pointer(self.texts[text])
            return
        self.texts[text] = len(self.bytes)
        self.bytes += control(2, len(text)) + text


class Tree:
    """Nodes are [left, right] of None, an index of a node or ("data", offset)."""

    def __init__(self):
        self.nodes = [[None, None]]

    def add(self, bits, leaf):
        node = 0
        for bit in bits[:-1]:
            child = self.nodes[node][bit]
            if not isinstance(child, int):
                self.nodes.append([child, child])
                self.nodes[node][bit] = child = len(self.nodes) - 1
            node = child
        self.nodes[node][bits[-1]] = leaf

    def packed(self, record_size):
        count = len(self.nodes)

        def record(child):
            if child is None:
                return count
            return child if isinstance(child, int) else count + 16 + child[1]

        out = bytearray()
        for left, right in self.nodes:
            left, right = record(left), record(right)
            if record_size == 28:
                out += (left & 0xffffff).to_bytes(3, "big")
                out.append((left >> 24) << 4 | right >> 24)
                out += (right & 0xffffff).to_bytes(3, "big")
            else:
                out += left.to_bytes(record_size // 8, "big") + right.to_bytes(record_size // 8, "big")
        return bytes(out)


def bits_of(network, ip_version):
    network = ipaddress.ip_network(network)
    whole = f"{int(network.network_address):0{network.max_prefixlen}b}"[:network.prefixlen]
    if network.version == 4 and ip_version == 6:
        whole = "0" * 96 + whole
    return [int(bit) for bit in whole]


def write(path, networks, database_type="GeoLite2-City", record_size=28, ip_version=6, share=True,
          **metadata):
    """A database of {network: record}; wide networks first."""
    data, tree, offsets = Data(share), Tree(), {}
    for network, record in networks.items():
        key = repr(record)
        if key not in offsets:
            offsets[key] = data.add(record)
        tree.add(bits_of(network, ip_version), ("data", offsets[key]))
    about = Data(share=False)
    about.put({"node_count": Number(len(tree.nodes), "u32"),
               "record_size": Number(record_size, "u16"), "ip_version": Number(ip_version, "u16"),
               "database_type": database_type, "languages": ["en"],
               "binary_format_major_version": Number(2, "u16"),
               "binary_format_minor_version": Number(0, "u16"),
               "build_epoch": Number(1700000000, "u64"), "description": {"en": "for tests"},
               **metadata})
    whole = tree.packed(record_size) + bytes(16) + bytes(data.bytes) + MARK + bytes(about.bytes)
    with open(path, "wb") as file:
        file.write(whole)
    return whole


class Reader:
    """Plain and slow."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.all = file.read()
        begin = self.all.rindex(MARK) + len(MARK)
        self.metadata, _ = self.value(begin, 0)
        self.count, self.size = self.metadata["node_count"], self.metadata["record_size"]
        self.base = self.count * self.size // 4 + 16

    def value(self, base, at):
        first = self.all[base + at]
        kind, at = first >> 5, at + 1
        if kind == 1:
            size = first >> 3 & 3
            raw = self.all[base + at:base + at + size + 1]
            high = 0 if size == 3 else (first & 7) << 8 * (size + 1)
            target = (high | int.from_bytes(raw, "big")) + (0, 2048, 526336, 0)[size]
            return self.value(base, target)[0], at + size + 1
        if kind == 0:
            kind, at = 7 + self.all[base + at], at + 1
        size = first & 31
        if size > 28:
            extra = size - 28
            size = (29, 285, 65821)[extra - 1] + int.from_bytes(
                self.all[base + at:base + at + extra], "big")
            at += extra
        if kind == 7:
            found = {}
            for _ in range(size):
                key, at = self.value(base, at)
                found[key], at = self.value(base, at)
            return found, at
        if kind == 11:
            found = []
            for _ in range(size):
                member, at = self.value(base, at)
                found.append(member)
            return found, at
        if kind == 14:
            return bool(size), at
        raw, at = self.all[base + at:base + at + size], at + size
        if kind == 2:
            return raw.decode("utf-8"), at
        if kind in (3, 15):
            return struct.unpack(">d" if kind == 3 else ">f", raw)[0], at
        return int.from_bytes(raw, "big"), at

    def record(self, node, bit):
        at, size = node * self.size // 4, self.size
        raw = self.all[at:at + size // 4]
        if size == 28:
            high = raw[3] >> 4 if bit == 0 else raw[3] & 15
            return high << 24 | int.from_bytes(raw[4 * bit:4 * bit + 3], "big")
        return int.from_bytes(raw[size // 8 * bit:size // 8 * (bit + 1)], "big")

    def get(self, address):
        address = ipaddress.ip_address(address)
        if address.version == 6 and self.metadata["ip_version"] == 4:
            return None
        node = 0
        for bit in bits_of(ipaddress.ip_network(address), self.metadata["ip_version"]):
            if node >= self.count:
                break
            node = self.record(node, bit)
        return self.value(self.base, node - self.count - 16)[0] if node > self.count else None

    def networks(self, limit=10000):
        """(first address, record) for each leaf, the lowest first."""
        width = 128 if self.metadata["ip_version"] == 6 else 32
        stack = [(0, 0, 0)]
        while stack and limit > 0:
            node, number, depth = stack.pop()
            if node > self.count:
                limit -= 1
                make = ipaddress.IPv4Address if width == 32 or number >> 32 == 0 and depth > 96 \
                    else ipaddress.IPv6Address
                yield make(number), self.value(self.base, node - self.count - 16)[0]
            elif node < self.count and depth < width:
                high = number | 1 << (width - 1 - depth)
                stack.append((self.record(node, 1), high, depth + 1))
                stack.append((self.record(node, 0), number, depth + 1))
