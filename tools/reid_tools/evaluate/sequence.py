"""What every tracking metric reads: integers and similarities per step, nothing of boxes, files or cameras.

A step is one frame of one camera. A sequence may hold the steps of many cameras one after the other; that is what
makes a metric multi-camera: one identity then has to hold over all of them. The layout is TrackEval's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# A similarity equal to the threshold is a match even when it was computed a rounding step below it.
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Step:
    """One frame: true ids (G,), predicted ids (P,), each at most once, and their similarity (G, P) in 0..1."""

    truth: Ints
    predicted: Ints
    similarity: Floats


@dataclass(frozen=True, slots=True)
class Sequence:
    """Steps whose ids count from 0: true ids below `truth_ids`, predicted ids below `predicted_ids`."""

    steps: tuple[Step, ...]
    truth_ids: int
    predicted_ids: int

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Sequence:
        """Renumber the ids of `steps` (any non-negative integers) without gaps, in ascending order."""
        steps = tuple(steps)
        truth_numbers, truth_ids = _numbering(step.truth for step in steps)
        predicted_numbers, predicted_ids = _numbering(step.predicted for step in steps)
        return cls(
            tuple(
                Step(truth_numbers[step.truth], predicted_numbers[step.predicted], step.similarity) for step in steps
            ),
            truth_ids,
            predicted_ids,
        )

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def truth_boxes(self) -> Ints:
        """How many boxes each true id has, (truth_ids,)."""
        return _counts((step.truth for step in self.steps), self.truth_ids)

    def predicted_boxes(self) -> Ints:
        """How many boxes each predicted id has, (predicted_ids,)."""
        return _counts((step.predicted for step in self.steps), self.predicted_ids)


def ratio(part: float, whole: float) -> float:
    """`part / whole`, and 0 when there is nothing to divide by."""
    return float(part) / float(whole) if whole else 0.0


def _joined(ids: Iterable[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, np.int64), *ids])


def _counts(ids: Iterable[Ints], length: int) -> Ints:
    return np.bincount(_joined(ids), minlength=length).astype(np.int64)


def _numbering(ids: Iterable[Ints]) -> tuple[Ints, int]:
    """An array that maps each id to its number, and how many numbers there are."""
    known = np.unique(_joined(ids))
    numbers = np.zeros(int(known[-1]) + 1 if len(known) else 0, np.int64)
    numbers[known] = np.arange(len(known))
    return numbers, len(known)
