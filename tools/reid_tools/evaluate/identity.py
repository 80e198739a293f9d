"""IDF1: how much of the time each person carries the right identity.

Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", 2016. One map between
true and predicted ids is chosen for the whole sequence so that as many boxes as possible agree with it; a box that
does not agree is a false positive and a false negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from reid_tools.evaluate.sequence import EPSILON, Sequence, ratio


@dataclass(frozen=True, slots=True)
class IdentityScores:
    """Box counts under the best identity map; the scores follow from them."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def idf1(self) -> float:
        """2 TP / (2 TP + FP + FN), 0..1."""
        return ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def idp(self) -> float:
        """Share of the predicted boxes that carry the right identity."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def idr(self) -> float:
        """Share of the true boxes that were given the right identity."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @classmethod
    def sum(cls, scores: Iterable[IdentityScores]) -> IdentityScores:
        """The counts of several sequences together, each under its own identity map."""
        scores = tuple(scores)
        return cls(
            sum(s.true_positives for s in scores),
            sum(s.false_positives for s in scores),
            sum(s.false_negatives for s in scores),
        )


def identity_scores(sequence: Sequence, *, threshold: float) -> IdentityScores:
    """Score `sequence` under its best identity map; boxes agree from a similarity of `threshold` on."""
    together = np.zeros((sequence.truth_ids, sequence.predicted_ids))
    for step in sequence:
        rows, columns = np.nonzero(step.similarity >= threshold - EPSILON)
        together[step.truth[rows], step.predicted[columns]] += 1
    rows, columns = linear_sum_assignment(together, maximize=True)
    agreed = int(together[rows, columns].sum())
    return IdentityScores(
        true_positives=agreed,
        false_positives=int(sequence.predicted_boxes().sum()) - agreed,
        false_negatives=int(sequence.truth_boxes().sum()) - agreed,
    )
