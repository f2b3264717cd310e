# SPDX-License-Identifier: Apache-2.0
"""Every golden case in every format, byte for byte. Where a case does not differ the expectation is
goflow2's own output."""
import os

import pytest

import golden

CASES = [(case, format_) for case in golden.cases() for format_ in case.formats]


def expectation(case, name):
    path = case.file(name)
    if name.endswith(".bin"):
        return bytes.fromhex(open(path + ".hex").read())
    with open(path, "rb") as f:
        return f.read()


@pytest.mark.parametrize("case,format_", CASES, ids=[f"{c.name}-{f}" for c, f in CASES])
def test_case(case, format_):
    assert case.weir(format_) == expectation(case, "expected." + format_)


@pytest.mark.parametrize("case", [c for c in golden.cases() if c.differs and "unsafe" not in c.differs],
                         ids=lambda c: c.name)
def test_difference_is_one(case):
    """A case that claims to differ from goflow2 does, in some format."""
    assert any(expectation(case, "goflow2." + f) != expectation(case, "expected." + f)
               for f in case.formats)


def test_every_difference_is_documented():
    text = open(os.path.join(golden.programs.ROOT, "docs", "goflow2.md")).read()
    missing = [c.name for c in golden.cases() if c.differs and f"`{c.name}`" not in text]
    assert not missing, "docs/goflow2.md does not speak of: " + ", ".join(missing)
