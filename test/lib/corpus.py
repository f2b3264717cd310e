# SPDX-License-Identifier: Apache-2.0
"""Finding sFlow in the corpora beside the project."""
import glob
import os
import re

import captures
import programs

MAGICS = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
          b"\x0a\x0d\x0d\x0a")


def files(pattern=r"\.(pcap|pcapng|cap|dump|dat|bin)$"):
    """Every file whose name ends so, in order."""
    return [path for path in sorted(glob.glob(os.path.join(programs.CORPORA, "**", "*"),
                                              recursive=True))
            if os.path.isfile(path) and re.search(pattern, os.path.basename(path).lower())]


def sflow_files():
    """Everything in the corpora that holds sFlow version 5."""
    return [path for path in files() if datagrams_of(path)[:1]]


def datagrams_of(path):
    """The sFlow version 5 datagrams of a capture, or of a file that is one."""
    data = open(path, "rb").read(8)
    if data[:4] == b"\0\0\0\5" and data[4:8] in (b"\0\0\0\1", b"\0\0\0\2"):
        return [open(path, "rb").read()]
    return whole(captures.sflow_datagrams, path) if data[:4] in MAGICS else []


def frames_of(path):
    """(link type, frame) of a capture; nothing for a file that is none."""
    is_capture = open(path, "rb").read(4) in MAGICS
    return whole(captures.read_frames, path) if is_capture else []


def whole(read, path):
    try:
        return list(read(path))
    except (IndexError, Exception) as broken:  # captures that are damaged on purpose
        assert not isinstance(broken, AssertionError)
        return []
