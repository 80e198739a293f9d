"""One broken camera does not lose the others, and a model that breaks does not lose what was finished."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from erratic_models import ErraticDetector
from reid_engines.errors import BackendError
from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.detect.protocol import Detector
from reid_pipeline.detect.table import open_detector
from reid_pipeline.errors import GalleryError, SourceError
from reid_pipeline.records.tracks import read_tracks
from reid_pipeline.runtime import video_run
from reid_pipeline.runtime.live import run
from reid_pipeline.runtime.replay import replay
from reid_pipeline.runtime.report import Progress, Quiet, RunOptions, RunReport
from tiny_site import Site, Walk, document
from web_camera import mute_camera, web_camera

Drive = Callable[[LoadedConfig, RunOptions, Progress], RunReport]
both_drivers = pytest.mark.parametrize("drive", [run, replay])


def record(site: Site) -> dict[str, Any]:
    return dict(json.loads((site.folder / "out" / "run.json").read_text()))


def lost(site: Site) -> list[str]:
    events = [json.loads(line) for line in (site.folder / "out" / "events.jsonl").read_text().splitlines()]
    return [event["camera"] for event in events if event["type"] == "lost"]


@pytest.fixture
def two(site: Site) -> Site:
    site.film("well", [Walk(0, 0.0, 3.0)], frames=30)
    site.film("broken", [Walk(0, 0.0, 3.0)], frames=30)
    return site


def nowhere(site: Site) -> None:
    (site.folder / "broken.mp4").unlink()


def zero_bytes(site: Site) -> None:
    (site.folder / "broken.mp4").write_bytes(b"")


def no_video(site: Site) -> None:
    (site.folder / "broken.mp4").write_text("dear diary\n" * 500)


def no_pictures(site: Site) -> None:
    (site.folder / "broken.mp4").unlink()
    (site.folder / "broken.mp4").mkdir()


@both_drivers
@pytest.mark.parametrize("spoil", [nowhere, zero_bytes, no_video, no_pictures])
def test_a_camera_that_cannot_be_opened_leaves_the_others(
    two: Site, drive: Drive, spoil: Callable[[Site], None]
) -> None:
    spoil(two)
    report = drive(two.load(), two.options(), Quiet())
    (failure,) = report.failures
    assert failure.startswith("broken: ")
    assert "broken.mp4" in failure
    assert "\n" not in failure
    assert (report.frames, report.people) == (30, 1)
    assert record(two)["state"] == "finished"
    assert record(two)["cameras"]["broken"]["error"] == failure
    assert record(two)["cameras"]["well"]["error"] == ""
    assert lost(two) == ["broken"]
    cameras = {camera.id: camera.frames for camera in document(report).cameras}
    assert cameras == {"well": 30, "broken": 0}


@both_drivers
def test_a_recording_cut_short_is_used_as_far_as_it_goes(two: Site, drive: Drive) -> None:
    clip = two.folder / "broken.mp4"
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    report = drive(two.load(), two.options(), Quiet())
    (failure,) = report.failures
    assert "cut short" in failure
    frames = {camera.id: camera.frames for camera in document(report).cameras}
    assert frames["well"] == 30
    assert 5 < frames["broken"] < 25
    assert {tracklet.camera for tracklet in document(report).tracklets} == {"well", "broken"}
    assert lost(two) == ["broken"]


@both_drivers
def test_a_picture_that_is_broken_is_left_out(site: Site, drive: Drive) -> None:
    folder = site.album("album", [Walk(0, 0.0, 3.0)], frames=30)
    (folder / "010.png").write_bytes((folder / "010.png").read_bytes()[:100])
    report = drive(site.load(), site.options(), Quiet())
    assert report.failures == ()
    assert (report.frames, report.dropped, report.people) == (29, 1, 1)


@both_drivers
def test_all_cameras_broken_is_still_a_valid_result(two: Site, drive: Drive) -> None:
    nowhere(two)
    (two.folder / "well.mp4").unlink()
    report = drive(two.load(output={"video": True}), two.options(), Quiet())
    assert len(report.failures) == 2
    assert (report.frames, report.people, report.tracklets) == (0, 0, 0)
    assert document(report).tracklets == ()
    assert [camera.id for camera in document(report).cameras] == ["well", "broken"]
    assert record(two)["state"] == "finished"


@both_drivers
def test_a_camera_without_people_is_no_failure(site: Site, drive: Drive) -> None:
    site.film("well", [Walk(0, 0.0, 3.0)], frames=30)
    site.film("empty", [], frames=30)
    report = drive(site.load(), site.options(), Quiet())
    assert (report.failures, report.frames, report.people) == ((), 60, 1)


def test_a_stream_that_never_answers_leaves_the_others(site: Site) -> None:
    site.film("well", [Walk(0, 0.0, 2.0)], frames=20)
    with mute_camera() as address:
        site.add("mute", address, timeout_s=0.3)
        report = run(site.load(), site.options(), Quiet())
    (failure,) = report.failures
    assert failure.startswith("mute: ")
    assert "gave nothing in time" in failure
    assert report.people == 1
    assert record(site)["cameras"]["mute"]["stalls"] == 1


def test_cameras_that_do_not_answer_cost_one_timeout_together(site: Site) -> None:
    with mute_camera() as address:
        for number in range(6):
            site.add(f"mute{number}", address, timeout_s=0.5)
        begun_s = time.monotonic()
        report = run(site.load(), site.options(), Quiet())
    assert len(report.failures) == 6
    assert time.monotonic() - begun_s < 6 * 0.5


class _Watcher(Quiet):
    """Stops the run after so many frames, and tells what events.jsonl said until then."""

    def __init__(self, options: RunOptions, frames: int) -> None:
        self.said = ""
        self._options = options
        self._frames = frames

    def advance(self, task: str, done: int) -> None:
        if done >= self._frames and not self._options.stop.is_set():
            assert self._options.output is not None
            self.said = (self._options.output / "events.jsonl").read_text()
            self._options.stop.set()


def test_a_stream_that_falls_silent_stalls_nobody(site: Site) -> None:
    site.film("well", [Walk(0, 2.0, 4.0)], frames=40)
    with web_camera([Walk(1, 0.0, 4.0)], frames=8) as camera:
        site.add("silent", camera.address, camera.rows, timeout_s=30.0)
        options = site.options()
        watcher = _Watcher(options, frames=8 + 32)
        report = run(site.load(association={"max_lag_s": 0.5}), options, watcher)
    assert report.stopped
    assert '"tracklet":"well:1"' in watcher.said, "answered while the other camera says nothing"


def test_a_stream_that_stalls_is_counted(site: Site) -> None:
    with web_camera([Walk(1, 0.0, 4.0)], frames=8) as camera:
        site.add("silent", camera.address, camera.rows, timeout_s=0.3)
        options = site.options()
        report = run(site.load(), options, _Watcher(options, frames=12))
    health = record(site)["cameras"]["silent"]
    # on a busy machine the camera's pictures may come later than the timeout once more
    assert health["stalls"] >= health["reconnects"] >= 1
    assert health["error"] == ""
    events = [json.loads(line) for line in report.paths["events"].read_text().splitlines()]
    told = [event["type"] for event in events if "camera" in event]
    assert told[:2] == ["stall", "reconnect"]
    assert told.count("stall") == health["stalls"]


@both_drivers
@pytest.mark.parametrize("error", [BackendError("the device was lost"), RuntimeError("a\nbug")])
def test_a_detector_that_breaks_keeps_what_was_finished(
    two: Site, drive: Drive, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[ErraticDetector] = []

    def breaking(*given: Any, **named: Any) -> Detector:
        opened.append(ErraticDetector(open_detector(*given, **named), broken_from=30, error=error))
        return opened[0]

    monkeypatch.setattr(video_run, "open_detector", breaking)
    with pytest.raises(type(error)) as raised:
        drive(two.load(), two.options(), Quiet())
    assert raised.value is error
    assert opened[0].closed
    assert record(two)["state"] == "failed"
    wanted = "the device was lost" if isinstance(error, BackendError) else "unexpected RuntimeError: a bug"
    assert record(two)["error"] == wanted
    tracks = read_tracks(two.folder / "out" / "tracks.json")
    assert {tracklet.camera: len(tracklet) for tracklet in tracks.tracklets} == {"well": 14, "broken": 14}
    assert {tracklet.identity for tracklet in tracks.tracklets} == {"P0001"}


class _Saboteur(Quiet):
    """Damages the gallery behind the back of a run that has begun."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, task: str, total: int | None) -> None:
        connection = sqlite3.connect(self._path)
        connection.execute("DROP TABLE prototypes")
        connection.commit()
        connection.close()


