"""However a run ends, what it found until then is there: asked to stop, signalled, or killed."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.records.tracks import read_tracks
from reid_pipeline.runtime.ledger import COMMIT_EVERY_S
from reid_pipeline.runtime.live import run
from reid_pipeline.runtime.replay import replay, replay_journal
from reid_pipeline.runtime.report import Progress, Quiet, RunOptions, RunReport
from reid_pipeline.types import State
from tiny_site import Site, Walk, document, identities, own_threads
from web_camera import web_camera

Drive = Callable[[LoadedConfig, RunOptions, Progress], RunReport]
STORE = {"store": "sqlite:///people.db"}
CONFIRMED = '"state":"confirmed"'


class StopAfter(Quiet):
    """Asks the run to stop once so much is done."""

    def __init__(self, options: RunOptions, done: int) -> None:
        self._options = options
        self._done = done

    def advance(self, task: str, done: int) -> None:
        if done >= self._done:
            self._options.stop.set()


def people(site: Site) -> dict[str, State]:
    """Who is in the gallery, which nobody may hold locked any more."""
    base = site.folder
    assert not (base / "people.db-lock").exists()
    with closing(open_gallery(STORE["store"], encoder=None, base=base)) as gallery:
        return {identity.id: identity.state for identity in gallery.snapshot().identities}


def record(site: Site) -> dict[str, Any]:
    return dict(json.loads((site.folder / "out" / "run.json").read_text()))


@pytest.mark.parametrize("drive", [run, replay])
def test_a_run_that_is_asked_to_stop_writes_what_it_has(plaza: Site, drive: Drive) -> None:
    before = threading.enumerate()
    options = plaza.options()
    report = drive(plaza.load(gallery=STORE), options, StopAfter(options, 40))
    assert report.stopped
    assert report.frames == 40
    assert {str(tracklet.key): len(tracklet) for tracklet in document(report).tracklets}["lobby:1"] > 15
    assert record(plaza)["state"] == "stopped"
    assert people(plaza) == {"P0001": State.CONFIRMED, "P0002": State.CONFIRMED}
    assert own_threads(before) == []


def test_a_replay_of_a_journal_can_be_stopped_too(plaza: Site) -> None:
    journal = plaza.folder / "run.journal"
    replay(plaza.load(), plaza.options("first", journal=journal), Quiet())
    options = plaza.options()
    report = replay_journal(plaza.load(), journal, options, StopAfter(options, 40))
    assert (report.stopped, report.frames) == (True, 40)
    assert record(plaza)["state"] == "stopped"
    gc.collect()  # would tell of a journal that is still open


def test_an_overlay_ends_where_the_run_was_stopped(plaza: Site) -> None:
    import av

    options = plaza.options()
    report = replay(plaza.load(output={"video": True}), options, StopAfter(options, 30))
    with av.open(str(report.paths["overlay"])) as container:
        assert len(list(container.decode(video=0))) == 15


@contextmanager
def running(site: Site, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program in a process of its own; what is still running in the end is killed."""
    command = [sys.executable, "-m", "reid_pipeline.cli", "run", "cameras.yaml", "--output", "out", *arguments]
    with subprocess.Popen(
        command, cwd=site.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], came: Callable[[str], bool], log: Path, within_s: float = 60.0) -> None:
    """Wait until events.jsonl says what is waited for."""
    deadline_s = time.monotonic() + within_s
    while not (log.exists() and came(log.read_text())):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_live_run_cleanly(site: Site, number: signal.Signals) -> None:
    with web_camera([Walk(0, 0.0, 30.0)], frames=300) as camera:
        site.add("door", camera.address, camera.rows)
        site.write(gallery=STORE)
        with running(site) as process:
            wait_for(process, lambda said: CONFIRMED in said, site.folder / "out" / "events.jsonl")
            process.send_signal(number)
            _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert record(site)["state"] == "stopped"
    (tracklet,) = read_tracks(site.folder / "out" / "tracks.json").tracklets
    assert tracklet.identity == "P0001"
    assert len(tracklet) > 2
    assert people(site) == {"P0001": State.CONFIRMED}


def test_a_killed_run_has_told_the_gallery_whom_it_confirmed(site: Site) -> None:
    site.film("lobby", [Walk(0, 0.0, 30.0), Walk(1, 0.0, 30.0, (0.95, 0.3))], frames=300)
    site.write(gallery=STORE)
    log = site.folder / "out" / "events.jsonl"

    def confirmed_long_ago(said: str) -> bool:
        first = [json.loads(line) for line in said.splitlines() if CONFIRMED in line]
        return len(first) == 2 and time.monotonic() - told_s.setdefault("both", time.monotonic()) > COMMIT_EVERY_S + 0.5

    told_s: dict[str, float] = {}
    with running(site, "--realtime", "--journal", "run.journal") as process:
        wait_for(process, confirmed_long_ago, log)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)
    assert record(site)["state"] == "running"
    with closing(open_gallery(STORE["store"], encoder=None, base=site.folder)) as gallery:
        assert [identity.id for identity in gallery.snapshot().identities] == ["P0001", "P0002"]

    again = replay(site.load(gallery=STORE), site.options("again", limit_s=2.0), Quiet())
    assert identities(again) == {"lobby:1": "P0001", "lobby:2": "P0002"}
    rest = replay_journal(site.load(), site.folder / "run.journal", site.options("rest"), Quiet())
    assert rest.frames >= 64 or len(rest.failures) == 1
    assert all("cut off" in failure for failure in rest.failures)
    assert people(site) == {"P0001": State.CONFIRMED, "P0002": State.CONFIRMED}
