"""One crop of one person, as a detector would cut it from one camera's picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.body import BodyModel
from reid_tools.footage.camera import Camera
from reid_tools.footage.figure import Figure, dress
from reid_tools.footage.gait import GaitStyle, Motion, pose_at
from reid_tools.footage.geometry import Array, Mesh, Surface
from reid_tools.footage.identities_cameras import Post, Processing, camera_numbers, light_of_the_day, post
from reid_tools.footage.identities_people import everyday
from reid_tools.footage.render import Picture, View
from reid_tools.footage.sensor import develop
from reid_tools.footage.stage import Solid

CROP_HEIGHT_PX = 256
FINE_PX = 160  # smaller windows are cast with four rays a pixel
MIN_VISIBLE = 0.62  # share of a person that others leave to be seen
_GOLDEN_RAD = 2.399963  # turning on by this angle visits all directions evenly, however often
_BYSTANDERS, _BYSTANDER_SEED = 48, 1 << 40  # far from the seeds of identities


@dataclass(frozen=True, slots=True)
class Character:
    """A dressed person and the walk."""

    figure: Figure
    gait: GaitStyle


class Photographer:
    """Takes crops of people; holds the body model and the passers-by who get into the picture."""

    def __init__(self) -> None:
        self._bodies = BodyModel()
        self._bystander = lru_cache(maxsize=_BYSTANDERS)(self.character)

    def character(self, seed: int) -> Character:
        """The person with that seed, dressed."""
        person = everyday(seed)
        return Character(dress(self._bodies.body(person.build), person.look), person.gait)

    def crop(self, character: Character, identity: int, number: int) -> NDArray[np.uint8]:
        """Crop `number` (from 0) of the person with seed `identity`: uint8 (256, W, 3) BGR."""
        rng = np.random.default_rng((identity, number, 79))
        where = post(camera_of(identity, number))
        xy = where.spots[int(rng.integers(len(where.spots)))]
        turn = np.random.default_rng((identity, 80)).uniform(0, 2 * np.pi) + _GOLDEN_RAD * number
        facing = float(turn + rng.normal(0, 0.3))
        mesh = _wrinkled(_placed(rng, character, xy, facing), rng)
        window = _box(rng, where.camera, mesh)
        picture = self._picture(rng, where, window, mesh, xy)
        light = _moved(rng, metered(picture.light * window.sensor.exposure) / window.sensor.exposure)
        # one ray a pixel leaves jagged edges
        softest = 0.0 if window.height < FINE_PX else 0.6
        sensor = replace(window.sensor, blur_px=max(window.sensor.blur_px, softest))
        frame = develop(light, sensor, seed=(identity, number))
        return delivered(frame, where.processing)

    def _picture(
        self, rng: np.random.Generator, where: Post, window: Camera, mesh: Mesh, xy: NDArray[np.float64]
    ) -> Picture:
        stage = where.stage.under(light_of_the_day(rng, indoors=where.indoors))
        fine = window.height < FINE_PX
        view = View(stage, window, samples=2 if fine else 1, sky_rays=4 if fine else 8)
        solid = Solid(mesh)
        picture = view.render([solid, *self._others(rng, xy)])
        sighting = picture.sightings[0]
        if sighting is None or sighting.visible_px < MIN_VISIBLE * sighting.area_px:
            return view.render([solid])
        return picture

    def _others(self, rng: np.random.Generator, xy: NDArray[np.float64]) -> list[Solid]:
        """Passers-by next to, behind or half in front of somebody at `xy`."""
        away = xy / np.linalg.norm(xy)
        across = np.array([away[1], -away[0]])
        solids = []
        for _ in range(int(rng.choice(4, p=(0.6, 0.22, 0.12, 0.06)))):
            front = rng.random() < 0.25
            beyond = rng.uniform(-1.2, -0.5) if front else rng.uniform(0.3, 5.0)
            beside = rng.choice((-1, 1)) * (rng.uniform(0.28, 0.6) if front else rng.uniform(0.1, 0.9))
            place = xy + away * beyond + across * beside
            if np.linalg.norm(place) > 1.5:
                other = self._bystander(_BYSTANDER_SEED + int(rng.integers(_BYSTANDERS)))
                solids.append(Solid(_placed(rng, other, place, float(rng.uniform(0, 2 * np.pi)))))
        return solids


def camera_of(identity: int, number: int) -> int:
    """The camera that takes crop `number` of a person: another one each time, until all had their turn."""
    first, last = camera_numbers(identity)
    order = np.random.default_rng((identity, 81)).permutation(last - first + 1)
    return first + int(order[number % len(order)])


def _placed(rng: np.random.Generator, who: Character, xy: NDArray[np.float64], facing_rad: float) -> Mesh:
    """Somebody walking or standing at `xy`; `facing_rad` 0 is towards the camera."""
    walking = rng.random() < 0.7
    motion = Motion(
        phase=float(rng.random()),
        speed_mps=float(rng.uniform(0.7, 1.7)) if walking else 0.0,
        time_s=float(rng.uniform(0, 1000)),
        gesture=float(rng.uniform(0.3, 1.0)) if rng.random() < (0.12 if walking else 0.45) else 0.0,
    )
    heading = float(np.arctan2(-xy[1], -xy[0])) + facing_rad
    pose = pose_at(who.figure.joints, who.gait, motion)
    return who.figure.mesh(pose, position=(float(xy[0]), float(xy[1])), heading_rad=heading)


def _wrinkled(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """The mesh with the shading of folds that every moment lays anew."""
    waves = rng.normal(0, 1, (6, 3)) * (38, 38, 22)
    bend, offset = rng.normal(0, 1, (6, 3)) * 9, rng.uniform(0, 2 * np.pi, 6)
    depth = float(rng.uniform(0.03, 0.10))

    def surface(coords: Array, normals: Array) -> Array:
        place = coords[:, :3]
        fold = np.sin(place @ waves.T + 1.6 * np.sin(place @ bend.T + offset)).sum(axis=1)
        clothed = coords[:, 2] < 1.37
        return np.asarray(inner(coords, normals) * (1 + depth * clothed * fold)[:, None], np.float32)

    inner: Surface = mesh.surface
    return replace(mesh, surface=surface)


def _box(rng: np.random.Generator, camera: Camera, mesh: Mesh) -> Camera:
    """The window of `camera` that a detector would cut for the mesh: loose or tight, at times without the feet."""
    pixel, _ = camera.project(mesh.vertices)
    low, high = pixel.min(axis=0), pixel.max(axis=0)
    size = high - low
    low, high = low - rng.uniform(-0.05, 0.08, 2) * size, high + rng.uniform(-0.05, 0.08, 2) * size
    if rng.random() < 0.12:
        high[1] -= rng.uniform(0.05, 0.3) * size[1]
    x1, y1 = np.floor(low).astype(int)
    x2, y2 = np.ceil(high).astype(int)
    return camera.window(int(x1), int(y1), int(x2), int(y2))


def metered(light: Array) -> Array:
    """Light that would leave the picture nearly black or white, brought back into the sensor's range."""
    level = float(light.mean())
    return np.asarray(light * (np.clip(level, 0.07, 0.5) / max(level, 1e-4)), np.float32)


