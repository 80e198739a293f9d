"""Who may be back of the people remembered: how well they cover each tracklet, kept up to date as both change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from reid_pipeline.core.people import Person
from reid_pipeline.core.search import UNKNOWN, LookIndex, coverage
from reid_pipeline.core.similarity import Float64, coverages, on_grid
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import TrackletKey

BY_CHANCE = 0.08
"""What a memory of many looks gains from their number alone: the best of many is high by chance. Strangers reach 0.44
in one of twenty cases, and 0.36 where one tracklet is compared with another (two simulated sites to which people come
back; of 0, 0.08 and 0.12 this kept the most people and mistook the fewest)."""

AT_ONCE = 8
"""So many tracklets are compared with everybody at once, which bounds the memory that it takes."""


@dataclass(slots=True)
class Returning:
    """Compares a tracklet with everybody when it has new looks, and a person with all tracklets when they have.

    So what it costs follows from what is new, however many are remembered and however long the window is.
    """

    remembered: LookIndex
    _covered: Float64 = field(default_factory=lambda: np.zeros((0, 0)))
    _places: dict[TrackletKey, int] = field(default_factory=dict)
    _observed: dict[TrackletKey, int] = field(default_factory=dict)

    def seeds(
        self, tracklets: Sequence[Tracklet], people: Sequence[Person], match: float
    ) -> tuple[list[Person], Float64]:
        """The people whose memory covers some tracklet by `match` or more, and how well it covers each, (T, seeds).

        Every tracklet has a look at least. What many looks bring by chance is taken off.
        """
        changed = self.remembered.follow({person.id: person.remembered for person in people if len(person.remembered)})
        self._update(tracklets, [person for person in people if person.id in changed])
        slots = self.remembered.slots_of(person.id for person in people)
        reached = np.append((self._covered >= match).any(axis=0), False)  # the last is for those who have no slot
        seeds = np.flatnonzero(reached[slots])
        return [people[i] for i in seeds.tolist()], self._covered[:, slots[seeds]]

    def _update(self, tracklets: Sequence[Tracklet], changed: Sequence[Person]) -> None:
        covered = np.full((len(tracklets), self.remembered.slots), UNKNOWN)
        kept = [i for i, t in enumerate(tracklets) if self._observed.get(t.key) == t.observed]
        fresh = sorted({*range(len(tracklets))}.difference(kept))
        if kept:
            before = [self._places[tracklets[i].key] for i in kept]
            covered[kept, : self._covered.shape[1]] = self._covered[before]
            here = self.remembered.slots_of(person.id for person in changed if len(person.remembered))
            looks = [tracklets[i].looks for i in kept]
            by = [person.remembered.vectors for person in changed if len(person.remembered)]
            new = coverages([each.vectors for each in looks], [each.weights for each in looks], by)
            covered[np.array(kept)[:, None], here] = on_grid(new - BY_CHANCE)
        for first in range(0, len(fresh), AT_ONCE):
            some = fresh[first : first + AT_ONCE]
            looks = [tracklets[i].looks for i in some]
            best = self.remembered.best(np.concatenate([each.vectors for each in looks]))
            covered[some] = on_grid(coverage(best, [each.weights for each in looks]) - BY_CHANCE)
        self._covered = covered
        self._places = {tracklet.key: i for i, tracklet in enumerate(tracklets)}
        self._observed = {tracklet.key: tracklet.observed for tracklet in tracklets}
