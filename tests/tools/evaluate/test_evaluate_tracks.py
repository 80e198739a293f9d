from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reid_pipeline.errors import ConfigError, RecordError
from reid_tools.evaluate.tracks import evaluate_tracks

FOOTAGE = Path(__file__).parents[3].parent / "shared" / "assets" / "footage"

Boxes = dict[int, float]
"""Where a box of 40 x 100 px starts, by frame from 0."""


@dataclass(slots=True)
class Run:
    """A run's tracks.json in the making, and the truth beside it."""

    folder: Path
    cameras: tuple[str, ...] = ("lobby", "street")
    tracklets: list[dict[str, Any]] = field(default_factory=list)
    truth: dict[str, list[str]] = field(default_factory=dict)

    def track(self, camera: str, identity: str | None, boxes: Boxes) -> None:
        track_id = len(self.tracklets) + 1
        frames = [
            {"frame": frame, "time": frame / 10, "bbox": [x, 0.0, 40.0, 100.0], "score": 0.9}
            for frame, x in boxes.items()
        ]
        self.tracklets.append(
            {
                "id": f"{camera}:{track_id}",
                "camera": camera,
                "track_id": track_id,
                "identity": identity,
                "start": frames[0]["time"],
                "end": frames[-1]["time"],
                "score": 0.8 if identity else 0.0,
                "margin": 0.1 if identity else 0.0,
                "frames": frames,
            }
        )

    def person(self, camera: str, person: int, boxes: Boxes) -> None:
        rows = self.truth.setdefault(camera, [])
        rows += [f"{frame + 1},{person},{x},0,40,100,1,1,1" for frame, x in boxes.items()]

    def identities(self) -> list[dict[str, Any]]:
        records = []
        for name in sorted({tracklet["identity"] for tracklet in self.tracklets} - {None}):
            own = [tracklet for tracklet in self.tracklets if tracklet["identity"] == name]
            records.append(
                {
                    "id": name,
                    "state": "confirmed",
                    "cameras": sorted({tracklet["camera"] for tracklet in own}),
                    "first_seen": min(tracklet["start"] for tracklet in own),
                    "last_seen": max(tracklet["end"] for tracklet in own),
                    "tracklets": [tracklet["id"] for tracklet in own],
                }
            )
        return records

    def write(self) -> tuple[Path, Mapping[str, Path]]:
        model = {"name": "m", "sha256": "0" * 64}
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
            "cameras": [
                {"id": name, "width": 640, "height": 360, "fps": 10.0, "frames": 40, "dropped": 0}
                for name in self.cameras
            ],
            "identities": self.identities(),
            "tracklets": self.tracklets,
            "links": [],
            "events": [],
        }
        tracks = self.folder / "tracks.json"
        tracks.write_text(json.dumps(document), encoding="utf-8")
        files = {camera: self.folder / f"gt_{camera}.txt" for camera in self.truth}
        for camera, path in files.items():
            path.write_text("\n".join(self.truth[camera]), encoding="utf-8")
        return tracks, files


def still(x: float, first: int, last: int) -> Boxes:
    return dict.fromkeys(range(first, last + 1), x)


@pytest.fixture
def split_run(tmp_path: Path) -> Run:
    """One person stands in the lobby, then in the street, where the run takes them for somebody new."""
    run = Run(tmp_path)
    run.person("lobby", 41, still(10, 0, 9))
    run.person("street", 41, still(50, 20, 29))
    run.track("lobby", "P0001", still(10, 0, 9))
    run.track("street", "P0002", still(50, 20, 29))
    return run


def test_one_wrong_identity_costs_half_of_the_pooled_score(split_run: Run) -> None:
    result = evaluate_tracks(*split_run.write(), oracle=True)
    assert {name: scores.identity.idf1 for name, scores in result.scores.cameras.items()} == {"lobby": 1, "street": 1}
    assert result.scores.pooled.identity.idf1 == 0.5
    assert result.scores.single_camera_idf1 == 1.0
    assert result.scores.association_price == 0.5
    assert result.scores.pooled.clear.id_switches == 1
    assert result.scores.pooled.hota.det_a == 1.0
    assert result.scores.mcta.mcta == 0.5
    assert result.ceiling is not None
    assert result.ceiling.pooled.identity.idf1 == 1.0
    assert (result.scores.pooled.true_people, result.scores.pooled.found_people) == (1, 2)


def test_table_shows_cameras_pool_and_ceiling(split_run: Run) -> None:
    lines = evaluate_tracks(*split_run.write(), oracle=True).table().splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["lobby", "street", "all", "ceiling"]
    assert lines[3].split()[2] == "50.0"
    assert len({len(line) for line in lines[:5]}) == 1
    assert "costs 50.0 points" in lines[6]
    assert "50.0 % of the ceiling" in lines[7]


def test_result_is_plain_json(split_run: Run) -> None:
    values = json.loads(json.dumps(evaluate_tracks(*split_run.write()).to_dict()))
    assert values["pooled"]["idf1"] == 0.5
    assert values["pooled"]["mcta"] == 0.5
    assert values["cameras"]["lobby"]["hota"] == pytest.approx(1.0)
    assert values["ceiling"] is None


def test_tracklets_without_identity_are_left_out_and_counted(split_run: Run) -> None:
    split_run.track("lobby", None, still(300, 0, 4))
    result = evaluate_tracks(*split_run.write())
    assert result.scores.pooled.clear.false_positives == 0
    assert result.unidentified == 1
    assert "without an identity, not scored: 1" in result.table()


