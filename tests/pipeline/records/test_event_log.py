from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from reid_pipeline.errors import RecordError
from reid_pipeline.records.events import CameraEvent, Event, EventLog, RunEvent
from reid_pipeline.types import Assignment, IdentityEvent, Settlement, State, TrackletKey

ASSIGNMENT = Assignment("lobby", 3, "P0001", 400_000_000, 0.83333, 0.2, State.PROVISIONAL, "new")

EVENTS: list[Event] = [
    RunEvent("run_started", 0, "r1"),
    ASSIGNMENT,
    IdentityEvent("new", 400_000_000, "P0001", TrackletKey("lobby", 3)),
    CameraEvent("dropped", 900_000_000, "lobby", "the reader was busy", count=7),
    Settlement(ASSIGNMENT, 1_000_000_000, start_ns=0, end_ns=950_000_000),
    RunEvent("run_stopped", 1_000_000_000, "r1", "end of all recordings"),
]


def write(path: Path, *, append: bool = False) -> None:
    with EventLog(path, append=append) as log:
        for event in EVENTS:
            log.write(event)


def test_each_event_is_one_line_of_json(tmp_path: Path) -> None:
    path = tmp_path / "run" / "events.jsonl"
    write(path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[1] == {
        "identity": "P0001",
        "margin": 0.2,
        "reason": "new",
        "score": 0.8333,
        "state": "provisional",
        "time": 0.4,
        "tracklet": "lobby:3",
        "type": "assignment",
    }
    assert lines[2] == {"identity": "P0001", "time": 0.4, "tracklet": "lobby:3", "type": "new"}
    assert lines[3]["count"] == 7
    assert lines[4] == {
        "end": 0.95,
        "identity": "P0001",
        "margin": 0.2,
        "score": 0.8333,
        "start": 0.0,
        "state": "provisional",
        "time": 1.0,
        "tracklet": "lobby:3",
        "type": "settled",
    }
    types = [line["type"] for line in lines]
    assert types == ["run_started", "assignment", "new", "dropped", "settled", "run_stopped"]


def test_lines_are_there_before_the_log_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.write(EVENTS[0])
        assert path.read_text() == '{"run":"r1","time":0.000,"type":"run_started"}\n'


def test_a_new_log_starts_afresh(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write(path)
    once = path.read_bytes()
    write(path)
    assert path.read_bytes() == once


@pytest.mark.parametrize("cut_line", [b'{"type":"assig', b"x" * 10_000])
def test_appending_drops_a_line_that_a_power_cut_left_half(tmp_path: Path, cut_line: bytes) -> None:
    path = tmp_path / "events.jsonl"
    write(path)
    once = path.read_bytes()
    path.write_bytes(once + cut_line)
    write(path, append=True)
    assert path.read_bytes() == once + once


def test_appending_to_nothing_but_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"type"')
    with EventLog(path, append=True):
        assert path.read_bytes() == b""


def test_a_full_disk_is_one_line(tmp_path: Path, small_disk: Callable[[], AbstractContextManager[None]]) -> None:
    with EventLog(tmp_path / "events.jsonl") as log:
        log.write(EVENTS[0])
        with small_disk(), pytest.raises(RecordError, match=r"events\.jsonl: cannot be written: File too large"):
            log.write(RunEvent("run_stopped", 0, "r1", "x" * 20_000))


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(RecordError, match=r"out/events\.jsonl: cannot be written: .* a part of the path is a file"):
        EventLog(tmp_path / "out" / "events.jsonl")
