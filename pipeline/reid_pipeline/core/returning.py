"""Who may be back of the people remembered: how like each tracklet they are, kept up to date as both change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from reid_pipeline.core.people import Person
from reid_pipeline.core.search import UNKNOWN, PeopleIndex
from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import TrackletKey

MEMORY = 0.08
"""By how much more alike a memory is to a tracklet's mean than tracklets are by what `match` is measured by. On eight
simulated sites to which people come back, 0.04 to 0.08 came to the same, and of 0.1 some were not recognised; on three
simulated hours 0.06 to 0.1 did."""


@dataclass(slots=True)
class Returning:
    """Compares a tracklet with everybody when it has new looks, and with people who change when they do.

    So what it costs follows from what is new, however many are remembered and however long the window is.
    """

    _remembered: PeopleIndex = field(default_factory=PeopleIndex)
    _alike: Float64 = field(default_factory=lambda: np.zeros((0, 0)))
    _places: dict[TrackletKey, int] = field(default_factory=dict)
    _observed: dict[TrackletKey, int] = field(default_factory=dict)

    def seeds(
        self, tracklets: Sequence[Tracklet], people: Sequence[Person], match: float
    ) -> tuple[list[Person], Float64]:
        """The people whose memory is as like some tracklet as `match` or more, and how like each, (T, seeds).

        Every tracklet has a look at least. What memories are more alike is taken off.
        """
        met = [person for person in people if len(person.remembered)]
        self._update(tracklets, self._remembered.follow({person.id: person.remembered for person in met}), met)
        slots = self._remembered.slots_of(person.id for person in met)
        seeds = np.flatnonzero((self._alike[:, slots] >= match + MEMORY).any(axis=0)).tolist()
        for seed in seeds:
            self._compare_with_all(met[seed], int(slots[seed]), tracklets)
        return [met[seed] for seed in seeds], self._alike[:, slots[seeds]] - MEMORY

    def _compare_with_all(self, person: Person, slot: int, tracklets: Sequence[Tracklet]) -> None:
        """Who may be back of some tracklet is compared with those too to which others were nearer."""
        rows = np.flatnonzero(self._alike[:, slot] == UNKNOWN)
        if len(rows):
            means = np.stack([tracklets[row].looks.mean for row in rows.tolist()])
            self._alike[rows, slot] = person.remembered.likeness(means)

    def _update(self, tracklets: Sequence[Tracklet], changed: Sequence[str], met: Sequence[Person]) -> None:
        alike = np.full((len(tracklets), self._remembered.slots), UNKNOWN)
        kept = np.array([i for i, t in enumerate(tracklets) if self._observed.get(t.key) == t.observed], np.intp)
        fresh = np.setdiff1d(np.arange(len(tracklets)), kept)
        if len(kept):
            alike[kept, : self._alike.shape[1]] = self._alike[[self._places[tracklets[i].key] for i in kept.tolist()]]
            means = np.stack([tracklets[i].looks.mean for i in kept.tolist()])
            news = set(changed)
            for person in met:
                if person.id in news:
                    alike[kept, self._remembered.slots_of([person.id])[0]] = person.remembered.likeness(means)
        if len(fresh):
            alike[fresh] = self._remembered.likeness(np.stack([tracklets[i].looks.mean for i in fresh.tolist()]))
        self._alike = alike
        self._places = {tracklet.key: i for i, tracklet in enumerate(tracklets)}
        self._observed = {tracklet.key: tracklet.observed for tracklet in tracklets}
