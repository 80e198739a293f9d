from __future__ import annotations

import dataclasses
import json
import os
import time
import tracemalloc
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from reid_pipeline.core.standing import Decisions
from reid_pipeline.errors import RecordError
from reid_pipeline.records.tracks import CameraRecord, RunSummary, TrackRecorder, read_tracks, tracks_schema
from reid_pipeline.types import EncodedStep, State, TrackedBoxes, TrackletKey

GOLDEN = """\
{"camera":"lobby","end":0.500,"frames":[{"bbox":[0.00,5.00,12.00,25.00],"frame":5,"score":0.9000,"time":0.500}],\
"id":"lobby:3","identity":null,"margin":0.0000,"score":0.0000,"start":0.500,"track_id":3}
"""


def test_the_document_is_valid(tracks_path: Path) -> None:
    document = json.loads(tracks_path.read_text())
    jsonschema.Draft202012Validator.check_schema(tracks_schema())
    jsonschema.validate(document, tracks_schema(), cls=jsonschema.Draft202012Validator)
    assert document["run"]["epoch"] == "2026-03-01T09:00:00.123Z"
    assert [tracklet["id"] for tracklet in document["tracklets"]] == ["street:1", "lobby:1", "lobby:2", "lobby:3"]


def test_an_empty_run_is_valid(tmp_path: Path, summary: RunSummary) -> None:
    with TrackRecorder(tmp_path) as recorder:
        recorder.write(tmp_path / "tracks.json", dataclasses.replace(summary, cameras=()))
    jsonschema.validate(json.loads((tmp_path / "tracks.json").read_text()), tracks_schema())
    assert read_tracks(tmp_path).tracklets == ()


def test_the_layout_is_one_tracklet_per_line_with_sorted_keys_and_fixed_decimals(tracks_path: Path) -> None:
    text = tracks_path.read_text(encoding="ascii")
    assert GOLDEN in text
    assert text.endswith("}\n")
    canonical = json.dumps(json.loads(text), sort_keys=True)
    assert json.dumps(json.loads(text)) == canonical


def test_the_same_input_gives_the_same_bytes(
    tmp_path: Path, tracks_path: Path, steps: list[EncodedStep], decisions: Decisions, summary: RunSummary
) -> None:
    shuffled = dataclasses.replace(summary, identities=list(summary.identities)[::-1])
    with TrackRecorder(tmp_path) as recorder:
        recorder.keep(Decisions(settled=decisions.settled[::-1], links=decisions.links))
        for step in steps:
            recorder.add(step)
            recorder.write(tmp_path / "again.json", shuffled)  # writing half-way changes nothing
        for event in decisions.events:
            recorder.keep(Decisions(events=[event]))
        recorder.write(tmp_path / "again.json", shuffled)
    assert (tmp_path / "again.json").read_bytes() == tracks_path.read_bytes()


def test_reading_gives_back_what_was_written(tracks_path: Path, decisions: Decisions, summary: RunSummary) -> None:
    document = read_tracks(tracks_path)
    assert document.run == summary.run
    assert document.cameras == tuple(summary.cameras)
    assert document.links == tuple(decisions.links)
    assert [event.type for event in document.events] == ["new", "linked", "merged"]
    assert set(document.events) == set(decisions.events)
    walker = next(tracklet for tracklet in document.tracklets if tracklet.key == TrackletKey("lobby", 1))
    assert (walker.identity, walker.score, walker.margin) == ("P0001", 1.0, 0.21)
    assert (walker.start_s, walker.end_s) == (0.0, 0.4)
    assert walker.frame.tolist() == [0, 1, 2, 3, 4]
    assert walker.xywh[1].tolist() == [13.3, 20.0, 30.5, 100.25]


def test_identities_follow_from_the_tracklets(tracks_path: Path) -> None:
    first, second = read_tracks(tracks_path).identities
    assert first.id == "P0001"
    assert first.state is State.CONFIRMED
    assert first.cameras == ("lobby", "street")
    assert first.tracklets == (TrackletKey("lobby", 1), TrackletKey("street", 1))
    assert (first.first_seen_s, first.last_seen_s) == (0.0, 0.5)
    assert (second.id, second.state) == ("P0002", State.PROVISIONAL)


def test_the_last_answer_about_a_tracklet_counts(
    tmp_path: Path, steps: list[EncodedStep], decisions: Decisions, summary: RunSummary
) -> None:
    first, *rest = decisions.settled
    later = dataclasses.replace(first, assignment=dataclasses.replace(first.assignment, identity="P0002"))
    with TrackRecorder(tmp_path) as recorder:
        for step in steps:
            recorder.add(step)
        recorder.keep(decisions)
        recorder.keep(Decisions(settled=[later]))
        assert recorder.answers() == {later.assignment.key: "P0002"} | {
            one.assignment.key: one.assignment.identity for one in rest
        }
        recorder.write(tmp_path / "tracks.json", summary)
    tracklets = {tracklet.key: tracklet.identity for tracklet in read_tracks(tmp_path).tracklets}
    assert tracklets[later.assignment.key] == "P0002"


