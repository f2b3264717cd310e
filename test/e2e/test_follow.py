# SPDX-License-Identifier: Apache-2.0
"""Logs that are followed while they are written, rotated, copied, deleted and damaged."""
import gzip
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

import pytest

from following import EPOCH_NS, Follower, append, line, lines, wait_until
from programs import free_port, weir_command


@pytest.fixture
def follow(tmp_path):
    made = []

    def make(pattern="*.log", query="", **kw):
        made.append(Follower(str(tmp_path), pattern, query, **kw))
        return made[-1]
    yield make
    for f in made:
        f.clean()


def test_what_is_there_and_what_comes(follow):
    f = follow()
    append(f.path("a.log"), lines(0, 1000))
    f.start()
    f.wait_numbers(range(1000))
    append(f.path("a.log"), lines(1000, 1010))
    append(f.path("b.log"), lines(5000, 5010))
    found = f.finish([*range(1010), *range(5000, 5010)])
    assert found["line"] == {"read": 1020, "flow": 1020} or found["line"]["flow"] == 1020
    document = f.documents()[0]
    assert document["input"]["type"] == "log"
    assert document["log"]["file"]["path"] == f.path("a.log")
    assert document["log"]["offset"] == 0
    assert document["log"]["file"]["inode"] == str(os.stat(f.path("a.log")).st_ino)


def test_order_is_kept_within_a_file(follow):
    f = follow().start()
    for begin in range(0, 2000, 50):
        append(f.path("a.log"), lines(begin, begin + 50))
    f.finish(range(2000))
    assert f.numbers() == list(range(2000))


def test_a_file_below_a_kilobyte(follow):
    f = follow().start()
    append(f.path("a.log"), line(1))
    f.wait_numbers([1])
    append(f.path("a.log"), line(2))
    f.finish([1, 2])


@pytest.mark.parametrize("pattern", ["*.log", "*.log*"], ids=["out of the glob", "in the glob"])
def test_rename_and_create(follow, pattern):
    f = follow(pattern).start()
    append(f.path("a.log"), lines(0, 100))
    f.wait_numbers(range(100))
    with open(f.path("a.log"), "a") as held:  # the writer has not heard of it yet
        os.rename(f.path("a.log"), f.path("a.log.1"))
        held.write(lines(100, 200))
        held.flush()
        append(f.path("a.log"), lines(1000, 1100))
        f.wait_numbers(range(200))
        held.write(lines(200, 210))
    f.finish([*range(210), *range(1000, 1100)])


def test_many_renames_like_logrotate(follow):
    f = follow("a.log*").start()
    for round_ in range(6):
        for age in range(5, 0, -1):
            if os.path.exists(f.path(f"a.log.{age}")):
                os.rename(f.path(f"a.log.{age}"), f.path(f"a.log.{age + 1}"))
        if round_:
            os.rename(f.path("a.log"), f.path("a.log.1"))
        append(f.path("a.log"), lines(1000 * round_, 1000 * round_ + 300))
    f.finish([1000 * r + i for r in range(6) for i in range(300)])


@pytest.mark.parametrize("name", ["a.log.1", "copy-of-a.log"], ids=["out of the glob", "in the glob"])
def test_copytruncate(follow, name):
    """The copy holds what was not read yet; nothing is read twice, nothing is lost."""
    f = follow().start()
    append(f.path("a.log"), lines(0, 300))
    f.wait_numbers(range(100))
    append(f.path("a.log"), lines(300, 20000))
    shutil.copy(f.path("a.log"), f.path(name))
    os.truncate(f.path("a.log"), 0)
    append(f.path("a.log"), lines(50000, 50100))
    f.finish([*range(20000), *range(50000, 50100)])
    assert "truncated: read from its start" in f.log()


def test_copytruncate_without_a_copy(follow):
    """That lines may be gone is said and counted."""
    f = follow().start()
    append(f.path("a.log"), lines(0, 300))
    f.wait_numbers(range(300))
    os.truncate(f.path("a.log"), 0)
    append(f.path("a.log"), lines(500, 510))
    f.finish([*range(300), *range(500, 510)])
    assert "truncated: read from its start" in f.log()


def test_truncated_and_longer_than_before(follow):
    """Between two looks: only what was read before can tell."""
    f = follow()
    append(f.path("a.log"), lines(0, 300))
    f.start()
    f.wait_numbers(range(300))
    f.process.send_signal(19)  # SIGSTOP
    os.truncate(f.path("a.log"), 0)
    append(f.path("a.log"), lines(1000, 3000))
    f.process.send_signal(18)  # SIGCONT
    f.finish([*range(300), *range(1000, 3000)])


