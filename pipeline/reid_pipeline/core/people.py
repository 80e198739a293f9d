"""The people known to a run: those the gallery remembered and those met since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from reid_pipeline.core.looks import Look
from reid_pipeline.core.portrait import Portrait
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

LONG_AGO_NS = -(1 << 62)
"""Before everything that a run sees."""


@dataclass(slots=True)
class Person:
    """`members` are the tracklets within the window; `settled` counts those before it.

    `remembered` is what the person looked like before the window, `known` with the members that rest, which are over
    and not likely to change hands. What a person is recognised by is what is known and the looks of the members that do
    not rest, so it is bounded however often the person comes by.

    `number` is the place in the order in which people were met. `known_before` says that the gallery knew the person
    when the run began, `committed` that it knows of them now.

    Until `elsewhere_ns` another run has seen the person, so tracks of this one that began before are somebody else.

    A member's looks describe the person only when it is in `trusted`: one that was linked with a middling score follows
    the person but does not teach what they look like, so an error does not feed itself.
    """

    id: str
    number: int = 0
    known_before: bool = False
    committed: bool = False
    confirmed: bool = False
    remembered: Portrait = field(default_factory=Portrait)
    members: dict[TrackletKey, Tracklet] = field(default_factory=dict)
    resting: set[TrackletKey] = field(default_factory=set)
    trusted: set[TrackletKey] = field(default_factory=set)
    settled: int = 0
    cameras: set[str] = field(default_factory=set)
    first_seen_ns: int | None = None
    last_seen_ns: int | None = None
    elsewhere_ns: int = LONG_AGO_NS
    _teachers: list[Tracklet] | None = None
    _known: Portrait | None = None

    @property
    def known(self) -> Portrait:
        """What the person looked like before the window, and in members that are over."""
        if self._known is None:
            over = [look for key in sorted(self.trusted & self.resting) for look in self.members[key].looks]
            self._known = self.remembered.joined(over) if over else self.remembered
        return self._known

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
        self.members[tracklet.key] = tracklet
        if trusted:
            self.trusted.add(tracklet.key)
        else:
            self.trusted.discard(tracklet.key)
        self._wake(tracklet.key)

    def leave(self, key: TrackletKey) -> None:
        """The tracklet is somebody else; what it taught is unlearned."""
        del self.members[key]
        self.trusted.discard(key)
        self._wake(key)

    def rest(self, key: TrackletKey) -> None:
        """The tracklet is over: its looks join those that are known."""
        self.resting.add(key)
        self._teachers = None
        if self._known is not None and key in self.trusted:
            self._known = self._known.joined(self.members[key].looks)

    def remember(self, looks: Iterable[Look]) -> None:
        """Looks from before the window."""
        self.remembered = self.remembered.joined(looks)
        self._known = None

    def _wake(self, key: TrackletKey) -> None:
        """The tracklet goes on, or is gone: what it taught when it rested is unlearned."""
        self._teachers = None
        if key in self.resting:
            self.resting.discard(key)
            self._known = None

    def witness(self, tracklet: Tracklet) -> None:
        """Note where and when the tracklet saw the person."""
        self.cameras.add(tracklet.key.camera)
        start, last = tracklet.start_ns, tracklet.last_ns
        self.first_seen_ns = start if self.first_seen_ns is None else min(self.first_seen_ns, start)
        self.last_seen_ns = last if self.last_seen_ns is None else max(self.last_seen_ns, last)

    def absorb(self, tracklet: Tracklet) -> None:
        """Let a resting tracklet go, keeping what it taught, unless it leaves nobody who was ever confirmed."""
        self.witness(tracklet)
        self.settled += 1
        known = self._known if tracklet.key in self.resting else None
        if tracklet.key in self.trusted:
            self.remember(tracklet.looks)
        self.leave(tracklet.key)
        if self.members:
            self._known = known  # all the same how much of it is from before the window
        elif not self.confirmed:
            self.remembered, self._known = Portrait(), None  # the gallery does not remember them either

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
        """What the gallery should remember: a fair sample of all looks that are trusted, by camera, then time."""
        shown = self.known.joined(look for tracklet in self.teachers() for look in tracklet.looks)
        return tuple(
            Prototype(self.id, look.camera, look.timestamp_ns, look.quality, look.vector) for look in shown.looks()
        )


class People:
    """All persons by id, in the order they were met, and the number of the next one.

    `never_same` holds pairs of ids that a hand has set apart, the lower id first.
    """

    def __init__(self, snapshot: GallerySnapshot) -> None:
        self._by_id: dict[str, Person] = {}
        self._next_number = snapshot.next_number
        self._touched: set[str] = set()
        self._removed: set[str] = set()
        self._former: set[str] = set()
        self._merged: dict[str, str] = {}
        self._untold: list[tuple[str, str]] = []
        self.never_same = snapshot.never_same
        self._met = 0
        for identity in snapshot.identities:
            self._meet(_known_before(identity))
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
        self._meet(person)
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

    def merge(self, person: Person, other: Person) -> None:
        """Both turned out to be one: `person` from now on, who takes over the members and memories of `other`."""
        for key, member in other.members.items():
            person.join(member, trusted=key in other.trusted)
            if key in other.resting:
                person.rest(key)
        person.remember(other.remembered.looks())
        person.settled += other.settled
        person.cameras |= other.cameras
        person.confirmed = person.confirmed or other.confirmed
        seen = [each for each in (person, other) if each.first_seen_ns is not None]
        person.first_seen_ns = min((each.first_seen_ns or 0 for each in seen), default=None)
        person.last_seen_ns = max((each.last_seen_ns or 0 for each in seen), default=None)
        self._merged[other.id] = person.id
        self._untold.append((other.id, person.id))  # events have told of both, whether the gallery has or not
        self.remove(other.id)
        self.touch(person.id)

    def now(self, identity: str) -> str:
        """Who that is by now, of those who were merged; else the identity itself."""
        while identity in self._merged:
            identity = self._merged[identity]
        return identity

    def hear(self, news: GalleryChange) -> None:
        """Other runs have met these people. Those known here too stay as they are, and who was dropped does not return.

        Two runs that see somebody at once each give them an id. They do not swap: nobody here becomes a person who was
        still seen elsewhere when their track had begun.
        """
        self.never_same |= news.never_same  # there is no news while the gallery is away
        for identity in news.identities:
            if identity.id not in self._by_id and identity.id not in self._former:
                self._meet(_known_before(identity, elsewhere_ns=identity.last_seen_ns))
                self._recollect(look for look in news.prototypes if look.identity == identity.id)

    def forget(self, identities: Iterable[str]) -> None:
        """The gallery has forgotten these people. Who is in view stays; of others seen in this run, the name does."""
        for identity in identities:
            person = self._by_id.get(identity)
            if person is None or person.members:
                continue
            self._touched.discard(identity)
            self._former.add(identity)
            if person.was_seen():
                person.remembered = Portrait()
                person.remember(())
                person.known_before = person.committed = False
            else:
                del self._by_id[identity]

    def _meet(self, person: Person) -> None:
        self._met += 1
        person.number = self._met
        self._by_id[person.id] = person

    def _recollect(self, prototypes: Iterable[Prototype]) -> None:
        """Give people the looks of a gallery."""
        by_person: dict[str, list[Look]] = {}
        for one in prototypes:
            look = Look(one.camera, one.timestamp_ns, one.quality, quantise(one.vector))
            by_person.setdefault(one.identity, []).append(look)
        for identity, looks in by_person.items():
            self._by_id[identity].remember(looks)

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
            merged=tuple((former, self.now(identity)) for former, identity in self._untold),
        )
        self._untold.clear()
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
