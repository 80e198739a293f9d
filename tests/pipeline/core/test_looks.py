from __future__ import annotations

import numpy as np

from reid_pipeline.core.looks import LookSet
from reid_pipeline.core.similarity import quantise, weight


def test_of_two_looks_that_are_alike_the_worse_one_goes() -> None:
    looks = LookSet(2)
    front, back = np.eye(3, dtype=np.float32)[:2]
    looks.add("a", 1, 0.5, front)
    looks.add("a", 2, 0.1, back)
    looks.add("a", 3, 0.9, front)
    assert [(look.timestamp_ns, look.quality) for look in looks] == [(2, 0.1), (3, 0.9)]


def test_of_two_equal_looks_the_older_one_goes() -> None:
    looks = LookSet(1)
    front = np.eye(3, dtype=np.float32)[0]
    looks.add("a", 1, 0.5, front)
    looks.add("a", 2, 0.5, front)
    assert [look.timestamp_ns for look in looks] == [2]


def test_an_hour_of_standing_still_does_not_push_out_the_other_view() -> None:
    looks = LookSet(4)
    rng = np.random.default_rng(0)
    front, back = np.eye(64, dtype=np.float32)[:2]
    looks.add("a", 0, 0.2, back)
    for moment in range(1, 500):
        vector = front + rng.normal(scale=0.02, size=64)
        looks.add("a", moment, 0.9, (vector / np.linalg.norm(vector)).astype(np.float32))
    assert next(iter(looks)).timestamp_ns == 0
    assert len(looks) == 4
    assert looks.vectors.shape == (4, 64)
    assert looks.weights.shape == (4,)


def test_the_mean_is_of_all_looks_that_came_whatever_their_order() -> None:
    rng = np.random.default_rng(1)
    drawn = quantise((rng.normal(size=(40, 16)) / 4).astype(np.float32))
    one, other = LookSet(4), LookSet(4)
    for moment, vector in enumerate(drawn):
        one.add("a", moment, 0.01 * moment, vector)
    for moment, vector in reversed(list(enumerate(drawn))):
        other.add("a", moment, 0.01 * moment, vector)
    total = np.array([weight(0.01 * moment) for moment in range(40)]) @ drawn.astype(np.float64)
    np.testing.assert_allclose(one.mean, total / np.linalg.norm(total), atol=2**-11)
    np.testing.assert_array_equal(one.mean, other.mean)
