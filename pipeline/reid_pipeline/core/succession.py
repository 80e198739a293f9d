"""Groups of tracklets about which looks leave it open, joined or not by the time their person would have taken.

Between two groups there are few steps, among many pairs of tracklets, so what time says of them cannot be part of a
mean over all pairs. It is asked about two groups as wholes, once all are joined that looks make sure of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.transit import WORTH, Steps


def join_in_time(
    groups: Sequence[Sequence[int]],
    steps: Steps,
    *,
    similarity: Float64,
    possible: NDArray[np.bool_],
    weights: Float64,
    threshold: float,
) -> list[list[int]]:
    """Join the groups that are most alike, again and again, where likeness and time together reach the threshold.

    The other arguments, and the result, are those of `clustering.agglomerate`.
    """
    parts = [list(group) for group in groups]
    belongs = np.zeros((len(similarity), len(parts)))
    for number, part in enumerate(parts):
        belongs[part, number] = weights[part]
    sums, heavy = belongs.T @ similarity @ belongs, belongs.sum(axis=0)
    refused = (belongs.T @ ~possible @ belongs) > 0.0
    shut = refused | np.eye(len(parts), dtype=bool)  # asked already, or not to be asked
    while len(parts) > 1:
        means = np.where(shut, -np.inf, sums / np.outer(heavy, heavy))
        a, b = sorted(divmod(int(means.argmax()), len(parts)))
        if means[a, b] < threshold - WORTH:
            break
        if means[a, b] + steps.between(parts[a], parts[b]) < threshold:
            shut[a, b] = shut[b, a] = True
            continue
        parts[a] += parts[b]
        heavy[a] += heavy[b]
        sums[a] += sums[b]
        sums[:, a] += sums[:, b]
        refused[a] = refused[:, a] = refused[a] | refused[b]
        shut[a] = shut[:, a] = refused[a]
        shut[a, a] = True
        shut[b] = shut[:, b] = refused[b] = refused[:, b] = True
        parts[b] = []
    return sorted(sorted(part) for part in parts if part)
