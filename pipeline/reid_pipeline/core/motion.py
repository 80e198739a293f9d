"""Where a track was: in its picture, and on the floor where the camera's homography is given."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.similarity import Float64, on_grid
from reid_pipeline.types import NS_PER_S

Point = tuple[float, float]

EVERY_NS = NS_PER_S // 2
"""Floor positions are kept for every half second."""

TRAIL = 120
"""Of where a track was in its picture, the last minute is kept."""

FLOOR_KEPT = 600
"""The last five minutes of floor positions are kept, so that somebody who stands there all day costs no more."""

ENOUGH = 2
"""So many common moments make a distance; one may be a chance."""

NEAR_M, EVEN_M, FAR_M = 0.6, 1.2, 3.0
WORTH, COST = 0.15, 0.3
"""Two tracks that stay within `NEAR_M` of each other gain `WORTH` of likeness, from `FAR_M` on they lose `COST`; at
`EVEN_M` it says nothing. Foot points of one person from two cameras are 0.35 m apart in the median and within 0.55 m in
three of four pairs of tracks, those of two people farther than 1.0 m in 19 of 20 (simulated square, 471 and 5,799
pairs; its jitter is that of a detector on PETS2009)."""

START_BODIES, BODIES_PER_S = 2.0, 1.5
"""How far a track can begin from where another of its camera ended, in body heights: at once, and for each second.
Boxes of people who are half hidden jump: of tracks that looked alike but were more than 1 apart, 49 of 62 pairs of one
person were within 2, and 53 of 217 of two people (14 simulated sites to develop on)."""

LONGEST_GAP_S = 4.0
"""After this long anybody can be anywhere in a picture."""


@dataclass(frozen=True, slots=True)
class Homography:
    """From pixels to metres on the floor; rows of the 3x3 matrix."""

    rows: tuple[tuple[float, float, float], ...]

    def to_floor(self, x: float, y: float) -> Point | None:
        """The floor position of a pixel; None at and beyond the horizon."""
        u, v, w = (a * x + b * y + c for a, b, c in self.rows)
        return None if w == 0 else (u / w, v / w)


class Stand(NamedTuple):
    """A box as a person who stands somewhere: the middle of its lower edge and its height, in pixels."""

    timestamp_ns: int
    x: float
    y: float
    height: float

    @classmethod
    def of(cls, timestamp_ns: int, xyxy: Sequence[float]) -> Stand:
        left, top, right, bottom = xyxy
        return cls(timestamp_ns, (left + right) / 2, bottom, bottom - top)


@dataclass(slots=True)
class Walk:
    """Where a track began, where it was last, its last minute by half seconds, and its floor positions.

    Those are by half seconds too, of the time that the cameras share: `ahead_ns` is what the camera's clock is ahead.
    """

    ahead_ns: int = 0
    first: Stand | None = None
    trail: deque[Stand] = field(default_factory=lambda: deque(maxlen=TRAIL))
    floor: dict[int, Point] = field(default_factory=dict)
    _last: tuple[int, Sequence[float]] | None = None  # the last box, as it came
    _stood: Stand | None = None  # what that says, once it was asked for
    _trodden: int = -(1 << 62)  # the half second of the last stand in the trail

    @property
    def last(self) -> Stand | None:
        """Where the track was last."""
        if self._stood is None and self._last is not None:
            self._stood = Stand.of(*self._last)
        return self._stood

    def go(self, timestamp_ns: int, xyxy: Sequence[float], homography: Homography | None) -> None:
        """One more box, in pixels."""
        self._last, self._stood = (timestamp_ns, xyxy), None
        half_second = timestamp_ns // EVERY_NS
        if half_second > self._trodden:
            self._trodden = half_second
            self.trail.append(Stand.of(timestamp_ns, xyxy))
            self.first = self.first or self.trail[0]
        if homography is not None:
            self._tread(timestamp_ns, xyxy, homography)

    def _tread(self, timestamp_ns: int, xyxy: Sequence[float], homography: Homography) -> None:
        when = (timestamp_ns - self.ahead_ns) // EVERY_NS
        if when in self.floor:
            return
        stand = Stand.of(timestamp_ns, xyxy)
        point = homography.to_floor(stand.x, stand.y)
        if point is not None:
            self.floor[when] = point
            if len(self.floor) > FLOOR_KEPT:
                del self.floor[next(iter(self.floor))]

    def correct(self, ahead_ns: int) -> None:
        """The camera's clock turned out to be ahead by so much: move the floor positions to when they were."""
        late = (ahead_ns - self.ahead_ns) / EVERY_NS
        self.ahead_ns = ahead_ns
        if not self.floor:
            return
        known = np.array(list(self.floor), np.int64)
        wanted = np.arange(math.ceil(known[0] - late), math.floor(known[-1] - late) + 1)
        wanted = wanted[np.isin(np.rint(wanted + late), known)]
        x, y = (on_grid(np.interp(wanted + late, known, axis)) for axis in np.array(list(self.floor.values())).T)
        self.floor = dict(zip(wanted.tolist(), zip(x.tolist(), y.tolist(), strict=True), strict=True))


