"""From a scene to its clips and truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reid_pipeline.errors import RecordError
from reid_tools.footage.body import BodyModel
from reid_tools.footage.casting import cast
from reid_tools.footage.clip import ClipWriter
from reid_tools.footage.figure import Figure, dress
from reid_tools.footage.gait import leg_length_m, pose_at
from reid_tools.footage.planning import Seen, Walker, plan
from reid_tools.footage.props import build
from reid_tools.footage.render import Picture, View
from reid_tools.footage.scene import Scene
from reid_tools.footage.sensor import develop
from reid_tools.footage.stage import Solid, Stage
from reid_tools.footage.truth import TruthRow, truth_row, write_boxes, write_cameras, write_floor
from reid_tools.footage.walking import Track
from reid_tools.footage.wardrobe import Person

MAX_RANGE_M = 15.0  # people further away do not count as seen when errands are planned


@dataclass(frozen=True, slots=True)
class Production:
    """A scene with everything drawn and decided: its people, their figures and where each is at every frame."""

    scene: Scene
    people: tuple[Person, ...]
    figures: tuple[Figure, ...]
    tracks: tuple[Track, ...]
    stage: Stage

    def solids(self, frame: int) -> list[Solid]:
        """The people of one frame (from 0)."""
        return [
            Solid(
                figure.mesh(
                    pose_at(figure.joints, person.gait, track.motion(frame, self.scene.fps)),
                    position=(float(track.xy[frame, 0]), float(track.xy[frame, 1])),
                    heading_rad=float(track.heading_rad[frame]),
                )
            )
            for person, figure, track in zip(self.people, self.figures, self.tracks, strict=True)
        ]


def prepare(scene: Scene, bodies: BodyModel, *, people: Sequence[Person] | None = None) -> Production:
    """Cast, dress and plan a scene; `people` replaces the cast that its seed draws."""
    people = tuple(people or cast(scene.people, seed=scene.cast_seed))
    figures = tuple(dress(bodies.body(person.build), person.look) for person in people)
    stage = Stage(build(scene.props), scene.light)
    walkers = [Walker(person.gait, leg_length_m(figure.joints)) for person, figure in zip(people, figures, strict=True)]
    return Production(scene, people, figures, plan(scene, walkers, seen_on(stage, scene)), stage)


def seen_on(stage: Stage, scene: Scene) -> Seen:
    """Whether somebody's chest at floor positions is in a camera's picture, near enough and not behind the stage."""

    def seen(camera: int, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        view = scene.cameras[camera]
        chest = np.concatenate([xy, np.full((len(xy), 1), 1.2)], axis=1).astype(np.float32)
        pixel, depth = view.project(chest)
        margin = 0.03 * view.width
        inside = (pixel[:, 0] > margin) & (pixel[:, 0] < view.width - margin) & (pixel[:, 1] > margin)
        inside &= (pixel[:, 1] < view.height - margin) & (depth > 1.0) & (depth < MAX_RANGE_M)
        origin = np.broadcast_to(np.array(view.position, np.float32), chest.shape)
        span = chest - origin
        distance = np.linalg.norm(span, axis=1, keepdims=True)
        hits = stage.tracer.cast(origin, (span / distance).astype(np.float32))
        hidden = (hits.triangle >= 0) & (hits.distance < distance[:, 0])
        return np.asarray(inside & ~hidden)

    return seen


def produce(
    scene: Scene, output: Path, *, frames: int | None = None, progress: Callable[[int, int], None] | None = None
) -> None:
    """Render `scene` into `output`: one clip and one truth file per camera, `floor.csv` and `cameras.json`.

    The truth is a function of the scene: running again gives the same bytes. The clips show the same, but their bytes
    also depend on the x264 build.

    Args:
        scene: what to render.
        output: the folder for the files; made when it is absent.
        frames: how many frames to render from the start, all by default.
        progress: called after every frame with the number done and the number in all.

    Raises:
        RecordError: `output` cannot be written.
        MissingExtra: a package of the `[footage]` extra is missing.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(
            f"{output}: expected a folder that can be written, got {error.strerror}; choose another --output"
        ) from None
    count = scene.frames if frames is None else min(frames, scene.frames)
    production = prepare(scene, BodyModel())
    views = [View(production.stage, camera) for camera in scene.cameras]
    rows: list[list[TruthRow]] = [[] for _ in views]
    with ExitStack() as stack:
        clips = [
            stack.enter_context(ClipWriter(output / f"{c.name}.mp4", width=c.width, height=c.height, fps=scene.fps))
            for c in scene.cameras
        ]
        for frame in range(count):
            solids = production.solids(frame)
            for number, (view, camera) in enumerate(zip(views, scene.cameras, strict=True)):
                picture = view.render(solids)
                clips[number].write(develop(picture.light, camera.sensor, seed=(scene.cast_seed, number, frame)))
                rows[number] += _rows(frame, picture, camera.width, camera.height)
            if progress is not None:
                progress(frame + 1, count)
    for camera, camera_rows in zip(scene.cameras, rows, strict=True):
        write_boxes(output / f"gt_{camera.name}.txt", camera_rows)
    write_floor(output / "floor.csv", [track.xy[:count] for track in production.tracks])
    write_cameras(output / "cameras.json", scene, frames=count)


def _rows(frame: int, picture: Picture, width: int, height: int) -> Iterator[TruthRow]:
    for index, sighting in enumerate(picture.sightings):
        if sighting is not None:
            row = truth_row(frame + 1, index + 1, sighting, width=width, height=height)
            if row is not None:
                yield row
