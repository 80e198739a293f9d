"""Where a person is at every frame of an errand: along a path, slowing for stops, turning, stepping in time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.gait import GaitStyle, Motion, stride_m

Array64 = NDArray[np.float64]

STEPS_PER_S = 20
ACCELERATION = 1.1  # m/s2
TURN_RATE = np.radians(150.0)  # rad/s
PATH_STEP_M = 0.05


@dataclass(frozen=True, slots=True)
class Wait:
    """A stop of `seconds` at a point of an errand, facing `face_rad` (ahead when None); `talk` moves the hands."""

    point: int
    seconds: float
    face_rad: float | None = None
    talk: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """A walk past `points` (metres) at `speed_mps`, `lateral_m` to the right of the straight lines between them.

    It starts at `start_s` of the recording, which may be before its first frame.
    """

    points: tuple[tuple[float, float], ...]
    waits: tuple[Wait, ...] = ()
    start_s: float = 0.0
    speed_mps: float = 1.3
    lateral_m: float = 0.0

    def facing(self, wait: int, face_rad: float) -> Errand:
        """The same errand, facing `face_rad` and talking during its wait number `wait`."""
        waits = list(self.waits)
        waits[wait] = replace(waits[wait], face_rad=face_rad, talk=True)
        return replace(self, waits=tuple(waits))


@dataclass(frozen=True, slots=True)
class Track:
    """One person at every frame: place (T, 2) m, heading, speed, `phase` in strides and `gesture` 0..1 (each (T,)).

    `waiting` (T,) is the number of the wait that is under way, -1 while walking.
    """

    xy: Array64
    heading_rad: Array64
    speed_mps: Array64
    phase: Array64
    gesture: Array64
    waiting: NDArray[np.int64]

    def motion(self, frame: int, fps: int) -> Motion:
        """What the gait needs to know about one frame."""
        return Motion(float(self.phase[frame]), float(self.speed_mps[frame]), frame / fps, float(self.gesture[frame]))


@dataclass(frozen=True, slots=True)
class Path:
    """A rounded polyline `xy` (N, 2) with the distance walked (N,) and the direction (N,), unwrapped, at each point.

    `marks` are the distances at which the points of the errand are reached.
    """

    xy: Array64
    distance: Array64
    angle_rad: Array64
    marks: Array64

    @property
    def length_m(self) -> float:
        return float(self.distance[-1])

    def at(self, distance: float) -> tuple[float, float]:
        x, y = (float(np.interp(distance, self.distance, self.xy[:, axis])) for axis in range(2))
        return x, y

    def heading(self, distance: float) -> float:
        """The direction of the path just ahead of that distance."""
        return float(np.interp(distance + 0.25, self.distance, self.angle_rad))


def lay_path(errand: Errand) -> Path:
    """The path of an errand with its corners rounded."""
    points = np.asarray(errand.points, float)
    steps = np.diff(points, axis=0)
    right = np.stack([steps[:, 1], -steps[:, 0]], axis=-1) / np.maximum(
        np.linalg.norm(steps, axis=1, keepdims=True), 1e-9
    )
    side = np.concatenate([right[:1], 0.5 * (right[1:] + right[:-1]), right[-1:]])
    points = points + errand.lateral_m * side
    curve = points
    for _ in range(3):
        cut = np.stack([0.75 * curve[:-1] + 0.25 * curve[1:], 0.25 * curve[:-1] + 0.75 * curve[1:]], axis=1).reshape(
            -1, 2
        )
        curve = np.concatenate([curve[:1], cut, curve[-1:]])
    walked = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    distance = np.arange(0.0, walked[-1] + PATH_STEP_M, PATH_STEP_M)
    curve = np.stack([np.interp(distance, walked, curve[:, axis]) for axis in range(2)], axis=-1)
    # a point is reached where the rounded path comes closest to it, before it has gone much further than straight there
    marks, first = [0.0], 0
    for point, straight_m in zip(points[1:], np.linalg.norm(np.diff(points, axis=0), axis=1), strict=True):
        last = first + int((straight_m + 0.5) / PATH_STEP_M)
        first += int(np.argmin(np.linalg.norm(curve[first:last] - point, axis=1)))
        marks.append(distance[first])
    along = np.gradient(curve, axis=0)
    return Path(curve, distance, np.unwrap(np.arctan2(along[:, 1], along[:, 0])), np.asarray(marks))


def follow(errand: Errand, gait: GaitStyle, leg_m: float, *, frames: int, fps: int) -> Track:
    """The track of a person with that gait and legs of `leg_m` on an errand. Who arrives early stays at the end."""
    path = lay_path(errand)
    walker = _Walker(errand, path, gait, leg_m)
    steps = round(max(0.0, -errand.start_s) * STEPS_PER_S)
    for _ in range(steps):
        walker.advance()
    per_frame, delay = STEPS_PER_S // fps, round(max(0.0, errand.start_s) * STEPS_PER_S)
    rows = []
    for frame in range(frames):
        rows.append(walker.row())
        for step in range(per_frame):
            if frame * per_frame + step >= delay:
                walker.advance()
    table = np.asarray(rows)
    return Track(table[:, :2], table[:, 2], table[:, 3], table[:, 4], table[:, 5], table[:, 6].astype(np.int64))


class _Walker:
    """The state that `follow` integrates."""

    def __init__(self, errand: Errand, path: Path, gait: GaitStyle, leg_m: float) -> None:
        self.errand, self.path, self.gait, self.leg_m = errand, path, gait, leg_m
        self.distance, self.speed, self.phase, self.gesture = 0.0, errand.speed_mps, (gait.seed % 97) / 97, 0.0
        self.heading = path.heading(0.0)
        self.next_wait, self.left_s = 0, errand.waits[0].seconds if errand.waits else 0.0

    def row(self) -> tuple[float, ...]:
        x, y = self.path.at(self.distance)
        return (x, y, self.heading, self.speed, self.phase, self.gesture, self._waiting())

    def _waiting(self) -> int:
        """The number of the wait under way, -1 while walking."""
        standing = self.next_wait < len(self.errand.waits) and self._ahead() < 0.05 and self.speed < 0.05
        return self.next_wait if standing else -1

    def _ahead(self) -> float:
        """Metres to the next stop, or to the end of the path."""
        if self.next_wait < len(self.errand.waits):
            return float(self.path.marks[self.errand.waits[self.next_wait].point]) - self.distance
        return self.path.length_m - self.distance

    def advance(self) -> None:
        """Move on by one time step."""
        dt = 1 / STEPS_PER_S
        ahead = self._ahead()
        waiting = self._waiting() >= 0
        if waiting:
            self.left_s -= dt
            if self.left_s <= 0:
                self.next_wait += 1
                self.left_s = (
                    self.errand.waits[self.next_wait].seconds if self.next_wait < len(self.errand.waits) else 0.0
                )
        wanted = (
            0.0 if ahead < 0.03 else min(self.errand.speed_mps, math.sqrt(2 * ACCELERATION * max(ahead - 0.02, 0.0)))
        )
        self.speed += min(max(wanted - self.speed, -2 * ACCELERATION * dt), ACCELERATION * dt)
        self.speed = max(self.speed, 0.0) if ahead > 0.01 else 0.0
        self.distance = min(self.distance + self.speed * dt, self.path.length_m)
        self.phase += self.speed * dt / stride_m(self.gait, self.leg_m, self.speed)
        self._turn(waiting, dt)
        talk = waiting and self.errand.waits[self.next_wait].talk if self.next_wait < len(self.errand.waits) else False
        self.gesture += min(max((1.0 if talk else 0.0) - self.gesture, -1.2 * dt), 1.2 * dt)

    def _turn(self, waiting: bool, dt: float) -> None:
        wanted = self.path.heading(self.distance)
        if waiting and self.next_wait < len(self.errand.waits):
            face = self.errand.waits[self.next_wait].face_rad
            wanted = self.heading if face is None else face
        elif self.speed < 0.05:
            wanted = self.heading
        error = (wanted - self.heading + np.pi) % (2 * np.pi) - np.pi
        self.heading += min(max(error * 5 * dt, -TURN_RATE * dt), TURN_RATE * dt)
