"""What is rendered: the things that never move and the light on them, and the meshes of one moment."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reid_tools.footage.geometry import Array, Mesh, Shape, join, vertex_normals
from reid_tools.footage.tracing import Hits, Tracer


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

    def under(self, light: Light) -> Stage:
        """The same things in another light."""
        other = copy.copy(self)
        other.light = light
        return other

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
                normal[chosen] = unit((vertex_normals(mesh.vertices, mesh.faces)[face] * bary).sum(axis=1))
            colour[chosen] = mesh.surface((mesh.coords[face] * bary).sum(axis=1), normal[chosen])
        return colour, normal.astype(np.float32)


def skylight(light: Light, normals: Array, free: Array) -> Array:
    """Light (N, 3) of sky and surroundings on surfaces with these normals, `free` (N,) of whose half-space is open."""
    up = (0.5 + 0.5 * normals[:, 2:]) * free[:, None]
    return np.asarray(
        up * np.array(light.sky, np.float32) + (1 - 0.6 * up) * np.array(light.bounce, np.float32), np.float32
    )


def unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
