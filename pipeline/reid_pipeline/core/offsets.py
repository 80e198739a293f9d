"""From how far the clocks of pairs of cameras are apart to how far each camera's is ahead of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reid_pipeline.core.similarity import Float64

CERTAIN, LEAST_S = 3.0, 0.2
"""A clock is ahead when it is so by `CERTAIN` times the error and by `LEAST_S`."""

CENTRAL = 1.25
"""A reference is one whose errors are no more than so many times those of the best."""

ROUNDS = 10
"""How often the offsets are found again with less weight on lags that do not fit the others."""

DECIMALS = 2
"""Offsets are whole hundredths of a second, whatever the last bits of a sum are on this machine."""


@dataclass(frozen=True, slots=True)
class Lag:
    """The clock of `second` is `lag_s` ahead of that of `first`, give or take `error_s` (one standard deviation).

    `tracks` pairs of tracks say so.
    """

    first: str
    second: str
    lag_s: float
    error_s: float
    tracks: int


@dataclass(frozen=True, slots=True)
class Offset:
    """The clock of `camera` is `ahead_s` ahead of that of `reference`; `tracks` pairs of tracks tell of this camera.

    That is besides `given_s`, which was known before.
    """

    camera: str
    reference: str
    ahead_s: float
    error_s: float
    tracks: int
    given_s: float = 0.0

    @property
    def total_s(self) -> float:
        """What is to be taken off the camera's times."""
        return round(self.given_s + self.ahead_s, DECIMALS)

    @property
    def sure(self) -> bool:
        """Whether the clocks differ, and not just the tracks."""
        return abs(self.ahead_s) >= max(LEAST_S, CERTAIN * self.error_s)


def offsets(lags: Sequence[Lag], given_s: Mapping[str, float]) -> list[Offset]:
    """The offset of every camera that a lag is known of, by camera; lags are besides what was given.

    Cameras that no chain of lags connects have references of their own. A reference is one that the others are well
    compared with, and of those the one by which the fewest others are wrong: where one clock is, it is that which is
    ahead or behind.
    """
    found: list[Offset] = []
    for group in _connected(lags):
        inside = [lag for lag in lags if lag.first in group]
        tracks = {camera: sum(lag.tracks for lag in inside if camera in (lag.first, lag.second)) for camera in group}
        ahead_s, error_s = _solved(group, inside)
        views = [
            [
                Offset(camera, reference, ahead, error, tracks[camera], given_s.get(camera, 0.0))
                for camera, ahead, error in zip(group, of_ahead, of_error, strict=True)
            ]
            for reference, of_ahead, of_error in zip(group, ahead_s.tolist(), error_s.tolist(), strict=True)
        ]
        worst_s = CENTRAL * min(_doubt_s(view) for view in views)
        central = [view for view in views if _doubt_s(view) <= worst_s]
        chosen: list[Offset] = min(central, key=lambda view: _surprise(view, given_s))
        found += chosen
    return sorted(found, key=lambda offset: offset.camera)


def _surprise(view: Sequence[Offset], given_s: Mapping[str, float]) -> tuple[int, float, float]:
    """First of all how many clocks are wrong by this view; that one is whose offset was given; that one is behind."""
    wrong = sum(offset.sure for offset in view)
    return wrong, abs(given_s.get(view[0].reference, 0.0)), -sum(offset.ahead_s for offset in view)


def _doubt_s(view: Sequence[Offset]) -> float:
    return sum(offset.error_s for offset in view)


def _connected(lags: Sequence[Lag]) -> list[list[str]]:
    """The cameras in groups that lags connect, sorted."""
    group: dict[str, set[str]] = {}
    for lag in lags:
        joined = group.get(lag.first, {lag.first}) | group.get(lag.second, {lag.second})
        group.update(dict.fromkeys(joined, joined))
    return sorted(sorted(cameras) for cameras in {frozenset(joined) for joined in group.values()})


def _solved(cameras: Sequence[str], lags: Sequence[Lag]) -> tuple[Float64, Float64]:
    """How far each camera (column) is ahead of each (row), and the errors of that, float64 (cameras, cameras).

    By least squares; lags that fit badly weigh less.
    """
    place = {camera: i for i, camera in enumerate(cameras)}
    rows = np.zeros((len(lags), len(cameras)))
    for row, lag in zip(rows, lags, strict=True):
        row[place[lag.first]], row[place[lag.second]] = -1.0, 1.0
    rows = rows[:, 1:]
    lag_s, error_s = np.array([lag.lag_s for lag in lags]), np.array([lag.error_s for lag in lags])
    weight = 1.0 / error_s**2
    for _ in range(ROUNDS):
        normal = rows.T @ (rows * weight[:, None])
        solution = np.linalg.solve(normal, rows.T @ (lag_s * weight))
        misfit = np.abs(rows @ solution - lag_s) / error_s
        weight = 1.0 / (error_s**2 * np.maximum(1.0, misfit))
    ahead_s, shared = np.pad(solution, (1, 0)), np.pad(np.linalg.inv(normal), ((1, 0), (1, 0)))
    variance = np.diag(shared) + np.diag(shared)[:, None] - 2.0 * shared
    between_s = np.asarray(np.round(ahead_s - ahead_s[:, None], DECIMALS) + 0.0)  # never -0.0
    return between_s, np.asarray(np.round(np.sqrt(np.maximum(variance, 0.0)), DECIMALS))
