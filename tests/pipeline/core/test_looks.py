from __future__ import annotations

import numpy as np

from reid_pipeline.core.looks import LookSet
from reid_pipeline.core.similarity import quantise


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


def test_looks_that_are_kept_elsewhere_are_copied_when_one_is_added() -> None:
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(6, 16))
    vectors = quantise((drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32))
    notes = [("a", moment, 0.1 * moment) for moment in range(6)]
    kept = vectors[:5].copy()
    kept.flags.writeable = False
    shared, own = LookSet.of(5, list(notes[:5]), kept), LookSet(5)
    for note, vector in zip(notes, vectors, strict=True):
        own.add(*note, vector)
    assert shared.revision == 0
    shared.add(*notes[5], vectors[5])
    assert shared.revision == 1
    assert [(look.timestamp_ns, look.vector.tolist()) for look in shared] == [
        (look.timestamp_ns, look.vector.tolist()) for look in own
    ]
    np.testing.assert_array_equal(kept, vectors[:5])
