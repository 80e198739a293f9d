"""What the place is made of: albedo as a function of the point in the world, in linear RGB."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from reid_tools.footage.geometry import Array, Surface, smoothstep

Rgb = tuple[float, float, float]


def _hash(cell: Array) -> Array:
    """A number 0..1 for each integer cell (N, D)."""
    mixed = np.zeros(len(cell), np.uint32)
    for axis, factor in enumerate((374761393, 668265263, 2147483647)[: cell.shape[1]]):
        mixed = mixed * np.uint32(31) + (cell[:, axis].astype(np.int64) * factor & 0xFFFFFFFF).astype(np.uint32)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(1274126177)
    return np.asarray(((mixed ^ (mixed >> np.uint32(16))) & np.uint32(0xFFFF)) / 65535, np.float32)


def noise(points: Array, size_m: float) -> Array:
    """Smooth noise (N,) in 0..1 over points (N, 3) with features of `size_m`."""
    scaled = points / size_m
    cell = np.floor(scaled)
    part = scaled - cell
    part = part * part * (3 - 2 * part)
    total = np.zeros(len(points), np.float32)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(np.array(corner), part, 1 - part), axis=1)
        total += (weight * _hash(cell + corner)).astype(np.float32)
    return total


def _shade(colour: Rgb, factor: ArrayLike) -> Array:
    return np.asarray(np.array(colour, np.float32) * np.asarray(factor)[:, None], np.float32)


def _wall_axes(points: Array, normals: Array) -> tuple[Array, Array]:
    """Position along a wall and up, in metres."""
    along = np.where(np.abs(normals[:, 0]) > np.abs(normals[:, 1]), points[:, 1], points[:, 0])
    return along, points[:, 2]


def plain(colour: Rgb) -> Surface:
    """One colour with faint stains."""
    return lambda points, normals: _shade(colour, 0.9 + 0.2 * noise(points, 0.35))


def slabs(colour: Rgb, size_m: float = 0.8) -> Surface:
    """Paving of square slabs with dark joints, each slab of its own tone."""

    def albedo(points: Array, normals: Array) -> Array:
        u, v = points[:, 0] / size_m, points[:, 1] / size_m
        u = u + 0.5 * (np.floor(v) % 2)
        tone = 0.82 + 0.26 * _hash(np.stack([np.floor(u), np.floor(v)], axis=-1))
        edge = np.minimum(np.minimum(u % 1, 1 - u % 1), np.minimum(v % 1, 1 - v % 1)) * size_m
        tone = tone * (0.62 + 0.38 * smoothstep(edge, 0.006, 0.016)) * (0.85 + 0.3 * noise(points, 1.9))
        return _shade(colour, tone * (0.94 + 0.12 * noise(points, 0.07)))

    return albedo


def asphalt(colour: Rgb) -> Surface:
    return lambda points, normals: _shade(colour, (0.75 + 0.5 * noise(points, 0.05)) * (0.8 + 0.4 * noise(points, 2.5)))


def bricks(colour: Rgb) -> Surface:
    """Brickwork in stretcher bond."""

    def albedo(points: Array, normals: Array) -> Array:
        along, up = _wall_axes(points, normals)
        row = np.floor(up / 0.09)
        u = along / 0.26 + 0.5 * (row % 2)
        tone = 0.7 + 0.5 * _hash(np.stack([np.floor(u), row], axis=-1))
        joint = (
            np.minimum(np.minimum(u % 1, 1 - u % 1) * 0.26, np.minimum(up / 0.09 % 1, 1 - up / 0.09 % 1) * 0.09) < 0.008
        )
        return np.where(joint[:, None], np.float32(0.42), _shade(colour, tone))

    return albedo


def windows(colour: Rgb, pitch_m: float = 2.4, storey_m: float = 3.2) -> Surface:
    """A plastered front with rows of windows in light frames."""

    def albedo(points: Array, normals: Array) -> Array:
        along, up = _wall_axes(points, normals)
        wall = _shade(colour, 0.85 + 0.25 * noise(points, 1.3))
        u, v = along % pitch_m - pitch_m / 2, up % storey_m - storey_m * 0.56
        du, dv = np.abs(u) - 0.26 * pitch_m, np.abs(v) - 0.27 * storey_m
        inside = (du < 0) & (dv < 0)
        frame = (np.maximum(du, dv) < 0.07) & ~inside | (inside & (np.abs(u) < 0.03))
        glass = _shade((0.05, 0.07, 0.09), 0.5 + 2.2 * noise(points, 1.1) + 1.5 * np.clip(v, 0, 1))
        wall = np.where(inside[:, None], glass, wall)
        wall = np.where((up < 0.45)[:, None], wall * 0.6, wall)
        return np.where(frame[:, None], np.float32(0.55), wall)

    return albedo


def shopfront(colour: Rgb) -> Surface:
    """Large panes between dark posts under a coloured band."""

    def albedo(points: Array, normals: Array) -> Array:
        along, up = _wall_axes(points, normals)
        u = along % 2.6
        # dim goods behind the glass, a poster in some of the panes
        pane = _shade((0.075, 0.08, 0.09), 0.5 + 1.3 * noise(points, 0.5) + 0.9 * noise(points, 0.16))
        number = np.stack([np.floor(along / 2.6), np.zeros_like(along)], axis=-1)
        poster = (np.abs(u - 1.36) < 0.42) & (np.abs(up - 1.45) < 0.62) & (_hash(number) > 0.55)
        tint = np.stack([_hash(number + 7), _hash(number + 13), _hash(number + 29)], axis=-1) * 0.4 + 0.1
        pane = np.where(poster[:, None], tint * (0.6 + 0.8 * (noise(points, 0.3) > 0.5))[:, None], pane)
        colour_band = _shade(
            colour, np.where(np.abs(along % 2.6 - 1.3) < 0.7, 1.5, 1.0) * (0.9 + 0.2 * noise(points, 0.3))
        )
        front = np.where(((u < 0.12) | (up < 0.35))[:, None], np.float32(0.07), pane)
        front = np.where(((up > 2.5) & (up < 3.1))[:, None], colour_band, front)
        return np.where((up >= 3.1)[:, None], _shade((0.5, 0.46, 0.4), 0.85 + 0.3 * noise(points, 0.8)), front)

    return albedo


def planks(colour: Rgb) -> Surface:
    def albedo(points: Array, normals: Array) -> Array:
        grain = noise(points * np.array([1, 6, 6], np.float32), 0.3)
        return _shade(colour, 0.7 + 0.5 * grain)

    return albedo


def leaves(colour: Rgb) -> Surface:
    """Foliage: patches of light and dark green."""

    def albedo(points: Array, normals: Array) -> Array:
        patch = noise(points, 0.09) * 0.6 + noise(points, 0.35) * 0.4
        return _shade(colour, 0.25 + 1.5 * patch**1.5)

    return albedo


FINISHES: dict[str, Callable[[Rgb], Surface]] = {
    "plain": plain,
    "slabs": slabs,
    "asphalt": asphalt,
    "bricks": bricks,
    "windows": windows,
    "shopfront": shopfront,
    "planks": planks,
    "leaves": leaves,
}
