"""One camera's part of a journal: its tracker and crop chooser work as in a run, on simulated detections and looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.core.crops import CropChooser
from reid_pipeline.track.table import TrackerOptions, open_tracker
from reid_pipeline.types import NS_PER_S, Boxes, Crop, EncodedStep, Float32, Frame, Observation, as_float32
from reid_tools.scenarios.appearance import CameraLooks, Sight
from reid_tools.scenarios.layout import Scene, Watch
from reid_tools.scenarios.sensing import Found, detect, ghosts, joined
from reid_tools.scenarios.sight import Views, views
from reid_tools.scenarios.walking import Floats, Walk

CHUNK_FRAMES = 300
SHARPNESS = (0.8, 1.0)
MIXING = 1.5
LEAST_SHARE = 0.02
TRUE_VISIBILITY, TRUE_HEIGHT_PX = 0.25, 24.0


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One person in one frame, both from 1; `scored` is False for boxes too hidden or too small to be asked for."""

    frame: int
    person: int
    xyxy: tuple[float, float, float, float]
    scored: bool
    visible: float

    def line(self) -> str:
        """The row in MOTChallenge order: frame, id, x, y, w, h, flag, class, visibility."""
        x1, y1, x2, y2 = self.xyxy
        box = f"{x1:.1f},{y1:.1f},{x2 - x1:.1f},{y2 - y1:.1f}"
        return f"{self.frame},{self.person},{box},{int(self.scored)},1,{self.visible:.2f}"


@dataclass(frozen=True, slots=True)
class Filmed:
    """One frame of one camera: what a journal says of it, and what is true."""

    step: EncodedStep
    truth: tuple[TruthRow, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """When a camera films: from `start_s` to `end_s` of the true time, its first frame `phase_s` later."""

    start_s: float
    end_s: float
    phase_s: float


class Film:
    """One camera of a scene."""

    def __init__(
        self, scene: Scene, watch: Watch, walks: Sequence[Walk], *, looks: CameraLooks, seed: Sequence[int]
    ) -> None:
        self._scene, self._watch, self._walks, self._looks = scene, watch, walks, looks
        self._rng = np.random.default_rng(seed)
        self._tracker = open_tracker(TrackerOptions(), scene.fps)
        self._chooser = CropChooser()
        self._blank = np.zeros((watch.camera.height, watch.camera.width, 3), np.uint8)

    def frames(self, shift: Shift) -> Iterator[Filmed]:
        """The camera's frames in order, simulated in pieces, so a long scene needs no more memory than a short one.

        Times in the steps count from the start of the shift, by the camera's own clock.
        """
        fps = self._scene.fps
        count = int((shift.end_s - shift.start_s) * fps)
        for first in range(0, count, CHUNK_FRAMES):
            time_s = shift.phase_s + np.arange(first, min(count, first + CHUNK_FRAMES)) / fps
            seen, found = self._detected(shift.start_s + time_s)
            bounds = np.searchsorted(seen.frame, np.arange(len(time_s) + 1)).tolist()
            for number, rows in enumerate(map(slice, bounds, bounds[1:])):
                clock_ns = round((float(time_s[number]) + self._watch.clock_s) * NS_PER_S)
                frame = Frame(self._watch.camera.name, first + number, clock_ns, self._blank)
                scene = _Scenery(seen.person[rows], seen.xyxy[rows], seen.visible[rows], seen.side_rad[rows])
                boxes = _boxes(found.xyxy[rows], found.score[rows], found.found[rows])
                yield Filmed(self._step(frame, boxes, scene, float(time_s[number])), _truth(frame.index, scene))

    def _detected(self, time_s: Floats) -> tuple[Views, Found]:
        camera, frames, fps = self._watch.camera, len(time_s), self._scene.fps
        people = views(self._watch, self._scene.furniture, self._walks, time_s)
        nobody = ghosts(camera, frames=frames, fps=fps, per_min=self._scene.ghosts_per_min, rng=self._rng)
        seen = joined(people, nobody)
        return seen, detect(seen, camera, frames=frames, fps=fps, rng=self._rng)

    def _step(self, frame: Frame, boxes: Boxes, scenery: _Scenery, time_s: float) -> EncodedStep:
        update = self._tracker.update(frame, boxes)
        crops = self._chooser.choose(frame, update.tracked, update.ended)
        observations = tuple(self._encoded(crop, scenery, time_s) for crop in crops)
        return EncodedStep(frame.camera, frame.index, frame.timestamp_ns, update.tracked, observations, update.ended)

    def _encoded(self, crop: Crop, scenery: _Scenery, time_s: float) -> Observation:
        quality = crop.quality * float(self._rng.uniform(*SHARPNESS))
        vector = self._looks.look(scenery.inside(crop.xyxy), quality, time_s)
        return Observation(crop.camera, crop.track_id, crop.frame_index, crop.timestamp_ns, crop.xyxy, quality, vector)


@dataclass(frozen=True, slots=True)
class _Scenery:
    """Who is in one frame, N people and things: boxes (N, 4), the visible share and the side of each, (N,)."""

    person: NDArray[np.int64]
    xyxy: Floats
    visible: Floats
    side_rad: Floats

    def inside(self, xyxy: Float32) -> list[Sight]:
        """Whom a crop shows, by how much of it they fill; an encoder mostly speaks of whoever fills most."""
        corner, opposite = np.maximum(self.xyxy[:, :2], xyxy[:2]), np.minimum(self.xyxy[:, 2:], xyxy[2:])
        area = float(np.prod(xyxy[2:] - xyxy[:2]))
        share = np.clip(opposite - corner, 0.0, None).prod(axis=1) / area * self.visible
        weight = np.maximum(share, 0.0) ** MIXING
        rows = np.flatnonzero(share >= LEAST_SHARE * share.max(initial=0.0)).tolist()
        return [Sight(int(self.person[i]), float(self.side_rad[i]), float(weight[i])) for i in rows if weight[i] > 0.0]


def _boxes(xyxy: Floats, score: Floats, found: NDArray[np.bool_]) -> Boxes:
    return Boxes(as_float32(xyxy[found]), as_float32(score[found]))


def _truth(index: int, scenery: _Scenery) -> tuple[TruthRow, ...]:
    rows = []
    for person, xyxy, visible in zip(
        scenery.person.tolist(), scenery.xyxy.tolist(), scenery.visible.tolist(), strict=True
    ):
        if person >= 0:
            scored = visible >= TRUE_VISIBILITY and xyxy[3] - xyxy[1] >= TRUE_HEIGHT_PX
            rows.append(TruthRow(index + 1, person + 1, tuple(xyxy), scored, visible))
    return tuple(rows)
