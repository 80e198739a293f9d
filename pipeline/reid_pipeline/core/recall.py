"""Who does a track look like: its looks against everything that is known of everybody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from reid_pipeline.core.calibration import Calibration
from reid_pipeline.core.people import People, Person
from reid_pipeline.core.returning import MEMORY
from reid_pipeline.core.search import UNKNOWN, PeopleIndex
from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.tracklets import Tracklet


@dataclass(frozen=True, slots=True)
class Recalled:
    """Whom T tracks may show: P people in the order they were met, and how well each fits, float64 (T, P).

    `others` is how well the best of all other people fits, float64 (T,).
    """

    people: list[Person]
    scores: Float64
    others: Float64


class Recall:
    """Scores tracks against people: their memories, and the looks of members that go on."""

    def __init__(self, people: People, calibration: Calibration) -> None:
        self._people = people
        self._calibration = calibration
        self._known = PeopleIndex()
        self._stale = True

    def forget(self) -> None:
        """What is known of people has changed."""
        self._stale = True

    def candidates(self, tracklets: Sequence[Tracklet], here: Collection[str], match: float) -> Recalled:
        """The people who are `here`, and of those who are not, the ones whose memory fits some track by `match`.

        The score is the higher one of two. One is how like the track's mean look the memory is (`Portrait.likeness`),
        brought to the measure of the other: the weighted mean, over the tracklet's looks, of the most similar look of
        the person's members that go on. It is `UNKNOWN` where nothing is known of the person but the tracklet itself.
        """
        if self._stale:
            self._known.follow({person.id: person.known for person in self._people if len(person.known)})
            self._stale = False
        known = self._known.likeness(np.stack([tracklet.looks.mean for tracklet in tracklets]))
        known[known != UNKNOWN] += self._calibration.shift_of_memory() - MEMORY
        reached = [self._known.person(slot) for slot in np.flatnonzero((known >= match).any(axis=0)).tolist()]
        candidates = [self._people[one] for one in {*here, *reached} if one is not None and one in self._people]
        people = sorted(candidates, key=lambda person: person.number)
        slots = self._known.slots_of(person.id for person in people)
        scores = np.full((len(tracklets), len(people)), UNKNOWN)
        scores[:, slots >= 0] = known[:, slots[slots >= 0]]
        known[:, slots[slots >= 0]] = UNKNOWN
        self._count_members(scores, tracklets, people)
        return Recalled(people, scores, known.max(axis=1, initial=UNKNOWN))

    def _count_members(self, scores: Float64, tracklets: Sequence[Tracklet], people: Sequence[Person]) -> None:
        """Let the looks of people's members count too, except for the tracklet whose they are."""
        members = [(column, member) for column, p in enumerate(people) if p.members for member in p.teachers()]
        if not members:
            return
        starts = np.cumsum([0, *(len(member.looks) for _, member in members[:-1])])
        rows = np.concatenate([tracklet.looks.vectors for tracklet in tracklets])
        alike = rows @ np.concatenate([member.looks.vectors for _, member in members]).T
        runs = np.maximum.reduceat(alike, starts, axis=1).astype(np.float64)
        shifts = self._calibration.shifts([t.key.camera for t in tracklets], [m.key.camera for _, m in members])
        first = 0
        for tracklet, shift in zip(tracklets, shifts, strict=True):
            end = first + len(tracklet.looks)
            runs[first:end] += shift
            runs[first:end, [i for i, (_, member) in enumerate(members) if member.key == tracklet.key]] = UNKNOWN
            first = end
        columns = np.array([column for column, _ in members])
        firsts = np.flatnonzero(np.diff(columns, prepend=-1))
        covered = _coverage(np.maximum.reduceat(runs, firsts, axis=1), [t.looks.weights for t in tracklets])
        scores[:, columns[firsts]] = np.maximum(scores[:, columns[firsts]], covered)


def _coverage(best: Float64, weights: Sequence[Float64]) -> Float64:
    """The weighted mean of each set's rows, float64 (sets, columns).

    Args:
        best: the rows of all sets, one set after the other, (N, columns).
        weights: of each set, those of its rows, on the grid of `similarity`.
    """
    starts = np.cumsum([0, *(len(each) for each in weights[:-1])])
    every = np.concatenate(weights)[:, None]
    return np.asarray(np.add.reduceat(best * every, starts, axis=0) / np.add.reduceat(every, starts))
