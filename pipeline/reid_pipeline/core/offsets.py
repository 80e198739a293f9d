"""From how far the clocks of pairs of cameras are apart to how far each camera's is ahead of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reid_pipeline.core.similarity import Float64

CERTAIN, LEAST_S = 3.0, 0.2
"""A clock is ahead when it is so by `CERTAIN` times the error and by `LEAST_S`."""

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

    Cameras that no chain of lags connects have references of their own. A reference is the camera whose clock is the
    middle one of those that are connected, so that where one clock is wrong, it is that one which is ahead or behind.
    """
    found: list[Offset] = []
    for group in _connected(lags):
        inside = [lag for lag in lags if lag.first in group]
        ahead_s, _ = _solved(group, inside, reference=0)
        middle = sorted(range(len(group)), key=lambda place: (ahead_s[place], group[place]))[(len(group) - 1) // 2]
        ahead_s, error_s = _solved(group, inside, reference=middle)
        for place, camera in enumerate(group):
            tracks = sum(lag.tracks for lag in inside if camera in (lag.first, lag.second))
            ahead, error = (round(float(value), DECIMALS) for value in (ahead_s[place], error_s[place]))
            given = given_s.get(camera, 0.0)
            found.append(Offset(camera, group[middle], ahead + 0.0, error, tracks, given))
    return sorted(found, key=lambda offset: offset.camera)


def _connected(lags: Sequence[Lag]) -> list[list[str]]:
    """The cameras in groups that lags connect, sorted."""
    group: dict[str, set[str]] = {}
    for lag in lags:
        joined = group.get(lag.first, {lag.first}) | group.get(lag.second, {lag.second})
        group.update(dict.fromkeys(joined, joined))
    return sorted(sorted(cameras) for cameras in {frozenset(joined) for joined in group.values()})


def _solved(cameras: Sequence[str], lags: Sequence[Lag], *, reference: int) -> tuple[Float64, Float64]:
    """The offsets that fit the lags best, and their errors, both (cameras,); lags that fit badly weigh less."""
    place = {camera: i for i, camera in enumerate(cameras)}
    rows = np.zeros((len(lags), len(cameras)))
    for row, lag in zip(rows, lags, strict=True):
        row[place[lag.first]], row[place[lag.second]] = -1.0, 1.0
    rows = np.delete(rows, reference, axis=1)
    lag_s, error_s = np.array([lag.lag_s for lag in lags]), np.array([lag.error_s for lag in lags])
    weight = 1.0 / error_s**2
    for _ in range(ROUNDS):
        normal = rows.T @ (rows * weight[:, None])
        solution = np.linalg.solve(normal, rows.T @ (lag_s * weight))
        misfit = np.abs(rows @ solution - lag_s) / error_s
        weight = 1.0 / (error_s**2 * np.maximum(1.0, misfit))
    spread = np.sqrt(np.diag(np.linalg.inv(normal)))
    return np.insert(solution, reference, 0.0), np.insert(spread, reference, 0.0)
