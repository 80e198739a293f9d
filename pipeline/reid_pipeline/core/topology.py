"""What the layout of the cameras says about who can be where, as far as it was given. Unknown means possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from reid_pipeline.core.motion import Homography
from reid_pipeline.types import NS_PER_S

CameraPair = frozenset[str]


@dataclass(frozen=True, slots=True)
class Travel:
    """How long people take from one camera to the next, in seconds."""

    min_s: float
    max_s: float


class Span(NamedTuple):
    """Where and when a track was seen, first to last box."""

    camera: str
    start_ns: int
    end_ns: int

    def overlaps(self, other: Span) -> bool:
        return self.start_ns <= other.end_ns and other.start_ns <= self.end_ns


@dataclass(frozen=True, slots=True)
class Topology:
    """`overlaps[a]` are the cameras that see part of what `a` sees; a camera that is missing there is not known about.

    `travel[a, b]` is the time from leaving `a` to appearing in `b`. `floor` are the homographies that are known, all
    to one floor plan. `apart` are pairs of which nothing was said and that were found to share no view. `ahead_s` is by
    how much clocks were said to be ahead.
    """

    overlaps: Mapping[str, frozenset[str]] = field(default_factory=dict)
    travel: Mapping[tuple[str, str], Travel] = field(default_factory=dict)
    floor: Mapping[str, Homography] = field(default_factory=dict)
    apart: frozenset[CameraPair] = frozenset()
    ahead_s: Mapping[str, float] = field(default_factory=dict)

    def knows(self, a: str, b: str) -> bool:
        """Whether the layout says of these cameras if they overlap."""
        return a in self.overlaps or b in self.overlaps

    def can_see_together(self, a: str, b: str) -> bool:
        """Whether one person can be in both cameras at the same time. Never in one camera twice."""
        if a == b:
            return False
        if not self.knows(a, b):
            return frozenset((a, b)) not in self.apart
        return b in self.overlaps.get(a, ()) or a in self.overlaps.get(b, ())

    def compatible(self, a: Span, b: Span) -> bool:
        """Whether the two spans can be one person."""
        if a.overlaps(b):
            return self.can_see_together(a.camera, b.camera) or _is_handover(a, b)
        earlier, later = (a, b) if a.end_ns < b.start_ns else (b, a)
        travel = self.travel.get((earlier.camera, later.camera))
        if travel is None:
            return True
        gap_s = (later.start_ns - earlier.end_ns) / NS_PER_S
        return travel.min_s <= gap_s


HANDOVER_S = 1.5
"""So long a tracker may hold on to a person's old track when it has begun a new one for them."""


def _is_handover(a: Span, b: Span) -> bool:
    """Whether two tracks of one camera overlap so briefly, and for so little of either, that they may be one person."""
    overlap_ns = min(a.end_ns, b.end_ns) - max(a.start_ns, b.start_ns)
    shorter_ns = min(a.end_ns - a.start_ns, b.end_ns - b.start_ns)
    return a.camera == b.camera and overlap_ns <= HANDOVER_S * NS_PER_S and 2 * overlap_ns <= shorter_ns
