"""How much later by one camera's clock than by another's the same people do the same things.

Two tracks of one person, seen by two cameras at once, are one walk over one floor: they lie closest at the lag of the
clocks. Where floor positions are not known, the pictures themselves tell: one homography takes the floor of the first
picture to that of the second, for every walk at once, and only at the right lag does it fit people who walk both ways.
Cameras that share no view see people pass from one to the other: they need as long back as there, so half of what one
way seems to take longer is the clocks' doing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.meetings import LONGEST_LAG_S
from reid_pipeline.core.similarity import Float64, on_grid

STEP_S, COARSE_S = 0.05, 0.25

MOMENTS = 6
"""So many common moments, half a second apart, make a comparison."""

NEAR_M, CLEARLY_M, FAR_M = 1.0, 0.25, 3.0
"""Two tracks are one walk when they come within `NEAR_M` of each other, on average over its moments, and are farther
apart by `CLEARLY_M` a second before and after: who stands still says nothing of time. Farther than `FAR_M` is far."""

BODY_M = 1.7
"""In a picture, metres are counted in body heights."""

FIT_ROUNDS, FIT_MOMENTS = 4, 12
"""How often a homography is fitted again with less weight on what it does not fit, and to how much of each walk."""

LEAST_OFF_M = 0.2
"""Feet are off by so much anyhow; what fits better does not weigh more."""

Track = Float64
"""Rows by time: seconds, x and y in metres (N, 3), or seconds, x and y and the height of the box in pixels (N, 4)."""


def walk_lag_s(a: Track, b: Track) -> float | None:
    """How much later the walk `b` is than `a`, in coordinates of one floor or of b's picture; None if unclear."""
    if min(len(a), len(b)) < MOMENTS:
        return None
    lags_s = _lags(0.0, LONGEST_LAG_S, STEP_S)
    common, there = _sampled(a[:, 0], b, lags_s)
    moments = common.sum(axis=1)
    off_m = np.where(common, _off_m(a.T[1:3], there), 0.0).sum(axis=1)
    best = _clearly_lowest(np.where(moments >= MOMENTS, off_m / np.maximum(moments, 1), np.inf), STEP_S)
    return None if best is None else float(lags_s[best])


def picture_lags_s(pairs: Collection[tuple[Track, Track]]) -> list[float]:
    """How much later each second walk is than the first, seen in the pictures of two cameras with a common floor.

    Empty where it cannot be told, as when everybody walks one way: a floor that is moved along fits as well then.
    """
    coarse_s = _lags(0.0, LONGEST_LAG_S, COARSE_S)
    best = _clearly_lowest(np.array([off_m for _, off_m in _floors(pairs, coarse_s)]), COARSE_S)
    if best is None:
        return []
    fine_s = _lags(float(coarse_s[best]), COARSE_S - STEP_S, STEP_S)
    floor = min(_floors(pairs, fine_s), key=lambda fitted: fitted[1])[0]
    told = [walk_lag_s(np.column_stack([a[:, 0], _moved(a[:, 1:3], floor)]), b) for a, b in pairs]
    return [lag_s for lag_s in told if lag_s is not None]


def passage_lags_s(there_s: Iterable[float], back_s: Collection[float]) -> list[float]:
    """What each passage to a camera, with each passage back, says of that camera's lag: N * M values."""
    return [(there - back) / 2 for there in there_s for back in back_s]


def _lags(middle_s: float, reach_s: float, step_s: float) -> Float64:
    steps = round(reach_s / step_s)
    return np.asarray(middle_s + np.arange(-steps, steps + 1) * step_s)


def _sampled(time_s: Float64, track: Track, lags_s: Float64) -> tuple[NDArray[np.bool_], list[Float64]]:
    """Where `track` was at `time_s` (N,) plus each lag (L,): where that is known, and its columns, each (L, N)."""
    at_s = on_grid(time_s[None, :] + lags_s[:, None])
    known = (at_s >= track[0, 0]) & (at_s <= track[-1, 0])
    return known, [on_grid(np.interp(at_s, track[:, 0], column)) for column in track.T[1:]]


