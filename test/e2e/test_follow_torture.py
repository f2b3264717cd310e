# SPDX-License-Identifier: Apache-2.0
"""A writer at full speed, rotation of every kind at random, kill -9 at random: afterwards every
number is there, and every number has one id however often it was delivered.

  make torture S=3600 SEED=7"""
import collections
import gzip
import os
import random
import shutil
import threading
import time

import pytest

from following import DOCUMENT, Follower, lines, wait_until

SECONDS = float(os.environ.get("TORTURE_S", "9"))
SEED = int(os.environ.get("TORTURE_SEED", "0")) or random.randrange(1, 1 << 30)
KEPT = 12  # rotated files; the oldest go when weir has had time to read them


class Writer(threading.Thread):
    """Appends numbered lines to app.log and rotates it, like a program and logrotate in one, so
    that what a rotation loses by its nature (lines between copy and truncate) does not count."""

    def __init__(self, folder, rng, ways, rate):
        super().__init__()
        self.folder, self.rng, self.ways, self.rate = folder, rng, ways, rate
        self.number = 0
        self.rotations = collections.Counter()
        self.stopped = threading.Event()
        self.rotated = []
        self.first = 0        # number in the file that is written
        self.delivered = None  # not rotated before weir has read some of it, if that is told
        self.error = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self):
        try:
            self.write()
        except BaseException as error:  # the test looks at it
            self.error = error

    def write(self):
        out = open(self.path("app.log"), "a")
        rotate_at = time.monotonic() + self.rng.uniform(0.05, 0.6)
        while not self.stopped.is_set():
            count = self.rng.choice([1, 3, 50, 400])
            text = lines(self.number, self.number + count)
            cut = self.rng.randrange(len(text)) if self.rng.random() < 0.3 else len(text)
            out.write(text[:cut])
            out.flush()
            out.write(text[cut:])
            out.flush()
            self.number += count
            time.sleep(count / self.rate)
            seen = self.delivered is None or self.delivered > self.first
            if time.monotonic() > rotate_at and seen:
                out = self.rotate(out)
                rotate_at = time.monotonic() + self.rng.uniform(0.05, 0.6)
        out.close()

    def rotate(self, out):
        way = self.rng.choice(self.ways)
        self.rotations[way] += 1
        name = f"app.log.{sum(self.rotations.values()):06}"
        if way == "copytruncate":
            shutil.copy(self.path("app.log"), self.path(name))
            os.truncate(self.path("app.log"), 0)
        else:
            os.rename(self.path("app.log"), self.path(name))
            if self.rng.random() < 0.5:  # the writer hears of it a little later
                late = self.rng.choice([1, 20])
                out.write(lines(self.number, self.number + late))
                self.number += late
            out.close()
            out = open(self.path("app.log"), "a")
        if way == "gzip":
            with open(self.path(name), "rb") as source, \
                    gzip.open(self.path(name + ".gz"), "wb", compresslevel=1) as target:
                shutil.copyfileobj(source, target)
            st = os.stat(self.path(name))
            os.utime(self.path(name + ".gz"), ns=(st.st_atime_ns, st.st_mtime_ns))
            os.unlink(self.path(name))
            name += ".gz"
        self.rotated.append((self.number, name))
        self.first = self.number
        return out


def delete_old(writer, delivered):
    """As rotation does in the end; only what weir has delivered, or it would be nobody's fault."""
    while len(writer.rotated) > KEPT and writer.rotated[0][0] < delivered:
        _, name = writer.rotated.pop(0)
        os.unlink(writer.path(name))


class Ids:
    """Numbers and ids of what was delivered, read as it grows; the output is cut now and then."""

    def __init__(self, follower):
        self.follower = follower
        self.offset = 0
        self.ids = {}
        self.repeats = 0
        self.whole_to = 0  # every number below was delivered

    def read(self):
        with open(self.follower.output, "rb") as f:
            f.seek(self.offset)
            data = f.read()
        end = data.rfind(b"\n") + 1
        for identity, number in DOCUMENT.findall(data[:end]):
            number = int(number)
            known = self.ids.setdefault(number, identity)
            assert known == identity, f"{number} has the ids {known} and {identity}"
            self.repeats += known is not identity
        self.offset += end
        while self.whole_to in self.ids:
            self.whole_to += 1


def torture(f, ways, rate, seconds, rng, kill=True):
    writer = Writer(f.folder, rng, ways, rate)
    ids = Ids(f)
    writer.delivered = None if kill else 0
    f.start()
    writer.start()
    kills = 0
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until and writer.error is None:
            time.sleep(rng.uniform(0.05, 2.5 if kill else 0.1))
            if kill:
                f.kill()
                kills += 1
            ids.read()
            delete_old(writer, ids.whole_to)
            if not kill:
                writer.delivered = ids.whole_to
            else:
                time.sleep(rng.choice([0, 0, 0.3]))
                f.start()
    finally:
        writer.stopped.set()
        writer.join()
    if writer.error is not None:
        raise writer.error

    def complete():
        ids.read()
        return ids.whole_to >= writer.number
    wait_until(complete, lambda: f"{ids.whole_to} is missing of {writer.number}, seed {SEED}\n" +
               f.log()[-6000:], 120)
    f.stop()
    ids.read()
    assert len(ids.ids) == writer.number
    assert len(set(ids.ids.values())) == len(ids.ids)
    print(f"seed {SEED}: {writer.number} lines, {dict(writer.rotations)}, {kills} kills, "
          f"{ids.repeats} repeats")


@pytest.mark.parametrize("ways", [["rename", "copytruncate", "gzip"], ["copytruncate"]],
                         ids=["every way", "copytruncate"])
def test_nothing_is_lost(tmp_path, ways):
    f = Follower(str(tmp_path), "app.log*", "scan=1s&poll=100ms")
    try:
        torture(f, ways, 20000, SECONDS / 3, random.Random(SEED))
    finally:
        f.clean()


def test_nothing_is_lost_outside_the_glob(tmp_path):
    """What is rotated out of the pattern is read to its end as long as weir runs."""
    f = Follower(str(tmp_path), "app.log", "scan=1s&poll=100ms")
    try:
        torture(f, ["rename", "copytruncate"], 20000, SECONDS / 4, random.Random(SEED), kill=False)
    finally:
        f.clean()
