"""Pedestrians, rendered by `reid_tools.footage`; this needs the `[footage]` extra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reid_pipeline.types import Image
from reid_tools.footage.body import BodyModel
from reid_tools.footage.camera import Camera
from reid_tools.footage.casting import person
from reid_tools.footage.figure import dress
from reid_tools.footage.gait import Motion, pose_at
from reid_tools.footage.geometry import Array, Mesh, cylinder
from reid_tools.footage.render import View
from reid_tools.footage.sensor import encode_srgb
from reid_tools.footage.stage import Light, Solid, Stage
from reid_tools.occlusion.draw.render import trimmed

# people of a cast of their own, so that no sample or training set shows them as somebody to be found
_CAST_SEED = 990_001
_SAMPLES = 4
_SKY = Light(sun_to=(-0.5, -0.65, 0.8), sun=(0.95, 0.9, 0.82), sky=(0.5, 0.54, 0.6), bounce=(0.2, 0.19, 0.18))


@dataclass(frozen=True, slots=True)
class Passer:
    """A member of the cast at one moment of the walk; `heading_deg` 0 comes towards the camera."""

    number: int
    heading_deg: float
    phase: float
    speed_mps: float
    camera_height_m: float = 2.2
    gesture: float = 0.0


PASSERS = (
    Passer(15, 15, 0.95, 1.4),
    Passer(8, 224, 0.04, 1.4, camera_height_m=2.6),
    Passer(16, 88, 0.08, 1.5),
    Passer(17, 161, 0.21, 1.2, camera_height_m=3.2),
    Passer(0, 30, 0.30, 0.0, gesture=0.7),
    Passer(19, 285, 0.52, 1.5, camera_height_m=2.8),
)


def pedestrians() -> list[Image]:
    """The cut-outs, uint8 (h, w, 4) RGBA. Raises `MissingExtra` without the `[footage]` extra."""
    bodies = BodyModel()
    # rays need something to miss: a speck of stage out of sight
    speck = cylinder(0.01, 0.01, sides=3).moved((0, 0, -90))
    stage = Stage([Mesh(speck.vertices, speck.faces, speck.vertices, lambda places, normals: 0 * normals)], _SKY)
    return [_cut_out(stage, bodies, passer) for passer in PASSERS]


def _cut_out(stage: Stage, bodies: BodyModel, passer: Passer) -> Image:
    who = person(_CAST_SEED, passer.number)
    figure = dress(bodies.body(who.build), who.look)
    motion = Motion(passer.phase, passer.speed_mps, time_s=10.0 * passer.number, gesture=passer.gesture)
    pose = pose_at(figure.joints, who.gait, motion)
    # the camera stands at -y
    solid = Solid(figure.mesh(pose, position=(0.0, 0.0), heading_rad=np.radians(passer.heading_deg - 90)))
    camera = Camera("studio", (0.0, -6.5, passer.camera_height_m), (0.0, 0.0, 0.9), 17.5, width=240, height=300)
    view = View(stage, camera, samples=_SAMPLES)
    light, empty = view.render([solid]).light, view.render([]).light
    alpha = _coverage(camera, solid)[..., None]
    own = (light - (1 - alpha) * empty) / np.maximum(alpha, 1e-6)
    coded = encode_srgb(np.clip(own, 0, 1).astype(np.float32))
    return trimmed(np.rint(np.concatenate([coded, alpha], axis=-1) * 255).astype(np.uint8))


def _coverage(camera: Camera, solid: Solid) -> Array:
    """The share (H, W) of each pixel's rays that meet the solid."""
    rows, columns = camera.height * _SAMPLES, camera.width * _SAMPLES
    row, column = (grid.ravel() for grid in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
    directions = camera.rays((column + 0.5) / _SAMPLES, (row + 0.5) / _SAMPLES)
    start = np.broadcast_to(np.array(camera.position, np.float32), directions.shape)
    hit = solid.tracer.cast(start, directions).triangle >= 0
    return np.asarray(hit.reshape(camera.height, _SAMPLES, camera.width, _SAMPLES).mean(axis=(1, 3)))
