"""Pictures of meshes by ray casting (Embree): colour, depth and who is seen where.

The renderer knows nothing of people or scenarios. A `Stage` is what never moves; a `View` is the stage as one camera
sees it, lit once; `View.render` adds the meshes of a moment with their shadows. Every pixel is cast `samples` times
across and down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.camera import Camera
from reid_tools.footage.geometry import Array, Mesh, Shape, join, vertex_normals
from reid_tools.footage.tracing import Hits, Tracer, scattered

OFFSET_M = 0.003  # rays start this far off the surface they leave
NEAR_M = 0.3  # what is closer to a camera is not drawn
_AROUND = np.array([0.6, 0.6, 0.2], np.float32)  # how far a solid darkens what stands around it, in metres


@dataclass(frozen=True, slots=True)
class Light:
    """The sun and the sky, in linear colours; `sun_to` points towards the sun, `softness_rad` is its radius."""

    sun_to: tuple[float, float, float] = (0.45, -0.55, 0.75)
    sun: tuple[float, float, float] = (1.05, 0.98, 0.86)
    sky: tuple[float, float, float] = (0.40, 0.45, 0.53)
    bounce: tuple[float, float, float] = (0.16, 0.15, 0.14)
    softness_rad: float = 0.012

    def direction(self) -> Array:
        vector = np.array(self.sun_to, np.float32)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


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


class Solid:
    """A mesh of one moment, ready to be seen by several views; what a view does not need is not computed."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.low, self.high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)

    @cached_property
    def tracer(self) -> Tracer:
        return Tracer(Shape(self.mesh.vertices, self.mesh.faces))

    @cached_property
    def normals(self) -> Array:
        return vertex_normals(self.mesh.vertices, self.mesh.faces)


class Stage:
    """Everything that does not move, and the light on it."""

    def __init__(self, meshes: Sequence[Mesh], light: Light) -> None:
        self.light = light
        self.meshes = tuple(meshes)
        self.tracer = Tracer(join([Shape(mesh.vertices, mesh.faces) for mesh in meshes]))
        self.first_face = np.cumsum([0, *(len(mesh.faces) for mesh in meshes)])

    def openness_at(self, point: Array) -> float:
        """The share of the sky that can be seen from one point (3,)."""
        up = np.tile(np.array([[0, 0, 1]], np.float32), (48, 1))
        points = np.tile(point.astype(np.float32), (48, 1))
        return float(self.tracer.openness(points, up, keys=np.arange(48), rays=1, reach_m=60).mean())

    def albedo(self, hits: Hits, points: Array) -> tuple[Array, Array]:
        """Albedo (N, 3) and unit normals (N, 3) where rays met the stage at `points` (N, 3)."""
        normal = hits.normal / np.maximum(np.linalg.norm(hits.normal, axis=1, keepdims=True), 1e-12)
        colour = np.zeros_like(points)
        for mesh, start, end in zip(self.meshes, self.first_face[:-1], self.first_face[1:], strict=True):
            chosen = np.flatnonzero((hits.triangle >= start) & (hits.triangle < end))
            if not len(chosen):
                continue
            face = mesh.faces[hits.triangle[chosen] - start]
            bary = hits.bary[chosen][:, :, None]
            if mesh.smooth:
                normal[chosen] = _unit((vertex_normals(mesh.vertices, mesh.faces)[face] * bary).sum(axis=1))
            colour[chosen] = mesh.surface((mesh.coords[face] * bary).sum(axis=1), normal[chosen])
        return colour, normal.astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Fragment:
    """Where one solid was hit: flat sample indices of the picture (N,), and the hits (N,)."""

    sample: NDArray[np.int64]
    hits: Hits
    directions: Array


