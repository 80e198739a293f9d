"""Very many people by what they look like: whom is this like.

Everybody is one row, the mean of their looks, so a search is one matrix product; the people whose means are most alike
are compared look by look. Vectors are on the grid of `similarity`, so results have the same bits whatever the batch and
the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.portrait import Portrait
from reid_pipeline.core.similarity import Float64
from reid_pipeline.types import Float32

UNKNOWN = -2.0
"""Score of somebody of whom nothing is known, or who was not compared; below every cosine."""

COMPARED = 16
"""So many people are compared look by look."""

_NOBODY = -1
"""Slot of somebody who is not here."""


class PeopleIndex:
    """The mean look of many people. Each has a slot, under which scores are told; a slot that is left is used again."""

    def __init__(self) -> None:
        self._means: Float32 = np.zeros((0, 0), np.float32)
        self._slot: dict[str, int] = {}
        self._owner: list[str | None] = []
        self._free: list[int] = []
        self._portraits: dict[str, Portrait] = {}

    def __len__(self) -> int:
        """How many people there are."""
        return len(self._slot)

    def __contains__(self, person: str) -> bool:
        return person in self._slot

    @property
    def slots(self) -> int:
        """How many slots there are, free ones included."""
        return len(self._owner)

    def slots_of(self, people: Iterable[str]) -> NDArray[np.intp]:
        """Each one's slot, -1 for those who are not here."""
        return np.array([self._slot.get(person, _NOBODY) for person in people], np.intp)

    def person(self, slot: int) -> str | None:
        """Who has the slot; None where it is free."""
        return self._owner[slot]

    def follow(self, people: Mapping[str, Portrait]) -> list[str]:
        """These are all people now, each with a look at least; returns who is not as they were."""
        changed = [person for person in self._slot if person not in people]
        for person in changed:
            self.drop(person)
        for person, portrait in people.items():
            if self._portraits.get(person) is not portrait:
                self.put(person, portrait)
                changed.append(person)
        return changed

    def put(self, person: str, portrait: Portrait) -> None:
        """This is what the person looks like now; there is a look at least."""
        mean, slot = portrait.mean, self._slot.get(person)
        if slot is None:
            slot = self._slot[person] = self._new_slot(len(mean))
            self._owner[slot] = person
        self._means[slot] = mean
        self._portraits[person] = portrait

    def drop(self, person: str) -> None:
        """Forget the person, who need not be here."""
        slot = self._slot.pop(person, None)
        if slot is not None:
            del self._portraits[person]
            self._owner[slot] = None
            self._free.append(slot)

    def alike(self, people: Sequence[str]) -> Float32:
        """How like the means of some people, who are here, everybody's are, float32 (N, slots)."""
        if not people:
            return np.zeros((0, self.slots), np.float32)
        alike = self._means[self.slots_of(people)] @ self._means[: self.slots].T
        alike[:, self._free] = UNKNOWN
        return np.asarray(alike)

    def likeness(self, means: Float32) -> Float64:
        """How like each mean look the portraits are of the `COMPARED` people whose own means are most like it.

        Float64 (N, slots), `UNKNOWN` for everybody else. Of people who are equally far all are compared.

        Args:
            means: quantised vectors of length 1, float32 (N, D).
        """
        scores = np.full((len(means), self.slots), UNKNOWN)
        if not len(self) or not len(means):
            return scores
        alike = means @ self._means[: self.slots].T
        alike[:, self._free] = UNKNOWN
        count = min(COMPARED, len(self))
        near = alike >= np.partition(alike, -count, axis=1)[:, -count, None]
        for slot in np.flatnonzero(near.any(axis=0)).tolist():
            rows = np.flatnonzero(near[:, slot])
            scores[rows, slot] = self._portraits[self._owner[slot] or ""].likeness(means[rows])
        return scores

    def _new_slot(self, dim: int) -> int:
        if self._free:
            return self._free.pop()
        if self.slots == len(self._means):
            means = np.zeros((max(64, 2 * self.slots), dim), np.float32)
            means[: self.slots] = self._means.reshape(-1, dim)
            self._means = means
        self._owner.append(None)
        return self.slots - 1
