"""Backgrounds in any number: streets, halls, parks and painted screens, furnished from a seed.

A place lies before a camera that stands at the origin and looks along +y; nothing of it knows who will walk there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from reid_tools.footage.finishes import Rgb, leaves, noise
from reid_tools.footage.geometry import Array, Mesh, Surface, box
from reid_tools.footage.props import build
from reid_tools.footage.scene import Kind, Prop

CLEAR_M = 1.6  # nothing stands closer to the camera


@dataclass(frozen=True, slots=True)
class Place:
    """What stands in view: `props` block the way, `meshes` is everything that is seen; `indoors` chooses the light."""

    props: tuple[Prop, ...]
    meshes: tuple[Mesh, ...]
    indoors: bool


def place(rng: np.random.Generator, *, reach_m: float) -> Place:
    """A random place whose people are about `reach_m` away."""
    kinds: tuple[Callable[[np.random.Generator, float], Place], ...] = (_street, _hall, _park, _screen)
    return kinds[int(rng.choice(4, p=(0.34, 0.28, 0.14, 0.24)))](rng, reach_m)


def _grey(rng: np.random.Generator, low: float, high: float, tint: float = 0.12) -> Rgb:
    """A muted colour, linear."""
    r, g, b = np.clip(rng.uniform(low, high) * (1 + rng.normal(0, tint, 3)), 0.015, 0.85)
    return (float(r), float(g), float(b))


def _bright(rng: np.random.Generator) -> Rgb:
    """The colour of a car, a poster or a door, seldom vivid."""
    vivid = float(rng.beta(1.0, 1.8))
    mixed = vivid * 3 * rng.dirichlet((0.9, 0.9, 0.9)) + 1 - vivid
    r, g, b = (float(value) for value in np.clip(rng.uniform(0.03, 0.5) * mixed, 0.01, 0.85))
    return (r, g, b)


def _choose(rng: np.random.Generator, names: Sequence[str]) -> str:
    return names[int(rng.integers(len(names)))]


def _wall(rng: np.random.Generator, y: float, finish: str, height: float) -> Prop:
    turn = float(np.radians(rng.uniform(-22, 22)))
    return Prop("block", (0.0, y, 0.0), (70.0, 0.3, height), finish, _grey(rng, 0.08, 0.65, 0.2), turn)


# kind of thing -> its size (x, y, z) in metres
_SIZES: dict[Kind, tuple[float, float, float]] = {
    "bench": (1.8, 0.6, 0.9),
    "planter": (1.6, 0.8, 1.0),
    "lamp": (0.5, 0.5, 4.5),
    "bin": (0.5, 0.5, 0.9),
    "sign": (1.2, 0.1, 1.8),
    "post": (0.4, 0.4, 3.2),
    "tree": (3.2, 3.2, 4.6),
}


def _things(rng: np.random.Generator, reach_m: float, kinds: Sequence[Kind], count: int) -> list[Prop]:
    """`count` things around and behind where people are."""
    props = []
    for _ in range(count):
        kind = kinds[int(rng.integers(len(kinds)))]
        size = tuple(float(value * rng.uniform(0.8, 1.3)) for value in _SIZES.get(kind, (1, 1, 1)))
        if kind == "block":  # a car, a shelf, a counter, a crate
            size = tuple(float(rng.uniform(*span)) for span in ((0.5, 4.2), (0.5, 1.9), (0.5, 2.0)))
        x, y = float(rng.uniform(-0.8, 0.8) * reach_m), float(rng.uniform(0.35, 2.4) * reach_m)
        if np.hypot(x, y) < CLEAR_M + max(size[:2]):
            continue
        colour = _bright(rng) if kind in {"block", "sign", "bin"} else _grey(rng, 0.05, 0.5)
        props.append(Prop(kind, (x, y, 0.0), size, "plain", colour, float(rng.uniform(-np.pi, np.pi))))  # type: ignore[arg-type]
    return props


def _floor(surface: Surface) -> Mesh:
    shape = box((160.0, 160.0, 0.2), centre=(0.0, 60.0, -0.1))
    return Mesh(shape.vertices, shape.faces, shape.vertices, surface)


def _furnished(props: Sequence[Prop], floor: Prop | Surface, *, indoors: bool) -> Place:
    ground = build([floor]) if isinstance(floor, Prop) else [_floor(floor)]
    return Place(tuple(props), (*ground, *build(props)), indoors)


def _ground(finish: str, colour: Rgb) -> Prop:
    return Prop("ground", (0.0, 60.0, 0.0), (160.0, 160.0, 0.2), finish, colour)


def _street(rng: np.random.Generator, reach_m: float) -> Place:
    front = _wall(
        rng, reach_m + float(rng.uniform(2, 9)), _choose(rng, ("windows", "shopfront", "bricks", "plain")), 9.0
    )
    things: tuple[Kind, ...] = ("tree", "lamp", "bench", "planter", "bin", "sign", "post", "block", "block")
    ground = _ground(_choose(rng, ("asphalt", "slabs", "plain")), _grey(rng, 0.07, 0.45, 0.06))
    if rng.random() < 0.5:
        return _furnished(
            [front, *_things(rng, reach_m, things, int(rng.integers(6, 22)))], _marked(rng), indoors=False
        )
    return _furnished([front, *_things(rng, reach_m, things, int(rng.integers(6, 22)))], ground, indoors=False)


def _hall(rng: np.random.Generator, reach_m: float) -> Place:
    wall = _wall(
        rng, reach_m + float(rng.uniform(1.5, 7)), _choose(rng, ("plain", "plain", "bricks", "shopfront")), 3.4
    )
    things: tuple[Kind, ...] = ("block", "block", "block", "planter", "bin", "sign", "post", "bench")
    ground = _ground(_choose(rng, ("slabs", "planks", "plain", "asphalt")), _grey(rng, 0.08, 0.6, 0.1))
    if rng.random() < 0.4:
        return _furnished([wall, *_things(rng, reach_m, things, int(rng.integers(8, 30)))], _marked(rng), indoors=True)
    return _furnished([wall, *_things(rng, reach_m, things, int(rng.integers(8, 30)))], ground, indoors=True)


def _marked(rng: np.random.Generator) -> Surface:
    """A floor with what lies or is painted on it: stripes, lanes, rugs, coloured fields, stains, sharp or worn."""
    tone = np.array(_grey(rng, 0.06, 0.5, 0.08), np.float32)
    other = np.array(_grey(rng, 0.03, 0.75, 0.3) if rng.random() < 0.7 else _bright(rng), np.float32)
    turn, pitch, share = rng.uniform(0, np.pi), float(rng.uniform(0.3, 4.0)), float(rng.uniform(0.08, 0.55))
    across, along = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    second, worn = float(rng.choice((0.0, 0.3, 1.0))), float(rng.uniform(0.0, 0.5))

    def floor(points: Array, normals: Array) -> Array:
        u, v = points[:, :2] @ across / pitch % 1, points[:, :2] @ along / (2.3 * pitch) % 1
        field = (u < share) & ((v < 0.6) | (second < 0.5)) | (v < 0.05 * second)
        stain = 0.75 + 0.5 * noise(points, 0.7) - worn * noise(points, 0.06)
        return np.asarray(np.where(field[:, None], other, tone) * stain[:, None], np.float32)

    return floor


def _park(rng: np.random.Generator, reach_m: float) -> Place:
    green = (float(rng.uniform(0.06, 0.16)), float(rng.uniform(0.12, 0.24)), float(rng.uniform(0.02, 0.07)))
    things: tuple[Kind, ...] = ("tree", "tree", "planter", "bench", "lamp", "sign")
    return _furnished(_things(rng, reach_m, things, int(rng.integers(6, 18))), leaves(green), indoors=False)


def _screen(rng: np.random.Generator, reach_m: float) -> Place:
    """A plain floor before a painted screen: crowds and clutter out of focus, gradients, stained walls."""
    shape = box((90.0, 0.2, 14.0), centre=(0.0, reach_m + float(rng.uniform(0.8, 5)), 7.0))
    paint = _crowd(rng) if rng.random() < 0.6 else _blotches(rng)
    screen = Mesh(shape.vertices, shape.faces, shape.vertices, _painted(paint))
    tone, size = _grey(rng, 0.06, 0.5, 0.15), float(rng.uniform(0.1, 1.5))
    depth = float(rng.uniform(0.05, 0.6))

    def floor(points: Array, normals: Array) -> Array:
        return np.asarray(np.array(tone, np.float32) * (1 + depth * (noise(points, size) - 0.5))[:, None], np.float32)

    return Place((), (_floor(floor), screen), bool(rng.random() < 0.5))


PAINT_PX_PER_M = 16
_PAINT_M = (24.0, 4.0)  # repeats along the screen; above, its last row goes on


def _painted(image: Array) -> Surface:
    """The picture (H, W, 3), linear, on an upright surface along x."""

    def albedo(points: Array, normals: Array) -> Array:
        height, width = image.shape[:2]
        column = (points[:, 0] * PAINT_PX_PER_M) % width
        row = np.clip(height - points[:, 2] * PAINT_PX_PER_M, 0, height - 1)
        channels = [ndimage.map_coordinates(image[..., c], (row, column), order=1, mode="nearest") for c in range(3)]
        return np.stack(channels, axis=-1).astype(np.float32)

    return albedo


def _blotches(rng: np.random.Generator) -> Array:
    """Overlapping boxes and discs on a gradient, more or less out of focus."""
    height, width = (int(PAINT_PX_PER_M * metres) for metres in reversed(_PAINT_M))
    low, high = np.array(_grey(rng, 0.05, 0.6, 0.2)), np.array(_grey(rng, 0.05, 0.6, 0.2))
    ramp = np.linspace(0, 1, height)[:, None, None]
    image = np.ascontiguousarray(np.broadcast_to(low * ramp + high * (1 - ramp), (height, width, 3)), np.float32)
    for _ in range(int(rng.integers(0, 90))):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        colour = _bright(rng) if rng.random() < 0.4 else _grey(rng, 0.02, 0.7)
        size = rng.integers(2, 26, 2)
        if rng.random() < 0.6:
            cv2.rectangle(image, (x, y), (x + int(size[0]), y + int(size[1])), colour, -1)
        else:
            cv2.circle(image, (x, y), int(size[0]) // 2 + 1, colour, -1)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 4.0))), np.float32)


def _crowd(rng: np.random.Generator) -> Array:
    """Blurred people: a head over a trunk over legs, in muted clothes."""
    image = _blotches(rng)
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(8, 60))):
        x, tall = int(rng.integers(width)), float(rng.uniform(1.5, 1.9) * PAINT_PX_PER_M)
        foot = height - int(rng.integers(0, 8))
        skin = tuple(float(value) for value in np.array((0.5, 0.3, 0.2)) * rng.uniform(0.2, 1.2))
        clothes = [_grey(rng, 0.01, 0.3, 0.3), _bright(rng) if rng.random() < 0.3 else _grey(rng, 0.01, 0.5, 0.3)]
        for low, high, half, colour in ((0.0, 0.5, 0.09, clothes[0]), (0.45, 0.86, 0.13, clothes[1])):
            top, bottom = int(foot - high * tall), int(foot - low * tall)
            cv2.rectangle(image, (int(x - half * tall), top), (int(x + half * tall), bottom), colour, -1)
        cv2.circle(image, (x, int(foot - 0.93 * tall)), max(1, int(0.06 * tall)), skin, -1)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 2.2))), np.float32)
