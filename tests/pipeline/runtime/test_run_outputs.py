"""What a run is asked to write, and what it says about it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import av
import cv2
import pytest

from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.detect.protocol import Detector
from reid_pipeline.detect.table import open_detector
from reid_pipeline.records.journal import read_journal
from reid_pipeline.records.tracks import tracks_schema
from reid_pipeline.runtime import video_run
from reid_pipeline.runtime.live import run
from reid_pipeline.runtime.replay import replay, replay_journal
from reid_pipeline.runtime.report import Progress, Quiet, RunOptions, RunReport
from tiny_site import Site, Walk, document
from web_camera import web_camera

Drive = Callable[[LoadedConfig, RunOptions, Progress], RunReport]
both_drivers = pytest.mark.parametrize("drive", [run, replay])


class Listener(Quiet):
    """Keeps what a person would have seen."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.notes: list[str] = []

    def begin(self, task: str, total: int | None) -> None:
        self.calls.append(("begin", task, total))

    def advance(self, task: str, done: int) -> None:
        if self.calls[-1][:2] == ("advance", task):
            self.calls.pop()
        self.calls.append(("advance", task, done))

    def end(self, task: str) -> None:
        self.calls.append(("end", task))

    def note(self, text: str) -> None:
        self.notes.append(text)


@both_drivers
def test_the_report_agrees_with_the_files(plaza: Site, drive: Drive) -> None:
    import jsonschema

    report = drive(plaza.load(), plaza.options(), Quiet())
    written = json.loads(report.paths["tracks"].read_text())
    jsonschema.validate(written, tracks_schema())
    assert report.people == len(written["identities"]) == 3
    assert report.tracklets == len(written["tracklets"]) == 5
    crossing = [link for link in written["links"] if link["from"].split(":")[0] != link["to"].split(":")[0]]
    assert report.links == len(crossing) == 2
    assert report.frames == sum(camera["frames"] for camera in written["cameras"]) == 80
    assert (report.dropped, report.failures, report.stopped) == (0, (), False)
    assert written["run"]["mode"] == report.mode == ("live" if drive is run else "replay")
    assert written["run"]["deterministic"] is (drive is replay)
    about = json.loads(report.paths["run"].read_text())
    assert (about["id"], about["state"], about["frames"]) == (written["run"]["id"], "finished", 80)
    assert report.seconds > 0
    assert sum(report.stages.values()) <= report.seconds * 1.5
    assert set(report.paths) == {"tracks", "events", "run"}


@both_drivers
def test_the_lines_that_settle_say_who_was_where_and_when(plaza: Site, drive: Drive) -> None:
    report = drive(plaza.load(), plaza.options(), Quiet())
    lines = [json.loads(line) for line in report.paths["events"].read_text().splitlines()]
    settled = {line["tracklet"]: (line["identity"], line["start"], line["end"]) for line in lines if "end" in line}
    known = {str(one.key): (one.identity, one.start_s, one.end_s) for one in document(report).tracklets}
    assert settled == {name: one for name, one in known.items() if one[0] is not None}
    assert settled


@both_drivers
def test_progress_counts_every_frame_once(plaza: Site, drive: Drive) -> None:
    listener = Listener()
    drive(plaza.load(), plaza.options(), listener)
    assert listener.calls == [("begin", "frames", 80), ("advance", "frames", 80), ("end", "frames")]
    assert listener.notes == []


@both_drivers
def test_a_limit_ends_every_camera_and_the_total_is_not_promised(plaza: Site, drive: Drive) -> None:
    listener = Listener()
    report = drive(plaza.load(), plaza.options(limit_s=1.5), listener)
    assert {camera.id: camera.frames for camera in document(report).cameras} == {"lobby": 15, "street": 15}
    assert listener.calls[0] == ("begin", "frames", None)


@both_drivers
def test_crops_are_kept_on_request(plaza: Site, drive: Drive) -> None:
    loaded = plaza.load(output={"crops": True, "journal": True})
    report = drive(loaded, plaza.options(), Quiet())
    header, steps = read_journal(report.paths["journal"])
    looked_at = {(look.camera, look.track_id, look.frame_index) for step in steps for look in step.observations}
    assert {camera.id for camera in header.cameras} == {"lobby", "street"}
    kept = {
        (path.parent.name, *map(int, path.stem.split("_"))): path for path in (plaza.folder / "out").glob("*/*.jpg")
    }
    assert kept.keys() == looked_at
    assert len(kept) > 10
    crop = cv2.imread(str(kept[min(kept)]))
    assert crop is not None
    assert crop.shape[0] > crop.shape[1] > 20


@both_drivers
def test_nothing_is_kept_that_nobody_asked_for(plaza: Site, drive: Drive) -> None:
    drive(plaza.load(), plaza.options(), Quiet())
    names = {path.name for path in (plaza.folder / "out").iterdir()}
    assert names == {"tracks.json", "events.jsonl", "run.json", "gallery.db"}


