"""Putting one camera's predicted boxes beside the true ones, frame by frame. Boxes end here; metrics read `Step`s."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from reid_tools.evaluate.clear import best_pairs
from reid_tools.evaluate.sequence import EPSILON, Floats, Ints, Sequence, Step
from reid_tools.evaluate.truth import CameraTruth

UNIDENTIFIED = -1


@dataclass(frozen=True, slots=True)
class CameraBoxes:
    """The predicted boxes of one camera.

    `frame` counts from 0, (N,); `tracklet` numbers the tracklets of all cameras together, (N,), so no number is in
    two cameras; `xyxy` px, (N, 4); `score` is the detector's, (N,).
    """

    frame: Ints
    tracklet: Ints
    xyxy: Floats
    score: Floats


@dataclass(frozen=True, slots=True)
class AlignedFrame:
    """One frame: true people (G,), predicted tracklets (P,), the detector's score (P,), and overlap IoU (G, P)."""

    index: int
    person: Ints
    tracklet: Ints
    score: Floats
    overlap: Floats


def align(
    truth: CameraTruth, predicted: CameraBoxes, *, threshold: float, ignore_unlabelled: bool
) -> tuple[AlignedFrame, ...]:
    """The frames of a camera that hold a true or a predicted box, in order.

    Ignored true boxes are gone, and so are the predicted boxes that match them and no real one. With
    `ignore_unlabelled`, predicted boxes that overlap no true box are gone too: for truth that does not name everybody.
    """
    frames = []
    for index, true_rows, predicted_rows in _rows_by_frame(truth.frame, predicted.frame):
        ignored = truth.ignored[true_rows]
        overlap = iou(truth.xyxy[true_rows], predicted.xyxy[predicted_rows])
        keep = ~_matched_to_ignored(overlap, ignored, threshold)
        overlap = overlap[~ignored]
        if ignore_unlabelled:
            keep &= (overlap >= threshold - EPSILON).any(axis=0)
        rows = predicted_rows[keep]
        frames.append(
            AlignedFrame(
                index=index,
                person=truth.person[true_rows][~ignored],
                tracklet=predicted.tracklet[rows],
                score=predicted.score[rows],
                overlap=overlap[:, keep],
            )
        )
    return tuple(frames)


def as_sequence(frames: Iterable[AlignedFrame], identity: Ints) -> Sequence:
    """Frames as steps, every predicted box under its tracklet's identity.

    Args:
        frames: The frames of one camera, or of several one after the other.
        identity: The identity of each tracklet, (tracklets,); boxes of `UNIDENTIFIED` tracklets are left out.

    Where two boxes of a frame have one identity, the one with the higher score has it; the others count as inventions,
    each under an id of its own.
    """
    spare = int(identity.max(initial=UNIDENTIFIED)) + 1
    steps = []
    for frame in frames:
        ids = identity[frame.tracklet]
        known = ids != UNIDENTIFIED
        ids, spare = _each_once(ids[known], frame.score[known], spare)
        steps.append(Step(frame.person, ids, frame.overlap[:, known]))
    return Sequence.of(steps)


def iou(first: Floats, second: Floats) -> Floats:
    """Intersection over union of every pair of boxes (G, 4) and (P, 4), xyxy, as (G, P)."""
    corner = np.maximum(first[:, None, :2], second[None, :, :2])
    opposite = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(opposite - corner, 0.0, None).prod(axis=2)
    area = (first[:, 2:] - first[:, :2]).prod(axis=1)[:, None] + (second[:, 2:] - second[:, :2]).prod(axis=1)[None, :]
    union = area - shared
    result: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def _matched_to_ignored(overlap: Floats, ignored: np.ndarray, threshold: float) -> np.ndarray:
    """Which predicted boxes (P,) match an ignored true box after the real ones had their choice."""
    dropped = np.zeros(overlap.shape[1], np.bool_)
    if ignored.any():
        weight = np.where(overlap >= threshold - EPSILON, overlap, 0.0)
        _, taken = best_pairs(weight[~ignored])
        weight[:, taken] = 0.0
        _, columns = best_pairs(weight[ignored])
        dropped[columns] = True
    return dropped


def _each_once(ids: Ints, score: Floats, spare: int) -> tuple[Ints, int]:
    """The ids (P,) with repetitions replaced by ids from `spare` on, and the next spare id."""
    if len(np.unique(ids)) == len(ids):
        return ids, spare
    unique = ids.copy()
    seen: set[int] = set()
    for row in np.argsort(-score, kind="stable").tolist():
        if int(ids[row]) in seen:
            unique[row] = spare
            spare += 1
        seen.add(int(ids[row]))
    return unique, spare


def _rows_by_frame(first: Ints, second: Ints) -> Iterator[tuple[int, Ints, Ints]]:
    """Each frame number that occurs in either, with the rows that it has in both."""
    order_first, order_second = np.argsort(first, kind="stable"), np.argsort(second, kind="stable")
    frames = np.union1d(first, second)
    bounds_first = np.searchsorted(first[order_first], np.append(frames, np.iinfo(np.int64).max))
    bounds_second = np.searchsorted(second[order_second], np.append(frames, np.iinfo(np.int64).max))
    for number, frame in enumerate(frames.tolist()):
        yield (
            frame,
            order_first[bounds_first[number] : bounds_first[number + 1]],
            order_second[bounds_second[number] : bounds_second[number + 1]],
        )
