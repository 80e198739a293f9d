"""Looks of very many people, searched exactly: whom is this like.

Looks lie in blocks, each person's side by side, so a search is one matrix product and one grouped maximum for each
block, and adding looks moves none that are there. Vectors are on the grid of `similarity`, so results have the same
bits whatever the blocks, the batch and the machine.

With a `shortlist` a search is approximate: rows are compared with everybody's mean look first, and with all looks only
of the people whose means are nearest. Who is not among those is not found; what is found is scored exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.looks import LookSet
from reid_pipeline.core.similarity import Float64, quantise
from reid_pipeline.types import Float32

UNKNOWN = -2.0
"""Score of somebody of whom nothing is known, or who was not compared; below every cosine."""

BLOCK_LOOKS = 4096
"""Looks in a block: what some dozen rows score against them stays in a core's cache."""

_NOBODY = -1
"""Slot of looks that count no more. As an index it is the last one, which `LookIndex.best` cuts off."""

_PEOPLE_AT_ONCE = 128


@dataclass(slots=True, eq=False)
class _Block:
    """`used` rows of `vectors` hold looks, in runs: the one from `starts[i]` on is of whoever has slot `slots[i]`."""

    vectors: Float32
    used: int = 0
    dead: int = 0
    starts: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)

    def run(self, number: int) -> Float32:
        end = self.starts[number + 1] if number + 1 < len(self.starts) else self.used
        return self.vectors[self.starts[number] : end]