def test_truncated_to_the_same_size(follow):
    f = follow()
    append(f.path("a.log"), lines(100000, 100300))
    f.start()
    f.wait_numbers(range(100000, 100300))
    f.process.send_signal(19)
    size = os.path.getsize(f.path("a.log"))
    os.truncate(f.path("a.log"), 0)
    append(f.path("a.log"), lines(200000, 200300))
    assert os.path.getsize(f.path("a.log")) - size in range(-300, 300)
    f.process.send_signal(18)
    f.finish([*range(100000, 100300), *range(200000, 200300)])


def test_truncated_within_an_unfinished_line(follow):
    f = follow().start()
    append(f.path("a.log"), line(1)[:50])
    time.sleep(0.3)  # most likely it is in the window by now; it must not matter
    os.truncate(f.path("a.log"), 0)
    append(f.path("a.log"), line(2) + line(3))
    f.finish([2, 3])


def test_deleted_with_unread_lines(follow):
    f = follow().start()
    with open(f.path("a.log"), "a") as held:
        held.write(lines(0, 100))
        held.flush()
        f.wait_numbers(range(100))
        os.unlink(f.path("a.log"))
        held.write(lines(100, 3000))
    f.finish(range(3000))


def test_deleted_and_made_again(follow):
    f = follow().start()
    for round_ in range(5):
        append(f.path("a.log"), lines(1000 * round_, 1000 * round_ + 100))
        f.wait_numbers(range(1000 * round_, 1000 * round_ + 100))
        os.unlink(f.path("a.log"))
    append(f.path("a.log"), lines(9000, 9100))
    f.finish([*(1000 * r + i for r in range(5) for i in range(100)), *range(9000, 9100)])


def test_an_inode_used_again(follow):
    """Closed files let their inode go: the next file may get it, with other lines in it."""
    f = follow(query="close_inactive=50ms&poll=20ms&scan=100ms").start()
    inodes, wanted = [], []
    for round_ in range(8):
        append(f.path("a.log"), lines(1000 * round_, 1000 * round_ + 50))
        inodes.append(os.stat(f.path("a.log")).st_ino)
        wanted += range(1000 * round_, 1000 * round_ + 50)
        f.wait_numbers(wanted)
        time.sleep(0.3)  # it is closed meanwhile
        os.unlink(f.path("a.log"))
    if len(set(inodes)) == len(inodes):
        pytest.skip("this file system uses no inode again so soon")
    f.finish(wanted)


def test_symlinks(follow):
    f = follow("link.log").start()
    append(f.path("first"), lines(0, 100))
    os.symlink("first", f.path("link.log"))
    f.wait_numbers(range(100))
    append(f.path("second"), lines(1000, 1100))
    os.symlink("second", f.path("new"))
    with open(f.path("first"), "a") as held:
        os.rename(f.path("new"), f.path("link.log"))  # it leads to another file now
        held.write(lines(100, 200))
    f.finish([*range(200), *range(1000, 1100)])


def test_a_symlink_to_nothing_yet(follow):
    f = follow(query="scan=200ms")
    os.makedirs(f.folder, exist_ok=True)
    os.symlink("later", f.path("a.log"))
    f.start()
    append(f.path("later"), lines(0, 10))
    f.finish(range(10))


def test_two_names_of_one_file(follow):
    f = follow()
    append(f.path("a.log"), lines(0, 100))
    os.link(f.path("a.log"), f.path("b.log"))
    os.symlink("a.log", f.path("c.log"))
    f.start()
    f.wait_numbers(range(100))
    os.unlink(f.path("a.log"))
    append(f.path("b.log"), lines(100, 200))
    f.finish(range(200))


def test_a_backup_of_the_log(follow):
    """A copy that stays as it is must not keep the log from being read, whichever came first."""
    f = follow(query="scan=200ms")
    append(f.path("z.log"), lines(0, 100))
    shutil.copy(f.path("z.log"), f.path("a.log"))
    f.start()
    f.wait_numbers(range(100))
    append(f.path("z.log"), lines(100, 200))
    f.wait_numbers(range(200))
    append(f.path("z.log"), lines(200, 300))
    f.finish(range(300))


