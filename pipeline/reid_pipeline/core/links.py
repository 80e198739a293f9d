"""What holds a person together: each tracklet linked to the person's one before it, with the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.kinship import Kinship
from reid_pipeline.core.motion import Walk, nearness
from reid_pipeline.core.people import Person
from reid_pipeline.core.similarity import Float64, likenesses
from reid_pipeline.core.topology import Span
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import NS_PER_S, Float32, Link, TrackletKey

FADES_AFTER_S = 3600
"""Of somebody who has been away for longer, a single look is kept for the link to their next tracklet."""

_NOWHERE = Walk()


@dataclass(frozen=True, slots=True)
class _Trace:
    """What a link needs of a tracklet.

    `looks` (N, D) are quantised, so float16 holds them as exactly as float32 does; `weights` float64 (N,). Of the
    `walk`, only positions on the floor are there.
    """

    key: TrackletKey
    span: Span
    walk: Walk
    looks: NDArray[np.float16]
    weights: Float64

    @classmethod
    def of(cls, tracklet: Tracklet) -> _Trace:
        floor = tracklet.walk.floor
        looks, weights = tracklet.looks.vectors.astype(np.float16), np.array(tracklet.looks.weights)
        return cls(tracklet.key, tracklet.span, Walk(floor=floor) if floor else _NOWHERE, looks, weights)

    @property
    def vectors(self) -> Float32:
        return self.looks.astype(np.float32)

    def faded(self) -> _Trace:
        """The same with the one look that is most like all of them."""
        vectors = self.vectors.astype(np.float64)
        one = int((vectors @ (self.weights @ vectors)).argmax())
        return replace(self, walk=_NOWHERE, looks=self.looks[[one]], weights=self.weights[[one]])


@dataclass(slots=True)
class LinkBook:
    """What remains of each person's last tracklet that left the window, to link the next one to."""

    kinship: Kinship
    _last: dict[str, _Trace] = field(default_factory=dict)  # in the order in which they left
    _faded: dict[str, _Trace] = field(default_factory=dict)

    def settle(self, person: Person, tracklet: Tracklet) -> list[Link]:
        """The tracklet leaves the window; its person is final, and so is its link to the one before it."""
        if not len(tracklet.looks):
            return []
        before, trace = self._before(person), _Trace.of(tracklet)
        self._faded.pop(person.id, None)
        self._last.pop(person.id, None)
        self._last[person.id] = trace
        self._fade(tracklet.span.end_ns - FADES_AFTER_S * NS_PER_S)
        return [] if before is None else [self._link(before, trace)]

    def merge(self, person: str, other: str) -> None:
        """`other` turned out to be `person`: of both last tracklets the later one stays."""
        books = (self._last, self._faded)
        traces = [trace for name in (person, other) for book in books if (trace := book.pop(name, None)) is not None]
        if traces:
            self._last[person] = max(traces, key=lambda trace: (trace.span.end_ns, trace.key))

    def pending(self, people: Iterable[Person]) -> list[Link]:
        """The links between tracklets within the window, by person, then time."""
        links: list[Link] = []
        for person in people:
            chain = sorted(
                (member for member in person.members.values() if len(member.looks)),
                key=lambda member: (member.start_ns, member.key),
            )
            traces, before = [_Trace.of(member) for member in chain], self._before(person)
            links.extend(self._link(a, b) for a, b in pairwise(traces if before is None else [before, *traces]))
        return links

    def _before(self, person: Person) -> _Trace | None:
        return self._last.get(person.id) or self._faded.get(person.id)

    def _fade(self, until_ns: int) -> None:
        for identity, trace in list(self._last.items()):
            if trace.span.end_ns >= until_ns:
                return
            self._faded[identity] = trace.faded()
            del self._last[identity]

    def _link(self, a: _Trace, b: _Trace) -> Link:
        """The score is the sum of the likeness and what time and place add to it, which are left out where it is 0."""
        alike = float(likenesses([a.vectors, b.vectors], [a.weights, b.weights], [0])[0, 1])
        log_odds = self.kinship.calibration.log_odds(a.key.camera, b.key.camera, alike)
        place = 0.0 if a.key.camera == b.key.camera else nearness(a.walk, b.walk)
        added = {"time": self.kinship.transits.between(a.span, b.span), "place": place}
        parts = {"appearance": min(max(alike, 0.0), 1.0)} | {name: part for name, part in added.items() if part != 0.0}
        score = min(max(sum(parts.values()), 0.0), 1.0)
        return Link(a.key, b.key, score, parts | {"log_odds": round(log_odds, 3)})
