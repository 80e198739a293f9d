"""From a journal of cameras whose clocks disagree to the line that says so, and to what makes it go away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from made_up_site import DIM
from reid_pipeline.cli import main
from reid_pipeline.records.document import ModelRecord
from reid_pipeline.records.journal import JournalCamera, JournalHeader, JournalWriter
from strolls import Place, Stroll, steps, topology

CLOCKS_S = {"left": 0.0, "right": 1.6}
WAYS: tuple[tuple[Place, ...], ...] = (
    ((0.0, 1.0), (6.0, 1.0), (6.0, 6.0), (1.0, 7.0)),
    ((5.0, 0.0), (5.0, 6.0), (0.0, 6.0)),
    ((1.0, 7.0), (1.0, 1.0), (6.0, 5.0)),
)
STROLLS = [Stroll(n, 2.0 + 7.0 * n, WAYS[n % 3] if n % 2 else WAYS[n % 3][::-1]) for n in range(8)]


def site(folder: Path, **offset_s: float) -> Path:
    """The configuration of the hall beside the journal of its cameras."""
    floor = topology(calibrated=True).floor
    cameras: dict[str, dict[str, object]] = {
        name: {"source": f"{name}.mp4", "homography": [list(row) for row in floor[name].rows], "overlaps": [other]}
        for name, other in (("left", "right"), ("right", "left"))
    }
    for name, ahead_s in offset_s.items():
        cameras[name]["offset_s"] = ahead_s
    config = folder / "cameras.yaml"
    config.write_text(yaml.safe_dump({"cameras": cameras}))
    return config


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journal") / "run.journal"
    cameras = tuple(JournalCamera(name, 1280, 720, 10.0) for name in CLOCKS_S)
    model = ModelRecord("made-up", "")
    with JournalWriter(path, JournalHeader(cameras, model, model, DIM, 0.5)) as written:
        for step in steps(STROLLS, CLOCKS_S):
            written.write(step)
        written.close({})
    return path


def replayed(config: Path, journal: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["replay", str(config), "--journal", str(journal), "--output", str(config.parent / "out")]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_run_says_whose_clock_is_wrong_and_what_to_set(
    tmp_path: Path, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = [line for line in replayed(site(tmp_path), journal, capsys) if "offset_s" in line]
    assert line.startswith("camera right is about 1.6 s ahead of left (")
    assert line.endswith("set `offset_s: 1.6` for it")
    (clock,) = json.loads((tmp_path / "out" / "run.json").read_text())["clocks"]
    assert (clock["camera"], clock["reference"]) == ("right", "left")
    assert clock["offset_s"] == pytest.approx(1.6, abs=0.05)
    assert clock["tracks"] >= 6


def test_a_clock_that_is_set_is_not_mentioned(
    tmp_path: Path, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = replayed(site(tmp_path, right=1.6), journal, capsys)
    assert not [line for line in lines if "offset_s" in line]
    assert json.loads((tmp_path / "out" / "run.json").read_text())["clocks"] == []


def test_a_clock_that_is_set_wrongly_is(tmp_path: Path, journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = [line for line in replayed(site(tmp_path, right=2.6), journal, capsys) if "offset_s" in line]
    assert line.startswith("camera right is about 1.0 s behind left besides what is set (")
    assert line.endswith("set `offset_s: 1.6` for it")


def test_results_keep_the_times_of_the_cameras_clocks(
    tmp_path: Path, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replayed(site(tmp_path), journal, capsys)
    tracklets = json.loads((tmp_path / "out" / "tracks.json").read_text())["tracklets"]
    starts = {tracklet["id"]: tracklet["start"] for tracklet in tracklets}
    assert starts["right:1"] - starts["left:1"] == pytest.approx(1.6, abs=0.01)
    identity = {tracklet["id"]: tracklet["identity"] for tracklet in tracklets}
    assert [identity[f"left:{n + 1}"] for n in range(8)] == [identity[f"right:{n + 1}"] for n in range(8)]