def test_an_unfinished_last_line(follow):
    f = follow().start()
    text = line(2)
    append(f.path("a.log"), line(1) + text[:100])
    f.wait_numbers([1])
    append(f.path("a.log"), text[100:150])
    time.sleep(0.5)
    assert f.numbers() == [1]
    append(f.path("a.log"), text[150:])
    f.finish([1, 2])


@pytest.mark.parametrize("how", ["deleted", "renamed"])
def test_no_newline_at_the_end_of_a_file_that_is_gone(follow, how):
    f = follow(query="close_inactive=300ms").start()
    append(f.path("a.log"), line(1) + line(2).rstrip("\n"))
    f.wait_numbers([1])
    if how == "deleted":
        os.unlink(f.path("a.log"))
    else:
        os.rename(f.path("a.log"), f.path("a.old"))
    f.finish([1, 2])


def test_no_newline_at_the_end_of_a_deleted_file_at_the_stop(follow):
    f = follow().start()
    append(f.path("a.log"), line(1) + line(2).rstrip("\n"))
    f.wait_numbers([1])
    os.unlink(f.path("a.log"))
    f.stop()
    assert f.numbers() == [1, 2]


def test_a_line_that_is_too_long(follow):
    f = follow(query="line_max=64k").start()
    append(f.path("a.log"), line(1))
    append(f.path("a.log"), '{"junk":"' + "x" * 300000)
    time.sleep(0.2)
    append(f.path("a.log"), "x" * 3000000 + '"}\n' + line(2))
    f.wait_numbers([1, 2])
    found = f.stop()
    assert found["line"]["too_long"] == 1 and found["line"]["flow"] == 2
    bad = [d for d in f.documents() if d["event"]["kind"] == "pipeline_error"]
    assert len(bad) == 1 and bad[0]["event"]["original"].startswith('{"junk":"xxx')


def test_empty_lines_and_bad_lines_move_the_position(follow):
    f = follow().start()
    append(f.path("a.log"), "\n\n" + line(1) + "no json\n\n\n")
    f.wait_numbers([1])
    wait_until(lambda: b"pipeline_error" in f.bytes(), f.log)
    f.stop()
    before = len(f.documents())
    f.start()
    append(f.path("a.log"), line(2))
    f.wait_numbers([2])
    f.stop()
    assert len(f.documents()) == before + 1


def test_files_that_appear_while_folders_are_read(follow):
    f = follow("**/*.log").start()
    wanted = []
    for number in range(300):
        folder = f.path(f"d{number % 7}/e{number % 3}")
        os.makedirs(folder, exist_ok=True)
        append(f"{folder}/{number}.log", lines(100 * number, 100 * number + 3))
        wanted += range(100 * number, 100 * number + 3)
    f.finish(wanted)


def test_a_renamed_folder(follow):
    f = follow("**/*.log").start()
    os.makedirs(f.path("one"))
    append(f.path("one/a.log"), lines(0, 100))
    f.wait_numbers(range(100))
    os.rename(f.path("one"), f.path("two"))
    append(f.path("two/a.log"), lines(100, 200))
    f.finish(range(200))


def test_hidden_files_and_deep_folders(follow):
    f = follow("**/*.log")
    deep = f.path("/".join("12345678"))
    os.makedirs(deep)
    os.makedirs(f.path(".hidden"))
    append(f"{deep}/a.log", lines(0, 10))
    os.makedirs(f"{deep}/9")
    append(f"{deep}/9/a.log", lines(100, 110))  # deeper than ** goes
    append(f.path(".hidden/a.log"), lines(200, 210))
    append(f.path(".a.log"), lines(300, 310))
    append(f.path("a.log"), lines(400, 410))
    f.start()
    f.finish([*range(10), *range(400, 410)])


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_rotated_file_that_is_compressed(follow, kind):
    """rename, compress, delete: the compressed file is the same file and not read again."""
    f = follow("a.log*").start()
    append(f.path("a.log"), lines(0, 3000))
    f.wait_numbers(range(10))
    os.rename(f.path("a.log"), f.path("a.log.1"))
    append(f.path("a.log"), lines(10000, 10010))
    compress(f.path("a.log.1"), kind)
    os.utime(f.path("a.log.1." + kind), (1, 1))
    f.wait_numbers([*range(3000), *range(10000, 10010)])
    time.sleep(0.5)
    f.finish([*range(3000), *range(10000, 10010)])


