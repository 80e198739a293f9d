"""From a model to its cut-out: small quads, lit one by one and painted from the farthest to the nearest."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reid_pipeline.types import Image
from reid_tools.occlusion.draw.solids import Array, Model, Sheet

OVERSAMPLING = 3
QUAD_PX = 2.2  # of the finished picture: paint is looked up once per quad
_SUBPIXEL_BITS = 4
_SHADOW_MAP_PX = 260


@dataclass(frozen=True, slots=True)
class Shot:
    """Where a thing is seen from and in what light.

    The thing is turned by `yaw_deg` and seen from `pitch_deg` above, from `distance` times its size. The sun stands at
    `sun_deg` to the right of the camera's back and `sun_up_deg` high; `sun` and `sky` are their strengths.
    """

    height_px: int
    yaw_deg: float = 0.0
    pitch_deg: float = 8.0
    distance: float = 4.0
    sun_deg: float = -40.0
    sun_up_deg: float = 45.0
    sun: float = 0.9
    sky: float = 0.55
    warmth: float = 0.0


@dataclass(frozen=True, slots=True)
class _Quads:
    """`corners` (N, 4, 3) and unit `normals` (N, 3) as the camera sees them, linear `colours` (N, 3), `gloss` (N,)."""

    corners: Array
    normals: Array
    colours: Array
    gloss: Array


def render(model: Model, shot: Shot) -> Image:
    """The cut-out, uint8 (h, w, 4) RGBA with straight alpha, trimmed; h is about `shot.height_px`."""
    frame = _camera_axes(shot)
    placed = [_seen(sheet, frame) for sheet in model]
    every = np.concatenate([points.reshape(-1, 3) for points, _ in placed])
    middle = (every.min(axis=0) + every.max(axis=0)) / 2
    reach = shot.distance * float(np.ptp(every, axis=0).max())
    flat = _project(every - middle, reach)
    scale = shot.height_px * OVERSAMPLING / float(np.ptp(flat[:, 1]))
    quads = _join(
        [_refine(sheet, points - middle, up, scale) for sheet, (points, up) in zip(model, placed, strict=True)]
    )
    lit = _light(quads, shot, frame)
    pixels = _project(quads.corners, reach) * scale
    low = pixels.reshape(-1, 2).min(axis=0) - OVERSAMPLING
    size = np.ceil((pixels.reshape(-1, 2).max(axis=0) - low + OVERSAMPLING) / OVERSAMPLING).astype(int) * OVERSAMPLING
    depth = quads.corners[..., 1].mean(axis=1)
    canvas = _raster(pixels - low, depth, np.column_stack([lit, depth]), (size[1], size[0]))
    return _develop(canvas, float(np.ptp(every, axis=0).max()))


def _camera_axes(shot: Shot) -> Array:
    """The rotation (3, 3) to x right, y away from the camera, z up in the picture."""
    yaw, pitch = np.deg2rad(shot.yaw_deg), np.deg2rad(shot.pitch_deg)
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    return np.asarray(tilt @ turn)


def _seen(sheet: Sheet, frame: Array) -> tuple[Array, Array]:
    """Points and unit normals (n, m, 3) of the sheet in the camera's axes, the normals to either side."""
    points = sheet.points @ frame.T
    du, dv = (_slope(points, axis) for axis in (0, 1))
    normals = np.cross(du, dv)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    return points, normals


def _slope(points: Array, axis: int) -> Array:
    """Differences between the neighbours of every point; around the seam where the grid closes."""
    grid = np.moveaxis(points, axis, 0)
    inner = np.gradient(grid, axis=0)
    if len(grid) > 3 and np.allclose(grid[0], grid[-1]):
        inner[0] = inner[-1] = grid[1] - grid[-2]
    return np.moveaxis(inner, 0, axis)


def _project(points: Array, reach: float) -> Array:
    """Picture coordinates (..., 2), x right and y down, for a camera `reach` in front of the origin."""
    nearness = reach / (reach + points[..., 1])
    return np.stack([points[..., 0] * nearness, -points[..., 2] * nearness], axis=-1)