class View:
    """The stage seen by one camera."""

    def __init__(self, stage: Stage, camera: Camera, *, samples: int = 2) -> None:
        self.stage, self.camera, self.samples = stage, camera, samples
        self.columns, self.rows = camera.width * samples, camera.height * samples
        self.position = np.array(camera.position, np.float32)
        index = np.arange(self.rows * self.columns)
        directions = self._rays(index % self.columns, index // self.columns)
        hits = stage.tracer.cast(np.broadcast_to(self.position, directions.shape), directions)
        self.depth = np.where(hits.triangle >= 0, hits.distance, np.float32(np.inf))
        self._light_stage(hits, directions)

    def render(self, solids: Sequence[Solid]) -> Picture:
        """The picture with these solids in it."""
        fragments: list[_Fragment | None] = []
        sightings: list[tuple[tuple[float, float, float, float], float] | None] = []
        depth = self.depth.copy()
        owner = np.full(len(depth), -1, np.int32)
        for index, solid in enumerate(solids):
            fragment, outline = self._draw(solid)
            if fragment is not None:
                nearer = fragment.hits.distance < depth[fragment.sample]
                depth[fragment.sample[nearer]] = fragment.hits.distance[nearer]
                owner[fragment.sample[nearer]] = index
            fragments.append(fragment)
            sightings.append(outline)
        light = self._shaded_stage(solids)
        for index, fragment in enumerate(fragments):
            if fragment is not None:
                self._shade(light, fragment, owner[fragment.sample] == index, solids, index)
        visible = np.bincount(owner[owner >= 0], minlength=len(solids)) / self.samples**2
        shape = (self.camera.height, self.samples, self.camera.width, self.samples, 3)
        return Picture(
            # highlights are clipped before averaging, or bright edges stay jagged
            np.minimum(light, 1.5).reshape(shape).mean(axis=(1, 3)),
            tuple(s and Sighting(s[0], s[1], float(visible[i])) for i, s in enumerate(sightings)),
        )

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
        free = self.stage.tracer.openness(points, normals, keys=seen, rays=16, reach_m=25)
        shaded = np.zeros(len(points), np.float32)
        for ray in range(4):
            shaded += self.stage.tracer.blocked(points, self._sunward(seen * 4 + ray))
        facing = np.maximum(normals @ light.direction(), 0) * (1 - shaded / 4)
        self.points[seen], self.normals[seen] = points, normals
        self._axes = [np.ascontiguousarray(self.points[:, axis]).reshape(self.rows, self.columns) for axis in range(3)]
        self.ambient[seen] = colour * _ambient(light, normals, free)
        self.direct[seen] = colour * facing[:, None] * np.array(light.sun, np.float32)

    def _sunward(self, keys: NDArray[np.int64]) -> Array:
        return _unit(self.stage.light.direction() + self.stage.light.softness_rad * scattered(keys))

    def _draw(self, solid: Solid) -> tuple[_Fragment | None, tuple[tuple[float, float, float, float], float] | None]:
        """Where the solid is hit inside the picture, and the box and area of its whole silhouette."""
        corners = _box_corners_in_view(self.camera, solid.low, solid.high)
        if not len(corners) or not _touches(self.camera.project(corners)[0], self.camera):
            return None, None
        pixel, depth = self.camera.project(solid.mesh.vertices)
        if depth.min() < NEAR_M:
            return None, None
        low = np.floor(pixel.min(axis=0) * self.samples).astype(np.int64) - 1
        high = np.ceil(pixel.max(axis=0) * self.samples).astype(np.int64) + 1
        if high[0] <= 0 or high[1] <= 0 or low[0] >= self.columns or low[1] >= self.rows:
            return None, None
        column, row = (grid.ravel() for grid in np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1])))
        directions = self._rays(column, row)
        hits = solid.tracer.cast(np.broadcast_to(self.position, directions.shape), directions)
        hit = hits.triangle >= 0
        if not hit.any():
            return None, None
        c, r = column[hit], row[hit]
        scale = 1 / self.samples
        xyxy = (c.min() * scale, r.min() * scale, (c.max() + 1) * scale, (r.max() + 1) * scale)
        outline = (tuple(float(v) for v in xyxy), float(hit.sum()) * scale**2)
        inside = hit & (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        kept = Hits(hits.triangle[inside], hits.distance[inside], hits.bary[inside], hits.normal[inside])
        sample = row[inside] * self.columns + column[inside]
        return _Fragment(sample, kept, directions[inside]), outline  # type: ignore[return-value]

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
        if not len(sample):
            return
        bary = fragment.hits.bary[seen][:, :, None]
        face = solid.mesh.faces[fragment.hits.triangle[seen]]
        directions = fragment.directions[seen]
        points = self.position + directions * fragment.hits.distance[seen, None]
        normals = _unit((solid.normals[face] * bary).sum(axis=1))
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
        ambient = _ambient(self.stage.light, normals, free * (0.25 + 0.75 * open_sky))
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


def _touches(pixel: NDArray[np.float64], camera: Camera) -> bool:
    """Whether the bounding box of pixels (N, 2) has a part inside the picture."""
    low, high = pixel.min(axis=0), pixel.max(axis=0)
    return bool(high[0] > 0 and high[1] > 0 and low[0] < camera.width and low[1] < camera.height)


def _in_the_way(solids: Sequence[Solid], solid: Solid, light: Light) -> list[Solid]:
    """The solids whose shadow can fall on `solid`, itself included."""
    towards = light.direction() * 2.5 / light.direction()[2]
    low, high = np.minimum(solid.low, solid.low + towards), np.maximum(solid.high, solid.high + towards)
    return [other for other in solids if (other.low[:2] <= high[:2]).all() and (other.high[:2] >= low[:2]).all()]


def _ambient(light: Light, normals: Array, free: Array) -> Array:
    """Light (N, 3) of sky and surroundings on surfaces with these normals, `free` (N,) of whose half-space is open."""
    up = (0.5 + 0.5 * normals[:, 2:]) * free[:, None]
    return np.asarray(
        up * np.array(light.sky, np.float32) + (1 - 0.6 * up) * np.array(light.bounce, np.float32), np.float32
    )


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