class LookIndex:
    """What many people look like. Each has a slot, under which scores are told; slots of those who left are reused."""

    def __init__(self, *, shortlist: int = 0) -> None:
        """`shortlist` is how many people each row is compared with look by look; 0 is everybody."""
        self.shortlist = shortlist
        self._slot: dict[str, int] = {}
        self._owner: list[str | None] = []
        self._free: list[int] = []
        self._blocks: list[_Block] = []
        self._place: dict[int, tuple[_Block, int]] = {}
        self._followed: dict[str, tuple[LookSet, int]] = {}
        self._means = np.zeros((0, 0), np.float32)

    def __len__(self) -> int:
        """How many people there are."""
        return len(self._slot)

    @property
    def slots(self) -> int:
        """How many slots there are, free ones included."""
        return len(self._owner)

    def slots_of(self, people: Iterable[str]) -> NDArray[np.intp]:
        """Each one's slot, -1 for those of whom no look is here."""
        return np.array([self._slot.get(person, _NOBODY) for person in people], np.intp)

    def person(self, slot: int) -> str | None:
        """Who has the slot; None where it is free."""
        return self._owner[slot]

    # -- what people look like ---------------------------------------------------------------------------------------

    def adopt(self, vectors: Float32, people: Mapping[str, LookSet]) -> None:
        """Take over the array of which the sets of these people, new here, are consecutive rows; nothing is copied.

        `vectors` is float32 (N, D), quantised, and must not change any more.
        """
        first = 0
        for person, looks in people.items():
            if not self._blocks or self._blocks[-1].used + len(looks) > BLOCK_LOOKS:
                self._blocks.append(_Block(vectors[first : first + BLOCK_LOOKS]))
            slot = self._new_slot(person)
            self._note(slot, self._blocks[-1], len(looks))
            self._learn_mean(slot, looks.vectors)
            self._followed[person] = looks, looks.revision
            first += len(looks)
        for block in self._blocks:
            block.vectors = block.vectors[: block.used]  # full: what else is in the array is another's

    def follow(self, people: Mapping[str, LookSet]) -> list[str]:
        """These are all people and their looks now, each at least one; returns whose looks are not what they were."""
        changed = [person for person in self._slot if person not in people]
        for person in changed:
            self.drop(person)
        for person, looks in people.items():
            before, revision = self._followed.get(person, (None, 0))
            if before is not looks or revision != looks.revision:
                self.put(person, looks.vectors)
                self._followed[person] = looks, looks.revision
                changed.append(person)
        return changed

    def put(self, person: str, vectors: Float32) -> None:
        """These are the person's looks, and no longer any before: quantised unit vectors, float32 (n, D), n >= 1."""
        self.drop(person)
        slot = self._new_slot(person)
        self._store(slot, vectors)
        self._learn_mean(slot, vectors)

    def drop(self, person: str) -> None:
        """Forget the person, who need not be here."""
        slot = self._slot.pop(person, None)
        if slot is None:
            return
        self._followed.pop(person, None)
        self._owner[slot] = None
        self._free.append(slot)
        block, number = self._place.pop(slot)
        block.slots[number] = _NOBODY
        block.dead += len(block.run(number))
        if 2 * block.dead > block.used:
            self._empty(block)

    # -- searching ---------------------------------------------------------------------------------------------------

    def best(self, rows: Float32) -> Float32:
        """How like each row is to each person's most similar look, float32 (N, slots).

        It is `UNKNOWN` in free slots, and for people who are on the shortlist of none of the rows.

        Args:
            rows: quantised unit vectors, float32 (N, D).
        """
        best = np.full((len(rows), self.slots + 1), UNKNOWN, np.float32)
        if 0 < self.shortlist < len(self):
            self._score(rows, self._listed(rows), best)
        else:
            for block in self._blocks:
                alike = rows @ block.vectors[: block.used].T
                best[:, block.slots] = np.maximum.reduceat(alike, block.starts, axis=1)
        return best[:, :-1]

    def nearest(self, rows: Float32, count: int) -> tuple[NDArray[np.intp], Float32]:
        """The slots of the `count` people most like each row and their scores, best first, both (N, count).

        Of two who are equally like it, the lower slot comes first. Fewer people than `count` give fewer columns.
        """
        best = self.best(rows)
        count = min(count, len(self))
        if not count:
            return np.zeros((len(rows), 0), np.intp), np.zeros((len(rows), 0), np.float32)
        row, slot = np.nonzero(best >= np.partition(best, -count, axis=1)[:, -count, None])
        order = np.lexsort((slot, -best[row, slot], row))
        first = np.searchsorted(row, np.arange(len(rows)))[:, None]
        chosen = slot[order[first + np.arange(count)]]
        return chosen, np.take_along_axis(best, chosen, axis=1)

    def _listed(self, rows: Float32) -> NDArray[np.intp]:
        """The slots of the people whose mean look is among those most like some row's."""
        near = rows @ self._means[: self.slots].T
        near[:, self._free] = UNKNOWN
        bar = np.partition(near, -self.shortlist, axis=1)[:, -self.shortlist, None]
        return np.flatnonzero((near >= bar).any(axis=0))

    def _score(self, rows: Float32, slots: NDArray[np.intp], best: Float32) -> None:
        for first in range(0, len(slots), _PEOPLE_AT_ONCE):
            some = slots[first : first + _PEOPLE_AT_ONCE]
            runs = [block.run(number) for block, number in (self._place[slot] for slot in some.tolist())]
            starts = np.cumsum([0, *(len(run) for run in runs[:-1])])
            best[:, some] = np.maximum.reduceat(rows @ np.concatenate(runs).T, starts, axis=1)

    # ----------------------------------------------------------------------------------------------------------------

    def _new_slot(self, person: str) -> int:
        if self._free:
            slot = self._free.pop()
            self._owner[slot] = person
        else:
            slot = len(self._owner)
            self._owner.append(person)
        self._slot[person] = slot
        return slot

    def _store(self, slot: int, vectors: Float32) -> None:
        last = self._blocks[-1] if self._blocks else None
        if last is None or last.used + len(vectors) > len(last.vectors):
            last = _Block(np.empty((max(BLOCK_LOOKS, len(vectors)), vectors.shape[1]), np.float32))
            self._blocks.append(last)
        last.vectors[last.used : last.used + len(vectors)] = vectors
        self._note(slot, last, len(vectors))

    def _note(self, slot: int, block: _Block, count: int) -> None:
        """The next rows of the block are the looks of whoever has the slot."""
        self._place[slot] = block, len(block.starts)
        block.starts.append(block.used)
        block.slots.append(slot)
        block.used += count

    def _empty(self, block: _Block) -> None:
        """Let a block go that is mostly dead; what lives in it moves. Over time that is less than one move per look."""
        self._blocks.remove(block)
        for number, slot in enumerate(block.slots):
            if slot != _NOBODY:
                self._store(slot, block.run(number))

    def _learn_mean(self, slot: int, vectors: Float32) -> None:
        if not self.shortlist:
            return
        if slot >= len(self._means):
            means = np.zeros((max(64, 2 * slot), vectors.shape[1]), np.float32)
            means[: len(self._means)] = self._means.reshape(-1, vectors.shape[1])
            self._means = means
        mean = vectors.sum(axis=0, dtype=np.float64)
        self._means[slot] = quantise((mean / max(np.sqrt((mean * mean).sum()), 1e-9)).astype(np.float32))


def coverage(best: Float32, weights: Sequence[Float64]) -> Float64:
    """The weighted mean of each set's rows, float64 (sets, columns).

    Args:
        best: the rows of all sets, one set after the other, float32 (N, columns).
        weights: of each set, those of its rows, on the grid of `similarity`.
    """
    starts = np.cumsum([0, *(len(each) for each in weights[:-1])])
    every = np.concatenate(weights)[:, None]
    return np.asarray(np.add.reduceat(best * every, starts, axis=0) / np.add.reduceat(every, starts))
