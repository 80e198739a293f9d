"""HOTA: detection and association weighed equally, over all localisation thresholds.

Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from reid_tools.evaluate.sequence import EPSILON, Floats, Ints, Sequence

ALPHAS = np.arange(0.05, 0.99, 0.05)


@dataclass(frozen=True, slots=True)
class HotaScores:
    """Means over the thresholds 0.05, 0.10, ... 0.95; all in 0..1."""

    hota: float
    det_a: float
    ass_a: float
    loc_a: float


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Every pair of boxes that may count as found, over all steps.

    `link` numbers the ids that a pair joins, (M,), and `similarity` (M,) is how alike its boxes are; `boxes` (links,)
    is how many boxes the two ids of a link have together.
    """

    link: Ints
    similarity: Floats
    boxes: Ints


def hota_scores(sequence: Sequence) -> HotaScores:
    """Score `sequence`; all 0 but `loc_a`, which is 1, when there is no true or no predicted box."""
    truth_boxes, predicted_boxes = sequence.truth_boxes(), sequence.predicted_boxes()
    if not len(truth_boxes) or not len(predicted_boxes):
        return HotaScores(0.0, 0.0, 0.0, 1.0)
    pairs = _best_pairs(sequence, truth_boxes, predicted_boxes)
    total = int(truth_boxes.sum() + predicted_boxes.sum())
    per_alpha = [_at_alpha(pairs, total, float(alpha)) for alpha in ALPHAS]
    hota, det_a, ass_a, loc_a = np.mean(per_alpha, axis=0)
    return HotaScores(float(hota), float(det_a), float(ass_a), float(loc_a))


def _alignment(sequence: Sequence, truth_boxes: Ints, predicted_boxes: Ints) -> Floats:
    """How well each true and predicted id go together over the whole sequence, (truth_ids, predicted_ids), 0..1."""
    together = np.zeros((sequence.truth_ids, sequence.predicted_ids))
    for step in sequence:
        similarity = step.similarity
        union = similarity.sum(axis=0)[None, :] + similarity.sum(axis=1)[:, None] - similarity
        share = np.divide(similarity, union, out=np.zeros_like(similarity), where=union > EPSILON)
        together[step.truth[:, None], step.predicted[None, :]] += share
    return together / (truth_boxes[:, None] + predicted_boxes[None, :] - together)


def _best_pairs(sequence: Sequence, truth_boxes: Ints, predicted_boxes: Ints) -> _Pairs:
    """Match each step one to one so that ids which go together overall are preferred."""
    alignment = _alignment(sequence, truth_boxes, predicted_boxes)
    links, similarity = [], []
    for step in sequence:
        weight = alignment[step.truth[:, None], step.predicted[None, :]] * step.similarity
        rows, columns = linear_sum_assignment(weight, maximize=True)
        links.append(step.truth[rows] * sequence.predicted_ids + step.predicted[columns])
        similarity.append(step.similarity[rows, columns])
    known, link = np.unique(np.concatenate(links), return_inverse=True)
    truth, predicted = np.divmod(known, sequence.predicted_ids)
    return _Pairs(link, np.concatenate(similarity), truth_boxes[truth] + predicted_boxes[predicted])


def _at_alpha(pairs: _Pairs, total: int, alpha: float) -> tuple[float, float, float, float]:
    """HOTA, DetA, AssA and LocA at one threshold; `total` is the number of true and predicted boxes."""
    found = pairs.similarity >= alpha - EPSILON
    hits = int(np.count_nonzero(found))
    if not hits:
        return 0.0, 0.0, 0.0, 1.0
    together = np.bincount(pairs.link[found], minlength=len(pairs.boxes))
    det_a = hits / (total - hits)
    ass_a = float((together * (together / (pairs.boxes - together))).sum()) / hits
    loc_a = float(pairs.similarity[found].sum()) / hits
    return float(np.sqrt(det_a * ass_a)), det_a, ass_a, loc_a
