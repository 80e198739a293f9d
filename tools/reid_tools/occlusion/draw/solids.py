"""Surfaces that things are made of. Metres, z up; a thing stands on z = 0 and faces -y, where the camera is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Paint = Callable[[Array], Array]  # places (N, K) on a surface -> its sRGB colours (N, 3), 0..1


@dataclass(frozen=True, slots=True)
class Sheet:
    """A surface as a grid: `points` (n, m, 3), and the `places` (n, m, K) by which its paint is looked up.

    Places stay with the surface when it is moved or bent. `gloss` is 0 (cloth) to 1 (varnish).
    """

    points: Array
    places: Array
    paint: Paint
    gloss: float = 0.1


Model = list[Sheet]


def plate(corners: ArrayLike, paint: Paint, gloss: float = 0.1) -> Model:
    """A flat piece with four `corners` (4, 3) in order; its places run from (0, 0) at the first to (1, 1)."""
    a, b, c, d = np.asarray(corners, float)
    places = np.array([[(0, 0), (1, 0)], [(0, 1), (1, 1)]], float)
    return [Sheet(np.array([[a, b], [d, c]]), places, paint, gloss)]


def block(
    size: Sequence[float], paint: Paint, gloss: float = 0.1, *, at: ArrayLike = (0, 0, 0), radius: float = 0.0
) -> Model:
    """A box of `size` (x, y, z) around `at`, its edges rounded by `radius`; its places are points of the box."""
    half = np.asarray(size, float) / 2
    core = np.maximum(half - min(radius, half.min()), 0)
    steps = []
    for reach, inner in zip(half, core, strict=True):
        round_part = np.sin(np.linspace(0, np.pi / 2, 5))[1:] * (reach - inner) if radius else np.array([])
        positive = np.unique(np.concatenate([[inner], inner + round_part, [reach]]))
        steps.append(np.concatenate([-positive[::-1], positive]))
    sheets = []
    for axis in range(3):
        u, v = [other for other in range(3) if other != axis]
        for side in (-1, 1):
            grid = np.empty((len(steps[u]), len(steps[v]), 3))
            grid[..., u], grid[..., v] = np.meshgrid(steps[u], steps[v], indexing="ij")
            grid[..., axis] = side * half[axis]
            nearest = np.clip(grid, -core, core)
            outward = grid - nearest
            length = np.linalg.norm(outward, axis=-1, keepdims=True)
            rounded = nearest + outward / np.maximum(length, 1e-9) * min(radius, half.min())
            points = rounded if radius else grid
            sheets.append(Sheet(points + np.asarray(at, float), points, paint, gloss))
    return sheets


def tube(path: ArrayLike, radius: ArrayLike, paint: Paint, gloss: float = 0.3, *, sides: int = 10) -> Model:
    """A rod of `radius` (one, or one per point) along `path` (k, 3), with flat ends.

    Its places are (way along the rod in metres, share of the way around).
    """
    line = np.asarray(path, float)
    radii = np.broadcast_to(np.asarray(radius, float), len(line))
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    ahead = _unit(np.gradient(line, axis=0))
    side = _unit(np.cross(ahead[0], (0.0, 0.0, 1.0) if abs(ahead[0, 2]) < 0.9 else (1.0, 0.0, 0.0)))
    rings = []
    angle = np.linspace(0, 2 * np.pi, sides + 1)[:, None]
    for centre, forward, reach in zip(line, ahead, radii, strict=True):
        side = _unit(side - forward * (side @ forward))
        rings.append(centre + reach * (np.cos(angle) * side + np.sin(angle) * np.cross(forward, side)))
    points = np.stack(rings)
    places = np.stack(np.meshgrid(along, np.linspace(0, 1, sides + 1), indexing="ij"), axis=-1)
    caps = [
        Sheet(np.stack([np.tile(line[end], (sides + 1, 1)), points[end]]), places[[end, end]], paint, gloss)
        for end in (0, -1)
    ]
    return [Sheet(points, places, paint, gloss), *caps]


def ring(radius: float, thickness: float, paint: Paint, gloss: float = 0.2) -> Model:
    """A torus around the y axis through the origin; `thickness` is the radius of its tube."""
    turn = np.linspace(0, 2 * np.pi, 41)[:, None, None]
    angle = np.linspace(0, 2 * np.pi, 11)[None, :, None]
    reach = radius + thickness * np.cos(angle)
    points = np.concatenate([reach * np.cos(turn), thickness * np.sin(angle) + 0 * turn, reach * np.sin(turn)], axis=-1)
    places = np.concatenate(np.broadcast_arrays(radius * turn, angle / (2 * np.pi)), axis=-1)
    return [Sheet(points, places, paint, gloss)]


def lathe(profile: ArrayLike, paint: Paint, gloss: float = 0.1, *, sides: int = 36, sharp: bool = False) -> Model:
    """What `profile` (k, 2), radius and height, sweeps around the z axis; its places are (share around, height).

    `sharp` keeps the edges between the points of the profile, otherwise they are shaded as one round surface.
    """
    outline = np.asarray(profile, float)
    pieces = [outline[i : i + 2] for i in range(len(outline) - 1)] if sharp else [outline]
    turn = np.linspace(0, 2 * np.pi, sides + 1)
    sheets = []
    for piece in pieces:
        radius = np.maximum(piece[:, :1], 1e-4)
        height = np.broadcast_to(piece[:, 1:], (len(piece), len(turn)))
        points = np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=-1)
        share = np.broadcast_to(turn / (2 * np.pi), height.shape)
        sheets.append(Sheet(points, np.stack([share, height], axis=-1), paint, gloss))
    return sheets


def ball(radii: Sequence[float], paint: Paint, gloss: float = 0.1, *, at: ArrayLike = (0, 0, 0)) -> Model:
    """An ellipsoid around `at`; its places are points relative to its centre."""
    rise = np.linspace(-np.pi / 2 + 1e-3, np.pi / 2 - 1e-3, 19)[:, None]
    turn = np.linspace(0, 2 * np.pi, 37)
    unit = np.stack([np.cos(rise) * np.cos(turn), np.cos(rise) * np.sin(turn), np.sin(rise) + 0 * turn], axis=-1)
    points = unit * np.asarray(radii, float)
    return [Sheet(points + np.asarray(at, float), points, paint, gloss)]


def extrude(outline: ArrayLike, depth: float, paint: Paint, gloss: float = 0.1) -> Model:
    """A slab `depth` thick around y = 0; every point of its `outline` (k, 2) in x and z sees the middle."""
    shape = np.asarray(outline, float)
    closed = np.concatenate([shape, shape[:1]])
    front, back = (np.insert(closed, 1, y, axis=1) for y in (-depth / 2, depth / 2))
    faces = [np.stack([np.tile(face.mean(axis=0), (len(face), 1)), face]) for face in (front, back)]
    edges = [np.stack([front[i : i + 2], back[i : i + 2]]) for i in range(len(shape))]
    return [Sheet(grid, grid, paint, gloss) for grid in (*faces, *edges)]


def moved(model: Iterable[Sheet], offset: ArrayLike) -> Model:
    return [replace(sheet, points=sheet.points + np.asarray(offset, float)) for sheet in model]


def turned(model: Iterable[Sheet], axis: str, angle_deg: float) -> Model:
    """Turned about the x, y or z axis through the origin, counter-clockwise seen from its end."""
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
    return [replace(sheet, points=sheet.points @ matrix.T) for sheet in model]


def bent(model: Iterable[Sheet], change: Callable[[Array], Array]) -> Model:
    """Every point (..., 3) replaced by what `change` makes of it."""
    return [replace(sheet, points=change(sheet.points)) for sheet in model]


def smooth_path(points: ArrayLike, *, steps: int = 8) -> Array:
    """A curve (k, D) through the points (n, D), by Catmull and Rom."""
    knots = np.asarray(points, float)
    knots = np.concatenate([[2 * knots[0] - knots[1]], knots, [2 * knots[-1] - knots[-2]]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(knots, knots[1:], knots[2:], knots[3:], strict=False)
    ]
    return np.concatenate([*pieces, knots[-2:-1]])


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))
