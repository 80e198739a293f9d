"""`reid-pipeline export` and `evaluate tracks` on a small tracks.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Invoke = Callable[..., Any]


def _tracklet(camera: str, track_id: int, identity: str | None, x: float) -> dict[str, Any]:
    frames = [
        {"frame": frame, "time": frame / 10, "bbox": [x + frame, 50.0, 40.0, 100.0], "score": 0.9} for frame in range(5)
    ]
    return {
        "id": f"{camera}:{track_id}",
        "camera": camera,
        "track_id": track_id,
        "identity": identity,
        "start": 0.0,
        "end": 0.4,
        "score": 0.8,
        "margin": 0.2,
        "frames": frames,
    }


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run: one person in two cameras, and somebody without an identity."""
    model = {"name": "recorded", "sha256": ""}
    cameras = [
        {"id": name, "width": 640, "height": 360, "fps": 10.0, "frames": 5, "dropped": 0}
        for name in ("lobby", "street")
    ]
    document = {
        "schema": "reid-pipeline/tracks",
        "schema_version": 1,
        "run": {
            "id": "r",
            "config_sha256": "0" * 64,
            "software": "reid-pipeline 0.1.0",
            "models": {"detector": model, "encoder": model},
            "mode": "replay",
            "deterministic": True,
            "epoch": None,
        },
        "cameras": cameras,
        "identities": [
            {
                "id": "P0001",
                "state": "confirmed",
                "cameras": ["lobby", "street"],
                "first_seen": 0.0,
                "last_seen": 0.4,
                "tracklets": ["lobby:1", "street:1"],
            }
        ],
        "tracklets": [
            _tracklet("lobby", 1, "P0001", 10.0),
            _tracklet("lobby", 2, None, 300.0),
            _tracklet("street", 1, "P0001", 200.0),
        ],
        "links": [],
        "events": [],
    }
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "tracks.json").write_text(json.dumps(document))
    return folder


@pytest.fixture
def truth(tmp_path: Path) -> list[str]:
    """The options that name the true boxes of the one person, exactly where they were found."""
    options = []
    for camera, x in (("lobby", 10), ("street", 200)):
        path = tmp_path / f"gt_{camera}.txt"
        path.write_text("".join(f"{frame + 1},7,{x + frame},50,40,100,1,1,1\n" for frame in range(5)))
        options += ["--truth", f"{camera}={path}"]
    return options


def test_export_to_stdout(invoke: Invoke, run: Path) -> None:
    outcome = invoke("export", run, "--format", "csv")
    assert outcome.status == 0
    assert outcome.out.startswith("camera,frame,time,track_id,identity,")
    assert len(outcome.out.splitlines()) == 1 + 15


def test_export_of_a_named_file_to_a_file(invoke: Invoke, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run)
    outcome = invoke("export", run / "tracks.json", "--format", "aicity", "--output", "aicity.txt")
    assert (outcome.status, outcome.out) == (0, "aicity.txt\n")
    assert "1 tracklet without an identity left out" in outcome.err
    assert len((run / "aicity.txt").read_text().splitlines()) == 10


def test_export_to_a_folder(invoke: Invoke, run: Path, tmp_path: Path) -> None:
    outcome = invoke("export", run, "--format", "mot", "--output", tmp_path / "mot", "--json")
    found = json.loads(outcome.out)
    assert found["files"] == [f"{tmp_path}/mot/lobby.txt", f"{tmp_path}/mot/street.txt"]
    assert (found["format"], found["boxes"], found["left_out"]) == ("mot", 10, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "mot"], "error: --format mot: writes a folder of files; name it with --output DIR"),
        (["--format", "xml"], "error: --format: expected one of json, "),
        (["--format", "csv", "--json"], "error: --json: describes the files written, so it needs --output"),
    ],
)
def test_export_asked_for_wrongly(invoke: Invoke, run: Path, arguments: list[str], message: str) -> None:
    outcome = invoke("export", run, *arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(message)


def test_export_of_nothing(invoke: Invoke, tmp_path: Path) -> None:
    outcome = invoke("export", tmp_path, "--format", "csv")
    assert (outcome.status, outcome.out) == (1, "")
    assert f"{tmp_path}/tracks.json" in outcome.err
    assert outcome.err.count("\n") == 1


def test_evaluate_prints_a_table(invoke: Invoke, run: Path, truth: list[str]) -> None:
    outcome = invoke("evaluate", "tracks", run / "tracks.json", *truth, "--oracle")
    assert outcome.status == 0
    assert "IDF1" in outcome.out.splitlines()[0]
    assert "all cameras" in outcome.out
    assert "ceiling" in outcome.out


def test_evaluate_as_json(invoke: Invoke, run: Path, truth: list[str]) -> None:
    found = json.loads(invoke("evaluate", "tracks", run / "tracks.json", *truth, "--json").out)
    assert found["pooled"]["idf1"] == pytest.approx(1.0)
    assert found["pooled"]["mcta"] == pytest.approx(1.0)
    assert found["cameras_without_truth"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--truth", "lobby"], "error: --truth: expected CAMERA=FILE, got 'lobby'"),
        (["--truth", "=x.txt"], "error: --truth: expected CAMERA=FILE, got '=x.txt'"),
        (["--truth", "lobby=a", "--truth", "lobby=b"], "error: --truth: camera lobby is given twice; keep one"),
        (["--truth", "loby=a.txt"], "error: --truth loby=a.txt: "),
        ([], "error: Missing option '--truth'"),
    ],
)
def test_evaluate_asked_for_wrongly(invoke: Invoke, run: Path, options: list[str], message: str) -> None:
    outcome = invoke("evaluate", "tracks", run / "tracks.json", *options)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(message)


def test_evaluate_against_a_missing_file(invoke: Invoke, run: Path, tmp_path: Path) -> None:
    outcome = invoke("evaluate", "tracks", run / "tracks.json", "--truth", f"lobby={tmp_path}/none.txt")
    assert outcome.status == 1
    assert "none.txt" in outcome.err