def _refine(sheet: Sheet, points: Array, normals: Array, scale: float) -> _Quads:
    """The sheet cut into quads of about `QUAD_PX`, painted at their centres."""
    grids = [points, normals, sheet.places]
    for axis in (0, 1):
        length = np.linalg.norm(np.diff(grids[0], axis=axis), axis=-1).max(axis=1 - axis) * scale / OVERSAMPLING
        parts = np.maximum(1, np.ceil(length / QUAD_PX)).astype(int)
        grids = [_stretched(grid, axis, parts) for grid in grids]
    points, normals, places = grids
    corners = np.stack([points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]], axis=2)
    count = corners.shape[0] * corners.shape[1]
    normal = _centres(normals).reshape(count, 3)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    colours = np.clip(sheet.paint(_centres(places).reshape(count, -1)), 0, 1) ** 2.2
    return _Quads(corners.reshape(count, 4, 3), normal, colours, np.full(count, sheet.gloss))


def _stretched(grid: Array, axis: int, parts: NDArray[np.int64]) -> Array:
    """The grid with its cells along an axis cut into `parts`, one number for each."""
    rows = np.moveaxis(grid, axis, 0)
    low = np.repeat(np.arange(len(parts)), parts)
    share = (np.arange(len(low)) - np.repeat(np.cumsum(parts) - parts, parts)) / np.repeat(parts, parts)
    share = share[:, None, None]
    inner = rows[low] * (1 - share) + rows[low + 1] * share
    return np.moveaxis(np.concatenate([inner, rows[-1:]]), 0, axis)


def _centres(grid: Array) -> Array:
    return np.asarray((grid[:-1, :-1] + grid[:-1, 1:] + grid[1:, 1:] + grid[1:, :-1]) / 4)


def _join(parts: list[_Quads]) -> _Quads:
    corners = np.concatenate([part.corners for part in parts])
    normals = np.concatenate([part.normals for part in parts])
    # thin things have one sheet for both of their sides
    normals = np.where(normals[:, 1:2] > 0, -normals, normals)
    return _Quads(
        corners, normals, np.concatenate([p.colours for p in parts]), np.concatenate([p.gloss for p in parts])
    )


def _light(quads: _Quads, shot: Shot, frame: Array) -> Array:
    """The light (N, 3) that each quad sends to the camera."""
    up = frame[:, 2]
    azimuth, rise = np.deg2rad(shot.sun_deg), np.deg2rad(shot.sun_up_deg)
    right, back = np.array([1.0, 0, 0]), -_flat(np.array([0.0, 1, 0]), up)
    sun = np.cos(rise) * (np.sin(azimuth) * right + np.cos(azimuth) * back) + np.sin(rise) * up
    tint = np.array([1 + 0.12 * shot.warmth, 1.0, 1 - 0.16 * shot.warmth])
    facing = np.maximum(quads.normals @ sun, 0) * _sunlit(quads.corners, sun)
    height = quads.normals @ up
    ambient = shot.sky * np.outer(0.62 + 0.38 * height, [0.96, 1.0, 1.07]) + 0.1 * np.outer(1 - height, [1, 0.96, 0.9])
    matt = quads.colours * (shot.sun * np.outer(facing, tint) + ambient)
    away = np.array([0.0, 1.0, 0.0])
    toward = -(quads.normals @ away)
    mirrored = away + 2 * toward[:, None] * quads.normals
    horizon = np.clip((mirrored @ up + 0.15) / 0.6, 0, 1)
    edge = 0.06 + 0.94 * (1 - np.clip(toward, 0, 1)) ** 5
    shine = edge * shot.sky * horizon + 0.7 * shot.sun * np.clip(mirrored @ sun, 0, 1) ** 40
    return np.asarray(matt + (quads.gloss * shine)[:, None])