def test_a_gallery_that_breaks_keeps_the_tracks(two: Site) -> None:
    with pytest.raises(GalleryError, match=r"gallery\.db"):
        replay(two.load(), two.options(), _Saboteur(two.folder / "out" / "gallery.db"))
    assert record(two)["state"] == "failed"
    assert "gallery.db" in record(two)["error"]
    assert len(read_tracks(two.folder / "out" / "tracks.json").tracklets) == 2


def test_a_full_disk_is_told_and_leaves_nothing_half_written(site: Site) -> None:
    """A limit on the size of files stands for a disk on which only the small ones still find room."""
    site.film("lobby", [Walk(0, 0.0, 10.0), Walk(1, 0.0, 10.0, (0.95, 0.05))], frames=100)
    site.write(gallery={"store": "memory://"})
    command = f"ulimit -f 40; exec {sys.executable} -m reid_pipeline.cli replay cameras.yaml --output out"
    done = subprocess.run(["bash", "-c", command], cwd=site.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: out")
    assert record(site)["state"] == "failed"
    assert f"error: {record(site)['error']}" == line
    assert {path.name for path in (site.folder / "out").iterdir()} == {"events.jsonl", "run.json"}


def test_an_address_of_an_unknown_kind_is_refused_before_anything_is_done(two: Site) -> None:
    two.add("odd", "gopher://camera/1")
    with pytest.raises(SourceError, match="odd: gopher://camera/1: expected an address"):
        run(two.load(), two.options(), Quiet())
