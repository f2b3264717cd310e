# SPDX-License-Identifier: Apache-2.0
"""A log that grows, a cluster that misbehaves in every way at random, weir ended and killed at
random: afterwards every line is in the cluster, once, or in the dead-letter file, and nothing waits.

  make torture S=3600 SEED=7"""
import os
import random
import signal
import time

from delivery import ES, Place
from following import lines
from scripted import Answer, bulk_reply
from test_bulk import Cluster, letters, number_of

SECONDS = float(os.environ.get("TORTURE_S", "12"))
SEED = int(os.environ.get("TORTURE_SEED", "0")) or random.randrange(1, 1 << 30)
LINES_A_ROUND = 200


class Moody(Cluster):
    """Each request meets with one thing out of a dozen, unless it is `calm`."""

    def __init__(self, rng):
        super().__init__()
        self.rng = rng
        self.calm = False
        self.refused = set()

    def say(self, request):
        if self.calm or not request.bare_path.endswith("/_bulk"):
            return super().say(request)
        return self.rng.choice([
            self.take, self.take, self.take, self.take_late, self.take_and_forget,
            self.cut, self.say_nothing, self.be_busy, self.be_broken, self.put_off_some,
            self.refuse_some, self.talk_nonsense, self.find_it_too_large])(request)

    def take_late(self, request):
        time.sleep(self.rng.uniform(0, 0.3))
        return self.take(request)

    def take_and_forget(self, request):
        """It has all of it; the answer is lost."""
        self.take(request)
        return Answer(no_answer=True) if self.rng.random() < 0.5 else Answer(504, {})

    def cut(self, request):
        answer = self.take(request)
        return Answer(200, answer.body, cut=self.rng.randrange(40))

    def say_nothing(self, _request):
        return Answer(no_answer=True)

    def be_busy(self, _request):
        return Answer(429, {}, {"Retry-After": "0"} if self.rng.random() < 0.5 else {})

    def be_broken(self, _request):
        return Answer(self.rng.choice([500, 502, 503]), {})

    def talk_nonsense(self, _request):
        return Answer(200, self.rng.choice(["", "<html>", {"items": []}, {"errors": False}]))

    def find_it_too_large(self, request):
        if len(request.body) < 2000:
            return self.take(request)
        return Answer(413, "")

    def put_off_some(self, request):
        return self.bulk(request, lambda action, document: self.rng.choice([429, 503])
                         if self.rng.random() < 0.3 else self.store(action, document))

    def refuse_some(self, request):
        def one(action, document):
            if self.rng.random() < 0.02 and action["_id"] not in self.stored:
                self.refused.add(number_of(document))
                return 400, ("document_parsing_exception", "it is not liked")
            return self.store(action, document)
        return self.bulk(request, one)

    def bulk(self, request, one):
        with self.lock:
            return bulk_reply(request, one)


def start(place, cluster):
    return place.follow(f"{ES}.bulk_size", "64k", f"{ES}.flush", "50ms", f"{ES}.timeout", "5s",
                        url=cluster.url)


def test_torture(tmp_path):
    print(f"seed {SEED}, {SECONDS:.0f} s")
    rng = random.Random(SEED)
    place = Place("", tmp_path, "torture")
    ends = {"kill": 0, "term": 0, "down": 0}
    with Moody(rng) as cluster:
        program = start(place, cluster)
        until, count = time.monotonic() + SECONDS, 0
        while time.monotonic() < until:
            place.append(lines(count, count + LINES_A_ROUND))
            count += LINES_A_ROUND
            time.sleep(rng.uniform(0, 0.2))
            what = rng.random()
            if what < 0.10:
                ends["kill"] += 1
                program.kill()
                program = start(place, cluster)
            elif what < 0.14:
                ends["term"] += 1
                program.stop()  # its books balance
                program = start(place, cluster)
            elif what < 0.18:
                ends["down"] += 1
                cluster.stop(reset=rng.random() < 0.5)
                time.sleep(rng.uniform(0, 1))
                cluster.start()
            elif what < 0.25:
                program.signal(signal.SIGHUP)
        cluster.calm = True
        program.stop()
        program = start(place, cluster)  # which does not know how long it has been told to wait
        wanted = set(range(count))

        def missing():
            with cluster.lock:
                found = {number_of(document) for document in cluster.stored.values()}
            return wanted - found - {number_of(letter["document"]) for letter in letters(place)}

        until = time.monotonic() + 60 + SECONDS
        while missing() and time.monotonic() < until:
            time.sleep(1)  # looking takes time, which the server here has use for
        assert not missing(), (f"seed {SEED}: of {count} lines {len(missing())} are not there, the "
                               f"first is {min(missing())}\n{program.log()[-3000:]}")
        program.stop()
        found = sorted(number_of(document) for document in cluster.stored.values())
        assert len(found) == len(set(found)), f"seed {SEED}: a line is there twice"
        dead = {number_of(letter["document"]) for letter in letters(place)}
        assert dead <= cluster.refused, f"seed {SEED}: a dead letter that was not refused"
        assert set(found) | dead == wanted, f"seed {SEED}"
    place.clean()
    print(f"{count} lines, {len(cluster.bulks)} requests, {len(dead)} dead letters, {ends}")