def _flat(vector: Array, up: Array) -> Array:
    level = vector - up * (vector @ up)
    return np.asarray(level / np.linalg.norm(level))


def _sunlit(corners: Array, sun: Array) -> Array:
    """How much (N,) of the sun each quad sees, 0.25 in full shadow, since a shadow is never quite dark."""
    across = _flat(np.array([1.0, 0.0, 0.0]), sun)
    axes = np.stack([across, np.cross(sun, across)])
    spot, depth = corners @ axes.T, -(corners @ sun)
    low, span = spot.reshape(-1, 2).min(axis=0), float(np.ptp(spot.reshape(-1, 2), axis=0).max())
    pixels = (spot - low) * (_SHADOW_MAP_PX / span) + 2
    middle = depth.mean(axis=1)
    # the order of painting already tells what is nearest to the sun
    nearest = _raster(pixels, middle, middle[:, None], (_SHADOW_MAP_PX + 5, _SHADOW_MAP_PX + 5))[..., 0]
    x, y = np.rint(pixels.mean(axis=1)).astype(int).T
    free = np.zeros(len(corners))
    for dx, dy in ((0, 0), (2, 0), (-2, 0), (0, 2), (0, -2)):
        free += middle < nearest[np.clip(y + dy, 0, None), np.clip(x + dx, 0, None)] + 0.025 * span
    return np.asarray(0.25 + 0.75 * free / 5)


def _raster(pixels: Array, depth: Array, values: Array, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Quads (N, 4, 2) filled with their values (N, C), the nearest one on top; infinity where there is none."""
    canvas = np.full((*shape, values.shape[1]), np.inf, np.float32)
    order = np.argsort(-depth, kind="stable")
    outlines = np.rint(pixels[order] * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    for outline, value in zip(outlines, values[order].tolist(), strict=True):
        cv2.fillConvexPoly(canvas, outline, value, cv2.LINE_8, _SUBPIXEL_BITS)
    return canvas


def _develop(canvas: NDArray[np.float32], size: float) -> Image:
    """Colour and depth (h, w, 4) as the trimmed, anti-aliased cut-out."""
    solid = np.isfinite(canvas[..., 3])
    light = np.where(solid[..., None], canvas[..., :3], 0) * _openness(canvas[..., 3], solid, size)[..., None]
    height, width = (length // OVERSAMPLING for length in solid.shape)

    def shrunk(values: NDArray[np.float32]) -> NDArray[np.float32]:
        cells = values.reshape(height, OVERSAMPLING, width, OVERSAMPLING, -1)
        return np.asarray(cells.mean(axis=(1, 3)))

    alpha = shrunk(solid.astype(np.float32))
    colour = shrunk(light.astype(np.float32)) / np.maximum(alpha, 1e-6)
    coded = np.clip(colour, 0, 1) ** (1 / 2.2)
    rgba = np.rint(np.concatenate([coded, alpha], axis=-1) * 255).astype(np.uint8)
    return trimmed(rgba)


def trimmed(rgba: Image) -> Image:
    """The picture without its empty edges, and black where nothing is."""
    rgba = np.where(rgba[..., 3:] > 0, rgba, 0).astype(np.uint8)
    rows, columns = (np.flatnonzero(rgba[..., 3].any(axis=axis)) for axis in (1, 0))
    return np.ascontiguousarray(rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _openness(depth: NDArray[np.float32], solid: NDArray[np.bool_], size: float) -> NDArray[np.float32]:
    """Darker (down to 0.55) where a pixel lies deeper than what surrounds it, as corners and gaps do."""
    weight = solid.astype(np.float32)
    known = np.where(solid, depth, 0).astype(np.float32)
    shade = np.zeros_like(weight)
    for radius in (4, 12):
        window = (radius * OVERSAMPLING + 1,) * 2
        around = cv2.blur(known, window) / np.maximum(cv2.blur(weight, window), 1e-6)
        shade += np.clip((known - around) / (0.05 * size), 0, 1)
    return np.asarray(1 - 0.225 * shade, np.float32)
