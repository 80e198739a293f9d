"""Who does a track look like: its looks against everything that is known of everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.calibration import Calibration
from reid_pipeline.core.people import Person
from reid_pipeline.core.search import UNKNOWN, LookIndex, coverage
from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import Float32


@dataclass(slots=True)
class Recall:
    """Scores tracks against people. What is `known` of them changes rarely and is kept; the other looks are fresh."""

    known: LookIndex
    calibration: Calibration
    _people: tuple[str, ...] = ()
    _slots: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    _stale: bool = False

    def forget(self) -> None:
        """What is known of people has changed."""
        self._stale = True

    def scores(self, tracklets: Sequence[Tracklet], people: Sequence[Person]) -> Float64:
        """How well each person's looks cover each tracklet's, as calibrated, float64 (T, P).

        The coverage is the weighted mean, over the tracklet's looks, of the most similar look of the person. It is
        `UNKNOWN` where nothing is known of the person but the tracklet itself.
        """
        if not people or not tracklets:
            return np.zeros((len(tracklets), len(people)))
        self._follow(people)
        rows = np.concatenate([tracklet.looks.vectors for tracklet in tracklets])
        best = np.full((len(rows), len(people)), UNKNOWN)
        met = self._slots >= 0
        known = self.known.best(rows)[:, self._slots[met]]
        best[:, met] = np.where(known == UNKNOWN, UNKNOWN, known + self.calibration.shift_of_memory())
        self._count_members(best, rows, tracklets, people)
        return coverage(best, [tracklet.looks.weights for tracklet in tracklets])

    def _follow(self, people: Sequence[Person]) -> None:
        ids = tuple(person.id for person in people)
        if self._stale or ids != self._people:
            self.known.follow({person.id: person.known for person in people if len(person.known)})
            self._slots = self.known.slots_of(ids)
            self._people, self._stale = ids, False

    def _count_members(
        self, best: Float64, rows: Float32, tracklets: Sequence[Tracklet], people: Sequence[Person]
    ) -> None:
        """Let the looks of people's members count too, except for the tracklet whose they are."""
        members = [(column, member) for column, p in enumerate(people) if p.members for member in p.teachers()]
        if not members:
            return
        starts = np.cumsum([0, *(len(member.looks) for _, member in members[:-1])])
        alike = rows @ np.concatenate([member.looks.vectors for _, member in members]).T
        runs = np.maximum.reduceat(alike, starts, axis=1).astype(np.float64)
        shifts = self.calibration.shifts([t.key.camera for t in tracklets], [m.key.camera for _, m in members])
        first = 0
        for tracklet, shift in zip(tracklets, shifts, strict=True):
            end = first + len(tracklet.looks)
            runs[first:end] += shift
            runs[first:end, [i for i, (_, member) in enumerate(members) if member.key == tracklet.key]] = UNKNOWN
            first = end
        columns = np.array([column for column, _ in members])
        firsts = np.flatnonzero(np.diff(columns, prepend=-1))
        of_person = np.maximum.reduceat(runs, firsts, axis=1)
        best[:, columns[firsts]] = np.maximum(best[:, columns[firsts]], of_person)