def test_who_turned_out_to_be_another_is_that_person_in_the_end(
    tmp_path: Path, steps: list[EncodedStep], decisions: Decisions, summary: RunSummary
) -> None:
    def now(identity: str) -> str:
        return {"P0002": "P0001"}.get(identity, identity)

    one_person = [identity for identity in summary.identities if identity.id == "P0001"]
    with TrackRecorder(tmp_path) as recorder:
        for step in steps:
            recorder.add(step)
        recorder.keep(decisions)
        recorder.write(tmp_path / "tracks.json", dataclasses.replace(summary, identities=one_person, now=now))
    document = read_tracks(tmp_path)
    assert [tracklet.identity for tracklet in document.tracklets] == ["P0001", "P0001", "P0001", None]
    (person,) = document.identities
    assert [str(key) for key in person.tracklets] == ["lobby:1", "lobby:2", "street:1"]


def test_a_camera_or_identity_that_the_summary_forgot_is_refused(
    tmp_path: Path, steps: list[EncodedStep], decisions: Decisions, summary: RunSummary
) -> None:
    with TrackRecorder(tmp_path) as recorder:
        recorder.keep(decisions)
        for step in steps:
            recorder.add(step)
        with pytest.raises(ValueError, match="cameras that the summary does not list: street"):
            recorder.write(tmp_path / "t.json", dataclasses.replace(summary, cameras=(summary.cameras[1],)))
        with pytest.raises(ValueError, match="identities that the summary does not list: P0001, P0002"):
            recorder.write(tmp_path / "t.json", dataclasses.replace(summary, identities=()))
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, summary: RunSummary) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="file: cannot be written"):
        TrackRecorder(tmp_path / "file")
    with TrackRecorder(tmp_path) as recorder, pytest.raises(RecordError, match=r"tracks\.json: cannot be written"):
        recorder.write(tmp_path / "file" / "tracks.json", summary)


def test_a_disk_that_fills_up_is_one_line(
    tmp_path: Path, make_step: Callable[..., EncodedStep], small_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    def fill() -> None:
        for index in range(10_000):
            recorder.add(make_step("lobby", index, {1: (0, 0, 1, 1)}))

    refusal = pytest.raises(RecordError, match="cannot be written: disk I/O error; check the disk")
    with TrackRecorder(tmp_path) as recorder, small_disk(), refusal:
        fill()


def test_what_was_kept_before_a_disk_filled_up_is_written_once_there_is_room(
    tmp_path: Path,
    steps: list[EncodedStep],
    decisions: Decisions,
    summary: RunSummary,
    small_disk: Callable[[], AbstractContextManager[None]],
) -> None:
    with TrackRecorder(tmp_path) as recorder:
        for step in steps:
            recorder.add(step)
        recorder.keep(decisions)
        assert recorder.count_tracklets() == 3
        with small_disk(), pytest.raises(RecordError, match=r": cannot be written: [^\n]*$"):
            recorder.keep(Decisions(links=decisions.links * 10_000))
        recorder.write(tmp_path / "tracks.json", summary)
    document = read_tracks(tmp_path)
    assert [tracklet.identity for tracklet in document.tracklets] == ["P0001", "P0001", "P0002", None]
    assert len(document.events) == 3
    assert document.links == tuple(decisions.links * 10_001)


def test_nothing_of_what_is_final_stays_in_memory(tmp_path: Path, decisions: Decisions) -> None:
    def keep(number: int) -> None:
        for _ in range(number):
            recorder.keep(decisions)
        assert recorder.count_tracklets() == 3

    with TrackRecorder(tmp_path) as recorder:
        tracemalloc.start()
        try:
            keep(1000)
            before, _ = tracemalloc.get_traced_memory()
            keep(1000)
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 20_000, "bytes for 3,000 answers, 1,000 links and 3,000 events"


def test_a_run_that_is_killed_leaves_no_spool_behind(tmp_path: Path) -> None:
    with TrackRecorder(tmp_path):
        assert os.listdir(tmp_path) == [], "it has no name while it is in use"


def test_long_tracks_leave_memory_and_come_back_whole(
    tmp_path: Path, make_step: Callable[..., EncodedStep], summary: RunSummary
) -> None:
    frames = 10_000
    with TrackRecorder(tmp_path) as recorder:
        for index in range(frames):
            recorder.add(make_step("lobby", index, {1: (index, 0, index + 10.5, 20)}))
        recorder.write(tmp_path / "tracks.json", summary)
    tracklet = read_tracks(tmp_path).tracklets[0]
    assert tracklet.frame.tolist() == list(range(frames))
    assert tracklet.xywh[:, 0].tolist() == list(range(frames))


def test_days_are_affordable(tmp_path: Path, summary: RunSummary) -> None:
    """20,000 boxes here; the limits are far from what was measured and hold on a busy machine."""
    people = 20
    ids = np.arange(1, people + 1)
    boxes = np.random.default_rng(0).uniform(0, 600, (people, 4)).astype(np.float32)
    started = time.process_time()
    with TrackRecorder(tmp_path) as recorder:
        for index in range(1000):
            tracked = TrackedBoxes(boxes, np.ones(people, np.float32), ids)
            recorder.add(EncodedStep("lobby", index, index * 100_000_000, tracked, (), ()))
        added = time.process_time()
        cameras = (CameraRecord("lobby", 640, 360, 10.0, 1000, 0),)
        recorder.write(tmp_path / "tracks.json", dataclasses.replace(summary, cameras=cameras))
        written = time.process_time()
    assert (added - started) / 20_000 < 30e-6
    assert written - added < 0.4  # 10 s for 500,000
