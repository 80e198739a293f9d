"""Where everybody is at any time: walks over the places of a scene, seeded and laid down before anything is seen."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid_tools.scenarios.layout import Crowd, Place, Point, Scene

Floats = NDArray[np.float64]

SPEED_M_S = (1.3, 0.18)
SLOWEST_M_S = 0.7
ASIDE_M = 0.35
GROUP_M = (0.65, 1.0)
SHUFFLE_S = 6.0
SHUFFLE_M = 0.15
HEIGHT_M = (1.72, 0.09)


@dataclass(frozen=True, slots=True)
class Spots:
    """One person at N moments: `xy` (N, 2) metres, `heading_rad` (N,), and whether they are on the site, (N,)."""

    xy: Floats
    heading_rad: Floats
    present: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Walk:
    """One person's way as knots: at `time_s` (K,) they are at `xy` (K, 2), and walk straight from knot to knot.

    `heading_rad` (K,) holds from a knot to the next, and is NaN while the person is away.
    """

    height_m: float
    time_s: Floats
    xy: Floats
    heading_rad: Floats

    def at(self, time_s: Floats) -> Spots:
        """Where the person is at ascending moments (N,)."""
        x, y = (np.interp(time_s, self.time_s, self.xy[:, axis]) for axis in (0, 1))
        knot = np.searchsorted(self.time_s, time_s, side="right") - 1
        heading = self.heading_rad[np.clip(knot, 0, None)]
        present = (knot >= 0) & (knot < len(self.time_s) - 1) & ~np.isnan(heading)
        return Spots(np.stack([x, y], axis=1), np.nan_to_num(heading), present)


class _Route:
    """Collects the knots of one walk."""

    def __init__(self) -> None:
        self.time_s: list[float] = []
        self.xy: list[Point] = []
        self.heading_rad: list[float] = []

    def add(self, time_s: float, xy: Point, heading_rad: float) -> None:
        self.time_s.append(time_s)
        self.xy.append(xy)
        self.heading_rad.append(heading_rad)

    def walk_to(self, xy: Point, speed_m_s: float) -> None:
        """Go on from the last knot in a straight line."""
        start = self.xy[-1]
        distance = float(np.hypot(xy[0] - start[0], xy[1] - start[1]))
        self.heading_rad[-1] = float(np.arctan2(xy[1] - start[1], xy[0] - start[0]))
        self.add(self.time_s[-1] + max(0.1, distance / speed_m_s), xy, self.heading_rad[-1])

    def finished(self, height_m: float, shift: Point = (0.0, 0.0)) -> Walk:
        return Walk(height_m, np.array(self.time_s), np.array(self.xy) + shift, np.array(self.heading_rad))


def walks(scene: Scene, rng: np.random.Generator) -> tuple[Walk, ...]:
    """A walk for everybody of the scene's crowds. Those of a group walk side by side."""
    roads = _Roads(scene.places, scene.ways)
    planned: list[Walk] = []
    groups = ((crowd, size) for crowd in scene.crowds for size in _group_sizes(crowd, rng))
    for crowd, size in groups:
        route = _plan(crowd, roads, rng)
        around = rng.uniform(0.0, 2.0 * np.pi)
        for member in range(size):
            apart, angle = (rng.uniform(*GROUP_M), around + 2.0 * member) if member else (0.0, 0.0)
            shift = apart * np.cos(angle), apart * np.sin(angle)
            height = float(np.clip(rng.normal(*HEIGHT_M), 1.5, 2.0))
            planned.append(route.finished(height, (float(shift[0]), float(shift[1]))))
    return tuple(planned)


def _group_sizes(crowd: Crowd, rng: np.random.Generator) -> Iterator[int]:
    left = crowd.people
    while left:
        size = int(rng.integers(2, 4)) if rng.random() < crowd.in_groups / 2 else 1
        yield min(size, left)
        left -= min(size, left)


