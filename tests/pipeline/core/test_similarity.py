"""Similarities are exact: no order of summation, batch or thread count changes a bit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from reid_pipeline.core.similarity import cosine, coverages, likenesses, quantise, weight
from reid_pipeline.types import Float32


def unit_vectors(count: int, dim: int = 256, seed: int = 0) -> Float32:
    raw = np.random.default_rng(seed).normal(size=(count, dim))
    return quantise((raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32))


def test_quantised_vectors_are_multiples_of_the_grid_and_stay_close() -> None:
    raw = np.random.default_rng(1).uniform(-1, 1, size=(10, 64)).astype(np.float32)
    rounded = quantise(raw)
    scaled = rounded.astype(np.float64) * 2**11
    assert (scaled == np.rint(scaled)).all()
    assert np.abs(rounded - raw).max() <= 2**-12 + 1e-7


def test_cosine_equals_integer_arithmetic() -> None:
    a, b = unit_vectors(3, 64), unit_vectors(4, 64, seed=1)
    exact = [[sum(Fraction(float(x)) * Fraction(float(y)) for x, y in zip(u, v, strict=True)) for v in b] for u in a]
    assert cosine(a, b).tolist() == [[float(value) for value in row] for row in exact]


def test_cosine_does_not_depend_on_batch_order_or_feature_order() -> None:
    a, b = unit_vectors(64), unit_vectors(500, seed=1)
    whole = cosine(a, b)
    assert (np.concatenate([cosine(row[None], b) for row in a]) == whole).all()
    features = np.random.default_rng(2).permutation(a.shape[1])
    assert (cosine(a[:, features], b[:, features]) == whole).all()
    rows = np.random.default_rng(3).permutation(len(b))
    assert (cosine(a, b[rows]) == whole[:, rows]).all()


def test_weights_are_never_zero() -> None:
    assert weight(0.0) == 2**-8
    assert weight(1.0) == 1.0


def test_a_set_that_shows_both_sides_covers_one_that_shows_the_front_but_not_the_other_way() -> None:
    front, back = np.eye(4, dtype=np.float32)[:2]
    one_side, both_sides = front[None], np.stack([front, back])
    weights = [np.ones(1), np.ones(2)]
    covered = coverages([one_side, both_sides], weights, [one_side, both_sides])
    assert covered.tolist() == [[1.0, 1.0], [0.5, 1.0]]
    assert likenesses([one_side, both_sides], weights, [0, 1]).tolist() == [[1.0, 0.5], [0.5, 1.0]]


def test_good_looks_count_more_than_bad_ones() -> None:
    front, back = np.eye(4, dtype=np.float32)[:2]
    covered = coverages([np.stack([front, back])], [np.array([0.75, 0.25])], [front[None]])
    assert covered.tolist() == [[0.75]]


def test_nothing_compared_with_nothing() -> None:
    assert likenesses([], [], []).shape == (0, 0)
    assert coverages([], [], [unit_vectors(1)]).shape == (0, 1)
