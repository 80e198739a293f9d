"""Sites with cameras of all kinds: each camera looks at a place of its own, in its own way.

People of one site pass the same cameras, as they do in real footage: two people in front of one camera then look more
alike than one person in front of two, which is what an encoder has to see through.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.camera import Camera, Sensor
from reid_tools.footage.geometry import Array
from reid_tools.footage.identities_places import Place, place
from reid_tools.footage.props import blocked
from reid_tools.footage.stage import Light, Stage

SITE_PEOPLE, SITE_CAMERAS = 200, 16
MIN_HEIGHT_PX, MAX_HEIGHT_PX = 40.0, 250.0
PERSON_M = 1.7
_SPOTS = 160


@dataclass(frozen=True, slots=True)
class Processing:
    """What a camera does to its pictures after the sensor: tone, sharpening, compression."""

    gamma: float
    contrast: float
    haze: float
    sharpening: float
    jpeg_quality: int


@dataclass(frozen=True, slots=True)
class Post:
    """A camera at its post. `spots` (N, 2) are the places on its floor, in metres, where people are well seen."""

    number: int
    camera: Camera
    processing: Processing
    stage: Stage
    spots: NDArray[np.float64]
    indoors: bool


def camera_numbers(identity: int) -> tuple[int, int]:
    """The first and the last number (from 1) of the cameras that the person with that seed passes."""
    first = identity // SITE_PEOPLE * SITE_CAMERAS + 1
    return first, first + SITE_CAMERAS - 1


@lru_cache(maxsize=2 * SITE_CAMERAS)
def post(number: int) -> Post:
    """The camera with that number, always the same."""
    rng = np.random.default_rng((number, 78))
    while True:
        camera, reach_m = _camera(rng, number)
        here = place(rng, reach_m=reach_m)
        stage = Stage(here.meshes, Light())
        spots = _spots(rng, camera, here, stage, reach_m)
        # a camera that something stands in front of is put up elsewhere
        if len(spots) >= _SPOTS // 4:
            return Post(number, camera, _processing(rng), stage, spots, here.indoors)


def _camera(rng: np.random.Generator, number: int) -> tuple[Camera, float]:
    """A camera at the origin looking along +y, and how far away people are from it."""
    reach_m = float(np.exp(rng.uniform(np.log(3.2), np.log(16))))
    eye_level = rng.random() < 0.2
    height_m = float(rng.uniform(1.3, 1.9) if eye_level else min(rng.uniform(2.2, 5.5), 0.9 * reach_m + 0.6))
    person_px = float(np.exp(rng.uniform(np.log(66), np.log(200))))
    focal_px = person_px * float(np.hypot(reach_m, height_m - 1)) / PERSON_M
    fov_deg = float(rng.uniform(22, 80))
    width = max(64, int(2 * focal_px * np.tan(np.radians(fov_deg) / 2)))
    fov_deg = float(2 * np.degrees(np.arctan(width / 2 / focal_px)))
    target = (0.0, reach_m, float(rng.uniform(0.6, 1.3)))
    return Camera(f"c{number}", (0.0, 0.0, height_m), target, fov_deg, width, width * 9 // 16, _sensor(rng)), reach_m


def _sensor(rng: np.random.Generator) -> Sensor:
    strong = rng.random() < 0.08
    red, blue = np.exp(rng.normal(0, 0.22 if strong else 0.09, 2))
    green = float(np.exp(rng.normal(0.1 if strong else 0.0, 0.03)))
    good = rng.random() < 0.6
    return Sensor(
        exposure=float(0.9 * np.exp(rng.normal(0, 0.25))),
        white_balance=(float(red), green, float(blue)),
        shot_noise=float(rng.uniform(0.002, 0.008) if good else rng.uniform(0.008, 0.025)),
        read_noise=float(rng.uniform(0.0003, 0.0015) if good else rng.uniform(0.001, 0.005)),
        blur_px=float(rng.uniform(0.35, 0.95)),
        vignette=0.0,
        saturation=float(rng.uniform(0.25, 0.5) if rng.random() < 0.08 else rng.uniform(0.6, 1.2)),
    )


def _processing(rng: np.random.Generator) -> Processing:
    return Processing(
        gamma=float(np.exp(rng.normal(0, 0.12))),
        contrast=float(rng.uniform(0.85, 1.35)),
        haze=float(max(0.0, rng.normal(-0.02, 0.05))),
        sharpening=float(np.clip(rng.normal(0.35, 0.45), 0.0, 1.1)),
        jpeg_quality=int(rng.integers(28, 93)),
    )


def _spots(rng: np.random.Generator, camera: Camera, here: Place, stage: Stage, reach_m: float) -> NDArray[np.float64]:
    angle = rng.uniform(-0.42, 0.42, _SPOTS) * np.radians(min(camera.horizontal_fov_deg, 70))
    distance = reach_m * rng.uniform(0.65, 1.45, _SPOTS)
    xy = np.stack([np.sin(angle), np.cos(angle)], axis=-1) * distance[:, None]
    tall_px = camera.focal_px * PERSON_M / np.hypot(distance, camera.position[2] - 1)
    free = (tall_px > MIN_HEIGHT_PX) & (tall_px < MAX_HEIGHT_PX) & ~blocked(here.props, xy, margin_m=0.35)
    for z in (0.9, 1.6):
        free &= _in_sight(camera, stage, np.concatenate([xy, np.full((_SPOTS, 1), z)], axis=1).astype(np.float32))
    return xy[free]


def _in_sight(camera: Camera, stage: Stage, points: Array) -> NDArray[np.bool_]:
    """Whether nothing of the stage is between the camera and points (N, 3)."""
    origin = np.broadcast_to(np.array(camera.position, np.float32), points.shape)
    span = points - origin
    distance = np.linalg.norm(span, axis=1)
    hits = stage.tracer.cast(origin, (span / distance[:, None]).astype(np.float32))
    return np.asarray((hits.triangle < 0) | (hits.distance > distance))


def light_of_the_day(rng: np.random.Generator, *, indoors: bool) -> Light:
    """Lamps overhead indoors; sun from anywhere, haze or an overcast sky outdoors. White in it is about 1 bright."""
    if indoors:
        lean = rng.normal(0, 0.35, 2)
        tint = np.array([1 + rng.normal(0, 0.05), 1.0, 1 + rng.normal(-0.04, 0.07)])
        lamp, sky, bounce = rng.uniform(0.25, 0.8), rng.uniform(0.35, 0.8), rng.uniform(0.12, 0.3)
        parts = (lamp * tint, sky * tint, bounce * tint)
        return _balanced(rng, (float(lean[0]), float(lean[1]), 1.0), parts, float(rng.uniform(0.1, 0.5)))
    turn, rise = rng.uniform(-np.pi, np.pi), np.radians(rng.uniform(14, 72))
    to = (float(np.sin(turn) * np.cos(rise)), float(np.cos(turn) * np.cos(rise)), float(np.sin(rise)))
    clear = float(rng.beta(0.8, 0.8))
    sunlight = 1.4 * clear * np.array([1.05, 0.98, 0.86 - 0.15 * (1 - np.sin(rise))])
    skylight = (0.4 + 0.5 * (1 - clear)) * np.array([0.90, 0.98, 1.0 + 0.16 * clear])
    reflected = rng.uniform(0.1, 0.26) * np.array([1.0, 0.97, 0.92])
    return _balanced(rng, to, (sunlight, skylight, reflected), 0.01 + 0.25 * (1 - clear) ** 2)


def _balanced(
    rng: np.random.Generator,
    to: tuple[float, float, float],
    parts: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    softness_rad: float,
) -> Light:
    """The light scaled as automatic exposure would, which is never quite right."""
    sun, sky, bounce = parts
    level = float((sun * to[2] / np.linalg.norm(to) + sky + 0.4 * bounce).mean())
    scale = float(np.exp(rng.normal(0, 0.15))) / level

    def scaled(colour: NDArray[np.float64]) -> tuple[float, float, float]:
        r, g, b = (float(value) for value in colour * scale)
        return r, g, b

    return Light(to, scaled(sun), scaled(sky), scaled(bounce), softness_rad)
