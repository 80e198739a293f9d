"""What a gallery knows beside looks: where each person was seen, why, and what people said about it by hand.

All times are Unix nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reid_pipeline.types import Identity, Link, Prototype, State, TrackletKey


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run that used the gallery, and where it wrote: the registry that erasing goes through."""

    run: str
    folder: str
    journal: str
    started_ns: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """One track that was taken for a person, with the score, margin and reason of that decision."""

    run: str
    tracklet: TrackletKey
    identity: str
    start_ns: int
    end_ns: int
    score: float
    margin: float
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run adds to the record. Sightings replace those of the same tracks."""

    run: RunEntry
    sightings: tuple[Sighting, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class RunLink:
    """A link between two tracks of one run."""

    run: str
    link: Link


@dataclass(frozen=True, slots=True)
class Corrections:
    """What was said by hand, for later decisions to respect.

    `merged` maps the id of a person who was merged away to the person they are; `never_same` holds pairs of people, the
    smaller id first, who must not become one; `placed` says whose a track of a run is.
    """

    merged: Mapping[str, str] = field(default_factory=dict)
    never_same: frozenset[tuple[str, str]] = frozenset()
    placed: Mapping[tuple[str, TrackletKey], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dossier:
    """All that a gallery knows of one person. `links` are those between two of the person's own tracks."""

    identity: Identity
    prototypes: tuple[Prototype, ...]
    sightings: tuple[Sighting, ...]
    links: tuple[RunLink, ...]
    also_known_as: tuple[str, ...]
    never_same_as: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """How much was removed from a gallery. Holds nothing personal."""

    people: int = 0
    vectors: int = 0
    tracklets: int = 0
    links: int = 0

    def __add__(self, other: Removed) -> Removed:
        return Removed(
            self.people + other.people,
            self.vectors + other.vectors,
            self.tracklets + other.tracklets,
            self.links + other.links,
        )


@dataclass(frozen=True, slots=True)
class AuditLine:
    """That something was done by hand or by retention, and how much it concerned, but not whom."""

    at_ns: int
    action: str
    counts: Mapping[str, int]
