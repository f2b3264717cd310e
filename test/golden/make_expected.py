#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the expectations of the golden cases.

  make_expected.py goflow2 [CASE...]   goflow2 v2.2.6's own output: `expected` where a case does not
                                       differ, `goflow2` where it does
  make_expected.py weir [CASE...]      weir's output, for the cases that are meant to differ"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import golden  # noqa: E402
import programs  # noqa: E402


def write(path, data):
    if path.endswith(".bin"):
        path, data = path + ".hex", "\n".join(
            data.hex()[i:i + 96] for i in range(0, 2 * len(data), 96)).encode() + b"\n"
    with open(path, "wb") as out:
        out.write(data)


def main():
    who, wanted = sys.argv[1], sys.argv[2:]
    for case in golden.cases():
        if wanted and case.name not in wanted:
            continue
        for format_ in case.formats:
            if who == "weir" and case.differs:
                write(case.file("expected." + format_), case.weir(format_))
            if who == "goflow2" and not (case.differs and "unsafe" in case.differs):
                path = programs.goflow2_path()
                assert path, "goflow2 v2.2.6 is needed for this"
                name = "goflow2." if case.differs else "expected."
                write(case.file(name + format_), case.goflow2(path, format_))
        print(case.name)


main()
