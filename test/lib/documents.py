# SPDX-License-Identifier: Apache-2.0
"""Comparing documents (ECS, JSON) in meaning: parsed, with the kinds of numbers kept apart."""
import json
import re


def parse(line):
    """A document, in which 5 and 5.0 differ and 1e400 is no number."""
    return json.loads(line)


def flat(value, path=""):
    """Each leaf of a document with its path; empty maps and lists are leaves."""
    if isinstance(value, dict) and value:
        for key, member in value.items():
            yield from flat(member, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for index, member in enumerate(value):
            yield from flat(member, f"{path}[{index}]")
    else:
        yield path, value


def same(a, b):
    return type(a) is type(b) and (a == b or a != a and b != b) and str(a) == str(b)


def failed_processor(message):
    """Type and tag in an error.message of Elastic's pipelines."""
    found = re.match(r"Processor '?([\w-]+)'? with tag '?([\w-]+)'? in pipeline", message)
    return found.groups() if found else None


def differences(want, got, message_exactly=False):
    """What differs, a line each. Of error.message only processor and tag count, whose words depend
    on Elasticsearch's version."""
    want, got = dict(flat(want)), dict(flat(got))
    for path in sorted({*want, *got}):
        if path not in got:
            yield f"{path}: missing, wanted {want[path]!r}"
        elif path not in want:
            yield f"{path}: {got[path]!r} is too much"
        elif path == "error.message" and not message_exactly:
            if failed_processor(want[path]) != failed_processor(got[path]):
                yield f"{path}: {got[path]!r}, wanted {want[path]!r}"
        elif not same(want[path], got[path]):
            yield f"{path}: {got[path]!r}, wanted {want[path]!r}"