def test_one_identity_on_two_people_at_once_is_one_person_found(split_run: Run) -> None:
    split_run.person("lobby", 42, still(300, 0, 9))
    split_run.track("lobby", "P0001", still(300, 0, 9))
    lobby = evaluate_tracks(*split_run.write()).scores.cameras["lobby"]
    assert (lobby.true_people, lobby.found_people) == (2, 1)
    assert lobby.identity.idf1 == pytest.approx(11 / 20)
    assert lobby.clear.recall == 1.0


def test_strangers_cost_only_while_truth_names_everybody(split_run: Run) -> None:
    split_run.track("lobby", "P0003", still(300, 0, 9))
    tracks, truth = split_run.write()
    assert evaluate_tracks(tracks, truth).scores.pooled.clear.false_positives == 10
    assert evaluate_tracks(tracks, truth, ignore_unlabelled=True).scores.pooled.clear.false_positives == 0


def test_stricter_overlap_finds_less(split_run: Run) -> None:
    split_run.person("lobby", 42, still(200, 0, 9))
    split_run.track("lobby", "P0003", still(210, 0, 9))
    tracks, truth = split_run.write()
    assert evaluate_tracks(tracks, truth).scores.cameras["lobby"].clear.recall == 1.0
    assert evaluate_tracks(tracks, truth, iou=0.7).scores.cameras["lobby"].clear.recall == 0.5


def test_cameras_without_truth_are_named(split_run: Run) -> None:
    tracks, truth = split_run.write()
    result = evaluate_tracks(tracks, {"lobby": truth["lobby"]})
    assert result.unscored == ("street",)
    assert result.scores.pooled.identity.idf1 == 1.0


def test_a_run_that_found_nobody_scores_zero(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.person("lobby", 1, still(0, 0, 3))
    run.person("street", 1, {})
    result = evaluate_tracks(*run.write(), oracle=True)
    assert result.scores.pooled.identity.idf1 == result.scores.mcta.mcta == 0.0
    assert "ceiling" in result.table()


def test_unknown_camera_gets_the_nearest_name(split_run: Run) -> None:
    tracks, truth = split_run.write()
    with pytest.raises(ConfigError, match=r"--truth loby=.* has no camera 'loby'; did you mean lobby\?"):
        evaluate_tracks(tracks, {"loby": truth["lobby"]})
    with pytest.raises(ConfigError, match="its cameras are lobby, street"):
        evaluate_tracks(tracks, {"x": truth["lobby"]})


def test_arguments_are_checked(split_run: Run) -> None:
    tracks, truth = split_run.write()
    with pytest.raises(ConfigError, match="--truth: expected CAMERA=FILE at least once"):
        evaluate_tracks(tracks, {})
    with pytest.raises(ConfigError, match="--iou: expected a number above 0 and at most 1, got 50"):
        evaluate_tracks(tracks, truth, iou=50)


def test_a_wrong_tracks_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "tracks.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(RecordError, match=r"tracks\.json"):
        evaluate_tracks(path, {"lobby": path})


def crowd(folder: Path, *, cameras: int, frames: int, people: int) -> Run:
    """People pass every camera, each seen in pieces of 200 frames."""
    random = np.random.default_rng(0)
    run = Run(folder, cameras=tuple(f"camera{n}" for n in range(cameras)))
    for camera in run.cameras:
        for person in range(people):
            path = {frame: float(60 * person + frame % 100) for frame in range(frames)}
            run.person(camera, person, path)
            for start in range(0, frames, 200):
                piece = {frame: path[frame] + float(random.normal(0, 4)) for frame in range(start, start + 200)}
                name = person if random.random() < 0.9 else int(random.integers(people))
                run.track(camera, f"P{name:04}", piece)
    return run


@pytest.mark.slow
def test_four_cameras_over_ten_thousand_frames_take_seconds(tmp_path: Path) -> None:
    tracks, truth = crowd(tmp_path, cameras=4, frames=10_000, people=10).write()
    began = time.process_time()
    evaluate_tracks(tracks, truth)
    assert time.process_time() - began < 20


@pytest.mark.skipif(not FOOTAGE.is_dir(), reason="needs the shared footage")
def test_real_truth_scored_against_itself_is_perfect(tmp_path: Path) -> None:
    truth = {f"cam{n}": FOOTAGE / "ufes" / f"gt_cam{n}.txt" for n in range(4)}
    run = Run(tmp_path, cameras=tuple(truth))
    for camera, path in truth.items():
        rows = [line.split(",") for line in path.read_text().splitlines() if not line.startswith("#")]
        for person in sorted({row[1] for row in rows}):
            run.track(camera, f"P{person}", {int(row[0]) - 1: 0.0 for row in rows if row[1] == person})
            boxes = [list(map(float, row[2:6])) for row in rows if row[1] == person]
            for frame, box in zip(run.tracklets[-1]["frames"], boxes, strict=True):
                frame["bbox"] = box
    tracks, _ = run.write()
    result = evaluate_tracks(tracks, truth, oracle=True)
    for scores in (result.scores, result.ceiling):
        assert scores is not None
        assert (scores.pooled.identity.idf1, scores.mcta.mcta) == (1.0, 1.0)
        assert scores.pooled.hota.hota == pytest.approx(1.0)
