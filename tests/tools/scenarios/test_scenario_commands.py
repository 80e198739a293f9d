"""The commands: worlds as files that the pipeline takes as its own, scores of them, and a day in short."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reid_pipeline.cli import main as pipeline
from reid_pipeline.config.loader import load_config
from reid_tools.scenarios import __main__ as command
from reid_tools.scenarios import catalogue, soak
from reid_tools.scenarios.layout import Crowd, Scene
from reid_tools.scenarios.scoring import ClockScore
from reid_tools.scenarios.sites import corridor, square
from reid_tools.scenarios.world import make_world
from reid_tools.scenarios.writing import cameras_yaml, write_world


def small(scene: Scene) -> Scene:
    return replace(scene, length_s=15.0, crowds=(Crowd(people=5, first_s=-20.0, last_s=0.0),))


def small_corridor() -> Scene:
    """A few people, for a moment."""
    return small(corridor())


def small_return() -> Scene:
    """The same people twice."""
    crowd = Crowd(people=4, first_s=0.0, last_s=5.0, stops=(0, 0), visits=(2, 2), away_s=(200.0, 205.0))
    return replace(corridor(), name="return", crowds=(crowd,), length_s=330.0, paused_s=(40.0, 290.0))


def small_clocks() -> Scene:
    """A dozen people whom cameras see at once by clocks that disagree."""
    crowd = Crowd(people=12, first_s=-10.0, last_s=20.0, stops=(0, 1), wait_s=4.0)
    return replace(square(), name="clocks", crowds=(crowd,), length_s=40.0, clock_spread_s=2.0)


@pytest.fixture
def small_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SCENES", {"corridor": small_corridor, "return": small_return})


def test_a_world_is_replayed_and_evaluated_like_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = write_world(make_world(small(square()), seed=0, tuning=True), tmp_path / "world")
    out = tmp_path / "out"
    assert pipeline(["replay", str(files.config), "--journal", str(files.journals[0]), "--output", str(out)]) == 0
    capsys.readouterr()
    truth = [f"{camera}={path}" for camera, path in files.truths[0].items()]
    assert pipeline(["evaluate", "tracks", str(out / "tracks.json"), "--oracle", "--json", "--truth", *truth]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pooled"]["recall"] > 0.7
    assert found["pooled"]["precision"] > 0.9
    assert found["ceiling"]["pooled"]["idf1"] >= found["pooled"]["idf1"] - 0.01


def test_the_same_world_is_written_with_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_world(make_world(small(corridor()), seed=2, tuning=False), tmp_path / name)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize("name", catalogue.SCENES)
def test_the_configuration_of_every_scene_is_accepted(tmp_path: Path, name: str) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(cameras_yaml(catalogue.SCENES[name]()), encoding="utf-8")
    load_config(path)


def test_a_scene_is_written_by_name(small_scenes: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["return", "--output", str(tmp_path / "w"), "--seed", "1", "--tuning"]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "w" / f"run-{n}.journal") for n in (1, 2)]
    facts = json.loads((tmp_path / "w" / "truth.json").read_text(encoding="ascii"))
    assert (facts["scene"], facts["seed"], facts["tuning"], facts["people"]) == ("return", 1, True, 4)
    assert "gallery.db" in (tmp_path / "w" / "cameras.yaml").read_text(encoding="utf-8")


def test_scores_come_as_a_table_and_worlds_are_kept(
    small_scenes: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["score", "--worlds", str(tmp_path), "--tuning"]
    assert command.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["scene", "corridor", "return", "return:"]
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.journal")}
    assert {path.parent.name.rpartition("-")[0] for path in kept} == {"corridor-0", "return-0"}
    assert command.main([*words, "return", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert 0.0 < found["idf1"] <= 1.0
    assert found["returns"]["seen"] >= found["returns"]["kept"]
    assert kept == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.journal")}


def test_scores_of_wrong_clocks_say_what_is_true_and_what_was_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "SCENES", {"clocks": small_clocks})
    assert command.main(["score", "--worlds", str(tmp_path), "--tuning", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    sure = [clock for clock in found["clocks"] if clock["sure"]]
    assert sure
    for clock in sure:
        assert clock["found_s"] == pytest.approx(clock["true_s"], abs=0.2)
    told = ClockScore(**sure[0]).line()
    assert told.startswith(f"{sure[0]['camera']} is {sure[0]['true_s']:+.2f} s ahead of {sure[0]['reference']}, found ")
    assert "not sure" not in told


def test_likeness_is_measured_on_any_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = write_world(make_world(small(square()), seed=0, tuning=True), tmp_path)
    truth = [f"{camera}={path}" for camera, path in files.truths[0].items()]
    assert command.main(["measure", str(files.journals[0]), *truth]) == 0
    assert "one person, other camera" in capsys.readouterr().out


def test_a_short_day_tells_every_hour(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(soak, "HOUR_S", 5.0)
    monkeypatch.setattr(soak, "day", lambda: replace(small_corridor(), fps=2.0))
    assert command.main(["soak", "--hours", "3", "--retention", "72h", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [hour["number"] for hour in found["hours"]] == [1, 2, 3]
    assert found["memory_drift"] is not None


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["score", "nowhere", "--worlds", "w"], 1, "there is no scene nowhere; scenes are"),
        (["corridor", "--output", "w", "--seed", "x"], 2, "expected a whole number from 0, got x"),
        (["measure", "j", "lobby"], 2, "expected CAMERA=FILE, got lobby"),
        (["measure", "j", "lobby=gt.txt"], 1, "gt.txt: cannot read the truth file"),
    ],
)
def test_wrong_use_is_one_line(
    words: list[str],
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if status == 2:
        with pytest.raises(SystemExit) as end:
            command.main(words)
        assert end.value.code == status
    else:
        assert command.main(words) == status
    assert said in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way", encoding="ascii")
    assert command.main(["corridor", "--output", str(tmp_path / "file")]) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err