def compress(path, kind):
    if kind == "gz":
        with open(path, "rb") as source, gzip.open(path + ".gz", "wb") as target:
            shutil.copyfileobj(source, target)
    else:
        subprocess.run(["zstd", "-q", path], check=True)
    if os.path.exists(path):
        os.unlink(path)


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_compressed_files_are_read_once(follow, kind):
    f = follow("*")
    for number in range(3):
        append(f.path(f"{number}.log"), lines(1000 * number, 1000 * number + 500))
        compress(f.path(f"{number}.log"), kind)
        os.utime(f.path(f"{number}.log.{kind}"), (number + 1, number + 1))
    wanted = [1000 * n + i for n in range(3) for i in range(500)]
    f.start()
    f.wait_numbers(wanted)
    wait_until(lambda: f.log().count('msg="read whole"') == 3, f.log)
    f.stop()
    f.start()
    append(f.path("new.log"), lines(9000, 9010))
    f.finish([*wanted, *range(9000, 9010)])
    assert f.log().count('msg="read whole"') == 3  # they were not even opened again


def test_compressed_while_weir_was_away(follow):
    f = follow("*").start()
    append(f.path("a.log"), lines(0, 1000))
    f.wait_numbers(range(1000))
    f.stop()
    append(f.path("a.log"), lines(1000, 2000))
    compress(f.path("a.log"), "gz")
    os.utime(f.path("a.log.gz"), (1, 1))
    f.start()
    f.finish(range(2000))


