"""Our metrics give the numbers of `trackeval` and `motmetrics` on the same sequences."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reid_tools.evaluate.align import AlignedFrame, CameraBoxes, align, as_sequence
from reid_tools.evaluate.clear import clear_scores, match_steps
from reid_tools.evaluate.hota import hota_scores
from reid_tools.evaluate.identity import identity_scores
from reid_tools.evaluate.sequence import Sequence
from reid_tools.evaluate.truth import CameraTruth, read_truth

FOOTAGE = Path(__file__).parents[3].parent / "shared" / "assets" / "footage"
CLIPS = {
    "pets": ("pets/gt_view001.txt", "pets/gt_view005_projected.txt"),
    "ufes": tuple(f"ufes/gt_cam{n}.txt" for n in range(4)),
}
TOLERANCE = 1e-6


def trackeval_scores(sequence: Sequence) -> dict[str, float]:
    from trackeval.metrics import HOTA, Identity

    data = {
        "num_timesteps": len(sequence.steps),
        "num_gt_ids": sequence.truth_ids,
        "num_tracker_ids": sequence.predicted_ids,
        "num_gt_dets": int(sequence.truth_boxes().sum()),
        "num_tracker_dets": int(sequence.predicted_boxes().sum()),
        "gt_ids": [step.truth for step in sequence],
        "tracker_ids": [step.predicted for step in sequence],
        "similarity_scores": [step.similarity for step in sequence],
    }
    hota = HOTA().eval_sequence(data)
    identity = Identity({"PRINT_CONFIG": False}).eval_sequence(data)
    return {
        **{name: float(np.mean(hota[name])) for name in ("HOTA", "DetA", "AssA", "LocA")},
        **{name: float(identity[name]) for name in ("IDF1", "IDP", "IDR")},
    }


def motmetrics_scores(sequence: Sequence) -> dict[str, float]:
    import motmetrics

    record = motmetrics.MOTAccumulator(auto_id=True)
    for step in sequence:
        distance = np.where(step.similarity >= 0.5, 1 - step.similarity, np.nan)
        record.update(step.truth, step.predicted, distance)
    names = ["idf1", "idp", "idr", "num_switches", "mota", "precision", "recall"]
    with warnings.catch_warnings():
        summary = motmetrics.metrics.create().compute(record, metrics=names)
    return {name: float(summary[name].iloc[0]) for name in names}


def check_against_yardsticks(sequence: Sequence) -> None:
    identity = identity_scores(sequence, threshold=0.5)
    clear = clear_scores(sequence, match_steps(sequence, threshold=0.5))
    hota = hota_scores(sequence)
    assert trackeval_scores(sequence) == pytest.approx(
        {
            "HOTA": hota.hota,
            "DetA": hota.det_a,
            "AssA": hota.ass_a,
            "LocA": hota.loc_a,
            "IDF1": identity.idf1,
            "IDP": identity.idp,
            "IDR": identity.idr,
        },
        abs=TOLERANCE,
    )
    assert motmetrics_scores(sequence) == pytest.approx(
        {
            "idf1": identity.idf1,
            "idp": identity.idp,
            "idr": identity.idr,
            "num_switches": clear.id_switches,
            "mota": clear.mota,
            "precision": clear.precision,
            "recall": clear.recall,
        },
        abs=TOLERANCE,
    )


def imperfect(truth: CameraTruth, *, seed: int, people: int) -> CameraBoxes:
    """The true boxes, shaken, thinned out, and with names that change now and then."""
    random = np.random.default_rng(seed)
    kept = random.random(len(truth.frame)) < 0.85
    xyxy = truth.xyxy[kept]
    size = xyxy[:, 2:] - xyxy[:, :2]
    shaken = xyxy + random.normal(0, 0.06, xyxy.shape) * np.concatenate([size, size], axis=1)
    person = truth.person[kept]
    renamed = truth.frame[kept] // 40 % 3 == person % 3
    tracklet = np.where(renamed, people + person, person) + seed % 2 * (truth.frame[kept] > 60) * 2 * people
    return CameraBoxes(truth.frame[kept], tracklet, shaken, random.random(len(person)))


def as_one(cameras: Iterator[tuple[AlignedFrame, ...]]) -> Iterator[AlignedFrame]:
    for frames in cameras:
        yield from frames


def test_metrics_agree_on_made_up_people(scene: Any) -> None:
    for frames in (*scene.aligned(), tuple(as_one(iter(scene.aligned())))):
        check_against_yardsticks(as_sequence(frames, scene.identity))


@pytest.mark.skipif(not FOOTAGE.is_dir(), reason="needs the shared footage")
@pytest.mark.parametrize("clip", sorted(CLIPS))
def test_metrics_agree_on_real_truth(clip: str) -> None:
    truths = [read_truth(FOOTAGE / name) for name in CLIPS[clip]]
    people = 1 + max(int(truth.person.max()) for truth in truths)
    cameras = [
        align(truth, imperfect(truth, seed=n, people=people), threshold=0.5, ignore_unlabelled=False)
        for n, truth in enumerate(truths)
    ]
    check_against_yardsticks(as_sequence(as_one(iter(cameras)), np.arange(4 * people)))


def test_metrics_agree_when_one_side_is_empty(scene: Any) -> None:
    frames = scene.aligned()[0]
    nobody_found = as_sequence(frames, np.full_like(scene.identity, -1))
    assert trackeval_scores(nobody_found)["IDF1"] == identity_scores(nobody_found, threshold=0.5).idf1 == 0
    check = clear_scores(nobody_found, match_steps(nobody_found, threshold=0.5))
    assert (check.true_positives, check.recall, check.mota) == (0, 0, 0)
    assert trackeval_scores(nobody_found)["HOTA"] == hota_scores(nobody_found).hota == 0
