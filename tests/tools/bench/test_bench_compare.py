from __future__ import annotations

import json
from pathlib import Path

import pytest

from reid_pipeline.errors import ConfigError
from reid_tools.bench.compare import Comparison, Peer, alternate, compare
from reid_tools.bench.workload import Pass, Workload

FAST = tuple(Pass(300, seconds, 4, {"detect": 2.0, "decode": 0.5}) for seconds in (5.0, 6.0, 3.0))
SLOW = tuple(Pass(298, seconds, 9) for seconds in (14.9, 9.0, 20.0))


def script(path: Path, line: str) -> str:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_ratio_is_median_against_median() -> None:
    comparison = Comparison(FAST, SLOW, cores=2)
    assert comparison.ratio == pytest.approx(60 / 20)
    values = json.loads(json.dumps(comparison.to_dict()))
    assert values["ours"]["fps"] == pytest.approx(60)
    assert values["theirs"]["rounds_fps"] == pytest.approx([20, 298 / 9, 14.9])
    assert values["ours"]["stages"] == {"detect": 2.0, "decode": 0.5}


def test_table_shows_both_sides_and_where_the_time_went() -> None:
    text = Comparison(FAST, SLOW, cores=2).table()
    assert "60.0 50.0 100.0" in text
    assert "3.00 times as fast as ultralytics on 2 cores." in text
    assert text.index("detect") < text.index("decode")
    assert "40.0 %" in text


def test_table_without_the_peer_says_how_to_install_it() -> None:
    comparison = Comparison(FAST, (), cores=2)
    assert comparison.ratio is None
    assert comparison.to_dict()["theirs"] is None
    assert "pip install ultralytics lap" in comparison.table()


def test_sides_take_turns() -> None:
    order: list[str] = []

    def run_as(name: str) -> Pass:
        order.append(name)
        return FAST[0]

    notes: list[str] = []
    runs = {"a": lambda _: run_as("a"), "b": lambda _: run_as("b")}
    passes = alternate(runs, Workload(()), rounds=2, note=notes.append)
    assert order == ["a", "b", "a", "b"]
    assert {name: len(done) for name, done in passes.items()} == {"a": 2, "b": 2}
    assert notes[1] == "round 1 of 2: b: 60.0 frames per second"


def test_a_peer_in_another_environment_is_asked_there(tmp_path: Path) -> None:
    assert Peer(python=script(tmp_path / "has", "exit 0")).installed()
    assert not Peer(python=script(tmp_path / "lacks", "exit 1")).installed()
    with pytest.raises(ConfigError, match="nowhere: expected a Python interpreter: No such file"):
        Peer(python=str(tmp_path / "nowhere")).installed()


def test_a_peer_gets_the_clips_and_gives_a_pass(tmp_path: Path) -> None:
    answer = json.dumps({"frames": 9, "seconds": 3.0, "people": 1, "stages": {}})
    python = script(tmp_path / "python", f"echo \"$2\" > {tmp_path / 'request.json'}; echo '{answer}'")
    found = Peer("net.pt", "auto", python).run(Workload((Path("a.mp4"), Path("b.mp4")), limit_s=4.0))
    assert found.fps == 3.0
    request = json.loads((tmp_path / "request.json").read_text(encoding="utf-8"))
    assert request == {"clips": ["a.mp4", "b.mp4"], "model": "net.pt", "reid": "auto", "limit_s": 4.0}


def test_arguments_are_checked_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rounds: expected at least 1, got 0"):
        compare(Workload((tmp_path,)), Peer(), rounds=0)
    with pytest.raises(ConfigError, match="expected a video file"):
        compare(Workload((tmp_path / "gone.mp4",)), Peer())
