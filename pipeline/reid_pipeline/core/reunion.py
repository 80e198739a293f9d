"""Two who are remembered, and are one person.

Somebody who turns round, sits down or walks into bad light may be taken for a new person, and once both have left the
window nothing within it can say otherwise. But memories grow: after some minutes they show whom they are of better than
any track does. So two are one where their memories are very much alike, unless both were seen at once in places where
one person cannot be: of those who are about for long, that tells any two apart.

It cannot be taken back but by hand, so it asks for much. On three simulated hours to develop on (four, with other
chances), TODO.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.people import People, Person
from reid_pipeline.core.similarity import Float64
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.core.whereabouts import Bools
from reid_pipeline.types import NS_PER_S, TrackletKey

ALIKE = 0.75
"""How far from the threshold to being the same two memories have to be. Of two people they reached 0.71 with five
encoders on three real sites and four simulated ones, of one person half reached 0.7 to 0.9."""

LEARNED = 16
"""A memory of fewer looks says too little."""

AT_ONCE = 0.15
"""The share of their time for which two may have been seen at once where one person cannot be: some tracks go over from
one person to another, and some people are detected twice."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Where N tracklets of the window were, and whose each is, "" where that is not said.

    `spans_ns` int64 (N, 2) is when each was seen, `possible` bool (N, N) which two can be one person.
    """

    keys: Sequence[TrackletKey]
    names: Sequence[str]
    spans_ns: NDArray[np.int64]
    possible: Bools

    @classmethod
    def of(cls, tracklets: Sequence[Tracklet], names: Sequence[str], possible: Bools) -> Presence:
        spans = [(tracklet.span.start_ns, tracklet.span.end_ns) for tracklet in tracklets]
        return cls([t.key for t in tracklets], names, np.array(spans, np.int64).reshape(-1, 2), possible)

    def at_once_s(self, i: int) -> Float64:
        """For how long tracklet `i` was seen at the same time as each that cannot be the same person, float64 (N,)."""
        start_ns, end_ns = self.spans_ns[i]
        common_ns = np.minimum(end_ns, self.spans_ns[:, 1]) - np.maximum(start_ns, self.spans_ns[:, 0])
        elsewhere = ~self.possible[i]
        elsewhere[i] = False
        return np.where(elsewhere, np.maximum(common_ns, 0), 0) / NS_PER_S

    def seconds(self, i: int) -> float:
        """For how long tracklet `i` was seen."""
        return int(self.spans_ns[i, 1] - self.spans_ns[i, 0]) / NS_PER_S


_NOBODY = Presence((), (), np.zeros((0, 2), np.int64), np.zeros((0, 0), np.bool_))


@dataclass(slots=True)
class Reunions:
    """Counts for how long each two people were seen at once, and says who are one."""

    _now: Presence = _NOBODY
    _counted: set[TrackletKey] = field(default_factory=set)
    _seen_s: dict[str, float] = field(default_factory=dict)
    _at_once_s: dict[tuple[str, str], float] = field(default_factory=dict)

    def witness(self, now: Presence, *, before_ns: int) -> None:
        """This is the window now; what was over before a moment will have left it the next time, and is counted."""
        self._now = now
        self._counted.intersection_update(now.keys)
        for i, (key, name) in enumerate(zip(now.keys, now.names, strict=True)):
            if now.spans_ns[i, 1] >= before_ns or key in self._counted or not name:
                continue
            self._seen_s[name] = self._seen_s.get(name, 0.0) + now.seconds(i)
            at_once_s = now.at_once_s(i)
            for j in np.flatnonzero(at_once_s).tolist():
                if now.names[j] not in ("", name) and now.keys[j] not in self._counted:
                    pair = _pair(name, now.names[j])
                    self._at_once_s[pair] = self._at_once_s.get(pair, 0.0) + float(at_once_s[j])
            self._counted.add(key)

    def found(self, people: People, match: float) -> list[tuple[Person, Person]]:
        """Pairs of people who are one, the most alike first, nobody twice: who the person is from now on, and who not.

        Whom the gallery knew apart before stays apart: whether they are one was for other runs, or for a hand, to say.
        """
        met = [person for person in people if len(person.remembered) >= LEARNED]
        if len(met) < 2:
            return []
        means = np.stack([person.remembered.mean for person in met])
        alike = np.triu((means @ means.T).astype(np.float64), 1)
        enough = match + ALIKE * (1.0 - match)
        one, other = np.nonzero(alike >= enough)
        pairs, taken = [], set[str]()
        for a, b in sorted(zip(one.tolist(), other.tolist(), strict=True), key=lambda pair: (-alike[pair], pair)):
            first, second = sorted((met[a], met[b]), key=lambda person: (not person.known_before, person.number))
            free = taken.isdisjoint((first.id, second.id)) and _pair(first.id, second.id) not in people.never_same
            if free and not second.known_before and self._never_apart(first, second):
                taken.update((first.id, second.id))
                pairs.append((first, second))
        return pairs

    def merge(self, person: str, other: str) -> None:
        """What was counted of `other` counts for `person`."""
        self._seen_s[person] = self._seen_s.get(person, 0.0) + self._seen_s.pop(other, 0.0)
        for one, two in [pair for pair in self._at_once_s if other in pair]:
            seconds, third = self._at_once_s.pop((one, two)), one if two == other else two
            if third != person:
                pair = _pair(person, third)
                self._at_once_s[pair] = self._at_once_s.get(pair, 0.0) + seconds

    def _never_apart(self, a: Person, b: Person) -> bool:
        seen_s = [self._seen_s.get(person.id, 0.0) for person in (a, b)]
        at_once_s = self._at_once_s.get(_pair(a.id, b.id), 0.0)
        now = self._now
        waiting = [i for i, key in enumerate(now.keys) if key not in self._counted]
        for number, person in enumerate((a, b)):
            seen_s[number] += sum(now.seconds(i) for i in waiting if now.names[i] == person.id)
        others = [i for i in waiting if now.names[i] == b.id]
        at_once_s += sum(float(now.at_once_s(i)[others].sum()) for i in waiting if now.names[i] == a.id)
        return at_once_s <= AT_ONCE * min(seen_s)


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)
