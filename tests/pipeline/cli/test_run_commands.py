"""`reid-pipeline run` and `replay` on two tiny cameras: folders of pictures, with recorded boxes for a detector."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from small_nets import means_net

Invoke = Callable[..., Any]

FRAMES = 30
CONFIG = """\
cameras:
  lobby: {source: lobby, fps: 10}
  street: {source: street, fps: 10}
detector: {model: recorded, detections: {lobby: lobby.txt, street: street.txt}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with cameras.yaml, and one person who walks through the pictures of both cameras."""
    rng = np.random.default_rng(0)
    look = rng.integers(0, 255, (120, 48, 3), np.uint8)
    for camera in ("lobby", "street"):
        (tmp_path / camera).mkdir()
        rows = []
        for frame in range(FRAMES):
            picture = np.full((180, 320, 3), 90, np.uint8)
            x = 20 + 5 * frame
            picture[40:160, x : x + 48] = look
            cv2.imwrite(str(tmp_path / camera / f"{frame:03}.png"), picture)
            rows.append(f"{frame + 1},-1,{x},40,48,120,0.9\n")
        (tmp_path / f"{camera}.txt").write_text("".join(rows))
    (tmp_path / "cameras.yaml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize("command", ["run", "replay"])
def test_it_says_what_it_found_and_where(
    invoke: Invoke, site: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site)
    outcome = invoke(command, "cameras.yaml")
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert " in 2 cameras: 2 tracklets, " in lines[0]
    assert lines[1].startswith(f"{2 * FRAMES} frames in ")
    assert "frames per second" in lines[1]
    shown = dict(line.split() for line in lines[2:])
    assert "out/tracks.json" in shown.values()
    for path in shown.values():
        assert (site / path).exists()


@pytest.mark.parametrize("command", ["run", "replay"])
def test_as_json_into_another_folder(invoke: Invoke, site: Path, command: str) -> None:
    outcome = invoke(command, site / "cameras.yaml", "--output", site / "elsewhere", "--json")
    assert outcome.status == 0, outcome.err
    found = json.loads(outcome.out)
    assert (found["frames"], found["cameras"], found["failures"]) == (2 * FRAMES, 2, [])
    assert json.loads((site / "elsewhere" / "tracks.json").read_text())["schema_version"] == 1
    assert not (site / "out").exists()


def test_a_limit_ends_every_camera(invoke: Invoke, site: Path) -> None:
    found = json.loads(invoke("replay", site / "cameras.yaml", "--limit", "1", "--json").out)
    assert found["frames"] == 20


def test_a_journal_replays_without_pictures(invoke: Invoke, site: Path) -> None:
    first = invoke("run", site / "cameras.yaml", "--output", site / "a", "--journal", site / "run.journal")
    assert first.status == 0, first.err
    for camera in ("lobby", "street"):
        for picture in (site / camera).iterdir():
            picture.unlink()
    again = invoke("replay", site / "cameras.yaml", "--output", site / "b", "--journal", site / "run.journal", "--json")
    assert again.status == 0, again.err
    assert json.loads(again.out)["frames"] == 2 * FRAMES


def test_a_lost_camera_costs_the_exit_status_and_nothing_else(invoke: Invoke, site: Path) -> None:
    (site / "cameras.yaml").write_text(CONFIG.replace("source: street", "source: nowhere.mp4"))
    outcome = invoke("replay", site / "cameras.yaml", "--json")
    assert outcome.status == 1
    assert json.loads(outcome.out)["frames"] == FRAMES
    (line,) = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert "nowhere.mp4" in line
    tracks = json.loads((site / "out" / "tracks.json").read_text())
    assert {tracklet["camera"] for tracklet in tracks["tracklets"]} == {"lobby"}


def _refuse_output(site: Path) -> list[str]:
    (site / "file").touch()
    return ["--output", str(site / "file")]


def _corrupt_gallery(site: Path) -> list[str]:
    (site / "out").mkdir()
    (site / "out" / "gallery.db").write_bytes(b"this is not a gallery" * 500)
    return []


def _wrong_model(site: Path) -> list[str]:
    (site / "person-reidentification-retail-0287.xml").write_bytes(b"this is not a network")
    (site / "person-reidentification-retail-0287.bin").write_bytes(b"nor are these weights")
    (site / "cameras.yaml").write_text(CONFIG + "encoder: {model: ./person-reidentification-retail-0287.xml}\n")
    return []


def _model_without_spec(site: Path) -> list[str]:
    means_net(site / "model.onnx")
    (site / "cameras.yaml").write_text(CONFIG + "encoder: {model: model.onnx}\n")
    return []


def _broken_boxes(site: Path) -> list[str]:
    (site / "lobby.txt").write_text("1,-1,20,40,48\n")
    # Of a network it would be said first what executes it.
    (site / "cameras.yaml").write_text(CONFIG + "encoder: {model: color-stripes}\n")
    return []


def _unknown_model(site: Path) -> list[str]:
    (site / "cameras.yaml").write_text(CONFIG + "encoder: {model: colour-stripes}\n")
    return []


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (_refuse_output, 1),
        (_corrupt_gallery, 1),
        (_wrong_model, 1),
        (_broken_boxes, 1),
        (_unknown_model, 2),
        (_model_without_spec, 2),
    ],
)
@pytest.mark.parametrize("command", ["run", "replay"])
def test_what_makes_a_run_impossible_is_one_line(
    invoke: Invoke, site: Path, command: str, spoil: Callable[[Path], list[str]], status: int
) -> None:
    outcome = invoke(command, site / "cameras.yaml", *spoil(site))
    assert (outcome.status, outcome.out) == (status, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith("error: ")
    assert "unexpected" not in line


def test_an_interrupt_stops_cleanly_with_everything_written(site: Path) -> None:
    with _running(site, "--realtime", "--json") as process:
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    found = json.loads(out)
    assert found["stopped"] is True
    assert 0 < found["frames"] < 2 * FRAMES
    assert "stopping; " in err
    assert err.endswith("stopped early; everything up to there is written\n")
    assert json.loads((site / "out" / "tracks.json").read_text())["schema_version"] == 1


def test_a_termination_stops_cleanly_too(site: Path) -> None:
    with _running(site, "--realtime") as process:
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert (site / "out" / "tracks.json").exists()


@contextmanager
def _running(site: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The program in a process of its own, given back once the run is under way."""
    command = [sys.executable, "-m", "reid_pipeline.cli", "run", "cameras.yaml", *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=site, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            deadline = time.monotonic() + 30
            while not (site / "out" / "run.json").exists():
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            process.kill()