def _moved(rng: np.random.Generator, light: Array) -> Array:
    """The light smeared by the motion of people, mostly sideways and mostly little."""
    length = abs(rng.normal(0, 0.02)) * light.shape[0]
    taps = int(length)
    if taps < 2:
        return light
    kernel = np.zeros((taps, taps), np.float32)
    rise = int(rng.integers(-1, 2)) * taps // 6
    cv2.line(kernel, (0, taps // 2 - rise), (taps - 1, taps // 2 + rise), 1.0)
    return np.asarray(cv2.filter2D(light, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.float32)


def delivered(frame: NDArray[np.uint8], processing: Processing) -> NDArray[np.uint8]:
    """The picture (H, W, 3) after the camera's processing and compression, at the common height."""
    tone = frame.astype(np.float32) / 255
    if processing.sharpening > 0.05:
        tone = tone + processing.sharpening * (tone - cv2.GaussianBlur(tone, (0, 0), 1.0))
    tone = np.clip(tone, 0, 1) ** processing.gamma
    tone = (tone - 0.45) * processing.contrast + 0.45
    tone = processing.haze + (1 - processing.haze) * tone
    picture = (np.clip(tone, 0, 1) * 255 + 0.5).astype(np.uint8)
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, processing.jpeg_quality])[1]
    picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    height, width = picture.shape[:2]
    size = (max(1, round(width * CROP_HEIGHT_PX / height)), CROP_HEIGHT_PX)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
