from __future__ import annotations

import numpy as np
import pytest

from reid_tools.evaluate.clear import clear_scores, match_steps
from reid_tools.evaluate.mcta import MctaScores, mcta_scores
from reid_tools.evaluate.sequence import Sequence, Step

Seen = tuple[int, int, dict[int, int | None]]
"""Time, camera, and the predicted id of each labelled person (None: missed)."""


def score(seen: list[Seen], *, invented: int = 0) -> MctaScores:
    steps = []
    for _, _, people in seen:
        truth = np.array(list(people), np.int64)
        found = [(row, name) for row, name in enumerate(people.values()) if name is not None]
        similarity = np.zeros((len(truth), len(found)))
        for column, (row, _) in enumerate(found):
            similarity[row, column] = 1.0
        steps.append(Step(truth, np.array([name for _, name in found], np.int64), similarity))
    steps.append(Step(np.zeros(0, np.int64), np.arange(900, 900 + invented), np.zeros((0, invented))))
    sequence = Sequence.of(steps)
    matched = match_steps(sequence, threshold=0.5)
    return mcta_scores(
        sequence,
        matched,
        clear_scores(sequence, matched),
        cameras=np.array([*(camera for _, camera, _ in seen), 0]),
        times=np.array([*(time for time, _, _ in seen), 99]),
    )


def walk(names: list[int | None], *, camera: int, start: int, person: int = 0) -> list[Seen]:
    return [(start + n, camera, {person: name}) for n, name in enumerate(names)]


def test_a_person_who_keeps_one_id_everywhere_is_perfect() -> None:
    scores = score([*walk([1, 1, 1], camera=0, start=0), *walk([1, 1], camera=1, start=5)])
    assert (scores.matches_within, scores.matches_across) == (3, 2)
    assert scores.mcta == 1.0


def test_a_switch_within_a_camera_and_one_across_are_told_apart() -> None:
    scores = score([*walk([1, 2, 2], camera=0, start=0), *walk([3, 3], camera=1, start=5)])
    assert (scores.mismatches_within, scores.matches_within) == (1, 3)
    assert (scores.mismatches_across, scores.matches_across) == (1, 2)
    assert scores.mcta == pytest.approx((1 - 1 / 3) * (1 - 1 / 2))


def test_cameras_are_compared_in_the_order_of_time_not_of_the_sequence() -> None:
    there_and_back = [*walk([1, 1], camera=0, start=0), *walk([1, 1], camera=0, start=8)]
    scores = score([*there_and_back, *walk([2, 2], camera=1, start=4)])
    assert (scores.mismatches_across, scores.matches_across) == (2, 3)
    assert scores.mismatches_within == 0


def test_overlapping_cameras_are_two_stays_side_by_side() -> None:
    scores = score([*walk([1, 1, 1, 1], camera=0, start=0), *walk([1, None, 1, 2], camera=1, start=0)])
    assert (scores.matches_across, scores.mismatches_across) == (2, 0)
    assert (scores.matches_within, scores.mismatches_within) == (5, 1)


def test_a_newcomer_under_somebody_elses_id_is_a_mismatch() -> None:
    scores = score([*walk([1, 1], camera=0, start=0), *walk([1, 1], camera=0, start=5, person=1)])
    assert (scores.mismatches_across, scores.matches_across) == (1, 2)


def test_misses_and_inventions_lower_the_detection_factor_alone() -> None:
    scores = score(walk([1, None, 1, None], camera=0, start=0), invented=1)
    assert scores.detection_f1 == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))
    assert scores.mcta == scores.detection_f1


def test_nobody_there_and_nobody_found_is_zero() -> None:
    assert score([]).mcta == 0.0
