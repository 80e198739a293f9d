"""The same input gives the same output: twice, from a journal, on any number of threads, live and replayed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from erratic_models import ErraticDetector, ErraticEncoder
from reid_engines.encoders import open_encoder
from reid_engines.protocol import Encoder
from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.detect.protocol import Detector
from reid_pipeline.detect.table import open_detector
from reid_pipeline.records.document import ModelRecord
from reid_pipeline.records.journal import JournalCamera, JournalHeader, JournalWriter
from reid_pipeline.runtime import video_run
from reid_pipeline.runtime.live import run
from reid_pipeline.runtime.replay import replay, replay_journal
from reid_pipeline.runtime.report import Quiet, RunReport
from reid_pipeline.types import NS_PER_S, EncodedStep, Observation, TrackedBoxes
from tiny_site import Site, Walk, identities


def read(report: RunReport, name: str) -> bytes:
    return report.paths[name].read_bytes()


def found(report: RunReport) -> dict[str, Any]:
    """All of tracks.json but what the run was called."""
    content = json.loads(read(report, "tracks"))
    del content["run"]
    assert len(content["tracklets"]) > 2
    return dict(content)


def test_two_replays_give_the_same_bytes(plaza: Site) -> None:
    loaded = plaza.load()
    one, two = (replay(loaded, plaza.options(name), Quiet()) for name in ("one", "two"))
    assert read(one, "tracks") == read(two, "tracks")
    assert read(one, "events") == read(two, "events")
    assert len(json.loads(read(one, "tracks"))["tracklets"]) == 5


def test_damaged_recordings_are_replayed_to_the_same_events(plaza: Site) -> None:
    clip = plaza.folder / "lobby.mp4"
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    plaza.album("yard", [Walk(0, 0.0, 2.0)], frames=20)
    (plaza.folder / "yard" / "007.png").write_bytes(b"this is no picture")
    loaded = plaza.load()
    reports = [replay(loaded, plaza.options(name), Quiet()) for name in ("one", "two", "three")]
    told = [json.loads(line) for line in read(reports[0], "events").splitlines()]
    trouble = [(event["type"], event["camera"], event["time"]) for event in told if "camera" in event]
    assert trouble[0] == ("decode_error", "yard", 0.6), "in the recording's own time"
    assert {("lost", "lobby"), ("dropped", "yard")} < {(kind, camera) for kind, camera, _ in trouble}
    assert [event["time"] for event in told] == sorted(event["time"] for event in told)
    assert len({read(report, "events") for report in reports}) == 1
    assert len({read(report, "tracks") for report in reports}) == 1


def test_a_journal_replays_to_the_bytes_of_the_run_that_wrote_it(plaza: Site) -> None:
    loaded = plaza.load(output={"journal": True})
    original = replay(loaded, plaza.options("original"), Quiet())
    again = replay_journal(loaded, original.paths["journal"], plaza.options("again"), Quiet())
    assert read(again, "tracks") == read(original, "tracks")
    assert read(again, "events") == read(original, "events")
    assert again.frames == original.frames == 80


def test_the_journal_of_a_live_run_replays_to_the_same_people(plaza: Site) -> None:
    loaded = plaza.load()
    live = run(loaded, plaza.options("live", journal=plaza.folder / "live.journal"), Quiet())
    again = replay_journal(loaded, plaza.folder / "live.journal", plaza.options("again"), Quiet())
    assert found(again) == found(live)


def test_a_second_run_knows_the_people_of_the_first(plaza: Site) -> None:
    loaded = plaza.load(gallery={"store": "sqlite:///people.db"})
    first, second = (replay(loaded, plaza.options(name), Quiet()) for name in ("first", "second"))
    third = run(loaded, plaza.options("third"), Quiet())
    assert identities(first) == identities(second) == identities(third)
    assert first.people == 3


def wide_journal(path: Path) -> None:
    """Sixty tracks with looks enough to make every matrix product worth several threads."""
    dim, rng = 512, np.random.default_rng(0)
    people = rng.normal(size=(20, dim))
    header = JournalHeader(
        cameras=tuple(JournalCamera(name, 320, 180, 10.0) for name in "abc"),
        detector=ModelRecord("recorded", ""),
        encoder=ModelRecord("made-up", "0" * 64),
        dim=dim,
        match=0.5,
    )
    with JournalWriter(path, header) as journal:
        for index in range(10):
            for camera in "abc":
                tracked = TrackedBoxes(np.ones((20, 4), np.float32), np.ones(20, np.float32), np.arange(1, 21))
                time_ns = index * NS_PER_S // 2
                vectors = people + rng.normal(scale=0.8, size=people.shape)
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                looks = tuple(
                    Observation(camera, n + 1, index, time_ns, tracked.xyxy[n], 0.8, vector.astype(np.float32))
                    for n, vector in enumerate(vectors)
                )
                journal.write(EncodedStep(camera, index, time_ns, tracked, looks, ()))


def test_the_number_of_threads_changes_no_byte(plaza: Site) -> None:
    config = plaza.write()
    journal = plaza.folder / "wide.journal"
    wide_journal(journal)
    results = set()
    for threads in ("1", "4"):
        output = plaza.folder / f"threads{threads}"
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        command = f"-m reid_pipeline.cli replay {config} --journal {journal} --output {output}"
        subprocess.run([sys.executable, *command.split()], env=environment, check=True, timeout=120)
        results.add((output / "tracks.json").read_bytes())
    assert len(results) == 1
    assert len(json.loads(results.pop())["tracklets"]) == 60


@pytest.fixture
def uneven(site: Site) -> Site:
    """Cameras that differ in frame rate, length and start, one of them with a frame rate that varies."""
    site.film("lobby", [Walk(0, 0.0, 3.0), Walk(1, 1.0, 4.0, (0.95, 0.05))], start="2026-03-01T09:00:00Z")
    site.film("street", [Walk(0, 0.4, 2.0), Walk(2, 0.0, 1.5)], fps=7, frames=17, start="2026-03-01T09:00:02.350Z")
    times_ms = [0, 100, 250, 260, 400, 700, 710, 800, 1000, 1100, 1500, 1600, 1650, 1800, 2000, 2100, 2150, 2400]
    site.film("yard", [Walk(1, 0.0, 2.5)], times_ms=times_ms, start="2026-03-01T09:00:05Z")
    site.film("hall", [Walk(3, 0.2, 1.4)], fps=25, frames=40)
    return site


def test_live_over_recordings_gives_what_a_replay_gives(uneven: Site) -> None:
    loaded = uneven.load()
    assert found(run(loaded, uneven.options("live"), Quiet())) == found(
        replay(loaded, uneven.options("replayed"), Quiet())
    )


class Erratic:
    """Puts delays around the models of the runs to come."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def __call__(self, *, batch: int, longest_s: float) -> None:
        def detector(*given: Any, **named: Any) -> Detector:
            return ErraticDetector(open_detector(*given, **named), batch=batch, longest_s=longest_s)

        def encoder(*given: Any, **named: Any) -> Encoder:
            return ErraticEncoder(open_encoder(*given, **named), batch=3 * batch, longest_s=longest_s)

        self._patch.setattr(video_run, "open_detector", detector)
        self._patch.setattr(video_run, "open_encoder", encoder)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("every", [1, 3])
def test_it_does_not_matter_which_answer_comes_first(
    uneven: Site, monkeypatch: pytest.MonkeyPatch, batch: int, every: int
) -> None:
    loaded: LoadedConfig = uneven.load(detector={"every": every})
    expected = replay(loaded, uneven.options("expected"), Quiet())
    Erratic(monkeypatch)(batch=batch, longest_s=0.012)
    replayed = replay(loaded, uneven.options("replayed"), Quiet())
    assert read(replayed, "tracks") == read(expected, "tracks")
    assert read(replayed, "events") == read(expected, "events")
    assert found(run(loaded, uneven.options("live"), Quiet())) == found(expected)