def apart_m(a: Walk, b: Walk) -> float | None:
    """The median distance of two walks at the same moments; None where they have too few in common."""
    if len(a.floor) > len(b.floor):
        a, b = b, a
    other = b.floor
    distances = sorted(_distance(point, other[when]) for when, point in a.floor.items() if when in other)
    return distances[len(distances) // 2] if len(distances) >= ENOUGH else None


def nearness(a: Walk, b: Walk) -> float:
    """What the distance of two walks adds to the likeness of their tracks, -COST..WORTH; 0 where it says nothing."""
    distance = apart_m(a, b)
    if distance is None:
        return 0.0
    if distance <= EVEN_M:
        return WORTH * min(1.0, (EVEN_M - distance) / (EVEN_M - NEAR_M))
    return -COST * min(1.0, (distance - EVEN_M) / (FAR_M - EVEN_M))


def nearnesses(walks: Sequence[Walk], rows: Sequence[int], pairs: NDArray[np.bool_]) -> Float64:
    """`nearness` of the walks at `rows` to all N, where `pairs` bool (len(rows), N) holds, else 0; of that shape."""
    added = np.zeros(pairs.shape)
    own = [walks[row].floor for row in rows]
    if not any(own):
        return added
    since = min(min(floor) for floor in own if floor)
    x, y = _floor_table(walks, since)
    there = np.isfinite(x)
    for out, others, floor in zip(added, pairs, own, strict=True):
        when = np.array(list(floor), np.int64) - since
        common = np.count_nonzero(there[:, when], axis=1)
        met = np.flatnonzero(others & (common >= ENOUGH))
        here, both = np.array(list(floor.values())).reshape(-1, 2), np.ix_(met, when)
        dx, dy = x[both] - here[:, 0], y[both] - here[:, 1]
        distances = np.sort(np.sqrt(dx * dx + dy * dy), axis=1)  # moments that are not common are NaN and come last
        out[met] = _worths(distances[np.arange(len(met)), common[met] // 2])
    return added


def _floor_table(walks: Sequence[Walk], since: int) -> Float64:
    """Where each walk was in each half second from `since` on: x and y, float64 (2, N, T), NaN where it was nowhere."""
    recent = [(row, walk.floor) for row, walk in enumerate(walks) if walk.floor and max(walk.floor) >= since]
    until = max(max(floor) for _, floor in recent)
    table = np.full((2, len(walks), until - since + 1), np.nan)
    for row, floor in recent:
        when = np.array(list(floor), np.int64) - since
        table[:, row, when[when >= 0]] = np.array(list(floor.values()))[when >= 0].T
    return table


def _worths(distance_m: Float64) -> Float64:
    """What `nearness` says of each distance."""
    nearer = WORTH * np.minimum(1.0, (EVEN_M - distance_m) / (EVEN_M - NEAR_M))
    farther = -COST * np.minimum(1.0, (distance_m - EVEN_M) / (FAR_M - EVEN_M))
    return np.where(distance_m <= EVEN_M, nearer, farther)


def within_reach(a: Walk, b: Walk) -> bool:
    """Whether one person can have walked from the end of the earlier to the start of the later, in one camera."""
    if a.first is None or b.first is None or a.last is None or b.last is None:
        return True
    end, start = (a.last, b.first) if a.last.timestamp_ns < b.first.timestamp_ns else (b.last, a.first)
    gap_s = (start.timestamp_ns - end.timestamp_ns) / NS_PER_S
    if not 0 < gap_s <= LONGEST_GAP_S:
        return True
    bodies = _distance((end.x, end.y), (start.x, start.y)) / max(1.0, (end.height + start.height) / 2)
    return bodies <= START_BODIES + BODIES_PER_S * gap_s


def _distance(a: Point, b: Point) -> float:
    # not hypot, which C libraries round as they like
    dx, dy = a[0] - b[0], a[1] - b[1]
    return math.sqrt(dx * dx + dy * dy)
