"""Cosine similarity whose bits do not depend on the machine.

A float32 product depends on the order in which it is summed, and that order on batch size, thread count and machine.
So every vector is rounded once to multiples of 2^-11: products of two such numbers are multiples of 2^-22 and no
partial sum of two unit vectors exceeds 1, so float32 (24 bits) holds every one exactly and any order gives the same
bits. The rounding moves a similarity by about 2e-4. Weights are rounded to multiples of 2^-8, so weighted sums are
exact in float64 too. Nothing here uses exp, pow or others that C libraries round as they like.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.types import Float32

Float64 = NDArray[np.float64]

_GRID = np.float32(2.0**11)
_WEIGHT_GRID = 2.0**8
_SUM_GRID = 2.0**20

_AT_ONCE = 16
"""So many sets are compared in one product: enough to be fast, few enough to stay in a core's cache."""


def quantise(vectors: Float32) -> Float32:
    """Round to multiples of 2^-11, float32 of the same shape."""
    return np.asarray(np.rint(vectors * _GRID) / _GRID)


def direction(total: Float64) -> Float32:
    """A vector, or each row of some, at length 1 and quantised, float32; zeros stay zeros."""
    largest = np.maximum(np.abs(total).max(axis=-1, keepdims=True, initial=0.0), 1e-9)
    scaled = on_grid(total / largest)  # so that the squares are summed exactly
    return quantise(
        (scaled / np.maximum(np.sqrt(np.square(scaled).sum(axis=-1, keepdims=True)), 1e-9)).astype(np.float32)
    )


def weight(quality: float) -> float:
    """A crop's quality as a weight: a multiple of 2^-8, never zero."""
    return max(1.0, float(round(quality * _WEIGHT_GRID))) / _WEIGHT_GRID


def cosine(a: Float32, b: Float32) -> Float64:
    """Similarity of each row of `a` (N, D) to each row of `b` (M, D), quantised unit vectors; float64 (N, M)."""
    return np.asarray((a @ b.T).astype(np.float64))


def on_grid(values: Float64) -> Float64:
    """Round to multiples of 2^-20, so that sums of thousands of them are exact whatever their order."""
    return np.asarray(np.rint(values * _SUM_GRID) / _SUM_GRID)


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


def likenesses(vectors: Sequence[Float32], weights: Sequence[Float64], changed: Sequence[int]) -> Float64:
    """How alike some sets of looks are to all, -1..1, float64 (len(changed), N): the lower of the two coverages.

    `changed` are indices into the N sets. Measured on two sites with the encoder person-reidentification-retail-0287,
    this separated same from different people better than the higher coverage, the mean of both, the mean over pairs, or
    the mean of their top quarter.
    """
    rows = np.empty((len(changed), len(vectors)))
    if not len(changed):
        return rows
    every_weight, starts = np.concatenate(weights), _starts(vectors)
    totals = np.add.reduceat(every_weight, starts)
    for row, index, alike in zip(rows, changed, _compared(vectors, changed), strict=True):
        of_all = np.add.reduceat(alike.max(axis=0) * every_weight, starts) / totals
        of_own = (weights[index] @ np.maximum.reduceat(alike, starts, axis=1)) / weights[index].sum()
        np.minimum(of_all, of_own, out=row)
    return rows


def closest(vectors: Sequence[Float32], indices: Sequence[int]) -> Iterator[Float32]:
    """For each of some sets of looks, how like each look is to the most similar one of every set, float32 (n_i, N)."""
    if len(indices):
        starts = _starts(vectors)
        for alike in _compared(vectors, indices):
            yield np.maximum.reduceat(alike, starts, axis=1)


def _starts(vectors: Sequence[Float32]) -> NDArray[np.intp]:
    """Where each set begins when all are laid side by side."""
    return np.cumsum([0, *(len(each) for each in vectors[:-1])])


def _compared(vectors: Sequence[Float32], indices: Sequence[int]) -> Iterator[Float32]:
    """For each of some sets, its looks against those of all sets side by side, float32 (n_i, L)."""
    everything = np.concatenate(vectors).T
    for first in range(0, len(indices), _AT_ONCE):
        some = [vectors[index] for index in indices[first : first + _AT_ONCE]]
        alike = np.concatenate(some) @ everything
        yield from np.split(alike, _starts(some)[1:])
