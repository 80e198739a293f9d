"""Pictures of meshes by ray casting: colour, and who is seen where.

The renderer knows nothing of people or scenarios. A `View` is the stage as one camera sees it, lit once; `View.render`
adds the solids of a moment with their shadows. Every pixel is cast `samples` times across and down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.camera import Camera
from reid_tools.footage.geometry import Array
from reid_tools.footage.stage import Light, Solid, Stage, skylight, unit
from reid_tools.footage.tracing import Hits, scattered

OFFSET_M = 0.003  # rays start this far off the surface they leave
NEAR_M = 0.3  # what is closer to a camera is not drawn
_AROUND = np.array([0.6, 0.6, 0.2], np.float32)  # how far a solid darkens what stands around it, in metres


@dataclass(frozen=True, slots=True)
class Sighting:
    """How one mesh appears in a picture.

    `xyxy` is the tight box in pixels of its whole silhouette, as if nothing hid it and the picture had no edges;
    `area_px` is how many pixels that silhouette covers, `visible_px` how many of them are seen.
    """

    xyxy: tuple[float, float, float, float]
    area_px: float
    visible_px: float


@dataclass(frozen=True, slots=True)
class Picture:
    """`light` is linear RGB float32 (H, W, 3); `sightings` has one entry per mesh, None outside of the picture."""

    light: Array
    sightings: tuple[Sighting | None, ...]


@dataclass(frozen=True, slots=True)
class _Fragment:
    """One solid as a camera sees it: samples of the picture (N,) and how they hit it; box and area of the whole."""

    sample: NDArray[np.int64]
    hits: Hits
    directions: Array
    xyxy: tuple[float, float, float, float]
    area_px: float


class View:
    """The stage seen by one camera; `sky_rays` is how finely the light from the sky on the stage is found."""

    def __init__(self, stage: Stage, camera: Camera, *, samples: int = 2, sky_rays: int = 16) -> None:
        self.stage, self.camera, self.samples, self.sky_rays = stage, camera, samples, sky_rays
        self.columns, self.rows = camera.width * samples, camera.height * samples
        self.position = np.array(camera.position, np.float32)
        index = np.arange(self.rows * self.columns)
        directions = self._rays(index % self.columns, index // self.columns)
        hits = stage.tracer.cast(np.broadcast_to(self.position, directions.shape), directions)
        self.depth = np.where(hits.triangle >= 0, hits.distance, np.float32(np.inf))
        self._light_stage(hits, directions)

    def render(self, solids: Sequence[Solid]) -> Picture:
        """The picture with these solids in it."""
        depth = self.depth.copy()
        owner = np.full(len(depth), -1, np.int32)
        fragments = [self._draw(solid) for solid in solids]
        for index, fragment in enumerate(fragments):
            if fragment is not None:
                nearer = fragment.hits.distance < depth[fragment.sample]
                depth[fragment.sample[nearer]] = fragment.hits.distance[nearer]
                owner[fragment.sample[nearer]] = index
        light = self._shaded_stage(solids)
        sightings: list[Sighting | None] = []
        for index, fragment in enumerate(fragments):
            if fragment is None:
                sightings.append(None)
                continue
            seen = owner[fragment.sample] == index
            if seen.any():
                self._shade(light, fragment, seen, solids, index)
            sightings.append(Sighting(fragment.xyxy, fragment.area_px, float(seen.sum()) / self.samples**2))
        shape = (self.camera.height, self.samples, self.camera.width, self.samples, 3)
        # highlights are clipped before averaging, or bright edges stay jagged
        return Picture(np.minimum(light, 1.5).reshape(shape).mean(axis=(1, 3)), tuple(sightings))

    def _rays(self, column: NDArray[np.int64], row: NDArray[np.int64]) -> Array:
        return self.camera.rays(((column + 0.5) / self.samples), ((row + 0.5) / self.samples))

    def _light_stage(self, hits: Hits, directions: Array) -> None:
        """Fill in what the stage looks like: where each sample lies, and its light from the sky and from the sun."""
        light, count = self.stage.light, len(directions)
        seen = np.flatnonzero(hits.triangle >= 0)
        self.points = np.zeros((count, 3), np.float32)
        self.normals = np.zeros((count, 3), np.float32)
        sky = np.array(light.sky, np.float32) * 1.6
        self.ambient = np.where(directions[:, 2:] > -0.1, sky, 0.3 * sky).astype(np.float32)
        self.direct = np.zeros((count, 3), np.float32)
        hits = Hits(hits.triangle[seen], hits.distance[seen], hits.bary[seen], hits.normal[seen])
        points = self.position + directions[seen] * hits.distance[:, None]
        colour, normals = self.stage.albedo(hits, points)
        normals = np.where((normals * directions[seen]).sum(axis=1, keepdims=True) > 0, -normals, normals)
        points = points + normals * OFFSET_M
        free = self.stage.tracer.openness(points, normals, keys=seen, rays=self.sky_rays, reach_m=25)
        shaded = np.zeros(len(points), np.float32)
        for ray in range(4):
            shaded += self.stage.tracer.blocked(points, self._sunward(seen * 4 + ray))
        facing = np.maximum(normals @ light.direction(), 0) * (1 - shaded / 4)
        self.points[seen], self.normals[seen] = points, normals
        self._axes = [np.ascontiguousarray(self.points[:, axis]).reshape(self.rows, self.columns) for axis in range(3)]
        self.ambient[seen] = colour * skylight(light, normals, free)
        self.direct[seen] = colour * facing[:, None] * np.array(light.sun, np.float32)

    def _sunward(self, keys: NDArray[np.int64]) -> Array:
        return unit(self.stage.light.direction() + self.stage.light.softness_rad * scattered(keys))

    def _draw(self, solid: Solid) -> _Fragment | None:
        """Where the solid is hit; None when that is nowhere near the picture."""
        corners = _box_corners_in_view(self.camera, solid.low, solid.high)
        if not len(corners) or not _touches(self.camera.project(corners)[0], self.camera):
            return None
        pixel, depth = self.camera.project(solid.mesh.vertices)
        if depth.min() < NEAR_M:
            return None
        low = np.floor(pixel.min(axis=0) * self.samples).astype(np.int64)
        high = np.ceil(pixel.max(axis=0) * self.samples).astype(np.int64)
        column, row = (grid.ravel() for grid in np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1])))
        directions = self._rays(column, row)
        hits = solid.tracer.cast(np.broadcast_to(self.position, directions.shape), directions)
        hit = hits.triangle >= 0
        if not hit.any():
            return None
        inside = hit & (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        return _Fragment(
            row[inside] * self.columns + column[inside],
            Hits(hits.triangle[inside], hits.distance[inside], hits.bary[inside], hits.normal[inside]),
            directions[inside],
            _extent(column[hit], row[hit], self.samples),
            float(hit.sum()) / self.samples**2,
        )

    def _shaded_stage(self, solids: Sequence[Solid]) -> Array:
        """The light of the stage with the shadows that the solids cast on it."""
        ambient, direct = self.ambient.copy(), self.direct.copy()
        for solid in solids:
            near = self._samples_near(solid.low - _AROUND, solid.high + _AROUND)
            if len(near):
                free = solid.tracer.openness(self.points[near], self.normals[near], keys=near, rays=6, reach_m=1.2)
                ambient[near] *= free[:, None]
            drop = self.stage.light.direction() * (solid.high[2] / self.stage.light.direction()[2])
            shadow_low = np.minimum(solid.low, solid.low - drop)
            shadow_high = np.maximum(solid.high, solid.high - drop)
            near = self._samples_near(shadow_low, shadow_high)
            near = near[direct[near, 1] > 0]
            if len(near):
                direct[near[solid.tracer.blocked(self.points[near], self._sunward(near))]] = 0
        return np.asarray(ambient + direct, np.float32)

    def _samples_near(self, low: Array, high: Array) -> NDArray[np.int64]:
        """The samples whose point of the stage lies in the box from `low` to `high`."""
        corners = _box_corners_in_view(self.camera, low, high)
        if not len(corners):
            return np.zeros(0, np.int64)
        size = np.array([self.columns, self.rows])
        pixel = self.camera.project(corners)[0] * self.samples
        first = np.clip(pixel.min(axis=0), 0, size).astype(np.int64)
        last = np.clip(pixel.max(axis=0) + 1, 0, size).astype(np.int64)
        window = (slice(first[1], last[1]), slice(first[0], last[0]))
        inside = np.isfinite(self.depth.reshape(self.rows, self.columns)[window])
        for axis in range(3):
            # samples that cannot see the stage were ruled out by their depth
            along = self._axes[axis][window]
            inside &= (along >= low[axis]) & (along <= high[axis])
        row, column = np.nonzero(inside)
        return np.asarray((row + first[1]) * self.columns + column + first[0])

    def _shade(
        self, light: Array, fragment: _Fragment, seen: NDArray[np.bool_], solids: Sequence[Solid], own: int
    ) -> None:
        """Write the light of one solid where it is seen."""
        solid, sample = solids[own], fragment.sample[seen]
        bary = fragment.hits.bary[seen][:, :, None]
        face = solid.mesh.faces[fragment.hits.triangle[seen]]
        directions = fragment.directions[seen]
        points = self.position + directions * fragment.hits.distance[seen, None]
        normals = unit((solid.normals[face] * bary).sum(axis=1))
        normals = np.where((normals * directions).sum(axis=1, keepdims=True) > 0, -normals, normals)
        colour = solid.mesh.surface((solid.mesh.coords[face] * bary).sum(axis=1), normals)
        points = points + normals * (3 * OFFSET_M)
        sunward = self._sunward(sample)
        lit = np.maximum(normals @ self.stage.light.direction(), 0)
        for tracer in (self.stage.tracer, *(other.tracer for other in _in_the_way(solids, solid, self.stage.light))):
            bright = np.flatnonzero(lit > 0)
            lit[bright[tracer.blocked(points[bright], sunward[bright])]] = 0
        free = solid.tracer.openness(points, normals, keys=sample, rays=4, reach_m=0.4)
        open_sky = self.stage.openness_at((solid.low + solid.high) / 2)
        ambient = skylight(self.stage.light, normals, free * (0.25 + 0.75 * open_sky))
        light[sample] = colour * (ambient + lit[:, None] * np.array(self.stage.light.sun, np.float32))


def _box_corners_in_view(camera: Camera, low: Array, high: Array) -> NDArray[np.float64]:
    """The corners (N, 3) of what remains of a box after cutting off what lies behind the camera; none when all does."""
    corners = np.array(
        [[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])], float
    )
    depth = camera.project(corners)[1] - NEAR_M
    kept = [*corners[depth > 0]]
    for a in range(8):
        for bit in (1, 2, 4):
            b = a | bit
            if b != a and (depth[a] > 0) != (depth[b] > 0):
                kept.append(corners[a] + (corners[b] - corners[a]) * depth[a] / (depth[a] - depth[b]))
    return np.array(kept).reshape(-1, 3)


def _extent(column: NDArray[np.int64], row: NDArray[np.int64], samples: int) -> tuple[float, float, float, float]:
    """The box in pixels around samples (N,)."""
    x1, y1, x2, y2 = (float(v) / samples for v in (column.min(), row.min(), column.max() + 1, row.max() + 1))
    return x1, y1, x2, y2


def _touches(pixel: NDArray[np.float64], camera: Camera) -> bool:
    """Whether the bounding box of pixels (N, 2) has a part inside the picture."""
    low, high = pixel.min(axis=0), pixel.max(axis=0)
    return bool(high[0] > 0 and high[1] > 0 and low[0] < camera.width and low[1] < camera.height)


def _in_the_way(solids: Sequence[Solid], solid: Solid, light: Light) -> list[Solid]:
    """The solids whose shadow can fall on `solid`, itself included."""
    towards = light.direction() * 2.5 / light.direction()[2]
    low, high = np.minimum(solid.low, solid.low + towards), np.maximum(solid.high, solid.high + towards)
    return [other for other in solids if (other.low[:2] <= high[:2]).all() and (other.high[:2] >= low[:2]).all()]
