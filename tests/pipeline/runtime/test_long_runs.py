"""Hours cost no more than minutes: no thread, no file and no memory is left behind."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.runtime.live import run
from reid_pipeline.runtime.replay import replay
from reid_pipeline.runtime.report import Progress, Quiet, RunOptions, RunReport
from reid_pipeline.types import NS_PER_S, Frame
from reid_pipeline.video.protocol import SourceHealth, SourceInfo
from tiny_site import SIZE, Site, Walk, boxes_of, own_threads, picture

Drive = Callable[[LoadedConfig, RunOptions, Progress], RunReport]


def open_files() -> set[str]:
    """What this process has open, libraries and pipes of the test run left out."""
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
    return {target for link in links if (target := _target(link)).startswith("/")}


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


@pytest.mark.parametrize("drive", [run, replay])
def test_a_run_leaves_no_thread_and_no_file_open(plaza: Site, drive: Drive) -> None:
    loaded = plaza.load(output={"video": True, "crops": True, "journal": True})
    drive(loaded, plaza.options("warm-up"), Quiet())
    threads, files = threading.enumerate(), open_files()
    drive(loaded, plaza.options(), Quiet())
    assert own_threads(threads) == []
    gc.collect()
    assert open_files() - files == set()


def test_a_run_at_its_own_pace_leaves_no_thread(plaza: Site) -> None:
    before = threading.enumerate()
    run(plaza.load(), plaza.options(realtime=True, limit_s=0.5), Quiet())
    assert own_threads(before) == []


class Endless:
    """A recording of twenty thousand frames without a file of that length: a loop of a few pictures."""

    live = False

    def __init__(self, camera: str, frames: int, pictures: int) -> None:
        self.camera = self.name = camera
        self.health = SourceHealth()
        self._frames = frames
        self._pictures = [picture(WALKS, index / 10) for index in range(pictures)]
        self._closed = False

    def open(self) -> SourceInfo:
        return SourceInfo(*SIZE, 10.0, self._frames)

    def frames(self) -> Iterator[Frame]:
        for index in range(self._frames):
            if self._closed:
                return
            self.health.frames += 1
            yield Frame(self.camera, index, index * NS_PER_S // 10, self._pictures[index % len(self._pictures)])

    def close(self) -> None:
        self._closed = True


WALKS = [Walk(0, 0.0, 5.5), Walk(1, 1.0, 6.0, (0.95, 0.05))]
LOOP_FRAMES = 80


class Meter(Quiet):
    """Resident memory and wall time after so many frames."""

    def __init__(self) -> None:
        self.samples: dict[int, tuple[float, float]] = {}

    def advance(self, task: str, done: int) -> None:
        if done % 1000 == 0:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.samples[done] = (pages * os.sysconf("SC_PAGE_SIZE") / 1e6, time.perf_counter())

    def rss_mb(self, done: int) -> float:
        return self.samples[done][0]

    def seconds(self, since: int, until: int) -> float:
        return self.samples[until][1] - self.samples[since][1]


@pytest.mark.slow
@pytest.mark.parametrize("drive", [run, replay])
def test_memory_and_speed_stay_as_they_are(site: Site, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    from reid_pipeline.runtime import cameras

    frames = 20_000
    for camera in ("a", "b"):
        rows = [row for index in range(frames) for row in boxes_of(WALKS, index, index % LOOP_FRAMES / 10)]
        site.add(camera, f"{camera}.mp4", rows)
    monkeypatch.setattr(cameras, "open_source", lambda name, *given, **named: Endless(name, frames, LOOP_FRAMES))
    meter = Meter()
    report = drive(site.load(association={"window_s": 60.0}), site.options(), meter)
    assert report.frames == 2 * frames
    assert report.people == 2
    assert meter.rss_mb(40_000) - meter.rss_mb(10_000) < 30
    assert meter.seconds(30_000, 40_000) < 1.5 * meter.seconds(5_000, 15_000)
