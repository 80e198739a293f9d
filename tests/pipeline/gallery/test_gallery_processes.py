"""Several processes and one gallery file; processes that are killed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from reid_pipeline.errors import GalleryError
from reid_pipeline.gallery.sqlite import SqliteGallery
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.types import GallerySnapshot

DIM = 512
LOOKS = 8
REMEMBERED = 10

# Commits one new person after the other, forgets the tenth last, and says each number when it is committed. Every
# seventh time it closes the gallery and opens it again, so that a kill may hit that too.
WRITER = f"""
import sys
from pathlib import Path
import numpy as np
from reid_pipeline.gallery.sqlite import SqliteGallery
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.types import GalleryChange, Identity, Prototype, State

def open_it():
    return SqliteGallery.open_for_writing(Path(sys.argv[1]), EncoderStamp("test", "a" * 64, {DIM}))

gallery = open_it()
number = gallery.snapshot().next_number
while True:
    name = f"P{{number:06d}}"
    vector = np.full({DIM}, number, np.float32)
    gallery.commit(GalleryChange(
        identities=(Identity(name, State.CONFIRMED, ("lobby",), number, number),),
        prototypes=tuple(Prototype(name, "lobby", n, 0.5, vector) for n in range({LOOKS})),
        removed=(f"P{{number - {REMEMBERED}:06d}}",),
        next_number=number + 1,
    ))
    print(number, flush=True)
    if number % 7 == 0:
        gallery.close()
        gallery = open_it()
    number += 1
    if len(sys.argv) > 2:
        sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gallery.db"


@pytest.fixture
def stamp() -> EncoderStamp:
    return EncoderStamp("test", "a" * 64, DIM)


@contextmanager
def writer(path: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has committed at least once; killed at the end of the block."""
    command = [sys.executable, "-c", WRITER, str(path), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() != "", "the writer failed to start"
        try:
            yield process
        finally:
            process.kill()


def check_whole(snapshot: GallerySnapshot, *, last: int) -> None:
    """The snapshot is the state after some commit, not before the `last` one."""
    number = snapshot.next_number - 1
    assert number >= last
    numbers = range(max(1, number - REMEMBERED + 1), number + 1)
    assert [identity.id for identity in snapshot.identities] == [f"P{n:06d}" for n in numbers]
    looks = [(prototype.identity, set(prototype.vector.tolist())) for prototype in snapshot.prototypes]
    assert looks == [(f"P{n:06d}", {float(n)}) for n in numbers for _ in range(LOOKS)]


def kill_and_reopen(path: Path, stamp: EncoderStamp, *, times: int) -> None:
    rng = random.Random(times)
    for turn in range(times):
        with writer(path) as process:
            time.sleep(rng.uniform(0, 0.2))
            process.kill()
            assert process.stdout is not None
            committed = [int(line) for line in process.stdout.read().split("\n")[:-1]]
        # every other time the next writer finds the log as the killed one left it
        reopened = SqliteGallery.open_for_writing(path, stamp) if turn % 2 else SqliteGallery.open_for_reading(path)
        with closing(reopened) as gallery:
            check_whole(gallery.snapshot(), last=max(committed, default=1))


def test_what_was_committed_outlives_a_kill(path: Path, stamp: EncoderStamp) -> None:
    kill_and_reopen(path, stamp, times=10)


@pytest.mark.slow
def test_what_was_committed_outlives_many_kills(path: Path, stamp: EncoderStamp) -> None:
    kill_and_reopen(path, stamp, times=50)


def test_a_second_writer_is_told_at_once_who_holds_the_file(path: Path, stamp: EncoderStamp) -> None:
    with writer(path, "wait") as process:
        began = time.monotonic()
        with pytest.raises(GalleryError, match=f"already open for writing by process {process.pid}; wait until"):
            SqliteGallery.open_for_writing(path, stamp)
        assert time.monotonic() - began < 1
        link = path.with_name("link.db")
        link.symlink_to(path)
        with pytest.raises(GalleryError, match=f"by process {process.pid};"):
            SqliteGallery.open_for_writing(link.resolve(), stamp)


def test_the_lock_goes_with_a_killed_writer(path: Path, stamp: EncoderStamp) -> None:
    with writer(path, "wait") as process:
        process.kill()
        process.wait()
        with closing(SqliteGallery.open_for_writing(path, stamp)) as gallery:
            check_whole(gallery.snapshot(), last=1)
    assert list(path.parent.iterdir()) == [path]


def test_one_process_is_no_exception(path: Path, stamp: EncoderStamp) -> None:
    with closing(SqliteGallery.open_for_writing(path, stamp)):
        with pytest.raises(GalleryError, match=f"by process {os.getpid()};"):
            SqliteGallery.open_for_writing(path, stamp)
        with pytest.raises(GalleryError, match=f"by process {os.getpid()};"):
            SqliteGallery.open_for_writing(path, stamp)
    SqliteGallery.open_for_writing(path, stamp).close()


def test_readers_see_whole_commits_while_a_writer_runs(path: Path, stamp: EncoderStamp) -> None:
    with writer(path) as process:
        last = 1
        with closing(SqliteGallery.open_for_reading(path)) as reader:
            for _ in range(20):
                snapshot = reader.snapshot()
                check_whole(snapshot, last=last)
                last = snapshot.next_number - 1
                assert reader.stats().identities <= REMEMBERED
        with closing(SqliteGallery.open_for_reading(path)) as reader:
            check_whole(reader.snapshot(), last=last)
        assert process.poll() is None


def test_backups_are_of_one_moment_while_a_writer_runs(path: Path, stamp: EncoderStamp, tmp_path: Path) -> None:
    with writer(path) as process:
        last = 1
        for turn in range(4):
            with closing(SqliteGallery.open_for_reading(path)) as reader:
                reader.backup(tmp_path / f"copy{turn}.db")
            with closing(SqliteGallery.open_for_writing(tmp_path / f"copy{turn}.db", stamp)) as copy:
                check_whole(copy.snapshot(), last=last)
                last = copy.snapshot().next_number - 1
        assert process.poll() is None


def test_a_writer_may_begin_and_end_while_a_reader_looks(path: Path, stamp: EncoderStamp) -> None:
    SqliteGallery.open_for_writing(path, stamp).close()
    with closing(SqliteGallery.open_for_reading(path)) as reader:
        assert reader.snapshot().identities == ()
        with writer(path, "wait"):
            check_whole(reader.snapshot(), last=1)
        SqliteGallery.open_for_writing(path, stamp).close()
        check_whole(reader.snapshot(), last=1)
