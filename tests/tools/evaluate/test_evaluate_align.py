from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from reid_tools.evaluate.align import UNIDENTIFIED, AlignedFrame, CameraBoxes, align, as_sequence, iou
from reid_tools.evaluate.oracle import by_overlap, oracle_identities
from reid_tools.evaluate.truth import CameraTruth

Row = tuple[int, int, float]
"""Frame, person or tracklet, and where its box of 40 x 100 px starts."""


def boxes_at(rows: Sequence[Row]) -> np.ndarray:
    return np.array([(x, 0.0, x + 40, 100.0) for _, _, x in rows]).reshape(-1, 4)


def truth_of(rows: Sequence[Row], *, ignored: Sequence[bool] | None = None) -> CameraTruth:
    columns = np.array(rows, np.float64).reshape(-1, 3)
    return CameraTruth(
        columns[:, 0].astype(np.int64),
        columns[:, 1].astype(np.int64),
        boxes_at(rows),
        np.array(ignored if ignored is not None else [False] * len(rows), np.bool_),
    )


def boxes_of(rows: Sequence[Row], *, score: Sequence[float] | None = None) -> CameraBoxes:
    columns = np.array(rows, np.float64).reshape(-1, 3)
    return CameraBoxes(
        columns[:, 0].astype(np.int64),
        columns[:, 1].astype(np.int64),
        boxes_at(rows),
        np.array(score if score is not None else [0.9] * len(rows)),
    )


def aligned(truth: CameraTruth, boxes: CameraBoxes, *, ignore_unlabelled: bool = False) -> tuple[AlignedFrame, ...]:
    return align(truth, boxes, threshold=0.5, ignore_unlabelled=ignore_unlabelled)


def test_iou_of_every_pair() -> None:
    first = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10]])
    second = np.array([[0.0, 0, 10, 10], [100, 100, 110, 110], [3, 3, 3, 3]])
    np.testing.assert_allclose(iou(first, second), np.array([[1.0, 0, 0], [1 / 3, 0, 0]]))
    assert iou(first[:0], second).shape == (0, 3)


def test_frames_of_either_side_are_there_in_order() -> None:
    frames = aligned(truth_of([(4, 0, 0), (2, 0, 0)]), boxes_of([(3, 0, 0), (2, 0, 0)]))
    assert [(f.index, len(f.person), len(f.tracklet)) for f in frames] == [(2, 1, 1), (3, 0, 1), (4, 1, 0)]
    assert frames[0].overlap.tolist() == [[1.0]]


def test_ignored_truth_takes_the_box_that_matches_it_along() -> None:
    truth = truth_of([(0, 0, 0), (0, 1, 200)], ignored=[False, True])
    (frame,) = aligned(truth, boxes_of([(0, 0, 1), (0, 1, 203), (0, 2, 400)]))
    assert frame.person.tolist() == [0]
    assert frame.tracklet.tolist() == [0, 2]


def test_a_box_on_a_real_person_is_not_lost_to_an_ignored_one() -> None:
    truth = truth_of([(0, 0, 0), (0, 1, 3)], ignored=[False, True])
    (frame,) = aligned(truth, boxes_of([(0, 0, 3)]))
    assert frame.tracklet.tolist() == [0]


def test_unlabelled_boxes_go_only_when_asked() -> None:
    truth, boxes = truth_of([(0, 0, 0)]), boxes_of([(0, 0, 2), (0, 1, 300), (1, 1, 300)])
    assert [f.tracklet.tolist() for f in aligned(truth, boxes)] == [[0, 1], [1]]
    assert [f.tracklet.tolist() for f in aligned(truth, boxes, ignore_unlabelled=True)] == [[0], []]


def test_unidentified_tracklets_are_left_out() -> None:
    frames = aligned(truth_of([(0, 0, 0)]), boxes_of([(0, 0, 0), (0, 1, 300)]))
    (step,) = as_sequence(frames, np.array([5, UNIDENTIFIED]))
    assert step.predicted.tolist() == [0]
    assert step.similarity.shape == (1, 1)


def test_of_two_boxes_with_one_identity_the_better_has_it() -> None:
    frames = aligned(truth_of([(0, 0, 0)]), boxes_of([(0, 0, 0), (0, 1, 5), (1, 0, 0)], score=[0.5, 0.8, 0.5]))
    sequence = as_sequence(frames, np.array([3, 3]))
    assert [step.predicted.tolist() for step in sequence] == [[1, 0], [0]]
    assert sequence.predicted_ids == 2


def test_oracle_names_each_tracklet_after_the_person_it_shows_most() -> None:
    truth = truth_of([(frame, person, 200.0 * person) for frame in range(5) for person in range(2)])
    mostly_first = [(0, 0, 0.0), (1, 0, 0.0), (2, 0, 200.0)]
    second = [(3, 1, 200.0)]
    nobody, nobody_either, nameless = [(3, 2, 500.0)], [(4, 3, 500.0)], [(4, 4, 700.0)]
    frames = aligned(truth, boxes_of([*mostly_first, *second, *nobody, *nobody_either, *nameless]))
    identity = np.array([9, 9, 9, 9, UNIDENTIFIED])
    named = oracle_identities(frames, identity, threshold=0.5).tolist()
    assert named[:2] == [0, 1]
    assert len({*named[:4]}) == 4
    assert named[4] == UNIDENTIFIED


def test_oracle_without_any_truth_leaves_everybody_a_stranger() -> None:
    frames = aligned(truth_of([]), boxes_of([(0, 0, 0), (0, 1, 90)]))
    assert len(set(oracle_identities(frames, np.array([4, 4]), threshold=0.5).tolist())) == 2


def test_by_overlap_scores_boxes_by_the_truth() -> None:
    frames = by_overlap(aligned(truth_of([(0, 0, 0)]), boxes_of([(0, 0, 20), (0, 1, 0), (1, 1, 0)])))
    assert frames[0].score == pytest.approx([1 / 3, 1.0])
    assert frames[1].score.tolist() == [0.0]
