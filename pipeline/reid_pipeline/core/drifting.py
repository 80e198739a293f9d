"""Tracks that went over to somebody else, so that two of one camera at one time are one person nevertheless.

When somebody passes behind another, a tracker may go on with the wrong one of them. Whom it has lost gets a new track,
and for some seconds two tracks of one person run side by side, one of which shows somebody else then. Taken for proof
that they are two people, that tears the person apart, together with all other tracklets of theirs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from reid_pipeline.core.motion import EVERY_NS, Walk
from reid_pipeline.core.overlap import together
from reid_pipeline.core.similarity import coverages
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.core.whereabouts import Bools
from reid_pipeline.types import TrackletKey

NEAR_BODIES = 1.75
"""A tracker goes over to somebody who came so near, in body heights. Of the pairs with a drifted track 19 in 20 came
within 1.4 (10 simulated sites to develop on)."""

MOSTLY = 1.5
"""A track must be seen for so many times as long as both are. Of two who walk side by side, little is seen alone, and
then one hides the other."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """What was found of two tracklets with so many looks; they came as close as `closest` body heights."""

    looks: int
    closest: float
    drifted: bool


@dataclass(slots=True)
class Drifts:
    """Remembers what was found of two tracklets until either has a new look, as long as it is asked about them."""

    _found: dict[tuple[TrackletKey, TrackletKey], _Finding] = field(default_factory=dict)

    def among(self, tracklets: Sequence[Tracklet], asked: Bools, match: Mapping[str, float]) -> Bools:
        """Which of the pairs that are asked about are of one camera and time, one of them drifted; bool (N, N).

        Args:
            tracklets: N, each with a look at least.
            asked: symmetric bool (N, N).
            match: from which similarity on two looks of a camera speak for one person, by camera.
        """
        drifted, before, self._found = np.zeros_like(asked), self._found, {}
        if not asked.any():
            return drifted
        camera = np.unique([tracklet.key.camera for tracklet in tracklets], return_inverse=True)[1]
        side_by_side = (camera[:, None] == camera) & together(tracklets, 0.0)
        for i, j in np.argwhere(np.triu(asked & side_by_side, 1)).tolist():
            a, b = tracklets[i], tracklets[j]
            found = _look(a, b, match[a.key.camera], before.get((a.key, b.key)))
            self._found[a.key, b.key] = found
            drifted[i, j] = drifted[j, i] = found.drifted
        return drifted


def _look(a: Tracklet, b: Tracklet, match: float, before: _Finding | None) -> _Finding:
    """What is found of two tracklets now; a walk's beginning may be forgotten, so what was found of it counts too."""
    looks = a.observed + b.observed
    if before is not None and before.looks == looks:
        return before
    closest = min(_closest(a.walk, b.walk), math.inf if before is None else before.closest)
    return _Finding(looks, closest, closest <= NEAR_BODIES and have_drifted(a, b, match))


def have_drifted(a: Tracklet, b: Tracklet, match: float) -> bool:
    """Whether one of two tracks shows the other's person, but somebody else while both are seen.

    Who is followed rightly is always like themselves, so this does not mistake people who are dressed alike.
    """
    return _strayed(a, b, match) or _strayed(b, a, match)


def _strayed(track: Tracklet, other: Tracklet, match: float) -> bool:
    """Whether what the track shows before and after is like the other one, and more so than what it shows meanwhile."""
    if track.seen_ns is None or other.seen_ns is None:
        return False
    start_ns, end_ns = max(track.seen_ns[0], other.seen_ns[0]), min(track.seen_ns[1], other.seen_ns[1])
    if track.seen_ns[1] - track.seen_ns[0] < MOSTLY * (end_ns - start_ns):
        return False
    meanwhile = np.array([start_ns <= look.timestamp_ns <= end_ns for look in track.looks], np.bool_)
    if meanwhile.all() or not meanwhile.any():
        return False
    vectors, weights = track.looks.vectors, track.looks.weights
    theirs, own = coverages(
        [other.looks.vectors, vectors[meanwhile]], [other.looks.weights, weights[meanwhile]], [vectors[~meanwhile]]
    )[:, 0].tolist()
    return bool(theirs >= match and theirs > own)


def _closest(a: Walk, b: Walk) -> float:
    """How near two walks of one picture came to each other, in body heights, as far as both are kept."""
    stands = {stand.timestamp_ns // EVERY_NS: stand for stand in a.trail}
    nearest = math.inf
    for there in b.trail:
        here = stands.get(there.timestamp_ns // EVERY_NS)
        if here is not None:
            dx, dy = here.x - there.x, here.y - there.y
            nearest = min(nearest, math.sqrt(dx * dx + dy * dy) / max(1.0, (here.height + there.height) / 2))
    return nearest
