from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from reid_pipeline.errors import RecordError
from reid_pipeline.records.document import ModelRecord
from reid_pipeline.records.journal import JournalCamera, JournalHeader, JournalWriter, read_journal
from reid_pipeline.types import EncodedStep

HEADER = JournalHeader(
    cameras=(JournalCamera("lobby", 640, 360, 10.0), JournalCamera("street", 1288, 728, 29.97)),
    detector=ModelRecord("yolox-tiny", "abc"),
    encoder=ModelRecord("toy", "def"),
    dim=4,
    match=0.7,
    epoch_ns=1_772_355_600_000_000_000,
)


@pytest.fixture
def recorded(make_step: Callable[..., EncodedStep]) -> list[EncodedStep]:
    rng = np.random.default_rng(0)
    recorded = []
    for index in range(150):
        boxes = {7: rng.uniform(0, 640, 4), 9: rng.uniform(0, 640, 4)}
        recorded.append(make_step("lobby", index, boxes, vectors={9: rng.normal(size=4)}, ended=(3, 5)))
        recorded.append(make_step("street", index))
    return recorded


def write(path: Path, steps: list[EncodedStep]) -> Path:
    with JournalWriter(path, HEADER) as journal:
        write_all(journal, steps)
    return path


def write_all(journal: JournalWriter, steps: list[EncodedStep]) -> None:
    for step in steps:
        journal.write(step)


def assert_same(got: EncodedStep, want: EncodedStep) -> None:
    assert (got.camera, got.index, got.timestamp_ns, got.ended) == (
        want.camera,
        want.index,
        want.timestamp_ns,
        want.ended,
    )
    for name in ("xyxy", "score", "track_id"):
        mine, theirs = getattr(got.tracked, name), getattr(want.tracked, name)
        assert mine.dtype == theirs.dtype
        assert mine.tobytes() == theirs.tobytes()
    for mine, theirs in zip(got.observations, want.observations, strict=True):
        assert (mine.camera, mine.track_id, mine.frame_index) == (theirs.camera, theirs.track_id, theirs.frame_index)
        assert (mine.timestamp_ns, mine.quality) == (theirs.timestamp_ns, theirs.quality)
        assert mine.xyxy.tobytes() == theirs.xyxy.tobytes()
        assert mine.vector.tobytes() == theirs.vector.tobytes()


def test_what_is_read_is_what_was_written_to_the_last_bit(tmp_path: Path, recorded: list[EncodedStep]) -> None:
    header, steps = read_journal(write(tmp_path / "a" / "journal", recorded))
    assert header == HEADER
    for got, want in zip(steps, recorded, strict=True):
        assert_same(got, want)


def test_bytes_are_a_function_of_content(tmp_path: Path, recorded: list[EncodedStep]) -> None:
    first, second = write(tmp_path / "a", recorded), write(tmp_path / "b", recorded)
    assert first.read_bytes() == second.read_bytes()
    copy = tmp_path / "c"
    assert write(copy, list(read_journal(first)[1])).read_bytes() == first.read_bytes()


def test_the_end_tells_what_each_camera_lost(tmp_path: Path, recorded: list[EncodedStep]) -> None:
    journal = JournalWriter(tmp_path / "journal", HEADER)
    journal.write(recorded[0])
    journal.close(dropped={"street": 12})
    journal.close()
    _, steps = read_journal(tmp_path / "journal")
    assert len(list(steps)) == 1
    assert steps.dropped == {"street": 12}


@pytest.mark.parametrize("keep", [0.999, 0.9, 0.5, 0.1])
def test_a_cut_journal_gives_its_whole_steps_and_then_says_so(
    tmp_path: Path, recorded: list[EncodedStep], keep: float
) -> None:
    path = write(tmp_path / "journal", recorded)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    _, steps = read_journal(path)
    got: list[EncodedStep] = []
    with pytest.raises(RecordError, match=r"its first \d+ steps are whole") as error:
        got.extend(steps)
    assert 0 < len(got) <= len(recorded)
    assert f"first {len(got)} steps" in str(error.value)
    for mine, theirs in zip(got, recorded, strict=False):
        assert_same(mine, theirs)


def test_a_cut_between_two_records_is_noticed_too(tmp_path: Path, recorded: list[EncodedStep]) -> None:
    path = tmp_path / "journal"
    journal = JournalWriter(path, HEADER)
    for step in recorded[:64]:
        journal.write(step)
    whole = path.read_bytes()  # flushed, but without an end
    journal.close()
    path.write_bytes(whole)
    _, steps = read_journal(path)
    for _ in range(64):
        next(steps)
    with pytest.raises(RecordError, match="cut off or damaged"):
        next(steps)


def test_a_flipped_bit_is_noticed(tmp_path: Path, recorded: list[EncodedStep]) -> None:
    path = write(tmp_path / "journal", recorded)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    _, steps = read_journal(path)
    with pytest.raises(RecordError, match="cut off or damaged"):
        list(steps)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a journal"),
        (b'{"schema": 1}', "expected a journal"),
        (b"REID-JNL\x02\0\0\0", "journal version 1, got 2"),
        (b"REID-JNL\x01\0\0\0\x05\0\0\0", "header is damaged"),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "journal"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=message):
        read_journal(path)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="nowhere: cannot be read: No such file"):
        read_journal(tmp_path / "nowhere")


def test_a_full_disk_is_one_line(recorded: list[EncodedStep]) -> None:
    with pytest.raises(RecordError, match="/dev/full: cannot be written: No space left"):
        JournalWriter(Path("/dev/full"), HEADER)


def test_a_disk_that_fills_up_keeps_the_whole_steps(
    tmp_path: Path, recorded: list[EncodedStep], small_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "journal"
    journal = JournalWriter(path, HEADER)
    with small_disk():
        with pytest.raises(RecordError, match="journal: cannot be written: File too large"):
            write_all(journal, recorded)
        with pytest.raises(RecordError, match="journal: cannot be written: File too large"):
            journal.close()
    _, steps = read_journal(path)
    with pytest.raises(RecordError, match=r"its first \d\d+ steps are whole"):
        list(steps)


def test_a_step_that_does_not_fit_the_header_is_refused(tmp_path: Path, make_step: Callable[..., EncodedStep]) -> None:
    with JournalWriter(tmp_path / "journal", HEADER) as journal:
        with pytest.raises(ValueError, match="'garden' is not in the journal's header"):
            journal.write(make_step("garden", 0))
        with pytest.raises(ValueError, match="with 4 dimensions"):
            journal.write(make_step("lobby", 0, {1: (0, 0, 1, 1)}, vectors={1: (1, 0)}))


def test_who_stops_before_the_end_closes_the_file(tmp_path: Path, recorded: list[EncodedStep]) -> None:
    _, steps = read_journal(write(tmp_path / "journal", recorded))
    next(steps)
    steps.close()
    assert list(steps) == []
    gc.collect()  # would tell of a file that is still open
