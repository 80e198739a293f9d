"""What holds a person together: each tracklet linked to the person's one before it, with the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from reid_pipeline.core.kinship import Kinship
from reid_pipeline.core.motion import nearness
from reid_pipeline.core.people import Person
from reid_pipeline.core.similarity import likenesses
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import Link


@dataclass(slots=True)
class LinkBook:
    """Links of tracklets that left the window, and the last such tracklet of each person, to link the next one to."""

    kinship: Kinship
    settled: list[Link] = field(default_factory=list)
    _last: dict[str, Tracklet] = field(default_factory=dict)

    def settle(self, person: Person, tracklet: Tracklet) -> None:
        """The tracklet leaves the window; its person is final."""
        if not len(tracklet.looks):
            return
        before = self._last.get(person.id)
        if before is not None:
            self.settled.append(self._link(before, tracklet))
        self._last[person.id] = tracklet

    def pending(self, people: Iterable[Person]) -> list[Link]:
        """The links between tracklets within the window, by person, then time."""
        links: list[Link] = []
        for person in people:
            chain = sorted(
                (member for member in person.members.values() if len(member.looks)),
                key=lambda member: (member.start_ns, member.key),
            )
            before = self._last.get(person.id)
            links.extend(self._link(a, b) for a, b in pairwise([before, *chain] if before is not None else chain))
        return links

    def _link(self, a: Tracklet, b: Tracklet) -> Link:
        """The score is the sum of the likeness and what time and place add to it, which are left out where it is 0."""
        alike = float(likenesses([a.looks.vectors, b.looks.vectors], [a.looks.weights, b.looks.weights], [0])[0, 1])
        log_odds = self.kinship.calibration.log_odds(a.key.camera, b.key.camera, alike)
        place = 0.0 if a.key.camera == b.key.camera else nearness(a.walk, b.walk)
        added = {"time": self.kinship.transits.between(a, b), "place": place}
        parts = {"appearance": min(max(alike, 0.0), 1.0)} | {name: part for name, part in added.items() if part != 0.0}
        score = min(max(sum(parts.values()), 0.0), 1.0)
        return Link(a.key, b.key, score, parts | {"log_odds": round(log_odds, 3)})