def _plan(crowd: Crowd, roads: _Roads, rng: np.random.Generator) -> _Route:
    route = _Route()
    speed = max(SLOWEST_M_S, float(rng.normal(*SPEED_M_S)))
    come_s = float(rng.uniform(crowd.first_s, crowd.last_s))
    for _ in range(int(rng.integers(crowd.visits[0], crowd.visits[1] + 1))):
        here = roads.choose(crowd.places, rng, gate=True)
        route.add(come_s, roads.near(here, rng), 0.0)
        for _ in range(int(rng.integers(crowd.stops[0], crowd.stops[1] + 1))):
            here = _walk(
                route, roads, here, roads.choose(crowd.places, rng, gate=False, other_than=here), speed=speed, rng=rng
            )
            _linger(route, crowd.wait_s * float(rng.lognormal(0.0, 0.6)), rng)
        _walk(route, roads, here, roads.choose(crowd.places, rng, gate=True, other_than=here), speed=speed, rng=rng)
        route.heading_rad[-1] = float("nan")
        come_s = route.time_s[-1] + float(rng.uniform(*crowd.away_s))
    return route


def _walk(route: _Route, roads: _Roads, here: str, there: str, *, speed: float, rng: np.random.Generator) -> str:
    for name in roads.path(here, there, rng):
        route.walk_to(roads.near(name, rng), speed)
    return there


def _linger(route: _Route, wait_s: float, rng: np.random.Generator) -> None:
    """Stand about: now and then a small step and a turn."""
    until_s = route.time_s[-1] + wait_s
    heading = route.heading_rad[-1]
    while route.time_s[-1] < until_s:
        x, y = route.xy[-1]
        step = rng.normal(0.0, SHUFFLE_M, 2)
        heading += float(rng.normal(0.0, 0.9))
        route.heading_rad[-1] = heading
        pause_s = SHUFFLE_S * float(rng.uniform(0.3, 1.7))
        route.add(min(until_s, route.time_s[-1] + pause_s) + 0.01, (x + float(step[0]), y + float(step[1])), heading)


class _Roads:
    """The graph of places."""

    def __init__(self, places: Mapping[str, Place], ways: Sequence[tuple[str, str]]) -> None:
        self._places = places
        self._next: dict[str, list[str]] = {name: [] for name in places}
        for a, b in ways:
            self._next[a].append(b)
            self._next[b].append(a)

    def choose(self, among: Sequence[str], rng: np.random.Generator, *, gate: bool, other_than: str = "") -> str:
        """A random gate or stop, of all where `among` names none."""
        known = {name: self._places[name] for name in among} or self._places
        names = [name for name, place in known.items() if (place.gate if gate else place.stop)]
        others = [name for name in names if name != other_than]
        return (others or names)[int(rng.integers(len(others or names)))]

    def near(self, name: str, rng: np.random.Generator) -> Point:
        """Where somebody walks or stops who comes to a place."""
        place = self._places[name]
        aside = rng.normal(0.0, place.spread_m if place.stop else ASIDE_M, 2)
        limit = 2.0 * place.spread_m
        dx, dy = np.clip(aside, -limit, limit).tolist()
        return place.at[0] + dx, place.at[1] + dy

    def path(self, start: str, goal: str, rng: np.random.Generator) -> list[str]:
        """The places after `start` up to `goal`: about the shortest way, since tastes differ."""
        waiting: list[tuple[float, str, tuple[str, ...]]] = [(0.0, start, ())]
        done: set[str] = set()
        while waiting:
            length, name, path = heapq.heappop(waiting)
            if name == goal:
                return list(path)
            if name in done:
                continue
            done.add(name)
            for other in self._next[name]:
                a, b = self._places[name].at, self._places[other].at
                metres = float(np.hypot(a[0] - b[0], a[1] - b[1]) * rng.uniform(1.0, 1.5))
                heapq.heappush(waiting, (length + metres, other, (*path, other)))
        raise ValueError(f"no way leads from {start} to {goal}")