def _off_m(here: Float64, there: Sequence[Float64]) -> Float64:
    """The distance of positions, in metres, at most `FAR_M`; with heights in `there` positions are pixels."""
    dx, dy = here[0] - there[0], here[1] - there[1]
    # not hypot, which C libraries round as they like
    distance = np.sqrt(dx * dx + dy * dy)
    in_metres = distance if len(there) == 2 else distance / np.maximum(there[2], 1.0) * BODY_M
    return on_grid(np.minimum(in_metres, FAR_M))


def _clearly_lowest(cost_m: Float64, step_s: float) -> int | None:
    """The index of the lowest cost, if that is near enough and a second to both sides is clearly more."""
    best, second = int(cost_m.argmin()), round(1.0 / step_s)
    sides = cost_m[max(0, best - second)], cost_m[min(len(cost_m) - 1, best + second)]
    clear = cost_m[best] <= NEAR_M and min(sides) >= cost_m[best] + CLEARLY_M
    return best if clear and 0 < best < len(cost_m) - 1 else None


# -- a floor that two pictures share -----------------------------------------------------------------------------------


def _floors(pairs: Collection[tuple[Track, Track]], lags_s: Float64) -> list[tuple[Float64, float]]:
    """For each lag the homography (3, 3) from the first picture to the second, and what it is off by, metres."""
    known, here, there = _matched(pairs, lags_s)
    return [_floor(here[:, seen], there[:, place, seen]) for place, seen in enumerate(known)]


def _floor(here: Float64, there: Float64) -> tuple[Float64, float]:
    """The homography that takes `here` (2, N) to `there` (3, N), with heights, and its mean error in metres."""
    if here.shape[1] < MOMENTS:
        return np.eye(3), np.inf
    weights, to_here, to_there = np.ones(here.shape[1]), _evened(here.T), _evened(there[:2].T)
    conditions = _conditions(_moved(here.T, to_here), _moved(there[:2].T, to_there))
    from_there = np.linalg.inv(to_there)
    for _ in range(FIT_ROUNDS):
        # its last bits are the machine's own; they are gone when a lag is chosen, which is a multiple of STEP_S
        _, vectors = np.linalg.eigh((conditions * np.tile(weights, 2)) @ conditions.T)
        floor = np.asarray(from_there @ vectors[:, 0].reshape(3, 3) @ to_here)
        off_m = _off_m(_moved(here.T, floor).T, list(there))
        weights = 1.0 / (LEAST_OFF_M + off_m)
    return floor, float(off_m.mean())


def _matched(pairs: Collection[tuple[Track, Track]], lags_s: Float64) -> tuple[NDArray[np.bool_], Float64, Float64]:
    """Where people were at the same moments, N of all walks: which are known at each of L lags (L, N), x and y in the
    first picture (2, N), and x, y and height in the second (3, L, N)."""
    known, here = [np.zeros((len(lags_s), 0), np.bool_)], [np.zeros((2, 0))]
    there = [np.zeros((3, len(lags_s), 0))]
    for a, b in (pair for pair in pairs if min(map(len, pair))):
        some = a[:: math.ceil(len(a) / FIT_MOMENTS)]
        seen, columns = _sampled(some[:, 0], b, lags_s)
        known.append(seen)
        here.append(some.T[1:3])
        there.append(np.stack(columns))
    return np.concatenate(known, axis=1), np.concatenate(here, axis=1), np.concatenate(there, axis=2)


def _conditions(here: Float64, there: Float64) -> Float64:
    """What a homography that takes points (N, 2) to points (N, 2), as a row of nine, makes zero: (9, 2 N)."""
    (x, y), (u, v) = here.T, there.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    return np.concatenate(
        [
            np.stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u]),
            np.stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v]),
        ],
        axis=1,
    )


def _evened(points: Float64) -> Float64:
    """Moves points to around 0 and scales them to about 1, without which the fit would be badly conditioned."""
    middle = np.median(points, axis=0)
    scale = 1.0 / max(1e-9, float(np.abs(points - middle).mean()))
    return np.array([[scale, 0.0, -scale * middle[0]], [0.0, scale, -scale * middle[1]], [0.0, 0.0, 1.0]])


def _moved(points: Float64, homography: Float64) -> Float64:
    """Points (N, 2) through a homography; those at its horizon go far away."""
    x, y, w = homography[:, :2] @ points.T + homography[:, 2:]
    return np.asarray(np.stack([x, y], axis=1) / np.where(np.abs(w) < 1e-9, 1e-9, w)[:, None])
