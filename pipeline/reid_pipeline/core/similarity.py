"""Cosine similarity whose bits do not depend on the machine.

A float32 product depends on the order in which it is summed, and that order on batch size, thread count and machine.
So every vector is rounded once to multiples of 2^-20; products of two such numbers are multiples of 2^-40 and their
sum stays under 1, so float64 (53 bits) holds every partial sum exactly and any order gives the same bits. The rounding
moves a similarity by at most about 2e-6. Similarities are then rounded to multiples of 2^-20 and weights to multiples
of 2^-8, so weighted sums are exact too. Nothing here uses exp, pow or others that C libraries round as they like.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.types import Float32

Float64 = NDArray[np.float64]

_GRID = 2.0**20
_WEIGHT_GRID = 2.0**8


def quantise(vectors: Float32) -> Float32:
    """Round to multiples of 2^-20, float32 of the same shape (24 bits hold such numbers up to 1 exactly)."""
    rounded = np.rint(vectors.astype(np.float64) * _GRID) / _GRID
    return np.asarray(rounded, dtype=np.float32)


def weight(quality: float) -> float:
    """A crop's quality as a weight: a multiple of 2^-8, never zero."""
    return max(1.0, float(np.rint(quality * _WEIGHT_GRID))) / _WEIGHT_GRID


def cosine(a: Float32, b: Float32) -> Float64:
    """Similarity of each row of `a` (N, D) to each row of `b` (M, D), quantised unit vectors; float64 (N, M)."""
    product = a.astype(np.float64) @ b.astype(np.float64).T
    return np.asarray(np.rint(product * _GRID) / _GRID)


def coverages(vectors: Sequence[Float32], weights: Sequence[Float64], by: Sequence[Float32]) -> Float64:
    """How well the sets in `by` cover those in `vectors`, -1..1, float64 (N, M).

    One set covers another by the weighted mean, over the other's looks, of each look's best counterpart. A person has
    several looks (front, back, sitting, half hidden), and a mean over all pairs would punish a track for showing only
    one of them.

    Args:
        vectors: N sets of quantised unit vectors, float32 (n_i, D), each with n_i >= 1.
        weights: their weights, float64 (n_i,).
        by: M such sets.
    """
    if not vectors or not by:
        return np.zeros((len(vectors), len(by)))
    rows, row_weights = np.concatenate(vectors), np.concatenate(weights)[:, None]
    starts = np.concatenate(([0], np.cumsum([len(v) for v in vectors])[:-1]))
    totals = np.add.reduceat(row_weights, starts)
    covered = np.empty((len(vectors), len(by)))
    for j, looks in enumerate(by):
        best = cosine(rows, looks).max(axis=1)[:, None]
        covered[:, j] = (np.add.reduceat(best * row_weights, starts) / totals)[:, 0]
    return covered


def likenesses(vectors: Sequence[Float32], weights: Sequence[Float64]) -> Float64:
    """How alike sets of looks are, each to each, -1..1, symmetric float64 (N, N): the lower of the two coverages.

    Measured on two sites with the encoder person-reidentification-retail-0287, this separated same from different
    people better than the higher coverage, the mean of both, the mean over pairs, or the mean of their top quarter.
    """
    covered = coverages(vectors, weights, vectors)
    return np.asarray(np.minimum(covered, covered.T))