def test_a_damaged_compressed_file(follow):
    f = follow("*")
    append(f.path("a.log"), lines(0, 20000))
    compress(f.path("a.log"), "gz")
    with open(f.path("a.log.gz"), "r+b") as damaged:
        damaged.seek(os.path.getsize(f.path("a.log.gz")) // 2)
        damaged.write(b"\0" * 64)
    os.utime(f.path("a.log.gz"), (1, 1))
    append(f.path("b.log"), lines(50000, 50010))
    f.start()
    f.wait_numbers(range(50000, 50010))
    f.wait_log("a file cannot be read")
    f.stop()
    assert f.log().count("a file cannot be read") == 1
    assert set(f.numbers()) <= {*range(20000), *range(50000, 50010)}


def test_exclude_files(follow):
    f = follow("*", query="exclude_files=%5C.tmp%24&exclude_files=secret")
    append(f.path("a.log"), lines(0, 10))
    append(f.path("a.tmp"), lines(100, 110))
    append(f.path("secret.log"), lines(200, 210))
    append(f.path("tmp.log"), lines(300, 310))
    f.start()
    f.finish([*range(10), *range(300, 310)])


def test_ignore_older(follow):
    f = follow(query="ignore_older=1h")
    append(f.path("old.log"), lines(0, 10))
    append(f.path("new.log"), lines(100, 110))
    os.utime(f.path("old.log"), (time.time() - 7200,) * 2)
    f.start()
    f.wait_numbers(range(100, 110))
    assert sorted(f.numbers()) == list(range(100, 110))
    assert f.log().count("passed over: not changed for longer than ignore_older") == 1
    append(f.path("old.log"), lines(10, 20))  # it is old no longer
    f.finish([*range(20), *range(100, 110)])


def test_ignore_older_does_not_stop_what_was_begun(follow):
    f = follow(query="ignore_older=1h").start()
    append(f.path("a.log"), lines(0, 10))
    f.wait_numbers(range(10))
    f.stop()
    append(f.path("a.log"), lines(10, 20))
    os.utime(f.path("a.log"), (time.time() - 7200,) * 2)
    f.start()
    f.finish(range(20))


def test_from_end(follow):
    f = follow(query="from=end")
    append(f.path("a.log"), lines(0, 1000) + line(2000)[:60])
    append(f.path("empty.log"), "")
    f.start()
    append(f.path("a.log"), line(2000)[60:] + lines(2001, 2010))
    append(f.path("empty.log"), lines(3000, 3010))
    append(f.path("new.log"), lines(4000, 4010))
    wanted = [*range(2000, 2010), *range(3000, 3010), *range(4000, 4010)]
    f.wait_numbers(wanted)
    f.stop()
    append(f.path("a.log"), lines(2010, 2020))
    append(f.path("away.log"), lines(5000, 5010))  # new, though it is there at the start
    f.start()
    f.finish([*wanted, *range(2010, 2020), *range(5000, 5010)])


def test_from_end_and_killed_at_once(follow):
    f = follow(query="from=end")
    append(f.path("a.log"), lines(0, 1000))
    f.start()
    append(f.path("a.log"), lines(1000, 1010))
    f.wait_numbers(range(1000, 1010))
    f.kill()
    append(f.path("a.log"), lines(1010, 1020))
    f.start()
    f.wait_numbers(range(1000, 1020))
    f.stop()
    assert set(f.numbers()) == set(range(1000, 1020))


def test_three_thousand_files_and_few_descriptors(follow):
    f = follow(limit_files=256, query="scan=2s")
    for number in range(3000):
        append(f.path(f"{number}.log"), line(10 * number))
    f.start()
    f.wait_numbers([10 * n for n in range(3000)], seconds=120)
    for number in range(0, 3000, 7):
        append(f.path(f"{number}.log"), line(10 * number + 1))
    f.finish([*(10 * n for n in range(3000)), *(10 * n + 1 for n in range(0, 3000, 7))])
    assert "Too many open files" not in f.log()


def test_not_everything_is_a_file(follow):
    f = follow(query="scan=100ms")
    os.makedirs(f.path("folder.log"))
    os.mkfifo(f.path("pipe.log"))
    append(f.path("a.log"), lines(0, 10))
    f.start()
    f.wait_numbers(range(10))
    time.sleep(0.5)
    f.finish(range(10))
    assert f.log().count("is no regular file") == 1


def test_a_file_that_may_not_be_read_yet():
    with tempfile.TemporaryDirectory() as folder:  # anybody may come this far
        f = Follower(folder, query="scan=200ms")
        if os.geteuid() == 0:  # who may read everything: weir runs as somebody else
            f.wrap = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            os.chmod(folder, 0o777)
            os.chmod(f.folder, 0o777)
        try:
            unreadable(f)
        finally:
            f.clean()


def unreadable(f):
    append(f.path("a.log"), lines(0, 10))
    os.chmod(f.path("a.log"), 0)
    append(f.path("b.log"), lines(100, 110))
    f.start()
    f.wait_numbers(range(100, 110))
    f.wait_log("a file cannot be read")
    time.sleep(0.7)
    os.chmod(f.path("a.log"), 0o644)
    f.finish([*range(10), *range(100, 110)])
    assert f.log().count("a file cannot be read") == 1
    assert "a file can be read again" in f.log()


# --- Restarts --------------------------------------------------------------------------------------

def test_stopped_and_started(follow):
    f = follow()
    for round_ in range(4):
        f.start()
        append(f.path("a.log"), lines(100 * round_, 100 * round_ + 50))
        f.wait_numbers(range(100 * round_, 100 * round_ + 50))
        f.stop()
        append(f.path("a.log"), lines(100 * round_ + 50, 100 * round_ + 100))
    f.start()
    f.finish(range(400))


def away_renamed(f):
    os.rename(f.path("a.log"), f.path("a.log.1"))
    append(f.path("a.log"), lines(5000, 5100))


def away_renamed_only(f):
    os.rename(f.path("a.log"), f.path("a.log.1"))
    append(f.path("b.log"), lines(5000, 5100))


def away_copied(f):
    shutil.copy(f.path("a.log"), f.path("a.log.1"))
    os.truncate(f.path("a.log"), 0)
    append(f.path("a.log"), lines(5000, 5100))


def away_compressed(f):
    os.rename(f.path("a.log"), f.path("a.log.1"))
    compress(f.path("a.log.1"), "gz")
    os.utime(f.path("a.log.1.gz"), (1, 1))
    append(f.path("a.log"), lines(5000, 5100))


def away_moved_to_another_name(f):
    os.rename(f.path("a.log"), f.path("z.log"))
    append(f.path("a.log"), lines(5000, 5100))


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("away, pattern", [
    *((away, pattern) for pattern in ("*.log", "*")
      for away in (away_renamed, away_renamed_only, away_copied, away_moved_to_another_name)),
    (away_compressed, "*"),  # out of the glob it is another file for all that can be known
], ids=lambda a: a.__name__[5:] if callable(a) else {"*": "in the glob"}.get(a, "out of the glob"))
def test_rotated_while_weir_was_away(follow, away, pattern, killed):
    f = follow(pattern).start()
    append(f.path("a.log"), lines(0, 1000))
    f.wait_numbers(range(1000))
    if killed:
        state = os.path.join(f.data, "state", "positions")
        wait_until(lambda: f.path("a.log") in open(state).read(), f.log)  # that it is known
        f.kill()
    else:
        f.stop()
    append(f.path("a.log"), lines(1000, 2000))
    away(f)
    f.start()
    wanted = [*range(2000), *range(5000, 5100)]
    if killed:
        f.wait_numbers(wanted)
        f.stop()
        assert_one_id_each(f, wanted)
    else:
        f.finish(wanted)


def assert_one_id_each(f, wanted):
    ids = {}
    for number, identity in f.pairs():
        assert ids.setdefault(number, identity) == identity, f"{number} has two ids"
    assert sorted(ids) == sorted(wanted)
    assert len(set(ids.values())) == len(ids)


def test_killed_while_reading(follow):
    f = follow()
    append(f.path("a.log"), lines(0, 20000))
    for _ in range(5):
        before = len(f.bytes())
        f.start()
        wait_until(lambda: len(f.bytes()) > before, f.log)
        f.kill()
    f.start()
    f.wait_numbers(range(20000))
    f.stop()
    assert_one_id_each(f, range(20000))


def test_a_second_weir_on_the_same_positions(follow, tmp_path):
    f = follow().start()
    done = subprocess.run(weir_command("-listen", f.url, "-addr", "", "-data", f.data),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "another weir keeps its positions in" in done.stderr


# --- Other -----------------------------------------------------------------------------------------

def test_logs_and_datagrams_together(follow):
    f = follow()
    f.url += ",sflow://127.0.0.1:0"
    append(f.path("a.log"), lines(0, 10))
    f.start()
    f.finish(range(10))


def test_several_listeners(follow):
    f = follow()
    f.url += f",log://{f.folder}/*.txt"
    append(f.path("a.log"), lines(0, 10))
    append(f.path("a.txt"), lines(100, 110))
    f.start()
    f.finish([*range(10), *range(100, 110)])


@pytest.mark.parametrize("pattern, text", [
    ("a**b/*.log", "** stands alone"), ("", "ends with a slash"),
])
def test_patterns_that_cannot_be(follow, pattern, text):
    f = follow(pattern)
    done = subprocess.run(weir_command("-listen", f.url, "-addr", "", "-data", f.data),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and text in done.stderr


def test_an_expression_that_cannot_be(follow):
    f = follow(query="exclude_files=%28")
    done = subprocess.run(weir_command("-listen", f.url, "-addr", "", "-data", f.data),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "exclude_files=(" in done.stderr


def test_check_says_what_is_there(follow):
    f = follow(query="exclude_files=left.out")
    append(f.path("a.log"), lines(0, 10))
    append(f.path("b.log"), lines(0, 10))
    append(f.path("left-out.log"), lines(0, 10))
    done = subprocess.run(weir_command("check", "-listen", f.url, "-addr", ""),
                          capture_output=True, text=True, timeout=60)
    size = 2 * os.path.getsize(f.path("a.log"))
    assert f"log {f.folder}/*.log: 2 files of {size} bytes now, 1 excluded" in done.stdout
    assert done.returncode == 0
    done = subprocess.run(weir_command("check", "-listen", f.url + "&exclude_files=%28", "-addr", ""),
                          capture_output=True, text=True, timeout=60)
    assert "exclude_files=(" in done.stdout and done.returncode == 1


def test_metrics(follow):
    f = follow(args=["-addr", f"127.0.0.1:{(port := free_port(socket.SOCK_STREAM))}"])
    append(f.path("a.log"), lines(0, 10))
    f.start()
    f.wait_numbers(range(10))
    url = f"http://127.0.0.1:{port}/metrics"
    with urllib.request.urlopen(url, timeout=60) as answer:
        text = answer.read().decode()
    label = f'{{path="{f.folder}/*.log",listener="0"}}'
    assert f"weir_log_files{label} 1\n" in text
    assert f"weir_log_read_bytes_total{label} {os.path.getsize(f.path('a.log'))}\n" in text
    assert f"weir_log_behind_bytes{label} 0\n" in text
    assert 'weir_lines_total{outcome="flow"} 10\n' in text
    f.finish(range(10))


def test_time_of_the_lines(follow):
    f = follow()
    append(f.path("a.log"), line(7))
    f.start()
    f.finish([7])
    assert f.documents()[0]["@timestamp"].startswith("2024-07-31T00:00:59")
    assert EPOCH_NS // 10**9 == 1722384059
