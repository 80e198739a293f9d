"""Who goes where: seeded errands over the places of a scene, chosen so that cameras stay busy and nobody collides.

People are planned one after another. Each gets a number of random errands and keeps the one that scores best against
those planned before: room to the others and to props, cameras visited, cameras neither empty nor packed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.gait import GaitStyle
from reid_tools.footage.props import blocked
from reid_tools.footage.scene import Scene
from reid_tools.footage.walking import Errand, Track, Wait, follow, lay_path

# Whether somebody at floor positions (T, 2) is seen by camera number `camera`: (T,) bool.
Seen = Callable[[int, NDArray[np.float64]], NDArray[np.bool_]]

CLEARANCE_M = 0.62
MEETING_M = 0.95
BUSY = (2, 6)  # people whom a camera should see at any time
VISITS_WORTH = (-30.0, -15.0, 0.0, 1.5)  # of being seen by 0, 1, 2, 3 or more cameras


@dataclass(frozen=True, slots=True)
class Walker:
    """How one person moves: the gait and the length of the legs."""

    gait: GaitStyle
    leg_m: float


@dataclass(frozen=True, slots=True)
class Planned:
    """An errand, the track that it gives, and in which cameras (C, T) the person is seen."""

    errand: Errand
    track: Track
    sight: NDArray[np.bool_]

    @property
    def meets(self) -> bool:
        return any(wait.talk for wait in self.errand.waits)


def plan(scene: Scene, walkers: Sequence[Walker], seen: Seen, *, candidates: int = 120) -> tuple[Track, ...]:
    """One track per walker. The same scene and walkers give the same tracks.

    Every fourth person goes to meet somebody who stands waiting. In a second round the others try new errands, now that
    it is known where everybody is.
    """

    def tried(errand: Errand, walker: Walker) -> Planned:
        track = follow(errand, walker.gait, walker.leg_m, frames=scene.frames, fps=scene.fps)
        return Planned(errand, track, np.stack([seen(camera, track.xy) for camera in range(len(scene.cameras))]))

    planned: list[Planned] = []
    for number, walker in enumerate(walkers):
        rng = np.random.default_rng((scene.plan_seed, number))
        options = []
        for _ in range(candidates):
            partner = _partner(rng, planned, scene) if number % 4 == 3 else None
            errand = _errand(scene, rng) if partner is None else _rendezvous(scene, rng, partner)
            options.append((tried(errand, walker), partner))
        best, partner = max(options, key=lambda option: _score(scene, option[0], planned))
        planned.append(best)
        if partner is not None:
            met = _turned_to(planned[partner.number], best.track)
            planned[partner.number] = tried(met, walkers[partner.number])
    for number, walker in enumerate(walkers):
        if not planned[number].meets:
            rng = np.random.default_rng((scene.plan_seed, number, 2))
            again = [planned[number], *(tried(_errand(scene, rng), walker) for _ in range(candidates))]
            others = [*planned[:number], *planned[number + 1 :]]
            planned[number] = max(again, key=lambda option: _score(scene, option, others))
    return tuple(each.track for each in planned)


def _score(scene: Scene, option: Planned, others: Sequence[Planned]) -> float:
    """How well an errand fits in among the others; higher is better."""
    track, sight = option.track, option.sight
    frames = sight.shape[1]
    gap = np.full(frames, np.inf)
    for other in others:
        gap = np.minimum(gap, np.linalg.norm(track.xy - other.track.xy, axis=1))
    crash = float(np.maximum(CLEARANCE_M - gap, 0).sum())
    bumps = int(blocked(scene.props, track.xy).sum())
    dwell = sight.sum(axis=1)
    visits = int((dwell >= 12).sum())
    idle = float(np.maximum(dwell / frames - 0.5, 0).sum())
    count = np.sum([*(other.sight for other in others), np.zeros_like(sight)], axis=0)
    # a person in an empty camera is worth much, in a packed one less than nothing
    worth = np.where(count < BUSY[0], 2.0, np.where(count < BUSY[1] - 1, 0.45, -1.5))
    # who is seen by two cameras at once counts once
    gain = 4 * float((worth * sight / np.maximum(sight.sum(axis=0), 1)).sum() / frames)
    return VISITS_WORTH[min(visits, 3)] + gain - 12 * idle - 80 * crash - 0.5 * bumps


def _errand(scene: Scene, rng: np.random.Generator) -> Errand:
    """A random walk over the places that lasts for the whole recording."""
    names = sorted(scene.places)
    route = _stroll(scene, rng, [names[int(rng.integers(len(names)))]], seconds=scene.frames / scene.fps + 30)
    points, waits = _with_waits(scene, rng, route)
    return Errand(
        points,
        waits,
        start_s=-float(rng.uniform(0, 22)),
        speed_mps=float(np.clip(rng.normal(1.3, 0.14), 1.0, 1.65)),
        lateral_m=float(rng.uniform(-0.3, 0.8)),
    )


def _stroll(scene: Scene, rng: np.random.Generator, route: list[str], *, seconds: float) -> list[str]:
    """`route` continued from way to way until it takes `seconds` or more; turns back only at dead ends."""
    ways = _ways(scene)
    length = 0.0
    while length < seconds * 1.3:
        here, before = route[-1], route[-2] if len(route) > 1 else None
        onward = [name for name in ways[here] if name != before]
        choice = onward[int(rng.integers(len(onward)))] if onward else ways[here][0]
        length += float(np.linalg.norm(np.subtract(scene.places[choice].at, scene.places[here].at)))
        route.append(choice)
    return route


def _ways(scene: Scene) -> dict[str, list[str]]:
    ways: dict[str, list[str]] = {name: [] for name in scene.places}
    for a, b in scene.ways:
        ways[a].append(b)
        ways[b].append(a)
    return ways


def _with_waits(
    scene: Scene, rng: np.random.Generator, route: Sequence[str]
) -> tuple[tuple[tuple[float, float], ...], tuple[Wait, ...]]:
    points, waits = [], []
    for index, name in enumerate(route):
        place = scene.places[name]
        points.append(place.at)
        if place.stop and rng.random() < 0.55 and 0 < index < len(route) - 1:
            waits.append(Wait(index, float(rng.uniform(3, 8)), place.face_rad))
    return tuple(points), tuple(waits)


@dataclass(frozen=True, slots=True)
class _Partner:
    """Somebody who stands at `xy` from `start_s` for `seconds`: person `number`, during wait `wait` of their errand."""

    number: int
    wait: int
    xy: tuple[float, float]
    start_s: float
    seconds: float


def _partner(rng: np.random.Generator, planned: Sequence[Planned], scene: Scene) -> _Partner | None:
    """Somebody who stands still for a while during the recording, or None."""
    found = []
    for number, each in enumerate(planned):
        for wait in range(len(each.errand.waits)):
            frames = np.flatnonzero(each.track.waiting == wait)
            if len(frames) >= 3 * scene.fps and frames[0] > scene.fps and not each.errand.waits[wait].talk:
                x, y = each.track.xy[frames[0]]
                found.append(
                    _Partner(number, wait, (float(x), float(y)), frames[0] / scene.fps, len(frames) / scene.fps)
                )
    return found[int(rng.integers(len(found)))] if found else None


def _rendezvous(scene: Scene, rng: np.random.Generator, partner: _Partner) -> Errand:
    """An errand that leads to the partner while they stand, stops before them to talk, and goes on."""
    nearest = min(scene.places, key=lambda name: float(np.linalg.norm(np.subtract(scene.places[name].at, partner.xy))))
    # the way there is a stroll from the meeting point, walked backwards
    speed = float(np.clip(rng.normal(1.3, 0.12), 1.05, 1.6))
    arrival = _stroll(scene, rng, [nearest], seconds=partner.start_s + 8)[::-1]
    before = [scene.places[name].at for name in arrival[:-1]]
    away = np.subtract(before[-1], partner.xy)
    spot = np.asarray(partner.xy) + MEETING_M * away / np.linalg.norm(away)
    onward = [scene.places[name].at for name in _stroll(scene, rng, [nearest], seconds=scene.frames / scene.fps)[1:]]
    points = (*before, (float(spot[0]), float(spot[1])), *onward)
    face = float(np.arctan2(-away[1], -away[0]))
    wait = Wait(len(before), max(partner.seconds - 1.5, 2.0), face, talk=True)
    errand = Errand(points, (wait,), speed_mps=speed)
    walk_s = float(lay_path(errand).marks[len(before)]) / speed
    return replace(errand, start_s=partner.start_s + 0.8 - walk_s)


def _turned_to(planned: Planned, comer: Track) -> Errand:
    """The errand of somebody who turns to the person who comes to meet them, and talks."""
    frames = np.flatnonzero(comer.gesture > 0.2)
    wait = int(planned.track.waiting[frames[0]]) if len(frames) else -1
    if wait < 0:
        return planned.errand
    towards = comer.xy[frames[0]] - planned.track.xy[frames[0]]
    return planned.errand.facing(wait, float(np.arctan2(towards[1], towards[0])))