@both_drivers
def test_the_overlay_shows_the_whole_recording(plaza: Site, drive: Drive) -> None:
    listener = Listener()
    report = drive(plaza.load(output={"video": True}), plaza.options(), listener)
    with av.open(str(report.paths["overlay"])) as container:
        assert len(list(container.decode(video=0))) == 40
    assert listener.calls[-3:] == [("begin", "overlay", 80), ("advance", "overlay", 80), ("end", "overlay")]


def test_the_overlay_ends_with_the_limit(plaza: Site) -> None:
    report = replay(plaza.load(output={"video": True}), plaza.options(limit_s=1.0), Quiet())
    with av.open(str(report.paths["overlay"])) as container:
        assert len(list(container.decode(video=0))) == 10


def test_a_live_camera_is_not_in_the_overlay_and_costs_nothing(site: Site) -> None:
    with web_camera([Walk(0, 0.0, 3.0)], frames=60) as camera:
        site.add("door", camera.address, camera.rows)
        listener = Listener()
        report = run(site.load(output={"video": True}), site.options(limit_s=1.0), listener)
    assert "overlay" not in report.paths
    (note,) = listener.notes
    assert note.startswith("door: a live camera cannot be watched again")
    assert len(document(report).tracklets) == 1


def test_an_earlier_journal_is_read_and_not_overwritten(plaza: Site) -> None:
    loaded = plaza.load(output={"journal": True})
    first = replay(loaded, plaza.options(), Quiet())
    journal = first.paths["journal"].read_bytes()
    second = replay_journal(loaded, first.paths["journal"], plaza.options(), Quiet())
    assert first.paths["journal"].read_bytes() == journal
    assert "journal" not in second.paths
    assert second.frames == 80


@both_drivers
def test_given_starts_put_all_cameras_on_one_clock(site: Site, drive: Drive) -> None:
    site.film("early", [Walk(0, 0.0, 2.0)], frames=20, start="2026-03-01T09:00:00Z")
    site.film("late", [Walk(0, 0.0, 2.0)], frames=20, start="2026-03-01T10:00:10.500+01:00")
    report = drive(site.load(), site.options(), Quiet())
    found = document(report)
    assert found.run.epoch_ns == 1772355600 * 10**9
    assert {tracklet.camera: int(tracklet.frame[0]) for tracklet in found.tracklets} == {"early": 1, "late": 1}
    assert [tracklet.start_s for tracklet in found.tracklets] == pytest.approx([0.1, 10.6])
    (person,) = found.identities
    assert [person.first_seen_s, person.last_seen_s] == pytest.approx([0.1, 12.4])
    assert person.cameras == ("early", "late")


@both_drivers
def test_nobody_waits_for_a_camera_that_begins_hours_later(site: Site, drive: Drive) -> None:
    """Its first frame comes when the others are over; what they saw is decided about, and forgotten, long before."""
    site.film("early", [Walk(0, 0.0, 12.0)], frames=120, start="2026-03-01T09:00:00Z")
    site.film("late", [Walk(0, 0.0, 1.0)], frames=10, start="2026-03-01T14:00:00Z")
    log = site.folder / "out" / "events.jsonl"
    said: list[str] = []

    class Reader(Quiet):
        def advance(self, task: str, done: int) -> None:
            if done == 115:
                said.append(log.read_text())

    drive(site.load(), site.options(), Reader())
    assert '"tracklet":"early:1"' in said[0]


@both_drivers
def test_a_camera_that_ends_early_does_not_end_the_others(site: Site, drive: Drive) -> None:
    site.film("short", [Walk(0, 0.0, 1.0, (0.2, 0.3))], frames=10)
    site.film("long", [Walk(0, 2.0, 4.0)], frames=40)
    report = drive(site.load(), site.options(), Quiet())
    found = {tracklet.camera: tracklet for tracklet in document(report).tracklets}
    assert found["short"].end_s == pytest.approx(0.9)
    assert found["long"].start_s == pytest.approx(2.1)
    assert found["long"].identity == found["short"].identity


def test_live_and_recorded_cameras_share_one_clock(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recording begins when the models are ready, and not when the run was asked for."""

    def slowly(*given: Any, **named: Any) -> Detector:
        time.sleep(2.0)
        return open_detector(*given, **named)

    monkeypatch.setattr(video_run, "open_detector", slowly)
    with web_camera([Walk(0, 2.0, 7.0, (0.4, 0.6))], frames=70) as camera:
        site.add("door", camera.address, camera.rows)
        site.film("lobby", [Walk(1, 0.0, 2.0)], frames=20)
        report = run(site.load(), site.options(limit_s=4.0), Quiet())
    found = {tracklet.camera: tracklet for tracklet in document(report).tracklets}
    assert found["lobby"].start_s > 2.0
    assert found["lobby"].start_s == pytest.approx(found["door"].start_s, abs=1.0)
    assert document(report).run.epoch_ns is not None
