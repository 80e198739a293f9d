"""The people known to a run: those the gallery remembered and those met since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from reid_pipeline.core.looks import Look, LookSet
from reid_pipeline.core.search import LookIndex
from reid_pipeline.core.similarity import quantise
from reid_pipeline.core.topology import Topology
from reid_pipeline.core.tracklets import Tracklet, could_be_one
from reid_pipeline.types import (
    GalleryChange,
    GallerySnapshot,
    Identity,
    Prototype,
    State,
    TrackletKey,
)

PERSON_LOOKS = 32

LONG_AGO_NS = -(1 << 62)
"""Before everything that a run sees."""


@dataclass(slots=True)
class Person:
    """`members` are the tracklets within the window; `settled` counts those before it.

    `remembered` are looks from before the window, `known` those and the looks of the members that rest, which are over
    and not likely to change hands. What a person is recognised by are the looks that are known and those of the members
    that do not rest, so it is bounded however often the person comes by.

    `known_before` says that the gallery knew the person when the run began, `committed` that it knows of them now.

    Until `elsewhere_ns` another run has seen the person, so tracks of this one that began before are somebody else.

    A member's looks describe the person only when it is in `trusted`: one that was linked with a middling score follows
    the person but does not teach what they look like, so an error does not feed itself.
    """

    id: str
    known_before: bool = False
    committed: bool = False
    confirmed: bool = False
    remembered: LookSet = field(default_factory=lambda: LookSet(PERSON_LOOKS))
    known: LookSet = field(default_factory=lambda: LookSet(PERSON_LOOKS))
    members: dict[TrackletKey, Tracklet] = field(default_factory=dict)
    resting: set[TrackletKey] = field(default_factory=set)
    trusted: set[TrackletKey] = field(default_factory=set)
    settled: int = 0
    cameras: set[str] = field(default_factory=set)
    first_seen_ns: int | None = None
    last_seen_ns: int | None = None
    elsewhere_ns: int = LONG_AGO_NS
    _teachers: list[Tracklet] | None = None

    def allows(self, tracklet: Tracklet, topology: Topology, besides: frozenset[TrackletKey]) -> bool:
        """Whether the tracklet can be this person, given where the members were; those in `besides` do not count."""
        if tracklet.start_ns <= self.elsewhere_ns:
            return False
        return all(
            could_be_one(member, tracklet, topology) or key == tracklet.key or key in besides
            for key, member in self.members.items()
        )

    def join(self, tracklet: Tracklet, *, trusted: bool) -> None:
        """The tracklet is this person; one that rested is awake again."""
        self._teachers = None
        self.members[tracklet.key] = tracklet
        if trusted:
            self.trusted.add(tracklet.key)
        else:
            self.trusted.discard(tracklet.key)
        if tracklet.key in self.resting:
            self.resting.discard(tracklet.key)
            self._relearn()

    def leave(self, key: TrackletKey) -> None:
        """The tracklet is somebody else; what it taught is unlearned."""
        self._teachers = None
        del self.members[key]
        self.trusted.discard(key)
        if key in self.resting:
            self.resting.discard(key)
            self._relearn()

    def rest(self, key: TrackletKey) -> None:
        """The tracklet is over: its looks join those that are known."""
        self._teachers = None
        self.resting.add(key)
        if key in self.trusted:
            self.known.add_all(self.members[key].looks)

    def remember(self, look: Look) -> None:
        """A look from before this run."""
        self.remembered.add_look(look)
        self.known.add_look(look)

    def _relearn(self) -> None:
        self.known = LookSet(PERSON_LOOKS)
        self.known.add_all(self.remembered)
        for key in self.members:
            if key in self.resting and key in self.trusted:
                self.known.add_all(self.members[key].looks)

    def witness(self, tracklet: Tracklet) -> None:
        """Note where and when the tracklet saw the person."""
        self.cameras.add(tracklet.key.camera)
        start, last = tracklet.start_ns, tracklet.last_ns
        self.first_seen_ns = start if self.first_seen_ns is None else min(self.first_seen_ns, start)
        self.last_seen_ns = last if self.last_seen_ns is None else max(self.last_seen_ns, last)

    def absorb(self, tracklet: Tracklet) -> None:
        """Let a resting tracklet go, keeping what it taught."""
        self._teachers = None
        self.witness(tracklet)
        self.settled += 1
        if tracklet.key in self.trusted:
            self.remembered.add_all(tracklet.looks)
        del self.members[tracklet.key]
        self.trusted.discard(tracklet.key)
        self.resting.discard(tracklet.key)

    def teachers(self) -> list[Tracklet]:
        """The members that are trusted and do not rest; each has a look at least."""
        if self._teachers is None:
            self._teachers = [self.members[key] for key in sorted(self.trusted - self.resting)]
        return self._teachers

    def was_seen(self) -> bool:
        """Whether any tracklet of this run is this person."""
        return bool(self.members) or self.settled > 0

    def is_nobody(self) -> bool:
        """Whether nothing is left of the person: never in the gallery before, and no tracklet of this run."""
        return not self.known_before and not self.was_seen()

    def to_identity(self) -> Identity:
        seen = replace(self, cameras=set(self.cameras))
        for member in self.members.values():
            seen.witness(member)
        state = State.CONFIRMED if self.confirmed else State.PROVISIONAL
        return Identity(self.id, state, tuple(sorted(seen.cameras)), seen.first_seen_ns or 0, seen.last_seen_ns or 0)

    def prototypes(self) -> tuple[Prototype, ...]:
        """What the gallery should remember: the most different looks of all that are trusted, by camera, then time."""
        looks = LookSet(PERSON_LOOKS)
        looks.add_all(self.known)
        for tracklet in self.teachers():
            looks.add_all(tracklet.looks)
        chosen = sorted(looks, key=lambda look: (look.camera, look.timestamp_ns, look.quality))
        return tuple(Prototype(self.id, look.camera, look.timestamp_ns, look.quality, look.vector) for look in chosen)


class People:
    """All persons by id, in the order they were met, and the number of the next one.

    `remembered` and `known` are for finding people by those of their looks; whoever searches lets them `follow` first.
    A `shortlist` makes that approximate, see `LookIndex`.
    """

    def __init__(self, snapshot: GallerySnapshot, *, shortlist: int = 0) -> None:
        self._by_id: dict[str, Person] = {}
        self._next_number = snapshot.next_number
        self._touched: set[str] = set()
        self._removed: set[str] = set()
        self._former: set[str] = set()
        for identity in snapshot.identities:
            self._by_id[identity.id] = _known_before(identity)
        self.remembered = LookIndex(shortlist=shortlist)
        self.known = LookIndex(shortlist=shortlist)
        self._recollect(snapshot.prototypes)

    def __iter__(self) -> Iterator[Person]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __getitem__(self, identity: str) -> Person:
        return self._by_id[identity]

    def __contains__(self, identity: str) -> bool:
        return identity in self._by_id

    def new(self) -> Person:
        """Somebody never seen before."""
        person = Person(f"P{self._next_number:04d}")
        self._next_number += 1
        self._by_id[person.id] = person
        return person

    def touch(self, identity: str) -> None:
        """Note that the gallery should learn of this person's state."""
        self._touched.add(identity)

    def remove(self, identity: str) -> None:
        """The person is no more (all tracks turned out to be somebody else's). The number is not used again."""
        if self._by_id.pop(identity).committed:
            self._removed.add(identity)
        self._touched.discard(identity)
        self._former.add(identity)

    def hear(self, news: GalleryChange) -> None:
        """Other runs have met these people. Those known here too stay as they are, and who was dropped does not return.

        Two runs that see somebody at once each give them an id. They do not swap: nobody here becomes a person who was
        still seen elsewhere when their track had begun.
        """
        for identity in news.identities:
            if identity.id not in self._by_id and identity.id not in self._former:
                self._by_id[identity.id] = _known_before(identity, elsewhere_ns=identity.last_seen_ns)
                for look in news.prototypes:
                    if look.identity == identity.id:
                        self._by_id[identity.id].remember(_look(look))

    def forget(self, identities: Iterable[str]) -> None:
        """The gallery has forgotten these people. Who is in view stays; of others seen in this run, the name does."""
        for identity in identities:
            person = self._by_id.get(identity)
            if person is None or person.members:
                continue
            self._touched.discard(identity)
            self._former.add(identity)
            if person.was_seen():
                person.remembered, person.known = LookSet(PERSON_LOOKS), LookSet(PERSON_LOOKS)
                person.known_before = person.committed = False
            else:
                del self._by_id[identity]

    def _recollect(self, prototypes: Sequence[Prototype]) -> None:
        """Give people the looks of a gallery; both sets of a person and both indexes share one array of vectors."""
        by_person: dict[str, list[Prototype]] = {}
        for prototype in prototypes:
            by_person.setdefault(prototype.identity, []).append(prototype)
        shared = {identity: looks for identity, looks in by_person.items() if len(looks) <= PERSON_LOOKS}
        dim = len(prototypes[0].vector) if prototypes else 0
        vectors = np.empty((sum(map(len, shared.values())), dim), np.float32)
        first = 0
        for identity, looks in shared.items():
            rows = vectors[first : first + len(looks)]
            rows[:] = quantise(np.stack([look.vector for look in looks]))
            person = self._by_id[identity]
            notes = [(look.camera, look.timestamp_ns, look.quality) for look in looks]
            person.remembered = LookSet.of(PERSON_LOOKS, list(notes), rows)
            person.known = LookSet.of(PERSON_LOOKS, notes, rows)
            first += len(looks)
        self.remembered.adopt(vectors, {identity: self._by_id[identity].remembered for identity in shared})
        self.known.adopt(vectors, {identity: self._by_id[identity].known for identity in shared})
        for identity in by_person.keys() - shared.keys():  # several runs have kept looks of these
            for look in by_person[identity]:
                self._by_id[identity].remember(_look(look))

    def take_change(self) -> GalleryChange | None:
        """What the gallery should learn since the last call, or None. Only confirmed people are remembered."""
        people = [self._by_id[identity] for identity in sorted(self._touched) if self._by_id[identity].confirmed]
        if not people and not self._removed:
            return None
        change = GalleryChange(
            identities=tuple(person.to_identity() for person in people),
            prototypes=tuple(prototype for person in people for prototype in person.prototypes()),
            removed=tuple(sorted(self._removed)),
            next_number=self._next_number,
        )
        for person in people:
            person.committed = True
        self._touched.difference_update(person.id for person in people)
        self._removed.clear()
        return change


def _known_before(identity: Identity, *, elsewhere_ns: int = LONG_AGO_NS) -> Person:
    return Person(
        identity.id,
        known_before=True,
        committed=True,
        confirmed=identity.state is State.CONFIRMED,
        cameras=set(identity.cameras),
        first_seen_ns=identity.first_seen_ns,
        last_seen_ns=identity.last_seen_ns,
        elsewhere_ns=elsewhere_ns,
    )


def _look(prototype: Prototype) -> Look:
    return Look(prototype.camera, prototype.timestamp_ns, prototype.quality, quantise(prototype.vector))
