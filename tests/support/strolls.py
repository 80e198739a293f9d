"""A made-up hall that two cameras see and a yard that one sees: people stroll, and every clock shows what it likes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot

import numpy as np

from made_up_site import look
from reid_pipeline.core.motion import Homography
from reid_pipeline.core.topology import Topology
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import NS_PER_S, EncodedStep, Observation, TrackedBoxes, TrackletKey, as_float32

FRAME_S = 0.1
LOOK_EVERY = 10
BODY_M = 1.7

LEFT = np.array([[100.0, 20.0, 300.0], [10.0, -40.0, 700.0], [0.0, 0.02, 1.0]])
"""From metres on the floor to pixels of the camera."""
RIGHT = np.array([[-90.0, 15.0, 1200.0], [5.0, 45.0, 300.0], [0.002, -0.03, 1.0]])
YARD = np.array([[80.0, 0.0, 400.0], [0.0, -30.0, 200.0], [0.0, 0.0, 1.0]])
VIEWS = {"left": LEFT, "right": RIGHT, "yard": YARD}
LAYOUT: Mapping[str, frozenset[str]] = {"left": frozenset({"right"}), "yard": frozenset()}

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stroll:
    """Somebody who passes `places` (metres) one after the other, from `start_s` of the true time on."""

    person: int
    start_s: float
    places: tuple[Place, ...]
    speed_m_s: float = 1.3

    def at(self, time_s: float) -> Place | None:
        """Where they are, None before and afterwards."""
        left_m = (time_s - self.start_s) * self.speed_m_s
        for (x, y), (to_x, to_y) in pairwise(self.places):
            length_m = hypot(to_x - x, to_y - y)
            if 0.0 <= left_m <= length_m:
                share = left_m / length_m
                return x + share * (to_x - x), y + share * (to_y - y)
            left_m -= length_m
        return None

    @property
    def end_s(self) -> float:
        """When they arrive."""
        return self.start_s + sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(self.places)) / self.speed_m_s


def sees(camera: str, place: Place) -> bool:
    """The yard ends at y = -6, the hall begins at y = 0."""
    return place[1] <= -6.0 if camera == "yard" else place[1] >= 0.0


def topology(*, calibrated: bool, ahead_s: Mapping[str, float] | None = None) -> Topology:
    """The layout, with or without the floor."""
    floor = {name: Homography(_rows(np.linalg.inv(view))) for name, view in VIEWS.items()} if calibrated else {}
    return Topology(LAYOUT, floor=floor, ahead_s=ahead_s or {})


def _rows(matrix: np.ndarray) -> tuple[tuple[float, float, float], ...]:
    return tuple((float(a), float(b), float(c)) for a, b, c in matrix)


def filmed(strolls: Sequence[Stroll], clocks_s: Mapping[str, float]) -> list[Tracklet]:
    """What the cameras make of it: a track for everybody in view, a look every second."""
    found: dict[TrackletKey, Tracklet] = {}
    for step in steps(strolls, clocks_s):
        for track_id, xyxy in zip(step.tracked.track_id.tolist(), step.tracked.xyxy.tolist(), strict=True):
            key = TrackletKey(step.camera, track_id)
            begun = found.setdefault(key, Tracklet(key, step.timestamp_ns, step.timestamp_ns))
            begun.see(step.timestamp_ns, xyxy, None)
        for observation in step.observations:
            found[TrackletKey(step.camera, observation.track_id)].observe(observation)
    return [found[key] for key in sorted(found) if len(found[key].looks)]


def steps(strolls: Sequence[Stroll], clocks_s: Mapping[str, float]) -> Iterator[EncodedStep]:
    """The same frame by frame, by the time that the cameras' clocks show."""
    last_s = max(stroll.end_s for stroll in strolls) + max(clocks_s.values()) + 1.0
    for index in range(round(last_s / FRAME_S)):
        for camera, ahead_s in clocks_s.items():
            yield _step(camera, index, [(s.person, s.at(index * FRAME_S - ahead_s)) for s in strolls])


def _step(camera: str, index: int, places: Sequence[tuple[int, Place | None]]) -> EncodedStep:
    shown_ns = round(index * FRAME_S * NS_PER_S)
    seen = [(person, box_of(camera, at)) for person, at in places if at is not None and sees(camera, at)]
    boxes = as_float32([box for _, box in seen]).reshape(-1, 4)
    track_ids = np.array([person + 1 for person, _ in seen], np.int64)
    observations = tuple(
        Observation(camera, person + 1, index, shown_ns, box, 0.8, look(person, 0.03, (person, index, len(camera))))
        for (person, _), box in zip(seen, boxes, strict=True)
        if index % LOOK_EVERY == 0
    )
    tracked = TrackedBoxes(boxes, np.ones(len(boxes), np.float32), track_ids)
    return EncodedStep(camera, index, shown_ns, tracked, observations, ())


def box_of(camera: str, place: Place) -> tuple[float, float, float, float]:
    """The box of somebody who stands there."""
    x, y, w = VIEWS[camera] @ (*place, 1.0)
    left, _, near = VIEWS[camera] @ (place[0] + BODY_M, place[1], 1.0)
    height = abs(left / near - x / w)
    return x / w - height / 5, y / w - height, x / w + height / 5, y / w
