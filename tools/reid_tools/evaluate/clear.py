"""CLEAR MOT: boxes found, missed and invented, and how often a person's identity changed.

Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance", 2008. As there, a person keeps the id of
their latest match while that is similar enough, even when another is more similar now; the others are then matched so
that as many as possible are, at the greatest similarity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from reid_tools.evaluate.sequence import EPSILON, Floats, Ints, Sequence, Step, ratio


@dataclass(frozen=True, slots=True)
class ClearScores:
    """Counts over a sequence; the scores follow from them."""

    true_positives: int
    false_positives: int
    false_negatives: int
    id_switches: int

    @property
    def precision(self) -> float:
        """Share of the predicted boxes that are on a person."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the true boxes that were found."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def mota(self) -> float:
        """1 - (misses + inventions + switches) / true boxes; below 0 when there are more errors than people."""
        return ratio(
            self.true_positives - self.false_positives - self.id_switches, self.true_positives + self.false_negatives
        )


@dataclass(frozen=True, slots=True)
class Matches:
    """The pairs of one step: true ids (M,) and the predicted ids (M,) matched to them."""

    truth: Ints
    predicted: Ints


def match_steps(sequence: Sequence, *, threshold: float) -> tuple[Matches, ...]:
    """Match every step's boxes one to one, from a similarity of `threshold` on."""
    latest = np.full(sequence.truth_ids, -1, np.int64)
    matched = []
    for step in sequence:
        matches = _match(step, latest, threshold)
        latest[matches.truth] = matches.predicted
        matched.append(matches)
    return tuple(matched)


def clear_scores(sequence: Sequence, matched: tuple[Matches, ...]) -> ClearScores:
    """Count over the pairs that `match_steps` gave; a switch is a person's match to another id than the last time."""
    latest = np.full(sequence.truth_ids, -1, np.int64)
    found = switches = 0
    for matches in matched:
        known = latest[matches.truth]
        switches += int(np.count_nonzero((known >= 0) & (known != matches.predicted)))
        latest[matches.truth] = matches.predicted
        found += len(matches.truth)
    return ClearScores(
        true_positives=found,
        false_positives=int(sequence.predicted_boxes().sum()) - found,
        false_negatives=int(sequence.truth_boxes().sum()) - found,
        id_switches=switches,
    )


def best_pairs(weight: Floats) -> tuple[Ints, Ints]:
    """Rows and columns of the one-to-one pairs of greatest total weight (G, P); pairs of weight 0 are left out."""
    rows, columns = linear_sum_assignment(weight, maximize=True)
    real = weight[rows, columns] > EPSILON
    return rows[real], columns[real]


def _match(step: Step, latest: Ints, threshold: float) -> Matches:
    near = step.similarity >= threshold - EPSILON
    kept = near & (step.predicted[None, :] == latest[step.truth][:, None])
    kept &= np.cumsum(kept, axis=0) == 1  # an id that was the latest of two people stays with the first
    free = near & ~kept.any(axis=1)[:, None] & ~kept.any(axis=0)[None, :]
    # One more pair outweighs any gain in similarity.
    rows, columns = best_pairs(np.where(kept | free, step.similarity + len(step.truth), 0.0))
    return Matches(step.truth[rows], step.predicted[columns])
