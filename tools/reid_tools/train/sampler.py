"""Which pictures come together: batches of P persons with K pictures each, as CLIP-ReID and its kin draw them.

Stateless: the batches of an epoch follow from the seed and the epoch's number, so a run that goes on after an
interruption, and every process of a distributed one, draws the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.errors import ConfigError


class PersonBatches:
    """Batches by epoch; each picture comes at most once per epoch, unless its person has fewer than K.

    `labels` are the persons of the pictures, any integers; `persons` is P and `pictures` is K.

    Raises `ConfigError` when there are fewer than P persons.
    """

    def __init__(self, labels: Sequence[int], *, persons: int, pictures: int, seed: int) -> None:
        self._persons = persons
        self._pictures = pictures
        self._seed = seed
        values = np.asarray(labels, np.int64)
        order = np.argsort(values, kind="stable")
        self._of_person = np.split(order, np.flatnonzero(np.diff(values[order])) + 1) if len(order) else []
        if len(self._of_person) < persons:
            raise ConfigError(
                f"batches of {persons} persons: the training pictures show {len(self._of_person)}; "
                "lower the persons per batch or add pictures of more people"
            )

    def epoch(self, number: int) -> list[NDArray[np.int64]]:
        """The batches of an epoch, each P * K indices of pictures, those of one person next to each other."""
        rng = np.random.default_rng([self._seed, number])
        chunks = [self._chunks(indices, rng) for indices in self._of_person]
        left = np.arange(len(chunks))
        batches = []
        while len(left) >= self._persons:
            drawn = rng.choice(left, self._persons, replace=False)
            batches.append(np.concatenate([chunks[person].pop() for person in drawn]))
            left = np.array([person for person in left if chunks[person]], np.int64)
        return batches

    def _chunks(self, indices: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """One person's pictures in random order, K at a time; a rest is dropped, too few are filled by repeating."""
        shuffled = rng.permutation(indices)
        missing = self._pictures - len(shuffled)
        if missing > 0:
            shuffled = np.concatenate([shuffled, rng.choice(indices, missing)])
        whole = len(shuffled) // self._pictures
        return list(shuffled[: whole * self._pictures].reshape(whole, self._pictures))


class Plan:
    """Which pictures every step of a stage uses: the batches of all its epochs, one after the other.

    `batches` gives those of an epoch, counted from 0, and always the same; usable from several threads.
    """

    def __init__(self, batches: Callable[[int], Sequence[NDArray[np.int64]]], epochs: int) -> None:
        self._batches = lru_cache(maxsize=2)(batches)
        self._ends = list(accumulate(len(self._batches(epoch)) for epoch in range(epochs)))

    @property
    def steps(self) -> int:
        """How many batches there are in all."""
        return self._ends[-1]

    def epoch(self, step: int) -> int:
        """The epoch, counted from 1, that a step (counted from 0) is part of."""
        return bisect_right(self._ends, step) + 1

    def batch(self, step: int) -> NDArray[np.int64]:
        """The indices of the pictures of a step."""
        epoch = self.epoch(step) - 1
        return self._batches(epoch)[step - (self._ends[epoch - 1] if epoch else 0)]


def shuffled_batches(count: int, size: int, seed: int) -> Callable[[int], list[NDArray[np.int64]]]:
    """Batches that go through `count` pictures in an order drawn anew each epoch; the last one may be short."""

    def epoch(number: int) -> list[NDArray[np.int64]]:
        order = np.random.default_rng([seed, number]).permutation(count)
        return [order[start : start + size] for start in range(0, count, size)]

    return epoch
